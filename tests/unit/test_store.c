/* config/store: certificates and keys out of stores that keytool and OpenSSL made
 * (tests/unit/data/stores/make). */
#include "config/store.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/file.h"
#include "unit.h"

#define FOLDER "tests/unit/data/stores/"

/* "subject=subject=..." of a list, by their common names. */
static void
print_names(struct text *text, const STACK_OF(X509) * list)
{
	char name[64];

	for (int i = 0; i < sk_X509_num(list); i++) {
		X509_NAME_get_text_by_NID(X509_get_subject_name(sk_X509_value(list, i)),
			NID_commonName, name, sizeof(name));
		text_printf(text, "%s%s", i ? "," : "", name);
	}
}

/* What a store has, or the sentence about it. @gives a string */
static char *
read_bytes(const char *bytes, size_t n, const struct store_request *request)
{
	struct store store;
	struct text text = {0};
	struct err err;

	if (store_read(bytes, n, request, &store, &err))
		return mem_strdup(err.text);
	if (request->wants_key) {
		print_names(&text, store.chain);
		text_printf(&text, " with a key of %d bits", EVP_PKEY_get_bits(store.key));
	} else {
		print_names(&text, store.trusted);
	}
	store_fini(&store);
	return text_take(&text);
}

static char *
read_store(const char *file, struct store_request *request)
{
	char *path = mem_printf(FOLDER "%s", file), *bytes, *found;
	size_t n;

	request->name = file;
	if (!CHECK(file_read(path, STORE_MAX_BYTES, &bytes, &n, NULL) == 0)) {
		free(path);
		return mem_strdup("");
	}
	found = read_bytes(bytes, n, request);
	free(bytes);
	free(path);
	return found;
}

TEST(every_form_is_read)
{
	static const struct {
		const char *file, *password, *key_password;
		bool wants_key;
		const char *expected;
	} cases[] = {
		{"trust.jks", "storepass", NULL, false, "root,middle"},
		{"trust.jks", NULL, NULL, false, "root,middle"},
		{"trust.jks", "wrong", NULL, false,
			"the password of 'trust.jks' is wrong, or the file is damaged"},
		{"trust.jceks", "storepass", NULL, false, "root,middle"},
		{"trust.jceks", "wrong", NULL, false,
			"the password of 'trust.jceks' is wrong, or the file is damaged"},
		{"trust.p12", "storepass", NULL, false, "root,middle"},
		{"trust.p12", "wrong", NULL, false,
			"the password of 'trust.p12' is wrong, or the file is damaged"},
		{"trust.p12", NULL, NULL, false,
			"'trust.p12' needs its password; write ssl.truststore.password=PASSWORD"},
		{"trust-old.p12", "storepass", NULL, false, "root,middle"},
		{"trust-openssl.p12", "storepass", NULL, false, "root"},
		{"root.pem", NULL, NULL, false, "root"},
		{"key.pem", NULL, NULL, false, "client,middle,root"},
		{"key.jks", "storepass", NULL, false, "client"},
		{"key.p12", "storepass", NULL, false, "'key.p12' holds no certificate to trust"},
		{"key.jks", "storepass", "keypass", true,
			"client,middle,root with a key of 256 bits"},
		{"key.jks", "storepass", NULL, true,
			"the password does not open the key in 'key.jks'; if the key has a "
			"password of its own, write ssl.key.password=PASSWORD"},
		{"key.jks", "storepass", "wrong", true,
			"the password does not open the key in 'key.jks'; correct "
			"ssl.key.password"},
		{"key.jceks", "storepass", "keypass", true,
			"client,middle,root with a key of 256 bits"},
		{"key.jceks", "storepass", "wrong", true,
			"the password does not open the key in 'key.jceks'; correct "
			"ssl.key.password"},
		{"key.p12", "storepass", NULL, true, "client,middle,root with a key of 256 bits"},
		{"key.p12", "storepass", "ignored", true,
			"client,middle,root with a key of 256 bits"},
		{"key-old.p12", "storepass", NULL, true,
			"client,middle,root with a key of 256 bits"},
		{"key.p12", NULL, NULL, true,
			"'key.p12' needs its password; write ssl.keystore.password=PASSWORD"},
		{"key.pem", NULL, NULL, true, "client,middle,root with a key of 256 bits"},
		{"encrypted.pem", NULL, "keypass", true,
			"client,middle,root with a key of 256 bits"},
		{"encrypted.pem", NULL, NULL, true,
			"the key in 'encrypted.pem' is encrypted, and needs its password; write "
			"ssl.key.password=PASSWORD"},
		{"encrypted.pem", NULL, "wrong", true,
			"the key in 'encrypted.pem' is encrypted, and ssl.key.password does not "
			"open it"},
		{"root.pem", NULL, NULL, true,
			"'root.pem' holds no private key; `keytool -list -keystore root.pem` must "
			"show a PrivateKeyEntry"},
		{"trust.jks", "storepass", NULL, true,
			"'trust.jks' holds no private key; `keytool -list -keystore trust.jks` "
			"must show a PrivateKeyEntry"},
		{"secret.jceks", "storepass", NULL, false,
			"'secret.jceks' holds secret keys besides certificates, which only Java "
			"can read; run `keytool -importkeystore -srckeystore secret.jceks "
			"-srcstoretype JCEKS -destkeystore client.p12 -deststoretype PKCS12 "
			"-srcalias NAME` for what is needed, and write client.p12 instead"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_request request = {.password = cases[i].password,
			.key_password = cases[i].key_password,
			.wants_key = cases[i].wants_key};
		char *found = read_store(cases[i].file, &request);

		CHECK_STR(found, cases[i].expected);
		free(found);
	}
}

/* What comes out of JKS, JCEKS and PKCS12 is the very key that lies in the PEM file. */
TEST(the_key_is_the_same)
{
	static const char *const files[] = {"key.jks", "key.jceks", "key.p12", "key-old.p12"};
	FILE *file = fopen(FOLDER "key.pem", "re");
	EVP_PKEY *expected = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

	if (!CHECK(expected))
		return;
	fclose(file);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct store_request request = {.name = files[i],
			.password = "storepass",
			.key_password = "keypass",
			.wants_key = true};
		char *path = mem_printf(FOLDER "%s", files[i]), *bytes, *pem;
		struct store store;
		EVP_PKEY *found;
		size_t n;
		BIO *bio;

		CHECK(file_read(path, STORE_MAX_BYTES, &bytes, &n, NULL) == 0);
		CHECK(store_read(bytes, n, &request, &store, NULL) == 0);
		pem = store_print_key(store.key);
		bio = BIO_new_mem_buf(pem, -1);
		found = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		CHECK_INT(EVP_PKEY_eq(found, expected), 1);
		EVP_PKEY_free(found);
		BIO_free(bio);
		mem_wipe(&pem);
		store_fini(&store);
		free(bytes);
		free(path);
	}
	EVP_PKEY_free(expected);
}

