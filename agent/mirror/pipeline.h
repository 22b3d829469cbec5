/* The pipeline: the way of every record of one stream, from a source partition to its settled
   offset.

   The life of a record: consumer_read takes it from its partition's queue; tracker_begin gives it a
   flight; the route says topic and partition; producer_send borrows its bytes without a copy. Later
   a delivery brings the flight back: ACKED flights leave the tracker in order, which moves the
   position that may be committed, and only then the record's memory is released. What the target
   refuses for a reason that may pass is sent again: the partition stops reading, waits until
   nothing of it is on its way, and sends from the first failed record on, in order, before it reads
   on. So the order of one partition's records never changes, and one partition's trouble holds no
   other.

   All calls: @thread worker; none of them blocks. */
#ifndef MIRROR_PIPELINE_H
#define MIRROR_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "mirror/counters.h"
#include "mirror/meter.h"

struct limits;
struct range;
struct ranges;
struct held_answer;
struct held_question;
struct offset_sink;
struct pauses;
struct pipeline;
struct partition;
struct plan;
struct script;
struct until;

/* Records on their way without an acknowledgement for so long are worth a line, and a partition's
   state; what lasts shorter is not: rebalances and leader changes take seconds. Looked at once a
   second, this and the pause until it is said again stay below ten. */
#define PIPELINE_SILENCE_MS 7000

/* buffer_bytes bounds what is on its way to the target, bookkeeping included.
   @borrows all arguments @gives the pipeline; pipeline_free */
struct pipeline *pipeline_new(const struct config *config, struct producer *producer,
	struct counters *counters, int64_t buffer_bytes);

/* Frees and clears. All partitions must have been removed and all deliveries taken. NULL is
 * accepted. */
void pipeline_free(struct pipeline **pipeline);

/* Where records go from now on: a topic whose place changes first waits for what is on its way.
   Must be called before the first pipeline_add. Takes a reference to the plan. */
void pipeline_set_plan(struct pipeline *pipeline, const struct plan *plan);

/* The script whose record hook is asked from the next batch on; NULL: none. Partitions that the one
   before held go on.
   @borrows script until the next call or pipeline_free */
void pipeline_set_script(struct pipeline *pipeline, struct script *script);

/* Reads nothing more, until it is told to go on; what was read goes on. */
void pipeline_pause(struct pipeline *pipeline, bool is_paused);

/* What an operator has paused: those partitions are not read, nor is what was read of them shown to
   the script; what is on its way goes on. Takes a reference. */
void pipeline_set_pauses(struct pipeline *pipeline, const struct pauses *pauses);

/* How fast is read from now on. Takes a reference. */
void pipeline_set_limits(struct pipeline *pipeline, struct limits *limits);

/* Partitions of a topic (NULL: of all), or this one of it (-1: all), that are held at a record, or
   wait for one, offer it again: to the target, or to the script. */
void pipeline_retry(struct pipeline *pipeline, const char *topic, int32_t partition);

/* Shows at which records partitions are held, or does what an operator decides about one of them
   (mirror/held.h). @gives the answer; held_answer_free */
struct held_answer *pipeline_ask_held(
	struct pipeline *pipeline, const struct held_question *question);

/* Gives samples of the next count records of a source topic (see mirror/tap.h) to fn, which takes
   the text; other topics' go on. count 0: of none any more. */
typedef void pipeline_sampled(const char *topic, char *sample, void *arg);
void pipeline_tap(struct pipeline *pipeline, const char *topic, int64_t count, pipeline_sampled *fn,
	void *arg);

/* Partitions that are added from now on are read up to their ends (mirror/until.h) and no further.
   @borrows until, until pipeline_free */
void pipeline_set_until(struct pipeline *pipeline, const struct until *until);

/* Is every partition settled up to its end, and some of that not committed? */
bool pipeline_is_over_uncommitted(const struct pipeline *pipeline);
/* Notes which offsets records get at the target, for the maps behind sink. Before the first
   pipeline_add. @borrows sink until pipeline_free */
void pipeline_set_notes(struct pipeline *pipeline, struct offset_sink *sink);

/* Gives away what was noted. Call it once a second; nothing happens without a sink. */
void pipeline_send_notes(struct pipeline *pipeline);

/* From now on nothing is produced: what would be is counted by topic (mirror/tally.h), and settled.
 */
