/* The probe's versions: which requests a broker takes, how old that makes it, and whether it can do
   what the mirror needs of it. */
#include <string.h>

#include "kafka/probe_state.h"

int
probe_take_versions(struct probe_broker *broker, struct answer *answer)
{
	int code = frame_get16(answer);
	size_t count = frame_get_count(answer, 2 + 2 + 2);

	for (int i = 0; i < FRAME_APIS; i++)
		broker->versions[i] = -1;
	for (size_t i = 0; i < count; i++) {
		int api = frame_get16(answer), oldest = frame_get16(answer),
		    newest = frame_get16(answer);

		if (api < 0 || api >= FRAME_APIS)
			continue;
		broker->oldest[api] = (int16_t)oldest;
		broker->versions[api] = (int16_t)newest;
	}
	return code || answer->is_short || broker->versions[FRAME_METADATA] < 0 ? -1 : 0;
}

/* Kafka's versions by the newest Fetch that they take. */
static const struct {
	int fetch;
	const char *kafka;
} ages[] = {
	{17, "3.9"},
	{16, "3.7"},
	{15, "3.5"},
	{13, "3.1"},
	{12, "2.7"},
	{11, "2.3"},
	{10, "2.1"},
	{8, "2.0"},
	{7, "1.1"},
	{6, "1.0"},
	{4, "0.11"},
	{3, "0.10.1"},
	{2, "0.10.0"},
};

/* What a mirror needs of a side, and how a broker says that it has it. */
struct need {
	enum frame_api api;
	bool is_vital; /* else the mirror works without, but not all that is asked of it */
	const char *kafka, *fix;
};

static bool
copies_acls(const struct config *c)
{
	return c->topics.sync_acls;
}

static bool
syncs_configs(const struct config *c)
{
	return c->topics.sync_configs;
}

static bool
is_exact(const struct config *c)
{
	return c->mirror.exactly_once;
}

static bool
makes_topics(const struct config *c)
{
	return strcmp(c->topics.create, "never") != 0;
}

static const struct {
	bool of_source, of_target;
	bool (*when)(const struct config *c);
	struct need need;
} needs[] = {
	{false, true, is_exact,
		{FRAME_INIT_PRODUCER_ID, true, "0.11",
			"exactly.once=true cannot be kept: take it out"}},
	{false, true, makes_topics,
		{FRAME_CREATE_TOPICS, false, "0.10.1",
			"missing topics cannot be made: make them at the target"}},
	{true, true, copies_acls,
		{FRAME_DESCRIBE_ACLS, false, "0.11",
			"topics.sync.acls=true cannot be done: take it out"}},
	{true, true, syncs_configs,
		{FRAME_DESCRIBE_CONFIGS, false, "0.11",
			"topics.sync.configs=true cannot be done: take it out"}},
};

/* "2.3": at least so new it is. */
static const char *
age_of(const struct probe_broker *b)
{
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		if (b->versions[FRAME_FETCH] >= ages[i].fetch)
			return ages[i].kafka;
	return "0.9";
}

/* The first need that the broker does not have, vital ones before others; NULL: it has all. */
static const struct need *
missing_need(const struct probe_broker *b, bool is_vital)
{
	const struct probe_request *request = b->request;

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if ((request->is_source ? needs[i].of_source : needs[i].of_target) &&
			needs[i].need.is_vital == is_vital && needs[i].when(request->config) &&
			b->versions[needs[i].need.api] < 0)
			return &needs[i].need;
	return NULL;
}

int
probe_judge_versions(struct probe_broker *broker)
{
	const struct need *vital = missing_need(broker, true), *need = missing_need(broker, false);
	const char *age = age_of(broker);

	if (vital)
		PROBE_SAY(broker, "versions", FAILED,
			"as Kafka %s, without what %s brought: %s, or upgrade the brokers", age,
			vital->kafka, vital->fix);
	else if (need)
		PROBE_SAY(broker, "versions", WARNING,
			"as Kafka %s, without what %s brought: %s, or upgrade the brokers", age,
			need->kafka, need->fix);
	else if (broker->versions[FRAME_PRODUCE] < 3)
		PROBE_SAY(broker, "versions", WARNING,
			"as Kafka %s, which has no headers of records: %s", age,
			broker->request->is_source ? "there are none to copy"
						   : "those of the source are lost there");
	else
		PROBE_SAY(broker, "versions", OK, "as Kafka %s or newer", age);
	return vital ? -1 : 0;
}
