/* JKS and JCEKS, Java's own forms of stores.
 *
 * A magic number, a version, a count, the entries, and SHA-1 over the password, "Mighty Aphrodite"
 * and all of that. All numbers are big-endian. Certificates lie open; a private key is a PKCS#8
 * EncryptedPrivateKeyInfo under one of two algorithms of Sun's own. As in sun.security.provider
 * (JavaKeyStore, KeyProtector) and com.sun.crypto.provider (JceKeyStore, KeyProtector) of OpenJDK.
 */
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/store_forms.h"

enum { TAG_KEY = 1, TAG_CERTIFICATE = 2, TAG_SECRET = 3 };

/* 1.3.6.1.4.1.42.2.17.1.1, and 1.3.6.1.4.1.42.2.19.1 (PBEWithMD5AndTripleDES). */
#define SUN_PROTECTOR "1.3.6.1.4.1.42.2.17.1.1"
#define SUN_TRIPLE_DES "1.3.6.1.4.1.42.2.19.1"

/* More rounds than any tool writes are a file that is meant to keep us busy. */
#define MOST_ROUNDS 5000000

struct reader {
	const unsigned char *at, *end;
	unsigned version;
};

/* A big-endian number of so many bytes; -1 at the end of the file. */
static int
take_number(struct reader *r, unsigned bytes, uint32_t *ret)
{
	if ((size_t)(r->end - r->at) < bytes)
		return -1;
	for (*ret = 0; bytes > 0; bytes--)
		*ret = *ret << 8 | *r->at++;
	return 0;
}

/* Bytes behind a length of 2 or 4 bytes. @borrows the file */
static int
take_bytes(struct reader *r, unsigned width, const unsigned char **ret, size_t *ret_n)
{
	uint32_t n;

	if (take_number(r, width, &n) || (size_t)(r->end - r->at) < n)
		return -1;
	*ret = r->at;
	*ret_n = n;
	r->at += n;
	return 0;
}

/* Adds the next certificate to a list; one that is no X.509 certificate is an error. */
static int
take_certificate(struct reader *r, STACK_OF(X509) * list)
{
	const unsigned char *bytes;
	size_t n;
	X509 *certificate;

	if (r->version == 2 && take_bytes(r, 2, &bytes, &n)) /* its type, "X.509" */
		return -1;
	if (take_bytes(r, 4, &bytes, &n))
		return -1;
	certificate = d2i_X509(NULL, &bytes, (long)n);
	if (!certificate)
		return -1;
	sk_X509_push(list, certificate);
	return 0;
}

/* The password as Java hashes it: two bytes a character, the higher one first. Beyond the first
   plane of Unicode a character is two of these. @gives bytes for free() */
static unsigned char *
wide(const char *password, size_t *ret_n)
{
	const unsigned char *s = (const unsigned char *)password;
	unsigned char *bytes = mem_alloc(strlen(password) * 2 + 1);
	size_t n = 0;

	while (*s) {
		unsigned more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : *s >= 0xc0 ? 1 : 0;
		uint32_t c = more ? *s & (0x3fu >> more) : *s;

		for (s++; more > 0 && (*s & 0xc0) == 0x80; more--, s++)
			c = c << 6 | (*s & 0x3f);
		if (c >= 0x10000) {
			uint32_t high = 0xd7c0 + (c >> 10);

			bytes[n++] = (unsigned char)(high >> 8);
			bytes[n++] = (unsigned char)high;
			c = 0xdc00 | (c & 0x3ff);
		}
		bytes[n++] = (unsigned char)(c >> 8);
		bytes[n++] = (unsigned char)c;
	}
	*ret_n = n;
	return bytes;
}

/* A digest of two pieces, one behind the other. */
static void
digest(const EVP_MD *md, const void *a, size_t a_n, const void *b, size_t b_n, unsigned char *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestInit_ex(ctx, md, NULL) != 1 || EVP_DigestUpdate(ctx, a, a_n) != 1 ||
		EVP_DigestUpdate(ctx, b, b_n) != 1 || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		memset(out, 0, MD5_DIGEST_LENGTH);
	EVP_MD_CTX_free(ctx);
}

/* Sun's key protector: salt, key XOR a stream of digests, and a digest of the key. Gives the length
   of what is in out, 0 when the password is not right. */
