/* Unit tests of provenance: the header's form, what is added to it, and what the clusters are
 * called.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "base/mem.h"
#include "config/config.h"
#include "kafka/library.h"
#include "mirror/provenance.h"

/* Flags are divided by blanks. NULL when they are refused. */
static struct config *
config_of(const char *flags)
{
	char *argv[32] = {"--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g",
		"--producer.bootstrap.servers", "127.0.0.1:1", "--whitelist", ".*"};
	char *text = mem_strdup(flags), *rest = text;
	struct problems problems = {0};
	struct config *config;
	int argc = 8;

	for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	config = config_load(argc, argv, library_knows_property, &problems);
	problems_fini(&problems);
	free(text);
	return config;
}

/* Name and topic as long as they may be, and one longer. */
#define X8(s) s s s s s s s s
#define NAME_64 X8(X8("n"))
#define TOPIC_249 X8(X8("t")) X8(X8("t")) X8(X8("t")) X8("ttttttt") "t"

/* A value, and how many hops and places it has; 0: it has not the form. */
static const struct {
	const char *text;
	size_t hops, places;
} values[] = {
	{"east/orders:3@1042", 1, 1},
	{"east/orders:3@1042,west/orders:1@77", 2, 2},
	{"east/t:0@0,west,north/t:0@0", 3, 2},
	{"A-b_c.9/x._-:2147483647@9223372036854775807", 1, 1},
	{NAME_64 "/t:0@0", 1, 1},
	{"a/" TOPIC_249 ":0@0", 1, 1},
	{"", 0, 0},
	{"east", 0, 0},
	{"east,west/t:0@0", 0, 0},
	{"east/", 0, 0},
	{"/t:0@0", 0, 0},
	{"east/t", 0, 0},
	{"east/t:0", 0, 0},
	{"east/t:0@", 0, 0},
	{"east/t:@0", 0, 0},
	{"east/:0@0", 0, 0},
	{"east/..:0@0", 0, 0},
	{"east/t:00@0", 0, 0},
	{"east/t:0@01", 0, 0},
	{"east/t:-1@0", 0, 0},
	{"east/t:2147483648@0", 0, 0},
	{"east/t:0@9223372036854775808", 0, 0},
	{"east/t:0@99999999999999999999999", 0, 0},
	{"east/t:0@0,", 0, 0},
	{",east/t:0@0", 0, 0},
	{"east/t:0@0,,west", 0, 0},
	{"east/t:0@0 ", 0, 0},
	{"east/t:0@0\n", 0, 0},
	{"e st/t:0@0", 0, 0},
	{"\xc3\xbc/t:0@0", 0, 0},
	{"east/t/t:0@0", 0, 0},
	{"east/t:0:0@0", 0, 0},
	{NAME_64 "n/t:0@0", 0, 0},
	{"a/" TOPIC_249 "t:0@0", 0, 0},
};

TEST(values_are_taken_apart)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct provenance_hops hops;
		bool is_good = provenance_parse(values[i].text, strlen(values[i].text), &hops);

		if (!CHECK(is_good == (values[i].hops > 0)) ||
			(is_good && (!CHECK_INT(hops.count, values[i].hops) ||
					    !CHECK_INT(hops.places, values[i].places))))
			printf("# %s\n", values[i].text);
	}
}

TEST(zero_bytes_and_null_have_not_the_form)
{
	struct provenance_hops hops;

	CHECK(!provenance_parse(NULL, 0, &hops));
	CHECK(!provenance_parse("east/t:0@0\0", 11, &hops));
	CHECK(!provenance_parse("east/t\0:0@0", 11, &hops));
	CHECK(!provenance_parse("ea\0t/t:0@0", 10, &hops));
}

TEST(clusters_are_found_by_their_whole_names)
{
	static const char text[] = "east/west:0@0,north";
	struct provenance_hops hops;

	CHECK(provenance_parse(text, strlen(text), &hops));
	CHECK(provenance_has(&hops, "east"));
	CHECK(provenance_has(&hops, "north"));
	CHECK(!provenance_has(&hops, "west"));
	CHECK(!provenance_has(&hops, "eas"));
	CHECK(!provenance_has(&hops, "northern"));
	CHECK(!provenance_has(&hops, ""));
}

/* What stood there, how many places may be named, and what stands there then. */
TEST(a_hop_is_added)
{
	static const struct {
		const char *before, *hops, *after;
	} rows[] = {
		{NULL, "8", "here/t:3@5"},
		{"a/t:0@1", "8", "a/t:0@1,here/t:3@5"},
		{"a/t:0@1,b/t:0@2", "3", "a/t:0@1,b/t:0@2,here/t:3@5"},
		{"a/t:0@1,b/t:0@2", "2", "a/t:0@1,b,here/t:3@5"},
		{"a/t:0@1,b,c/t:0@2", "2", "a/t:0@1,b,c,here/t:3@5"},
		/* No cluster twice without a place. */
		{"a/t:0@1,b/t:0@2,a/t:0@3", "2", "a/t:0@1,b,here/t:3@5"},
		{"a/t:0@1,b,b/t:0@2", "2", "a/t:0@1,b,here/t:3@5"},
		{"a/t:0@1,here/t:0@2,c/t:0@3", "2", "a/t:0@1,c,here/t:3@5"},
		/* Of another mirror, which may name more. */
		{"a/t:0@1,b/t:0@2,c/t:0@3,d/t:0@4", "3", "a/t:0@1,b,c,d/t:0@4,here/t:3@5"},
	};
	static const struct provenance_clusters clusters = {.source = "here"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *flags = mem_printf("--provenance true --provenance.hops %s", rows[i].hops);
		struct config *config = config_of(flags);
		struct provenance *p = provenance_new(config, &clusters);
		char *place = provenance_place(p, "t", 3);
		struct provenance_hops hops;
		const char *before = rows[i].before;
		size_t size;
		char *after;

		CHECK(!before || provenance_parse(before, strlen(before), &hops));
		after = mem_strndup(provenance_write(p, before ? &hops : NULL, place, 5, &size),
			strlen(rows[i].after) + 20);
		after[size] = '\0';
		CHECK_STR(after, rows[i].after);
		free(after);
		free(place);
		provenance_free(&p);
		config_free(&config);
		free(flags);
	}
}

