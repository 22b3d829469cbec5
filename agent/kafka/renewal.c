/* Renewal: living clients take a new login, token, certificate or trust. */
#include "kafka/renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client_state.h"
#include "kafka/identity.h"
#include "kafka/token.h"

#define BIT(kind) (1U << (kind))
/* SASL extensions of a token. */
#define MAX_EXTENSIONS 16
/* The same trouble with a side's token is said again after this time. */
#define SAY_AGAIN_MS 60000

static pthread_mutex_t living_lock = PTHREAD_MUTEX_INITIALIZER;
static struct client *living; /* under living_lock */

/* What was said last about the token of a side, by all its clients; "" after a good one. */
static struct {
	char reason[1024];
	int64_t next; /* clock_ms */
} said[CLIENT_SIDES];
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

/* reason "": the token is good. */
static void
say(enum client_side side, const char *reason)
{
	int64_t now = clock_ms();
	bool is_news;

	pthread_mutex_lock(&said_lock);
	is_news = strcmp(said[side].reason, reason) != 0 || now >= said[side].next;
	snprintf(said[side].reason, sizeof(said[side].reason), "%s", reason);
	if (is_news)
		said[side].next = now + SAY_AGAIN_MS;
	pthread_mutex_unlock(&said_lock);
	if (is_news && *reason)
		LOG(EVENT_token_refused, F_STR("side", side == CLIENT_SOURCE ? "source" : "target"),
			F_STR("reason", reason));
}

/* Gives the library a token; -1 when it does not take it. */
static int
give_token(struct client *client, const struct token *token, char *extensions, struct err *err)
{
	const char *words[2 * MAX_EXTENSIONS];
	rd_kafka_resp_err_t code;
	char *state = NULL, why[8]; /* would quote the token, or an extension: nobody sees it */
	size_t count = 0;

	for (char *word = strtok_r(extensions, ",", &state); word && count < 2 * MAX_EXTENSIONS;
		word = strtok_r(NULL, ",", &state)) {
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value++ = '\0';
		words[count++] = word;
		words[count++] = value;
	}
	code = rd_kafka_oauthbearer_set_token(client->rk, token->text, token->expires,
		token->principal, words, count, why, sizeof(why));
	if (code)
		return err_set(err,
			"librdkafka does not take the token, or its extensions, whose names must "
			"be letters and whose values printable ASCII (%s)",
			rd_kafka_err2name(code));
	return 0;
}

/* What fails is said, and the token's file read again by the library ten seconds later. token NULL:
   it could not be read, err says why. */
static void
show_token(struct client *client, const struct token *token, char *extensions, struct err *err)
{
	bool is_shown = token && give_token(client, token, extensions, err) == 0;

	if (is_shown) {
		token_set_expiry(client->side, token->expires);
	} else {
		client_remember_failure(client, err->text);
		rd_kafka_oauthbearer_set_token_failure(client->rk, err->text);
	}
	say(client->side, is_shown ? "" : err->text);
}

/* Reads the token's file and shows the token. */
static void
refresh_token(struct client *client)
{
	struct client_token source;
	struct token token = {0};
	struct err err;
	char *extensions;
	bool is_read;

	pthread_mutex_lock(&client->lock);
	source = (struct client_token){.file = mem_strdup(client->token.file),
		.claim = client->token.claim ? mem_strdup(client->token.claim) : NULL};
	extensions = mem_strdup(client->token.extensions ? client->token.extensions : "");
	pthread_mutex_unlock(&client->lock);
	is_read = token_read(source.file, source.claim, &token, &err) == 0;
	show_token(client, is_read ? &token : NULL, extensions, &err);
	token_fini(&token);
	free(source.file);
	free(source.claim);
	free(extensions);
}

/* @thread the library's for such calls; one a client */
static void
on_token_wanted(rd_kafka_t *rk, const char *config, void *opaque)
{
	(void)rk, (void)config;
	refresh_token(opaque);
}

static bool
is_word(const struct client_settings *settings, const char *name, const char *word)
{
	const char *value = client_settings_get(settings, name);

	return value && strcasestr(value, word);
}

/* By either of its two names. */
static bool
is_mechanism(const struct client_settings *settings, const char *word)
{
	return is_word(settings, "sasl.mechanism", word) ||
	       is_word(settings, "sasl.mechanisms", word);
}

static void
set_token(struct client *client, const struct client_token *token)
{
	renewal_fini(client);
	client->token = (struct client_token){.file = mem_strdup(token->file),
		.claim = token->claim ? mem_strdup(token->claim) : NULL,
		.extensions = token->extensions ? mem_strdup(token->extensions) : NULL};
}

static bool
has_sasl(const struct client_settings *settings)
{
	return is_word(settings, "security.protocol", "sasl");
}

bool
renewal_has_token(const struct client_settings *settings)
{
	return has_sasl(settings) && settings->token.file && is_mechanism(settings, "OAUTHBEARER");
}

void
renewal_prepare(
	struct client *client, rd_kafka_conf_t *conf, const struct client_settings *settings)
{
	client->has_tls = is_word(settings, "security.protocol", "ssl");
	client->has_login = has_sasl(settings) &&
			    (is_mechanism(settings, "PLAIN") || is_mechanism(settings, "SCRAM"));
	if (!renewal_has_token(settings))
		return;
	set_token(client, &settings->token);
	rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token_wanted);
	rd_kafka_conf_enable_sasl_queue(conf, 1);
}

