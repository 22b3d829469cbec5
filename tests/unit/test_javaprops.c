/* config/javaprops: what becomes of the properties of Kafka's Java clients. */
#include "config/javaprops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "javaprops_rig.h"

/* A library that knows names that start with "known." and takes every value of them but "bad". */
static int
only_known(const char *name, const char *value, char *why, size_t why_size)
{
	if (strncmp(name, "known.", 6) != 0)
		return 0;
	if (strcmp(value, "bad") != 0)
		return 1;
	snprintf(why, why_size, "bad is bad");
	return -1;
}

TEST(connections)
{
	static const struct lines_case cases[] = {
		{"bootstrap.servers=a:1, b:2 ,,PLAINTEXT://c:3",
			"bootstrap.servers=a:1,b:2,c:3;translated;"},
		{"bootstrap.servers=[::1]:9092", "bootstrap.servers=[::1]:9092;set;"},
		{"bootstrap.servers=sasl_ssl://c:3", "bootstrap.servers=c:3;translated;"},
		{"bootstrap.servers=a", "refused;!f:1: bootstrap.servers: 'a' is not host:port;"},
		{"bootstrap.servers=http://a:1",
			"refused;!f:1: bootstrap.servers: 'http://a:1' is not host:port;"},
		{"bootstrap.servers=a:1;b:2",
			"refused;!f:1: bootstrap.servers: 'a:1;b:2' is not host:port;"},
		{"bootstrap.servers=a:70000", "refused;!f:1: bootstrap.servers: 'a:70000' has no "
					      "port from 1 to 65535 behind the colon;"},
		{"bootstrap.servers=",
			"refused;!f:1: bootstrap.servers is empty; write the brokers' addresses, "
			"host:port and commas between them;"},
		{"zookeeper.connect=z:2181/kafka", "handled;"},
		{"receive.buffer.bytes=-1", "socket.receive.buffer.bytes=0;translated;"},
		{"connections.max.idle.ms=540000", "connections.max.idle.ms=540000;set;"},
		{"request.timeout.ms=400000", "socket.timeout.ms=300000;translated;"},
		{"metadata.max.age.ms=5000", "topic.metadata.refresh.interval.ms=5000;translated;"},
		/* Above, librdkafka forgets at once what it was told. */
		{"metadata.max.age.ms=3600000",
			"topic.metadata.refresh.interval.ms=700000;translated;"},
		{"client.dns.lookup=default", "ignored;"},
		{"client.rack=", "ignored;"},
		{"client.id=x", "handled;"},
		{"metric.reporters=a.B", "ignored;"},
		{"config.providers=env\nconfig.providers.env.class=x", "handled;handled;"},
		{"share.acquire.mode=x", "refused;!f:1: share.acquire.mode: share groups keep no "
					 "order and are not for a "
					 "mirror; remove the line;"},
	};

	CHECK_CASES(SIDE_CONSUMER, cases);
}

TEST(profile_of_a_producer)
{
	static const struct lines_case cases[] = {
		{"profile=eventhubs",
			"connections.max.idle.ms=180000;request.timeout.ms=60000;"
			"socket.timeout.ms=60000;topic.metadata.refresh.interval.ms=180000;"
			"message.max.bytes=1000000;set;set;translated;translated;handled;"},
		{"max.request.size=500000\nprofile=eventhubs\nrdkafka.socket.timeout.ms=9000\n"
		 "topic.metadata.refresh.interval.ms=7000\nconnections.max.idle.ms=-1",
			"message.max.bytes=500000;topic.metadata.refresh.interval.ms=7000;"
			"connections.max.idle.ms=0;socket.timeout.ms=9000;"
			"translated;handled;set;translated;translated;"},
		{"profile=eventhubs\ntimeout.ms=20000\nmax.request.size=1\n"
		 "metadata.max.age.ms=1000\nconnections.max.idle.ms=1",
			"request.timeout.ms=60000;socket.timeout.ms=60000;"
			"request.timeout.ms=20000;message.max.bytes=1000;"
			"topic.metadata.refresh.interval.ms=1000;connections.max.idle.ms=1;"
			"set;handled;translated;translated;translated;set;"},
		{"profile=msk", "refused;!f:1: profile: 'msk' is none of: eventhubs;"},
	};

	CHECK_CASES(SIDE_PRODUCER, cases);
}

