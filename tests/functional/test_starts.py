"""Where mirroring starts when somebody says so: start.from, start.force, and MirrorMaker 2's positions."""

import json
import pathlib

import pytest

from cluster import Record
from conftest import GROUP

LATEST = {"auto.offset.reset": "latest"}
MM2 = ("--offsets.import", "mm2", "--offsets.import.alias", "west")


def numbered(first, last, partition=0):
    return [Record(b"k", b"%d" % i, partition) for i in range(first, last)]


def values(records):
    return sorted(int(r.value) for r in records)


@pytest.fixture
def filled(source, target):
    """Two topics: ta with 50 records in partition 0 and 30 in partition 1, tb with 20 in one."""
    for cluster in (source, target):
        cluster.create("ta", 2)
        cluster.create("tb", 1)
    source.produce("ta", numbered(0, 50, 0) + numbered(50, 80, 1))
    source.produce("tb", numbered(100, 120))
    return source


def wait_positions(source, ta, tb):
    source.wait_committed(GROUP, "ta", ta)
    source.wait_committed(GROUP, "tb", tb)


def said(agent, event):
    """What start.from did, by its text."""
    return {e["from"]: int(e["partitions"]) for e in agent.find(event)}


def hold(*flags):
    """Nothing is read, so that the positions stay what the start made of them."""
    return (*flags, "--limit", "1r/s", "--offset.commit.interval.ms", "3600000")


@pytest.mark.parametrize("reset, start, ta, tb", [
    ("earliest", "latest", {0: 50, 1: 30}, {0: 20}),
    ("latest", "earliest", {0: 0, 1: 0}, {0: 0}),
    ("none", "earliest", {0: 0, 1: 0}, {0: 0}),
    # The time is behind the last record, and so is the end where it points.
    ("earliest", "timestamp:2200-01-01T00:00:00Z", {0: 50, 1: 30}, {0: 20}),
])
def test_a_new_group_starts_there(mirror, filled, target, reset, start, ta, tb):
    agent = mirror(filled, target, consumer={"auto.offset.reset": reset}, flags=hold("--start.from", start))
    agent.wait_event("topics")
    wait_positions(filled, ta, tb)
    assert said(agent, "positions_first_start") == {start: 3}
    assert agent.stop() == 0


def test_committed_leaves_it_to_auto_offset_reset(mirror, filled, target):
    agent = mirror(filled, target, consumer=LATEST, flags=hold("--start.from", "committed"))
    agent.wait_event("topics")
    wait_positions(filled, {0: 50, 1: 30}, {0: 20})
    assert agent.stop() == 0


def test_topics_have_their_own(mirror, filled, target):
    """The first expression that matches counts, and flags count before the file."""
    flags = hold("--start.from.ta", "latest", "--start.from.t.*", "earliest", "--start.from", "latest")
    agent = mirror(filled, target, flags=flags)
    agent.wait_event("topics")
    wait_positions(filled, {0: 50, 1: 30}, {0: 0})
    assert said(agent, "positions_first_start") == {"latest": 2, "earliest": 1}
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_offsets_of_a_file(mirror, filled, target, tmp_path):
    """What the file does not name is read from its beginning."""
    (tmp_path / "positions.csv").write_text('"ta",1,25\ntb,0,20\n', encoding="ascii")
    agent = mirror(filled, target, consumer=LATEST, flags=("--start.from", "offsets:positions.csv"))
    assert values(target.read("ta", 55)) == [*range(0, 50), *range(75, 80)]
    wait_positions(filled, {0: 50, 1: 30}, {0: 20})
    assert said(agent, "positions_first_start") == {"offsets:positions.csv": 2}
    assert agent.find("position_new", partitions=1)
    assert agent.stop() == 0
    assert target.ends("tb") == {0: 0}


def test_a_new_group_that_reads_from_the_beginning_has_positions_at_once(mirror, filled, target):
    agent = mirror(filled, target, consumer={"auto.offset.reset": "earliest"}, flags=hold())
    agent.wait_event("topics")
    wait_positions(filled, {0: 0, 1: 0}, {0: 0})
    assert said(agent, "positions_first_start") == {"earliest": 3}
    assert agent.stop() == 0


