/* The tap: records before and after the script, as JSON lines for an operator who asked for them.
 */
#ifndef MIRROR_TAP_H
#define MIRROR_TAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "kafka/record.h"
#include "mirror/output.h"
#include "script/view.h"

/* One sample: the record as it came, what was decided, and what is produced for it. decided: NULL
   without a script; a flight that is DONE all the same stands for a record that came from the
   target. routed: the topic that an unchanged record goes to. Keys and values are shown
   up to a kilobyte, as text when they are UTF-8, else in hex; null is null. @gives a line without
   its end @thread worker */
char *tap_sample(const char *source_topic, const char *routed, const struct record *record,
	const struct flight *flight, const struct script_record *decided);

/* ,"name":"..." or, where it is no UTF-8, ,"name_hex":"..."; null is null. At most so many bytes;
   where these are not all, or is_sized, also ,"name_size":N. @thread any */
void tap_put_bytes(struct text *out, const char *name, const void *bytes, size_t size, size_t most,
	bool is_sized);

/* What is produced for a record, as an object. @thread worker */
void tap_put_output(struct text *out, const struct output *output);

#endif
