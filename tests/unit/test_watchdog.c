/* The watchdog: scripts that take too long in interpreted and in compiled code, and what is noted
 * about them. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "script/watchdog.h"
#include "tests/unit/script_rig.h"

static const struct rig_record records[] = {
	{"a", "1", 1, 1, NULL, 0, 500, 1000, 1},
	{"b", "2", 1, 1, NULL, 0, 501, 1000, 1},
	{"c", "3", 1, 1, NULL, 0, 502, 1000, 1},
	{"d", "4", 1, 1, NULL, 0, 503, 1000, 1},
};

/* Where the fatal callback of a child writes what it was told. */
static int told[2];

static void
on_fatal(const char *where, void *arg)
{
	(void)arg;
	if (write(told[1], where, strlen(where)) < 0)
		_exit(1);
	_exit(255);
}

static void
fail_on_fatal(const char *where, void *arg)
{
	(void)arg;
	printf("# fatal: %s\n", where);
	CHECK(!"the watchdog must not give up");
}

static bool
load(struct rig *rig, const char *jit, const char *text)
{
	rig_set(rig, "jit", jit);
	if (rig_load(rig, text))
		return true;
	printf("# %s\n", rig->err.text);
	return false;
}

TEST(an_endless_record_fails_alone_when_interpreted)
{
	static const char *const bodies[] = {
		"while true do end",
		/* No pcall keeps the time limit. */
		"while true do pcall(function() while true do end end) end",
		"while true do pcall(error) end",
		"local function f() return f() end f()",
		"local t = setmetatable({}, { __index = function(t, k) return t[k + 1] and 1 end "
		"})\n"
		"while true do local ok = pcall(function() return t[1] end) end",
	};
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "time.limit.ms", "60");
	rig_set(&rig, "on.error", "drop");
	CHECK_INT(watchdog_start(NULL, 1, fail_on_fatal, NULL, &rig.err), 0);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		char *text = mem_printf("return { api = 1, record = function(r) r.key = 'x'\n"
					"if r.offset == 501 then\n%s\nend end }",
			bodies[i]);

		if (!CHECK(load(&rig, "off", text)))
			continue;
		for (int run = 0; run < 2; run++) {
			rig_run(&rig, records, 4);
			CHECK_INT(rig.batch->_done, 4);
			CHECK_STR(rig_outcome(&rig, 0), "keep key='x'");
			if (!CHECK(strstr(rig_outcome(&rig, 1), "script.time.limit.ms")) ||
				!CHECK(strstr(rig_outcome(&rig, 1), "failed(s.lua:")))
				printf("# %s\n# %s\n", bodies[i], rig_outcome(&rig, 1));
			CHECK_STR(rig_outcome(&rig, 2), "keep key='x'");
			CHECK_STR(rig_outcome(&rig, 3), "keep key='x'");
		}
		free(text);
	}
	watchdog_stop();
	rig_fini(&rig);
}

TEST(all_other_hooks_are_watched)
{
	const struct script_topic topic = {"orders", 6, false};
	struct script_route route;
	struct rig rig;
	int32_t number;
	char *saved;

	rig_init(&rig);
	rig_set(&rig, "time.limit.ms", "20");
	CHECK_INT(watchdog_start(NULL, 1, fail_on_fatal, NULL, &rig.err), 0);
	CHECK(!load(&rig, "off", "while true do end"));
	CHECK(strstr(rig.err.text, "s.lua:1: ") && strstr(rig.err.text, "script.time.limit.ms"));
	CHECK(load(&rig, "off",
		"local function f() while true do end end return { api = 1, init = f, topics = f,\n"
		"route = f, partition = f, close = f }"));
	rig.err.text[0] = '\0';
	CHECK_INT(script_init(rig.script, NULL, &rig.err), -1);
	CHECK(strstr(rig.err.text, "script.time.limit.ms"));
	CHECK_INT(script_topics(rig.script, &topic, &rig.err), -2);
	CHECK_INT(script_route(rig.script, &topic, &route, &rig.err), -1);
	CHECK_INT(script_partition(rig.script, &topic, 1, &topic, &number, &rig.err), -1);
	script_close(rig.script, "stop", &saved);
	CHECK(!saved);
	watchdog_stop();
	rig_fini(&rig);
}

