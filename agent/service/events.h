/* Events: the newest lines of the log, kept for GET /events and given to those who follow it. */
#ifndef SERVICE_EVENTS_H
#define SERVICE_EVENTS_H

#include "base/mailbox.h"
#include "service/http.h"

struct events;

/* So many are kept. */
#define EVENTS_KEPT 500

/* Listens to the log from now on: each line comes as a message of this kind into the mailbox, whose
   owner gives it to events_take. Lines may be logged by any thread. @borrows notices until
   events_stop
   @gives the events; events_stop @thread main */
struct events *events_start(struct mailbox *notices, int kind);

/* Keeps the line, and sends it to those who follow. @takes message @thread main */
void events_take(struct events *events, struct message *message);

/* Answers GET /events: ?last=N, ?follow=false. @thread main */
void events_serve(struct events *events, struct http_request *request);

/* The log is not listened to any more; those who follow get what is in the mailbox's messages so
   far, when they were taken, and their answers end. Frees and clears. NULL is accepted. @thread
   main */
void events_stop(struct events **events);

#endif
