/* Unit tests of what the states of a process share: counters and gauges, dictionaries, look-up
 * files, sites that log. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "script/world.h"

/* All metrics as one text. */
static void
add_metric(void *arg, const struct script_metric *metric)
{
	struct text *text = arg;

	text_puts(text, metric->name);
	for (size_t i = 0; i < metric->labels; i++)
		text_printf(text, ",%s=%s", metric->label_names[i], metric->label_values[i]);
	text_printf(text, " %g\n", metric->value);
}

static void
check_metrics(struct script_world *world, const char *expected)
{
	struct text text = {0};

	script_world_each_metric(world, add_metric, &text);
	CHECK_STR(text.s ? text.s : "", expected);
	text_fini(&text);
}

static struct script_cell *
cell(struct script_seat *seat, const char *name, const char *label, const char *value,
	struct err *err)
{
	size_t length = strlen(name);
	const struct script_metric wanted = {.name = name,
		.help = "help",
		.is_counter = length > 6 && !strcmp(name + length - 6, "_total"),
		.label_names = &label,
		.label_values = &value,
		.labels = label != NULL};

	return metrics_cell(world_metrics(seat->world), seat, &wanted, err);
}

TEST(counters_are_summed_and_outlive_their_states)
{
	struct script_world *world = script_world_new();
	struct script_seat *one = world_sit(world, 0, "s.lua", NULL),
			   *two = world_sit(world, 1, "s.lua", NULL);
	struct err err;

	cell(one, "a_total", NULL, NULL, &err)->_value += 2;
	cell(one, "a_total", NULL, NULL, &err)->_value += 1;
	cell(two, "a_total", NULL, NULL, &err)->_value += 10;
	cell(two, "b_total", "x", "1", &err)->_value += 1;
	cell(two, "b_total", "x", "2", &err);
	check_metrics(world, "a_total 13\nb_total,x=1 1\nb_total,x=2 0\n");
	world_rise(two);
	check_metrics(world, "a_total 13\nb_total,x=1 1\n");
	world_rise(one);
	check_metrics(world, "a_total 13\nb_total,x=1 1\n");
	script_world_free(&world);
}

TEST(gauges_are_summed_over_streams_by_the_states_in_force)
{
	struct script_world *world = script_world_new();
	struct script_place first = {0}, second = {0}, late = {.is_in_force = true};
	struct script_seat *old = world_sit(world, 0, "s.lua", &first),
			   *other = world_sit(world, 1, "s.lua", &late), *new;
	struct err err;

	world_promote(&first);
	new = world_sit(world, 0, "s.lua", &second);
	cell(old, "g", NULL, NULL, &err)->_value = 100;
	cell(other, "g", NULL, NULL, &err)->_value = 10;
	cell(new, "g", NULL, NULL, &err)->_value = 1;
	/* One that is tried does not count yet; and no more when the one before is back. */
	check_metrics(world, "g 110\n");
	world_promote(&second);
	check_metrics(world, "g 11\n");
	world_promote(&first);
	check_metrics(world, "g 110\n");
	world_rise(new);
	check_metrics(world, "g 110\n");
	world_rise(old);
	world_rise(other);
	check_metrics(world, "");
	script_world_free(&world);
}

