"""Topics at the target: made with the source's partitions, settings and access rules, grown, kept in step, refused."""

import json
import subprocess
import urllib.request

import pytest
import rigs
from conftest import rig
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)
from outside import wait_until
from records import no_loss

PROMISE = 10
CHECKED = {"allow_everyone_if_no_acl_found": "true", "auto_create_topics_enable": "true"}


@pytest.fixture(scope="module")
def strict4(tmp_path_factory):
    """Kafka 4.1.2 that checks access rules, and would make topics by itself with one partition."""
    yield from rig(rigs.KraftCluster, tmp_path_factory, "4.1.2",
                   authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer", **CHECKED)


@pytest.fixture(scope="module", params=["1.1.1", "2.1.1"])
def strict_old(request, tmp_path_factory):
    """The same of the page's time, with two brokers."""
    yield from rig(rigs.ZookeeperCluster, tmp_path_factory, request.param, brokers=2,
                   authorizer_class_name="kafka.security.auth.SimpleAclAuthorizer", **CHECKED)


@pytest.fixture
def script(tmp_path):
    """script(ending, create): a script that has topics of that ending made so."""
    def write(ending, create):
        (tmp_path / "create.lua").write_text(f"""
            return {{ api = 1, route = function(t)
              if t.name:find("%.{ending}$") then return {{ create = {{ {create} }} }} end
            end }}""", encoding="utf-8")
        return "create.lua"
    return write


def rule(topic, operation, permission=AclPermissionType.ALLOW, principal="User:alice"):
    return AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, principal, "*", operation, permission)


def test_made_as_at_the_source(mirror, names, outside, sender, receiver, strict_old, strict4):
    """From brokers of the page's time to new ones, and back."""
    old_topic, group = names
    for source, target, topic, replicas in ((strict_old, strict4, old_topic, 2), (strict4, strict_old, old_topic + ".back", 1)):
        settings = {"retention_ms": 7200000, "cleanup_policy": "compact,delete", "min_insync_replicas": 1,
                    "message_timestamp_type": "LogAppendTime"}
        if source is strict4:
            settings["max_compaction_lag_ms"] = 3600000  # which brokers before 2.3 do not know
        outside(source).make_topic(topic, 3, replicas, **settings)
        outside(source).add_rules(rule(topic, AclOperation.ALL, principal="User:ANONYMOUS"),
                                  rule(topic, AclOperation.READ), rule(topic, AclOperation.WRITE),
                                  rule(topic, AclOperation.DESCRIBE, AclPermissionType.DENY, "User:bob"))
        # The mirror's own right to write: the first rule of a topic shuts out all others.
        copy = "copy." + topic
        outside(target).add_rules(rule(copy, AclOperation.ALL, principal="User:ANONYMOUS"))
        load = sender(source, topic)
        load.send(1000)
        load.finish()
        agent = mirror(source, target, topic, group, "--topic.prefix", "copy.", "--topics.configs",
                       "source,segment.bytes=1048576", "--topics.sync.acls", "true")
        made = agent.wait_event("topic_created", topic=copy, source_topic=topic)
        verdict = receiver(target, copy, 3).verdict(load)
        assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
        wait_until(lambda: outside(target).partitions(copy) == 3)  # pylint: disable=W0640
        assert outside(target).replicas(copy) == [1, 1, 1]
        assert outside(target).settings(copy) == {"retention.ms": "7200000", "cleanup.policy": "compact,delete",
                                                  "segment.bytes": "1048576"}
        assert (made["replication"], made["wanted_replication"]) == ("1", str(replicas))
        assert made["left_out"] == ("max.compaction.lag.ms" if source is strict4 else "")
        agent.wait_event("topic_acl", topic=copy, count=3)
        assert outside(target).rules(copy) == {
            ("User:ANONYMOUS", "*", AclOperation.ALL, AclPermissionType.ALLOW),
            ("User:ANONYMOUS", "*", AclOperation.READ, AclPermissionType.ALLOW),
            ("User:alice", "*", AclOperation.READ, AclPermissionType.ALLOW),
            ("User:bob", "*", AclOperation.DESCRIBE, AclPermissionType.DENY)}
        assert agent.stop(PROMISE) == 0, agent.stderr
        assert outside(source).lag(group, topic) == 0


