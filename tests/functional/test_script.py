"""What a script decides for each record: names, keys, partitions, headers, outcomes."""

import json
import pathlib
import signal
import subprocess
import textwrap

import pytest

import java
from cluster import Record
from timing import SCALE


@pytest.fixture
def scripted(mirror, tmp_path):
    """Starts a mirror with a script: scripted(source, target, "return {...}", "--flag", ...)."""
    def start(source, target, script, *flags, consumer=None, producer=None, whitelist="t.*"):
        path = tmp_path / "route.lua"
        path.write_text(textwrap.dedent(script), encoding="utf-8")
        state = ("--script.state.file", tmp_path / "script.state")
        return mirror(source, target, whitelist=whitelist, consumer=consumer, producer=producer,
                      flags=("--script.file", path, *state, *flags))
    return start


def rewrite(tmp_path, script):
    """Saves the script as editors do: a new file takes the old one's name."""
    new = tmp_path / "route.lua.new"
    new.write_text(textwrap.dedent(script), encoding="utf-8")
    new.rename(tmp_path / "route.lua")


ODD = [Record(None, None), Record(b"", b""), Record(b"k", None), Record(None, b"v"), Record(b"\0k\0", b"\0\xff"),
       Record(b"k" * 100000, b"v"),
       Record(b"h", b"v", headers=[("a", b"1"), ("a", None), ("b", b""), ("a", b"1")]),
       Record(b"t", b"v", timestamp=1234567890123)]


@pytest.mark.sanitize
def test_a_script_that_does_nothing_changes_nothing(scripted, source, target):
    source.create("t", 3)
    target.create("t", 3)
    sent = [r._replace(partition=i % 3) for i, r in enumerate(ODD * 20)]
    source.produce("t", sent)
    agent = scripted(source, target, "return { api = 1, record = function(r) end }", "--partition.mode", "preserve")
    seen = target.read("t", len(sent))
    originals = source.read("t", len(sent))

    def contents(records):
        by_partition = {}
        for r in sorted(records, key=lambda r: (r.partition, r.offset)):
            by_partition.setdefault(r.partition, []).append((r.key, r.value, r.headers, r.timestamp))
        return by_partition

    assert contents(seen) == contents(originals)
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_route_names_the_target(scripted, source, target):
    for topic in ("t.a", "t.b", "t.c", "u"):
        source.create(topic)
        source.produce(topic, [Record(b"k", topic.encode())])
    for topic in ("clean.t.a", "t.b", "merged"):
        target.create(topic)
    agent = scripted(source, target, """
        return {
          api = 1,
          topics = function(t) if t.name == "u" then return true end end,
          route = function(t)
            if t.name == "t.a" then return "clean." .. t.name end
            if t.name == "t.c" then return false end
            if t.name == "u" then return { topic = "merged" } end
          end,
        }""")
    assert [r.value for r in target.read("clean.t.a", 1)] == [b"t.a"]
    assert [r.value for r in target.read("t.b", 1)] == [b"t.b"]
    assert [r.value for r in target.read("merged", 1)] == [b"u"]
    topics = agent.wait_event("topics")
    assert topics["names"] == "t.a>clean.t.a,t.b,u>merged"
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_record_changes_everything_it_may(scripted, source, target):
    source.create("t")
    target.create("other", 4)
    source.produce("t", [Record(b"old", b"value", headers=[("keep", b"1"), ("secret", b"s3cret"), ("secret", None)],
                                timestamp=1600000000000)])
    agent = scripted(source, target, """
        local mirror = require "mirror"
        return { api = 1, record = function(r)
          assert(r.source_topic == "t" and r.source_partition == 0 and r.offset == 0 and r.topic == "t")
          assert(r.key == "old" and r.value == "value" and r.timestamp == 1600000000000 and r.timestamp_type == "create")
          assert(r.partition == nil and not r.tombstone and r.key_size == 3 and r.value_size == 5)
          assert(r.headers:count() == 3 and r.headers:get "secret" == mirror.null and r.headers:all("secret")[1] == "s3cret")
          r.topic = "other"
          r.key = "new" .. r.key
          r.value = nil
          r.timestamp = r.timestamp + 1
          r.partition = 3
          r.headers:remove "secret"
          r.headers:add("added", "x")
          r.headers:set("keep", mirror.null)
        end }""")
    (seen,) = target.read("other", 1)
    assert (seen.key, seen.value, seen.partition, seen.timestamp) == (b"newold", None, 3, 1600000000001)
    assert seen.headers == [("keep", None), ("added", b"x")]
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_outcomes(scripted, source, target):
    source.create("t")
    target.create("t")
    target.create("copies")
    target.create("dead")
    source.produce("t", [Record(k, b"v", headers=[("h", b"1")]) for k in
                         (b"keep", b"false", b"drop", b"dead", b"emit", b"emit-drop", b"true", b"last")])
    agent = scripted(source, target, """
        local mirror = require "mirror"
        return { api = 1, record = function(r)
          if r.key == "false" then return false end
          if r.key == "drop" then return r:drop "not wanted" end
          if r.key == "dead" then r.value = "changed" return r:dead_letter "is dead" end
          if r:key_has_prefix "emit" then
            r:emit { topic = "copies", value = mirror.null, headers = { { "x", "y" }, { "z" } } }
            r:emit { topic = "copies", key = "second" }
          end
          if r.key == "emit-drop" then return r:drop() end
          if r.key == "true" then return true end
        end }""", "--dead.letter.topic", "dead")
    assert [r.key for r in target.read("t", 4)] == [b"keep", b"emit", b"true", b"last"]
    copies = target.read("copies", 4)
    assert [(r.key, r.value, r.headers) for r in copies] == [
        (b"emit", None, [("x", b"y"), ("z", None)]), (b"second", b"v", [("h", b"1")]),
        (b"emit-drop", None, [("x", b"y"), ("z", None)]), (b"second", b"v", [("h", b"1")])]
    (dead,) = target.read("dead", 1)
    assert (dead.key, dead.value) == (b"dead", b"v")
    assert dead.headers == [("h", b"1"), ("reflejo.topic", b"t"), ("reflejo.partition", b"0"), ("reflejo.offset", b"3"),
                            ("reflejo.script", b"route.lua"), ("reflejo.script.generation", b"1"),
                            ("reflejo.reason", b"is dead"), ("reflejo.error", b"SCRIPT_DEAD_LETTER")]
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 1) == {0: 8}


