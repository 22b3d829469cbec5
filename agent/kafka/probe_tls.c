/* The probe's TLS: begun with what librdkafka is given, and told in full. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "config/file.h"
#include "config/store.h"
#include "kafka/probe_state.h"

/* A certificate that ends sooner is worth a warning. */
#define DAYS_FEW 30

bool
probe_has_tls(const struct client_settings *settings)
{
	const char *protocol = client_settings_get(settings, "security.protocol");

	return protocol && strcasestr(protocol, "ssl") != NULL;
}

/* The password of a key, for OpenSSL's readers. */
static int
give_password(char *room, int size, int is_write, void *password)
{
	(void)is_write;
	if (!password || strlen(password) >= (size_t)size)
		return -1;
	memcpy(room, password, strlen(password));
	return (int)strlen(password);
}

static int
openssl_failed(const char *what, struct err *err)
{
	unsigned long code = ERR_peek_last_error();

	err_set(err, "%s cannot be used: %s", what,
		code && ERR_reason_error_string(code) ? ERR_reason_error_string(code)
						      : "OpenSSL does not say why");
	ERR_clear_error();
	return -1;
}

/* Whom brokers are believed from. */
static int
load_trusted(SSL_CTX *context, const struct client_settings *settings, struct err *err)
{
	const char *pem = client_settings_get(settings, "ssl.ca.pem");
	const char *path = client_settings_get(settings, "ssl.ca.location");
	struct stat info;
	X509 *one;
	BIO *bio;

	if (pem) {
		bio = BIO_new_mem_buf(pem, -1);
		while ((one = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
			X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one);
			X509_free(one);
		}
		BIO_free(bio);
		ERR_clear_error();
		return 0;
	}
	if (!path || !strcmp(path, "probe"))
		return SSL_CTX_set_default_verify_paths(context) == 1
			       ? 0
			       : openssl_failed("the system's trust store", err);
	if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)
			? SSL_CTX_load_verify_dir(context, path) == 1
			: SSL_CTX_load_verify_file(context, path) == 1)
		return 0;
	return openssl_failed(path, err);
}

/* Who was revoked: only the broker's own certificate is looked up there, as by librdkafka. */
static int
load_revoked(SSL_CTX *context, const struct client_settings *settings, struct err *err)
{
	const char *path = client_settings_get(settings, "ssl.crl.location");

	if (!path)
		return 0;
	if (SSL_CTX_load_verify_file(context, path) != 1)
		return openssl_failed(path, err);
	X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_CRL_CHECK);
	return 0;
}

/* A certificate with those above it, in PEM. */
static int
use_certificates(SSL_CTX *context, const char *certificates, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(certificates, -1);
	X509 *own = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL), *above;
	bool is_taken = own && SSL_CTX_use_certificate(context, own) == 1;

	X509_free(own);
	while (is_taken && (above = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		SSL_CTX_add1_chain_cert(context, above);
		X509_free(above);
	}
	BIO_free(bio);
	if (!is_taken)
		return openssl_failed("the client's certificate", err);
	ERR_clear_error();
	return 0;
}

/* Its key, in PEM. */
static int
use_key(SSL_CTX *context, const char *key, const char *password, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(key, -1);
	EVP_PKEY *secret =
		PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)(uintptr_t)password);
	bool is_taken = secret && SSL_CTX_use_PrivateKey(context, secret) == 1;

	BIO_free(bio);
	EVP_PKEY_free(secret);
	return is_taken ? 0 : openssl_failed("the client's key", err);
}

/* A PKCS#12 store that librdkafka was told of by its own name. */
static int
use_store(SSL_CTX *context, const char *path, const char *password, struct err *err)
{
	struct store_request request = {.name = path, .password = password, .wants_key = true};
	struct store store;
	char *bytes;
	size_t n;
	int rc;

	if (file_read(path, STORE_MAX_BYTES, &bytes, &n, err) < 0)
		return -1;
	rc = store_read(bytes, n, &request, &store, err);
	explicit_bzero(bytes, n);
	free(bytes);
	if (rc < 0)
		return rc;
	if (SSL_CTX_use_cert_and_key(context, sk_X509_value(store.chain, 0), store.key, NULL, 1) !=
		1)
		rc = openssl_failed(path, err);
	for (int i = 1; rc == 0 && i < sk_X509_num(store.chain); i++)
		SSL_CTX_add1_chain_cert(context, sk_X509_value(store.chain, i));
	store_fini(&store);
	return rc;
}

