/* base/parse: what people type. */
#include "base/parse.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

/* A case of a number: error is a part of the sentence, NULL when it is read. */
struct number_case {
	const char *text;
	int64_t min, max, expected;
	const char *error;
};

TEST(integers)
{
	static const struct number_case cases[] = {
		{"0", 0, 9, 0, NULL},
		{" 42\t", 0, 99, 42, NULL},
		{"+7", 0, 9, 7, NULL},
		{"-1", -1, 9, -1, NULL},
		{"9223372036854775807", 0, INT64_MAX, INT64_MAX, NULL},
		{"-9223372036854775808", INT64_MIN, 0, INT64_MIN, NULL},
		{"99999999999999999999999", 0, 10, 0, "out of range: from 0 to 10"},
		{"10", 0, 9, 0, "'10' is out of range: from 0 to 9"},
		{"-1", 0, INT64_MAX, 0, "at least 0"},
		{"11", INT64_MIN, 10, 0, "at most 10"},
		{"", 0, 9, 0, "'' is not a whole number"},
		{"four", 0, 9, 0, "'four' is not a whole number"},
		{"1.5", 0, 9, 0, "not a whole number"},
		{"1 2", 0, 9, 0, "not a whole number"},
		{"0x10", 0, 99, 0, "not a whole number"},
		{"-", 0, 9, 0, "not a whole number"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t value = -77;
		struct err err = {0};
		int result = parse_int(cases[i].text, cases[i].min, cases[i].max, &value, &err);

		CHECK_INT(result, cases[i].error ? -1 : 0);
		CHECK_INT(value, cases[i].error ? -77 : cases[i].expected);
		CHECK(!cases[i].error || strstr(err.text, cases[i].error));
	}
}

TEST(booleans)
{
	static const struct {
		const char *text;
		int expected; /* -1: refused */
	} cases[] = {{"true", 1}, {"FALSE", 0}, {" True ", 1}, {"false\t", 0}, {"yes", -1},
		{"1", -1}, {"", -1}, {"truely", -1}, {"true false", -1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool value = false;
		struct err err = {0};
		int result = parse_bool(cases[i].text, &value, &err);

		CHECK_INT(result, cases[i].expected < 0 ? -1 : 0);
		CHECK(cases[i].expected >= 0 || strstr(err.text, cases[i].text));
		if (cases[i].expected >= 0)
			CHECK_INT(value, cases[i].expected);
	}
}

TEST(sizes)
{
	static const struct number_case cases[] = {
		{"1024", 0, INT64_MAX, 1024, NULL},
		{"1kB", 0, INT64_MAX, 1000, NULL},
		{"1KiB", 0, INT64_MAX, 1024, NULL},
		{"64 MiB", 0, INT64_MAX, 67108864, NULL},
		{"64mib ", 0, INT64_MAX, 67108864, NULL},
		{"2GB", 0, INT64_MAX, 2000000000, NULL},
		{"3gib", 0, INT64_MAX, 3221225472, NULL},
		{"7B", 0, INT64_MAX, 7, NULL},
		{"9999999999999GiB", 0, INT64_MAX - 1, 0, "out of range"},
		{"1k", 0, INT64_MAX, 0, "'1k' is not a size"},
		{"1.5MB", 0, INT64_MAX, 0, "not a size"},
		{"MB", 0, INT64_MAX, 0, "not a size"},
		{"99999999999999999999GB", 0, 1000, 0, "is out of range"},
		{"99999999999999999999GB", INT64_MIN, INT64_MAX, INT64_MAX, NULL},
		{"3", 4, 9, 0, "out of range: from 4 to 9 bytes"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t value = -77;
		struct err err = {0};
		int result = parse_size(cases[i].text, cases[i].min, cases[i].max, &value, &err);

		CHECK_INT(result, cases[i].error ? -1 : 0);
		CHECK_INT(value, cases[i].error ? -77 : cases[i].expected);
		CHECK(!cases[i].error || strstr(err.text, cases[i].error));
	}
}

TEST(durations)
{
	static const struct {
		const char *text;
		int64_t unit, expected;
		const char *error;
	} cases[] = {
		{"1500", 1, 1500, NULL},
		{"60", 1000, 60000, NULL},
		{"90s", 1, 90000, NULL},
		{"5 m", 1, 300000, NULL},
		{"2h", 1, 7200000, NULL},
		{"1d", 1, 86400000, NULL},
		{"250ms", 1000, 250, NULL},
		{"0", 1, 0, NULL},
		{"-1", 1, 0, "out of range"},
		{"2d", 1, 0, "out of range: from 0 to 86400000 ms"},
		{"2d", 1000, 0, "out of range: from 0 to 86400 s"},
		{"9223372036854775807d", 1, 0, "out of range"},
		{"5 minutes", 1, 0, "'5 minutes' is not a time"},
		{"", 1, 0, "not a time"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t value = -77;
		struct err err = {0};
		int result =
			parse_duration(cases[i].text, cases[i].unit, 0, 86400000, &value, &err);

		CHECK_INT(result, cases[i].error ? -1 : 0);
		CHECK_INT(value, cases[i].error ? -77 : cases[i].expected);
		CHECK(!cases[i].error || strstr(err.text, cases[i].error));
	}
}

static const char *
candidate(size_t i, void *arg)
{
	static const char *const names[] = {"num.streams", "whitelist", "include", "level", NULL};

	(void)arg;
	return names[i];
}

TEST(addresses)
{
	static const struct {
		const char *text, *host, *port;
	} cases[] = {
		{"kafka", "kafka", "9092"},
		{"kafka:1", "kafka", "1"},
		{"kafka:", "kafka", ""},
		{"10.0.0.1:9093", "10.0.0.1", "9093"},
		{"[::1]:9093", "::1", "9093"},
		{"[fe80::1%eth0]", "fe80::1%eth0", "9092"},
		{"", "", "9092"},
		{"[", "[", "9092"},
		{":", "", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[32];
		const char *host, *port;

		snprintf(text, sizeof(text), "%s", cases[i].text);
		parse_address(text, "9092", &host, &port);
		CHECK_STR(host, cases[i].host);
		CHECK_STR(port, cases[i].port);
	}
}

TEST(nearest)
{
	static const struct {
		const char *word, *expected;
	} cases[] = {
		{"num.stream", "num.streams"},
		{"numstreams", "num.streams"},
		{"NUM.STREAMS", "num.streams"},
		{"whitlist", "whitelist"},
		{"levle", NULL},
		{"lvel", "level"},
		{"something.else", NULL},
		{"", NULL},
	};
	char word[300];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *found = parse_nearest(cases[i].word, candidate, NULL);

		CHECK_STR(found ? found : "none", cases[i].expected ? cases[i].expected : "none");
	}
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	CHECK(parse_nearest(word, candidate, NULL) == NULL);
}
