"""Topics that the mirror's user may see but not read, on brokers that check."""

import pytest
from conftest import rig
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)
from records import no_loss
from rigs import KraftCluster

PROMISE = 10


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A source that refuses what a rule forbids; all else is allowed."""
    yield from rig(KraftCluster, tmp_path_factory, "3.9.1", auto_create_topics_enable="false",
                   authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                   allow_everyone_if_no_acl_found="true")


def rule(topic, operation, permission):
    return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation,
                      permission)


def forbid(outside, cluster, kind, name, *operations):
    """These are forbidden, everything else about it allowed."""
    def one(operation, permission):
        return AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, permission)
    rules = [one(AclOperation.ALL, AclPermissionType.ALLOW), *(one(o, AclPermissionType.DENY) for o in operations)]
    for done in outside(cluster).admin.create_acls(rules).values():
        done.result(PROMISE)


def forget(outside, cluster, kind, name):
    """The rules that forbid made."""
    wanted = AclBindingFilter(kind, name, ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY)
    for done in outside(cluster).admin.delete_acls([wanted]).values():
        done.result(PROMISE)


def forbid_reading(outside, cluster, topic):
    """Reading is forbidden, everything else about the topic allowed."""
    rules = [rule(topic, AclOperation.ALL, AclPermissionType.ALLOW),
             rule(topic, AclOperation.READ, AclPermissionType.DENY)]
    for done in outside(cluster).admin.create_acls(rules).values():
        done.result(PROMISE)


def allow_reading(outside, cluster, topic):
    wanted = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, None, None, AclOperation.READ,
                              AclPermissionType.DENY)
    for done in outside(cluster).admin.delete_acls([wanted]).values():
        done.result(PROMISE)


def test_one_of_two_topics_may_not_be_read(mirror, names, outside, sender, strict, kafka4):
    """That the other one has records does not change the answer: the start ends with 1."""
    topic, group = names
    for name in (topic, topic + ".secret"):
        for cluster in (strict, kafka4):
            outside(cluster).make_topic(name, 1)
    for name in (topic, topic + ".secret"):
        load = sender(strict, name)
        load.send(1000)
        load.finish()
    forbid_reading(outside, strict, topic + ".secret")
    agent = mirror(strict, kafka4, topic + ".*", group)
    assert agent.wait(3 * PROMISE) == 1, agent.stderr
    reason = agent.find("failed")[0]["reason"]
    assert f"{topic}.secret partition 0" in reason and "READ" in reason and group in reason


def test_rights_that_are_taken_and_given_back(mirror, names, outside, sender, receiver, strict, kafka4):
    topic, group = names
    for cluster in (strict, kafka4):
        outside(cluster).make_topic(topic, 1)
    load = sender(strict, topic)
    load.send(1000)
    load.finish()
    agent = mirror(strict, kafka4, topic, group)
    outside(strict).wait_no_lag(group, topic)
    forbid_reading(outside, strict, topic)
    agent.wait_event("source_denied")
    said = agent.wait_event("source_trouble", count=2)["reason"]
    assert f"{topic} partition 0" in said and "authorization" in said
    later = sender(strict, topic, tag="later-")
    later.send(1000)
    later.finish()
    allow_reading(outside, strict, topic)
    got = receiver(kafka4, topic, 1)
    for one in (load, later):
        verdict = got.verdict(one)
        assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_rights_are_asked_for(connect, names, outside, strict):
    """reflejo check --connect, with the same cluster on both sides: nothing is forbidden, then all that the mirror needs is."""
    topic, group = names
    outside(strict).make_topic(topic, 2)
    outside(strict).make_topic(f"copy.{topic}", 1)
    settings = ("--topics.configs", "source", "--topics.sync.configs", "true")
    exact = ("--topic.prefix", "copy.", "--exactly.once", "true", "--exactly.once.topic", f"positions.{topic}")
    found = connect(strict, strict, topic, group, *exact, *settings, "--topics.sync.acls", "true",
                    "--topics.grow", "always")
    assert {result for side in found.values() for result, _ in side.values()} == {"ok"}, found
    assert found["source"]["versions"][1] == "as Kafka 3.9 or newer"
    forbidden = [(ResourceType.TOPIC, topic, AclOperation.READ), (ResourceType.GROUP, group, AclOperation.READ),
                 (ResourceType.TOPIC, f"copy.{topic}", AclOperation.WRITE, AclOperation.ALTER_CONFIGS),
                 (ResourceType.TOPIC, f"positions.{topic}", AclOperation.CREATE),
                 (ResourceType.BROKER, "kafka-cluster", AclOperation.CREATE),
                 (ResourceType.TRANSACTIONAL_ID, f"{group}.reflejo.check", AclOperation.WRITE)]
    for kind, name, *operations in forbidden:
        forbid(outside, strict, kind, name, *operations)
    found = connect(strict, strict, topic, group, *exact, *settings)
    for side, step, operation in (
            ("source", "read topics", f"--operation Read --topic {topic}"), ("source", "group", f"--operation Read --group {group}"),
            ("target", "write topics", f"--operation Write --topic copy.{topic}"),
            ("target", "sync settings", f"--operation AlterConfigs --topic copy.{topic}"),
            ("target", "positions", f"--operation Create --topic positions.{topic}"),
            ("target", "transactions", "--operation Write --resource-pattern-type prefixed --transactional-id")):
        result, text = found[side][step]
        assert result == "failed" and operation in text, (step, text)
    assert found["target"]["read settings"][0] == "ok"
    # What cannot be made for another reason is said with the broker's.
    found = connect(strict, strict, topic, group, "--topic.prefix", "more.", "--topics.partitions", "20000")
    result, text = found["target"]["make topics"]
    assert result == "failed" and f"more.{topic} cannot be made" in text
    for kind, name, *_ in forbidden:
        forget(outside, strict, kind, name)
    assert not set(outside(strict).admin.list_topics(timeout=PROMISE).topics) & {f"positions.{topic}", f"more.{topic}"}
