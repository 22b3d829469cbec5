/* The log: one line an event, to stderr or a file, and to a listener. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log_file.h"
#include "base/log_line.h"
#include "base/mem.h"

/* One event's suppressed lines are told so often. */
#define TELL_MS 10000
/* A log file that comes and goes is told of so often. */
#define TROUBLE_MS 60000

static const struct log_event_info events[] = {
#define EVENT(name, level, help) {#name, LOG_LEVEL_##level, help},
#include "base/events.def"
#undef EVENT
};

/* What each event has done. */
static struct {
	_Atomic uint64_t count, suppressed; /* suppressed: and not told yet */
	_Atomic int64_t used_ms;	    /* its allowance is used up to then, by clock_ms */
	int64_t told_ms;		    /* main thread only */
} states[LOG_EVENT_COUNT];

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"auto", "human", "kv", "json", "journal"};

static _Atomic int shown_level = LOG_LEVEL_INFO;

/* While it is called the lock is held for reading; so who has it for writing knows that nobody
   calls. Without a listener nobody takes it. */
static struct {
	_Atomic bool is_there;
	pthread_rwlock_t lock;
	log_listener *fn;
	void *arg;
} listener = {.lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP};
static _Thread_local bool is_telling;

/* Of a log file that cannot be written. */
static struct {
	_Atomic bool is_on, is_told; /* told: on stderr */
	_Atomic uint64_t lost;
	struct log_limit limit;
} trouble = {.limit = {.interval_ms = TROUBLE_MS}};

const struct log_event_info *
log_event_info(enum log_event event)
{
	return &events[event];
}

static int
find_name(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, names[i]))
			return (int)i;
	return -1;
}

int
log_level_parse(const char *name)
{
	return find_name(name, level_names, sizeof(level_names) / sizeof(level_names[0]));
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

int
log_format_parse(const char *name)
{
	return find_name(name, format_names, sizeof(format_names) / sizeof(format_names[0]));
}

void
log_set_level(enum log_level level)
{
	atomic_store(&shown_level, (int)level);
}

enum log_level
log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&shown_level, memory_order_relaxed);
}

bool
log_is_shown(enum log_level level)
{
	return level >= log_get_level();
}

uint64_t
log_count(enum log_event event)
{
	return atomic_load_explicit(&states[event].count, memory_order_relaxed);
}

void
log_count_only(enum log_event event)
{
	atomic_fetch_add_explicit(&states[event].count, 1, memory_order_relaxed);
}

/* May this site speak now? If so, *ret_repeated is how many lines it swallowed. */
static bool
limit_pass(struct log_limit *limit, uint64_t *ret_repeated)
{
	int64_t now = clock_ms(), next = atomic_load(&limit->next_ms);

	if (now < next ||
		!atomic_compare_exchange_strong(&limit->next_ms, &next, now + limit->interval_ms)) {
		atomic_fetch_add(&limit->suppressed, 1);
		return false;
	}
	*ret_repeated = atomic_exchange(&limit->suppressed, 0);
	return true;
}

/* May this event have one more line? A token bucket in one number: the moment up to which the
   allowance is used. Each line moves it by a step, and it may be a whole burst ahead of now. */