static size_t
open_sun(const unsigned char *bytes, size_t n, const char *password, unsigned char *out)
{
	unsigned char block[SHA_DIGEST_LENGTH];
	size_t length = n - 2 * SHA_DIGEST_LENGTH, pass_n;
	unsigned char *pass;
	EVP_MD *sha1;

	if (n <= 2 * SHA_DIGEST_LENGTH)
		return 0;
	sha1 = EVP_MD_fetch(store_library(NULL), "SHA1", NULL);
	pass = wide(password, &pass_n);
	memcpy(block, bytes, sizeof(block));
	for (size_t i = 0; i < length; i++) {
		if (i % sizeof(block) == 0)
			digest(sha1, pass, pass_n, block, sizeof(block), block);
		out[i] = bytes[SHA_DIGEST_LENGTH + i] ^ block[i % sizeof(block)];
	}
	digest(sha1, pass, pass_n, out, length, block);
	EVP_MD_free(sha1);
	OPENSSL_cleanse(pass, pass_n);
	free(pass);
	n = CRYPTO_memcmp(block, bytes + SHA_DIGEST_LENGTH + length, sizeof(block)) ? 0 : length;
	OPENSSL_cleanse(block, sizeof(block));
	return n;
}

/* Key and initialisation vector of PBEWithMD5AndTripleDES: each half of the salt is hashed with the
   password so many times. Equal halves are made different in a way that has a mistake in it, which
   must be kept. */
static void
derive(const unsigned char *given, long rounds, const char *password, unsigned char *out)
{
	EVP_MD *md5 = EVP_MD_fetch(store_library(NULL), "MD5", NULL);
	unsigned char salt[8], block[MD5_DIGEST_LENGTH];

	memcpy(salt, given, sizeof(salt));
	if (memcmp(salt, salt + 4, 4) == 0) {
		for (int i = 0; i < 2; i++) {
			unsigned char kept = salt[i];

			salt[i] = salt[3 - i];
			salt[3 - 1] = kept;
		}
	}
	for (int half = 0; half < 2; half++) {
		size_t n = 4;

		memcpy(block, salt + half * 4, n);
		for (long i = 0; i < rounds; i++, n = sizeof(block))
			digest(md5, block, n, password, strlen(password), block);
		memcpy(out + half * 16, block, sizeof(block));
	}
	EVP_MD_free(md5);
	OPENSSL_cleanse(block, sizeof(block));
}

static size_t
decrypt(const unsigned char *bytes, size_t n, const unsigned char *secret, unsigned char *out)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(store_library(NULL), "DES-EDE3-CBC", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int length = 0, rest = 0;

	if (n > INT32_MAX || EVP_DecryptInit_ex(ctx, cipher, NULL, secret, secret + 24) != 1 ||
		EVP_DecryptUpdate(ctx, out, &length, bytes, (int)n) != 1 ||
		EVP_DecryptFinal_ex(ctx, out + length, &rest) != 1)
		length = rest = 0;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return (size_t)(length + rest);
}

/* The same for JCEKS. params is SEQUENCE { OCTET STRING salt, INTEGER rounds }, as PKCS#5 has it.
 */
static size_t
open_triple_des(const ASN1_TYPE *params, const unsigned char *bytes, size_t n, const char *password,
	unsigned char *out)
{
	PBEPARAM *pbe = params ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), params) : NULL;
	long rounds = pbe ? ASN1_INTEGER_get(pbe->iter) : 0;
	unsigned char secret[32];
	size_t length = 0;

	if (pbe && pbe->salt->length == 8 && rounds > 0 && rounds <= MOST_ROUNDS) {
		derive(pbe->salt->data, rounds, password, secret);
		length = decrypt(bytes, n, secret, out);
		OPENSSL_cleanse(secret, sizeof(secret));
	}
	PBEPARAM_free(pbe);
	return length;
}

/* Opens a key by its algorithm; NULL when it cannot be. @gives the key */
static EVP_PKEY *
open_key(const unsigned char *der, size_t n, const char *password)
{
	X509_SIG *info = d2i_X509_SIG(NULL, &der, (long)n);
	const X509_ALGOR *algorithm;
	const ASN1_OCTET_STRING *data;
	const ASN1_OBJECT *object;
	const void *params;
	char name[64] = "";
	int type;
	unsigned char *out;
	size_t length = 0;
	EVP_PKEY *key = NULL;

	if (!info)
		return NULL;
	X509_SIG_get0(info, &algorithm, &data);
	X509_ALGOR_get0(&object, &type, &params, algorithm);
	OBJ_obj2txt(name, sizeof(name), object, 1);
	out = mem_alloc((size_t)data->length + 16);
	if (!strcmp(name, SUN_PROTECTOR))
		length = open_sun(data->data, (size_t)data->length, password, out);
	else if (!strcmp(name, SUN_TRIPLE_DES))
		length = open_triple_des(
			algorithm->parameter, data->data, (size_t)data->length, password, out);
	if (length)
		key = store_decode_key(out, length);
	OPENSSL_cleanse(out, (size_t)data->length + 16);
	free(out);
	X509_SIG_free(info);
	return key;
}

