"""One shot: the mirror ends by itself, and says what it did and what it left out."""

import json
import os
import pty
import subprocess

import pytest
from confluent_kafka import Consumer

from api import Api
from cluster import Record
from conftest import CONSUMER, GROUP, write_properties
from openapi import check
from test_script import scripted  # noqa: F401
from timing import DEADLINE, wait_until

REPORT = ("--until.end", "--report", "report.json")


def numbered(first, last, partition=0):
    return [Record(b"k", b"%d" % i, partition) for i in range(first, last)]


def values(records):
    return [int(r.value) for r in sorted(records, key=lambda r: (r.partition, r.offset))]


@pytest.fixture
def report(tmp_path):
    """report(): the report that was written; report("t", 1): what it says of that partition."""
    def read(topic=None, partition=None):
        found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        assert [p.name for p in tmp_path.iterdir() if "report.json" in p.name] == ["report.json"]
        if topic is None:
            return found
        partitions = next(t for t in found["topics"] if t["topic"] == topic)["partitions"]
        return next(p for p in partitions if p["partition"] == partition)
    return read


def reasons(document):
    return [f"{left['topic']}:{left['partition']} {left['reason']}" for left in document["left_out"]]


def test_what_retention_takes_while_it_runs_is_left_out(mirror, source, target, report):
    """The mock cluster keeps 5 MiB a partition: what is written later overtakes a slow mirror, and its end."""
    source.create("t", 1)
    target.create("t", 8)
    source.produce("t", [Record(b"%d" % i, bytes(100_000), 0) for i in range(40)])
    agent = mirror(source, target, flags=(*REPORT, "--limit", "10r/s", "--buffer.memory", "4MiB"))
    agent.wait_event("until")
    wait_until(lambda: sum(target.ends("t").values()) > 0, what="the first record")
    for _ in range(4):
        source.produce("t", [Record(b"k", bytes(100_000), 0) for _ in range(50)])
    assert agent.wait() == 3, agent.stderr
    gap = agent.find("source_gap")[-1]
    assert gap["kind"] == "retention" and int(gap["last_missing"]) >= 39
    found = report()
    assert (found["complete"], found["status"]) == (False, 3)
    assert len(found["left_out"]) == 1, found["left_out"]
    assert f"offsets {gap['first_missing']} to {gap['last_missing']} were not there when they were to be read (retention)" in reasons(found)[0]


@pytest.mark.sanitize
def test_ends_at_the_ends_seen_at_the_start(mirror, source, target, report):
    """What is written while it runs is left for the next run, which goes on from there."""
    source.create("t", 3)
    target.create("t")
    source.produce("t", numbered(0, 900, 0) + numbered(900, 1200, 1))
    agent = mirror(source, target, flags=REPORT)
    assert agent.wait_event("until")["records"] == "1200"
    source.produce("t", numbered(2000, 2100, 0) + numbered(2100, 2200, 2))
    assert agent.wait() == 0, agent.stderr
    assert target.ends("t") == {0: 1200}
    assert sorted(values(target.read("t", 1200))) == list(range(1200))
    assert source.committed(GROUP, "t", 3) == {0: 900, 1: 300, 2: 0}
    found = report()
    assert (found["complete"], found["status"], found["left_out"]) == (True, 0, [])
    assert found["totals"]["records_mirrored"] == found["totals"]["records_read"] == 1200
    part = report("t", 1)
    assert [part[key] for key in ("begin", "start", "end", "committed", "first_offset", "last_offset")] == \
        [0, 0, 300, 300, 0, 299]
    assert report("t", 2)["end"] == 0 and report("t", 2)["records_read"] == 0

    again = mirror(source, target, flags=REPORT)
    assert again.wait() == 0, again.stderr
    assert sorted(values(target.read("t", 1400)))[1200:] == list(range(2000, 2200))
    assert target.ends("t") == {0: 1400}
    assert report("t", 0)["start"] == 900 and report("t", 0)["offsets_not_read_again"] == 900
    assert report()["totals"]["records_mirrored"] == 200


def test_nothing_to_do_ends_at_once(mirror, source, target, report):
    source.create("t", 2)
    target.create("t")
    agent = mirror(source, target, flags=REPORT)
    assert agent.wait() == 0, agent.stderr
    assert report()["totals"]["records_read"] == 0


