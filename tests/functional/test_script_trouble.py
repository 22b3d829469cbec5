"""What may go wrong around a script while it runs: dead letters that are refused, files that change at the wrong moment."""

import signal
import subprocess

import pytest

from cluster import Record
from conftest import GROUP
from test_script import rewrite, scripted  # noqa: F401
from timing import SCALE

# One record that the producer's own limit refuses, wherever it shall go.
BIG = b"B" * 60000
REFUSING = {"max.request.size": 50000, "batch.size": 20000}


@pytest.mark.sanitize
@pytest.mark.parametrize("hook, policy", [("return r:dead_letter 'no'", "pause"), ("error 'no'", "dead-letter")])
def test_a_dead_letter_that_is_refused_holds_its_partition_only(scripted, source, target, hook, policy):  # noqa: F811
    """Also with abort.on.send.failure=true, which is the default: it is about records, not about what a script puts aside."""
    source.create("t", 2)
    target.create("t", 2)
    target.create("dead")
    source.produce("t", [Record(b"k", v, 0) for v in (b"1", BIG, b"2")] + [Record(b"k", b"other", 1)])
    agent = scripted(source, target, "return { api = 1, record = function(r) if r.value_size > 1000 then %s end end }" % hook,
                     "--partition.mode", "preserve", "--dead.letter.topic", "dead", "--script.on.error", policy,
                     "--offset.commit.interval.ms", "200", producer=REFUSING)
    assert agent.wait_event("partition_paused", topic="t", partition=0)["offset"] == "1"
    assert agent.find("send_failure", target_topic="dead", action="pause")
    source.produce("t", [Record(b"k", b"later", 1)])
    assert [r.value for r in target.read("t", 3) if r.partition == 1] == [b"other", b"later"]
    source.wait_committed(GROUP, "t", {0: 1, 1: 2})
    assert agent.stop() == 0
    assert source.committed(GROUP, "t", 2) == {0: 1, 1: 2}


def test_every_partition_that_is_held_is_named(scripted, source, target):  # noqa: F811
    """Though all of them fail at the same line of the script, within the time in which a line is said once."""
    source.create("t", 5)
    target.create("t", 5)
    source.produce("t", [Record(b"k", b"v", p) for p in range(5)])
    agent = scripted(source, target, "return { api = 1, record = function(r) error 'no' end }", "--partition.mode", "preserve",
                     "--num.streams", "2")
    for partition in range(5):
        assert agent.wait_event("script_failed", partition=partition)["offset"] == "0"
    assert agent.stop() == 0


MARK = 'return { api = 1, route = function(t) return t.name .. ".%s" end, record = function(r) r.headers:add("by", "%s") end }'


def test_a_script_saved_while_it_is_taken_is_taken_anew(scripted, source, target, tmp_path):  # noqa: F811
    """Each stream reads the file for itself: what the plan was made with, and the tests were run on, must be what all run."""
    source.create("t")
    for name in ("t.1", "t.2", "t.3"):
        target.create(name)
    agent = scripted(source, target, MARK % (1, 1), "--script.libs", "io", "--script.time.limit.ms", "5000")
    agent.wait_event("assigned")
    rewrite(tmp_path, """
        local mirror = require "mirror"
        local M = %s
        function M.init()
          if mirror.stream >= 0 then return end
          print "waits for its file to change"
          while not io.open("%s") do end
        end
        return M""" % ((MARK % (2, 2)).removeprefix("return "), tmp_path / "go"))
    agent.send(signal.SIGHUP)
    agent.wait_event("script_info", text="waits for its file to change")
    rewrite(tmp_path, MARK % (3, 3))
    (tmp_path / "go").touch()
    assert "changed" in agent.wait_event("reload_rejected")["reason"]
    agent.wait_event("reloaded")
    source.produce("t", [Record(b"k", b"v")])
    (seen,) = target.read("t.3", 1)
    assert seen.headers == [("by", b"3")]
    assert agent.stop() == 0
    assert len(agent.find("reloaded")) == 1 and target.ends("t.2") == {0: 0}