/* Ends with 255, or 1 when the loop ended by itself. */
static void
run_child(struct rig *rig, const char *state_file)
{
	struct err err;

	if (watchdog_start(state_file, 2, on_fatal, NULL, &err) < 0 ||
		!load(rig, "on",
			"return { api = 1, record = function(r) if r.offset == 502 then while true "
			"do end end "
			"end }"))
		_exit(2);
	rig_run(rig, records, 4);
	_exit(1);
}

TEST(an_endless_compiled_loop_ends_the_process_and_is_remembered)
{
	struct rig rig;
	char *file, where[700] = "";
	int status = 0;
	int64_t offset = 0;
	pid_t child;

	rig_init(&rig);
	rig_set(&rig, "time.limit.ms", "60");
	file = mem_printf("%s/state", rig.folder);
	CHECK(pipe(told) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0)
		run_child(&rig, file);
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (script_engine_is_stoppable()) {
		CHECK_INT(WEXITSTATUS(status), 1);
	} else {
		CHECK_INT(WEXITSTATUS(status), 255);
		CHECK(read(told[0], where, sizeof(where) - 1) > 0);
		CHECK_STR(where,
			"s.lua never ends for the record at offset 502 of source partition 3");
		CHECK_INT(watchdog_start(file, 1, fail_on_fatal, NULL, &rig.err), 0);
		CHECK(watchdog_is_poisoned("source", 3, &offset));
		CHECK_INT(offset, 502);
		CHECK(!watchdog_is_poisoned("source", 2, &offset) &&
			!watchdog_is_poisoned("s", 3, &offset));
		watchdog_stop();
		/* Another start, with other streams, still knows; until it is cleared. */
		CHECK_INT(watchdog_start(file, 4, fail_on_fatal, NULL, &rig.err), 0);
		CHECK(watchdog_is_poisoned("source", 3, &offset));
		watchdog_clear();
		CHECK(!watchdog_is_poisoned("source", 3, &offset));
		watchdog_stop();
		CHECK_INT(watchdog_start(file, 1, fail_on_fatal, NULL, &rig.err), 0);
		CHECK(!watchdog_is_poisoned("source", 3, &offset));
		watchdog_stop();
	}
	close(told[0]);
	close(told[1]);
	free(file);
	rig_fini(&rig);
}

/* Waits for a file, up to a deadline. */
static bool
appears(const char *file)
{
	int64_t deadline = clock_ms() + 20000;

	while (access(file, F_OK) != 0 && clock_ms() < deadline)
		poll(NULL, 0, 1);
	return access(file, F_OK) == 0;
}

/* Two agents of one group on one host, or a dry run beside the agent, have the same state file:
   neither may spoil what the other notes. */
TEST(processes_with_the_same_state_file_do_not_meet)
{
	struct rig rig;
	char *file, *begun, *text;
	int status = 0;
	int64_t offset = 0;
	pid_t child;

	rig_init(&rig);
	rig_set(&rig, "time.limit.ms", "300");
	rig_set(&rig, "libs", "io");
	file = mem_printf("%s/state", rig.folder);
	begun = mem_printf("%s/begun", rig.folder);
	text = mem_printf("return { api = 1, record = function(r) if r.offset == 502 then "
			  "io.open('%s', 'w'):close() while true do end end end }",
		begun);
	CHECK(pipe(told) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (watchdog_start(file, 2, on_fatal, NULL, &rig.err) < 0 ||
			!load(&rig, "on", text))
			_exit(2);
		rig_run(&rig, records, 4);
		_exit(1);
	}
	CHECK(appears(begun));
	CHECK_INT(watchdog_start(file, 1, fail_on_fatal, NULL, &rig.err), 0);
	watchdog_clear();
	watchdog_stop();
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (!script_engine_is_stoppable()) {
		CHECK_INT(WEXITSTATUS(status), 255);
		CHECK_INT(watchdog_start(file, 1, fail_on_fatal, NULL, &rig.err), 0);
		CHECK(watchdog_is_poisoned("source", 3, &offset));
		CHECK_INT(offset, 502);
		watchdog_stop();
	}
	close(told[0]);
	close(told[1]);
	free(file);
	free(begun);
	free(text);
	rig_fini(&rig);
}