static int
broken(const struct store_request *request, struct err *err)
{
	return err_set(err, "'%s' is damaged: it ends too early, or holds what is no certificate",
		request->name);
}

/* A key with its chain. Java's trust manager trusts the chain's first certificate. */
static int
take_key(
	struct reader *r, const struct store_request *request, struct store *store, struct err *err)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	const char *password = request->key_password ? request->key_password : request->password;
	const unsigned char *bytes;
	size_t n;
	uint32_t count = 0;
	int result = 0;

	if (take_bytes(r, 4, &bytes, &n) || take_number(r, 4, &count))
		result = broken(request, err);
	while (result == 0 && count-- > 0)
		if (take_certificate(r, chain))
			result = broken(request, err);
	if (result == 0 && sk_X509_num(chain) > 0 && !request->wants_key) {
		X509_up_ref(sk_X509_value(chain, 0));
		sk_X509_push(store->trusted, sk_X509_value(chain, 0));
	}
	if (result == 0 && request->wants_key && store->keys == 0) {
		store->key = password ? open_key(bytes, n, password) : NULL;
		if (!store->key)
			result = err_set(err, "the password does not open the key in '%s'; %s",
				request->name,
				request->key_password
					? "correct ssl.key.password"
					: "if the key has a password of its own, write "
					  "ssl.key.password=PASSWORD");
		sk_X509_pop_free(store->chain, X509_free);
		store->chain = chain;
		chain = NULL;
	}
	store->keys++;
	sk_X509_pop_free(chain, X509_free);
	return result;
}

/* One entry: its tag, alias and date, and what it holds. */
static int
take_entry(
	struct reader *r, const struct store_request *request, struct store *store, struct err *err)
{
	const unsigned char *bytes;
	uint32_t tag, date;
	size_t n;

	if (take_number(r, 4, &tag) || take_bytes(r, 2, &bytes, &n) || take_number(r, 4, &date) ||
		take_number(r, 4, &date))
		return broken(request, err);
	if (tag == TAG_KEY)
		return take_key(r, request, store, err);
	if (tag == TAG_SECRET)
		return err_set(err,
			"'%s' holds secret keys besides certificates, which only Java can read; "
			"run `keytool -importkeystore -srckeystore %s -srcstoretype JCEKS "
			"-destkeystore client.p12 -deststoretype PKCS12 -srcalias NAME` for what "
			"is needed, and write client.p12 instead",
			request->name, request->name);
	if (tag != TAG_CERTIFICATE || take_certificate(r, store->trusted))
		return broken(request, err);
	return 0;
}

/* Is the digest at the end the one of this password? */
static bool
is_genuine(const char *bytes, size_t n, const char *password)
{
	static const char praise[] = "Mighty Aphrodite";
	size_t pass_n, length = n - SHA_DIGEST_LENGTH;
	unsigned char *pass = wide(password, &pass_n), found[SHA_DIGEST_LENGTH];
	unsigned char *front = mem_alloc(pass_n + sizeof(praise));
	EVP_MD *sha1 = EVP_MD_fetch(store_library(NULL), "SHA1", NULL);

	memcpy(front, pass, pass_n);
	memcpy(front + pass_n, praise, sizeof(praise) - 1);
	digest(sha1, front, pass_n + sizeof(praise) - 1, bytes, length, found);
	EVP_MD_free(sha1);
	OPENSSL_cleanse(front, pass_n);
	OPENSSL_cleanse(pass, pass_n);
	free(front);
	free(pass);
	return CRYPTO_memcmp(found, bytes + length, sizeof(found)) == 0;
}

int
store_read_jks(const char *bytes, size_t n, const struct store_request *request,
	struct store *store, struct err *err)
{
	struct reader r = {.at = (const unsigned char *)bytes + 4};
	uint32_t version, count;

	if (n < 12 + SHA_DIGEST_LENGTH)
		return broken(request, err);
	r.end = (const unsigned char *)bytes + n - SHA_DIGEST_LENGTH;
	if (take_number(&r, 4, &version) || version < 1 || version > 2 ||
		take_number(&r, 4, &count))
		return broken(request, err);
	r.version = version;
	if (request->password && !is_genuine(bytes, n, request->password))
		return err_set(err, "the password of '%s' is wrong, or the file is damaged",
			request->name);
	while (count-- > 0)
		if (take_entry(&r, request, store, err))
			return -1;
	return 0;
}
