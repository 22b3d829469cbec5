/* Unit tests of limits: which one a topic has, and what the places in their queues add up to. The
   clock is made up: places only look at the time that they are given. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rates.h"
#include "mirror/limits.h"

/* Limits of "expression=text" pairs, origin first: "file:1|a.*=1MB/s". overall may be NULL. */
static struct limits *
make(const char *overall, const char *const *rows, size_t count, struct err *err)
{
	struct config config = {0};
	struct limits *limits;

	config.mirror.limit = overall ? mem_strdup(overall) : NULL;
	for (size_t i = 0; i < count; i++) {
		char *row = mem_strdup(rows[i]), *bar = strchr(row, '|'), *is = strchr(row, '=');

		*bar = *is = '\0';
		config_extra_set(&config.limits.extra, bar + 1, is + 1, row);
		free(row);
	}
	limits = limits_new(&config, err);
	config_extra_fini(&config.limits.extra);
	free(config.mirror.limit);
	return limits;
}

static struct limits *
make_overall(const char *text)
{
	return make(text, NULL, 0, NULL);
}

struct taken {
	char text[400];
};

static void
add_info(const struct limit_info *info, void *arg)
{
	struct taken *t = arg;
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s:%s:%d:%" PRId64 ":%" PRId64 " ",
		info->pattern ? info->pattern : "*", info->text, info->origin,
		info->bytes_per_second, info->records_per_second);
}

static const char *
listed(struct limits *limits)
{
	static struct taken taken;

	taken.text[0] = '\0';
	limits_each(limits, add_info, &taken);
	return taken.text;
}

/* The text of a topic's limit, by the rates that it has: found by what it lets through in one turn.
 */
static size_t
turn_of(struct limits *limits, const char *topic, const char *route)
{
	struct limit *limit = limits_of(limits, topic, route);
	size_t turn = limit_turn(limit, 0, 1, 1000000);

	limit_release(&limit);
	return turn;
}

TEST(the_first_expression_counts_and_flags_before_the_file)
{
	static const char *const rows[] = {"reflejo.ini:1|a.*=100B/s", "reflejo.ini:2|ab=200B/s",
		"reflejo.ini:3|x\\.y,z=300B/s", "--limits.a1|a1=400B/s",
		"reflejo.ini:4|free.*=none"};
	struct limits *limits = make(NULL, rows, 5, NULL);

	CHECK_INT(turn_of(limits, "ab", NULL), 1);
	CHECK_INT(turn_of(limits, "a1", NULL), 4);
	CHECK_INT(turn_of(limits, "x.y", NULL), 3);
	CHECK_INT(turn_of(limits, "z", NULL), 3);
	CHECK(limits_of(limits, "xay", NULL) == NULL);
	CHECK(limits_of(limits, "aa", "none") == NULL);
	CHECK(limits_of(limits, "free", NULL) == NULL);
	CHECK(limits_overall(limits) == NULL);
	limits_release(&limits);
}

TEST(live_comes_before_the_route_and_that_before_the_configuration)
{
	static const char *const rows[] = {"reflejo.ini:1|t=100B/s"};
	struct limits *limits = make("900B/s", rows, 1, NULL), *live, *both, *again, *none;
	struct limit *overall = limits_overall(limits), *same;

	CHECK_INT(turn_of(limits, "t", NULL), 1);
	CHECK_INT(turn_of(limits, "t", "200B/s"), 2);
	live = limits_with(limits, "t", "300B/s", NULL);
	CHECK_INT(turn_of(live, "t", "200B/s"), 3);
	CHECK_INT(turn_of(limits, "t", "200B/s"), 2);
	both = limits_with(live, NULL, "none", NULL);
	CHECK(limits_overall(both) == NULL);
	CHECK_INT(turn_of(both, "t", NULL), 3);
	again = limits_with(both, NULL, "default", NULL);
	same = limits_overall(again);
	CHECK(same == overall);
	CHECK_INT(turn_of(again, "t", NULL), 3);
	none = limits_with(again, "t", "default", NULL);
	CHECK_INT(turn_of(none, "t", NULL), 1);
	CHECK_STR(listed(both), "*:none:2:-1:-1 t:300B/s:2:300:-1 t:100B/s:0:100:-1 ");
	CHECK_STR(listed(none), "*:900B/s:0:900:-1 t:100B/s:0:100:-1 ");
	limit_release(&same);
	limit_release(&overall);
	limits_release(&limits);
	limits_release(&live);
	limits_release(&both);
	limits_release(&again);
	limits_release(&none);
}

