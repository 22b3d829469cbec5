"""Consumer groups of the source go on at the target where they stand at the source."""

import json
import signal

import pytest
from confluent_kafka import Consumer, TopicPartition

from api import Api
from cluster import Record
from conftest import GROUP
from openapi import check
from timing import DEADLINE, wait_until

FAST = ("--groups.interval", 1, "--groups.save.interval", 1, "--offset.commit.interval.ms", 200)
MAPS = f"reflejo-offsets.{GROUP}"


def numbered(first, last, partition=0, key=b"k"):
    return [Record(key, b"%d" % i, partition) for i in range(first, last)]


def commit(cluster, group, offsets):
    """Commits from outside, as a consumer that has read so far and left: {(topic, partition): offset}."""
    probe = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0})
    probe.commit(offsets=[TopicPartition(t, p, o) for (t, p), o in offsets.items()], asynchronous=False)
    probe.close()


def read_at(cluster, topic, partition, offset):
    """The value that a consumer reads next there."""
    probe = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "probe", "enable.auto.commit": False, "log_level": 0,
                      "fetch.wait.max.ms": 20})
    probe.assign([TopicPartition(topic, partition, offset)])
    message = probe.poll(DEADLINE)
    assert message is not None and not message.error(), message and message.error()
    found = (message.offset(), message.value())
    probe.close()
    return found


def rows(api, group):
    """What GET /groups has of a group, None before the first pass."""
    status, _, text = api.call("GET", "/groups")
    if status != 200:
        return None
    document = json.loads(text)
    check(document, "Groups")
    return [row for row in document["offsets"] if row["group"] == group]


def wait_rows(api, group, condition, what):
    """The first rows of the group of which the condition is true."""
    def ask():
        found = rows(api, group)
        return found if found and condition(found) else None
    return wait_until(ask, DEADLINE, what)


@pytest.fixture
def synced(mirror, source, target, tmp_path):
    """Starts a mirror that keeps groups, with an API."""
    def start(expression="app", flags=(), **more):
        listen = tmp_path / f"groups{len(list(tmp_path.iterdir()))}.sock"
        agent = mirror(source, target, flags=("--groups.sync", expression, *FAST, "--admin.listen", f"unix:{listen}", *flags), **more)
        agent.api = Api(listen)
        return agent
    return start


@pytest.mark.sanitize
def test_a_group_goes_on_with_the_next_record(synced, source, target):
    """The target's offsets differ from the source's; the translated one is of the very next record."""
    source.create("t", 2)
    target.create("t", 2)
    target.create(MAPS)
    target.produce("t", numbered(0, 7, 0) + numbered(0, 3, 1))
    source.produce("t", numbered(100, 150, 0) + numbered(200, 250, 1))
    agent = synced(flags=("--partition.mode", "preserve"))
    target.read("t", 110)
    commit(source, "app", {("t", 0): 20, ("t", 1): 49})
    target.wait_committed("app", "t", {0: 27, 1: 52})
    assert read_at(target, "t", 0, 27) == (27, b"120")
    assert read_at(target, "t", 1, 52) == (52, b"249")
    found = {(r["topic"], r["partition"]): r for r in rows(agent.api, "app")}
    assert found["t", 0]["quality"] == "exact" and found["t", 0]["target_offset"] == 27
    assert found["t", 0]["lag"] == 30
    # Further on, and to the end.
    commit(source, "app", {("t", 0): 50, ("t", 1): 50})
    target.wait_committed("app", "t", {0: 57, 1: 53})
    assert agent.stop() == 0


def test_a_long_topic_of_maps_is_read_at_one_stretch(synced, source, target):
    """What has not been compacted yet may be many times what is kept: groups do not wait minutes for it."""
    source.create("t")
    target.create("t")
    target.create(MAPS)
    target.produce(MAPS, [Record(b"t/%d" % (i % 10), None) for i in range(20000)])
    source.produce("t", numbered(0, 10))
    commit(source, "app", {("t", 0): 4})
    agent = synced()
    agent.wait_event("groups_topic", read="yes")
    target.wait_committed("app", "t", {0: 4})
    assert agent.stop() == 0


