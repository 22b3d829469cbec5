/* Probe: looks at a cluster from here step by step, as the mirror's clients would meet it, and
   leaves nothing behind there. */
#include "kafka/probe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "kafka/probe_state.h"

/* So many brokers are looked at side by side. */
#define SIDE_BY_SIDE 32
/* No cluster has more; a list that is longer is no cluster's. */
#define MEMBERS_MOST 1000

static void *
look(void *broker)
{
	probe_broker_look(broker);
	return NULL;
}

/* Looks at the brokers from number `from` on. */
static void
look_at_all(struct probe *probe, size_t from)
{
	while (from < probe->broker_count) {
		pthread_t threads[SIDE_BY_SIDE];
		size_t count = 0;

		while (count < SIDE_BY_SIDE && from + count < probe->broker_count &&
			pthread_create(&threads[count], NULL, look, probe->brokers[from + count]) ==
				0)
			count++;
		if (count == 0)
			probe_broker_look(probe->brokers[from++]);
		for (size_t i = 0; i < count; i++)
			pthread_join(threads[i], NULL);
		from += count;
	}
}

static struct probe_broker *
add_broker(struct probe *probe, const char *host, const char *port, const char *named_by)
{
	probe->brokers =
		mem_resize(probe->brokers, probe->broker_count + 1, sizeof(*probe->brokers));
	return probe->brokers[probe->broker_count++] =
		       probe_broker_new(probe, host, port, named_by);
}

/* The one that is called so; NULL: none. */
static struct probe_broker *
find_broker(const struct probe *probe, const char *host, const char *port)
{
	for (size_t i = 0; i < probe->broker_count; i++)
		if (!strcmp(probe->brokers[i]->host, host) &&
			!strcmp(probe->brokers[i]->port, port))
			return probe->brokers[i];
	return NULL;
}

/* Where the list of addresses was written. */
static const char *
origin_of(const struct probe_request *request)
{
	const struct client_settings *settings =
		request->is_source ? &request->config->consumer : &request->config->producer;

	for (size_t i = settings->count; i-- > 0;)
		if (!strcmp(settings->items[i].name, "bootstrap.servers"))
			return settings->items[i].origin;
	return "zookeeper.connect";
}

/* The addresses of the configuration. */
static void
add_bootstrap(struct probe *probe)
{
	const char *s = probe->request.brokers, *named_by = origin_of(&probe->request);

	while (*s) {
		char *address = mem_strndup(s, strcspn(s, ","));
		const char *host, *port;

		s += strlen(address);
		s += *s == ',';
		parse_address(address, "9092", &host, &port);
		if (!find_broker(probe, host, port))
			add_broker(probe, host, port, named_by);
		free(address);
	}
}

/* Lists the cluster by the first broker that lets us. */
static int
list(struct probe *probe, struct findings *findings)
{
	bool is_ready = false;

	for (size_t i = 0; i < probe->broker_count; i++) {
		struct probe_broker *b = probe->brokers[i];
		const char *mechanism = client_settings_get(b->settings, "sasl.mechanism");

		if (!b->is_ready)
			continue;
		is_ready = true;
		if (probe_has_sasl(b->settings) &&
			!probe_speaks_mechanism(mechanism ? mechanism : "GSSAPI"))
			return probe_ask_library(&probe->request, &probe->view, findings);
		if (probe_list(b, &probe->view) == 0)
			return 0;
	}
	if (!is_ready)
		findings_add(findings, "", "cluster", FINDING_SKIPPED,
			"none of its brokers could be reached so far");
	return -1;
}

/* Brokers that the cluster sends its clients to, but those that were looked at already. */
static void
add_members(struct probe *probe, struct findings *findings)
{
	const struct probe_view *view = &probe->view;
	bool is_elsewhere = true;

	for (size_t i = 0; i < probe->broker_count; i++)
		is_elsewhere = is_elsewhere && !probe_is_own_host(probe->brokers[i]->host);
	if (view->member_count > MEMBERS_MOST)
		findings_add(findings, "", "brokers", FINDING_WARNING,
			"of the %zu that are advertised only the first %d are looked at: check "
			"that this is the right cluster",
			view->member_count, MEMBERS_MOST);
	for (size_t i = 0; i < view->member_count && i < MEMBERS_MOST; i++) {
		const struct probe_member *m = &view->members[i];
		char port[16];

		snprintf(port, sizeof(port), "%d", (int)m->port);
		if (!find_broker(probe, m->host, port))
			add_broker(probe, m->host, port, NULL)->is_elsewhere = is_elsewhere;
	}
}

