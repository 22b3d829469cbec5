"""Records of every shape are the same on the far side, from 3.9 to 4.1 and back."""

import random
import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from outside import wait_until

PROMISE = 10
COUNT = 1000
HEADERS = [None, [("h", b"1")], [("h", b"2"), ("h", b"1"), ("h", b"2")], [("null", None), ("empty", b""), ("", b"x")],
           [("binary", bytes(range(256)))]]


def mixed_records(count):
    """(key, value, headers, timestamp): every combination of the odd ones many times over, sizes at random."""
    dice = random.Random(1)
    now = int(time.time() * 1000)
    records = []
    for number in range(count):
        key = dice.choice([None, b"", b"key-%d" % (number % 40), dice.randbytes(dice.randint(1, 1000))])
        value = dice.choice([None, b"", b"value-%d" % number, dice.randbytes(dice.randint(1, 60000))])
        stamp = dice.choice([1, 999_999_999_999, now - 7 * 86_400_000, now])
        records.append((key, value, dice.choice(HEADERS), stamp))
    return records


def send_all(cluster, topic, records):
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "partitioner": "murmur2_random",
                         "enable.idempotence": True})
    for key, value, headers, stamp in records:
        producer.produce(topic, key=key, value=value, headers=headers, timestamp=stamp)
        producer.poll(0)
    assert producer.flush(60) == 0


def read_all(cluster, topic, partition, count, timeout=60):
    """The first records of a partition as mixed_records makes them."""
    reader = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    found, end = [], time.monotonic() + timeout
    while len(found) < count and time.monotonic() < end:
        found += [(m.key(), m.value(), m.headers(), m.timestamp()[1]) for m in reader.consume(1000, 0.5)
                  if not m.error()]
    reader.close()
    return found


@pytest.mark.parametrize("direction", ["3.9.1 to 4.1.2", "4.1.2 to 3.9.1"])
def test_fidelity(direction, mirror, names, outside, kafka3, kafka4):
    topic, group = names
    source, target = (kafka3, kafka4) if direction.startswith("3") else (kafka4, kafka3)
    outside(source).make_topic(topic)
    if target is kafka4:
        outside(target).make_topic(topic)  # 3.9.1 creates it, as the broker's own default says
    records = mixed_records(COUNT)
    send_all(source, topic, records)
    agent = mirror(source, target, topic, group)
    arrived = read_all(target, topic, 0, COUNT)
    assert len(arrived) == COUNT, agent.stderr
    wrong = [(number, *pair) for number, pair in enumerate(zip(records, arrived, strict=True)) if pair[0] != pair[1]]
    assert not wrong, f"{len(wrong)} records differ; the first one: {wrong[0]!r:.600}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(source).lag(group, topic) == 0
    assert outside(target).count(topic) == COUNT


def test_keys_land_where_java_sends_them(mirror, names, outside, kafka3, kafka4):
    """Three partitions here, five there: a key is where a producer with Java's partitioner would have put it."""
    topic, group = names
    outside(kafka3).make_topic(topic, 3)
    outside(kafka4).make_topic(topic, 5)
    outside(kafka4).make_topic(topic + ".direct", 5)
    records = [record for record in mixed_records(COUNT) if record[0] is not None]
    send_all(kafka3, topic, records)
    send_all(kafka4, topic + ".direct", records)
    agent = mirror(kafka3, kafka4, topic, group, "--num.streams", 3)
    wait_until(lambda: outside(kafka4).count(topic) >= len(records), what="the records at the target")
    wanted = outside(kafka4).ends(topic + ".direct")
    assert outside(kafka4).ends(topic) == wanted
    for number, count in enumerate(wanted):
        keys = [{record[0] for record in read_all(kafka4, name, number, count)} for name in (topic, topic + ".direct")]
        assert keys[0] == keys[1]
    assert agent.stop(PROMISE) == 0, agent.stderr
