"""Never silent for more than ten seconds while something does not work, whatever it is."""

import re
import time
from datetime import datetime

import pytest

from cluster import Record
from conftest import GROUP
from timing import DEADLINE, PROMISE, SCALE

ENOUGH = 2000  # errors; more than are met in the time of a test


def at(line):
    """When a line of the log was written, in seconds; None for what is no line of the log."""
    try:
        return datetime.strptime(line[:23], "%Y-%m-%dT%H:%M:%S.%f").timestamp()
    except ValueError:
        return None


def assert_says(agent, name, times=3, **fields):
    """The event comes so many times, and no line is further from the one before than was promised."""
    last = agent.wait_event(name, timeout=(times + 1) * PROMISE, count=times, **fields)
    moments = [at(line) for line in agent.lines[:agent.lines.index(last.line) + 1] if at(line)]
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:])]
    assert max(gaps) <= PROMISE, f"{max(gaps):.1f} s of silence:\n{agent.stderr}"
    return last


@pytest.fixture
def flowing(mirror, source, target):
    """A mirror that has copied and committed one record of each of two partitions, each to its own."""
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"a", b"1", 0), Record(b"b", b"1", 1)])
    agent = mirror(source, target, producer={"enable.idempotence": "false"},
                   consumer={"metadata.max.age.ms": 2000}, flags=("--offset.commit.interval.ms", "200", "--partition.mode", "preserve"))
    source.wait_committed(GROUP, "t", {0: 1, 1: 1})
    return agent


@pytest.mark.slow
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_cluster_that_freezes(flowing, source, target, side):
    {"source": source, "target": target}[side].freeze()
    assert_says(flowing, f"{side}_unreachable")


@pytest.mark.slow
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_cluster_that_is_frozen_at_the_start(mirror, source, target, side):
    source.create("t")
    {"source": source, "target": target}[side].freeze()
    assert_says(mirror(source, target, flags=("--start.timeout.ms", "0")), f"{side}_unreachable")


@pytest.mark.slow
def test_a_coordinator_that_is_not_there_at_the_start(mirror, source, target):
    """The brokers answer, but none of them knows the group's positions; and the target answers not at all."""
    source.create("t")
    source.fail("FindCoordinator", *["COORDINATOR_NOT_AVAILABLE"] * ENOUGH)
    target.freeze()
    agent = mirror(source, target, flags=("--start.timeout.ms", "0"))
    assert "coordinates the group" in assert_says(agent, "source_unreachable")["reason"]


@pytest.mark.slow
def test_first_positions_that_cannot_be_committed(mirror, source, target):
    source.create("t")
    source.fail("OffsetCommit", *["COORDINATOR_NOT_AVAILABLE"] * ENOUGH)
    agent = mirror(source, target, consumer={"auto.offset.reset": "latest"}, flags=("--start.timeout.ms", "0"))
    assert "positions" in assert_says(agent, "source_unreachable")["reason"]


@pytest.mark.slow
def test_a_group_that_gives_out_nothing(mirror, source, target):
    """As when another member of the group hangs in a rebalance."""
    source.create("t")
    source.fail("JoinGroup", *["COORDINATOR_NOT_AVAILABLE"] * ENOUGH)
    agent = mirror(source, target)
    said = assert_says(agent, "source_trouble", silent_ms=lambda text: int(text) >= 7000)
    assert GROUP in said["advice"]


@pytest.mark.slow
def test_one_partition_that_the_target_does_not_take(flowing, source, target):
    """The other one flows on, which must not hide it."""
    reader = target.reader("t")
    target.order("leader", "t", 0, -1)
    source.produce("t", [Record(b"a", b"2", 0)])
    count, end = 0, time.monotonic() + 2 * PROMISE
    while len(flowing.find("target_trouble")) < 2 and time.monotonic() < end:
        count += 1
        source.produce("t", [Record(b"b", b"%d" % count, 1)])
        reader.until(lambda seen: sum(r.partition == 1 for r in seen) > count, what="what the other partition gets")
    said = assert_says(flowing, "target_trouble", 2)
    assert (said["topic"], said["partition"], said["offset"]) == ("t", "0", "1"), said


@pytest.mark.slow
def test_a_target_that_answers_with_errors_for_ever(flowing, source, target):
    target.fail("Produce", *["UNKNOWN_SERVER_ERROR"] * ENOUGH)
    source.produce("t", [Record(b"a", b"2", 0)])
    said = assert_says(flowing, "target_trouble", partition="0")
    assert "Unknown broker error" in said["reason"]


@pytest.mark.slow
def test_a_source_partition_without_a_leader(flowing, source):
    source.produce("t", [Record(b"a", b"2", 0)])
    source.order("leader", "t", 0, -1)
    said = assert_says(flowing, "source_trouble", reason=lambda text: "leader" in text)
    assert re.search(r"\bt\b.*\b0\b", said["reason"]), said


def test_rights_that_are_taken_from_a_quiet_stream(mirror, source, target):
    """Nothing was ever read there, but the mirror has run for longer than a start takes: no reason to end."""
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=("--num.streams", "2", "--start.timeout.ms", "1000",
                                          "--log.progress.interval", "1"))
    agent.wait_shared(2, 2)
    count = len(agent.find("progress"))
    agent.wait_event("progress", count=count + 3)
    source.fail("Fetch", *["TOPIC_AUTHORIZATION_FAILED"] * 2)
    agent.wait_event("source_denied")
    source.produce("t", [Record(b"a", b"1", 0), Record(b"b", b"2", 1)])
    assert {r.value for r in target.read("t", 2)} == {b"1", b"2"}
    assert agent.stop(DEADLINE / SCALE) == 0
