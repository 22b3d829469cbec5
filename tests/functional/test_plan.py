"""The plan: what `reflejo plan` says beforehand, and how a running mirror follows what changes at both clusters."""

import collections
import json
import textwrap

import pytest

from cluster import Record
from timing import DEADLINE

QUICK = {"metadata.max.age.ms": 500}


@pytest.fixture
def plan(run, tmp_path):
    """Runs `reflejo plan`: plan(source, target, "--flag", ..., script="return {...}") gives status, stdout, stderr."""
    def run_plan(source, target, *flags, whitelist=".*", script=None):
        if script is not None:
            (tmp_path / "route.lua").write_text(textwrap.dedent(script), encoding="utf-8")
            flags = ("--script.file", tmp_path / "route.lua", *flags)
        return run("plan", "--consumer.bootstrap.servers", getattr(source, "bootstrap", source), "--consumer.group.id",
                   "g", "--producer.bootstrap.servers", getattr(target, "bootstrap", target), "--whitelist", whitelist,
                   *flags)
    return run_plan


@pytest.fixture
def of_file(plan, tmp_path):
    """The same of topics out of a file, as a document; no cluster is asked."""
    def run_plan(topics, *flags, **more):
        (tmp_path / "topics.json").write_text(topics if isinstance(topics, str) else json.dumps(topics),
                                              encoding="utf-8")
        done = plan("127.0.0.1:1", "127.0.0.1:1", "--json", "--source-topics", tmp_path / "topics.json", *flags, **more)
        assert done.stdout, done.stderr
        document = json.loads(done.stdout)
        assert done.returncode == (1 if document["problems"] else 0)
        assert document["problems"] == sum(len(t["problems"]) for t in document["topics"])
        assert document["mirrored"] == sum(t["mirrored"] for t in document["topics"])
        return {t["topic"]: t for t in document["topics"]}
    return run_plan


def topics(**partitions):
    return [{"name": name, "partitions": count} for name, count in partitions.items()]


def names(cluster):
    """The topics a cluster has."""
    return set(cluster._probe("names").list_topics(timeout=DEADLINE).topics)


@pytest.mark.sanitize
def test_a_table_of_both_clusters(plan, source, target):
    source.create("crm", 3)
    source.create("orders", 12)
    source.create("logs")
    target.create("dc1.crm", 6)
    done = plan(source, target, "--topic.prefix", "dc1.", "--exclude", "logs")
    assert done.returncode == 1, done.stderr
    assert done.stdout == textwrap.dedent("""\
        TOPIC   PARTITIONS  DESTINATION  PARTITIONS  RULE
        crm              3  dc1.crm               6  key
        logs             1  not mirrored: exclude matches it
        orders          12  dc1.orders      missing  key
            ! dc1.orders is not there at the target: create it with 12 partitions, or let its brokers create it
        3 topics, 2 mirrored, 1 problems
        """)
    # Looking makes no topics.
    assert names(target) == {"dc1.crm"}
    target.create("dc1.orders", 12)
    done = plan(source, target, "--topic.prefix", "dc1.", "--exclude", "logs")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("3 topics, 2 mirrored, 0 problems\n")


@pytest.mark.parametrize("away", ["source", "target"])
def test_a_cluster_that_is_away_is_said(plan, source, away):
    sides = [source, "127.0.0.1:1"]
    done = plan(*(sides if away == "target" else reversed(sides)))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"reflejo: the {away} at 127.0.0.1:1 does not answer")


def test_a_mirror_of_a_cluster_into_itself(plan, source):
    source.create("t")
    done = plan(source, source, whitelist="t")
    assert (done.returncode, done.stdout) == (1, "")
    assert "t, to which t is copied" in done.stderr and "without end" in done.stderr
    source.create("copy.t")
    assert plan(source, source, "--topic.prefix", "copy.", whitelist="t").returncode == 0
    # It is not there yet, and exclude keeps it out all the same.
    source.create("u")
    done = plan(source, source, "--topic.prefix", "copy.", "--exclude", r"copy\..*", whitelist=".*")
    assert done.returncode == 1 and "copy.u is not there at the target" in done.stdout


