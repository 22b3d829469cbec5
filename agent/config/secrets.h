/* Secrets: what a client logs in and shows itself with, told apart by whether it can be taken anew
 * while the client lives. */
#ifndef CONFIG_SECRETS_H
#define CONFIG_SECRETS_H

struct client_settings;

enum secret {
	SECRET_LOGIN, /* user and password of PLAIN and SCRAM */
	SECRET_TOKEN, /* what OAUTHBEARER shows, in a file */
	SECRET_KEY,   /* the client's certificate and its key */
	SECRET_TRUST, /* whose certificates are believed */
	SECRET_FIXED, /* all the rest of a client's security, and whom it connects to, which it
			 keeps as long as it lives */
	SECRETS
};

/* A digest of each kind, with the content of the files that settings name. */
struct secrets {
	unsigned char digests[SECRETS][32];
	unsigned given; /* kinds of which there is something, bits of 1 << enum secret, and: */
#define SECRETS_REVOKED (1U << SECRETS) /* a list of revoked certificates */
};

/* Of which kind a setting is, by librdkafka's name; SECRETS: it is none of these. */
enum secret secret_of(const char *name);

/* "login" "token" "certificate" "trust" "other connection settings" */
const char *secret_name(enum secret secret);

/* zookeeper: where the brokers' addresses come from, NULL: they are among the settings.
   @blocks on reading files */
void secrets_take(
	const struct client_settings *settings, const char *zookeeper, struct secrets *ret);

/* The name of something that there was and is not any more, whatever else is other; NULL: all is
   there. */
const char *secrets_lost(const struct secrets *before, const struct secrets *now);

/* The kinds that differ: bit 1 << kind of each. */
unsigned secrets_compare(const struct secrets *a, const struct secrets *b);

#endif
