/* config/secrets: which secrets of a client have changed. */
#include "config/secrets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "unit.h"

TEST(kinds)
{
	static const struct {
		const char *name;
		enum secret kind;
	} cases[] = {
		{"sasl.username", SECRET_LOGIN},
		{"sasl.password", SECRET_LOGIN},
		{"ssl.certificate.pem", SECRET_KEY},
		{"ssl.key.location", SECRET_KEY},
		{"ssl.key.password", SECRET_KEY},
		{"ssl.ca.location", SECRET_TRUST},
		{"ssl.crl.location", SECRET_TRUST},
		{"sasl.mechanism", SECRET_FIXED},
		{"security.protocol", SECRET_FIXED},
		{"bootstrap.servers", SECRET_FIXED},
		{"client.rack", SECRETS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_INT(secret_of(cases[i].name), cases[i].kind);
}

/* What differs when one value of a client's settings is another one. */
static unsigned
difference(const char *name, char *before, char *after)
{
	struct client_setting items[] = {
		{.name = "sasl.username", .value = "u"}, {.name = (char *)(uintptr_t)name}};
	struct client_settings settings = {.items = items, .count = 2};
	struct secrets a, b;

	items[1].value = before;
	secrets_take(&settings, NULL, &a);
	items[1].value = after;
	secrets_take(&settings, NULL, &b);
	return secrets_compare(&a, &b);
}

TEST(values)
{
	CHECK_INT(difference("sasl.password", "p", "p"), 0);
	CHECK_INT(difference("sasl.password", "p", "q"), 1 << SECRET_LOGIN);
	CHECK_INT(difference("ssl.ca.pem", "p", "q"), 1 << SECRET_TRUST);
	CHECK_INT(difference("sasl.mechanism", "PLAIN", "GSSAPI"), 1 << SECRET_FIXED);
	CHECK_INT(difference("bootstrap.servers", "a:1", "b:1"), 1 << SECRET_FIXED);
	CHECK_INT(difference("client.rack", "a", "b"), 0);
}

/* What is lost when a client's settings have no longer what the one setting said. */
static const char *
loss(const char *name, const char *other)
{
	struct client_setting items[] = {{.name = (char *)(uintptr_t)other, .value = "x"},
		{.name = (char *)(uintptr_t)name, .value = "x"}};
	struct client_settings settings = {.items = items, .count = 2};
	struct secrets before, after;

	secrets_take(&settings, NULL, &before);
	CHECK(!secrets_lost(&before, &before));
	settings.count = 1;
	secrets_take(&settings, NULL, &after);
	CHECK(!secrets_lost(&after, &before));
	return secrets_lost(&before, &after);
}

TEST(what_is_there_no_longer)
{
	CHECK_STR(loss("ssl.certificate.pem", "ssl.ca.pem"), "certificate");
	CHECK_STR(loss("ssl.ca.pem", "ssl.certificate.pem"), "trust");
	CHECK_STR(loss("ssl.ca.pem", "ssl.crl.location"), "trust");
	CHECK_STR(loss("ssl.crl.location", "ssl.ca.pem"), "list of revoked certificates");
	CHECK_STR(loss("sasl.username", "ssl.ca.pem"), "login");
	CHECK(!loss("ssl.ca.pem", "ssl.ca.location"));
	CHECK(!loss("ssl.cipher.suites", "ssl.ca.location"));
}

TEST(brokers_by_zookeeper)
{
	struct client_settings settings = {0};
	struct secrets before, after;

	secrets_take(&settings, "a:2181", &before);
	secrets_take(&settings, "b:2181", &after);
	CHECK_INT(secrets_compare(&before, &after), 1 << SECRET_FIXED);
}

/* A file that a setting, or a token, names. */
static void
check_file(const char *name, unsigned expected)
{
	char path[] = "/tmp/test_secrets.XXXXXX";
	struct client_setting item = {.name = (char *)(uintptr_t)name, .value = path};
	struct client_settings settings = {.items = &item, .count = name ? 1 : 0};
	struct secrets before, after, without;
	int fd = mkstemp(path);

	if (!name)
		settings.token.file = path;
	CHECK(write(fd, "a", 1) == 1);
	secrets_take(&settings, NULL, &before);
	secrets_take(&settings, NULL, &after);
	CHECK_INT(secrets_compare(&before, &after), 0);
	CHECK(pwrite(fd, "b", 1, 0) == 1);
	close(fd);
	secrets_take(&settings, NULL, &after);
	CHECK_INT(secrets_compare(&before, &after), expected);
	unlink(path);
	secrets_take(&settings, NULL, &without);
	CHECK_INT(secrets_compare(&after, &without), expected);
}

TEST(contents_of_files)
{
	check_file("ssl.ca.location", 1 << SECRET_TRUST);
	check_file("ssl.certificate.location", 1 << SECRET_KEY);
	check_file("ssl.keystore.location", 1 << SECRET_FIXED);
	check_file(NULL, 1 << SECRET_TOKEN);
}

/* Nobody writes into it. */
TEST(pipes_count_by_their_names)
{
	char folder[] = "/tmp/test_secrets.XXXXXX", *path;
	struct client_setting item = {.name = (char *)"ssl.ca.location"};
	struct client_settings settings = {.items = &item, .count = 1};
	struct secrets before, after;

	CHECK(mkdtemp(folder));
	path = item.value = mem_printf("%s/pipe", folder);
	CHECK_INT(mkfifo(path, 0600), 0);
	secrets_take(&settings, NULL, &before);
	item.value = folder;
	secrets_take(&settings, NULL, &after);
	CHECK_INT(secrets_compare(&before, &after), 1 << SECRET_TRUST);
	unlink(path);
	rmdir(folder);
	free(path);
}
