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
/* So often at the least it is told again, as long as that does not help. */
#define LOST_MOST_MS 10000

void
revival_note_connect(struct client *client)
{
	atomic_store(&client->moved_at, clock_ms());
	atomic_fetch_add(&client->sockets, 1);
}

/* @thread any of the library's */
static int
on_close(int fd, void *opaque)
{
	struct client *client = opaque;

	/* In this order: whoever sees that none is open sees since when. */
	atomic_store(&client->moved_at, clock_ms());
	atomic_fetch_sub(&client->sockets, 1);
	return close(fd);
}

void
revival_watch(rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set_closesocket_cb(conf, on_close);
}

/* Was it told of a cluster once? One that was not still has the brokers that it begins with. */
static bool
has_known_cluster(const struct client *client)
{
	char *id = rd_kafka_clusterid(client->rk, 0);
	bool is_known = id != NULL;

	if (id)
		rd_kafka_mem_free(client->rk, id);
	return is_known;
}

/* A transaction's coordinator is kept, and knows no others. */
static bool
is_connected(const struct client *client)
{
	return atomic_load(&client->sockets) > client->has_coordinator;
}

static void
add_brokers(struct client *client)
{
	char *brokers;

	pthread_mutex_lock(&client->lock);
	brokers = mem_strdup(client->brokers);
	pthread_mutex_unlock(&client->lock);
	/* Once: from then on it may be an outage like any other. */
	if (client->lost_ms == LOST_MS)
		LOG(EVENT_brokers_lost, F_STR("client", rd_kafka_name(client->rk)),
			F_STR("asked", brokers));
	rd_kafka_brokers_add(client->rk, brokers);
	free(brokers);
}

/* It is lost when it has known its cluster, the last answer named no controller, and nothing has
   been connected to for a while, which grows as long as asking does not help. */
static void
look_after(struct client *client, int64_t now)
{
	if (client->lost_ms == 0 || is_connected(client))
		client->lost_ms = LOST_MS;
	if (is_connected(client) || now - atomic_load(&client->moved_at) < client->lost_ms ||
		rd_kafka_controllerid(client->rk, 0) >= 0 || !has_known_cluster(client))
		return;
	add_brokers(client);
	atomic_store(&client->moved_at, now);
	client->lost_ms = 2 * client->lost_ms < LOST_MOST_MS ? 2 * client->lost_ms : LOST_MOST_MS;
}

void
revival_look_after_clients(void)
{
	if (library_at_least(2, 10, 0))
		client_visit(look_after);
}
