"""Pauses that were kept: obeyed from the start, seen by nobody but the target."""

import pytest

from cluster import Record
from conftest import GROUP
from timing import wait_until

HEAD = "reflejo pauses 1\n"


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept.pauses"


@pytest.fixture
def two_topics(source, target):
    for topic in ("t", "u"):
        source.create(topic, 3)
        target.create(topic, 3)
        source.produce(topic, [Record(None, b"%d" % n, n % 3) for n in range(300)])


@pytest.mark.sanitize
def test_what_is_paused_stays_and_the_group_sees_nothing(mirror, source, target, kept, two_topics):
    kept.write_text(HEAD + "t\t1\t1700000000000\tanna\nu\t*\t1700000000001\tbob at 127.0.0.1\n", encoding="utf-8")
    flags = ("--admin.state.file", kept, "--partition.mode", "preserve", "--offset.commit.interval.ms", "100",
             "--log.progress.interval", "1")
    agent = mirror(source, target, whitelist="t|u", flags=flags, consumer={"max.poll.interval.ms": 7000})
    assert agent.wait_event("paused", topic="t", partition=1, by="anna")
    assert agent.wait_event("paused", topic="u", partition=-1, by="bob at 127.0.0.1")
    assert {r.partition for r in target.read("t", 200)} == {0, 2}
    source.wait_committed(GROUP, "t", {0: 100, 1: 0, 2: 100})
    # For longer than a member may be silent: a pause does not cost the membership.
    agent.wait_event("progress", count=12)
    source.produce("t", [Record(None, b"late", n) for n in range(3)])
    target.read("t", 202)
    assert target.ends("t")[1] == 0 and sum(target.ends("u").values()) == 0
    assert source.committed(GROUP, "u", 3) == {0: 0, 1: 0, 2: 0}
    assert len(agent.find("assigned")) == 1 and not agent.find("revoked") and not agent.find("partitions_lost")
    assert agent.stop() == 0
    assert agent.find("stop", drained="yes")
    kept.unlink()
    agent = mirror(source, target, whitelist="t|u", flags=flags)
    wait_until(lambda: target.ends("t")[1] == 101 and sum(target.ends("u").values()) == 300,
               what="what was paused, once it is not any more")
    assert agent.stop() == 0


@pytest.mark.parametrize("text, line", [("", None), ("something else\n", 1), (HEAD + "t\n", 2), (HEAD + "t\tx\t1\tanna\n", 2),
                                        (HEAD + "t\t1\t1\tanna\nt\t2\t2\tan", 3)])
def test_a_broken_file_is_said_and_passed_over(mirror, source, target, kept, two_topics, text, line):
    kept.write_text(text, encoding="utf-8")
    agent = mirror(source, target, whitelist="t|u", flags=("--admin.state.file", kept))
    reason = agent.wait_event("pauses_unreadable")["reason"]
    assert reason == (f"{kept}:{line}: this is no line of a file of pauses" if line else f"{kept}: the file is empty")
    assert len(target.read("t", 300)) == 300
    assert not agent.find("paused")
    assert agent.stop() == 0
    assert kept.read_text(encoding="utf-8") == text


def test_everything_can_be_paused(mirror, source, target, kept, two_topics):
    kept.write_text(HEAD + "*\t*\t1700000000000\tanna\n", encoding="utf-8")
    agent = mirror(source, target, whitelist="t|u",
                   flags=("--admin.state.file", kept, "--log.progress.interval", "1", "--log.level", "debug"))
    agent.wait_event("progress", partitions=6, lag=600)
    agent.wait_event("progress", count=3, partitions=6)
    assert sum(target.ends("t").values()) == 0
    assert agent.stop() == 0
    assert agent.find("stop", drained="yes")