def test_made_as_the_options_say(mirror, names, outside, script, strict_old, kafka4):
    """Partitions, replicas and settings of one's own, per topic by a script; and the topic for dead letters."""
    topic, group = names
    outside(kafka4).make_topic(topic, 2)
    outside(kafka4).make_topic(topic + ".own", 2)
    agent = mirror(kafka4, strict_old, topic + ".*", group, "--topics.partitions", 5, "--topics.replication.factor", 2,
                   "--topics.configs", "retention.ms=86400000", "--dead.letter.topic", topic + ".dead", "--script.file",
                   script("own", 'partitions = 7, replication = 1, configs = { ["cleanup.policy"] = "compact" }'),
                   "--script.state.file", "state")
    look = outside(strict_old)
    for name, partitions in ((topic, 5), (topic + ".own", 7), (topic + ".dead", 5)):
        agent.wait_event("topic_created", topic=name)
        # The other of the two brokers may hear of it a moment later.
        wait_until(lambda: look.partitions(name) == partitions, what=f"{partitions} partitions of {name}")  # pylint: disable=W0640
    assert (look.replicas(topic), look.settings(topic)) == ([2] * 5, {"retention.ms": "86400000"})
    assert (look.replicas(topic + ".own"), look.settings(topic + ".own")) == ([1] * 7, {"cleanup.policy": "compact"})
    assert (look.replicas(topic + ".dead"), look.settings(topic + ".dead")) == ([2] * 5, {})
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_replicas_that_old_brokers_cannot_choose(mirror, names, outside, script, kafka4, strict_old):
    """One clear sentence, and the other topics are made."""
    topic, group = names
    for name in (topic, topic + ".other"):
        outside(kafka4).make_topic(name, 1)
    agent = mirror(kafka4, strict_old, topic + ".*", group, "--topics.replication.factor", -1, "--script.file",
                   script("other", "replication = 2"), "--script.state.file", "state")
    said = agent.wait_event("topic_refused", topic=topic)
    assert "set topics.replication.factor to a number" in said["reason"]
    agent.wait_event("topic_created", topic=topic + ".other", replication="2")
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_grown_under_load(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """Partition numbers are kept, so the copy grows with the source while records flow."""
    topic, group = names
    outside(kafka3).make_topic(topic, 2)
    agent = mirror(kafka3, kafka4, topic, group, "--partition.mode", "preserve",
                   producer={"metadata.max.age.ms": 300000})
    steady = sender(kafka3, topic, tag="steady-")
    steady.start(500)
    agent.wait_event("topic_created", topic=topic, partitions="2")
    outside(kafka3).add_partitions(topic, 5)
    loads = [sender(kafka3, topic, tag=f"p{number}-") for number in range(5)]
    for number, load in enumerate(loads):
        load.send(500, partition=number)
        load.finish()
    grown = agent.wait_event("topic_grown", topic=topic)
    assert (grown["from"], grown["to"]) == ("2", "5")
    steady.finish()
    got = receiver(kafka4, topic, 5)
    for load in (steady, *loads):
        verdict = got.verdict(load)
        # Keys of the steady load moved to other partitions at the source already.
        if load is steady:
            verdict.disordered = []
        assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert outside(kafka4).ends(topic) == outside(kafka3).ends(topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_not_grown_where_keys_are_hashed(mirror, names, outside, kafka3, kafka4):
    topic, group = names
    outside(kafka3).make_topic(topic, 2)
    agent = mirror(kafka3, kafka4, topic, group)
    agent.wait_event("topic_created", topic=topic)
    outside(kafka3).add_partitions(topic, 3)
    said = agent.wait_event("topic_kept_small", topic=topic)
    assert "keys would move" in said["reason"] and "topics.grow=always" in said["reason"]
    assert outside(kafka4).partitions(topic) == 2
    assert agent.stop(PROMISE) == 0, agent.stderr
    agent = mirror(kafka3, kafka4, topic, group, "--topics.grow", "always")
    agent.wait_event("topic_grown", topic=topic)
    wait_until(lambda: outside(kafka4).partitions(topic) == 3)
    assert agent.stop(PROMISE) == 0, agent.stderr


@pytest.mark.parametrize("new", [True, False], ids=["one setting", "all settings"])
def test_settings_kept_in_step(new, mirror, names, outside, kafka3, kafka4, strict_old):
    """Only differences are written, and what belongs to one cluster is left alone."""
    topic, group = names
    target = kafka4 if new else strict_old
    outside(kafka3).make_topic(topic, 1, retention_ms=7200000, max_message_bytes=500000)
    outside(target).make_topic(topic, 1, min_insync_replicas=1, retention_ms=1000000, segment_ms=3600000)
    agent = mirror(kafka3, target, topic, group, "--topics.configs", "source", "--topics.sync.configs", "true",
                   "--topics.sync.interval", "1s")
    first = agent.wait_event("topic_settings", topic=topic)
    assert (first["set"], first["removed"]) == ("max.message.bytes=500000,retention.ms=7200000", "segment.ms=3600000")
    look = outside(target)
    wait_until(lambda: look.settings(topic) == {"min.insync.replicas": "1", "retention.ms": "7200000",
                                                "max.message.bytes": "500000"})
    outside(kafka3).set(topic, "retention.ms", "3600000")
    outside(kafka3).set(topic, "max.message.bytes", None)
    wait_until(lambda: look.settings(topic) == {"min.insync.replicas": "1", "retention.ms": "3600000"})
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert not agent.find("topic_sync_failed"), agent.stderr
    assert len(agent.find("topic_settings")) <= 3


def status(agent):
    address = agent.wait_event("admin_listening")["address"]
    with urllib.request.urlopen(f"http://{address}/status", timeout=PROMISE) as answer:
        return json.load(answer)


def metrics(agent):
    address = agent.wait_event("admin_listening")["address"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=PROMISE) as answer:
        return answer.read().decode()


def test_refused_topic_waits_alone(mirror, names, outside, sender, receiver, kafka3, strict4):
    """Others flow; status, metrics and log say why; once it may be made, it is, and nothing is lost."""
    topic, group = names
    secret = topic + ".secret"
    loads = {}
    for name in (topic, secret):
        outside(kafka3).make_topic(name, 2)
        loads[name] = sender(kafka3, name)
        loads[name].send(500)
        loads[name].finish()
    outside(strict4).add_rules(
        # Who may not make topics everywhere in the cluster is asked about each one.
        AclBinding(ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL, "User:ANONYMOUS", "*",
                   AclOperation.ALL, AclPermissionType.ALLOW),
        AclBinding(ResourceType.BROKER, "kafka-cluster", ResourcePatternType.LITERAL, "User:ANONYMOUS", "*",
                   AclOperation.CREATE, AclPermissionType.DENY),
        rule(secret, AclOperation.ALL, principal="User:ANONYMOUS"),
        rule(secret, AclOperation.CREATE, AclPermissionType.DENY, "User:ANONYMOUS"))
    agent = mirror(kafka3, strict4, topic + ".*", group, "--admin.listen", "127.0.0.1:0")
    said = agent.wait_event("topic_refused", topic=secret)
    assert "uthoriz" in said["reason"]
    verdict = receiver(strict4, topic, 2).verdict(loads[topic])
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"

    def row():
        return next(t for t in status(agent)["topics"] if t["topic"] == secret)

    wait_until(lambda: row()["state"] == "waiting" and "does not make it" in (row()["reason"] or ""))
    assert any("uthoriz" in problem for problem in row()["problems"])
    assert "reflejo_topics_refused 1\n" in metrics(agent)
    assert outside(strict4).partitions(secret) == 0
    wanted = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, "User:ANONYMOUS", None,
                              AclOperation.CREATE, AclPermissionType.DENY)
    for done in outside(strict4).admin.delete_acls([wanted]).values():
        done.result(PROMISE)
    verdict = receiver(strict4, secret, 2).verdict(loads[secret])
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    wait_until(lambda: "reflejo_topics_refused 0\n" in metrics(agent))
    assert "reflejo_topics_created_total 2\n" in metrics(agent)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_deleted_at_the_target(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """While records flow: it is said that it is gone, and it is made anew, long before the next look at all topics."""
    topic, group = names
    outside(kafka3).make_topic(topic, 3)
    agent = mirror(kafka3, kafka4, topic, group, consumer={"metadata.max.age.ms": 300000})
    agent.wait_event("topic_created", topic=topic)
    sender(kafka3, topic, tag="old-").send(100)
    wait_until(lambda: outside(kafka4).count(topic) == 100)
    outside(kafka3).wait_no_lag(group, topic)
    outside(kafka4).admin.delete_topics([topic])[topic].result(PROMISE)
    wait_until(lambda: outside(kafka4).partitions(topic) == 0)
    load = sender(kafka3, topic)
    load.send(100)
    load.finish()
    said = agent.wait_event("target_topic_missing", topic=topic)
    assert "made anew" in said["advice"]
    agent.wait_event("topic_created", topic=topic, partitions="3", count=2)
    verdict = receiver(kafka4, topic, 3).verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert not agent.find("target_partition_missing"), agent.stderr
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_refused_topic_of_dead_letters(mirror, names, outside, sender, tmp_path, kafka3, kafka4):
    """Whoever has dead letters waits, and status and metrics say why; once it may be made, it is, as the options say."""
    topic, group = names
    outside(kafka3).make_topic(topic)
    # Kafka takes no two names that differ in a dot and an underscore only.
    other = topic.replace(".", "_") + "_dead"
    outside(kafka4).make_topic(other)
    load = sender(kafka3, topic, keys=1)
    load.send(10)
    load.finish()
    (tmp_path / "aside.lua").write_text("return { api = 1, record = function(r) return r:dead_letter('why') end }",
                                        encoding="utf-8")
    agent = mirror(kafka3, kafka4, topic, group, "--admin.listen", "127.0.0.1:0", "--dead.letter.topic", topic + ".dead",
                   "--script.file", "aside.lua", "--script.state.file", "state")
    agent.wait_event("topic_refused", topic=topic + ".dead")

    def row():
        return next(t for t in status(agent)["topics"] if t["topic"] == topic)

    wait_until(lambda: row()["state"] == "waiting" and "does not make it" in (row()["reason"] or ""))
    assert "reflejo_topics_refused 1\n" in metrics(agent)
    outside(kafka4).admin.delete_topics([other])[other].result(PROMISE)
    agent.wait_event("topic_created", topic=topic + ".dead", partitions="1")
    wait_until(lambda: outside(kafka4).count(topic + ".dead") == 10)
    wait_until(lambda: "reflejo_topics_refused 0\n" in metrics(agent))
    assert agent.stop(PROMISE) == 0 and not agent.find("target_topic_missing"), agent.stderr


def test_topics_that_go_to_one(mirror, names, outside, sender, kafka3, kafka4):
    """It is made once, as large as the largest, and asked for its settings once: brokers give no answer twice."""
    topic, group = names
    for name, partitions in ((topic + ".a", 2), (topic + ".b", 5)):
        outside(kafka3).make_topic(name, partitions)
        load = sender(kafka3, name)
        load.send(100)
        load.finish()
    agent = mirror(kafka3, kafka4, topic + ".*", group, "--topic.rename.regex", "(.*)\\.[ab]",
                   "--topic.rename.replacement", "$1.one", "--dead.letter.topic", topic + ".one")
    agent.wait_event("topic_created", topic=topic + ".one", partitions="5")
    wait_until(lambda: outside(kafka4).count(topic + ".one") == 200)
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert len(agent.find("topic_created")) == 1 and not agent.find("library_log", facility="PROTOERR"), agent.stderr


def test_never(mirror, names, outside, sender, receiver, kafka4, kafka3):
    """The target's brokers make it in their own way, as before."""
    topic, group = names
    outside(kafka4).make_topic(topic, 3)
    load = sender(kafka4, topic)
    load.send(100)
    load.finish()
    agent = mirror(kafka4, kafka3, topic, group, "--topics.create", "never")
    verdict = receiver(kafka3, topic, 1).verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert outside(kafka3).partitions(topic) == 1
    assert agent.stop(PROMISE) == 0 and not agent.find("topic_created"), agent.stderr


def test_plan_says_what_would_be_made(program, names, outside, kafka3, kafka4):
    topic, _ = names
    outside(kafka3).make_topic(topic, 4)
    plan = subprocess.run([program, "plan", "--consumer.bootstrap.servers", kafka3.bootstrap, "--consumer.group.id", "g",
                           "--producer.bootstrap.servers", kafka4.bootstrap, "--whitelist", topic, "--topics.configs",
                           "source", "--topics.replication.factor", "3"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert plan.returncode == 0, plan.stderr
    assert (f"+ {topic} is made with 4 partitions, replication factor 1 (not 3: the target has no more brokers), "
            "and the settings source") in plan.stdout
