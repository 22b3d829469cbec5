/* The rows of a report: what became of each partition, over all streams. */
#include "service/report_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/offsets.h"
#include "mirror/counters.h"

static int64_t
get(const _Atomic int64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

/* A row of which nothing is known. */
static struct report_row *
new_row(struct report_rows *rows, const char *topic, int32_t partition)
{
	struct report_row *r;

	rows->items = mem_grow(rows->items, &rows->capacity, rows->count, sizeof(*rows->items));
	r = &rows->items[rows->count++];
	*r = (struct report_row){.topic = mem_strdup(topic),
		.partition = partition,
		.committed = -1,
		.first = -1,
		.last = -1,
		.first_ms = INT64_MAX};
	return r;
}

/* So many more for a reason. */
static void
add_drop(struct report_row *r, const char *reason, uint64_t count)
{
	size_t i = 0;

	while (i < r->drop_count && strcmp(r->drops[i].reason, reason) != 0)
		i++;
	if (i == r->drop_count) {
		r->drops = mem_resize(r->drops, ++r->drop_count, sizeof(*r->drops));
		r->drops[i] = (struct report_drop){mem_strdup(reason), 0};
	}
	r->drops[i].count += count;
}

void
report_rows_add(struct report_rows *rows, const struct meters *meters)
{
	for (const struct meter *m = NULL; (m = meters_next(meters, m));) {
		struct report_row *r = new_row(rows, m->topic->name, m->partition);

		r->committed = get(&m->committed);
		r->first = get(&m->first);
		r->last = get(&m->last);
		r->first_ms = r->first >= 0 ? get(&m->first_ms) : INT64_MAX;
		r->last_ms = get(&m->last_ms);
		r->read = counter_get(&m->records_read);
		r->bytes = counter_get(&m->bytes_mirrored);
		r->resent = counter_get(&m->records_resent);
		r->given_up = counter_get(&m->given_up);
		for (int i = 0; i < METER_FATES; i++)
			r->settled[i] = counter_get(&m->settled[i]);
		for (const struct meter_drop *d = meter_drops(m); d; d = d->next)
			add_drop(r, d->name, d->count);
	}
}

static int64_t
larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The smaller one that is known. */
static int64_t
smaller_known(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

void
report_row_sum(struct report_row *sum, const struct report_row *row)
{
	sum->partitions++;
	sum->not_read_again += row->not_read_again;
	if (row->first_ms < sum->first_ms)
		sum->first_ms = row->first_ms;
	sum->last_ms = larger(sum->last_ms, row->last_ms);
	sum->read += row->read;
	sum->bytes += row->bytes;
	sum->resent += row->resent;
	sum->given_up += row->given_up;
	for (int i = 0; i < METER_FATES; i++)
		sum->settled[i] += row->settled[i];
	for (size_t i = 0; i < row->drop_count; i++)
		add_drop(sum, row->drops[i].reason, row->drops[i].count);
}

static void
add_known(struct report_rows *rows, const struct until *until)
{
	for (size_t i = 0; until && i < until->count; i++) {
		const struct until_partition *u = &until->items[i];
		struct report_row *r = new_row(rows, u->topic, u->partition);

		r->is_known = true;
		r->begin = u->begin;
		r->start = u->start;
		r->end = u->end;
		r->not_read_again = until_not_read_again(u);
		r->committed = u->start;
	}
}

static int
compare(const void *a, const void *b)
{
	const struct report_row *x = a, *y = b;

	return offsets_order(x->topic, x->partition, y->topic, y->partition);
}

/* Two rows of the same partition: the first one takes the other. */
static void
join(struct report_row *to, struct report_row *from)
{
	report_row_sum(to, from);
	to->first = smaller_known(to->first, from->first);
	to->last = larger(to->last, from->last);
	to->committed = larger(to->committed, from->committed);
	if (from->is_known) {
		to->is_known = true;
		to->begin = from->begin;
		to->start = from->start;
		to->end = from->end;
	}
	report_row_fini(from);
}

void
report_rows_join(struct report_rows *rows, const struct until *until)
{
	size_t n = 0;

	add_known(rows, until);
	if (rows->count == 0)
		return;
	qsort(rows->items, rows->count, sizeof(*rows->items), compare);
	for (size_t i = 1; i < rows->count; i++) {
		if (compare(&rows->items[n], &rows->items[i]) == 0)
			join(&rows->items[n], &rows->items[i]);
		else
			rows->items[++n] = rows->items[i];
	}
	rows->count = n + 1;
}

void
report_row_fini(struct report_row *r)
{
	for (size_t i = 0; i < r->drop_count; i++)
		free(r->drops[i].reason);
	free(r->drops);
	free(r->topic);
}

void
report_rows_fini(struct report_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		report_row_fini(&rows->items[i]);
	free(rows->items);
	*rows = (struct report_rows){0};
}

double
report_row_seconds(const struct report_row *r)
{
	return r->last_ms > r->first_ms ? (double)(r->last_ms - r->first_ms) / 1000 : 0;
}

bool
report_row_agrees(const struct report_row *r)
{
	uint64_t sum = r->given_up;

	for (int i = 0; i < METER_FATES; i++)
		sum += r->settled[i];
	return sum == r->read;
}
