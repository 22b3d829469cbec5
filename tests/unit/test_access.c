/* Who may change something over HTTP. */
#include "service/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

TEST(rights)
{
	static const struct {
		struct access access;
		int status;
	} rows[] = {
		/* unix loopback token authorization origin host asks_clients is_certified is_secure
		 */
		{{true, false, NULL, NULL, NULL, NULL, false, false, false}, 0},
		{{true, false, "t", NULL, "http://evil", "x", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, NULL, false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, "127.0.0.1:9186", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, "127.0.0.1", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, "[::1]:9186", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, "LocalHost", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, "localhost:1", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL, "evil.example", false, false, false}, 403},
		{{false, true, NULL, NULL, NULL, "localhost.evil.example:9186", false, false,
			 false},
			403},
		{{false, true, NULL, NULL, NULL, "127.0.0.1.evil.example", false, false, false},
			403},
		{{false, true, NULL, NULL, NULL, "", false, false, false}, 403},
		{{false, true, NULL, NULL, NULL, "[::1", false, false, false}, 0},
		{{false, true, NULL, NULL, NULL,
			 "0123456789012345678901234567890123456789012345678901234567890123456789",
			 false, false, false},
			403},
		{{false, true, NULL, NULL, "http://127.0.0.1:1", "127.0.0.1:1", false, false,
			 false},
			0},
		{{false, true, NULL, NULL, "http://127.0.0.1:2", "127.0.0.1:1", false, false,
			 false},
			403},
		{{false, true, NULL, NULL, "null", "127.0.0.1:1", false, false, false}, 403},
		{{false, true, NULL, NULL, "", "127.0.0.1:1", false, false, false}, 403},
		{{false, true, NULL, NULL, "http://127.0.0.1:1", NULL, false, false, false}, 403},
		{{false, false, NULL, NULL, NULL, "10.0.0.1:1", false, false, false}, 403},
		{{false, false, NULL, "Bearer t", NULL, NULL, false, false, false}, 403},
		{{false, false, "t", "Bearer t", NULL, "name:1", false, false, false}, 0},
		{{false, false, "t", "bearer   t", NULL, NULL, false, false, false}, 0},
		{{false, false, "t", "Bearer t", "https://name:1", "NAME:1", false, false, false},
			0},
		{{false, false, "t", "Bearer t", "https://other:1", "name:1", false, false, false},
			403},
		{{false, true, "t", NULL, NULL, NULL, false, false, false}, 401},
		{{false, true, "t", "", NULL, NULL, false, false, false}, 401},
		{{false, true, "t", "Bearer", NULL, NULL, false, false, false}, 401},
		{{false, true, "t", "Bearer ", NULL, NULL, false, false, false}, 401},
		{{false, true, "t", "Bearer tt", NULL, NULL, false, false, false}, 401},
		{{false, true, "tt", "Bearer t", NULL, NULL, false, false, false}, 401},
		{{false, true, "t", "Bearer t ", NULL, NULL, false, false, false}, 401},
		{{false, true, "t", "Basic t", NULL, NULL, false, false, false}, 401},
		/* Clients are asked for certificates; this one has shown one. */
		{{false, true, NULL, NULL, NULL, NULL, true, false, false}, 403},
		{{false, false, NULL, NULL, NULL, "name:1", true, true, false}, 0},
		{{false, true, NULL, NULL, "https://other:1", "name:1", true, true, false}, 403},
		{{false, true, "t", NULL, NULL, NULL, true, true, false}, 401},
		{{false, true, "t", "Bearer t", NULL, NULL, true, false, false}, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *why = NULL;

		if (!CHECK_INT(access_check(&rows[i].access, &why), rows[i].status))
			printf("# in row %zu\n", i);
		CHECK((why != NULL) == (rows[i].status != 0));
	}
}

TEST(who_looks)
{
	static const struct {
		struct access access;
		int status;
	} rows[] = {
		{{.is_loopback = true}, 0},
		{{.is_loopback = true, .host = "127.0.0.1:9186"}, 0},
		{{.is_loopback = true, .host = "localhost"}, 0},
		{{.is_loopback = true, .host = "evil.example:9186"}, 403},
		{{.is_loopback = true, .host = ""}, 403},
		{{.is_loopback = true, .host = "evil.example", .token = "t"}, 403},
		{{.is_loopback = true,
			 .host = "evil.example",
			 .token = "t",
			 .authorization = "Bearer t"},
			0},
		{{.is_loopback = true,
			 .host = "evil.example",
			 .token = "t",
			 .authorization = "Bearer u"},
			403},
		{{.is_loopback = true, .host = "mirror.example", .is_secure = true}, 0},
		{{.is_unix = true, .host = "evil.example"}, 0},
		{{.host = "mirror.example:9186"}, 0},
	};
	char own[300] = "";
	const char *why;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!CHECK_INT(access_check_look(&rows[i].access, &why), rows[i].status))
			printf("# in row %zu\n", i);
	gethostname(own, 256);
	strcat(own, ":9186");
	CHECK_INT(access_check_look(&(struct access){.is_loopback = true, .host = own}, &why), 0);
	CHECK_INT(access_check_look(&(struct access){.is_loopback = true, .host = own + 1}, &why),
		403);
}

