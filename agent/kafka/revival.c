/* Revival: a client that has lost sight of its cluster begins anew. */
#include "kafka/revival.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client_state.h"
#include "kafka/library.h"

/* No connection for so long: less may be the moment between two. */
#define LOST_MS 1000
#define LOST_MOST_MS 60000

void
revival_note_connect(struct client *client)
{
	atomic_fetch_add(&client->sockets, 1);
	atomic_store(&client->moved_at, clock_ms());
}

/* @thread any of the library's */
static int
on_close(int fd, void *opaque)
{
	struct client *client = opaque;

	atomic_fetch_sub(&client->sockets, 1);
	atomic_store(&client->moved_at, clock_ms());
	return close(fd);
}

void
revival_watch(rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set_closesocket_cb(conf, on_close);
}

static void
add_brokers(struct client *client)
{
	char *brokers;

	pthread_mutex_lock(&client->lock);
	brokers = mem_strdup(client->brokers);
	pthread_mutex_unlock(&client->lock);
	LOG(EVENT_brokers_lost, F_STR("client", rd_kafka_name(client->rk)),
		F_STR("asked", brokers));
	rd_kafka_brokers_add(client->rk, brokers);
	free(brokers);
}

/* It is lost when it knew its cluster's controller, does not any more, and has had no connection
   for a while, which grows as long as asking does not help. */
static void
look_after(struct client *client, int64_t now)
{
	if (rd_kafka_controllerid(client->rk, 0) >= 0) {
		client->has_seen_cluster = true;
		client->lost_ms = LOST_MS;
		return;
	}
	if (!client->has_seen_cluster || atomic_load(&client->sockets) > 0 ||
		now - atomic_load(&client->moved_at) < client->lost_ms)
		return;
	add_brokers(client);
	atomic_store(&client->moved_at, now);
	client->lost_ms = 2 * client->lost_ms < LOST_MOST_MS ? 2 * client->lost_ms : LOST_MOST_MS;
}

void
revival_look_after_clients(void)
{
	if (library_at_least(2, 10, 0))
		renewal_visit(look_after);
}
