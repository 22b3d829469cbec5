/* kafka/zookeeper: what brokers of each generation register, and what nobody should. */
#include "kafka/zookeeper.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

struct row {
	const char *json, *protocol, *address, *offered;
};

/* Registrations as real brokers wrote them (versions in comments are Kafka's). */
static const struct row real_rows[] = {
	/* 0.8: host and port only */
	{"{\"jmx_port\":-1,\"timestamp\":\"1795421850224\",\"host\":\"wn0\",\"version\":1,\"port\":"
	 "9092}",
		"plaintext", "wn0:9092", "plaintext"},
	{"{\"jmx_port\":-1,\"timestamp\":\"1795421850224\",\"host\":\"wn0\",\"version\":1,\"port\":"
	 "9092}",
		"ssl", NULL, "plaintext"},
	/* 0.9 */
	{"{\"jmx_port\":-1,\"timestamp\":\"1\",\"endpoints\":[\"PLAINTEXT://"
	 "wn0:9092\"],\"host\":\"wn0\","
	 "\"version\":2,\"port\":9092}",
		"plaintext", "wn0:9092", "plaintext"},
	/* 0.10.1.1 */
	{"{\"jmx_port\":-1,\"timestamp\":\"1795421850224\",\"endpoints\":[\"PLAINTEXT://"
	 "127.0.0.1:12092\"],"
	 "\"host\":\"127.0.0.1\",\"version\":3,\"port\":12092}",
		"plaintext", "127.0.0.1:12092", "plaintext"},
	/* 0.10.1.1 with a rack */
	{"{\"jmx_port\":-1,\"timestamp\":\"1795423184134\",\"endpoints\":[\"PLAINTEXT://"
	 "wn0-kafka.internal.example:9092\"],\"host\":\"wn0-kafka.internal.example\",\"version\":3,"
	 "\"port\":9092,\"rack\":\"/fd0/ud1\"}",
		"plaintext", "wn0-kafka.internal.example:9092", "plaintext"},
	/* 0.10.1.1 with SASL only: host null */
	{"{\"jmx_port\":-1,\"timestamp\":\"1795423174605\",\"endpoints\":[\"SASL_PLAINTEXT://"
	 "127.0.0.1:21092\"],\"host\":null,\"version\":3,\"port\":-1}",
		"sasl_plaintext", "127.0.0.1:21092", "sasl_plaintext"},
	/* 1.1.1 */
	{"{\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\"},\"endpoints\":["
	 "\"PLAINTEXT://"
	 "127.0.0.1:13092\"],\"jmx_port\":-1,\"host\":\"127.0.0.1\",\"timestamp\":"
	 "\"1795421854526\","
	 "\"port\":13092,\"version\":4}",
		"plaintext", "127.0.0.1:13092", "plaintext"},
	/* 1.1.1, two listeners of one protocol: the first */
	{"{\"listener_security_protocol_map\":{\"INTERNAL\":\"PLAINTEXT\",\"EXTERNAL\":"
	 "\"PLAINTEXT\"},"
	 "\"endpoints\":[\"INTERNAL://127.0.0.1:21092\",\"EXTERNAL://"
	 "127.0.0.1:21093\"],\"jmx_port\":-1,"
	 "\"host\":\"127.0.0.1\",\"timestamp\":\"1795423208245\",\"port\":21092,\"version\":4}",
		"plaintext", "127.0.0.1:21092", "plaintext"},
	/* 3.9.1 in ZooKeeper mode */
	{"{\"features\":{},\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\"},"
	 "\"endpoints\":["
	 "\"PLAINTEXT://127.0.0.1:16092\"],\"jmx_port\":-1,\"port\":16092,\"host\":\"127.0.0.1\","
	 "\"version\":5,\"timestamp\":\"1795422121119\"}",
		"plaintext", "127.0.0.1:16092", "plaintext"},
	/* 3.9.1 with SASL only */
	{"{\"features\":{},\"listener_security_protocol_map\":{\"SASL_PLAINTEXT\":\"SASL_"
	 "PLAINTEXT\"},"
	 "\"endpoints\":[\"SASL_PLAINTEXT://"
	 "127.0.0.1:21092\"],\"jmx_port\":-1,\"port\":-1,\"host\":null,"
	 "\"version\":5,\"timestamp\":\"1795423230493\"}",
		"plaintext", NULL, "sasl_plaintext"},
};

