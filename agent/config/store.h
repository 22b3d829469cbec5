/* A store: certificates, and maybe a key with its chain, in any of the forms that Java takes. */
#ifndef CONFIG_STORE_H
#define CONFIG_STORE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Larger files are refused; Java's own list of authorities has 200 KB. */
#define STORE_MAX_BYTES (16 * 1024 * 1024)

enum store_form { STORE_UNKNOWN, STORE_PEM, STORE_PKCS12, STORE_JKS, STORE_JCEKS };

struct store {
	enum store_form form;
	STACK_OF(X509) * trusted; /* whom Java trusts by it, in the store's order; never NULL */
	STACK_OF(X509) * chain;	  /* the key's certificates, its own first; never NULL */
	EVP_PKEY *key;		  /* the first one that it holds; NULL when it was not wanted */
	size_t keys;		  /* how many it holds */
};

/* The form of the bytes, by how they begin. @thread any */
enum store_form store_sniff(const char *bytes, size_t n);

/* What is asked of a store, and what opens it. */
struct store_request {
	const char *name;	  /* for sentences, and commands in them */
	const char *password;	  /* NULL: none; a JKS store is then not checked */
	const char *key_password; /* NULL: the same */
	bool wants_key;		  /* false: for its trusted certificates */
};

/* Reads a store of whatever form. The sentence says what is wrong and, where it can be helped, with
   which command. Secrets that were needed on the way are wiped. @gives *ret; free with store_fini
   @thread any */
int store_read(const char *bytes, size_t n, const struct store_request *request, struct store *ret,
	struct err *err);

/* PEM of the certificates, in their order; of the key, not encrypted. The latter is a secret: free
   it with mem_wipe. @gives a string @thread any */
char *store_print_certificates(const STACK_OF(X509) * certificates);
char *store_print_key(const EVP_PKEY *key);

/* Frees what it holds and clears it. */
void store_fini(struct store *store);

#endif
