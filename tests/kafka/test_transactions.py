"""A source that writes in transactions: their markers take offsets and are no records."""

from confluent_kafka import Producer
from outside import wait_until

PROMISE = 10


def write_transactions(cluster, topic, commits):
    """One transaction after the other, each of ten records; commits says of each whether it is committed."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "transactional.id": topic})
    producer.init_transactions(60)
    for number, is_committed in enumerate(commits):
        producer.begin_transaction()
        for i in range(10):
            producer.produce(topic, b"%d" % i, b"%d" % number)
        producer.flush(60)
        if is_committed:
            producer.commit_transaction(60)
        else:
            producer.abort_transaction(60)


def test_markers_count_as_read(mirror, names, outside, kafka3, kafka4):
    """Behind the last record stands a marker: the mirror is caught up all the same, and commits a position behind it.
    What an aborted transaction wrote is copied, as MirrorMaker does by default."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 1)
    agent = mirror(kafka3, kafka4, topic, group, "--log.progress.interval", 1)
    write_transactions(kafka3, topic, [True, False, True])
    wait_until(lambda: outside(kafka4).count(topic) == 30, what="the records at the target")
    assert outside(kafka3).count(topic) == 33
    agent.wait_event("progress", PROMISE, records="30", lag="0")
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
