/* How much a consumer asks its brokers for, and how much it lets wait unread. */
#ifndef KAFKA_INTAKE_H
#define KAFKA_INTAKE_H

#include <stdint.h>

/* How much one consumer may hold, in bytes; what it must be shared among: what there is at the
   start; and how long the line is. */
struct consumer_limits {
	int64_t bytes;
	int partitions, brokers;
	int64_t gathered;   /* fetch.min.bytes; 0: not given */
	int64_t round_trip; /* see line_round_trip; -1: not known */
};

/* What to set the library to. */
struct intake {
	int64_t response_bytes;	 /* fetch.max.bytes */
	int64_t partition_bytes; /* max.partition.fetch.bytes */
	int64_t queue_bytes;	 /* queued.max.messages.kbytes */
	int64_t queue_records;	 /* queued.min.messages; more do not wait either */
	int64_t stock_bytes;	 /* of all partitions together, beside their queues; see
				    consumer_stock_up. With the library's bookkeeping */
	int64_t wait_ms;	 /* fetch.wait.max.ms */
};

/* Settings that keep one consumer near limits->bytes while its partitions are few: half for what
   waits in their queues, half for responses that are being received, one a broker. What is taken
   out of the queues may come to half as much beside it. Of many partitions each still gets enough
   to be read without a stop while the others are silent. With 32 MiB of buffer.memory, of each that
   is far behind up to 704 KiB wait from 64 partitions on, 272 KiB from 900 on; decompressed parts,
   and the library's bookkeeping of small records, are several times that. All within what the
   library takes. */
struct intake intake_plan(const struct consumer_limits *limits);

#endif
