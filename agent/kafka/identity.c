/* Identity: what the clients of one side show to brokers and whom they trust, as it is now. For
 * kafka/ only. */
#include "kafka/identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "config/store.h"

#define BIT(kind) (1U << (kind))

/* What TLS is done with. */
struct material {
	STACK_OF(X509) * chain; /* the client's own first; NULL: it has none */
	EVP_PKEY *key;
	X509_STORE *trusted;
};

static struct identity {
	pthread_mutex_t lock;
	unsigned renewed; /* kinds that are not the start's any more; under lock, as all below */
	struct client_settings settings; /* theirs */
	struct material material;
} identities[CLIENT_SIDES] = {
	{.lock = PTHREAD_MUTEX_INITIALIZER}, {.lock = PTHREAD_MUTEX_INITIALIZER}};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int context_index; /* of SSL_CTX's ex_data */
static _Thread_local struct identity *making;
static _Thread_local bool is_seen;

static void
material_fini(struct material *m)
{
	sk_X509_pop_free(m->chain, X509_free);
	EVP_PKEY_free(m->key);
	X509_STORE_free(m->trusted);
	*m = (struct material){0};
}

/* -1 when OpenSSL does not take it; then none is shown. */
static int
show_key(const struct material *m, SSL *ssl)
{
	STACK_OF(X509) * others;
	int rc;

	SSL_certs_clear(ssl);
	if (!m->chain)
		return 0;
	others = sk_X509_dup(m->chain);
	sk_X509_shift(others);
	rc = SSL_use_cert_and_key(ssl, sk_X509_value(m->chain, 0), m->key, others, 1);
	sk_X509_free(others);
	return rc == 1 ? 0 : -1;
}

/* Will connections be able to show the key? A certificate that is too weak for OpenSSL's security
   level is not taken. */
static int
try_key(const struct client_settings *settings, const struct material *m, struct err *err)
{
	const char *ciphers = client_settings_get(settings, "ssl.cipher.suites");
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	char why[256] = "out of memory";
	SSL *ssl;
	int rc = -1;

	/* They may set the level. */
	if (context && ciphers)
		SSL_CTX_set_cipher_list(context, ciphers);
	ERR_clear_error();
	ssl = context ? SSL_new(context) : NULL;
	if (ssl)
		rc = show_key(m, ssl);
	if (ERR_peek_error())
		ERR_error_string_n(ERR_peek_error(), why, sizeof(why));
	SSL_free(ssl);
	SSL_CTX_free(context);
	ERR_clear_error();
	return rc ? err_set(err,
			    "OpenSSL does not take the client's certificate (%s); have one made "
			    "with a longer key and a newer digest",
			    why)
		  : 0;
}

/* @thread any of the library's */
static void
on_handshake(const SSL *connection, int where, int result)
{
	SSL *ssl = (SSL *)(uintptr_t)connection;
	struct identity *identity;

	(void)result;
	if (!(where & SSL_CB_HANDSHAKE_START))
		return;
	identity = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index);
	pthread_mutex_lock(&identity->lock);
	if (identity->renewed & BIT(SECRET_KEY))
		show_key(&identity->material, ssl);
	if (identity->renewed & BIT(SECRET_TRUST))
		SSL_set1_verify_cert_store(ssl, identity->material.trusted);
	pthread_mutex_unlock(&identity->lock);
	ERR_clear_error();
}

/* A context was made, on this thread. @thread any */
static void
on_context(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number, void *arg)
{
	(void)value, (void)number, (void)arg;
	if (!making)
		return;
	CRYPTO_set_ex_data(data, index, making);
	SSL_CTX_set_info_callback(parent, on_handshake);
	is_seen = true;
}

static void
hear_of_contexts(void)
{
	context_index = SSL_CTX_get_ex_new_index(0, NULL, on_context, NULL, NULL);
}

void
identity_begin(enum client_side side)
{
	pthread_once(&once, hear_of_contexts);
	making = &identities[side];
	is_seen = false;
}

