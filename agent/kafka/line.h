/* How long the line to a cluster is. */
#ifndef KAFKA_LINE_H
#define KAFKA_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* The round trip to the first of the servers ("host:port,...", with a path behind for ZooKeeper;
   port may be missing where default_port is right) that takes a connection, in microseconds, as the
   system measured it while connecting; -1 when none did within timeout_ms. @blocks @thread any */
int64_t line_round_trip(const char *servers, const char *default_port, int timeout_ms);

/* Is it long enough for more than one connection, and for larger responses? Not when it is not
   known
   (-1). */
bool line_is_long(int64_t round_trip);

/* How many connections, each to every broker, a line of this round trip needs. One connection
   carries no more than the smaller of both ends' buffers each round trip, and brokers' are 100 KiB
   unless somebody has enlarged them (socket.send.buffer.bytes and socket.receive.buffer.bytes).
   1, 2, 4 or 8, for topics mostly have a multiple of that in partitions: with seven readers of
   eight partitions one would have two to read, and all would be half as fast. 1: not known (-1).
 */
int64_t line_connections(int64_t round_trip);

#endif
