"""A target topic that takes less than the source has."""

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from records import Verdict, no_loss

PROMISE = 10
LIMIT = 20000
FLOOD = 20000


def limit(cluster, topic):
    """From now on the topic takes no larger batch."""
    entry = ConfigEntry("max.message.bytes", str(LIMIT), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    cluster.admin.incremental_alter_configs([resource])[resource].result(30)


@pytest.mark.parametrize("when", ["before", "while"])
def test_small_records_into_a_small_limit(when, mirror, names, outside, sender, receiver, kafka3, kafka4):
    """Batches as large as a megabyte would be refused; every record of them arrives, once and in order. "while": the
    limit is lowered when the mirror has already learned the old one."""
    topic, group = names
    outside(kafka3).make_topic(topic, 3)
    outside(kafka4).make_topic(topic, 2, max_message_bytes=LIMIT if when == "before" else 1_000_000)
    load, got = sender(kafka3, topic, size=300), receiver(kafka4, topic, 2)
    load.send(FLOOD)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, "--num.streams", 2)
    if when == "while":
        got.verdict(load)
        limit(outside(kafka4), topic)
        load.send(FLOOD)
        load.finish()
    verdict = got.verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert not agent.find("send_failure"), agent.stderr
    assert outside(kafka3).lag(group, topic) == 0


@pytest.fixture
def one_too_large(names, outside, sender, kafka3, kafka4):
    """A topic of one partition: 100 small records, one of 50 KB, 100 small ones. Gives (small, large)."""
    topic, _ = names
    outside(kafka3).make_topic(topic)
    outside(kafka4).make_topic(topic, max_message_bytes=LIMIT)
    small, large = sender(kafka3, topic, keys=10), sender(kafka3, topic, tag="large-", keys=1, size=50000)
    small.send(100)
    small.producer.flush()
    large.send(1)
    large.finish()
    small.send(100)
    small.finish()
    return small, large


def test_abort(mirror, names, outside, receiver, one_too_large, kafka3, kafka4):
    """The default: it ends with 255, the position stays in front of that record, and so do the records that arrive."""
    topic, group = names
    agent = mirror(kafka3, kafka4, topic, group, "--abort.on.send.failure", "true")
    assert agent.wait(60) == 255, agent.stderr
    failure, = agent.find("send_failure")
    assert failure["offset"] == "100", agent.stderr
    got = receiver(kafka4, topic, 1)
    got.wait_count(100)
    verdict = Verdict({key: 10 for key in one_too_large[0].keys}, got.arrivals)
    assert not verdict.lost and not verdict.disordered, f"{verdict}\n{agent.stderr}"
    assert (outside(kafka3).committed(group, topic)[0] or 0) <= 100


def test_drop(mirror, names, outside, receiver, one_too_large, kafka3, kafka4):
    """Only that record is missing; the others keep their order."""
    topic, group = names
    small, large = one_too_large
    agent = mirror(kafka3, kafka4, topic, group, "--abort.on.send.failure", "false")
    got = receiver(kafka4, topic, 1)
    verdict = got.verdict(small)
    assert no_loss(verdict), f"{verdict}\n{dict(got.arrivals)}\n{agent.stderr}"
    outside(kafka3).wait_no_lag(group, topic)
    assert not got.arrivals[large.keys[0]]
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert len(agent.find("send_failure")) == 1, agent.stderr


def test_order_behind_a_refused_batch(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """A batch that is refused may not be overtaken by a small one that comes after it. Whether one could is a matter
    of milliseconds, hence many topics whose limit is lowered when the mirror has learned the old one."""
    topic, group = names
    topics = [f"{topic}.{number}" for number in range(10)]
    for name in topics:
        outside(kafka3).make_topic(name)
        outside(kafka4).make_topic(name)
    loads = [sender(kafka3, name, keys=10, size=300) for name in topics]
    for load in loads:
        load.send(10)
        load.finish()
    agent = mirror(kafka3, kafka4, topic + ".*", group)
    gots = [receiver(kafka4, name, 1) for name in topics]
    for load, got in zip(loads, gots, strict=True):
        assert no_loss(got.verdict(load)), agent.stderr
    for load, got in zip(loads, gots, strict=True):
        limit(outside(kafka4), load.topic)
        for _ in range(10):
            for count in (300, 10):
                load.send(count)
                load.producer.flush()
        load.finish()
        verdict = got.verdict(load)
        assert no_loss(verdict), f"{load.topic}: {verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE) == 0, agent.stderr