TEST(streams_share_the_limit_of_a_topic)
{
	static const char *const rows[] = {"reflejo.ini:1|t.*=100B/s"};
	struct limits *limits = make(NULL, rows, 1, NULL),
		      *other = limits_with(limits, "x", "1r/s", NULL);
	struct limit *a = limits_of(limits, "t1", NULL), *b = limits_of(other, "t2", NULL);
	struct limit *c = limits_of(limits, "r", "5B/s"), *d = limits_of(other, "r", "5B/s"),
		     *e = limits_of(other, "s", "5B/s");

	CHECK(a && a == b);
	CHECK(c && c == d && c != e);
	CHECK_STR(listed(other), "x:1r/s:2:-1:1 r:5B/s:1:5:-1 s:5B/s:1:5:-1 t.*:100B/s:0:100:-1 ");
	limit_release(&c);
	limit_release(&d);
	CHECK_STR(listed(limits), "s:5B/s:1:5:-1 t.*:100B/s:0:100:-1 ");
	limits_release(&limits);
	limits_release(&other);
	/* A stream may have a limit for longer than there are limits. */
	CHECK_INT(limit_turn(a, 0, 1, 10), 1);
	limit_release(&a);
	limit_release(&b);
	limit_release(&e);
}

TEST(errors_say_where_it_stands)
{
	static const char *const bad_text[] = {"reflejo.ini:7|t=fast"},
				 *const bad_name[] = {"reflejo.ini:8|(t=1B/s"};
	struct limits *limits = make_overall("1B/s");
	struct err err;

	CHECK(make("fast", NULL, 0, &err) == NULL);
	CHECK(!strncmp(err.text, "limit: 'fast' is not a rate", 27));
	CHECK(make(NULL, bad_text, 1, &err) == NULL);
	CHECK(!strncmp(err.text, "reflejo.ini:7: 'fast' is not a rate", 35));
	CHECK(make(NULL, bad_name, 1, &err) == NULL);
	CHECK(!strncmp(err.text, "reflejo.ini:8: ", 15) && strstr(err.text, "(t"));
	CHECK(limits_with(limits, "t", "fast", &err) == NULL);
	CHECK(!strncmp(err.text, "'fast' is not a rate", 20));
	limits_release(&limits);
}

/* Is it the place's turn? */
static bool
passes(struct limit *limit, struct limit_place *place, int64_t now_us, int64_t records,
	int64_t bytes)
{
	return limit_queue(limit, place, now_us, records, bytes) <= now_us;
}

/* Somebody who reads from a partition that never ends. */
struct reader {
	struct limit_place place;
	int64_t size, last, read; /* of a record; records of the last turn; bytes so far */
};

/* Takes a turn if it is time for one. Returns the bytes. */
static int64_t
read_turn(struct limit *limit, struct reader *r, int64_t now_us)
{
	size_t turn = limit_turn(limit, 0, r->size, 256);
	int64_t records = r->last > 0 && (size_t)r->last < turn ? r->last : (int64_t)turn;

	if (!passes(limit, &r->place, now_us, records, records * r->size))
		return 0;
	limit_settle(limit, &r->place, (int64_t)turn, (int64_t)turn * r->size);
	r->last = (int64_t)turn;
	r->read += (int64_t)turn * r->size;
	return (int64_t)turn * r->size;
}

#define READERS 8
#define SECONDS 10

/* Lets the readers run on a clock with steps of a millisecond; every 100 ms' bytes into windows. */
static void
simulate(struct limit *limit, struct reader *readers, int64_t windows[SECONDS * 10])
{
	for (int64_t ms = 0; ms < SECONDS * 1000; ms++)
		for (int64_t round = 1; round > 0; windows[ms / 100] += round) {
			round = 0;
			for (size_t i = 0; i < READERS; i++)
				round += read_turn(
					limit, &readers[i], INT64_C(1000000000) + ms * 1000);
		}
}

static const struct {
	const char *text;
	int64_t rate, size;
} paces[] = {
	{"400kB/s", 400000, 1000},
	{"20MB/s", 20000000, 1000},
	{"20MB/s", 20000000, 100},
	{"1GB/s", 1000000000, 100000},
	{"500r/s", 500, 1},
	{"100MB/s 500r/s", 500, 1},
};

