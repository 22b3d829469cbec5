"""What a running agent tells: /status, /readyz, /metrics, /plan, /events."""

import datetime
import json
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from api import Api
from cluster import Record
from test_script import rewrite, scripted  # noqa: F401
from timing import wait_until

LISTEN = ("--admin.listen", "unix:admin")
OPENAPI = yaml.safe_load((pathlib.Path(__file__).parents[2] / "conf" / "openapi.yaml").read_text(encoding="utf-8"))


def check_document(document, schema):
    """It is as conf/openapi.yaml says, and says nothing that is not described there."""
    validator = OAS30Validator({"$ref": f"#/components/schemas/{schema}", "components": OPENAPI["components"]})
    errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)]
    assert not errors, errors
    described = set(OPENAPI["components"]["schemas"][schema]["properties"])
    assert set(document) <= described, set(document) - described


@pytest.fixture
def api(tmp_path):
    return Api(tmp_path / "admin")


@pytest.mark.parametrize("partitions, streams, bound", [
    (2, 1, 8 << 20), (100, 1, 101 << 17), (100, 2, 102 << 17), (1100, 1, 128 << 20), (1100, 2, 128 << 20)])
def test_many_partitions_have_more_on_its_way(mirror, source, target, api, partitions, streams, bound):
    """A quarter of buffer.memory, or enough for a request of each partition."""
    source.create("t", partitions)
    target.create("t", 1)
    agent = mirror(source, target, flags=(*LISTEN, "--num.streams", streams, "--buffer.memory", "32MiB"))
    agent.wait_event("assigned", count=streams)
    api.wait_status(lambda s: s["buffer"]["bound_bytes"] == bound, f"a bound of {bound} bytes")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_status_says_what_flows(mirror, source, target, api):
    source.create("t", 2)
    source.create("other", 1)
    target.create("t", 3)
    agent = mirror(source, target, whitelist="t", flags=LISTEN)
    agent.wait_event("assigned")
    source.produce("t", [Record(b"k%d" % i, b"v" * 100, partition=i % 2) for i in range(100)])
    found = api.wait_status(lambda s: s["totals"]["records_mirrored"] == 100 and s["lag_records"] == 0 and
                            s["partitions"]["caught up"] == 2, "100 records mirrored")
    check_document(found, "Status")
    assert found["state"] == "running" and found["ready"] and found["reasons"] == []
    assert found["group"] == "mirrorgroup" and found["expression"] == "t"
    assert found["source"]["reachable"] is True and found["source"]["brokers"] == source.bootstrap
    api.wait_status(lambda s: s["target"]["reachable"], "the target was asked")
    assert found["partitions"]["assigned"] == 2
    [topic] = found["topics"]
    assert (topic["topic"], topic["destination"], topic["rule"]) == ("t", "t", "key")
    assert topic["partitions"] == topic["assigned"] == 2 and topic["state"] == "caught up"
    assert topic["records_mirrored"] == 100 and topic["bytes_mirrored"] == sum(100 + len(b"k%d" % i) for i in range(100))
    assert topic["latency_p50_seconds"] is not None and topic["lag_seconds"] == 0
    assert "detail" not in found and found["script"] is None and found["troubled"] == []
    assert sum(found["history"]["records_per_second"]) > 0
    detail = api.wait_status(lambda s: all(p["committed"] == p["end"] for p in s["detail"]), "commits", topic="t")["detail"]
    assert [(p["topic"], p["partition"], p["position"], p["end"], p["in_flight"]) for p in detail] == [
        ("t", 0, 50, 50, 0), ("t", 1, 50, 50, 0)]
    check_document(api.status("nothing"), "Status")
    assert agent.stop() == 0


def test_status_before_the_source_answers(mirror, target, api):
    agent = mirror("127.0.0.1:1", target, flags=(*LISTEN, "--start.timeout.ms", "0"))
    agent.wait_event("source_unreachable")
    found = api.wait_status(lambda s: s["source"]["reachable"] is False, "the source is away")
    check_document(found, "Status")
    assert found["state"] == "starting" and not found["ready"] and found["topics"] == []
    assert "127.0.0.1:1" in found["source"]["reason"]
    status, _, text = api.call("GET", "/readyz")
    assert status == 503
    check_document(json.loads(text), "Ready")
    assert "mirroring has not begun" in json.loads(text)["reasons"][0]
    status, _, text = api.call("GET", "/plan")
    assert status == 503 and json.loads(text)["error"]