def test_a_new_group_at_the_beginning_does_not_wait_for_a_leader(mirror, filled, target):
    """What has none is left to the library; all else flows."""
    filled.order("leader", "ta", 1, -1)
    agent = mirror(filled, target, consumer={"auto.offset.reset": "earliest"})
    wait_positions(filled, {0: 50, 1: -1}, {0: 20})
    assert sum(target.ends("ta").values()) == 50
    filled.order("leader", "ta", 1, 1)
    wait_positions(filled, {0: 50, 1: 30}, {0: 20})
    assert agent.stop() == 0


def test_positions_that_are_there_stay(mirror, filled, target):
    filled.commit(GROUP, "ta", {0: 10, 1: 20})
    filled.commit(GROUP, "tb", {0: 5})
    agent = mirror(filled, target, flags=hold("--start.from", "latest", "--start.from.tb", "earliest"))
    agent.wait_event("topics")
    wait_positions(filled, {0: 10, 1: 20}, {0: 5})
    assert not agent.find("positions_first_start") and not agent.find("position_new")
    assert agent.stop() == 0


@pytest.mark.parametrize("flags, tb", [
    (("--start.from", "latest"), {0: 0}),
    (("--start.from", "duration:PT1H"), {0: 0}),
    (("--start.from.tb", "latest"), {0: 20}),
])
def test_a_topic_that_is_new_to_the_group(mirror, filled, target, flags, tb):
    """It may have been made while nobody mirrored: only its own setting passes over what it holds."""
    filled.commit(GROUP, "ta", {0: 10, 1: 20})
    agent = mirror(filled, target, consumer=LATEST, flags=hold(*flags))
    agent.wait_event("topics")
    wait_positions(filled, {0: 10, 1: 20}, tb)
    assert agent.stop() == 0


def test_a_partition_that_a_topic_gained(mirror, filled, target):
    """The group knows partition 0 only: the other one is new, and read from its beginning."""
    filled.commit(GROUP, "ta", {0: 50})
    agent = mirror(filled, target, consumer=LATEST, flags=("--start.from.ta", "latest"))
    assert values(target.read("ta", 30)) == list(range(50, 80))
    assert agent.wait_event("position_new")["partitions"] == "2"  # tb's, too
    assert agent.stop() == 0


def test_a_topic_that_appears_while_it_runs(mirror, filled, target):
    agent = mirror(filled, target, consumer={**LATEST, "metadata.max.age.ms": 200},
                   flags=("--start.from", "latest", "--start.from.tc", "latest"))
    agent.wait_event("assigned")
    target.create("tc")
    filled.create("tc")
    filled.produce("tc", numbered(0, 40))
    assert values(target.read("tc", 40)) == list(range(40))
    assert agent.stop() == 0


# ---- start.force ----


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    return {"STATE_DIRECTORY": str(folder)}


@pytest.mark.sanitize
def test_force_is_obeyed_once(mirror, filled, target, state, tmp_path):
    filled.commit(GROUP, "ta", {0: 10, 1: 20})
    filled.commit(GROUP, "tb", {0: 5})
    flags = hold("--start.from.ta", "latest", "--start.from.tb", "earliest", "--start.force")
    agent = mirror(filled, target, flags=flags, environment=state)
    agent.wait_event("topics")
    wait_positions(filled, {0: 50, 1: 30}, {0: 0})
    assert said(agent, "positions_forced") == {"latest": 2, "earliest": 1}
    assert agent.find("positions_forced")[0].level == "warn"
    assert agent.stop() == 0

    # As a supervisor does it: the same command again. Then without it, which forgets that it ever was.
    agent = mirror(filled, target, flags=flags, environment=state)
    note = pathlib.Path(agent.wait_event("positions_not_forced")["note"])
    agent.wait_event("topics")
    assert not agent.find("positions_forced")
    assert agent.stop() == 0
    assert list((tmp_path / "state").iterdir()) == [note]
    agent = mirror(filled, target, flags=hold("--start.from", "earliest"), environment=state)
    agent.wait_event("topics")
    assert agent.stop() == 0
    assert not list((tmp_path / "state").iterdir())