@pytest.mark.sanitize
def test_topics_of_a_file(of_file):
    found = of_file(topics(a=3, __consumer_offsets=50), "--partition.mode", "preserve")
    assert found["a"] == {"topic": "a", "partitions": 3, "mirrored": True, "why_not": None, "destination": "a",
                          "rule": "preserve", "destination_partitions": None, "map": None, "create": None,
                          "grow_to": None, "awaits": "whether a is there at the target is not known yet", "limit": None,
                          "problems": []}
    assert found["__consumer_offsets"]["why_not"] == "it is internal to Kafka (exclude.internal.topics)"
    found = of_file({"source": topics(a=3), "target": topics(a=2)}, "--partition.mode", "preserve")
    assert (found["a"]["destination_partitions"], found["a"]["grow_to"], found["a"]["problems"]) == (2, 3, [])
    found = of_file({"source": topics(a=3), "target": topics(a=2)}, "--partition.mode", "preserve", "--topics.grow",
                    "never")
    assert (found["a"]["destination_partitions"], found["a"]["grow_to"]) == (2, None)
    assert "a has 2 partitions and the source 3" in found["a"]["problems"][0]
    found = of_file({"source": topics(a=1, b=1), "target": topics(m=1)}, "--topic.rename.regex", ".*",
                    "--topic.rename.replacement", "m")
    assert found["a"]["problems"] == ["b goes to m as well: their records are mixed and only each topic's own order "
                                      "is kept"]


@pytest.mark.parametrize("text, says", [
    ("", "is no JSON"),
    ("[", "is no JSON"),
    ("[] []", "is no JSON"),
    ("5", "must hold an array"),
    ("{}", "must hold an array"),
    ('{"source": [], "target": 1}', "must hold an array"),
    ("[1]", 'entry 1 has no "name"'),
    ('[{"name": "a", "partitions": 1}, {"name": ""}]', 'entry 2 has no "name"'),
    ('[{"name": "a"}]', '"partitions" of a must be a whole number'),
    ('[{"name": "a", "partitions": 0}]', '"partitions" of a must be a whole number'),
    ('[{"name": "a", "partitions": 1.5}]', '"partitions" of a must be a whole number'),
    ('[{"name": "a", "partitions": 1}, {"name": "a", "partitions": 2}]', "a stands there twice"),
    (None, "cannot read"),
])
def test_a_file_that_is_not_right_is_refused(plan, tmp_path, text, says):
    if text is not None:
        (tmp_path / "topics.json").write_text(text, encoding="utf-8")
    done = plan("127.0.0.1:1", "127.0.0.1:1", "--source-topics=topics.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "topics.json" in done.stderr and says in done.stderr


def test_the_file_must_be_named(plan):
    done = plan("127.0.0.1:1", "127.0.0.1:1", "--source-topics")
    assert done.returncode == 1 and "--source-topics needs the name" in done.stderr


@pytest.mark.sanitize
def test_a_script_says_where_topics_go(of_file):
    found = of_file({"source": topics(a=3, b=2, c=1, d=1, e=4), "target": topics(out=3, b=2)}, "--exclude", "d", script="""
        local mirror = require "mirror"
        return {
          api = 1,
          init = function(ctx) assert(ctx.reason == "plan") end,
          topics = function(t)
            if t.name == "c" then return false end
            if t.name == "d" then return true end
          end,
          route = function(t)
            assert(mirror.partitions("out") == 3 and mirror.partitions("b") == 2)
            if t.name == "a" then return { topic = "out", partitions = "map" } end
            if t.name == "d" then return { topic = "d.new", create = { partitions = 24 } } end
            if t.name == "e" then return false end
          end,
          partition = function(src, dst)
            assert(src.topic == "a" and src.partitions == 3 and dst.topic == "out" and dst.partitions == 3)
            if src.partition == 1 then return end
            return src.partition * 2
          end,
        }""")
    assert {name: t["destination"] for name, t in found.items()} == {"a": "out", "b": "b", "c": None, "d": "d.new",
                                                                     "e": None}
    assert found["a"]["rule"] == "map" and found["a"]["map"] == [0, None, "waits"]
    assert "sends partition 2 to 4, but out has 3" in found["a"]["problems"][0]
    assert found["c"]["why_not"] == "the script's topics() says no"
    assert found["d"]["create"] == {"partitions": 24, "replication_factor": None, "configs": "none"}
    assert found["e"]["why_not"] == "the script's route() says no"


def test_a_script_routes_any_number_of_topics(of_file):
    """Names that records are given are bounded, those of the topics there are not."""
    found = of_file(topics(**{f"t{n}": 1 for n in range(10500)}), script="""
        return { api = 1, route = function(t) return "x." .. t.name end }""")
    assert all(t["destination"] == "x." + name for name, t in found.items())


@pytest.mark.parametrize("hook, says", [
    ("topics = function(t) error 'no' end", "route.lua:1"),
    ("route = function(t) return 5 end", "route()"),
    ("route = function(t) return { partitions = 'map' } end, partition = function(s, d) return d.x.y end", "route.lua:1"),
    ("route = function(t) return { partitions = 'map' } end", "no partition hook"),
])
def test_a_hook_that_fails_names_script_and_topic(plan, tmp_path, hook, says):
    (tmp_path / "topics.json").write_text(json.dumps(topics(a=1)), encoding="utf-8")
    done = plan("127.0.0.1:1", "127.0.0.1:1", "--source-topics", tmp_path / "topics.json",
                script="return { api = 1, " + hook + " }")
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr and "(for the topic a)" in done.stderr


def test_what_stands_against_the_plan_is_logged(mirror, source, target):
    source.create("t.a", 3)
    source.create("t.b", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=("--topic.rename.regex", r"t\..*", "--topic.rename.replacement", "t",
                                          "--partition.mode", "preserve"))
    agent.wait_event("plan_problem", topic="t.a", target_topic="t", problem=lambda p: "the source 3" in p)
    agent.wait_event("plan_problem", topic="t.a", problem=lambda p: p.startswith("t.b goes to t as well"))
    agent.wait_event("assigned")
    assert agent.stop() == 0
    assert len(agent.find("plan_problem")) == 2


def test_a_topic_that_appears_is_planned_for(mirror, source, target):
    source.create("t.a")
    target.create("x.t.a")
    agent = mirror(source, target, consumer=QUICK, flags=("--topic.prefix", "x."))
    agent.wait_event("assigned")
    target.create("x.t.b")
    source.create("t.b")
    source.produce("t.b", [Record(b"k", b"v")])
    assert agent.wait_event("plan")["changes"] == "t.b to x.t.b (key) is new"
    assert [r.value for r in target.read("x.t.b", 1)] == [b"v"]
    assert agent.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["round.robin", "crc32"])
