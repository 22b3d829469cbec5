/* The survey: what all streams together do, partition by partition and topic by topic, with rates
 * and a little history. */
#include "service/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The latency of the last minute is what came since the oldest of these, one every ten seconds. */
#define SNAPSHOTS 6
#define SNAPSHOT_SECONDS 10
/* For so many moments an end that was asked for counts. */
#define END_MOMENTS 15

/* Of the last seconds: index i is the moment's number modulo its size. */
struct ring {
	uint64_t records[SURVEY_RATE_SECONDS + 1], bytes[SURVEY_RATE_SECONDS + 1];
};

/* What meters that are forgotten had counted. */
struct base {
	uint64_t records_read, bytes_read, records_resent, records, bytes;
};

struct row {
	struct survey_partition shown;
	int64_t end; /* as survey_set_end has it, and at which moment; -1: not yet */
	uint64_t end_moment;
	struct base base;
	struct ring ring;
};

struct topic_row {
	struct survey_topic shown;
	struct survey_partition **partitions;
	size_t capacity;
	struct ring ring;
	uint64_t base[METER_BOUNDS + 1], base_ms;
	uint64_t snapshots[SNAPSHOTS][METER_BOUNDS + 1];
};

struct survey {
	struct survey_partition **rows;
	struct survey_topic **topics;
	size_t row_count, row_capacity, topic_count, topic_capacity;
	struct survey_sum sum;
	struct ring ring;
	int64_t times[SURVEY_RATE_SECONDS + 1]; /* clock_ms */
	uint64_t moments;			/* taken so far */
	uint64_t snapshots[SNAPSHOTS][METER_BOUNDS + 1];
	struct survey_moment history[SURVEY_HISTORY];
};

struct survey *
survey_new(void)
{
	return mem_zero(1, sizeof(struct survey));
}

void
survey_free(struct survey **survey)
{
	struct survey *s = *survey;

	if (!s)
		return;
	for (size_t i = 0; i < s->row_count; i++) {
		free((char *)(uintptr_t)s->rows[i]->labels);
		free(s->rows[i]);
	}
	for (size_t i = 0; i < s->topic_count; i++) {
		struct topic_row *t = (struct topic_row *)s->topics[i];

		free((char *)(uintptr_t)t->shown.name);
		free((char *)(uintptr_t)t->shown.labels);
		free(t->partitions);
		free(t);
	}
	free(s->rows);
	free(s->topics);
	free(s);
	*survey = NULL;
}

/* topic="NAME", by the rules of Prometheus' text format. @gives a string */
static char *
topic_labels(const char *name)
{
	struct text text = {0};

	text_puts(&text, "topic=\"");
	for (; *name; name++) {
		if (*name == '\\' || *name == '"')
			text_putc(&text, '\\');
		if (*name == '\n')
			text_puts(&text, "\\n");
		else
			text_putc(&text, *name);
	}
	text_putc(&text, '"');
	return text_take(&text);
}

/* Where the topic is, or would be put. */
static size_t
topic_place(const struct survey *s, const char *name, bool *ret_is_there)
{
	size_t low = 0, high = s->topic_count;

	*ret_is_there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, s->topics[middle]->name);

		if (order == 0) {
			*ret_is_there = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct topic_row *
topic_row(struct survey *s, const char *name)
{
	bool is_there;
	size_t at = topic_place(s, name, &is_there);
	struct topic_row *t;

	if (is_there)
		return (struct topic_row *)s->topics[at];
	t = mem_zero(1, sizeof(*t));
	t->shown.name = mem_strdup(name);
	t->shown.labels = topic_labels(name);
	s->topics = mem_grow(s->topics, &s->topic_capacity, s->topic_count, sizeof(*s->topics));
	memmove(s->topics + at + 1, s->topics + at, (s->topic_count - at) * sizeof(*s->topics));
	s->topics[at] = &t->shown;
	s->topic_count++;
	return t;
}

/* Puts a new row among the topic's partitions, by its number. */
static void
insert_partition(struct topic_row *t, struct survey_partition *p)
{
	size_t at = t->shown.count;

	t->partitions =
		mem_grow(t->partitions, &t->capacity, t->shown.count, sizeof(*t->partitions));
	for (; at > 0 && t->partitions[at - 1]->partition > p->partition; at--)
		t->partitions[at] = t->partitions[at - 1];
	t->partitions[at] = p;
	t->shown.count++;
	t->shown.partitions = t->partitions;
}

/* All rows in the order of topics and numbers. */
static void
order_rows(struct survey *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->topic_count; i++)
		for (size_t k = 0; k < s->topics[i]->count; k++)
			s->rows[n++] = s->topics[i]->partitions[k];
}

