/* kafka/identity: what new connections of a living client show, and whom they trust, on a server of
 * our own. */
#include "kafka/identity.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
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

/* A key and a certificate that nobody else signed. @gives a store */
static struct store
make_own(void)
{
	struct store store = {.chain = sk_X509_new_null(), .trusted = sk_X509_new_null()};
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	store.key = EVP_EC_gen("P-256");
	X509_NAME_add_entry_by_NID(
		name, NID_commonName, MBSTRING_ASC, (unsigned char *)"own", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, store.key);
	CHECK(X509_sign(certificate, store.key, EVP_sha256()) > 0);
	sk_X509_push(store.chain, certificate);
	X509_up_ref(certificate);
	sk_X509_push(store.trusted, certificate);
	return store;
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

TEST(new_connections_of_a_living_client)
{
	struct store root = read_store("root.jks", NULL),
		     broker = read_store("broker.jks", "storepass");
	struct store key = read_store("key.jks", "keypass"), own = make_own();
	char *brokers = mem_printf("127.0.0.1:%d", listen_anywhere());
	const struct client_rule rules[] = {{"bootstrap.servers", brokers, true},
		{"reconnect.backoff.ms", "10", true}, {"reconnect.backoff.max.ms", "20", true},
		{"ssl.endpoint.identification.algorithm", "none", true}};
	struct client_setting items[4];
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
