/* Any bytes as what a broker answers to reflejo check --connect. The first byte says what is asked,
   the second how; then come the answers, each behind its length in two bytes. What was found must
   be fit to print. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tests/unit/peer_rig.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VERSIONS, LIST, LOGIN, READ, WRITE, GROUP, IDEMPOTENCE, TRANSACTIONS, CREATION, QUESTIONS };

/* Bits of the second byte. */
enum { IS_RAW = 1, IS_OLD = 2, HAS_LOGIN = 4, MECHANISM = 8 /* and 16 */ };

static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"};

/* The answers with their frames, or, if they are raw, whatever comes. */
static void
frame(struct text *said, const uint8_t *data, size_t size, int how)
{
	bool is_bare = false;

	if (how & IS_RAW) {
		text_add(said, data, size);
		return;
	}
	while (size >= 2) {
		size_t n = (size_t)data[0] << 8 | data[1];

		n = n < size - 2 ? n : size - 2;
		if (is_bare) {
			frame_put32(said, (int32_t)n);
			text_add(said, data + 2, n);
		} else {
			peer_add(said, data + 2, n);
		}
		/* Old brokers' logins have no headers once the mechanism is agreed upon. */
		is_bare = (how & (IS_OLD | HAS_LOGIN)) == (IS_OLD | HAS_LOGIN);
		data += 2 + n;
		size -= 2 + n;
	}
}

/* @borrows c for as long as it is used */
static void
prepare(struct peer_cluster *c, int how, struct client_setting settings[4])
{
	peer_init(c);
	settings[0] = (struct client_setting){.name = "security.protocol",
		.value = how & HAS_LOGIN ? "sasl_plaintext" : "plaintext"};
	settings[1] = (struct client_setting){.name = "sasl.mechanism",
		.value = (char *)(uintptr_t)mechanisms[how / MECHANISM % 4]};
	settings[2] = (struct client_setting){.name = "sasl.username", .value = "us,er"};
	settings[3] = (struct client_setting){.name = "sasl.password", .value = "secret"};
	c->settings.items = settings;
	c->settings.count = 4;
	c->config.topics.create = "missing";
	for (int i = 0; i < FRAME_APIS && how & IS_OLD; i++)
		c->broker.versions[i] = i == FRAME_SASL_AUTHENTICATE ? -1 : 2;
}

static void
take_versions(struct peer_cluster *c)
{
	struct text request;
	struct answer answer;

	frame_begin(&request, FRAME_API_VERSIONS, 0);
	if (frame_ask(c->broker.wire, &request, &answer) == WIRE_OPEN &&
		probe_take_versions(&c->broker, &answer) == 0)
		probe_judge_versions(&c->broker);
	answer_fini(&answer);
}

static void
ask(struct peer_cluster *c, int question)
{
	struct probe *probe = &c->probe;
	struct err err = {""};

	switch (question) {
	case VERSIONS: take_versions(c); break;
	case LIST: probe_list(&c->broker, &probe->view); break;
	case LOGIN: probe_log_in(&c->broker, c->broker.wire); break;
	case READ: probe_ask_right(probe, "t", PROBE_READ, &err); break;
	case WRITE: probe_ask_right(probe, "t", PROBE_WRITE, &err); break;
	case GROUP: probe_ask_group(probe, "g", &err); break;
	case IDEMPOTENCE: probe_ask_idempotence(probe, &err); break;
	case TRANSACTIONS: probe_ask_transactions(probe, "x", &err); break;
	default: probe_ask_creation(probe, "t", 1, -1, &err);
	}
	/* What is not known says why. */
	findings_add(&c->broker.findings, "", "right", FINDING_UNCHECKED, "%s", err.text);
}

static void
check(const struct peer_cluster *c)
{
	const struct probe_view *view = &c->probe.view;

	for (size_t i = 0; i < c->broker.findings.count; i++) {
		const char *text = c->broker.findings.items[i].text;

		if (!utf8_is_valid(text))
			abort();
		for (; *text; text++)
			if ((unsigned char)*text < ' ' || *text == 0x7f)
				abort();
	}
	for (size_t i = 0; i < view->topic_count; i++)
		if (view->topics[i].partitions < 1 ||
			(i && strcmp(view->topics[i - 1].name, view->topics[i].name) > 0))
			abort();
	for (size_t i = 0; i < view->member_count; i++)
		if (!view->members[i].host)
			abort();
}

/* Chance is always the same, so that answers to a login by SCRAM can fit what they answer. */
static int
no_chance(unsigned char *bytes, int n)
{
	memset(bytes, 0, (size_t)n);
	return 1;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const RAND_METHOD always = {.bytes = no_chance, .pseudorand = no_chance};

	(void)argc, (void)argv;
	return RAND_set_rand_method(&always) == 1 ? 0 : -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_setting settings[4];
	struct peer_cluster c;
	struct text said = {0};
	int fd;

	if (size < 2)
		return 0;
	frame(&said, data + 2, size - 2, data[1]);
	prepare(&c, data[1], settings);
	c.broker.wire = peer_open(&said, &fd);
	if (c.broker.wire) {
		ask(&c, data[0] % QUESTIONS);
		check(&c);
	}
	peer_fini(&c);
	if (fd >= 0)
		close(fd);
	text_fini(&said);
	return 0;
}
