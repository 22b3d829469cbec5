"""Resident memory while it catches up with a backlog."""

import re

from outside import wait_until
from records import no_loss

PROMISE = 10
LIMIT_MIB = 150
RECORDS, SIZE = 200_000, 1000


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


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
