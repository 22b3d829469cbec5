"""Which partition a record lands in, and the order of what lands there."""

import pytest

import java
from cluster import Record
from test_signals import assert_order_of_keys


@pytest.mark.parametrize("key, hashed", [(b"21", -973932308), (b"foobar", -790332482),
                                         (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)])
def test_murmur2_of_these_tests(key, hashed):
    assert java.murmur2(key) == hashed & 0xFFFFFFFF


@pytest.mark.sanitize
@pytest.mark.parametrize("partitions", [1, 3, 8, 16])
def test_keyed_records_land_where_java_puts_them(mirror, source, target, partitions):
    source.create("t", 5)
    target.create("t", partitions)
    keys = [b"21", b"foobar", b"a-little-bit-long-string", b"abc", b"", b"\0", b"\xff" * 7, bytes(range(200))]
    keys += [b"key-%d" % i for i in range(200)]
    source.produce("t", [Record(key, b"v") for key in keys])
    agent = mirror(source, target)
    seen = target.read("t", len(keys))
    assert {r.key: r.partition for r in seen} == {k: java.partition_of(k, partitions) for k in keys}
    assert agent.stop() == 0


@pytest.mark.parametrize("partitions", [2, 7])
def test_order_of_each_key_on_another_partition_count(mirror, source, target, partitions):
    source.create("t", 4)
    target.create("t", partitions)
    sent = [Record(b"key-%d" % (i % 37), b"%d" % i, java.partition_of(b"key-%d" % (i % 37), 4))
            for i in range(20000)]
    source.produce("t", sent)
    agent = mirror(source, target, flags=("--num.streams", "2"))
    # A rebalance between the streams may repeat records; what comes first is in order all the same.
    reader = target.reader("t")
    assert_order_of_keys(reader.until(lambda seen: len({r.value for r in seen}) >= len(sent), what="every record"))
    assert agent.stop() == 0


def test_records_without_a_key_are_spread(mirror, source, target):
    source.create("t", 1)
    target.create("t", 4)
    agent = mirror(source, target)
    reader = target.reader("t")
    # Such records stick to a partition chosen by chance for some milliseconds.
    for wave in range(1, 41):
        source.produce("t", [Record(None, b"x") for _ in range(50)])
        seen = reader.until(lambda records, count=wave * 50: len(records) >= count, what="a wave")
        if len({r.partition for r in seen}) >= 3:
            break
    assert len({r.partition for r in seen}) >= 3
    assert agent.stop() == 0


def test_preserve_keeps_the_partition(mirror, source, target):
    source.create("t", 5)
    target.create("t", 8)
    sent = [Record(b"k" if i % 2 else None, b"%d" % i, i % 5) for i in range(1000)]
    source.produce("t", sent)
    agent = mirror(source, target, flags=("--partition.mode", "preserve"))
    seen = target.read("t", len(sent))
    assert {int(r.value): r.partition for r in seen} == {i: i % 5 for i in range(1000)}
    for partition in range(5):
        numbers = [int(r.value) for r in sorted(seen, key=lambda r: r.offset) if r.partition == partition]
        assert numbers == sorted(numbers)
    assert agent.stop() == 0


def test_preserve_says_what_the_target_lacks(mirror, source, target):
    source.create("t", 3)
    target.create("t", 2)
    source.produce("t", [Record(b"k", b"%d" % i, i) for i in range(3)])
    agent = mirror(source, target, flags=("--partition.mode", "preserve"))
    # First by a delivery, then at once, by what the library knows.
    assert agent.wait_event("target_partition_missing", count=2, topic="t")
    assert not agent.find("target_topic_missing")
    assert sorted(r.value for r in target.read("t", 2)) == [b"0", b"1"]
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 3)[2] <= 0
