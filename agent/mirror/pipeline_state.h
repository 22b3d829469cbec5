/* What the parts of the pipeline share: its partitions and their states. For mirror/pipeline*.c
 * only. */
#ifndef MIRROR_PIPELINE_STATE_H
#define MIRROR_PIPELINE_STATE_H

#include "base/clock.h"
#include "kafka/record.h"
#include "mirror/gap.h"
#include "mirror/limits.h"
#include "mirror/output.h"
#include "mirror/pipeline.h"
#include "mirror/ranges.h"
#include "mirror/route.h"
#include "mirror/tally.h"
#include "mirror/until.h"
#include "script/script.h"

/* Records read from one partition before the next one has its turn. */
#define BATCH 256
/* What a record on its way costs besides its bytes: the library's bookkeeping at the source (340,
   librdkafka.md 1.2), its message at the target (about 170) and our flight. */
#define RECORD_OVERHEAD 560

enum partition_state {
	PARTITION_FLOWING,    /* reads and sends */
	PARTITION_RECOVERING, /* something failed: nothing is read or sent until all deliveries are
				 back */
	PARTITION_RESENDING,  /* the flights WAITING are sent in order, then it flows again */
	PARTITION_HELD,	      /* stands at a record that the target refuses */
	PARTITION_ORPHAN      /* not ours any more: goes when its deliveries are back */
};

/* With exactly.once: may the stream write for the partition? Only a HELD one is read or sent. */
enum claim {
	CLAIM_NONE,    /* a claim must be written */
	CLAIM_WRITTEN, /* in the transaction that is open */
	CLAIM_ASKED,   /* committed; who was before is shut out now */
	CLAIM_HELD,
	CLAIM_GIVEN_UP /* handed over, or about to be: nothing of it may be sent any more */
};

/* The record at which a partition stands, and why. flight NULL: it does not. */
struct standing {
	struct flight *flight;
	struct output *output; /* which of the flight's; NULL: the flight's own record */
	char *reason;	       /* a finished sentence, or what the target said */
	char *error;	       /* for programs; "": there is no name for it */
};

struct partition {
	struct partition *next;	       /* of all, or of the orphans */
	struct partition *next_active; /* of those that may have records */
	struct source_partition *source;
	struct tracker *tracker;
	struct offset_map *notes; /* since they were sent last; NULL: none are taken */
	struct meter *meter;
	struct route *route, *next_route; /* next_route: NULL, or the one to take once all that is
					     on its way by the other has come back */
	char *topic;
	char *origin; /* provenance_place; NULL: its records are not marked */
	int32_t number;
	uint8_t state;
	bool is_missing; /* its target topic or partition is not there, which is said elsewhere */
	unsigned lanes_seen; /* producer_lane_changes when it began to send as it does; when that
				has grown, what is on its way comes first, or later records could
				overtake */
	bool is_active, is_quiet,
		is_touched;  /* in the active list; reads no more; moved since the last commit */
	bool resends_singly; /* this recovery uses the single-record lane */
	struct target_topic *suspect; /* recovery began with a batch of this topic that was too
					 large, in suspect_lane, and no record was found to be */
	uint8_t suspect_lane;
	bool is_script_held; /* stands at a record for which the script fails, until the next script
			      */
	bool is_counted_held;		  /* in partitions_held, */
	int64_t held_since;		  /* since then (wall ms) */
	struct standing refused, failing; /* HELD: what the target refuses; is_script_held: what
					     the script fails for */
	bool has_reason;		  /* the meter has one */
	bool has_poison; /* the script never ended at poison_offset in an earlier run */
	int64_t poison_offset;
	size_t raw;		  /* flights that the script has still to see; the newest ones */
	struct flight *first_raw; /* the oldest of them, NULL: none */
	int64_t cost;	  /* of a record, the average of the batch read last; 0 before the first */
	int64_t offer_at; /* clock_ms: the script wants the first of them not before */
	bool is_user_paused; /* an operator has paused it: it is not read, nor shown to the script
			      */
	struct limit *limit; /* of its topic; NULL: none */
	struct limit_place place, overall_place; /* before that and before the one over all topics;
						    taken until it was read or gives up */
	int64_t limited_until;			 /* clock_us: waits for its place; 0: does not */
	size_t last_read;			 /* records, the last time that it was read */
	int64_t resume_at, pause_ms;		 /* recovery: not before, and the pause used last */
	int64_t committed, committing;		 /* offsets; -1 none */
	/* Exactly once: see pipeline_exact.c. */
	uint8_t claim;		   /* enum claim */
	unsigned claim_number;	   /* of the request that it was part of */
	int64_t floor;		   /* what is read from below this offset is thrown away; -1 none */
	int64_t advised, advising; /* committed, as the group was told; -1 not */
	int64_t until;		   /* nothing from this offset on is mirrored; -1: no end */
	bool is_over;		   /* all below until was read; nothing more is */
	int64_t unread_since; /* of the watch: the source tells nothing of it since then (clock_ms),
				 0: it does */
	struct standing_gap *gap;    /* where it stands because the source does not have what comes
					next; NULL: it does not */
	bool is_identity_due;	     /* the source has still to say which topic it is */
	char topic_id[RANGES_ID];    /* of what is read; "" not known */
	int64_t seen_low, seen_high; /* of its log, as of the last survey; -1 not seen */
	int64_t seen_position, still_since; /* of the watch: the position it saw last, and since
					       when (clock_ms) records wait while it stands */
};

