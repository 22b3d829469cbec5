/* Unit tests of the log and the clock's text. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_line.h"
#include "base/mem.h"

/* A log in a private folder; what was written comes back as one string. */
struct fixture {
	char folder[64], *path;
};

static void
open_fixture(struct fixture *f)
{
	struct err err;

	snprintf(f->folder, sizeof(f->folder), "/tmp/reflejo-unit-XXXXXX");
	CHECK(mkdtemp(f->folder) != NULL);
	f->path = mem_printf("%s/log", f->folder);
	CHECK_INT(log_open(f->path, &err), 0);
}

static char *
read_file(const char *path)
{
	struct text text = {0};
	FILE *file = fopen(path, "r");
	char chunk[4096];
	size_t n;

	while (file && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		text_add(&text, chunk, n);
	if (file)
		fclose(file);
	return text_take(&text);
}

static void
close_fixture(struct fixture *f)
{
	log_open(NULL, NULL);
	log_set_level(LOG_LEVEL_INFO);
	log_set_format(LOG_FORMAT_AUTO);
	unlink(f->path);
	rmdir(f->folder);
	free(f->path);
}

/* The line behind its time stamp, which is checked for its form. */
static const char *
behind_time(const char *line)
{
	CHECK(strlen(line) > 25 && line[4] == '-' && line[10] == 'T' && line[23] == 'Z' &&
		line[24] == ' ');
	return strlen(line) > 25 ? line + 25 : line;
}

TEST(fields_are_quoted_when_they_must_be)
{
	struct fixture f;
	char *text;

	open_fixture(&f);
	LOG(EVENT_stopping, F_STR("bare", "a-b:c/d,1"), F_STR("blank", "a b"),
		F_STR("quote", "say \"x\" \\ y"), F_STR("control", "a\nb\tc\x01"),
		F_STR("empty", ""), F_STR("null", NULL), F_INT("int", -5),
		F_UINT("uint", UINT64_MAX), F_REAL("real", 2.25), F_STR("equals", "a=b"));
	text = read_file(f.path);
	CHECK_STR(behind_time(text),
		"info stopping bare=a-b:c/d,1 blank=\"a b\" quote=\"say \\\"x\\\" \\\\ y\" "
		"control=\"a\\nb\\x09c\\x01\" empty=\"\" null=- int=-5 "
		"uint=18446744073709551615 real=2.2 equals=\"a=b\"\n");
	free(text);
	close_fixture(&f);
}

TEST(levels_below_the_shown_one_are_silent)
{
	struct fixture f;
	char *text;

	open_fixture(&f);
	log_set_level(LOG_LEVEL_ERROR);
	LOG(EVENT_stopping, F_STR("reason", "x"));
	CHECK(!log_is_shown(LOG_LEVEL_WARN));
	text = read_file(f.path);
	CHECK_STR(text, "");
	free(text);
	CHECK_INT(log_level_parse("warn"), LOG_LEVEL_WARN);
	CHECK_INT(log_level_parse("loud"), -1);
	close_fixture(&f);
}

TEST(a_repeated_line_is_held_back_and_counted)
{
	struct fixture f;
	struct log_limit limit = {.interval_ms = 3600000};
	const struct log_field field = F_INT("n", 1);
	char *text;

	open_fixture(&f);
	for (int i = 0; i < 5; i++)
		log_write(EVENT_stopping, &limit, &field, 1);
	limit.next_ms = 0;
	log_write(EVENT_stopping, &limit, &field, 1);
	text = read_file(f.path);
	CHECK(strstr(text, "info stopping n=1\n") != NULL);
	CHECK(strstr(text, "info stopping n=1 repeated=4\n") != NULL);
	free(text);
	close_fixture(&f);
}

TEST(reopen_follows_a_rotated_file)
{
	struct fixture f;
	struct err err;
	char *old, *text;

	open_fixture(&f);
	old = mem_printf("%s.1", f.path);
	LOG(EVENT_stopping, F_STR("reason", "first"));
	rename(f.path, old);
	CHECK_INT(log_reopen(&err), 0);
	LOG(EVENT_stopping, F_STR("reason", "second"));
	text = read_file(f.path);
	CHECK(strstr(text, "second") && !strstr(text, "first"));
	free(text);
	unlink(old);
	free(old);
	CHECK_INT(log_open("/nowhere/at/all", &err), -1);
	CHECK(strstr(err.text, "/nowhere/at/all") != NULL);
	close_fixture(&f);
}

/* An event of its own for each thread, so that none has too many lines. */
struct writer {
	enum log_event event;
	char word[200];
};

static void *
log_much(void *arg)
{
	const struct writer *w = arg;

	for (int i = 0; i < 500; i++)
		LOG(w->event, F_STR("reason", w->word));
	return NULL;
}

TEST(lines_of_several_threads_do_not_mix)
{
	struct fixture f;
	pthread_t threads[4];
	struct writer writers[4] = {
		{EVENT_plan, ""}, {EVENT_topics, ""}, {EVENT_script, ""}, {EVENT_stop, ""}};
	char *text, *line, *rest;
	size_t lines = 0;

	open_fixture(&f);
	for (int i = 0; i < 4; i++) {
		memset(writers[i].word, 'a' + i, sizeof(writers[i].word) - 1);
		pthread_create(&threads[i], NULL, log_much, &writers[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	text = read_file(f.path);
	for (line = strtok_r(text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest), lines++) {
		const char *word = strstr(line, "reason=");

		CHECK(word &&
			strspn(word + 7, (char[]){word[7], 0}) == sizeof(writers[0].word) - 1);
	}
	CHECK_INT(lines, 2000);
	free(text);
	close_fixture(&f);
}

TEST(an_instant_is_printed_in_utc)
{
	char text[CLOCK_TEXT_SIZE];

	CHECK_STR(clock_print(0, text), "1970-01-01T00:00:00.000Z");
	CHECK_STR(clock_print(1769817600123, text), "2026-01-31T00:00:00.123Z");
	CHECK(clock_ms() <= clock_ms());
}

/* What one event looks like in a form. */
static char *
print_line(enum log_event event, const struct log_field *fields, size_t count, uint64_t repeated,
	enum log_format format, bool is_coloured)
{
	struct log_line line = {1769817600123, log_event_info(event), fields, count, repeated};
	struct text text = {0};

	log_line_put(&text, &line, format, is_coloured);
	return text_take(&text);
}

#define CHECK_LINE(event, fields, repeated, format, is_coloured, expected)                  \
	do {                                                                                \
		char *line_text =                                                           \
			print_line((event), (fields), sizeof(fields) / sizeof((fields)[0]), \
				(repeated), (format), (is_coloured));                       \
		CHECK_STR(line_text, (expected));                                           \
		free(line_text);                                                            \
	} while (0)

TEST(each_form_has_the_same_facts)
{
	const struct log_field fields[] = {F_STR("a", "x y"), F_STR("none", NULL), F_INT("i", -5),
		F_UINT("u", UINT64_MAX), F_REAL("r", 2.25)};

	setenv("TZ", "EST-2", 1);
	tzset();
	CHECK_LINE(EVENT_topics_none, fields, 0, LOG_FORMAT_KV, false,
		"2026-01-31T00:00:00.123Z warn topics_none a=\"x y\" none=- i=-5 "
		"u=18446744073709551615 r=2.2");
	CHECK_LINE(EVENT_topics_none, fields, 7, LOG_FORMAT_JOURNAL, false,
		"<4>warn topics_none a=\"x y\" none=- i=-5 u=18446744073709551615 r=2.2 "
		"repeated=7");
	CHECK_LINE(EVENT_topics_none, fields, 0, LOG_FORMAT_HUMAN, false,
		"02:00:00.123 WARN  topics_none a=\"x y\" none=- i=-5 "
		"u=18446744073709551615 r=2.2");
	CHECK_LINE(EVENT_topics_none, fields, 7, LOG_FORMAT_JSON, false,
		"{\"time\":\"2026-01-31T00:00:00.123Z\",\"level\":\"warn\",\"event\":\"topics_"
		"none\","
		"\"a\":\"x y\",\"none\":null,\"i\":-5,\"u\":18446744073709551615,\"r\":2.2,"
		"\"repeated\":7}");
	unsetenv("TZ");
	tzset();
}

TEST(colours_are_put_around_words_and_end)
{
	const struct log_field fields[] = {F_STR("a", "x")};

	setenv("TZ", "UTC0", 1);
	tzset();
	CHECK_LINE(EVENT_failed, fields, 2, LOG_FORMAT_HUMAN, true,
		"00:00:00.123 \x1b[1;31mERROR\x1b[0m \x1b[1mfailed\x1b[0m \x1b[2ma=\x1b[0mx "
		"\x1b[2mrepeated=\x1b[0m2");
	unsetenv("TZ");
	tzset();
}

TEST(journal_priorities_are_those_of_syslog)
{
	static const struct {
		enum log_event event;
		const char *start;
	} rows[] = {{EVENT_committed, "<7>debug committed "}, {EVENT_start, "<6>info start "},
		{EVENT_topics_none, "<4>warn topics_none "}, {EVENT_failed, "<3>error failed "}};
	const struct log_field field = F_INT("n", 1);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *line = print_line(rows[i].event, &field, 1, 0, LOG_FORMAT_JOURNAL, false);

		CHECK(strncmp(line, rows[i].start, strlen(rows[i].start)) == 0);
		free(line);
	}
}

TEST(nothing_in_a_fact_steers_a_terminal)
{
	const struct log_field fields[] = {F_STR("escape", "\x1b[2J"),
		F_STR("c1", "\xc2\x9b"
			    "2J"),
		F_STR("bad", "a\xff\x9bz"), F_STR("good", "\xc3\xb1\xe2\x82\xac")};

	setenv("TZ", "UTC0", 1);
	tzset();
	CHECK_LINE(EVENT_stop, fields, 0, LOG_FORMAT_HUMAN, false,
		"00:00:00.123 INFO  stop escape=\"\\x1b[2J\" c1=\"\\xc2\\x9b2J\" "
		"bad=\"a\\xff\\x9bz\" good=\xc3\xb1\xe2\x82\xac");
	/* The form that programs read has always had such bytes as they are. */
	CHECK_LINE(EVENT_stop, fields, 0, LOG_FORMAT_KV, false,
		"2026-01-31T00:00:00.123Z info stop escape=\"\\x1b[2J\" c1=\xc2\x9b"
		"2J "
		"bad=a\xff\x9bz good=\xc3\xb1\xe2\x82\xac");
	unsetenv("TZ");
	tzset();
}

static size_t
count_of(const char *text, const char *word)
{
	size_t n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

/* The number behind key= in the last line that holds word. */
static uint64_t
number_in(const char *text, const char *word, const char *key)
{
	const char *line = NULL, *at;

	while ((text = strstr(text, word)))
		line = text++;
	at = line ? strstr(line, key) : NULL;
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

#define FLOOD 3000

static void *
flood(void *arg)
{
	for (int i = 0; i < FLOOD; i++)
		LOG(EVENT_positions_first_start, F_INT("n", i));
	return arg;
}

TEST(an_event_that_floods_is_bounded_and_all_of_it_counted)
{
	struct fixture f;
	pthread_t threads[4];
	uint64_t before = log_count(EVENT_positions_first_start), written, left_out;
	int64_t began = clock_ms();
	char *text;

	open_fixture(&f);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, flood, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	LOG(EVENT_failed, F_STR("reason", "another event has its own allowance"));
	log_tick(false);
	text = read_file(f.path);
	written = count_of(text, " info positions_first_start ");
	left_out = number_in(text, "warn log_suppressed name=positions_first_start", "count=");
	CHECK(written >= LOG_BURST &&
		written <= LOG_BURST + 1 + (uint64_t)(clock_ms() - began) / LOG_STEP_MS);
	CHECK_INT(written + left_out, 4 * FLOOD);
	CHECK_INT(log_count(EVENT_positions_first_start) - before, 4 * FLOOD);
	CHECK_INT(count_of(text, "error failed "), 1);
	free(text);
	/* Told once in ten seconds, and at the end. */
	for (int i = 0; i < 100; i++)
		LOG(EVENT_positions_first_start, F_INT("n", i));
	log_tick(false);
	text = read_file(f.path);
	CHECK_INT(count_of(text, "log_suppressed"), 1);
	free(text);
	log_tick(true);
	text = read_file(f.path);
	CHECK_INT(count_of(text, "log_suppressed"), 2);
	written = count_of(text, " info positions_first_start ");
	left_out += number_in(text, "warn log_suppressed name=positions_first_start", "count=");
	CHECK_INT(written + left_out, 4 * FLOOD + 100);
	free(text);
	close_fixture(&f);
}

TEST(a_site_keeps_its_count_when_the_event_may_not_speak)
{
	struct fixture f;
	struct log_limit limit = {.interval_ms = 3600000};
	const struct log_field field = F_INT("n", 1);
	char *text;

	open_fixture(&f);
	log_write(EVENT_positions_first_start, &limit, &field, 1);
	log_write(EVENT_zookeeper_brokers, &limit, &field, 1);
	CHECK_INT(limit.suppressed, 1);
	for (int i = 0; i < LOG_BURST * 2; i++)
		LOG(EVENT_zookeeper_positions, F_INT("n", i));
	limit.next_ms = 0;
	log_write(EVENT_zookeeper_positions, &limit, &field, 1);
	CHECK_INT(limit.suppressed, 1);
	limit.next_ms = 0;
	log_write(EVENT_zookeeper_brokers, &limit, &field, 1);
	text = read_file(f.path);
	CHECK(strstr(text, "zookeeper_brokers n=1 repeated=1\n") != NULL);
	free(text);
	close_fixture(&f);
}

TEST(hidden_events_are_counted_too)
{
	uint64_t before = log_count(EVENT_committed);

	LOG(EVENT_committed, F_INT("n", 1));
	log_count_only(EVENT_committed);
	CHECK_INT(log_count(EVENT_committed), before + 2);
	CHECK_INT(log_get_level(), LOG_LEVEL_INFO);
	CHECK_STR(log_level_name(LOG_LEVEL_WARN), "warn");
	CHECK_INT(log_format_parse("json"), LOG_FORMAT_JSON);
	CHECK_INT(log_format_parse("yaml"), -1);
}

struct heard {
	struct text lines;
	int count;
};

static void
on_heard(enum log_event event, enum log_level level, const char *json, size_t length, void *arg)
{
	struct heard *h = arg;

	CHECK(level == log_event_info(event)->level && strlen(json) == length);
	text_printf(
		&h->lines, "%s\n", json + sizeof("{\"time\":\"2026-01-31T00:00:00.000Z\",") - 1);
	h->count++;
	/* Is written, but not heard: it would never end. */
	LOG(EVENT_stop, F_STR("by", "listener"));
}

TEST(a_listener_hears_what_is_written_as_json)
{
	struct fixture f;
	struct heard h = {{0}, 0};
	char *text;

	open_fixture(&f);
	log_listen(on_heard, &h);
	LOG(EVENT_stopping, F_STR("reason", "a \"b\""), F_INT("n", 2));
	LOG(EVENT_committed, F_STR("level", "not shown"));
	log_set_format(LOG_FORMAT_JSON);
	LOG(EVENT_stopping, F_STR("reason", "c"));
	log_listen(NULL, NULL);
	LOG(EVENT_stopping, F_STR("reason", "d"));
	CHECK_INT(h.count, 2);
	CHECK_STR(h.lines.s,
		"\"level\":\"info\",\"event\":\"stopping\",\"reason\":\"a \\\"b\\\"\",\"n\":2}\n"
		"\"level\":\"info\",\"event\":\"stopping\",\"reason\":\"c\"}\n");
	text = read_file(f.path);
	CHECK(strstr(text, "info stopping reason=\"a \\\"b\\\"\" n=2\n") != NULL);
	CHECK_INT(count_of(text, "listener"), 2);
	CHECK_INT(count_of(text, "\n"), 5);
	free(text);
	text_fini(&h.lines);
	close_fixture(&f);
}

static _Atomic bool flood_is_over;

/* Events in turn, so that the allowances of all last for a while. */
static void *
log_on(void *arg)
{
	unsigned n = 0;

	while (!atomic_load(&flood_is_over))
		LOG((enum log_event)(n++ % EVENT_loop_trouble), F_INT("n", 1));
	return arg;
}

/* Fails, in a sanitizer for certain, when it is called with what is gone. */
static void
on_borrowed(enum log_event event, enum log_level level, const char *json, size_t length, void *arg)
{
	int *alive = arg;

	(void)event, (void)level, (void)json, (void)length;
	CHECK_INT(*alive, 1);
}

TEST(a_listener_that_is_gone_is_not_called_any_more)
{
	struct fixture f;
	pthread_t threads[3];

	open_fixture(&f);
	log_set_level(LOG_LEVEL_DEBUG);
	atomic_store(&flood_is_over, false);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, log_on, NULL);
	for (int i = 0; i < 2000; i++) {
		int *alive = mem_alloc(sizeof(*alive));

		*alive = 1;
		log_listen(on_borrowed, alive);
		LOG(EVENT_committed, F_INT("n", i));
		log_listen(NULL, NULL);
		*alive = 0;
		free(alive);
	}
	atomic_store(&flood_is_over, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	close_fixture(&f);
}

/* stderr goes into a file from now on. */
static int
catch_stderr(const char *path)
{
	int kept = dup(STDERR_FILENO), fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	return kept;
}

static char *
release_stderr(int kept, const char *path)
{
	char *text = read_file(path);

	dup2(kept, STDERR_FILENO);
	close(kept);
	unlink(path);
	return text;
}

TEST(a_full_disk_is_said_once_and_lines_stay_whole)
{
	struct fixture f;
	struct rlimit old, now;
	char *errors, *text, *said;
	int kept;

	open_fixture(&f);
	errors = mem_printf("%s/errors", f.folder);
	kept = catch_stderr(errors);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	LOG(EVENT_stopping, F_STR("reason", "before"));
	now = (struct rlimit){1000, old.rlim_max};
	setrlimit(RLIMIT_FSIZE, &now);
	for (int i = 0; i < 40; i++)
		LOG(EVENT_stopping, F_STR("reason", "a line that is longer than what is left"));
	setrlimit(RLIMIT_FSIZE, &old);
	LOG(EVENT_stopping, F_STR("reason", "after"));
	said = release_stderr(kept, errors);
	text = read_file(f.path);
	CHECK_INT(count_of(said, "\n"), 1);
	CHECK(strstr(said, " error log_trouble reason=\"cannot write to the log file ") != NULL);
	CHECK(strstr(said, f.path) != NULL);
	/* The one that was cut in the middle is not continued by another. */
	CHECK(strstr(text, "Z info stopping reason=after\n") != NULL);
	CHECK(text[1000] == '\n');
	CHECK_INT(count_of(text, "longer than what is left\"\n") +
			  number_in(text, "log_recovered", "lost="),
		40);
	free(said);
	free(text);
	free(errors);
	close_fixture(&f);
}

TEST(a_file_that_was_removed_is_made_again)
{
	struct fixture f;
	char *errors, *text, *said;
	int kept;

	open_fixture(&f);
	errors = mem_strdup("/tmp/reflejo-unit-errors-XXXXXX");
	close(mkstemp(errors));
	kept = catch_stderr(errors);
	unlink(f.path);
	log_tick(false);
	text = read_file(f.path);
	CHECK(strstr(text, "info log_reopened reason=\"the file was removed\"\n") != NULL);
	free(text);
	/* Its folder too: said once, and mended when the folder is back. */
	unlink(f.path);
	rmdir(f.folder);
	for (int i = 0; i < 3; i++)
		log_tick(false);
	mkdir(f.folder, 0700);
	log_tick(false);
	text = read_file(f.path);
	CHECK_INT(count_of(text, "info log_reopened"), 1);
	free(text);
	said = release_stderr(kept, errors);
	CHECK_INT(count_of(said, "\n"), 1);
	CHECK(strstr(said, " error log_trouble reason=\"cannot open the log file ") != NULL);
	free(said);
	free(errors);
	close_fixture(&f);
}
