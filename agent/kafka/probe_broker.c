/* The probe's way to one broker: name, connection, TLS, versions, login. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/probe_state.h"

struct probe_broker *
probe_broker_new(
	const struct probe *probe, const char *host, const char *port, const char *named_by)
{
	struct probe_broker *b = mem_zero(1, sizeof(*b));
	const struct config *config = probe->request.config;

	b->host = mem_strdup(host);
	b->port = mem_strdup(port);
	b->place = mem_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	b->named_by = named_by ? mem_strdup(named_by) : NULL;
	b->request = &probe->request;
	b->settings = probe->request.is_source ? &config->consumer : &config->producer;
	b->tls = probe->tls;
	return b;
}

void
probe_broker_free(struct probe_broker **broker)
{
	struct probe_broker *b = *broker;

	if (!b)
		return;
	wire_close(&b->wire);
	findings_fini(&b->findings);
	free(b->host);
	free(b->port);
	free(b->place);
	free(b->named_by);
	free(b);
	*broker = NULL;
}

bool
probe_is_own_host(const char *host)
{
	return !strcmp(host, "localhost") || !strncmp(host, "localhost.", 10) ||
	       !strncmp(host, "127.", 4) || !strcmp(host, "::1");
}

/* "10.0.0.5, 10.0.0.6" @gives a string */
static char *
print_addresses(const struct addrinfo *addresses)
{
	struct text text = {0};

	for (const struct addrinfo *a = addresses; a; a = a->ai_next) {
		char one[NI_MAXHOST] = "";

		getnameinfo(a->ai_addr, a->ai_addrlen, one, sizeof(one), NULL, 0, NI_NUMERICHOST);
		text_printf(&text, "%s%s", text.length ? ", " : "", one);
	}
	return text_take(&text);
}

/* @gives the addresses; NULL when it was said why there are none */
static struct addrinfo *
find(struct probe_broker *b)
{
	struct err err;
	struct addrinfo *found = wire_look_up(b->host, b->port, PROBE_LOOK_UP_MS, &err);
	char *list;

	if (found && b->is_elsewhere && probe_is_own_host(b->host)) {
		PROBE_SAY(b, "name", FAILED,
			"the brokers advertise %s, by which every client reaches itself and not "
			"them: change advertised.listeners at the broker to a name that this host "
			"knows",
			b->host);
		freeaddrinfo(found);
		return NULL;
	}
	if (found) {
		list = print_addresses(found);
		PROBE_SAY(b, "name", OK, "%s", list);
		free(list);
	} else if (b->named_by) {
		PROBE_SAY(b, "name", FAILED,
			"the name %s is not known here (%s): check it in %s, and the DNS or "
			"/etc/hosts of this host",
			b->host, err.text, b->named_by);
	} else {
		PROBE_SAY(b, "name", FAILED,
			"the brokers advertise the name %s, to which clients are sent, and it is "
			"not known here (%s): put it into the DNS or /etc/hosts of this host, or "
			"change advertised.listeners at the broker",
			b->host, err.text);
	}
	return found;
}

/* What to do about an advertised address, beyond what holds for all. */
static const char *
advertised_hint(const struct probe_broker *b)
{
	return b->named_by ? ""
			   : ", or change what the broker advertises (advertised.listeners) to an "
			     "address that this host reaches";
}

/* @gives the connection; NULL when it was said why there is none */
static struct wire *
reach(struct probe_broker *b, const struct addrinfo *addresses)
{
	int64_t began = clock_ms();
	struct wire *wire;
	struct err err;

	switch (wire_open(addresses, PROBE_CONNECT_MS, &wire, &err)) {
	case WIRE_OPEN: PROBE_SAY(b, "tcp", OK, "%d ms", (int)(clock_ms() - began)); break;
	case WIRE_REFUSED:
		PROBE_SAY(b, "tcp", FAILED,
			"refused: nothing listens at %s; check host and port, and that the broker "
			"runs%s",
			b->place, advertised_hint(b));
		break;
	case WIRE_SILENT:
		PROBE_SAY(b, "tcp", FAILED,
			"no answer within %d seconds: most likely a firewall or security group "
			"drops what is sent there; open port %s of %s for this host%s",
			PROBE_CONNECT_MS / 1000, b->port, b->host, advertised_hint(b));
		break;
	case WIRE_AWAY:
		PROBE_SAY(b, "tcp", FAILED,
			"there is no way from here to %s (%s): check routes, network peering or "
			"VPN%s",
			b->host, err.text, advertised_hint(b));
		break;
	default:
		PROBE_SAY(b, "tcp", FAILED, "cannot be reached (%s): check host and port%s",
			err.text, advertised_hint(b));
	}
	return wire;
}

