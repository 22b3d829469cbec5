/* ZooKeeper, read only: the brokers of a cluster and the positions of the old consumer. */
#ifndef KAFKA_ZOOKEEPER_H
#define KAFKA_ZOOKEEPER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* In all calls here, `connect` is what zookeeper.connect holds: "host:port,host:port/chroot", the
   port 2181 when none is given, IPv6 addresses in brackets. The hosts are tried one after the
   other, in this order, each with its share of the time; dead ones do not matter while one answers.
   timeout_ms bounds the call but for two things that cannot be cut short: name resolution takes as
   long as the system's resolver does, and closing a session with a server that froze after it had
   answered up to three seconds (the client library's own limit). So call from a thread that may
   block. Nothing (thread, descriptor, session) is left behind. */

/* Finds the brokers registered under CHROOT/brokers/ids and returns "host:port,host:port" of the
   endpoints that speak security_protocol ("plaintext" "ssl" "sasl_plaintext" "sasl_ssl"), in order
   of broker id. An error says which hosts were tried and why each failed: nothing answers, no such
   chroot (naming it), no broker registered, none with that protocol (naming those there are).
   @blocks up to timeout_ms
   @gives *ret_brokers for free() */
int zookeeper_find_brokers(const char *connect, const char *security_protocol, int timeout_ms,
	char **ret_brokers, struct err *err);

/* The old consumer's position of one partition: the next offset to read. */
struct zookeeper_position {
	char *topic;
	int32_t partition;
	int64_t offset;
};

/* Reads CHROOT/consumers/GROUP/offsets/TOPIC/PARTITION for all topics and partitions there are. A
   group that ZooKeeper does not know gives count 0 and no error. Values that are not offsets are
   left out and named in a log line. @blocks up to timeout_ms @gives *ret for
   zookeeper_positions_free */
int zookeeper_read_positions(const char *connect, const char *group, int timeout_ms,
	struct zookeeper_position **ret, size_t *ret_count, struct err *err);

/* Frees the positions and clears *positions. NULL is accepted. */
void zookeeper_positions_free(struct zookeeper_position **positions, size_t count);

/* The pure part of the look-up: what one registration (JSON of /brokers/ids/N, version 1 to 5)
   says. *ret is "host:port" of the endpoint for security_protocol, NULL when it has none such; of
   several, the one whose listener is named like the protocol, else the first. The protocols that it
   has are added to offered, a string with blanks between ("plaintext ssl"), as far as there is
   room. IPv6 hosts keep their brackets. An error when the text is no JSON object. Any input is
   survived. @gives *ret for free() @thread any */
int zookeeper_parse_broker(const char *json, size_t length, const char *security_protocol,
	char **ret, char *offered, size_t offered_size, struct err *err);

#endif
