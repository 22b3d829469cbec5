/* Unit tests of the log and the clock's text. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
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

static void *
log_much(void *arg)
{
	for (int i = 0; i < 500; i++)
		LOG(EVENT_stopping, F_STR("reason", (const char *)arg));
	return NULL;
}

TEST(lines_of_several_threads_do_not_mix)
{
	struct fixture f;
	pthread_t threads[4];
	char words[4][200], *text, *line, *rest;
	size_t lines = 0;

	open_fixture(&f);
	for (int i = 0; i < 4; i++) {
		memset(words[i], 'a' + i, sizeof(words[i]) - 1);
		words[i][sizeof(words[i]) - 1] = '\0';
		pthread_create(&threads[i], NULL, log_much, words[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	text = read_file(f.path);
	for (line = strtok_r(text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest), lines++) {
		const char *word = strstr(line, "reason=");

		CHECK(word && strspn(word + 7, (char[]){word[7], 0}) == sizeof(words[0]) - 1);
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
