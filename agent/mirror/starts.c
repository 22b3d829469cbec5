/* Starts: where each topic begins of which the group has no position, as [start] says. */
#include "mirror/starts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "mirror/topics.h"

struct starts {
	struct entry {
		struct topics *expression; /* NULL: all topics */
		const char *name;	   /* as it was typed; NULL likewise */
		struct start start;
	} * entries; /* in the order in which they are asked */
	size_t count;
};

/* Takes one setting; the entry is then part of s, after an error too. */
static int
add(struct starts *s, const struct config *config, const char *name, const char *text,
	int64_t now_ms, struct err *err)
{
	struct entry *e = &s->entries[s->count++];
	struct startpoint *point = &e->start.point;

	e->name = name;
	e->start.text = text;
	e->start.is_general = !name;
	if (name && !(e->expression = topics_new(name, false, false, err)))
		return -1;
	if (startpoint_parse(text, point, err) < 0)
		return -1;
	e->start.is_relative =
		point->kind == STARTPOINT_LATEST || point->kind == STARTPOINT_DURATION;
	if (point->kind == STARTPOINT_DURATION) {
		point->kind = STARTPOINT_TIMESTAMP;
		point->ms = point->ms < now_ms ? now_ms - point->ms : 0;
	}
	if (point->kind == STARTPOINT_OFFSETS)
		return offsets_read(point->path, config->source.group_id, &e->start.offsets, err);
	return 0;
}

/* Flags win over files: the expressions of flags are asked first. */
static int
add_all(struct starts *s, const struct config *config, bool of_flags, int64_t now_ms,
	struct err *err)
{
	const struct config_extra *extra = &config->start.extra;

	for (size_t i = 0; i < extra->count; i++) {
		const struct config_pair *pair = &extra->items[i];

		if (!strncmp(pair->origin, "--", 2) == of_flags &&
			add(s, config, pair->name, pair->value, now_ms, err) < 0)
			return err_prefix(err, "%s: ", pair->origin);
	}
	return 0;
}

struct starts *
starts_new(const struct config *config, int64_t now_ms, struct err *err)
{
	struct starts *s = mem_zero(1, sizeof(*s));

	s->entries = mem_zero(config->start.extra.count + 1, sizeof(*s->entries));
	if (add_all(s, config, true, now_ms, err) < 0 || add_all(s, config, false, now_ms, err) < 0)
		starts_free(&s);
	else if (add(s, config, NULL, config->start.from, now_ms, err) < 0) {
		err_prefix(err, "start.from: ");
		starts_free(&s);
	}
	return s;
}

void
starts_free(struct starts **starts)
{
	struct starts *s = *starts;

	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		topics_free(&s->entries[i].expression);
		offsets_fini(&s->entries[i].start.offsets);
	}
	free(s->entries);
	free(s);
	*starts = NULL;
}

const struct start *
starts_find(struct starts *s, const char *topic)
{
	size_t i = 0;

	while (s->entries[i].expression && topics_match(s->entries[i].expression, topic, NULL) != 1)
		i++;
	return &s->entries[i].start;
}

const struct start *
starts_at(const struct starts *s, size_t i)
{
	return i < s->count ? &s->entries[i].start : NULL;
}

char *
starts_text(const struct starts *s)
{
	struct text text = {0};

	for (size_t i = 0; i < s->count; i++)
		text_printf(&text, "%sfrom%s%s=%s", i ? "; " : "", s->entries[i].name ? "." : "",
			s->entries[i].name ? s->entries[i].name : "", s->entries[i].start.text);
	for (size_t i = 0; i < text.length; i++)
		if (iscntrl((unsigned char)text.s[i]))
			text.s[i] = ' ';
	return text_take(&text);
}

enum startpoint_kind
starts_decide(const struct start *start, const char *topic, int32_t partition, bool is_new_group,
	bool is_new_topic)
{
	enum startpoint_kind kind = start->point.kind;

	if (kind == STARTPOINT_COMMITTED)
		return kind;
	if (kind == STARTPOINT_OFFSETS)
		return offsets_find(&start->offsets, topic, partition) >= 0 ? kind
									    : STARTPOINT_EARLIEST;
	if (!is_new_topic || (start->is_general && start->is_relative && !is_new_group))
		return STARTPOINT_EARLIEST;
	return kind;
}