/* Registrations put together for one rule each. */
static const struct row made_rows[] = {
	/* a listener named like the protocol goes first */
	{"{\"version\":4,\"listener_security_protocol_map\":{\"REPLICATION\":\"SSL\",\"SSL\":"
	 "\"SSL\"},"
	 "\"endpoints\":[\"REPLICATION://h:1\",\"SSL://h:2\"]}",
		"ssl", "h:2", "ssl"},
	{"{\"version\":4,\"listener_security_protocol_map\":{\"A\":\"SSL\",\"B\":\"SASL_SSL\"},"
	 "\"endpoints\":[\"A://h:1\",\"B://h:2\"]}",
		"sasl_ssl", "h:2", "ssl sasl_ssl"},
	/* the map wins over a misleading name */
	{"{\"version\":4,\"listener_security_protocol_map\":{\"PLAINTEXT\":\"SSL\"},"
	 "\"endpoints\":[\"PLAINTEXT://h:1\"]}",
		"plaintext", NULL, "ssl"},
	/* Hortonworks' name of SASL_PLAINTEXT */
	{"{\"version\":2,\"endpoints\":[\"PLAINTEXTSASL://h:6667\"]}", "sasl_plaintext", "h:6667",
		"sasl_plaintext"},
	/* IPv6 */
	{"{\"version\":4,\"endpoints\":[\"PLAINTEXT://[2001:db8::1]:9092\"]}", "plaintext",
		"[2001:db8::1]:9092", "plaintext"},
	{"{\"version\":1,\"host\":\"::1\",\"port\":9092}", "plaintext", "[::1]:9092", "plaintext"},
	/* without endpoints, host and port count */
	{"{\"version\":2,\"endpoints\":[],\"host\":\"h\",\"port\":9092}", "plaintext", "h:9092",
		"plaintext"},
	/* what cannot be an address is left out */
	{"{\"version\":4,\"endpoints\":[\"PLAINTEXT://:9092\",\"PLAINTEXT://h:0\",\"PLAINTEXT://"
	 "h:65536\","
	 "\"PLAINTEXT://h\",\"PLAINTEXT://h,evil:1:9092\",\"PLAINTEXT://h "
	 "h:1\",\"h:1\",\"\",7,null]}",
		"plaintext", NULL, ""},
	{"{\"version\":4,\"endpoints\":[\"PLAINTEXT://[::1:9092\",\"PLAINTEXT://::1:9092\","
	 "\"PLAINTEXT://h: 9092\",\"PLAINTEXT://h:9092 \",\"PLAINTEXT://h:9092\\n\"]}",
		"plaintext", NULL, ""},
	{"{\"version\":1,\"host\":\"h,x\",\"port\":9092}", "plaintext", NULL, ""},
	{"{\"version\":1,\"host\":\"h\",\"port\":-1}", "plaintext", NULL, ""},
	{"{\"version\":1,\"host\":7,\"port\":\"9092\"}", "plaintext", NULL, ""},
	{"{\"version\":1,\"host\":\"h\",\"port\":1e300}", "plaintext", NULL, ""},
	/* so is what cannot be a protocol */
	{"{\"version\":4,\"endpoints\":[\"://h:1\",\"a b://h:1\"]}", "plaintext", NULL, ""},
	{"{\"version\":4,\"listener_security_protocol_map\":{\"A\":\"\",\"B\":\"x\\n\"},"
	 "\"endpoints\":[\"A://h:1\",\"B://h:2\"]}",
		"", NULL, ""},
	/* wrong types */
	{"{\"version\":4,\"endpoints\":{\"a\":\"PLAINTEXT://h:1\"},\"host\":\"h\",\"port\":2}",
		"plaintext", "h:1", "plaintext"},
	{"{\"version\":4,\"endpoints\":\"PLAINTEXT://h:1\"}", "plaintext", NULL, ""},
	{"{\"version\":4,\"listener_security_protocol_map\":[1],\"endpoints\":[\"PLAINTEXT://"
	 "h:1\"]}",
		"plaintext", "h:1", "plaintext"},
	{"{\"version\":4,\"listener_security_protocol_map\":{\"A\":{}},\"endpoints\":[\"A://"
	 "h:1\"]}",
		"plaintext", NULL, "a"},
	{"{}", "plaintext", NULL, ""},
};

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *address = NULL, offered[64] = "";
		struct err err = {.text = ""};

		CHECK_INT(zookeeper_parse_broker(rows[i].json, strlen(rows[i].json),
				  rows[i].protocol, &address, offered, sizeof(offered), &err),
			0);
		if (!CHECK_STR(address, rows[i].address) | !CHECK_STR(offered, rows[i].offered))
			printf("# %s\n", rows[i].json);
		free(address);
	}
}

