/* The log: one line an event, to stderr or a file, and to a listener. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* Every event that can be logged: a row in events.def. */
enum log_event {
#define EVENT(name, level, help) EVENT_##name,
#include "base/events.def"
#undef EVENT
	LOG_EVENT_COUNT
};

/* What the table says about an event. */
struct log_event_info {
	const char *name;
	enum log_level level;
	const char *help;
};

/* The row of an event; never NULL. @thread any */
const struct log_event_info *log_event_info(enum log_event event);

/* One fact of a line. Made by the macros below. */
struct log_field {
	const char *key;
	enum { LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_UINT, LOG_FIELD_REAL } type;
	union {
		const char *text; /* NULL prints as - */
		int64_t i;
		uint64_t u;
		double real;
	};
};

#define F_STR(k, v)                                             \
	{                                                       \
		.key = (k), .type = LOG_FIELD_TEXT, .text = (v) \
	}
#define F_INT(k, v)                                         \
	{                                                   \
		.key = (k), .type = LOG_FIELD_INT, .i = (v) \
	}
#define F_UINT(k, v)                                         \
	{                                                    \
		.key = (k), .type = LOG_FIELD_UINT, .u = (v) \
	}
#define F_REAL(k, v)                                            \
	{                                                       \
		.key = (k), .type = LOG_FIELD_REAL, .real = (v) \
	}

/* LOG(EVENT_x, F_STR("group", g), F_INT("stream", n)): writes one line when the event's level is
   shown. Text with blanks, quotes or control bytes is quoted and escaped. Never pass a record's key
   or value, or a secret; keys are not "time", "level" or "event". One write(2), so lines of several
   threads do not mix. A log that cannot be written never stops the caller. @thread any

   Each event is bounded, over all sites and threads: LOG_BURST lines at once and one more every
   LOG_STEP_MS. So many that each topic of a large cluster may say its line at the start; so few
   that a flood costs 12 kB a second. What an operator asks for by log.level=debug gets more. What
   is kept out is said by log_suppressed, see log_tick. */
#define LOG_BURST 1000
#define LOG_STEP_MS 20
#define LOG_DEBUG_BURST 5000
#define LOG_DEBUG_STEP_MS 1

#define LOG(event, ...)                                                   \
	log_write((event), NULL, (const struct log_field[]){__VA_ARGS__}, \
		sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* The same, but a site that repeats within `seconds` is silent and its next line carries
   repeated=N. The state is per site, shared by all threads. @thread any */
#define LOG_LIMITED(seconds, event, ...)                                                     \
	do {                                                                                 \
		static struct log_limit log_site_limit = {.interval_ms = (seconds)*1000};    \
		log_write((event), &log_site_limit, (const struct log_field[]){__VA_ARGS__}, \
			sizeof((const struct log_field[]){__VA_ARGS__}) /                    \
				sizeof(struct log_field));                                   \
	} while (0)

/* How often one place may speak. Zero-initialised but for the interval; may also be kept in a
   struct (one per topic, say) and given to log_write. */
struct log_limit {
	int64_t interval_ms;
	_Atomic int64_t next_ms;     /* clock_ms() before which it is silent */
	_Atomic uint64_t suppressed; /* lines not written since the last one */
};

/* What LOG expands to. limit may be NULL. @thread any */
void log_write(enum log_event event, struct log_limit *limit, const struct log_field *fields,
	size_t count);

/* How often an event happened, with those that a level or a limit kept out of the log. @thread any
 */
uint64_t log_count(enum log_event event);

/* Counts an event that the caller keeps out of the log. @thread any */
void log_count_only(enum log_event event);

/* The lowest level that is shown; info until set. @thread any */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_is_shown(enum log_level level);

/* The level of a name ("debug" "info" "warn" "error"), -1 when there is none such; and back.
   @thread any */
int log_level_parse(const char *name);
const char *log_level_name(enum log_level level);

/* What a line looks like. AUTO: HUMAN where the log is a terminal, JOURNAL where it is systemd's
   journal, KV elsewhere. */
enum log_format {
	LOG_FORMAT_AUTO,
	LOG_FORMAT_HUMAN,  /* local time LEVEL event key=value, in colour on a terminal */
	LOG_FORMAT_KV,	   /* time level event key=value */
	LOG_FORMAT_JSON,   /* {"time":"...","level":"...","event":"...",facts} */
	LOG_FORMAT_JOURNAL /* <priority>level event key=value */
};

/* The form of lines from now on; AUTO until set. @thread main */
void log_set_format(enum log_format format);

/* The format of a name ("auto" "human" "kv" "json" "journal"), -1 when there is none such. */
int log_format_parse(const char *name);

/* Calls fn on the logging thread for each line, after it was written, with its JSON form without a
   newline (NUL-terminated; borrowed until fn returns). NULL ends that: when log_listen returns, the
   fn before is not running and will not be called any more, because it waits for those calls that
   are. fn must not block, nor call log_listen; what it logs itself is written but not told to it.
   @thread main */
typedef void log_listener(
	enum log_event event, enum log_level level, const char *json, size_t length, void *arg);
void log_listen(log_listener *fn, void *arg);

/* Once a second: says which events were kept out (each at most every ten seconds), and opens a log
   file again that was removed. is_last: says all that was kept out. @thread main */
void log_tick(bool is_last);

/* Appends to the file at path from now on (NULL: stderr again). Error when it cannot be opened;
   then nothing changes. A file that cannot be written later on, because the disk is full, say, is
   reported on stderr as log_trouble; and as log_recovered when it can be again.
   @thread main */
int log_open(const char *path, struct err *err);

/* Opens the same path again, for log rotation; does nothing on stderr. @thread main */
int log_reopen(struct err *err);

#endif
