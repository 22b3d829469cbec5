/* The configuration of a mirror of topic t between two clusters. */
#ifndef TESTS_UNIT_CONFIG_RIG_H
#define TESTS_UNIT_CONFIG_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/config.h"
#include "kafka/library.h"

/* More arguments of the command line follow, NULL ends them. Says what is wrong with it; NULL then.
   @gives the configuration; config_free */
__attribute__((sentinel)) static struct config *
load_between(const char *source, const char *target, ...)
{
	char *argv[24] = {"--whitelist", "t", "--consumer.group.id", "g",
		"--consumer.bootstrap.servers", (char *)(uintptr_t)source,
		"--producer.bootstrap.servers", (char *)(uintptr_t)target};
	struct problems problems = {0};
	struct config *config;
	int argc = 8;
	va_list more;

	va_start(more, target);
	while (argc < 24 && (argv[argc] = va_arg(more, char *)))
		argc++;
	va_end(more);
	config = config_load(argc, argv, library_knows_property, &problems);
	problems_print(&problems, stdout);
	problems_fini(&problems);
	return config;
}

#endif
