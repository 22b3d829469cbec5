"""What a source loses before it is mirrored, on brokers that know no topic ids (1.1) and on such that do (4.1)."""

import os
import pathlib
import signal
import struct
import urllib.request

import pytest
import rigs
from conftest import rig
from confluent_kafka import Consumer, Producer, TopicPartition
from outside import wait_until
from records import no_loss

PROMISE = 10
NOTE = "topic_id="
OFTEN = ("--offset.commit.interval.ms", 200)


@pytest.fixture(scope="module")
def kafka1(tmp_path_factory):
    yield from rig(rigs.ZookeeperCluster, tmp_path_factory, "1.1.1", auto_create_topics_enable="false")


@pytest.fixture(params=["1.1", "4.1"])
def source(request):
    return request.getfixturevalue({"1.1": "kafka1", "4.1": "kafka4"}[request.param])


def number_of(event, *names):
    return [int(event[name]) for name in names]


def remake(outside, topic):
    """Deletes a topic, and makes it again as soon as it is gone."""
    outside.admin.delete_topics([topic])[topic].result(PROMISE)
    wait_until(lambda: outside.partitions(topic) == 0, what=f"the end of {topic}")
    # In ZooKeeper mode it is not listed any more, and may still be there for a moment.
    wait_until(lambda: outside.make_topic(topic) or True, what=f"{topic} anew")


def commit(cluster, group, *positions):
    """Positions that somebody else has committed for the group."""
    probe = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "enable.auto.commit": False,
                      "log_level": 0})
    probe.commit(offsets=list(positions), asynchronous=False)
    probe.close()


def committed(cluster, group, topic):
    """The group's position in the only partition, and what stands beside it."""
    probe = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "log_level": 0})
    [found] = probe.committed([TopicPartition(topic, 0)], timeout=PROMISE)
    probe.close()
    return found.offset, found.metadata


def resume(agent):
    address = agent.wait_event("admin_listening")["address"]
    asked = urllib.request.Request(f"http://{address}/resume", data=b"{}", method="POST",
                                   headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=PROMISE) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_retention_overtakes_a_stopped_mirror(reset, mirror, names, outside, sender, receiver, source, kafka3):
    topic, group = names
    outside(source).make_topic(topic)
    outside(kafka3).make_topic(topic)
    load = sender(source, topic, keys=1)
    load.send(500)
    agent = mirror(source, kafka3, topic, group, *OFTEN)
    wait_until(lambda: outside(source).count(topic) == 500, what="all that is sent at the source")
    outside(source).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
    load.send(1000)
    load.finish()
    outside(source).admin.delete_records([TopicPartition(topic, 0, 1200)])[TopicPartition(topic, 0, 1200)].result(PROMISE)

    agent = mirror(source, kafka3, topic, group, *OFTEN, consumer={"auto.offset.reset": reset})
    gap = agent.wait_event("source_gap", topic=topic)
    assert gap["kind"] == "retention"
    assert number_of(gap, "first_missing", "last_missing", "missing", "goes_on_at") == [500, 1199, 700, 1200]
    got = receiver(kafka3, topic, 1)
    got.wait_count(800)
    outside(source).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert got.take() == 0
    assert got.arrivals[load.keys[0]] == [*range(500), *range(1200, 1500)]
    assert len(agent.find("source_gap")) == 1, agent.stderr


def test_retention_overtakes_a_held_partition(mirror, names, outside, sender, receiver, source, kafka3):
    """on.gap=stop ends it there, on.gap=pause holds it there, and nothing is committed past it."""
    topic, group = names
    outside(source).make_topic(topic)
    outside(kafka3).make_topic(topic)
    load = sender(source, topic, keys=1)
    load.send(300)
    load.finish()
    commit(source, group, TopicPartition(topic, 0, 100))
    outside(source).admin.delete_records([TopicPartition(topic, 0, 250)])[TopicPartition(topic, 0, 250)].result(PROMISE)
    agent = mirror(source, kafka3, topic, group, "--on.gap", "stop")
    assert agent.wait() == 255, agent.stderr
    assert "offsets 100 to 249 (retention)" in agent.wait_event("failed")["reason"]
    assert outside(source).committed(group, topic) == [100]
    agent = mirror(source, kafka3, topic, group, "--on.gap", "pause")
    assert number_of(agent.wait_event("source_gap"), "first_missing", "last_missing") == [100, 249]
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(source).committed(group, topic) == [100]
    assert receiver(kafka3, topic, 1).take(1) == 0


