/* The pipeline's samples: records of a topic that somebody wants to see on their way. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mirror/pipeline_state.h"
#include "mirror/tap.h"

static void
end_wish(struct wish **link)
{
	struct wish *w = *link;

	*link = w->next;
	free(w->topic);
	free(w);
}

void
pipeline_forget_wishes(struct pipeline *pl)
{
	while (pl->wishes)
		end_wish(&pl->wishes);
}

/* Where the wish for samples of a topic is, or the next one would be. */
static struct wish **
find_wish(struct pipeline *pl, const char *topic)
{
	struct wish **link = &pl->wishes;

	while (*link && strcmp((*link)->topic, topic) != 0)
		link = &(*link)->next;
	return link;
}

void
pipeline_tap(struct pipeline *pl, const char *topic, int64_t count, pipeline_sampled *fn, void *arg)
{
	struct wish **link = find_wish(pl, topic);

	if (*link)
		end_wish(link);
	if (count > 0) {
		struct wish *w = mem_alloc(sizeof(*w));

		*w = (struct wish){pl->wishes, mem_strdup(topic), count};
		pl->wishes = w;
	}
	pl->sampled = fn;
	pl->sampled_arg = arg;
}

void
pipeline_sample(struct pipeline *pl, struct partition *p, struct flight *f, const struct record *r,
	const struct script_record *decided)
{
	struct wish **link = find_wish(pl, p->topic);

	if (!*link)
		return;
	if (--(*link)->samples == 0)
		end_wish(link);
	pl->sampled(p->topic,
		tap_sample(p->topic, target_topic_name(p->route->target), r, f, decided),
		pl->sampled_arg);
}
