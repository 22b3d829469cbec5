/* A store: certificates, and maybe a key with its chain, in any of the forms that Java takes. */
#include "config/store.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/store_forms.h"

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *library;
static bool has_legacy;

static void
open_library(void)
{
	library = OSSL_LIB_CTX_new();
	OSSL_PROVIDER_load(library, "default");
	has_legacy = OSSL_PROVIDER_load(library, "legacy") != NULL;
	ERR_clear_error();
}

OSSL_LIB_CTX *
store_library(bool *ret_has_legacy)
{
	pthread_once(&library_once, open_library);
	if (ret_has_legacy)
		*ret_has_legacy = has_legacy;
	return library;
}

EVP_PKEY *
store_decode_key(const unsigned char *der, size_t n)
{
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, (long)n);
	EVP_PKEY *key = info ? EVP_PKCS82PKEY_ex(info, store_library(NULL), NULL) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return key;
}

const char *
store_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return reason ? reason : "no reason is given";
}

enum store_form
store_sniff(const char *bytes, size_t n)
{
	static const char begin[] = "-----BEGIN";

	if (n >= 4 && memcmp(bytes, "\xfe\xed\xfe\xed", 4) == 0)
		return STORE_JKS;
	if (n >= 4 && memcmp(bytes, "\xce\xce\xce\xce", 4) == 0)
		return STORE_JCEKS;
	if (memmem(bytes, n, begin, sizeof(begin) - 1))
		return STORE_PEM;
	/* A SEQUENCE that is longer than 127 bytes. */
	if (n >= 2 && bytes[0] == 0x30 && (bytes[1] & 0x80))
		return STORE_PKCS12;
	return STORE_UNKNOWN;
}

static int
read_form(const char *bytes, size_t n, const struct store_request *request, struct store *store,
	struct err *err)
{
	switch (store->form) {
	case STORE_PEM: return store_read_pem(bytes, n, request, store, err);
	case STORE_PKCS12: return store_read_pkcs12(bytes, n, request, store, err);
	case STORE_JKS:
	case STORE_JCEKS: return store_read_jks(bytes, n, request, store, err);
	case STORE_UNKNOWN: break;
	}
	return err_set(err,
		"'%s' is neither PEM nor PKCS12 nor JKS nor JCEKS; run `keytool -importkeystore "
		"-srckeystore %s -destkeystore client.p12 -deststoretype PKCS12` with "
		"-srcstoretype and what its provider needs, and write client.p12 instead",
		request->name, request->name);
}

/* What was asked for must be there, and fit together. */
static int
check(const struct store_request *request, const struct store *store, struct err *err)
{
	if (!request->wants_key)
		return sk_X509_num(store->trusted) > 0
			       ? 0
			       : err_set(err, "'%s' holds no certificate to trust", request->name);
	if (!store->key)
		return err_set(err,
			"'%s' holds no private key; `keytool -list -keystore %s` must show a "
			"PrivateKeyEntry",
			request->name, request->name);
	if (sk_X509_num(store->chain) == 0)
		return err_set(err,
			"'%s' holds a private key, but not its certificate; import the CA's answer "
			"under "
			"the key's alias (keytool -importcert -alias ALIAS)",
			request->name);
	if (X509_check_private_key(sk_X509_value(store->chain, 0), store->key) != 1) {
		ERR_clear_error();
		return err_set(err,
			"the private key and the certificate of '%s' are not a pair: "
			"take the certificate that was issued for this key",
			request->name);
	}
	return 0;
}

int
store_read(const char *bytes, size_t n, const struct store_request *request, struct store *ret,
	struct err *err)
{
	struct store store = {.form = store_sniff(bytes, n)};
	int result;

	store.trusted = sk_X509_new_null();
	store.chain = sk_X509_new_null();
	result = read_form(bytes, n, request, &store, err);
	ERR_clear_error();
	if (result == 0)
		result = check(request, &store, err);
	if (result)
		store_fini(&store);
	else
		*ret = store;
	return result;
}

/* What was written to it, as a string; wiped there. @takes bio @gives a string */
static char *
take_text(BIO *bio)
{
	char *bytes, *s;
	long n = BIO_get_mem_data(bio, &bytes);

	s = mem_strndup(n > 0 ? bytes : "", (size_t)n);
	OPENSSL_cleanse(bytes, (size_t)n);
	BIO_free(bio);
	return s;
}

char *
store_print_certificates(const STACK_OF(X509) * certificates)
{
	BIO *bio = BIO_new(BIO_s_mem());

	for (int i = 0; i < sk_X509_num(certificates); i++)
		PEM_write_bio_X509(bio, sk_X509_value(certificates, i));
	return take_text(bio);
}

char *
store_print_key(const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	return take_text(bio);
}

void
store_fini(struct store *store)
{
	sk_X509_pop_free(store->trusted, X509_free);
	sk_X509_pop_free(store->chain, X509_free);
	EVP_PKEY_free(store->key);
	*store = (struct store){0};
}
