"""Taking over from the real MirrorMakers, and starting where somebody says so, on brokers that know times."""

import datetime
import json
import re
import time

import pytest
import rigs
from conftest import SOURCE_MM1, rig
from confluent_kafka import Producer
from outside import wait_until
from records import no_loss

PROMISE = 10
PARTITIONS = 4
MM1_OLD = "0.10.1.1"  # the last but one Kafka whose MirrorMaker keeps positions in ZooKeeper


@pytest.fixture(scope="module")
def kafka0(tmp_path_factory):
    yield from rig(rigs.ZookeeperCluster, tmp_path_factory, MM1_OLD)


def make_both(outside, topic, *clusters):
    for cluster in clusters:
        outside(cluster).make_topic(topic, PARTITIONS)


def finish(agent, got, load):
    """Everything is there, once."""
    load.finish()
    verdict = got.verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr


# ---- MirrorMaker 1 ----


def test_from_mirrormaker_1(mirror, mirror_maker, names, outside, sender, receiver, kafka3, kafka4):
    """It stops under load; the program goes on from its positions, with its files."""
    topic, group = names
    make_both(outside, topic, kafka3, kafka4)
    load = sender(kafka3, topic).start(1000)
    got = receiver(kafka4, topic, PARTITIONS)
    old = mirror_maker(kafka3, kafka4, topic, group, "--num.streams", 2, "--offset.commit.interval.ms", 1000)
    got.wait_count(2000)
    old.stop(60)
    positions = outside(kafka3).committed(group, topic)
    assert sum(positions) == outside(kafka4).count(topic)
    new = mirror(kafka3, kafka4, topic, group, consumer={"auto.offset.reset": None})
    got.wait_count(load.total + 1000)
    finish(new, got, load)
    assert not new.find("positions_first_start") and not new.find("position_new")


def test_from_mirrormaker_1_with_zookeeper(mirror, names, outside, sender, receiver, kafka0, kafka3):
    """Its consumer keeps positions in ZooKeeper, where the program finds them once."""
    topic, group = names
    make_both(outside, topic, kafka0, kafka3)
    reads = {"zookeeper.connect": kafka0.zookeeper, "bootstrap.servers": None, "auto.offset.reset": "smallest",
             "session.timeout.ms": None, "heartbeat.interval.ms": None, "metadata.max.age.ms": None}
    load = sender(kafka0, topic).start(500)
    got = receiver(kafka3, topic, PARTITIONS)
    command = ["env", "--default-signal=INT,HUP", *rigs.jvm(MM1_OLD, 256, "kafka.tools.MirrorMaker")]
    old = mirror(kafka0, kafka3, topic, group, "--offset.commit.interval.ms", 1000, consumer=reads, command=command)
    got.wait_count(1000)
    old.stop(60)
    assert outside(kafka0).committed(group, topic) == [None] * PARTITIONS
    new = mirror(kafka0, kafka3, topic, group, consumer={**reads, "auto.offset.reset": None})
    assert new.wait_event("zookeeper_positions")["partitions"] == str(PARTITIONS)
    got.wait_count(load.total + 500)
    finish(new, got, load)


# ---- MirrorMaker 2 ----


@pytest.fixture
def mirror_maker_2(tmp_path):
    """mirror_maker_2(source, target, topic): in its dedicated mode, from `west` to `east`, names as they are."""
    made = []

    def start(source, target, topic, **settings):
        path = rigs.write_settings(tmp_path / "mm2.properties", {
            "clusters": "west, east", "west.bootstrap.servers": source.bootstrap, "east.bootstrap.servers": target.bootstrap,
            "west->east.enabled": "true", "west->east.topics": re.escape(topic), "east->west.enabled": "false",
            "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
            "emit.heartbeats.enabled": "false", "emit.checkpoints.enabled": "false", "sync.topic.acls.enabled": "false",
            "sync.topic.configs.enabled": "false", "refresh.groups.enabled": "false",
            "refresh.topics.interval.seconds": 1, "offset.flush.interval.ms": 1000, "tasks.max": 2,
            **{f"{name}.replication.factor": 1 for name in ("config.storage", "offset.storage", "status.storage",
                                                            "offset-syncs.topic", "checkpoints.topic", "heartbeats.topic")},
            "replication.factor": 1, **settings})
        command = rigs.jvm(SOURCE_MM1, 512, "org.apache.kafka.connect.mirror.MirrorMaker", path)
        made.append(rigs.Daemon(command, tmp_path / "mm2.log", "Kafka MirrorMaker started"))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.kill()


@pytest.mark.parametrize("settings", [{}, {"exactly.once.source.support": "enabled"}], ids=["", "exactly-once"])
def test_from_mirrormaker_2(mirror, mirror_maker_2, names, outside, sender, receiver, kafka3, kafka4, settings):
    """No record twice, none left out: its positions are exact, whether or not it writes them in transactions."""
    topic, group = names
    make_both(outside, topic, kafka3, kafka4)
    load = sender(kafka3, topic).start(500)
    got = receiver(kafka4, topic, PARTITIONS)
    alias = ["--offsets.import", "mm2", "--offsets.import.alias", "west"]
    old = mirror_maker_2(kafka3, kafka4, topic, **settings)
    got.wait_count(2000)
    old.stop()
    while got.take():
        pass
    copied = sum(map(len, got.arrivals.values()))

    # A wrong alias is found out, before anything is begun anywhere.
    slip = mirror(kafka3, kafka4, topic, group, *alias[:3], "wst", "--offsets.import.topic", "mm2-offsets.west.internal")
    assert slip.wait(60) == 1
    assert "it has: MirrorSourceConnector/west" in slip.stderr

    new = mirror(kafka3, kafka4, topic, group, *alias, "--partition.mode", "preserve", consumer={"auto.offset.reset": None})
    assert new.wait_event("mm2_positions")["partitions"] == str(PARTITIONS)
    got.wait_count(copied + 1000)
    finish(new, got, load)