bool
identity_end(void)
{
	making = NULL;
	return is_seen;
}

/* Adds copies of the items whose kind is among these, or is not. */
static void
add_items(
	struct client_settings *to, const struct client_settings *from, unsigned kinds, bool is_in)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct client_setting *item = &from->items[i];

		if (((kinds >> secret_of(item->name)) & 1) != is_in)
			continue;
		to->items = mem_resize(to->items, to->count + 1, sizeof(*to->items));
		to->items[to->count++] = (struct client_setting){.name = mem_strdup(item->name),
			.value = mem_strdup(item->value),
			.is_secret = item->is_secret,
			.origin = mem_strdup(item->origin)};
	}
}

static char *
copy(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

static void
set_token(struct client_settings *to, const struct client_token *token)
{
	to->token = (struct client_token){.file = copy(token->file),
		.claim = copy(token->claim),
		.extensions = copy(token->extensions)};
}

static void
settings_fini(struct client_settings *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->items[i].name);
		mem_wipe(&s->items[i].value);
		free(s->items[i].origin);
	}
	free(s->items);
	free(s->token.file);
	free(s->token.claim);
	free(s->token.extensions);
	*s = (struct client_settings){0};
}

struct client_settings *
identity_settings(enum client_side side, const struct client_settings *settings)
{
	struct identity *identity = &identities[side];
	struct client_settings *merged = mem_alloc(sizeof(*merged));

	*merged = *settings;
	merged->items = NULL;
	merged->count = 0;
	pthread_mutex_lock(&identity->lock);
	add_items(merged, settings, identity->renewed, false);
	add_items(merged, &identity->settings, identity->renewed, true);
	set_token(merged, identity->renewed & BIT(SECRET_TOKEN) ? &identity->settings.token
								: &settings->token);
	pthread_mutex_unlock(&identity->lock);
	return merged;
}

unsigned
identity_renewed(enum client_side side)
{
	unsigned renewed;

	pthread_mutex_lock(&identities[side].lock);
	renewed = identities[side].renewed;
	pthread_mutex_unlock(&identities[side].lock);
	return renewed;
}

void
identity_settings_free(struct client_settings **settings)
{
	if (!*settings)
		return;
	settings_fini(*settings);
	free(*settings);
	*settings = NULL;
}

/* A file's content at the end of the text. */
static int
add_file(struct text *text, const char *path, struct err *err)
{
	char *bytes;
	size_t n;

	if (file_read(path, STORE_MAX_BYTES, &bytes, &n, err) < 0)
		return -1;
	text_add(text, bytes, n);
	text_putc(text, '\n');
	explicit_bzero(bytes, n);
	free(bytes);
	return 0;
}

/* What a setting holds, or the file that the other one names, at the end of the text. -1 when that
   cannot be read. */
static int
add_pem(struct text *text, const struct client_settings *settings, const char *value_name,
	const char *file_name, struct err *err)
{
	const char *value = client_settings_get(settings, value_name);
	const char *path = client_settings_get(settings, file_name);

	if (value)
		text_printf(text, "%s\n", value);
	return value || !path ? 0 : add_file(text, path, err);
}

/* The client's certificate with its chain, and the key; nothing when the settings have none. */
static int
read_key(const struct client_settings *settings, struct material *ret, struct err *err)
{
	struct store_request request = {.name = "the client's certificate and key",
		.key_password = client_settings_get(settings, "ssl.key.password"),
		.wants_key = true};
	struct text text = {0};
	struct store store;
	int rc = add_pem(&text, settings, "ssl.certificate.pem", "ssl.certificate.location", err);

	if (!rc)
		rc = add_pem(&text, settings, "ssl.key.pem", "ssl.key.location", err);
	if (!rc && text.s)
		rc = store_read(text.s, text.length, &request, &store, err);
	if (!rc && text.s) {
		if (X509_check_private_key(sk_X509_value(store.chain, 0), store.key) == 1) {
			ret->chain = X509_chain_up_ref(store.chain);
			EVP_PKEY_up_ref(store.key);
			ret->key = store.key;
		} else {
			rc = err_set(err, "the client's certificate and its key do not belong "
					  "together; write both anew");
		}
		store_fini(&store);
	}
	ERR_clear_error();
	if (text.s)
		explicit_bzero(text.s, text.length);
	text_fini(&text);
	return rc;
}

