"""How it ends: on a signal, on a second one, with a cluster frozen or away, and by kill -9."""

import collections
import signal
import subprocess
import threading
import time

import pytest

from cluster import Record
from conftest import GROUP
from timing import PROMISE, SCALE, wait_until


def numbered(count, partitions=1):
    return [Record(b"%d" % (i % 50), b"%d" % i, i % partitions) for i in range(count)]


def assert_all_there(target, topic, count):
    """Every number below count has arrived; gives back how many came more than once."""
    reader = target.reader(topic)
    seen = reader.until(lambda records: len({r.value for r in records}) >= count, what=f"{count} different records")
    return len(seen) - count


@pytest.mark.sanitize
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_signal_drains_and_commits(mirror, source, target, number):
    source.create("t", 4)
    target.create("t", 3)
    source.produce("t", numbered(50000, 4))
    agent = mirror(source, target, flags=("--offset.commit.interval.ms", "3600000"))
    target.read("t", 1)
    assert agent.stop(number=number) == 0
    assert agent.find("stop", status="0", drained="yes"), agent.stderr
    arrived = sum(target.ends("t").values())
    assert sum(max(p, 0) for p in source.committed(GROUP, "t", 4).values()) == arrived


def test_signal_before_anything_is_assigned(mirror, source, target):
    source.create("t")
    agent = mirror(source, target)
    agent.wait_event("stream_start")
    assert agent.stop() == 0


@pytest.mark.parametrize("side", ["source", "target"])
def test_signal_while_a_side_is_away_at_the_start(mirror, source, target, side):
    source.create("t")
    {"source": source, "target": target}[side].down()
    agent = mirror(source, target, flags=("--start.timeout.ms", "0"))
    agent.wait_event(f"{side}_unreachable", PROMISE)
    assert agent.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [("source",), ("target",), ("source", "target")], ids="+".join)
def test_signal_while_frozen(mirror, source, target, frozen):
    """What was acknowledged is committed if it can be, the rest is read again at the next start."""
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", numbered(1000, 2))
    agent = mirror(source, target)
    target.read("t", 1000)
    clusters = {"source": source, "target": target}
    if "source" not in frozen:
        clusters["target"].freeze()
        source.produce("t", [Record(b"k", b"%d" % i, 0) for i in range(1000, 2000)])
    else:
        source.produce("t", [Record(b"k", b"%d" % i, 0) for i in range(1000, 2000)])
        for side in frozen:
            clusters[side].freeze()
    assert agent.stop(timeout=PROMISE) == 0
    for side in frozen:
        clusters[side].thaw()
    if "source" not in frozen:
        assert sum(source.committed(GROUP, "t", 2).values()) == 1000
    again = mirror(source, target)
    assert_all_there(target, "t", 2000)
    assert again.stop() == 0


@pytest.mark.slow
def test_signal_while_a_target_topic_is_missing(mirror, source, target):
    """What waits for a topic that nobody may make for days is not waited for; it is read again later."""
    source.create("t")
    source.produce("t", [Record(b"k", b"v")])
    target.order("topic_error", "t", 3)
    agent = mirror(source, target, flags=("--shutdown.timeout.ms", str(60000)))
    agent.wait_event("target_topic_missing")
    assert agent.stop(PROMISE) == 0
    assert agent.find("stop", status="0", drained="no"), agent.stderr
    target.order("topic_error", "t", 0)
    again = mirror(source, target)
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert again.stop() == 0


def test_second_signal_ends_at_once(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(100))
    agent = mirror(source, target)
    target.read("t", 100)
    # Leaving the group takes a while then.
    source.freeze()
    agent.send(signal.SIGTERM)
    stopping = agent.wait_event("stopping")
    assert stopping["reason"] == "signal TERM"
    # Two signals within 200 ms are one request.
    deadline = time.monotonic() + 2 * SCALE
    while agent.process.poll() is None and time.monotonic() < deadline:
        agent.send(signal.SIGTERM)
        try:
            agent.process.wait(0.05)
        except subprocess.TimeoutExpired:
            pass
    assert agent.wait(1) == 128 + signal.SIGTERM


def test_a_signal_that_arrives_twice_is_one_request(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(100))
    agent = mirror(source, target)
    target.read("t", 100)
    agent.send(signal.SIGTERM)
    agent.send(signal.SIGTERM)
    assert agent.wait() == 0


def test_hup_and_usr1_do_not_end_it(mirror, source, target, tmp_path):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(10))
    log = tmp_path / "agent.log"
    agent = mirror(source, target, flags=("--log.file", log))
    target.read("t", 10)
    log.rename(tmp_path / "agent.log.1")
    agent.send(signal.SIGHUP)
    agent.send(signal.SIGUSR1)
    wait_until(lambda: log.exists() and "log_reopened" in log.read_text(), what="the new log file")
    assert agent.stop() == 0
    assert " stop status=0" in log.read_text()


class Load:
    """Writes numbered records at a steady rate until it is told to stop."""

    def __init__(self, cluster, topic, rate, keys=50, partitions=1):
        self.cluster, self.topic, self.rate, self.keys, self.partitions = cluster, topic, rate, keys, partitions
        self.sent = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        portion = max(self.rate // 20, 1)
        while not self.over.wait(0.05):
            records = []
            for i in range(self.sent, self.sent + portion):
                key = i % self.keys
                records.append(Record(b"%d" % key, b"%d" % i, key % self.partitions))
            self.cluster.produce(self.topic, records, wait=False)
            self.sent += portion

    def stop(self):
        self.over.set()
        self.thread.join()
        assert self.cluster.producer.flush(30) == 0
        return self.sent


@pytest.mark.slow
@pytest.mark.sanitize
def test_kill_and_restart_lose_nothing_and_repeat_little(mirror, source, target):
    rate, interval = 2000, 0.5
    source.create("t", 3)
    target.create("t", 3)
    settings = {"flags": ("--offset.commit.interval.ms", str(int(interval * 1000)))}
    agent = mirror(source, target, **settings)
    agent.wait_event("assigned")
    load = Load(source, "t", rate, partitions=3)
    try:
        target.read("t", 2 * rate)
        agent.kill()
        arrived = sum(target.ends("t").values())
        committed = sum(max(p, 0) for p in source.committed(GROUP, "t", 3).values())
        again = mirror(source, target, **settings)
        target.read("t", arrived + rate)
    finally:
        sent = load.stop()
    repeated = assert_all_there(target, "t", sent)
    assert repeated <= arrived - committed
    # One commit interval, and as much again for the commit's way and what was on its way itself.
    assert arrived - committed <= rate * (2 * interval + 0.5 * SCALE)
    assert again.stop() == 0


def assert_order_of_keys(records):
    """A record may come again, but the first time each comes is in the order of its key."""
    first = collections.defaultdict(dict)
    for record in sorted(records, key=lambda r: (r.partition, r.offset)):
        first[record.key].setdefault(int(record.value))
    for numbers in first.values():
        assert list(numbers) == sorted(numbers)