TEST(a_state_file_that_is_none_is_not_trusted)
{
	static const char *const rows[] = {
		"", "x", "reflejo2", "reflejo1________________________________"};
	struct rig rig;
	char *file;
	int64_t offset;

	rig_init(&rig);
	file = mem_printf("%s/state", rig.folder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		rig_write(&rig, "state", rows[i], strlen(rows[i]));
		CHECK_INT(watchdog_start(file, 1, fail_on_fatal, NULL, &rig.err), 0);
		CHECK(!watchdog_is_poisoned("", 0, &offset));
		watchdog_stop();
	}
	unlink(file);
	CHECK(symlink("elsewhere", file) == 0);
	CHECK_INT(watchdog_start(file, 1, fail_on_fatal, NULL, &rig.err), -1);
	CHECK(strstr(rig.err.text, "script.state.file"));
	free(file);
	rig_fini(&rig);
}

/* Short batches are never interrupted, however long they go on. */
TEST(busy_scripts_are_left_alone)
{
	struct rig rig;
	int64_t end = clock_ms() + 400;

	rig_init(&rig);
	rig_set(&rig, "time.limit.ms", "100");
	CHECK_INT(watchdog_start(NULL, 1, fail_on_fatal, NULL, &rig.err), 0);
	CHECK(load(&rig, "off",
		"return { api = 1, record = function(r) for i = 1, 1000 do end end }"));
	while (clock_ms() < end) {
		rig_run(&rig, records, 4);
		for (size_t i = 0; i < 4; i++)
			if (!CHECK_STR(rig_outcome(&rig, i), "keep"))
				end = 0;
	}
	watchdog_stop();
	rig_fini(&rig);
}

/* Runs batches until it is told to end; 3 when a record is not kept. */
static void
run_until_told(struct rig *rig, int end)
{
	struct pollfd wait = {.fd = end, .events = POLLIN};
	struct err err;

	if (watchdog_start(NULL, 1, on_fatal, NULL, &err) < 0 ||
		!load(rig, "off",
			"return { api = 1, record = function(r) for i = 1, 3e6 do end end }"))
		_exit(2);
	while (poll(&wait, 1, 0) == 0) {
		rig_run(rig, records, 4);
		for (size_t i = 0; i < 4; i++)
			if (rig->batch->_records[i]._outcome != SCRIPT_KEEP)
				_exit(3);
	}
	_exit(0);
}

/* The time in which a process was stopped, or its host slept, is not the script's. */
TEST(a_process_that_was_stopped_goes_on)
{
	struct rig rig;
	int end[2], status = 0;
	pid_t child;

	rig_init(&rig);
	rig_set(&rig, "time.limit.ms", "400");
	CHECK(pipe(end) == 0 && pipe(told) == 0);
	fflush(stdout);
	child = fork();
	if (child == 0)
		run_until_told(&rig, end[0]);
	for (int i = 0; i < 2; i++) {
		CHECK(kill(child, SIGSTOP) == 0);
		CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
		poll(NULL, 0, 1000); /* longer than twice the limit */
		CHECK(kill(child, SIGCONT) == 0);
	}
	CHECK(write(end[1], "", 1) == 1);
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	for (int i = 0; i < 2; i++)
		close(end[i]), close(told[i]);
	rig_fini(&rig);
}