TEST(registrations_of_real_brokers)
{
	check_rows(real_rows, sizeof(real_rows) / sizeof(real_rows[0]));
}

TEST(registrations_of_every_kind)
{
	check_rows(made_rows, sizeof(made_rows) / sizeof(made_rows[0]));
}

TEST(what_is_offered_is_collected_over_brokers)
{
	static const char first[] = "{\"endpoints\":[\"SSL://a:1\",\"PLAINTEXT://a:2\"]}";
	static const char second[] = "{\"endpoints\":[\"SASL_SSL://a:1\",\"PLAINTEXT://a:2\"]}";
	char *address = NULL, offered[24] = "";
	struct err err;

	CHECK_INT(zookeeper_parse_broker(
			  first, strlen(first), "x", &address, offered, sizeof(offered), &err),
		0);
	CHECK_INT(zookeeper_parse_broker(
			  second, strlen(second), "x", &address, offered, sizeof(offered), &err),
		0);
	CHECK_STR(offered, "ssl plaintext sasl_ssl");
	/* what has no room is left out whole */
	CHECK_INT(zookeeper_parse_broker("{\"endpoints\":[\"LONG://a:1\"]}", 28, "x", &address,
			  offered, sizeof(offered), &err),
		0);
	CHECK_STR(offered, "ssl plaintext sasl_ssl");
	CHECK(!address);
}

TEST(what_is_no_json_object_is_an_error)
{
	static const char *const texts[] = {"", " ", "null", "[]", "7", "\"h:1\"", "{", "{\"a\":}",
		"{\"endpoints\":[\"PLAINTEXT://h:1\"", "{} x", "\xff\xfe{}", "{\"a\":\"\\u12\"}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *address = NULL, offered[64] = "";
		struct err err = {.text = ""};

		CHECK_INT(zookeeper_parse_broker(texts[i], strlen(texts[i]), "plaintext", &address,
				  offered, sizeof(offered), &err),
			-1);
		CHECK_STR(err.text, "a broker's registration in ZooKeeper is not a JSON object");
	}
}

/* As deep as anyone likes: refused, not a stack overflow. */
TEST(deep_nesting_is_survived)
{
	static const char *const parts[] = {"[", "{\"a\":", "{\"endpoints\":["};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct text text = {0};
		char *address = NULL, offered[64] = "";

		for (int k = 0; k < 60000; k++)
			text_puts(&text, parts[i]);
		CHECK_INT(zookeeper_parse_broker(text.s, text.length, "plaintext", &address,
				  offered, sizeof(offered), NULL),
			-1);
		text_fini(&text);
	}
}

TEST(length_counts_not_the_end_of_the_string)
{
	char *address = NULL, offered[64] = "";

	CHECK_INT(zookeeper_parse_broker("{\"endpoints\":[\"SSL://a:1\"]}garbage", 27, "ssl",
			  &address, offered, sizeof(offered), NULL),
		0);
	CHECK_STR(address, "a:1");
	free(address);
}

/* Nothing listens on port 1 of the loopback address. */
TEST(an_error_names_every_host_and_why)
{
	char *brokers = NULL;
	struct err err = {.text = ""};
	int64_t start = clock_ms();

	CHECK_INT(zookeeper_find_brokers(
			  "127.0.0.1:1, [::1]:1/kafka", "plaintext", 10000, &brokers, &err),
		-1);
	CHECK(strstr(err.text,
		"no ZooKeeper server of zookeeper.connect answers: 127.0.0.1:1 (Connection "
		"refused), [::1]:1 ("));
	CHECK(clock_ms() - start < 10000);
	CHECK_INT(zookeeper_find_brokers(",/kafka", "plaintext", 10, &brokers, &err), -1);
	CHECK_STR(err.text, "zookeeper.connect=,/kafka names no host");
}

TEST(a_group_that_cannot_be_a_node_has_no_positions)
{
	static const char *const groups[] = {"", "a/b", ".", ".."};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct zookeeper_position *positions = NULL;
		size_t count = 1;

		CHECK_INT(zookeeper_read_positions(
				  "127.0.0.1:1", groups[i], 1000, &positions, &count, NULL),
			0);
		CHECK_INT(count, 0);
		zookeeper_positions_free(&positions, count);
	}
}
