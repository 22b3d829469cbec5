"""The control socket: reflejo ctl and reflejo tap with a running agent."""

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


@pytest.mark.parametrize("arguments, says", [
    (("ctl", "--socket", "nowhere", "reload"), "no agent answers"),
    (("ctl", "reload"), "usage"),
    (("tap", "--socket", "nowhere"), "usage"),
    (("tap", "--socket", "nowhere", "--topic", "t", "--count", "0"), "usage"),
])
def test_what_cannot_be_asked(run, arguments, says):
    done = run(*arguments)
    assert done.returncode == 1 and says in done.stderr


def test_two_agents_with_one_socket(mirror, source, target):
    source.create("t")
    first = mirror(source, target, flags=LISTEN)
    first.wait_event("assigned")
    second = mirror(source, target, flags=LISTEN)
    assert second.wait() == 1
    assert "another process answers" in second.stderr
    assert first.is_running() and first.stop() == 0


def test_a_listener_that_is_no_socket(mirror, source, target):
    agent = mirror(source, target, flags=("--admin.listen", "127.0.0.1:9186"))
    assert agent.wait() == 1
    assert "unix:PATH" in agent.stderr