TEST(profile_of_a_consumer)
{
	static const struct lines_case cases[] = {
		{"profile=eventhubs", "connections.max.idle.ms=180000;socket.timeout.ms=60000;"
				      "set;translated;handled;"},
	};

	CHECK_CASES(SIDE_CONSUMER, cases);
}

TEST(consumer)
{
	static const struct lines_case cases[] = {
		{"group.id=g", "group.id=g;set;"},
		{"group.id=g ", "group.id=g;translated;"},
		{"group.id=", "refused;!f:1: group.id is empty; write the group's name, "
			      "group.id=mirrorgroup;"},
		{"key.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer",
			"ignored;"},
		{"key.deserializer=io.X", "warned;?f:1: key.deserializer has no effect here: keys "
					  "and values stay the bytes they are;"},
		{"enable.auto.commit=false", "handled;"},
		{"enable.auto.commit=true", "warned;?f:1: enable.auto.commit has no effect here: "
					    "the agent commits only "
					    "what the target has acknowledged;"},
		{"auto.offset.reset=Smallest", "handled;"},
		{"auto.offset.reset=never", "refused;!f:1: auto.offset.reset: 'never' is none of: "
					    "earliest latest none;"},
		{"fetch.min.bytes=0", "fetch.min.bytes=1;translated;"},
		{"fetch.max.wait.ms=100", "fetch.wait.max.ms=100;translated;"},
		{"fetch.max.bytes=1", "fetch.max.bytes=1000;translated;"},
		{"fetch.max.bytes=200000000",
			"fetch.max.bytes=200000000;receive.message.max.bytes=200000512;set;"},
		{"fetch.max.bytes=300000000\nmax.partition.fetch.bytes=200000000",
			"fetch.max.bytes=300000000;max.partition.fetch.bytes=200000000;"
			"receive.message.max.bytes=300000512;set;set;"},
		{"max.poll.interval.ms=30000",
			"max.poll.interval.ms=30000;max.poll.interval.ms=45000;set;"},
		{"max.poll.interval.ms=30000\nsession.timeout.ms=10000",
			"max.poll.interval.ms=30000;session.timeout.ms=10000;set;set;"},
		{"reconnect.backoff.ms=20000",
			"reconnect.backoff.ms=20000;reconnect.backoff.max.ms=20000;set;"},
		{"fetch.message.max.bytes=5", "max.partition.fetch.bytes=5;translated;"},
		{"max.poll.interval.ms=9999999999", "max.poll.interval.ms=86400000;translated;"},
		{"session.timeout.ms=abc",
			"refused;!f:1: session.timeout.ms: 'abc' is not a whole number;"},
		{"partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor",
			"partition.assignment.strategy=range;translated;"},
		{"partition.assignment.strategy=[a.RangeAssignor, a.CooperativeStickyAssignor]",
			"partition.assignment.strategy=range;translated;"},
		{"partition.assignment.strategy=a.CooperativeStickyAssignor",
			"partition.assignment.strategy=cooperative-sticky;translated;"},
		{"partition.assignment.strategy=a.StickyAssignor",
			"partition.assignment.strategy=cooperative-sticky;warned;?f:1: "
			"partition.assignment.strategy: StickyAssignor becomes cooperative-sticky; "
			"Java "
			"members of the group that still use it cannot be in one group with this "
			"agent;"},
		{"partition.assignment.strategy=com.example.Mine",
			"refused;!f:1: partition.assignment.strategy: 'com.example.Mine' is a Java "
			"class that cannot run here; known are RangeAssignor, RoundRobinAssignor "
			"and "
			"CooperativeStickyAssignor;"},
		{"check.crcs=FALSE", "check.crcs=false;translated;"},
		{"exclude.internal.topics=false", "handled;"},
		{"isolation.level=read_committed", "isolation.level=read_committed;set;"},
		{"source.consumer.session.timeout.ms=9000", "session.timeout.ms=9000;translated;"},
		{"consumer.group.id=a\ngroup.id=b", "group.id=b;ignored;set;"},
		{"producer.acks=all", "ignored;"},
		{"acks=all", "ignored;"},
		{"retry.backoff.ms=500", "retry.backoff.ms=500;set;"},
		{"group.id=a\ngroup.id=b", "group.id=b;ignored;set;"},
		{"rdkafka.session.timeout.ms=7000\nsession.timeout.ms=8000",
			"session.timeout.ms=8000;session.timeout.ms=7000;set;translated;"},
		{"heartbeat.interval.ms=500\nsession.timeout.ms=501",
			"heartbeat.interval.ms=500;session.timeout.ms=501;set;set;"},
		{"group.id=g\nsession.timeout.ms=3000\ncheck.crcs=true",
			"group.id=g;session.timeout.ms=3000;check.crcs=true;set;set;set;refused;"
			"!f:2: session.timeout.ms: 3000 is not more than "
			"heartbeat.interval.ms (3000): raise it, or lower that one;"},
		{"session.timeout.ms=6000\nrdkafka.heartbeat.interval.ms=6001",
			"session.timeout.ms=6000;heartbeat.interval.ms=6001;set;translated;refused;"
			"!f:1: session.timeout.ms: 6000 is not more than "
			"heartbeat.interval.ms (6001): raise it, or lower that one;"},
		/* Which line counts: not a later one of another property, or that is overridden. */
		{"rdkafka.session.timeout.ms=2000\nsession.timeout.ms=8000\n"
		 "zookeeper.session.timeout.ms=6000",
			"session.timeout.ms=8000;session.timeout.ms=2000;set;warned;translated;"
			"refused;?f:3: zookeeper.session.timeout.ms has no effect here: "
			"ZooKeeper is only read, for a moment;!f:1: "
			"rdkafka.session.timeout.ms: 2000 is not more than "
			"heartbeat.interval.ms (3000): raise it, or lower that one;"},
		{"heartbeat.interval.ms=45000\nzookeeper.session.timeout.ms=6000",
			"heartbeat.interval.ms=45000;set;warned;refused;?f:2: "
			"zookeeper.session.timeout.ms has no effect here: ZooKeeper is only read, "
			"for a moment;!f:1: heartbeat.interval.ms: 45000 is not less "
			"than session.timeout.ms (45000): lower it, or raise that one;"},
		{"heartbeat.interval.ms=45000",
			"heartbeat.interval.ms=45000;set;refused;!f:1: heartbeat.interval.ms: "
			"45000 is not less than session.timeout.ms (45000): lower it, or raise "
			"that one;"},
	};

	CHECK_CASES(SIDE_CONSUMER, cases);
}

