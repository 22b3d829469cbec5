/* The control socket: a local socket on which reflejo ctl and reflejo tap reach the running agent.
 */
#include "service/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

/* A longer line is no request. */
#define LINE_MOST 1024

struct control {
	struct event_base *base;
	struct evconnlistener *listener;
	struct control_peer *peers;
	char *path;
	control_request *request;
	void *arg;
};

static void
free_peer(struct control_peer *p)
{
	struct control_peer **link = &p->control->peers;

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	bufferevent_free(p->stream);
	free(p->topic);
	free(p);
}

static void
on_read(struct bufferevent *stream, void *arg)
{
	struct control_peer *p = arg;
	struct evbuffer *input = bufferevent_get_input(stream);
	char *line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF);

	if (line && !p->is_over)
		p->control->request(p, line, p->control->arg);
	else if (!line && evbuffer_get_length(input) > LINE_MOST)
		free_peer(p);
	free(line);
}

static void
on_event(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		free_peer(arg);
}

/* All that was to be said is said. */
static void
on_written(struct bufferevent *stream, void *arg)
{
	struct control_peer *p = arg;

	(void)stream;
	if (p->is_over)
		free_peer(p);
}

static void
on_connect(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
	int length, void *arg)
{
	struct control *c = arg;
	struct control_peer *p = mem_zero(1, sizeof(*p));

	(void)listener, (void)address, (void)length;
	p->control = c;
	p->stream = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	p->next = c->peers;
	c->peers = p;
	bufferevent_setcb(p->stream, on_read, on_written, on_event, p);
	bufferevent_enable(p->stream, EV_READ | EV_WRITE);
}

/* Does somebody answer on the socket? */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive =
		fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

struct control *
control_start(struct event_base *base, const char *path, control_request *request, void *arg,
	struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control *c = mem_zero(1, sizeof(*c));
	mode_t mask;

	*c = (struct control){
		.base = base, .request = request, .arg = arg, .path = mem_strdup(path)};
	if (strlen(path) >= sizeof(address.sun_path)) {
		err_set(err, "admin.listen: %s is too long for a socket's name", path);
		goto fail;
	}
	strcpy(address.sun_path, path);
	if (is_alive(&address)) {
		err_set(err, "admin.listen: another process answers on %s", path);
		goto fail;
	}
	unlink(path);
	mask = umask(0177);
	c->listener = evconnlistener_new_bind(base, on_connect, c,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1, (struct sockaddr *)&address,
		sizeof(address));
	umask(mask);
	if (c->listener)
		return c;
	err_set(err, "admin.listen: %s cannot be made: %s", path, strerror(errno));
fail:
	free(c->path);
	free(c);
	return NULL;
}

void
control_stop(struct control **control)
{
	struct control *c = *control;

	if (!c)
		return;
	while (c->peers)
		free_peer(c->peers);
	evconnlistener_free(c->listener);
	unlink(c->path);
	free(c->path);
	free(c);
	*control = NULL;
}

struct control_peer *
control_next(struct control *control, struct control_peer *peer)
{
	if (!control)
		return NULL;
	for (peer = peer ? peer->next : control->peers; peer && peer->is_over; peer = peer->next)
		;
	return peer;
}

void
control_say(struct control_peer *peer, const char *line)
{
	struct evbuffer *output = bufferevent_get_output(peer->stream);

	evbuffer_add(output, line, strlen(line));
	evbuffer_add(output, "\n", 1);
}

void
control_end(struct control_peer *peer)
{
	peer->is_over = true;
}

size_t
control_backlog(const struct control_peer *peer)
{
	return evbuffer_get_length(bufferevent_get_output(peer->stream));
}
