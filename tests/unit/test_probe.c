/* kafka/probe: what is made of the answers of brokers, whole ones and others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "peer_rig.h"
#include "unit.h"

static enum probe_answer
read_topic(struct probe *probe, struct err *err)
{
	return probe_ask_right(probe, "t", PROBE_READ, err);
}

static enum probe_answer
write_topic(struct probe *probe, struct err *err)
{
	return probe_ask_right(probe, "t", PROBE_WRITE, err);
}

static enum probe_answer
group(struct probe *probe, struct err *err)
{
	return probe_ask_group(probe, "g", err);
}

static enum probe_answer
transactions(struct probe *probe, struct err *err)
{
	return probe_ask_transactions(probe, "x", err);
}

static enum probe_answer
creation(struct probe *probe, struct err *err)
{
	return probe_ask_creation(probe, "t", 1, 1, err);
}

#define NUL4 "\0\0\0\0"
#define ONE "\0\0\0\1"
#define TOPIC "\0\1t"
#define BYTES(bytes) (bytes), sizeof(bytes) - 1

TEST(answers_about_rights)
{
	static const struct {
		enum probe_answer (*ask)(struct probe *probe, struct err *err);
		const char *answer;
		size_t size;
		enum probe_answer expected;
		const char *why;
	} cases[] = {
		{write_topic, BYTES(ONE TOPIC ONE NUL4 "\0\3"), PROBE_GRANTED, ""},
		{write_topic, BYTES(ONE TOPIC ONE NUL4 "\0\x1d"), PROBE_DENIED, ""},
		{write_topic, BYTES(ONE TOPIC ONE NUL4 "\0\6"), PROBE_UNKNOWN,
			"the broker answered with error 6"},
		{write_topic, BYTES(ONE TOPIC ONE NUL4 "\0"), PROBE_UNKNOWN,
			"the broker's answer is cut short"},
		{read_topic, BYTES(NUL4 "\0\0" NUL4 ONE TOPIC ONE NUL4 "\0\x1d"), PROBE_DENIED, ""},
		{read_topic, BYTES(NUL4 "\0\0" NUL4 NUL4), PROBE_UNKNOWN,
			"the broker's answer is cut short"},
		{group, BYTES(ONE TOPIC ONE NUL4 "\0\3"), PROBE_GRANTED, ""},
		{group, BYTES(ONE TOPIC ONE NUL4 "\0\x1e"), PROBE_DENIED, ""},
		{group, BYTES(ONE TOPIC ONE NUL4), PROBE_UNKNOWN,
			"the broker's answer is cut short"},
		{group, BYTES(""), PROBE_UNKNOWN, "the broker's answer is cut short"},
		{probe_ask_idempotence, BYTES(NUL4 "\0\0"), PROBE_GRANTED, ""},
		{probe_ask_idempotence, BYTES(NUL4 "\0\x1f"), PROBE_DENIED, ""},
		{probe_ask_idempotence, BYTES(NUL4), PROBE_UNKNOWN,
			"the broker's answer is cut short"},
		{transactions, BYTES(NUL4 "\0\x10"), PROBE_GRANTED, ""},
		{transactions, BYTES(NUL4 "\0\x35"), PROBE_DENIED, ""},
		{transactions, BYTES(NUL4 "\0"), PROBE_UNKNOWN, "the broker's answer is cut short"},
		{creation, BYTES(NUL4 ONE TOPIC "\0\0\xff\xff"), PROBE_GRANTED, ""},
		{creation, BYTES(NUL4 ONE TOPIC "\0\x1d\xff\xff"), PROBE_DENIED, ""},
		{creation, BYTES(NUL4 ONE TOPIC "\0\x2c\0\2no"), PROBE_DENIED, "no"},
		{creation, BYTES(NUL4 ONE TOPIC "\0\x29\xff\xff"), PROBE_UNKNOWN,
			"the broker answered with error 41"},
		{creation, BYTES(NUL4 ONE TOPIC "\0\x1d\0\2n"), PROBE_UNKNOWN,
			"the broker's answer is cut short"},
		{creation, BYTES(NUL4), PROBE_UNKNOWN, "the broker's answer is cut short"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer_cluster c;
		struct text said = {0};
		struct err err = {""};
		int fd;

		peer_init(&c);
		peer_add(&said, cases[i].answer, cases[i].size);
		c.broker.wire = peer_open(&said, &fd);
		if (!CHECK(c.broker.wire) ||
			!CHECK_INT(cases[i].ask(&c.probe, &err), cases[i].expected) ||
			!CHECK_STR(err.text, cases[i].why))
			printf("# case %zu\n", i);
		peer_fini(&c);
		close(fd);
		text_fini(&said);
	}
}

/* Whatever a broker calls itself steers no terminal. */
TEST(a_login_of_odd_bytes)
{
	struct client_setting settings[] = {
		{.name = "security.protocol", .value = "sasl_plaintext"},
		{.name = "sasl.mechanism", .value = "PLAIN"}};
	struct peer_cluster c;
	struct text said = {0};
	struct wire *wire;
	int fd;

	peer_init(&c);
	c.settings.items = settings;
	c.settings.count = 2;
	peer_add(&said, BYTES("\0\x21\0\0\0\2\0\5\x1b[2J\xff\0\4a\xc2\x9b\n"));
	wire = peer_open(&said, &fd);
	if (CHECK(wire)) {
		CHECK_INT(probe_log_in(&c.broker, wire), -1);
		CHECK_INT(c.broker.findings.count, 1);
		CHECK_STR(c.broker.findings.items[0].text,
			"the broker does not offer PLAIN but ?[2J?, a?? : change sasl.mechanism, "
			"or enable it at the brokers (sasl.enabled.mechanisms)");
	}
	wire_close(&wire);
	close(fd);
	peer_fini(&c);
	text_fini(&said);
}

