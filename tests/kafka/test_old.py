"""Kafka 0.10.1: positions of the old consumer, and brokers that know neither headers nor idempotence."""

import collections

import pytest
import rigs
from conftest import rig
from kazoo.client import KazooClient
from records import no_loss

PROMISE = 10


@pytest.fixture(scope="module")
def kafka0(tmp_path_factory):
    yield from rig(rigs.ZookeeperCluster, tmp_path_factory, "0.10.1.1")


def leave_positions(cluster, group, topic, positions):
    """As the old consumer (kafka.utils.ZKGroupTopicDirs) leaves them."""
    zookeeper = KazooClient(cluster.zookeeper)
    zookeeper.start(30)
    for number, position in enumerate(positions):
        if position is not None:
            path = f"/consumers/{group}/offsets/{topic}/{number}"
            zookeeper.create(path, str(position).encode(), makepath=True)
    zookeeper.stop()
    zookeeper.close()


def test_positions_of_the_old_consumer(mirror, connect, names, outside, sender, receiver, kafka0, kafka3):
    """Two partitions continue where the old consumer was, one from its beginning."""
    topic, group = names
    outside(kafka0).make_topic(topic, 3)
    outside(kafka3).make_topic(topic, 3)
    load = sender(kafka0, topic, keys=60)
    load.send(600)
    before = collections.Counter(load.finish().sent)
    positions = outside(kafka0).ends(topic)
    assert all(positions)
    leave_positions(kafka0, group, topic, [positions[0], positions[1], 0])
    by_zookeeper = {"zookeeper.connect": kafka0.zookeeper}
    assert connect(kafka0, kafka3, topic, group, consumer=by_zookeeper)["source"]["zookeeper"] == (
        "ok", f"it has the old consumer's positions of 3 partitions in the group {group}")
    assert connect(kafka0, kafka3, topic, f"{group}-new", consumer=by_zookeeper)["source"]["zookeeper"] == (
        "ok", f"it has no position of an old consumer in the group {group}-new")
    load.send(600)
    load.finish()

    # auto.offset.reset is not given: its default of "latest" must not win over the positions.
    reads = {"zookeeper.connect": kafka0.zookeeper, "bootstrap.servers": None, "auto.offset.reset": None}
    agent = mirror(kafka0, kafka3, topic, group, "--num.streams", 2, consumer=reads)
    got = receiver(kafka3, topic, 3)
    expected = load.total - positions[0] - positions[1]
    got.wait_count(expected)
    outside(kafka0).wait_no_lag(group, topic)
    while got.take():
        pass
    assert sum(map(len, got.arrivals.values())) == expected
    for key, count in load.sent.items():
        assert got.arrivals[key] in (list(range(count)), list(range(before[key], count))), key
    assert int(agent.wait_event("zookeeper_positions")["partitions"]) == 3
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_connect(connect, names, outside, kafka0, kafka4):
    """The oldest and the newest brokers, each on both sides."""
    topic, group = names
    for cluster in (kafka0, kafka4):
        outside(cluster).make_topic(topic)
    found = connect(kafka0, kafka4, topic, group, "--exactly.once", "true")
    assert found["source"].pop("versions") == ("warning", "as Kafka 0.10.1, which has no headers of records: there are none to copy")
    assert {result for side in found.values() for result, _ in side.values()} == {"ok"}, found
    found = connect(kafka4, kafka0, topic, group)
    assert found["target"].pop("versions")[1].endswith("those of the source are lost there")
    assert found["target"].pop("idempotence")[0] == "unchecked"
    assert {result for side in found.values() for result, _ in side.values()} == {"ok"}, found
    found = connect(kafka4, kafka0, topic, group, "--exactly.once", "true")
    assert found["target"]["versions"][0] == "failed" and "exactly.once=true cannot be kept" in found["target"]["versions"][1]


def test_old_source(mirror, names, outside, sender, receiver, kafka0, kafka4):
    topic, group = names
    outside(kafka0).make_topic(topic, 3)
    outside(kafka4).make_topic(topic, 3)
    load = sender(kafka0, topic).start(2000)
    agent = mirror(kafka0, kafka4, topic, group, "--num.streams", 2)
    got = receiver(kafka4, topic, 3)
    got.wait_count(3000)
    load.finish()
    verdict = got.verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(kafka0).lag(group, topic) == 0


def test_old_target(mirror, names, outside, sender, receiver, kafka0, kafka3):
    """Records with headers arrive without them, in order; the log says so in one line."""
    topic, group = names
    outside(kafka3).make_topic(topic, 3)
    outside(kafka0).make_topic(topic, 3)
    load = sender(kafka3, topic)
    load.send(1000, headers=[("h", b"1")])
    load.finish()
    agent = mirror(kafka3, kafka0, topic, group, "--num.streams", 3)
    got = receiver(kafka0, topic, 3)
    verdict = got.verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    said = agent.wait_event("target_old")
    assert "idempotence" in said.line and "headers" in said.line
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert len(agent.find("target_old")) == 1, agent.stderr
    assert outside(kafka3).lag(group, topic) == 0