@pytest.mark.slow
def test_what_a_filter_drops_is_passed(synced, source, target, tmp_path):
    """The group stands at a record that the target has not: it goes on with the first one behind it that is there."""
    (tmp_path / "s.lua").write_text("return {api = 1, record = function(r) if tonumber(r.value) % 10 ~= 0 then return false end end}\n", encoding="utf-8")
    source.create("t")
    target.create("t")
    target.create(MAPS)
    source.produce("t", numbered(0, 200))
    agent = synced("other|app", flags=("--script.file", "s.lua"))
    target.read("t", 20)
    commit(source, "app", {("t", 0): 91})
    target.wait_committed("app", "t", {0: 10})
    assert read_at(target, "t", 0, 10) == (10, b"100")
    assert wait_rows(agent.api, "app", lambda r: r[0]["state"] == "same", "a pass that has nothing to do")[0]["quality"] == "exact"
    assert agent.stop() == 0


def unread(cluster, topic, starts):
    """What a consumer reads that starts there: values by partition, in order."""
    seen = cluster.reader(topic).until(lambda s: len(s) >= sum(cluster.ends(topic).values()))
    return [int(r.value) for r in sorted(seen, key=lambda r: (r.partition, r.offset)) if r.offset >= starts[r.partition]]


@pytest.mark.slow
def test_partitions_by_key_miss_nothing(synced, source, target):
    """Two partitions become three by key: nothing is missed wherever the group stands, and where nothing else stands between,
    nothing is read twice."""
    source.create("t", 2)
    target.create("t", 3)
    target.create(MAPS)
    for turn in range(10):
        source.produce("t", [Record(b"%d" % (i % 17), b"%d" % i, i % 2) for i in range(turn * 40, turn * 40 + 40)])
    agent = synced()
    target.read("t", 400)
    for stand in ({0: 50, 1: 70}, {0: 100, 1: 100}, {0: 200, 1: 200}):
        commit(source, "app", {("t", p): o for p, o in stand.items()})
        wait_rows(agent.api, "app", lambda r, s=stand: all(x["offset"] == s[x["partition"]] and x["state"] in ("written", "same") for x in r),
                  f"{stand} at the target")
        starts = target.committed("app", "t", 3)
        left = unread(target, "t", starts)
        wanted = {i for i in range(400) if i // 2 >= stand[i % 2]}
        assert wanted <= set(left), "records are missed"
    # All was read at the source, and nothing is on its way: at the target nothing is left either.
    assert wait_rows(agent.api, "app", lambda r: all(x["quality"] == "exact" for x in r), "exactness at the end")
    assert starts == target.ends("t") or target.wait_committed("app", "t", target.ends("t")) is None
    assert agent.stop() == 0


@pytest.mark.slow
def test_a_group_with_members_is_left_alone(synced, source, target):
    source.create("t")
    target.create("t")
    target.create(MAPS)
    source.produce("t", numbered(0, 100))
    member = Consumer({"bootstrap.servers": target.bootstrap, "group.id": "app", "enable.auto.commit": False, "log_level": 0,
                       "session.timeout.ms": 6000, "auto.offset.reset": "earliest"})
    member.subscribe(["t"])
    wait_until(lambda: member.poll(0.1) or member.assignment(), DEADLINE, "a member of the group")
    agent = synced()
    target.read("t", 100)
    commit(source, "app", {("t", 0): 50})

    def is_left_alone(found):
        member.poll(0)
        return found[0]["state"] == "members"
    wait_rows(agent.api, "app", is_left_alone, "a group that is left alone")
    assert target.committed("app", "t", 1) == {0: -1}
    assert agent.api.metrics()["reflejo_groups_with_members"] == 1
    assert agent.api.metrics()["reflejo_groups_synced"] == 0
    assert agent.stop() == 0
    member.close()


@pytest.mark.slow
def test_never_backwards_unless_the_source_went_back(synced, source, target):
    source.create("t")
    target.create("t")
    target.create(MAPS)
    source.produce("t", numbered(0, 100))
    agent = synced()
    target.read("t", 100)
    commit(target, "app", {("t", 0): 80})
    commit(source, "app", {("t", 0): 50})
    wait_rows(agent.api, "app", lambda r: r[0]["state"] == "ahead", "a group that is further at the target")
    commit(source, "app", {("t", 0): 90})
    target.wait_committed("app", "t", {0: 90})
    # Somebody reset it at the source, and nobody has used it at the target.
    commit(source, "app", {("t", 0): 10})
    target.wait_committed("app", "t", {0: 10})
    assert agent.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_maps_survive_a_restart(synced, source, target, end):
    """What was mirrored before is translated after. After a crash it is said that copies may follow."""
    source.create("t", 2)
    target.create("t", 2)
    target.create(MAPS)
    target.produce("t", numbered(0, 9, 0) + numbered(0, 9, 1))
    source.produce("t", numbered(0, 100, 0) + numbered(100, 200, 1))
    flags = ("--partition.mode", "preserve")
    agent = synced(flags=flags)
    target.read("t", 218)
    source.wait_committed(GROUP, "t", {0: 100, 1: 100})
    # Its last document of both partitions has all of it.
    def is_kept():
        kept = {r.key: json.loads(r.value) for r in target.reader(MAPS).until(lambda s: len(s) >= 2)}
        return len(kept) == 2 and all(d["lanes"][0]["runs"] == [0, 9, 100, 0] for d in kept.values())
    wait_until(is_kept, DEADLINE, "maps that are kept")
    if end == "stop":
        assert agent.stop() == 0
    else:
        agent.kill()
    commit(source, "app", {("t", 0): 40, ("t", 1): 60})
    again = synced(flags=flags)
    target.wait_committed("app", "t", {0: 49, 1: 69})
    assert read_at(target, "t", 1, 69) == (69, b"160")
    if end == "stop":
        assert {r["quality"] for r in rows(again.api, "app")} == {"exact"}
        # And goes on without a seam.
        source.produce("t", numbered(200, 210, 0))
        commit(source, "app", {("t", 0): 105, ("t", 1): 60})
        target.wait_committed("app", "t", {0: 114, 1: 69})
        assert {r["quality"] for r in rows(again.api, "app")} == {"exact"}
    else:
        assert {r["quality"] for r in rows(again.api, "app")} == {"bound"}
    assert again.stop() == 0


@pytest.mark.slow
def test_a_partition_that_moves_keeps_its_map(synced, source, target):
    """A second agent takes partitions over, and goes on with their maps."""
    source.create("t", 2)
    target.create("t", 2)
    target.create(MAPS)
    source.produce("t", numbered(0, 100, 0) + numbered(100, 200, 1))
    flags = ("--partition.mode", "preserve")
    first = synced(flags=flags)
    target.read("t", 200)
    # What is not committed when a partition moves is sent twice.
    source.wait_committed(GROUP, "t", {0: 100, 1: 100})
    second = synced(flags=flags)
    first.wait_shared(1, 1)
    second.wait_shared(1, 1)
    source.produce("t", numbered(200, 250, 0) + numbered(300, 350, 1))
    target.read("t", 300)
    commit(source, "app", {("t", 0): 40, ("t", 1): 140})
    target.wait_committed("app", "t", {0: 40, 1: 140})
    for agent in (first, second):
        found = wait_rows(agent.api, "app", lambda r: len(r) == 2 and {x["state"] for x in r} <= {"same", "written", "elsewhere"} and
                          all(x["quality"] == "exact" for x in r), "both partitions, exactly")
        assert {x["target_offset"] for x in found} == {40, 140}
    assert first.stop() == 0 and second.stop() == 0


@pytest.mark.slow
def test_without_its_topic_groups_move_all_the_same(synced, source, target):
    """The mock cluster makes no topics: what to create is said, and groups move until a restart."""
    source.create("t")
    target.create("t")
    source.produce("t", numbered(0, 100))
    agent = synced(f"app,{GROUP}")
    assert f"--topic {MAPS}" in agent.wait_event("groups_topic_missing")["reason"]
    target.read("t", 100)
    commit(source, "app", {("t", 0): 50})
    target.wait_committed("app", "t", {0: 50})
    # The mirror's own group stays where it is.
    assert target.committed(GROUP, "t", 1) == {0: -1}
    assert agent.stop() == 0


@pytest.mark.slow
def test_groups_on_the_command_line(synced, mirror, source, target, run, tmp_path):
    source.create("t")
    target.create("t")
    target.create(MAPS)
    source.produce("t", numbered(0, 100))
    agent = synced()
    target.read("t", 100)
    commit(source, "app", {("t", 0): 50})
    target.wait_committed("app", "t", {0: 50})
    wait_rows(agent.api, "app", lambda r: r[0]["state"] == "same", "a pass that has nothing to do")
    done = run("groups", "--address", f"unix:{agent.api.path}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split() == ["app", "t", "0", "50", "50", "t", "0", "50", "same", "exact"]
    assert json.loads(run("groups", "--address", f"unix:{agent.api.path}", "--json").stdout)["offsets"][0]["target_offset"] == 50
    agent.send(signal.SIGTERM)
    assert agent.wait() == 0
    plain = mirror(source, target, flags=("--admin.listen", f"unix:{tmp_path}/plain.sock"))
    plain.wait_event("assigned")
    done = run("groups", "--address", f"unix:{tmp_path}/plain.sock")
    assert done.returncode == 1 and "set groups.sync" in done.stderr


def once(mirror, source, target, *flags, expression="app|app2"):
    """A one shot that keeps groups; no pass would come in time by itself."""
    return mirror(source, target, flags=("--groups.sync", expression, "--groups.interval", 3600, "--offset.commit.interval.ms", 200,
                                         "--until.end", "--report", "report.json", *flags))


@pytest.mark.sanitize
@pytest.mark.parametrize("flags", [("--partition.mode", "preserve"), ("--num.streams", 2)], ids=["preserve", "key"])
def test_a_one_shot_brings_groups_over_at_its_end(mirror, source, target, tmp_path, flags):
    """A migration: the consumers have stopped, everything is mirrored, and the groups stand exactly where they stood."""
    source.create("t", 2)
    target.create("t", 2)
    target.create(MAPS)
    target.produce("t", numbered(0, 7, 0) + numbered(0, 3, 1))
    source.produce("t", [Record(b"%d" % p, b"%d" % i, p) for p in range(2) for i in range(100 * p, 100 * p + 50)])
    commit(source, "app", {("t", 0): 50, ("t", 1): 50})
    commit(source, "app2", {("t", 0): 20, ("t", 1): 50})
    agent = once(mirror, source, target, *flags)
    assert agent.wait() == 0, agent.stderr
    assert target.committed("app", "t", 2) == target.ends("t")
    left = {i for i in unread(target, "t", target.committed("app2", "t", 2)) if i >= 20}
    assert left == set(range(20, 50)) if flags[0] == "--partition.mode" else left >= set(range(20, 50))
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    check(found["groups"], "Groups")
    assert {row["quality"] for row in found["groups"]["offsets"] if row["group"] == "app"} == {"exact"}
    assert {row["state"] for row in found["groups"]["offsets"]} <= {"written", "same"}


def test_a_group_that_has_read_what_was_mirrored_before_goes_on_behind_it(mirror, source, target, tmp_path):
    """Nobody noted where records went; one partition's were all read, of the other nothing can be said."""
    source.create("t", 2)
    target.create("t", 2)
    target.create(MAPS)
    target.produce("t", numbered(0, 5, 0))
    source.produce("t", numbered(100, 150, 0) + numbered(200, 250, 1))
    before = mirror(source, target, flags=("--until.end", "--partition.mode", "preserve"))
    assert before.wait() == 0, before.stderr
    commit(source, "app", {("t", 0): 50, ("t", 1): 30})
    agent = once(mirror, source, target, "--partition.mode", "preserve")
    assert agent.wait() == 0, agent.stderr
    assert target.committed("app", "t", 2) == {0: 55, 1: -1}
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["groups"]["offsets"]
    assert {row["partition"]: row["quality"] for row in found} == {0: "exact", 1: "unknown"}


def test_a_one_shot_says_which_groups_it_could_not_bring_over(mirror, source, target, tmp_path):
    source.create("t")
    target.create("t")
    target.create(MAPS)
    source.produce("t", numbered(0, 100))
    member = Consumer({"bootstrap.servers": target.bootstrap, "group.id": "app", "enable.auto.commit": False, "log_level": 0,
                       "session.timeout.ms": 6000, "auto.offset.reset": "earliest"})
    member.subscribe(["t"])
    wait_until(lambda: member.poll(0.1) or member.assignment(), DEADLINE, "a member of the group")
    commit(source, "app", {("t", 0): 50})
    agent = once(mirror, source, target)
    wait_until(lambda: member.poll(0.1) is None and agent.process.poll() is not None, DEADLINE, "the end")
    assert agent.wait() == 3, agent.stderr
    member.close()
    reasons = [left["reason"] for left in json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["left_out"]]
    assert len(reasons) == 1 and reasons[0].startswith("1 of 1 consumer groups has members at the target"), reasons


def test_a_one_shot_does_not_wait_for_ever_for_groups(mirror, source, target, tmp_path):
    """The mock cluster lists no groups, as brokers do that do not allow it: the mirror ends, and says so."""
    source.create("t")
    target.create("t")
    target.create(MAPS)
    source.produce("t", numbered(0, 100))
    agent = once(mirror, source, target, "--admin.stall.seconds", 1, expression="app.*")
    assert agent.wait() == 3, agent.stderr
    assert target.ends("t") == {0: 100}
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [left["reason"][:45] for left in found["left_out"]] == ["the offsets of the consumer groups as they st"]
    assert "cannot be listed" in found["groups"]["reason"]


def test_a_wrong_expression_is_refused(mirror, source, target):
    agent = mirror(source, target, flags=("--groups.sync", "app("))
    assert agent.wait() == 1
    assert "groups.sync" in agent.stderr