static bool
is_loopback(int family, const char *text)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};

	if (family == AF_INET) {
		inet_pton(family, text, &four.sin_addr);
		return access_is_loopback((struct sockaddr *)&four);
	}
	inet_pton(family, text, &six.sin6_addr);
	return access_is_loopback((struct sockaddr *)&six);
}

TEST(loopback_addresses)
{
	const struct sockaddr other = {.sa_family = AF_UNIX};

	CHECK(is_loopback(AF_INET, "127.0.0.1"));
	CHECK(is_loopback(AF_INET, "127.255.0.1"));
	CHECK(is_loopback(AF_INET6, "::1"));
	CHECK(is_loopback(AF_INET6, "::ffff:127.0.0.1"));
	CHECK(!is_loopback(AF_INET, "128.0.0.1"));
	CHECK(!is_loopback(AF_INET, "10.0.0.127"));
	CHECK(!is_loopback(AF_INET6, "::ffff:10.0.0.1"));
	CHECK(!is_loopback(AF_INET6, "fe80::1"));
	CHECK(!is_loopback(AF_INET6, "::127.0.0.1"));
	CHECK(!access_is_loopback(&other));
}

/* The token of a file with this text; what the error says instead. */
static char *
token_of(const char *text, mode_t mode, struct err *err)
{
	char path[] = "/tmp/reflejo-test-XXXXXX";
	int fd = mkstemp(path);
	char *token;

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
	token = access_read_token(path, err);
	CHECK(token || strstr(err->text, path));
	unlink(path);
	return token;
}

TEST(tokens_are_read)
{
	static const struct {
		const char *text, *token;
		mode_t mode;
	} rows[] = {
		{"secret", "secret", 0600},
		{"secret\nmore\n", "secret", 0640},
		{"secret\r\n", "secret", 0400},
		{" \tsecret \n", "secret", 0600},
		{"a b", "a b", 0600},
		{"", NULL, 0600},
		{" \n", NULL, 0600},
		{"\nsecret\n", NULL, 0600},
		{"secret", NULL, 0604},
		{"secret", NULL, 0644},
	};
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *token = token_of(rows[i].text, rows[i].mode, &err);

		CHECK_STR(token, rows[i].token);
		free(token);
	}
	CHECK(!access_read_token("/nowhere/token", &err) && strstr(err.text, "/nowhere/token"));
	CHECK(!access_read_token("/tmp", &err) && strstr(err.text, "Is a directory"));
}

TEST(a_token_is_not_cut)
{
	char text[1100];
	struct err err;
	char *token;

	memset(text, 'x', sizeof(text));
	text[1023] = '\n';
	text[1099] = '\0';
	token = token_of(text, 0600, &err);
	CHECK(token && strlen(token) == 1023);
	free(token);
	text[1023] = 'x';
	text[1024] = '\n';
	CHECK(!token_of(text, 0600, &err));
}