def test_topics_that_appear_meanwhile_are_left(mirror, source, target):
    source.create("t")
    target.create("t")
    target.create("t2")
    source.produce("t", numbered(0, 1000))
    agent = mirror(source, target, consumer={"metadata.max.age.ms": 200}, flags=("--limit", "400r/s", "--until.end"))
    agent.wait_event("until")
    source.create("t2")
    source.produce("t2", numbered(0, 10))
    agent.wait_event("topic_added", topic="t2")
    assert agent.wait() == 0, agent.stderr
    assert target.ends("t") == {0: 1000} and target.ends("t2") == {0: 0}


def test_ends_when_nothing_comes_any_more(mirror, source, target, report):
    source.create("t", 2)
    target.create("t")
    source.produce("t", numbered(0, 100))
    agent = mirror(source, target, flags=("--until.idle", "2s", "--report", "report.json"))
    target.read("t", 100)
    # What comes before the time is over begins it anew.
    source.produce("t", numbered(100, 200))
    target.read("t", 200)
    assert not agent.find("until_reached")
    assert agent.wait() == 0, agent.stderr
    assert source.committed(GROUP, "t", 2) == {0: 200, 1: 0}
    assert report()["complete"] and report()["until"] == {"end": False, "timestamp": None, "idle_seconds": 2}
    assert report("t", 0)["records_mirrored"] == 200 and report("t", 0)["end"] is None


def test_an_empty_source_is_idle(mirror, source, target):
    source.create("t", 2)
    agent = mirror(source, target, consumer={"auto.offset.reset": "latest"}, flags=("--until.idle", "1s"))
    assert agent.wait() == 0, agent.stderr


def test_what_a_script_drops_and_puts_aside_is_counted_by_reason(scripted, source, target, report):  # noqa: F811
    source.create("t", 2)
    target.create("t")
    target.create("dead")
    source.produce("t", numbered(0, 60, 0) + numbered(60, 90, 1))
    agent = scripted(source, target, """
        return { api = 1, record = function(r)
            local n = tonumber(r.value)
            if n % 10 == 1 then return r:drop("one") end
            if n % 10 == 2 then return r:drop() end
            if n % 10 == 3 then return r:dead_letter("three") end
        end }""", "--dead.letter.topic", "dead", *REPORT)
    assert agent.wait() == 0, agent.stderr
    part = report("t", 0)
    assert [part[key] for key in ("records_read", "records_mirrored", "records_dropped", "records_dead_lettered")] == \
        [60, 42, 12, 6]
    assert part["dropped"] == {"one": 6, "": 6} and report("t", 1)["dropped"] == {"one": 3, "": 3}
    totals = report()["totals"]
    assert totals["dropped"] == {"one": 9, "": 9} and totals["dead_letters"] == {"three": 9}
    assert totals["records_failed"] == 0
    assert target.ends("t") == {0: 63} and target.ends("dead") == {0: 9}


def test_what_the_target_refuses_is_left_out(mirror, source, target, report):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 20) + [Record(b"k", b"B" * 60000)] + numbered(20, 40))
    agent = mirror(source, target, producer={"max.request.size": 50000, "batch.size": 20000},
                   flags=("--abort.on.send.failure", "false", *REPORT))
    assert agent.wait() == 3, agent.stderr
    assert source.committed(GROUP, "t", 1) == {0: 41}
    assert "1 records were dropped" in reasons(report())[0] and reasons(report())[0].startswith("t:0 ")
    assert report("t", 0)["records_failed"] == 1 and report("t", 0)["records_mirrored"] == 40
    assert sum(report("t", 0)["dropped"].values()) == 1
    assert agent.find("left_out", topic="t", partition=0) and agent.find("stop", status=3)


