/* Identity: what the clients of one side show to brokers and whom they trust, as it is now: what
   the configuration said at the start, until something newer was taken. For kafka/ only.

   librdkafka makes one TLS context for a client, and has no call to change it. OpenSSL has: it
   tells of each context that is made (the ex_data index of SSL_CTX), and lets a context say when a
   handshake begins (its info callback). So each new connection gets the certificate, the key and
   the trusted roots of now, whichever the client was made with; connections that stand are left
   alone.
 */
#ifndef KAFKA_IDENTITY_H
#define KAFKA_IDENTITY_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/traffic.h"

/* A copy of the settings with what was renewed of them in its place. @gives; identity_settings_free
   @thread any */
struct client_settings *identity_settings(
	enum client_side side, const struct client_settings *settings);
void identity_settings_free(struct client_settings **settings);

/* What is not the start's any more, bits of 1 << enum secret. @thread any */
unsigned identity_renewed(enum client_side side);

/* Around the making of a client, on one thread: TLS contexts that are made between the two belong
   to the side. The latter returns whether there was one. @thread any */
void identity_begin(enum client_side side);
bool identity_end(void);

/* Takes these kinds (bits of 1 << enum secret) of the settings from now on. -1 when a certificate,
   a key or trust cannot be read or do not go together; then all is as it was. @thread any
   @blocks on reading files */
int identity_renew(enum client_side side, const struct client_settings *fresh, unsigned kinds,
	struct err *err);

#endif
