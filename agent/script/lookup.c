/* Look-up files: keys and what stands behind them, loaded once and again when the file changes. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "script/digest.h"
#include "script/state.h"
#include "script/world.h"

/* A row: where its fields are. */
struct row {
	uint32_t first, count; /* in fields */
};

struct field {
	const char *bytes;
	size_t size;
};

/* What a file held at one moment; never changes. */
struct content {
	_Atomic int references;
	char *text; /* fields point into it; quotes were taken out in place */
	struct field *fields;
	size_t field_count, field_capacity;
	struct row *rows;
	size_t row_count, row_capacity;
	uint32_t *slots; /* rows by key, +1; 0: free */
	size_t slot_count;
};

struct lookup {
	struct lookup *next;
	char *file;
	char separator;
	pthread_mutex_t lock; /* of content */
	struct content *content;
	_Atomic unsigned version; /* of content */
	struct timespec changed; /* of the file when it was read; main thread */
	off_t size;
	ino_t inode;
};

/* A state's view. */
struct script_map {
	struct lookup *lookup;
	struct content *content;
	unsigned version;
};

static void
content_release(struct content *c)
{
	if (!c || atomic_fetch_sub(&c->references, 1) > 1)
		return;
	free(c->text);
	free(c->fields);
	free(c->rows);
	free(c->slots);
	free(c);
}

static void
add_field(struct content *c, const char *bytes, size_t size)
{
	c->fields = mem_grow(c->fields, &c->field_capacity, c->field_count, sizeof(*c->fields));
	c->fields[c->field_count++] = (struct field){bytes, size};
	c->rows[c->row_count].count++;
}

/* One field from at on, CSV as in RFC 4180; *ret gets where it ends. NULL: a quote is not closed. */
static const char *
take_field(struct content *c, char *at, char separator)
{
	char *out = at, *begin = at;

	if (*at != '"') {
		size_t n = 0;

		while (at[n] && at[n] != separator && at[n] != '\n' && !(at[n] == '\r' && at[n + 1] == '\n'))
			n++;
		add_field(c, at, n);
		return at + n;
	}
	for (at++; *at != '"' || at[1] == '"'; at++) {
		if (!*at)
			return NULL;
		at += *at == '"';
		*out++ = *at;
	}
	add_field(c, begin, (size_t)(out - begin));
	return at + 1;
}

/* A row from at on; returns where the next one begins, NULL after a mistake. */
static char *
take_row(struct content *c, char *at, char separator)
{
	bool is_comment = *at == '#', is_blank = *at == '\n' || (*at == '\r' && at[1] == '\n');

	c->rows = mem_grow(c->rows, &c->row_capacity, c->row_count, sizeof(*c->rows));
	c->rows[c->row_count] = (struct row){.first = (uint32_t)c->field_count};
	if (is_comment || is_blank)
		return at + strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
	for (;;) {
		const char *end = take_field(c, at, separator);

		at = (char *)(uintptr_t)end;
		if (!at)
			return NULL;
		if (!separator || *at != separator)
			break;
		at++;
	}
	if (*at == '\r')
		at++;
	if (*at && *at != '\n')
		return NULL;
	c->row_count++;
	return *at ? at + 1 : at;
}

static uint32_t *
find_slot(const struct content *c, const char *key, size_t size)
{
	size_t i = digest_xxhash(key, size) & (c->slot_count - 1);

	for (; c->slots[i]; i = (i + 1) & (c->slot_count - 1)) {
		const struct field *f = &c->fields[c->rows[c->slots[i] - 1].first];

		if (f->size == size && !memcmp(f->bytes, key, size))
			break;
	}
	return &c->slots[i];
}

/* The last row of a key counts. */
static void
index_rows(struct content *c)
{
	c->slot_count = 16;
	while (c->slot_count < c->row_count * 2)
		c->slot_count *= 2;
	c->slots = mem_zero(c->slot_count, sizeof(*c->slots));
	for (size_t i = 0; i < c->row_count; i++) {
		const struct field *key = &c->fields[c->rows[i].first];

		*find_slot(c, key->bytes, key->size) = (uint32_t)i + 1;
	}
}

