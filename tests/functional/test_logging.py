"""The log: its forms, where each is chosen, its bounds, and what becomes of a file that cannot be written."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from agent import parse_line
from cluster import Record
from timing import DEADLINE, PROMISE, SCALE, wait_until

# Nobody listens there: a few lines of all but one level, and an end without a cluster.
AWAY = ("--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g", "--producer.bootstrap.servers",
        "127.0.0.1:1", "--whitelist", "t", "--start.timeout.ms", "1")
KV = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|error) \w+( |$)")
HUMAN = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO |WARN |ERROR) \w+( |$)")
JOURNAL = re.compile(r"<([3467])>(debug|info|warn|error) \w+( |$)")
PRIORITIES = {"debug": "7", "info": "6", "warn": "4", "error": "3"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def environment_with(**changes):
    """This one's environment with what decides about the log as given; None leaves a name out."""
    found = {**os.environ, "TERM": "xterm", "NO_COLOR": None, "JOURNAL_STREAM": None, **changes}
    return {name: value for name, value in found.items() if value is not None}


def read_all(fd):
    """What comes from a descriptor until its other side is closed."""
    end, data = time.monotonic() + DEADLINE, b""
    while select.select([fd], [], [], max(end - time.monotonic(), 0))[0]:
        try:
            more = os.read(fd, 65536)
        except OSError:  # a terminal whose last user is gone
            more = b""
        if not more:
            return data.decode("utf-8").replace("\r\n", "\n").splitlines()
        data += more
    raise AssertionError(f"no end within {DEADLINE} s: {data}")


@pytest.fixture
def log_of(program, tmp_path):
    """log_of((read, write), flags, NAME=value) runs to the end with stderr at `write`: the lines that come out of `read`."""
    def run(ends, *flags, **environment):
        read, write = ends
        try:
            with subprocess.Popen([program, "run", *AWAY, *flags], cwd=tmp_path, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=write,
                                  env=environment_with(**environment)) as process:
                os.close(write)
                write = None
                lines = read_all(read)
                assert process.wait(DEADLINE) == 1
        finally:
            for fd in (read, write):
                if fd is not None:
                    os.close(fd)
        assert any("start" in line for line in lines) and any("failed" in line for line in lines), lines
        return lines
    return run


def assert_all(pattern, lines):
    assert lines and all(pattern.match(line) for line in lines), lines


def test_a_terminal_gets_lines_for_people_in_colour(log_of):
    lines = log_of(pty.openpty(), TZ="EST5")
    assert_all(HUMAN, [COLOUR.sub("", line) for line in lines])
    assert all(line.count("\x1b[0m") >= 2 for line in lines)
    failed = next(line for line in lines if "\x1b[1mfailed\x1b[0m" in line)
    assert "\x1b[1;31mERROR\x1b[0m" in failed
    # Local time: that zone is five hours behind.
    hour = int(lines[0][:2])
    assert hour in {(int(time.strftime("%H", time.gmtime(now))) - 5) % 24 for now in (time.time(), time.time() - 60)}


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}], ids=str)
def test_a_terminal_without_colour(log_of, environment):
    assert_all(HUMAN, log_of(pty.openpty(), **environment))


def test_an_empty_no_color_does_not_count(log_of):
    assert all(COLOUR.search(line) for line in log_of(pty.openpty(), NO_COLOR=""))


def test_a_pipe_gets_key_value(log_of):
    assert_all(KV, log_of(os.pipe()))


def test_human_can_be_asked_for_anywhere_without_colour(log_of):
    assert_all(HUMAN, log_of(os.pipe(), "--log.format", "human"))


def test_key_value_can_be_asked_for_on_a_terminal(log_of):
    assert_all(KV, log_of(pty.openpty(), "--log.format", "kv"))


def journal_stream(fd):
    found = os.fstat(fd)
    return f"{found.st_dev}:{found.st_ino}"


def test_the_journal_gets_priorities_in_place_of_the_time(log_of):
    ends = os.pipe()
    lines = log_of(ends, JOURNAL_STREAM=journal_stream(ends[1]))
    assert_all(JOURNAL, lines)
    for line in lines:
        priority, level = JOURNAL.match(line).group(1, 2)
        assert priority == PRIORITIES[level]
    assert {JOURNAL.match(line)[2] for line in lines} >= {"info", "warn", "error"}


@pytest.mark.parametrize("stream", ["other", "1:2", "", "garbage"])
def test_what_is_not_the_journal(log_of, stream):
    """JOURNAL_STREAM is inherited by processes whose stderr goes elsewhere."""
    others = os.pipe()
    try:
        assert_all(KV, log_of(os.pipe(), JOURNAL_STREAM=journal_stream(others[1]) if stream == "other" else stream))
    finally:
        for fd in others:
            os.close(fd)


