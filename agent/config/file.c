/* A file read whole, within a bound, with one sentence for everything that can be wrong with it. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static _Thread_local struct file_list *noted;

void
file_note_into(struct file_list *list)
{
	noted = list;
}

void
file_note(const char *path)
{
	if (!noted)
		return;
	for (size_t i = 0; i < noted->count; i++)
		if (!strcmp(noted->paths[i], path))
			return;
	noted->paths = mem_resize(noted->paths, noted->count + 1, sizeof(*noted->paths));
	noted->paths[noted->count++] = mem_strdup(path);
}

void
file_list_fini(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct file_list){0};
}

static int
read_all(FILE *file, const char *path, size_t max, struct text *text, struct err *err)
{
	char bytes[16384];
	size_t n;

	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0) {
		if (text->length + n > max)
			return err_set(err,
				"'%s' is larger than %zu KiB, which no configuration is; is it the "
				"right "
				"file?",
				path, max / 1024);
		text_add(text, bytes, n);
	}
	if (ferror(file))
		return err_set(err, "cannot read '%s': %s", path, strerror(errno));
	return 0;
}

/* Reads what is open. @takes file @gives *ret */
static int
read_open(FILE *file, const char *path, size_t max, char **ret, size_t *ret_length, struct err *err)
{
	struct text text = {0};
	int result = read_all(file, path, max, &text, err);

	fclose(file);
	if (result) {
		text_fini(&text);
		return -1;
	}
	*ret_length = text.length;
	*ret = text_take(&text);
	return 0;
}

int
file_read(const char *path, size_t max, char **ret, size_t *ret_length, struct err *err)
{
	struct stat status;
	FILE *file = fopen(path, "rbe");

	file_note(path);
	if (!file)
		return err_set(err, "cannot read '%s': %s", path, strerror(errno));
	if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
		fclose(file);
		return err_set(err, "'%s' is a directory, not a file", path);
	}
	return read_open(file, path, max, ret, ret_length, err);
}

/* Without waiting for who writes into a pipe. @gives the stream */
static FILE *
open_lasting(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *file = NULL;
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
		err_set(err,
			"'%s' is no file that can be read again and again, but a directory, pipe "
			"or device; write the path of such a file",
			path);
	else if (fd < 0 || !(file = fdopen(fd, "rb")))
		err_set(err, "cannot read '%s': %s", path, strerror(errno));
	if (fd >= 0 && !file)
		close(fd);
	return file;
}

int
file_read_lasting(const char *path, size_t max, char **ret, size_t *ret_length, struct err *err)
{
	FILE *file = open_lasting(path, err);

	file_note(path);
	return file ? read_open(file, path, max, ret, ret_length, err) : -1;
}

int
file_check_lasting(const char *path, struct err *err)
{
	FILE *file = open_lasting(path, err);

	file_note(path);
	if (!file)
		return -1;
	fclose(file);
	return 0;
}
