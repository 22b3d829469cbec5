/* Unit tests of pauses: what is paused, what can be resumed, and the file that keeps them. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "mirror/pauses.h"

/* "everything", "t", "t:1": takes it apart. */
static const char *
topic_of(const char *what, int32_t *ret_partition)
{
	static char topic[64];
	const char *colon = strchr(what, ':');

	*ret_partition = colon ? atoi(colon + 1) : -1;
	snprintf(topic, sizeof(topic), "%.*s", (int)strcspn(what, ":"), what);
	return strcmp(topic, "everything") ? topic : NULL;
}

static char *
shown(const struct pauses *p)
{
	struct text text = {0};

	for (size_t i = 0; i < p->count; i++) {
		text_printf(&text, "%s%s", i ? " " : "",
			p->items[i].topic ? p->items[i].topic : "everything");
		if (p->items[i].partition >= 0)
			text_printf(&text, ":%d", (int)p->items[i].partition);
	}
	return text_take(&text);
}

/* Does the step "+what" or "-what". Returns what is removed, -1 when that is refused. */
static int
step(const struct pauses **pauses, const char *text, struct err *err)
{
	int32_t partition;
	const char *topic = topic_of(text + 1, &partition);
	const struct pause pause = {(char *)(uintptr_t)topic, partition, (char *)"me", 1, true};
	const struct pauses *fresh;
	size_t removed = 0;

	fresh = *text == '+' ? pauses_with(*pauses, &pause)
			     : pauses_without(*pauses, topic, partition, &removed, err);
	if (!fresh)
		return -1;
	pauses_release(pauses);
	*pauses = fresh;
	return (int)removed;
}

static const struct {
	const char *steps, *left;
	int removed; /* by the last step */
	const char *sentence;
} rows[] = {
	{"+t", "t", 0, ""},
	{"+t +t", "t", 0, ""},
	{"+t +t:1 +u +everything", "t t:1 u everything", 0, ""},
	{"+t:1 +t:2 +t:1", "t:2 t:1", 0, ""},
	{"-t", "", 0, ""},
	{"-everything", "", 0, ""},
	{"+t:1 -t:2", "t:1", 0, ""},
	{"+t:1 +t:2 +u -t:2", "t:1 u", 1, ""},
	{"+t:1 +t:2 +u -t", "u", 2, ""},
	{"+t +t:2 +u -t", "u", 2, ""},
	{"+t +u:1 +everything -everything", "", 3, ""},
	{"+t -t:2", "t", -1,
		"the whole topic t is paused, and partition 2 cannot go on alone: resume the "
		"topic"},
	{"+everything +t -t", "everything t", -1,
		"everything is paused, and t cannot go on alone: resume everything"},
	{"+everything -t:3", "everything", -1,
		"everything is paused, and t cannot go on alone: resume everything"},
};

TEST(pauses_come_and_go)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pauses *pauses = pauses_new();
		char *steps = mem_strdup(rows[i].steps), *left;
		struct err err = {0};
		int removed = 0;

		for (char *s = strtok(steps, " "); s; s = strtok(NULL, " "))
			removed = step(&pauses, s, &err);
		left = shown(pauses);
		CHECK_STR(left, rows[i].left);
		CHECK_INT(removed, rows[i].removed);
		CHECK_STR(err.text, rows[i].sentence);
		free(left);
		free(steps);
		pauses_release(&pauses);
	}
}

TEST(the_widest_pause_is_found)
{
	const struct pauses *pauses = pauses_new();
	struct err err;

	CHECK(pauses_find(pauses, "t", 1) == NULL);
	step(&pauses, "+t:1", &err);
	CHECK(pauses_find(pauses, "t", 1) == &pauses->items[0]);
	CHECK(pauses_find(pauses, "t", 2) == NULL);
	CHECK(pauses_find(pauses, "u", 1) == NULL);
	step(&pauses, "+t", &err);
	CHECK(pauses_find(pauses, "t", 1) == &pauses->items[1]);
	CHECK(pauses_find(pauses, "t", 2) == &pauses->items[1]);
	step(&pauses, "+everything", &err);
	CHECK(pauses_find(pauses, "t", 1) == &pauses->items[2]);
	CHECK(pauses_find(pauses, "u", 0) == &pauses->items[2]);
	pauses_release(&pauses);
}

static char folder[] = "/tmp/reflejo-pauses-XXXXXX";

/* A path in a folder of this program's own. @gives a string */
static char *
path_of(const char *name)
{
	static bool is_made;

	if (!is_made)
		is_made = mkdtemp(folder) != NULL;
	CHECK(is_made);
	return mem_printf("%s/%s", folder, name);
}

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