def test_counts_of_a_target_that_was_away(mirror, source, target, mode):
    """The rule needs to know how many partitions there are: records wait until the target says it."""
    source.create("t")
    target.create("t", 3)
    target.down()
    source.produce("t", [Record(b"key-%d" % i, b"v") for i in range(60)])
    agent = mirror(source, target, flags=("--partition.mode", mode))
    agent.wait_event("assigned")
    agent.wait_event("target_unreachable")
    target.up()
    assert {r.partition for r in target.read("t", 60)} == {0, 1, 2}
    assert agent.stop() == 0


@pytest.mark.slow
def test_a_hook_that_fails_later_keeps_what_was_known(mirror, source, target, tmp_path):
    (tmp_path / "route.lua").write_text(textwrap.dedent("""
        local known = { ["t.a"] = true }
        local is_bad = false
        return { api = 1, route = function(t)
          is_bad = is_bad or not known[t.name]
          if is_bad then error("what is " .. t.name) end
          return "x." .. t.name
        end }"""), encoding="utf-8")
    source.create("t.a")
    target.create("x.t.a")
    target.create("x.t.b")
    agent = mirror(source, target, consumer=QUICK, flags=("--script.file", tmp_path / "route.lua",
                                                          "--script.state.file", tmp_path / "state"))
    agent.wait_event("assigned")
    source.create("t.b")
    source.produce("t.b", [Record(b"k", b"new")])
    failed = agent.wait_event("plan_hook_failed", topic="t.b")
    assert "route.lua:6" in failed["reason"] and "what is t.b" in failed["reason"]
    # From now on the hook fails for the known topic as well.
    agent.wait_event("plan_problem", topic="t.a", problem=lambda p: "what it said before counts" in p)
    source.produce("t.a", [Record(b"k", b"v")])
    assert [r.value for r in target.read("x.t.a", 1)] == [b"v"]
    assert agent.stop() == 0
    assert target.ends("x.t.b") == {0: 0}


