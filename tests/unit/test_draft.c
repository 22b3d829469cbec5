/* Unit tests of drafts. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/mem.h"

/* What a file holds. @gives a string, NULL: there is no file */
static char *
content(const char *path)
{
	struct text text = {0};
	FILE *f = fopen(path, "re");

	if (!f)
		return NULL;
	for (int c; (c = fgetc(f)) != EOF;)
		text_putc(&text, (char)c);
	fclose(f);
	return text_take(&text);
}

static bool
is(const char *path, const char *wanted)
{
	char *found = content(path);
	bool is_so = found && wanted ? !strcmp(found, wanted) : found == wanted;

	free(found);
	return is_so;
}

TEST(a_file_is_replaced_whole_or_not_at_all)
{
	char folder[] = "/tmp/reflejo-draft.XXXXXX";
	char *path, *draft;
	struct stat st;
	struct err err;

	if (!CHECK(mkdtemp(folder)))
		return;
	path = mem_printf("%s/file", folder);
	draft = mem_printf("%s.%d.new", path, (int)getpid());
	CHECK(draft_write(path, "one\n", 0600, &err) == 0);
	CHECK(is(path, NULL));
	CHECK(draft_keep(path, &err) == 0);
	CHECK(is(path, "one\n"));
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(draft_write(path, "two\n", 0600, &err) == 0);
	CHECK(is(path, "one\n"));
	draft_drop(path);
	CHECK(is(draft, NULL));
	CHECK(draft_keep(path, &err) == -1);
	CHECK_STR(err.text, "No such file or directory");
	CHECK(is(path, "one\n"));
	unlink(path);
	rmdir(folder);
	CHECK(draft_write(path, "three\n", 0600, &err) == -1);
	CHECK_STR(err.text, "No such file or directory");
	free(draft);
	free(path);
}

TEST(nobodys_link_is_followed)
{
	char folder[] = "/tmp/reflejo-draft.XXXXXX";
	char *path, *draft, *victim;
	struct err err;

	if (!CHECK(mkdtemp(folder)))
		return;
	path = mem_printf("%s/file", folder);
	victim = mem_printf("%s/victim", folder);
	draft = mem_printf("%s.%d.new", path, (int)getpid());
	CHECK(symlink(victim, draft) == 0);
	CHECK(draft_write(path, "one\n", 0600, &err) == 0);
	CHECK(draft_keep(path, &err) == 0);
	CHECK(is(path, "one\n"));
	CHECK(is(victim, NULL));
	unlink(path);
	rmdir(folder);
	free(draft);
	free(victim);
	free(path);
}
