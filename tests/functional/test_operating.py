"""What a running agent is told: pause and resume, limits, the log's level, stop; by whom, and what survives."""

import time

import pytest

from api import Api
from cluster import Record
from test_status import check_document
from timing import wait_until

LISTEN = ("--admin.listen", "unix:admin", "--admin.state.file", "pauses")


@pytest.fixture
def api(tmp_path):
    return Api(tmp_path / "admin")


def fill(cluster, topic, partitions, count, value=b"v" * 100):
    cluster.produce(topic, [Record(b"k", value, partition=n) for n in range(partitions) for _ in range(count)])


def positions(api, topic):
    return {p["partition"]: p["position"] for p in api.status(topic)["detail"]}


@pytest.mark.sanitize
def test_pause_one_partition_and_no_other(mirror, source, target, api):
    source.create("t", 3)
    target.create("t", 3)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    # Where reading stands is known once something was read.
    fill(source, "t", 3, 1)
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 3, "three records")
    said = api.post("/pause", topic="t", partition=1)
    assert "t partition 1" in said and said
    fill(source, "t", 3, 10)
    found = api.wait_status(lambda s: s["totals"]["records_mirrored"] == 23, "the other two partitions")
    check_document(found, "Status")
    [pause] = found["pauses"]
    assert (pause["topic"], pause["partition"], pause["keep"]) == ("t", 1, False)
    assert "uid" in pause["by"] and pause["since"].endswith("Z")
    # Ten may also be those of another partition that were on their way when it was looked at.
    states = {0: "caught up", 1: "paused", 2: "caught up"}
    api.wait_status(lambda s: {p["partition"]: p["state"] for p in s["detail"]} == states and s["partitions"]["paused"] == 1 and s["lag_records"] == 10,
                    "it is counted", topic="t")
    assert api.call("GET", "/readyz")[0] == 200
    assert "t partition 1" in api.post("/resume", topic="t", partition=1)
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 33 and not s["pauses"], "all records")
    assert [(e["topic"], e["partition"]) for e in agent.find("paused")] == [("t", "1")]
    # The group saw nothing of it.
    assert len(agent.find("assigned")) == 1 and not agent.find("revoked")
    assert agent.stop() == 0


def test_pause_all_and_resume_all(mirror, source, target, api):
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=(*LISTEN, "--offset.commit.interval.ms", "200"))
    agent.wait_event("assigned")
    fill(source, "t", 2, 5)
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 10, "ten records")
    api.post("/pause")
    api.post("/pause", topic="t")
    fill(source, "t", 2, 5)
    found = api.wait_status(lambda s: s["lag_records"] == 10, "a lag")
    assert found["totals"]["records_mirrored"] == 10 and len(found["pauses"]) == 2
    source.wait_committed("mirrorgroup", "t", {0: 5, 1: 5})
    assert api.post("/resume") == "everything goes on"
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 20 and not s["pauses"], "all records")
    assert api.post("/resume") == "nothing was paused"
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_a_kept_pause_survives_a_restart(mirror, source, target, api):
    source.create("t", 1)
    source.create("u", 1)
    for topic in ("t", "u"):
        target.create(topic, 1)
    agent = mirror(source, target, whitelist="t,u", flags=LISTEN)
    agent.wait_event("assigned")
    api.post("/pause", topic="t", keep=True)
    api.post("/pause", topic="u")
    before = api.status()["pauses"]
    agent.kill()
    fill(source, "t", 1, 3)
    fill(source, "u", 1, 3)
    again = mirror(source, target, whitelist="t,u", flags=LISTEN)
    again.wait_event("assigned")
    found = api.wait_status(lambda s: s["totals"]["records_mirrored"] == 3, "the topic whose pause was not kept")
    assert found["pauses"] == [p for p in before if p["keep"]]
    api.post("/resume", topic="t")
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 6, "all records")
    assert again.stop() == 0
    third = mirror(source, target, whitelist="t,u", flags=LISTEN)
    third.wait_event("assigned")
    assert api.status()["pauses"] == []
    assert third.stop() == 0


