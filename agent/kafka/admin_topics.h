/* Topics of a cluster, made and changed: creation, more partitions, settings. */
#ifndef KAFKA_ADMIN_TOPICS_H
#define KAFKA_ADMIN_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"
#include "kafka/admin.h"

/* What is asked for of one topic. */
struct topic_wish {
	const char *topic;
	int32_t partitions; /* all there shall be */
	int replication;    /* of admin_create_topics; -1: as the brokers have it by default */
	const struct settings *settings; /* of admin_create_topics; NULL: none */
};

/* What came of it. */
enum topic_outcome {
	TOPIC_DONE,
	TOPIC_THERE,	   /* it existed already */
	TOPIC_LATER,	   /* not now: no controller, no answer in time */
	TOPIC_REFUSED,	   /* policy, rights, or something that the cluster does not take */
	TOPIC_UNSUPPORTED, /* the brokers, or librdkafka, cannot be asked for it */
};
struct topic_answer {
	enum topic_outcome outcome;
	char reason[400]; /* "" when DONE */
};

/* Makes topics, and waits until their cluster has done so. answers holds count entries, in the
   order of the wishes, all of them filled. @blocks */
void admin_create_topics(struct admin *admin, int timeout_ms, const struct topic_wish *wishes,
	size_t count, struct topic_answer *answers);

/* The same for partitions that are added: the topics then have wishes[i].partitions. @blocks */
void admin_grow_topics(struct admin *admin, int timeout_ms, const struct topic_wish *wishes,
	size_t count, struct topic_answer *answers);

/* Fills ret[i] with what is set for topics[i] itself, not by the brokers' defaults. A topic that
   cannot be asked about has reasons[i], a sentence to be freed; else that is NULL. @blocks @gives
   what ret holds, settings_fini, and the reasons */
int admin_topic_settings(struct admin *admin, int timeout_ms, const char *const *topics,
	size_t count, struct settings *ret, char **reasons, struct err *err);

/* Which of these topics are compacted (cleanup.policy, by the brokers' default too). -1: the
   cluster does not tell it of one of them. @blocks */
int admin_compacted(struct admin *admin, int timeout_ms, const char *const *topics, size_t count,
	bool *ret, struct err *err);

/* The topic's cleanup.policy, set or by default, into ret. 1: the cluster does not tell it, which
   err says why, for want of a right or because it cannot be asked; -1: no answer in time. @blocks
 */
int admin_cleanup_policy(struct admin *admin, int timeout_ms, const char *topic, char *ret,
	size_t size, struct err *err);

/* Sets what is in set and takes away what is in remove. Where single settings cannot be changed
   (librdkafka before 2.2.0, brokers before 2.3), all that the topic has, which is now, are written
   anew with the changes in them: what somebody else changes at that moment is lost. @blocks */
void admin_change_topic(struct admin *admin, int timeout_ms, const char *topic,
	const struct settings *now, const struct settings *set, const struct settings *removed,
	struct topic_answer *answer);

#endif
