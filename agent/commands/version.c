/* reflejo version: the versions of reflejo and of the libraries it runs with. */
#include <event2/event.h>
#include <stdio.h>

#include "base/version.h"
#include "commands/commands.h"
#include "kafka/library.h"

int
command_version(int argc, char **argv)
{
	const char *warning = library_warning();

	(void)argc, (void)argv;
	printf("reflejo %s (librdkafka %s, libevent %s)\n", REFLEJO_VERSION, library_version(),
		event_get_version());
	if (warning)
		printf("warning: %s\n", warning);
	return 0;
}