def test_the_journal_can_be_asked_for(log_of):
    assert_all(JOURNAL, log_of(os.pipe(), "--log.format", "journal"))


def test_a_format_that_does_not_exist(run):
    done = run("run", *AWAY, "--log.format", "yaml")
    assert done.returncode == 1
    assert "'yaml' is none of: auto human kv json journal" in done.stderr


@pytest.mark.sanitize
def test_json_lines_have_the_facts_with_their_types(mirror, source, target, tmp_path):
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"k", b"v")] * 10)
    log = tmp_path / "log"
    script = tmp_path / "s.lua"
    script.write_text("""local mirror = require "mirror"
        mirror.log.info('quote " backslash \\\\ tab \\t bad \\xff\\xed\\xa0\\x80 good \\xc3\\xb1')
        return { api = 1 }""")
    agent = mirror(source, target, flags=("--log.format", "json", "--log.file", log, "--script.file", script))
    target.read("t", 10)
    assert agent.stop() == 0
    lines = [json.loads(line) for line in log.read_bytes().decode("utf-8", "strict").splitlines()]
    for line in lines:
        assert list(line)[:3] == ["time", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in PRIORITIES
        assert not any(isinstance(value, (dict, list)) for value in line.values())
    events = {line["event"]: line for line in lines}
    assert events["progress"]["records"] == 10 and isinstance(events["progress"]["records_per_second"], float)
    assert events["start"]["group"] == "mirrorgroup" and events["start"]["streams"] == 1
    assert events["stop"] == {"time": events["stop"]["time"], "level": "info", "event": "stop", "status": 0,
                              "drained": "yes"}
    assert events["script_info"]["message"] == 'quote " backslash \\ tab \t bad ' + "\ufffd" * 4 + " good \xf1"


@pytest.mark.sanitize
def test_a_full_disk_does_not_stop_the_mirror_and_is_said_once(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(100)])
    agent = mirror(source, target, flags=("--log.file", "/dev/full", "--log.progress.interval", "1"))
    agent.wait_line("log_trouble")
    target.read("t", 100)
    assert agent.stop() == 0
    said = agent.find("log_trouble")
    assert len(agent.lines) == 1 and len(said) == 1, agent.stderr
    assert "cannot write to the log file /dev/full: No space left on device" in said[0]["reason"]


def events_in(path):
    return [parse_line(line).name for line in path.read_text().splitlines()] if path.exists() else []


def test_a_log_file_whose_folder_goes_away(mirror, source, target, tmp_path):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(100)])
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "agent.log"
    agent = mirror(source, target, flags=("--log.file", log))
    target.read("t", 100)
    shutil.rmtree(folder)
    agent.wait_event("log_trouble")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(100, 200)])
    target.read("t", 200)
    folder.mkdir()
    wait_until(lambda: "log_reopened" in events_in(log), what="the new log file")
    # A file alone, as somebody who makes room would remove it.
    log.unlink()
    wait_until(lambda: "log_reopened" in events_in(log), what="the newer log file")
    assert agent.stop() == 0
    assert events_in(log)[-1] == "stop"
    assert len(agent.lines) == 1, agent.stderr


def test_a_log_file_that_cannot_be_opened_again_at_a_signal(mirror, source, target, tmp_path):
    """The old file, which the rotation has put elsewhere, is written on."""
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v")])
    log = tmp_path / "agent.log"
    agent = mirror(source, target, flags=("--log.file", log))
    target.read("t", 1)
    log.rename(tmp_path / "agent.log.1")
    log.mkdir()
    agent.send(signal.SIGUSR1)
    assert "agent.log" in agent.wait_event("log_trouble")["reason"]
    assert agent.stop() == 0
    assert events_in(tmp_path / "agent.log.1")[-1] == "stop"
    assert "log_trouble" in events_in(tmp_path / "agent.log.1")


def test_a_flood_of_one_event_is_bounded_and_counted(mirror, source, target):
    """Each refused record is a line of its own, up to a bound; together with what is left out they are all."""
    count = 3000
    source.create("t", 4)
    target.create("t", 4)
    source.produce("t", [Record(b"k", b"B" * 1400, i % 4) for i in range(count)])
    source.produce("t", [Record(b"k", b"last", p) for p in range(4)])
    agent = mirror(source, target, producer={"max.request.size": 1000, "batch.size": 1000},
                   flags=("--abort.on.send.failure", "false"))
    began = time.monotonic()
    target.read("t", 4, timeout=PROMISE * 3)
    assert agent.stop() == 0
    lines = len(agent.find("send_failure"))
    left_out = sum(int(event["count"]) for event in agent.find("log_suppressed")
                   if event["name"] == "send_failure")
    assert lines + left_out == count
    assert 1000 <= lines <= 1001 + 50 * (time.monotonic() - began + 10 * SCALE)
    assert left_out > 0
    # Others have room of their own.
    assert agent.find("progress") and agent.find("stop", status=0)
