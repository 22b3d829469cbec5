/* kafka/identity: what new connections of a living client show, and whom they trust, on a server of
 * our own. */
#include "kafka/identity.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/store.h"
#include "kafka/client.h"
#include "kafka/renewal.h"
#include "unit.h"

#define WAIT_MS 60000

/* A server that closes each connection after the handshake, and knows whose the last certificate
   was that a client showed. */
static struct {
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t change;
	SSL_CTX *context; /* under lock, as the one below */
	char shown[64];
} server = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static int
take_any(int is_good, X509_STORE_CTX *context)
{
	(void)is_good, (void)context;
	return 1;
}

/* A file of tests/unit/data/stores. @gives a store */
static struct store
read_store(const char *name, const char *key_password)
{
	char *path = mem_printf("tests/unit/data/stores/%s", name), *bytes;
	struct store_request request = {.name = name,
		.password = "storepass",
		.key_password = key_password,
		.wants_key = key_password != NULL};
	struct store store = {0};
	size_t n;

	CHECK(file_read(path, STORE_MAX_BYTES, &bytes, &n, NULL) == 0);
	CHECK(store_read(bytes, n, &request, &store, NULL) == 0);
	free(bytes);
	free(path);
	return store;
}

/* A certificate for a key, signed by another one (issuer NULL: by itself), of an authority or not.
   @takes key @gives a store */
static struct store
make_signed(const char *name, EVP_PKEY *key, const struct store *issuer, bool is_authority)
{
	struct store store = {.chain = sk_X509_new_null(), .trusted = sk_X509_new_null()};
	BASIC_CONSTRAINTS constraints = {.ca = is_authority ? 0xff : 0};
	X509 *certificate = X509_new();
	const X509 *by = issuer ? sk_X509_value(issuer->chain, 0) : certificate;

	store.key = key;
	X509_set_version(certificate, X509_VERSION_3);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(by));
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, store.key);
	X509_add1_ext_i2d(certificate, NID_basic_constraints, &constraints, 0, 0);
	CHECK(X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256()) > 0);
	sk_X509_push(store.chain, certificate);
	X509_up_ref(certificate);
	sk_X509_push(store.trusted, certificate);
	return store;
}

/* A key and a certificate that nobody else signed. @gives a store */
static struct store
make_own(void)
{
	return make_signed("own", EVP_EC_gen("P-256"), NULL, true);
}

/* Writes into a new file; path ends in XXXXXX. */
static void
write_file(char *path, const char *text, int n)
{
	int fd = mkstemp(path);

	CHECK(write(fd, text, (size_t)n) == n);
	close(fd);
}

static void
write_trusted(char *path, const struct store *store)
{
	char *pem = store_print_certificates(store->trusted);

	write_file(path, pem, (int)strlen(pem));
	free(pem);
}

/* The authority's list of the certificates that it has revoked: none. */
static void
write_revoked(char *path, const struct store *authority)
{
	ASN1_TIME *from = X509_gmtime_adj(NULL, -60), *to = X509_gmtime_adj(NULL, 3600);
	BIO *bio = BIO_new(BIO_s_mem());
	X509_CRL *list = X509_CRL_new();
	char *text;
	int n;

	X509_CRL_set_version(list, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(sk_X509_value(authority->chain, 0)));
	X509_CRL_set1_lastUpdate(list, from);
	X509_CRL_set1_nextUpdate(list, to);
	CHECK(X509_CRL_sign(list, authority->key, EVP_sha256()) > 0);
	CHECK(PEM_write_bio_X509_CRL(bio, list) == 1);
	n = (int)BIO_get_mem_data(bio, &text);
	write_file(path, text, n);
	X509_CRL_free(list);
	BIO_free(bio);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}

/* The server's certificate from now on. */
static void
serve_with(const struct store *store)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	STACK_OF(X509) *others = sk_X509_dup(store->chain);

	sk_X509_shift(others);
	CHECK(SSL_CTX_use_cert_and_key(
		context, sk_X509_value(store->chain, 0), store->key, others, 1));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, take_any);
	sk_X509_free(others);
	pthread_mutex_lock(&server.lock);
	SSL_CTX_free(server.context);
	server.context = context;
	pthread_mutex_unlock(&server.lock);
}

static void
answer(int fd)
{
	X509 *certificate;
	SSL *ssl;

	pthread_mutex_lock(&server.lock);
	ssl = SSL_new(server.context);
	pthread_mutex_unlock(&server.lock);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		certificate = SSL_get1_peer_certificate(ssl);
		pthread_mutex_lock(&server.lock);
		strcpy(server.shown, "nobody");
		if (certificate)
			X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
				NID_commonName, server.shown, sizeof(server.shown));
		pthread_cond_broadcast(&server.change);
		pthread_mutex_unlock(&server.lock);
		X509_free(certificate);
	}
	SSL_free(ssl);
	close(fd);
}

static void *
serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.fd, NULL, NULL)) >= 0)
		answer(fd);
	return NULL;
}

/* Waits until a client has shown this name, in a connection that was begun after this call. */
static bool
wait_shown(const char *name)
{
	struct timespec until;
	int rc = 0;

	clock_deadline(WAIT_MS, &until);
	pthread_mutex_lock(&server.lock);
	server.shown[0] = '\0';
	while (strcmp(server.shown, name) != 0 && rc == 0)
		rc = pthread_cond_timedwait(&server.change, &server.lock, &until);
	pthread_mutex_unlock(&server.lock);
	return rc == 0;
}

