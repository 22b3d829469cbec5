/* Secrets: what a client logs in and shows itself with, told apart by whether it can be taken anew
 * while the client lives. */
#include "config/secrets.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/store.h"

/* The first row whose name a setting's begins with. */
static const struct {
	const char *name;
	enum secret kind;
} kinds[] = {
	{"sasl.username", SECRET_LOGIN},
	{"sasl.password", SECRET_LOGIN},
	{"ssl.certificate.", SECRET_KEY},
	{"ssl.key.", SECRET_KEY},
	{"ssl.ca.", SECRET_TRUST},
	{"ssl.crl.", SECRET_TRUST},
	{"sasl.", SECRET_FIXED},
	{"ssl.", SECRET_FIXED},
	{"security.protocol", SECRET_FIXED},
	{"enable.ssl.", SECRET_FIXED},
	{"enable.sasl.", SECRET_FIXED},
	{"bootstrap.servers", SECRET_FIXED},
	{"metadata.broker.list", SECRET_FIXED},
};

enum secret
secret_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strncmp(name, kinds[i].name, strlen(kinds[i].name)))
			return kinds[i].kind;
	return SECRETS;
}

const char *
secret_name(enum secret secret)
{
	static const char *const names[] = {
		"login", "token", "certificate", "trust", "other connection settings"};

	return names[secret];
}

/* With the NUL behind it, so that no two texts run into each other. */
static void
add_text(EVP_MD_CTX *hash, const char *text)
{
	EVP_DigestUpdate(hash, text ? text : "", strlen(text ? text : "") + 1);
}

/* What cannot be read, or is no file but a folder or a pipe, counts by its name alone. */
static void
add_file(EVP_MD_CTX *hash, const char *path)
{
	char *bytes;
	size_t n;

	if (file_read_lasting(path, STORE_MAX_BYTES, &bytes, &n, NULL))
		return;
	EVP_DigestUpdate(hash, bytes, n);
	explicit_bzero(bytes, n);
	free(bytes);
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

void
secrets_take(const struct client_settings *settings, const char *zookeeper, struct secrets *ret)
{
	EVP_MD_CTX *hashes[SECRETS];

	ret->given = settings->token.file ? 1U << SECRET_TOKEN : 0;
	for (int i = 0; i < SECRETS; i++) {
		hashes[i] = EVP_MD_CTX_new();
		EVP_DigestInit_ex(hashes[i], EVP_sha256(), NULL);
	}
	for (size_t i = 0; i < settings->count; i++) {
		const struct client_setting *item = &settings->items[i];
		enum secret kind = secret_of(item->name);

		if (kind == SECRETS)
			continue;
		if (*item->value)
			ret->given |= strcmp(item->name, "ssl.crl.location") != 0 ? 1U << kind
										  : SECRETS_REVOKED;
		add_text(hashes[kind], item->name);
		add_text(hashes[kind], item->value);
		if (ends_with(item->name, ".location"))
			add_file(hashes[kind], item->value);
	}
	add_text(hashes[SECRET_FIXED], zookeeper);
	add_text(hashes[SECRET_TOKEN], settings->token.claim);
	add_text(hashes[SECRET_TOKEN], settings->token.extensions);
	if (settings->token.file) {
		add_text(hashes[SECRET_TOKEN], settings->token.file);
		add_file(hashes[SECRET_TOKEN], settings->token.file);
	}
	for (int i = 0; i < SECRETS; i++) {
		EVP_DigestFinal_ex(hashes[i], ret->digests[i], NULL);
		EVP_MD_CTX_free(hashes[i]);
	}
}

const char *
secrets_lost(const struct secrets *before, const struct secrets *now)
{
	unsigned lost = before->given & ~now->given;

	for (int i = 0; i < SECRET_FIXED; i++)
		if (lost & 1U << i)
			return secret_name(i);
	return lost & SECRETS_REVOKED ? "list of revoked certificates" : NULL;
}

unsigned
secrets_compare(const struct secrets *a, const struct secrets *b)
{
	unsigned changed = 0;

	for (int i = 0; i < SECRETS; i++)
		if (memcmp(a->digests[i], b->digests[i], sizeof(a->digests[i])) != 0)
			changed |= 1U << i;
	return changed;
}
