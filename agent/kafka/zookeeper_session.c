/* A session with one ZooKeeper server of a list: find one that answers, list and read its nodes. */
#define THREADED
#include "kafka/zookeeper_session.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"

#define DEFAULT_PORT "2181"

/* Requests on their way at once. */
#define WINDOW 256

/* An answer on its way. Lives until its session is closed, since the library may answer late. */
struct request {
	struct zookeeper_session *session;
	struct zookeeper_node *node; /* NULL: nobody waits any more */
	int rc;
	struct request *next;
};

struct zookeeper_session {
	zhandle_t *handle;
	char *host;
	int64_t deadline_ms;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* any of the fields below */
	bool connected, refused;
	size_t waiting; /* requests without an answer */
	int rc;		/* the first answer that means the server is lost */
	struct request *requests;
};

/* The servers of zookeeper.connect. */
struct ensemble {
	char **hosts; /* "name:port" */
	size_t count, capacity;
	char *chroot;
};

static void
ensemble_fini(struct ensemble *ensemble)
{
	for (size_t i = 0; i < ensemble->count; i++)
		free(ensemble->hosts[i]);
	free(ensemble->hosts);
	free(ensemble->chroot);
}

static void
ensemble_add(struct ensemble *ensemble, const char *start, size_t length)
{
	const char *name_end, *colon;

	while (length && strchr(" \t", start[length - 1]))
		length--;
	while (length && strchr(" \t", *start)) {
		start++;
		length--;
	}
	if (!length)
		return;
	name_end = *start == '[' ? memchr(start, ']', length) : start;
	colon = name_end ? memchr(name_end, ':', length - (size_t)(name_end - start)) : NULL;
	ensemble->hosts = mem_grow(
		ensemble->hosts, &ensemble->capacity, ensemble->count, sizeof(*ensemble->hosts));
	ensemble->hosts[ensemble->count++] =
		mem_printf("%.*s%s", (int)length, start, colon ? "" : ":" DEFAULT_PORT);
}

/* "host:port,host:port/chroot"; a chroot of just slashes is none. */
static int
ensemble_parse(struct ensemble *ensemble, const char *connect, struct err *err)
{
	const char *slash = strchr(connect, '/'), *end = slash ? slash : connect + strlen(connect);
	size_t length = slash ? strlen(slash) : 0;

	memset(ensemble, 0, sizeof(*ensemble));
	for (const char *s = connect; s < end;) {
		size_t n = strcspn(s, ",/");

		ensemble_add(ensemble, s, n);
		s += n + 1;
	}
	while (length && strchr("/ \t", slash[length - 1]))
		length--;
	ensemble->chroot = mem_strndup(slash ? slash : "", length);
	if (!ensemble->count)
		return err_set(err, "zookeeper.connect=%s names no host", connect);
	return 0;
}

/* The library's own log lines, for those who look at debug: its head (time, process) is ours
 * already. */
static void
on_library_log(const char *message)
{
	const char *text = strstr(message, "ZOO_");

	LOG(EVENT_zookeeper_log, F_STR("text", text ? text : message));
}

/* Takes the session's lock too. */
static void
session_change(struct zookeeper_session *session, void (*change)(struct zookeeper_session *, int),
	int value)
{
	pthread_mutex_lock(&session->lock);
	change(session, value);
	pthread_cond_broadcast(&session->changed);
	pthread_mutex_unlock(&session->lock);
}

static void
set_state(struct zookeeper_session *session, int state)
{
	session->connected = state == ZOO_CONNECTED_STATE;
	if (state == ZOO_AUTH_FAILED_STATE || state == ZOO_EXPIRED_SESSION_STATE)
		session->refused = true;
}

static void
on_event(zhandle_t *handle, int type, int state, const char *path, void *arg)
{
	(void)handle;
	(void)path;
	if (type == ZOO_SESSION_EVENT)
		session_change(arg, set_state, state);
}

/* Does this answer say nothing about the node, only that the server is gone? */
static bool
is_lost(int rc)
{
	return rc != ZOK && rc != ZNONODE && rc != ZNOAUTH && rc != ZBADARGUMENTS;
}

static void
count_answer(struct zookeeper_session *session, int rc)
{
	session->waiting--;
	if (is_lost(rc) && !session->rc)
		session->rc = rc;
}