static int
listen_anywhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);

	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(server.fd, (struct sockaddr *)&address, n) == 0 && listen(server.fd, 8) == 0);
	getsockname(server.fd, (struct sockaddr *)&address, &n);
	return ntohs(address.sin_port);
}

/* Settings of PEM: trust, and a key where there is one. */
static void
fill(struct client_setting *items, const struct store *trust, const struct store *own)
{
	static char *const names[] = {
		"security.protocol", "ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem"};

	for (int i = 0; i < 4; i++)
		items[i] = (struct client_setting){.name = names[i], .origin = "test"};
	items[0].value = mem_strdup("ssl");
	items[1].value = store_print_certificates(trust->trusted);
	if (own) {
		items[2].value = store_print_certificates(own->chain);
		items[3].value = store_print_key(own->key);
	}
}

static void
forget(struct client_setting *items)
{
	for (int i = 0; i < 4; i++)
		free(items[i].value);
}

/* Trust in memory and in a file are both taken, and only the server's own certificate is looked up
   among those that were revoked, as librdkafka does it. The server's is signed by an authority
   between, which alone has a list. */
static void
check_lists(struct client_setting *items, const struct store *own, const struct store *key)
{
	char roots[] = "/tmp/test_identity.XXXXXX", revoked[] = "/tmp/test_identity.XXXXXX";
	struct store top = make_signed("top", EVP_EC_gen("P-256"), NULL, true),
		     between = make_signed("between", EVP_EC_gen("P-256"), &top, true),
		     end = make_signed("end", EVP_EC_gen("P-256"), &between, false);
	struct client_settings settings = {.items = items, .count = 6};
	struct err err;

	write_trusted(roots, &top);
	write_revoked(revoked, &between);
	X509_up_ref(sk_X509_value(between.chain, 0));
	sk_X509_push(end.chain, sk_X509_value(between.chain, 0));
	serve_with(&end);
	fill(items, own, key);
	items[4] = (struct client_setting){
		.name = "ssl.ca.location", .value = roots, .origin = "test"};
	items[5] = (struct client_setting){
		.name = "ssl.crl.location", .value = revoked, .origin = "test"};
	CHECK(renewal_take(CLIENT_SOURCE, &settings, 1 << SECRET_KEY | 1 << SECRET_TRUST, &err) ==
		0);
	CHECK(wait_shown("client"));
	forget(items);
	unlink(roots);
	unlink(revoked);
	store_fini(&top);
	store_fini(&between);
	store_fini(&end);
}

TEST(a_certificate_that_is_too_weak)
{
	struct store weak = make_signed("weak", EVP_RSA_gen(512), NULL, true);
	struct client_setting items[4];
	struct client_settings settings = {.items = items, .count = 4};
	struct err err = {0};

	fill(items, &weak, &weak);
	CHECK(identity_renew(CLIENT_TARGET, &settings, 1 << SECRET_KEY, &err) < 0);
	CHECK(strstr(err.text, "OpenSSL does not take the client's certificate ("));
	CHECK_INT(identity_renewed(CLIENT_TARGET), 0);
	forget(items);
	store_fini(&weak);
}

TEST(new_connections_of_a_living_client)
{
	struct store root = read_store("root.jks", NULL),
		     broker = read_store("broker.jks", "storepass");
	struct store key = read_store("key.jks", "keypass"), own = make_own();
	char *brokers = mem_printf("127.0.0.1:%d", listen_anywhere());
	const struct client_rule rules[] = {{"bootstrap.servers", brokers, true},
		{"reconnect.backoff.ms", "10", true}, {"reconnect.backoff.max.ms", "20", true},
		{"ssl.endpoint.identification.algorithm", "none", true}};
	struct client_setting items[6];
	struct client_settings settings = {.items = items, .count = 2};
	struct client *client;
	pthread_t thread;
	struct err err;

	serve_with(&broker);
	pthread_create(&thread, NULL, serve, NULL);

	/* It begins without a certificate. */
	fill(items, &root, NULL);
	client = client_new(CLIENT_SOURCE, RD_KAFKA_PRODUCER, &settings, rules, 4, 0, &err);
	if (!CHECK(client))
		return;
	CHECK(wait_shown("nobody"));
	forget(items);

	fill(items, &root, &key);
	settings.count = 4;
	CHECK(renewal_take(CLIENT_SOURCE, &settings, 1 << SECRET_KEY, &err) == 0);
	CHECK(wait_shown("client"));
	/* The other side has one of its own. */
	CHECK_INT(identity_renewed(CLIENT_TARGET), 0);
	forget(items);

	/* A certificate without its key is not taken. */
	fill(items, &root, &broker);
	free(items[3].value);
	items[3].value = store_print_key(key.key);
	CHECK(renewal_take(CLIENT_SOURCE, &settings, 1 << SECRET_KEY, &err) < 0);
	CHECK(wait_shown("client"));
	forget(items);

	/* The server's certificate is another one, which only the new trust believes. */
	serve_with(&own);
	fill(items, &own, &own);
	CHECK(renewal_take(CLIENT_SOURCE, &settings, 1 << SECRET_KEY | 1 << SECRET_TRUST, &err) ==
		0);
	CHECK(wait_shown("own"));
	CHECK_INT(identity_renewed(CLIENT_SOURCE), 1 << SECRET_KEY | 1 << SECRET_TRUST);
	forget(items);

	check_lists(items, &own, &key);

	client_retire(&client);
	CHECK_INT(client_wait_retired(WAIT_MS), 0);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(server.fd);
	SSL_CTX_free(server.context);
	store_fini(&root);
	store_fini(&broker);
	store_fini(&key);
	store_fini(&own);
	free(brokers);
}
