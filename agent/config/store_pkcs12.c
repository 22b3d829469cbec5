/* PKCS#12, the form of stores that OpenSSL and Java since 9 write by default.
 *
 * Bags of certificates and keys, in packets that are encrypted or not. Java marks a certificate
 * that is to be trusted with an attribute of Oracle's; OpenSSL's PKCS12_parse() knows neither that
 * nor a key's own password.
 */
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "config/store_forms.h"

/* Oracle's attribute trustedKeyUsage. */
#define TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"

/* What one walk over all bags collects. */
struct walk {
	const struct store_request *request;
	struct store *store;
	STACK_OF(X509) * others; /* certificates without the attribute */
	struct err *err;
};

static bool
is_marked(const PKCS12_SAFEBAG *bag)
{
	const STACK_OF(X509_ATTRIBUTE) *attributes = PKCS12_SAFEBAG_get0_attrs(bag);
	char name[64];

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(attributes); i++) {
		X509_ATTRIBUTE *one = sk_X509_ATTRIBUTE_value(attributes, i);

		OBJ_obj2txt(name, sizeof(name), X509_ATTRIBUTE_get0_object(one), 1);
		if (!strcmp(name, TRUSTED_KEY_USAGE))
			return true;
	}
	return false;
}

static int
take_certificate(struct walk *walk, const PKCS12_SAFEBAG *bag)
{
	X509 *certificate;

	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return 0;
	certificate = PKCS12_SAFEBAG_get1_cert(bag);
	if (!certificate)
		return err_set(walk->err, "'%s' holds what is no certificate: %s",
			walk->request->name, store_reason());
	sk_X509_push(is_marked(bag) ? walk->store->trusted : walk->others, certificate);
	return 0;
}

/* OpenSSL 3 has the algorithms of old files in a part of its own. */
static int
explain(const struct walk *walk, const char *otherwise)
{
	const char *name = walk->request->name;
	bool has_legacy;

	store_library(&has_legacy);
	if (!has_legacy)
		return err_set(walk->err,
			"'%s' cannot be opened: %s; if it was made with old algorithms (RC2), "
			"install OpenSSL's legacy provider (package openssl-provider-legacy), or "
			"run `keytool -importkeystore -srckeystore %s -destkeystore new.p12 "
			"-deststoretype PKCS12` and write new.p12 instead",
			name, store_reason(), name);
	return err_set(walk->err, otherwise, name, store_reason());
}

static int
take_key(struct walk *walk, const PKCS12_SAFEBAG *bag, bool is_open)
{
	const struct store_request *request = walk->request;
	const char *password = request->key_password ? request->key_password : request->password;
	PKCS8_PRIV_KEY_INFO *opened = NULL;

	if (walk->store->keys++ > 0 || !request->wants_key)
		return 0;
	if (is_open) {
		walk->store->key = EVP_PKCS82PKEY_ex(
			PKCS12_SAFEBAG_get0_p8inf(bag), store_library(NULL), NULL);
	} else {
		opened = PKCS12_decrypt_skey_ex(
			bag, password, password ? -1 : 0, store_library(NULL), NULL);
		/* keytool itself gives the key the store's password, whatever it is asked. */
		if (!opened && request->key_password && request->password)
			opened = PKCS12_decrypt_skey_ex(
				bag, request->password, -1, store_library(NULL), NULL);
		if (!opened)
			return explain(walk,
				"the password does not open the key in '%s' (%s); if the key has a "
				"password of its own, write ssl.key.password=PASSWORD");
		walk->store->key = EVP_PKCS82PKEY_ex(opened, store_library(NULL), NULL);
		PKCS8_PRIV_KEY_INFO_free(opened);
	}
	if (walk->store->key)
		return 0;
	return err_set(walk->err, "the key in '%s' is of a kind that OpenSSL does not know: %s",
		request->name, store_reason());
}

/* Bags in bags are not followed deeper than any tool nests them. */
static int
take_bags(struct walk *walk, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth)
{
	int result = 0;

	for (int i = 0; result == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_certBag: result = take_certificate(walk, bag); break;
		case NID_keyBag: result = take_key(walk, bag, true); break;
		case NID_pkcs8ShroudedKeyBag: result = take_key(walk, bag, false); break;
		case NID_safeContentsBag:
			if (depth < 8)
				result = take_bags(walk, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
			break;
		}
	}
	return result;
}

