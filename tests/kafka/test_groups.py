"""Consumer groups of the source go on at the target with the very next record."""

import random

import pytest
from api import Api
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import ConfigResource
from outside import DEADLINE, wait_until
from test_page import kafka1, kafka2  # noqa: F401

PARTITIONS = 4
RECORDS = 3000
FAST = ("--groups.interval", 2, "--groups.save.interval", 1)


def commit(outside, group, topic, positions):
    """The group stands there, and has no members."""
    wanted = [TopicPartition(topic, number, offset) for number, offset in positions.items()]
    outside.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group].result(DEADLINE)


def values(cluster, topic, partitions):
    """What stands in each partition: a list of (offset, value)."""
    reader = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "values", "enable.auto.commit": False,
                       "enable.partition.eof": True, "log_level": 0})
    reader.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    found, ended = [[] for _ in range(partitions)], set()
    while len(ended) < partitions:
        for message in reader.consume(5000, 1):
            if message.error():
                ended.add(message.partition())
            else:
                found[message.partition()].append((message.offset(), message.value().decode()))
    reader.close()
    return found


def positions(outside, group, topic):
    """What the group has committed, by partition, where that is something."""
    answer = outside.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(DEADLINE)
    return {p.partition: p.offset for p in answer.topic_partitions if p.topic == topic and p.offset >= 0}


def next_records(reader, topic, starts):
    """What a consumer reads first in each partition from there: (offset, value)."""
    reader.assign([TopicPartition(topic, number, offset) for number, offset in starts.items()])
    found = {}

    def read():
        for message in reader.consume(3000, 0.02):
            if not message.error():
                found.setdefault(message.partition(), (message.offset(), message.value().decode()))
        return len(found) == len(starts)
    wait_until(read, what=f"the next records of {starts}")
    return found


def numbered(sender, cluster, topic, tmp_path, filtered=False):
    """A load of records that number themselves, over all partitions; the flags of a script that leaves some out."""
    (tmp_path / "third.lua").write_text(
        "return {api = 1, record = function(r) if tonumber(r.value:match(':(%d+):')) % 3 == 1 then return false end end}\n",
        encoding="utf-8")
    load = sender(cluster, topic, keys=61)
    load.send(RECORDS)
    load.finish()
    return ("--script.file", "third.lua") if filtered else ()


def expected(records, position, filtered):
    """The value of the first record from a position on that is mirrored; None: none is left."""
    left = [value for offset, value in records if offset >= position and not (filtered and int(value.split(":")[1]) % 3 == 1)]
    return left[0] if left else None


def check_next_records(outside, source, target, names, groups, filtered=False):
    """Random positions of as many groups; each goes on at the target with the record that is next at the source."""
    topic, _ = names
    dice = random.Random(4)
    there = values(source, topic, PARTITIONS)
    stands = {}
    for number in range(groups):
        stands[f"app.{topic}.{number}"] = {p: dice.randint(0, there[p][-1][0] - 2) for p in range(PARTITIONS)}
    for group, stand in stands.items():
        commit(outside(source), group, topic, stand)

    def are_there():
        found = {group: positions(outside(target), group, topic) for group in stands}
        return found if all(len(there) == PARTITIONS for there in found.values()) else None
    moved = wait_until(are_there, what=f"{groups} groups at the target")
    reader = Consumer({"bootstrap.servers": target.bootstrap, "group.id": "reader", "enable.auto.commit": False, "log_level": 0,
                       "fetch.wait.max.ms": 10, "auto.offset.reset": "error"})
    checked = 0
    for group, stand in stands.items():
        wanted = {p: expected(there[p], position, filtered) for p, position in stand.items()}
        wanted = {p: value for p, value in wanted.items() if value}
        found = next_records(reader, topic, {p: moved[group][p] for p in wanted})
        assert {p: (moved[group][p], value) for p, value in wanted.items()} == found, group
        checked += len(found)
    reader.close()
    return checked


