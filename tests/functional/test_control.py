"""The admin API with a script: reflejo ctl reload, rollback and tap with a running agent."""

import json
import os
import stat
import subprocess

import pytest

from cluster import Record
from test_script import rewrite, scripted  # noqa: F401
from timing import SCALE


@pytest.fixture
def ask(program, tmp_path):
    """ask("ctl", "reload") gives the finished process."""
    def run(command, *arguments, timeout=30 * SCALE):
        return subprocess.run([program, command, "--socket", tmp_path / "control", *arguments], capture_output=True,
                              text=True, timeout=timeout, check=False)
    return run


LISTEN = ("--admin.listen", "unix:control")
VERSION = "return { api = 1, record = function(r) r.headers:set('version', '%d') end, route = function() return '%s' end }"


@pytest.mark.sanitize
def test_reload_and_roll_back(scripted, source, target, ask, tmp_path):  # noqa: F811
    source.create("t")
    for topic in ("one", "two"):
        target.create(topic)
    agent = scripted(source, target, VERSION % (1, "one"), *LISTEN)
    agent.wait_event("assigned")
    assert stat.S_IMODE(os.stat(tmp_path / "control").st_mode) == 0o600
    nothing = ask("ctl", "rollback")
    assert nothing.returncode == 1 and "no script to go back to" in nothing.stderr
    source.produce("t", [Record(b"k", b"1")])
    assert [dict(r.headers)["version"] for r in target.read("one", 1)] == [b"1"]
    rewrite(tmp_path, VERSION % (2, "two"))
    done = ask("ctl", "reload")
    assert done.returncode == 0 and done.stdout == "t to two (key) instead of one (key)\n"
    source.produce("t", [Record(b"k", b"2")])
    assert [dict(r.headers)["version"] for r in target.read("two", 1)] == [b"2"]
    rewrite(tmp_path, "return {")
    bad = ask("ctl", "reload")
    assert bad.returncode == 1 and "route.lua:1:" in bad.stderr
    back = ask("ctl", "rollback")
    assert back.returncode == 0, back.stderr
    agent.wait_event("rolled_back")
    source.produce("t", [Record(b"k", b"3")])
    assert [dict(r.headers)["version"] for r in target.read("one", 2)] == [b"1", b"1"]
    assert agent.stop() == 0
    assert not (tmp_path / "control").exists()
    assert source.committed("mirrorgroup", "t", 1) == {0: 3}


@pytest.mark.sanitize
def test_tap_shows_before_and_after(scripted, source, target, program, tmp_path):  # noqa: F811
    source.create("t")
    target.create("t")
    target.create("copies")
    agent = scripted(source, target, """
        return { api = 1, record = function(r)
          if r.key == "drop" then return false end
          if r.key == "new" then r.value = "changed" r:emit { topic = "copies", key = "\\255\\1" } end
        end }""", *LISTEN)
    agent.wait_event("assigned")
    tap = subprocess.Popen([program, "tap", "--socket", tmp_path / "control", "--topic", "t", "--count", "4"],
                           stdout=subprocess.PIPE, text=True)
    # The tap shows what comes after it was asked for.
    while tap.poll() is None:
        source.produce("t", [Record(b"same", b'"\xc3\xa9"'), Record(b"drop", None), Record(b"new", b"x" * 2000),
                             Record(None, b"")])
        try:
            tap.wait(0.5)
        except subprocess.TimeoutExpired:
            pass
    samples = [json.loads(line) for line in tap.stdout.read().splitlines()]
    assert len(samples) == 4
    by_key = {s["key"]: s for s in samples}
    same, drop, new, null = (by_key[k] for k in ("same", "drop", "new", None))
    assert same["value"] == '"\u00e9"' and same["outcome"] == "keep" and same["outputs"] == [{"topic": "t", "unchanged": True}]
    assert drop["value"] is None and drop["outcome"] == "drop" and drop["outputs"] == []
    assert new["value"] == "x" * 1024 and new["value_size"] == 2000
    assert [(o["topic"], o["value"], o.get("key"), o.get("key_hex")) for o in new["outputs"]] == [
        ("t", "changed", "new", None), ("copies", "changed", None, "ff01")]
    assert null["value"] == ""
    assert agent.stop() == 0


@pytest.mark.parametrize("arguments, status, says", [
    (("ctl", "--socket", "nowhere", "reload"), 2, "no agent answers"),
    (("ctl", "--address", "127.0.0.1:1", "reload"), 2, "no agent answers"),
    (("tap", "--socket", "nowhere"), 1, "usage"),
    (("tap", "--socket", "nowhere", "--topic", "t", "--count", "0"), 1, "usage"),
])
def test_what_cannot_be_asked(run, arguments, status, says):
    done = run(*arguments)
    assert done.returncode == status and says in done.stderr


def test_a_reload_that_is_asked_for_meanwhile_is_another_one(scripted, source, target, ask, tmp_path, program):  # noqa: F811
    """Whoever saved the file and asks gets the answer for what was saved, although a reload is under way."""
    source.create("t")
    target.create("t")
    slow = "local n = 0 for i = 1, 40000000 do n = n + i % 7 end "
    agent = scripted(source, target, VERSION % (1, "t"), *LISTEN, "--script.time.limit.ms", "60000")
    agent.wait_event("assigned")
    rewrite(tmp_path, slow + VERSION % (2, "t"))
    first = subprocess.Popen([program, "ctl", "--socket", tmp_path / "control", "reload"], stdout=subprocess.PIPE, text=True)
    agent.wait_event("admin_call")
    rewrite(tmp_path, "return {")
    second = ask("ctl", "reload", timeout=60 * SCALE)
    assert second.returncode == 1 and "route.lua:1:" in second.stderr
    first.communicate(timeout=60 * SCALE)
    assert agent.stop() == 0


def test_an_answer_that_waits_when_the_agent_ends(scripted, source, target, tmp_path, program):  # noqa: F811
    source.create("t")
    target.create("t")
    agent = scripted(source, target, VERSION % (1, "t"), *LISTEN, "--script.time.limit.ms", "60000")
    agent.wait_event("assigned")
    rewrite(tmp_path, "local n = 0 for i = 1, 4000000000 do n = n + i % 7 end " + VERSION % (2, "t"))
    waits = subprocess.Popen([program, "ctl", "--socket", tmp_path / "control", "reload"], stderr=subprocess.PIPE, text=True)
    agent.wait_event("admin_call")
    assert agent.stop() == 0
    _, stderr = waits.communicate(timeout=30 * SCALE)
    assert waits.returncode == 1 and "stopped before" in stderr


def test_two_agents_with_one_socket(mirror, source, target):
    source.create("t")
    first = mirror(source, target, flags=LISTEN)
    first.wait_event("assigned")
    second = mirror(source, target, flags=LISTEN)
    assert second.wait() == 1
    assert "another process answers" in second.stderr
    assert first.is_running() and first.stop() == 0


def test_a_reload_before_the_mirror_began_is_not_kept_waiting(scripted, source, target, ask):  # noqa: F811
    source.create("t")
    target.create("t")
    source.down()
    agent = scripted(source, target, VERSION % (1, "t"), *LISTEN, "--start.timeout.ms", "0")
    agent.wait_event("source_unreachable")
    done = ask("ctl", "reload")
    assert done.returncode == 1 and "mirroring has not begun" in done.stderr
    source.up()
    agent.wait_event("assigned")
    assert ask("ctl", "reload").returncode == 0
    assert agent.stop() == 0
