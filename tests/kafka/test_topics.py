"""Topics and partitions that appear while the mirror runs, and a target topic that nobody has made."""

import pytest
from outside import wait_until
from records import no_loss

PROMISE = 10


@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_new_topic(reset, mirror, names, outside, sender, receiver, kafka3, kafka4):
    """It is mirrored from its first record, although auto.offset.reset says latest and they were there first."""
    topic, group = names
    for name in (topic, topic + ".new"):
        outside(kafka4).make_topic(name, 2)
    outside(kafka3).make_topic(topic, 2)
    agent = mirror(kafka3, kafka4, topic + ".*", group, "--num.streams", 2, consumer={"auto.offset.reset": reset})
    first = sender(kafka3, topic)
    if reset == "latest":
        outside(kafka3).wait_positions(group, topic)
    first.send(100)
    first.finish()
    assert no_loss(receiver(kafka4, topic, 2).verdict(first))

    outside(kafka3).make_topic(topic + ".new", 2)
    second = sender(kafka3, topic + ".new")
    second.send(1000)
    second.finish()
    verdict = receiver(kafka4, topic + ".new", 2).verdict(second)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(kafka3).lag(group, topic + ".new") == 0


def test_new_partitions(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """Records of a partition that was added are mirrored from the first one on."""
    topic, group = names
    outside(kafka3).make_topic(topic, 2)
    outside(kafka4).make_topic(topic, 2)
    agent = mirror(kafka3, kafka4, topic, group, "--num.streams", 2, consumer={"auto.offset.reset": "latest"})
    outside(kafka3).wait_positions(group, topic)
    outside(kafka3).add_partitions(topic, 4)
    loads = [sender(kafka3, topic, tag=f"p{number}-") for number in range(4)]
    got = receiver(kafka4, topic, 2)
    for number, load in enumerate(loads):
        load.send(500, partition=number)
        load.finish()
    for load in loads:
        verdict = got.verdict(load)
        assert no_loss(verdict), f"{load.keys[0]} and others: {verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(kafka3).lag(group, topic) == 0


def test_partitions_that_appear_while_others_are_handed_over(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """A stream hands its partitions over and waits for the target when the topic grows once more: the library does not wait for its
    answer and gives it the partitions anew. They flow on when the target does."""
    topic, group = names
    outside(kafka3).make_topic(topic, 1)
    outside(kafka4).make_topic(topic, 1)
    agent = mirror(kafka3, kafka4, topic, group)
    loads = [sender(kafka3, topic, tag=f"p{number}-", keys=5) for number in range(3)]
    got = receiver(kafka4, topic, 1)
    loads[0].send(10, partition=0)
    got.wait_count(10)
    kafka4.freeze()
    loads[0].send(10, partition=0)
    loads[0].finish()
    outside(kafka3).add_partitions(topic, 2)
    agent.wait_event("topic_kept_small")
    outside(kafka3).add_partitions(topic, 3)
    agent.wait_event("assigned", count=2)
    kafka4.thaw()
    for number in (1, 2):
        loads[number].send(10, partition=number)
        loads[number].finish()
    loads[0].send(10, partition=0)
    for load in loads:
        verdict = got.verdict(load.finish())
        assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_topic_made_anew(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """Deleted and made again, its offsets begin anew: what it holds now is mirrored from the first record on."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic)
    agent = mirror(kafka4, kafka3, topic, group)
    old, new = sender(kafka4, topic, tag="old-"), sender(kafka4, topic, tag="new-")
    old.send(1000)
    old.finish()
    outside(kafka4).wait_no_lag(group, topic)
    outside(kafka4).admin.delete_topics([topic])[topic].result(PROMISE)
    wait_until(lambda: outside(kafka4).partitions(topic) == 0, what=f"the end of {topic}")
    outside(kafka4).make_topic(topic)
    new.send(200)
    new.finish()
    got = receiver(kafka3, topic, 1)
    for load in (old, new):
        verdict = got.verdict(load)
        assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(kafka4).lag(group, topic) == 0


def test_missing_target_topic(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """Nobody creates topics: the log names what is missing, the records wait, other topics go on."""
    topic, group = names
    missing = topic + ".missing"
    outside(kafka3).make_topic(topic, 2)
    outside(kafka3).make_topic(missing, 2)
    outside(kafka4).make_topic(topic, 2)
    waiting, other = sender(kafka3, missing), sender(kafka3, topic)
    waiting.send(1000)
    waiting.finish()
    agent = mirror(kafka3, kafka4, topic + ".*", group, "--topics.create", "never")
    said = agent.wait_event("target_topic_missing", PROMISE + 5)
    assert missing in said.line
    other.send(1000)
    other.finish()
    verdict = receiver(kafka4, topic, 2).verdict(other)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert sum(p or 0 for p in outside(kafka3).committed(group, missing)) == 0

    outside(kafka4).make_topic(missing, 2)
    verdict = receiver(kafka4, missing, 2).verdict(waiting)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(kafka3).lag(group, missing) == 0
    assert agent.find("target_topic_missing") and len(agent.find("target_topic_missing")) <= 2, agent.stderr
