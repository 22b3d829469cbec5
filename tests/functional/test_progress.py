"""What it says while it runs: that data flows, how much, how fast and how far behind."""

import re

import pytest

from cluster import Record
from timing import wait_until


@pytest.mark.sanitize
def test_progress_lines(mirror, source, target):
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"12", b"12345678", i % 2) for i in range(1000)])
    agent = mirror(source, target, flags=("--log.progress.interval", "1"))
    line = agent.wait_event("progress", records=1000, bytes=10000, lag=0)
    assert line["partitions"] == "2"
    assert float(line["records_per_second"]) >= 0 and float(line["bytes_per_second"]) >= 0
    count = len(agent.find("progress"))
    wait_until(lambda: len(agent.find("progress")) >= count + 2, what="two more lines")
    assert any(float(e["records_per_second"]) > 0 for e in agent.find("progress"))
    assert agent.stop() == 0


def test_one_line_at_the_end(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v") for _ in range(10)])
    agent = mirror(source, target, flags=("--log.progress.interval", "0"))
    target.read("t", 10)
    assert not agent.find("progress")
    assert agent.stop() == 0
    assert [e["records"] for e in agent.find("progress")] == ["10"]


def test_lag_counts_what_waits_at_the_source(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"x" * 100000) for _ in range(45)])
    target.down()
    agent = mirror(source, target, flags=("--log.progress.interval", "1", "--buffer.memory", "4MiB"))
    agent.wait_event("progress", lag=lambda text: 0 < int(text) <= 45)
    target.up()
    agent.wait_event("progress", lag=0, records=45)
    assert agent.stop() == 0


def test_every_line_is_an_event_of_the_table(mirror, run, source, target):
    names = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)*\b", run("print", "events").stdout))
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v")])
    agent = mirror(source, target, flags=("--log.level", "debug"))
    target.read("t", 1)
    assert agent.stop() == 0
    assert len(agent.events) == len(agent.lines), agent.stderr
    assert {e.name for e in agent.events} <= names


def test_no_payload_and_no_secret_in_the_log(mirror, source, target):
    """Even where a record is refused, and with everything shown."""
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"key-secret", b"value-secret" * 6000, headers=[("h", b"header-secret")])])
    agent = mirror(source, target, consumer={"sasl.password": "pass-secret"},
                   producer={"max.request.size": 50000, "sasl.password": "pass-secret"},
                   flags=("--abort.on.send.failure", "false", "--log.level", "debug"))
    agent.wait_event("send_failure")
    assert agent.stop() == 0
    assert "-secret" not in agent.stderr  # the name of the folder has the word, too
