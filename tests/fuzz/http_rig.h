/* What the fuzz targets of the admin API share: the real server and the real calls on a Unix socket
   and a loopback port, with an agent behind them that has no streams; a peer of it; and what every
   answer must be like. */
#ifndef TESTS_FUZZ_HTTP_RIG_H
#define TESTS_FUZZ_HTTP_RIG_H

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "config/config.h"
#include "kafka/library.h"
#include "mirror/plan.h"
#include "mirror/topics.h"
#include "script/json.h"
#include "service/agent_state.h"
#include "service/http_state.h"
#include "service/loop.h"
#include "service/scout_message.h"
#include "service/scout_state.h"

/* Turns of the loop in which nothing comes: the peer has read what there is. */
#define QUIET_TURNS 3
/* What a server may need to end what its peer has left. */
#define DEADLINE_MS 60000

struct rig {
	struct agent agent;
	struct config *config;
	struct scout scout; /* its orders only: what it would answer is made up */
	struct topics *filter;
	struct plan_rules *rules;
	const struct plan *plan;
	struct meters *meters;
	char folder[64];
	struct sockaddr_un local;
	struct sockaddr_in port;
	struct text answers; /* of the connection at hand */
};

static void
require(bool holds, const char *what, const struct text *seen)
{
	if (holds)
		return;
	fprintf(stderr, "%s:\n%.*s\n", what, seen ? (int)seen->length : 0, seen ? seen->s : "");
	abort();
}

static void
on_fatal(const char *reason)
{
	fprintf(stderr, "%s\n", reason);
	abort();
}

static void
rig_configure(struct rig *r)
{
	char *listen = mem_printf("unix:%s/s,127.0.0.1:0", r->folder);
	char *pauses = mem_printf("%s/pauses", r->folder);
	char *argv[] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", ".*", "--script.file",
		"/nowhere/s.lua", "--admin.listen", listen, "--admin.state.file", pauses};
	struct problems problems = {0};

	r->config = config_load(
		sizeof(argv) / sizeof(argv[0]), argv, library_knows_property, &problems);
	problems_print(&problems, stderr);
	require(r->config != NULL, "there is no configuration", NULL);
	problems_fini(&problems);
	free(listen);
	free(pauses);
}

/* Two topics, of which one partition flows and one is paused. */
static void
rig_plan(struct rig *r)
{
	/* By name, as lists of topics are. */
	static const struct plan_partitions topics[] = {
		{.name = "__consumer_offsets", .partitions = 1}, {.name = "t", .partitions = 2}};
	struct plan_input input = {.config = r->config, .sources = topics, .source_count = 2};
	struct counters sum = {0};
	struct err err;

	input.filter = r->filter = topics_new(".*", false, true, &err);
	r->rules = plan_rules_new(r->config, &err);
	r->plan = plan_make(r->rules, &input, &err);
	require(r->plan && plan_mirrors(r->plan, "t"), "there is no plan with t", NULL);
	r->meters = meters_new(0);
	meters_get(r->meters, "t", 0)->state = METER_FLOWING;
	meters_get(r->meters, "t", 1)->state = METER_PAUSED;
	survey_take(r->agent.survey, (const struct meters *const *)&r->meters, 1, &sum, clock_ms(),
		clock_wall_ms());
}

/* Where peers connect to. */
static void
rig_addresses(struct rig *r)
{
	const char *address = http_address(r->agent.admin.http);

	r->local = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(r->local.sun_path, sizeof(r->local.sun_path), "%s/s", r->folder);
	r->port = (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1))};
}

/* Starts the server. */
static void
rig_init(struct rig *r)
{
	struct agent *a = &r->agent;
	struct err err = {""};

	strcpy(r->folder, "/tmp/reflejo-fuzz-XXXXXX");
	require(mkdtemp(r->folder) != NULL, "there is no folder", NULL);
	loop_prepare(on_fatal);
	if (log_open("/dev/null", &err) < 0)
		on_fatal(err.text);
	rig_configure(r);
	r->scout.orders = mailbox_new();
	*a = (struct agent){.config = r->config, .scout = &r->scout};
	a->base = event_base_new();
	a->events = events_start(a->base);
	a->survey = survey_new();
	a->world = script_world_new();
	a->source.reachable = a->target.reachable = -1;
	if (admin_api_start(a, &err) < 0)
		on_fatal(err.text);
	rig_addresses(r);
	rig_plan(r);
}

