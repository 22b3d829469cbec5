/* A token: the JWT that OAUTHBEARER shows, read from a file that somebody else writes. */
#ifndef KAFKA_TOKEN_H
#define KAFKA_TOKEN_H

#include <stdint.h>

#include "base/err.h"
#include "kafka/traffic.h"

struct token {
	char *text;	 /* the whole of it, without blanks around it */
	char *principal; /* whom it is for */
	int64_t expires; /* ms since 1970 */
};

/* Takes a token apart; whether its signature is good is the brokers' business. claim names the one
   that says whom it is for, NULL: sub. -1 when it is none; nothing of it stands in the sentence.
   token_fini. @thread any */
int token_parse(const char *text, const char *claim, struct token *ret, struct err *err);

/* The same of a file's content; one that has expired is an error too. @thread any @blocks on
   reading */
int token_read(const char *path, const char *claim, struct token *ret, struct err *err);

/* Wipes and frees what it holds. */
void token_fini(struct token *token);

/* When the token that a side's clients show expires (ms since 1970), 0: they show none from a file.
   @thread any */
int64_t token_expiry(enum client_side side);
void token_set_expiry(enum client_side side, int64_t expires);

#endif