/* Who we are to the brokers, where that is said at all. */
static int
load_own(SSL_CTX *context, const struct client_settings *settings, struct err *err)
{
	const char *pem = client_settings_get(settings, "ssl.certificate.pem");
	const char *key_pem = client_settings_get(settings, "ssl.key.pem");
	const char *path = client_settings_get(settings, "ssl.certificate.location");
	const char *key_path = client_settings_get(settings, "ssl.key.location");
	const char *password = client_settings_get(settings, "ssl.key.password");
	const char *store = client_settings_get(settings, "ssl.keystore.location");

	/* One after the other, as librdkafka does it: the later ones count. */
	if (path && SSL_CTX_use_certificate_chain_file(context, path) != 1)
		return openssl_failed(path, err);
	if (pem && use_certificates(context, pem, err) < 0)
		return -1;
	SSL_CTX_set_default_passwd_cb(context, give_password);
	SSL_CTX_set_default_passwd_cb_userdata(context, (void *)(uintptr_t)password);
	if (key_path && SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1)
		return openssl_failed(key_path, err);
	SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
	if (key_pem && use_key(context, key_pem, password, err) < 0)
		return -1;
	return store ? use_store(context, store,
			       client_settings_get(settings, "ssl.keystore.password"), err)
		     : 0;
}

static bool
is_word(const struct client_settings *settings, const char *name, const char *word)
{
	const char *value = client_settings_get(settings, name);

	return value && !strcasecmp(value, word);
}

/* In librdkafka's spellings of false. */
static bool
is_off(const struct client_settings *settings, const char *name)
{
	return is_word(settings, name, "false") || is_word(settings, name, "f") ||
	       is_word(settings, name, "0");
}