static void
rig_fini(struct rig *r)
{
	struct agent *a = &r->agent;
	char *command = mem_printf("rm -rf %s", r->folder);

	events_stop(&a->events);
	admin_api_stop(a);
	event_base_free(a->base);
	survey_free(&a->survey);
	script_world_free(&a->world);
	free(a->generations.last_reason);
	plan_release(&r->plan);
	plan_rules_free(&r->rules);
	topics_free(&r->filter);
	meters_free(&r->meters);
	mailbox_free(&r->scout.orders);
	config_free(&r->config);
	text_fini(&r->answers);
	log_open(NULL, NULL);
	if (system(command))
		abort();
	free(command);
}

/* An agent as at its start, or one that mirrors (with no stream, though). */
static void
rig_begin(struct rig *r, bool is_mirroring)
{
	static struct worker *none[1];
	struct agent *a = &r->agent;
	struct err err;
	char *pauses = mem_printf("%s/pauses", r->folder);

	unlink(pauses);
	free(pauses);
	a->brakes = brakes_new(r->config, &err);
	a->workers = is_mirroring ? none : NULL;
	a->routes = is_mirroring ? r->plan : NULL;
	a->is_stopping = false;
	a->why_stopped[0] = '\0';
	r->answers.length = 0;
	log_set_level(LOG_LEVEL_INFO);
}

static void
rig_end(struct rig *r)
{
	brakes_free(&r->agent.brakes);
	r->agent.reload.is_wanted = false;
}

/* Connects a peer that does not block. */
static int
rig_connect(struct rig *r, bool is_tcp)
{
	/* What was read to its end leaves no connection behind in the kernel. */
	const struct linger at_once = {1, 0};
	int fd = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = is_tcp ? connect(fd, (struct sockaddr *)&r->port, sizeof(r->port))
			: connect(fd, (struct sockaddr *)&r->local, sizeof(r->local));

	if (rc < 0)
		on_fatal(strerror(errno));
	if (is_tcp)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	return fd;
}

/* Lets the server work and the peer read until nothing more comes. false: the server has closed. */
static bool
rig_turn(struct rig *r, int fd)
{
	char bytes[16384];

	for (int quiet = 0; quiet < QUIET_TURNS;) {
		ssize_t n;

		event_base_loop(r->agent.base, EVLOOP_NONBLOCK);
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		quiet = n > 0 ? 0 : quiet + 1;
		if (n > 0)
			text_add(&r->answers, bytes, (size_t)n);
	}
	return true;
}

