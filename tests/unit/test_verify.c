/* Unit tests of what verify is asked for and what it shows. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "commands/verify_request.h"
#include "commands/verify_view.h"

#define NOW INT64_C(1700000000000)

/* An instant as it is typed, and ms since 1970; -1: it is refused. */
static const struct {
	const char *text;
	int64_t ms;
} instants[] = {
	{"1970-01-01", 0},
	{"2026-01-31", 1769817600000},
	{"2026-01-31T00:00:00Z", 1769817600000},
	{"2026-01-31T12:30:15Z", 1769862615000},
	{"2026-01-31T12:30:15+01:00", 1769859015000},
	{"2026-01-31T12:30:15.5Z", 1769862615500},
	{"2026-01-31T12:30:15.042Z", 1769862615042},
	{"6h", NOW - 6 * 3600 * 1000},
	{"90s", NOW - 90 * 1000},
	{"2d", NOW - 2 * 86400 * 1000},
	{"yesterday", -1},
	{"2026-01-31 12:00", -1},
	{"2026-01-31T12:30:15", -1},
	{"2026-02-30", -1},
	{"2026-13-01", -1},
	{"", -1},
};

TEST(instants_are_read)
{
	for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
		int64_t ms = -1;
		struct err err;
		int rc = verify_request_instant(instants[i].text, NOW, &ms, &err);

		if (!CHECK_INT(rc, instants[i].ms < 0 ? -1 : 0) || !CHECK_INT(ms, instants[i].ms))
			printf("# %s\n", instants[i].text);
	}
}

/* Arguments, and whether they are taken. */
TEST(arguments_are_sorted)
{
	char *argv[] = {"--config", "a.ini", "--to=end", "--json", "--findings", "5", "--memory",
		"64MiB", "--allow-duplicates", "--limit", "5MB/s"};
	struct verify_request r;
	struct err err;

	CHECK_INT(verify_request_read(11, argv, &r, &err), 0);
	CHECK(r.is_json && r.options.until == VERIFY_END);
	CHECK_INT(r.options.audit.limit, 5);
	CHECK_INT(r.options.audit.memory, 64 << 20);
	CHECK(r.options.audit.tolerates[FINDING_DUPLICATED]);
	CHECK(!r.options.audit.tolerates[FINDING_UNEXPECTED]);
	CHECK(r.options.from_ms == VERIFY_ALWAYS && r.options.to_ms == VERIFY_ALWAYS);
	/* What is left is the configuration's. */
	CHECK_INT(r.flag_count, 4);
	CHECK_STR(r.flags[2], "--limit");
	free(r.flags);
}

static struct verify_report
sample(struct verify_topic *topic, struct verify_finding *finding)
{
	*topic = (struct verify_topic){.name = "copy", .sources = "orders", .records = 10};
	topic->sum = (struct audit_sum){.expected = 10, .found = 9, .ranges = 4, .differing = 1};
	topic->sum.kinds[FINDING_MISSING] = 1;
	topic->differences = 1;
	*finding = (struct verify_finding){.kind = FINDING_MISSING, .has_key = true, .key = 0xab};
	finding->source = (struct verify_place){"orders", 3, 1234, 0xcd, 5, 6};
	return (struct verify_report){.topics = topic,
		.topic_count = 1,
		.findings = finding,
		.finding_count = 1,
		.records = 10,
		.seconds = 2,
		.differences = 1,
		.is_whole = true};
}

TEST(a_report_names_places_and_hashes)
{
	struct verify_topic topic;
	struct verify_finding finding;
	struct verify_report report = sample(&topic, &finding);
	struct text out = {0};

	verify_view_text(&report, 1000, &out);
	CHECK(strstr(out.s,
		"\nmissing     source orders:3@1234  key 00000000000000ab of 5 B  content "
		"00000000000000cd, value of 6 B\n"));
	CHECK(strstr(
		out.s, "\n1 difference: 10 records of the source, 9 at the target, in 2.0 s\n"));
	text_fini(&out);
	report.is_whole = false;
	verify_view_text(&report, 1000, &out);
	CHECK(strstr(out.s, "\nat least 1 difference: "));
	text_fini(&out);
	verify_view_json(&report, &out);
	CHECK(strstr(out.s, "{\"same\":false,\"complete\":false,\"differences\":1,"));
	CHECK(strstr(out.s, "\"source\":{\"topic\":\"orders\",\"partition\":3,\"offset\":1234,"));
	text_fini(&out);
}

TEST(the_verdict_is_not_better_than_what_was_compared)
{
	struct verify_topic topic;
	struct verify_finding finding;
	struct verify_report report = sample(&topic, &finding);
	struct text out = {0};

	report.differences = topic.differences = 0;
	verify_view_text(&report, 1000, &out);
	CHECK(strstr(out.s, "\nthe same but for 1 that are tolerated: "));
	text_fini(&out);
	report.is_whole = false;
	verify_view_text(&report, 1000, &out);
	CHECK(strstr(out.s, "\nnot compared to the end: "));
	text_fini(&out);
}
