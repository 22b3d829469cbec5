/* Unit tests of instants that a person typed. */
#include "tests/unit/unit.h"

#include "base/instant.h"

TEST(reads_days_times_and_zones)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01T00:00:00.001Z", 1},
		{"2026-01-31T00:00:00Z", 1769817600000},
		{"2026-01-31T00:00Z", 1769817600000},
		{"2026-01-31 00:00:00z", 1769817600000},
		{"  2026-01-31t01:00:00+01:00 ", 1769817600000},
		{"2026-01-31T01:30:00+0130", 1769817600000},
		{"2026-01-30T19:00:00-05", 1769817600000},
		{"2026-01-31T00:00:00.5Z", 1769817600500},
		{"2026-01-31T00:00:00,1239Z", 1769817600123},
		{"2000-02-29T12:34:56Z", 951827696000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2024-12-31T23:59:59Z", 1735689599000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {""};
		int64_t ms = -1;

		CHECK_INT(instant_parse(rows[i].text, &ms, &err), 0);
		CHECK_STR(err.text, "");
		CHECK_INT(ms, rows[i].ms);
	}
}

TEST(refuses_what_is_no_instant)
{
	static const char *const rows[] = {"", "now", "2026-01-31", "2026-01-31T00:00:00",
		"2026-01-31T00:00:00+", "2026-01-31T00:00:00+1",
		"2026-01-31T00:00:00+01:", "2026-01-31T00:00:00+24:00", "2026-01-31T00:00:00ZZ",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"1900-02-01T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T00:60:00Z",
		"2026-01-31T00:00:60Z", "2026-01-31T00:00:00.Z", "2026-1-31T00:00:00Z",
		"1769817600000", "1970-01-01T00:00:00+01:00"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {""};
		int64_t ms = 7;

		if (!CHECK_INT(instant_parse(rows[i], &ms, &err), -1))
			printf("# of '%s'\n", rows[i]);
		CHECK_INT(ms, 7);
		CHECK(strstr(err.text, rows[i]) != NULL);
	}
}

TEST(says_that_the_zone_is_missing)
{
	struct err err;
	int64_t ms;

	instant_parse("2026-01-31T00:00:00", &ms, &err);
	CHECK(strstr(err.text, "zone") != NULL);
}