def test_made_anew_while_it_is_held(mirror, names, outside, sender, receiver, kafka4, kafka3):
    """Where resume was to go on is a place in the old log: that is another gap, and all of the new one is mirrored."""
    topic, group = names
    for cluster in (kafka4, kafka3):
        outside(cluster).make_topic(topic)
    old = sender(kafka4, topic, tag="old-", keys=1)
    old.send(100)
    old.finish()
    commit(kafka4, group, TopicPartition(topic, 0, 10))
    outside(kafka4).admin.delete_records([TopicPartition(topic, 0, 50)])[TopicPartition(topic, 0, 50)].result(PROMISE)
    agent = mirror(kafka4, kafka3, topic, group, *OFTEN, "--on.gap", "pause", "--admin.listen", "127.0.0.1:0")
    assert number_of(agent.wait_event("source_gap"), "goes_on_at") == [50]
    new = refill(outside, sender, kafka4, topic, 60)
    resume(agent)
    gap = agent.wait_event("source_gap", count=2)
    assert gap["kind"] == "recreated" and number_of(gap, "goes_on_at") == [0]
    resume(agent)
    verdict = receiver(kafka3, topic, 1).verdict(new)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr


def cut_log(cluster, topic, batches):
    """What an unclean election leaves of a log, on a broker that is stopped: its first batches."""
    [log] = cluster.folder.glob(f"broker0-data/{topic}-0/*.log")
    with open(log, "rb+") as file:
        for _ in range(batches):
            _, size = struct.unpack(">qi", file.read(12))
            file.seek(size, os.SEEK_CUR)
        file.truncate()


def values_of(cluster, topic, count):
    """The first so many records of the only partition, as numbers."""
    reader = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "log_level": 0})
    reader.assign([TopicPartition(topic, 0, 0)])
    found = reader.consume(count, PROMISE)
    reader.close()
    return [int(message.value()) for message in found]


def test_a_log_that_was_cut(mirror, names, outside, source, kafka3):
    """An unclean election below what was read already: what was lost is known, and what is written there since is mirrored."""
    topic, group = names
    outside(source).make_topic(topic)
    outside(kafka3).make_topic(topic)

    def write(*numbers):
        producer = Producer({"bootstrap.servers": source.bootstrap, "linger.ms": 0, "log_level": 0})
        for number in numbers:
            producer.produce(topic, b"%d" % number, b"key", 0)
            assert producer.flush(PROMISE) == 0

    write(*range(20))
    agent = mirror(source, kafka3, topic, group, *OFTEN)
    outside(source).wait_no_lag(group, topic)
    source.stop()
    cut_log(source, topic, 12)
    source.start()
    write(*range(20, 23))
    gap = agent.wait_event("source_gap", topic=topic)
    # The broker was away: whether the stream had read there itself, or was given the partition anew, is a matter of time.
    assert gap["kind"] in ("truncated", "out_of_range")
    assert number_of(gap, "last_missing", "position") == [19, 20]
    assert 12 <= int(gap["first_missing"]) <= 15
    # A librdkafka that asks for leader epochs (2.1) finds the cut; before, all is read again, for what is new may be anywhere.
    go_on = int(gap["goes_on_at"])
    assert go_on in (0, 12)
    outside(source).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
    [end] = outside(kafka3).ends(topic)
    assert values_of(kafka3, topic, end) == [*range(20), *range(go_on, 12), *range(20, 23)]


