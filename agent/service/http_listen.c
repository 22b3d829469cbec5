/* The server's listeners: addresses with commas between them, TCP and Unix sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/address.h"
#include "service/credentials.h"
#include "service/http_state.h"

/* Connections that wait to be accepted. */
#define BACKLOG 128

/* Most likely no descriptor is left: asks again in a second, when the server goes on by itself. The
   argument is evhttp's, for the other callback. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	LOG_LIMITED(60, EVENT_admin_trouble, F_STR("reason", strerror(errno)));
	evconnlistener_disable(listener);
}

/* server: who gets what connects. @takes fd, on failure as well */
static int
add_listener(struct http *http, struct evhttp *server, int fd, const char *path, struct err *err)
{
	struct http_listener *l;
	struct evconnlistener *inner;
	struct stat st = {0};

	if (listen(fd, BACKLOG) < 0) {
		close(fd);
		return err_set(err, "%s", strerror(errno));
	}
	inner = evconnlistener_new(
		http->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!inner || !evhttp_bind_listener(server, inner)) {
		close(fd);
		return err_set(err, "no memory is left");
	}
	evconnlistener_set_error_cb(inner, on_accept_error);
	l = mem_zero(1, sizeof(*l));
	l->inner = inner;
	if (path && lstat(path, &st) == 0) {
		l->path = mem_strdup(path);
		l->inode = st.st_ino;
	}
	l->next = http->listeners;
	http->listeners = l;
	return 0;
}

/* Does somebody answer on the socket? */
static bool
is_answered(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

/* A socket that an earlier process left behind makes room, and nothing else does. */
static int
clear_path(const struct sockaddr_un *name, struct err *err)
{
	struct stat st;

	if (lstat(name->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(
			err, "%s is there, and no socket; name another path", name->sun_path);
	if (is_answered(name))
		return err_set(err,
			"another process answers on %s; each agent needs a path of its own",
			name->sun_path);
	if (unlink(name->sun_path) < 0)
		return err_set(err, "%s cannot be replaced: %s", name->sun_path, strerror(errno));
	return 0;
}

static int
listen_unix(struct http *http, const char *path, struct err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, rc;

	strcpy(name.sun_path, path);
	if (clear_path(&name, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	rc = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&name, sizeof(name));
	umask(mask);
	if (rc == 0)
		return add_listener(http, http->inner, fd, path, err);
	err_set(err, "%s cannot be made: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What to do about a port that cannot be had. */
static int
refuse_port(const char *text, int error, struct err *err)
{
	if (error == EADDRINUSE)
		return err_set(err,
			"%s is taken, by another reflejo? Name another port, or admin.listen=none "
			"to "
			"run without",
			text);
	return err_set(err, "%s cannot be listened on: %s", text, strerror(error));
}

/* Notes the first TCP address, with the port that the kernel chose. */
static void
note_address(struct http *http, int fd)
{
	struct sockaddr_storage name = {0};
	socklen_t size = sizeof(name);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (!http->address && getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
		getnameinfo((struct sockaddr *)&name, size, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		http->address =
			mem_printf(name.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int
listen_tcp(struct http *http, const char *text, const struct address *a, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
	bool has_tls = credentials_has_tls(http->credentials);
	int rc, fd, on = 1;

	if (a->scheme == ADDRESS_HTTPS && !has_tls)
		return err_set(err, "%s needs a certificate: set admin.tls.certificate.file", text);
	rc = getaddrinfo(a->host, a->port, &hints, &found);
	if (rc)
		return err_set(err, "%s is no address of this host: %s", text, gai_strerror(rc));
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		/* Inherited by what is accepted: a stream's peer may have vanished. */
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	rc = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0
		     ? errno
		     : 0;
	freeaddrinfo(found);
	if (rc == 0) {
		note_address(http, fd);
		return add_listener(http,
			has_tls && a->scheme != ADDRESS_HTTP ? http->secure : http->inner, fd, NULL,
			err);
	}
	if (fd >= 0)
		close(fd);
	return refuse_port(text, rc, err);
}

static int
listen_one(struct http *http, const char *text, struct err *err)
{
	struct address a;

	if (address_parse(text, &a, err) < 0)
		return -1;
	return a.is_unix ? listen_unix(http, a.path, err) : listen_tcp(http, text, &a, err);
}

int
http_listen(struct http *http, const char *list, struct err *err)
{
	char *copy = mem_strdup(list), *rest = copy, *item;
	int rc = 0;

	while (rc == 0 && strcmp(list, "none") != 0 && (item = strsep(&rest, ","))) {
		item += strspn(item, " \t");
		item[strcspn(item, " \t")] = '\0';
		rc = listen_one(http, item, err);
	}
	free(copy);
	return rc < 0 ? err_prefix(err, "admin.listen: ") : 0;
}

void
http_listeners_pause(struct http *http)
{
	for (struct http_listener *l = http->listeners; l; l = l->next)
		evconnlistener_disable(l->inner);
}

void
http_listeners_go_on(struct http *http)
{
	for (struct http_listener *l = http->listeners; l; l = l->next)
		evconnlistener_enable(l->inner);
}

void
http_listeners_free(struct http *http)
{
	struct http_listener *l;
	struct stat st;

	while ((l = http->listeners)) {
		http->listeners = l->next;
		/* Another one may have taken the name. */
		if (l->path && lstat(l->path, &st) == 0 && st.st_ino == l->inode)
			unlink(l->path);
		free(l->path);
		free(l);
	}
}
