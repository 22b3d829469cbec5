/* A table: what one version of a look-up file holds. Never changes once it was read. */
#include "script/table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

struct field {
	uint32_t first, size; /* in the table's text */
};

struct table {
	_Atomic int holders;
	char *text;
	struct field *fields; /* row after row, the names first */
	size_t field_count, field_capacity;
	size_t columns, rows, key_column, value_column;
	bool has_names;
	uint32_t *index; /* row + 1 by the hash of its key, 0: free */
	size_t index_mask;
};

/* Where reading stands. */
struct reader {
	struct table *table;
	char *p, *end;
	size_t line; /* of what p is in, from 1 */
	char separator;
};

static void
add_field(struct reader *reader, const char *first, const char *end)
{
	struct table *table = reader->table;

	table->fields = mem_grow(
		table->fields, &table->field_capacity, table->field_count, sizeof(*table->fields));
	table->fields[table->field_count++] =
		(struct field){(uint32_t)(first - table->text), (uint32_t)(end - first)};
}

/* Steps over a line's end; false: there is none here. */
static bool
take_line_end(struct reader *reader)
{
	if (reader->end - reader->p >= 2 && reader->p[0] == '\r' && reader->p[1] == '\n')
		reader->p++;
	if (reader->p < reader->end && *reader->p != '\n')
		return false;
	if (reader->p < reader->end)
		reader->p++;
	reader->line++;
	return true;
}

static void
read_lines(struct reader *reader)
{
	while (reader->p < reader->end) {
		char *first = reader->p, *end = memchr(first, '\n', (size_t)(reader->end - first));
		if (!end)
			end = reader->end;
		reader->p = end < reader->end ? end + 1 : end;
		if (end > first && end[-1] == '\r')
			end--;
		if (end > first && *first != '#')
			add_field(reader, first, end);
	}
	reader->table->columns = 1;
}

/* A field in quotes, unquoted where it stands. */
static int
read_quoted(struct reader *reader, struct err *err)
{
	char *first = reader->p, *out = first;
	size_t line = reader->line;

	for (reader->p++;; reader->p++) {
		if (reader->p == reader->end)
			return err_set(
				err, "%zu: a field begins with a quote and none ends it", line);
		if (*reader->p == '"') {
			reader->p++;
			if (reader->p == reader->end || *reader->p != '"')
				break;
		}
		reader->line += *reader->p == '\n';
		*out++ = *reader->p;
	}
	add_field(reader, first, out);
	return 0;
}

static int
read_plain(struct reader *reader, struct err *err)
{
	char *first = reader->p;

	for (; reader->p < reader->end && *reader->p != reader->separator; reader->p++) {
		if (*reader->p == '\n' ||
			(*reader->p == '\r' && reader->end - reader->p > 1 && reader->p[1] == '\n'))
			break;
		if (*reader->p == '"')
			return err_set(err,
				"%zu: a quote within a field; put the field in quotes and double "
				"it",
				reader->line);
	}
	add_field(reader, first, reader->p);
	return 0;
}

/* One row, to its line's end. */
static int
read_row(struct reader *reader, size_t *ret_fields, struct err *err)
{
	size_t before = reader->table->field_count, line = reader->line;

	for (;;) {
		bool is_quoted = reader->p < reader->end && *reader->p == '"';
		if (is_quoted ? read_quoted(reader, err) : read_plain(reader, err))
			return -1;
		if (reader->p < reader->end && *reader->p == reader->separator)
			reader->p++;
		else if (take_line_end(reader))
			break;
		else
			return err_set(
				err, "%zu: something stands behind a field's closing quote", line);
	}
	*ret_fields = reader->table->field_count - before;
	return 0;
}

static int
read_csv(struct reader *reader, struct err *err)
{
	struct table *table = reader->table;

	while (reader->p < reader->end) {
		size_t line = reader->line, fields = 0;
		if (take_line_end(reader))
			continue;
		if (read_row(reader, &fields, err))
			return -1;
		if (!table->columns)
			table->columns = fields;
		if (fields != table->columns)
			return err_set(err, "%zu: %zu fields where the first row has %zu", line,
				fields, table->columns);
	}
	return 0;
}

static const struct field *
field_at(const struct table *table, size_t row, size_t column)
{
	return &table->fields[(row + table->has_names) * table->columns + column];
}

