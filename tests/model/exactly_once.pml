/* Exactly once: how partitions are handed over from one stream to the next.

   What is modelled. One partition of the source with RECORDS records, the ledger at the target (one partition, with offsets,
   transactions and a last stable offset), the target's partition, the coordinator of transactions, and lives.

   A life is what one transactional id goes through: a producer, made by some stream, that claims the partition, fences whoever
   may still write, reads the position, mirrors in transactions, hands over or comes to grief. Nothing says which life has the
   partition: there is no group in this model. All lives may believe at the same time that it is theirs, each may sleep at any
   step for as long as it likes and wake up at the worst moment, and each may die anywhere. So what holds here holds whatever the
   source's group does. The same life may claim again (AGAIN times in all), after it has handed over and after a transaction that it
   has aborted itself. Where a producer is replaced a new life begins, since no transactional id is used by two producers.

   When nobody can move any more, a last life, the rescuer, comes and must be able to mirror everything: nothing that others have
   left may hold it for ever, and all lives must have come to their ends by then.

   What must hold, whenever a commit is decided (check_target):
   - each record is at the target once, in order, nothing is missing, for readers of what is committed;
   - the position of the ledger stands right behind them: position and data move together, and committed implies acknowledged.

   Steps. claim: CLAIM; find_claims and the loop behind it: FENCE; read_positions: READ; produce, finish, commit: LOOP and HAND-OVER;
   trouble: TROUBLE. A step of a life is one request to a broker that was answered; a request that was not answered is one
   that never was, but for EndTxn, which may arrive when nobody waits for it any more (end_is_sent, late_end).

   The coordinator does what brokers do: InitProducerId (raise_epoch) aborts what is open, waits until the markers of what is
   decided are written, and refuses the former owner from then on; markers reach the two partitions at different times; an open
   transaction may be ended by its time-out at any moment.

   COMPACTED is the same with a log cleaner that has always just been there: aborted records, and claims with a tombstone, are gone.
   Without it everything stays, and who reads uncommitted takes aborted claims and tombstones for true.

   Left out: several partitions (a life that is fenced for one loses all, which only brings more of TROUBLE); records that are
   dropped on purpose; leaders of the target that lose what they had acknowledged; who shares out the partition (see tracker.pml).

   Bounds: LIVES with the rescuer, AGAIN, RECORDS. What BREAK_... leaves out is found to be needed; tests/model/run says what is
   expected of each. */
#ifndef LIVES
#define LIVES 3
#endif
#ifndef AGAIN
#define AGAIN 1
#endif
#ifndef RECORDS
#define RECORDS 2
#endif
#define RESCUER (LIVES - 1)
#define LEDGER 16
#define DATA 8
#define NOBODY 255
#define NOWHERE 255

mtype:entry = { CLAIM, TOMBSTONE, POSITION };
mtype:status = { OPEN, COMMITTED, ABORTED };
mtype:transaction = { EMPTY, ONGOING, COMMITTING, ABORTING };

/* The ledger: one partition, so one order. */
mtype:entry entry_kind[LEDGER];
mtype:status entry_status[LEDGER];
byte entry_value[LEDGER];  /* whose claim; of a POSITION the next source offset */
byte entry_writer[LEDGER]; /* of what is OPEN */
byte ledger_end;
byte last_stable;	   /* the first that is OPEN; only markers move it */

/* Where lives are in it. NOWHERE: it does not matter any more. */
byte claim_at[LIVES], read_to[LIVES];

/* The target partition. What readers can see is only counted: offsets 0 to mirrored - 1. */
byte mirrored;
byte data_record[DATA];
byte data_writer[DATA]; /* NOBODY: committed, behind something that is not decided */
byte data_end;

/* The transaction coordinator, one row a transactional id. */
mtype:transaction state[LIVES];
bool is_fenced[LIVES]; /* the epoch is not its owner's any more */
bool ledger_marker_due[LIVES], data_marker_due[LIVES];
bool end_is_sent[LIVES]; /* EndTxn(commit) is on its way */
bool late_end[LIVES];    /* and nobody waits for it, although the life goes on */
bool is_done[LIVES];	  /* the answer */

byte started, ended; /* lives */
byte again = AGAIN;

/* Used inside of one step only. */
hidden byte i, k, n, top;
hidden short latest[LIVES];

inline append(kind, value) {
	assert(ledger_end < LEDGER);
	entry_kind[ledger_end] = kind;
	entry_status[ledger_end] = OPEN;
	entry_value[ledger_end] = value;
	entry_writer[ledger_end] = me;
	ledger_end++
}

