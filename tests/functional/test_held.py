"""Partitions that are held: what an operator is shown of the record at which one stands, and what becomes of it."""

import json
import subprocess

import pytest

import openapi
from api import Api
from cluster import Record
from conftest import GROUP
from test_script import scripted  # noqa: F401
from timing import SCALE

LISTEN = ("--admin.listen", "unix:admin")
HOLDING = ("--partition.mode", "preserve", "--abort.on.send.failure", "false", "--send.on.error", "pause",
           "--offset.commit.interval.ms", "200", *LISTEN)
REFUSING = {"max.request.size": 50000, "batch.size": 20000}
BIG = b"B" * 60000
VALUES = [b"%d" % i for i in range(5)] + [BIG] + [b"%d" % i for i in range(5, 10)]


@pytest.fixture
def api(tmp_path):
    return Api(tmp_path / "admin")


@pytest.fixture
def ctl(program, tmp_path):
    """ctl("skip", "t:0@5") gives the finished process."""
    def run(*arguments):
        return subprocess.run([program, "ctl", "--socket", tmp_path / "admin", *arguments], capture_output=True, text=True,
                              timeout=30 * SCALE, check=False)
    return run


@pytest.fixture
def held(mirror, source, target):
    """held(...flags): an agent that stands at offset 5 of partition 0 of t, whose record is too large."""
    def start(*flags):
        source.create("t", 2)
        target.create("t", 2)
        source.produce("t", [Record(b"k\xff" if v == BIG else b"k", v, 0, 1700000000000, [("h", b"1"), ("n", None)])
                             for v in VALUES])
        agent = mirror(source, target, producer=REFUSING, flags=(*HOLDING, *flags))
        assert agent.wait_event("partition_paused", topic="t", partition=0)["offset"] == "5"
        return agent
    return start


def values(records, partition=0):
    return [r.value for r in sorted(records, key=lambda r: r.offset) if r.partition == partition]


@pytest.mark.sanitize
def test_the_record_is_shown_only_to_who_asks(held, api, ctl):
    agent = held()
    status, _, text = api.call("POST", "/show-held", {})
    assert status == 200, text
    shown = json.loads(text)
    openapi.check(shown, "HeldAnswer")
    (item,) = shown["held"]
    assert (item["topic"], item["partition"], item["offset"], item["kind"]) == ("t", 0, 5, "target")
    assert item["error"] == "MSG_SIZE_TOO_LARGE" and "max.request.size, 50000" in item["reason"]
    assert (item["key_hex"], item["key_size"]) == ("6bff", 2)
    assert (item["value"], item["value_size"], item["timestamp"]) == ("B" * 1024, len(BIG), 1700000000000)
    assert item["headers"] == [{"name": "h", "value": "1"}, {"name": "n", "value": None}]
    assert item["output"] is None and item["destination"] == item["target_topic"] == "t" and shown["left_out"] == 0
    for place in ((), ("t",), ("t:0",)):
        done = ctl("show-held", *place)
        assert done.returncode == 0 and done.stdout.startswith("t:0@5  held by the target since 20"), done.stderr
        assert "key        0x6bff (2 bytes)" in done.stdout and 'header     n = null' in done.stdout
    assert json.loads(ctl("show-held", "--json").stdout)["held"][0] == item
    assert ctl("show-held", "t:1").stdout == "no partition is held here\n"
    nowhere = ctl("show-held", "u:3")
    assert nowhere.returncode == 1 and "does not read u partition 3 now" in nowhere.stderr
    assert agent.stop() == 0
    # Neither what is in the record, nor what was shown of it, is in the log.
    assert "BBBB" not in agent.stderr and "6bff" not in agent.stderr


@pytest.mark.sanitize
def test_skip_leaves_out_that_record_once(held, source, target, api, ctl):
    agent = held()
    for place, why in (("t:0@4", "held at offset 5, not at 4"), ("t:1@0", "is not held; nothing of it was read yet"),
                       ("t:7@0", "does not read t partition 7 now"), ("t:0", "usage"), ("t@5", "usage"),
                       ("t:0@x", "the offset of t:0@x")):
        done = ctl("skip", place)
        assert done.returncode == 1 and why in done.stderr, done.stderr
    assert not agent.find("record_skipped")
    done = ctl("skip", "t:0@5")
    assert done.returncode == 0 and done.stdout == "the record at offset 5 of t partition 0 is left out\n", done.stderr
    said = agent.wait_event("record_skipped", topic="t", partition=0, offset=5)
    assert said["error"] == "MSG_SIZE_TOO_LARGE" and said["by"]
    assert values(target.read("t", len(VALUES) - 1)) == [v for v in VALUES if v != BIG]
    source.wait_committed(GROUP, "t", {0: len(VALUES), 1: 0})
    # Once: the next one is held again.
    source.produce("t", [Record(b"k", BIG, 0), Record(b"k", b"more", 0)])
    agent.wait_event("partition_paused", topic="t", partition=0, offset=11)
    done = ctl("skip", "t:0@5")
    assert done.returncode == 1 and "held at offset 11, not at 5" in done.stderr
    assert ctl("skip", "t:0@11").returncode == 0
    source.wait_committed(GROUP, "t", {0: 13, 1: 0})
    metrics = api.metrics()
    assert metrics['reflejo_records_dropped_total{reason="skipped by an operator"}'] == 2
    done = ctl("dead-letter", "t:0@5")
    assert done.returncode == 1 and "is not held; what it settles next is at offset 13" in done.stderr
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_dead_letter_by_hand(held, source, target, ctl):
    target.create("dead")
    agent = held("--dead.letter.topic", "dead")
    # The record is too large for the producer, whichever topic it is for.
    done = ctl("dead-letter", "t:0@5")
    assert done.returncode == 0 and "goes to dead" in done.stdout, done.stderr
    agent.wait_event("record_put_aside", topic="t", partition=0, offset=5)
    agent.wait_event("partition_paused", count=2, topic="t", partition=0, offset=5)
    done = ctl("dead-letter", "t:0@5")
    assert done.returncode == 1 and "what the target refuses is the dead letter itself" in done.stderr
    assert "a dead letter" in ctl("show-held").stdout
    assert ctl("skip", "t:0@5").returncode == 0
    source.wait_committed(GROUP, "t", {0: len(VALUES), 1: 0})
    assert agent.stop() == 0
    assert sum(target.ends("dead").values()) == 0


