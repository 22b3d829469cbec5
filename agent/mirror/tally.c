/* The tally: how many records met what, by names that come from the user: why they were left out,
 * where they went. */
#include "mirror/tally.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct row {
	char *name;
	uint64_t count;
};

static struct table {
	struct row rows[TALLY_MOST + 1];
	size_t count;
} tables[TALLY_KINDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* How much of a name counts: all of it, or a beginning of whole characters. */
static size_t
name_length(const char *name)
{
	size_t n = strnlen(name, TALLY_NAME_MOST + 1);

	if (n > TALLY_NAME_MOST)
		for (n = TALLY_NAME_MOST; n > 0 && (name[n] & 0xc0) == 0x80;)
			n--;
	return n;
}

/* The row of a name, made when there is room; the last one is for the others. */
static struct row *
find_row(struct table *t, const char *name)
{
	size_t n = name_length(name);

	for (size_t i = 0; i < t->count; i++)
		if (!strncmp(t->rows[i].name, name, n) && !t->rows[i].name[n])
			return &t->rows[i];
	if (t->count == TALLY_MOST + 1)
		return &t->rows[TALLY_MOST];
	t->rows[t->count].name =
		t->count == TALLY_MOST ? mem_strdup("(others)") : mem_strndup(name, n);
	return &t->rows[t->count++];
}

void
tally_add(enum tally_kind kind, const char *name, uint64_t n)
{
	pthread_mutex_lock(&lock);
	find_row(&tables[kind], name)->count += n;
	pthread_mutex_unlock(&lock);
}

void
tally_run_end(struct tally_run *run)
{
	if (run->count > 0)
		tally_add(run->kind, run->name, run->count);
	run->count = 0;
}

void
tally_run_add(struct tally_run *run, enum tally_kind kind, const char *name)
{
	if (run->count > 0 && (run->kind != kind || strcmp(run->name, name) != 0))
		tally_run_end(run);
	run->kind = kind;
	run->name = name;
	run->count++;
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

void
tally_each(enum tally_kind kind, void (*fn)(const char *name, uint64_t count, void *arg), void *arg)
{
	struct table copy;

	/* Names are never freed, so the copy may be read without the lock. */
	pthread_mutex_lock(&lock);
	copy = tables[kind];
	pthread_mutex_unlock(&lock);
	qsort(copy.rows, copy.count, sizeof(copy.rows[0]), compare);
	for (size_t i = 0; i < copy.count; i++)
		fn(copy.rows[i].name, copy.rows[i].count, arg);
}
