/* The event loop: what the process needs before there is one. */
#include "service/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"

static void (*on_fatal)(const char *reason);

/* @thread any */
static void
on_libevent_log(int severity, const char *text)
{
	(void)severity;
	LOG(EVENT_loop_trouble, F_STR("text", text));
}

/* Happens when the process has no descriptors left. @thread any */
static void
on_libevent_fatal(int code)
{
	(void)code;
	on_fatal("the event loop cannot be made: raise the limit of open files (ulimit -n)");
}

void
loop_prepare(void (*fatal)(const char *reason))
{
	struct rlimit limit;

	on_fatal = fatal;
	event_set_log_callback(on_libevent_log);
	event_set_fatal_callback(on_libevent_fatal);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
