/* The tap: what an operator is shown of a record. */
#include "mirror/tap.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

/* What was decided, and where the flight stands then, without outputs of its own. */
TEST(a_sample_says_where_the_record_goes)
{
	static const struct {
		int outcome; /* -1: there is no script */
		enum flight_state state;
		const char *sample;
	} rows[] = {
		{-1, FLIGHT_WAITING,
			"\"outcome\":\"keep\",\"outputs\":[{\"topic\":\"to\",\"unchanged\":true}]"
			"}"},
		/* It came from the target. */
		{-1, FLIGHT_DONE, "\"outcome\":\"loop\",\"outputs\":[]}"},
		{SCRIPT_KEEP, FLIGHT_WAITING,
			"\"outcome\":\"keep\",\"outputs\":[{\"topic\":\"to\",\"unchanged\":true}]"
			"}"},
		{SCRIPT_DROP, FLIGHT_DONE, "\"outcome\":\"drop\",\"outputs\":[]}"},
		/* script.on.error=drop, and pass, which forwards it. */
		{SCRIPT_FAILED, FLIGHT_DONE, "\"outcome\":\"failed\",\"outputs\":[]}"},
		{SCRIPT_FAILED, FLIGHT_WAITING,
			"\"outcome\":\"failed\",\"outputs\":[{\"topic\":\"to\",\"unchanged\":true}]"
			"}"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct record record = {.key = "k\"",
			.key_size = 2,
			.value = "\xff",
			.value_size = 1,
			.offset = 7,
			.partition = 3};
		struct script_record decided = {._outcome = (uint8_t)rows[i].outcome};
		struct flight flight = {.state = rows[i].state};
		char *sample = tap_sample(
			"from", "to", &record, &flight, rows[i].outcome < 0 ? NULL : &decided);

		CHECK(!strncmp(sample,
			"{\"topic\":\"from\",\"partition\":3,\"offset\":7,\"key\":\"k\\\"\","
			"\"value_hex\":"
			"\"ff\",",
			60));
		if (!CHECK(strstr(sample, rows[i].sample)))
			printf("# %s\n# not: %s\n", sample, rows[i].sample);
		free(sample);
	}
}