inline remove(at) {
	n = at;
	do
	:: n + 1 < ledger_end ->
		entry_kind[n] = entry_kind[n + 1];
		entry_status[n] = entry_status[n + 1];
		entry_value[n] = entry_value[n + 1];
		entry_writer[n] = entry_writer[n + 1];
		n++
	:: else -> break
	od;
	entry_kind[n] = 0; entry_status[n] = 0; entry_value[n] = 0; entry_writer[n] = 0;
	ledger_end--;
	n = 0;
	do
	:: n < LIVES ->
		if
		:: claim_at[n] != NOWHERE && claim_at[n] > at -> claim_at[n]--
		:: else
		fi;
		if
		:: read_to[n] != NOWHERE && read_to[n] > at -> read_to[n]--
		:: else
		fi;
		n++
	:: else -> break
	od;
	n = 0
}

#define is_position(e) (entry_kind[e] == POSITION)
#define same_claim(a, b) (!is_position(a) && !is_position(b) && entry_value[a] == entry_value[b])

#ifdef COMPACTED
#define hides(e) (entry_status[e] == COMMITTED)
#define is_cleaned(e) (entry_status[e] == ABORTED)
#else
#define hides(e) true
#define is_cleaned(e) (entry_status[e] == ABORTED && is_position(e))
#endif

/* n = LIVES when nobody reads up to somewhere behind i, but not behind k. */
inline find_reader_between() {
	n = 0;
	do
	:: n < LIVES && (read_to[n] == NOWHERE || read_to[n] <= i || read_to[n] > k) -> n++
	:: else -> break
	od
}

/* top = 1 when entry i, which is decided, makes no difference any more: it is cleaned, or a newer one hides it, or it is a
   tombstone with nothing to hide. */
inline judge_entry() {
	top = is_cleaned(i);
	k = i + 1;
	do
	:: k < ledger_end ->
		if
		:: same_claim(i, k) && hides(k) -> top = 1
		:: is_position(i) && is_position(k) && entry_status[k] == COMMITTED ->
			find_reader_between();
			top = (n == LIVES -> 1 : top)
		:: else
		fi;
		k++
	:: else -> break
	od;
	k = 0;
	do
	:: entry_kind[i] == TOMBSTONE && k < i && !same_claim(i, k) -> k++
	:: entry_kind[i] == TOMBSTONE && k == i -> top = 1; break
	:: else -> break
	od
}

/* Takes out what makes no difference, so that different ways to the same are one state. */
inline forget() {
	i = 0;
	do
	:: i < ledger_end ->
		top = 0;
		if
		:: entry_status[i] != OPEN -> judge_entry()
		:: else
		fi;
		if
		:: top == 1 -> remove(i)
		:: else -> i++
		fi
	:: else -> break
	od;
	i = 0; k = 0; n = 0; top = 0;
	last_stable = 0;
	do
	:: last_stable < ledger_end && entry_status[last_stable] != OPEN -> last_stable++
	:: else -> break
	od
}

#define is_decided(e) (entry_status[e] == COMMITTED || (entry_status[e] == OPEN && state[entry_writer[e]] == COMMITTING))

inline check_target() {
	top = 0; i = 0;
	do
	:: i < ledger_end ->
		if
		:: entry_kind[i] == POSITION && is_decided(i) -> top = entry_value[i]
		:: else
		fi;
		i++
	:: else -> break
	od;
	n = mirrored; i = 0;
	do
	:: i < data_end ->
		if
		:: data_writer[i] == NOBODY || (state[data_writer[i]] == COMMITTING && data_marker_due[data_writer[i]]) ->
			assert(data_record[i] == n); /* once, in order, nothing missing */
			n++
		:: else
		fi;
		i++
	:: else -> break
	od;
	assert(n == top); /* position and data move together */
	i = 0; top = 0; n = 0
}

inline finish_markers(id) {
	if
	:: !ledger_marker_due[id] && !data_marker_due[id] -> state[id] = EMPTY
	:: else
	fi
}

inline write_ledger_marker(id) {
	i = 0;
	do
	:: i < ledger_end ->
		if
		:: entry_status[i] == OPEN && entry_writer[i] == id ->
			entry_status[i] = (state[id] == COMMITTING -> COMMITTED : ABORTED);
			entry_writer[i] = 0
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	ledger_marker_due[id] = false;
	forget();
	finish_markers(id)
}

inline write_data_marker(id) {
	i = 0; k = 0;
	do
	:: i < data_end ->
		if
		:: data_writer[i] == id && state[id] == ABORTING -> skip
		:: else ->
			data_record[k] = data_record[i];
			data_writer[k] = (data_writer[i] == id -> NOBODY : data_writer[i]);
			k++
		fi;
		i++
	:: else -> break
	od;
	data_end = k;
	top = 0;
	do
	:: top < data_end && data_writer[top] == NOBODY -> mirrored++; top++
	:: else -> break
	od;
	data_end = data_end - top;
	i = 0;
	do
	:: i < data_end -> data_record[i] = data_record[i + top]; data_writer[i] = data_writer[i + top]; i++
	:: i >= data_end && i < DATA -> data_record[i] = 0; data_writer[i] = 0; i++
	:: else -> break
	od;
	i = 0; k = 0; top = 0;
	data_marker_due[id] = false;
	finish_markers(id)
}

