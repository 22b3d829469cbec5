/* The log: one line an event, `time level event key=value ...`, to stderr or a file. */
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
   or value, or a secret. One write(2), so lines of several threads do not mix. @thread any */
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

/* The lowest level that is shown; info until set. @thread any */
void log_set_level(enum log_level level);
bool log_is_shown(enum log_level level);

/* The level of a name ("debug" "info" "warn" "error"), -1 when there is none such. */
int log_level_parse(const char *name);

/* Appends to the file at path from now on (NULL: stderr again). Error when it cannot be opened;
   then nothing changes. @thread main */
int log_open(const char *path, struct err *err);

/* Opens the same path again, for log rotation; does nothing on stderr. @thread main */
int log_reopen(struct err *err);

#endif
