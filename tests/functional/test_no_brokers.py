"""A cluster that names no broker in an answer, as one whose only broker is fenced, or has just started, does for a moment.
librdkafka from 2.10.0 on lets go of all brokers then, and asks none again (its issue 5301)."""

import contextlib

import pytest

from cluster import Record
from relay import Relay
from timing import wait_until

# So many that the library is not through with the answer before the brokers are gone.
PARTITIONS = 200


@pytest.mark.parametrize("side", ["source", "target"])
def test_brokers_that_are_named_no_more_for_a_moment(mirror, source, target, side):
    for cluster in (source, target):
        cluster.create("t", PARTITIONS)
    source.produce("t", [Record(b"k", b"1", 0)])
    with contextlib.closing(Relay({"source": source, "target": target}[side])) as gate:
        ends = {"source": source, "target": target, side: gate}
        agent = mirror(ends["source"], ends["target"], consumer={"metadata.max.age.ms": 1000}, producer={"metadata.max.age.ms": 1000})
        reader = target.reader("t")
        reader.until(lambda seen: len(seen) == 1)
        gate.is_blind = True
        wait_until(lambda: gate.misled >= gate.told, what="an answer without brokers to each client")
        gate.is_blind = False
        source.produce("t", [Record(b"k", b"%d" % number, number % 2) for number in range(2, 12)])
        values = sorted(int(seen.value) for seen in reader.until(lambda seen: len(seen) >= 11))
        assert values == list(range(1, 12)), agent.stderr
