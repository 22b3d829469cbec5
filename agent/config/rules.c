/* Rules of single properties that both clients or the consumer have. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"
#include "config/translation.h"

static void
set_text(char **field, const char *value)
{
	char *copy = mem_strdup(value);

	free(*field);
	*field = copy;
}

/* Where host:port begins in PROTOCOL://host:port; NULL when that is no protocol of Kafka's. */
static const char *
skip_protocol(const char *address)
{
	static const char *const protocols[] = {
		"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", NULL};
	const char *end = strstr(address, "://");

	if (!end)
		return address;
	for (size_t i = 0; protocols[i]; i++)
		if (strlen(protocols[i]) == (size_t)(end - address) &&
			!strncasecmp(address, protocols[i], (size_t)(end - address)))
			return end + 3;
	return NULL;
}

/* One address of bootstrap.servers, [PROTOCOL://]host:port; *ret is where host:port begins in it:
   security.protocol says the protocol, as for Java's clients. */
static int
check_address(const char *address, const char **ret, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._%:[]";
	const char *host = skip_protocol(address), *colon = host ? strrchr(host, ':') : NULL;
	int64_t port;

	if (!colon || colon == host || (host[0] == '[' && colon[-1] != ']') ||
		host + strspn(host, letters) < colon)
		return err_set(err, "'%s' is not host:port", address);
	if (parse_int(colon + 1, 1, 65535, &port, err))
		return err_set(err, "'%s' has no port from 1 to 65535 behind the colon", address);
	*ret = host;
	return 0;
}

/* The addresses of a list with single commas and no blanks between them; NULL after an error.
 * @gives a string */
static char *
tidy_addresses(const char *list, struct err *err)
{
	struct text text = {0};

	while (*list) {
		size_t n = strcspn(list, ", \t");
		char *address = mem_strndup(list, n);
		const char *host = "";
		int result = n ? check_address(address, &host, err) : 0;

		if (n)
			text_printf(&text, "%s%s", text.length ? "," : "", host);
		free(address);
		if (result) {
			text_fini(&text);
			return NULL;
		}
		list += n;
		list += strspn(list, ", \t");
	}
	if (text.length)
		return text_take(&text);
	err_set(err, "is empty; write the brokers' addresses, host:port and commas between them");
	text_fini(&text);
	return NULL;
}

RULE(bootstrap)
{
	struct err err;
	char *addresses = tidy_addresses(value, &err);
	char **field = t->side == SIDE_CONSUMER ? &t->config->source.bootstrap_servers
						: &t->config->target.bootstrap_servers;

	(void)row;
	if (!addresses) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	set_text(field, addresses);
	translation_give(t, "bootstrap.servers", addresses, NULL);
	free(addresses);
}

RULE(zookeeper_connect)
{
	const char *brokers = translation_other(t, "bootstrap.servers");

	(void)row;
	if (!*value) {
		translation_refuse(t, "is empty; write ZooKeeper's addresses, host:port and commas "
				      "between them, or bootstrap.servers instead");
		return;
	}
	set_text(&t->config->source.zookeeper_connect, value);
	translation_note(t, VERDICT_HANDLED, "%s",
		brokers ? "read only for positions of the old consumer; the brokers are those of "
			  "bootstrap.servers"
			: "the brokers are looked up there, and positions of the old consumer");
}

RULE(group_id)
{
	(void)row;
	if (!*value) {
		translation_refuse(t, "is empty; write the group's name, group.id=mirrorgroup");
		return;
	}
	set_text(&t->config->source.group_id, value);
	translation_give(t, "group.id", value, NULL);
}

RULE(group_instance_id)
{
	if (!*value) {
		translation_refuse(t, "is empty; write a name, or leave the line out");
		return;
	}
	set_text(&t->config->source.group_instance_id, value);
	translation_note(t, VERDICT_HANDLED, "%s", row->help);
}

RULE(client_id)
{
	(void)value;
	translation_note(t, VERDICT_HANDLED, "%s", row->help);
}

RULE(security_protocol)
{
	static const char *const names[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
	const char *found = strcasecmp(value, "PLAINTEXTSASL") ? NULL : "sasl_plaintext";

	(void)row;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcasecmp(value, names[i]))
			found = names[i];
	}
	if (!found) {
		translation_refuse(
			t, "'%s' is none of: PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL", value);
		return;
	}
	if (t->side == SIDE_CONSUMER)
		set_text(&t->config->source.security_protocol, found);
	translation_give(t, "security.protocol", found, NULL);
}