def test_what_cannot_be_paused_is_said(mirror, source, target, api):
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    assert "partition" in api.refuse("/pause", 400, partition=1)
    assert "nonsense" in api.refuse("/pause", 400, topic="t", nonsense=1)
    assert "topic" in api.refuse("/pause", 400, topic=7)
    assert "keep" in api.refuse("/pause", 400, keep="yes")
    for name in ("*", "a\tb", "a b", "..", "\u00e4"):
        for call, more in (("/pause", {"keep": True}), ("/resume", {}), ("/limit", {"limit": "1r/s"})):
            assert "must be a topic's name" in api.refuse(call, 400, topic=name, **more)
    assert api.status()["pauses"] == [] and api.status()["limits"] == []
    assert api.refuse("/pause", 400, topic="t", partition=-1)
    assert api.refuse("/pause", 400, topic="t", partition=1.5)
    status, _, text = api.call("POST", "/pause", body=[1])
    assert status == 400 and "error" in text
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_what_is_not_there_is_said(mirror, source, target, api):
    """Whoever misspells a topic would think that it stands still."""
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    api.wait_status(lambda s: s["partitions"]["caught up"] == 2, "what is here")
    assert api.post("/pause", topic="t", partition=1).endswith("until it is resumed or the agent ends")
    assert api.post("/pause", topic="tt").endswith("; tt is no topic that is mirrored now")
    assert api.post("/pause", topic="t", partition=2).endswith("; t has only 2 partitions now")
    assert api.post("/limit", topic="tt", limit="5r/s").endswith("; tt is no topic that is mirrored now")
    assert api.post("/limit", topic="tt", limit="default").endswith("; tt is no topic that is mirrored now")
    for name in ("", "*", "t*", "a\tb", "a\nb", "..", "x" * 250):
        for path in ("/pause", "/resume", "/limit", "/tap"):
            body = {"limit": "5r/s"} if path == "/limit" else {}
            assert "must be a topic's name" in api.refuse(path, 400, topic=name, **body)
    assert len(api.status()["pauses"]) == 3
    assert agent.stop() == 0


def test_what_another_agent_has_is_said(mirror, source, target, api, tmp_path):
    source.create("t", 2)
    target.create("t", 2)
    mirror(source, target, flags=LISTEN).wait_event("assigned")
    api.wait_status(lambda s: s["partitions"]["caught up"] == 2, "both partitions")
    other = mirror(source, target, flags=("--admin.listen", "unix:other"))
    other.wait_event("assigned")
    found = api.wait_status(lambda s: s["partitions"]["caught up"] == 1, "one partition", topic="t")
    [here] = [p["partition"] for p in found["detail"] if p["state"] == "caught up"]
    assert api.post("/pause", topic="t").endswith("; this agent has 1 of its 2 partitions now")
    api.post("/resume")
    assert api.post("/pause", topic="t", partition=1 - here).endswith("; this agent does not have it now")
    assert api.post("/pause", topic="t", partition=here).endswith("the agent ends")


@pytest.mark.sanitize
def test_a_state_file_that_cannot_be_written(mirror, source, target, api, tmp_path):
    """It stands in the way of what is to be kept, and of nothing else."""
    source.create("t", 3)
    target.create("t", 3)
    folder = tmp_path / "state"
    folder.mkdir()
    agent = mirror(source, target, flags=("--admin.listen", "unix:admin", "--admin.state.file", folder / "pauses"))
    agent.wait_event("assigned")
    api.post("/pause", topic="t", partition=0, keep=True)
    (folder / "pauses").unlink()
    folder.rmdir()
    assert "cannot be kept: No such file or directory" in api.refuse("/pause", 500, topic="t", partition=1, keep=True)
    api.post("/pause", topic="t", partition=1)
    api.post("/resume", topic="t", partition=1)
    assert [(p["partition"], p["keep"]) for p in api.status()["pauses"]] == [(0, True)]
    api.post("/pause")
    assert api.post("/resume") == "everything goes on"
    assert api.status()["pauses"] == [] and agent.stop() == 0


@pytest.mark.sanitize
def test_a_live_limit_holds_back_and_is_lifted(mirror, source, target, api):
    source.create("t", 4)
    target.create("t", 4)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    said = api.post("/limit", limit="100r/s")
    assert "100r/s" in said, said
    started = time.monotonic()
    fill(source, "t", 4, 100)
    found = api.wait_status(lambda s: s["totals"]["records_mirrored"] >= 200, "half of the records")
    took = time.monotonic() - started
    assert 1.7 <= took, f"200 records at 100 a second took {took:.2f} s"
    check_document(found, "Status")
    assert [(limit["topics"], limit["origin"], limit["records_per_second"], limit["bytes_per_second"]) for limit in found["limits"]] == [
        (None, "live", 100, None)]
    assert any(state["state"] == "limited" for state in found["topics"]), found["topics"]
    assert api.metrics()['reflejo_limit_records_per_second{topics=""}'] == 100
    api.post("/limit", limit="none")
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 400, "all records", timeout=1 + took)
    assert "limit" in api.refuse("/limit", 400, limit="fast")
    assert "limit" in api.refuse("/limit", 400)
    assert agent.stop() == 0


