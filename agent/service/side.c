/* One of the two clusters as the scout knows it: its client, when to look at it again, and whether
 * it answers. */
#include "service/side.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/scout.h"
#include "service/scout_message.h"

/* While a side is unreachable it is looked at again after this pause. */
#define AGAIN_MS 1000
/* Both sides are asked for a sign of life this often: with the time they may take for it, nothing
   stays unsaid for ten seconds. */
#define PING_EVERY_MS 3000

void
side_init(struct side *side, bool is_source, const char *brokers, struct mailbox *notices)
{
	*side = (struct side){.is_source = is_source,
		.brokers = brokers ? mem_strdup(brokers) : NULL,
		.notices = notices};
}

void
side_fini(struct side *side)
{
	free(side->brokers);
	side->brokers = NULL;
}

/* Tells the main thread; reason NULL: it answers. */
static void
tell(struct side *side, const char *reason)
{
	struct scout_message *m = scout_message_new(SCOUT_SIDE, 0);

	m->number = side->is_source;
	m->brokers = mem_strdup(side->brokers ? side->brokers : "");
	m->reason = reason ? mem_strdup(reason) : NULL;
	side->is_told = true;
	mailbox_post(side->notices, &m->message);
}

void
side_down(struct side *side, const char *reason)
{
	enum log_event event =
		side->is_source ? EVENT_source_unreachable : EVENT_target_unreachable;
	int64_t now = clock_ms();

	side->due = now + AGAIN_MS;
	if (side->is_down && now < side->next_say)
		return;
	side->is_down = true;
	side->next_say = now + SIDE_SAY_MS;
	tell(side, reason);
	log_write(event, NULL, (const struct log_field[]){F_STR("reason", reason)}, 1);
}

void
side_up(struct side *side)
{
	enum log_event event = side->is_source ? EVENT_source_reachable : EVENT_target_reachable;

	side->due = clock_ms() + PING_EVERY_MS;
	if (side->is_down || !side->is_told)
		tell(side, NULL);
	if (side->is_down)
		log_write(event, NULL, (const struct log_field[]){F_STR("state", "answers again")},
			1);
	side->is_down = false;
}

void
side_look_soon(struct side *side)
{
	int64_t soon = clock_ms() + AGAIN_MS / 2;

	if (side->due > soon)
		side->due = soon;
}
