"""Errors that brokers answer now and then, on either side: waited out, nothing lost, each key in order."""

import re

import pytest

from cluster import Record
from conftest import GROUP
from test_signals import assert_order_of_keys

SOURCE = [("Fetch", ["NOT_LEADER", "LEADER_NOT_AVAILABLE", "KAFKA_STORAGE_ERROR"]),
          ("ListOffsets", ["NOT_LEADER", "REQUEST_TIMED_OUT"]),
          ("OffsetFetch", ["NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS"]),
          ("OffsetCommit", ["REBALANCE_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "REQUEST_TIMED_OUT"]),
          ("OffsetCommit", ["ILLEGAL_GENERATION"]),
          ("JoinGroup", ["COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"]),
          ("SyncGroup", ["REBALANCE_IN_PROGRESS"]),
          ("Heartbeat", ["UNKNOWN_MEMBER_ID"]),
          ("Heartbeat", ["REBALANCE_IN_PROGRESS"]),
          ("Heartbeat", ["NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE"])]

TARGET = [("Produce", ["NOT_LEADER", "REQUEST_TIMED_OUT"]),
          ("Produce", ["NOT_ENOUGH_REPLICAS", "NOT_ENOUGH_REPLICAS_AFTER_APPEND"]),
          ("Produce", ["UNKNOWN_TOPIC_OR_PARTITION"]),
          ("Produce", ["OUT_OF_ORDER_SEQUENCE_NUMBER"]),
          ("Produce", ["UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH"]),
          ("Produce", ["KAFKA_STORAGE_ERROR", "CORRUPT_MESSAGE"]),
          ("InitProducerId", ["COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"])]

CASES = [("source", *case) for case in SOURCE] + [("target", *case) for case in TARGET]

# The mock does not look at sequence numbers: it takes a batch behind one that it has refused.
ONE_BY_ONE = {"max.in.flight.requests.per.connection": "1"}

# Asked for at the start only, so the errors must be there before.
AT_START = ("ListOffsets", "OffsetFetch", "JoinGroup", "SyncGroup", "InitProducerId")


@pytest.mark.slow
@pytest.mark.parametrize("side, request_name, errors", CASES, ids=[f"{s}-{r}-{e[0]}" for s, r, e in CASES])
def test_errors_are_waited_out(mirror, source, target, side, request_name, errors):
    half = 3000
    sent = [Record(b"%d" % (i % 40), b"%d" % i, i % 40 % 4) for i in range(2 * half)]
    source.create("t", 4)
    target.create("t", 3)
    cluster = {"source": source, "target": target}[side]
    source.produce("t", sent[:half])
    if request_name in AT_START:
        cluster.fail(request_name, *errors)
    agent = mirror(source, target, producer=ONE_BY_ONE, flags=("--offset.commit.interval.ms", "200"))
    reader = target.reader("t")
    reader.until(lambda seen: len({r.value for r in seen}) >= half, what="the first half")
    if request_name not in AT_START:
        cluster.fail(request_name, *errors)
    source.produce("t", sent[half:])
    cluster.wait_failed(request_name)
    seen = reader.until(lambda records: len({r.value for r in records}) >= len(sent), what="every record")
    assert_order_of_keys(seen)
    source.wait_committed(GROUP, "t", {n: len(sent) // 4 for n in range(4)})
    assert agent.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("error", ["INVALID_PRODUCER_EPOCH", "UNKNOWN_SERVER_ERROR", "MESSAGE_TOO_LARGE"])
def test_no_batch_overtakes_one_that_was_refused(mirror, source, target, error):
    """What the library holds for good to have failed while more of the same partition waits in it."""
    sent = [Record(b"%d" % (i % 40), b"%d" % i) for i in range(4000)]
    source.create("t")
    target.create("t")
    target.fail("Produce", error)
    agent = mirror(source, target, producer={**ONE_BY_ONE, "batch.num.messages": "50"}, flags=("--offset.commit.interval.ms", "200"))
    source.produce("t", sent)
    seen = target.reader("t").until(lambda records: len({r.value for r in records}) >= len(sent), what="every record")
    assert_order_of_keys(seen)
    target.wait_failed("Produce")
    assert agent.stop() == 0


def test_errors_behind_the_last_record_move_no_position(mirror, source, target):
    """librdkafka 2.1.0 to 2.13.1 counts such an error as a record: the one that comes next would be skipped."""
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"1")])
    agent = mirror(source, target, flags=("--offset.commit.interval.ms", "100"))
    source.wait_committed(GROUP, "t", {0: 1})
    source.fail("Fetch", *["UNKNOWN_SERVER_ERROR"] * 3)
    source.wait_failed("Fetch")
    agent.wait_event("source_trouble")
    agent.stop()
    assert source.committed(GROUP, "t", 1) == {0: 1}
    source.produce("t", [Record(b"k", b"2")])
    again = mirror(source, target)
    assert [r.value for r in target.read("t", 2)] == [b"1", b"2"]
    assert again.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("side", ["source", "target"])
def test_leader_moves_and_broker_goes(mirror, make_cluster, side):
    source, target = make_cluster(3), make_cluster(3)
    clusters = {"source": source, "target": target}
    source.create("t", 4)
    target.create("t", 4)
    for n in range(4):
        source.order("leader", "t", n, 1)
        target.order("leader", "t", n, 1)
    sent = [Record(b"%d" % (i % 40), b"%d" % i, i % 40 % 4) for i in range(6000)]
    source.produce("t", sent[:3000])
    agent = mirror(source, target, producer=ONE_BY_ONE, flags=("--offset.commit.interval.ms", "200"))
    reader = target.reader("t")
    reader.until(lambda seen: len(seen) >= 3000, what="the first half")
    for n in range(4):
        clusters[side].order("leader", "t", n, 2 + n % 2)
    clusters[side].order("down", 1)
    source.produce("t", sent[3000:])
    seen = reader.until(lambda records: len({r.value for r in records}) >= len(sent), what="every record")
    assert_order_of_keys(seen)
    clusters[side].order("up", 1)
    assert agent.stop() == 0


def test_target_without_idempotence(mirror, source, target):
    """Brokers before 0.11 do not know producer ids; said once, and mirrored all the same."""
    target.order("apiversion", 22, -1, -1)
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(1000)])
    agent = mirror(source, target)
    assert [r.value for r in target.read("t", 1000)] == [b"%d" % i for i in range(1000)]
    assert "idempotence" in agent.wait_event("target_old")["without"]
    assert agent.stop() == 0


