/* Unit tests of instants and durations. */
#include "tests/unit/unit.h"

#include "base/clock.h"
#include "base/instant.h"

static const struct {
	const char *text;
	int64_t ms;
} instants[] = {
	{"1970-01-01T00:00:00Z", 0},
	{"1970-01-01T00:00Z", 0},
	{"1970-01-01T00:00:00.001Z", 1},
	{"1970-01-01T00:00:00.0019Z", 1},
	{"1970-01-01T00:00:01,5Z", 1500},
	{"1970-01-01T01:00:00+01:00", 0},
	{"1970-01-01T00:00:00-0130", 5400000},
	{"1970-01-01T02:30:00+02", 1800000},
	{"2026-01-31T00:00:00Z", INT64_C(1769817600000)},
	{" 2026-01-31 00:00:00z ", INT64_C(1769817600000)},
	{"2026-01-31T05:30:00+05:30 ", INT64_C(1769817600000)},
	{"2000-02-29T12:34:56.789Z", INT64_C(951827696789)},
	{"2024-12-31T23:59:59.999Z", INT64_C(1735689599999)},
	{"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
};

TEST(instants_are_understood)
{
	for (size_t i = 0; i < sizeof(instants) / sizeof(*instants); i++) {
		int64_t ms = -1;
		struct err err = {""};

		if (!CHECK_INT(instant_parse(instants[i].text, &ms, &err), 0) ||
			!CHECK_INT(ms, instants[i].ms))
			printf("# %s: %s\n", instants[i].text, err.text);
	}
}

TEST(what_the_clock_prints_is_an_instant)
{
	char text[CLOCK_TEXT_SIZE];
	struct err err;

	for (int64_t ms = 0; ms < INT64_C(250000000000000); ms += INT64_C(86399999777)) {
		int64_t read = -1;

		if (!CHECK_INT(instant_parse(clock_print(ms, text), &read, &err), 0) ||
			!CHECK_INT(read, ms))
			break;
	}
}

TEST(what_is_no_instant_is_refused)
{
	static const char *const texts[] = {"", "now", "2026-01-31", "2026-01-31T00:00:00",
		"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-31T24:00:00Z",
		"2026-01-31T00:60:00Z", "2026-01-31T00:00:60Z", "2026-01-31T00:00:00.Z",
		"2026-01-31T00:00:00ZZ", "2026-01-31T00:00:00+1", "2026-01-31T00:00:00+01:6",
		"2026-01-31T00:00:00+01:00:00", "26-01-31T00:00:00Z", "2026-1-31T00:00:00Z",
		"1969-12-31T23:59:59Z", "1970-01-01T00:00:00+01:00", "1769817600000",
		"2026-01-31T00:00:00 Z", "2026-01-31T00:00:00+01:"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		int64_t ms = 77;
		struct err err = {""};

		if (!CHECK_INT(instant_parse(texts[i], &ms, &err), -1) || !CHECK_INT(ms, 77) ||
			!CHECK(strstr(err.text, texts[i])))
			printf("# %s\n", texts[i]);
	}
}

TEST(a_missing_zone_is_said)
{
	int64_t ms;
	struct err err;

	CHECK_INT(instant_parse("2026-01-31T00:00:00", &ms, &err), -1);
	CHECK_STR(err.text, "'2026-01-31T00:00:00' does not say of which time zone it is; put a Z "
			    "behind it for UTC, or +01:00");
}

static const struct {
	const char *text;
	int64_t ms;
} durations[] = {
	{"PT6H", 21600000},
	{"pt6h", 21600000},
	{"P1D", 86400000},
	{"P1DT12H", 129600000},
	{"P2W", 1209600000},
	{"PT90M", 5400000},
	{"PT1H30M15S", 5415000},
	{"PT0.5S", 500},
	{"PT0,001S", 1},
	{"P36500D", INT64_C(3153600000000)},
};

TEST(durations_are_understood)
{
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		int64_t ms = -1;
		struct err err = {""};

		if (!CHECK_INT(instant_parse_duration(durations[i].text, &ms, &err), 0) ||
			!CHECK_INT(ms, durations[i].ms))
			printf("# %s: %s\n", durations[i].text, err.text);
	}
}

TEST(what_is_no_duration_is_refused)
{
	static const char *const texts[] = {"", "P", "PT", "6h", "PT6", "P6H", "PT1D", "P1Y", "P1M",
		"PT0S", "P1DT", "PT1M1H", "PT1H1H", "PT1.5H", "PT.5S", "PT1.S", "P-1D", "-PT1H",
		"P36501D", "PT99999999999999999999S", "PT6H ", "P1TT1H"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		int64_t ms = 77;
		struct err err = {""};

		if (!CHECK_INT(instant_parse_duration(texts[i], &ms, &err), -1) ||
			!CHECK_INT(ms, 77) || !CHECK(strstr(err.text, texts[i])))
			printf("# %s\n", texts[i]);
	}
}
