"""Where mirroring starts and where it goes on."""

import pytest

from cluster import Record
from conftest import GROUP


def numbered(first, last, partition=0):
    return [Record(b"k", b"%d" % i, partition) for i in range(first, last)]


def values(records):
    return [int(r.value) for r in sorted(records, key=lambda r: (r.partition, r.offset))]


@pytest.mark.parametrize("reset", [None, "latest"])
def test_first_start_begins_at_the_end(mirror, source, target, reset):
    source.create("t", 2)
    target.create("t")
    source.produce("t", numbered(0, 50, 0) + numbered(50, 90, 1))
    agent = mirror(source, target, consumer={"auto.offset.reset": reset})
    agent.wait_event("assigned")
    source.wait_committed(GROUP, "t", {0: 50, 1: 40})
    source.produce("t", numbered(90, 100, 0))
    assert values(target.read("t", 10)) == list(range(90, 100))
    assert agent.stop() == 0


def test_latest_does_not_skip_what_came_while_it_was_away(mirror, source, target):
    """At the very first start `latest` becomes positions at once; later on nothing is at its end by default."""
    source.create("t", 3)
    target.create("t")
    agent = mirror(source, target, consumer={"auto.offset.reset": "latest"})
    agent.wait_event("assigned")
    assert agent.stop() == 0
    source.produce("t", numbered(0, 30, 1))
    again = mirror(source, target, consumer={"auto.offset.reset": "latest"})
    assert values(target.read("t", 30)) == list(range(30))
    assert again.stop() == 0


@pytest.mark.sanitize
def test_earliest_begins_at_the_beginning(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 100))
    agent = mirror(source, target)
    assert values(target.read("t", 100)) == list(range(100))
    assert agent.stop() == 0
    source.wait_committed(GROUP, "t", {0: 100})


@pytest.mark.slow
def test_restart_goes_on_where_it_stopped(mirror, source, target):
    source.create("t")
    target.create("t")
    for turn in range(3):
        source.produce("t", numbered(turn * 100, turn * 100 + 100))
        agent = mirror(source, target)
        target.read("t", turn * 100 + 100)
        assert agent.stop() == 0
        assert source.committed(GROUP, "t", 1) == {0: turn * 100 + 100}
    assert values(target.read("t", 300)) == list(range(300))


@pytest.mark.parametrize("interval", [200, 0, -1])
def test_positions_are_committed_while_it_runs(mirror, source, target, interval):
    source.create("t", 2)
    target.create("t")
    source.produce("t", numbered(0, 10, 0) + numbered(10, 30, 1))
    agent = mirror(source, target, flags=("--offset.commit.interval.ms", interval))
    source.wait_committed(GROUP, "t", {0: 10, 1: 20})
    assert agent.stop() == 0


def test_none_without_a_position_is_refused(mirror, source, target):
    source.create("t")
    source.produce("t", numbered(0, 1))
    agent = mirror(source, target, consumer={"auto.offset.reset": "none"})
    assert agent.wait() in (1, 255)
    assert "auto.offset.reset" in agent.stderr