@pytest.mark.parametrize("filtered", [False, True], ids=["whole", "filtered"])
def test_a_thousand_positions(mirror, names, outside, sender, tmp_path, kafka3, kafka4, filtered):
    """From 3.9 to 4.1, target offsets being others: 1000 positions over both, compared by consuming."""
    topic, group = names
    outside(kafka3).make_topic(topic, PARTITIONS)
    outside(kafka4).make_topic(topic, PARTITIONS)
    before = sender(kafka4, topic, tag="before", keys=7)
    before.send(100)
    before.finish()
    flags = numbered(sender, kafka3, topic, tmp_path, filtered)
    agent = mirror(kafka3, kafka4, topic, group, "--partition.mode", "preserve", "--groups.sync", f"app.{topic}.*", *FAST, *flags)
    outside(kafka3).wait_no_lag(group, topic)
    assert check_next_records(outside, kafka3, kafka4, names, 125, filtered) >= 499
    # The topic of maps was made as it must be.
    resource = ConfigResource("topic", f"reflejo-offsets.{group}")
    settings = outside(kafka4).admin.describe_configs([resource])[resource].result(DEADLINE)
    assert settings["cleanup.policy"].value == "compact" and outside(kafka4).partitions(f"reflejo-offsets.{group}") == 1
    assert agent.stop() == 0


def test_old_brokers(mirror, names, outside, sender, tmp_path, kafka1, kafka2):  # noqa: F811
    """The same on 1.1 and 2.1, by key."""
    topic, group = names
    outside(kafka1).make_topic(topic, PARTITIONS)
    outside(kafka2).make_topic(topic, PARTITIONS)
    numbered(sender, kafka1, topic, tmp_path)
    agent = mirror(kafka1, kafka2, topic, group, "--groups.sync", f"app.{topic}.*", *FAST)
    outside(kafka1).wait_no_lag(group, topic)
    assert check_next_records(outside, kafka1, kafka2, names, 10) == 40
    assert agent.stop() == 0


def test_members_are_left_alone(mirror, names, outside, sender, tmp_path, kafka3, kafka4):
    topic, group = names
    app = f"app.{topic}"
    outside(kafka3).make_topic(topic, PARTITIONS)
    outside(kafka4).make_topic(topic, PARTITIONS)
    member = Consumer({"bootstrap.servers": kafka4.bootstrap, "group.id": app, "enable.auto.commit": False, "log_level": 0})
    member.subscribe([topic])
    wait_until(lambda: member.poll(0.1) or member.assignment(), what="a member of the group")
    numbered(sender, kafka3, topic, tmp_path)
    agent = mirror(kafka3, kafka4, topic, group, "--partition.mode", "preserve", "--groups.sync", app, *FAST,
                   "--admin.listen", f"unix:{tmp_path}/admin.sock")
    outside(kafka3).wait_no_lag(group, topic)
    commit(outside(kafka3), app, topic, {p: 10 for p in range(PARTITIONS)})

    def is_left_alone():
        member.poll(0)
        return Api(tmp_path / "admin.sock").metrics().get("reflejo_groups_with_members") == 1
    wait_until(is_left_alone, what="a group that is left alone")
    assert outside(kafka4).committed(app, topic) == [None] * PARTITIONS
    member.close()
    wait_until(lambda: outside(kafka4).committed(app, topic) == [10] * PARTITIONS, what="the group at the target")
    assert agent.stop() == 0


def test_kills_lose_exactness_only(mirror, names, outside, sender, tmp_path, kafka3, kafka4):
    """Killed twice under load, from four partitions to three by key: wherever a group stands, no record is missed."""
    topic, group = names
    outside(kafka3).make_topic(topic, PARTITIONS)
    outside(kafka4).make_topic(topic, 3)
    load = sender(kafka3, topic, keys=61).start(1000)

    def start():
        return mirror(kafka3, kafka4, topic, group, "--groups.sync", f"app.{topic}.*", "--offset.commit.interval.ms", 500,
                      "--admin.listen", f"unix:{tmp_path}/admin.sock", *FAST)
    maps, kept = f"reflejo-offsets.{group}", 0
    for _ in range(2):
        agent, before = start(), outside(kafka4).count(topic)
        wait_until(lambda before=before: outside(kafka4).count(topic) > before + 3000, what="records at the target")
        # Its maps begin when it begins, and have been written more than once.
        wait_until(lambda kept=kept: outside(kafka4).partitions(maps) and outside(kafka4).count(maps) >= kept + 3 * PARTITIONS,
                   what="maps that are kept")
        kept = outside(kafka4).count(maps)
        agent.kill()
    agent = start()
    load.finish()
    outside(kafka3).wait_no_lag(group, topic)
    there, here = values(kafka3, topic, PARTITIONS), values(kafka4, topic, 3)
    dice = random.Random(5)
    stands = {}
    for number in range(40):
        app = f"app.{topic}.{number}"
        stands[app] = {p: int(len(there[p]) * min(1, dice.uniform(0.0, 1.1))) for p in range(PARTITIONS)}
        commit(outside(kafka3), app, topic, stands[app])
    api = Api(tmp_path / "admin.sock")
    wait_until(lambda: api.metrics().get("reflejo_groups_synced") == len(stands), what="a pass over all groups")
    assert agent.stop() == 0
    moved = 0
    for app, stand in stands.items():
        wanted = {value for p in range(PARTITIONS) for offset, value in there[p] if offset >= stand[p]}
        for p, start in positions(outside(kafka4), app, topic).items():
            missed = wanted & {value for offset, value in here[p] if offset < start} - {v for o, v in here[p] if o >= start}
            assert not missed, f"{app} at {stand} misses {len(missed)} records from {start} of partition {p}"
            moved += 1
    # Where a source partition has sent nothing before a crash, nothing can be said.
    print(f"{moved} of {3 * len(stands)} offsets moved")
    assert moved > 1.5 * len(stands)


