/* Metrics of scripts: counters and gauges with one cell for each state that counts, summed when
 * they are read. */
#include "script/metric.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* What one processor core writes without disturbing another. */
#define CACHE_LINE 64

/* A cell, alone on its cache line. */
struct slot {
	struct script_cell cell;
	const struct script_seat *seat;
	struct slot *next;
};

/* One set of label values. */
struct series {
	char *values[METRIC_LABELS_MAX];
	double gone; /* counted by states that are gone */
	struct slot *slots;
	struct series *next;
};

/* All that have one name. */
struct family {
	char *name, *help;
	bool is_counter;
	char *label_names[METRIC_LABELS_MAX];
	size_t labels;
	struct series *series;
	struct family *next;
};

struct metrics {
	pthread_mutex_t lock; /* of everything but the numbers in cells */
	struct family *families;
	size_t names, series;
};

struct metrics *
metrics_new(void)
{
	struct metrics *metrics = mem_zero(1, sizeof(*metrics));

	pthread_mutex_init(&metrics->lock, NULL);
	return metrics;
}

static void
free_series(struct metrics *metrics, struct family *family, struct series **at)
{
	struct series *series = *at;

	*at = series->next;
	for (size_t i = 0; i < family->labels; i++)
		free(series->values[i]);
	free(series);
	metrics->series--;
}

static void
free_family(struct metrics *metrics, struct family **at)
{
	struct family *family = *at;

	*at = family->next;
	for (size_t i = 0; i < family->labels; i++)
		free(family->label_names[i]);
	free(family->name);
	free(family->help);
	free(family);
	metrics->names--;
}

static void
free_slots(struct series *series)
{
	for (struct slot *slot; (slot = series->slots);) {
		series->slots = slot->next;
		free(slot);
	}
}

void
metrics_free(struct metrics **owner)
{
	struct metrics *metrics = *owner;

	if (!metrics)
		return;
	while (metrics->families) {
		while (metrics->families->series) {
			free_slots(metrics->families->series);
			free_series(metrics, metrics->families, &metrics->families->series);
		}
		free_family(metrics, &metrics->families);
	}
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
	*owner = NULL;
}

static bool
is_word(const char *s)
{
	if (!*s || (*s >= '0' && *s <= '9'))
		return false;
	for (; *s; s++)
		if (!(*s == '_' || (*s >= '0' && *s <= '9') ||
			    ((*s | 32) >= 'a' && (*s | 32) <= 'z')))
			return false;
	return true;
}

static bool
ends_in(const char *s, const char *end)
{
	size_t length = strlen(s), size = strlen(end);

	return length > size && !strcmp(s + length - size, end);
}

static int
check_name(const struct script_metric *wanted, struct err *err)
{
	const char *name = wanted->name;

	if (!is_word(name) || strlen(name) > METRIC_LABEL_SIZE_MAX)
		return err_set(err,
			"\"%.100s\" is no name for a metric; take letters, digits and _, at most "
			"%d, "
			"no digit first",
			name, METRIC_LABEL_SIZE_MAX);
	if (!strncmp(name, "reflejo_", 8) || !strncmp(name, "process_", 8))
		return err_set(err,
			"names that begin with reflejo_ or process_ are the agent's own: %s", name);
	if (wanted->is_counter && !ends_in(name, "_total"))
		return err_set(err, "a counter's name ends in _total: %s_total", name);
	if (!wanted->is_counter && ends_in(name, "_total"))
		return err_set(err, "only a counter's name ends in _total: %s", name);
	return 0;
}

static int
check_labels(const struct script_metric *wanted, struct err *err)
{
	if (wanted->labels > METRIC_LABELS_MAX)
		return err_set(err, "%s has more than %d labels", wanted->name, METRIC_LABELS_MAX);
	for (size_t i = 0; i < wanted->labels; i++) {
		const char *name = wanted->label_names[i];
		if (!is_word(name) || !strncmp(name, "__", 2) ||
			strlen(name) > METRIC_LABEL_SIZE_MAX)
			return err_set(err,
				"\"%.100s\" is no name for a label of %s; take letters, digits and "
				"_, "
				"no digit and no __ first",
				name, wanted->name);
		if (strlen(wanted->label_values[i]) > METRIC_LABEL_SIZE_MAX)
			return err_set(err, "the label %s of %s has more than %d bytes", name,
				wanted->name, METRIC_LABEL_SIZE_MAX);
		/* One bad value would spoil a whole scrape. */
		if (!utf8_is_valid(wanted->label_values[i]))
			return err_set(err, "the label %s of %s is not UTF-8", name, wanted->name);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(name, wanted->label_names[k]))
				return err_set(
					err, "%s has the label %s twice", wanted->name, name);
	}
	return 0;
}

/* Are these the labels that the family has? */
static bool
has_labels(const struct family *family, const struct script_metric *wanted)
{
	if (family->labels != wanted->labels)
		return false;
	for (size_t i = 0; i < family->labels; i++)
		if (strcmp(family->label_names[i], wanted->label_names[i]) != 0)
			return false;
	return true;
}

static struct family *
add_family(struct metrics *metrics, struct family **end, const struct script_metric *wanted,
	struct err *err)
{
	struct family *family;

