"""One shot: the mirror ends by itself, and says what it did and what it left out."""

import json

from cluster import Record
from conftest import GROUP
from timing import wait_until


def numbered(first, last, partition=0):
    return [Record(b"k", b"%d" % i, partition) for i in range(first, last)]


def values(records):
    return [int(r.value) for r in sorted(records, key=lambda r: (r.partition, r.offset))]


def report(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_ends_at_the_ends_seen_at_the_start(mirror, source, target, tmp_path):
    source.create("t", 3)
    target.create("t")
    source.produce("t", numbered(0, 500, 0) + numbered(500, 800, 1))
    agent = mirror(source, target, flags=("--until.end", "--report", "r.json"))
    assert agent.wait() == 0, agent.stderr
    assert sorted(values(target.read("t", 800))) == list(range(800))
    assert source.committed(GROUP, "t", 3) == {0: 500, 1: 300, 2: -1}
    found = report(tmp_path / "r.json")
    assert found["complete"] and found["status"] == 0 and found["left_out"] == []
