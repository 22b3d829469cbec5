"""What the target refuses: batches that are sent again in pieces, and records that it will never take."""

import pytest

from cluster import Record
from conftest import GROUP


def last_of_each(records):
    """Every value once, in the order of their last copies."""
    ordered = [r.value for r in sorted(records, key=lambda r: r.offset)]
    return list(dict.fromkeys(reversed(ordered)))[::-1]


@pytest.mark.sanitize
def test_batch_too_large_is_sent_again_in_pieces(mirror, source, target):
    """What was in flight behind the refused batch a real broker refuses for its sequence number. The mock, which does
    not look at those, takes it: so it comes once more, behind the pieces."""
    source.create("t")
    target.create("t")
    sent = [b"%05d" % i + b"x" * 500 for i in range(2000)]
    reader = target.reader("t")
    agent = mirror(source, target, flags=("--offset.commit.interval.ms", "200"))
    for wave in (1, 2):
        # In the second wave the batches are smaller already.
        target.fail("Produce", "MESSAGE_TOO_LARGE")
        source.produce("t", [Record(b"k", v) for v in sent[(wave - 1) * 1000:wave * 1000]])
        target.wait_failed("Produce")
        source.wait_committed(GROUP, "t", {0: wave * 1000})
        end = target.ends("t")[0]
        reader.until(lambda seen, end=end: len(seen) >= end, what="every record")
        assert last_of_each(reader.records) == sent[:wave * 1000]
    assert agent.find("batch_too_large", topic="t")
    assert agent.stop() == 0
    assert not agent.find("send_failure")


# One record in the middle that the producer's own limit refuses.
BIG = b"B" * 60000
SENT = [b"%d" % i for i in range(50)] + [BIG] + [b"%d" % i for i in range(50, 100)]
REFUSING = {"max.request.size": 50000, "batch.size": 20000}


@pytest.fixture
def refused(source, target):
    """A topic with the record that is too large at offset 50 of partition 0, and an unharmed partition 1."""
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"k", v, 0) for v in SENT] + [Record(b"k", b"other", 1)])


@pytest.mark.sanitize
def test_refused_record_ends_it_uncommitted(mirror, source, target, refused):
    agent = mirror(source, target, producer=REFUSING, flags=("--partition.mode", "preserve"))
    assert agent.wait() == 255
    failure = agent.wait_event("send_failure", topic="t", partition=0)
    assert failure["offset"] == "50" and "max.request.size, 50000" in failure["reason"]
    assert agent.find("stop", status="255")
    assert max(source.committed(GROUP, "t", 2)[0], 0) <= 50
    again = mirror(source, target, producer=REFUSING, flags=("--partition.mode", "preserve"))
    assert again.wait() == 255


def test_refused_record_is_dropped_and_counted(mirror, source, target, refused):
    agent = mirror(source, target, producer=REFUSING, flags=(
        "--partition.mode", "preserve", "--abort.on.send.failure", "false"))
    seen = target.read("t", len(SENT))
    assert [r.value for r in sorted(seen, key=lambda r: r.offset) if r.partition == 0] == [v for v in SENT if v != BIG]
    assert agent.wait_event("send_failure", topic="t", partition=0)["offset"] == "50"
    assert agent.stop() == 0
    assert agent.find("progress")[-1]["dropped"] == "1"
    assert source.committed(GROUP, "t", 2) == {0: len(SENT), 1: 1}


def test_refused_record_holds_its_partition_only(mirror, source, target, refused):
    agent = mirror(source, target, producer=REFUSING, flags=(
        "--partition.mode", "preserve", "--abort.on.send.failure", "false", "--send.on.error", "pause",
        "--offset.commit.interval.ms", "200", "--log.progress.interval", "1"))
    assert agent.wait_event("partition_paused", topic="t", partition=0)["offset"] == "50"
    source.produce("t", [Record(b"k", b"later", 1)])
    seen = target.read("t", 52)
    assert [r.value for r in sorted(seen, key=lambda r: r.offset) if r.partition == 1] == [b"other", b"later"]
    source.wait_committed(GROUP, "t", {0: 50, 1: 2})
    agent.wait_event("progress", held="1")
    assert agent.stop() == 0
    assert source.committed(GROUP, "t", 2) == {0: 50, 1: 2}
    assert sum(target.ends("t").values()) == 52


@pytest.mark.parametrize("error", ["INVALID_TIMESTAMP", "TOPIC_AUTHORIZATION_FAILED"])
def test_error_that_no_retry_heals_ends_it(mirror, source, target, error):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v")])
    target.fail("Produce", *[error] * 20)
    agent = mirror(source, target)
    assert agent.wait() == 255
    assert agent.wait_event("send_failure", topic="t", partition=0)["offset"] == "0"
    assert source.committed(GROUP, "t", 1)[0] <= 0


@pytest.mark.sanitize
def test_refused_record_becomes_a_dead_letter(mirror, source, target):
    for topic in ("t", "dead"):
        target.create(topic)
    source.create("t")
    # Refused with its batch, and then alone.
    target.fail("Produce", "INVALID_TIMESTAMP", "INVALID_TIMESTAMP")
    source.produce("t", [Record(b"k", b"bad", headers=[("h", b"1")])])
    agent = mirror(source, target, flags=("--abort.on.send.failure", "false", "--send.on.error", "dead-letter",
                                          "--dead.letter.topic", "dead"))
    (dead,) = target.read("dead", 1)
    assert (dead.key, dead.value) == (b"k", b"bad")
    assert [h for h in dead.headers if h[0] != "reflejo.reason"] == [
        ("h", b"1"), ("reflejo.topic", b"t"), ("reflejo.partition", b"0"), ("reflejo.offset", b"0"),
        ("reflejo.error", b"INVALID_TIMESTAMP")]
    assert b"timestamp" in dict(dead.headers)["reflejo.reason"]
    source.produce("t", [Record(b"k", b"good")])
    assert [r.value for r in target.read("t", 1)] == [b"good"]
    assert agent.stop() == 0
    assert source.committed(GROUP, "t", 1) == {0: 2}


@pytest.mark.sanitize
def test_refused_records_leave_nothing_behind(mirror, source, target):
    """One after the other, so that a leak of each is not hidden by a pointer that was left somewhere."""
    for topic in ("t", "dead"):
        target.create(topic)
    source.create("t")
    agent = mirror(source, target, flags=("--abort.on.send.failure", "false", "--send.on.error", "dead-letter",
                                          "--dead.letter.topic", "dead"))
    for i in range(5):
        target.fail("Produce", "INVALID_TIMESTAMP", "INVALID_TIMESTAMP")
        source.produce("t", [Record(b"k", b"bad%d" % i, headers=[("h", b"1")])])
        assert target.read("dead", i + 1)[i].headers[0] == ("h", b"1")
    assert agent.stop() == 0


def test_dead_letters_need_a_topic(mirror, source, target):
    agent = mirror(source, target, flags=("--abort.on.send.failure", "false", "--send.on.error", "dead-letter"))
    assert agent.wait() == 1
    assert "--dead.letter.topic" in agent.stderr