def test_topic_that_may_not_be_read_ends_the_start(mirror, source, target):
    source.create("t")
    source.produce("t", [Record(b"k", b"v")])
    source.fail("Fetch", *["TOPIC_AUTHORIZATION_FAILED"] * 100)
    agent = mirror(source, target)
    assert agent.wait() == 1
    assert re.search(r"\bt partition 0\b.*READ", agent.find("failed")[0]["reason"])


def test_topic_that_may_not_be_read_any_more_is_waited_out(mirror, source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"1")])
    agent = mirror(source, target, flags=("--offset.commit.interval.ms", "200"))
    source.wait_committed(GROUP, "t", {0: 1})
    source.fail("Fetch", *["TOPIC_AUTHORIZATION_FAILED"] * 3)
    source.produce("t", [Record(b"k", b"2")])
    assert re.search(r"\bt\b.*READ", agent.wait_event("source_denied")["reason"])
    assert [r.value for r in target.read("t", 2)] == [b"1", b"2"]
    assert agent.stop() == 0


@pytest.mark.parametrize("error, says", [("INCONSISTENT_GROUP_PROTOCOL", r"partition\.assignment\.strategy"),
                                         ("INVALID_SESSION_TIMEOUT", r"session\.timeout\.ms")])
def test_settings_that_the_group_does_not_take_end_the_start(mirror, source, target, error, says):
    source.create("t")
    source.fail("JoinGroup", *[error] * 100)
    agent = mirror(source, target)
    assert agent.wait() == 1
    assert re.search(says, agent.find("failed")[0]["reason"])


def test_group_that_may_not_be_joined_ends_the_start(mirror, source, target):
    source.create("t")
    source.fail("JoinGroup", *["GROUP_AUTHORIZATION_FAILED"] * 100)
    agent = mirror(source, target)
    assert agent.wait() == 1
    assert re.search(r"(?i)group authori[sz]ation.*READ", agent.find("failed")[0]["reason"])
