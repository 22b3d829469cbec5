/* A token: the JWT that OAUTHBEARER shows, read from a file that somebody else writes. */
#include "kafka/token.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "config/file.h"

/* Brokers take requests of this size before a login. */
#define MAX_BYTES (512 * 1024)
/* The last second of the year 9999. */
#define LAST_SECOND 253402300799.0
/* Some editors begin UTF-8 with it. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static _Atomic int64_t expiries[CLIENT_SIDES];

int64_t
token_expiry(enum client_side side)
{
	return atomic_load_explicit(&expiries[side], memory_order_relaxed);
}

void
token_set_expiry(enum client_side side, int64_t expires)
{
	atomic_store_explicit(&expiries[side], expires, memory_order_relaxed);
}

/* The six bits that a sign of base64url stands for, -1: it is none. */
static int
bits_of(char c)
{
	static const char signs[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *found = c ? strchr(signs, c) : NULL;

	return found ? (int)(found - signs) : -1;
}

/* What n signs of base64url stand for, NULL when others are among them. @gives a string */
static char *
decode(const char *s, size_t n)
{
	struct text text = {0};
	unsigned held = 0;
	int count = 0;

	for (size_t i = 0; i < n; i++) {
		int bits = bits_of(s[i]);

		if (bits < 0) {
			text_fini(&text);
			return NULL;
		}
		held = held << 6 | (unsigned)bits;
		count += 6;
		if (count >= 8) {
			count -= 8;
			text_putc(&text, (char)(held >> count & 0xff));
		}
	}
	return text_take(&text);
}

/* Up to the end; nothing is, too. */
static bool
is_base64url(const char *s, const char *end)
{
	for (; s < end; s++)
		if (bits_of(*s) < 0)
			return false;
	return true;
}

/* The claims of a token, NULL when it has none. */
static cJSON *
claims_of(const char *text)
{
	const char *first = strchr(text, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	cJSON *claims;
	char *json;

	/* librdkafka quotes a token with other bytes in its refusal. */
	if (!second || !is_base64url(text, first) || !is_base64url(second + 1, text + strlen(text)))
		return NULL;
	json = decode(first + 1, (size_t)(second - first - 1));
	claims = json ? cJSON_Parse(json) : NULL;
	free(json);
	if (claims && !cJSON_IsObject(claims)) {
		cJSON_Delete(claims);
		return NULL;
	}
	return claims;
}

int
token_parse(const char *text, const char *claim, struct token *ret, struct err *err)
{
	const char *end = text + strlen(text);
	const cJSON *principal, *expires;
	struct token token = {0};
	cJSON *claims;
	int rc = -1;

	if (!strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)))
		text += strlen(BYTE_ORDER_MARK);
	while (isspace((unsigned char)*text))
		text++;
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	token.text = mem_strndup(text, (size_t)(end - text));
	claims = claims_of(token.text);
	claim = claim ? claim : "sub";
	principal = cJSON_GetObjectItemCaseSensitive(claims, claim);
	expires = cJSON_GetObjectItemCaseSensitive(claims, "exp");
	if (!*token.text)
		err_set(err, "it is no JWT but empty; who writes the file must put one there");
	else if (!claims)
		err_set(err, "it is no JWT: three parts in base64url with dots between them, "
			     "of which the second is JSON");
	else if (!cJSON_IsNumber(expires) || !(expires->valuedouble > 0) ||
		 expires->valuedouble > LAST_SECOND)
		err_set(err, "it has no claim 'exp' that says when it expires");
	else if (!cJSON_IsString(principal) || !*principal->valuestring)
		err_set(err,
			"it has no claim '%s' that says whom it is for; if another one does, "
			"write sasl.oauthbearer.sub.claim.name=NAME",
			claim);
	else
		rc = 0;
	if (!rc) {
		token.principal = mem_strdup(principal->valuestring);
		token.expires = (int64_t)(expires->valuedouble * 1000);
		*ret = token;
	} else {
		token_fini(&token);
	}
	cJSON_Delete(claims);
	return rc;
}

static int
check_age(const struct token *token, struct err *err)
{
	time_t seconds = token->expires / 1000;
	struct tm tm;
	char when[40] = "";

	if (token->expires > clock_wall_ms())
		return 0;
	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	return err_set(err, "it expired on %s UTC; who writes the file must renew it", when);
}

int
token_read(const char *path, const char *claim, struct token *ret, struct err *err)
{
	char *text;
	size_t n;
	int rc;

	if (file_read_lasting(path, MAX_BYTES, &text, &n, err) < 0)
		return -1;
	rc = token_parse(text, claim, ret, err);
	explicit_bzero(text, n);
	free(text);
	if (!rc && check_age(ret, err) < 0) {
		token_fini(ret);
		rc = -1;
	}
	return rc ? err_prefix(err, "the token in '%s' cannot be used: ", path) : 0;
}

void
token_fini(struct token *token)
{
	mem_wipe(&token->text);
	free(token->principal);
	*token = (struct token){0};
}
