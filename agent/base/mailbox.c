/* A mailbox: messages given from any thread to the one thread that owns it, with a descriptor to
 * wait on. */
#include "base/mailbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct mailbox {
	pthread_mutex_t lock;
	struct message *first, **end;
	int fd;
};

struct mailbox *
mailbox_new(void)
{
	struct mailbox *m = mem_zero(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	m->end = &m->first;
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0) {
		perror("reflejo: eventfd");
		abort();
	}
	return m;
}

void
mailbox_free(struct mailbox **mailbox)
{
	struct mailbox *m = *mailbox;
	struct message *message, *next;

	if (!m)
		return;
	for (message = m->first; message; message = next) {
		next = message->next;
		free(message);
	}
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m);
	*mailbox = NULL;
}

int
mailbox_fd(const struct mailbox *mailbox)
{
	return mailbox->fd;
}

void
mailbox_post(struct mailbox *m, struct message *message)
{
	uint64_t one = 1;

	message->next = NULL;
	pthread_mutex_lock(&m->lock);
	*m->end = message;
	m->end = &message->next;
	pthread_mutex_unlock(&m->lock);
	/* Fails only when the counter is full, and then the descriptor is readable anyway. */
	if (write(m->fd, &one, sizeof(one)) < 0)
		return;
}

struct message *
mailbox_take(struct mailbox *m)
{
	struct message *first;
	uint64_t count;

	if (read(m->fd, &count, sizeof(count)) < 0) {
		/* Nothing was signalled; the list is looked at all the same. */
	}
	pthread_mutex_lock(&m->lock);
	first = m->first;
	m->first = NULL;
	m->end = &m->first;
	pthread_mutex_unlock(&m->lock);
	return first;
}
