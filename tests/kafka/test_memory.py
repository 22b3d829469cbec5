"""Resident memory while it catches up with a backlog."""

import re
import time

from outside import wait_until
from records import no_loss

PROMISE = 10
LIMIT_MIB = 150
RECORDS, SIZE = 200_000, 1000


MANY, BACKLOG, MANY_LIMIT_MIB = 300, 390_000, 320
SETTLED = 2  # seconds in which the memory does not grow


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


def settled_peak(pid):
    """The peak, once it has not changed for a while."""
    peak, since = 0, time.monotonic()

    def is_settled():
        nonlocal peak, since
        if (now := peak_mib(pid)) > peak:
            peak, since = now, time.monotonic()
        return time.monotonic() - since > SETTLED

    wait_until(is_settled, 60, "memory that does not grow")
    return peak


def test_memory_while_catching_up(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """200 MB, four streams, everything else as it is by default."""
    topic, group = names
    outside(kafka3).make_topic(topic, 8)
    outside(kafka4).make_topic(topic, 8)
    load = sender(kafka3, topic, keys=1000, size=SIZE, config={"linger.ms": 50})
    load.send(RECORDS)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, "--num.streams", 4)
    wait_until(lambda: outside(kafka4).count(topic) >= RECORDS, 120, "the backlog at the target")
    peak = peak_mib(agent.process.pid)
    assert agent.stop(PROMISE) == 0, agent.stderr
    print(f"peak {peak:.0f} MiB")
    assert peak < LIMIT_MIB
    verdict = receiver(kafka4, topic, 8).verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert outside(kafka3).lag(group, topic) == 0


def test_memory_of_many_partitions_far_behind(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """More than a mebibyte waits in each of many partitions, in batches of the usual size, and the target takes nothing."""
    topic, group = names
    outside(kafka3).make_topic(topic, MANY)
    outside(kafka4).make_topic(topic, MANY)
    load = sender(kafka3, topic, keys=20 * MANY, size=SIZE, config={"linger.ms": 50, "batch.size": 32768})
    load.send(BACKLOG)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group)
    wait_until(lambda: outside(kafka4).count(topic) > 0, 60, "the first records at the target")
    kafka4.freeze()
    try:
        peak = settled_peak(agent.process.pid)
    finally:
        kafka4.thaw()
    copied = outside(kafka4).count(topic)
    print(f"peak {peak:.0f} MiB")
    assert peak < MANY_LIMIT_MIB
    # Or there was nothing to wait for.
    assert copied < BACKLOG / 2
    wait_until(lambda: outside(kafka4).count(topic) >= BACKLOG, 120, "the backlog at the target")
    assert agent.stop(PROMISE) == 0, agent.stderr
    verdict = receiver(kafka4, topic, MANY).verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