TEST(names_and_labels_that_prometheus_refuses_are_refused)
{
	static const struct {
		const char *name, *label, *value, *why;
	} rows[] = {{"", NULL, NULL, "is no name"}, {"1a", NULL, NULL, "is no name"},
		{"a-b", NULL, NULL, "is no name"}, {"a:b", NULL, NULL, "is no name"},
		{"reflejo_x", NULL, NULL, "agent's own"}, {"process_x", NULL, NULL, "agent's own"},
		{"a", "__x", "v", "no name for a label"}, {"a", "x-y", "v", "no name for a label"},
		{"a", "x", "\xff", "not UTF-8"}, {"a", "x", "\xed\xa0\x80", "not UTF-8"},
		{"there", NULL, NULL, "other labels"}};
	struct script_world *world = script_world_new();
	struct script_seat *seat = world_sit(world, 0, "s.lua", NULL);
	struct script_metric wanted = {.name = "there", .help = "help", .is_counter = true};
	struct err err;

	CHECK(cell(seat, "there", "x", "\xc3\xa9", &err) != NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECK(!cell(seat, rows[i].name, rows[i].label, rows[i].value, &err));
		if (!CHECK(strstr(err.text, rows[i].why) != NULL))
			printf("# %s\n", err.text);
	}
	CHECK(!metrics_cell(world_metrics(world), seat, &wanted, &err));
	CHECK(strstr(err.text, "there_total") != NULL);
	world_rise(seat);
	script_world_free(&world);
}

TEST(names_and_sets_of_labels_are_bounded)
{
	struct script_world *world = script_world_new();
	struct script_seat *seat = world_sit(world, 0, "s.lua", NULL);
	struct err err;
	char word[32];

	for (int i = 0; i < METRIC_SERIES_MAX; i++) {
		snprintf(word, sizeof(word), "v%d", i);
		CHECK(cell(seat, "a_total", "x", word, &err) != NULL);
	}
	CHECK(!cell(seat, "a_total", "x", "more", &err));
	CHECK(strstr(err.text, "2000 sets of labels") != NULL);
	CHECK(cell(seat, "a_total", "x", "v7", &err) != NULL);
	world_rise(seat);
	seat = world_sit(world, 0, "s.lua", NULL);
	for (int i = 0; i < METRIC_NAMES_MAX; i++) {
		snprintf(word, sizeof(word), "m%d", i);
		CHECK(cell(seat, word, NULL, NULL, &err) != NULL);
	}
	CHECK(!cell(seat, "more", NULL, NULL, &err));
	CHECK(strstr(err.text, "200 metrics") != NULL);
	world_rise(seat);
	script_world_free(&world);
}

static int
put(struct script_shared *shared, const char *key, const char *text, double ttl_ms,
	bool only_absent, struct err *err)
{
	const struct script_value value = {text, 0, (int32_t)strlen(text), SCRIPT_STRING};

	return shared_put(shared, key, strlen(key), &value, ttl_ms, only_absent, err);
}

static void
check_shared(struct script_shared *shared, const char *key, const char *expected)
{
	struct text text = {0};
	struct script_value value;
	bool found = shared_get(shared, key, strlen(key), &text, &value);

	CHECK(found == (expected != NULL));
	if (found && CHECK_INT(value._kind, SCRIPT_STRING)) {
		CHECK_INT(value._size, strlen(expected));
		CHECK(!strncmp(value._text, expected, (size_t)value._size));
	}
	text_fini(&text);
}

TEST(a_dictionary_keeps_what_it_is_given)
{
	struct shared_set *set = shared_set_new();
	struct err err;
	struct script_shared *d = shared_open(set, "d", 0, &err);
	double sum = 0;

	check_shared(d, "a", NULL);
	CHECK_INT(put(d, "a", "one", 0, false, &err), 1);
	CHECK_INT(put(d, "a", "two", 0, true, &err), 0);
	check_shared(d, "a", "one");
	CHECK_INT(put(d, "a", "", 0, false, &err), 1);
	check_shared(d, "a", "");
	CHECK_INT(shared_increase(d, "a", 1, 1, 0, &sum, &err), -1);
	CHECK(strstr(err.text, "is no number") != NULL);
	CHECK_INT(shared_increase(d, "n", 1, 2.5, 0, &sum, &err), 0);
	CHECK_INT(shared_increase(d, "n", 1, -1, 0, &sum, &err), 0);
	CHECK(sum == 1.5);
	CHECK(shared_remove(d, "a", 1) && !shared_remove(d, "a", 1));
	CHECK(shared_open(set, "d", 0, &err) == d);
	CHECK(!shared_open(set, "e", 1, &err));
	shared_set_free(&set);
}

