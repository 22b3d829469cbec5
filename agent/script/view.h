/* The view: what C and Lua both see of a batch of records. The part between the two FFI lines is
   given to LuaJIT's ffi.cdef as it stands, so it holds plain declarations only; sizes are compared
   when a state is made. */
#ifndef SCRIPT_VIEW_H
#define SCRIPT_VIEW_H

#include <stddef.h>
#include <stdint.h>

/* FFI begin */

/* One record: its fields as they came, and what the script made of it. Members have a _, because a
   metatype's
   __index is not asked for the names of members. Numbers are types that LuaJIT gives out as Lua
   numbers. */
struct script_record {
	const char *_key, *_value; /* NULL: null. After a change: memory of the Lua string, kept
				      alive until the next batch */
	void *_message;		   /* whom to ask for headers; opaque */
	double _offset;
	double _timestamp; /* ms, -1: none */
	int32_t _key_size, _value_size;
	int32_t _partition;   /* where it shall go, -1: chosen by key */
	int32_t _topic;	      /* a topic's handle, 0: as routed */
	int32_t _header_list; /* in the batch's header lists, -1: untouched */
	int32_t _wait_ms;     /* of RETRY */
	int32_t _reason; /* of DROP and DEAD_LETTER: in the batch's texts, -1: none; of FAILED: the
			    message */
	int32_t _first_emit, _emits; /* in the batch's emits */
	uint8_t _timestamp_type;     /* 0 none, 1 create, 2 append */
	uint8_t _outcome;	     /* enum script_outcome */
	uint8_t _changes;	     /* SCRIPT_CHANGED_... */
	uint8_t _unused;
};

/* One more output of a record: what r:emit gave. Bytes are the batch's own. */
struct script_emit {
	const char *_key, *_value;
	double _timestamp;
	int32_t _key_size, _value_size;
	int32_t _topic, _partition, _header_list;
	int32_t _next;	  /* the record's next one, -1: the last */
	uint8_t _changes; /* which fields were given; the others come from the record as it is at
			     the end */
	uint8_t _unused[3];
};

/* What the hook holds as r: NULL while no hook runs. */
struct script_view {
	struct script_record *_r;
};

/* What it holds as r.headers: those of the view's record. */
struct script_headers_view {
	int32_t _unused;
};

/* What mirror.topic gives. */
struct script_topic_handle {
	int32_t _handle;
};

/* Where r.headers:each() has come to. */
struct script_header_walk {
	struct script_record *_r;
	int32_t _i;
};

/* One header; a value of NULL is null. */
struct script_header {
	const char *_name, *_value;
	int32_t _name_size, _value_size;
};

struct script_batch {
	struct script_record *_records;
	struct script_emit *_emit;
	int32_t _first; /* the record to begin with */
	int32_t _count; /* behind the last record to run */
	int32_t _done;	/* out: records that were run, the one that stopped the loop included;
			   fewer than _count also where memory for more is short */
	int32_t _at;	/* the record being run now */
	int32_t _stops_on_error; /* the loop ends with a record that fails */
	int32_t _source_partition;
	int32_t _source_topic; /* a topic's handle */
	int32_t _target_topic; /* a topic's handle: as routed */
	struct script_view _view;
	struct script_headers_view _headers;
	struct script_record _original; /* the record being run as it was, once it has _changes */
};

/* What a record hook decided. */
enum script_outcome {
	SCRIPT_KEEP,
	SCRIPT_DROP,
	SCRIPT_DEAD_LETTER,
	SCRIPT_RETRY, /* this record and all behind it are to be offered again after _wait_ms */
	SCRIPT_FAILED /* it raised; nothing of what it did to the record counts */
};

/* Bits of _changes: fields that the script has set. */
enum {
	SCRIPT_CHANGED_KEY = 1,
	SCRIPT_CHANGED_VALUE = 2,
	SCRIPT_CHANGED_TIMESTAMP = 4,
	SCRIPT_CHANGED_HEADERS = 8,
	SCRIPT_CHANGED_TOPIC = 16,
	SCRIPT_CHANGED_PARTITION = 32
};

/* FFI end */

#endif