def test_dead_letter_without_a_topic(held, ctl):
    agent = held()
    done = ctl("dead-letter", "t:0@5")
    assert done.returncode == 1 and "there is no dead-letter topic: set dead.letter.topic" in done.stderr
    assert agent.stop() == 0


def test_a_refusal_that_was_mended_is_offered_again(mirror, source, target, ctl):
    """Retry is ctl resume; what was refused is at the target once, and nothing of it is dropped."""
    for cluster in (source, target):
        cluster.create("t")
    target.fail("Produce", "INVALID_TIMESTAMP", "INVALID_TIMESTAMP")
    source.produce("t", [Record(b"k", b"v")])
    agent = mirror(source, target, flags=HOLDING)
    agent.wait_event("partition_paused", topic="t", partition=0, offset=0)
    assert "held by the target" in ctl("show-held", "t:0").stdout
    assert ctl("resume", "t:0").returncode == 0
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    source.wait_committed(GROUP, "t", {0: 1})
    assert ctl("show-held").stdout == "no partition is held here\n"
    assert agent.stop() == 0
    assert not agent.find("record_skipped")


SCRIPT = """
return { api = 1, record = function(r)
  if r.value:find "bad" then error "no such field" end
  if r.value == "aside" then return r:dead_letter "not wanted" end
end }"""


@pytest.mark.sanitize
def test_what_a_script_fails_for(scripted, source, target, ctl):  # noqa: F811
    for topic in ("t", "dead"):
        target.create(topic)
    source.create("t")
    source.produce("t", [Record(b"k", v, headers=[("h", b"1")]) for v in
                         (b"0", b"bad1", b"2", b"bad3", b"aside", b"5")])
    agent = scripted(source, target, SCRIPT, "--dead.letter.topic", "dead", "--offset.commit.interval.ms", "200", *LISTEN)
    agent.wait_event("script_failed", topic="t", partition=0, offset=1)
    shown = json.loads(ctl("show-held", "--json").stdout)["held"][0]
    assert (shown["kind"], shown["offset"], shown["value"], shown["error"]) == ("script", 1, "bad1", "SCRIPT_FAILED")
    assert shown["reason"].endswith("no such field")
    assert ctl("skip", "t:0@1").returncode == 0
    agent.wait_event("script_failed", topic="t", partition=0, offset=3)
    assert ctl("dead-letter", "t:0@3").returncode == 0
    assert values(target.read("t", 3)) == [b"0", b"2", b"5"]
    letters = {r.value: r.headers for r in target.read("dead", 2)}
    own = [("reflejo.topic", b"t"), ("reflejo.partition", b"0")]
    script = [("reflejo.script", b"route.lua"), ("reflejo.script.generation", b"1")]
    assert letters[b"bad3"][:-2] == [("h", b"1"), *own, ("reflejo.offset", b"3"), *script]
    assert letters[b"bad3"][-2][1].endswith(b"no such field") and letters[b"bad3"][-1] == ("reflejo.error", b"SCRIPT_FAILED")
    assert letters[b"aside"] == [("h", b"1"), *own, ("reflejo.offset", b"4"), *script, ("reflejo.reason", b"not wanted"),
                                 ("reflejo.error", b"SCRIPT_DEAD_LETTER")]
    source.wait_committed(GROUP, "t", {0: 6})
    assert agent.stop() == 0


def test_what_a_script_never_ended_for(scripted, source, target, ctl):  # noqa: F811
    """The process ended by itself at that record; the next one holds it, and goes on behind it when it is left out."""
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % n) for n in range(4)])
    script = """
        return { api = 1, record = function(r)
          if r.value == "1" then local n = 0 while true do n = n + 1 end end
        end }"""
    flags = ("--script.time.limit.ms", "200", "--offset.commit.interval.ms", "200", *LISTEN)
    assert scripted(source, target, script, *flags).wait(20 * SCALE) == 255
    agent = scripted(source, target, script, *flags)
    agent.wait_event("script_poisoned", topic="t", partition=0)
    shown = json.loads(ctl("show-held", "--json").stdout)["held"][0]
    assert (shown["kind"], shown["offset"], shown["value"], shown["error"]) == ("script", 1, "1", "SCRIPT_NEVER_ENDED")
    assert ctl("skip", "t:0@1").returncode == 0
    source.wait_committed(GROUP, "t", {0: 4})
    assert {r.value for r in target.read("t", 3)} == {b"0", b"2", b"3"}
    assert agent.stop() == 0
