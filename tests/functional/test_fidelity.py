"""Every field of a record arrives as it left: one row a case, one topic a row, one mirror for all of them."""

import os

import pytest

from cluster import Record

T = 1500000000123

ROWS = {
    "null-key": Record(None, b"v", timestamp=T),
    "empty-key": Record(b"", b"v", timestamp=T),
    "null-value": Record(b"k", None, timestamp=T),
    "empty-value": Record(b"k", b"", timestamp=T),
    "all-null": Record(None, None, timestamp=T),
    "all-empty": Record(b"", b"", timestamp=T),
    "binary": Record(bytes(range(256)), bytes(range(255, -1, -1)) * 3, timestamp=T),
    "zero-bytes": Record(b"\0", b"\0\0\0", timestamp=T),
    "one-header": Record(b"k", b"v", timestamp=T, headers=[("h", b"x")]),
    "header-order": Record(b"k", b"v", timestamp=T, headers=[("z", b"1"), ("a", b"2"), ("m", b"3")]),
    "header-twice": Record(b"k", b"v", timestamp=T, headers=[("a", b"1"), ("b", b"2"), ("a", b"3"), ("a", b"1")]),
    "header-null": Record(b"k", b"v", timestamp=T, headers=[("a", None), ("b", b"")]),
    "header-nameless": Record(b"k", b"v", timestamp=T, headers=[("", b"x"), ("", None)]),
    "header-binary": Record(b"k", b"v", timestamp=T, headers=[("\u00fc", bytes(range(256)))]),
    "header-big": Record(b"k", b"v", timestamp=T, headers=[("h", os.urandom(70000))]),
    "headers-many": Record(b"k", b"v", timestamp=T, headers=[("h%d" % i, b"%d" % i) for i in range(200)]),
    "headers-on-tombstone": Record(b"k", None, timestamp=T, headers=[("h", b"x")]),
    "time-1": Record(b"k", b"v", timestamp=1),
    "time-past": Record(b"k", b"v", timestamp=86400000),
    "time-future": Record(b"k", b"v", timestamp=4102444800000),
    "time-none": Record(b"k", b"v", timestamp=-1),
    "time-below-zero": Record(b"k", b"v", timestamp=-5),
    "size-1": Record(b"k", b"x", timestamp=T),
    "size-64k": Record(b"k", os.urandom(65535), timestamp=T),
    "size-64k-1": Record(b"k", os.urandom(65536), timestamp=T),
    "size-900k": Record(b"k", os.urandom(900000), timestamp=T),
    "key-100k": Record(os.urandom(100000), b"v", timestamp=T),
}

# librdkafka takes a timestamp of 0 for "none given" and would put the time of the copy in its place.
ZERO = Record(b"k", b"v", timestamp=0)


@pytest.fixture(scope="module")
def mirrored(program, mock_program, tmp_path_factory):
    """What arrived, by topic; each record came with a neighbour on either side."""
    from agent import Agent
    from cluster import Cluster
    from conftest import CONSUMER, write_properties

    folder = tmp_path_factory.mktemp("fidelity")
    source, target = Cluster(mock_program), Cluster(mock_program)
    rows = {**ROWS, "time-0": ZERO}
    for name, record in rows.items():
        source.create(name)
        target.create(name)
        around = [Record(b"before", b"before", timestamp=T), record, Record(b"after", b"after", timestamp=T)]
        source.produce_wire(name, 0, around)
    agent = Agent(program, ["--consumer.config", write_properties(
        folder / "c.properties", {"bootstrap.servers": source.bootstrap, **CONSUMER}), "--producer.config",
        write_properties(folder / "p.properties", {"bootstrap.servers": target.bootstrap}), "--whitelist", ".*"], folder)
    try:
        reader = target.reader(*rows)
        reader.until(lambda seen: len(seen) >= 3 * len(rows), what="every record")
        status = agent.stop()
        reader.read(0.1)
        assert status == 0
        yield {name: sorted((r for r in reader.records if r.topic == name), key=lambda r: r.offset) for name in rows}
    finally:
        agent.end()
        source.close()
        target.close()


@pytest.mark.sanitize
@pytest.mark.parametrize("name", ROWS)
def test_record_is_the_same(mirrored, name):
    sent = ROWS[name]
    before, record, after = mirrored[name]
    assert (before.value, after.value) == (b"before", b"after")
    assert record.key == sent.key
    assert record.value == sent.value
    assert record.headers == (sent.headers or [])
    assert record.timestamp == sent.timestamp


def test_time_zero_stays_in_the_past(mirrored):
    record = mirrored["time-0"][1]
    assert (record.key, record.value, record.timestamp) == (b"k", b"v", 1)