/* A partition's gap from the moment it is met until it is passed: the scout is asked what the
   source has, the answer is judged, on.gap says whether it is held, and once nothing of the old log
   is on its way reading goes on. */
struct standing_gap {
	int64_t position; /* the next offset to read */
	int64_t again;	  /* where the source went back to; -1: it refused the position */
	bool has_read, is_judged, is_held;
	bool is_released;   /* it was held, and goes on unless the log is another one meanwhile */
	int64_t ask_at;	    /* clock_ms: not before */
	int64_t seek_at;    /* clock_ms: the source is not sent on before */
	struct gap gap;	    /* once it is judged, and */
	int64_t begin, end; /* the log as it was then; 0 before */
};

struct pipeline {
	const struct config *config;
	struct producer *producer;
	struct counters *counters;
	const struct plan *plan;
	struct script *script; /* NULL: none, or it has no record hook */
	struct flight **batch; /* the flights that the script runs over */
	size_t fresh; /* that many of records are the raw flights of the partition fed last */
	struct target_topic *
		*handles; /* by the script's handles of topics; NULL: not asked for yet */
	size_t handle_count;
	struct target_topic *dead_letters; /* NULL until the first one */
	struct partition *partitions, *orphans;
	struct partition *active, **active_end;
	size_t count;		       /* of partitions */
	size_t troubled;	       /* partitions RECOVERING or RESENDING */
	size_t waiting;		       /* partitions whose script wants a record later */
	size_t gaps;		       /* partitions that stand at a gap and are not held there */
	size_t identities;	       /* partitions whose identity is due */
	int64_t ask_identities_at;     /* clock_ms: not before */
	bool is_dry;		       /* nothing is produced */
	struct offset_sink *notes;     /* NULL: none are taken */
	struct record_spares *spares;  /* of headers that records were marked with; NULL: none */
	struct provenance *provenance; /* NULL: records are neither marked nor left out by it */
	struct wish {
		struct wish *next;
		char *topic;
		int64_t samples; /* so many more */
	} * wishes;		 /* for samples, one a topic */
	pipeline_sampled *sampled;
	void *sampled_arg;
	bool has_missed;	     /* a topic or partition of the target was not there */
	bool is_paused;		     /* nothing is read */
	const struct pauses *pauses; /* of the operator; NULL: none yet */
	const struct until *until;   /* of a one shot; NULL: there is none */
	struct limits *limits;	     /* NULL: none yet */
	struct limit *overall;	     /* over all topics; NULL: none */
	size_t limited;		     /* partitions that wait for their place */
	int64_t limited_until;	     /* clock_us: the first of them */
	int64_t buffered, limit;
	bool is_exact;
	enum pipeline_gate gate;
	bool has_sent, has_content; /* into the transaction that is open; or there is something to
				       commit all the same */
	int64_t opened_bytes;	    /* of what was sent into it */
	bool suspects_batch;	 /* one was refused as too large, and none of its records was yet */
	bool wants_care;	 /* a batch was refused: each record alone, the next time */
	char broken[400];	 /* why the transaction must be taken back; "" it need not */
	char target_reason[128]; /* why records had to be sent again, said last by the target; ""
				    once nothing stands still */
	struct topic_partition *positions;
	const char **position_ids; /* one for each */
	size_t positions_capacity, position_ids_capacity;
	enum consumer_event_kind source_error;
	char source_reason[512];
	char failure[1024];
	struct tally_run errors, drops; /* of the deliveries, the batch being dealt with */
	struct record *records;
	size_t most; /* room for so many records and flights of a batch */
	struct delivery deliveries[BATCH];
};

