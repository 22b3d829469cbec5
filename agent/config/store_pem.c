/* PEM, as Java reads it: line ends may be any blanks, as they are in a value of a properties file
 * that goes on over several lines. */
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/store_forms.h"

/* How long OpenSSL's lines of base64 are. */
#define COLUMNS 64

/* One -----BEGIN label----- body -----END label-----. */
struct block {
	const char *label, *body;
	size_t label_n, body_n;
};

/* The next block behind *at, which moves behind it. false: there is none, or it is not closed. */
static bool
next_block(const char **at, const char *end, struct block *ret)
{
	static const char begin[] = "-----BEGIN ", dashes[] = "-----", close[] = "-----END ";
	const char *s = memmem(*at, (size_t)(end - *at), begin, strlen(begin));
	const char *rest;

	if (!s)
		return false;
	ret->label = s + strlen(begin);
	rest = memmem(ret->label, (size_t)(end - ret->label), dashes, strlen(dashes));
	if (!rest)
		return false;
	ret->label_n = (size_t)(rest - ret->label);
	ret->body = rest + strlen(dashes);
	rest = memmem(ret->body, (size_t)(end - ret->body), close, strlen(close));
	if (!rest)
		return false;
	ret->body_n = (size_t)(rest - ret->body);
	*at = rest + strlen(close);
	return true;
}

static bool
has_label(const struct block *block, const char *word)
{
	return memmem(block->label, block->label_n, word, strlen(word)) != NULL;
}

/* The block as OpenSSL wants it. One with headers (an old encrypted key) cannot be had without its
   lines, and is left as it is. @gives a secret string */
static char *
print_block(const struct block *block)
{
	struct text text = {0};
	size_t column = 0;

	text_printf(&text, "-----BEGIN %.*s-----\n", (int)block->label_n, block->label);
	if (memchr(block->body, ':', block->body_n)) {
		size_t blanks = strspn(block->body, "\r\n");

		text_add(&text, block->body + blanks, block->body_n - blanks);
	} else {
		for (size_t i = 0; i < block->body_n; i++) {
			if (isspace((unsigned char)block->body[i]))
				continue;
			text_putc(&text, block->body[i]);
			if (++column % COLUMNS == 0)
				text_putc(&text, '\n');
		}
		if (column % COLUMNS)
			text_putc(&text, '\n');
	}
	text_printf(&text, "-----END %.*s-----\n", (int)block->label_n, block->label);
	return text_take(&text);
}

static int
take_certificate(const struct block *block, struct store *store, const char *name, struct err *err)
{
	char *pem = print_block(block);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);

	BIO_free(bio);
	free(pem);
	if (!certificate)
		return err_set(
			err, "a certificate in '%s' cannot be read: %s", name, store_reason());
	X509_up_ref(certificate);
	sk_X509_push(store->trusted, certificate);
	sk_X509_push(store->chain, certificate);
	return 0;
}

/* OpenSSL asks for a password; without one it would ask the terminal. */
static int
give_password(char *bytes, int size, int is_writing, void *arg)
{
	const char *password = arg;
	size_t n = password ? strlen(password) : 0;

	(void)is_writing;
	if (!password || n > (size_t)size)
		return -1;
	memcpy(bytes, password, n);
	return (int)n;
}

static int
take_key(const struct block *block, const struct store_request *request, struct store *store,
	struct err *err)
{
	const char *password = request->key_password ? request->key_password : request->password;
	char *pem;
	BIO *bio;

	if (store->keys++ > 0 || !request->wants_key)
		return 0;
	pem = print_block(block);
	bio = BIO_new_mem_buf(pem, -1);
	store->key = PEM_read_bio_PrivateKey_ex(
		bio, NULL, give_password, (void *)(uintptr_t)password, store_library(NULL), NULL);
	BIO_free(bio);
	mem_wipe(&pem);
	if (store->key)
		return 0;
	if (has_label(block, "ENCRYPTED") || memchr(block->body, ':', block->body_n))
		return err_set(err, "the key in '%s' is encrypted, and %s", request->name,
			password ? "ssl.key.password does not open it"
				 : "needs its password; write ssl.key.password=PASSWORD");
	return err_set(err, "the key in '%s' cannot be read: %s", request->name, store_reason());
}

int
store_read_pem(const char *bytes, size_t n, const struct store_request *request,
	struct store *store, struct err *err)
{
	const char *at = bytes, *end = bytes + strnlen(bytes, n);
	struct block block;
	int result = 0;

	while (result == 0 && next_block(&at, end, &block)) {
		if (has_label(&block, "PRIVATE KEY"))
			result = take_key(&block, request, store, err);
		else if (has_label(&block, "CERTIFICATE") && !has_label(&block, "REQUEST"))
			result = take_certificate(&block, store, request->name, err);
	}
	return result;
}
