/* Unit tests of the mailbox. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mailbox.h"
#include "base/mem.h"

enum { SENDERS = 4, EACH = 5000 };

struct letter {
	struct message message; /* kind is the sender */
	int number;
};

struct sender {
	struct mailbox *mailbox;
	int kind;
};

static bool
is_readable(struct mailbox *m, int timeout_ms)
{
	struct pollfd fd = {.fd = mailbox_fd(m), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) == 1;
}

static void
post(struct mailbox *m, int kind, int number)
{
	struct letter *letter = mem_zero(1, sizeof(*letter));

	letter->message.kind = kind;
	letter->number = number;
	mailbox_post(m, &letter->message);
}

TEST(the_descriptor_tells_of_mail_until_it_is_taken)
{
	struct mailbox *m = mailbox_new();
	struct message *first;

	CHECK(!is_readable(m, 0));
	CHECK(mailbox_take(m) == NULL);
	post(m, 1, 0);
	post(m, 2, 0);
	CHECK(is_readable(m, 0));
	CHECK(is_readable(m, 0));
	first = mailbox_take(m);
	CHECK(!is_readable(m, 0));
	CHECK_INT(first->kind, 1);
	CHECK_INT(first->next->kind, 2);
	CHECK(first->next->next == NULL);
	free(first->next);
	free(first);
	mailbox_free(&m);
	CHECK(m == NULL);
}

static void *
send_all(void *arg)
{
	struct sender *sender = arg;

	for (int i = 0; i < EACH; i++)
		post(sender->mailbox, sender->kind, i);
	return NULL;
}

TEST(every_message_of_every_sender_arrives_once_and_in_order)
{
	struct mailbox *m = mailbox_new();
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];
	int next[SENDERS] = {0}, total = 0;

	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){m, i};
		pthread_create(&threads[i], NULL, send_all, &senders[i]);
	}
	while (total < SENDERS * EACH && CHECK(is_readable(m, 10000))) {
		struct message *message = mailbox_take(m), *after;

		for (; message; message = after, total++) {
			after = message->next;
			CHECK_INT(((struct letter *)message)->number, next[message->kind]++);
			free(message);
		}
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(total, SENDERS * EACH);
	CHECK(mailbox_take(m) == NULL);
	mailbox_free(&m);
}

TEST(mail_that_nobody_took_is_freed)
{
	struct mailbox *m = mailbox_new();

	post(m, 1, 0);
	post(m, 2, 0);
	mailbox_free(&m);
	mailbox_free(&m);
}