static struct row *
find_row(const struct topic_row *t, int32_t partition)
{
	size_t low = 0, high = t->shown.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int32_t number = t->partitions[middle]->partition;

		if (number == partition)
			return (struct row *)t->partitions[middle];
		if (partition < number)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static struct row *
row_of(struct survey *s, const struct meter *m, bool *is_new)
{
	struct topic_row *t = topic_row(s, m->topic->name);
	struct row *r = find_row(t, m->partition);

	if (r)
		return r;
	r = mem_zero(1, sizeof(*r));
	r->shown.topic = &t->shown;
	r->shown.partition = m->partition;
	r->end = -1;
	r->shown.labels = mem_printf("%s,partition=\"%d\"", t->shown.labels, (int)m->partition);
	insert_partition(t, &r->shown);
	s->rows = mem_grow(s->rows, &s->row_capacity, s->row_count, sizeof(*s->rows));
	s->rows[s->row_count++] = &r->shown;
	*is_new = true;
	return r;
}

static int64_t
gauge(const _Atomic int64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

/* A row before the meters are read: what the forgotten ones had counted, and no stream. */
static void
begin_row(struct row *r)
{
	struct survey_partition *p = &r->shown;

	p->stream = -1;
	p->state = METER_GONE;
	p->meter = NULL;
	p->records_read = r->base.records_read;
	p->bytes_read = r->base.bytes_read;
	p->records_resent = r->base.records_resent;
	p->mirrored.records = r->base.records;
	p->mirrored.bytes = r->base.bytes;
	p->in_flight = 0;
	p->position = p->committed = p->end = p->lag = p->lag_ms = -1;
}

/* For how long what is not settled has been waiting. */
static int64_t
lag_ms(const struct meter *m, int64_t lag, int64_t wall)
{
	int64_t oldest = gauge(&m->oldest_ms);

	if (lag == 0)
		return 0;
	if (oldest < 0)
		return -1;
	return wall > oldest ? wall - oldest : 0;
}

/* What is not fetched does not show in the meter: the end that was asked for, not long ago, is
   further then. */
static void
set_end(const struct survey *s, struct row *r)
{
	struct survey_partition *p = &r->shown;
	int64_t end = r->end;

	if (end <= p->end || p->state == METER_CAUGHT_UP ||
		s->moments - r->end_moment > END_MOMENTS)
		return;
	if (p->lag >= 0 && p->end >= 0)
		p->lag += end - p->end;
	else if (p->position >= 0)
		p->lag = end > p->position ? end - p->position : 0;
	p->end = end;
}

static void
add_meter(const struct survey *s, struct row *r, const struct meter *m, int64_t wall)
{
	struct survey_partition *p = &r->shown;
	enum meter_state state =
		(enum meter_state)atomic_load_explicit(&m->state, memory_order_relaxed);

	p->records_read += counter_get(&m->records_read);
	p->bytes_read += counter_get(&m->bytes_read);
	p->records_resent += counter_get(&m->records_resent);
	p->mirrored.records += counter_get(&m->records_mirrored);
	p->mirrored.bytes += counter_get(&m->bytes_mirrored);
	if (state == METER_GONE)
		return;
	p->stream = m->stream;
	p->state = state;
	p->meter = m;
	p->in_flight = counter_get(&m->in_flight);
	p->position = gauge(&m->position);
	p->committed = gauge(&m->committed);
	p->end = gauge(&m->end);
	p->lag = gauge(&m->lag);
	set_end(s, r);
	p->lag_ms = lag_ms(m, p->lag, wall);
	p->moved_ms = gauge(&m->moved_ms);
}

/* How fast it grew since the oldest moment that is kept, and one moment more. */
static void
set_rates(const struct survey *s, struct ring *ring, struct survey_flow *flow)
{
	uint64_t kept = s->moments < SURVEY_RATE_SECONDS ? s->moments : SURVEY_RATE_SECONDS;
	size_t at = s->moments % (SURVEY_RATE_SECONDS + 1),
	       from = (s->moments - kept) % (SURVEY_RATE_SECONDS + 1);
	double seconds = (double)(s->times[at] - s->times[from]) / 1000;

	ring->records[at] = flow->records;
	ring->bytes[at] = flow->bytes;
	flow->records_per_second = flow->bytes_per_second = 0;
	if (seconds <= 0)
		return;
	flow->records_per_second = (double)(flow->records - ring->records[from]) / seconds;
	flow->bytes_per_second = (double)(flow->bytes - ring->bytes[from]) / seconds;
}

/* Where the share of the records lies, in seconds; -1 without records. Within a bucket they are
   taken to be spread evenly, as Prometheus' histogram_quantile does. */
static double
quantile(const uint64_t *counts, double share)
{
	uint64_t all = 0, below = 0;
	double wanted;

	for (size_t i = 0; i <= METER_BOUNDS; i++)
		all += counts[i];
	if (all == 0)
		return -1;
	wanted = share * (double)all;
	for (size_t i = 0; i < METER_BOUNDS; i++) {
		double low = i > 0 ? (double)meter_bounds[i - 1] : 0,
		       high = (double)meter_bounds[i];

		if (counts[i] > 0 && (double)(below + counts[i]) >= wanted)
			return (low + (high - low) * (wanted - (double)below) / (double)counts[i]) /
			       1000;
		below += counts[i];
	}
	return (double)meter_bounds[METER_BOUNDS - 1] / 1000;
}

/* The quantiles of what came since the oldest snapshot; takes the next one when it is time. */
static void
set_latency(const struct survey *s, uint64_t snapshots[SNAPSHOTS][METER_BOUNDS + 1],
	const uint64_t *now, double *p50, double *p99)
{
	size_t at = s->moments / SNAPSHOT_SECONDS % SNAPSHOTS;
	uint64_t recent[METER_BOUNDS + 1];

	/* The slot that is written next holds the oldest one. */
	for (size_t i = 0; i <= METER_BOUNDS; i++)
		recent[i] = now[i] - snapshots[at][i];
	*p50 = quantile(recent, 0.5);
	*p99 = quantile(recent, 0.99);
	if (s->moments % SNAPSHOT_SECONDS == SNAPSHOT_SECONDS - 1)
		memcpy(snapshots[at], now, sizeof(recent));
}

static void
read_latency(struct topic_row *t, const struct meter_topic *m)
{
	for (size_t i = 0; i <= METER_BOUNDS; i++)
		t->shown.latency[i] += counter_get(&m->latency[i]);
	t->shown.latency_ms += counter_get(&m->latency_ms);
}

static void
read_meters(struct survey *s, const struct meters *meters, int64_t wall)
{
	bool is_new = false;

	for (struct meter *m = NULL; (m = meters_next(meters, m));)
		add_meter(s, row_of(s, m, &is_new), m, wall);
	for (struct meter_topic *t = NULL; (t = meters_next_topic(meters, t));)
		read_latency(topic_row(s, t->name), t);
	if (is_new)
		order_rows(s);
}

static void
begin(struct survey *s)
{
	for (size_t i = 0; i < s->row_count; i++)
		begin_row((struct row *)s->rows[i]);
	for (size_t i = 0; i < s->topic_count; i++) {
		struct topic_row *t = (struct topic_row *)s->topics[i];

		memcpy(t->shown.latency, t->base, sizeof(t->base));
		t->shown.latency_ms = t->base_ms;
	}
}

/* An unknown part makes the sum unknown. */
static int64_t
add_lag(int64_t sum, int64_t part)
{
	return sum < 0 || part < 0 ? -1 : sum + part;
}

static int64_t
worse_lag_ms(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a > b ? a : b;
}

static void
sum_topic(struct survey *s, struct topic_row *t)
{
	struct survey_topic *shown = &t->shown;

	shown->assigned = 0;
	shown->state = METER_GONE;
	shown->worst = NULL;
	shown->mirrored = (struct survey_flow){0};
	shown->in_flight = 0;
	shown->lag = shown->lag_ms = 0;
	for (size_t i = 0; i < shown->count; i++) {
		const struct survey_partition *p = shown->partitions[i];

		shown->mirrored.records += p->mirrored.records;
		shown->mirrored.bytes += p->mirrored.bytes;
		if (p->state == METER_GONE)
			continue;
		shown->assigned++;
		shown->in_flight += p->in_flight;
		shown->lag = add_lag(shown->lag, p->lag);
		shown->lag_ms = worse_lag_ms(shown->lag_ms, p->lag_ms);
		s->sum.states[p->state]++;
		if (shown->worst && p->state >= shown->state)
			continue;
		shown->state = p->state;
		shown->worst = p;
	}
	if (shown->assigned == 0)
		shown->lag = shown->lag_ms = -1;
	set_rates(s, &t->ring, &shown->mirrored);
	set_latency(s, t->snapshots, shown->latency, &shown->p50, &shown->p99);
}

static void
sum_all(struct survey *s, const struct counters *counters)
{
	uint64_t latency[METER_BOUNDS + 1] = {0};

	s->sum = (struct survey_sum){.lag = 0};
	memcpy(&s->sum.counters, counters, sizeof(*counters));
	for (size_t i = 0; i < s->row_count; i++)
		set_rates(s, &((struct row *)s->rows[i])->ring, &s->rows[i]->mirrored);
	for (size_t i = 0; i < s->topic_count; i++) {
		struct topic_row *t = (struct topic_row *)s->topics[i];

		sum_topic(s, t);
		for (size_t k = 0; k <= METER_BOUNDS; k++)
			latency[k] += t->shown.latency[k];
		s->sum.mirrored.records += t->shown.mirrored.records;
		s->sum.mirrored.bytes += t->shown.mirrored.bytes;
		s->sum.assigned += t->shown.assigned;
		if (t->shown.assigned == 0)
			continue;
		s->sum.lag = add_lag(s->sum.lag, t->shown.lag);
		s->sum.lag_ms = worse_lag_ms(s->sum.lag_ms, t->shown.lag_ms);
	}
	if (counter_get(&counters->rebalances) == 0 || counter_get(&counters->is_unassigned) > 0)
		s->sum.lag = s->sum.lag_ms = -1;
	set_rates(s, &s->ring, &s->sum.mirrored);
	set_latency(s, s->snapshots, latency, &s->sum.p50, &s->sum.p99);
}

/* The last second's part of the history. */
static void
note_moment(struct survey *s)
{
	size_t at = s->moments % (SURVEY_RATE_SECONDS + 1),
	       before = (s->moments + SURVEY_RATE_SECONDS) % (SURVEY_RATE_SECONDS + 1);
	double seconds = (double)(s->times[at] - s->times[before]) / 1000;
	struct survey_moment *m = &s->history[s->moments % SURVEY_HISTORY];

	*m = (struct survey_moment){.lag = s->sum.lag};
	if (s->moments == 0 || seconds <= 0)
		return;
	m->records_per_second = (double)(s->ring.records[at] - s->ring.records[before]) / seconds;
	m->bytes_per_second = (double)(s->ring.bytes[at] - s->ring.bytes[before]) / seconds;
}

void
survey_take(struct survey *s, const struct meters *const *meters, size_t count,
	const struct counters *counters, int64_t now, int64_t wall)
{
	s->times[s->moments % (SURVEY_RATE_SECONDS + 1)] = now;
	begin(s);
	for (size_t i = 0; i < count; i++)
		read_meters(s, meters[i], wall);
	sum_all(s, counters);
	note_moment(s);
	s->moments++;
}

void
survey_set_end(struct survey *s, const char *topic, int32_t partition, int64_t end)
{
	bool is_there;
	size_t at = topic_place(s, topic, &is_there);
	struct row *r = is_there ? find_row((struct topic_row *)s->topics[at], partition) : NULL;

	if (!r)
		return;
	r->end = end;
	r->end_moment = s->moments;
}

void
survey_forget(struct survey *s, const struct meters *meters)
{
	bool is_new = false;

	for (struct meter *m = NULL; (m = meters_next(meters, m));) {
		struct row *r = row_of(s, m, &is_new);

		r->base.records_read += counter_get(&m->records_read);
		r->base.bytes_read += counter_get(&m->bytes_read);
		r->base.records_resent += counter_get(&m->records_resent);
		r->base.records += counter_get(&m->records_mirrored);
		r->base.bytes += counter_get(&m->bytes_mirrored);
		if (r->shown.meter == m)
			r->shown.meter = NULL;
	}
	for (struct meter_topic *t = NULL; (t = meters_next_topic(meters, t));) {
		struct topic_row *row = topic_row(s, t->name);

		for (size_t i = 0; i <= METER_BOUNDS; i++)
			row->base[i] += counter_get(&t->latency[i]);
		row->base_ms += counter_get(&t->latency_ms);
	}
	if (is_new)
		order_rows(s);
}

int64_t
survey_time(const struct survey *s)
{
	return s->times[(s->moments + SURVEY_RATE_SECONDS) % (SURVEY_RATE_SECONDS + 1)];
}

const struct survey_sum *
survey_sum(const struct survey *s)
{
	return &s->sum;
}

struct survey_topic *const *
survey_topics(const struct survey *s, size_t *ret_count)
{
	*ret_count = s->topic_count;
	return s->topics;
}

struct survey_partition *const *
survey_partitions(const struct survey *s, size_t *ret_count)
{
	*ret_count = s->row_count;
	return s->rows;
}

const struct survey_topic *
survey_find(const struct survey *s, const char *topic)
{
	bool is_there;
	size_t at = topic_place(s, topic, &is_there);

	return is_there ? s->topics[at] : NULL;
}

size_t
survey_history(const struct survey *s, struct survey_moment *out)
{
	size_t count = s->moments < SURVEY_HISTORY ? s->moments : SURVEY_HISTORY;

	for (size_t i = 0; i < count; i++)
		out[i] = s->history[(s->moments - count + i) % SURVEY_HISTORY];
	return count;
}

bool
survey_is_moving(const struct survey_partition *p, int64_t now, int64_t stall_ms, char **ret_why)
{
	char reason[METER_REASON] = "";
	long long seconds = (now - p->moved_ms) / 1000;

	/* What an operator holds does not move on purpose. */
	if (p->state == METER_GONE || p->state == METER_PAUSED || p->state == METER_CAUGHT_UP ||
		now - p->moved_ms <= stall_ms)
		return true;
	if (p->meter)
		meter_reason(p->meter, reason);
	/* The worker says why from PIPELINE_SILENCE_MS on; before, the partition flows in name. */
	if (p->state == METER_FLOWING)
		*ret_why = mem_printf("%s partition %d has not moved for %lld s: %s",
			p->topic->name, (int)p->partition, seconds,
			p->in_flight ? "the target acknowledges nothing" : "nothing is read");
	else
		*ret_why = mem_printf("%s partition %d has not moved for %lld s: it is %s%s%s",
			p->topic->name, (int)p->partition, seconds, meter_state_name(p->state),
			*reason ? ", " : "", reason);
	return false;
}
