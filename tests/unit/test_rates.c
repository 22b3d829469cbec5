/* Unit tests of rates: what people type as a limit, and what of it holds when. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rates.h"

/* "bytes/records" at a minute of the day. */
static const char *
shown(const struct rates *rates, int minute)
{
	static char text[64];
	const struct rates_rule *rule = rates_at(rates, minute);

	if (!rule)
		return "none";
	snprintf(text, sizeof(text), "%" PRId64 "/%" PRId64, rule->bytes, rule->records);
	return text;
}

static const struct {
	const char *text;
	int minute;
	const char *expected;
} rows[] = {
	{"20MB/s", 0, "20000000/-1"},
	{"20 MB/s", 0, "20000000/-1"},
	{" 20mb/S ", 0, "20000000/-1"},
	{"1/s", 0, "1/-1"},
	{"64KiB/s", 0, "65536/-1"},
	{"500r/s", 0, "-1/500"},
	{"500 records/s", 0, "-1/500"},
	{"1 record/s", 0, "-1/1"},
	{"20MB/s 500r/s", 0, "20000000/500"},
	{"500r/s 20MB/s", 0, "20000000/500"},
	{"1MB/s; ", 0, "1000000/-1"},
	{"none", 0, "-1/-1"},
	{"None", 0, "-1/-1"},
	{"5MB/s @08:00-18:00; 50MB/s", 479, "50000000/-1"},
	{"5MB/s @08:00-18:00; 50MB/s", 480, "5000000/-1"},
	{"5MB/s @08:00-18:00; 50MB/s", 1079, "5000000/-1"},
	{"5MB/s @08:00-18:00; 50MB/s", 1080, "50000000/-1"},
	{"5MB/s@08:00-18:00", 0, "none"},
	{"1r/s @ 22:00 - 06:00", 1320, "-1/1"},
	{"1r/s @22:00-06:00", 1439, "-1/1"},
	{"1r/s @22:00-06:00", 0, "-1/1"},
	{"1r/s @22:00-06:00", 359, "-1/1"},
	{"1r/s @22:00-06:00", 360, "none"},
	{"1r/s @18:00-24:00", 1439, "-1/1"},
	{"1r/s @18:00-24:00", 0, "none"},
	{"1r/s @00:00-24:00", 720, "-1/1"},
	{"1r/s @08:00-09:00,12:00-13:00; 2r/s @12:00-14:00", 725, "-1/1"},
	{"1r/s @08:00-09:00 , 12:00-13:00; 2r/s @12:00-14:00", 785, "-1/2"},
	{"none @08:00-18:00; 1MB/s", 600, "-1/-1"},
};

TEST(texts_are_understood)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rates rates = {0};
		struct err err = {0};

		CHECK_INT(rates_parse(rows[i].text, &rates, &err), 0);
		CHECK_STR(err.text, "");
		CHECK_STR(shown(&rates, rows[i].minute), rows[i].expected);
		CHECK_INT(rates_check(rows[i].text, NULL), 0);
		rates_fini(&rates);
	}
}

#define FORM ": write 20MB/s (B kB MB GB KiB MiB GiB), 500r/s for records, or none"
#define MISSING "a rate is missing: write 20MB/s, 500r/s, both, or none"