@pytest.mark.parametrize("policy", ["pause", "dead-letter", "drop", "pass", "stop"])
def test_an_error_touches_its_record_only(scripted, source, target, policy):
    source.create("t", 2)
    target.create("t")
    target.create("dead")
    values = [b"%d" % i for i in range(100)]
    source.produce("t", [Record(None, v, 0) for v in values] + [Record(None, b"other", 1)])
    agent = scripted(source, target, """
        return { api = 1, record = function(r)
          r.key = "k" .. r.value
          if r.value == "50" then local x = nil; x.y = 1 end
        end }""", "--script.on.error", policy, "--dead.letter.topic", "dead")
    failed = agent.wait_event("script_failed", offset=50, partition=0, topic="t", action=policy)
    assert "route.lua:4:" in failed["reason"]
    if policy == "stop":
        assert agent.wait() == 255
        assert source.committed("mirrorgroup", "t", 1)[0] <= 50
        return
    reader = target.reader("t")
    want = {v: b"k" + v for v in values}
    if policy == "pause":
        want = {v: b"k" + v for v in values[:50]}
    elif policy == "pass":
        want[b"50"] = None
    else:
        del want[b"50"]
    want[b"other"] = b"kother"
    seen = reader.until(lambda records: len(records) >= len(want), what="all but the bad one")
    assert {r.value: r.key for r in seen} == want
    assert [r.value for r in seen if r.value != b"other"] == [v for v in values if v in want]
    if policy == "dead-letter":
        (dead,) = target.read("dead", 1)
        assert (dead.key, dead.value) == (None, b"50")
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 2) == {0: 50 if policy == "pause" else 100, 1: 1}