def test_force_leaves_alone_what_nothing_is_said_about(mirror, filled, target, state, tmp_path):
    filled.commit(GROUP, "ta", {0: 10, 1: 20})
    filled.commit(GROUP, "tb", {0: 5})
    (tmp_path / "positions.csv").write_text("ta,1,1\n", encoding="ascii")
    agent = mirror(filled, target, environment=state,
                   flags=hold("--start.from.ta", "offsets:positions.csv", "--start.force"))
    agent.wait_event("topics")
    wait_positions(filled, {0: 10, 1: 1}, {0: 5})
    assert agent.stop() == 0


def test_force_with_nothing_to_mirror_yet(mirror, source, target, state):
    """It was obeyed, too: a restart does not throw away what came in between."""
    flags = ("--start.from", "latest", "--start.force")
    agent = mirror(source, target, flags=flags, environment=state)
    assert agent.wait_event("positions_forced")["partitions"] == "0"
    agent.wait_event("topics_none")
    assert agent.stop() == 0
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 30))
    source.commit(GROUP, "t", {0: 10})
    agent = mirror(source, target, flags=flags, environment=state)
    assert values(target.read("t", 20)) == list(range(10, 30))
    assert agent.find("positions_not_forced")
    assert agent.stop() == 0


def test_force_needs_a_group_without_members(mirror, filled, target, state):
    first = mirror(filled, target)
    first.wait_event("assigned")
    wait_positions(filled, {0: 50, 1: 30}, {0: 20})
    second = mirror(filled, target, flags=("--start.from", "earliest", "--start.force"), environment=state)
    assert second.wait() == 1
    assert "has members" in second.stderr and GROUP in second.stderr
    wait_positions(filled, {0: 50, 1: 30}, {0: 20})
    assert first.stop() == 0


@pytest.mark.parametrize("text", ["nowhere/note", "note"])
def test_force_that_cannot_be_noted(mirror, filled, target, tmp_path, text):
    """Positions are not thrown away when the next start would do it again."""
    filled.commit(GROUP, "tb", {0: 5})
    (tmp_path / "note").write_text("somebody's file\n", encoding="ascii")
    agent = mirror(filled, target, flags=("--start.from", "latest", "--start.force", "--start.state.file", text))
    assert agent.wait() == 1
    assert text in agent.stderr
    assert filled.committed(GROUP, "tb", 1) == {0: 5}
    assert (tmp_path / "note").read_text(encoding="ascii") == "somebody's file\n"


def test_force_without_a_place_to_start_from(mirror, source, target):
    agent = mirror(source, target, flags=("--start.force",))
    assert agent.wait() == 1
    assert "--start.from" in agent.stderr


# ---- offsets.import=mm2 ----


def mm2_record(topic, partition, offset, connector="MirrorSourceConnector", cluster="west"):
    key = json.dumps([connector, {"cluster": cluster, "partition": partition, "topic": topic}])
    value = None if offset is None else json.dumps({"offset": offset})
    return Record(key.encode(), value and value.encode())


def keep_offsets(cluster, *records, topic="mm2-offsets.west.internal", partitions=5):
    """The topic as Connect has it; records of one key lie in one partition there."""
    cluster.create(topic, partitions)
    cluster.produce(topic, [r._replace(partition=sum(r.key or b"") % partitions) for r in records])


@pytest.mark.sanitize
def test_positions_of_mirrormaker_2(mirror, filled, target):
    """It keeps the last offset that it copied; a record without a value takes a position back."""
    keep_offsets(target, mm2_record("ta", 0, 3), mm2_record("ta", 0, 39), mm2_record("ta", 1, 9), mm2_record("ta", 1, None),
                 mm2_record("tb", 0, 4), mm2_record("other", 0, 7), mm2_record("ta", 1, 5, cluster="east"),
                 mm2_record("ta", 1, 6, connector="x"), Record(b"no JSON", b"{"), Record(b"[]", None), Record(b"{}", b"1"))
    agent = mirror(filled, target, consumer=LATEST, flags=MM2)
    assert values(target.read("ta", 40)) == [*range(40, 80)]
    assert values(target.read("tb", 15)) == [*range(105, 120)]
    wait_positions(filled, {0: 50, 1: 30}, {0: 20})
    assert agent.wait_event("mm2_positions")["partitions"] == "2"
    assert agent.wait_event("position_new")["partitions"] == "1"
    assert agent.stop() == 0
    # The group has its own positions now, and its topics are not begun again.
    again = mirror(filled, target, consumer=LATEST, flags=MM2)
    again.wait_event("topics")
    assert not again.find("mm2_positions")
    assert again.stop() == 0