/* pipeline.c: */

/* The one place where a partition changes its state. */
void partition_set_state(
	struct pipeline *pipeline, struct partition *partition, enum partition_state state);

/* Counts it once while it is held, for whichever reason: call it when one comes or goes. */
void partition_count_held(struct pipeline *pipeline, struct partition *partition);

/* May have records to read, or flights to run through the script. */
void partition_activate(struct pipeline *pipeline, struct partition *partition);

/* Everything settled at the front of the tracker leaves it. */
void partition_pop_settled(struct pipeline *pipeline, struct partition *partition);

/* One record of the partition is left out, on purpose or because of a failure (FATE_DROPPED,
   FATE_FAILED), for this reason; "": none is given, NULL: it is tallied otherwise. @borrows reason
   until the turn, or the batch of the script, is over */
void partition_count_dropped(struct pipeline *pipeline, struct partition *partition,
	struct flight *flight, enum meter_fate fate, const char *reason);

/* The mirror must end for this reason; the first one counts. */
void pipeline_fail(struct pipeline *pipeline, const char *reason);

/* Gives back what the partition's flights hold, and forgets them. None may be SENT. */
void partition_discard(struct pipeline *pipeline, struct partition *partition);

/* What is settled at the front of the tracker leaves it, whatever the delivery level. */
void partition_pop(struct pipeline *pipeline, struct partition *partition);

/* pipeline_tap.c: */

/* Takes a sample of a flight that is about to be sent, when one is wanted. decided: NULL without a
 * script. */
void pipeline_sample(struct pipeline *pipeline, struct partition *partition, struct flight *flight,
	const struct record *record, const struct script_record *decided);

/* No samples are wanted any more. */
void pipeline_forget_wishes(struct pipeline *pipeline);

/* pipeline_limit.c: */

/* May a partition that has a limit be read now? If so *most is cut to what one turn is for, and
   partition_settle_limits must follow; if not it is activated again when it may. */
bool partition_may_read(struct pipeline *pipeline, struct partition *partition, size_t *most);

/* So much was read. */
void partition_settle_limits(
	struct pipeline *pipeline, struct partition *partition, size_t records, uint64_t bytes);

/* Does not wait for its limits any more; what it had of them is given back. */
void partition_leave_limits(struct pipeline *pipeline, struct partition *partition);

/* Finds the topic's limit by the pipeline's limits and plan. */
void partition_find_limit(struct pipeline *pipeline, struct partition *partition);

/* Finds out whether an operator has paused it. */
void partition_find_pause(struct pipeline *pipeline, struct partition *partition);

/* Partitions that have waited for their limits long enough are activated. */
void wake_limited(struct pipeline *pipeline);

/* pipeline_until.c: */

/* The partition is new here: how far it is read. */
void partition_find_until(struct pipeline *pipeline, struct partition *partition);

/* Of count records that were just read (pipeline->records) those that are mirrored; the others are
   released, and the partition is over. */
size_t partition_cut(struct pipeline *pipeline, struct partition *partition, size_t count);

