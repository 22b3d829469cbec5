/* At least once: what is committed at the source is acknowledged by the target, through failures, hand-overs and deaths.

   What is modelled. One partition of the source with RECORDS records, the group at the source with its committed offset and its
   generations, WORKERS workers (streams) with one tracker each, and the target's partition.

   - The wire between a worker and the target keeps its order (one connection, or an idempotent producer). A record on it
     arrives and is acknowledged, or does not arrive and fails, or arrives and fails all the same; acknowledgements and
     failures come back in any order.
   - The group may ask the owner to revoke, who drains, or not in time; may forget it without asking (the session is over while
     the worker sleeps), so that for a while two workers read; and workers may be killed and come back. All that TROUBLES times.
   - Commits are on their way for a while, and may reach the group when it has another generation.

   What must hold:
   - the target's log has all records below the committed offset, as a subsequence in the source's order (committed <= in_order):
     committed implies acknowledged, and no later record stands before an earlier one only;
   - the committed offset never goes back;
   - a hand-over that was drained leaves nothing to be sent twice;
   - when nobody can move any more everything is mirrored and committed. (There are no cycles: each step uses something up.)

   Where it is in the code:
   read			tracker_begin and send_flight: where mirror/pipeline.c calls them
   take_answer		on_delivery, on_failed, partition_recover in mirror/pipeline_send.c
   pop_settled		tracker_pop in mirror/tracker.c
   choose_resends	choose_resends, in resend, in mirror/pipeline_send.c
   commit		worker_commit in mirror/worker_group.c
   revoke		on_revoke, worker_revoked_is_drained, worker_finish_revoke in mirror/worker_group.c
   lost			on_event, CONSUMER_LOST, in mirror/worker_group.c
   orphans		what pipeline_remove leaves on its way: its deliveries only free memory

   Left out: records that are dropped or held on purpose, scripts, several target partitions, gaps, positions over markers.

   Bounds: WORKERS, RECORDS, WINDOW (flights of a tracker), FAILURES, TROUBLES. What BREAK_... leaves out is found to be needed;
   tests/model/run says what is expected of each. */
#define WORKERS 2
#define RECORDS 3
#define WINDOW 2
#define FAILURES 1
#define TROUBLES 2
#define NOBODY 255
#define NOTHING 255

mtype:flight = { NOT_READ, WAITING, SENT, ACKED };
mtype:answer = { NO_ANSWER, ARRIVED, FAILED };
mtype:mode = { FLOWING, RECOVERING, RESENDING };

/* The target's log has 0 to in_order - 1 as a subsequence. */
byte in_order;

/* The group at the source. */
byte committed, owner = NOBODY, generation;
bool is_asked; /* the owner, to revoke */
bool has_it[WORKERS]; /* as the worker sees it */

/* Between workers and clusters. */
chan wire[WORKERS] = [4] of { byte };
byte orphans[WORKERS]; /* so many at the head of the wire are of a tracker that is no more */
mtype:answer answers[WORKERS * RECORDS];
byte commit_to[WORKERS] = NOTHING, commit_generation[WORKERS];

/* Each worker's tracker, and what its partition is at. (Spin would share these if they were declared in Worker.) */
mtype:flight flights[WORKERS * RECORDS];
mtype:mode mode[WORKERS];

byte failures = FAILURES, troubles = TROUBLES;

#define answer(w, r) answers[(w) * RECORDS + (r)]
#define flight(r) flights[me * RECORDS + (r)]

proctype Target(byte worker) {
	byte record;

end:	do
	:: atomic { wire[worker]?record ->
		if
		:: in_order = (record == in_order -> in_order + 1 : in_order);
			if
			:: true -> answer(worker, record) = ARRIVED
			:: failures > 0 -> failures--; answer(worker, record) = FAILED
			fi
		:: failures > 0 -> failures--; answer(worker, record) = FAILED
		fi;
		if
		:: orphans[worker] > 0 ->
			orphans[worker]--;
#ifndef BREAK_ORPHANS_COUNT
			answer(worker, record) = NO_ANSWER
#endif
		:: else
		fi;
		record = 0 }
	od
}

/* Commits reach it; whose generation is over is refused. */
inline take_commit(worker) {
	if
#ifdef BREAK_GENERATION
	:: true ->
#else
	:: owner == worker && commit_generation[worker] == generation ->
#endif
		assert(commit_to[worker] >= committed);
		committed = commit_to[worker];
		assert(committed <= in_order)
#ifndef BREAK_GENERATION
	:: else
#endif
	fi;
	commit_to[worker] = NOTHING;
	commit_generation[worker] = 0
}

inline forget_owner() {
	owner = NOBODY;
	is_asked = false
}

proctype Group() {
end:	do
	:: d_step { commit_to[0] != NOTHING -> take_commit(0) }
	:: d_step { commit_to[1] != NOTHING -> take_commit(1) }
	:: d_step { owner == NOBODY && !has_it[0] -> generation++; owner = 0 }
	:: d_step { owner == NOBODY && !has_it[1] -> generation++; owner = 1 }
	:: d_step { owner != NOBODY && !is_asked && troubles > 0 -> troubles--; is_asked = true }
	:: d_step { owner != NOBODY && troubles > 0 -> troubles--; forget_owner() }
	od
}