@pytest.mark.sanitize
def test_ready_is_by_progress(mirror, source, target, api):
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=(*LISTEN, "--admin.stall.seconds", "3"))
    agent.wait_event("assigned")
    api.wait_status(lambda s: s["ready"] and s["partitions"]["caught up"] == 2, "ready")
    target.freeze()
    source.produce("t", [Record(b"k", b"v", partition=1)])
    wait_until(lambda: api.call("GET", "/readyz")[0] == 503, what="not ready")
    reasons = json.loads(api.call("GET", "/readyz")[2])["reasons"]
    assert any(reason.startswith("t partition 1 has not moved for ") for reason in reasons), reasons
    assert not any("partition 0" in reason for reason in reasons), reasons
    assert [p["partition"] for p in api.status()["troubled"]] == [1]
    target.thaw()
    wait_until(lambda: api.call("GET", "/readyz")[0] == 200, what="ready again")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_a_group_that_gives_nothing_back_is_not_ready(mirror, source, target, api):
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=(*LISTEN, "--admin.stall.seconds", "1"))
    agent.wait_event("assigned")
    api.wait_status(lambda s: s["ready"] and s["partitions"]["caught up"] == 2, "ready")
    source.fail("JoinGroup", *["COORDINATOR_LOAD_IN_PROGRESS"] * 3)
    source.fail("Heartbeat", "UNKNOWN_MEMBER_ID")
    agent.wait_event("partitions_lost")
    found = api.wait_status(lambda s: not s["ready"], "not ready")
    assert found["reasons"] == ["the group has taken the partitions of 1 of 1 streams and gives out none"]
    assert found["lag_records"] is None and found["partitions"]["assigned"] == 0
    agent.wait_event("assigned", count=2)
    api.wait_status(lambda s: s["ready"] and s["partitions"]["caught up"] == 2, "ready again")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_a_held_partition_is_told_with_its_reason(scripted, source, target, api, tmp_path):  # noqa: F811
    source.create("t", 2)
    target.create("t", 2)
    agent = scripted(source, target, "return { api = 1, record = function(r) if r.value == 'bad' then error 'no such customer' end end }",
                     *LISTEN)
    agent.wait_event("assigned")
    source.produce("t", [Record(b"k", b"bad", partition=1), Record(b"k", b"good", partition=0)])
    found = api.wait_status(lambda s: s["partitions"]["held"] == 1, "a held partition")
    check_document(found, "Status")
    [held] = found["troubled"]
    assert held["partition"] == 1 and held["state"] == "held" and "no such customer" in held["reason"], held
    [topic] = found["topics"]
    assert topic["state"] == "held" and "no such customer" in topic["reason"]
    assert found["script"]["generation"] == 1 and found["script"]["errors"] >= 1 and found["script"]["record_hook"]
    metrics = api.metrics()
    assert metrics['reflejo_partition_held{topic="t",partition="1"}'] == 1
    assert metrics['reflejo_partition_held{topic="t",partition="0"}'] == 0
    rewrite(tmp_path, "return { api = 1, record = function(r) end }")
    api.post("/reload")
    found = api.wait_status(lambda s: s["partitions"]["held"] == 0 and s["lag_records"] == 0, "it flows again")
    assert found["script"]["generation"] == 2 and found["script"]["last_reload"]["result"] == "ok"
    assert found["script"]["reloads"] == {"ok": 1, "rejected": 0, "rolled_back": 0}
    rewrite(tmp_path, "return {")
    assert "route.lua:1" in api.refuse("/reload", 409)
    found = api.status()
    assert found["script"]["last_reload"]["result"] == "rejected" and found["script"]["generation"] == 2
    assert found["script"]["reloads"]["rejected"] == 1
    assert agent.stop() == 0