@pytest.mark.parametrize("flags", [(), ("--script.watch", "true")])
def test_a_script_saved_before_the_source_answers_is_the_one_for_all(scripted, source, target, tmp_path, flags):  # noqa: F811
    source.create("t")
    target.create("t.1")
    target.create("t.2")
    source.down()
    agent = scripted(source, target, MARK % (1, 1), "--start.timeout.ms", "0", *flags)
    agent.wait_event("source_unreachable")
    rewrite(tmp_path, MARK % (2, 2))
    if not flags:
        agent.send(signal.SIGHUP)
    source.up()
    agent.wait_event("reloaded")
    source.produce("t", [Record(b"k", b"v")])
    (seen,) = target.read("t.2", 1)
    assert seen.headers == [("by", b"2")]
    assert agent.stop() == 0


@pytest.mark.parametrize("script, flags, says", [
    ("return { api = 1, rekord = print }", (), "s.lua: there is no hook 'rekord'; did you mean 'record'?"),
    ("return { api = 1, init = function(ctx) error(ctx.reason) end }", (), "s.lua:1: check"),
    ("return { api = 1 }", ("--script.test", "no_test.lua"), "no_test.lua: cannot be read"),
    ("while true do end", ("--script.jit", "off", "--script.time.limit.ms", "20"), "s.lua:1: the script takes longer"),
    (None, (), "s.lua: cannot be read"),
    ("return { api = 1 }", ("--exclude", "("), "exclude: "),
    ("return { api = 1 }", ("--topic.rename.regex", "(", "--topic.rename.replacement", "x"), "topic.rename.regex: "),
])
def test_check_says_what_a_start_would(run, tmp_path, script, flags, says):
    for name in ("c", "p"):
        (tmp_path / f"{name}.properties").write_text("bootstrap.servers=127.0.0.1:1\ngroup.id=g\n", encoding="utf-8")
    if script:
        (tmp_path / "s.lua").write_text(script, encoding="utf-8")
    arguments = ("--consumer.config", "c.properties", "--producer.config", "p.properties", "--whitelist", "t", "--script.file", "s.lua")
    done = run("check", *arguments, *flags)
    assert done.returncode == 1 and says in done.stderr and "1 errors" in done.stdout
    started = run("run", *arguments, *flags, "--script.state.file", tmp_path / "state")
    assert started.returncode == 1 and (says in started.stderr or "ctx.reason" in script)
    (tmp_path / "s.lua").write_text("return { api = 1, init = function(ctx) assert(ctx.reason == 'check') end }", encoding="utf-8")
    assert run("check", *arguments).returncode == 0


@pytest.mark.parametrize("policy", ["pause", "stop", "drop"])
def test_a_dry_run_gets_to_the_end_whatever_the_script_does(source, target, program, tmp_path, policy):
    """Records that would hold their partition, for a time or for good, are counted and gone past."""
    source.create("t", 2)
    source.produce("t", [Record(b"%d" % (i % 5), b"v", i % 2) for i in range(100)])
    script = tmp_path / "dry.lua"
    script.write_text("""return { api = 1, record = function(r)
      if r.key == "1" then error "one" end
      if r.key == "2" and r.source_partition == 0 then return r:retry(1000) end
    end }""", encoding="utf-8")
    done = subprocess.run([program, "run", "--dry-run", "--consumer.bootstrap.servers", source.bootstrap,
                           "--consumer.group.id", "g", "--producer.bootstrap.servers", target.bootstrap,
                           "--whitelist", "t", "--script.file", script, "--script.on.error", policy,
                           "--script.state.file", tmp_path / "state"], capture_output=True, text=True,
                          timeout=60 * SCALE, check=False)
    assert done.returncode == 0, done.stderr
    lines = sorted(line.split(None, 1) for line in done.stdout.splitlines()[1:])
    assert lines == [["10", "note: waits, by r:retry"], ["20", "the script fails: dry.lua:2: one"], ["70", "to t"]]


def test_a_dry_run_says_its_counts_whoever_does_not_answer(source, target, program, tmp_path):
    """At its end the process does not wait long for a cluster that is silent, and leaves threads behind; not so what it counted."""
    source.create("t", 2)
    source.produce("t", [Record(b"k", b"v", i % 2) for i in range(100)])
    target.freeze()
    done = subprocess.run([program, "run", "--dry-run", "--consumer.bootstrap.servers", source.bootstrap,
                           "--consumer.group.id", "g", "--producer.bootstrap.servers", target.bootstrap,
                           "--whitelist", "t"], capture_output=True, text=True, timeout=60 * SCALE, check=False)
    target.thaw()
    assert done.returncode == 0, done.stderr
    assert [line.split(None, 1) for line in done.stdout.splitlines()[1:]] == [["100", "to t"]]