@pytest.mark.sanitize
@pytest.mark.parametrize("flags", [("--until.end",), ("--until.idle", "2s")])
def test_a_held_partition_is_left_out_and_all_others_are_not(scripted, source, target, report, flags):  # noqa: F811
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", numbered(0, 50, 0) + numbered(50, 90, 1))
    flags = ("--partition.mode", "preserve", "--report", "report.json", *flags)
    agent = scripted(source, target, """
        return { api = 1, record = function(r) if r.value == "20" then error("no twenty") end end }""", *flags)
    assert agent.wait() == 3, agent.stderr
    assert source.committed(GROUP, "t", 2) == {0: 20, 1: 40}
    assert agent.find("until_reached", reason=lambda text: text != "its ends are reached"), agent.stderr
    assert len(report()["left_out"]) == 1
    assert reasons(report())[0].startswith("t:0 ") and "no twenty" in reasons(report())[0]
    assert not report()["complete"]
    # What was mended goes on there.
    again = scripted(source, target, "return { api = 1 }", *flags)
    assert again.wait() == 0, again.stderr
    assert values(target.read("t", 90)) == list(range(90)) and target.ends("t") == {0: 50, 1: 40}
    assert report("t", 0)["start"] == 20


def test_a_topic_that_is_missing_at_the_target_is_given_up_in_the_end(mirror, source, target, report):
    source.create("t")
    source.create("t2")
    target.create("t")
    target.order("topic_error", "t2", 3)
    source.produce("t", numbered(0, 10))
    source.produce("t2", numbered(0, 10))
    agent = mirror(source, target, flags=("--admin.stall.seconds", "2", *REPORT))
    assert agent.wait() == 3, agent.stderr
    assert source.committed(GROUP, "t", 1) == {0: 10}
    found = reasons(report())
    assert len(found) == 1 and found[0].startswith("t2:0 offsets 0 to 9 are not mirrored"), found
    assert "t2 is not there at the target: create it" in found[0]


def test_an_outage_is_waited_for(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 100))
    target.down()
    agent = mirror(source, target, flags=("--admin.stall.seconds", "1", "--until.end", "--until.idle", "1s"))
    agent.wait_event("target_unreachable")
    # Long enough for whoever would take it for the end: it is said again, ten seconds later.
    agent.wait_event("target_unreachable", count=2)
    assert not agent.find("until_reached")
    target.up()
    assert agent.wait() == 0, agent.stderr
    assert target.ends("t") == {0: 100}


def test_agents_that_share_the_work_end_when_all_of_it_is_done(mirror, source, target):
    source.create("t", 4)
    target.create("t")
    for partition in range(4):
        source.produce("t", numbered(partition * 1000, partition * 1000 + 1000, partition))
    flags = ("--limit", "250r/s", "--until.end")
    agents = [mirror(source, target, flags=flags) for _ in range(2)]
    for agent in agents:
        agent.wait_shared(2, 1)
    assert [agent.wait() for agent in agents] == [0, 0], agents[0].stderr + agents[1].stderr
    assert source.committed(GROUP, "t", 4) == {0: 1000, 1: 1000, 2: 1000, 3: 1000}
    assert set(values(target.read("t", 4000))) == set(range(4000))


def test_what_another_member_does_not_commit_is_left_out(mirror, source, target, report):
    source.create("t", 2)
    target.create("t")
    source.produce("t", numbered(0, 100, 0) + numbered(100, 200, 1))
    other = Consumer({"bootstrap.servers": source.bootstrap, "group.id": GROUP, "enable.auto.commit": False, "log_level": 0,
                      "auto.offset.reset": "earliest", "partition.assignment.strategy": "range,roundrobin",
                      "session.timeout.ms": 6000, "heartbeat.interval.ms": 500})
    other.subscribe(["t"])
    # Who is in the group already has its positions to itself.
    wait_until(lambda: other.poll(0.1) or len(other.assignment()) == 2, what="the other member having all")
    agent = mirror(source, target, flags=("--admin.stall.seconds", "2", *REPORT))
    held = None

    def is_over():
        """One partition is the other member's until the agent leaves."""
        nonlocal held
        other.poll(0.1)
        if len(other.assignment()) == 1:
            held = other.assignment()[0].partition
        return not agent.is_running()
    wait_until(is_over, what="the end of the agent")
    other.close()
    assert agent.wait() == 3, agent.stderr
    assert source.committed(GROUP, "t", 2) == {1 - held: 100, held: -1}
    assert reasons(report()) == [f"t:{held} offsets 0 to 99 are not mirrored: another member of the group has it, or none, "
                                 "and its committed position does not move"]


