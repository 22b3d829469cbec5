/* An address of the admin API, as a person writes it. */
#include "service/address.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"

static int
parse_path(const char *path, struct address *ret, struct err *err)
{
	if (!*path)
		return err_set(err, "there is no path behind unix:");
	if (strlen(path) >= sizeof(ret->path))
		return err_set(err, "%s is too long for a socket's name (%zu bytes at most)", path,
			sizeof(ret->path) - 1);
	*ret = (struct address){.is_unix = true};
	strcpy(ret->path, path);
	return 0;
}

/* host: so many bytes, brackets taken away. */
static int
put_tcp(const char *text, const char *host, size_t host_size, const char *port, struct address *ret,
	struct err *err)
{
	struct address a = {0};
	int64_t number;
	size_t size = strcspn(port, "/");

	if (host_size == 0 || host_size >= sizeof(a.host) || size == 0 || size >= sizeof(a.port) ||
		strspn(port, "0123456789") != size || port[size + (port[size] == '/')])
		return err_set(err, "'%s' is neither HOST:PORT nor unix:PATH", text);
	memcpy(a.host, host, host_size);
	memcpy(a.port, port, size);
	if (parse_int(a.port, 0, 65535, &number, NULL) < 0)
		return err_set(err, "'%s' has no port between 0 and 65535", text);
	*ret = a;
	return 0;
}

/* The rest of the text, behind the scheme. */
static int
parse_host(const char *text, const char *s, struct address *ret, struct err *err)
{
	const char *end, *port;

	if (*s == '[') {
		end = strchr(s, ']');
		if (!end || end[1] != ':')
			return err_set(err, "'%s' is not [ADDRESS]:PORT", text);
		return put_tcp(text, s + 1, (size_t)(end - s - 1), end + 2, ret, err);
	}
	port = strchr(s, ':');
	if (!port)
		return err_set(err, "'%s' is neither HOST:PORT nor unix:PATH", text);
	if (strchr(port + 1, ':'))
		return err_set(
			err, "'%s': write an IPv6 address in brackets, [ADDRESS]:PORT", text);
	return put_tcp(text, s, (size_t)(port - s), port + 1, ret, err);
}

static int
parse_tcp(const char *text, const char *s, int scheme, struct address *ret, struct err *err)
{
	if (parse_host(text, s, ret, err) < 0)
		return -1;
	ret->scheme = scheme;
	return 0;
}

int
address_parse(const char *text, struct address *ret, struct err *err)
{
	const char *s = text;

	if (!strncmp(s, "unix:", 5))
		return parse_path(s + 5, ret, err);
	if (!strncmp(s, "http://", 7))
		return parse_tcp(text, s + 7, ADDRESS_HTTP, ret, err);
	if (!strncmp(s, "https://", 8))
		return parse_tcp(text, s + 8, ADDRESS_HTTPS, ret, err);
	return parse_tcp(text, s, ADDRESS_ANY, ret, err);
}
