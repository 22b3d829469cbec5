"""reflejo redrive: dead letters go through the script and the configuration as they are now, once, and nothing of them is lost."""

import pytest

from cluster import Record
from conftest import GROUP
from timing import SCALE

DONE, SOME_LEFT, NOT_DONE = 0, 1, 2
BROKEN = "return { api = 1, record = function(r) if r.value:find '^bad' then error 'no such field' end end }"
# Mended, but for what is really bad; says what it was shown.
MENDED = """
return { api = 1, record = function(r)
  if r.value == "bad really" then error "still not" end
  if r.value == "bad aside" then return r:dead_letter "not wanted" end
  if r.value == "bad drop" then return false end
  r.headers:set("seen", r.source_topic .. ":" .. r.source_partition .. "@" .. r.offset .. " " .. r.headers:count())
end }"""


@pytest.fixture
def redrive(run, source, target, tmp_path):
    """redrive(script, flag, ...) gives the finished process."""
    def start(script, *flags):
        path = tmp_path / "now.lua"
        path.write_text(script, encoding="utf-8")
        arguments = ("--consumer.config", tmp_path / "consumer1.properties", "--producer.config", tmp_path / "producer1.properties",
                     "--whitelist", "t.*", "--dead.letter.topic", "dead", "--script.file", path)
        return run("redrive", *arguments, *flags, timeout=60 * SCALE)
    return start


@pytest.fixture
def put_aside(mirror, source, target, tmp_path):
    """put_aside(values): records of t, partition 1, of which those that begin with bad are dead letters now."""
    written = {}

    def make(values, topics=("t",), flags=()):
        if not written:
            target.create("dead", 2)
        script = tmp_path / "broken.lua"
        script.write_text(BROKEN, encoding="utf-8")
        for topic in topics:
            if topic not in written:
                source.create(topic, 2)
                target.create(topic, 2)
            source.produce(topic, [Record(b"k%d" % n, v, 1, 1700000000000 + n, [("h", b"1"), ("h", None)])
                                   for n, v in enumerate(values)])
            written[topic] = written.get(topic, 0) + len(values)
        agent = mirror(source, target, flags=(
            "--script.file", script, "--script.state.file", tmp_path / "state", "--script.on.error", "dead-letter",
            "--dead.letter.topic", "dead", "--partition.mode", "preserve", *flags))
        for topic in topics:
            source.wait_committed(GROUP, topic, {0: 0, 1: written[topic]})
        assert agent.stop() == 0
    return make


def stands_at(target):
    """Where the redrive's group stands in the dead-letter topic, by partition."""
    return {n: p for n, p in target.committed(GROUP + "-redrive", "dead", 2).items() if p > 0}


def filled(target):
    return {n: end for n, end in target.ends("dead").items() if end > 0}


@pytest.mark.sanitize
def test_what_was_mended_goes_where_it_belongs(put_aside, redrive, target):
    put_aside([b"0", b"bad1", b"2", b"bad3", b"bad drop"])
    letters = target.ends("dead")
    dry = redrive(MENDED, "--dry-run")
    assert dry.returncode == DONE and "3 dead letters in dead; nothing was sent" in dry.stdout, dry.stderr
    assert "2 would be sent" in dry.stdout and "1 would be left out" in dry.stdout
    assert sum(target.ends("t").values()) == 2 and stands_at(target) == {}
    done = redrive(MENDED)
    assert done.returncode == DONE and "2 sent to where they belong\n" in done.stdout, done.stdout + done.stderr
    assert "1 left out by the script" in done.stdout and "0 failed again" in done.stdout
    sent = {r.value: r for r in target.read("t", 4)}
    for n in (1, 3):
        r = sent[b"bad%d" % n]
        assert (r.key, r.timestamp) == (b"k%d" % n, 1700000000000 + n)
        assert r.headers == [("h", b"1"), ("h", None), ("seen", b"t:1@%d 2" % n)]
    assert target.ends("dead") == letters and stands_at(target) == filled(target)
    again = redrive(MENDED)
    assert again.returncode == DONE and again.stdout.startswith("0 dead letters in dead\n")
    assert sum(target.ends("t").values()) == 4


def test_where_it_came_from_is_said_once(put_aside, redrive, target):
    """A script can neither take it off nor say otherwise; and what was said when the record was put aside is not said again."""
    named = ("--provenance", "true", "--provenance.source", "east")
    put_aside([b"bad0", b"bad really"])
    liar = MENDED.replace("r.headers:set(", 'r.headers:set("reflejo.origin", "x"); r.headers:set(')
    assert redrive(liar, *named).returncode == SOME_LEFT
    put_aside([b"bad2"], flags=named)
    assert redrive(BROKEN.replace("^bad", "^no"), *named).returncode == DONE
    sent = {r.value: [value for name, value in r.headers if name == "reflejo.origin"] for r in target.read("t", 3)}
    assert sent == {b"bad0": [b"east/t:1@0"], b"bad really": [b"east/t:1@1"], b"bad2": [b"east/t:1@2"]}


