/* reflejo version: the versions of reflejo and of the libraries it runs with. */
#include <event2/event.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/version.h"
#include "commands/commands.h"
#include "kafka/library.h"
#include "script/script.h"

int
command_version(int argc, char **argv)
{
	const char *warning = library_warning();

	(void)argc, (void)argv;
	printf("reflejo %s (librdkafka %s, libevent %s, %s, %s)\n", REFLEJO_VERSION,
		library_version(), event_get_version(), script_engine_version(), mem_allocator());
	printf("a script's compiled loop that never ends %s\n",
		script_engine_is_stoppable()
			? "is stopped after script.time.limit.ms"
			: "ends the process after script.time.limit.ms, and its "
			  "partition is held at the next start");
	if (warning)
		printf("warning: %s\n", warning);
	return 0;
}