def test_a_position_behind_the_end(mirror, names, outside, sender, receiver, source, kafka3):
    """Whatever of it can be mirrored is: nothing tells a librdkafka without topic ids that it is the same topic."""
    topic, group = names
    outside(source).make_topic(topic)
    outside(kafka3).make_topic(topic)
    load = sender(source, topic, keys=1)
    load.send(200)
    load.finish()
    commit(source, group, TopicPartition(topic, 0, 5000))
    agent = mirror(source, kafka3, topic, group, *OFTEN)
    gap = agent.wait_event("source_gap", topic=topic)
    # The library goes to the beginning by itself; what has come from there when that is noticed looks as if it had been read before.
    assert gap["kind"] in ("out_of_range", "truncated")
    assert number_of(gap, "first_missing", "last_missing", "position", "goes_on_at") == [200, 4999, 5000, 0]
    assert no_loss(receiver(kafka3, topic, 1).verdict(load))
    outside(source).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_made_anew_under_load(mirror, names, outside, sender, receiver, source, kafka3):
    """All that the new topic holds is mirrored, from its first record on."""
    topic, group = names
    outside(source).make_topic(topic)
    outside(kafka3).make_topic(topic)
    agent = mirror(source, kafka3, topic, group)
    # An idempotent producer does not survive that its topic is made anew.
    old, new = (sender(source, topic, tag=tag, config={"enable.idempotence": False}) for tag in ("old-", "new-"))
    old.start(2000)
    got = receiver(kafka3, topic, 1)
    got.wait_count(2000)
    # Its producer may go on into the new topic; what it sends is not looked at.
    remake(outside(source), topic)
    new.start(2000)
    got.wait_count(8000)
    new.finish()
    old.is_over.set()
    old.thread.join()
    verdict = got.verdict(new)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr


def refill(outside, sender, cluster, topic, count):
    """The topic is made anew and holds more than the one before did."""
    remake(outside(cluster), topic)
    load = sender(cluster, topic, tag="new-", keys=1)
    load.send(count)
    load.finish()
    return load


def test_made_anew_and_filled_behind_its_back(newest, mirror, names, outside, sender, receiver, kafka4, kafka3):
    """The position is in range again when the mirror looks: only the topic's id tells."""
    topic, group = names
    for cluster in (kafka4, kafka3):
        outside(cluster).make_topic(topic)
    old = sender(kafka4, topic, tag="old-", keys=1)
    old.send(500)
    old.finish()
    agent = mirror(kafka4, kafka3, topic, group, *OFTEN, command=(newest,))
    outside(kafka4).wait_no_lag(group, topic)
    assert committed(kafka4, group, topic)[1].startswith(NOTE)
    agent.send(signal.SIGSTOP)
    new = refill(outside, sender, kafka4, topic, 900)
    agent.send(signal.SIGCONT)
    gap = agent.wait_event("source_gap", topic=topic)
    assert gap["kind"] == "recreated" and number_of(gap, "goes_on_at") == [0], agent.stderr
    verdict = receiver(kafka3, topic, 1).verdict(new)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    outside(kafka4).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_a_position_of_the_topic_before(newest, mirror, names, outside, sender, receiver, kafka4, kafka3):
    """The committed position tells which topic it is of, over a restart."""
    topic, group = names
    for cluster in (kafka4, kafka3):
        outside(cluster).make_topic(topic)
    old = sender(kafka4, topic, tag="old-", keys=1)
    old.send(500)
    old.finish()
    agent = mirror(kafka4, kafka3, topic, group, command=(newest,))
    outside(kafka4).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
    offset, note = committed(kafka4, group, topic)
    assert offset == 500 and note.startswith(NOTE)
    new = refill(outside, sender, kafka4, topic, 900)
    # The broker forgets the position with the topic; a member that was late has committed it once more.
    wait_until(lambda: committed(kafka4, group, topic)[0] < 0, what="the end of the old position")
    commit(kafka4, group, TopicPartition(topic, 0, 500, note))
    agent = mirror(kafka4, kafka3, topic, group, command=(newest,))
    gap = agent.wait_event("source_gap", topic=topic)
    assert gap["kind"] == "recreated" and number_of(gap, "position", "goes_on_at") == [500, 0]
    verdict = receiver(kafka3, topic, 1).verdict(new)
    # What was read before the source had said which topic it is comes twice.
    assert not verdict.lost and not verdict.strange, f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    offset, now = committed(kafka4, group, topic)
    assert offset == 900 and now.startswith(NOTE) and now != note
