/* ZooKeeper, read only: the brokers of a cluster and the positions of the old consumer. */
#include "kafka/zookeeper.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parse.h"
#include "kafka/zookeeper_session.h"

/* Turns the answer about one node into what a job returns: 0 when it was read. */
static int
check_readable(const struct zookeeper_node *node, struct err *err)
{
	if (node->state == ZOOKEEPER_NODE_DENIED)
		return err_set(err,
			"its ACL does not let %s be read; allow world:anyone to read it",
			node->path);
	return 0;
}

/* Lists one node. 0, or what the job shall return. The node is to be freed in any case. */
static int
list_one(
	struct zookeeper_session *session, char *path, struct zookeeper_node **ret, struct err *err)
{
	*ret = mem_zero(1, sizeof(**ret));
	(*ret)->path = path;
	if (zookeeper_session_list(session, *ret, 1, err))
		return 1;
	return check_readable(*ret, err);
}

/* Is the chroot there? Asked only when something below it is missing. */
static int
check_chroot(struct zookeeper_session *session, const char *chroot, struct err *err)
{
	struct zookeeper_node *node = NULL;
	int rc;

	if (!*chroot)
		return 0;
	rc = list_one(session, mem_strdup(chroot), &node, err);
	if (!rc && node->state == ZOOKEEPER_NODE_MISSING)
		rc = err_set(err, "there is no %s, which zookeeper.connect names after its hosts",
			chroot);
	zookeeper_nodes_free(&node, 1);
	return rc;
}

/* A node for each child, with its path. */
static struct zookeeper_node *
nodes_of_children(const struct zookeeper_node *parent)
{
	struct zookeeper_node *nodes = mem_zero(parent->child_count, sizeof(*nodes));

	for (size_t i = 0; i < parent->child_count; i++)
		nodes[i].path = mem_printf("%s/%s", parent->path, parent->children[i]);
	return nodes;
}

static const char *
last_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct zookeeper_node *left = a, *right = b;
	int64_t l = INT64_MAX, r = INT64_MAX;

	parse_int(last_name(left->path), 0, INT32_MAX, &l, NULL);
	parse_int(last_name(right->path), 0, INT32_MAX, &r, NULL);
	return (l > r) - (l < r);
}

struct broker_search {
	const char *protocol;
	struct text found;
	char offered[128];
	size_t registered;
};

static void
add_broker(struct broker_search *search, const struct zookeeper_node *node)
{
	char *address = NULL;
	struct err err;

	if (node->state != ZOOKEEPER_NODE_READ)
		return; /* it went away just now */
	search->registered++;
	if (zookeeper_parse_broker(node->value, node->length, search->protocol, &address,
		    search->offered, sizeof(search->offered), &err)) {
		LOG(EVENT_zookeeper_unreadable, F_STR("node", node->path),
			F_STR("reason", err.text));
		return;
	}
	if (address)
		text_printf(&search->found, "%s%s", search->found.length ? "," : "", address);
	free(address);
}

/* What the search says when it has read all registrations. */
static int
conclude(const struct broker_search *search, const char *chroot, struct err *err)
{
	if (search->found.length)
		return 0;
	if (!search->registered)
		return err_set(err,
			"no broker is registered under %s/brokers/ids; is the Kafka cluster up, "
			"and is this its ZooKeeper path?",
			chroot);
	return err_set(err,
		"none of the %zu brokers under %s/brokers/ids has a listener for "
		"security.protocol %s; they have: %s",
		search->registered, chroot, search->protocol,
		*search->offered ? search->offered : "none that can be read");
}

static int
read_brokers(struct zookeeper_session *session, const struct zookeeper_node *ids,
	struct broker_search *search, struct err *err)
{
	struct zookeeper_node *nodes = nodes_of_children(ids);
	int rc = zookeeper_session_read(session, nodes, ids->child_count, err) ? 1 : 0;

	for (size_t i = 0; !rc && i < ids->child_count; i++)
		rc = check_readable(&nodes[i], err);
	qsort(nodes, ids->child_count, sizeof(*nodes), compare_ids);
	for (size_t i = 0; !rc && i < ids->child_count; i++)
		add_broker(search, &nodes[i]);
	zookeeper_nodes_free(&nodes, ids->child_count);
	return rc;
}

