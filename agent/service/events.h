/* Events: the newest lines of the log, kept for GET /events and given to those who follow it. */
#ifndef SERVICE_EVENTS_H
#define SERVICE_EVENTS_H

#include "service/http.h"

struct events;

/* So many are kept. */
#define EVENTS_KEPT 500

struct event_base;

/* Listens to the log from now on. Lines may be logged by any thread; each is kept before it is in
   the log's file. @borrows base until events_stop @gives the events; events_stop @thread main */
struct events *events_start(struct event_base *base);

/* Answers GET /events: ?last=N, ?follow=false. @thread main */
void events_serve(struct events *events, struct http_request *request);

/* The log is not listened to any more; those who follow get every line so far, and their answers
   end. Frees and clears. NULL is accepted. @thread main */
void events_stop(struct events **events);

#endif
