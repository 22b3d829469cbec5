/* A librdkafka client: made from settings, with its log and its troubles collected. For kafka/
 * only. */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config/config.h"
#include "kafka/traffic.h"

/* A setting of our own: a default (the user's value wins; NULL: none) or forced (ours wins; NULL:
   the library's default). A name that the linked library does not know is skipped. */
struct client_rule {
	const char *name, *value;
	bool is_forced;
};

/* What a client says about itself from the library's threads. */
struct client;

/* Makes a client of a cluster, whose traffic counts for that side. rules are applied in order,
   defaults only where the user has no such setting; events is a mask of RD_KAFKA_EVENT_*. The error
   sentence names the setting that was refused. NULL on error.
   @gives the client; client_retire it */
struct client *client_new(enum client_side side, rd_kafka_type_t type,
	const struct client_settings *settings, const struct client_rule *rules, size_t count,
	int events, struct err *err);

/* The library's handle. @borrows client */
rd_kafka_t *client_handle(const struct client *client);

/* The cluster is reached by these brokers too, and by them alone if revival.c lets the client begin
   anew. A list as in bootstrap.servers. @thread any */
void client_add_brokers(struct client *client, const char *bootstrap_servers);

/* Has this consumer asked to join its group, and would the group keep a member that nobody is if
   the client went away now? (Brokers before 2.2.) @thread any */
bool client_is_joining(const struct client *client);

/* Asks once for all topics of the cluster, aside: a handle that is made after the answer knows its
   topic without asking for it alone. fd, an eventfd, becomes readable when client_is_listing ends
   to be true, which is after 23 seconds at the latest, not counting those without a broker. One
   that is under way goes on. Does nothing where the library would forget the answer. @thread owner
 */
void client_list_topics(struct client *client, int fd);
bool client_is_listing(const struct client *client);

/* The last failure the client met on a connection, as a sentence with what to do, into text; ""
   when there was none since client_forget_failure, which is for calls that succeeded. @thread any
 */
void client_last_failure(struct client *client, char *text, size_t size);
void client_forget_failure(struct client *client);

/* Gives each line of the library's log of facility OFFSET to fn as well, which must not block and
   must not call the library but for queues. NULL ends that: when this returns, fn is not running.
   @thread any but the library's */
typedef void client_offset_line(const char *line, void *arg);
void client_on_offset_line(struct client *client, client_offset_line *fn, void *arg);

/* Destroys the client on a thread of its own, because that can wait for connections; clears
 *client. NULL is accepted. @takes client @thread any */
void client_retire(struct client **client);

/* Waits until all retired clients are gone, at most timeout_ms. Returns how many are left. @blocks
 */
int client_wait_retired(int timeout_ms);

/* Adds to a connection failure's text what it most likely means. @thread any */
void client_explain(const char *failure, char *text, size_t size);

#endif
