/* A mailbox: messages given from any thread to the one thread that owns it, with a descriptor to
 * wait on. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdint.h>

struct mailbox;

/* Every message starts with this. kind is the receiver's enum; next is the mailbox's own. */
struct message {
	struct message *next;
	int kind;
};

/* A new empty mailbox. Ends the process when the kernel has no descriptor left. @thread any */
struct mailbox *mailbox_new(void);

/* Frees the mailbox and, with free(), the messages nobody took; clears *mailbox. Nobody may post
   any more. NULL is accepted. */
void mailbox_free(struct mailbox **mailbox);

/* Becomes readable when a message arrives and stays so until mailbox_take. Non-blocking. */
int mailbox_fd(const struct mailbox *mailbox);

/* Gives a message away: the sender must not touch it afterwards. Never blocks.
   @thread any @takes message */
void mailbox_post(struct mailbox *mailbox, struct message *message);

/* All messages so far, oldest first, linked by next; NULL when there are none. @thread owner
   @gives the messages */
struct message *mailbox_take(struct mailbox *mailbox);

#endif
