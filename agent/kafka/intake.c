/* How much a consumer asks its brokers for, and how much it lets wait unread. */
#include "kafka/intake.h"

#include "kafka/line.h"

/* A partition's part of a response, as it is on the wire. Brokers give whole batches, of which one
   that is larger than this comes only when no partition before it in the response has anything
   (KIP-74), so it should hold the batches that producers usually make, as Java's mebibyte does. A
   part from which nothing can be read is doubled by the library, for good. */
#define LEAST_PART (128 * 1024)
#define MOST_PART (512 * 1024)
/* Between two responses a line stands still for its round trip, so over a long one they should be
   long themselves. Measured at 100 ms with brokers whose socket buffers are the system's: 2.2 times
   the rate of half a mebibyte; with Kafka's 100 KiB the connections are the limit, and it gains
   nothing. */
#define MOST_LONG_PART (2 * 1024 * 1024)
/* A queue that one response fills is not asked for in the next fetch, which may wait for partitions
   that are silent. So it takes what a small part decompresses to, as long as all queues of many
   partitions together do not come to more than this; one part and an eighth it always takes. */
#define EXPANDED_PART (LEAST_PART * 9 / 2)
#define ALL_QUEUES (128 * 1024 * 1024)
/* No queue holds more than this, or one part and an eighth where that is more, for there may be
   more partitions later. */
#define MOST_WAITING (2 * 1024 * 1024)
/* But for what brokers are to gather. */
#define QUEUED_PARTS 4
/* What the library takes as fetch.max.bytes, queued.max.messages.kbytes, max.partition.fetch.bytes.
 */
#define MOST_RESPONSE (INT32_MAX - 512)
#define MOST_QUEUE (2097151LL * 1024)
#define LARGEST_PART 1000000000
/* A record of some hundred bytes: what comes of it, and what it takes with the library's
   bookkeeping (librdkafka.md 1.2). */
#define SMALL_RECORD 120
#define SMALL_RECORD_HELD 440
/* A broker serves one fetch at a time: one that waits for silent partitions holds up those that it
   does not name, for their queue was full (consumer_stock_up sees to that), or they were assigned
   later. But each fetch names all partitions, which costs both sides: most of what an idle mirror
   costs. */
#define WAIT_MS 100
#define MOST_WAIT_MS 500
#define PARTITIONS_A_WAIT_MS 4

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct intake
intake_plan(const struct consumer_limits *limits)
{
	int64_t partitions = most(limits->partitions, 1);
	int64_t share = limits->bytes / 2 / partitions;
	int64_t long_part = line_is_long(limits->round_trip) ? least(share / 2, MOST_LONG_PART) : 0;
	int64_t usual = most(least(most(share, LEAST_PART), MOST_PART), long_part);
	/* A broker that gathers (fetch.min.bytes) counts no more than the part of each. */
	int64_t gathered = least(limits->gathered, LARGEST_PART);
	int64_t part = most(usual, gathered);
	int64_t flowing = most(part + part / 8, least(EXPANDED_PART, ALL_QUEUES / partitions));
	int64_t queue = least(share, most(MOST_WAITING, QUEUED_PARTS * gathered));
	int64_t queue_bytes = least(most(queue, flowing), MOST_QUEUE);

	return (struct intake){
		.response_bytes = least(
			most(limits->bytes / 2 / most(limits->brokers, 1), part), MOST_RESPONSE),
		.partition_bytes = part,
		.queue_bytes = queue_bytes,
		.queue_records =
			most(least(queue, queue_bytes) / SMALL_RECORD_HELD, flowing / SMALL_RECORD),
		.stock_bytes = limits->bytes / 2,
		.wait_ms = least(most(WAIT_MS, partitions / PARTITIONS_A_WAIT_MS), MOST_WAIT_MS),
	};
}
