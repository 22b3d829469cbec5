/* The forms of stores, one reader each. For config/store.c only. */
#ifndef CONFIG_STORE_FORMS_H
#define CONFIG_STORE_FORMS_H

#include "config/store.h"

/* Read one form. store has empty lists; what was found is added, also before an error. Keys are
   opened only when they are wanted. @thread any */
int store_read_pem(const char *bytes, size_t n, const struct store_request *request,
	struct store *store, struct err *err);
int store_read_pkcs12(const char *bytes, size_t n, const struct store_request *request,
	struct store *store, struct err *err);
int store_read_jks(const char *bytes, size_t n, const struct store_request *request,
	struct store *store, struct err *err);

/* OpenSSL with the algorithms that old stores need: RC2, DES, RC4, MD5. It is the library's own
   corner; nothing else can use them by it. *ret_has_legacy, if not NULL, is false when this machine
   has not got them. @borrows for the process's life @thread any */
OSSL_LIB_CTX *store_library(bool *ret_has_legacy);

/* The key of a PKCS#8 structure's bytes; NULL when they are none. @gives the key @thread any */
EVP_PKEY *store_decode_key(const unsigned char *der, size_t n);

/* The newest reason that OpenSSL has on its list, in its words; the list is empty then. @borrows a
   buffer of this thread */
const char *store_reason(void);

#endif
