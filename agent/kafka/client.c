/* A librdkafka client: made from settings, with its log and its troubles collected. For kafka/
 * only. */
#include "kafka/client.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client_state.h"
#include "kafka/identity.h"
#include "kafka/library.h"
#include "kafka/listing.h"
#include "kafka/renewal.h"
#include "kafka/slack.h"
#include "kafka/tickets.h"
#include "kafka/trust.h"

static pthread_mutex_t retired_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t retired_change = PTHREAD_COND_INITIALIZER;
static int retired; /* clients being destroyed, under retired_lock */

/* See struct client_traffic. */
static struct {
	_Atomic uint64_t connects, throttle_ms;
} traffic[CLIENT_SIDES];

void
client_traffic(enum client_side side, struct client_traffic *ret)
{
	*ret = (struct client_traffic){
		atomic_load_explicit(&traffic[side].connects, memory_order_relaxed),
		atomic_load_explicit(&traffic[side].throttle_ms, memory_order_relaxed)};
}

/* What a message of the library most likely means; the first row whose text is found. */
static const struct {
	const char *part, *meaning;
} meanings[] = {
	{"Invalid response size 1213486160",
		"an HTTP server answers there, not Kafka: check host and port"},
	{"Invalid response size", "what answers there does not speak plain Kafka: check the port, "
				  "and security.protocol if it is a TLS port"},
	{"alert certificate required",
		"the brokers want a certificate of the client: write ssl.keystore.location and its "
		"passwords"},
	{"alert bad certificate",
		"the brokers want a certificate of the client, and one that they trust: check "
		"ssl.keystore.location"},
	{"alert unknown ca", "the brokers do not trust the client's certificate: its issuer must "
			     "be in their trust store"},
	{"alert certificate unknown",
		"the brokers do not trust the client's certificate: its issuer must be in their "
		"trust store"},
	/* What OpenSSL makes of how brokers of Kafka 2.1 say so, and librdkafka of that. */
	{"client SSL authentication might be required",
		"the brokers want a certificate of the client, and one that they trust: check "
		"ssl.keystore.location"},
	{"unsupported protocol",
		"the broker has only versions of TLS that OpenSSL refuses: write MinProtocol = "
		"TLSv1 and CipherString = DEFAULT@SECLEVEL=0 into [system_default_sect] of "
		"/etc/ssl/openssl.cnf"},
	{"APIVERSION_QUERY",
		"check that this is a Kafka port, and security.protocol if it is a TLS port"},
	{"SSL_HANDSHAKE", "the port may be a plain-text port: check it, and security.protocol"},
	{"SSL handshake failed", "check that the port is a TLS port and that the CA file "
				 "(ssl.ca.location) fits its certificate"},
	{"might be caused by incorrect security.protocol",
		"check host, port and security.protocol"},
	{"Disconnected while requesting ApiVersion",
		"check that this is a Kafka port and that security.protocol fits it"},
	{"Connection closed by peer",
		"check that this is a Kafka port and that security.protocol fits it"},
	{"Connection refused",
		"nothing listens there: check host and port, and that the broker runs"},
	{"Failed to resolve", "the name is not known here: check it, and the DNS or hosts file"},
	{"ApiVersionRequest failed",
		"check that this is a Kafka port and that security.protocol fits it"},
	{"Inconsistent group protocol",
		"the group's other members share partitions out in another way: set "
		"partition.assignment.strategy as they have it"},
	{"Invalid session timeout",
		"session.timeout.ms must lie between the brokers' "
		"group.min.session.timeout.ms and group.max.session.timeout.ms"},
	{"not found in Kerberos database",
		"the KDC knows no service of that name: check sasl.kerberos.service.name, that "
		"bootstrap.servers and advertised.listeners have the brokers' full names, that "
		"krb5.conf has rdns = false in [libdefaults], and their realm in [domain_realm]"},
	{"No worthy mechs found", "install libsasl2-modules-gssapi-mit (Debian) or "
				  "cyrus-sasl-gssapi"},
	{"Cyrus/libsasl2 is missing a GSSAPI module",
		"Debian has it in libsasl2-modules-gssapi-mit"},
	{"Ticket expired", "see the log's ticket_failed for why it was not renewed"},
	{"Authentication fail", "check the user name, the password and sasl.mechanism"},
};

void
client_explain(const char *failure, char *text, size_t size)
{
	const char *also = strstr(failure, "SASL mechanism SCRAM") ? library_scram_trouble() : NULL;

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (!strstr(failure, meanings[i].part))
			continue;
		snprintf(text, size, "%s (%s%s%s)", failure, meanings[i].meaning, also ? "; " : "",
			also ? also : "");
		return;
	}
	snprintf(text, size, "%s", failure);
}

