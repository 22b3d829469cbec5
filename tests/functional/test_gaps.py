"""What the source does not have any more: it is said exactly, and on.gap says what becomes of the partition.

The mock cluster keeps 5 MiB a partition, so that retention is a matter of what is written."""

import pytest
from confluent_kafka import Consumer, TopicPartition

from api import Api
from cluster import Record
from conftest import GROUP
from timing import DEADLINE

LARGE = 100_000
LAST = 120  # so many records of that size overtake whoever has read less
LISTEN = ("--admin.listen", "unix:admin")


@pytest.fixture
def api(tmp_path):
    return Api(tmp_path / "admin")


def numbered(first, last, size=0):
    return [Record(b"%d" % i, b"%08d" % i + bytes(size), 0) for i in range(first, last)]


def numbers(records):
    return [int(r.value[:8]) for r in sorted(records, key=lambda r: r.offset)]


def log_start(cluster, topic):
    probe = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "starts", "log_level": 0})
    found = probe.get_watermark_offsets(TopicPartition(topic, 0), timeout=DEADLINE)[0]
    probe.close()
    return found


def commit(cluster, topic, offset):
    """A position that somebody else has committed for the mirror's group."""
    probe = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": GROUP, "enable.auto.commit": False, "log_level": 0})
    probe.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    probe.close()


def overtake(mirror, source, target, topic):
    """A mirror stops at 10, and retention goes on. Gives the start of the topic's log."""
    source.create(topic)
    target.create(topic)
    source.produce(topic, numbered(0, 10))
    agent = mirror(source, target)
    target.read(topic, 10)
    assert agent.stop() == 0
    source.wait_committed(GROUP, topic, {0: 10})
    source.produce(topic, numbered(10, LAST, LARGE))
    start = log_start(source, topic)
    assert start > 11
    return start


@pytest.mark.sanitize
@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_retention_overtakes_a_stopped_mirror(mirror, source, target, reset):
    """Never to the end, whatever auto.offset.reset says."""
    start = overtake(mirror, source, target, "t")
    agent = mirror(source, target, consumer={"auto.offset.reset": reset})
    gap = agent.wait_event("source_gap", topic="t", partition=0)
    assert (gap["kind"], gap["action"]) == ("retention", "alarm")
    assert [int(gap[name]) for name in ("first_missing", "last_missing", "missing", "goes_on_at")] == [
        10, start - 1, start - 10, start]
    assert numbers(target.read("t", 10 + LAST - start)) == [*range(10), *range(start, LAST)]
    assert agent.stop() == 0
    source.wait_committed(GROUP, "t", {0: LAST})
    assert len(agent.find("source_gap")) == 1, agent.stderr


@pytest.mark.sanitize
def test_retention_overtakes_a_mirror_that_has_not_read_yet(mirror, source, target):
    """Its positions are there before it has read anything."""
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 10))
    agent = mirror(source, target, consumer={"auto.offset.reset": "earliest"})
    agent.wait_event("positions_first_start")
    agent.kill()
    assert source.committed(GROUP, "t", 1) == {0: 0} and target.ends("t") == {0: 0}
    source.produce("t", numbered(10, LAST, LARGE))
    start = log_start(source, "t")
    agent = mirror(source, target, consumer={"auto.offset.reset": "earliest"})
    gap = agent.wait_event("source_gap", topic="t", partition=0)
    assert [int(gap[name]) for name in ("first_missing", "last_missing", "missing", "goes_on_at")] == [0, start - 1, start, start]
    assert numbers(target.read("t", LAST - start)) == [*range(start, LAST)]
    assert agent.stop() == 0


def test_status_and_metrics_show_it(mirror, source, target, api):
    start = overtake(mirror, source, target, "t")
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("source_gap", topic="t")
    found = api.wait_status(lambda s: s["lag_records"] == 0 and s["detail"] and s["detail"][0]["last_gap"],
                            "the gap", topic="t")
    gap = found["detail"][0]["last_gap"]
    assert gap.pop("time")
    assert gap == {"kind": "retention", "first": 10, "last": start - 1, "missing": start - 10, "goes_on_at": start,
                   "action": "alarm"}
    metrics = api.metrics()
    assert metrics['reflejo_gaps_total{kind="retention"}'] == 1
    assert metrics['reflejo_gap_records_total{kind="retention"}'] == start - 10
    assert agent.stop() == 0


def test_none_ends_the_mirror(mirror, source, target):
    """auto.offset.reset=none means what it means to MirrorMaker."""
    overtake(mirror, source, target, "t")
    agent = mirror(source, target, consumer={"auto.offset.reset": "none"})
    assert agent.wait() == 255
    assert source.committed(GROUP, "t", 1) == {0: 10}