	if (metrics->names == METRIC_NAMES_MAX) {
		err_set(err,
			"there are %d metrics, no more are made; a name must not come from records",
			METRIC_NAMES_MAX);
		return NULL;
	}
	family = mem_zero(1, sizeof(*family));
	family->name = mem_strdup(wanted->name);
	family->help = mem_strdup(wanted->help);
	family->is_counter = wanted->is_counter;
	for (; family->labels < wanted->labels; family->labels++)
		family->label_names[family->labels] =
			mem_strdup(wanted->label_names[family->labels]);
	metrics->names++;
	*end = family;
	return family;
}

static struct family *
get_family(struct metrics *metrics, const struct script_metric *wanted, struct err *err)
{
	struct family **at = &metrics->families;

	while (*at && strcmp((*at)->name, wanted->name) != 0)
		at = &(*at)->next;
	if (!*at)
		return add_family(metrics, at, wanted, err);
	if ((*at)->is_counter != wanted->is_counter) {
		err_set(err, "%s is a %s already", wanted->name,
			(*at)->is_counter ? "counter" : "gauge");
		return NULL;
	}
	if (!has_labels(*at, wanted)) {
		err_set(err,
			"%s has other labels already; all of one name have the same, in one order",
			wanted->name);
		return NULL;
	}
	if (strcmp((*at)->help, wanted->help) != 0) {
		free((*at)->help);
		(*at)->help = mem_strdup(wanted->help);
	}
	return *at;
}

static bool
has_values(const struct family *family, const struct series *series, const char *const *values)
{
	for (size_t i = 0; i < family->labels; i++)
		if (strcmp(series->values[i], values[i]) != 0)
			return false;
	return true;
}

static struct series *
get_series(
	struct metrics *metrics, struct family *family, const char *const *values, struct err *err)
{
	struct series **at = &family->series;

	while (*at && !has_values(family, *at, values))
		at = &(*at)->next;
	if (*at)
		return *at;
	if (metrics->series == METRIC_SERIES_MAX) {
		err_set(err,
			"there are %d sets of labels, no more are made; a label's value must not "
			"be a key, "
			"an offset or anything else without bound",
			METRIC_SERIES_MAX);
		return NULL;
	}
	*at = mem_zero(1, sizeof(**at));
	for (size_t i = 0; i < family->labels; i++)
		(*at)->values[i] = mem_strdup(values[i]);
	metrics->series++;
	return *at;
}

static struct script_cell *
get_cell(struct series *series, const struct script_seat *seat)
{
	struct slot *slot = series->slots;

	while (slot && slot->seat != seat)
		slot = slot->next;
	if (!slot) {
		slot = aligned_alloc(CACHE_LINE, CACHE_LINE);
		if (!slot)
			abort();
		*slot = (struct slot){.seat = seat, .next = series->slots};
		series->slots = slot;
	}
	return &slot->cell;
}

struct script_cell *
metrics_cell(struct metrics *metrics, const struct script_seat *seat,
	const struct script_metric *wanted, struct err *err)
{
	struct script_cell *cell = NULL;
	struct family *family;
	struct series *series;

	if (check_name(wanted, err) || check_labels(wanted, err))
		return NULL;
	pthread_mutex_lock(&metrics->lock);
	family = get_family(metrics, wanted, err);
	series = family ? get_series(metrics, family, wanted->label_values, err) : NULL;
	if (series)
		cell = get_cell(series, seat);
	pthread_mutex_unlock(&metrics->lock);
	return cell;
}

/* Lua writes while this reads; an aligned double is never seen half. */
static double
read_cell(const struct slot *slot)
{
	double value;

	__atomic_load(&slot->cell._value, &value, __ATOMIC_RELAXED);
	return value;
}

static void
leave_series(struct family *family, struct series *series, const struct script_seat *seat)
{
	for (struct slot **at = &series->slots; *at;) {
		struct slot *slot = *at;
		if (slot->seat != seat) {
			at = &slot->next;
			continue;
		}
		if (family->is_counter)
			series->gone += read_cell(slot);
		*at = slot->next;
		free(slot);
	}
}

void
metrics_leave(struct metrics *metrics, const struct script_seat *seat)
{
	pthread_mutex_lock(&metrics->lock);
	for (struct family **f = &metrics->families; *f;) {
		for (struct series **s = &(*f)->series; *s;) {
			leave_series(*f, *s, seat);
			/* What nobody counts and never was counted makes room. */
			if (!(*s)->slots && (*s)->gone == 0)
				free_series(metrics, *f, s);
			else
				s = &(*s)->next;
		}
		if (!(*f)->series)
			free_family(metrics, f);
		else
			f = &(*f)->next;
	}
	pthread_mutex_unlock(&metrics->lock);
}

static double
sum(const struct family *family, const struct series *series,
	bool (*newest)(const struct script_seat *seat))
{
	double total = series->gone;

	for (const struct slot *slot = series->slots; slot; slot = slot->next)
		if (family->is_counter || newest(slot->seat))
			total += read_cell(slot);
	return total;
}

void
metrics_each(struct metrics *metrics, void (*fn)(void *arg, const struct script_metric *metric),
	bool (*newest)(const struct script_seat *seat), void *arg)
{
	pthread_mutex_lock(&metrics->lock);
	for (struct family *f = metrics->families; f; f = f->next) {
		for (struct series *s = f->series; s; s = s->next) {
			const struct script_metric metric = {f->name, f->help, f->is_counter,
				(const char *const *)f->label_names, (const char *const *)s->values,
				f->labels, sum(f, s, newest)};
			fn(arg, &metric);
		}
	}
	pthread_mutex_unlock(&metrics->lock);
}