void
client_remember_failure(struct client *client, const char *text)
{
	const char *cut;

	/* "thrd:127.0.0.1:1/bootstrap]: " in front says nothing to a reader. */
	if (!strncmp(text, "[thrd:", 6) && (cut = strstr(text, "]: ")))
		text = cut + 3;
	pthread_mutex_lock(&client->lock);
	if (*client->distrust && strstr(text, "certificate verify failed")) {
		snprintf(client->failure, sizeof(client->failure), "%s", client->distrust);
		client->distrust[0] = '\0';
	} else {
		snprintf(client->failure, sizeof(client->failure), "%s", text);
	}
	pthread_mutex_unlock(&client->lock);
}

/* Failures of connections, and warnings that mean nothing to an operator (old brokers cannot be
   told not to create a topic that a consumer asks for; we only ask for topics that are there), or
   are dealt with and said elsewhere (FATAL: by the producer, OFFSET: as source_gap, SSLCERTVRFY and
   LIBSASL: as the failure that follows). */
static const char *const failure_facilities[] = {"FAIL", "ERROR", "REQTMOUT", NULL};
static const char *const quiet_facilities[] = {
	"AUTOCREATE", "FATAL", "LIBSASL", "OFFSET", "SSLCERTVRFY", NULL};

/* A property that producer.c sets, and knows. */
#define KNOWN_EXPERIMENT "enable.gapless.guarantee is experimental"

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}

void
client_on_offset_line(struct client *client, client_offset_line *fn, void *arg)
{
	pthread_mutex_lock(&client->lock);
	client->on_offset = fn;
	client->on_offset_arg = arg;
	pthread_mutex_unlock(&client->lock);
}

static void
tell_offset_line(struct client *client, const char *text)
{
	pthread_mutex_lock(&client->lock);
	if (client->on_offset)
		client->on_offset(text, client->on_offset_arg);
	pthread_mutex_unlock(&client->lock);
}

/* @thread any of the library's */
static void
on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct client *client = rd_kafka_opaque(rk);
	bool is_failure = is_one_of(facility, failure_facilities);

	if (is_failure && client)
		client_remember_failure(client, text);
	if (client && !strcmp(facility, "OFFSET"))
		tell_offset_line(client, text);
	/* Failures of connections come back as source_unreachable and target_unreachable, said
	 * once. */
	if (level <= 4 && !is_failure && !is_one_of(facility, quiet_facilities) &&
		!strstr(text, KNOWN_EXPERIMENT))
		LOG_LIMITED(5, EVENT_library_log, F_STR("client", rd_kafka_name(rk)),
			F_STR("facility", facility), F_STR("text", text));
	else
		LOG(EVENT_library_debug, F_STR("client", rd_kafka_name(rk)),
			F_STR("facility", facility), F_STR("text", text));
}

/* Does what the library does without a callback: the socket does not block, and that the
   connection is under way is no error. @thread any of the library's, with a broker's lock held */
static int
on_connect(int fd, const struct sockaddr *address, int size, const char *name, void *opaque)
{
	struct client *client = opaque;
	int rc = connect(fd, address, (socklen_t)size) < 0 ? errno : 0;

	(void)name;
	tickets_enter(client->side);
	revival_note_connect(client);
	atomic_fetch_add_explicit(&traffic[client->side].connects, 1, memory_order_relaxed);
	return rc == EINPROGRESS ? 0 : rc;
}

/* The library tells of every answer that was held back, and once of the first that was not any
   more. It does so inside rd_kafka_queue_poll, for there is no event of it. @thread whose polls the
   client's queue */
static void
on_throttle(rd_kafka_t *rk, const char *name, int32_t id, int ms, void *opaque)
{
	const struct client *client = opaque;

	(void)rk, (void)name, (void)id;
	atomic_fetch_add_explicit(
		&traffic[client->side].throttle_ms, (uint64_t)ms, memory_order_relaxed);
}

/* A broker's certificate, step by step up its chain. @thread any of the library's */
static int
on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *error, int depth,
	const char *der, size_t n, char *why, size_t why_size, void *opaque)
{
	struct client *client = opaque;
	char sentence[400] = "";
	int goes_on;

	(void)rk, (void)id;
	pthread_mutex_lock(&client->lock);
	goes_on = trust_judge(client->trust, error, depth, der, n, sentence, sizeof(sentence));
	if (!goes_on) {
		snprintf(why, why_size, "%s", sentence);
		snprintf(client->distrust, sizeof(client->distrust), "%s: %s", broker, sentence);
	}
	pthread_mutex_unlock(&client->lock);
	return goes_on;
}

/* Judges certificates in the library's stead, unless the user wants none to be. */
static void
apply_trust(rd_kafka_conf_t *conf, struct client *client, const struct client_settings *settings)
{
	const char *verifies = client_settings_get(settings, "enable.ssl.certificate.verification");

	client->trust = trust_new(client_settings_get(settings, "ssl.ca.pem"));
	if (!verifies || !strcasecmp(verifies, "true") || !strcasecmp(verifies, "t") ||
		!strcmp(verifies, "1"))
		rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}

