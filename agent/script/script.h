/* The script: one Lua state with the user's script in it, one generation of one thread. */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rates.h"
#include "config/config.h"
#include "script/view.h"

/* A script's state belongs to one thread at a time: made on any, then handed over and used by its
 * owner only. */
struct script;

/* What all states of the process share: counters, gauges, dictionaries, look-up files. */
struct script_world;

/* ctx.reason */
enum script_reason {
	SCRIPT_AT_START,
	SCRIPT_AT_RELOAD,
	SCRIPT_AT_CHECK,
	SCRIPT_AT_TEST,
	SCRIPT_AT_PLAN
};

/* How to read the headers of a record: the caller knows what _message is. */
struct script_headers_of {
	/* The i-th header of the message; false: there is none. A NULL value is null. Pointers live
	 * as long as the message. */
	bool (*at)(void *message, size_t i, const char **ret_name, const void **ret_value,
		size_t *ret_size);
};

struct script_options {
	const struct config *config; /* its [script] section says everything else */
	const char *file;	     /* NULL: config->script.file */
	struct script_world *world;
	const struct script_headers_of *headers;
	enum script_reason reason;
	int stream, streams; /* stream -1: the main thread's state, which answers for topics, routes
				and partitions */
	/* Partitions of a topic at the target, for mirror.partitions; -1: unknown. May be NULL. */
	int32_t (*partitions_of)(void *arg, const char *topic);
	void *partitions_arg;
	const char *mocks; /* of a test: what saved_text made of { now =, maps = }; NULL: none */
};

enum script_hook {
	SCRIPT_TOPICS,
	SCRIPT_ROUTE,
	SCRIPT_PARTITION,
	SCRIPT_RECORD,
	SCRIPT_TIMERS,
	SCRIPT_CLOSE
};

/* Reads the file, runs it and checks the table that it returns; init is not called. The error names
   script:line. NULL on error. @gives the script; script_free @blocks on reading */
struct script *script_load(const struct script_options *options, struct err *err);

/* Calls init. saved is what script_close gave for the generation before, NULL for none. -1 when it
 * raises. */
int script_init(struct script *script, const char *saved, struct err *err);

/* Calls close(reason); *ret_saved gets what it returned in a form that script_init takes (NULL:
   nothing, or not plain data). Errors are logged: nothing can be done about them. @gives
   *ret_saved, free it */
void script_close(struct script *script, const char *reason, char **ret_saved);

/* Who answers mirror.partitions from now on; see script_options. */
void script_set_partitions(
	struct script *script, int32_t (*partitions_of)(void *arg, const char *topic), void *arg);

/* From now on this state is the one in force for its stream: its gauges are shown, not those of one
   that is tried, or kept to go back to. @thread any */
void script_take_over(struct script *script);

/* Which script it is of those that the mirror has taken since it started, from 1; 0 while it is in
   force nowhere. @thread owner */
void script_set_generation(struct script *script, int64_t generation);
int64_t script_generation(const struct script *script);

/* Frees and clears. NULL is accepted. */
void script_free(struct script **script);

/* Does the script have this hook? */
bool script_has(const struct script *script, enum script_hook hook);

/* What the hooks are told about a topic. */
struct script_topic {
	const char *name;
	int32_t partitions;
	bool is_internal;
};

/* topics(t): 1 mirror it, 0 do not, -1 no opinion (nil), -2 it raised or returned something else.
 */
int script_topics(struct script *script, const struct script_topic *topic, struct err *err);

/* A route that the script wants. */
enum script_rule {
	SCRIPT_RULE_NONE,
	SCRIPT_BY_KEY,
	SCRIPT_PRESERVE,
	SCRIPT_MAP,
	SCRIPT_ROUND_ROBIN,
	SCRIPT_CRC32
};
#define SCRIPT_CONFIGS_MOST 2000
struct script_route {
	char topic[250]; /* "": the same name */
	bool is_refused; /* false was returned: do not mirror */
	enum script_rule rule;
	int32_t create_partitions;  /* create.partitions, 0: not given */
	int32_t create_replication; /* create.replication, -1: as the brokers have it, 0: not
				       given */
	char create_configs[SCRIPT_CONFIGS_MOST + 1]; /* create.configs, a text of base/settings.h;
							 "": not given */
	char limit[RATES_TEXT_MOST + 1];	      /* a text of base/rates.h; "": not given */
};

/* route(t). -1 it raised or returned something else. */
int script_route(struct script *script, const struct script_topic *topic, struct script_route *ret,
	struct err *err);

/* partition(src, dst). *ret gets the number, or -1 for nil (by key). -1 it raised or returned
 * something else. */
int script_partition(struct script *script, const struct script_topic *source, int32_t partition,
	const struct script_topic *target, int32_t *ret, struct err *err);

/* The most records that script_run takes at once: batch.records. */
size_t script_batch_size(const struct script *script);

/* Begins a batch: the caller fills the in-fields of the first count records (see view.h; out-fields
   are set here) and calls script_run. target_topic is the routed name. @borrows source_topic,
   target_topic until script_run returned */
struct script_batch *script_batch(struct script *script, size_t count, const char *source_topic,
	int32_t source_partition, const char *target_topic);

/* Runs record over the batch. Never fails as a whole: what goes wrong is the outcome of a record.
   All that the records' outcomes point to lives until the next script_batch. */
void script_run(struct script *script);

/* A topic's name by its handle; NULL for 0. Lives as long as the script. */
const char *script_topic_name(const struct script *script, int32_t handle);

/* The reason's, or error's, text of a record; "" when there is none. Lives until the next
 * script_batch. */
const char *script_reason_text(const struct script *script, const struct script_record *record);

/* The i-th header of a changed list; false: there is none. A NULL value is null. */
bool script_header(const struct script *script, int32_t list, size_t i, const char **ret_name,
	const void **ret_value, size_t *ret_size);

/* The i-th output of the batch's emits. */
const struct script_emit *script_emit_at(const struct script *script, int32_t i);

/* Runs what timers are due, by clock_ms; returns ms until the next one, -1: there are none. Errors
 * are logged. */
int64_t script_run_timers(struct script *script);

/* Bytes that the Lua state holds now. */
size_t script_memory(const struct script *script);

/* "script.lua" as errors name it. */
const char *script_name(const struct script *script);

/* The linked LuaJIT's version, and whether the time limit reaches compiled code, tried for some
 * milliseconds. */
const char *script_engine_version(void);
bool script_engine_is_stoppable(void);

/* @gives the world; script_world_free. dry: look-up files are not watched. */
struct script_world *script_world_new(void);
void script_world_free(struct script_world **world);

#endif
