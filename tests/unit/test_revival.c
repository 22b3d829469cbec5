/* Unit tests of the revival of clients that know no broker any more: the library's answers are
   given here, in the place of its own. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client_state.h"
#include "kafka/revival.h"

static int version = 0x020a00ff;
static int32_t controller;
static bool has_cluster_id;
static int told; /* so often where the cluster begins */
static int (*on_close)(int, void *);

int
rd_kafka_version(void)
{
	return version;
}

int32_t
rd_kafka_controllerid(rd_kafka_t *rk, int timeout_ms)
{
	CHECK(rk != NULL);
	CHECK_INT(timeout_ms, 0);
	return controller;
}

char *
rd_kafka_clusterid(rd_kafka_t *rk, int timeout_ms)
{
	(void)rk;
	CHECK_INT(timeout_ms, 0);
	return has_cluster_id ? mem_strdup("id") : NULL;
}

void
rd_kafka_mem_free(rd_kafka_t *rk, void *ptr)
{
	(void)rk;
	free(ptr);
}

int
rd_kafka_brokers_add(rd_kafka_t *rk, const char *brokers)
{
	(void)rk;
	CHECK_STR(brokers, "a:1,b:1");
	return ++told;
}

const char *
rd_kafka_name(const rd_kafka_t *rk)
{
	(void)rk;
	return "client";
}

void
rd_kafka_conf_set_closesocket_cb(rd_kafka_conf_t *conf, int (*fn)(int, void *))
{
	(void)conf;
	on_close = fn;
}

static struct client client;

/* A client that had one connection, and has lost it with all that it knew of its cluster. */
static void
begin(void)
{
	static char handle, brokers[] = "a:1,b:1";

	client = (struct client){
		.rk = (rd_kafka_t *)(void *)&handle, .brokers = brokers, .side = CLIENT_SOURCE};
	pthread_mutex_init(&client.lock, NULL);
	version = 0x020a00ff;
	controller = -1;
	has_cluster_id = true;
	told = 0;
	revival_watch(NULL);
	revival_note_connect(&client);
	on_close(dup(STDOUT_FILENO), &client);
	renewal_enter(&client);
}

static void
end(void)
{
	renewal_leave(&client);
	pthread_mutex_destroy(&client.lock);
}

/* So long after it was moved last. Returns how often it was told. */
static int
look(int64_t later)
{
	atomic_store(&client.moved_at, clock_ms() - later);
	revival_look_after_clients();
	return told;
}

TEST(a_client_that_knows_no_broker_is_told_where_to_begin)
{
	begin();
	revival_look_after_clients();
	CHECK_INT(told, 0);
	CHECK_INT(look(1100), 1);
	revival_look_after_clients();
	CHECK_INT(told, 1);
	end();
}

TEST(a_client_that_is_told_in_vain_is_told_less_often)
{
	begin();
	look(1100);
	CHECK_INT(look(1100), 1);
	CHECK_INT(look(2100), 2);
	for (int i = 0; i < 10; i++)
		look(60000);
	CHECK_INT(look(9000), 12);
	CHECK_INT(look(11000), 13);
	/* It was there again. */
	revival_note_connect(&client);
	look(60000);
	on_close(dup(STDOUT_FILENO), &client);
	CHECK_INT(look(1100), 14);
	end();
}

TEST(an_outage_is_left_to_the_library)
{
	begin();
	controller = 3;
	CHECK_INT(look(60000), 0);
	controller = -1;
	has_cluster_id = false;
	CHECK_INT(look(60000), 0);
	has_cluster_id = true;
	revival_note_connect(&client);
	CHECK_INT(look(60000), 0);
	version = 0x020902ff;
	on_close(dup(STDOUT_FILENO), &client);
	CHECK_INT(look(60000), 0);
	end();
}

TEST(the_coordinator_of_transactions_is_no_connection_to_the_cluster)
{
	begin();
	client.has_coordinator = true;
	revival_note_connect(&client);
	revival_note_connect(&client);
	CHECK_INT(look(60000), 0);
	on_close(dup(STDOUT_FILENO), &client);
	CHECK_INT(look(60000), 1);
	end();
}
