/* Trust: whom the brokers' certificates are believed from, and why one is not. For kafka/ only. */
#include "kafka/trust.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

struct trust {
	STACK_OF(X509) * anchors; /* those that are no roots */
};

/* The chain that this thread is at. Without a root it may go on for now; at its end one of its
   certificates must have been an anchor. */
static _Thread_local struct {
	int error; /* 0: it has a root that is trusted */
	bool has_anchor;
} chain;

struct trust *
trust_new(const char *pem)
{
	struct trust *trust = mem_zero(1, sizeof(*trust));
	BIO *bio = BIO_new_mem_buf(pem ? pem : "", -1);
	X509 *certificate;

	trust->anchors = sk_X509_new_null();
	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (X509_self_signed(certificate, 0) == 1)
			X509_free(certificate);
		else
			sk_X509_push(trust->anchors, certificate);
	}
	ERR_clear_error();
	BIO_free(bio);
	return trust;
}

void
trust_free(struct trust **trust)
{
	if (!*trust)
		return;
	sk_X509_pop_free((*trust)->anchors, X509_free);
	free(*trust);
	*trust = NULL;
}

static bool
is_anchor(const struct trust *trust, const X509 *certificate)
{
	for (int i = 0; i < sk_X509_num(trust->anchors); i++)
		if (X509_cmp(sk_X509_value(trust->anchors, i), certificate) == 0)
			return true;
	return false;
}

/* Does it say that the chain does not end at a trusted root? */
static bool
is_open_end(int error)
{
	return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
	       error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

static void
print_name(struct text *text, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long n;

	X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(bio, &bytes);
	text_add(text, n > 0 ? bytes : "", (size_t)n);
	BIO_free(bio);
}

static void
print_address(struct text *text, const ASN1_OCTET_STRING *address)
{
	char name[INET6_ADDRSTRLEN] = "?";

	inet_ntop(address->length == 4 ? AF_INET : AF_INET6, address->data, name, sizeof(name));
	text_puts(text, name);
}

/* The hosts that a certificate is for, with commas between them. */
static void
print_hosts(struct text *text, const X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t before = text->length;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const char *comma = text->length > before ? ", " : "";

		if (name->type == GEN_DNS) {
			text_puts(text, comma);
			text_add(text, ASN1_STRING_get0_data(name->d.dNSName),
				(size_t)ASN1_STRING_length(name->d.dNSName));
		} else if (name->type == GEN_IPADD &&
			   (name->d.iPAddress->length == 4 || name->d.iPAddress->length == 16)) {
			text_puts(text, comma);
			print_address(text, name->d.iPAddress);
		}
	}
	GENERAL_NAMES_free(names);
	if (text->length == before)
		print_name(text, X509_get_subject_name(certificate));
}

static void
print_day(struct text *text, const ASN1_TIME *time)
{
	struct tm tm = {0};
	char day[16] = "";

	ASN1_TIME_to_tm(time, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	text_puts(text, day);
}

/* What is wrong with the certificate, and what to do. */
static void
explain(struct text *text, int error, const X509 *certificate)
{
	if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
		text_puts(text, "the broker's certificate is for ");
		print_hosts(text, certificate);
		text_puts(text, ", and not for the name it is called by: use the former in "
				"bootstrap.servers and the brokers' advertised.listeners, or turn "
				"the check off with ssl.endpoint.identification.algorithm=");
		return;
	}
	text_puts(text, "the certificate '");
	print_name(text, X509_get_subject_name(certificate));
	if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
		text_puts(text, "' expired on ");
		print_day(text, X509_get0_notAfter(certificate));
		text_puts(text, ": renew it at the brokers");
	} else if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
		text_puts(text, "' is not valid before ");
		print_day(text, X509_get0_notBefore(certificate));
		text_puts(text, ": check the clocks");
	} else if (is_open_end(error) || error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) {
		text_puts(text, "' comes from nobody who is trusted: put its issuer '");
		print_name(text, X509_get_issuer_name(certificate));
		text_puts(text, "' into the trust store (ssl.truststore.location)");
	} else if (error == X509_V_ERR_EE_KEY_TOO_SMALL || error == X509_V_ERR_CA_KEY_TOO_SMALL ||
		   error == X509_V_ERR_CA_MD_TOO_WEAK) {
		text_printf(text,
			"' is too weak for OpenSSL (%s): renew it, or write CipherString = "
			"DEFAULT@SECLEVEL=0 into [system_default_sect] of /etc/ssl/openssl.cnf",
			X509_verify_cert_error_string(error));
	} else if (error == X509_V_ERR_CERT_REVOKED) {
		text_puts(text, "' was revoked, says ssl.crl.location: renew it at the brokers");
	} else if (error == X509_V_ERR_UNABLE_TO_GET_CRL || error == X509_V_ERR_CRL_HAS_EXPIRED) {
		text_printf(text,
			"' is not taken (%s): put the newest list of its issuer into "
			"ssl.crl.location",
			X509_verify_cert_error_string(error));
	} else {
		text_printf(text, "' is not taken: %s", X509_verify_cert_error_string(error));
	}
}

/* The chain may not go on. */
static int
refuse(int error, const X509 *certificate, char *sentence, size_t size)
{
	struct text text = {0};

	explain(&text, error, certificate);
	snprintf(sentence, size, "%s", text.s);
	text_fini(&text);
	chain.error = 0;
	return 0;
}

/* One step; see trust_judge. */
static int
judge(const struct trust *trust, int *error, int depth, const X509 *certificate, char *sentence,
	size_t size)
{
	if (is_open_end(*error) && sk_X509_num(trust->anchors) > 0) {
		/* The first of its kind is the beginning of a chain. */
		if (*error != X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || !chain.error)
			chain.has_anchor = false;
		chain.error = *error;
		chain.has_anchor = chain.has_anchor || is_anchor(trust, certificate);
		*error = 0;
		return 1;
	}
	if (*error)
		return refuse(*error, certificate, sentence, size);
	if (!chain.error)
		return 1;
	chain.has_anchor = chain.has_anchor || is_anchor(trust, certificate);
	if (depth > 0)
		return 1;
	if (!chain.has_anchor) {
		*error = chain.error;
		return refuse(*error, certificate, sentence, size);
	}
	chain.error = 0;
	return 1;
}

int
trust_judge(const struct trust *trust, int *error, int depth, const char *der, size_t n,
	char *sentence, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)der;
	X509 *certificate;
	int goes_on;

	if (!*error && !chain.error)
		return 1;
	certificate = d2i_X509(NULL, &bytes, (long)n);
	if (!certificate) {
		snprintf(sentence, size, "the broker's certificate cannot be read");
		*error = X509_V_ERR_UNSPECIFIED;
		return 0;
	}
	goes_on = judge(trust, error, depth, certificate, sentence, size);
	X509_free(certificate);
	return goes_on;
}