static int
apply_rule(rd_kafka_conf_t *conf, const struct client_rule *rule,
	const struct client_settings *settings, struct err *err)
{
	char why[512] = "";
	rd_kafka_conf_res_t res;

	if (!rule->is_forced && (!rule->value || client_settings_get(settings, rule->name)))
		return 0;
	res = rd_kafka_conf_set(conf, rule->name, rule->value, why, sizeof(why));
	if (res == RD_KAFKA_CONF_INVALID)
		return err_set(err, "the library refuses %s=%s: %s", rule->name, rule->value, why);
	return 0;
}

/* What every consumer needs. It sends no messages, yet the library refuses a fetch.max.bytes below
   the largest that it would send (rd_kafka_conf_finalize), whatever was asked for. */
static const struct client_rule consumer_rules[] = {{"message.max.bytes", "1000", true}};
#define CONSUMER_RULES (sizeof(consumer_rules) / sizeof(consumer_rules[0]))

static int
apply_rules(rd_kafka_conf_t *conf, const struct client_rule *rules, size_t count,
	const struct client_settings *settings, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (apply_rule(conf, &rules[i], settings, err) < 0)
			return -1;
	return 0;
}

/* Libraries before 2.8.0 send only the first certificate of ssl.certificate.pem, but all of a file:
   theirs lies in memory. Gives its descriptor, which may be closed once the client is made; -1 when
   it is not needed, or there is none to have. */
static int
apply_chain(rd_kafka_conf_t *conf, const struct client_setting *s)
{
	const char *second = strstr(s->value + 1, "-----BEGIN ");
	size_t n = strlen(s->value);
	char path[64], why[256];
	int fd;

	if (strcmp(s->name, "ssl.certificate.pem") != 0 || library_at_least(2, 8, 0) || !second)
		return -1;
	fd = memfd_create("certificates", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, s->value, n) == (ssize_t)n &&
		rd_kafka_conf_set(conf, "ssl.certificate.location", path, why, sizeof(why)) ==
			RD_KAFKA_CONF_OK)
		return fd;
	close(fd);
	return -1;
}

/* *ret_chain is as apply_chain gives it. */
static int
apply_settings(rd_kafka_conf_t *conf, const struct client_settings *settings, int *ret_chain,
	struct err *err)
{
	char why[512] = "";

	for (size_t i = 0; i < settings->count; i++) {
		const struct client_setting *s = &settings->items[i];

		if (*ret_chain < 0 && *s->value && (*ret_chain = apply_chain(conf, s)) >= 0)
			continue;
		if (rd_kafka_conf_set(conf, s->name, s->value, why, sizeof(why)) ==
			RD_KAFKA_CONF_OK)
			continue;
		return err_set(err, "%s: %s=%s is refused: %s", s->origin, s->name,
			s->is_secret ? "***" : s->value, why);
	}
	return 0;
}

/* Tickets of Kerberos are got before the client is made, by no command of the library's. */
static int
apply_ticket(rd_kafka_conf_t *conf, enum client_side side, const struct client_settings *settings,
	struct err *err)
{
	char why[512] = "";

	if (!settings->wants_ticket)
		return 0;
	/* 0: it runs none, and waits for none. */
	if (rd_kafka_conf_set(conf, "sasl.kerberos.min.time.before.relogin", "0", why,
		    sizeof(why)) != RD_KAFKA_CONF_OK)
		return err_set(
			err, "the installed librdkafka cannot log in with Kerberos: %s", why);
	return tickets_need(side, settings, err);
}

/* Makes the library's client, with what is shown and trusted now. */
static rd_kafka_t *
make_handle(struct client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *err)
{
	char why[512] = "";
	rd_kafka_t *rk;

	identity_begin(client->side);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	client->has_context = identity_end();
	if (!rk)
		err_set(err, "the %s client cannot be made: %s",
			type == RD_KAFKA_CONSUMER ? "consumer" : "producer", why);
	return rk;
}

/* It begins with these brokers, if it has to again. */
static void
keep_brokers(struct client *client, const char *bootstrap_servers)
{
	pthread_mutex_lock(&client->lock);
	free(client->brokers);
	client->brokers = mem_strdup(bootstrap_servers);
	pthread_mutex_unlock(&client->lock);
}

/* What its settings and the rules have ended up with; "" for what is not set. @gives */
static char *
setting_of(const struct client *client, const char *name)
{
	const rd_kafka_conf_t *conf = rd_kafka_conf(client->rk);
	size_t size = 0;
	char *value;

	if (rd_kafka_conf_get(conf, name, NULL, &size) != RD_KAFKA_CONF_OK || size == 0)
		return mem_strdup("");
	value = mem_zero(size, 1);
	rd_kafka_conf_get(conf, name, value, &size);
	return value;
}