def test_a_source_topic_made_anew(mirror, names, outside, sender, kafka3, kafka4):
    """Its offsets begin again: a group of the new one goes on with its records, not with those of the old one."""
    topic, group = names
    app = f"app.{topic}"
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic)
    agent = mirror(kafka3, kafka4, topic, group, "--partition.mode", "preserve", "--groups.sync", app, *FAST)
    old, new = (sender(kafka3, topic, tag=tag, config={"enable.idempotence": False}) for tag in ("old-", "new-"))
    old.send(500)
    old.finish()
    commit(outside(kafka3), app, topic, {0: 400})
    wait_until(lambda: outside(kafka4).committed(app, topic) == [400], what="the group at the target")
    outside(kafka3).admin.delete_topics([topic])[topic].result(DEADLINE)
    wait_until(lambda: outside(kafka3).partitions(topic) == 0, what="the end of the topic")
    outside(kafka3).make_topic(topic)
    new.send(50)
    new.finish()
    wait_until(lambda: outside(kafka4).count(topic) == 550, what="the new topic's records")
    commit(outside(kafka3), app, topic, {0: 20})
    wait_until(lambda: outside(kafka4).committed(app, topic) == [520], what="the group at the target again")
    there, here = values(kafka3, topic, 1), values(kafka4, topic, 1)
    assert here[0][520][1] == there[0][20][1]
    assert agent.stop() == 0


@pytest.mark.parametrize("mode", ["preserve", "key"])
def test_a_migration_ends_with_the_groups(mirror, names, outside, sender, tmp_path, kafka3, kafka4, mode):
    """Consumers were stopped, one at the end, one in the middle; the topic is made by the one shot, which was killed once."""
    topic, group = names
    at_end, middle = f"app.{topic}.end", f"app.{topic}.middle"
    outside(kafka3).make_topic(topic, PARTITIONS)
    numbered(sender, kafka3, topic, tmp_path)
    there = values(kafka3, topic, PARTITIONS)
    ends = {p: there[p][-1][0] + 1 for p in range(PARTITIONS)}
    commit(outside(kafka3), at_end, topic, ends)
    commit(outside(kafka3), middle, topic, {p: end // 2 for p, end in ends.items()})
    flags = ("--until.end", "--partition.mode", mode, "--groups.sync", f"{at_end}|{middle}", "--groups.interval", 3600,
             "--groups.save.interval", 1, "--offset.commit.interval.ms", 200, "--admin.listen", "none")
    first = mirror(kafka3, kafka4, topic, group, *flags, "--limit", "1000r/s")
    wait_until(lambda: sum(p or 0 for p in outside(kafka3).committed(group, topic)) > RECORDS // 3, what="a third")
    first.kill()
    agent = mirror(kafka3, kafka4, topic, group, *flags)
    assert agent.wait(60) == 0, agent.stderr
    here = values(kafka4, topic, PARTITIONS)
    wanted = {value for p in range(PARTITIONS) for offset, value in there[p] if offset >= ends[p] // 2}
    starts = positions(outside(kafka4), middle, topic)
    missed = wanted - {v for p in range(PARTITIONS) for o, v in here[p] if o >= starts.get(p, 0)}
    assert not missed, f"{len(missed)} records are missed"
    # Nothing is left for the one that had read all.
    assert positions(outside(kafka4), at_end, topic) == {p: len(here[p]) for p in range(PARTITIONS) if here[p]}
