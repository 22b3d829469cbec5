/* Limits of scripts: memory, headers, names of topics. */
#include "tests/unit/unit.h"

#include "tests/unit/script_rig.h"

static const struct rig_record records[] = {
	{"key", "value", 3, 5, NULL, 0, 100, 1000, 1},
	{NULL, "", -1, 0, NULL, 0, 101, -1, 0},
	{"", NULL, 0, -1, NULL, 0, 102, 2000, 2},
	{"k\0y", "v\0\xff", 3, 3, NULL, 0, 4503599627370497, 3000, 1},
};

/* Garbage is collected in time: a record that needs a part of the limit never fails for it. */
TEST(garbage_of_large_records_does_not_use_up_the_limit)
{
	struct rig rig;
	struct rig_record many[64];
	char *large = mem_alloc(1 << 20);

	memset(large, 'x', 1 << 20);
	rig_init(&rig);
	rig_set(&rig, "memory.limit", "8MiB");
	CHECK(rig_load_body(&rig, "r.key = #(r.value .. r.offset) .. ''"));
	for (int i = 0; i < 64; i++) {
		many[i] = records[0];
		many[i].value = large;
		many[i].value_size = 1 << 20;
		many[i].offset = i;
	}
	for (int run = 0; run < 4; run++) {
		rig_run(&rig, many, 64);
		CHECK_INT(rig.batch->_done, 64);
		for (size_t i = 0; i < 64; i++)
			rig_check(&rig, i, i < 10 ? "keep key='1048577'" : "keep key='1048578'",
				"large");
	}
	free(large);
	rig_fini(&rig);
}

/* What the records before it have put away is no fault of a record's: the batch ends before it. */
TEST(a_batch_that_does_not_fit_into_the_limit_is_run_in_parts)
{
	struct rig rig;
	struct rig_record many[64];
	char *large = mem_alloc(1 << 20);
	size_t from = 0, runs = 0;

	memset(large, 'x', 1 << 20);
	rig_init(&rig);
	rig_set(&rig, "memory.limit", "16MiB");
	CHECK(rig_load_body(&rig, "r.value = r.value .. r.offset"));
	for (int i = 0; i < 64; i++) {
		many[i] = records[0];
		many[i].value = large;
		many[i].value_size = 1 << 20;
		many[i].offset = i;
	}
	for (; from < 64 && runs < 64; runs++, from += (size_t)rig.batch->_done) {
		rig_run(&rig, many + from, 64 - from);
		if (!CHECK(rig.batch->_done > 0))
			break;
		for (size_t i = 0; i < (size_t)rig.batch->_done; i++)
			if (!CHECK_INT(rig.batch->_records[i]._outcome, SCRIPT_KEEP))
				printf("# %s\n", rig_outcome(&rig, i));
	}
	CHECK_INT(from, 64);
	CHECK(runs > 1 && runs < 30);
	free(large);
	rig_fini(&rig);
}

/* As large as Kafka's default lets a whole batch be, and with every byte in it. */
TEST(keys_of_a_mebibyte_are_keys)
{
	struct rig rig;
	char *large = mem_alloc(1 << 20);
	struct rig_record record = records[0];

	for (int i = 0; i < 1 << 20; i++)
		large[i] = (char)i;
	rig_init(&rig);
	rig_set(&rig, "memory.limit", "16MiB");
	record.key = large;
	record.key_size = 1 << 20;
	CHECK(rig_load_body(&rig,
		"local k = r.key\n"
		"assert(#k == 1048576 and r.key_size == #k and k:byte(257) == 0 and k:byte(1256) "
		"== 231)\n"
		"assert(r:key_has_prefix '\\0\\1\\2' and r:key_has_prefix(k) and r:key_equals(k))\n"
		"assert(not r:key_equals(k:sub(2) .. '\\255') and not r:key_has_prefix(k .. "
		"'\\0'))\n"
		"assert(r:key_partition(7) == bit.band(mirror.murmur2(k), 0x7fffffff) % 7)\n"
		"assert(r:key_matches(mirror.regex '\\255\\0\\1'))\n"
		"r.value = k r.key = #k .. '' r.headers:add('k', k)"));
	rig_run(&rig, &record, 1);
	CHECK_INT(rig.batch->_records[0]._outcome, SCRIPT_KEEP);
	if (rig.batch->_records[0]._outcome != SCRIPT_KEEP)
		printf("# %s\n", rig_outcome(&rig, 0));
	CHECK_INT(rig.batch->_records[0]._value_size, 1 << 20);
	CHECK(rig.batch->_records[0]._value &&
		!memcmp(rig.batch->_records[0]._value, large, 1 << 20));
	free(large);
	rig_fini(&rig);
}

