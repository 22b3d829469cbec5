/* Trust: whom the brokers' certificates are believed from, and why one is not. For kafka/ only. */
#ifndef KAFKA_TRUST_H
#define KAFKA_TRUST_H

#include <stddef.h>

/* For Java whoever is in the trust store is trusted, an authority below the root too, or a single
   broker; for OpenSSL the chain must end at a root. */
struct trust;

/* From the text of ssl.ca.pem; NULL: none. @gives it; free with trust_free @thread any */
struct trust *trust_new(const char *pem);

/* Frees and clears. NULL is accepted. */
void trust_free(struct trust **trust);

/* Judges one step of OpenSSL's verification of a chain: error is its verdict so far (an
   X509_V_..., cleared when Java would think otherwise) on the certificate at this depth, whose DER
   it is; all steps of a chain come from one thread, one after the other. Returns whether it may go
   on; if not, the sentence says what is wrong and what to do. @thread any */
int trust_judge(const struct trust *trust, int *error, int depth, const char *der, size_t n,
	char *sentence, size_t size);

#endif