/* Files an answer; fill puts its content into the node while somebody still waits for it. */
static void
settle(struct request *request, int rc, void (*fill)(struct zookeeper_node *, const void *, int),
	const void *content, int length)
{
	struct zookeeper_session *session = request->session;
	struct zookeeper_node *node = request->node;

	pthread_mutex_lock(&session->lock);
	if (node) {
		if (rc == ZOK)
			fill(node, content, length);
		else
			node->state =
				rc == ZNOAUTH ? ZOOKEEPER_NODE_DENIED : ZOOKEEPER_NODE_MISSING;
		request->node = NULL;
		count_answer(session, rc);
		pthread_cond_broadcast(&session->changed);
	}
	pthread_mutex_unlock(&session->lock);
}

static void
fill_value(struct zookeeper_node *node, const void *content, int length)
{
	node->length = length > 0 ? (size_t)length : 0;
	node->value = mem_alloc(node->length + 1);
	if (node->length)
		memcpy(node->value, content, node->length);
	node->value[node->length] = '\0';
	node->state = ZOOKEEPER_NODE_READ;
}

static void
fill_children(struct zookeeper_node *node, const void *content, int length)
{
	const struct String_vector *names = content;

	(void)length;
	node->child_count = (size_t)names->count;
	node->children = mem_zero(node->child_count, sizeof(*node->children));
	for (size_t i = 0; i < node->child_count; i++)
		node->children[i] = mem_strdup(names->data[i]);
	node->state = ZOOKEEPER_NODE_READ;
}

static void
on_value(int rc, const char *value, int length, const struct Stat *stat, const void *arg)
{
	(void)stat;
	settle((struct request *)(uintptr_t)arg, rc, fill_value, value, length);
}

static void
on_children(int rc, const struct String_vector *names, const void *arg)
{
	settle((struct request *)(uintptr_t)arg, rc, fill_children, names, 0);
}

/* Waits for a change; false when the deadline has passed. The lock is held. */
static bool
session_wait(struct zookeeper_session *session)
{
	int64_t ms = session->deadline_ms;
	struct timespec until = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	return pthread_cond_timedwait(&session->changed, &session->lock, &until) == 0;
}

static struct request *
new_request(struct zookeeper_session *session, struct zookeeper_node *node)
{
	struct request *request = mem_zero(1, sizeof(*request));

	request->session = session;
	request->node = node;
	pthread_mutex_lock(&session->lock);
	request->next = session->requests;
	session->requests = request;
	session->waiting++;
	pthread_mutex_unlock(&session->lock);
	return request;
}

static void
send_request(struct zookeeper_session *session, struct zookeeper_node *node, bool list)
{
	struct request *request = new_request(session, node);
	int rc = list ? zoo_aget_children(session->handle, node->path, 0, on_children, request)
		      : zoo_aget(session->handle, node->path, 0, on_value, request);

	if (rc != ZOK)
		settle(request, rc, NULL, NULL, 0);
}

/* Waits until no more than `most` requests are without an answer. */
static int
wait_for_answers(struct zookeeper_session *session, size_t most, struct err *err)
{
	bool in_time = true;
	int rc;

	pthread_mutex_lock(&session->lock);
	while (session->waiting > most && !session->rc && in_time)
		in_time = session_wait(session);
	rc = session->rc;
	if (!in_time || rc)
		for (struct request *r = session->requests; r; r = r->next)
			r->node = NULL;
	pthread_mutex_unlock(&session->lock);
	if (rc)
		return err_set(err, "the connection was lost: %s", zerror(rc));
	return in_time ? 0 : err_set(err, "it stopped answering");
}

static int
ask(struct zookeeper_session *session, struct zookeeper_node *nodes, size_t count, bool list,
	struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (wait_for_answers(session, WINDOW - 1, err))
			return -1;
		send_request(session, &nodes[i], list);
	}
	return wait_for_answers(session, 0, err);
}

int
zookeeper_session_list(struct zookeeper_session *session, struct zookeeper_node *nodes,
	size_t count, struct err *err)
{
	return ask(session, nodes, count, true, err);
}

int
zookeeper_session_read(struct zookeeper_session *session, struct zookeeper_node *nodes,
	size_t count, struct err *err)
{
	return ask(session, nodes, count, false, err);
}

void
zookeeper_nodes_free(struct zookeeper_node **nodes, size_t count)
{
	for (size_t i = 0; *nodes && i < count; i++) {
		for (size_t k = 0; k < (*nodes)[i].child_count; k++)
			free((*nodes)[i].children[k]);
		free((*nodes)[i].children);
		free((*nodes)[i].value);
		free((*nodes)[i].path);
	}
	free(*nodes);
	*nodes = NULL;
}