/* What revival.c has to know. */
static void
keep_beginning(struct client *client)
{
	char *brokers = setting_of(client, "bootstrap.servers");
	char *transactional_id = setting_of(client, "transactional.id");

	keep_brokers(client, brokers);
	client->has_coordinator = *transactional_id;
	free(brokers);
	free(transactional_id);
}

struct client *
client_new(enum client_side side, rd_kafka_type_t type, const struct client_settings *given,
	const struct client_rule *rules, size_t count, int events, struct err *err)
{
	struct client_settings *settings = identity_settings(side, given);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct client *client = mem_zero(1, sizeof(*client));
	int chain = -1;

	client->side = side;
	pthread_mutex_init(&client->lock, NULL);
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_connect_cb(conf, on_connect);
	rd_kafka_conf_set_throttle_cb(conf, on_throttle);
	rd_kafka_conf_set_events(conf, events);
	if (type == RD_KAFKA_CONSUMER)
		joining_watch(&client->joining, conf);
	slack_watch(conf);
	revival_watch(conf);
	apply_trust(conf, client, settings);
	renewal_prepare(client, conf, settings);
	if (apply_settings(conf, settings, &chain, err) < 0 ||
		apply_ticket(conf, side, given, err) < 0)
		goto fail;
	if (apply_rules(conf, rules, count, settings, err) < 0 ||
		apply_rules(conf, consumer_rules, type == RD_KAFKA_CONSUMER ? CONSUMER_RULES : 0,
			settings, err) < 0)
		goto fail;
	client->rk = make_handle(client, type, conf, err);
	if (client->rk) {
		if (chain >= 0)
			close(chain);
		identity_settings_free(&settings);
		keep_beginning(client);
		renewal_enter(client);
		return client;
	}
fail:
	if (chain >= 0)
		close(chain);
	rd_kafka_conf_destroy(conf);
	identity_settings_free(&settings);
	renewal_fini(client);
	trust_free(&client->trust);
	pthread_mutex_destroy(&client->lock);
	free(client);
	return NULL;
}

rd_kafka_t *
client_handle(const struct client *client)
{
	return client->rk;
}

void
client_add_brokers(struct client *client, const char *bootstrap_servers)
{
	rd_kafka_brokers_add(client->rk, bootstrap_servers);
	keep_brokers(client, bootstrap_servers);
}

bool
client_is_joining(const struct client *client)
{
	return joining_is_unknown(&client->joining, client->rk);
}

void
client_list_topics(struct client *client, int fd)
{
	if (client_is_listing(client))
		return;
	listing_free(&client->listing);
	client->listing = listing_start(client->rk, fd);
}

bool
client_is_listing(const struct client *client)
{
	return client->listing && !listing_is_over(client->listing);
}

void
client_last_failure(struct client *client, char *text, size_t size)
{
	char failure[sizeof(client->failure)];

	pthread_mutex_lock(&client->lock);
	memcpy(failure, client->failure, sizeof(failure));
	pthread_mutex_unlock(&client->lock);
	client_explain(failure, text, size);
}

void
client_forget_failure(struct client *client)
{
	pthread_mutex_lock(&client->lock);
	client->failure[0] = '\0';
	pthread_mutex_unlock(&client->lock);
}

static void *
destroy_client(void *arg)
{
	struct client *client = arg;

	listing_free(&client->listing);
	/* The consumer was closed before, or is given up on purpose: do not wait for its group
	 * here. */
	rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	renewal_fini(client);
	trust_free(&client->trust);
	pthread_mutex_destroy(&client->lock);
	free(client->brokers);
	free(client);
	pthread_mutex_lock(&retired_lock);
	retired--;
	pthread_cond_broadcast(&retired_change);
	pthread_mutex_unlock(&retired_lock);
	return NULL;
}

void
client_retire(struct client **client)
{
	pthread_t thread;

	if (!*client)
		return;
	renewal_leave(*client);
	listing_leave((*client)->listing);
	pthread_mutex_lock(&retired_lock);
	retired++;
	pthread_mutex_unlock(&retired_lock);
	if (pthread_create(&thread, NULL, destroy_client, *client) == 0)
		pthread_detach(thread);
	else
		destroy_client(*client);
	*client = NULL;
}

int
client_wait_retired(int timeout_ms)
{
	struct timespec until;
	int left, rc = 0;

	clock_deadline(timeout_ms, &until);
	pthread_mutex_lock(&retired_lock);
	while (retired > 0 && rc == 0)
		rc = pthread_cond_timedwait(&retired_change, &retired_lock, &until);
	left = retired;
	pthread_mutex_unlock(&retired_lock);
	return left;
}