#define is_member (owner == me && mine == generation)
#define is_drained (next == position)

inline read() {
	flight(next) = SENT;
	wire[me]!next;
	next++
}

inline pop_settled() {
	do
	:: position < next && flight(position) == ACKED -> flight(position) = NOT_READ; position++
	:: else -> break
	od
}

inline take_answer(record) {
	if
	:: answer(me, record) == ARRIVED -> flight(record) = ACKED
	:: answer(me, record) == FAILED -> flight(record) = WAITING; mode[me] = RECOVERING
	fi;
	pop_settled();
	answer(me, record) = NO_ANSWER
}

/* The first that failed, and what was acknowledged behind it, go out again. */
inline choose_resends() {
	at = position;
	is_behind = false;
	do
	:: at < next ->
		if
		:: flight(at) == WAITING -> is_behind = true
#ifndef BREAK_RESEND_FAILED_ONLY
		:: flight(at) == ACKED && is_behind -> flight(at) = WAITING
#endif
		:: else
		fi;
		at++
	:: else -> break
	od;
	at = 0;
	is_behind = false;
	mode[me] = RESENDING
}

#ifdef BREAK_RESEND_AT_ONCE
#define nothing_is_sent true
#else
#define nothing_is_sent (flight(0) != SENT && flight(1) != SENT && flight(2) != SENT)
#endif

#define something_waits (flight(0) == WAITING || flight(1) == WAITING || flight(2) == WAITING)

/* The oldest that waits. */
inline resend() {
	at = position;
	do
	:: at < next && flight(at) != WAITING -> at++
	:: else -> break
	od;
	flight(at) = SENT;
	wire[me]!at;
	at = 0
}

inline commit() {
	commit_generation[me] = mine;
#if defined(BREAK_COMMIT_READ)
	commit_to[me] = next;
#elif defined(BREAK_COMMIT_HIGHEST)
	at = next;
	do
	:: at > position && at > asked_to && flight(at - 1) != ACKED -> at--
	:: else -> break
	od;
	commit_to[me] = at;
	at = 0;
#else
	commit_to[me] = position;
#endif
	asked_to = commit_to[me]
}

/* The partition goes, and the tracker with it. */
inline remove() {
	orphans[me] = len(wire[me]);
	at = 0;
	do
	:: at < RECORDS -> flight(at) = NOT_READ; answer(me, at) = NO_ANSWER; at++
	:: else -> break
	od;
	at = 0;
#ifndef BREAK_BEGIN_AT_OWN
	next = 0;
#endif
	position = 0;
	asked_to = 0;
	mine = 0;
	mode[me] = FLOWING;
	has_it[me] = false
}

inline begin() {
	has_it[me] = true;
	mine = generation;
#ifdef BREAK_BEGIN_AT_OWN
	next = (next > committed -> next : committed);
	position = next;
#else
	position = committed;
	next = committed;
#endif
	asked_to = committed
}

proctype Worker(byte me) {
	byte position, next; /* behind what is settled, and behind what was read */
	byte asked_to;	     /* commits were asked for up to here */
	byte mine;	     /* generation */
	byte at;
	bool is_behind;

end:	do
	:: d_step { owner == me && !has_it[me] && commit_to[me] == NOTHING -> begin() }
	:: d_step { has_it[me] && mode[me] == FLOWING && !(is_member && is_asked) && next < RECORDS && next - position < WINDOW &&
		nfull(wire[me]) -> read() }
	:: d_step { has_it[me] && answer(me, 0) != NO_ANSWER -> take_answer(0) }
	:: d_step { has_it[me] && answer(me, 1) != NO_ANSWER -> take_answer(1) }
	:: d_step { has_it[me] && answer(me, 2) != NO_ANSWER -> take_answer(2) }
	:: d_step { has_it[me] && mode[me] == RECOVERING && nothing_is_sent -> choose_resends() }
	:: d_step { has_it[me] && mode[me] == RESENDING && something_waits && nfull(wire[me]) -> resend() }
	:: d_step { has_it[me] && mode[me] == RESENDING && is_drained -> mode[me] = FLOWING }
	:: d_step { has_it[me] && commit_to[me] == NOTHING && position > asked_to -> commit() }

	/* revoke: drained, and the last commit is answered */
#ifdef BREAK_NO_DRAIN
	:: d_step { has_it[me] && is_member && is_asked ->
#else
	:: d_step { has_it[me] && is_member && is_asked && is_drained && asked_to == position && commit_to[me] == NOTHING ->
#endif
		assert(committed == next);
		forget_owner();
		remove() }
	/* revoke: the time is out */
	:: d_step { has_it[me] && is_member && is_asked -> forget_owner(); remove() }
	/* lost */
	:: d_step { has_it[me] && !is_member -> remove() }
	/* killed */
	:: d_step { has_it[me] && is_member && troubles > 0 -> troubles--; forget_owner(); remove() }
	od
}

init {
	byte w;

	atomic {
		do
		:: w < WORKERS * RECORDS -> answers[w] = NO_ANSWER; flights[w] = NOT_READ; w++
		:: else -> break
		od;
		w = 0;
		do
		:: w < WORKERS -> mode[w] = FLOWING; run Target(w); run Worker(w); w++
		:: else -> break
		od;
		run Group()
	};
	timeout -> assert(committed == RECORDS)
}