def test_the_lag_of_what_is_not_fetched_is_asked_for(mirror, source, target, api):
    source.create("t", 1)
    target.create("t", 1)
    agent = mirror(source, target, flags=(*LISTEN, "--admin.state.file", "pauses", "--buffer.memory", "4MiB"))
    agent.wait_event("assigned")
    source.produce("t", [Record(b"k", b"v")])
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 1, "one record")
    api.post("/pause")
    # More than the library's queue takes: after that it does not fetch, and sees no end.
    source.produce("t", [Record(b"k", b"v" * 1000) for _ in range(4500)])
    found = api.wait_status(lambda s: s["lag_records"] == 4500, "the whole lag", topic="t")
    assert found["detail"][0]["end"] == 4501 and found["detail"][0]["state"] == "paused"
    api.post("/resume")
    api.wait_status(lambda s: s["lag_records"] == 0, "all records")
    assert agent.stop() == 0


def test_the_lag_of_what_is_paused_is_known_from_the_start(mirror, source, target, api):
    source.create("t", 2)
    target.create("t", 2)
    flags = (*LISTEN, "--admin.state.file", "pauses", "--partition.mode", "preserve")
    agent = mirror(source, target, flags=flags)
    agent.wait_event("assigned")
    source.produce("t", [Record(None, b"v", n % 2) for n in range(6)])
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 6, "six records")
    api.post("/pause", topic="t", partition=1, keep=True)
    source.produce("t", [Record(None, b"v", n % 2) for n in range(20)])
    assert agent.stop() == 0
    agent = mirror(source, target, flags=flags)
    agent.wait_event("assigned")
    api.wait_status(lambda s: [(p["state"], p["lag_records"]) for p in s["detail"]] == [("caught up", 0), ("paused", 10)],
                    "the lag of the paused one", topic="t")
    api.post("/resume")
    api.wait_status(lambda s: s["lag_records"] == 0, "all records")
    assert sorted(target.ends("t").values()) == [13, 13]
    assert agent.stop() == 0


def test_the_lag_of_many_topics_while_the_target_is_away(mirror, source, target, api):
    """The stream waits for the list of the target's topics, and reads nothing."""
    # Of a hundred shorter ones new libraries do not understand a list as old brokers write it (agent/kafka/README.md).
    topics = [f"t-of-usual-length-{n}" for n in range(100)]
    for topic in topics:
        source.create(topic)
        target.create(topic)
    source.produce(topics[0], [Record(None, b"v")])
    agent = mirror(source, target, flags=LISTEN, whitelist="t.*")
    agent.wait_event("assigned")
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 1, "one record")
    assert agent.stop() == 0
    target.down()
    agent = mirror(source, target, flags=LISTEN, whitelist="t.*")
    agent.wait_event("assigned")
    found = api.wait_status(lambda s: s["lag_records"] is not None, "a lag")
    assert found["lag_records"] == 0
    source.produce(topics[0], [Record(None, b"v") for _ in range(7)])
    api.wait_status(lambda s: s["lag_records"] == 7, "another lag")
    target.up()
    api.wait_status(lambda s: s["lag_records"] == 0, "all records")
    assert target.ends(topics[0]) == {0: 8} and agent.stop() == 0


