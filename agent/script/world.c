/* The world: what the scripts of all threads and generations share. */
#include "script/world.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "script/script.h"

/* Bounds of what a script can make: names and label sets must come from bounded sets. */
#define METRICS_MOST 2000

struct cell {
	struct cell *next;
	int stream;
	double value; /* written by its stream alone */
};

struct metric {
	struct metric *next;
	char *name, *help, *labels;
	int32_t kind;
	struct cell *cells;
};

struct script_world {
	pthread_mutex_t lock;
	struct metric *metrics, **metrics_end;
	size_t metric_count;
	struct script_shared *shared;
	struct lookup *lookups;
};

struct script_world *
script_world_new(void)
{
	struct script_world *w = mem_zero(1, sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	w->metrics_end = &w->metrics;
	return w;
}

static void
free_metric(struct metric *m)
{
	struct cell *c;

	while ((c = m->cells)) {
		m->cells = c->next;
		free(c);
	}
	free(m->name);
	free(m->help);
	free(m->labels);
	free(m);
}

void
script_world_free(struct script_world **world)
{
	struct script_world *w = *world;
	struct metric *m;

	if (!w)
		return;
	while ((m = w->metrics)) {
		w->metrics = m->next;
		free_metric(m);
	}
	shared_free(&w->shared);
	lookup_free(&w->lookups);
	pthread_mutex_destroy(&w->lock);
	free(w);
	*world = NULL;
}

/* Prometheus's rule for metrics and, without the colon, for labels. */
static bool
is_metric_name(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

/* The metric, made when it is not there. With the world's lock. */
static struct metric *
find_metric(struct script_world *w, int32_t kind, const char *name, const char *help, const char *labels,
	char *error, size_t error_size)
{
	struct metric *m;

	for (m = w->metrics; m; m = m->next) {
		if (strcmp(m->name, name) != 0)
			continue;
		if (m->kind != kind) {
			snprintf(error, error_size, "'%s' is a %s already", name,
				m->kind ? "gauge" : "counter");
			return NULL;
		}
		if (!strcmp(m->labels, labels))
			return m;
	}
	if (w->metric_count == METRICS_MOST) {
		snprintf(error, error_size,
			"there are %d metrics already, and '%s' is one more: labels must come from a bounded set",
			METRICS_MOST, name);
		return NULL;
	}
	w->metric_count++;
	m = mem_zero(1, sizeof(*m));
	m->name = mem_strdup(name);
	m->help = mem_strdup(help);
	m->labels = mem_strdup(labels);
	m->kind = kind;
	*w->metrics_end = m;
	w->metrics_end = &m->next;
	return m;
}

double *
world_metric(struct script_world *w, int stream, int32_t kind, const char *name, const char *help,
	const char *labels, char *error, size_t error_size)
{
	struct metric *m;
	struct cell *c = NULL;

	if (!is_metric_name(name)) {
		snprintf(error, error_size, "'%s' is no metric's name: letters, digits and underscores", name);
		return NULL;
	}
	pthread_mutex_lock(&w->lock);
	m = find_metric(w, kind, name, help, labels, error, error_size);
	for (c = m ? m->cells : NULL; c && c->stream != stream; c = c->next)
		;
	if (m && !c) {
		c = mem_zero(1, sizeof(*c));
		c->stream = stream;
		c->next = m->cells;
		m->cells = c;
	}
	pthread_mutex_unlock(&w->lock);
	return c ? &c->value : NULL;
}

void
world_each_metric(struct script_world *w,
	void (*fn)(const char *name, const char *help, bool is_gauge, const char *labels, double value, void *arg),
	void *arg)
{
	pthread_mutex_lock(&w->lock);
	for (struct metric *m = w->metrics; m; m = m->next) {
		double sum = 0, value;

		for (struct cell *c = m->cells; c; c = c->next) {
			__atomic_load(&c->value, &value, __ATOMIC_RELAXED);
			sum += value;
		}
		fn(m->name, m->help, m->kind != 0, m->labels, sum, arg);
	}
	pthread_mutex_unlock(&w->lock);
}

struct script_shared *
world_shared(struct script_world *w, const char *name)
{
	struct script_shared *s;

	pthread_mutex_lock(&w->lock);
	for (s = w->shared; s && strcmp(shared_name(s), name) != 0; s = shared_next(s))
		;
	if (!s)
		s = w->shared = shared_new(name, w->shared);
	pthread_mutex_unlock(&w->lock);
	return s;
}

struct lookup *
world_lookup(struct script_world *w, const char *file, char separator, char *error, size_t error_size)
{
	struct lookup *l;

	pthread_mutex_lock(&w->lock);
	for (l = w->lookups; l && !lookup_is(l, file, separator); l = lookup_next(l))
		;
	if (!l && (l = lookup_new(file, separator, w->lookups, error, error_size)))
		w->lookups = l;
	pthread_mutex_unlock(&w->lock);
	return l;
}

void
world_refresh(struct script_world *w)
{
	struct lookup *l;

	/* Files are only ever added, at the front, so what was seen once may be walked without the lock. */
	pthread_mutex_lock(&w->lock);
	l = w->lookups;
	pthread_mutex_unlock(&w->lock);
	for (; l; l = lookup_next(l))
		lookup_refresh(l);
}
