/* An address of the admin API, as a person writes it. */
#ifndef SERVICE_ADDRESS_H
#define SERVICE_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"

/* Where nothing else is said. */
#define ADDRESS_DEFAULT "127.0.0.1:9186"

struct address {
	bool is_unix;
	char path[108]; /* unix */
	char host[256]; /* a name or a number, an IPv6 address without its brackets */
	char port[6];	/* decimal, "0" to "65535" */
	enum { ADDRESS_ANY, ADDRESS_HTTP, ADDRESS_HTTPS } scheme; /* as it was said, or not */
};

/* Reads "HOST:PORT", "[IPV6]:PORT" or "unix:PATH"; the first two may have http:// or https://
   before and / behind them. The sentence quotes the text; *ret is untouched on failure. @thread any
 */
int address_parse(const char *text, struct address *ret, struct err *err);

#endif