/* Connects to one address until the deadline. 0 or an errno. */
static int
try_address(const struct addrinfo *address, int64_t deadline_ms)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd waiting = {.fd = fd, .events = POLLOUT};
	int64_t left = deadline_ms - clock_ms();
	int error = 0;
	socklen_t size = sizeof(error);

	if (fd < 0)
		return errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS)
		error = errno;
	else if (poll(&waiting, 1, left > 0 ? (int)left : 0) != 1)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	close(fd);
	return error;
}

/* Is anything listening at "name:port"? The library would try for ever and say nothing. */
static int
check_host(const char *host, int64_t deadline_ms, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses;
	char *address = mem_strdup(host);
	const char *name, *port;
	int rc, error = ETIMEDOUT;

	parse_address(address, DEFAULT_PORT, &name, &port);
	rc = getaddrinfo(name, port, &hints, &addresses);
	free(address);
	if (rc)
		return err_set(err, "%s", gai_strerror(rc));
	for (struct addrinfo *a = addresses; a; a = a->ai_next) {
		error = try_address(a, deadline_ms);
		if (!error)
			break;
	}
	freeaddrinfo(addresses);
	return error ? err_set(err, "%s", strerror(error)) : 0;
}

static struct zookeeper_session *
session_new(const char *host)
{
	struct zookeeper_session *session = mem_zero(1, sizeof(*session));
	pthread_condattr_t clock;

	session->host = mem_strdup(host);
	pthread_mutex_init(&session->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&session->changed, &clock);
	pthread_condattr_destroy(&clock);
	return session;
}

static void
session_free(struct zookeeper_session *session)
{
	/* Ends the library's threads; what they answer until then still finds its request. */
	if (session->handle)
		zookeeper_close(session->handle);
	while (session->requests) {
		struct request *next = session->requests->next;

		free(session->requests);
		session->requests = next;
	}
	pthread_cond_destroy(&session->changed);
	pthread_mutex_destroy(&session->lock);
	free(session->host);
	free(session);
}

/* Begins the session and waits until the server has taken it. */
static int
session_connect(struct zookeeper_session *session, struct err *err)
{
	int64_t left = session->deadline_ms - clock_ms();
	bool in_time = true, connected;

	if (check_host(session->host, session->deadline_ms, err))
		return -1;
	zoo_set_debug_level(log_is_shown(LOG_LEVEL_DEBUG) ? ZOO_LOG_LEVEL_INFO : (ZooLogLevel)0);
	session->handle = zookeeper_init2(session->host, on_event, left > 1000 ? (int)left : 1000,
		NULL, session, ZOO_NO_LOG_CLIENTENV, on_library_log);
	if (!session->handle)
		return err_set(err, "%s", strerror(errno));
	pthread_mutex_lock(&session->lock);
	while (!session->connected && !session->refused && in_time)
		in_time = session_wait(session);
	connected = session->connected;
	pthread_mutex_unlock(&session->lock);
	if (!connected)
		return err_set(
			err, "something listens there but does not answer as ZooKeeper does");
	return 0;
}

/* The job with one server. As zookeeper_job. */
static int
run_with(const char *host, const char *chroot, int64_t deadline_ms, zookeeper_job *job, void *arg,
	struct err *err)
{
	struct zookeeper_session *session = session_new(host);
	int rc = 1;

	session->deadline_ms = deadline_ms;
	if (!session_connect(session, err))
		rc = job(session, chroot, arg, err);
	session_free(session);
	return rc;
}

int
zookeeper_session_run(
	const char *connect, int timeout_ms, zookeeper_job *job, void *arg, struct err *err)
{
	struct ensemble ensemble;
	int64_t end = clock_ms() + timeout_ms;
	struct text tried = {0};
	int rc = ensemble_parse(&ensemble, connect, err) ? -1 : 1;

	for (size_t i = 0; rc > 0 && i < ensemble.count; i++) {
		int64_t now = clock_ms(), share = (end - now) / (int64_t)(ensemble.count - i);
		struct err why = {.text = ""};

		rc = run_with(ensemble.hosts[i], ensemble.chroot, now + (share > 0 ? share : 0),
			job, arg, &why);
		text_printf(&tried, "%s%s (%s)", i ? ", " : "", ensemble.hosts[i], why.text);
		if (rc < 0)
			err_set(err, "ZooKeeper at %s: %s", ensemble.hosts[i], why.text);
	}
	if (rc > 0)
		rc = err_set(err, "no ZooKeeper server of zookeeper.connect answers: %s", tried.s);
	text_fini(&tried);
	ensemble_fini(&ensemble);
	return rc;
}