/* An older broker has no request to begin a login with, which is no wrong password. */
TEST(a_broker_without_logins)
{
	struct client_setting settings[] = {
		{.name = "security.protocol", .value = "sasl_plaintext"}};
	struct peer_cluster c;
	struct text said = {0};
	struct wire *wire;
	int fd;

	peer_init(&c);
	c.settings.items = settings;
	c.settings.count = 1;
	c.broker.versions[FRAME_SASL_HANDSHAKE] = -1;
	wire = peer_open(&said, &fd);
	if (CHECK(wire)) {
		CHECK_INT(probe_log_in(&c.broker, wire), -1);
		CHECK(strstr(c.broker.findings.items[0].text, "security.protocol=PLAINTEXT"));
	}
	wire_close(&wire);
	close(fd);
	peer_fini(&c);
}

TEST(lists)
{
	static const char members[] = NUL4 ONE "\0\0\0\7\0\1h\0\0\x23\x84\xff\xff\0\1i\0\0\0\7";
	static const char topics[] = ONE "\0\0\0\1t\0" ONE "\0\0" NUL4 NUL4 NUL4 "\0\0\0\2"
					 "\0\0\0\7\0\0\0\x8" NUL4 NUL4 "\0\0\0\x8" NUL4;

	for (size_t cut = 0; cut < 2; cut++) {
		struct peer_cluster c;
		struct text said = {0}, answer = {0};
		int fd;

		peer_init(&c);
		text_add(&answer, members, sizeof(members) - 1);
		text_add(&answer, topics, sizeof(topics) - 1 - cut);
		peer_add(&said, answer.s, answer.length);
		c.broker.wire = peer_open(&said, &fd);
		if (CHECK(c.broker.wire))
			CHECK_INT(probe_list(&c.broker, &c.probe.view), cut ? -1 : 0);
		CHECK_INT(c.probe.view.topic_count, !cut);
		CHECK_INT(c.probe.view.member_count, !cut);
		if (!cut && CHECK(c.probe.view.topics && c.probe.view.members)) {
			CHECK_STR(c.probe.view.id, "i");
			CHECK_STR(c.probe.view.topics[0].name, "t");
			CHECK_INT(c.probe.view.topics[0].replicas, 2);
			CHECK_INT(c.probe.view.operations[0], 8);
			CHECK_INT(c.probe.view.members[0].port, 9092);
		}
		peer_fini(&c);
		close(fd);
		text_fini(&answer);
		text_fini(&said);
	}
}
