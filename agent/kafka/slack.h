/* Lets the library's main threads sleep until their time has come. For kafka/ only.

   Before 2.4.0 (librdkafka #4684) a client's main thread sleeps whole milliseconds, rounded down,
   and then asks for the time over and over until its timer is due: up to a millisecond whenever one
   is, at least once a second in each client. An idle mirror of 2,000 partitions used 0.96 % of a
   core with it, and 0.65 to 0.75 % without. */
#ifndef KAFKA_SLACK_H
#define KAFKA_SLACK_H

#include <librdkafka/rdkafka.h>

/* Before the client is made with conf: lets the kernel wake its main thread a millisecond later
   than asked for (PR_SET_TIMERSLACK), and its other threads as late as the caller's. What is queued
   for it wakes it at once as ever. Does nothing with a library that needs none. */
void slack_watch(rd_kafka_conf_t *conf);

#endif
