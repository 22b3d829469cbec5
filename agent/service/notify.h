/* Notify: tells the service manager (systemd) how the agent fares, by the protocol of sd_notify(3).
 *
 * Without a NOTIFY_SOCKET in the environment all of this does nothing. What was told last is kept,
 * so that callers need not know it: a reload before the agent is ready is part of its start, and
 * after notify_stopping only the end follows. All calls: @thread main */
#ifndef SERVICE_NOTIFY_H
#define SERVICE_NOTIFY_H

#include <stdint.h>

struct event_base;

/* Looks into the environment and begins. From now on the base's own timer sends WATCHDOG=1 at half
   of the watchdog's time, so that a loop that is stuck is noticed; and asks for more time while the
   start or the stop lasts, because the agent has its own limits for both (start.timeout.ms,
   shutdown.timeout.ms). A socket that cannot be reached is logged as notify_failed. */
void notify_start(struct event_base *base);

/* The start is over, or the reload is. */
void notify_ready(void);
void notify_reloaded(void);

/* A line for people, shown by systemctl status. */
void notify_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The status line of an agent that mirrors. lag: in records, negative when it is not known. */
void notify_progress(uint64_t records_per_second, int64_t lag, uint64_t partitions);

/* A reload begins. Several may begin before the first is over. */
void notify_reloading(void);

/* The end begins. */
void notify_stopping(void);

/* Frees everything. The base must still be there. */
void notify_stop(void);

#endif
