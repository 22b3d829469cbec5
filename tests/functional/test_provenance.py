"""Where records came from: the header that mirrors write, and records that came from the target in the first place."""

import json
import textwrap

from cluster import Record
from conftest import CONSUMER, GROUP, write_properties
from timing import DEADLINE, wait_until

HEADER = "reflejo.origin"
BOTH = ("--provenance", "true", "--loop.drop", "true")
METADATA = 3  # Kafka's number of that request; before version 2 its answer has no cluster id


def named(source, target):
    return ("--provenance.source", source, "--provenance.target", target)


def ids(cluster):
    """The id that the cluster's brokers tell."""
    probe = cluster._probe("id")
    found = probe.list_topics(timeout=DEADLINE).cluster_id
    probe.close()
    return found


def origin(record):
    """What the header says, None without one; there is never a second one."""
    values = [value for name, value in record.headers or [] if name == HEADER]
    assert len(values) <= 1, record
    return values[0].decode() if values else None


def everything(cluster, topic="t"):
    """All records of the topic by their values, which are all different."""
    count = sum(cluster.ends(topic).values())
    records = cluster.read(topic, count)
    found = {r.value: r for r in records}
    assert len(found) == len(records) == count, "a record is there twice"
    return found


def wait_settled(cluster, count, group=GROUP, topic="t"):
    """Waits until the cluster holds so many records, and its mirror is done with all of them: then it adds nothing more elsewhere."""
    def is_settled():
        ends = cluster.ends(topic)
        return sum(ends.values()) >= count and cluster.committed(group, topic, len(ends)) == ends
    wait_until(is_settled, what=f"{count} records that are all committed")
    assert sum(cluster.ends(topic).values()) == count


def write(cluster, name, count, partitions, topic="t"):
    cluster.produce(topic, [Record(b"key-%d" % (i % 17), b"%s-%d" % (name.encode(), i), i % partitions) for i in range(count)])


QUICK = ("--offset.commit.interval.ms", "200")


def test_two_clusters_mirror_the_same_topic_to_each_other(mirror, run, tmp_path, make_cluster):
    """By the ids that the clusters have, without a name given."""
    east, west = make_cluster(), make_cluster()
    for cluster, name in ((east, "east"), (west, "west")):
        cluster.create("t", 3)
        write(cluster, name, 300, 3)
    there = mirror(east, west, flags=(*BOTH, *QUICK))
    back = mirror(west, east, flags=(*BOTH, *QUICK))
    for cluster, name in ((east, "more-east"), (west, "more-west")):
        write(cluster, name, 300, 3)
    wait_settled(east, 1200)
    wait_settled(west, 1200)
    at_east, at_west = everything(east), everything(west)
    assert at_east.keys() == at_west.keys()
    for value, record in at_east.items():
        copy, source, home = (at_west[value], east, record) if b"east" in value else (record, west, at_west[value])
        assert origin(home) is None
        assert origin(copy) == f"{ids(source)}/t:{home.partition}@{home.offset}"
    event = there.wait_event("provenance")
    assert (event["source"], event["target"]) == (ids(east), ids(west))
    assert there.stop() == 0 and back.stop() == 0
    assert not there.find("loop_suspected") and not back.find("loop_suspected")
    for source, target in ((east, west), (west, east)):
        files = ["--consumer.config", write_properties(tmp_path / "v.c", {"bootstrap.servers": source.bootstrap, **CONSUMER}),
                 "--producer.config", write_properties(tmp_path / "v.p", {"bootstrap.servers": target.bootstrap})]
        done = run("verify", "--json", *files, "--whitelist", "t", *BOTH)
        found = json.loads(done.stdout)
        assert done.returncode == 0, (done.stderr, found)
        assert found["topics"][0]["expected"] == found["topics"][0]["target"] == 600
        # Without knowing of the header nothing fits.
        assert run("verify", *files, "--whitelist", "t").returncode == 1