RULE(metadata_age)
{
	int64_t *field = t->side == SIDE_CONSUMER ? &t->config->source.metadata_max_age_ms
						  : &t->config->target.metadata_max_age_ms;
	struct err err;
	int64_t age;

	if (parse_int(value, INT64_MIN, INT64_MAX, &age, &err)) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	*field = age < row->min ? row->min : age > row->max ? row->max : age;
	rule_integer(t, row, value);
}

RULE(offset_reset)
{
	static const struct {
		const char *name;
		enum offset_reset reset;
	} names[] = {
		{"latest", OFFSET_RESET_LATEST},
		{"largest", OFFSET_RESET_LATEST},
		{"end", OFFSET_RESET_LATEST},
		{"earliest", OFFSET_RESET_EARLIEST},
		{"smallest", OFFSET_RESET_EARLIEST},
		{"beginning", OFFSET_RESET_EARLIEST},
		{"none", OFFSET_RESET_NONE},
		{"error", OFFSET_RESET_NONE},
	};

	(void)row;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcasecmp(value, names[i].name))
			continue;
		t->config->source.offset_reset = names[i].reset;
		translation_note(t, VERDICT_HANDLED, "where a group without positions starts");
		return;
	}
	if (!strncasecmp(value, "by_duration:", 12))
		translation_refuse(t,
			"starting at a time is not available in this version; write earliest or "
			"latest, "
			"or set the group's positions with kafka-consumer-groups --reset-offsets");
	else
		translation_refuse(t, "'%s' is none of: earliest latest none", value);
}

RULE(internal_topics)
{
	struct err err;

	(void)row;
	if (parse_bool(value, &t->config->source.exclude_internal_topics, &err))
		translation_refuse(t, "%s", err.text);
	else
		translation_note(t, VERDICT_HANDLED, "%s",
			t->config->source.exclude_internal_topics
				? "internal topics are not mirrored"
				: "internal topics are mirrored when the expression matches them");
}

RULE(max_poll_records)
{
	struct err err;

	if (parse_int(value, row->min, row->max, &t->config->source.max_poll_records, &err))
		translation_refuse(t, "%s", err.text);
	else
		translation_note(t, VERDICT_HANDLED, "%s", row->help);
}

/* Java's assignors by the last part of their class names, and librdkafka's names for them. */
static const struct {
	const char *class, *name;
	bool is_eager;
} assignors[] = {
	{"RangeAssignor", "range", true},
	{"range", "range", true},
	{"RoundRobinAssignor", "roundrobin", true},
	{"roundrobin", "roundrobin", true},
	{"CooperativeStickyAssignor", "cooperative-sticky", false},
	{"cooperative-sticky", "cooperative-sticky", false},
	{"StickyAssignor", "cooperative-sticky", false},
};

/* Adds the assignor of one entry of the list to the texts of its kind; false when nobody knows it.
 */
static bool
add_assignor(const char *entry, struct text *eager, struct text *cooperative)
{
	const char *dot = strrchr(entry, '.'), *class = dot ? dot + 1 : entry;

	for (size_t i = 0; i < sizeof(assignors) / sizeof(*assignors); i++) {
		struct text *text = assignors[i].is_eager ? eager : cooperative;

		if (strcmp(class, assignors[i].class))
			continue;
		if (!text->s || !strstr(text->s, assignors[i].name))
			text_printf(text, "%s%s", text->length ? "," : "", assignors[i].name);
		return true;
	}
	return false;
}

/* Says which assignors the group gets: the eager ones where both kinds are named, since they do not
 * mix. */
static void
give_assignors(struct translation *t, const char *value, const struct text *eager,
	const struct text *cooperative)
{
	const char *dropped = eager->length && cooperative->length
				      ? "cooperative and eager ones do not mix; the eager ones stay"
				      : NULL;
	const char *chosen = eager->length ? eager->s : cooperative->s;
	char why[256];

	if (!chosen)
		translation_refuse(t, "names no assignor; write range or roundrobin");
	else if (!dropped && strstr(value, "StickyAssignor") &&
		 !strstr(value, "CooperativeStickyAssignor") &&
		 translation_add(t, "partition.assignment.strategy", chosen, why) == 1)
		translation_warn(t, "StickyAssignor becomes cooperative-sticky; Java members of "
				    "the group that still "
				    "use it cannot be in one group with this agent");
	else
		translation_give(t, "partition.assignment.strategy", chosen, dropped);
}