static bool
event_pass(enum log_event event)
{
	bool is_debug = events[event].level == LOG_LEVEL_DEBUG;
	int64_t step = is_debug ? LOG_DEBUG_STEP_MS : LOG_STEP_MS;
	int64_t most = clock_ms(), now = most, used = atomic_load(&states[event].used_ms), next;

	most += step * (is_debug ? LOG_DEBUG_BURST : LOG_BURST);
	do {
		next = (used > now ? used : now) + step;
		if (next > most) {
			atomic_fetch_add(&states[event].suppressed, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&states[event].used_ms, &used, next));
	return true;
}

static void
write_stderr(const struct log_line *line)
{
	struct text text = {0};
	bool is_coloured;
	enum log_format format = log_file_format_stderr(&is_coloured);

	log_line_put(&text, line, format, is_coloured);
	text_putc(&text, '\n');
	log_file_write_stderr(text.s, text.length);
	text_fini(&text);
}

/* The log file takes no line: said where it can be seen. */
static void
on_unwritten(int code)
{
	uint64_t repeated;
	char *name, *reason;

	if (log_file_is_stderr())
		return;
	atomic_fetch_add(&trouble.lost, 1);
	atomic_store(&trouble.is_on, true);
	if (atomic_load(&trouble.is_told) || !limit_pass(&trouble.limit, &repeated))
		return;
	atomic_store(&trouble.is_told, true);
	name = log_file_name();
	reason = mem_printf("cannot write to the log file %s: %s; lines are lost until it can be "
			    "written again",
		name, strerror(code));
	log_count_only(EVENT_log_trouble);
	write_stderr(&(struct log_line){clock_wall_ms(), &events[EVENT_log_trouble],
		(const struct log_field[]){F_STR("reason", reason)}, 1, 0});
	free(name);
	free(reason);
}

static void
on_written_again(void)
{
	if (!atomic_exchange(&trouble.is_on, false))
		return;
	atomic_store(&trouble.is_told, false);
	LOG(EVENT_log_recovered, F_UINT("lost", atomic_exchange(&trouble.lost, 0)));
}

static void
tell_listener(enum log_event event, const char *json, size_t length)
{
	is_telling = true;
	pthread_rwlock_rdlock(&listener.lock);
	if (listener.fn)
		listener.fn(event, events[event].level, json, length, listener.arg);
	pthread_rwlock_unlock(&listener.lock);
	is_telling = false;
}

static void
tell_line(enum log_event event, const struct log_line *line)
{
	struct text json = {0};

	if (!atomic_load(&listener.is_there) || is_telling)
		return;
	log_line_put(&json, line, LOG_FORMAT_JSON, false);
	tell_listener(event, json.s, json.length);
	text_fini(&json);
}

static void
write_line(enum log_event event, const struct log_line *line)
{
	struct text text = {0};
	bool is_coloured;
	enum log_format format = log_file_format(&is_coloured);

	/* First: whoever has read the line in the file may ask for it elsewhere. */
	tell_line(event, line);
	log_line_put(&text, line, format, is_coloured);
	text_putc(&text, '\n');
	if (log_file_write(text.s, text.length) < 0)
		on_unwritten(errno);
	else if (atomic_load_explicit(&trouble.is_on, memory_order_relaxed))
		on_written_again();
	if (event == EVENT_log_trouble && !log_file_is_stderr())
		write_stderr(line);
	text_fini(&text);
}

void
log_write(
	enum log_event event, struct log_limit *limit, const struct log_field *fields, size_t count)
{
	struct log_line line = {
		.info = &events[event], .fields = fields, .count = count, .repeated = 0};

	log_count_only(event);
	if (!log_is_shown(line.info->level) || (limit && !limit_pass(limit, &line.repeated)))
		return;
	if (!event_pass(event)) {
		/* The site's own count is for its next line. */
		if (line.repeated)
			atomic_fetch_add(&limit->suppressed, line.repeated);
		return;
	}
	line.wall_ms = clock_wall_ms();
	write_line(event, &line);
}

void
log_listen(log_listener *fn, void *arg)
{
	pthread_rwlock_wrlock(&listener.lock);
	listener.fn = fn;
	listener.arg = arg;
	atomic_store(&listener.is_there, fn != NULL);
	pthread_rwlock_unlock(&listener.lock);
}

static void
tell_suppressed(bool is_last)
{
	int64_t now = clock_ms();

	if (!log_is_shown(events[EVENT_log_suppressed].level))
		return;
	for (size_t i = 0; i < LOG_EVENT_COUNT; i++) {
		uint64_t count = atomic_load_explicit(&states[i].suppressed, memory_order_relaxed);

		if (count == 0 ||
			(!is_last && states[i].told_ms && now < states[i].told_ms + TELL_MS))
			continue;
		count = atomic_exchange(&states[i].suppressed, 0);
		states[i].told_ms = now;
		LOG(EVENT_log_suppressed, F_STR("name", events[i].name), F_UINT("count", count));
	}
}

/* A log file that was removed would be written where nobody sees it. */
static void
replace_removed(void)
{
	static bool is_told;
	struct err err;

	if (!log_file_is_removed()) {
		is_told = false;
	} else if (log_reopen(&err) == 0) {
		LOG(EVENT_log_reopened, F_STR("reason", "the file was removed"));
	} else if (!is_told) {
		is_told = true;
		LOG(EVENT_log_trouble, F_STR("reason", err.text));
	}
}

void
log_tick(bool is_last)
{
	tell_suppressed(is_last);
	replace_removed();
}
