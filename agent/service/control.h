/* The control socket: a local socket on which reflejo ctl and reflejo tap reach the running agent.
 */
#ifndef SERVICE_CONTROL_H
#define SERVICE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct event_base;
struct control;

/* What a peer waits for. */
enum control_wish { CONTROL_NOTHING, CONTROL_RELOAD, CONTROL_ROLLBACK, CONTROL_TAP };

/* Somebody who is connected. All calls: @thread main */
struct control_peer {
	struct control_peer *next;
	struct control *control;
	struct bufferevent *stream;
	enum control_wish wish;
	char *topic; /* TAP */
	int left;    /* TAP: samples to give */
	bool is_over;
};

/* A peer has sent a line. */
typedef void control_request(struct control_peer *peer, const char *line, void *arg);

/* Listens on the socket, which only this user may open; one that an earlier process left behind is
   replaced, one that answers is an error. @gives the control; control_stop */
struct control *control_start(struct event_base *base, const char *path, control_request *request,
	void *arg, struct err *err);

/* Ends all connections, removes the socket, frees and clears. NULL is accepted. */
void control_stop(struct control **control);

/* Walks the peers: NULL gives the first. Those whose end was asked for are passed over. */
struct control_peer *control_next(struct control *control, struct control_peer *peer);

/* Sends a line. */
void control_say(struct control_peer *peer, const char *line);

/* Closes the connection once all is sent. */
void control_end(struct control_peer *peer);

/* How much waits to be sent, in bytes. */
size_t control_backlog(const struct control_peer *peer);

#endif
