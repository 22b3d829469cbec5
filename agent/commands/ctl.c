/* reflejo ctl and reflejo tap: speak to a running agent through its control socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parse.h"
#include "commands/commands.h"

/* @gives a descriptor; -1 on error */
static int
connect_to(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (!strncmp(path, "unix:", 5))
		path += 5;
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(err, "%s is too long for a socket's name", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err_set(err, "no agent answers on %s: %s; it must run with admin.listen=unix:%s", path,
		strerror(errno), path);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Sends a line and prints what comes back until the other side closes. Returns the exit status. */
static int
ask(const char *path, const char *request)
{
	struct err err;
	int fd = connect_to(path, &err), status = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r+");
	char *line = NULL;
	size_t room = 0;

	if (!f) {
		fprintf(stderr, "reflejo: %s\n", err.text);
		return 1;
	}
	fprintf(f, "%s\n", request);
	fflush(f);
	while (getline(&line, &room, f) > 0) {
		bool is_rejected = !strncmp(line, "rejected: ", 10);

		fputs(is_rejected		    ? line + 10
			: !strncmp(line, "ok: ", 4) ? line + 4
						    : line,
			is_rejected ? stderr : stdout);
		fflush(stdout);
		status |= is_rejected;
	}
	free(line);
	fclose(f);
	return status;
}

static int
usage(const char *arguments)
{
	fprintf(stderr, "usage: reflejo %s\n", arguments);
	return 1;
}

int
command_ctl(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[0], "--socket") &&
		(!strcmp(argv[2], "reload") || !strcmp(argv[2], "rollback")))
		return ask(argv[1], argv[2]);
	return usage("ctl --socket PATH reload|rollback");
}

int
command_tap(int argc, char **argv)
{
	const char *path = NULL, *topic = NULL;
	int64_t count = 10;
	struct err err;
	char *request;
	int status;

	for (int i = 0; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--socket"))
			path = argv[i + 1];
		else if (!strcmp(argv[i], "--topic"))
			topic = argv[i + 1];
		else if (strcmp(argv[i], "--count") != 0 ||
			 parse_int(argv[i + 1], 1, 100000, &count, &err) < 0)
			path = NULL;
	}
	if (argc % 2 || !path || !topic)
		return usage("tap --socket PATH --topic TOPIC [--count N]");
	request = mem_printf("tap %d %s", (int)count, topic);
	status = ask(path, request);
	free(request);
	return status;
}