@pytest.mark.slow
def test_a_map_is_asked_for_once_for_all_streams(mirror, source, target, tmp_path):
    """Two streams never disagree: the hook counts its calls, and gives another answer each time."""
    (tmp_path / "route.lua").write_text(textwrap.dedent("""
        local asked = 0
        return {
          api = 1,
          route = function() return { partitions = "map" } end,
          partition = function(src, dst)
            local to = (asked + src.partition) % dst.partitions
            if src.partition == src.partitions - 1 then asked = asked + 1 end
            return to
          end,
        }"""), encoding="utf-8")
    source.create("t", 4)
    target.create("t", 4)
    sent = [Record(b"k", b"%d" % (i % 4), i % 4) for i in range(40)]
    source.produce("t", sent)
    agent = mirror(source, target, consumer=QUICK, flags=("--script.file", tmp_path / "route.lua", "--num.streams", "2",
                                                          "--script.state.file", tmp_path / "state"))
    target.read("t", 40)
    # Another topic makes for another plan, in which the map is what it was.
    source.create("t2")
    agent.wait_event("plan")
    source.produce("t", sent)
    # Some may come twice, where the group has moved partitions.
    counts = collections.Counter(record.value for record in 2 * sent)
    seen = target.reader("t").until(lambda records: all(sum(r.value == value for r in records) >= n for value, n in counts.items()))
    assert {(r.value, r.partition) for r in seen} == {(b"%d" % n, n) for n in range(4)}
    assert agent.stop() == 0


@pytest.mark.slow
def test_a_reload_asks_for_the_map_anew(mirror, source, target, tmp_path):
    def write(name, partition):
        path = tmp_path / name
        path.write_text('return { api = 1, route = function() return { partitions = "map" } end,'
                        f' partition = function() return {partition} end }}', encoding="utf-8")
        return path

    script = write("route.lua", 1)
    source.create("t", 2)
    target.create("t", 3)
    source.produce("t", [Record(b"k", b"old", n) for n in range(2)])
    agent = mirror(source, target, flags=("--script.file", script, "--script.state.file", tmp_path / "state",
                                          "--script.watch", "true"))
    assert {r.partition for r in target.read("t", 2)} == {1}
    write("new.lua", 2).rename(script)
    assert agent.wait_event("reloaded")["changes"] == "t to other partitions of t (map)"
    source.produce("t", [Record(b"k", b"new", n) for n in range(2)])
    assert {r.partition for r in target.read("t", 4) if r.value == b"new"} == {2}
    assert agent.stop() == 0


@pytest.mark.slow
def test_a_reload_that_would_copy_without_end_is_refused(mirror, source, tmp_path):
    script = tmp_path / "route.lua"
    script.write_text('return { api = 1, topics = function(t) return t.name == "t" end,'
                      ' route = function(t) return "copy." .. t.name end }', encoding="utf-8")
    source.create("t")
    source.create("copy.t")
    agent = mirror(source, source, flags=("--script.file", script, "--script.state.file", tmp_path / "state",
                                          "--script.watch", "true"))
    agent.wait_event("assigned")
    new = tmp_path / "new.lua"
    new.write_text("return { api = 1 }", encoding="utf-8")
    new.rename(script)
    assert "without end" in agent.wait_event("reload_rejected")["reason"]
    source.produce("t", [Record(b"k", b"v")])
    assert [r.value for r in source.read("copy.t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_internal_topics_are_not_for_a_script_that_takes_all(mirror, source, target, tmp_path):
    (tmp_path / "route.lua").write_text("return { api = 1, topics = function() return true end }", encoding="utf-8")
    for topic in ("t", "__transaction_state"):
        source.create(topic)
        target.create(topic)
    agent = mirror(source, target, whitelist="nothing", flags=("--script.file", tmp_path / "route.lua",
                                                               "--script.state.file", tmp_path / "state"))
    assert agent.wait_event("topics")["names"] == "t"
    assert agent.stop() == 0


@pytest.mark.slow
def test_the_target_is_looked_at_while_a_topic_is_missing(mirror, source, target):
    """The mock makes the topic when the producer asks for it; the next look in the ordinary way is minutes away."""
    source.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(40)])
    agent = mirror(source, target, consumer={"metadata.max.age.ms": 300000},
                   flags=("--topic.suffix", ".new", "--partition.mode", "round.robin"))
    agent.wait_event("target_topic_missing", topic="t.new")
    count = len(target.ends("t.new"))
    assert agent.wait_event("plan")["changes"] == f"t to t.new (round.robin), which has {count} partitions now"
    assert {r.partition for r in target.read("t.new", 40)} == set(range(count))
    assert agent.stop() == 0