def test_a_chain_keeps_the_history_and_all_other_headers(mirror, make_cluster):
    """What has the header's name from outside is believed as far as it has the form."""
    first, second, third = make_cluster(), make_cluster(), make_cluster()
    claims = [None, b"", b"nonsense", b"mars/t:0@7", b"mars/t:00@7", b"mars/t:0@7,", b"mars/t:0@7,sun,venus/x.y:12@9", b"\xff\0/", None]
    for cluster in (first, second, third):
        cluster.create("t")
    around = [("a", b"1"), ("b", None), ("a", b"2")]
    first.produce("t", [Record(b"k", b"%d" % i, 0, headers=[around[0], (HEADER, claim), *around[1:]])
                        for i, claim in enumerate(claims)])
    first.produce("t", [Record(b"k", b"plain", 0),
                        Record(b"k", b"both", 0, headers=[(HEADER, b"mars/t:0@7"), (HEADER, b"mars/t"), ("z", b"")])])
    mirror(first, second, flags=("--provenance", "true", *named("one", "two")))
    mirror(second, third, flags=("--provenance", "true", *named("two", "three")))
    believed = {3: "mars/t:0@7,", 6: "mars/t:0@7,sun,venus/x.y:12@9,"}
    for cluster, way in ((second, "one/t:0@%d"), (third, "one/t:0@%d,two/t:0@%d")):
        seen = sorted(cluster.read("t", len(claims) + 2), key=lambda r: r.offset)
        for i in range(len(claims)):
            where = way.replace("%d", str(i))
            assert seen[i].headers == [*around, (HEADER, (believed.get(i, "") + where).encode())], i
        last = len(claims)
        assert seen[last].headers == [(HEADER, way.replace("%d", str(last)).encode())]
        where = "mars/t:0@7," + way.replace("%d", str(last + 1))
        assert seen[last + 1].headers == [("z", b""), (HEADER, where.encode())]


def test_nothing_goes_round_in_a_ring(mirror, make_cluster):
    ring = [make_cluster() for _ in range(3)]
    names = ["a", "b", "c"]
    for cluster, name in zip(ring, names):
        cluster.create("t")
        write(cluster, name, 50, 1)
    agents = [mirror(ring[i], ring[(i + 1) % 3], flags=(*BOTH, *named(names[i], names[(i + 1) % 3]), *QUICK)) for i in range(3)]
    for cluster in ring:
        wait_settled(cluster, 150)
    found = [everything(cluster) for cluster in ring]
    assert found[0].keys() == found[1].keys() == found[2].keys()
    # From the cluster before comes what was written there, or came there.
    assert origin(found[2][b"a-7"]).startswith("a/t:0@7,b/t:0@")
    assert origin(found[1][b"c-7"]).startswith("c/t:0@7,a/t:0@")
    assert all(agent.stop() == 0 for agent in agents)
    # Of all that stands in b, a's records and its own go on to c, and c's do not.
    assert sum(int(event["dropped"]) for event in agents[1].find("progress")) == 50


def test_names_that_do_not_fit_are_said(mirror, make_cluster):
    """One mirror calls the cluster otherwise: records go round, and the log says so."""
    east, west = make_cluster(), make_cluster()
    east.create("t")
    west.create("t")
    east.produce("t", [Record(b"k", b"v", 0)])
    there = mirror(east, west, flags=(*BOTH, *named("east", "west")))
    back = mirror(west, east, flags=(*BOTH, *named("occident", "orient")))
    there.wait_event("loop_suspected")
    assert back.stop() == 0 and there.stop() == 0


SCRIPT = """
    return { api = 1, record = function(r)
      if r.key == "set" then r.headers:set("reflejo.origin", "moon/t:0@1") end
      if r.key == "remove" then r.headers:remove "reflejo.origin" end
      if r.key == "add" then r.headers:add("reflejo.origin", "moon/t:0@1") r.headers:add("x", "y") end
      if r.key == "value" then r.value = "other" end
      if r.key == "dead" then return r:dead_letter "dead" end
      if r.key == "emit" then
        r:emit { value = "emitted", headers = { { "reflejo.origin", "moon/t:0@1" }, { "h", "i" } } }
        r:emit { value = "emitted too" }
      end
    end }
"""


def test_a_script_can_read_but_not_change_it(mirror, make_cluster, tmp_path):
    source, target = make_cluster(), make_cluster()
    keys = [b"keep", b"set", b"remove", b"add", b"value", b"dead", b"emit"]
    source.create("t")
    target.create("t")
    target.create("dead")
    claim = (HEADER, b"mars/t:0@7")
    source.produce("t", [Record(key, b"v", 0, headers=[("a", b"1"), claim]) for key in keys])
    script = tmp_path / "script.lua"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    mirror(source, target, flags=("--provenance", "true", *named("east", "west"), "--script.file", script, "--script.state.file",
                                  tmp_path / "state", "--dead.letter.topic", "dead"))
    seen = sorted(target.read("t", 8), key=lambda r: r.offset)
    assert [origin(r) for r in seen] == [f"mars/t:0@7,east/t:0@{i}" for i in (0, 1, 2, 3, 4, 6, 6, 6)]
    assert all(r.headers[-1][0] == HEADER for r in seen)
    others = [[h for h in r.headers if h[0] != HEADER] for r in seen]
    a = [("a", b"1")]
    assert others == [a, a, a, [*a, ("x", b"y")], a, a, [("h", b"i")], a]
    dead, = target.read("dead", 1)
    assert origin(dead) == "mars/t:0@7,east/t:0@5"
    assert ("reflejo.reason", b"dead") in dead.headers


