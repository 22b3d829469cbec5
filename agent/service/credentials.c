/* Credentials: what the admin API shows of itself and asks of others. */
#include "service/credentials.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/access.h"
#include "service/pem.h"
#include "service/stamp.h"

/* A certificate that ends so soon is warned about. */
#define WARN_DAYS 30

struct credentials {
	struct credentials_files files;
	char *token;
	SSL_CTX *tls; /* NULL: there is no certificate */
	struct file_stamp token_stamp, certificate_stamp, key_stamp, ca_stamp;
	bool token_changed, tls_changed; /* a moment ago: they may be being written */
};

/* Nobody is asked for a passphrase on a terminal. */
static int
refuse_passphrase(char *buffer, int size, int is_writing, void *arg)
{
	(void)buffer, (void)size, (void)is_writing;
	*(bool *)arg = true;
	return 0;
}

static int
check_private(const char *file, struct err *err)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return err_set(err, "%s: %s", file, strerror(errno));
	if (S_ISREG(st.st_mode) && (st.st_mode & S_IROTH))
		return err_set(err, "everybody on this host can read the key in %s; chmod o-r %s",
			file, file);
	return 0;
}

static int
load_key(SSL_CTX *tls, const struct credentials_files *files, struct err *err)
{
	const char *file = files->key ? files->key : files->certificate;
	bool has_passphrase = false;
	int rc;

	SSL_CTX_set_default_passwd_cb(tls, refuse_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(tls, &has_passphrase);
	rc = SSL_CTX_use_PrivateKey_file(tls, file, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(tls, NULL);
	SSL_CTX_set_default_passwd_cb(tls, NULL);
	if (rc == 1 && SSL_CTX_check_private_key(tls) == 1)
		return check_private(file, err);
	if (!files->key && !has_passphrase)
		return err_set(err,
			"there is no key in %s that suits its certificate; set admin.tls.key.file "
			"to the file with it",
			file);
	if (has_passphrase)
		return err_set(err,
			"the key in %s has a passphrase; write it without one, for this user only: "
			"openssl pkey -in %s -out NEWFILE",
			file, file);
	return err_set(err, "the key in %s does not suit the certificate, or is none: %s", file,
		pem_reason());
}

static int
load_clients(SSL_CTX *tls, const struct credentials_files *files, struct err *err)
{
	STACK_OF(X509_NAME) * names;

	if (!files->client_ca)
		return 0;
	names = SSL_load_client_CA_file(files->client_ca);
	if (!names || SSL_CTX_load_verify_file(tls, files->client_ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return err_set(err, "%s holds no certificates in PEM form: %s", files->client_ca,
			pem_reason());
	}
	SSL_CTX_set_client_CA_list(tls, names);
	SSL_CTX_set_verify(tls,
		SSL_VERIFY_PEER | (files->clients_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
		NULL);
	return 0;
}

/* NULL: the error says why. Sessions are not resumed: each connection is judged by the files as
   they are. @gives */
static SSL_CTX *
load_tls(const struct credentials_files *files, struct err *err)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	ERR_clear_error();
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
					 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(tls, files->certificate) != 1)
		err_set(err, "%s holds no certificate in PEM form that can be used: %s",
			files->certificate, pem_reason());
	else if (load_key(tls, files, err) == 0 && load_clients(tls, files, err) == 0)
		return tls;
	ERR_clear_error();
	SSL_CTX_free(tls);
	return NULL;
}

/* Until when the certificate is good, "2027-01-31T00:00:00Z". */
static void
print_end(const SSL_CTX *tls, char *ret, size_t size)
{
	struct tm tm = {0};

	*ret = '\0';
	if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(tls)), &tm) == 1)
		strftime(ret, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int
read_token(struct credentials *c, struct err *err)
{
	char *token;

	if (!c->files.token)
		return 0;
	token = access_read_token(c->files.token, err);
	if (!token)
		return err_prefix(err, "admin.token.file: ");
	mem_wipe(&c->token);
	c->token = token;
	return 0;
}

/* So many days the certificate is good for; negative: it has expired. */
static int
days_left(const SSL_CTX *tls)
{
	int days = 0, seconds = 0;

	ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(SSL_CTX_get0_certificate(tls)));
	return seconds < 0 ? days - 1 : days;
}

