/* Rules of trust and key stores: whatever form they have, librdkafka is given PEM. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "config/file.h"
#include "config/jvm.h"
#include "config/privacy.h"
#include "config/store.h"
#include "config/translation.h"

/* Where Java is told of the store that all its clients trust. */
#define JAVA_TRUST_STORE "javax.net.ssl.trustStore"

static const char *const form_names[] = {
	[STORE_UNKNOWN] = "unknown",
	[STORE_PEM] = "PEM",
	[STORE_PKCS12] = "PKCS12",
	[STORE_JKS] = "JKS",
	[STORE_JCEKS] = "JCEKS",
};

/* Is there use for a store, and can it be read? Gives the verdict when not. */
static bool
is_usable(struct translation *t)
{
	if (translation_has_tls(t))
		return true;
	translation_warn(t, "has no effect without SSL in security.protocol");
	return false;
}

/* A property that is there and not empty, else NULL. */
static const char *
given(const struct translation *t, const char *key)
{
	const char *value = translation_other(t, key);

	return value && *value ? value : NULL;
}

/* Reads the store in the file; the verdict is given when that fails. */
static int
read_file(struct translation *t, const struct store_request *request, struct store *ret)
{
	struct err err;
	char *bytes;
	size_t n;
	int result;

	if (file_read(request->name, STORE_MAX_BYTES, &bytes, &n, &err)) {
		translation_refuse(t, "%s", err.text);
		return -1;
	}
	result = store_read(bytes, n, request, ret, &err);
	explicit_bzero(bytes, n);
	free(bytes);
	if (result)
		translation_refuse(t, "%s", err.text);
	return result;
}

/* Adds a setting; the verdict is given when the library does not take it. */
static bool
add(struct translation *t, const char *name, const char *value)
{
	char why[256] = "";

	if (translation_add(t, name, value, why) == 1)
		return true;
	translation_refuse(t,
		"librdkafka does not take %s, which was made of this; check the store "
		"with keytool -list -v",
		name);
	return false;
}

/* In memory: clients that are made later do not see what stands in the file by then, and
   kafka/trust knows whom Java trusts without having signed himself. */
static void
give_trusted(struct translation *t, const struct store *store)
{
	char *pem = store_print_certificates(store->trusted);
	int count = sk_X509_num(store->trusted);

	if (add(t, "ssl.ca.pem", pem))
		translation_note(t, VERDICT_TRANSLATED, "%s with %d certificate%s: ssl.ca.pem",
			form_names[store->form], count, count == 1 ? "" : "s");
	free(pem);
}

/* Takes the certificates of a file. */
static void
take_truststore(struct translation *t, const char *path, const char *password)
{
	struct store_request request = {.name = path, .password = password};
	struct store store;

	if (!is_usable(t) || read_file(t, &request, &store))
		return;
	give_trusted(t, &store);
	store_fini(&store);
}

RULE(truststore)
{
	(void)row;
	take_truststore(t, value, given(t, "ssl.truststore.password"));
}

/* Java's own store, for clients that name none. */
static void
take_java_truststore(struct translation *t, const struct javaprop *row, const char *path)
{
	char *password = jvm_property("javax.net.ssl.trustStorePassword", NULL);

	(void)row;
	take_truststore(t, path, password);
	mem_wipe(&password);
}

void
rules_finish_trust(struct translation *t)
{
	static const char *const names[] = {"ssl.truststore.location",
		"ssl.truststore.certificates", "ssl.ca.location", "ssl.ca.pem",
		"rdkafka.ssl.ca.location", "rdkafka.ssl.ca.pem"};
	const char *variable;
	char *path;

	if (!translation_has_tls(t))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (translation_other(t, names[i]))
			return;
	path = jvm_property(JAVA_TRUST_STORE, &variable);
	if (path)
		translation_apply(t, JAVA_TRUST_STORE, path, variable, take_java_truststore);
	free(path);
}

RULE(trusted_text)
{
	struct store_request request = {.name = row->name};
	struct store store;
	struct err err;

	if (!is_usable(t))
		return;
	if (store_read(value, strlen(value), &request, &store, &err)) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	give_trusted(t, &store);
	store_fini(&store);
}

/* A certificate that brokers refuse for its age is said before they do. */
static void
check_age(struct translation *t, const struct store *store)
{
	const X509 *own = sk_X509_value(store->chain, 0);
	const ASN1_TIME *end = X509_get0_notAfter(own);
	struct tm tm = {0};
	char day[16] = "";

	if (X509_cmp_current_time(end) >= 0)
		return;
	ASN1_TIME_to_tm(end, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	problems_warn(t->problems, t->current->origin,
		"%s: the client's certificate expired on %s, and brokers will refuse it; get a "
		"new one",
		t->current->key, day);
}

static void
give_key(struct translation *t, const struct store *store)
{
	char *certificates = store_print_certificates(store->chain);
	char *key = store_print_key(store->key);

	if (add(t, "ssl.certificate.pem", certificates) && add(t, "ssl.key.pem", key)) {
		translation_note(t, VERDICT_TRANSLATED, "%s: ssl.certificate.pem and ssl.key.pem%s",
			form_names[store->form],
			store->keys > 1 ? "; it holds several keys, and the first is used" : "");
		check_age(t, store);
	}
	free(certificates);
	mem_wipe(&key);
}

RULE(keystore)
{
	struct store_request request = {
		.name = value,
		.password = given(t, "ssl.keystore.password"),
		.key_password = given(t, "ssl.key.password"),
		.wants_key = true,
	};
	struct store store;

	(void)row;
	if (!is_usable(t) || read_file(t, &request, &store))
		return;
	privacy_check_file(value, "the key of the client", t->current->origin, t->problems);
	give_key(t, &store);
	store_fini(&store);
}

RULE(key_location)
{
	privacy_check_file(value, "the key of the client", t->current->origin, t->problems);
	rule_same(t, row, value);
}

RULE(chain_text)
{
	const char *key = given(t, "ssl.keystore.key");
	struct store_request request = {
		.name = "ssl.keystore.key",
		.key_password = given(t, "ssl.key.password"),
		.wants_key = true,
	};
	struct store store;
	struct err err;
	char *both;

	(void)row;
	if (!is_usable(t))
		return;
	if (!key) {
		translation_refuse(t, "needs the key to its certificate; write ssl.keystore.key");
		return;
	}
	both = mem_printf("%s\n%s\n", value, key);
	if (store_read(both, strlen(both), &request, &store, &err)) {
		translation_refuse(t, "%s", err.text);
	} else {
		give_key(t, &store);
		store_fini(&store);
	}
	mem_wipe(&both);
}

RULE(key_text)
{
	(void)row, (void)value;
	if (!is_usable(t))
		return;
	if (given(t, "ssl.keystore.certificate.chain"))
		translation_note(t, VERDICT_HANDLED, "read with ssl.keystore.certificate.chain");
	else
		translation_refuse(
			t, "needs its certificate; write ssl.keystore.certificate.chain");
}

/* The store's rule uses it, or gives it on; only a key that librdkafka is told of by its own name
   needs it from here. */
RULE(key_password)
{
	if (translation_other(t, "ssl.key.location") || translation_other(t, "ssl.key.pem") ||
		!(translation_other(t, "ssl.keystore.location") ||
			translation_other(t, "ssl.keystore.key")))
		rule_same(t, row, value);
	else
		translation_note(t, VERDICT_HANDLED, "opens the key in the store");
}
