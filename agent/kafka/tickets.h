/* Tickets: those by which the clients of each side log in with Kerberos, got before they start and
 * renewed by a thread of its own. */
#ifndef KAFKA_TICKETS_H
#define KAFKA_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/traffic.h"

/* One side's ticket. */
struct ticket_state {
	char principal[256];
	char error[1024];  /* why it was not renewed the last time; "" when it was */
	int64_t end;	   /* seconds since 1970; 0: there is none yet */
	int64_t renewed;   /* seconds since 1970 when the agent got it, or met it first */
	uint64_t failures; /* so often it could not be renewed */
};

/* As it is now; false: that side needs none. @thread any */
bool ticket_state(enum client_side side, struct ticket_state *ret);

/* Tells Kerberos's library by the environment where krb5.conf is, when only Java was told. The
   first ticket does so by itself; who gets that on a thread beside others says it before. @thread
   main, before any other */
void tickets_prepare(void);

/* Gets the tickets that the configuration asks for, and renews them from then on. A KDC that does
   not answer is no error: it is asked again. config must stay. @blocks on the KDCs @thread main,
   before any other */
int tickets_start(const struct config *config, struct err *err);

/* The same for one client, where nobody has done it before; here a KDC must answer. For
   kafka/client. @blocks @thread any */
int tickets_need(enum client_side side, const struct client_settings *settings, struct err *err);

/* The same, waiting no longer than timeout_ms, which the sentence of a failure tells in whole
   seconds; where somebody else has begun it before, it is not waited for. @blocks @thread any */
int tickets_need_within(enum client_side side, const struct client_settings *settings,
	int timeout_ms, struct err *err);

/* This thread logs in as that side's client from now on. For kafka/client. @thread any of the
   library's */
void tickets_enter(enum client_side side);

/* Renews no more, and wipes the tickets that are ours. At most timeout_ms; false: the thread is
   still asking. The clients must be gone. @blocks @thread main */
bool tickets_stop(int timeout_ms);

/* How long to wait, in ms, before a ticket from start to end (seconds since 1970; end 0: there is
   none) is renewed, when it has just been, or (has_failed) was not to be had. With is_ours it is
   the agent that renews it; else how long until it is looked at again. @thread any */
int64_t ticket_wait(int64_t start, int64_t end, int64_t now_ms, bool is_ours, bool has_failed);

#endif
