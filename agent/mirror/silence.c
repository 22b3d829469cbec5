/* Silence: what does not work, and would not be noticed, is said at least every ten seconds. */
#include "mirror/silence.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "mirror/pipeline.h"

void
silence_say_standstill(struct pipeline *pipeline, int stream)
{
	struct standstill s;
	char reason[240];

	if (!pipeline_find_standstill(pipeline, &s) || s.ms < PIPELINE_SILENCE_MS)
		return;
	snprintf(reason, sizeof(reason),
		"records are on their way and the target acknowledges none%s%s",
		s.reason ? ": " : "", s.reason ? s.reason : "");
	LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_target_trouble, F_INT("stream", stream),
		F_STR("topic", s.topic), F_INT("partition", s.partition), F_INT("offset", s.offset),
		F_STR("target_topic", s.target_topic), F_INT("silent_ms", s.ms),
		F_STR("reason", reason),
		F_STR("advice", "check that its partitions have leaders and min.insync.replicas is "
				"met"));
}

void
silence_say_unread(struct pipeline *pipeline, int stream)
{
	struct unread u;
	char reason[700];

	if (!pipeline_find_unread(pipeline, PIPELINE_SILENCE_MS, &u))
		return;
	snprintf(reason, sizeof(reason),
		"%d partitions cannot be read, one of them %s partition %d%s%s", u.count, u.topic,
		(int)u.partition, u.reason ? "; the last error was " : "",
		u.reason ? u.reason : "");
	LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_source_trouble, F_INT("stream", stream),
		F_STR("reason", reason),
		F_STR("advice", "look at the brokers that lead them, and whether this user may "
				"READ the topic"));
}

void
silence_say_unassigned(int64_t since, const char *group, int stream)
{
	int64_t ms = clock_ms() - since;
	char advice[400];

	if (ms < PIPELINE_SILENCE_MS)
		return;
	snprintf(advice, sizeof(advice),
		"a member that does not answer holds up its whole group: look at them with "
		"kafka-consumer-groups --describe --members --group %s, and at the broker that "
		"coordinates the group",
		group);
	LOG_LIMITED(SILENCE_SAY_AGAIN, EVENT_source_trouble, F_INT("stream", stream),
		F_INT("silent_ms", ms), F_STR("reason", "the group gives out no partitions"),
		F_STR("advice", advice));
}