/* A column by number from 1 or by name; *ret from 0. */
static int
find_column(const struct table *table, const char *wanted, size_t *ret, struct err *err)
{
	char *end;
	unsigned long number = strtoul(wanted, &end, 10);
	const char *name;

	if (!*end && number >= 1 && number <= table->columns) {
		*ret = number - 1;
		return 0;
	}
	for (size_t i = 0; table->has_names && i < table->columns; i++) {
		int32_t size = table_name(table, (int32_t)i, &name);
		if ((size_t)size == strlen(wanted) && !memcmp(name, wanted, (size_t)size)) {
			*ret = i;
			return 0;
		}
	}
	return err_set(err, "1: there is no column %s", wanted);
}

static int
find_columns(struct table *table, const struct table_format *format, struct err *err)
{
	table->has_names = format->kind == TABLE_CSV_WITH_NAMES;
	if (!table->field_count) {
		table->has_names = false;
		return format->kind == TABLE_CSV_WITH_NAMES
			       ? err_set(err,
					 "1: the file is empty; its first row names the columns")
			       : 0;
	}
	if (format->kind == TABLE_LINES)
		return 0;
	table->value_column = table->columns > 1;
	if (find_column(table, format->key, &table->key_column, err))
		return -1;
	return format->value ? find_column(table, format->value, &table->value_column, err) : 0;
}

/* The place of a key's row in the index, or the free one where it would be. */
static uint32_t *
place(const struct table *table, const char *key, size_t size)
{
	size_t i = XXH64(key, size, 0) & table->index_mask;

	for (; table->index[i]; i = (i + 1) & table->index_mask) {
		const struct field *found = field_at(table, table->index[i] - 1, table->key_column);
		if (found->size == size && !memcmp(table->text + found->first, key, size))
			break;
	}
	return &table->index[i];
}

static void
make_index(struct table *table)
{
	size_t capacity = 8;

	table->rows = table->columns ? table->field_count / table->columns - table->has_names : 0;
	while (capacity < 2 * table->rows)
		capacity *= 2;
	table->index = mem_zero(capacity, sizeof(*table->index));
	table->index_mask = capacity - 1;
	for (size_t row = 0; row < table->rows; row++) {
		const struct field *key = field_at(table, row, table->key_column);
		*place(table, table->text + key->first, key->size) = (uint32_t)row + 1;
	}
}

struct table *
table_read(char *text, size_t size, const struct table_format *format, const char *path,
	struct err *err)
{
	struct table *table = mem_zero(1, sizeof(*table));
	struct reader reader = {table, text, text + size, 1, format->separator};
	int result = 0;

	atomic_init(&table->holders, 1);
	table->text = text;
	if (size > TABLE_FILE_MAX)
		result = err_set(err, "1: the file is larger than %d bytes", TABLE_FILE_MAX);
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		reader.p += 3;
	if (!result && format->kind == TABLE_LINES)
		read_lines(&reader);
	else if (!result)
		result = read_csv(&reader, err);
	if (result || find_columns(table, format, err)) {
		err_prefix(err, "%s:", path);
		table_release(table);
		return NULL;
	}
	make_index(table);
	return table;
}

struct table *
table_hold(struct table *table)
{
	atomic_fetch_add(&table->holders, 1);
	return table;
}

void
table_release(struct table *table)
{
	if (!table || atomic_fetch_sub(&table->holders, 1) > 1)
		return;
	free(table->text);
	free(table->fields);
	free(table->index);
	free(table);
}

int32_t
table_find(const struct table *table, const char *key, size_t size)
{
	return (int32_t)*place(table, key, size) - 1;
}

int32_t
table_rows(const struct table *table)
{
	return (int32_t)table->rows;
}

int32_t
table_columns(const struct table *table)
{
	return (int32_t)table->columns;
}

int32_t
table_value_column(const struct table *table)
{
	return (int32_t)table->value_column;
}

int32_t
table_field(const struct table *table, int32_t row, int32_t column, const char **ret)
{
	const struct field *field = field_at(table, (size_t)row, (size_t)column);

	*ret = table->text + field->first;
	return (int32_t)field->size;
}

int32_t
table_name(const struct table *table, int32_t column, const char **ret)
{
	if (!table->has_names)
		return -1;
	*ret = table->text + table->fields[column].first;
	return (int32_t)table->fields[column].size;
}
