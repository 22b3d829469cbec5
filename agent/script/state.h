/* What the parts of a script share: its Lua state and what belongs to it. For script/ only. */
#ifndef SCRIPT_STATE_H
#define SCRIPT_STATE_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "script/batch.h"
#include "script/script.h"
#include "script/seat.h"

enum { SCRIPT_HOOKS = SCRIPT_CLOSE + 1 };

/* Names of topics that a script uses, by handle; found by name through a hash table. */
struct names {
	char **items; /* items[0] is not used: handles begin with 1 */
	size_t count, capacity;
	size_t made_count; /* of those that the script has made up */
	uint32_t *slots;   /* handles; 0: free; a power of two */
	size_t slot_count;
};

/* One of the table's timers. */
struct script_timer {
	int64_t every_ms, next; /* clock_ms */
	int ref;		/* the function */
};

struct script {
	lua_State *L;
	struct script_options options;
	char *file;	  /* as given */
	const char *name; /* its last part, as errors show it */
	char digest[16];  /* of its text */
	int64_t generation;
	size_t memory, memory_limit;
	bool is_limited; /* while it runs what a user wrote: the calls that prepare that cannot fail
			  */
	char late[300];	 /* where the watchdog's hook found it; "": it did not */
	struct batch batch;
	struct names names;
	struct script_place place; /* of its seat in the world */
	int run, init; /* registry: the batch loop, LUA_NOREF without a record hook; init, nil
			  without */
	int hooks[SCRIPT_HOOKS]; /* registry; LUA_NOREF: not there */
	struct script_timer *timers;
	size_t timer_count;
	int private;  /* registry: the table that embedded modules are given */
	int on_error; /* registry: makes a sentence of what was raised */
	int strict;   /* registry: the metatable of what hooks are given */
	_Atomic int64_t
		began; /* clock_ms when Lua was entered; 0: it is not in Lua. For the watchdog */
	_Atomic int64_t limit_ms;   /* how long it may stay there */
	atomic_bool is_interrupted; /* the watchdog wants it out */
	bool is_in_batch;	    /* it runs records: the batch says which */
	pthread_t thread;	    /* that entered Lua last, when has_clock */
	bool has_clock;
	_Atomic clockid_t cpu_clock; /* of that thread */
	struct watch *watch;	     /* NULL: nobody watches */
};

/* Makes a script without a state yet. @gives the script; script_free */
struct script *script_new(const struct script_options *options);

/* Runs a file's text in the sandbox, leaving results values on the stack. */
int script_run_file(
	struct script *script, const char *text, size_t size, int results, struct err *err);

/* Makes the Lua state with libraries, sandbox and the record's view. */
int state_open(struct script *script, struct err *err);
void state_close(struct script *script);

/* Reads a text file whole. @gives *ret @blocks */
int state_read(const char *file, char **ret, size_t *ret_size, struct err *err);

/* Enters Lua: calls the function under its args on the stack, guarded and watched for at most
   limit_ms. -1: it raised; err has the sentence, and nothing is left on the stack. */
int state_call(struct script *script, int args, int results, int64_t limit_ms, struct err *err);

/* May a topic have this name? */
bool names_is_topic(const char *name, size_t size);

/* A topic's handle. is_made: the script made the name up, so it is checked: -1 Kafka does not take
   it, -2 there are too many. */
int32_t names_intern(struct names *names, const char *name, size_t size, bool is_made);
void names_fini(struct names *names);

/* The value on top of the stack as a text that saved_push takes; NULL when it is not plain data.
 * @gives a string */
char *saved_text(lua_State *L);

/* Pushes what saved_text wrote; nil for NULL or anything else. */
void saved_push(lua_State *L, const char *text);

#endif