@pytest.mark.sanitize
def test_what_fails_again_stands_at_the_end_once(put_aside, redrive, target):
    put_aside([b"bad really", b"bad1", b"bad aside"])
    done = redrive(MENDED)
    assert done.returncode == SOME_LEFT and "2 failed again, and stand at its end" in done.stdout, done.stdout + done.stderr
    assert "t partition 1 offset 0: now.lua:3:" in done.stderr and "not wanted (SCRIPT_DEAD_LETTER)" in done.stderr
    letters = target.read("dead", 5)
    assert len(letters) == 5
    newest = {r.value: r.headers for r in letters if b"now.lua" in dict(r.headers)["reflejo.script"]}
    assert set(newest) == {b"bad really", b"bad aside"}
    headers = newest[b"bad really"]
    assert [h for h in headers if h[0] != "reflejo.reason"] == [
        ("h", b"1"), ("h", None), ("reflejo.topic", b"t"), ("reflejo.partition", b"1"), ("reflejo.offset", b"0"),
        ("reflejo.script", b"now.lua"), ("reflejo.script.generation", b"1"), ("reflejo.error", b"SCRIPT_FAILED")]
    # The next run finds these two, and no others.
    done = redrive(BROKEN.replace("^bad", "^no"))
    assert done.returncode == DONE and "2 sent to where they belong" in done.stdout, done.stderr
    assert sorted(r.value for r in target.read("t", 3)) == [b"bad aside", b"bad really", b"bad1"]


def test_what_is_not_meant_stays(put_aside, redrive, target):
    put_aside([b"bad1"], topics=("t", "tt"))
    target.produce("dead", [Record(b"k", b"no dead letter", 0)])
    done = redrive(MENDED, "--topic", "tt", "--reason", "SCRIPT_FAILED")
    assert done.returncode == SOME_LEFT and "1 sent to where they belong" in done.stdout, done.stdout + done.stderr
    assert "1 not meant, and stand at its end" in done.stdout and "1 records are no dead letters" in done.stdout
    assert sum(target.ends("t").values()) == 0 and sum(target.ends("tt").values()) == 1
    left = sorted(target.read("dead", 4), key=lambda r: r.offset)
    copies = [r for r in left if dict(r.headers).get("reflejo.topic") == b"t"]
    assert len(copies) == 2 and copies[0].headers == copies[1].headers and copies[0].timestamp == copies[1].timestamp
    done = redrive(MENDED, "--reason=no such field")
    assert done.returncode == DONE and "1 sent to where they belong" in done.stdout, done.stdout + done.stderr


def test_what_the_target_refuses_again(put_aside, redrive, target):
    put_aside([b"bad1"])
    target.fail("Produce", "INVALID_TIMESTAMP")
    done = redrive(MENDED)
    assert done.returncode == SOME_LEFT and "(INVALID_TIMESTAMP)" in done.stderr, done.stdout + done.stderr
    assert sum(target.ends("t").values()) == 0 and sum(target.ends("dead").values()) == 2
    assert redrive(MENDED).returncode == DONE
    assert [r.value for r in target.read("t", 1)] == [b"bad1"]


def test_where_the_plan_sends_it_now(put_aside, redrive, target):
    put_aside([b"bad1"])
    for topic in ("new.t",):
        target.create(topic, 2)
    done = redrive(MENDED, "--topic.prefix", "new.")
    assert done.returncode == DONE, done.stderr
    assert [r.value for r in target.read("new.t", 1)] == [b"bad1"]
    assert sum(target.ends("t").values()) == 0


def test_what_cannot_be_done(mirror, run, source, target, tmp_path):
    source.create("t")
    target.create("t")
    clusters = ("--consumer.bootstrap.servers", source.bootstrap, "--consumer.group.id", GROUP,
                "--producer.bootstrap.servers", target.bootstrap, "--whitelist", "t")
    done = run("redrive", *clusters)
    assert done.returncode == NOT_DONE and "name the topic with --dead.letter.topic" in done.stderr
    done = run("redrive", *clusters, "--dead.letter.topic", "dead")
    assert done.returncode == NOT_DONE and "dead is not at the target" in done.stderr
    done = run("redrive", *clusters, "--topic")
    assert done.returncode == NOT_DONE and "--topic needs a value" in done.stderr