def test_interrupted_it_says_what_is_left_and_goes_on(mirror, source, target, report):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 3000))
    agent = mirror(source, target, flags=("--limit", "300r/s", *REPORT))
    target.read("t", 100)
    assert agent.stop() == 3, agent.stderr
    at = source.committed(GROUP, "t", 1)[0]
    assert reasons(report()) == [f"t:0 offsets {at} to 2999 are not mirrored: the mirror ended before"]
    assert report()["ended_because"] == "signal TERM"
    again = mirror(source, target, flags=REPORT)
    assert again.wait() == 0, again.stderr
    assert values(target.read("t", 3000)) == list(range(3000)) and target.ends("t") == {0: 3000}
    assert report("t", 0)["start"] == at and report("t", 0)["committed"] == 3000
    assert report("t", 0)["records_read"] == 3000 - at


def test_without_topics_something_is_left_out(mirror, source, target, report):
    source.create("other")
    agent = mirror(source, target, flags=REPORT)
    assert agent.wait() == 3, agent.stderr
    assert reasons(report()) == ["None:None no topic of the source is mirrored: see the expression"]


def test_stopped_before_it_began_it_reports_that(mirror, source, target, report):
    source.create("t")
    source.down()
    agent = mirror(source, target, flags=REPORT)
    agent.wait_event("source_unreachable")
    assert agent.stop() == 3
    assert reasons(report()) == ["None:None the mirror ended before it had begun"]
    assert not report()["complete"] and report()["topics"] == []


@pytest.mark.parametrize("reset", [None, "latest"])
def test_a_new_group_at_latest_is_refused(mirror, source, target, reset):
    """It would start at the very ends that it is to reach."""
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 10))
    agent = mirror(source, target, consumer={"auto.offset.reset": reset}, flags=("--until.end",))
    assert agent.wait() == 1
    assert "--start.from earliest" in agent.wait_event("failed")["reason"]
    assert source.committed(GROUP, "t", 1) == {0: -1}
    again = mirror(source, target, consumer={"auto.offset.reset": reset}, flags=("--until.end", "--start.from", "earliest"))
    assert again.wait() == 0


@pytest.mark.parametrize("flags, words", [
    (("--dry-run", "--until.end"), "dry-run"),
    (("--dry-run", "--until.idle", "5s"), "dry-run"),
    (("--report", "report.json"), "report needs"),
    (("--until.timestamp", "2999-01-01T00:00:00Z"), "is still to come"),
    (("--until.timestamp", "2026-01-31"), "--until.timestamp: '2026-01-31' is no instant"),
    (("--until.timestamp", "2026-01-31T00:00:00"), "zone"),
])
def test_what_makes_no_sense_is_refused(mirror, source, target, flags, words):
    agent = mirror(source, target, flags=flags)
    assert agent.wait() == 1
    assert words in agent.stderr


def test_a_moment_in_the_file_is_refused_with_its_line(run, tmp_path):
    (tmp_path / "r.ini").write_text("[mirror]\nwhitelist = t\nuntil.timestamp = yesterday\n[consumer]\ngroup.id = g\n"
                                    "bootstrap.servers = a:1\n[producer]\nbootstrap.servers = b:1\n", encoding="ascii")
    done = run("run", "--config", "r.ini")
    assert done.returncode == 1 and "r.ini:3: until.timestamp: 'yesterday' is no instant" in done.stderr


def test_a_report_that_cannot_be_written_is_refused_at_the_start(mirror, source, target):
    source.create("t")
    agent = mirror(source, target, flags=("--until.end", "--report", "nowhere/report.json"))
    assert agent.wait() == 1
    assert "nowhere/report.json: No such file or directory" in agent.stderr
    assert not agent.find("stream_start")


@pytest.mark.parametrize("path", ["/dev/full", "folder", "link"])
def test_a_report_takes_no_other_things_place(mirror, source, target, tmp_path, path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/dev/null")
    agent = mirror(source, target, flags=("--until.end", "--report", path))
    assert agent.wait() == 1
    assert f"the report cannot be written to {path}: what stands there is no file" in agent.stderr


def test_a_report_that_cannot_be_written_at_the_end_is_no_success(mirror, source, target, tmp_path):
    """What else stands there is not taken for it."""
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 100))
    (tmp_path / "gone").mkdir()
    agent = mirror(source, target, flags=("--until.end", "--report", "gone/report.json"))
    agent.wait_event("until")
    (tmp_path / "gone").rename(tmp_path / "away")
    assert agent.wait() == 3, agent.stderr
    assert "gone/report.json" in agent.wait_event("report_failed")["file"]
    assert target.ends("t") == {0: 100}


