/* Credentials: what the admin API shows of itself and asks of others: its token, its certificate,
   and whose client certificates it believes. They are read again when their files change. @thread
   main */
#ifndef SERVICE_CREDENTIALS_H
#define SERVICE_CREDENTIALS_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"

struct credentials;
struct ssl_st;

/* Names of files; NULL: there is none. They must stay while the credentials do. */
struct credentials_files {
	const char *token;
	const char *certificate; /* PEM, with the chain; the server speaks TLS with it */
	const char *key;	 /* PEM; NULL: it stands in the file of the certificate */
	const char *client_ca;	 /* PEM; clients show a certificate of these */
	bool clients_optional;	 /* those without one may speak too */
};

/* What the configuration names. @borrows from it */
struct credentials_files credentials_files(const struct config *config);

/* Reads all of them and keeps nothing. The error names the file, and what to do. @blocks on reading
   files */
int credentials_check(const struct credentials_files *files, struct err *err);

/* Reads all of them. The error names the file, and what to do. @gives; free with
   credentials_free. @blocks on reading files */
struct credentials *credentials_new(const struct credentials_files *files, struct err *err);

/* NULL is accepted; clears. */
void credentials_free(struct credentials **credentials);

/* Once a second: reads what has changed, once it has not changed for a second. What is broken is
   said in the log, and what was there before counts. @blocks on looking at files */
void credentials_look(struct credentials *credentials);

/* Reads all of them again now. Returns whether one has changed. @blocks on reading files */
bool credentials_read(struct credentials *credentials);

/* The token; NULL: there is none. @borrows until the loop turns */
const char *credentials_token(const struct credentials *credentials);

/* Does the server speak TLS; does it ask clients for certificates? */
bool credentials_has_tls(const struct credentials *credentials);
bool credentials_asks_clients(const struct credentials *credentials);

/* The server's side of one connection. @gives; SSL_free */
struct ssl_st *credentials_accept(const struct credentials *credentials);

#endif