TEST(the_rate_is_kept_smooth_and_fair)
{
	for (size_t p = 0; p < sizeof(paces) / sizeof(paces[0]); p++) {
		struct limits *limits = make_overall(paces[p].text);
		struct limit *limit = limits_overall(limits);
		struct reader readers[READERS] = {0};
		int64_t windows[SECONDS * 10] = {0}, sum = 0, window = paces[p].rate / 10;

		for (size_t i = 0; i < READERS; i++)
			readers[i].size = paces[p].size;
		simulate(limit, readers, windows);
		for (size_t i = 0; i < READERS; i++)
			sum += readers[i].read;
		/* A tenth of a second may be used ahead, and each reader's last turn. */
		CHECK(sum >= paces[p].rate * SECONDS * 99 / 100);
		CHECK(sum <= paces[p].rate * SECONDS + 2 * window + READERS * paces[p].size);
		for (size_t i = 0; i < READERS; i++)
			CHECK(llabs(readers[i].read * READERS - sum) <= sum / 50);
		for (size_t i = 1; i < SECONDS * 10; i++)
			CHECK(windows[i] <= window + window / 5 && windows[i] >= window * 4 / 5);
		CHECK(windows[0] <= 2 * window + READERS * paces[p].size);
		limit_release(&limit);
		limits_release(&limits);
	}
}

TEST(a_time_without_reading_is_not_made_up_for)
{
	enum { MANY = 500 };
	struct limits *limits = make_overall("1MB/s");
	struct limit *limit = limits_overall(limits);
	struct reader *readers = mem_zero(MANY, sizeof(*readers));
	int64_t ms = 1000000, read = 0, by;

	for (int i = 0; i < MANY; i++)
		readers[i].size = 1000;
	/* All of them get a place, the last one in five seconds; then nobody reads for a minute. */
	for (int i = 0; i < MANY; i++)
		read_turn(limit, &readers[i], ms * 1000);
	for (ms += 60000; ms < 1000000 + 60100; ms++)
		do {
			by = 0;
			for (int i = 0; i < MANY; i++)
				by += read_turn(limit, &readers[i], ms * 1000);
			read += by;
		} while (by > 0);
	CHECK(read >= 190000 && read <= 210000);
	free(readers);
	limit_release(&limit);
	limits_release(&limits);
}

TEST(records_larger_than_a_turn_are_paid_for)
{
	struct limits *limits = make_overall("100kB/s");
	struct limit *limit = limits_overall(limits);
	struct reader readers[READERS] = {0};
	int64_t windows[SECONDS * 10] = {0}, sum = 0;

	for (size_t i = 0; i < READERS; i++)
		readers[i].size = 50000;
	simulate(limit, readers, windows);
	for (size_t i = 0; i < READERS; i++)
		sum += readers[i].read;
	CHECK(sum >= 1000000 && sum <= 1000000 + 50000 + 10000);
	limit_release(&limit);
	limits_release(&limits);
}

TEST(what_is_given_up_is_there_for_others)
{
	struct limits *limits = make_overall("1000r/s");
	struct limit *limit = limits_overall(limits);
	struct limit_place a = {0}, b = {0};
	int64_t now = INT64_C(1000000000);

	for (int i = 0; i < 1000; i++) {
		CHECK(passes(limit, &a, now, 50, 0));
		limit_settle(limit, &a, 0, 0);
	}
	CHECK(passes(limit, &a, now, 100, 0));
	CHECK(!passes(limit, &b, now, 1, 0));
	CHECK_INT(b.at_us - now, 10000);
	/* Asking again does not take another place. */
	CHECK(!passes(limit, &b, now + 9999, 1, 0));
	CHECK(passes(limit, &b, now + 10000, 1, 0));
	limit_settle(limit, &b, 1, 0);
	limit_settle(limit, &b, 1, 0);
	CHECK(!b.is_taken);
	limit_release(&limit);
	limits_release(&limits);
}

TEST(more_than_was_thought_is_paid_later)
{
	struct limits *limits = make_overall("1000r/s");
	struct limit *limit = limits_overall(limits);
	struct limit_place a = {0};
	int64_t now = INT64_C(1000000000);

	CHECK(passes(limit, &a, now, 1, 0));
	limit_settle(limit, &a, 2000, 0);
	CHECK(!passes(limit, &a, now, 1, 0));
	CHECK_INT(a.at_us - now, 2000000 - 90000);
	limit_settle(limit, &a, 0, 0);
	limit_release(&limit);
	limits_release(&limits);
}

TEST(who_comes_late_may_take_more_and_knows_how_long_it_takes)
{
	struct limits *limits = make_overall("1000r/s 1MB/s");
	struct limit *limit = limits_overall(limits);
	struct limit_place a = {0};
	int64_t now = INT64_C(1000000000);

	CHECK_INT(limit_turn(limit, 0, 1, 1000), 10);
	CHECK_INT(limit_turn(limit, -5000, 1, 1000), 10);
	CHECK_INT(limit_turn(limit, 90000, 1, 1000), 100);
	CHECK_INT(limit_turn(limit, 90000, 1, 50), 50);
	CHECK_INT(limit_turn(limit, 0, 2000, 1000), 5);
	CHECK_INT(limit_turn(limit, 0, 20000, 1000), 1);
	CHECK_INT(limit_wait_us(limit, now), 0);
	CHECK(passes(limit, &a, now, 1, 500000));
	CHECK_INT(limit_wait_us(limit, now), 500000 - 90000);
	limit_settle(limit, &a, 600, 1);
	CHECK_INT(limit_wait_us(limit, now), 600000 - 90000);
	CHECK_INT(limit_wait_us(limit, now + 600000), 0);
	CHECK_INT(limit_wait_us(NULL, now), 0);
	limit_release(&limit);
	limits_release(&limits);
}

