/* reflejo ctl: the commands that ask for one thing. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "commands/ctl.h"

/* Adds "name":"text" to an object that is being written. */
static void
add_text(struct text *body, const char *name, const char *text)
{
	text_putc(body, body->length ? ',' : '{');
	json_put_field(body, name, text, "");
}

/* No topic's name holds a colon. */
int
ctl_add_place(struct text *body, const char *place)
{
	const char *colon = strchr(place, ':');
	char *topic = mem_strndup(place, colon ? (size_t)(colon - place) : strlen(place));
	int64_t partition = 0;
	struct err err;
	int rc = 0;

	add_text(body, "topic", topic);
	free(topic);
	if (colon)
		rc = parse_int(colon + 1, 0, INT32_MAX, &partition, &err);
	if (rc < 0)
		return fprintf(stderr, "reflejo: the partition of %s: %s\n", place, err.text), -1;
	if (colon)
		text_printf(body, ",\"partition\":%d", (int)partition);
	return 0;
}

int
ctl_read_place(const struct ctl *ctl, int argc, char **argv, const char *flag, bool *ret_flag,
	struct text *body)
{
	const char *place = NULL;

	*ret_flag = false;
	for (int i = 0; i < argc; i++) {
		if (flag && !strcmp(argv[i], flag))
			*ret_flag = true;
		else if (!place && argv[i][0] != '-')
			place = argv[i];
		else
			return ctl_usage(ctl);
	}
	if (!place || ctl_add_place(body, place) == 0)
		return CTL_DONE;
	text_fini(body);
	return CTL_REFUSED;
}

static int
set_pause(const struct ctl *ctl, const char *path, bool may_keep, int argc, char **argv)
{
	struct text body = {0};
	bool keep;
	int status = ctl_read_place(ctl, argc, argv, may_keep ? "--keep" : NULL, &keep, &body);

	if (status != CTL_DONE)
		return status;
	if (keep)
		text_puts(&body, body.length ? ",\"keep\":true" : "{\"keep\":true");
	text_puts(&body, body.length ? "}" : "{}");
	return ctl_do(ctl, path, &body, CTL_SOON);
}

int
ctl_pause(const struct ctl *ctl, int argc, char **argv)
{
	return set_pause(ctl, "/pause", true, argc, argv);
}

int
ctl_resume(const struct ctl *ctl, int argc, char **argv)
{
	return set_pause(ctl, "/resume", false, argc, argv);
}

int
ctl_limit(const struct ctl *ctl, int argc, char **argv)
{
	struct text body = {0};

	if (argc < 1 || argc > 2 || argv[0][0] == '-')
		return ctl_usage(ctl);
	add_text(&body, "limit", argv[0]);
	if (argc == 2)
		add_text(&body, "topic", argv[1]);
	text_putc(&body, '}');
	return ctl_do(ctl, "/limit", &body, CTL_SOON);
}

int
ctl_reload(const struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	return argc ? ctl_usage(ctl) : ctl_do(ctl, "/reload", NULL, CTL_FOREVER);
}

int
ctl_rollback(const struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	return argc ? ctl_usage(ctl) : ctl_do(ctl, "/rollback", NULL, CTL_FOREVER);
}

int
ctl_stop(const struct ctl *ctl, int argc, char **argv)
{
	(void)argv;
	return argc ? ctl_usage(ctl) : ctl_do(ctl, "/stop", NULL, CTL_SOON);
}

int
ctl_log_level(const struct ctl *ctl, int argc, char **argv)
{
	struct text body = {0};

	if (argc != 1)
		return ctl_usage(ctl);
	add_text(&body, "level", argv[0]);
	text_putc(&body, '}');
	return ctl_do(ctl, "/log-level", &body, CTL_SOON);
}

static void
print_line(const char *line, void *arg)
{
	(void)arg;
	puts(line);
}

