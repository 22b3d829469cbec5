"""Records that real brokers refuse, each policy with each kind: batch-mates arrive, and what becomes of the refused one is what was asked for."""

import json
import subprocess
import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)
from conftest import rig
from outside import wait_until
from rigs import KraftCluster, ZookeeperCluster

PROMISE = 10
LIMIT = 20000
HOUR = 3600_000
# The refused record stands behind so many good ones, and before as many.
GOOD = 20

# By kind: what the topic at the target is made with, what mends it, and Kafka's name of the error.
KINDS = {
    "size": ({"max_message_bytes": LIMIT}, ("max.message.bytes", "1000000"), "MSG_SIZE_TOO_LARGE"),
    "time": ({"message_timestamp_before_max_ms": HOUR}, ("message.timestamp.before.max.ms", None), "INVALID_TIMESTAMP"),
    "key": ({"cleanup_policy": "compact"}, ("cleanup.policy", "delete"), "INVALID_RECORD"),
    "rights": ({}, None, "TOPIC_AUTHORIZATION_FAILED"),
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A target that refuses what a rule forbids; all else is allowed."""
    yield from rig(KraftCluster, tmp_path_factory, "3.9.1", auto_create_topics_enable="false",
                   authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                   allow_everyone_if_no_acl_found="true")


@pytest.fixture(scope="module")
def kafka2(tmp_path_factory):
    yield from rig(ZookeeperCluster, tmp_path_factory, "2.1.1")


def rule(topic, operation, permission):
    return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, permission)


def allow_writing(outside, cluster, topic):
    wanted = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, None, None, AclOperation.WRITE,
                              AclPermissionType.DENY)
    outside(cluster).admin.delete_acls([wanted])[wanted].result(PROMISE)


def bad_record(kind):
    """What its topic refuses; where nobody may write, that is any."""
    record = {"key": b"bad", "value": b"bad", "headers": [("h", b"1")], "timestamp": int(time.time() * 1000)}
    changed = {"size": {"value": b"bad" * LIMIT}, "time": {"timestamp": record["timestamp"] - 24 * HOUR}, "key": {"key": None}}
    return record | changed.get(kind, {})


def fill(cluster, topic, records):
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 50, "log_level": 0})
    for record in records:
        producer.produce(topic, partition=0, **record)
    assert producer.flush(60) == 0


def good_records(first, count=GOOD):
    return [{"key": b"good", "value": b"%d" % n} for n in range(first, first + count)]


GOOD_VALUES = [r["value"] for r in good_records(0, 2 * GOOD)]


@pytest.fixture
def poisoned(names, outside, kafka3, strict):
    """poisoned(kind, ...) makes a topic of each kind with its refused record in the middle. Gives {kind: topic}."""
    topic, _ = names

    def make(*kinds):
        topics = {kind: f"{topic}.{kind}" for kind in kinds}
        for kind, name in topics.items():
            outside(kafka3).make_topic(name)
            outside(strict).make_topic(name, **KINDS[kind][0])
            others = [[], []] if kind == "rights" else [good_records(0), good_records(GOOD)]
            fill(kafka3, name, [*others[0], bad_record(kind), *others[1]])
        if "rights" in topics:
            outside(strict).add_rules(rule(topics["rights"], AclOperation.ALL, AclPermissionType.ALLOW),
                                      rule(topics["rights"], AclOperation.WRITE, AclPermissionType.DENY))
        return topics
    return make


def read(cluster, topic, count):
    """All records of the topic, one partition, once there are so many."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "enable.auto.commit": False,
                         "log_level": 0})
    partition = TopicPartition(topic, 0, OFFSET_BEGINNING)
    consumer.assign([partition])
    seen = []

    def is_there():
        seen.extend(m for m in consumer.consume(1000, 0.1) if not m.error())
        end = consumer.get_watermark_offsets(partition, timeout=10)[1]
        return len(seen) >= count and seen[-1].offset() == end - 1
    wait_until(is_there, what=f"{count} records in {topic}")
    consumer.close()
    return seen


def values_once(records):
    """In the order of their last copies: what is sent again behind a refused batch may come twice."""
    ordered = [r.value() for r in records]
    return list(dict.fromkeys(reversed(ordered)))[::-1]