static int
take_packet(struct walk *walk, PKCS7 *packet)
{
	const char *password = walk->request->password;
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int result;

	if (PKCS7_type_is_data(packet))
		bags = PKCS12_unpack_p7data(packet);
	else if (PKCS7_type_is_encrypted(packet))
		bags = PKCS12_unpack_p7encdata(packet, password, password ? -1 : 0);
	else
		return 0;
	if (!bags)
		return explain(walk, "'%s' cannot be opened with its password (%s)");
	result = take_bags(walk, bags, 0);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return result;
}

static int
check_password(const struct walk *walk, PKCS12 *p12)
{
	const struct store_request *request = walk->request;

	if (!PKCS12_mac_present(p12))
		return 0;
	if (request->password ? PKCS12_verify_mac(p12, request->password, -1)
			      : PKCS12_verify_mac(p12, NULL, 0) || PKCS12_verify_mac(p12, "", 0))
		return 0;
	ERR_clear_error();
	if (!request->password)
		return err_set(walk->err, "'%s' needs its password; write ssl.%s.password=PASSWORD",
			request->name, request->wants_key ? "keystore" : "truststore");
	return err_set(
		walk->err, "the password of '%s' is wrong, or the file is damaged", request->name);
}

static void
push(STACK_OF(X509) * list, X509 *certificate)
{
	X509_up_ref(certificate);
	sk_X509_push(list, certificate);
}

/* The certificate of the key, and those that vouch for it, one after the other. */
static void
order_chain(const struct walk *walk)
{
	STACK_OF(X509) *chain = walk->store->chain, *pool = walk->others;
	X509 *last = NULL;

	for (int i = 0; !last && i < sk_X509_num(pool); i++)
		if (X509_check_private_key(sk_X509_value(pool, i), walk->store->key) == 1)
			last = sk_X509_value(pool, i);
	while (last && sk_X509_num(chain) <= sk_X509_num(pool)) {
		X509 *issuer = NULL;

		push(chain, last);
		if (X509_check_issued(last, last) == X509_V_OK)
			break;
		for (int i = 0; !issuer && i < sk_X509_num(pool); i++)
			if (X509_check_issued(sk_X509_value(pool, i), last) == X509_V_OK)
				issuer = sk_X509_value(pool, i);
		last = issuer;
	}
	ERR_clear_error();
}

/* Java trusts what is marked; a file without any mark and key is one that OpenSSL made to be
   trusted. */
static void
choose_trusted(const struct walk *walk)
{
	if (sk_X509_num(walk->store->trusted) > 0 || walk->store->keys > 0)
		return;
	for (int i = 0; i < sk_X509_num(walk->others); i++)
		push(walk->store->trusted, sk_X509_value(walk->others, i));
}

static int
take_packets(struct walk *walk, PKCS12 *p12)
{
	STACK_OF(PKCS7) *packets = PKCS12_unpack_authsafes(p12);
	int result = 0;

	if (!packets)
		return err_set(
			walk->err, "'%s' is damaged: %s", walk->request->name, store_reason());
	for (int i = 0; result == 0 && i < sk_PKCS7_num(packets); i++)
		result = take_packet(walk, sk_PKCS7_value(packets, i));
	sk_PKCS7_pop_free(packets, PKCS7_free);
	if (result == 0 && walk->store->key)
		order_chain(walk);
	if (result == 0)
		choose_trusted(walk);
	return result;
}

int
store_read_pkcs12(const char *bytes, size_t n, const struct store_request *request,
	struct store *store, struct err *err)
{
	struct walk walk = {.request = request, .store = store, .err = err};
	BIO *bio = BIO_new_mem_buf(bytes, (int)n);
	PKCS12 *p12 = PKCS12_init_ex(NID_pkcs7_data, store_library(NULL), NULL);
	int result;

	walk.others = sk_X509_new_null();
	if (!d2i_PKCS12_bio(bio, &p12)) {
		p12 = NULL;
		result = err_set(err,
			"'%s' is no PKCS12 file (%s); a certificate alone becomes PEM with "
			"`openssl x509 -inform der -in %s -out new.pem`, another store PKCS12 with "
			"`keytool -importkeystore -srckeystore %s -destkeystore new.p12 "
			"-deststoretype PKCS12`",
			request->name, store_reason(), request->name, request->name);
	} else {
		result = check_password(&walk, p12);
		if (result == 0)
			result = take_packets(&walk, p12);
	}
	PKCS12_free(p12);
	BIO_free(bio);
	sk_X509_pop_free(walk.others, X509_free);
	return result;
}
