/* Any bytes as the JSON bodies of the admin API's changing calls, one after another over one
   connection: each has one answer, and what it says was done was done. An input is a list of calls
   with NULs between them, of each the first byte says which one it is and the rest is its body. */
#include "tests/fuzz/http_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
#define CALL(name, method, path, changes) changes ? path : NULL,
#include "service/calls.def"
#undef CALL
};

enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

static struct rig rig;

static void
end(void)
{
	rig_fini(&rig);
}

/* Sends a call; false: the server has closed. */
static bool
send_call(int fd, const char *path, const char *body, size_t size)
{
	struct text request = {0};
	bool is_open;

	text_printf(&request,
		"POST %s HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: "
		"%zu\r\n\r\n",
		path, size);
	text_add(&request, body, size);
	is_open = rig_send(&rig, fd, request.s, request.length, SIZE_MAX);
	text_fini(&request);
	return is_open;
}

/* What a call that was taken must have left. */
static void
check_done(const char *path, const char *body, size_t size)
{
	const struct pauses *pauses = brakes_pauses(rig.agent.brakes);
	char *text = mem_strndup(body, size);
	cJSON *json = cJSON_Parse(size ? text : "{}");
	const cJSON *topic = cJSON_GetObjectItemCaseSensitive(json, "topic");
	const cJSON *level = cJSON_GetObjectItemCaseSensitive(json, "level");

	require(cJSON_IsObject(json), "what is no object was taken", &rig.answers);
	if (!strcmp(path, "/pause"))
		require(pauses->count > 0, "nothing is paused", &rig.answers);
	if (!strcmp(path, "/resume") && !topic)
		require(pauses->count == 0, "something is paused", &rig.answers);
	if (!strcmp(path, "/stop"))
		require(rig.agent.is_stopping, "the agent does not stop", &rig.answers);
	if (!strcmp(path, "/log-level"))
		require(!strcmp(log_level_name(log_get_level()), level->valuestring),
			"the level is another", &rig.answers);
	if (!strcmp(path, "/tap"))
		require(rig.agent.admin.taps != NULL, "nothing is tapped", &rig.answers);
	cJSON_Delete(json);
	free(text);
}

/* One call on the connection; false: no other one can follow. */
static bool
call(int fd, const char *path, const char *body, size_t size)
{
	bool is_open = send_call(fd, path, body, size);
	int status = 0;

	rig_check(&rig, &status);
	if (status == 200)
		check_done(path, body, size);
	rig_happen(&rig);
	if (is_open)
		is_open = rig_turn(&rig, fd);
	require(rig_check(&rig, &status) == 1, "there is not one answer", &rig.answers);
	require(status == 200 || status == 400 || status == 409, "an answer of another kind",
		&rig.answers);
	rig.answers.length = 0;
	return is_open && !rig.agent.admin.taps;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *last = at + size;
	bool is_open = true;
	int fd;

	if (!rig.config) {
		rig_init(&rig);
		atexit(end);
	}
	rig_begin(&rig, true);
	fd = rig_connect(&rig, false);
	while (at < last && is_open) {
		const char *nul = memchr(at, 0, (size_t)(last - at));
		const char *path = paths[(unsigned char)*at % PATHS];

		nul = nul ? nul : last;
		if (path && nul > at)
			is_open = call(fd, path, at + 1, (size_t)(nul - at - 1));
		at = nul + 1;
	}
	rig_close(&rig, fd);
	rig_end(&rig);
	return 0;
}