def flags(policy, *more):
    return ("--abort.on.send.failure", "false", "--send.on.error", policy, "--admin.listen", "unix:admin",
            "--offset.commit.interval.ms", "200", *more)


def offset_of(kind):
    return 0 if kind == "rights" else GOOD


def expect_failures(agent, topics):
    for kind, topic in topics.items():
        agent.wait_event("send_failure", topic=topic, partition=0, offset=offset_of(kind), timeout=60)


def expect_good(cluster, topics, extra=()):
    for kind, topic in topics.items():
        if kind != "rights":
            assert values_once(read(cluster, topic, 2 * GOOD)) == [*GOOD_VALUES, *extra], kind


def test_drop(mirror, names, outside, poisoned, kafka3, strict):
    topics = poisoned(*KINDS)
    agent = mirror(kafka3, strict, names[0] + ".*", names[1], *flags("drop"))
    expect_failures(agent, topics)
    for topic in topics.values():
        outside(kafka3).wait_no_lag(names[1], topic)
    expect_good(strict, topics)
    assert outside(strict).count(topics["rights"]) == 0
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert len(agent.find("send_failure")) == len(KINDS), agent.stderr


def test_alone(mirror, names, outside, kafka3, strict):
    """A record that is too large and has a batch of its own: what comes behind it flows."""
    topic, group = names
    outside(kafka3).make_topic(topic)
    outside(strict).make_topic(topic, **KINDS["size"][0])
    fill(kafka3, topic, [bad_record("size")])
    agent = mirror(kafka3, strict, topic, group, *flags("drop"))
    agent.wait_event("send_failure", topic=topic, partition=0, offset=0, timeout=60)
    fill(kafka3, topic, good_records(0))
    assert [r.value() for r in read(strict, topic, GOOD)] == GOOD_VALUES[:GOOD]
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


def mend(outside, cluster, topics):
    """Nothing stands against the records any more."""
    for kind, topic in topics.items():
        if KINDS[kind][1]:
            outside(cluster).set(topic, *KINDS[kind][1])
    allow_writing(outside, cluster, topics["rights"])


def test_dead_letter_and_redrive(mirror, names, outside, poisoned, kafka3, strict, start_process, program):
    topics, dead = poisoned(*KINDS), names[0] + "-dead"
    outside(strict).make_topic(dead)
    agent = mirror(kafka3, strict, names[0] + "[.].*", names[1], *flags("dead-letter", "--dead.letter.topic", dead))
    letters = {dict(r.headers())["reflejo.topic"].decode(): r for r in read(strict, dead, len(KINDS))}
    assert set(letters) == set(topics.values())
    for kind, topic in topics.items():
        letter, was = letters[topic], read(kafka3, topic, offset_of(kind) + 1)[offset_of(kind)]
        assert (letter.key(), letter.value(), letter.timestamp()) == (was.key(), was.value(), was.timestamp()), kind
        headers = letter.headers()
        assert headers[:4] == [("h", b"1"), ("reflejo.topic", topic.encode()), ("reflejo.partition", b"0"),
                               ("reflejo.offset", b"%d" % offset_of(kind))]
        assert headers[4][0] == "reflejo.reason" and headers[5:] == [("reflejo.error", KINDS[kind][2].encode())], headers
        outside(kafka3).wait_no_lag(names[1], topic)
    expect_good(strict, topics)
    assert outside(strict).count(dead) == len(KINDS)
    assert agent.stop(PROMISE) == 0, agent.stderr
    mend(outside, strict, topics)

    def is_redriven():
        # A broker may not have heard of the change yet: what is refused again stands at the end.
        command = start_process(program, "redrive", "--consumer.config", "consumer0.properties", "--producer.config",
                                "producer0.properties", "--whitelist", names[0] + "[.].*", "--dead.letter.topic", dead)
        status = command.wait(60)
        assert status in (0, 1), command.stderr
        return status == 0
    wait_until(is_redriven, what="a redrive that leaves nothing")
    for kind, topic in topics.items():
        seen = read(strict, topic, 1 if kind == "rights" else 2 * GOOD + 1)
        was = read(kafka3, topic, offset_of(kind) + 1)[offset_of(kind)]
        assert [(r.key(), r.value(), r.headers(), r.timestamp()) for r in seen if r.headers()] == [
            (was.key(), was.value(), was.headers(), was.timestamp())], kind


