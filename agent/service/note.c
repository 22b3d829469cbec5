/* A note: one line that outlives the process, saying that something was done and need not be again.
 */
#include "service/note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/mem.h"
#include "base/own_file.h"

/* The first line of the file; the second one is the note. */
#define HEAD "reflejo note 1\n"
/* Longer ones are none of ours. */
#define SIZE_MOST (1024 * 1024)

/* Reads all of an open file. @gives a string, NULL when it cannot be read or is too large */
static char *
read_all(FILE *f)
{
	struct text text = {0};
	char bytes[4096];
	size_t n;

	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0 && text.length < SIZE_MOST)
		text_add(&text, bytes, n);
	if (n == 0 && !ferror(f))
		return text_take(&text);
	text_fini(&text);
	return NULL;
}

int
note_read(const char *path, char **ret, struct err *err)
{
	const size_t head = sizeof(HEAD) - 1;
	char *text;
	FILE *f;

	*ret = NULL;
	if (own_file_open(path, &f, err) < 0)
		return -1;
	if (!f)
		return 0;
	text = read_all(f);
	fclose(f);
	if (!text || strncmp(text, HEAD, head)) {
		free(text);
		return err_set(err, "%s: this is no note of reflejo's; name another file", path);
	}
	*ret = mem_strndup(text + head, strcspn(text + head, "\n"));
	free(text);
	return 0;
}

int
note_write(const char *path, const char *text, struct err *err)
{
	char *whole = mem_printf("%s%s\n", HEAD, text);
	struct err why;
	int rc = draft_write(path, whole, 0600, &why);

	free(whole);
	return rc < 0 ? err_set(err, "%s: it cannot be written: %s", path, why.text) : 0;
}

int
note_keep(const char *path, struct err *err)
{
	struct err why;

	if (draft_keep(path, &why) == 0)
		return 0;
	return err_set(err, "%s: it cannot be written: %s", path, why.text);
}

void
note_undo(const char *path)
{
	draft_drop(path);
}

void
note_drop(const char *path)
{
	char *text;

	if (note_read(path, &text, NULL) == 0 && text)
		unlink(path);
	free(text);
}