def test_a_target_that_is_away_is_waited_for(mirror, filled, target):
    """Without MirrorMaker 2's positions nothing is begun."""
    keep_offsets(target, mm2_record("ta", 0, 39))
    target.down()
    agent = mirror(filled, target, flags=hold(*MM2, "--start.timeout.ms", "0"))
    agent.wait_event("source_unreachable", reason=lambda text: "MirrorMaker 2" in text and "target" in text)
    assert filled.committed(GROUP, "ta", 2) == {0: -1, 1: -1}
    target.up()
    agent.wait_event("mm2_positions")
    filled.wait_committed(GROUP, "ta", {0: 40, 1: -1})
    assert agent.stop() == 0


def test_positions_of_a_connect_cluster_at_the_source(mirror, filled, target):
    keep_offsets(filled, mm2_record("ta", 0, 49, connector="c1"), mm2_record("ta", 1, 9, connector="c1"),
                 mm2_record("tb", 0, 4, connector="c1"), topic="connect-offsets", partitions=1)
    filled.commit(GROUP, "ta", {1: 20})
    agent = mirror(filled, target, flags=hold(*MM2, "--offsets.import.topic", "connect-offsets", "--offsets.import.connector", "c1",
                                              "--offsets.import.side", "source"))
    agent.wait_event("topics")
    wait_positions(filled, {0: 50, 1: 20}, {0: 5})
    assert agent.wait_event("mm2_positions")["partitions"] == "2"
    assert agent.stop() == 0


@pytest.mark.parametrize("flags, sentence", [
    ((*MM2[:3], "east"), "there is no topic mm2-offsets.east.internal at the target"),
    ((*MM2, "--offsets.import.connector", "c1"), "it has: MirrorSourceConnector/west"),
    ((*MM2[:3], "east", "--offsets.import.topic", "mm2-offsets.west.internal"), "it has: MirrorSourceConnector/west"),
    ((*MM2, "--exclude", "ta"), "none of a topic that is mirrored"),
])
def test_positions_that_are_not_found(mirror, filled, target, flags, sentence):
    """A new group is not begun elsewhere because a name was misspelt."""
    keep_offsets(target, mm2_record("ta", 0, 39))
    agent = mirror(filled, target, flags=flags)
    assert agent.wait() == 1
    assert sentence in agent.stderr
    assert filled.committed(GROUP, "ta", 2) == {0: -1, 1: -1}


# ---- what is wrong is said before anything is asked ----


@pytest.mark.parametrize("lines, sentence", [
    ("[start]\nfrom = soon\n", "reflejo.ini:2: from: 'soon' is none of: committed earliest latest"),
    ("[start]\nfrom = latest\nfrom.t = timestamp:2026-01-31T00:00:00\n", "reflejo.ini:3: from.t: '2026-01-31T00:00:00' does not say of which time zone"),
    ("[start]\nfrom.a[ = latest\n", "reflejo.ini:2"),
    ("[start]\nfrom = offsets:broken.csv\n", "broken.csv:2: the offset: 'x' is not a whole number"),
    ("[mirror]\noffsets.import = mm2\n", "--offsets.import.alias"),
    ("[mirror]\noffsets.import = zookeeper\n", "needs zookeeper.connect"),
])
@pytest.mark.parametrize("command", ["run", "check"])
def test_what_is_wrong(run, tmp_path, lines, sentence, command):
    (tmp_path / "broken.csv").write_text("t,0,1\nt,1,x\n", encoding="ascii")
    (tmp_path / "reflejo.ini").write_text(
        lines + "[admin]\nlisten = none\n[consumer]\nbootstrap.servers = 127.0.0.1:1\ngroup.id = g\n"
        "[producer]\nbootstrap.servers = 127.0.0.1:2\n", encoding="ascii")
    done = run(command, "--config", "reflejo.ini", "--whitelist", "t")
    assert done.returncode == 1
    assert sentence in done.stderr