static const struct {
	const char *text, *sentence;
} bad[] = {
	{"", MISSING},
	{"  ", MISSING},
	{"@08:00-09:00", MISSING},
	{"1MB/s @08:00-09:00;;", MISSING},
	{"20MB", "'20MB' is not a rate" FORM},
	{"20MB/m", "'20MB/m' is not a rate" FORM},
	{"20MB/sec", "'20MB/sec' is not a rate" FORM},
	{"20XB/s", "'20XB/s' is not a rate" FORM},
	{"-1MB/s", "'-1MB/s' is not a rate" FORM},
	{"1.5MB/s", "'1.5MB/s' is not a rate" FORM},
	{"MB/s", "'MB/s' is not a rate" FORM},
	{"r/s", "'r/s' is not a rate" FORM},
	{"none/s", "'none/s' is not a rate" FORM},
	{"0MB/s", "a rate of 0 would stop everything: pause what shall not flow, or write none for "
		  "no limit"},
	{"1MB/s 2MB/s", "'2MB/s' is a second rate for bytes in one rule"},
	{"1r/s 2records/s", "'2records/s' is a second rate for records in one rule"},
	{"none 1MB/s", "'none' cannot stand together with a rate"},
	{"none none", "'none' cannot stand together with a rate"},
	{"1MB/s; 2MB/s", "'2MB/s' is never reached: the rule before it is for all day; put that "
			 "last"},
	{"1MB/s @8:00-9:00", "'8:00-9:00' is not a time of day: write @08:00-18:00"},
	{"1MB/s @08:00", "'08:00' is not a time of day: write @08:00-18:00"},
	{"1MB/s @08:60-09:00", "'08:60-09:00' is not a time of day: write @08:00-18:00"},
	{"1MB/s @24:00-09:00", "'24:00-09:00' is not a time of day: write @08:00-18:00"},
	{"1MB/s @08:00-24:01", "'08:00-24:01' is not a time of day: write @08:00-18:00"},
	{"1MB/s @08:00-09:00 2MB/s",
		"'08:00-09:00 2MB/s' is not a time of day: write @08:00-18:00"},
	{"1MB/s @08:00-09:00,", "'' is not a time of day: write @08:00-18:00"},
	{"1MB/s @08:00-08:00",
		"the window 08:00-08:00 is empty: leave it out for the whole day, or write "
		"00:00-24:00"},
};

TEST(bad_texts_are_refused_with_a_sentence)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rates rates = {0};
		struct err err = {0};

		CHECK_INT(rates_parse(bad[i].text, &rates, &err), -1);
		CHECK_STR(err.text, bad[i].sentence);
		CHECK(rates.rules == NULL);
	}
}

TEST(what_is_too_much_is_refused)
{
	char text[RATES_TEXT_MOST + 2], *many = mem_strdup("1r/s @00:00-00:01");
	struct err err;

	memset(text, ' ', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CHECK_INT(rates_check(text, &err), -1);
	CHECK_STR(err.text, "a limit can have 500 characters at most");
	for (int i = 1; i <= 8; i++) {
		char *more = mem_printf("%s,00:0%d-01:00", many, i);

		free(many);
		many = more;
		CHECK_INT(rates_check(many, &err), i < 8 ? 0 : -1);
	}
	CHECK_STR(err.text, "a rule can have 8 windows: write another rule for more");
	free(many);
}

TEST(a_huge_number_is_held_at_the_end)
{
	struct rates rates;

	struct err err = {0};

	CHECK_INT(rates_parse("99999999999999999999GB/s 99999999999999999999r/s", &rates, &err), 0);
	CHECK_STR(err.text, "");
	CHECK_INT(rates.rules[0].bytes, INT64_MAX);
	CHECK_INT(rates.rules[0].records, INT64_MAX);
	rates_fini(&rates);
}

TEST(none_is_known)
{
	struct rates rates;

	CHECK_INT(rates_parse("none @08:00-09:00; none", &rates, NULL), 0);
	CHECK(rates_are_none(&rates));
	rates_fini(&rates);
	CHECK_INT(rates_parse("none @08:00-09:00; 1r/s", &rates, NULL), 0);
	CHECK(!rates_are_none(&rates));
	rates_fini(&rates);
}

TEST(minutes_are_of_local_time)
{
	setenv("TZ", "XYZ-5:30", 1);
	tzset();
	CHECK_INT(rates_minute(0), 5 * 60 + 30);
	CHECK_INT(rates_minute(INT64_C(19) * 3600000), 30);
	setenv("TZ", "UTC", 1);
	tzset();
	CHECK_INT(rates_minute(INT64_C(1700000000) * 1000), 22 * 60 + 13);
}
