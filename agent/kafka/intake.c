/* How much a consumer asks its brokers for, and how much it lets wait unread. */
#include "kafka/intake.h"

/* Below this a response is mostly overhead. */
#define LEAST_RESPONSE (64 * 1024)
/* A partition's part of a response. Brokers give whole batches, of which one that is larger than
   this part comes only when its partition is the first of the response (KIP-74), so it should hold
   the batches that producers usually make; Java's consumer asks for a mebibyte. */
#define LEAST_PART (128 * 1024)
#define MOST_PART (512 * 1024)
/* A record of some hundred bytes: what comes of it, and what it takes with the library's
   bookkeeping (librdkafka.md 1.2). */
#define SMALL_RECORD 120
#define SMALL_RECORD_HELD 440
/* A broker serves one fetch at a time: one that waits for idle partitions holds up those whose
   queue has just been read down. But each fetch names all partitions, which costs both sides. */
#define WAIT_MS 50
#define MOST_WAIT_MS 500
#define PARTITIONS_A_WAIT_MS 10

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
	int64_t part = least(most(share, LEAST_PART), MOST_PART);
	/* A queue that one response fills is not asked for in the next fetch, which may wait. */
	int64_t flowing = part + part / 8;

	return (struct intake){
		.response_bytes =
			most(limits->bytes / 2 / most(limits->brokers, 1), LEAST_RESPONSE),
		.partition_bytes = part,
		.queue_bytes = most(share, flowing),
		.queue_records = most(share / SMALL_RECORD_HELD, flowing / SMALL_RECORD),
		.wait_ms = least(most(WAIT_MS, partitions / PARTITIONS_A_WAIT_MS), MOST_WAIT_MS),
	};
}
