/* Addresses of the admin API. */
#include "service/address.h"
#include "tests/unit/unit.h"

TEST(addresses_are_read)
{
	static const struct {
		const char *text, *host, *port, *path;
	} rows[] = {
		{"127.0.0.1:9186", "127.0.0.1", "9186", ""},
		{"localhost:0", "localhost", "0", ""},
		{"[::1]:65535", "::1", "65535", ""},
		{"http://a.example:80", "a.example", "80", ""},
		{"http://a.example:80/", "a.example", "80", ""},
		{"http://[::1]:80/", "::1", "80", ""},
		{"unix:/run/reflejo.sock", "", "", "/run/reflejo.sock"},
		{"https://a.example:80", "a.example", "80", ""},
		{"unix:a:b", "", "", "a:b"},
	};
	struct address a;
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK_INT(address_parse(rows[i].text, &a, &err), 0);
		CHECK_STR(a.host, rows[i].host);
		CHECK_STR(a.port, rows[i].port);
		CHECK_STR(a.path, rows[i].path);
		CHECK_INT(a.is_unix, rows[i].path[0] != '\0');
	}
}

TEST(what_is_no_address_is_quoted)
{
	static const char *const rows[] = {"", ":", "host", "host:", ":80", "host:http", "host:-1",
		"host:+1", "host: 80", "host:65536", "host:999999", "::1:80", "[::1]", "[::1]80",
		"[]:80", "[::1:80", "host:80/metrics", "http://", "http://host", "https://host",
		"ftp://host:80"};
	struct address a = {.port = "kept"};
	struct err err;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		err.text[0] = '\0';
		CHECK_INT(address_parse(rows[i], &a, &err), -1);
		CHECK(strstr(err.text, rows[i]) != NULL);
		CHECK_STR(a.port, "kept");
	}
	CHECK_INT(address_parse("unix:", &a, &err), -1);
	CHECK_INT(address_parse("a-name-that-is-longer-than-any-host-may-be."
				"a-name-that-is-longer-than-any-host-may-be."
				"a-name-that-is-longer-than-any-host-may-be."
				"a-name-that-is-longer-than-any-host-may-be."
				"a-name-that-is-longer-than-any-host-may-be."
				"a-name-that-is-longer-than-any-host-may-be:80",
			  &a, &err),
		-1);
}

TEST(a_path_fits_a_socket)
{
	char text[5 + 108 + 1] = "unix:";
	struct address a;
	struct err err;

	memset(text + 5, 'x', 107);
	CHECK_INT(address_parse(text, &a, &err), 0);
	CHECK_INT(strlen(a.path), 107);
	text[5 + 107] = 'x';
	CHECK_INT(address_parse(text, &a, &err), -1);
	CHECK(strstr(err.text, "107") != NULL);
}
