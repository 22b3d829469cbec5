/* What the parts of a client share. For kafka/client.c, renewal.c and revival.c only. */
#ifndef KAFKA_CLIENT_STATE_H
#define KAFKA_CLIENT_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "kafka/client.h"
#include "kafka/joining.h"
#include "kafka/trust.h"

struct client {
	rd_kafka_t *rk;
	enum client_side side;
	struct trust *trust; /* under lock, as the four below */
	pthread_mutex_t lock;
	char failure[512];
	char distrust[512]; /* why a broker's certificate was not taken, until its failure is told
			     */
	client_offset_line *on_offset;
	void *on_offset_arg;
	bool has_context;	   /* its TLS context is known, see identity.h */
	bool has_tls, has_login;   /* by its settings: it speaks TLS, logs in with a password */
	struct joining joining;	   /* of a consumer */
	struct listing *listing;   /* see client_list_topics, NULL: none */
	struct client_token token; /* file NULL: it shows none, or none from a file; under lock */
	char *brokers;		   /* where it begins, as a list; under lock */
	bool has_coordinator;	   /* of transactions */
	atomic_int sockets;	   /* that are open; a mock cluster of its own is not thought of */
	_Atomic int64_t moved_at;  /* clock_ms: when one was opened or closed last, or brokers were
				      given by revival.c */
	int64_t lost_ms; /* revival.c, under client_visit: it is lost after so long without
			    a connection */
	bool is_living;	 /* in renewal's list, by the two below */
	struct client *next, *previous;
};

/* Notes why a connection failed. @thread any */
void client_remember_failure(struct client *client, const char *text);

/* renewal.c: what its settings say about logins, before the library's client is made; frees that.
 */
void renewal_prepare(
	struct client *client, rd_kafka_conf_t *conf, const struct client_settings *settings);
void renewal_fini(struct client *client);

/* The client lives: it gets its token now, and what is renewed from now on; lives no longer. */
void renewal_enter(struct client *client);
void renewal_leave(struct client *client);

/* Calls fn for each client that lives, with clock_ms; none is made or leaves meanwhile. */
void client_visit(void (*fn)(struct client *client, int64_t now));

/* revival.c: the connections of a client that is made with conf are counted; one is begun.
   @thread any of the library's */
void revival_watch(rd_kafka_conf_t *conf);
void revival_note_connect(struct client *client);

#endif
