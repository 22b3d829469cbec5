/* What a broker registers in ZooKeeper: the JSON of /brokers/ids/N and its endpoints. */
#include "kafka/zookeeper.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/parse.h"

/* The longest registration that is read; real ones have some hundred bytes, ZooKeeper's own limit
   is a megabyte. */
#define REGISTRATION_MAX (1 << 20)

/* The security protocol of a listener's name, in lower case. A registration of version 4 on says it
   in a map (KIP-103); before, the name is the protocol. */
static void
listener_protocol(const cJSON *map, const char *listener, char *protocol, size_t size)
{
	const cJSON *mapped = cJSON_GetObjectItem(map, listener);
	const char *name = cJSON_IsString(mapped) ? mapped->valuestring : listener;
	size_t n = 0;

	/* What Hortonworks' 0.9 and 0.10 (HDInsight's first) called it. */
	if (!strcasecmp(name, "PLAINTEXTSASL"))
		name = "sasl_plaintext";
	for (; name[n] && n + 1 < size; n++)
		protocol[n] = (char)tolower((unsigned char)name[n]);
	protocol[n] = '\0';
}

/* Is it what a protocol's name can be? It will stand in a sentence. */
static bool
is_word(const char *s)
{
	const char *start = s;

	while (isalnum((unsigned char)*s) || *s == '_' || *s == '-')
		s++;
	return s > start && !*s;
}

/* Adds a word to a list with blanks between, once, when there is room. */
static void
add_word(char *list, size_t size, const char *word)
{
	size_t length = strlen(list), n = strlen(word);

	for (const char *s = list; (s = strstr(s, word)); s++)
		if ((s == list || s[-1] == ' ') && (s[n] == ' ' || !s[n]))
			return;
	if (length + n + 2 <= size)
		snprintf(list + length, size - length, "%s%s", length ? " " : "", word);
}

/* Is it "host:port" with a host that can be one? It will stand in a list with commas. */
static bool
is_address(const char *s)
{
	const char *colon = strrchr(s, ':');
	int64_t port;

	/* A number may have blanks around it, a port may not. */
	if (!colon || colon == s || colon[1 + strspn(colon + 1, "0123456789")] ||
		parse_int(colon + 1, 1, 65535, &port, NULL))
		return false;
	for (const char *c = s; c < colon; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_", *c) &&
			!(*s == '[' && strchr("[]:%", *c)))
			return false;
	return *s != '[' || colon[-1] == ']';
}

/* What is sought in a registration, and what was found. */
struct search {
	const char *protocol;
	const char *found; /* borrowed from the JSON */
	bool found_by_name;
	char *offered;
	size_t offered_size;
};

/* Looks at one endpoint, "LISTENER://host:port". A listener that is named like its protocol goes
   before others of that protocol; among equals the first. */
static void
look_at_endpoint(struct search *search, const cJSON *map, const char *endpoint)
{
	const char *separator = strstr(endpoint, "://");
	char *listener, protocol[32];
	bool by_name;

	if (!separator || !is_address(separator + 3))
		return;
	listener = mem_strndup(endpoint, (size_t)(separator - endpoint));
	listener_protocol(map, listener, protocol, sizeof(protocol));
	by_name = !strcasecmp(listener, protocol);
	free(listener);
	if (!is_word(protocol))
		return;
	add_word(search->offered, search->offered_size, protocol);
	if (strcmp(protocol, search->protocol) ||
		(search->found && (search->found_by_name || !by_name)))
		return;
	search->found = separator + 3;
	search->found_by_name = by_name;
}

/* Versions 2 to 5 (and later ones, as long as they keep this). */
static char *
search_endpoints(struct search *search, const cJSON *json, const cJSON *endpoints)
{
	const cJSON *map = cJSON_GetObjectItemCaseSensitive(json, "listener_security_protocol_map");
	const cJSON *endpoint;

	cJSON_ArrayForEach(endpoint, endpoints) if (cJSON_IsString(endpoint))
		look_at_endpoint(search, map, endpoint->valuestring);
	return search->found ? mem_strdup(search->found) : NULL;
}

/* Version 1, of 0.8: host and port, plain text. */
static char *
search_host(struct search *search, const cJSON *json)
{
	const cJSON *host = cJSON_GetObjectItemCaseSensitive(json, "host");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(json, "port");
	bool bare_ipv6;
	char *address;

	if (!cJSON_IsString(host) || !cJSON_IsNumber(port))
		return NULL;
	bare_ipv6 = *host->valuestring != '[' && strchr(host->valuestring, ':');
	address = mem_printf(bare_ipv6 ? "[%s]:%d" : "%s:%d", host->valuestring, port->valueint);
	if (!is_address(address)) {
		free(address);
		return NULL;
	}
	add_word(search->offered, search->offered_size, "plaintext");
	if (!strcmp(search->protocol, "plaintext"))
		return address;
	free(address);
	return NULL;
}

static cJSON *
parse_object(const char *text, size_t length)
{
	char *copy = length <= REGISTRATION_MAX ? mem_strndup(text, length) : NULL;
	cJSON *json = copy ? cJSON_ParseWithOpts(copy, NULL, true) : NULL;

	free(copy);
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return NULL;
	}
	return json;
}

int
zookeeper_parse_broker(const char *json, size_t length, const char *security_protocol, char **ret,
	char *offered, size_t offered_size, struct err *err)
{
	struct search search = {
		.protocol = security_protocol, .offered = offered, .offered_size = offered_size};
	cJSON *object = parse_object(json, length);
	const cJSON *endpoints;

	if (!object)
		return err_set(err, "a broker's registration in ZooKeeper is not a JSON object");
	endpoints = cJSON_GetObjectItemCaseSensitive(object, "endpoints");
	*ret = cJSON_GetArraySize(endpoints) > 0 ? search_endpoints(&search, object, endpoints)
						 : search_host(&search, object);
	cJSON_Delete(object);
	return 0;
}
