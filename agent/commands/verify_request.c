/* What reflejo verify is asked for. */
#include "commands/verify_request.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/instant.h"
#include "base/mem.h"
#include "base/parse.h"

#define MEMORY_DEFAULT (256 * 1024 * 1024)
#define FINDINGS_DEFAULT 20

/* A hundred years. */
#define AGO_MOST 3155760000000

/* An instant, or a day, which stands for its beginning. */
static bool
read_calendar(const char *text, int64_t *ret)
{
	char *beginning = mem_printf("%sT00:00:00Z", text);
	bool is_one =
		instant_parse(text, ret, NULL) == 0 || instant_parse(beginning, ret, NULL) == 0;

	free(beginning);
	return is_one;
}

int
verify_request_instant(const char *text, int64_t now_ms, int64_t *ret, struct err *err)
{
	int64_t ago;

	if (read_calendar(text, ret))
		return 0;
	if (parse_duration(text, 1000, 0, AGO_MOST, &ago, NULL) < 0)
		return err_set(err,
			"'%s' is no instant: write 2026-01-31T00:00:00Z, a day, or how long ago, "
			"as 6h",
			text);
	*ret = now_ms - ago;
	return 0;
}

/* --to: an instant, or one of two words. */
static int
read_to(struct verify_request *r, const char *text, struct err *err)
{
	if (!strcmp(text, "committed"))
		return 0;
	r->options.until = VERIFY_END;
	if (!strcmp(text, "end"))
		return 0;
	r->options.until = VERIFY_COMMITTED;
	return verify_request_instant(text, clock_wall_ms(), &r->options.to_ms, err);
}

static int
read_from(struct verify_request *r, const char *text, struct err *err)
{
	return verify_request_instant(text, clock_wall_ms(), &r->options.from_ms, err);
}

static int
read_findings(struct verify_request *r, const char *text, struct err *err)
{
	int64_t limit;

	if (parse_int(text, 1, 1000000, &limit, err) < 0)
		return -1;
	r->options.audit.limit = (size_t)limit;
	return 0;
}

static int
read_memory(struct verify_request *r, const char *text, struct err *err)
{
	return parse_size(text, 4 * 1024 * 1024, INT64_C(1) << 40, &r->options.audit.memory, err);
}

static const struct {
	const char *name;
	int (*read)(struct verify_request *r, const char *text, struct err *err);
} values[] = {
	{"--from", read_from},
	{"--to", read_to},
	{"--findings", read_findings},
	{"--memory", read_memory},
};

enum { VALUES = sizeof(values) / sizeof(values[0]) };

/* A flag with a value: how many arguments it takes, 0: it is none of them, -1 on error. */
static int
read_value(struct verify_request *r, int argc, char **argv, struct err *err)
{
	for (int i = 0; i < VALUES; i++) {
		size_t n = strlen(values[i].name);
		const char *value = NULL;

		if (strncmp(argv[0], values[i].name, n) != 0)
			continue;
		if (argv[0][n] == '=')
			value = argv[0] + n + 1;
		else if (argv[0][n])
			continue;
		else if (argc > 1)
			value = argv[1];
		if (!value || !*value)
			return err_set(err, "%s needs a value", values[i].name);
		if (values[i].read(r, value, err) < 0)
			return err_prefix(err, "%s: ", values[i].name);
		return argv[0][n] == '=' ? 1 : 2;
	}
	return 0;
}

/* A flag without a value. */
static bool
read_switch(struct verify_request *r, const char *text)
{
	struct audit_options *audit = &r->options.audit;
	const struct {
		const char *name;
		bool *field;
	} switches[] = {
		{"--json", &r->is_json},
		{"--allow-duplicates", &audit->tolerates[FINDING_DUPLICATED]},
		{"--allow-unexpected", &audit->tolerates[FINDING_UNEXPECTED]},
		{"--ignore-timestamps", &audit->ignores_timestamps},
		{"--ignore-partitions", &audit->ignores_partitions},
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (strcmp(text, switches[i].name) != 0)
			continue;
		*switches[i].field = true;
		return true;
	}
	return false;
}

int
verify_request_read(int argc, char **argv, struct verify_request *r, struct err *err)
{
	int taken;

	*r = (struct verify_request){.options = {.from_ms = VERIFY_ALWAYS, .to_ms = VERIFY_ALWAYS}};
	r->options.audit.memory = MEMORY_DEFAULT;
	r->options.audit.limit = FINDINGS_DEFAULT;
	r->options.audit.tolerates[FINDING_COMPACTED] = true;
	r->flags = mem_zero((size_t)argc + 1, sizeof(*r->flags));
	for (int i = 0; i < argc; i += taken) {
		taken = read_value(r, argc - i, argv + i, err);
		if (taken < 0)
			return -1;
		if (taken > 0)
			continue;
		taken = 1;
		if (!read_switch(r, argv[i]))
			r->flags[r->flag_count++] = argv[i];
	}
	/* Nothing is in there, and nothing is the same as nothing. */
	if (r->options.from_ms != VERIFY_ALWAYS && r->options.to_ms != VERIFY_ALWAYS &&
		r->options.from_ms >= r->options.to_ms)
		return err_set(err, "--from must be before --to: there are no records in between");
	return 0;
}