@pytest.mark.sanitize
def test_metrics(scripted, source, target, api, tmp_path):  # noqa: F811
    source.create("t", 1)
    target.create("t", 1)
    agent = scripted(source, target, """
        local mirror = require "mirror"
        local seen = mirror.counter("shop_records_total", "Records by \\"shop\\".", { "shop" })
        return { api = 1, record = function(r)
          seen:with(r.key):inc()
          if r.value == 'drop' then return r:drop("old") end
        end }""", *LISTEN)
    agent.wait_event("assigned")
    source.produce("t", [Record(b"a", b"v"), Record(b'b"c', b"v"), Record(b"a", b"drop")])
    wait_until(lambda: api.metrics().get('reflejo_position_offset{topic="t",partition="0"}') == 3, what="three records settled")
    wait_until(lambda: api.metrics().get('reflejo_committed_offset{topic="t",partition="0"}') == 3, what="a commit")
    found = api.metrics()
    for name, value in {
            'reflejo_records_read_total{topic="t",partition="0"}': 3,
            'reflejo_records_mirrored_total{topic="t",partition="0"}': 2,
            'reflejo_lag_records{topic="t",partition="0"}': 0,
            'reflejo_lag_seconds{topic="t",partition="0"}': 0,
            'reflejo_end_offset{topic="t",partition="0"}': 3,
            'reflejo_replication_latency_seconds_count{topic="t"}': 2,
            'reflejo_replication_latency_seconds_bucket{topic="t",le="+Inf"}': 2,
            'reflejo_records_dropped_total{reason="old"}': 1,
            'reflejo_script_records_total{stream="0"}': 3,
            'reflejo_partitions{state="caught up"}': 1,
            "reflejo_all_records_mirrored_total": 2,
            "reflejo_script_generation": 1,
            "reflejo_ready": 1,
            "reflejo_source_up": 1,
            'shop_records_total{shop="a"}': 2,
            'shop_records_total{shop="b\\"c"}': 1}.items():
        assert found.get(name) == value, f"{name} is {found.get(name)}, not {value}"
    assert found['reflejo_script_seconds_total{stream="0"}'] > 0 and found['reflejo_script_heap_bytes{stream="0"}'] > 10000
    assert found['reflejo_broker_connects_total{side="source"}'] >= 1 and found['reflejo_broker_connects_total{side="target"}'] >= 1
    assert found['reflejo_buffer_bound_bytes{stream="0"}'] > 1e6
    assert found["process_open_fds"] > 10 and found["process_resident_memory_bytes"] > 1e6 and found["process_cpu_seconds_total"] > 0
    started = datetime.datetime.fromisoformat(api.status()["started"].replace("Z", "+00:00")).timestamp()
    assert abs(found["process_start_time_seconds"] - started) < 0.002
    assert any(name.startswith('reflejo_build_info{version="') for name in found)
    assert found['reflejo_log_events_total{event="assigned",level="info"}'] == 1
    assert agent.stop() == 0


def test_metrics_are_bounded(mirror, source, target, api):
    for topic in ("a", "b", "c"):
        source.create(topic, 4)
        target.create(topic, 4)
    agent = mirror(source, target, whitelist="a,b,c", flags=(*LISTEN, "--metrics.partitions", "6"))
    agent.wait_event("assigned")
    source.produce("c", [Record(b"k", b"v", partition=3)])
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 1 and s["partitions"]["caught up"] == 12, "a record mirrored")
    found = api.metrics()
    shown = [name for name in found if name.startswith("reflejo_lag_records{")]
    assert len(shown) == 6 and found["reflejo_partitions_hidden"] == 6
    assert not any('topic="c"' in name for name in found)
    assert agent.stop() == 0


def test_metrics_of_errors(mirror, source, target, api):
    source.create("t", 1)
    target.create("t", 1)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    target.fail("Produce", "MESSAGE_TOO_LARGE")
    source.produce("t", [Record(b"k", b"v")])
    wait_until(lambda: api.metrics()["reflejo_all_records_mirrored_total"] == 1, what="a record mirrored")
    found = api.metrics()
    assert found['reflejo_send_errors_total{error="MSG_SIZE_TOO_LARGE"}'] == 1, found
    assert found['reflejo_records_resent_total{topic="t",partition="0"}'] >= 1
    assert agent.stop() == 0


def test_promtool_finds_nothing(mirror, source, target, api):
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("promtool (Debian's package prometheus) is not installed")
    source.create("t", 1)
    target.create("t", 1)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    done = subprocess.run([promtool, "check", "metrics"], input=api.call("GET", "/metrics")[2], text=True, capture_output=True,
                          check=False)
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr


# A line of Prometheus' text format, whose labels are UTF-8 with only what must be escaped.
SAMPLE = re.compile(r'[a-zA-Z_]\w*(\{\w+="(\\[\\"n]|[^\\"])*"(,\w+="(\\[\\"n]|[^\\"])*")*\})? (NaN|[+-]?inf|-?[0-9][0-9.e+-]*)')