def test_retry_holds_its_partition_and_keeps_the_order(scripted, source, target):
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(None, b"%d" % i, i % 2) for i in range(200)])
    agent = scripted(source, target, """
        local tries = 0
        return { api = 1, record = function(r)
          if r.value == "100" and tries < 3 then
            tries = tries + 1
            return r:retry(300)
          end
          if r.value == "100" then r.headers:add("tries", tostring(tries)) end
        end }""", "--partition.mode", "preserve")
    seen = target.read("t", 200)
    for partition in (0, 1):
        assert [int(r.value) for r in seen if r.partition == partition] == list(range(partition, 200, 2))
    at = [r.value for r in seen].index(b"100")
    assert seen[at].headers == [("tries", b"3")]
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 2) == {0: 100, 1: 100}


@pytest.mark.parametrize("rule, want", [
    ("key", lambda r: java.partition_of(r.key, 5)),
    ("preserve", lambda r: int(r.value) % 3),
    ("map", lambda r: 4 - int(r.value) % 3),
    ("crc32", lambda r: __import__("zlib").crc32(r.key) % 5),
    ("round.robin", None),
])
def test_partition_rules(scripted, source, target, rule, want):
    source.create("t", 3)
    target.create("t", 5)
    source.produce("t", [Record(b"key-%d" % i, b"%d" % i, i % 3) for i in range(100)])
    agent = scripted(source, target, """
        return { api = 1,
          route = function(t) return { partitions = "%s" } end,
          partition = function(src, dst)
            assert(src.topic == "t" and src.partitions == 3 and dst.topic == "t" and dst.partitions == 5)
            return 4 - src.partition
          end }""" % rule)
    seen = target.read("t", 100)
    if want:
        assert {r.value: r.partition for r in seen} == {r.value: want(r) for r in seen}
    else:
        counts = [sum(r.partition == p for r in seen) for p in range(5)]
        assert max(counts) - min(counts) <= 3  # each source partition begins anew
    assert agent.stop() == 0


def test_a_partition_that_is_not_there_is_an_error(scripted, source, target):
    source.create("t")
    target.create("t", 2)
    source.produce("t", [Record(b"k", b"1"), Record(b"k", b"2")])
    agent = scripted(source, target, "return { api = 1, record = function(r) r.partition = tonumber(r.value) end }")
    assert [r.value for r in target.read("t", 1)] == [b"1"]
    failed = agent.wait_event("script_failed", offset=1)
    assert "partition 2 of t does not exist (it has 2)" in failed["reason"]
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 1) == {0: 1}


GOOD = """
    local version, from = "%s", "nothing"
    return { api = 1,
      init = function(ctx) from = ctx.reason .. " " .. (ctx.saved and ctx.saved.from or "nothing") end,
      record = function(r)
        r.headers:add("version", version)
        r.headers:add("from", from)
      end,
      close = function() return { from = version } end }"""


@pytest.mark.sanitize
def test_reload_under_load_loses_and_repeats_nothing(scripted, source, target, tmp_path):
    source.create("t", 4)
    target.create("t", 4)
    agent = scripted(source, target, GOOD % "0", "--partition.mode", "preserve", "--num.streams", "2")
    # The mock refuses commits while a group moves, and then records are repeated.
    agent.wait_shared(4, 2)
    total = 0
    for version in range(1, 6):
        source.produce("t", [Record(b"k", b"%d" % (total + i), i % 4) for i in range(2000)])
        total += 2000
        rewrite(tmp_path, GOOD % version)
        agent.send(signal.SIGHUP)
        agent.wait_event("reloaded", count=version)
    source.produce("t", [Record(b"k", b"last", p) for p in range(4)])
    seen = target.reader("t").until(lambda rs: sum(r.value == b"last" for r in rs) == 4, what="the last ones")
    assert sorted(int(r.value) for r in seen if r.value != b"last") == list(range(total))
    for partition in range(4):
        inside = [int(r.value) for r in seen if r.partition == partition and r.value != b"last"]
        assert inside == sorted(inside)
    assert {tuple(r.headers) for r in seen if r.value == b"last"} == {(("version", b"5"), ("from", b"reload 4"))}
    assert agent.stop() == 0


