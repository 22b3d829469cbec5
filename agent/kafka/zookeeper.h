/* ZooKeeper, read only: the brokers of a cluster and the positions of the old consumer. */
#ifndef KAFKA_ZOOKEEPER_H
#define KAFKA_ZOOKEEPER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Finds the brokers registered under CHROOT/brokers/ids and returns "host:port,host:port" of the
   endpoints that speak security_protocol ("plaintext" "ssl" "sasl_plaintext" "sasl_ssl"), in order
   of broker id. connect is what zookeeper.connect holds: "host:port,host:port/chroot". Tries all
   hosts; those that are dead do not matter while one answers. An error says which hosts were tried
   and why it failed: nothing answers, no such chroot (naming it), no broker registered, none with
   that protocol (naming those there are). @blocks up to timeout_ms. @gives *ret_brokers for free()
 */
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
   left out and named in a log line.
   @blocks up to timeout_ms. @gives *ret for zookeeper_positions_free */
int zookeeper_read_positions(const char *connect, const char *group, int timeout_ms,
	struct zookeeper_position **ret, size_t *ret_count, struct err *err);
void zookeeper_positions_free(struct zookeeper_position **positions, size_t count);

/* The pure part of the look-up: what one registration (JSON of /brokers/ids/N, version 1 to 5)
   says. Appends "host:port" of the endpoint for security_protocol to *ret (NULL when it has none
   such) and adds the protocols that it offers to offered ("plaintext ssl"), for the error sentence.
   IPv6 hosts keep their brackets. An error when the JSON is none. Any input is survived. @gives
   *ret for free() */
int zookeeper_parse_broker(const char *json, size_t length, const char *security_protocol,
	char **ret, char *offered, size_t offered_size, struct err *err);

#endif