TEST(an_allocation_bomb_fails_its_record_alone)
{
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "on.error", "drop");
	rig_set(&rig, "memory.limit", "8MiB");
	for (int jit = 0; jit < 2; jit++) {
		rig_set(&rig, "jit", jit ? "on" : "off");
		CHECK(rig_load_body(&rig, "r.key = 'x' if r.offset == 101 then local t = {}\n"
					  "for i = 1, 1e9 do t[i] = { tostring(i) } end end"));
		for (int run = 0; run < 3; run++) {
			/* It is given a batch that it begins. */
			rig_run(&rig, records, 4);
			CHECK_INT(rig.batch->_done, 1);
			rig_check(&rig, 0, "keep key='x'", "a bomb");
			rig_run(&rig, records + 1, 3);
			CHECK_INT(rig.batch->_done, 3);
			check_contains(rig_outcome(&rig, 0), "failed(s.lua", "a bomb");
			check_contains(rig_outcome(&rig, 0), "not enough memory", "a bomb");
			check_contains(rig_outcome(&rig, 0), "script.memory.limit", "a bomb");
			rig_check(&rig, 1, "keep key='x'", "a bomb");
			rig_check(&rig, 2, "keep key='x'", "a bomb");
		}
		CHECK(rig_load_body(&rig,
			"if r.offset == 101 then local s = 'x' while true do s = s .. s end end"));
		rig_run(&rig, records + 1, 3);
		check_contains(rig_outcome(&rig, 0), "not enough memory", "a long string");
		rig_check(&rig, 1, "keep", "a long string");
		CHECK(rig_load_body(&rig, "if r.offset == 101 then for i = 1, 1e9 do "
					  "r.headers:add('a', 'b') end end"));
		rig_run(&rig, records, 4);
		check_contains(rig_outcome(&rig, 1), "headers", "many headers");
		rig_check(&rig, 2, "keep", "many headers");
	}
	rig_fini(&rig);
}

/* The smallest limit that may be configured still loads the library and runs. */
TEST(the_smallest_memory_limit_is_enough_to_load)
{
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "memory.limit", "1MiB");
	if (!CHECK(rig_load_body(&rig, "r.key = 'x'")))
		printf("# %s\n", rig.err.text);
	else {
		rig_run(&rig, records, 1);
		rig_check(&rig, 0, "keep key='x'", "little memory");
	}
	rig_fini(&rig);
}

TEST(a_million_topic_names_are_refused)
{
	struct rig rig;

	rig_init(&rig);
	rig_set(&rig, "on.error", "drop");
	CHECK(rig_load_body(&rig, "for i = 1, 1e6 do r.topic = 'made-' .. i end"));
	rig_run(&rig, records, 1);
	check_contains(rig_outcome(&rig, 0), "10000", "many topics");
	/* Topics that Kafka has are none of the script's. */
	script_batch(rig.script, 1, "never-seen", 0, "never-seen-either");
	CHECK_STR(script_topic_name(rig.script, rig.batch->_source_topic), "never-seen");
	CHECK_STR(script_topic_name(rig.script, rig.batch->_target_topic), "never-seen-either");
	CHECK(rig_load_body(&rig, "for i = 1, 9000 do r.topic = 'made-' .. i end"));
	for (int run = 0; run < 3; run++) {
		rig_run(&rig, records, 1);
		rig_check(&rig, 0, "keep topic=made-9000", "many topics");
	}
	rig_fini(&rig);
}