@pytest.mark.sanitize
def test_pause_holds_the_partition_there(mirror, source, target, api):
    """All others flow; what is missing is in /status and /readyz, and resume goes on behind it."""
    start = overtake(mirror, source, target, "t")
    source.create("t.other")
    target.create("t.other")
    agent = mirror(source, target, flags=(*LISTEN, "--on.gap", "pause", "--admin.stall.seconds", "1"))
    gap = agent.wait_event("source_gap", topic="t")
    assert gap["action"] == "pause"
    source.produce("t.other", numbered(0, 50))
    assert numbers(target.read("t.other", 50)) == list(range(50))
    found = api.wait_status(lambda s: s["partitions"]["held"] == 1 and not s["ready"] and
                            s["detail"][0]["lag_records"], "a held partition", topic="t")
    [detail] = found["detail"]
    assert detail["state"] == "held" and f"10 to {start - 1}" in detail["reason"], detail
    assert detail["lag_records"] == LAST - 10
    assert any(f"10 to {start - 1} (retention)" in reason for reason in found["reasons"]), found["reasons"]
    assert source.committed(GROUP, "t", 1) == {0: 10}
    assert len(target.read("t", 10)) == 10

    api.post("/resume", topic="t")
    assert int(agent.wait_event("source_gap_passed", topic="t")["goes_on_at"]) == start
    assert numbers(target.read("t", 10 + LAST - start)) == [*range(10), *range(start, LAST)]
    api.wait_status(lambda s: s["partitions"]["caught up"] == 2, "the rest")
    assert agent.stop() == 0
    source.wait_committed(GROUP, "t", {0: LAST})


def test_a_held_gap_outlives_a_restart(mirror, source, target):
    start = overtake(mirror, source, target, "t")
    for _ in range(2):
        agent = mirror(source, target, flags=("--on.gap", "pause"))
        assert int(agent.wait_event("source_gap", topic="t")["last_missing"]) == start - 1
        assert agent.stop() == 0
        assert source.committed(GROUP, "t", 1) == {0: 10}


def test_stop_ends_the_mirror(mirror, source, target):
    """Nothing is committed past the gap."""
    start = overtake(mirror, source, target, "t")
    agent = mirror(source, target, flags=("--on.gap", "stop"))
    assert agent.wait() == 255
    assert f"offsets 10 to {start - 1} (retention)" in agent.wait_event("failed")["reason"]
    assert source.committed(GROUP, "t", 1) == {0: 10}
    assert len(target.read("t", 10)) == 10


@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_a_position_behind_the_end(mirror, source, target, reset):
    """Nothing proves that it is the topic that the position was of: all that is there is mirrored."""
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 30))
    commit(source, "t", 100)
    agent = mirror(source, target, consumer={"auto.offset.reset": reset})
    gap = agent.wait_event("source_gap", topic="t")
    assert gap["kind"] == "out_of_range"
    assert [int(gap[name]) for name in ("first_missing", "last_missing", "position", "goes_on_at")] == [30, 99, 100, 0]
    assert numbers(target.read("t", 30)) == list(range(30))
    source.produce("t", numbered(30, 40))
    assert numbers(target.read("t", 40)) == list(range(40))
    assert agent.stop() == 0
    source.wait_committed(GROUP, "t", {0: 40})


def test_retention_overtakes_a_slow_mirror(mirror, source, target, api):
    """While it runs: what it has read already is mirrored, and what it has not is missing, and nothing else is."""
    source.create("t")
    target.create("t", 8)  # the target keeps no more than the source does
    agent = mirror(source, target, flags=(*LISTEN, "--limit", "20r/s", "--buffer.memory", "4MiB"))
    source.produce("t", numbered(0, 10))
    target.read("t", 10)
    for first in range(10, 400, 50):
        source.produce("t", numbered(first, min(first + 50, 400), LARGE))
    gap = agent.wait_event("source_gap", topic="t")
    api.post("/limit", limit="none")
    first, last = int(gap["first_missing"]), int(gap["last_missing"])
    assert gap["kind"] == "retention" and 10 < first <= last < 400
    api.wait_status(lambda s: s["lag_records"] == 0, "the rest")
    assert agent.stop() == 0
    source.wait_committed(GROUP, "t", {0: 400})
    missing = set()
    for gap in agent.find("source_gap"):
        missing |= set(range(int(gap["first_missing"]), int(gap["last_missing"]) + 1))
    end = sum(target.ends("t").values())
    assert sorted(numbers(target.read("t", end))) == [i for i in range(400) if i not in missing]