@pytest.mark.parametrize("bad, says", [
    ("return { api = 1, record = function(r) end", "route.lua:1:"),
    ("return { api = 1, init = function() error 'no good' end }", "no good"),
    ("return { api = 1, route = function(t) error 'no route' end }", "no route"),
    ("return { api = 2 }", "api = 1"),
    ("return { api = 1, rekord = print }", "did you mean 'record'?"),
    ("return 5", "must return a table"),
    ("x = 1 return { api = 1 }", "'x' is not declared"),
    ("io.open('/etc/passwd') return { api = 1 }", "script.libs = io"),
    ("require 'nowhere' return { api = 1 }", "nowhere"),
    (None, "cannot be read"),
])
def test_a_bad_script_keeps_the_old_one(scripted, source, target, tmp_path, bad, says):
    source.create("t")
    target.create("t")
    agent = scripted(source, target, GOOD % "old")
    source.produce("t", [Record(b"k", b"1")])
    target.read("t", 1)
    if bad is None:
        (tmp_path / "route.lua").unlink()
    else:
        rewrite(tmp_path, bad)
    agent.send(signal.SIGHUP)
    rejected = agent.wait_event("reload_rejected")
    assert says in rejected["reason"] and rejected["rejected"] == "1"
    source.produce("t", [Record(b"k", b"2")])
    assert [dict(r.headers)["version"] for r in target.read("t", 2)] == [b"old", b"old"]
    assert agent.stop() == 0


@pytest.mark.parametrize("bad, says", [
    ("return {", "route.lua:1:"),
    ("return { api = 1, topics = function(t) error 'no' end }", "for the topic t"),
    ("\033Lua", "bytecode"),
])
def test_a_bad_script_ends_the_start(scripted, source, target, bad, says):
    source.create("t")
    agent = scripted(source, target, bad)
    assert agent.wait() == 1
    assert says in agent.stderr


def test_watch_notices_a_save_by_renaming(scripted, source, target, tmp_path):
    source.create("t")
    target.create("t")
    agent = scripted(source, target, GOOD % "1", "--script.watch", "true")
    agent.wait_event("assigned")
    rewrite(tmp_path, GOOD % "2")
    agent.wait_event("reloaded")
    assert agent.stop() == 0


def test_a_held_partition_goes_on_with_the_next_script(scripted, source, target, tmp_path):
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"k", b"%d" % i, 0) for i in range(10)] + [Record(b"k", b"x", 1)])
    agent = scripted(source, target, """
        return { api = 1, record = function(r) if r.value == "5" then error "stuck" end end }""",
                     "--partition.mode", "preserve")
    agent.wait_event("script_failed", offset=5)
    rewrite(tmp_path, "return { api = 1, record = function(r) end }")
    agent.send(signal.SIGHUP)
    seen = target.read("t", 11)
    assert [r.value for r in seen if r.partition == 0] == [b"%d" % i for i in range(10)]
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 2) == {0: 10, 1: 1}


def test_a_reload_moves_a_topic(scripted, source, target, tmp_path):
    source.create("t")
    target.create("one")
    target.create("two")
    agent = scripted(source, target, "return { api = 1, route = function() return 'one' end }")
    source.produce("t", [Record(b"k", b"1")])
    target.read("one", 1)
    rewrite(tmp_path, "return { api = 1, route = function() return 'two' end }")
    agent.send(signal.SIGHUP)
    reloaded = agent.wait_event("reloaded")
    assert reloaded["changes"] == "t to two (key) instead of one (key)"
    source.produce("t", [Record(b"k", b"2")])
    assert [r.value for r in target.read("two", 1)] == [b"2"]
    assert agent.stop() == 0


def test_a_loop_without_end_fails_its_record(scripted, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(10)])
    agent = scripted(source, target, """
        return { api = 1, record = function(r) if r.value == "5" then while true do end end end }""",
                     "--script.jit", "off", "--script.time.limit.ms", "200", "--script.on.error", "drop")
    assert [r.value for r in target.read("t", 9)] == [b"%d" % i for i in range(10) if i != 5]
    assert "time.limit" in agent.wait_event("script_failed", offset=5)["reason"]
    assert agent.stop() == 0


