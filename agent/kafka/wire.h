/* A wire: one connection to a broker, plain or over TLS, that never waits for ever. For kafka/
 * only.
 */
#ifndef KAFKA_WIRE_H
#define KAFKA_WIRE_H

#include <netdb.h>
#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* How a connection, or something on it, ended. */
enum wire_end {
	WIRE_OPEN,    /* it has not */
	WIRE_REFUSED, /* nobody listens */
	WIRE_SILENT,  /* nothing came in time */
	WIRE_AWAY,    /* there is no way to the host */
	WIRE_CLOSED,  /* the other side ended it */
	WIRE_FAILED,  /* TLS, or the system: wire_reason knows more */
};

struct wire;

/* Looks up a host's addresses, which may take timeout_ms. NULL: err says why. @blocks @gives;
   freeaddrinfo @thread any */
struct addrinfo *wire_look_up(const char *host, const char *port, int timeout_ms, struct err *err);

/* Connects to the first of the addresses that takes it; all of them together may take timeout_ms.
   *ret is NULL unless the end is WIRE_OPEN; err says what the system says of the first. @blocks
   @gives *ret; wire_close @thread any */
enum wire_end wire_open(
	const struct addrinfo *addresses, int timeout_ms, struct wire **ret, struct err *err);

/* From here on all that is done on the wire together may take so long. */
void wire_allow(struct wire *wire, int timeout_ms);

/* Begins TLS. @takes ssl, whose verification may still be asked of wire_ssl. @blocks */
enum wire_end wire_secure(struct wire *wire, SSL *ssl);

/* NULL: the wire is plain. @borrows wire */
SSL *wire_ssl(const struct wire *wire);

/* Write all, or read exactly so many bytes. @blocks */
enum wire_end wire_write(struct wire *wire, const void *bytes, size_t n);
enum wire_end wire_read(struct wire *wire, void *bytes, size_t n);

/* What was read up to now of a read that failed, and what OpenSSL or the system says about the end
   ("": nothing). @borrows wire */
size_t wire_got(const struct wire *wire);
const char *wire_reason(const struct wire *wire);

/* How long the system waited for the answer while connecting, in microseconds; -1: it does not say.
 */
int64_t wire_round_trip(const struct wire *wire);

/* Closes, frees and clears. NULL is accepted. */
void wire_close(struct wire **wire);

#endif