/* Finds out whether there is nothing below its end any more, although no record behind it came. */
void partition_look_over(struct partition *partition);

/* The position that may be committed while nothing is on its way: where reading stands, but not
   behind the end. -1: none. */
int64_t partition_read_position(const struct partition *partition);

/* Where the source ends behind what a one shot wants of a partition that is over, as a lag. */
int64_t partition_lag_behind(const struct partition *partition, int64_t end);

/* pipeline_send.c: */

/* Offers what is due of a flight to the producer. Returns false when something is left: no room, or
   a failure that the partition's state now says. record: the source's, NULL to restore it from the
   flight. */
bool send_flight(struct pipeline *pipeline, struct partition *partition, struct flight *flight,
	struct record *record);

/* Takes deliveries. Returns true when there may be more. */
bool take_deliveries(struct pipeline *pipeline);

/* From now on the partition waits for its deliveries and then sends again. */
void partition_recover(struct pipeline *pipeline, struct partition *partition, bool after_a_pause);

/* Takes the recoveries on as far as they can go now. */
void resend_all(struct pipeline *pipeline);

/* Sending must change (lane, route): what is on its way comes first. Returns true while it is
 * waited for. */
bool partition_must_drain(struct pipeline *pipeline, struct partition *partition);

/* The partition stands at a flight, or one of its outputs (NULL: the flight itself), that can
   neither be sent nor left out, for this reason. error: its name for programs */
void partition_hold(struct pipeline *pipeline, struct partition *partition, struct flight *flight,
	struct output *output, const char *reason, const char *error);

/* Its meter says what it is held at. */
void partition_show_refused(struct partition *partition);

/* pipeline_held.c: */

/* What a partition stands at from now on, and that it does not any more. The texts are copied;
   error may be NULL. */
void standing_set(struct standing *standing, struct flight *flight, struct output *output,
	const char *reason, const char *error);
void standing_clear(struct standing *standing);

/* A partition that is held at what the target refuses sends again, in order. */
void partition_offer_again(struct pipeline *pipeline, struct partition *partition);

/* pipeline_exact.c: */

/* May the partition be read, shown to the script and sent, as far as claims go? */
bool partition_may_flow(const struct pipeline *pipeline, const struct partition *partition);

/* Is it read no more, and has no claim under which what it has could still be sent? */
bool partition_is_out(const struct pipeline *pipeline, const struct partition *partition);

/* The transaction that is open must be taken back, for this reason; the first one counts. */
void pipeline_break(struct pipeline *pipeline, const char *reason);

/* The partition stops at its flight that is_barred, which it was held at before; stops at none any
   more. */
void partition_stop_at_bar(struct pipeline *pipeline, struct partition *partition);
void partition_lift_bars(struct partition *partition);

/* The partition goes: a transaction that holds some of its records must be taken back. */
void partition_leave_transaction(struct pipeline *pipeline, struct partition *partition);

/* Of *count records that were just read (pipeline->records) those from below the partition's floor
   are released. */
void partition_skip_to_floor(struct pipeline *pipeline, struct partition *partition, size_t *count);

/* pipeline_gap.c: */

/* Records were just read, *count of them: those that come from behind a gap are released, and the
   partition stands there. Returns true when a gap is near, and must be looked for behind them. */
bool partition_find_gap(struct pipeline *pipeline, struct partition *partition, size_t *count);

/* The record at i of *count is one that came before, or another in its place: likewise. */
void partition_go_back(
	struct pipeline *pipeline, struct partition *partition, size_t i, size_t *count);

/* An operator lets a partition that is held at a gap go on behind it, once the source has said that
   its log is still the one that was judged. */
void partition_release_gap(struct pipeline *pipeline, struct partition *partition);

/* The partition was opened: the source is asked which topic it is, where it can tell. */
void partition_ask_identity(struct pipeline *pipeline, struct partition *partition);

/* It needs not be asked any more. */
void partition_forget_identity(struct pipeline *pipeline, struct partition *partition);

/* The partition goes away, and with it its gap. */
void partition_forget_gap(struct pipeline *pipeline, struct partition *partition);

