/* Unit tests of outputs: how a flight's state follows those of the records that are produced for
 * it. */
#include "tests/unit/unit.h"

#include "mirror/output.h"
#include "mirror/tally.h"

/* A tracker with one flight that has three outputs. */
static struct flight *
begin(struct tracker *tracker, int64_t offset)
{
	struct flight *f = tracker_begin(tracker, offset, 10);

	outputs_new(f, 3, 8);
	for (int i = 0; i < 3; i++)
		outputs_add(f->outputs);
	return f;
}

/* Takes what is settled off the tracker; returns how many flights. */
static int
pop_all(struct tracker *tracker)
{
	struct flight f;
	int n = 0;

	while (tracker_pop(tracker, &f)) {
		outputs_free(&f.outputs);
		n++;
	}
	return n;
}

/* Steps as "output state" pairs, the flight's state after them, and whether something of it is due.
 */
static const struct {
	const char *steps;
	enum flight_state state;
	bool is_due;
} rows[] = {
	{"", FLIGHT_WAITING, true},
	{"0S", FLIGHT_SENT, true},
	{"0S1S2S", FLIGHT_SENT, false},
	{"0S1S2S0A1A", FLIGHT_SENT, false},
	{"0S1S2S0A1A2A", FLIGHT_ACKED, false},
	{"0S1S2S0A1W", FLIGHT_SENT, true},
	{"0S1S2S0A1W2A", FLIGHT_WAITING, true},
	{"0S1S2S0A1W2A1S1A", FLIGHT_ACKED, false},
	/* acknowledged, and to be sent again because one before it failed */
	{"0S1S2S0W1A2A1W", FLIGHT_WAITING, true},
	{"0S1S2S0A1A2W2D", FLIGHT_ACKED, false},
	{"0D1D2D", FLIGHT_ACKED, false},
};

static enum flight_state
state_of(char c)
{
	return c == 'S'	  ? FLIGHT_SENT
	       : c == 'A' ? FLIGHT_ACKED
	       : c == 'D' ? FLIGHT_DONE
			  : FLIGHT_WAITING;
}

TEST(a_flight_follows_its_outputs)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tracker *tracker = tracker_new(NULL);
		struct flight *f = begin(tracker, 5);

		for (const char *step = rows[i].steps; *step; step += 2)
			output_set(&f->outputs->items[step[0] - '0'], state_of(step[1]));
		CHECK_INT(f->state, rows[i].state);
		CHECK_INT(flight_is_due(f), rows[i].is_due);
		CHECK_INT(tracker_sent(tracker), rows[i].state == FLIGHT_SENT);
		CHECK_INT(pop_all(tracker), rows[i].state == FLIGHT_ACKED);
		CHECK_INT(tracker_position(tracker), rows[i].state == FLIGHT_ACKED ? 6 : -1);
		for (struct flight left; tracker_discard(tracker, &left);)
			outputs_free(&left.outputs);
		tracker_free(&tracker);
	}
}

TEST(the_position_waits_for_every_output)
{
	struct tracker *tracker = tracker_new(NULL);
	struct flight *first = begin(tracker, 1), *second = tracker_begin(tracker, 2, 10);

	tracker_set(second, FLIGHT_SENT);
	tracker_set(second, FLIGHT_ACKED);
	for (int i = 0; i < 3; i++)
		output_set(&first->outputs->items[i], FLIGHT_SENT);
	output_set(&first->outputs->items[2], FLIGHT_ACKED);
	output_set(&first->outputs->items[0], FLIGHT_ACKED);
	CHECK_INT(pop_all(tracker), 0);
	output_set(&first->outputs->items[1], FLIGHT_ACKED);
	CHECK_INT(pop_all(tracker), 2);
	CHECK_INT(tracker_position(tracker), 3);
	tracker_free(&tracker);
}

TEST(opaques_lead_back)
{
	struct tracker *tracker = tracker_new(NULL);
	struct flight *f = begin(tracker, 1), left;
	struct output *output;

	CHECK(opaque_flight(f, &output) == f && output == NULL);
	for (int i = 0; i < 3; i++)
		CHECK(opaque_flight(output_opaque(&f->outputs->items[i]), &output) == f &&
			output == &f->outputs->items[i]);
	CHECK(tracker_discard(tracker, &left));
	outputs_free(&left.outputs);
	tracker_free(&tracker);
}

TEST(bytes_are_copied_into_the_room)
{
	struct tracker *tracker = tracker_new(NULL);
	struct flight *f = begin(tracker, 1), left;
	const char *a = outputs_copy(f->outputs, "abcde", 5), *b = outputs_copy(f->outputs, "", 0),
		   *c = outputs_copy(f->outputs, "xyz", 3);

	CHECK(a && !memcmp(a, "abcde", 5) && b && c && !memcmp(c, "xyz", 3));
	CHECK(outputs_copy(f->outputs, NULL, 0) == NULL);
	CHECK(outputs_copy(f->outputs, "x", 1) == NULL);
	CHECK(tracker_discard(tracker, &left));
	outputs_free(&left.outputs);
	tracker_free(&tracker);
}

/* What tally_each gives, as "name=count ". */
static void
add(const char *name, uint64_t count, void *arg)
{
	char *text = arg;

	snprintf(text + strlen(text), 200 - strlen(text), "%s=%d ", name, (int)count);
}

TEST(a_tally_is_bounded_and_sorted)
{
	char text[200] = "", name[16];

	tally_add(TALLY_NOTE, "b", 1);
	tally_add(TALLY_NOTE, "a", 1);
	tally_add(TALLY_NOTE, "c", 5);
	tally_add(TALLY_NOTE, "a", 1);
	tally_each(TALLY_NOTE, add, text);
	CHECK_STR(text, "c=5 a=2 b=1 ");
	for (int i = 0; i < TALLY_MOST + 100; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		tally_add(TALLY_DROPPED, name, 1);
	}
	text[0] = '\0';
	tally_each(TALLY_DROPPED, add, text);
	CHECK(!strncmp(text, "(others)=100 ", 13));
}