def test_a_compiled_loop_without_end_ends_the_process_once(scripted, source, target):
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"k", b"%d" % i, 0) for i in range(10)])
    script = """
        return { api = 1, record = function(r)
          if r.value == "5" then local n = 0 while true do n = n + 1 end end
        end }"""
    flags = ("--script.time.limit.ms", "200", "--partition.mode", "preserve")
    agent = scripted(source, target, script, *flags)
    assert agent.wait(20 * SCALE) == 255
    assert "never ends for the record at offset" in agent.wait_event("failed")["reason"]
    source.produce("t", [Record(b"k", b"other", 1)])
    agent = scripted(source, target, script, *flags)
    agent.wait_event("script_poisoned", topic="t", partition=0)
    reader = target.reader("t")
    seen = reader.until(lambda rs: any(r.value == b"other" for r in rs), what="the other partition")
    assert b"6" not in [r.value for r in seen]
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 1)[0] <= 5
    # A script that was mended meanwhile is tried.
    agent = scripted(source, target, "return { api = 1, record = function(r) end }", *flags)
    reader.until(lambda rs: {r.value for r in rs} >= {b"%d" % i for i in range(10)}, what="all of it")
    assert agent.stop() == 0


def test_an_allocation_bomb_is_an_error(scripted, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(10)])
    agent = scripted(source, target, """
        return { api = 1, record = function(r)
          if r.value == "5" then local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end end
        end }""", "--script.memory.limit", "16MiB", "--script.on.error", "drop", "--script.time.limit.ms", "20000")
    assert [r.value for r in target.read("t", 9)] == [b"%d" % i for i in range(10) if i != 5]
    assert "not enough memory" in agent.wait_event("script_failed", offset=5)["reason"]
    assert agent.stop() == 0


def test_too_many_names_are_an_error(scripted, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(11000)])
    agent = scripted(source, target, """
        return { api = 1, record = function(r) r.topic = "n" .. r.value r.topic = "t" end }""",
                     "--script.on.error", "drop")
    failed = agent.wait_event("script_failed")
    assert "10000" in failed["reason"] and "bounded" in failed["reason"]
    assert agent.stop() == 0


def test_parameters_maps_and_dictionaries(scripted, source, target, tmp_path):
    (tmp_path / "tenants.csv").write_text("# key,topic\na,t.a\n\"b,c\",\"t.\"\"b\"\n", encoding="utf-8")
    source.create("t", 2)
    target.create("t", 2)
    agent = scripted(source, target, """
        local mirror = require "mirror"
        local map, all = mirror.map "tenants.csv", mirror.shared "all"
        local seen = mirror.counter("seen_total", "records")
        assert(mirror.param.name == "x y" and mirror.param:number("n", 1) == 5 and mirror.param:number("m", 7) == 7)
        assert(mirror.args == "arguments")
        return { api = 1, record = function(r)
          seen:inc()
          local n = all:incr "records"
          r.value = (map:get(r.key) or "none") .. ""
          r.headers:add("n", tostring(n))
        end }""", "--script.param.name", "x y", "--script.param.n", "5", "--message.handler.args", "arguments",
                     "--num.streams", "2")
    # The mock refuses commits while a group moves, and then records are repeated.
    agent.wait_shared(2, 2)
    source.produce("t", [Record(b"a", b"1", 0), Record(b"b,c", b"1", 1), Record(b"z", b"1", 0)])
    seen = target.read("t", 3)
    assert {r.key: r.value for r in seen} == {b"a": b"t.a", b"b,c": b't."b', b"z": b"none"}
    assert sorted(r.headers[0][1] for r in seen) == [b"1", b"2", b"3"]
    (tmp_path / "tenants.csv").write_text("z,found\n", encoding="utf-8")
    agent.wait_event("map_loaded", rows="1")
    source.produce("t", [Record(b"z", b"2", 0)])
    assert target.read("t", 4)[-1].value == b"found"
    (tmp_path / "tenants.csv").write_text('z,"open\n', encoding="utf-8")
    assert "quote" in agent.wait_event("map_bad").line
    source.produce("t", [Record(b"z", b"3", 0)])
    assert target.read("t", 5)[-1].value == b"found"
    assert agent.stop() == 0


def test_json_fields_choose_the_topic(scripted, source, target):
    source.create("t")
    for topic in ("t.eu", "t.us"):
        target.create(topic)
    values = [{"region": "eu", "n": 1}, {"region": "us", "n": 2}, {"n": 3, "region": "\u00e9u"}]
    source.produce("t", [Record(b"k", json.dumps(v).encode()) for v in values] + [Record(b"k", b"not json")])
    agent = scripted(source, target, """
        local mirror = require "mirror"
        return { api = 1, record = function(r)
          local region, why = mirror.json.get(r, "region")
          if region ~= "eu" and region ~= "us" then return r:drop(why or "region") end
          r.topic = "t." .. region
        end }""")
    assert [json.loads(r.value)["n"] for r in target.read("t.eu", 1)] == [1]
    assert [json.loads(r.value)["n"] for r in target.read("t.us", 1)] == [2]
    assert agent.stop() == 0
    assert agent.find("progress")[-1]["dropped"] == "2"


