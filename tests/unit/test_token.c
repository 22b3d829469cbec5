/* kafka/token: JWTs in files. */
#include "kafka/token.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

/* {"alg":"none"} */
#define HEAD "eyJhbGciOiJub25lIn0"

/* {"sub":"me","exp":4000000000} */
#define GOOD "eyJzdWIiOiJtZSIsImV4cCI6NDAwMDAwMDAwMH0"

/* A token of these claims, in base64url without padding. @gives a string */
static char *
make(const char *claims)
{
	static const char signs[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n = strlen(claims);
	struct text text = {0};

	text_puts(&text, HEAD ".");
	for (size_t i = 0; i < n; i += 3) {
		unsigned three = 0;

		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < n ? (unsigned char)claims[i + k] : 0U);
		for (size_t k = 0; k < (n - i < 3 ? n - i + 1 : 4); k++)
			text_putc(&text, signs[three >> (18 - 6 * k) & 63]);
	}
	text_putc(&text, '.');
	return text_take(&text);
}

TEST(claims)
{
	static const struct {
		const char *claims, *claim, *expected; /* principal@expiry, or the sentence */
	} cases[] = {
		{"{\"sub\":\"me\",\"exp\":1900000000}", NULL, "me@1900000000000"},
		{"{\"sub\":\"m\\u00e4\",\"exp\":1900000000.5}", NULL, "m\xc3\xa4@1900000000500"},
		{"{\"exp\":1, \"appid\":\"a?~\"}", "appid", "a?~@1000"},
		{"{\"sub\":\"me\"}", NULL, "it has no claim 'exp' that says when it expires"},
		{"{\"sub\":\"me\",\"exp\":\"1\"}", NULL,
			"it has no claim 'exp' that says when it expires"},
		{"{\"sub\":\"me\",\"exp\":1e300}", NULL,
			"it has no claim 'exp' that says when it expires"},
		{"{\"exp\":1900000000}", NULL,
			"it has no claim 'sub' that says whom it is for; if another one does, "
			"write sasl.oauthbearer.sub.claim.name=NAME"},
		{"{\"exp\":1900000000,\"sub\":\"\"}", NULL,
			"it has no claim 'sub' that says whom it is for; if another one does, "
			"write sasl.oauthbearer.sub.claim.name=NAME"},
		{"[1]", NULL,
			"it is no JWT: three parts in base64url with dots between them, of which "
			"the second is JSON"},
		{"{", NULL,
			"it is no JWT: three parts in base64url with dots between them, of which "
			"the second is JSON"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = make(cases[i].claims), *found;
		struct token token;
		struct err err;

		if (token_parse(text, cases[i].claim, &token, &err)) {
			found = mem_strdup(err.text);
		} else {
			found = mem_printf("%s@%lld", token.principal, (long long)token.expires);
			CHECK_STR(token.text, text);
			token_fini(&token);
		}
		CHECK_STR(found, cases[i].expected);
		free(found);
		free(text);
	}
}

TEST(what_is_no_token)
{
	static const char *const cases[] = {"", ".", "..", "...", "a", "a.b", HEAD "." HEAD,
		HEAD ".e30=." HEAD, HEAD ".e30.x.y", HEAD ".e 30.x", HEAD "..x",
		/* all else is good */
		HEAD "." GOOD ".x y", HEAD "." GOOD ".x\xc3\xa4", HEAD "=." GOOD ".x",
		"e\x01y." GOOD ".x", HEAD "." GOOD ".x\xef\xbb\xbf"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct token token;
		struct err err;

		CHECK(token_parse(cases[i], NULL, &token, &err) < 0);
		CHECK(strstr(err.text, "it is no JWT"));
	}
}

TEST(what_stands_around_a_token)
{
	static const char *const cases[] = {HEAD "." GOOD ".x-_",
		"\xef\xbb\xbf" HEAD "." GOOD ".x-_", "\xef\xbb\xbf \n" HEAD "." GOOD ".x-_\r\n"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct token token;
		struct err err;

		if (!CHECK(token_parse(cases[i], NULL, &token, &err) == 0))
			continue;
		CHECK_STR(token.text, HEAD "." GOOD ".x-_");
		token_fini(&token);
	}
}

/* Writes a token and a line's end into a file of its own, and reads that. */
static int
read_back(const char *claims, struct token *ret, struct err *err)
{
	char path[] = "/tmp/test_token.XXXXXX", *text = make(claims);
	int fd = mkstemp(path), rc;

	CHECK(write(fd, text, strlen(text)) > 0 && write(fd, "\r\n", 2) == 2);
	close(fd);
	rc = token_read(path, NULL, ret, err);
	if (!rc)
		CHECK_STR(ret->text, text);
	unlink(path);
	free(text);
	return rc;
}

TEST(files)
{
	struct token token = {0};
	struct err err;

	CHECK(read_back("{\"sub\":\"me\",\"exp\":4000000000}", &token, &err) == 0);
	token_fini(&token);
	CHECK(read_back("{\"sub\":\"me\",\"exp\":1000000000}", &token, &err) < 0);
	CHECK(strstr(err.text, "cannot be used: it expired on 2001-09-09 01:46:40 UTC; who writes "
			       "the file must renew it"));
	CHECK(token_read("/no/such", NULL, &token, &err) < 0);
	CHECK_STR(err.text, "cannot read '/no/such': No such file or directory");
}

/* Nobody writes into it: whoever reads it would wait for ever. */
TEST(a_pipe_is_not_waited_for)
{
	char folder[] = "/tmp/test_token.XXXXXX", *path;
	struct token token;
	struct err err;

	CHECK(mkdtemp(folder));
	path = mem_printf("%s/pipe", folder);
	CHECK_INT(mkfifo(path, 0600), 0);
	CHECK(token_read(path, NULL, &token, &err) < 0);
	CHECK(strstr(err.text, "/pipe' is no file that can be read again and again, but a "
			       "directory, pipe or device; write the path of such a file"));
	unlink(path);
	rmdir(folder);
	free(path);
}

TEST(expiry_of_a_side)
{
	CHECK_INT(token_expiry(CLIENT_SOURCE), 0);
	token_set_expiry(CLIENT_TARGET, 5);
	CHECK_INT(token_expiry(CLIENT_SOURCE), 0);
	CHECK_INT(token_expiry(CLIENT_TARGET), 5);
}
