/* Unit tests of the tracker. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "mirror/tracker.h"

/* Begins so many flights, offsets from `from` on, and sends them. */
static void
begin_sent(struct tracker *t, struct flight **flights, size_t count, int64_t from)
{
	for (size_t i = 0; i < count; i++) {
		flights[i] = tracker_begin(t, from + (int64_t)i, 10);
		tracker_set(flights[i], FLIGHT_SENT);
	}
}

static size_t
pop_all(struct tracker *t)
{
	struct flight f;
	size_t n = 0;

	while (tracker_pop(t, &f))
		n++;
	return n;
}

TEST(position_is_unknown_before_the_first_pop)
{
	struct tracker *t = tracker_new(NULL);

	CHECK_INT(tracker_position(t), -1);
	CHECK_INT(pop_all(t), 0);
	tracker_free(&t);
}

TEST(position_moves_in_order_whatever_the_order_of_acknowledgement)
{
	struct tracker *t = tracker_new(NULL);
	struct flight *f[3];

	begin_sent(t, f, 3, 100);
	tracker_set(f[2], FLIGHT_ACKED);
	CHECK_INT(pop_all(t), 0);
	CHECK_INT(tracker_position(t), -1);
	tracker_set(f[0], FLIGHT_ACKED);
	CHECK_INT(pop_all(t), 1);
	CHECK_INT(tracker_position(t), 101);
	tracker_set(f[1], FLIGHT_ACKED);
	CHECK_INT(pop_all(t), 2);
	CHECK_INT(tracker_position(t), 103);
	CHECK_INT(tracker_count(t), 0);
	tracker_free(&t);
}

TEST(holes_in_the_offsets_do_not_stop_the_position)
{
	struct tracker *t = tracker_new(NULL);
	int64_t offsets[] = {5, 9, 1000};

	for (size_t i = 0; i < 3; i++) {
		struct flight *f = tracker_begin(t, offsets[i], 1);

		tracker_set(f, FLIGHT_SENT);
		tracker_set(f, FLIGHT_ACKED);
		CHECK_INT(pop_all(t), 1);
		CHECK_INT(tracker_position(t), offsets[i] + 1);
	}
	tracker_free(&t);
}

TEST(a_failed_record_holds_the_position_until_it_was_sent_again)
{
	struct tracker *t = tracker_new(NULL);
	struct flight *f[2];

	begin_sent(t, f, 2, 0);
	tracker_set(f[0], FLIGHT_WAITING);
	tracker_set(f[1], FLIGHT_ACKED);
	CHECK_INT(tracker_sent(t), 0);
	CHECK_INT(pop_all(t), 0);
	tracker_set(f[0], FLIGHT_SENT);
	CHECK_INT(tracker_sent(t), 1);
	tracker_set(f[0], FLIGHT_ACKED);
	CHECK_INT(pop_all(t), 2);
	CHECK_INT(tracker_position(t), 2);
	tracker_free(&t);
}

TEST(a_dropped_record_counts_as_settled)
{
	struct tracker *t = tracker_new(NULL);

	tracker_set(tracker_begin(t, 7, 1), FLIGHT_DONE);
	CHECK_INT(pop_all(t), 1);
	CHECK_INT(tracker_position(t), 8);
	tracker_free(&t);
}

TEST(the_settled_position_is_known_before_it_is_popped)
{
	struct tracker *t = tracker_new(NULL);
	struct flight *f[4];
	int64_t position;

	begin_sent(t, f, 4, 10);
	CHECK(tracker_settled_position(t, &position));
	CHECK_INT(position, -1);
	tracker_set(f[0], FLIGHT_ACKED);
	tracker_set(f[1], FLIGHT_DONE);
	CHECK(tracker_settled_position(t, &position));
	CHECK_INT(position, 12);
	/* One behind the first that is not: positions would not count it. */
	tracker_set(f[3], FLIGHT_ACKED);
	CHECK(!tracker_settled_position(t, &position));
	CHECK_INT(position, 12);
	/* What was left out on purpose is in no transaction. */
	tracker_set(f[3], FLIGHT_DONE);
	CHECK(tracker_settled_position(t, &position));
	CHECK_INT(tracker_position(t), -1);
	pop_all(t);
	CHECK_INT(tracker_position(t), 12);
	CHECK(tracker_settled_position(t, &position));
	CHECK_INT(position, 12);
	tracker_free(&t);
}

TEST(advance_moves_an_empty_tracker_only_and_never_back)
{
	struct tracker *t = tracker_new(NULL);
	struct flight *f[1];

	begin_sent(t, f, 1, 10);
	tracker_advance(t, 20);
	CHECK_INT(tracker_position(t), -1);
	tracker_set(f[0], FLIGHT_ACKED);
	pop_all(t);
	tracker_advance(t, 12);
	CHECK_INT(tracker_position(t), 12);
	tracker_advance(t, 11);
	CHECK_INT(tracker_position(t), 12);
	tracker_free(&t);
}

TEST(discard_gives_back_everything_and_leaves_the_position)
{
	struct tracker *t = tracker_new(NULL);
	struct flight *f[200], out;
	size_t n = 0;

	begin_sent(t, f, 200, 0);
	while (tracker_discard(t, &out)) {
		CHECK_INT(out.offset, (int64_t)n);
		n++;
	}
	CHECK_INT(n, 200);
	CHECK_INT(tracker_sent(t), 0);
	CHECK_INT(tracker_position(t), -1);
	tracker_free(&t);
}

TEST(walk_visits_all_flights_in_order_across_chunks)
{
	for (size_t skip = 0; skip < 130; skip += 13) {
		struct tracker *t = tracker_new(NULL);
		struct flight *f[300], *at = NULL;
		size_t n = 0;

		begin_sent(t, f, 300, 0);
		for (size_t i = 0; i < skip; i++)
			tracker_set(f[i], FLIGHT_ACKED);
		CHECK_INT(pop_all(t), skip);
		while ((at = tracker_next(t, at)))
			CHECK_INT(at->offset, (int64_t)(skip + n++));
		CHECK_INT(n, 300 - skip);
		tracker_free(&t);
	}
}

/* A million random steps against a plain array as the model. */
TEST(random_steps_agree_with_a_model)
{
	enum { MOST = 500 };
	struct tracker *t = tracker_new(NULL);
	struct flight *flights[MOST], out;
	size_t first = 0, count = 0; /* a ring of what is in the tracker */
	int64_t next = 0, popped = 0;
	unsigned seed = 42;

	for (int step = 0; step < 1000000; step++) {
		size_t pick = (unsigned)rand_r(&seed) % 100;

		if (pick < 50 && count < MOST) {
			next += 1 + (unsigned)rand_r(&seed) % 3;
			flights[(first + count++) % MOST] = tracker_begin(t, next, 1);
		} else if (count > 0) {
			struct flight *f =
				flights[(first + (unsigned)rand_r(&seed) % count) % MOST];

			if (f->state == FLIGHT_WAITING)
				tracker_set(f, FLIGHT_SENT);
			else if (f->state == FLIGHT_SENT)
				tracker_set(f, pick < 55 ? FLIGHT_WAITING : FLIGHT_ACKED);
		}
		while (tracker_pop(t, &out)) {
			CHECK(out.offset > popped);
			popped = out.offset;
			first = (first + 1) % MOST;
			count--;
		}
		CHECK(tracker_count(t) == count);
	}
	CHECK(tracker_position(t) == popped + 1);
	CHECK(popped > 1000);
	tracker_free(&t);
}
