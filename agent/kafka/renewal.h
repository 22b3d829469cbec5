/* Renewal: living clients take a new login, token, certificate or trust. */
#ifndef KAFKA_RENEWAL_H
#define KAFKA_RENEWAL_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/traffic.h"

/* Do clients with these settings show a token out of a file? @thread any */
bool renewal_has_token(const struct client_settings *settings);

/* All clients of a side, those that are made later too, take these kinds (bits of 1 << enum secret;
   SECRET_FIXED is not one of them) of the settings with their next connections; those that stand
   stay. -1 when that cannot be; then all is as it was. @thread any @blocks on reading files */
int renewal_take(enum client_side side, const struct client_settings *fresh, unsigned kinds,
	struct err *err);

#endif
