/* Fuzz target: any bytes as a store, for its trusted certificates and for its key. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool is_true)
{
	if (!is_true)
		abort();
}

static void
read_as(const char *bytes, size_t size, const char *password, bool wants_key)
{
	struct store_request request = {
		.name = "fuzz", .password = password, .key_password = "p", .wants_key = wants_key};
	struct store store;
	struct err err = {""};

	if (store_read(bytes, size, &request, &store, &err)) {
		require(*err.text);
		return;
	}
	require(wants_key ? store.key && sk_X509_num(store.chain) > 0
			  : sk_X509_num(store.trusted) > 0);
	store_fini(&store);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes;

	/* PKCS#12 is OpenSSL's to read, and a file may ask it to hash for minutes. */
	if (store_sniff((const char *)data, size) == STORE_PKCS12)
		return 0;
	bytes = malloc(size + 1);

	memcpy(bytes, data, size);
	bytes[size] = '\0';
	read_as(bytes, size, NULL, false);
	read_as(bytes, size, NULL, true);
	read_as(bytes, size, "p", true);
	free(bytes);
	return 0;
}