void
renewal_fini(struct client *client)
{
	free(client->token.file);
	free(client->token.claim);
	free(client->token.extensions);
	client->token = (struct client_token){0};
}

void
renewal_leave(struct client *client)
{
	pthread_mutex_lock(&living_lock);
	if (client->is_living) {
		if (client->previous)
			client->previous->next = client->next;
		else
			living = client->next;
		if (client->next)
			client->next->previous = client->previous;
	}
	client->is_living = false;
	pthread_mutex_unlock(&living_lock);
}

/* Takes what needs no file to be read. Under living_lock. */
static void
renew(struct client *client, const struct client_settings *fresh, unsigned kinds)
{
	const char *user = client_settings_get(fresh, "sasl.username");
	const char *password = client_settings_get(fresh, "sasl.password");
	struct trust *trust = NULL;

	if (kinds & BIT(SECRET_LOGIN) && client->has_login && user && password) {
		rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(client->rk, user, password);

		if (error)
			rd_kafka_error_destroy(error);
	}
	pthread_mutex_lock(&client->lock);
	if (kinds & BIT(SECRET_TOKEN) && client->token.file)
		set_token(client, &fresh->token);
	if (kinds & BIT(SECRET_TRUST)) {
		trust = client->trust;
		client->trust = trust_new(client_settings_get(fresh, "ssl.ca.pem"));
	}
	pthread_mutex_unlock(&client->lock);
	trust_free(&trust);
}

void
renewal_enter(struct client *client)
{
	const struct client_settings none = {0};
	struct client_settings *now;
	rd_kafka_error_t *error;
	unsigned kinds;
	bool has_new_token;

	if (client->token.file) {
		/* The library asks at once, and before the token grows old. */
		error = rd_kafka_sasl_background_callbacks_enable(client->rk);
		if (error)
			rd_kafka_error_destroy(error);
	}
	pthread_mutex_lock(&living_lock);
	client->next = living;
	if (living)
		living->previous = client;
	living = client;
	client->is_living = true;
	/* Something may have been renewed since its settings were looked up. */
	kinds = identity_renewed(client->side);
	if (kinds) {
		now = identity_settings(client->side, &none);
		renew(client, now, kinds);
		identity_settings_free(&now);
	}
	has_new_token = kinds & BIT(SECRET_TOKEN) && client->token.file;
	pthread_mutex_unlock(&living_lock);
	if (has_new_token)
		refresh_token(client);
}

void
client_visit(void (*fn)(struct client *client, int64_t now))
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&living_lock);
	for (struct client *c = living; c; c = c->next)
		fn(c, now);
	pthread_mutex_unlock(&living_lock);
}

/* Can what is to be renewed reach every client of the side? */
static int
check_reach(
	enum client_side side, const struct client_settings *fresh, unsigned kinds, struct err *err)
{
	bool is_out_of_reach = false;

	if (kinds & BIT(SECRET_LOGIN) && (!client_settings_get(fresh, "sasl.username") ||
						 !client_settings_get(fresh, "sasl.password")))
		return err_set(err, "the login has no user or no password any more");
	if (kinds & BIT(SECRET_TOKEN) && !fresh->token.file)
		return err_set(err, "no file with a token is named any more; restart");
	if (!(kinds & (BIT(SECRET_KEY) | BIT(SECRET_TRUST))))
		return 0;
	pthread_mutex_lock(&living_lock);
	for (const struct client *c = living; c; c = c->next)
		is_out_of_reach |= c->side == side && c->has_tls && !c->has_context;
	pthread_mutex_unlock(&living_lock);
	if (is_out_of_reach)
		return err_set(err,
			"the linked librdkafka has an OpenSSL of its own, whose certificates "
			"cannot be renewed; restart");
	return 0;
}

/* All clients of the side take it; token is NULL when it is not among the kinds. */
static void
renew_all(enum client_side side, const struct client_settings *fresh, unsigned kinds,
	const struct token *token)
{
	char *extensions;
	struct err err;

	pthread_mutex_lock(&living_lock);
	for (struct client *c = living; c; c = c->next) {
		if (c->side != side)
			continue;
		renew(c, fresh, kinds);
		if (!token || !c->token.file)
			continue;
		extensions = mem_strdup(fresh->token.extensions ? fresh->token.extensions : "");
		show_token(c, token, extensions, &err);
		free(extensions);
	}
	pthread_mutex_unlock(&living_lock);
}

int
renewal_take(
	enum client_side side, const struct client_settings *fresh, unsigned kinds, struct err *err)
{
	bool has_token = kinds & BIT(SECRET_TOKEN);
	struct token token = {0};
	int rc = check_reach(side, fresh, kinds, err);

	/* Once, before the lock that workers wait for when they make clients. */
	if (!rc && has_token)
		rc = token_read(fresh->token.file, fresh->token.claim, &token, err);
	if (!rc)
		rc = identity_renew(side, fresh, kinds, err);
	if (!rc)
		renew_all(side, fresh, kinds, has_token ? &token : NULL);
	token_fini(&token);
	return rc;
}
