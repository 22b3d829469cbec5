/* Access: who may change something over HTTP. */
#include "service/access.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* A token of this length is enough for anybody, and read at once. */
#define TOKEN_MOST 1024

/* Takes equally long wherever the two differ: digests of the same length are compared, and all of
   them. */
static bool
token_matches(const char *token, const char *authorization)
{
	unsigned char wanted[SHA256_DIGEST_LENGTH], given[SHA256_DIGEST_LENGTH];

	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return false;
	authorization += 7;
	authorization += strspn(authorization, " ");
	SHA256((const unsigned char *)token, strlen(token), wanted);
	SHA256((const unsigned char *)authorization, strlen(authorization), given);
	return CRYPTO_memcmp(wanted, given, sizeof(wanted)) == 0;
}

/* "http://HOST:PORT" against "HOST:PORT"; browsers leave the scheme's own port out in both. */
static bool
is_same_origin(const char *origin, const char *host)
{
	const char *rest = strstr(origin, "://");

	return host && rest && strcasecmp(rest + 3, host) == 0;
}

/* Is the host an address, or localhost? */
static bool
is_literal(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	char name[64];
	const char *end = *host == '[' ? strchr(host, ']') : strchr(host, ':');
	size_t size;

	if (*host == '[')
		host++;
	size = end ? (size_t)(end - host) : strlen(host);
	if (size >= sizeof(name))
		return false;
	memcpy(name, host, size);
	name[size] = '\0';
	return !strcasecmp(name, "localhost") || inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1;
}

int
access_check(const struct access *a, const char **ret_why)
{
	if (a->is_unix)
		return 0;
	if (a->origin && !is_same_origin(a->origin, a->host)) {
		*ret_why = "a page of another origin may not change anything here";
		return 403;
	}
	if (a->token && !token_matches(a->token, a->authorization)) {
		*ret_why = a->authorization ? "this is not the token of admin.token.file"
					    : "this needs the token of admin.token.file, as "
					      "Authorization: Bearer TOKEN";
		return 401;
	}
	if (a->token || a->is_certified)
		return 0;
	if (a->asks_clients) {
		*ret_why = "this needs a client's certificate of admin.tls.client.ca.file";
		return 403;
	}
	if (!a->is_loopback) {
		*ret_why =
			"changes are taken from this host only while admin.token.file is not set";
		return 403;
	}
	if (a->host && !is_literal(a->host)) {
		*ret_why = "while admin.token.file is not set, changes are taken only where the "
			   "host is "
			   "given as an address or as localhost";
		return 403;
	}
	return 0;
}

/* "NAME:PORT" or "NAME" */
static bool
is_own_name(const char *host)
{
	char name[256] = "";
	size_t size = strcspn(host, ":");

	gethostname(name, sizeof(name) - 1);
	return size > 0 && strlen(name) == size && !strncasecmp(name, host, size);
}

int
access_check_look(const struct access *a, const char **ret_why)
{
	if (a->is_unix || a->is_secure || !a->is_loopback || !a->host || is_literal(a->host) ||
		is_own_name(a->host) || (a->token && token_matches(a->token, a->authorization)))
		return 0;
	*ret_why = "over loopback the host must be given as an address, as localhost or by this "
		   "host's own name (a proxy sends Host: localhost), or with the token: another "
		   "name may be a page's that wants to read this";
	return 403;
}

bool
access_is_loopback(const struct sockaddr *address)
{
	const struct in6_addr *six =
		&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)
				       ->sin_addr.s_addr) >>
			       24 ==
		       127;
	if (address->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

/* The text of an open file. */
static char *
read_line(const char *file, int fd, struct err *err)
{
	char text[TOKEN_MOST + 1], *token = text;
	struct stat st;
	bool is_cut;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_set(err, "%s: %s", file, strerror(errno)), NULL;
	if (S_ISREG(st.st_mode) && (st.st_mode & S_IROTH)) {
		err_set(err, "everybody on this host can read %s; chmod o-r %s", file, file);
		return NULL;
	}
	n = read(fd, text, TOKEN_MOST);
	if (n < 0)
		return err_set(err, "%s: %s", file, strerror(errno)), NULL;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	is_cut = strlen(text) == TOKEN_MOST;
	/* Blanks at the ends do not come through HTTP. */
	token += strspn(token, " \t");
	for (size_t end = strlen(token); end > 0 && strchr(" \t", token[end - 1]);)
		token[--end] = '\0';
	if (!*token || is_cut) {
		err_set(err, "the first line of %s must be the token, 1 to %d bytes", file,
			TOKEN_MOST - 1);
		return NULL;
	}
	return mem_strdup(token);
}

char *
access_read_token(const char *file, struct err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *token;

	if (fd < 0) {
		err_set(err, "%s: %s", file, strerror(errno));
		return NULL;
	}
	token = read_line(file, fd, err);
	close(fd);
	return token;
}