TEST(producer)
{
	static const struct lines_case cases[] = {
		{"group.id=g", "ignored;"},
		{"acks=-1", "acks=all;translated;"},
		{"acks=1", "acks=1;warned;?f:1: acks is overridden to 1 - data loss or message "
			   "reordering is possible;"},
		{"acks=sometimes", "refused;!f:1: acks: 'sometimes' is none of: all -1 0 1;"},
		{"retries=9223372036854775807", "retries=2147483647;translated;"},
		{"delivery.timeout.ms=2147483647", "message.timeout.ms=0;translated;"},
		{"batch.size=16384", "translated;"},
		{"buffer.memory=33554433", "queue.buffering.max.kbytes=32769;translated;"},
		{"max.request.size=10485760", "message.max.bytes=10485760;translated;"},
		{"compression.codec=2", "compression.type=snappy;translated;"},
		{"compression.type=lzma", "refused;!f:1: compression.type: 'lzma' is none of: none "
					  "gzip snappy lz4 zstd;"},
		{"compression.type=lz4\ncompression.lz4.level=17\ncompression.gzip.level=1",
			"compression.type=lz4;compression.level=12;set;translated;ignored;"},
		{"partitioner.class=org.apache.kafka.clients.producer.internals.DefaultPartitioner",
			"handled;"},
		{"partitioner.ignore.keys=false", "ignored;"},
		{"partitioner.ignore.keys=true", "refused;!f:1: partitioner.ignore.keys: records "
						 "of one key would lose their "
						 "order at the target; remove the line;"},
		{"request.timeout.ms=30000",
			"request.timeout.ms=30000;socket.timeout.ms=30000;set;"},
		{"request.required.acks=-1", "acks=all;translated;"},
		{"max.block.ms=1", "ignored;"},
		{"value.serializer=io.Avro", "refused;!f:1: value.serializer: 'io.Avro' would "
					     "change the bytes, and Java "
					     "classes do not run here; remove the line;"},
		{"max.in.flight.requests.per.connection=6\nenable.idempotence=true",
			"max.in.flight.requests.per.connection=6;set;handled;!f:1: "
			"max.in.flight.requests.per.connection=6 does not go with "
			"enable.idempotence=true, which needs at most 5; change one of them;"},
		{"acks=0\nenable.idempotence=true", "acks=0;warned;handled;?f:1: acks is "
						    "overridden to 0 - data loss or message "
						    "reordering is possible;!f:1: acks=0 does not "
						    "go with enable.idempotence=true, "
						    "which needs acks=all; change one of them;"},
	};

	CHECK_CASES(SIDE_PRODUCER, cases);
}