/* The answer to the first request did not come, or is none. */
static void
say_no_kafka(struct probe_broker *b, struct wire *wire, enum wire_end end,
	const struct answer *answer, const struct addrinfo *addresses)
{
	const char *refusal = b->tls ? probe_tls_refusal(b, wire, end) : NULL;
	bool is_http = answer->size >= 4 && !memcmp(answer->bytes, "HTTP", 4);

	if (b->tls && !refusal)
		probe_tls_tell(b, wire);
	if (refusal)
		PROBE_SAY(b, "tls", FAILED, "%s", refusal);
	else if (is_http)
		PROBE_SAY(b, "versions", FAILED,
			"an HTTP server answers there, not Kafka: check host and port");
	else if (!b->tls && end != WIRE_SILENT && probe_speaks_tls(addresses, b->host))
		PROBE_SAY(b, "versions", FAILED,
			"the port speaks TLS: write security.protocol=%s with "
			"ssl.truststore.location, or use the brokers' port without TLS",
			probe_has_sasl(b->settings) ? "SASL_SSL" : "SSL");
	else if (end == WIRE_SILENT)
		PROBE_SAY(b, "versions", FAILED,
			"connected, but nothing answered within %d seconds: check that this is "
			"the brokers' port, and that the broker is not frozen",
			PROBE_ANSWER_MS / 1000);
	else
		PROBE_SAY(b, "versions", FAILED,
			"what listens there does not speak Kafka, or is older than Kafka 0.10: "
			"check host and port");
}

/* Asks what the broker can; TLS is told now, since the broker has looked at our certificate, or
   does not say that it is about that. */
static int
greet(struct probe_broker *b, struct wire *wire, const struct addrinfo *addresses)
{
	struct text request;
	struct answer answer;
	enum wire_end end;
	int rc = -1;

	wire_allow(wire, PROBE_ANSWER_MS);
	frame_begin(&request, FRAME_API_VERSIONS, 0);
	end = frame_ask(wire, &request, &answer);
	b->is_dead = end == WIRE_SILENT;
	if (end == WIRE_OPEN && probe_take_versions(b, &answer) == 0) {
		if (b->tls)
			probe_tls_tell(b, wire);
		rc = probe_judge_versions(b);
	} else {
		say_no_kafka(b, wire, end, &answer, addresses);
	}
	answer_fini(&answer);
	return rc;
}

static bool
was_taken(const struct probe_broker *b, const char *step)
{
	for (size_t i = 0; i < b->findings.count; i++)
		if (!strcmp(b->findings.items[i].step, step))
			return true;
	return false;
}

/* Says which steps were not taken, because one before them failed. */
static void
say_skipped(struct probe_broker *b)
{
	const struct {
		const char *step;
		bool is_needed;
	} steps[] = {
		{"tcp", true},
		{"tls", b->tls != NULL},
		{"versions", true},
		{"login", probe_has_sasl(b->settings)},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].is_needed && !was_taken(b, steps[i].step))
			PROBE_SAY(b, steps[i].step, SKIPPED, "%s", "");
}

void
probe_broker_look(struct probe_broker *broker)
{
	struct addrinfo *addresses = find(broker);
	struct wire *wire = addresses ? reach(broker, addresses) : NULL;
	int rc = -1;

	broker->is_dead = !wire;
	if (wire && (!broker->tls || probe_tls_begin(broker, wire, addresses) == 0) &&
		greet(broker, wire, addresses) == 0)
		rc = probe_log_in(broker, wire);
	broker->is_ready = rc >= 0;
	if (rc < 0)
		say_skipped(broker);
	if (rc == 0) {
		broker->wire = wire;
		wire = NULL;
	}
	wire_close(&wire);
	if (addresses)
		freeaddrinfo(addresses);
}