int
ctl_tap(const struct ctl *ctl, int argc, char **argv)
{
	struct text body = {0};
	const char *topic = NULL;
	int64_t count = 10;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--count") && i + 1 < argc) {
			if (parse_int(argv[++i], 1, 100000, &count, NULL) < 0)
				return ctl_usage(ctl);
		} else if (!topic && argv[i][0] != '-') {
			topic = argv[i];
		} else {
			return ctl_usage(ctl);
		}
	}
	if (!topic)
		return ctl_usage(ctl);
	add_text(&body, "topic", topic);
	text_printf(&body, ",\"count\":%d}", (int)count);
	return ctl_stream(ctl, "POST", "/tap", &body, print_line, NULL);
}

/* Which events are shown, and how. */
struct events_view {
	int level;
	bool json;
};

static void
print_field(const cJSON *field)
{
	char *text = cJSON_IsString(field) ? NULL : cJSON_PrintUnformatted(field);

	printf(" %s=", field->string);
	if (text)
		ctl_print(stdout, text);
	else if (strpbrk(field->valuestring, " \"="))
		printf("\""), ctl_print(stdout, field->valuestring), printf("\"");
	else
		ctl_print(stdout, field->valuestring);
	free(text);
}

/* time level event key=value ..., as the log has it */
static void
print_event(const char *line, void *arg)
{
	const struct events_view *view = arg;
	cJSON *event = cJSON_Parse(line);
	const cJSON *level = cJSON_GetObjectItemCaseSensitive(event, "level"), *field;
	int n = 0;

	if (cJSON_IsString(level) && log_level_parse(level->valuestring) < view->level) {
		cJSON_Delete(event);
		return;
	}
	if (view->json || !cJSON_IsObject(event)) {
		puts(line);
	} else {
		cJSON_ArrayForEach(field, event)
		{
			if (n++ >= 3)
				print_field(field);
			else
				printf("%s", n > 1 ? " " : ""),
					ctl_print(stdout,
						field->valuestring ? field->valuestring : "-");
		}
		putchar('\n');
	}
	cJSON_Delete(event);
}

int
ctl_events(const struct ctl *ctl, int argc, char **argv)
{
	struct events_view view = {0};
	int64_t last = 20;
	bool follow = true;
	char *path;
	int status;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			view.json = true;
		else if (!strcmp(argv[i], "--no-follow"))
			follow = false;
		else if (i + 1 < argc && !strcmp(argv[i], "--level") &&
			 (view.level = log_level_parse(argv[i + 1])) >= 0)
			i++;
		else if (i + 1 < argc && !strcmp(argv[i], "--last") &&
			 parse_int(argv[i + 1], 0, 500, &last, NULL) == 0)
			i++;
		else
			return ctl_usage(ctl);
	}
	path = mem_printf("/events?last=%d&follow=%s", (int)last, follow ? "true" : "false");
	status = ctl_stream(ctl, "GET", path, NULL, print_event, &view);
	free(path);
	return status;
}

static void
print_reasons(const char *body, FILE *out)
{
	cJSON *document = cJSON_Parse(body);
	const cJSON *reason;

	cJSON_ArrayForEach(reason, cJSON_GetObjectItemCaseSensitive(document, "reasons"))
	{
		if (!cJSON_IsString(reason))
			continue;
		ctl_print(out, reason->valuestring);
		fputc('\n', out);
	}
	cJSON_Delete(document);
}

int
ctl_ready(const struct ctl *ctl, int argc, char **argv)
{
	struct client_answer answer;
	struct err err;
	int status = CTL_DONE;

	(void)argv;
	if (argc)
		return ctl_usage(ctl);
	if (ctl_ask(ctl, "GET", "/readyz", NULL, CTL_SOON, &answer, &err) < 0)
		return ctl_unreached(&err);
	if (answer.status == 200) {
		printf("ready\n");
	} else if (answer.status == 503) {
		fprintf(stderr, "not ready\n");
		print_reasons(answer.body.s, stderr);
		status = CTL_REFUSED;
	} else {
		status = ctl_refused(&answer);
	}
	text_fini(&answer.body);
	return status;
}