void pipeline_set_dry(struct pipeline *pipeline);

/* A partition was assigned: opens it at the consumer and lets it flow. @borrows meter until
   pipeline_free */
void pipeline_add(struct pipeline *pipeline, struct consumer *consumer, const char *topic,
	int32_t partition, struct meter *meter);

/* A partition goes away: it is not read any more; what is still on its way only frees its memory.
 */
void pipeline_remove(struct pipeline *pipeline, struct partition *partition);

/* The partition, NULL when it is not assigned. */
struct partition *pipeline_find(struct pipeline *pipeline, const char *topic, int32_t partition);

/* Walks the assigned partitions: NULL gives the first. */
struct partition *pipeline_next(struct pipeline *pipeline, struct partition *partition);

/* Exactly once (mirror/pipeline_exact.c). What is acknowledged stays in the trackers until its
   transaction is committed; when it is taken back, all of it is sent again, in order, by the next
   one. So nothing is read twice, and what is counted is counted once. */

/* From now on what is sent belongs to transactions, and a partition flows from its claim on. Before
   the first pipeline_add. */
void pipeline_set_exact(struct pipeline *pipeline);

enum pipeline_gate {
	PIPELINE_FLOWS,
	PIPELINE_DRAINS, /* reads nothing; what was read is sent, and settles */
	PIPELINE_STANDS	 /* sends nothing either; takes deliveries */
};

/* How far the pipeline may go now. */
void pipeline_set_gate(struct pipeline *pipeline, enum pipeline_gate gate);

/* Why the open transaction must be taken back, NULL: it need not. */
const char *pipeline_broken(const struct pipeline *pipeline);

/* Is there anything to commit since the last transaction? */
bool pipeline_has_content(const struct pipeline *pipeline);

/* Was a record sent into the open transaction? */
bool pipeline_has_sent(const struct pipeline *pipeline);

/* Is so much on its way, or waits for the commit, that it should come now? */
bool pipeline_is_filled(const struct pipeline *pipeline);

/* Does the transaction hold exactly what the positions count, with nothing on its way? Else it goes
   on, or breaks. */
bool pipeline_is_settled(struct pipeline *pipeline);

/* The transaction was taken back, and nothing is on its way: all of it is sent again, after a pause
   where that has happened before. Claims in it are void; with all_claims all are, because the
   writer is another one. */
void pipeline_took_back(struct pipeline *pipeline, bool after_a_pause, bool all_claims);

/* Did a batch have to be refused as a whole, so that records should be sent one by one? Clears it.
 */
bool pipeline_take_care(struct pipeline *pipeline);

/* Was a batch refused as too large, but none of its records? Clears it. */
bool pipeline_take_suspicion(struct pipeline *pipeline);

/* Do partitions wait to be sent again? */
bool pipeline_is_troubled(const struct pipeline *pipeline);

/* Walks the partitions that are to be claimed, or, with is_given_up, that are quiet, so that their
   claims may be given back; NULL gives the first. */
struct partition *pipeline_next_claim(
	struct pipeline *pipeline, struct partition *partition, bool is_given_up);

/* The partition's source topic and number. @borrows the partition */
const char *partition_topic(const struct partition *partition, int32_t *ret_number);

/* The claim is in the open transaction; is given back by it. */
void partition_write_claim(struct partition *partition, unsigned number);
void partition_give_up_claim(struct partition *partition);

/* The claims of that number are committed. Returns how many there are. */
size_t pipeline_ask_claims(struct pipeline *pipeline, unsigned number);

/* Walks the partitions whose claims of that number are committed; NULL gives the first. */
struct partition *pipeline_next_asked(
	struct pipeline *pipeline, struct partition *partition, unsigned number);

/* Whoever wrote for the partition before is shut out, and left it at this offset (-1: nobody has
   written any): if it is still waited for, it flows. */
void pipeline_claimed(struct pipeline *pipeline, const char *topic, int32_t partition,
	unsigned number, int64_t next);

/* Positions that were committed and that the group was not told yet. The array, and that of
   pipeline_position_ids, live until the next call of this or of pipeline_positions. */
size_t pipeline_advice(struct pipeline *pipeline, const struct topic_partition **ret);

/* It was told them. */
void pipeline_advised(struct pipeline *pipeline);