static struct content *
content_read(const char *file, char separator, struct err *err)
{
	struct content *c = mem_zero(1, sizeof(*c));
	size_t size;
	int line = 1;

	atomic_store(&c->references, 1);
	if (state_read(file, &c->text, &size, err) < 0) {
		content_release(c);
		return NULL;
	}
	if (strlen(c->text) < size) {
		err_set(err, "%s: holds a zero byte; it is not a text file", file);
		content_release(c);
		return NULL;
	}
	for (char *at = c->text, *next; *at; at = next, line++) {
		next = take_row(c, at, separator);
		if (next)
			continue;
		err_set(err, "%s:%d: a quote is not closed, or something stands behind it", file, line);
		content_release(c);
		return NULL;
	}
	index_rows(c);
	return c;
}

/* The file as it is now; false: it cannot be asked. */
static bool
has_changed(struct lookup *l)
{
	struct stat st;

	if (stat(l->file, &st) < 0)
		return false;
	if (st.st_mtim.tv_sec == l->changed.tv_sec && st.st_mtim.tv_nsec == l->changed.tv_nsec &&
		st.st_size == l->size && st.st_ino == l->inode)
		return false;
	l->changed = st.st_mtim;
	l->size = st.st_size;
	l->inode = st.st_ino;
	return true;
}

struct lookup *
lookup_new(const char *file, char separator, struct lookup *next, char *error, size_t error_size)
{
	struct lookup *l = mem_zero(1, sizeof(*l));
	struct err err;

	l->file = mem_strdup(file);
	l->separator = separator;
	l->next = next;
	pthread_mutex_init(&l->lock, NULL);
	has_changed(l);
	l->content = content_read(file, separator, &err);
	if (l->content)
		return l;
	snprintf(error, error_size, "%s", err.text);
	l->next = NULL;
	lookup_free(&l);
	return NULL;
}

bool
lookup_is(const struct lookup *l, const char *file, char separator)
{
	return l->separator == separator && !strcmp(l->file, file);
}

struct lookup *
lookup_next(const struct lookup *l)
{
	return l->next;
}

void
lookup_refresh(struct lookup *l)
{
	struct content *fresh, *old;
	struct err err;

	if (!has_changed(l))
		return;
	fresh = content_read(l->file, l->separator, &err);
	if (!fresh) {
		LOG(EVENT_map_bad, F_STR("reason", err.text));
		return;
	}
	LOG(EVENT_map_loaded, F_STR("file", l->file), F_UINT("rows", fresh->row_count));
	pthread_mutex_lock(&l->lock);
	old = l->content;
	l->content = fresh;
	atomic_fetch_add(&l->version, 1);
	pthread_mutex_unlock(&l->lock);
	content_release(old);
}

void
lookup_free(struct lookup **lookup)
{
	struct lookup *l;

	while ((l = *lookup)) {
		*lookup = l->next;
		content_release(l->content);
		pthread_mutex_destroy(&l->lock);
		free(l->file);
		free(l);
	}
}

/* Takes the content that is there now. */
static void
follow(struct script_map *view)
{
	struct lookup *l = view->lookup;

	if (view->content && view->version == atomic_load(&l->version))
		return;
	pthread_mutex_lock(&l->lock);
	content_release(view->content);
	view->content = l->content;
	atomic_fetch_add(&view->content->references, 1);
	view->version = atomic_load(&l->version);
	pthread_mutex_unlock(&l->lock);
}

struct script_map *
lookup_view(struct lookup *lookup)
{
	struct script_map *view = mem_zero(1, sizeof(*view));

	view->lookup = lookup;
	follow(view);
	return view;
}

void
lookup_view_free(struct script_map *view)
{
	if (!view)
		return;
	content_release(view->content);
	free(view);
}

void
lookup_get(struct script_map *view, const char *key, size_t size, int32_t column, struct script_value *ret)
{
	const struct content *c;
	uint32_t row;

	follow(view);
	c = view->content;
	row = *find_slot(c, key, size);
	ret->_type = 0;
	if (!row || column < 0 || (uint32_t)column >= c->rows[row - 1].count)
		return;
	*ret = (struct script_value){._type = 1,
		._bytes = c->fields[c->rows[row - 1].first + (uint32_t)column].bytes,
		._size = c->fields[c->rows[row - 1].first + (uint32_t)column].size};
}

int32_t
lookup_count(struct script_map *view)
{
	follow(view);
	return (int32_t)view->content->row_count;
}