/* Waits until the clock has passed a moment; nothing else tells. */
static void
wait_until(int64_t ms)
{
	while (clock_ms() < ms)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
}

TEST(entries_expire)
{
	struct shared_set *set = shared_set_new();
	struct err err;
	struct script_shared *d = shared_open(set, "d", 0, &err);

	CHECK_INT(put(d, "a", "one", 20, false, &err), 1);
	CHECK_INT(put(d, "b", "long", 600000, false, &err), 1);
	wait_until(clock_ms() + 21);
	check_shared(d, "a", NULL);
	check_shared(d, "b", "long");
	CHECK_INT(put(d, "a", "two", 0, true, &err), 1);
	shared_set_free(&set);
}

TEST(a_full_dictionary_says_so_and_makes_room_from_what_expired)
{
	struct shared_set *set = shared_set_new();
	struct err err;
	struct script_shared *d = shared_open(set, "d", 65536, &err);
	char key[32];
	int n = 0;
	int64_t ends;

	for (;; n++) {
		snprintf(key, sizeof(key), "k%d", n);
		if (put(d, key, "value", n < 10 ? 30 : 0, true, &err) < 0)
			break;
	}
	CHECK(n > 100 && n < 2000);
	CHECK(strstr(err.text, "\"d\" is full (65536 bytes)") != NULL);
	check_shared(d, "k20", "value");
	CHECK_INT(put(d, "k20", "more", 0, true, &err), 0);
	ends = clock_ms() + 5000;
	while (put(d, key, "value", 0, true, &err) < 0 && clock_ms() < ends)
		wait_until(clock_ms() + 5);
	check_shared(d, key, "value");
	shared_set_free(&set);
}

#define ADDS 20000

static void *
count_up(void *arg)
{
	struct script_shared *d = arg;
	char key[16];
	double sum;

	for (int i = 0; i < ADDS; i++) {
		int n = snprintf(key, sizeof(key), "k%d", i % 100);
		CHECK_INT(shared_increase(d, key, (size_t)n, 1, 0, &sum, NULL), 0);
	}
	return NULL;
}

TEST(threads_count_together)
{
	struct shared_set *set = shared_set_new();
	struct script_shared *d = shared_open(set, "d", 0, NULL);
	pthread_t threads[3];
	double sum = 0;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, count_up, d);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	shared_increase(d, "k7", 2, 0, 0, &sum, NULL);
	CHECK(sum == 3.0 * ADDS / 100);
	shared_set_free(&set);
}

/* The value column of a key's row; "-" when there is none. */
static char *
field_of(const struct table *table, const char *key)
{
	int32_t row = table_find(table, key, strlen(key)), size;
	const char *bytes;

	if (row < 0)
		return mem_strdup("-");
	size = table_field(table, row, table_value_column(table), &bytes);
	return mem_strndup(bytes, (size_t)size);
}

