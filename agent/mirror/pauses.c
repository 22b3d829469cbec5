/* Pauses: which topics and partitions an operator has paused, who did it, and when. */
#include "mirror/pauses.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/mem.h"
#include "base/own_file.h"
#include "base/parse.h"

/* The file: this line, then "topic TAB partition TAB since TAB by", with a * for all of them. */
#define HEAD "reflejo pauses 1\n"

const struct pauses *
pauses_new(void)
{
	struct pauses *p = mem_zero(1, sizeof(*p));

	p->references = 1;
	return p;
}

const struct pauses *
pauses_take(const struct pauses *pauses)
{
	atomic_fetch_add(&((struct pauses *)(uintptr_t)pauses)->references, 1);
	return pauses;
}

void
pauses_release(const struct pauses **pauses)
{
	struct pauses *p = (struct pauses *)(uintptr_t)*pauses;

	*pauses = NULL;
	if (!p || atomic_fetch_sub(&p->references, 1) > 1)
		return;
	for (size_t i = 0; i < p->count; i++) {
		free(p->items[i].topic);
		free(p->items[i].by);
	}
	free(p->items);
	free(p);
}

/* What may stand in a line of the file, and of the log. @gives a string */
static char *
printable(const char *s)
{
	char *copy = mem_strdup(s);

	for (char *c = copy; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return copy;
}

static void
add(struct pauses *p, const struct pause *pause)
{
	p->items = mem_resize(p->items, p->count + 1, sizeof(*p->items));
	p->items[p->count++] =
		(struct pause){.topic = pause->topic ? mem_strdup(pause->topic) : NULL,
			.partition = pause->topic ? pause->partition : -1,
			.by = printable(pause->by),
			.since_ms = pause->since_ms,
			.keep = pause->keep};
}

static bool
is_of(const struct pause *pause, const char *topic, int32_t partition)
{
	if (!topic || !pause->topic)
		return topic == pause->topic;
	return !strcmp(pause->topic, topic) && pause->partition == partition;
}

/* Is it one of those that end when this is resumed? */
static bool
ends_with(const struct pause *pause, const char *topic, int32_t partition)
{
	if (!topic)
		return true;
	return pause->topic && !strcmp(pause->topic, topic) &&
	       (partition < 0 || pause->partition == partition);
}

static const struct pause *
find_exact(const struct pauses *p, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < p->count; i++)
		if (is_of(&p->items[i], topic, partition))
			return &p->items[i];
	return NULL;
}

const struct pauses *
pauses_with(const struct pauses *pauses, const struct pause *pause)
{
	struct pauses *p = mem_zero(1, sizeof(*p));

	p->references = 1;
	for (size_t i = 0; i < pauses->count; i++)
		if (!is_of(&pauses->items[i], pause->topic, pause->topic ? pause->partition : -1))
			add(p, &pauses->items[i]);
	add(p, pause);
	return p;
}

const struct pauses *
pauses_without(const struct pauses *pauses, const char *topic, int32_t partition,
	size_t *ret_removed, struct err *err)
{
	struct pauses *p;

	if (topic && find_exact(pauses, NULL, -1)) {
		err_set(err, "everything is paused, and %s cannot go on alone: resume everything",
			topic);
		return NULL;
	}
	if (topic && partition >= 0 && find_exact(pauses, topic, -1)) {
		err_set(err,
			"the whole topic %s is paused, and partition %d cannot go on alone: "
			"resume the topic",
			topic, (int)partition);
		return NULL;
	}
	p = mem_zero(1, sizeof(*p));
	p->references = 1;
	for (size_t i = 0; i < pauses->count; i++)
		if (!ends_with(&pauses->items[i], topic, partition))
			add(p, &pauses->items[i]);
	*ret_removed = pauses->count - p->count;
	return p;
}