static int
find_brokers_job(struct zookeeper_session *session, const char *chroot, void *arg, struct err *err)
{
	struct broker_search *search = arg;
	struct zookeeper_node *ids = NULL;
	int rc = list_one(session, mem_printf("%s/brokers/ids", chroot), &ids, err);

	if (!rc && ids->state == ZOOKEEPER_NODE_MISSING)
		rc = check_chroot(session, chroot, err);
	if (!rc)
		rc = read_brokers(session, ids, search, err);
	if (!rc)
		rc = conclude(search, chroot, err);
	zookeeper_nodes_free(&ids, 1);
	return rc;
}

int
zookeeper_find_brokers(const char *connect, const char *security_protocol, int timeout_ms,
	char **ret_brokers, struct err *err)
{
	struct broker_search search = {.protocol = security_protocol};
	int rc = zookeeper_session_run(connect, timeout_ms, find_brokers_job, &search, err);

	if (!rc)
		*ret_brokers = text_take(&search.found);
	text_fini(&search.found);
	return rc;
}

struct position_search {
	const char *group;
	struct zookeeper_position *found;
	size_t count, capacity;
};

/* One TOPIC/PARTITION node, whose value is the offset in decimal. */
static void
add_position(struct position_search *search, const char *topic, const struct zookeeper_node *node)
{
	int64_t partition, offset;
	struct err err;

	if (node->state != ZOOKEEPER_NODE_READ)
		return;
	if (strlen(node->value) != node->length ||
		parse_int(last_name(node->path), 0, INT32_MAX, &partition, &err) ||
		parse_int(node->value, 0, INT64_MAX, &offset, &err)) {
		LOG(EVENT_zookeeper_unreadable, F_STR("node", node->path),
			F_STR("reason", "not the offset of a partition"));
		return;
	}
	search->found =
		mem_grow(search->found, &search->capacity, search->count, sizeof(*search->found));
	search->found[search->count++] = (struct zookeeper_position){
		.topic = mem_strdup(topic), .partition = (int32_t)partition, .offset = offset};
}

static int
read_topic(struct zookeeper_session *session, const struct zookeeper_node *topic,
	struct position_search *search, struct err *err)
{
	struct zookeeper_node *nodes = nodes_of_children(topic);
	int rc = zookeeper_session_read(session, nodes, topic->child_count, err) ? 1 : 0;

	for (size_t i = 0; !rc && i < topic->child_count; i++) {
		rc = check_readable(&nodes[i], err);
		if (!rc)
			add_position(search, last_name(topic->path), &nodes[i]);
	}
	zookeeper_nodes_free(&nodes, topic->child_count);
	return rc;
}

static int
read_topics(struct zookeeper_session *session, const struct zookeeper_node *offsets,
	struct position_search *search, struct err *err)
{
	struct zookeeper_node *topics = nodes_of_children(offsets);
	int rc = zookeeper_session_list(session, topics, offsets->child_count, err) ? 1 : 0;

	for (size_t i = 0; !rc && i < offsets->child_count; i++) {
		rc = check_readable(&topics[i], err);
		if (!rc)
			rc = read_topic(session, &topics[i], search, err);
	}
	zookeeper_nodes_free(&topics, offsets->child_count);
	return rc;
}

static void
forget_positions(struct position_search *search)
{
	zookeeper_positions_free(&search->found, search->count);
	search->count = search->capacity = 0;
}

static int
read_positions_job(
	struct zookeeper_session *session, const char *chroot, void *arg, struct err *err)
{
	struct position_search *search = arg;
	struct zookeeper_node *offsets = NULL;
	char *path = mem_printf("%s/consumers/%s/offsets", chroot, search->group);
	int rc = list_one(session, path, &offsets, err);

	if (!rc && offsets->state == ZOOKEEPER_NODE_MISSING)
		rc = check_chroot(session, chroot, err);
	if (!rc)
		rc = read_topics(session, offsets, search, err);
	if (rc)
		forget_positions(search);
	zookeeper_nodes_free(&offsets, 1);
	return rc;
}

/* Can this be one step of a path? The old consumer could not have used any other group. */
static bool
is_path_step(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

int
zookeeper_read_positions(const char *connect, const char *group, int timeout_ms,
	struct zookeeper_position **ret, size_t *ret_count, struct err *err)
{
	struct position_search search = {.group = group};

	if (is_path_step(group) &&
		zookeeper_session_run(connect, timeout_ms, read_positions_job, &search, err))
		return -1;
	*ret = search.found;
	*ret_count = search.count;
	return 0;
}

void
zookeeper_positions_free(struct zookeeper_position **positions, size_t count)
{
	for (size_t i = 0; *positions && i < count; i++)
		free((*positions)[i].topic);
	free(*positions);
	*positions = NULL;
}