RULE(assignors)
{
	struct text eager = {0}, cooperative = {0};
	const char *s = value;
	bool is_known = true;

	(void)row;
	while (*s && is_known) {
		size_t n = strcspn(s, ", \t[]");
		char *entry = mem_strndup(s, n);

		is_known = n == 0 || add_assignor(entry, &eager, &cooperative);
		if (!is_known)
			translation_refuse(t,
				"'%s' is a Java class that cannot run here; known are "
				"RangeAssignor, "
				"RoundRobinAssignor and CooperativeStickyAssignor",
				entry);
		free(entry);
		s += n;
		s += strspn(s, ", \t[]");
	}
	if (is_known)
		give_assignors(t, value, &eager, &cooperative);
	text_fini(&eager);
	text_fini(&cooperative);
}

RULE(auto_commit)
{
	struct err err;
	bool is_on;

	if (parse_bool(value, &is_on, &err))
		translation_refuse(t, "%s", err.text);
	else if (is_on)
		translation_warn(t,
			"has no effect here: the agent commits only what the target has "
			"acknowledged");
	else
		translation_note(t, VERDICT_HANDLED, "%s", row->help);
}

RULE(byte_class)
{
	static const char *const words[] = {"ByteArray", "Bytes", "ByteBuffer", "String",
		"DefaultEncoder", "NullEncoder", "DefaultDecoder"};
	const char *dot = strrchr(value, '.'), *class = dot ? dot + 1 : value;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strncmp(class, words[i], strlen(words[i]))) {
			translation_note(t, VERDICT_IGNORED, "%s", row->help);
			return;
		}
	}
	if (t->side == SIDE_CONSUMER)
		translation_warn(t, "has no effect here: keys and values stay the bytes they are");
	else
		translation_refuse(t,
			"'%s' would change the bytes, and Java classes do not run here; remove the "
			"line",
			value);
}

RULE(group_protocol)
{
	(void)row;
	if (!strcasecmp(value, "classic"))
		translation_note(t, VERDICT_HANDLED, "the protocol that is used");
	else
		translation_refuse(t,
			"'%s' is not available in this version; remove the line for the "
			"classic protocol",
			value);
}

RULE(offsets_storage)
{
	if (!strcasecmp(value, "kafka") || !strcasecmp(value, "zookeeper"))
		translation_note(t, VERDICT_HANDLED, "%s", row->help);
	else
		translation_refuse(t, "'%s' is none of: kafka zookeeper", value);
}

RULE(dns_lookup)
{
	if (!strcasecmp(value, "default"))
		translation_note(t, VERDICT_IGNORED, "the default");
	else
		rule_newer(t, row, value);
}

RULE(old_threads)
{
	struct err err;

	if (properties_get(t->properties, "mirror", "num.streams"))
		translation_note(t, VERDICT_IGNORED, "num.streams is given");
	else if (parse_int(value, 1, 256, &t->config->mirror.num_streams, &err))
		translation_refuse(t, "%s", err.text);
	else {
		t->config->streams_given = true;
		translation_note(t, VERDICT_HANDLED, "%s", row->help);
	}
}

RULE(old_topics)
{
	static const char *const keys[] = {"whitelist", "include", "blacklist"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (properties_get(t->properties, "mirror", keys[i])) {
			translation_note(t, VERDICT_IGNORED, "%s is given", keys[i]);
			return;
		}
	}
	set_text(!strcmp(row->to, "whitelist") ? &t->config->mirror.whitelist
					       : &t->config->mirror.blacklist,
		value);
	translation_note(t, VERDICT_HANDLED, "%s", row->help);
}

RULE(producer_timeout)
{
	struct err err;
	int64_t timeout;
	char digits[24], why[256];

	if (parse_int(value, INT64_MIN, INT64_MAX, &timeout, &err)) {
		translation_refuse(t, "%s", err.text);
		return;
	}
	timeout = timeout < row->min ? row->min : timeout > row->max ? row->max : timeout;
	snprintf(digits, sizeof(digits), "%" PRId64, timeout);
	if (translation_give(t, "request.timeout.ms", digits, "also socket.timeout.ms"))
		translation_add(t, "socket.timeout.ms", digits, why);
}

