/* A translation: the properties of one client on their way to settings, and the words its rules are
 * written in. */
#ifndef CONFIG_TRANSLATION_H
#define CONFIG_TRANSLATION_H

#include <stdarg.h>

#include "config/javaprops.h"

struct translation {
	struct config *config;
	enum javaprop_side side;
	const char *section;
	const struct properties *properties;
	const struct property *current; /* the one that is translated now */
	bool is_implied;		/* it stands in no file, where its value could be seen */
	struct client_settings *settings;
	size_t capacity;
	config_known *known; /* may be NULL */
	struct problems *problems;
};

/* Gives the current property its verdict; detail by printf rules. */
void translation_note(struct translation *t, enum verdict verdict, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with a warning or an error of the same words. */
void translation_warn(struct translation *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void translation_refuse(struct translation *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds a setting for the current property without a verdict. Returns what config_known says: 1 it
   is added, 0 the library does not know the name, -1 it refuses the value and the reason is in why
   (256 bytes). */
int translation_add(struct translation *t, const char *name, const char *value, char *why);

/* Adds a setting and gives the verdict: set when it is the property as it stands, else translated;
   warned when the library does not know it, refused when it does not take it. extra, if not NULL,
   is added to the detail. Returns true when it was added. */
bool translation_give(
	struct translation *t, const char *name, const char *value, const char *extra);

/* The value of another property of the same client, NULL when it is not given. */
const char *translation_other(const struct translation *t, const char *key);

/* Does what a rule does with a property that stands in no file: origin says where it does. It is
   the current property meanwhile. */
void translation_apply(struct translation *t, const char *key, const char *value,
	const char *origin,
	void (*how)(struct translation *t, const struct javaprop *row, const char *value));

/* Is the client's security.protocol one with TLS, or with SASL? */
bool translation_has_tls(const struct translation *t);
bool translation_has_sasl(const struct translation *t);

/* What is done with a value: how of the rows. */
#define RULE(name) \
	void rule_##name(struct translation *t, const struct javaprop *row, const char *value)

/* In translation.c: the same for many rows. */
RULE(same);    /* given on under its name or the row's */
RULE(newer);   /* the same; ignored where the linked library does not know it */
RULE(integer); /* a whole number, held within the row's range */
RULE(os_size); /* the same, and -1 (the operating system's choice) is 0 */
RULE(boolean); /* true or false in any case */
RULE(handled); /* the agent's own business */
RULE(quiet);   /* no effect */
RULE(warning); /* no effect that one might miss */
RULE(refusal); /* an error in the row's words */

/* In rules.c: one row's own. */
RULE(bootstrap);
RULE(zookeeper_connect);
RULE(group_id);
RULE(group_instance_id);
RULE(client_id);
RULE(security_protocol);
RULE(metadata_age);
RULE(offset_reset);
RULE(internal_topics);
RULE(max_poll_records);
RULE(assignors);
RULE(auto_commit);
RULE(byte_class);
RULE(group_protocol);
RULE(offsets_storage);
RULE(dns_lookup);
RULE(old_threads);
RULE(old_topics);
RULE(producer_timeout);
RULE(consumer_backoff);

/* In rules_producer.c. */
RULE(acks);
RULE(idempotence);
RULE(in_flight);
RULE(retries);
RULE(delivery_timeout);
RULE(batch_size);
RULE(batch_records);
RULE(buffer_memory);
RULE(request_size);
RULE(compression);
RULE(compression_level);
RULE(partitioner);
RULE(false_only);
RULE(producer_type);

/* In rules_security.c. */
RULE(mechanism);
RULE(oidc);
RULE(token_url);
RULE(subject_claim);
RULE(sasl_handler);
RULE(jwt_retriever);

/* In rules_jaas.c. */
RULE(jaas);
RULE(login_file);

/* In rules_stores.c. */
RULE(truststore);
RULE(trusted_text);
RULE(keystore);
RULE(chain_text);
RULE(key_text);
RULE(key_location);
RULE(key_password);

/* In rules_tls.c. */
RULE(identification);
RULE(cipher_suites);
RULE(tls_versions);

/* In rules_profile.c. */
RULE(profile);

/* Gives the defaults of the profile that is named, before all else, so that whatever the user says
 * wins. */
void rules_begin_profile(struct translation *t);

/* Can the linked library get tokens for OAUTHBEARER by itself, from where the properties say?
   Otherwise the current property is refused. */
bool translation_check_oidc(struct translation *t);

/* Does the client's token stand in a file, which sasl.oauthbearer.token.endpoint.url names, or
   Strimzi's oauth.access.token.location? */
bool translation_has_token_file(const struct translation *t);

/* Takes the file at that path, or address that begins with file:, as the one that the client's
   token stands in. The current property is refused when it cannot be read. */
bool translation_take_token(struct translation *t, const char *path);

/* What properties mean together, once all are read. They need a translation whose properties are
   all done. Login: the file that Java's environment names, when nothing else says how to log in.
   Kerberos: that a ticket is wanted, and what it needs. Trust: the store that it names, likewise.
   Both: the wait for connections. Consumer: sizes and times that librdkafka wants in a certain
   order. Producer: batch size and idempotence. */
void rules_finish_login(struct translation *t);
void rules_finish_kerberos(struct translation *t);
void rules_finish_trust(struct translation *t);
void rules_finish_both(struct translation *t);
void rules_finish_consumer(struct translation *t);
void rules_finish_producer(struct translation *t);

#endif