TEST(tables_are_read)
{
	static const struct {
		int kind;
		const char *key, *value, *text, *looked_for, *expected;
	} rows[] = {
		{TABLE_LINES, "1", NULL, "# all\nacme\r\n\nother", "acme", "acme"},
		{TABLE_LINES, "1", NULL, "# all\nacme\r\n\nother", "other", "other"},
		{TABLE_LINES, "1", NULL, "# all\nacme\n", "# all", "-"},
		{TABLE_LINES, "1", NULL, "", "x", "-"},
		{TABLE_CSV, "1", NULL, "", "x", "-"},
		{TABLE_CSV, "1", NULL, "a,1\nb,2\n", "b", "2"},
		{TABLE_CSV, "1", NULL, "a,1\nb,2", "b", "2"},
		{TABLE_CSV, "1", NULL, "a,1\r\n\r\nb,2\r\n", "b", "2"},
		{TABLE_CSV, "1", NULL, "a,1\na,2\n", "a", "2"},
		{TABLE_CSV, "1", NULL, "a\nb\n", "b", "b"},
		{TABLE_CSV, "3", "1", "a,1,x\nb,2,y\n", "y", "b"},
		{TABLE_CSV, "1", NULL, "\"a,\"\"b\"\"\",\"line 1\nline 2\"\nc,\n", "a,\"b\"",
			"line 1\nline 2"},
		{TABLE_CSV, "1", NULL, "a,\"\"\nc,\n", "c", ""},
		{TABLE_CSV_WITH_NAMES, "k", "v", "\xef\xbb\xbfk,x,v\na,1,2\n", "a", "2"},
		{TABLE_CSV_WITH_NAMES, "k", "v", "k,x,v\na,1,2\n", "k", "-"},
		{TABLE_CSV_WITH_NAMES, "k", "v", "k,v\n", "a", "-"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct table_format format = {rows[i].kind, ',', rows[i].key, rows[i].value};
		struct err err;
		struct table *table = table_read(
			mem_strdup(rows[i].text), strlen(rows[i].text), &format, "f", &err);
		char *found;

		if (!CHECK(table != NULL)) {
			printf("# row %zu: %s\n", i, err.text);
			continue;
		}
		found = field_of(table, rows[i].looked_for);
		if (!CHECK_STR(found, rows[i].expected))
			printf("# in row %zu\n", i);
		free(found);
		table_release(table);
	}
}

TEST(malformed_tables_are_refused_with_their_line)
{
	static const struct {
		int kind;
		const char *key, *text, *error;
	} rows[] = {
		{TABLE_CSV, "1", "a,1\nb\n", "f:2: 1 fields where the first row has 2"},
		{TABLE_CSV, "1", "a,1\nb,\"2\n3\n",
			"f:2: a field begins with a quote and none ends it"},
		{TABLE_CSV, "1", "a,\"x\ny\"\nb,\"2\"3\n",
			"f:3: something stands behind a field's closing quote"},
		{TABLE_CSV, "1", "a,x\"y\n",
			"f:1: a quote within a field; put the field in quotes and double it"},
		{TABLE_CSV, "3", "a,1\n", "f:1: there is no column 3"},
		{TABLE_CSV_WITH_NAMES, "x", "a,b\n", "f:1: there is no column x"},
		{TABLE_CSV_WITH_NAMES, "x", "",
			"f:1: the file is empty; its first row names the columns"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct table_format format = {rows[i].kind, ',', rows[i].key, NULL};
		struct err err;

		CHECK(!table_read(
			mem_strdup(rows[i].text), strlen(rows[i].text), &format, "f", &err));
		CHECK_STR(err.text, rows[i].error);
	}
}

TEST(many_rows_are_found)
{
	const struct table_format format = {TABLE_CSV, ',', "1", NULL};
	struct text text = {0};
	struct table *table;
	struct err err;
	char key[16];

	for (int i = 0; i < 20000; i++)
		text_printf(&text, "key%d,%d\n", i, i * 7);
	table = table_read(text.s, text.length, &format, "f", &err);
	CHECK_INT(table_rows(table), 20000);
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(key, sizeof(key), "key%d", i);
		CHECK_INT(table_find(table, key, (size_t)n), i);
	}
	CHECK_INT(table_find(table, "other", 5), -1);
	table_release(table);
}

static void
write_file(const char *path, const char *text)
{
	char *new = mem_printf("%s.new", path);
	FILE *file = fopen(new, "w");

	CHECK(file && fputs(text, file) >= 0 && !fclose(file));
	CHECK_INT(rename(new, path), 0);
	free(new);
}

/* Waits until the map's value of "a" is this. */
static bool
comes(struct script_map *map, const char *expected)
{
	int64_t ends = clock_ms() + 10000;
	bool is = false;

	while (!is && clock_ms() < ends) {
		char *found = field_of(lookup_table(map), "a");
		is = !strcmp(found, expected);
		free(found);
		if (!is)
			wait_until(clock_ms() + 2);
	}
	return is;
}

static bool
log_has(const char *path, const char *word)
{
	int64_t ends = clock_ms() + 10000;
	bool has = false;

	while (!has && clock_ms() < ends) {
		char line[4096];
		FILE *file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file))
			has |= strstr(line, word) != NULL;
		if (file)
			fclose(file);
		if (!has)
			wait_until(clock_ms() + 2);
	}
	return has;
}