static int
read_tls(struct credentials *c, struct err *err)
{
	SSL_CTX *tls;
	char end[32];

	if (!c->files.certificate)
		return 0;
	tls = load_tls(&c->files, err);
	if (!tls)
		return err_prefix(err, "admin.tls: ");
	print_end(tls, end, sizeof(end));
	/* At the start it is better than no mirror. */
	if (c->tls && days_left(tls) < 0) {
		SSL_CTX_free(tls);
		return err_set(err, "admin.tls: the certificate in %s expired at %s; renew it",
			c->files.certificate, end);
	}
	if (days_left(tls) < WARN_DAYS)
		LOG(EVENT_admin_certificate_ends, F_STR("file", c->files.certificate),
			F_STR("until", end));
	/* Connections that are open keep the one that they began with. */
	SSL_CTX_free(c->tls);
	c->tls = tls;
	LOG(EVENT_admin_certificate, F_STR("file", c->files.certificate), F_STR("until", end));
	return 0;
}

/* Notes how the files are now; has one of them changed? */
static bool
note_token(struct credentials *c)
{
	return c->files.token && stamp_changed(&c->token_stamp, c->files.token);
}

static bool
note_tls(struct credentials *c)
{
	bool is = false;

	if (c->files.certificate)
		is = stamp_changed(&c->certificate_stamp, c->files.certificate);
	if (c->files.key)
		is = stamp_changed(&c->key_stamp, c->files.key) || is;
	if (c->files.client_ca)
		is = stamp_changed(&c->ca_stamp, c->files.client_ca) || is;
	return is;
}

static int
check_files(const struct credentials_files *files, struct err *err)
{
	if (files->certificate || (!files->key && !files->client_ca))
		return 0;
	return err_set(err, "admin.tls.%s.file is set, and admin.tls.certificate.file is not",
		files->key ? "key" : "client.ca");
}

struct credentials_files
credentials_files(const struct config *config)
{
	return (struct credentials_files){.token = config->admin.token_file,
		.certificate = config->admin.tls_certificate_file,
		.key = config->admin.tls_key_file,
		.client_ca = config->admin.tls_client_ca_file,
		.clients_optional = !strcmp(config->admin.tls_client_certificates, "optional")};
}

int
credentials_check(const struct credentials_files *files, struct err *err)
{
	struct credentials c = {.files = *files};
	SSL_CTX *tls;

	if (check_files(files, err) < 0 || read_token(&c, err) < 0)
		return -1;
	mem_wipe(&c.token);
	if (!files->certificate)
		return 0;
	tls = load_tls(files, err);
	if (!tls)
		return err_prefix(err, "admin.tls: ");
	SSL_CTX_free(tls);
	return 0;
}

struct credentials *
credentials_new(const struct credentials_files *files, struct err *err)
{
	struct credentials *c = mem_zero(1, sizeof(*c));

	c->files = *files;
	note_token(c);
	note_tls(c);
	if (check_files(files, err) < 0 || read_token(c, err) < 0 || read_tls(c, err) < 0)
		credentials_free(&c);
	return c;
}

void
credentials_free(struct credentials **credentials)
{
	struct credentials *c = *credentials;

	if (!c)
		return;
	*credentials = NULL;
	mem_wipe(&c->token);
	SSL_CTX_free(c->tls);
	free(c);
}

static void
take_token(struct credentials *c)
{
	struct err err;

	c->token_changed = false;
	if (read_token(c, &err) < 0)
		LOG(EVENT_admin_credentials_bad, F_STR("reason", err.text));
	else if (c->files.token)
		LOG(EVENT_admin_token, F_STR("file", c->files.token));
}

static void
take_tls(struct credentials *c)
{
	struct err err;

	c->tls_changed = false;
	if (read_tls(c, &err) < 0)
		LOG(EVENT_admin_credentials_bad, F_STR("reason", err.text));
}

void
credentials_look(struct credentials *c)
{
	if (note_token(c))
		c->token_changed = true;
	else if (c->token_changed)
		take_token(c);
	if (note_tls(c))
		c->tls_changed = true;
	else if (c->tls_changed)
		take_tls(c);
}

bool
credentials_read(struct credentials *c)
{
	bool is_new = c->token_changed || c->tls_changed;

	is_new |= note_token(c);
	is_new |= note_tls(c);
	take_token(c);
	take_tls(c);
	return is_new;
}

const char *
credentials_token(const struct credentials *c)
{
	return c->token;
}

bool
credentials_has_tls(const struct credentials *c)
{
	return c->tls != NULL;
}

bool
credentials_asks_clients(const struct credentials *c)
{
	return c->files.client_ca != NULL;
}

struct ssl_st *
credentials_accept(const struct credentials *c)
{
	return SSL_new(c->tls);
}
