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