TEST(a_look_up_file_is_read_again_and_a_bad_one_is_not_taken)
{
	const struct table_format format = {TABLE_CSV, ',', "1", NULL};
	char folder[] = "/tmp/reflejo-unit-XXXXXX";
	struct lookups *lookups = lookups_new(5);
	struct script_map *one, *two;
	struct err err;
	char *path, *log;

	CHECK(mkdtemp(folder) != NULL);
	path = mem_printf("%s/f.csv", folder);
	log = mem_printf("%s/log", folder);
	CHECK_INT(log_open(log, &err), 0);
	CHECK(!lookup_open(lookups, path, &format, &err));
	CHECK(strstr(err.text, "No such file") != NULL);
	write_file(path, "a,1\n");
	one = lookup_open(lookups, path, &format, &err);
	two = lookup_open(lookups, path, &format, &err);
	CHECK(one && two && lookup_table(one) == lookup_table(two));
	CHECK(comes(one, "1"));
	write_file(path, "a,22\n");
	CHECK(comes(one, "22") && comes(two, "22"));
	write_file(path, "a,333,4\nb\n");
	CHECK(log_has(log, "map_bad"));
	CHECK(comes(one, "22"));
	CHECK_INT(unlink(path), 0);
	CHECK(log_has(log, "No such file"));
	CHECK(comes(one, "22"));
	write_file(path, "a,55555\n");
	CHECK(comes(two, "55555") && comes(one, "55555"));
	lookup_close(one);
	lookup_close(two);
	lookups_free(&lookups);
	log_open(NULL, NULL);
	unlink(path);
	unlink(log);
	rmdir(folder);
	free(path);
	free(log);
}

TEST(a_site_speaks_once_and_then_says_how_often_it_was_not_asked)
{
	struct sites *sites = sites_new(30);
	struct script_site *site = sites_get(sites, "s.lua:1");
	char path[] = "/tmp/reflejo-unit-XXXXXX";
	int64_t ends;
	int fd = mkstemp(path);

	CHECK(fd >= 0 && !close(fd));
	CHECK_INT(log_open(path, NULL), 0);
	CHECK(sites_get(sites, "s.lua:1") == site && sites_get(sites, "s.lua:2") != site);
	CHECK(!site_wants(site, LOG_LEVEL_DEBUG));
	CHECK(site_wants(site, LOG_LEVEL_WARN));
	site_say(site, LOG_LEVEL_WARN, "s.lua", "first");
	CHECK(!site_wants(site, LOG_LEVEL_WARN) && !site_wants(site, LOG_LEVEL_WARN));
	CHECK_INT(log_count(EVENT_script_warn), 3);
	ends = clock_ms() + 30;
	wait_until(ends);
	CHECK(site_wants(site, LOG_LEVEL_WARN));
	site_say(site, LOG_LEVEL_WARN, "s.lua", "second");
	CHECK(log_has(path, "script_warn script=s.lua at=s.lua:1 message=first\n"));
	CHECK(log_has(path, "message=second repeated=2\n"));
	log_open(NULL, NULL);
	unlink(path);
	sites_free(&sites);
}

TEST(sites_beyond_the_most_share_one)
{
	struct sites *sites = sites_new(1000);
	char at[32];

	for (int i = 0; i < SITES_MAX; i++) {
		snprintf(at, sizeof(at), "s.lua:%d", i);
		CHECK(sites_get(sites, at) != NULL);
	}
	CHECK(sites_get(sites, "new:1") == sites_get(sites, "new:2"));
	CHECK(sites_get(sites, "s.lua:7") != sites_get(sites, "new:1"));
	sites_free(&sites);
}