/* Partitions whose gap may be passed now go on. */
void pass_gaps(struct pipeline *pipeline);

/* Is it held at a gap? */
bool partition_is_gap_held(const struct partition *partition);

/* pipeline_meter.c: */

/* Why the partition does, or does not, flow: the one place that says so. */
enum meter_state partition_meter_state(const struct partition *partition);

/* Its meter takes the state now, not at the next survey. */
void partition_show_state(const struct partition *partition);

/* Why the partition stands, for its meter: until another reason, or until it flows again. */
void partition_give_reason(struct partition *partition, const char *reason);

/* Its meter says what it waits for, when its topic at the target is being made. */
void partition_say_wait(struct partition *partition);
void partition_forget_reason(struct partition *partition);

/* The partition begins with a meter, of which nothing is known but what was counted before; and
   leaves it. */
void partition_start_meter(struct partition *partition, struct meter *meter);
void partition_stop_meter(struct partition *partition);

/* pipeline_notes.c: */

/* The partition is given to the stream, or goes, drained or not: for its notes, where they are
   taken. */
void partition_begin_notes(struct pipeline *pipeline, struct partition *partition);
void partition_end_notes(struct pipeline *pipeline, struct partition *partition);

/* Its offsets begin anew. */
void partition_restart_notes(struct pipeline *pipeline, struct partition *partition);

/* A flight has left the tracker. There must be notes. */
void partition_note(struct partition *partition, const struct flight *flight);

/* pipeline_provenance.c: */

/* The plan has said what the clusters are called. */
void pipeline_set_provenance(struct pipeline *pipeline);

/* The partition is new here: what its records are marked with. */
void partition_find_origin(struct pipeline *pipeline, struct partition *partition);

/* A record was just read. Did it come from the target, and is to be left out? Then it is released,
   and a flight without a message stands in its place. There must be a provenance. */
bool partition_leave_loop(
	struct pipeline *pipeline, struct partition *partition, struct record *record);

/* It is the turn of such a flight: it is done with. */
void partition_settle_loop(
	struct pipeline *pipeline, struct partition *partition, struct flight *flight);

/* What the header says of the flight's record; NULL: records are not marked. It lives until the
   next call. */
const char *flight_origin(const struct pipeline *pipeline, const struct partition *partition,
	const struct flight *flight, size_t *ret_size);

/* Puts that behind an output's headers, in place of any of its name. origin NULL: does nothing. */
void pipeline_mark(
	const struct pipeline *pipeline, void **headers, const char *origin, size_t size);

/* The same for a flight's own record, which has its headers still in the message. */
void flight_mark(const struct pipeline *pipeline, const struct partition *partition,
	const struct flight *flight, struct record *record);

/* pipeline_watch.c: */

/* Do the partition's records wait for a topic or partition that is not there? */
bool partition_waits_for_topic(const struct partition *partition);

/* The target said why a record must be sent again. */
void pipeline_note_target(struct pipeline *pipeline, const char *reason);

/* pipeline_script.c: */

/* A flight that was just begun is for the script. */
void partition_add_raw(struct partition *partition, struct flight *flight);

/* Runs the script over raw flights, a batch at most, and sends what it made of them. Without a
   script they are sent as they are. Returns true when there are more that could be run now. */
bool partition_run_script(struct pipeline *pipeline, struct partition *partition);

/* The partition does not wait for the script's sake any more: neither held nor until a time. */
void partition_release_script(struct pipeline *pipeline, struct partition *partition);

/* The flight that the script fails for was settled, or made a dead letter: it goes its way, and the
   partition goes on. */
void partition_take_decided(struct pipeline *pipeline, struct partition *partition);

/* Turns a flight, or one of its outputs that the target refused, into a dead letter of the original
   record. output: NULL for the flight itself; error: why, for programs, or NULL. Returns false when
   there is no dead-letter topic. */
bool flight_to_dead_letter(struct pipeline *pipeline, struct partition *partition,
	struct flight *flight, struct output *output, const char *reason, const char *error);

#endif
