/* Channel: the connection to an agent's admin API, plain or by TLS. */
#include "service/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/pem.h"

/* What went wrong in TLS, with what to do where that can be told. */
static int
set_tls_error(const struct channel *c, int rc, struct err *err)
{
	int kind = SSL_get_error(c->tls, rc), saved = errno;
	unsigned long code = ERR_peek_last_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	long verdict = SSL_get_verify_result(c->tls);

	ERR_clear_error();
	if (verdict != X509_V_OK)
		return err_set(err,
			"the agent's certificate is not believed: %s; name the file of its "
			"authority with --ca-file or in $REFLEJO_CA_FILE, and the agent as its "
			"certificate does",
			X509_verify_cert_error_string(verdict));
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return err_set(err, "it took too long");
	if (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
		reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE ||
		reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
		reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE)
		return err_set(err,
			"it wants a certificate that it believes (%s): name its file with "
			"--certificate-file or in $REFLEJO_CERTIFICATE_FILE",
			ERR_reason_error_string(code));
	if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)
		return err_set(err, "it speaks no TLS: write http:// instead of https://");
	if (kind == SSL_ERROR_SYSCALL && saved)
		return err_set(err, "%s", strerror(saved));
	return err_set(err, "%s", code ? ERR_reason_error_string(code) : "the line was cut");
}

/* Whom the certificate must be for. */
static void
expect_host(SSL *tls, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1) {
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host);
		return;
	}
	SSL_set1_host(tls, host);
	SSL_set_tlsext_host_name(tls, host);
}

/* The system's own authorities are there or not; a file that was named must be. */
static int
load_files(SSL_CTX *context, const struct channel_files *files, struct err *err)
{
	const char *key = files->key ? files->key : files->certificate;

	if (!files->ca)
		SSL_CTX_set_default_verify_paths(context);
	else if (SSL_CTX_load_verify_file(context, files->ca) != 1)
		return err_set(
			err, "%s holds no certificates in PEM form: %s", files->ca, pem_reason());
	if (files->key && !files->certificate)
		return err_set(err,
			"the key in %s has no certificate: name its file with --certificate-file",
			files->key);
	if (!files->certificate)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		return err_set(err, "%s holds no certificate in PEM form: %s", files->certificate,
			pem_reason());
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(context) != 1)
		return err_set(err, "%s holds no key in PEM form that suits the certificate: %s",
			key, pem_reason());
	return 0;
}

int
channel_prepare(struct channel *c, const struct channel_files *files, struct err *err)
{
	ERR_clear_error();
	c->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(c->context, TLS1_2_VERSION);
	SSL_CTX_set_verify(c->context, SSL_VERIFY_PEER, NULL);
	return load_files(c->context, files, err);
}

/* OpenSSL writes in a way that ends the process with SIGPIPE when nobody reads any more. bytes
   NULL: the handshake. */
static int
write_tls(SSL *tls, const char *bytes, size_t size)
{
	static const struct timespec no_time = {0, 0};
	sigset_t pipe, before, pending;
	int n, error;

	sigpending(&pending);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	errno = 0;
	n = bytes ? SSL_write(tls, bytes, (int)size) : SSL_connect(tls);
	error = errno;
	if (n <= 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &no_time);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return n;
}

int
channel_secure(struct channel *c, const char *host, struct err *err)
{
	int rc;

	c->tls = SSL_new(c->context);
	SSL_set_fd(c->tls, c->fd);
	expect_host(c->tls, host);
	rc = write_tls(c->tls, NULL, 0);
	return rc == 1 ? 0 : set_tls_error(c, rc, err);
}

int
channel_send(struct channel *c, const char *bytes, size_t size, struct err *err)
{
	while (size > 0) {
		ssize_t n;

		errno = 0;
		n = c->tls ? write_tls(c->tls, bytes, size)
			   : send(c->fd, bytes, size, MSG_NOSIGNAL);
		if (n <= 0)
			return c->tls ? set_tls_error(c, (int)n, err)
				      : err_set(err, "%s", strerror(errno));
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t
channel_receive(struct channel *c, char *bytes, size_t size, struct err *err)
{
	ssize_t n;

	errno = 0;
	if (c->tls) {
		n = SSL_read(c->tls, bytes, (int)size);
		if (n > 0 || SSL_get_error(c->tls, (int)n) == SSL_ERROR_ZERO_RETURN)
			return n > 0 ? n : 0;
		return set_tls_error(c, (int)n, err);
	}
	n = recv(c->fd, bytes, size, 0);
	if (n < 0)
		err_set(err, "%s", errno == EAGAIN ? "it took too long" : strerror(errno));
	return n;
}

void
channel_close(struct channel *c)
{
	SSL_free(c->tls);
	SSL_CTX_free(c->context);
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct channel){.fd = -1};
}
