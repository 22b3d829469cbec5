/* How much a consumer asks for and lets wait. */
#include "kafka/intake.h"

#include "unit.h"

#define MIB (1 << 20)

TEST(few_partitions_stay_within_the_limit)
{
	for (int partitions = 1; partitions <= 16; partitions++) {
		struct consumer_limits limits = {
			.bytes = 16 * MIB, .partitions = partitions, .brokers = 1};
		struct intake i = intake_plan(&limits);
		int64_t most = (i.queue_bytes + i.partition_bytes) * partitions;

		CHECK_INT(i.response_bytes, 8 * MIB);
		/* What waits, and one part more that a response brings while it does not quite. */
		CHECK(most <= limits.bytes + limits.bytes / 8);
	}
}

TEST(many_partitions_are_each_given_enough)
{
	struct consumer_limits limits = {.bytes = 16 * MIB, .partitions = 1000, .brokers = 1};
	struct intake i = intake_plan(&limits);

	CHECK_INT(i.partition_bytes, 128 * 1024);
	CHECK((i.queue_records + i.partition_bytes / 120) * 440 < MIB);
	limits.partitions = 100000;
	CHECK_INT(intake_plan(&limits).partition_bytes, i.partition_bytes);
	CHECK_INT(intake_plan(&limits).queue_bytes, i.queue_bytes);
}

/* Else the next fetch leaves it out, and waits for partitions that have nothing. */
TEST(no_queue_is_full_of_one_response)
{
	static const int64_t bytes[] = {0, MIB, 2 * MIB, 16 * MIB, 512LL * MIB, 64LL << 30};

	for (size_t b = 0; b < sizeof(bytes) / sizeof(*bytes); b++)
		for (int partitions = 0; partitions < 5000; partitions += 7) {
			struct consumer_limits limits = {
				.bytes = bytes[b], .partitions = partitions, .brokers = 1};
			struct intake i = intake_plan(&limits);

			if (!CHECK(i.queue_bytes > i.partition_bytes) ||
				!CHECK(i.queue_records > i.partition_bytes / 120))
				return;
		}
}

TEST(what_a_broker_is_to_gather_fits_into_a_part)
{
	struct consumer_limits limits = {.bytes = 16 * MIB, .partitions = 1000, .brokers = 1};
	int64_t part = intake_plan(&limits).partition_bytes;

	limits.gathered = 1000;
	CHECK_INT(intake_plan(&limits).partition_bytes, part);
	limits.gathered = MIB;
	CHECK_INT(intake_plan(&limits).partition_bytes, MIB);
	CHECK(intake_plan(&limits).queue_bytes > MIB);
}

/* As CONFIGURATION.md of librdkafka 2.0.2 has them. */
TEST(nothing_is_more_than_the_library_takes)
{
	struct consumer_limits limits = {.bytes = 1LL << 40, .partitions = 1, .brokers = 1};
	struct intake i = intake_plan(&limits);

	CHECK_INT(i.response_bytes, 2147483135);
	limits.gathered = 1LL << 40;
	i = intake_plan(&limits);
	CHECK_INT(i.partition_bytes, 1000000000);
	CHECK(i.queue_bytes / 1024 <= 2097151);
	CHECK(i.queue_records <= 10000000);
}

/* Their number is that of the start. */
TEST(partitions_that_come_later_do_not_each_take_all)
{
	struct consumer_limits limits = {.bytes = 16 * MIB, .partitions = 1, .brokers = 1};
	struct intake i = intake_plan(&limits);

	CHECK_INT(i.queue_bytes, 2 * MIB);
	CHECK((i.queue_records + i.partition_bytes / 120) * 440 < 8 * MIB);
}

TEST(compressed_response_fits_while_partitions_are_not_too_many)
{
	for (int partitions = 16; partitions <= 200; partitions++) {
		struct consumer_limits limits = {
			.bytes = 16 * MIB, .partitions = partitions, .brokers = 1};
		struct intake i = intake_plan(&limits);

		if (i.partition_bytes == 128 * 1024)
			CHECK(i.queue_bytes > 4 * i.partition_bytes);
		CHECK((i.queue_bytes + i.partition_bytes) * partitions <= 144LL * MIB);
	}
}

TEST(long_line_has_longer_parts_within_the_same_memory)
{
	struct consumer_limits limits = {
		.bytes = 18 * MIB, .partitions = 2, .brokers = 1, .round_trip = 14999};

	CHECK_INT(intake_plan(&limits).partition_bytes, MIB / 2);
	limits.round_trip = 15000;
	CHECK_INT(intake_plan(&limits).partition_bytes, 2 * MIB);
	CHECK_INT(intake_plan(&limits).queue_bytes, 2 * MIB + MIB / 4);
	limits.partitions = 6;
	CHECK_INT(intake_plan(&limits).partition_bytes, 3 * MIB / 4);
	for (; limits.partitions <= 5000; limits.partitions++) {
		struct intake far = intake_plan(&limits), near;

		limits.round_trip = 0;
		near = intake_plan(&limits);
		limits.round_trip = 15000;
		if (!CHECK(far.queue_bytes >= near.queue_bytes) ||
			!CHECK(far.partition_bytes == near.partition_bytes ||
				far.partition_bytes * limits.partitions * 4 <= limits.bytes))
			return;
	}
}

TEST(response_is_shared_among_brokers)
{
	struct consumer_limits limits = {.bytes = 16 * MIB, .partitions = 8, .brokers = 4};

	CHECK_INT(intake_plan(&limits).response_bytes, 2 * MIB);
	limits.brokers = 1000;
	CHECK_INT(intake_plan(&limits).response_bytes, intake_plan(&limits).partition_bytes);
	limits.brokers = 0;
	CHECK_INT(intake_plan(&limits).response_bytes, 8 * MIB);
}

TEST(fetches_are_rarer_when_they_name_many)
{
	static const struct {
		int partitions;
		int64_t wait_ms;
	} cases[] = {{0, 100}, {400, 100}, {1000, 250}, {2000, 500}, {10000, 500}, {1000000, 500}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct consumer_limits limits = {
			.bytes = MIB, .partitions = cases[i].partitions, .brokers = 1};

		CHECK_INT(intake_plan(&limits).wait_ms, cases[i].wait_ms);
	}
}