inline has_data(id) {
	n = 0; i = 0;
	do
	:: i < data_end && data_writer[i] == id -> n = 1; break
	:: i < data_end && data_writer[i] != id -> i++
	:: else -> break
	od;
	i = 0
}

inline has_entries(id) {
	n = 0; i = 0;
	do
	:: i < ledger_end && entry_status[i] == OPEN && entry_writer[i] == id -> n = 1; break
	:: i < ledger_end && !(entry_status[i] == OPEN && entry_writer[i] == id) -> i++
	:: else -> break
	od;
	i = 0
}

/* Markers are written to the partitions that the transaction has touched. */
inline decide(id, what) {
	state[id] = what;
	has_entries(id);
	ledger_marker_due[id] = n;
	has_data(id);
	data_marker_due[id] = n;
	n = 0;
	finish_markers(id)
}

/* The epoch goes up: what its owner does from now on is refused, and what is on its way. */
inline raise_epoch(id) {
	is_fenced[id] = true;
	end_is_sent[id] = false;
	late_end[id] = false
}

inline end_transaction(id) {
	if
	:: state[id] == ONGOING ->
		decide(id, COMMITTING);
		check_target()
	:: else
	fi
}

proctype Coordinator(byte id) {
end:	do
	:: d_step { end_is_sent[id] && (state[id] == ONGOING || state[id] == EMPTY) ->
		end_is_sent[id] = false;
		is_done[id] = true;
		end_transaction(id) }
#ifdef BREAK_UNKNOWN_ABORT
	:: d_step { late_end[id] && (state[id] == ONGOING || state[id] == EMPTY) ->
		late_end[id] = false;
		end_transaction(id) }
#endif
#ifndef BREAK_NO_TIMEOUT
	:: d_step { state[id] == ONGOING && id != RESCUER -> /* its time is out */
		raise_epoch(id);
		decide(id, ABORTING) }
#endif
	:: d_step { ledger_marker_due[id] -> write_ledger_marker(id) }
	:: d_step { data_marker_due[id] -> write_data_marker(id) }
	od
}

/* Whose claims hold below ours: by the newest record of each key. */
inline find_claims() {
	i = 0;
	do
	:: i < LIVES -> latest[i] = -1; i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < ledger_end ->
		if
#ifdef BREAK_FENCE_COMMITTED
		:: entry_status[i] == OPEN -> break
#endif
		:: entry_kind[i] == CLAIM -> latest[entry_value[i]] = i
		:: entry_kind[i] == TOMBSTONE -> latest[entry_value[i]] = -1
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	do
	:: i < LIVES ->
		to_fence[i] = (i != me && latest[i] >= 0 && latest[i] < claim_at[me]);
		latest[i] = 0;
		i++
	:: else -> break
	od;
	i = 0;
	claim_at[me] = NOWHERE
}

inline find_position() {
	i = 0; position = 0;
	do
	:: i < read_to[me] ->
		if
		:: entry_kind[i] == POSITION && entry_status[i] == COMMITTED -> position = entry_value[i]
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0;
	read_to[me] = NOWHERE;
	forget()
}

/* READ: up to the end as it is now, whatever is open below. */
inline read_positions() {
	skip;
	d_step {
#if defined(BREAK_READ_TO_LSO)
		read_to[me] = last_stable
#elif defined(BREAK_READ_TO_CLAIM)
		skip
#else
		read_to[me] = ledger_end
#endif
	};
	d_step { last_stable >= read_to[me] -> find_position() }
}

/* The next write of a life is taken, refused, or must wait for markers of its last transaction. */
#define may_write (!is_fenced[me] && (state[me] == EMPTY || state[me] == ONGOING))

inline wait_for_turn() {
	may_write || is_fenced[me];
	if
	:: is_fenced[me] -> goto fenced
	:: else
	fi;
	state[me] = ONGOING
}

/* CLAIM, but for its commit */
inline write_claim() {
	atomic {
		wait_for_turn();
		claim_at[me] = ledger_end;
#ifndef BREAK_NO_CLAIM
		append(CLAIM, me);
#endif
#ifdef BREAK_READ_TO_CLAIM
		read_to[me] = ledger_end
#endif
	}
}

/* EndTxn; the answer may never come. */
inline commit() {
	d_step { is_done[me] = false; end_is_sent[me] = true };
	if
	:: atomic { !end_is_sent[me] ->
		if
		:: is_done[me] -> is_done[me] = false
		:: else -> goto fenced
		fi }
#ifdef BREAK_UNKNOWN_ABORT
	:: atomic { me != RESCUER && end_is_sent[me] -> end_is_sent[me] = false; late_end[me] = true; goto trouble }
#else
	:: me != RESCUER -> goto gone
#endif
	fi
}