@pytest.mark.sanitize
def test_nothing_that_a_script_says_spoils_a_scrape(scripted, source, target, api):  # noqa: F811
    """One line that Prometheus cannot read, or one sample that is there twice, costs all of them."""
    source.create("t", 1)
    target.create("t", 1)
    target.create("dead", 1)
    agent = scripted(source, target, """
        local mirror = require "mirror"
        mirror.gauge("nan", "not a\\nnumber \\\\ \\xff"):set(0/0)
        mirror.gauge("inf", "endless"):set(-1/0)
        return { api = 1, record = function(r)
          if r.value == "drop" then return r:drop("\\xff\\xfe\\n") end
          if r.value == "long" then return r:drop(("\\xc3\\xa9"):rep(50000)) end
          return r:dead_letter("\\xff")
        end }""", *LISTEN, "--dead.letter.topic", "dead", "--limits.t", "1000r/s")
    agent.wait_event("assigned")
    source.produce("t", [Record(b"k", value) for value in (b"drop", b"long", b"dead")])
    wait_until(lambda: api.metrics().get('reflejo_position_offset{topic="t",partition="0"}') == 3, what="three records settled")
    api.post("/limit", topic="t", limit="500r/s")
    text = api.call("GET", "/metrics")[2]
    samples = [line for line in text.split("\n")[:-1] if not line.startswith(("# HELP ", "# TYPE "))]
    assert [line for line in samples if not SAMPLE.fullmatch(line)] == []
    names = [line.rsplit(" ", 1)[0] for line in samples]
    assert [name for name in names if names.count(name) > 1] == []
    for line in ("nan NaN", "inf -inf", '# HELP nan not a\\nnumber \\\\ \\\\xff', 'reflejo_records_dropped_total{reason="\\\\xff\\\\xfe\\n"} 1',
                 'reflejo_records_dropped_total{reason="%s"} 1' % ("\u00e9" * 150), 'reflejo_limit_records_per_second{topics="t"} 500'):
        assert line in text.split("\n"), line
    started = datetime.datetime.fromisoformat(api.status()["started"].replace("Z", "+00:00")).timestamp()
    assert abs(api.metrics()["process_start_time_seconds"] - started) < 0.01
    # The one of the configuration is not in force.
    api.post("/limit", topic="t", limit="none")
    assert not any(name.startswith("reflejo_limit_records_per_second") for name in api.metrics())
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_plan_is_the_commands_document(mirror, source, target, api, run):
    source.create("t", 2)
    source.create("u", 1)
    target.create("p.t", 1)
    agent = mirror(source, target, whitelist="t", flags=(*LISTEN, "--topic.prefix", "p."))
    agent.wait_event("assigned")
    found = wait_until(lambda: next((p for p in [api.get("/plan")] if p["topics"][0]["destination_partitions"]), None), what="a plan")
    check_document(found, "Plan")
    by_name = {t["topic"]: t for t in found["topics"]}
    assert by_name["t"]["destination"] == "p.t" and by_name["t"]["destination_partitions"] == 1
    assert not by_name["u"]["mirrored"] and found["mirrored"] == 1
    done = run("plan", "--json", "--consumer.config", "consumer1.properties", "--producer.config", "producer1.properties", "--whitelist",
               "t", "--topic.prefix", "p.")
    assert json.loads(done.stdout) == found
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_events_come_as_they_happen(mirror, source, target, api):
    source.create("t", 1)
    target.create("t", 1)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    past = api.lines("GET", "/events?last=500&follow=false").wait_end()
    assert [e["event"] for e in past][0] == "start" and past[0]["level"] == "info"
    assert [e["event"] for e in past if e["event"] == "assigned"] == ["assigned"]
    live = api.lines("GET", "/events")
    api.post("/log-level", level="debug")
    source.produce("t", [Record(b"k", b"v")])
    event = live.wait(lambda e: e["event"] == "committed")
    assert event["level"] == "debug" and event["stream"] == 0 and event["time"].endswith("Z")
    assert not any(e["event"] == "start" for e in live.items)
    status, _, text = api.call("GET", "/events?last=x")
    assert status == 400 and json.loads(text)["error"]
    assert agent.stop() == 0
    assert any(e["event"] == "stopping" for e in live.wait_end())
