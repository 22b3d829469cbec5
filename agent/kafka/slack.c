/* Lets the library's main threads sleep until their time has come. For kafka/ only. */
#include "kafka/slack.h"

#include <stdint.h>
#include <sys/prctl.h>

#include "kafka/library.h"

/* What is rounded off is less. */
#define SLACK_NS 1000000UL

/* opaque is the usual slack. Where it is refused, all costs what it costs without. @thread the one
   that has started */
static rd_kafka_resp_err_t
on_thread(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *opaque)
{
	(void)rk, (void)name;
	/* Most of the others are started by the main thread, and have its slack from there. */
	prctl(PR_SET_TIMERSLACK,
		type == RD_KAFKA_THREAD_MAIN ? SLACK_NS : (unsigned long)(uintptr_t)opaque, 0, 0,
		0);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t size)
{
	(void)conf, (void)why, (void)size;
	return rd_kafka_interceptor_add_on_thread_start(rk, "slack", on_thread, opaque);
}

void
slack_watch(rd_kafka_conf_t *conf)
{
	int usual = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

	/* 0: the thread has another policy of scheduling, and no slack. */
	if (!library_at_least(2, 4, 0) && usual > 0)
		rd_kafka_conf_interceptor_add_on_new(
			conf, "slack", on_new, (void *)(uintptr_t)usual);
}
