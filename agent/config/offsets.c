/* Offsets: a list of positions by topic and partition. */
#include "config/offsets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "config/file.h"

/* Room for hundreds of thousands of partitions. */
#define FILE_MOST (16 * 1024 * 1024)
/* group,topic,partition,offset */
#define COLUMNS_MOST 4

int
offsets_order(const char *topic, int32_t partition, const char *other, int32_t other_partition)
{
	int order = strcmp(topic, other);

	return order ? order : (partition > other_partition) - (partition < other_partition);
}

/* Where it is, or belongs. */
static size_t
place_of(const struct offsets *o, const char *topic, int32_t partition, bool *ret_found)
{
	size_t low = 0, high = o->count;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = offsets_order(
			o->items[middle].topic, o->items[middle].partition, topic, partition);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
offsets_set(struct offsets *o, const char *topic, int32_t partition, int64_t offset)
{
	bool is_there;
	size_t at = place_of(o, topic, partition, &is_there);

	if (is_there) {
		o->items[at].offset = offset;
		return false;
	}
	o->items = mem_grow(o->items, &o->capacity, o->count, sizeof(*o->items));
	memmove(&o->items[at + 1], &o->items[at], (o->count - at) * sizeof(*o->items));
	o->items[at] = (struct offsets_item){mem_strdup(topic), partition, offset};
	o->count++;
	return true;
}

void
offsets_remove(struct offsets *o, const char *topic, int32_t partition)
{
	bool is_there;
	size_t at = place_of(o, topic, partition, &is_there);

	if (!is_there)
		return;
	free(o->items[at].topic);
	o->count--;
	memmove(&o->items[at], &o->items[at + 1], (o->count - at) * sizeof(*o->items));
}

int64_t
offsets_find(const struct offsets *o, const char *topic, int32_t partition)
{
	bool is_there;
	size_t at = place_of(o, topic, partition, &is_there);

	return is_there ? o->items[at].offset : -1;
}

void
offsets_fini(struct offsets *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->items[i].topic);
	free(o->items);
	*o = (struct offsets){0};
}

/* One word of a line, in place; *at moves behind its comma, or becomes NULL at the line's end. NULL
   when a quote is not closed, or something stands behind it. */
static char *
next_word(char **at)
{
	char *s = *at, *word = s, *out = s, *end;

	if (*s != '"') {
		end = strchr(s, ',');
		*at = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		return word;
	}
	for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
		s += *s == '"';
		*out++ = *s;
	}
	if (*s != '"' || (s[1] && s[1] != ','))
		return NULL;
	*at = s[1] ? s + 2 : NULL;
	*out = '\0';
	return word;
}

/* Takes a line apart; returns how many columns it has, 0: it is no such line. */
static size_t
split(char *line, char *columns[COLUMNS_MOST])
{
	char *at = line;
	size_t count = 0;

	while (at) {
		if (count == COLUMNS_MOST)
			return 0;
		columns[count] = next_word(&at);
		if (!columns[count++])
			return 0;
	}
	return count;
}

/* What a file was found to be, line by line. */
struct csv {
	const char *group;
	char *other;	/* a group that is not this one; NULL: none was met */
	size_t columns; /* of the first line; 0 before that */
	struct offsets *offsets;
};

static int
take_line(struct csv *csv, char *line, struct err *err)
{
	char *columns[COLUMNS_MOST], **row;
	size_t count = split(line, columns);
	int64_t partition, offset;

	if (count < 3)
		return err_set(err,
			"is not topic,partition,offset, nor group,topic,partition,offset, as "
			"kafka-consumer-groups.sh --export writes it");
	if (csv->columns && csv->columns != count)
		return err_set(
			err, "has %zu columns, and the first line has %zu", count, csv->columns);
	csv->columns = count;
	row = columns + (count - 3);
	if (!*row[0])
		return err_set(err, "has no topic");
	if (parse_int(row[1], 0, INT32_MAX, &partition, err) < 0)
		return err_prefix(err, "the partition: ");
	if (parse_int(row[2], 0, INT64_MAX, &offset, err) < 0)
		return err_prefix(err, "the offset: ");
	if (count == 4 && strcmp(columns[0], csv->group)) {
		if (!csv->other)
			csv->other = mem_strdup(columns[0]);
		return 0;
	}
	if (!offsets_set(csv->offsets, row[0], (int32_t)partition, offset))
		return err_set(
			err, "partition %d of %s stands there twice", (int)partition, row[0]);
	return 0;
}

/* All lines of a text that may be changed. */
static int
take_lines(struct csv *csv, char *text, const char *path, struct err *err)
{
	int number = 1;

	for (char *line = text; line; number++) {
		char *end = strchr(line, '\n');
		size_t n = end ? (size_t)(end - line) : strlen(line);

		while (n > 0 && strchr("\r \t", line[n - 1]))
			n--;
		line[n] = '\0';
		if (n > 0 && take_line(csv, line, err) < 0)
			return err_prefix(err, "%s:%d: ", path, number);
		line = end ? end + 1 : NULL;
	}
	if (csv->offsets->count > 0)
		return 0;
	if (csv->other)
		return err_set(err, "%s: has no line of the group %s, but of %s", path, csv->group,
			csv->other);
	return err_set(err, "%s: has no line", path);
}

int
offsets_parse(
	const char *text, const char *path, const char *group, struct offsets *ret, struct err *err)
{
	struct offsets offsets = {0};
	struct csv csv = {.group = group, .offsets = &offsets};
	char *copy = mem_strdup(text);
	int rc = take_lines(&csv, copy, path, err);

	free(copy);
	free(csv.other);
	if (rc < 0)
		offsets_fini(&offsets);
	*ret = offsets;
	return rc;
}

int
offsets_read(const char *path, const char *group, struct offsets *ret, struct err *err)
{
	char *text;
	size_t length;
	int rc;

	*ret = (struct offsets){0};
	if (file_read(path, FILE_MOST, &text, &length, err) < 0)
		return -1;
	rc = offsets_parse(text, path, group, ret, err);
	free(text);
	return rc;
}