/* Sends bytes in pieces of some size, the server reading between them; false: it has closed. */
static bool
rig_send(struct rig *r, int fd, const void *data, size_t size, size_t piece)
{
	const char *bytes = data;

	while (size > 0) {
		size_t wanted = size < piece ? size : piece;
		ssize_t n = send(fd, bytes, wanted, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
		if (!rig_turn(r, fd))
			return false;
	}
	return rig_turn(r, fd);
}

/* What the other threads would tell the agent by and by: a script that was refused, none to go back
   to, a record that was mirrored, a line of the log. */
static void
rig_happen(struct rig *r)
{
	struct agent *a = &r->agent;
	struct message *m = mailbox_take(r->scout.orders), *next;

	for (; m; m = next) {
		next = m->next;
		free(m);
	}
	if (a->reload.is_rolling_back) {
		struct scout_message *answer = scout_message_new(SCOUT_ROLLED_BACK, 0);

		reload_on_rolled_back(a, answer);
		scout_message_free(answer);
	}
	while (a->reload.step == RELOAD_TRYING) {
		struct scout_message *answer = scout_message_new(SCOUT_TRIED, 0);

		answer->reason = mem_strdup("s.lua:1: it is \"refused\"");
		reload_on_tried(a, answer);
	}
	admin_api_on_sampled(a, "t", "{\"topic\":\"t\"}");
	LOG(EVENT_log_reopened, F_STR("signal", "none"));
}

/* The peer goes; the server must give back all that it had for it. */
static void
rig_close(struct rig *r, int fd)
{
	struct http *http = r->agent.admin.http;
	int64_t until = clock_ms() + DEADLINE_MS;

	close(fd);
	while (http_connections_count(http) > 0) {
		require(clock_ms() < until, "a connection stays without its peer", &r->answers);
		/* Those that follow something are missed when they are told of it. */
		rig_happen(r);
		event_base_loop(r->agent.base, EVLOOP_NONBLOCK);
		http_connections_sweep(http);
	}
	require(!r->agent.admin.taps && !r->agent.admin.waiters,
		"somebody who is gone is waited for", &r->answers);
}

/* --- answers --- */

/* One answer of the server, within r->answers. */
struct answer {
	int status;
	bool is_json, is_lines, is_chunked;
	const char *body;
	size_t size;
};

/* Valid JSON, of characters that steer no terminal. */
static void
check_json(const char *text, size_t size, const struct text *all)
{
	const char *end = text + size, *p = json_blanks(text, end);

	p = json_value(p, end);
	require(p && json_blanks(p, end) == end, "an answer is no JSON", all);
	for (size_t n; size > 0; text += n, size -= n) {
		n = utf8_length(text, size);
		require(n > 0 && *text != 0x7f &&
				!((unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0),
			"an answer has other bytes than characters", all);
	}
}

static void
check_lines(const char *text, size_t size, const struct text *all)
{
	const char *end = text + size, *line_end;

	for (; text < end; text = line_end + 1) {
		line_end = memchr(text, '\n', (size_t)(end - text));
		require(line_end != NULL, "a stream's line does not end", all);
		check_json(text, (size_t)(line_end - text), all);
	}
}

/* A header line of an answer: one of those that the server has. */
static void
take_header(const char *line, size_t size, struct answer *ret, size_t *ret_length,
	const struct text *all)
{
	static const char *const names[] = {"Content-Length", "Content-Type", "Cache-Control",
		"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Date",
		"Connection", "Transfer-Encoding", "Allow", "WWW-Authenticate"};
	const char *colon = memchr(line, ':', size);
	size_t length = colon ? (size_t)(colon - line) : 0, i = 0;
	char value[64] = "";

	require(colon && size > length + 2, "a header line has no value", all);
	snprintf(value, sizeof(value), "%.*s", (int)(size - length - 2), colon + 2);
	while (i < sizeof(names) / sizeof(*names) &&
		(strlen(names[i]) != length || strncasecmp(names[i], line, length) != 0))
		i++;
	require(i < sizeof(names) / sizeof(*names), "an answer has a header that nobody gave", all);
	if (i == 0)
		*ret_length = (size_t)strtoul(value, NULL, 10);
	if (i == 1) {
		ret->is_json = !strcmp(value, "application/json");
		ret->is_lines = !strcmp(value, "application/x-ndjson");
	}
	if (i == 8)
		ret->is_chunked = true;
}

/* The body of a stream so far, its chunks put together; *p moves behind it. @gives a text */
static char *
take_chunks(const char **p, const char *end, size_t *ret_size, const struct text *all)
{
	struct text body = {0};

	for (;;) {
		char *after;
		size_t size = strtoul(*p, &after, 16);

		if (*p == end)
			break;
		require(after + 2 <= end && !memcmp(after, "\r\n", 2) &&
				size + 4 <= (size_t)(end - after),
			"a chunk is not whole", all);
		text_add(&body, after + 2, size);
		*p = after + 2 + size + 2;
		if (size == 0)
			break;
	}
	*ret_size = body.length;
	return text_take(&body);
}

/* Reads the next answer and checks it. @gives its body */
static char *
next_answer(const char **p, const char *end, struct answer *ret, const struct text *all)
{
	const char *line_end = memmem(*p, (size_t)(end - *p), "\r\n", 2);
	size_t length = 0;
	char *body;

	*ret = (struct answer){0};
	require(line_end && sscanf(*p, "HTTP/%*d.%*d %3d ", &ret->status) == 1, "this is no answer",
		all);
	for (*p = line_end + 2;; *p = line_end + 2) {
		line_end = memmem(*p, (size_t)(end - *p), "\r\n", 2);
		require(line_end != NULL, "an answer's head does not end", all);
		if (line_end == *p)
			break;
		take_header(*p, (size_t)(line_end - *p), ret, &length, all);
	}
	*p += 2;
	require(ret->status < 400 || ret->is_json, "an error is told in another form", all);
	if (ret->is_chunked)
		return take_chunks(p, end, &ret->size, all);
	/* To HEAD there is no body; a stream to HTTP/1.0 is the rest. */
	if (*p == end || !strncmp(*p, "HTTP/", 5))
		length = 0;
	else if (length == 0 && ret->is_lines)
		length = (size_t)(end - *p);
	require(length <= (size_t)(end - *p), "an answer is not whole", all);
	body = mem_alloc(length + 1);
	memcpy(body, *p, length);
	body[length] = '\0';
	*p += length;
	ret->size = length;
	return body;
}

/* Checks all answers; returns how many there are, and the last one's status. */
static size_t
rig_check(struct rig *r, int *ret_status)
{
	const char *p = r->answers.s ? r->answers.s : "", *end = p + r->answers.length;
	size_t count = 0;

	while (p < end) {
		struct answer answer;
		char *body = next_answer(&p, end, &answer, &r->answers);

		if (answer.is_json && answer.size > 0)
			check_json(body, answer.size, &r->answers);
		if (answer.is_lines)
			check_lines(body, answer.size, &r->answers);
		free(body);
		*ret_status = answer.status;
		count++;
	}
	return count;
}

#endif