def test_a_live_limit_for_one_topic(mirror, source, target, api):
    for topic in ("t", "u"):
        source.create(topic, 1)
        target.create(topic, 1)
    agent = mirror(source, target, whitelist="t,u", flags=(*LISTEN, "--limits.t", "50r/s"))
    agent.wait_event("assigned")
    api.post("/limit", limit="none", topic="t")
    found = api.status()
    assert {t["topic"]: t["limit"] for t in found["topics"]} == {"t": None, "u": None}
    series = 'reflejo_limit_records_per_second{topics="t"}'
    assert series not in api.metrics()
    api.post("/limit", limit="70r/s", topic="t")
    assert api.call("GET", "/metrics")[2].count(series) == 1 and api.metrics()[series] == 70
    api.post("/limit", limit="default", topic="t")
    assert api.metrics()[series] == 50
    assert {t["topic"]: t["limit"] for t in api.status()["topics"]} == {"t": "50r/s", "u": None}
    fill(source, "t", 1, 100)
    fill(source, "u", 1, 100)
    found = api.wait_status(lambda s: {t["topic"]: t for t in s["topics"]}["u"]["records_mirrored"] == 100, "the other topic")
    assert {t["topic"]: t for t in found["topics"]}["t"]["records_mirrored"] < 100
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_stop_drains_and_commits(mirror, source, target, api):
    source.create("t", 1)
    target.create("t", 1)
    agent = mirror(source, target, flags=LISTEN)
    agent.wait_event("assigned")
    fill(source, "t", 1, 10)
    api.wait_status(lambda s: s["totals"]["records_mirrored"] == 10, "ten records")
    assert "commits" in api.post("/stop")
    assert agent.wait() == 0
    assert source.committed("mirrorgroup", "t", 1) == {0: 10}


def test_the_log_level_is_live(mirror, source, target, api):
    source.create("t", 1)
    target.create("t", 1)
    agent = mirror(source, target, flags=(*LISTEN, "--offset.commit.interval.ms", "100"))
    agent.wait_event("assigned")
    api.post("/log-level", level="debug")
    assert api.status()["log_level"] == "debug"
    fill(source, "t", 1, 1)
    agent.wait_event("committed")
    api.post("/log-level", level="error")
    assert "debug, info, warn, error" in api.refuse("/log-level", 400, level="trace")
    wait_until(lambda: api.status()["log_level"] == "error", what="the level")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_a_held_partition_offers_its_record_again(mirror, source, target, api):
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=(*LISTEN, "--abort.on.send.failure", "false", "--send.on.error", "pause", "--partition.mode",
                                          "preserve"))
    agent.wait_event("assigned")
    target.fail("Produce", *["INVALID_TIMESTAMP"] * 2)
    fill(source, "t", 1, 1)
    agent.wait_event("partition_paused")
    fill(source, "t", 2, 1)
    api.wait_status(lambda s: s["partitions"]["held"] == 1 and s["totals"]["records_mirrored"] == 1, "a held partition")
    assert api.post("/resume", topic="t", partition=1) == "nothing was paused"
    assert api.post("/resume") == "nothing was paused; 1 held partition is offered again"
    found = api.wait_status(lambda s: s["totals"]["records_mirrored"] == 3 and s["partitions"]["held"] == 0, "all records")
    assert found["troubled"] == []
    assert [r.partition for r in target.read("t", 3)].count(0) == 2
    assert agent.stop() == 0
    assert source.committed("mirrorgroup", "t", 2) == {0: 2, 1: 1}


def test_samples_that_would_never_come_are_refused(mirror, source, target, api):
    source.create("t", 1)
    source.create("other", 1)
    target.create("t", 1)
    agent = mirror(source, target, whitelist="t", flags=LISTEN)
    agent.wait_event("assigned")
    assert "other is no topic that is mirrored" in api.refuse("/tap", 409, topic="other")
    lines = api.lines("POST", "/tap", {"topic": "t", "count": 1})
    fill(source, "t", 1, 1)
    assert len(lines.wait_end()) == 1
    assert agent.stop() == 0


def test_samples_for_several_at_once(mirror, source, target, api):
    """Each gets as many as it wants of its topic, whoever asks besides, and whoever is gone."""
    for topic in ("t", "u"):
        source.create(topic, 1)
        target.create(topic, 1)
    agent = mirror(source, target, whitelist="t,u", flags=LISTEN)
    agent.wait_event("assigned")
    taps = [api.lines("POST", "/tap", {"topic": topic, "count": count}) for topic, count in (("t", 5), ("u", 2), ("t", 1))]
    fill(source, "t", 1, 5)
    fill(source, "u", 1, 2)
    assert [{line["topic"] for line in tap.wait_end()} for tap in taps] == [{"t"}, {"u"}, {"t"}]
    assert [len(tap.wait_end()) for tap in taps] == [5, 2, 1]
    assert agent.stop() == 0
