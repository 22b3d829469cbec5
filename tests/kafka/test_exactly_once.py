"""Exactly once: whoever reads committed records at the target has each record of the source once, whatever ends when."""

import json

from confluent_kafka import Consumer, TopicPartition
from outside import wait_until

PROMISE = 30


def committed_records(cluster, topic, count, partitions=1):
    """(partition, key, value) of all that a reader of committed records is given, waited for until there are count."""
    reader = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "isolation.level": "read_committed",
                       "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    reader.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    seen = []

    def is_enough():
        for message in reader.consume(1000, 0.2):
            assert not message.error(), message.error()
            seen.append((message.partition(), message.key(), message.value()))
        return len(seen) >= count

    try:
        wait_until(is_enough, what=f"{count} committed records of {topic}, after {len(seen)}")
    finally:
        reader.close()
    return seen


def assert_once(seen, sent):
    """Each once, and those of one key in order."""
    values = [value for _, _, value in seen]
    assert len(values) == len(set(values)), f"{len(values) - len(set(values))} records twice"
    assert set(values) == set(sent)
    order = {}
    for _, key, value in seen:
        assert order.get(key, -1) < int(value), f"{value} of {key} comes behind {order[key]}"
        order[key] = int(value)


def test_records_arrive_once_and_positions_stand_in_the_ledger(mirror, names, outside, sender, kafka3, kafka4):
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 3)
    load = sender(kafka3, topic)
    load.send(1000)
    agent = mirror(kafka3, kafka4, topic, group, "--exactly.once", "true")
    seen = committed_records(kafka4, topic, 1000, 3)
    assert len(seen) == 1000
    assert agent.stop(PROMISE) == 0, agent.stderr
    outside(kafka3).wait_no_lag(group, topic)
