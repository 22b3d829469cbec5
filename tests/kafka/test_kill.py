"""kill -9, ten times under load."""

import random
import time

import pytest
from outside import Curve, wait_until
from records import no_loss

PROMISE = 10
KILLS = 10
RATE = 1500
INTERVAL = 0.5  # seconds between commits
SESSION = 2  # seconds
# A commit takes its way, the curve is read at intervals, and other work runs on the machine.
SLACK = 0.5


@pytest.fixture
def curve(outside, names, kafka3, kafka4):
    topic, _ = names
    outside(kafka3).make_topic(topic, 6)
    outside(kafka4).make_topic(topic, 4)
    made = Curve(kafka4, topic)
    yield made
    made.close()


def test_kill_ten_times(mirror, names, outside, sender, receiver, curve, kafka3, kafka4):
    """Nothing lost, order kept, and what comes twice is no more than what reached the target since the last commit
    that was due: one interval, and what was on its way."""
    topic, group = names
    dice = random.Random(9)
    load = sender(kafka3, topic, keys=60).start(RATE)

    def start():
        return mirror(kafka3, kafka4, topic, group, "--num.streams", 2, "--offset.commit.interval.ms",
                      int(INTERVAL * 1000), consumer={"session.timeout.ms": SESSION * 1000})

    def committed():
        return sum(position or 0 for position in outside(kafka3).committed(group, topic))

    def is_level(before):
        """It has caught up, and has committed that."""
        lag = outside(kafka3).lag(group, topic)
        return committed() > before and lag is not None and lag < 2 * INTERVAL * RATE

    allowed = 0
    for number in range(KILLS):
        before, agent = committed(), start()
        # Some are killed while they still catch up, the others while they keep up with the load.
        goal = curve.last + dice.randint(1, RATE)
        if number % 4:
            wait_until(lambda before=before: is_level(before), what="a small lag")
            goal = curve.last + RATE + dice.randint(1, RATE)
        wait_until(lambda goal=goal: curve.last >= goal, what=f"{goal} records at the target")
        killed = time.monotonic()
        agent.kill()
        # What was on its way may still be written for a moment; the next one waits for the session anyhow.
        wait_until(lambda killed=killed: time.monotonic() > killed + SLACK)
        allowed += curve.last - curve.before(killed - INTERVAL - SLACK)
    agent = start()
    load.finish()
    verdict = receiver(kafka4, topic, 4).verdict(load)
    print(f"{load.total} records, allowed {allowed}; {verdict}")
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert verdict.duplicates <= allowed
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
