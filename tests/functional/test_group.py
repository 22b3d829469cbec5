"""Several agents, or several streams, share one group: nothing is lost, and each key keeps its order."""

import pytest

from cluster import Record
from conftest import GROUP
from test_signals import Load, assert_order_of_keys


@pytest.mark.sanitize
def test_streams_share_the_partitions(mirror, source, target):
    source.create("t", 8)
    target.create("t", 5)
    sent = [Record(b"%d" % (i % 97), b"%d" % i, i % 97 % 8) for i in range(20000)]
    source.produce("t", sent)
    agent = mirror(source, target, flags=("--num.streams", "4", "--offset.commit.interval.ms", "500"))
    for stream in range(4):
        agent.wait_event("assigned", stream=stream, partitions=2)
        start = agent.wait_event("stream_start", stream=stream)
        assert (start["group"], start["client_id"]) == (GROUP, f"{GROUP}-{stream}")
        assert source.bootstrap in start["source"]
    # The mock refuses commits while the group settles, so some records may come more than once.
    reader = target.reader("t")
    assert_order_of_keys(reader.until(lambda seen: len({r.value for r in seen}) >= len(sent), what="every record"))
    agent.wait_shared(8, 4)
    # A stream that is stopped as soon as it has its last partitions has read nothing of them, and has nothing to commit.
    source.wait_committed(GROUP, "t", {p: sum(r.partition == p for r in sent) for p in range(8)})
    assert agent.stop() == 0


@pytest.mark.slow
def test_three_agents_join_and_leave_under_load(mirror, source, target):
    settings = {"flags": ("--offset.commit.interval.ms", "500", "--num.streams", "2")}
    source.create("t", 12)
    target.create("t", 7)
    load = Load(source, "t", 1000, keys=120, partitions=12)
    try:
        first = mirror(source, target, **settings)
        first.wait_shared(12, 2)
        second = mirror(source, target, **settings)
        for agent in (first, second):
            agent.wait_shared(6, 2)
        third = mirror(source, target, **settings)
        for agent in (first, second, third):
            agent.wait_shared(4, 2)
        assert first.stop() == 0
        for agent in (second, third):
            agent.wait_shared(6, 2)
        second.kill()
        third.wait_shared(12, 2)
        arrived = sum(target.ends("t").values())
        target.read("t", arrived + 1000)
    finally:
        sent = load.stop()
    reader = target.reader("t")
    seen = reader.until(lambda records: len({r.value for r in records}) >= sent, what=f"{sent} different records")
    assert_order_of_keys(seen)
    assert third.stop() == 0
    assert sum(source.committed(GROUP, "t", 12).values()) == sent
