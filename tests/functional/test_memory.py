"""A target that takes nothing: reading stops, memory stays bounded, and everything arrives afterwards. And waiting, for
whatever it is, costs next to no processor time."""

import collections
import os
import re
import threading

import pytest

from cluster import Record
from timing import SCALE, TICK, wait_until

MIB = 1 << 20

# Code, libraries, threads and their arenas, beside the records that buffer.memory bounds.
BESIDE = 60 * MIB


class Peak:
    """The highest resident memory of an agent."""

    def __init__(self, agent):
        self.agent, self.highest = agent, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.wait(TICK) and self.agent.is_running():
            try:
                self.highest = max(self.highest, self.agent.rss())
            except (FileNotFoundError, ProcessLookupError, TypeError):
                return

    def stop(self):
        self.over.set()
        self.thread.join()
        return self.highest


@pytest.mark.slow
@pytest.mark.skipif(SCALE > 1, reason="a sanitizer keeps memory of its own")
@pytest.mark.parametrize("size, count, partitions, streams", [(100000, 48, 20, 1), (1000, 4500, 20, 4), (100, 40000, 12, 1)])
def test_memory_is_bounded_while_the_target_is_away(mirror, source, target, size, count, partitions, streams):
    # The mock cluster keeps 5 MiB of each partition. What may wait grows with them, and with the records' number.
    source.create("t", partitions)
    target.create("t", partitions)
    value = os.urandom(size - 10)
    for partition in range(partitions):
        source.produce("t", [Record(b"%d" % partition, b"%010d" % i + value, partition) for i in range(count)])
    target.down()
    agent = mirror(source, target, flags=("--buffer.memory", "16MiB", "--num.streams", streams, "--partition.mode",
                                          "preserve", "--log.progress.interval", "1"))
    peak = Peak(agent)
    try:
        agent.wait_event("target_unreachable")
        agent.wait_shared(partitions, streams)
        # It has read as much as it may when the lag stands still.
        seen = []

        def stands_still():
            seen[:] = [e["lag"] for e in agent.find("progress", lag=lambda t: int(t) > 0)]
            return len(seen) >= 4 and len(set(seen[-4:])) == 1
        wait_until(stands_still, what="a lag that stands still")
        assert peak.highest < 16 * MIB + BESIDE
        target.up()
        reader = target.reader("t")
        reader.until(lambda records: len({(r.partition, r.value[:10]) for r in records}) >= partitions * count,
                     timeout=90, what="every record")
    finally:
        highest = peak.stop()
    assert highest < 16 * MIB + BESIDE
    # A rebalance among the streams may have repeated some; what comes first is in order all the same.
    first = collections.defaultdict(dict)
    for record in sorted(reader.records, key=lambda r: (r.partition, r.offset)):
        first[record.partition].setdefault(int(record.value[:10]))
    assert all(list(numbers) == list(range(count)) for numbers in first.values())
    assert agent.stop() == 0


@pytest.mark.slow
@pytest.mark.skipif(SCALE > 1, reason="a sanitizer takes time of its own")
@pytest.mark.parametrize("trouble", ["none", "source", "target", "both", "target frozen"])
def test_waiting_costs_no_processor_time(mirror, source, target, trouble):
    source.create("t", 20)
    target.create("t", 20)
    sent = [Record(b"%d" % i, b"x" * 50000, i % 20) for i in range(400)]
    source.produce("t", sent[:20])
    # Waiting for records as long as it does by default: an empty fetch is answered after half a second.
    agent = mirror(source, target, consumer={"fetch.max.wait.ms": 500, "heartbeat.interval.ms": 3000}, flags=(
        "--log.progress.interval", "1", "--buffer.memory", "8MiB", "--num.streams", "2"))
    agent.wait_event("progress", lag=0, partitions=20)
    if trouble in ("target", "both"):
        target.down()
    if trouble == "target frozen":
        target.freeze()
    if trouble in ("target", "target frozen"):
        source.produce("t", sent[20:])
        agent.wait_event("progress", lag=lambda text: int(text) > 0)
    if trouble in ("source", "both"):
        source.down()
    count = len(agent.find("progress"))
    agent.wait_event("progress", count=count + 2)
    before = agent.cpu()
    agent.wait_event("progress", count=count + 6)
    # Four seconds, in two streams.
    assert agent.cpu() - before < 0.4


def test_responses_smaller_than_the_largest_message(mirror, run, source, target):
    """Of the library's consumers none may be made with less in a fetch than in a message, which they do not send."""
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v" * 1000) for _ in range(100)])
    agent = mirror(source, target, consumer={"fetch.max.bytes": 1000})
    target.read("t", 100)
    assert agent.stop() == 0
    done = run("plan", "--consumer.config", "consumer1.properties", "--producer.config", "producer1.properties", "--whitelist", "t")
    assert done.returncode == 0, done.stderr


def test_a_part_of_a_response_holds_what_brokers_are_to_gather(mirror, source, target):
    """Else each fetch would wait for its time-out."""
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v")])
    agent = mirror(source, target, consumer={"fetch.min.bytes": 3 * MIB, "debug": "conf"}, flags=("--log.level", "debug"))
    target.read("t", 1)
    assert agent.stop() == 0
    # By the library's own account of the stream's client; the property has two names.
    sizes = re.findall(r" client=\S+-0#consumer-\d+ .* (?:fetch\.message\.max|max\.partition\.fetch)\.bytes = (\d+)", agent.stderr)
    assert sizes == [str(3 * MIB)], sizes