/* Consumers have it since librdkafka 2.3.0, which brought retry.backoff.max.ms; before, the name is
   known and only complained about. */
RULE(consumer_backoff)
{
	char why[256];

	if (t->known && t->known("retry.backoff.max.ms", "1000", why, sizeof(why)) == 0)
		translation_note(t, VERDICT_IGNORED, "the installed librdkafka is too old for it");
	else
		rule_integer(t, row, value);
}

/* librdkafka's default of receive.message.max.bytes, and how much more than a fetch it must be. */
#define RECEIVE_MAX 100000000
#define RECEIVE_EXTRA 512
/* Its defaults of session.timeout.ms, heartbeat.interval.ms and reconnect.backoff.max.ms. */
#define SESSION_TIMEOUT 45000
#define HEARTBEAT 3000
#define RECONNECT_MAX 10000

/* The number that a setting has so far, or otherwise when it has none. */
static int64_t
number_of(const struct translation *t, const char *name, int64_t otherwise)
{
	const char *value = client_settings_get(t->settings, name);
	int64_t number;

	return value && parse_int(value, INT64_MIN, INT64_MAX, &number, NULL) == 0 ? number
										   : otherwise;
}

/* Raises a setting to what another one, which the user gave, needs it to be. */
static void
raise_to(struct translation *t, const char *name, int64_t number, const char *because)
{
	char digits[24], why[256];

	for (size_t i = 0; i < t->properties->count; i++) {
		const struct property *item = &t->properties->items[i];

		if (!strcmp(item->section, t->section) && !item->is_passed &&
			strstr(item->key, because))
			t->current = item;
	}
	snprintf(digits, sizeof(digits), "%" PRId64, number);
	translation_add(t, name, digits, why);
}

/* Makes the property current that a setting has its value from; false: it has none. */
static bool
return_to(struct translation *t, const char *setting)
{
	const char *origin = NULL;

	for (size_t i = 0; i < t->settings->count; i++)
		if (!strcmp(t->settings->items[i].name, setting))
			origin = t->settings->items[i].origin;
	for (size_t i = 0; origin && i < t->properties->count; i++) {
		if (strcmp(t->properties->items[i].origin, origin))
			continue;
		t->current = &t->properties->items[i];
		return true;
	}
	return false;
}

/* A group gives up a member that is well when it need not say so in time. Java's clients do not
   start with that (Heartbeat); the library does. */
static void
check_heartbeat(struct translation *t, int64_t session)
{
	int64_t heartbeat = number_of(t, "heartbeat.interval.ms", HEARTBEAT);

	if (heartbeat < session)
		return;
	if (return_to(t, "session.timeout.ms")) {
		translation_refuse(t,
			"%" PRId64 " is not more than heartbeat.interval.ms (%" PRId64
			"): raise it, or lower that one",
			session, heartbeat);
	} else {
		return_to(t, "heartbeat.interval.ms");
		translation_refuse(t,
			"%" PRId64 " is not less than session.timeout.ms (%" PRId64
			"): lower it, or raise that one",
			heartbeat, session);
	}
}

void
rules_finish_consumer(struct translation *t)
{
	int64_t fetch = number_of(t, "fetch.max.bytes", 0);
	int64_t partition = number_of(t, "max.partition.fetch.bytes", 0);
	int64_t session = number_of(t, "session.timeout.ms", SESSION_TIMEOUT);
	int64_t needed = (fetch > partition ? fetch : partition) + RECEIVE_EXTRA;

	if (needed > number_of(t, "receive.message.max.bytes", RECEIVE_MAX))
		raise_to(t, "receive.message.max.bytes", needed, "fetch.m");
	if (number_of(t, "max.poll.interval.ms", INT64_MAX) < session)
		raise_to(t, "max.poll.interval.ms", session, "max.poll.interval.ms");
	check_heartbeat(t, session);
}

void
rules_finish_both(struct translation *t)
{
	int64_t wait = number_of(t, "reconnect.backoff.ms", 0);

	if (wait > number_of(t, "reconnect.backoff.max.ms", RECONNECT_MAX))
		raise_to(t, "reconnect.backoff.max.ms", wait, "reconnect.backoff");
}