/* Does the cluster send its clients there? */
static bool
is_member(const struct probe_view *view, const struct probe_broker *b)
{
	for (size_t i = 0; i < view->member_count; i++)
		if (!strcmp(view->members[i].host, b->host) &&
			view->members[i].port == atoi(b->port))
			return true;
	return false;
}

/* Clients begin by whichever of the addresses answers: a dead one does no harm while the cluster
   does not send them there. */
static void
forgive_dead(struct probe *probe)
{
	for (size_t i = 0; i < probe->broker_count; i++) {
		struct probe_broker *b = probe->brokers[i];

		if (b->is_dead && !is_member(&probe->view, b))
			findings_soften(&b->findings,
				"the mirror begins by the other servers that are named with it, "
				"and would not if they were away too");
	}
}

/* Says what the cluster is, and which addresses it has of its own. */
static void
tell_cluster(const struct probe *probe, struct findings *findings)
{
	const struct probe_view *view = &probe->view;
	struct text members = {0};

	for (size_t i = 0; i < view->member_count && i < 10; i++)
		text_printf(&members, "%s%d at %s:%d", i ? ", " : "", (int)view->members[i].id,
			view->members[i].host, (int)view->members[i].port);
	findings_add(findings, "", "cluster", FINDING_OK,
		"%s%s%zu topics, %zu broker%s, advertised as: %s%s", view->id ? view->id : "",
		view->id && *view->id ? ", " : "", view->topic_count, view->member_count,
		view->member_count == 1 ? "" : "s", members.s ? members.s : "",
		view->member_count > 10 ? ", and more" : "");
	text_fini(&members);
}

struct probe *
probe_open(const struct probe_request *request, struct findings *findings)
{
	const struct client_settings *settings =
		request->is_source ? &request->config->consumer : &request->config->producer;
	struct probe *probe = mem_zero(1, sizeof(*probe));
	struct findings cluster = {0};
	size_t named;
	struct err err;
	int rc;

	probe->request = *request;
	if (probe_has_tls(settings) && !(probe->tls = probe_tls_new(settings, &err))) {
		findings_add(findings, "", "tls", FINDING_FAILED,
			"%s; check the stores in the configuration", err.text);
		probe_close(&probe);
		return NULL;
	}
	add_bootstrap(probe);
	named = probe->broker_count;
	look_at_all(probe, 0);
	rc = list(probe, &cluster);
	if (rc == 0)
		forgive_dead(probe);
	for (size_t i = 0; i < named; i++)
		findings_append(findings, &probe->brokers[i]->findings);
	findings_append(findings, &cluster);
	if (rc < 0) {
		probe_close(&probe);
		return NULL;
	}
	tell_cluster(probe, findings);
	add_members(probe, findings);
	look_at_all(probe, named);
	for (size_t i = named; i < probe->broker_count; i++)
		findings_append(findings, &probe->brokers[i]->findings);
	probe->request.brokers = NULL; /* the caller's */
	return probe;
}

const struct probe_topic *
probe_topics(const struct probe *probe, size_t *ret_count)
{
	*ret_count = probe->view.topic_count;
	return probe->view.topics;
}

int
probe_brokers(const struct probe *probe)
{
	return (int)probe->view.member_count;
}

const char *
probe_cluster_id(const struct probe *probe)
{
	return probe->view.id ? probe->view.id : "";
}

void
probe_close(struct probe **probe)
{
	struct probe *p = *probe;

	if (!p)
		return;
	for (size_t i = 0; i < p->broker_count; i++)
		probe_broker_free(&p->brokers[i]);
	free(p->brokers);
	probe_view_fini(&p->view);
	probe_tls_free(&p->tls);
	free(p);
	*probe = NULL;
}