const struct pause *
pauses_find(const struct pauses *p, const char *topic, int32_t partition)
{
	const struct pause *found;

	if (p->count == 0)
		return NULL;
	found = find_exact(p, NULL, -1);
	if (!found)
		found = find_exact(p, topic, -1);
	return found ? found : find_exact(p, topic, partition);
}

/* Takes the next field off a line. NULL: there is none. */
static char *
next_field(char **line)
{
	char *field = *line;

	if (field)
		*line = strchr(field, '\t');
	if (field && *line)
		*(*line)++ = '\0';
	return field;
}

static int
read_line(struct pauses *p, char *line)
{
	struct pause pause = {.partition = -1, .keep = true};
	const char *partition, *since;
	int64_t number = -1;

	pause.topic = next_field(&line);
	partition = next_field(&line);
	since = next_field(&line);
	pause.by = line;
	if (!pause.by || !*pause.topic || parse_int(since, 0, INT64_MAX, &pause.since_ms, NULL) < 0)
		return -1;
	if (strcmp(partition, "*") != 0 && parse_int(partition, 0, INT32_MAX, &number, NULL) < 0)
		return -1;
	pause.partition = (int32_t)number;
	if (!strcmp(pause.topic, "*"))
		pause.topic = NULL;
	add(p, &pause);
	return 0;
}

static int
read_lines(struct pauses *p, FILE *f, const char *path, struct err *err)
{
	char *line = NULL;
	size_t room = 0;
	int number = 0, rc = 0;
	ssize_t n;

	while (rc == 0 && (n = getline(&line, &room, f)) > 0) {
		bool is_head = number++ == 0;

		if (is_head ? strcmp(line, HEAD) != 0 : line[n - 1] != '\n')
			rc = -1;
		line[n - 1] = '\0';
		if (rc == 0 && !is_head)
			rc = read_line(p, line);
	}
	free(line);
	if (rc < 0)
		return err_set(err, "%s:%d: this is no line of a file of pauses", path, number);
	if (ferror(f) || number == 0)
		return err_set(err, "%s: %s", path, number ? strerror(errno) : "the file is empty");
	return 0;
}

const struct pauses *
pauses_load(const char *path, struct err *err)
{
	const struct pauses *pauses = pauses_new();
	FILE *f;
	int rc = own_file_open(path, &f, err);

	if (f) {
		rc = read_lines((struct pauses *)(uintptr_t)pauses, f, path, err);
		fclose(f);
	}
	if (rc < 0)
		pauses_release(&pauses);
	return pauses;
}

static void
put_lines(const struct pauses *p, struct text *out)
{
	text_puts(out, HEAD);
	for (size_t i = 0; i < p->count; i++) {
		const struct pause *pause = &p->items[i];

		if (!pause->keep)
			continue;
		text_printf(out, "%s\t", pause->topic ? pause->topic : "*");
		if (pause->partition >= 0)
			text_printf(out, "%" PRId32 "\t", pause->partition);
		else
			text_puts(out, "*\t");
		text_printf(out, "%" PRId64 "\t%s\n", pause->since_ms, pause->by);
	}
}

/* Writes those that are kept; err: the reason alone. */
static int
write_kept(const struct pauses *p, const char *path, struct err *err)
{
	struct text text = {0};
	int rc;

	put_lines(p, &text);
	rc = draft_write(path, text.s, 0600, err);
	text_fini(&text);
	return rc < 0 ? rc : draft_keep(path, err);
}

size_t
pauses_kept(const struct pauses *p)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++)
		count += p->items[i].keep;
	return count;
}

int
pauses_save(const struct pauses *p, const char *path, struct err *err)
{
	struct err why;
	int rc = 0;

	if (pauses_kept(p) > 0)
		rc = write_kept(p, path, &why);
	else if (unlink(path) < 0 && errno != ENOENT)
		rc = err_set(&why, "%s", strerror(errno));
	if (rc < 0)
		err_set(err,
			"%s: the pauses cannot be kept: %s; nothing was changed, since a restart "
			"would undo it",
			path, why.text);
	return rc;
}