TEST(no_limit_never_waits)
{
	struct limit_place a = {0};

	CHECK(passes(NULL, &a, 0, 1000, 1000));
	CHECK(!a.is_taken);
	limit_settle(NULL, &a, 1000, 1000);
	CHECK_INT(limit_turn(NULL, 0, 1, 77), 77);
}

/* Wall time of a minute of the day, UTC. */
static int64_t
at(int hour, int minute)
{
	return ((int64_t)hour * 60 + minute) * 60000;
}

TEST(the_time_of_day_changes_the_rate_and_ends_the_wait)
{
	struct limits *limits;
	struct limit *limit;
	struct limit_place a = {0};
	int64_t now;

	setenv("TZ", "UTC", 1);
	tzset();
	limits = make_overall("1r/s @08:00-18:00; 50MB/s @22:00-06:00; 1MB/s");
	limits_at(limits, at(7, 59));
	CHECK_STR(listed(limits), "*:1r/s @08:00-18:00; 50MB/s @22:00-06:00; 1MB/s:0:1000000:-1 ");
	limits_at(limits, at(8, 0));
	CHECK_STR(listed(limits), "*:1r/s @08:00-18:00; 50MB/s @22:00-06:00; 1MB/s:0:-1:1 ");
	limit = limits_overall(limits);
	now = clock_us();
	CHECK(passes(limit, &a, now + 1, 1, 1));
	limit_settle(limit, &a, 100000, 1);
	CHECK(!passes(limit, &a, now + 3600 * INT64_C(1000000), 1, 1));
	/* The same rule again changes nothing, another one does. */
	limits_at(limits, at(17, 59));
	CHECK(!passes(limit, &a, now + 3600 * INT64_C(1000000), 1, 1));
	limits_at(limits, at(23, 0));
	CHECK(passes(limit, &a, clock_us(), 1, 1));
	/* What was read by the rule before does not count against this one. */
	limit_settle(limit, &a, 1, 1);
	limits_at(limits, at(5, 59));
	CHECK_INT(limit_turn(limit, 0, 1, 10000000), 500000);
	limits_at(limits, at(6, 0));
	CHECK_INT(limit_turn(limit, 0, 1, 10000000), 10000);
	limit_release(&limit);
	limits_release(&limits);
}

/* Streams that draw from one limit while the main thread changes what there is. */
struct crowd {
	struct limits *limits;
	atomic_bool is_over;
	_Atomic int64_t turns;
};

static void *
draw(void *arg)
{
	struct crowd *crowd = arg;
	struct limit_place place = {0}, other_place = {0};

	for (int64_t now = clock_us(); !atomic_load(&crowd->is_over); now = clock_us()) {
		struct limit *all = limits_overall(crowd->limits),
			     *one = limits_of(crowd->limits, "t", NULL),
			     *route = limits_of(crowd->limits, "r", "1GB/s");

		if (passes(all, &place, now, 1, 10) && passes(one, &other_place, now, 1, 10)) {
			limit_settle(one, &other_place, 1, 20);
			limit_settle(all, &place, 1, 20);
			atomic_fetch_add(&crowd->turns, 1);
		}
		limit_release(&route);
		limit_release(&one);
		limit_release(&all);
	}
	return NULL;
}

TEST(threads_draw_from_one_limit)
{
	static const char *const rows[] = {"reflejo.ini:1|t=1GB/s @08:00-18:00; 2GB/s"};
	struct crowd crowd = {.limits = make("1GB/s 5MB/s", rows, 1, NULL)};
	pthread_t threads[4];
	int minute = 0;

	CHECK(crowd.limits == NULL);
	crowd.limits = make("1GB/s 1000000r/s", rows, 1, NULL);
	for (size_t i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, draw, &crowd), 0);
	while (atomic_load(&crowd.turns) < 20000) {
		struct limits *live = limits_with(crowd.limits, "x", "1B/s", NULL);

		limits_at(crowd.limits, at(minute++ % 24, 0));
		listed(live);
		limits_release(&live);
	}
	atomic_store(&crowd.is_over, true);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	limits_release(&crowd.limits);
}