def test_positions_of_a_transaction_that_failed(mirror, names, outside, sender, kafka3, kafka4):
    """What a worker wrote and did not commit is no position: following it would leave records out."""
    topic, group = names
    make_both(outside, topic, kafka3, kafka4)
    outside(kafka4).make_topic("offsets-of-" + topic, 5, cleanup_policy="compact")
    sender(kafka3, topic).send(400)
    writer = Producer({"bootstrap.servers": kafka4.bootstrap, "transactional.id": topic, "log_level": 0})
    writer.init_transactions()
    for offset, end in ((9, writer.commit_transaction), (99, writer.abort_transaction)):
        writer.begin_transaction()
        for number in range(PARTITIONS):
            key = ["c", {"cluster": "west", "partition": number, "topic": topic}]
            writer.produce("offsets-of-" + topic, key=json.dumps(key), value=json.dumps({"offset": offset}))
        writer.flush()
        end()
    agent = mirror(kafka3, kafka4, topic, group, "--offsets.import", "mm2", "--offsets.import.alias", "west",
                   "--offsets.import.connector", "c", "--offsets.import.topic", "offsets-of-" + topic, *HELD)
    agent.wait_event("mm2_positions")
    assert outside(kafka3).committed(group, topic) == [10] * PARTITIONS
    assert agent.stop(PROMISE) == 0, agent.stderr


# ---- start.from ----

# Nothing is committed that was read.
HELD = ("--limit", "1r/s", "--offset.commit.interval.ms", 3600000)


def at(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat(timespec="milliseconds")


def test_times(mirror, names, outside, sender, kafka3, kafka4):
    """The first record of that time or later; where there is none, the end; and so many hours before now."""
    topic, group = names
    make_both(outside, topic, kafka3, kafka4)
    hour, now = 3600000, int(time.time() * 1000)
    for number in range(PARTITIONS - 1):
        load = sender(kafka3, topic)
        for step in range(10):
            load.send(1, partition=number, timestamp=now - 10 * hour + step * hour + number)
        load.finish()
    for name, text, expected in (
            ("exact", f"timestamp:{at(now - 7 * hour)}", [3, 3, 3, 0]),
            ("between", f"timestamp:{at(now - 7 * hour + 1)}", [4, 3, 3, 0]),
            ("last", f"timestamp:{at(now - hour + 2)}", [10, 10, 9, 0]),
            ("behind", f"timestamp:{at(now)}", [10, 10, 10, 0]),
            ("before", "timestamp:1970-01-01T00:00:00Z", [0, 0, 0, 0]),
            ("hours", "duration:PT3H30M", [7, 7, 7, 0])):
        agent = mirror(kafka3, kafka4, topic, group + name, "--start.from", text, *HELD)
        assert agent.wait_event("positions_first_start")["partitions"] == str(PARTITIONS)
        assert outside(kafka3).committed(group + name, topic) == expected, name
        assert agent.stop(PROMISE) == 0, agent.stderr


def test_force(mirror, names, outside, sender, kafka3, kafka4, tmp_path):
    """Positions that are there are set: from Kafka's own file, again when something else is asked for, and never while
    the group has a member."""
    topic, group = names
    make_both(outside, topic, kafka3, kafka4)
    sender(kafka3, topic).send(1000)
    note = ("--start.state.file", "note")
    agent = mirror(kafka3, kafka4, topic, group)
    outside(kafka3).wait_no_lag(group, topic)

    second = mirror(kafka3, kafka4, topic, group, "--start.from", "earliest", "--start.force", *note)
    assert second.wait(60) == 1
    assert "has members" in second.stderr
    assert outside(kafka3).lag(group, topic) == 0
    assert agent.stop(PROMISE) == 0, agent.stderr

    ends = outside(kafka3).ends(topic)
    shown = rigs.tool(SOURCE_MM1, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server",
                      kafka3.bootstrap, "--group", group, "--topic", topic, "--reset-offsets", "--shift-by", "-7", "--export")
    # The tests' log4j writes to stdout, too.
    lines = re.findall(rf'^"?{re.escape(topic)}"?,.*$', shown, re.MULTILINE)
    (tmp_path / "positions.csv").write_text("\n".join(lines), encoding="utf-8")
    for text, expected in (("offsets:positions.csv", [end - 7 for end in ends]), ("latest", ends),
                           ("earliest", [0] * PARTITIONS)):
        flags = ("--start.from", text, "--start.force", *note, *HELD)
        agent = mirror(kafka3, kafka4, topic, group, *flags)
        assert agent.wait_event("positions_forced")["partitions"] == str(PARTITIONS)
        assert outside(kafka3).committed(group, topic) == expected, text
        assert agent.stop(PROMISE) == 0, agent.stderr
        wait_until(lambda: outside(kafka3).shares(group) == [], what="an empty group")
    before = outside(kafka3).committed(group, topic)
    agent = mirror(kafka3, kafka4, topic, group, *flags)
    agent.wait_event("positions_not_forced")
    agent.wait_event("topics")
    assert outside(kafka3).committed(group, topic) == before
    assert agent.stop(PROMISE) == 0, agent.stderr