/* Or it meets trouble before, or dies with the transaction open. */
inline commit_or_not() {
	if
	:: commit()
	:: me != RESCUER -> goto trouble
	:: me != RESCUER -> goto gone
	fi
}

/* FENCE: InitProducerId with each id that may still write, until it has succeeded. */
inline fence() {
	d_step { find_claims() };
	do
	:: other < LIVES && !to_fence[other] -> other++
#ifdef BREAK_NO_FENCE
	:: other < LIVES && to_fence[other] -> other++
#else
	:: d_step { other < LIVES && to_fence[other] && state[other] == ONGOING ->
		raise_epoch(other);
		decide(other, ABORTING) }
	:: d_step { other < LIVES && to_fence[other] && state[other] == EMPTY ->
		raise_epoch(other);
		other++ }
#endif
	:: other == LIVES -> other = 0; break
	od
}

/* One record, acknowledged. */
inline produce() {
	atomic {
		wait_for_turn();
		data_record[data_end] = next;
		data_writer[data_end] = me;
		data_end++;
		next++
	}
}

/* The end of a transaction, but for its commit. All records are acknowledged. */
inline finish() {
	atomic {
		wait_for_turn();
		if
		:: next > position -> append(POSITION, next)
		:: else
		fi;
		i = 0;
		do
		:: i < LIVES ->
			if
			:: to_fence[i] -> append(TOMBSTONE, i); to_fence[i] = false
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0;
		if
		:: hands_over -> append(TOMBSTONE, me)
		:: else
		fi
	}
}

proctype Life(byte me) {
	byte position, next, other;
	bool to_fence[LIVES]; /* then: was fenced by us, and a tombstone is due */
	bool hands_over;

	started == me || me == RESCUER -> started++;
claim:
#ifdef BREAK_CLAIM_AFTER_READ
	read_positions();
#endif
	write_claim();
	commit();
#ifdef BREAK_READ_BEFORE_FENCE
	read_positions();
#endif
	fence();
#if !defined(BREAK_CLAIM_AFTER_READ) && !defined(BREAK_READ_BEFORE_FENCE)
	read_positions();
#endif
	next = position;
loop:
	do
	:: next < RECORDS && (me != RESCUER || next == position) -> produce()
#ifdef BREAK_IGNORE_FAILURE
	:: next < RECORDS && me != RESCUER -> next++
#endif
	:: next > position && me != RESCUER -> goto trouble /* a record was refused */
	:: me != RESCUER -> goto gone
	:: next > position ->
#ifdef BREAK_POSITION_OUTSIDE
		commit();
#endif
		finish();
		commit_or_not();
		position = next
	:: me != RESCUER && again > 0 ->
		hands_over = true;
		finish();
		commit_or_not();
#ifdef BREAK_WRITE_AFTER_HAND_OVER
		hands_over = false;
		position = next;
		goto loop;
#endif
		goto once_more
	:: me == RESCUER && position == RECORDS -> goto gone
	od;

trouble:
	skip;
	d_step {
		if
		:: state[me] == ONGOING && !is_fenced[me] -> decide(me, ABORTING)
		:: else
		fi
	};
#ifdef BREAK_GO_ON
	hands_over = false;
	next = position;
	goto loop;
#endif
once_more:
	atomic {
		hands_over = false;
		position = 0;
		next = 0;
		if
		:: again > 0 -> again--; goto claim
		:: else -> goto gone
		fi
	};
fenced:
#ifdef BREAK_REUSE_ID
	do
	:: d_step { state[me] == ONGOING -> raise_epoch(me); decide(me, ABORTING) }
	:: d_step { state[me] == EMPTY -> raise_epoch(me); is_fenced[me] = false }; break
	od;
	goto once_more;
#endif
gone:
	skip;
	d_step {
		claim_at[me] = NOWHERE;
		read_to[me] = NOWHERE;
		position = 0; next = 0; other = 0; hands_over = false; ended++;
		i = 0;
		do
		:: i < LIVES -> to_fence[i] = false; i++
		:: else -> break
		od;
		i = 0
	}
}

init {
	byte id;

	atomic {
		do
		:: id < LIVES ->
			state[id] = EMPTY; claim_at[id] = NOWHERE; read_to[id] = NOWHERE;
			run Coordinator(id);
			id++
		:: else -> break
		od;
		id = 0;
		do
		:: id < RESCUER -> run Life(id); id++
		:: else -> break
		od;
		id = 0
	};
	timeout -> assert(ended == RESCUER); /* nobody waits for ever */
	run Life(RESCUER);
	timeout -> assert(ended == LIVES && mirrored == RECORDS)
}