/* In a value of a properties file all line ends have become blanks. */
TEST(pem_in_one_line)
{
	struct store_request request = {.name = "x", .key_password = "keypass", .wants_key = true};
	char *bytes, *found;
	size_t n;

	CHECK(file_read(FOLDER "encrypted.pem", STORE_MAX_BYTES, &bytes, &n, NULL) == 0);
	for (size_t i = 0; i < n; i++)
		if (bytes[i] == '\n')
			bytes[i] = ' ';
	found = read_bytes(bytes, n, &request);
	CHECK_STR(found, "client,middle,root with a key of 256 bits");
	free(found);
	free(bytes);
}

/* What is cut off is refused, wherever that is. */
TEST(damaged_stores)
{
	static const char *const files[] = {"trust.jks", "trust.jceks", "key.jks", "key.jceks"};

	for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
		struct store_request request = {
			.name = "x", .key_password = "keypass", .wants_key = files[f][0] == 'k'};
		char *path = mem_printf(FOLDER "%s", files[f]), *bytes;
		size_t n;

		CHECK(file_read(path, STORE_MAX_BYTES, &bytes, &n, NULL) == 0);
		for (size_t length = 0; length < n; length += 7) {
			char *copy = mem_alloc(length + 1);
			struct store store;

			memcpy(copy, bytes, length);
			CHECK(store_read(copy, length, &request, &store, NULL) != 0);
			free(copy);
		}
		free(bytes);
		free(path);
	}
}

TEST(what_is_no_store)
{
	static const struct {
		const char *bytes, *expected;
	} cases[] = {
		{"", "'x' is neither PEM nor PKCS12 nor JKS nor JCEKS; run `keytool "
		     "-importkeystore -srckeystore x -destkeystore client.p12 -deststoretype "
		     "PKCS12` with -srcstoretype and what its provider needs, and write "
		     "client.p12 instead"},
		{"-----BEGIN CERTIFICATE-----", "'x' holds no certificate to trust"},
		{"\xfe\xed\xfe\xed", "'x' is damaged: it ends too early, or holds what is no "
				     "certificate"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct store_request request = {.name = "x"};
		char *found = read_bytes(cases[i].bytes, strlen(cases[i].bytes), &request);

		CHECK_STR(found, cases[i].expected);
		free(found);
	}
}