def test_pause_and_mend(mirror, names, outside, poisoned, kafka3, strict, program, tmp_path):
    """Every partition stands at its record, and nothing of it is lost or dropped when what stood against it is mended."""
    topics = poisoned(*KINDS)

    def ctl(*arguments):
        done = subprocess.run([program, "ctl", "--socket", tmp_path / "admin", *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    agent = mirror(kafka3, strict, names[0] + ".*", names[1], *flags("pause"))
    for kind, topic in topics.items():
        agent.wait_event("partition_paused", topic=topic, partition=0, offset=offset_of(kind), timeout=60)
    held = {item["topic"]: item for item in json.loads(ctl("show-held", "--json"))["held"]}
    assert {kind: held[topic]["error"] for kind, topic in topics.items()} == {kind: row[2] for kind, row in KINDS.items()}
    assert all(held[topic]["offset"] == offset_of(kind) for kind, topic in topics.items())
    for kind, topic in topics.items():
        assert (outside(kafka3).committed(names[1], topic)[0] or 0) <= offset_of(kind)
    mend(outside, strict, topics)

    def has_passed():
        # A broker may not have heard of the change yet.
        ctl("resume")
        return all(outside(kafka3).lag(names[1], topic) == 0 for topic in topics.values())
    wait_until(has_passed, what="everything that was mended")
    for kind, topic in topics.items():
        bad = [bad_record(kind)["value"]]
        others = ([], []) if kind == "rights" else (GOOD_VALUES[:GOOD], GOOD_VALUES[GOOD:])
        assert values_once(read(strict, topic, sum(map(len, others)) + 1)) == [*others[0], *bad, *others[1]], kind
    assert ctl("show-held") == "no partition is held here\n"
    assert agent.stop(PROMISE) == 0, agent.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_stop(kind, mirror, names, outside, poisoned, kafka3, strict):
    """The default: it ends with 255 and has not committed past the record."""
    topics = poisoned(kind)
    agent = mirror(kafka3, strict, topics[kind], names[1], "--offset.commit.interval.ms", "200")
    assert agent.wait(60) == 255, agent.stderr
    expect_failures(agent, topics)
    assert (outside(kafka3).committed(names[1], topics[kind])[0] or 0) <= offset_of(kind)


def test_old_format_without_idempotence(mirror, names, outside, kafka3, kafka2):
    """A topic whose message format has no producer ids: its brokers refuse every batch of an idempotent producer."""
    topic, group = names
    outside(kafka3).make_topic(topic)
    outside(kafka2).make_topic(topic, message_format_version="0.10.2")
    fill(kafka3, topic, good_records(0))
    agent = mirror(kafka3, kafka2, topic, group)
    assert agent.wait(60) == 255, agent.stderr
    assert "Message format" in agent.wait_event("send_failure", topic=topic, partition=0, offset=0)["reason"]
    agent = mirror(kafka3, kafka2, topic, group, producer={"enable.idempotence": "false"})
    assert values_once(read(kafka2, topic, GOOD)) == GOOD_VALUES[:GOOD]
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_headers_on_an_old_format(mirror, names, outside, kafka3, kafka2):
    """A topic whose message format has no headers: its brokers say only that they do not know what went wrong, of the whole
    batch. What they are sent without headers arrives, and the record with some is refused."""
    topic, group = names
    outside(kafka3).make_topic(topic)
    outside(kafka2).make_topic(topic, message_format_version="0.10.2")
    fill(kafka3, topic, [bad_record("headers"), *good_records(0)])
    agent = mirror(kafka3, kafka2, topic, group, *flags("drop"), producer={"enable.idempotence": "false"})
    failure = agent.wait_event("send_failure", topic=topic, partition=0, offset=0)
    assert "has no headers" in failure["reason"] and failure["action"] == "drop"
    assert values_once(read(kafka2, topic, GOOD)) == GOOD_VALUES[:GOOD]
    assert agent.stop(2 * PROMISE) == 0, agent.stderr
    assert len(agent.find("send_failure")) == 1