TEST(what_the_agent_keeps)
{
	static const struct {
		const char *lines;
		int64_t batch_size;
		bool idempotence, idempotence_given;
	} cases[] = {
		{"linger.ms=1", 1000000, true, false},
		{"batch.size=16384", 1000000, true, false},
		{"batch.size=0", 1, true, false},
		{"batch.size=5000000", 1048576, true, false},
		{"batch.size=5000000\nmax.request.size=8000000", 5000000, true, false},
		{"max.request.size=2000", 2000, true, false},
		{"acks=all", 1000000, true, false},
		{"acks=1", 1000000, false, true},
		{"max.in.flight.requests.per.connection=5", 1000000, true, false},
		{"max.in.flight.requests.per.connection=6", 1000000, false, true},
		{"retries=0", 1000000, false, true},
		{"enable.idempotence=true", 1000000, true, true},
		{"enable.idempotence=false\nacks=1", 1000000, false, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;

		free(dump(SIDE_PRODUCER, cases[i].lines, NULL, &config));
		CHECK_INT(config.target.batch_size, cases[i].batch_size);
		CHECK_INT(config.target.idempotence, cases[i].idempotence);
		CHECK_INT(config.target.idempotence_given, cases[i].idempotence_given);
		forget(&config);
	}
}

TEST(what_the_library_says)
{
	static const struct lines_case cases[] = {
		{"known.name=1", "known.name=1;set;"},
		{"known.name=bad", "refused;!f:1: known.name: librdkafka does not take this value: "
				   "bad is bad;"},
		{"known.password=bad",
			"refused;!f:1: known.password: librdkafka does not take this value;"},
		{"rdkafka.known.name=1", "known.name=1;translated;"},
		{"rdkafka.other=1", "warned;?f:1: rdkafka.other: the installed librdkafka does not "
				    "know other; it has no effect;"},
		{"isolation.levl=x",
			"warned;?f:1: isolation.levl is not a property that Kafka's "
			"clients or librdkafka know; did you mean 'isolation.level'?;"},
		{"foo.bar=x", "warned;?f:1: foo.bar is not a property that Kafka's clients or "
			      "librdkafka know;"},
		{"retry.backoff.max.ms=5", "ignored;"},
		{"retry.backoff.ms=5", "ignored;"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config config;
		char *found = dump(SIDE_CONSUMER, cases[i].lines, only_known, &config);

		CHECK_STR(found, cases[i].expected);
		free(found);
		forget(&config);
	}
}

TEST(secrets_are_not_shown)
{
	static const char lines[] =
		"sasl.password=hunter2\nsasl.jaas.config=hunter2\n"
		"ssl.key.password=hunter2\nssl.keystore.key=hunter2\n"
		"rdkafka.sasl.password=hunter2\nssl.truststore.password=hunter2\n"
		"sasl.oauthbearer.client.credentials.client.secret=hunter2\n"
		"consumer.sasl.password=hunter2\n";
	struct config config;
	char *found = dump(SIDE_CONSUMER, lines, NULL, &config);

	CHECK_INT(config.verdicts->count, 8);
	for (size_t i = 0; i < config.verdicts->count; i++) {
		CHECK_STR(config.verdicts->items[i].shown, "***");
		CHECK(!strstr(config.verdicts->items[i].detail, "hunter2"));
	}
	for (size_t i = 0; i < config.consumer.count; i++)
		CHECK(config.consumer.items[i].is_secret);
	free(found);
	forget(&config);
}

TEST(every_row_is_whole)
{
	const struct javaprop *row;

	for (size_t i = 0; (row = javaprops_at(i)); i++) {
		CHECK(javaprops_find(row->side, row->name) == row);
		CHECK(row->min <= row->max);
		CHECK(!*row->help || row->help[strlen(row->help) - 1] == '.');
	}
}
