/* What reflejo verify is asked for. For commands/verify*.c. */
#ifndef COMMANDS_VERIFY_REQUEST_H
#define COMMANDS_VERIFY_REQUEST_H

#include <stdbool.h>

#include "mirror/verify.h"

struct verify_request {
	struct verify_options options; /* what flags say of them */
	bool is_json;
	char **flags; /* for the configuration */
	int flag_count;
};

/* Sorts the arguments: -1 after an error. @gives r->flags, free it, after an error too */
int verify_request_read(int argc, char **argv, struct verify_request *r, struct err *err);

/* An instant as instant_parse takes it, a day in UTC ("2026-01-31"), or how long before now_ms
   ("6h"). *ret gets ms since 1970. */
int verify_request_instant(const char *text, int64_t now_ms, int64_t *ret, struct err *err);

#endif
