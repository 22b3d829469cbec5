"""Brokers that restart or freeze under load, and a stop while they do."""

import time

import pytest
from cluster import frozen
from records import no_loss

PROMISE = 10
RATE = 500
SESSION = 2  # seconds, of the group's members


@pytest.fixture
def loaded(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """A mirror with a load that already flows: (agent, load, receiver, start), start() makes another agent."""
    topic, group = names
    outside(kafka3).make_topic(topic, 4)
    outside(kafka4).make_topic(topic, 3)

    def start():
        return mirror(kafka3, kafka4, topic, group, "--num.streams", 2, "--offset.commit.interval.ms", 500,
                      consumer={"session.timeout.ms": SESSION * 1000})

    agent = start()
    load = sender(kafka3, topic).start(RATE)
    got = receiver(kafka4, topic, 3)
    got.wait_count(RATE)
    return agent, load, got, start


def assert_survived(agent, load, got, outside, names, kafka3):
    """More flows after the outage, nothing is lost, the process is the same, and its stop is a clean one."""
    topic, group = names
    got.wait_count(load.total + RATE)
    load.finish()
    verdict = got.verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.is_running(), agent.stderr
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
    print(verdict)


@pytest.mark.parametrize("side", ["source", "target"])
def test_restart(side, loaded, outside, names, kafka3, kafka4):
    agent, load, got, _ = loaded
    cluster = kafka3 if side == "source" else kafka4
    cluster.stop()
    cluster.start()
    assert_survived(agent, load, got, outside, names, kafka3)


@pytest.mark.parametrize("side", ["source", "target"])
def test_freeze(side, loaded, outside, names, kafka3, kafka4):
    """Longer than the session of the group: the members may find themselves thrown out."""
    agent, load, got, _ = loaded
    cluster = kafka3 if side == "source" else kafka4
    with frozen(cluster):
        # How long it is frozen is what is tested; nothing announces the end of it.
        time.sleep(3 * SESSION)
    assert_survived(agent, load, got, outside, names, kafka3)


@pytest.mark.parametrize("side", ["source", "target"])
def test_stop_while_frozen(side, loaded, outside, names, kafka3, kafka4):
    """SIGTERM ends it in time; a successor finds everything."""
    agent, load, got, start = loaded
    cluster = kafka3 if side == "source" else kafka4
    with frozen(cluster):
        status = agent.stop(PROMISE)
    assert status == 0, agent.stderr
    assert_survived(start(), load, got, outside, names, kafka3)