TEST(what_is_kept_is_read_again)
{
	const struct pause all[] = {
		{NULL, 7, (char *)"a\tb\nc", 5, true},
		{(char *)"t", -1, (char *)"anna", 1700000000123, true},
		{(char *)"t", 2147483647, (char *)"", 7, true},
		{(char *)"u", 1, (char *)"gone", 7, false},
	};
	const struct pauses *pauses = pauses_new(), *read;
	char *path = path_of("kept"), *text;
	struct err err = {0};
	struct stat st;

	for (size_t i = 0; i < 4; i++) {
		const struct pauses *more = pauses_with(pauses, &all[i]);

		pauses_release(&pauses);
		pauses = more;
	}
	CHECK(pauses_kept(pauses) > 0);
	write_file(path, "something else");
	CHECK_INT(pauses_save(pauses, path, &err), 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	read = pauses_load(path, &err);
	CHECK_STR(err.text, "");
	text = shown(read);
	CHECK_STR(text, "everything t t:2147483647");
	CHECK_STR(read->items[0].by, "a b c");
	CHECK_STR(read->items[1].by, "anna");
	CHECK_STR(read->items[2].by, "");
	CHECK_INT(read->items[1].since_ms, 1700000000123);
	CHECK(read->items[0].keep && read->items[2].keep);
	free(text);
	pauses_release(&read);
	pauses_release(&pauses);

	pauses = pauses_new();
	CHECK_INT(pauses_kept(pauses), 0);
	CHECK_INT(pauses_save(pauses, path, &err), 0);
	CHECK(stat(path, &st) < 0);
	CHECK_INT(pauses_save(pauses, path, &err), 0);
	read = pauses_load(path, &err);
	CHECK_INT(read->count, 0);
	pauses_release(&read);
	pauses_release(&pauses);
	free(path);
}

#define HEAD "reflejo pauses 1\n"

static const struct {
	const char *text;
	int line; /* 0: nothing is wrong */
} files[] = {
	{HEAD, 0},
	{HEAD "t\t1\t5\tme\n", 0},
	{"reflejo pauses 2\n", 1},
	{"reflejo pauses 1", 1},
	{HEAD "\n", 2},
	{HEAD "t\t1\t5\n", 2},
	{HEAD "\t1\t5\tme\n", 2},
	{HEAD "t\t-1\t5\tme\n", 2},
	{HEAD "t\t2147483648\t5\tme\n", 2},
	{HEAD "t\t1\t-5\tme\n", 2},
	{HEAD "t\t1\t5\tme\nt\t1\t5\tm", 3},
};

TEST(a_broken_file_is_refused)
{
	char *path = path_of("broken"), *sentence;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct err err = {0};
		const struct pauses *pauses;

		write_file(path, files[i].text);
		pauses = pauses_load(path, &err);
		sentence = files[i].line ? mem_printf("%s:%d: this is no line of a file of pauses",
						   path, files[i].line)
					 : mem_strdup("");
		CHECK_STR(err.text, sentence);
		CHECK(!pauses == (files[i].line > 0));
		pauses_release(&pauses);
		free(sentence);
	}
	unlink(path);
	free(path);
}

TEST(what_is_not_ours_is_not_read)
{
	char *path = path_of("file"), *link = path_of("link"), *pipe = path_of("pipe");
	struct err err;

	write_file(path, HEAD "*\t*\t1\tsomebody\n");
	CHECK(symlink(path, link) == 0);
	CHECK(pauses_load(link, &err) == NULL);
	CHECK(strstr(err.text, link) != NULL);
	CHECK(mkfifo(pipe, 0600) == 0);
	CHECK(pauses_load(pipe, &err) == NULL);
	CHECK(strstr(err.text, "it is no file of the user that runs this") != NULL);
	if (getuid() == 0) {
		CHECK(chown(path, 12345, 12345) == 0);
		CHECK(pauses_load(path, &err) == NULL);
		CHECK(strstr(err.text, "it is no file of the user that runs this") != NULL);
	}
	unlink(path);
	unlink(link);
	unlink(pipe);
	free(path);
	free(link);
	free(pipe);
}

TEST(a_file_that_cannot_be_written_leaves_nothing)
{
	const struct pauses *pauses = pauses_new();
	char *path = path_of("none/file");
	struct err err = {0};

	step(&pauses, "+t", &err);
	CHECK_INT(pauses_save(pauses, path, &err), -1);
	CHECK(strstr(err.text, "none/file: the pauses cannot be kept: No such file") != NULL);
	pauses_release(&pauses);
	free(path);
	rmdir(folder);
}
