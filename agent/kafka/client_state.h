/* What the parts of a client share. For kafka/client.c and renewal.c only. */
#ifndef KAFKA_CLIENT_STATE_H
#define KAFKA_CLIENT_STATE_H

#include <pthread.h>
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
	bool is_living;		   /* in renewal's list, by the two below */
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

#endif