/* Puts these certificates and those of the file into the store; either may be NULL. */
static int
add_trusted(X509_STORE *to, const char *pem, const char *path, struct err *err)
{
	struct store_request request = {.name = "the trust store"};
	struct text text = {0};
	struct store store;
	int rc = path ? add_file(&text, path, err) : 0;

	if (pem)
		text_puts(&text, pem);
	if (!rc && text.s)
		rc = store_read(text.s, text.length, &request, &store, err);
	if (!rc && text.s) {
		for (int i = 0; i < sk_X509_num(store.trusted); i++)
			X509_STORE_add_cert(to, sk_X509_value(store.trusted, i));
		store_fini(&store);
	}
	text_fini(&text);
	return rc;
}

static bool
is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* As the library has it: a folder or a file and certificates besides, or else the system's own; and
   who was revoked. */
static int
read_trust(const struct client_settings *settings, struct material *ret, struct err *err)
{
	const char *path = client_settings_get(settings, "ssl.ca.location");
	const char *revoked = client_settings_get(settings, "ssl.crl.location");
	const char *pem = client_settings_get(settings, "ssl.ca.pem");
	int rc;

	ret->trusted = X509_STORE_new();
	if (path && !strcmp(path, "probe"))
		path = NULL;
	if (!pem && !path)
		X509_STORE_set_default_paths(ret->trusted);
	if (path && is_folder(path)) {
		X509_STORE_load_path(ret->trusted, path);
		path = NULL;
	}
	rc = add_trusted(ret->trusted, pem, path, err);
	if (!rc && revoked) {
		if (X509_STORE_load_file(ret->trusted, revoked) != 1)
			rc = err_set(err, "cannot read the revoked certificates in '%s'", revoked);
		X509_STORE_set_flags(ret->trusted, X509_V_FLAG_CRL_CHECK);
	}
	ERR_clear_error();
	return rc;
}

/* What was read takes the place of what there was, which is given back in it. */
static void
exchange(struct identity *identity, struct client_settings *settings, struct material *material,
	unsigned kinds)
{
	struct client_settings before = identity->settings;
	struct material old = identity->material;

	identity->settings = *settings;
	*settings = before;
	if (kinds & BIT(SECRET_KEY)) {
		identity->material.chain = material->chain;
		identity->material.key = material->key;
		material->chain = old.chain;
		material->key = old.key;
	}
	if (kinds & BIT(SECRET_TRUST)) {
		identity->material.trusted = material->trusted;
		material->trusted = old.trusted;
	}
	identity->renewed |= kinds;
}

int
identity_renew(
	enum client_side side, const struct client_settings *fresh, unsigned kinds, struct err *err)
{
	struct identity *identity = &identities[side];
	struct client_settings settings = {0};
	struct material material = {0};
	int rc = 0;

	if (kinds & BIT(SECRET_KEY))
		rc = read_key(fresh, &material, err);
	if (!rc && material.chain)
		rc = try_key(fresh, &material, err);
	if (!rc && kinds & BIT(SECRET_TRUST))
		rc = read_trust(fresh, &material, err);
	if (!rc) {
		pthread_mutex_lock(&identity->lock);
		add_items(&settings, fresh, kinds | identity->renewed, true);
		set_token(&settings, &fresh->token);
		exchange(identity, &settings, &material, kinds);
		pthread_mutex_unlock(&identity->lock);
		settings_fini(&settings);
	}
	material_fini(&material);
	return rc;
}