def test_a_mirror_that_has_not_begun_reports_that(mirror, source, target, report, tmp_path):
    """The report of an earlier run does not stay for the one that could not begin."""
    (tmp_path / "report.json").write_text('{"complete": true}', encoding="utf-8")
    source.create("t")
    source.down()
    agent = mirror(source, target, flags=(*REPORT, "--start.timeout.ms", 1000))
    assert agent.wait() == 1, agent.stderr
    found = report()
    assert (found["complete"], found["status"], found["topics"]) == (False, 1, [])
    assert reasons(found) == ["None:None the mirror ended before it had begun"]


def test_status_tells_how_far_it_is(mirror, run, source, target, tmp_path):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 2000))
    agent = mirror(source, target, flags=("--limit", "300r/s", "--until.end", "--admin.listen", "unix:admin"))
    api = Api(tmp_path / "admin")

    def half():
        found = api.status()["until"]
        return found and found["percent"] > 10 and found["eta_seconds"]
    agent.wait_event("assigned")
    wait_until(half, what="a tenth of it and a time to wait for")
    status = api.status()
    check(status, "Status")
    until = status["until"]
    assert until["end"] is True and until["records"] == 2000 and 0 < until["records_left"] < 1800
    assert 0 < until["eta_seconds"] < 60 and (until["partitions"], until["partitions_done"]) == (1, 0)
    shown = run("ctl", "--address", "unix:admin", "status").stdout
    assert " % of 2.0k records, " in shown, shown
    assert agent.stop() == 3


class Terminal:
    """The program on a terminal of its own: its exit status, and all that was written there."""

    def __init__(self, command, directory):
        master, slave = pty.openpty()
        process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                                   env={**os.environ, "TERM": "xterm"})
        os.close(slave)
        self.text = b""
        while True:
            try:
                got = os.read(master, 65536)
            except OSError:
                break
            if not got:
                break
            self.text += got
        os.close(master)
        self.status = process.wait(DEADLINE)


@pytest.mark.parametrize("format", ["auto", "kv"])
def test_the_bar_is_on_a_terminal_only_and_no_line_gets_into_it(program, tmp_path, source, target, format):
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 1000))
    files = [write_properties(tmp_path / "c.properties", {"bootstrap.servers": source.bootstrap, **CONSUMER}),
             write_properties(tmp_path / "p.properties", {"bootstrap.servers": target.bootstrap})]
    seen = Terminal([program, "--consumer.config", files[0], "--producer.config", files[1], "--whitelist", "t",
                     "--admin.listen", "none", "--limit", "300r/s", "--log.level", "debug", "--log.format", format,
                     "--until.end"], tmp_path)
    assert seen.status == 0, seen.text
    assert b"one shot: everything is mirrored and committed" in seen.text
    if format == "kv":
        assert b"% [" not in seen.text
        return
    assert b"100% [====" in seen.text and b"1.0k of 1.0k" in seen.text
    # What a terminal shows in the end: whatever stands in a line before it was cleared is gone.
    lines = [line.split(b"\r\x1b[K")[-1] for line in seen.text.replace(b"\r\n", b"\n").split(b"\n")]
    assert not [line for line in lines if b"% [" in line]
    assert [line for line in lines if b"until_reached" in line]


def test_the_text_on_stdout_says_it_for_people(program, tmp_path, source, target):
    source.create("t", 2)
    target.create("t")
    source.produce("t", numbered(0, 40))
    files = [write_properties(tmp_path / "c.properties", {"bootstrap.servers": source.bootstrap, **CONSUMER}),
             write_properties(tmp_path / "p.properties", {"bootstrap.servers": target.bootstrap})]
    done = subprocess.run([program, "--consumer.config", files[0], "--producer.config", files[1], "--whitelist", "t",
                           "--admin.listen", "none", "--until.end"], cwd=tmp_path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "one shot: everything is mirrored and committed; it ended because its ends are reached"
    assert lines[1].split() == ["read", "40", "records", "of", "2", "partitions"]
    assert [line.split() for line in lines if line.startswith("  t ")] == [["t", "2", "40", "40", "0", "0"]]