/* However often records go round, the list stays as long as the ring, and every cluster is known.
 */
TEST(a_list_that_goes_round_does_not_grow)
{
	enum { RING = 12 };
	struct config *config = config_of("--provenance true --provenance.hops 4");
	struct provenance_hops hops;
	char *list = NULL;
	size_t size = 0;

	for (int step = 0; step < 10 * RING; step++) {
		struct provenance_clusters clusters = {.source = ""};
		struct provenance *p;
		const char *text;
		char *place;

		snprintf(clusters.source, sizeof(clusters.source), "c%d", step % RING);
		p = provenance_new(config, &clusters);
		place = provenance_place(p, "t", 0);
		if (list)
			CHECK(provenance_parse(list, size, &hops));
		text = provenance_write(p, list ? &hops : NULL, place, step, &size);
		free(list);
		list = mem_strndup(text, size);
		free(place);
		provenance_free(&p);
	}
	CHECK(provenance_parse(list, size, &hops));
	CHECK_INT(hops.places, 4);
	CHECK(hops.count <= RING + 4);
	for (int i = 0; i < RING; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%d", i);
		CHECK(provenance_has(&hops, name));
	}
	CHECK(!strncmp(list, "c0/t:0@0,", 9));
	free(list);
	config_free(&config);
}

/* Flags, what the brokers tell (NULL: they were not asked), and the names; "!" and a word of the
   sentence: refused. */
TEST(clusters_are_named)
{
	static const struct {
		const char *flags, *source_id, *target_id, *source, *target;
	} rows[] = {
		{"", "S", "T", "", ""},
		{"--provenance true", "S", "T", "S", ""},
		{"--provenance true", "S", NULL, "S", ""},
		{"--provenance true", NULL, NULL, "", ""},
		{"--provenance true", "", "T", "!provenance.source=NAME", NULL},
		{"--provenance true", "a b", "T", "!another name", NULL},
		{"--provenance true --provenance.source s", "", "T", "s", ""},
		{"--loop.drop true", "S", "T", "", "T"},
		{"--loop.drop true", "S", "", "!provenance.target=NAME", NULL},
		{"--loop.drop true --provenance.target t", "S", "", "", "t"},
		{"--loop.drop true --provenance true", "S", "T", "S", "T"},
		{"--loop.drop true --provenance true", "S", "S", "!the same cluster", NULL},
		{"--loop.drop true --provenance true --provenance.source T", "", "T", "!both",
			NULL},
		{"--loop.drop true --provenance true --provenance.source s --provenance.target t",
			"", NULL, "s", "t"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *config = config_of(rows[i].flags);
		struct provenance_clusters clusters;
		struct err err = {""};
		int rc = provenance_name_clusters(
			config, rows[i].source_id, rows[i].target_id, &clusters, &err);

		if (rows[i].source[0] == '!') {
			if (!CHECK_INT(rc, -1) || !CHECK(strstr(err.text, rows[i].source + 1)))
				printf("# %s: %s\n", rows[i].flags, err.text);
		} else if (CHECK_INT(rc, 0)) {
			CHECK_STR(clusters.source, rows[i].source);
			CHECK_STR(clusters.target, rows[i].target);
		}
		config_free(&config);
	}
}

/* Other mirrors may know the target by its id, although it has a name here. */
TEST(a_target_is_known_by_its_name_and_by_its_id)
{
	static const char by_name[] = "west/t:0@0", by_id[] = "ID/t:0@0", other[] = "east/t:0@0";
	struct config *config = config_of("--loop.drop true --provenance.target west");
	struct provenance_clusters clusters;
	struct provenance_hops hops;
	struct provenance *p;

	CHECK_INT(provenance_name_clusters(config, "S", "ID", &clusters, NULL), 0);
	p = provenance_new(config, &clusters);
	CHECK(provenance_header(p) == NULL);
	CHECK(provenance_drops(p));
	CHECK(provenance_parse(by_name, strlen(by_name), &hops) && provenance_is_loop(p, &hops));
	CHECK(provenance_parse(by_id, strlen(by_id), &hops) && provenance_is_loop(p, &hops));
	CHECK(provenance_parse(other, strlen(other), &hops) && !provenance_is_loop(p, &hops));
	provenance_free(&p);
	config_free(&config);
}

TEST(without_either_there_is_nothing)
{
	static const struct provenance_clusters clusters = {.source = "here"};
	struct config *config = config_of("");

	CHECK(provenance_new(config, &clusters) == NULL);
	CHECK(!provenance_needs_target(config));
	config_free(&config);
}

/* Flags that do not go together, or name what cannot be. */
TEST(names_that_cannot_be_are_refused)
{
	static const char *const flags[] = {
		"--provenance true --provenance.source a/b",
		"--provenance true --provenance.source " NAME_64 "n",
		"--loop.drop true --provenance.target a,b",
		"--provenance true --provenance.source a --provenance.target a",
		"--provenance true --provenance.header reflejo.offset",
		"--provenance true --provenance.hops 1",
		"--provenance true --provenance.hops 33",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		struct config *config = config_of(flags[i]);

		if (!CHECK(config == NULL))
			printf("# %s\n", flags[i]);
		config_free(&config);
	}
}