def test_a_dry_run_changes_nothing_and_counts(mirror, source, target, program, tmp_path):
    source.create("t", 2)
    target.create("t")
    source.produce("t", [Record(b"%d" % (i % 4), b"v", i % 2) for i in range(100)])
    source.create("u")
    target.create("u")
    live = mirror(source, target, whitelist="u")
    live.wait_event("assigned")
    script = tmp_path / "dry.lua"
    script.write_text("""return { api = 1, record = function(r)
      if r.key == "0" then return r:drop "zero" end
      if r.key == "1" then r.topic = "other" end
      if r.key == "2" then return r:dead_letter "two" end
    end }""", encoding="utf-8")
    done = subprocess.run([program, "run", "--dry-run", "--consumer.bootstrap.servers", source.bootstrap,
                           "--consumer.group.id", "mirrorgroup", "--producer.bootstrap.servers", target.bootstrap,
                           "--whitelist", "t", "--script.file", script, "--dead.letter.topic", "dead",
                           "--script.state.file", tmp_path / "state"], capture_output=True, text=True, timeout=60 * SCALE)
    assert done.returncode == 0, done.stderr
    lines = [line.split(None, 1) for line in done.stdout.splitlines()[1:]]
    assert lines == [["25", "to dead"], ["25", "to other"], ["25", "to t"], ["25", "to the dead-letter topic: two"],
                     ["25", "nowhere: zero"]]
    assert source.committed("mirrorgroup", "t", 2) == {0: -1, 1: -1}
    assert set(target.ends("t").values()) == {0}
    assert not live.find("revoked")
    assert live.stop() == 0


@pytest.mark.sanitize
def test_two_clusters_mirror_each_other(mirror, source, target, tmp_path):
    """Topics of the same names in both directions: nothing goes round."""
    stop_loops = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "stop_loops.lua"
    agents = []
    for here, there, a, b in (("east", "west", source, target), ("west", "east", target, source)):
        a.create("t")
        agents.append(mirror(a, b, whitelist="t", consumer={"group.id": f"to-{there}"}, flags=(
            "--script.file", stop_loops, "--script.state.file", tmp_path / f"{here}.state", "--script.param.here", here,
            "--script.param.there", there)))
    source.produce("t", [Record(b"k", b"from east %d" % i) for i in range(50)])
    target.produce("t", [Record(b"k", b"from west %d" % i) for i in range(50)])
    for cluster in (source, target):
        assert len(cluster.read("t", 100)) == 100
    # What came over was seen by the agent of the other direction, and dropped.
    for agent, cluster, there in zip(agents, (source, target), ("west", "east")):
        cluster.wait_committed(f"to-{there}", "t", {0: 100})
        assert agent.stop() == 0
        assert agent.find("progress")[-1]["dropped"] == "50"
    assert source.ends("t") == target.ends("t") == {0: 100}


def test_a_dry_run_says_where_a_changed_key_keeps_its_partition(source, target, program, tmp_path):
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"%d" % i, b"v", i % 2) for i in range(10)])
    script = tmp_path / "dry.lua"
    script.write_text("return { api = 1, record = function(r) if r.key < '5' then r.key = 'x' .. r.key end end }",
                      encoding="utf-8")
    done = subprocess.run([program, "run", "--dry-run", "--consumer.bootstrap.servers", source.bootstrap,
                           "--consumer.group.id", "g", "--producer.bootstrap.servers", target.bootstrap,
                           "--whitelist", "t", "--script.file", script, "--partition.mode", "preserve",
                           "--script.state.file", tmp_path / "state"], capture_output=True, text=True,
                          timeout=60 * SCALE, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split(None, 1) for line in done.stdout.splitlines()[1:]]
    assert lines == [["10", "to t"], ["5", "note: key changed, partition kept"]]
