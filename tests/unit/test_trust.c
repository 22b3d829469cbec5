/* kafka/trust: whom Java would trust, asked step by step as librdkafka asks. */
#include "kafka/trust.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit.h"

/* The certificates of tests/unit/data/stores/key.pem: CLIENT, signed by MIDDLE, signed by ROOT. */
enum { CLIENT = 1, MIDDLE = 2, ROOT = 4 };

static X509 *certificates[3];

static void
read_certificates(void)
{
	FILE *file;

	if (certificates[0])
		return;
	file = fopen("tests/unit/data/stores/key.pem", "re");
	if (!CHECK(file))
		return;
	for (int i = 0; i < 3; i++)
		CHECK(certificates[i] = PEM_read_X509(file, NULL, NULL, NULL));
	fclose(file);
}

/* PEM of some of them. @gives a string */
static char *
print(int which)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *s;
	long n;

	for (int i = 0; i < 3; i++)
		if (which & 1 << i)
			PEM_write_bio_X509(bio, certificates[i]);
	n = BIO_get_mem_data(bio, &bytes);
	s = mem_strndup(n > 0 ? bytes : "", (size_t)n);
	BIO_free(bio);
	return s;
}

static struct trust *trust;
static char sentence[512];

/* As rd_kafka_transport_ssl_cert_verify_cb() does it. */
static int
on_step(int is_good, X509_STORE_CTX *ctx)
{
	int before = X509_STORE_CTX_get_error(ctx), error = before, n, goes_on;
	unsigned char *der = NULL;

	(void)is_good;
	n = i2d_X509(X509_STORE_CTX_get_current_cert(ctx), &der);
	goes_on = trust_judge(trust, &error, X509_STORE_CTX_get_error_depth(ctx), (const char *)der,
		(size_t)n, sentence, sizeof(sentence));
	OPENSSL_free(der);
	if (!goes_on || (before && !error))
		X509_STORE_CTX_set_error(ctx, error);
	return goes_on;
}

/* Verifies the leaf, with others that the peer sends, against those that are trusted. "" when it is
   taken, else the sentence. */
static const char *
verify(X509 *leaf, int sent, int trusted, const char *host)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	char *pem = print(trusted);
	int result;

	for (int i = 0; i < 3; i++) {
		if (sent & 1 << i)
			sk_X509_push(others, certificates[i]);
		if (trusted & 1 << i)
			X509_STORE_add_cert(store, certificates[i]);
	}
	trust = trust_new(pem);
	sentence[0] = '\0';
	X509_STORE_CTX_init(ctx, store, leaf, others);
	if (host)
		X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), host, 0);
	X509_STORE_CTX_set_verify_cb(ctx, on_step);
	result = X509_verify_cert(ctx);
	CHECK_INT(result == 1, *sentence == '\0');
	CHECK_INT(X509_STORE_CTX_get_error(ctx) == X509_V_OK, result == 1);
	trust_free(&trust);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(others);
	free(pem);
	return sentence;
}

#define NOBODY_CLIENT                                                                     \
	"the certificate 'CN = client' comes from nobody who is trusted: put its issuer " \
	"'CN = middle' into the trust store (ssl.truststore.location)"

TEST(whom_java_trusts)
{
	static const struct {
		int leaf, sent, trusted;
		const char *host, *expected;
	} cases[] = {
		{0, MIDDLE, ROOT, NULL, ""},
		{0, MIDDLE | ROOT, ROOT, NULL, ""},
		{0, 0, ROOT | MIDDLE, NULL, ""},
		{0, 0, MIDDLE, NULL, ""},
		{0, MIDDLE, MIDDLE, NULL, ""},
		{0, MIDDLE | ROOT, MIDDLE, NULL, ""},
		{0, 0, CLIENT, NULL, ""},
		{0, MIDDLE | ROOT, CLIENT, NULL, ""},
		{0, 0, ROOT, NULL, NOBODY_CLIENT},
		{0, 0, 0, NULL, NOBODY_CLIENT},
		/* One that is trusted vouches for nobody but whom it has signed. */
		{1, ROOT, CLIENT, NULL,
			"the certificate 'CN = middle' comes from nobody who is trusted: put its "
			"issuer 'CN = root' into the trust store (ssl.truststore.location)"},
		{1, 0, CLIENT, NULL,
			"the certificate 'CN = middle' comes from nobody who is trusted: put its "
			"issuer 'CN = root' into the trust store (ssl.truststore.location)"},
		{2, 0, MIDDLE, NULL,
			"the certificate 'CN = root' comes from nobody who is trusted: put its "
			"issuer 'CN = root' into the trust store (ssl.truststore.location)"},
		/* The name is looked at all the same. */
		{0, 0, MIDDLE, "elsewhere",
			"the broker's certificate is for CN = client, and not for the name it is "
			"called by: use the former in bootstrap.servers and the brokers' "
			"advertised.listeners, or turn the check off with "
			"ssl.endpoint.identification.algorithm="},
		/* What was thought of one chain is forgotten for the next. */
		{0, 0, MIDDLE, NULL, ""},
		{1, 0, CLIENT, NULL,
			"the certificate 'CN = middle' comes from nobody who is trusted: put its "
			"issuer 'CN = root' into the trust store (ssl.truststore.location)"},
		{0, MIDDLE, ROOT, NULL, ""},
	};

	read_certificates();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_STR(verify(certificates[cases[i].leaf], cases[i].sent, cases[i].trusted,
				  cases[i].host),
			cases[i].expected);
}