/* Stops reading this partition, or all of them with NULL, for good: what is on its way settles. */
void pipeline_quiesce(struct pipeline *pipeline, struct partition *partition);

/* Has everything of this partition, or of all of them with NULL, been settled (or can it not be any
   more because the partition is held, or waits for a topic that is not there)? */
bool pipeline_is_drained(struct pipeline *pipeline, struct partition *partition);

/* Does a partition wait for a topic, or a partition of it, that is not there? */
bool pipeline_waits_for_topic(const struct pipeline *pipeline);

/* Records are there for a partition that had none. */
void pipeline_wake(struct pipeline *pipeline, struct source_partition *source);

/* Does a bounded piece of work: deliveries, sending again, reading. Returns true when there is more
 * to do right now. */
bool pipeline_turn(struct pipeline *pipeline);

/* Does the pipeline wait for time to pass (a pause before sending again)? */
bool pipeline_wants_time(const struct pipeline *pipeline);

/* In how many milliseconds a partition that waits for its limit may be read; -1: none waits. */
int64_t pipeline_wait_ms(const struct pipeline *pipeline);

/* Everything that can be committed and has moved since pipeline_committed. The array lives until
 * the next call. */
size_t pipeline_positions(struct pipeline *pipeline, const struct topic_partition **ret);

/* Of which topics the positions last given out are, by their ids; "": not known. They live as long
   as those. */
const char *const *pipeline_position_ids(const struct pipeline *pipeline);

/* The positions last given out by pipeline_positions are committed. */
void pipeline_committed(struct pipeline *pipeline);

/* Brings all meters up to date. Call it once a second. Returns how many records of the source are
   not settled, over all partitions; -1 when unknown. */
int64_t pipeline_survey(struct pipeline *pipeline);

/* A partition whose records have been on their way for ms, and the target acknowledges none. */
struct standstill {
	const char *topic, *target_topic; /* borrowed until the next call on the pipeline */
	int32_t partition;
	int64_t offset, ms; /* offset: of the first of them */
	const char *reason; /* what the target said last; NULL: nothing */
};

/* Looks for the partition that has stood still for longest, but for those that are held, or whose
   target topic is missing: these are said. False when there is none. Call it about once a second.
 */
bool pipeline_find_standstill(struct pipeline *pipeline, struct standstill *ret);

/* Was a topic or partition of the target not there since the last call, although the plan knows
   nothing of it? */
bool pipeline_take_missed(struct pipeline *pipeline);

/* Partitions that the source has told nothing of for a while. */
struct unread {
	const char *topic; /* of the first; borrowed until the next call on the pipeline */
	int32_t partition;
	int count;
	const char *reason; /* the last error that the source reported; NULL: none */
};

/* Counts the partitions whose fetches have brought nothing but errors, or no answer, for at least
   ms. False when there are none. Call it about once a second. */
bool pipeline_find_unread(struct pipeline *pipeline, int64_t ms, struct unread *ret);

/* Learns a target topic's max.message.bytes, and whether it takes headers. */
void pipeline_limit_topic(
	struct pipeline *pipeline, const char *target_topic, int64_t max_bytes, bool no_headers);

/* Gives up everything on its way, and takes back what comes back within timeout_ms. All partitions
   must have been removed. For the end of the worker. @blocks */
void pipeline_abandon(struct pipeline *pipeline, int timeout_ms);

/* Why the mirror must end, NULL while it need not. */
const char *pipeline_failure(const struct pipeline *pipeline);

/* Partitions for which the source must be asked where their logs begin and end, and of which topic
   they are; NULL: none. Call it each turn; the answers come by pipeline_answer. @gives the ranges;
   free() */
struct ranges *pipeline_ask_ranges(struct pipeline *pipeline);

/* Where a partition's log begins and ends, or that it is not known (then it is asked again). */
void pipeline_answer(struct pipeline *pipeline, const struct range *range);

/* The topic was deleted and made anew, and has this id now: partitions that read the one before go
   to the beginning. */
void pipeline_remade(struct pipeline *pipeline, const char *topic, const char *id);

/* What a partition's error at the source asks for, to be dealt with by the worker: kind NOTHING
 * when there is none. Clears it. */
enum consumer_event_kind pipeline_take_source_error(
	struct pipeline *pipeline, const char **ret_reason);

#endif