struct probe_tls *
probe_tls_new(const struct client_settings *settings, struct err *err)
{
	struct probe_tls *tls = mem_zero(1, sizeof(*tls));
	const char *suites = client_settings_get(settings, "ssl.cipher.suites");

	tls->context = SSL_CTX_new(TLS_client_method());
	tls->trust = trust_new(client_settings_get(settings, "ssl.ca.pem"));
	tls->verifies = !is_off(settings, "enable.ssl.certificate.verification");
	tls->names_hosts = !is_word(settings, "ssl.endpoint.identification.algorithm", "none");
	SSL_CTX_set_mode(tls->context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (load_trusted(tls->context, settings, err) < 0 ||
		load_revoked(tls->context, settings, err) < 0 ||
		load_own(tls->context, settings, err) < 0)
		probe_tls_free(&tls);
	else if (suites && SSL_CTX_set_cipher_list(tls->context, suites) != 1) {
		openssl_failed("ssl.cipher.suites", err);
		probe_tls_free(&tls);
	}
	return tls;
}

void
probe_tls_free(struct probe_tls **tls)
{
	if (!*tls)
		return;
	trust_free(&(*tls)->trust);
	SSL_CTX_free((*tls)->context);
	free(*tls);
	*tls = NULL;
}

/* The handshake of this thread: what its verification says, and whether the broker asked who we
 * are. */
static _Thread_local struct {
	const struct trust *trust;
	char sentence[400];
	bool wants_certificate;
} handshake;

static int
on_question(SSL *ssl, void *arg)
{
	(void)ssl, (void)arg;
	handshake.wants_certificate = true;
	return 1;
}

static int
on_certificate(int is_fine, X509_STORE_CTX *store)
{
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	int error = X509_STORE_CTX_get_error(store), goes_on;
	unsigned char *der = NULL;
	int n = certificate ? i2d_X509(certificate, &der) : 0;

	(void)is_fine;
	goes_on = trust_judge(handshake.trust, &error, X509_STORE_CTX_get_error_depth(store),
		(const char *)der, n > 0 ? (size_t)n : 0, handshake.sentence,
		sizeof(handshake.sentence));
	X509_STORE_CTX_set_error(store, error);
	OPENSSL_free(der);
	return goes_on;
}

/* @gives an SSL for a broker of that name */
static SSL *
make_ssl(const struct probe_tls *tls, const char *host)
{
	SSL *ssl = SSL_new(tls->context);
	unsigned char address[16];
	bool is_address =
		inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

	if (tls->verifies)
		SSL_set_verify(ssl, SSL_VERIFY_PEER, on_certificate);
	SSL_set_cert_cb(ssl, on_question, NULL);
	if (!is_address)
		SSL_set_tlsext_host_name(ssl, host);
	if (tls->names_hosts && is_address)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	else if (tls->names_hosts)
		SSL_set1_host(ssl, host);
	return ssl;
}

/* What an end of a handshake means, when the other side does speak TLS. */
static void
say_failure(struct probe_broker *b, struct wire *wire, enum wire_end end)
{
	const char *reason = wire_reason(wire), *refusal = probe_tls_refusal(b, wire, end);

	if (*handshake.sentence)
		PROBE_SAY(b, "tls", FAILED, "%s", handshake.sentence);
	else if (refusal)
		PROBE_SAY(b, "tls", FAILED, "%s", refusal);
	else if (strstr(reason, "unsupported protocol") || strstr(reason, "protocol version"))
		PROBE_SAY(b, "tls", FAILED,
			"both sides have no version of TLS in common: allow TLSv1.2 at the broker "
			"(ssl.enabled.protocols)");
	else if (strstr(reason, "handshake failure") || strstr(reason, "no ciphers"))
		PROBE_SAY(b, "tls", FAILED,
			"both sides have no cipher suite in common, or the broker wants a "
			"certificate of the client: check ssl.cipher.suites and "
			"ssl.keystore.location");
	else if (end == WIRE_SILENT)
		PROBE_SAY(b, "tls", FAILED,
			"connected, but nothing answered within %d seconds: check that this is "
			"the brokers' port, and that the broker is not frozen",
			PROBE_TLS_MS / 1000);
	else
		PROBE_SAY(b, "tls", FAILED,
			"the handshake failed%s%s: check that this is a TLS port of a broker",
			*reason ? ": " : "", reason);
}

const char *
probe_tls_refusal(const struct probe_broker *broker, const struct wire *wire, enum wire_end end)
{
	const char *reason = wire_reason(wire);
	bool has_own = SSL_CTX_get0_certificate(broker->tls->context) != NULL;
	/* Its reason may be lost with the connection, and is so with brokers of Kafka 2.1. */
	bool is_likely = (end == WIRE_CLOSED || strstr(reason, "unexpected message")) &&
			 handshake.wants_certificate;

	if (strstr(reason, "certificate required") || strstr(reason, "bad certificate") ||
		(is_likely && !has_own))
		return "the broker wants a certificate of the client, and one that it trusts: "
		       "write "
		       "ssl.keystore.location and its passwords";
	if (strstr(reason, "unknown ca") || strstr(reason, "certificate unknown") || is_likely)
		return "the broker does not trust the client's certificate: its issuer must be in "
		       "the broker's trust store (ssl.truststore.location there)";
	if (strstr(reason, "certificate expired"))
		return "the client's certificate has expired: get a new one into "
		       "ssl.keystore.location";
	return NULL;
}

int
probe_tls_begin(struct probe_broker *broker, struct wire *wire, const struct addrinfo *addresses)
{
	enum wire_end end;

	handshake.trust = broker->tls->trust;
	*handshake.sentence = '\0';
	handshake.wants_certificate = false;
	wire_allow(wire, PROBE_TLS_MS);
	end = wire_secure(wire, make_ssl(broker->tls, broker->host));
	broker->is_dead = end == WIRE_SILENT;
	if (end == WIRE_OPEN)
		return 0;
	if (!*handshake.sentence && !probe_tls_refusal(broker, wire, end) && end != WIRE_SILENT &&
		probe_speaks_kafka(addresses))
		PROBE_SAY(broker, "tls", FAILED,
			"the port speaks Kafka without TLS: use the brokers' TLS port, or write "
			"security.protocol=%s",
			probe_has_sasl(broker->settings) ? "SASL_PLAINTEXT" : "PLAINTEXT");
	else
		say_failure(broker, wire, end);
	return -1;
}

/* Whole days until the certificate ends; negative when it has. */
static int
days_left(const X509 *certificate)
{
	int days = 0, seconds = 0;

	ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
	return seconds < 0 ? days - 1 : days;
}

/* "CN = kafka1, valid until 2027-01-01". @gives a string */
static char *
print_certificate(const X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct text text = {0};
	struct tm tm = {0};
	char day[16] = "";
	char *bytes;
	long n;

	X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
		XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_get_mem_data(bio, &bytes);
	text_add(&text, n > 0 ? bytes : "", n > 0 ? (size_t)n : 0);
	BIO_free(bio);
	ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	text_printf(&text, "%svalid until %s", text.length ? ", " : "", day);
	return text_take(&text);
}

/* The certificate of the chain that ends first. @borrows the ssl */
static const X509 *
first_to_end(const SSL *ssl)
{
	const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	const X509 *first = sk_X509_value(chain, 0);

	for (int i = 1; i < sk_X509_num(chain); i++)
		if (days_left(sk_X509_value(chain, i)) < days_left(first))
			first = sk_X509_value(chain, i);
	return first;
}

static void
tell_broker(struct probe_broker *b, const SSL *ssl)
{
	const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	char *own = print_certificate(sk_X509_value(chain, 0));
	char *ends = print_certificate(first_to_end(ssl));
	int days = days_left(first_to_end(ssl));

	if (days < DAYS_FEW)
		PROBE_SAY(b, "tls", WARNING,
			"%s, %s; the certificate %s ends in %d days: renew it at the brokers",
			SSL_get_version(ssl), own, ends, days);
	else if (!b->tls->verifies)
		PROBE_SAY(b, "tls", WARNING,
			"%s, %s; certificates are not verified, so that anybody can pretend to be "
			"this broker: take enable.ssl.certificate.verification=false out",
			SSL_get_version(ssl), own);
	else
		PROBE_SAY(b, "tls", OK, "%s, %s (%d days%s)", SSL_get_version(ssl), own, days,
			b->tls->names_hosts ? "" : "; the host name is not checked");
	free(own);
	free(ends);
}

void
probe_tls_tell(struct probe_broker *broker, struct wire *wire)
{
	X509 *own = SSL_CTX_get0_certificate(broker->tls->context);
	char *text;
	int days;

	tell_broker(broker, wire_ssl(wire));
	if (!own)
		return;
	text = print_certificate(own);
	days = days_left(own);
	if (days < 0)
		PROBE_SAY(broker, "own tls", WARNING,
			"%s: it has expired, and brokers that look will refuse it; get a new one "
			"into ssl.keystore.location",
			text);
	else if (days < DAYS_FEW)
		PROBE_SAY(broker, "own tls", WARNING,
			"%s, in %d days: get a new one into ssl.keystore.location", text, days);
	else
		PROBE_SAY(broker, "own tls", OK, "%s (%d days)", text, days);
	free(text);
}

/* A handshake that looks at nothing: has anything come of it that only TLS says? */
bool
probe_speaks_tls(const struct addrinfo *addresses, const char *host)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct probe_tls tls = {.context = context};
	struct wire *wire;
	struct err err;
	bool speaks = false;

	if (wire_open(addresses, PROBE_CONNECT_MS, &wire, &err) == WIRE_OPEN) {
		SSL *ssl = make_ssl(&tls, host);

		SSL_set_cipher_list(ssl, "DEFAULT");
		wire_allow(wire, PROBE_TLS_MS / 2);
		speaks = wire_secure(wire, ssl) == WIRE_OPEN ||
			 strstr(wire_reason(wire), "alert") != NULL;
	}
	wire_close(&wire);
	SSL_CTX_free(context);
	return speaks;
}

bool
probe_speaks_kafka(const struct addrinfo *addresses)
{
	struct probe_broker nobody = {0};
	struct answer answer = {0};
	struct text request;
	struct wire *wire;
	struct err err;
	bool speaks = false;

	if (wire_open(addresses, PROBE_CONNECT_MS, &wire, &err) != WIRE_OPEN)
		return false;
	wire_allow(wire, PROBE_ANSWER_MS / 2);
	frame_begin(&request, FRAME_API_VERSIONS, 0);
	if (frame_ask(wire, &request, &answer) == WIRE_OPEN)
		speaks = probe_take_versions(&nobody, &answer) == 0;
	answer_fini(&answer);
	wire_close(&wire);
	return speaks;
}