def test_at_the_bound_clusters_are_still_known(mirror, make_cluster):
    """Places between the first and the newest go, the clusters' names stay, each once."""
    source, target = make_cluster(), make_cluster()
    source.create("t")
    target.create("t")
    lists = ["a/t:0@1,b/t:0@2,c/t:0@3", "a/t:0@1,b,b/t:0@2,a/t:0@5", "a,b/t:0@2", ",".join("c%d/t:0@1" % i for i in range(64)),
             "a/t:0@1,west/t:0@1,b/t:0@1,c/t:0@1"]
    source.produce("t", [Record(b"k", b"v", 0, headers=[(HEADER, text.encode())]) for text in lists])
    agent = mirror(source, target, flags=(*BOTH, *named("east", "west"), "--provenance.hops", "2", "--provenance.header", HEADER,
                                          *QUICK))
    source.wait_committed(GROUP, "t", {0: len(lists)})
    assert [origin(r) for r in sorted(target.read("t", 4), key=lambda r: r.offset)] == [
        "a/t:0@1,b,c,east/t:0@0", "a/t:0@1,b,east/t:0@1", "east/t:0@2",
        "c0/t:0@1," + "".join("c%d," % i for i in range(2, 64)) + "east/t:0@3"]
    assert agent.stop() == 0
    assert sum(target.ends("t").values()) == 4


def test_a_one_shot_is_done_with_what_came_from_the_target(mirror, make_cluster, tmp_path):
    """The script never sees such records, and they count as left out on purpose, by a reason."""
    source, target = make_cluster(), make_cluster()
    source.create("t", 2)
    target.create("t", 2)
    loop = [(HEADER, b"west/t:0@7")]
    source.produce("t", [Record(b"k", b"%d" % i, 0, headers=loop if i % 3 != 1 else None) for i in range(300)])
    source.produce("t", [Record(b"k", b"never", 1, headers=loop) for i in range(20)])
    script = tmp_path / "script.lua"
    script.write_text('return { api = 1, record = function(r) r.headers:add("seen", r.value) end }', encoding="utf-8")
    report = tmp_path / "report.json"
    agent = mirror(source, target, flags=(*BOTH, *named("east", "west"), "--until.end", "--report", report, "--partition.mode", "preserve",
                                          "--script.file", script, "--script.state.file", tmp_path / "state"))
    assert agent.wait() == 0
    assert source.committed(GROUP, "t", 2) == {0: 300, 1: 20}
    seen = sorted(target.read("t", 100), key=lambda r: r.offset)
    assert [r.value for r in seen] == [b"%d" % i for i in range(300) if i % 3 == 1]
    assert all(r.headers == [("seen", r.value), (HEADER, b"east/t:0@%d" % int(r.value))] for r in seen)
    topic = json.loads(report.read_text(encoding="utf-8"))["topics"][0]
    assert topic["dropped"] == {"loop": 220}


def test_a_cluster_without_an_id_needs_a_name(run, tmp_path, make_cluster):
    old, new = make_cluster(), make_cluster()
    old.order("apiversion", METADATA, 0, 1)
    old.create("t")
    new.create("t")

    def start(source, target, *flags):
        files = ["--consumer.config", write_properties(tmp_path / "c", {"bootstrap.servers": source.bootstrap, **CONSUMER}),
                 "--producer.config", write_properties(tmp_path / "p", {"bootstrap.servers": target.bootstrap})]
        return run(*files, "--whitelist", "t", "--admin.listen", "none", *flags)

    for source, target, flags, sentence in (
            (old, new, ("--provenance", "true"), "provenance=true needs a name for the source cluster"),
            (new, old, ("--loop.drop", "true"), "loop.drop=true needs a name for the target cluster"),
            (new, old, BOTH, "loop.drop=true needs a name for the target cluster"),
            (new, new, BOTH, "source and target are the same cluster"),
            (old, new, (*BOTH, "--provenance.source", ids(new)), "are both called " + ids(new))):
        done = start(source, target, *flags)
        assert done.returncode != 0 and sentence in done.stderr, (flags, done.stderr)


def test_loops_are_left_out_only_once_the_target_is_known(mirror, make_cluster):
    source, target = make_cluster(), make_cluster()
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"loop", 0, headers=[(HEADER, ids(target).encode() + b"/t:0@1")]), Record(b"k", b"v", 0)])
    target.order("down", 1)
    agent = mirror(source, target, flags=(*BOTH, *QUICK))
    agent.wait_event("target_unreachable")
    assert not agent.find("assigned") and not agent.find("provenance")
    target.order("up", 1)
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    source.wait_committed(GROUP, "t", {0: 2})
    assert agent.stop() == 0
