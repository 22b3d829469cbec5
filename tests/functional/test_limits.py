"""Rate limits: how fast records arrive at the target, and whose."""

import collections
import signal
import time

import pytest

import timing
from cluster import Record
from timing import DEADLINE

SIZE = 1000


class Arrivals:
    """Records of a topic with the moment at which each was there."""

    def __init__(self, cluster, *topics):
        self.cluster, self.topics = cluster, topics
        self.consumer = cluster.reader(*topics).consumer
        self.seen, self.read = [], collections.Counter()

    def watch(self, done, what):
        """Looks until done(seen), a list of (seconds, topic, partition, bytes)."""
        end = time.monotonic() + DEADLINE
        while not done(self.seen):
            message = self.consumer.poll(0.01)
            if message and not message.error():
                self.seen.append((time.monotonic(), message.topic(), message.partition(), len(message.value() or b"")))
                self.read[message.topic(), message.partition()] += 1
            assert time.monotonic() < end, f"{what} did not come about; {len(self.seen)} records are there"

    def watch_for(self, seconds):
        """All that arrives within so many seconds from the next record on."""
        # What is there already would be read at once, and count as what arrives.
        there = {(topic, partition): end for topic in self.topics for partition, end in self.cluster.ends(topic).items()}
        self.watch(lambda _: all(self.read[place] >= end for place, end in there.items()), "what is there already")
        del self.seen[:]
        self.watch(lambda seen: seen and seen[-1][0] - seen[0][0] >= seconds, f"records for {seconds} s")
        return self.seen[:-1]


def fill(source, topic, partitions, count, size=SIZE):
    source.produce(topic, [Record(None, b"x" * size, n % partitions) for n in range(partitions * count)])


def rate(seen, seconds):
    return sum(s[3] for s in seen) / seconds


def windows(seen, width=0.1):
    """The bytes of each 100 ms, smallest first. What a busy machine does to single ones says nothing of the limit; that none may hold
    more than twice its part has a unit test, where time stands still."""
    began = seen[0][0]
    sums = collections.Counter()
    for at, _, _, size in seen:
        sums[int((at - began) / width)] += size
    return sorted(sums[n] for n in range(int((seen[-1][0] - began) / width)))


def shares(seen):
    return collections.Counter((topic, partition) for _, topic, partition, _ in seen)


@pytest.mark.parametrize("streams", [1, 3])
def test_a_limit_over_all_is_kept_smooth_and_fair(mirror, source, target, streams):
    for topic in ("ta", "tb"):
        source.create(topic, 4)
        target.create(topic, 4)
        fill(source, topic, 4, 800)
    agent = mirror(source, target, flags=("--limit", "400kB/s", "--num.streams", streams, "--partition.mode", "preserve"))
    agent.wait_shared(8, streams)
    arrivals = Arrivals(target, "ta", "tb")
    arrivals.watch(lambda seen: len(shares(seen)) == 8, "a record of every partition")
    seen = arrivals.watch_for(5)
    assert rate(seen, 5) == pytest.approx(400e3, rel=0.1)
    counts = shares(seen)
    assert len(counts) == 8
    assert all(count == pytest.approx(len(seen) / 8, rel=0.1) for count in counts.values()), counts
    held = windows(seen)
    assert held[len(held) // 2] == pytest.approx(40e3, rel=0.25)
    assert held[len(held) * 9 // 10] <= 2 * 40e3
    assert agent.stop() == 0


def test_one_topic_within_the_limit_over_all(mirror, source, target):
    """The topic keeps its own limit, and the others get the rest of what is for all."""
    for topic in ("slow", "fast"):
        source.create(topic, 6)
        target.create(topic, 6)
        fill(source, topic, 6, 800)
    agent = mirror(source, target, whitelist=".*", flags=("--limit", "300kB/s", "--limits.slow", "100kB/s", "--num.streams", "2"))
    agent.wait_shared(12, 2)
    arrivals = Arrivals(target, "slow", "fast")
    arrivals.watch(lambda seen: {s[1] for s in seen} == {"slow", "fast"}, "records of both topics")
    arrivals.watch_for(1)
    found = rates_of(arrivals, 5)
    assert found["slow"] == pytest.approx(100e3, rel=0.1)
    assert found["fast"] == pytest.approx(200e3, rel=0.1)
    assert agent.stop() == 0


def test_records_are_limited_as_well(mirror, source, target):
    source.create("t", 2)
    target.create("t", 2)
    fill(source, "t", 2, 1000, size=10)
    agent = mirror(source, target, flags=("--limit", "1GB/s 200r/s"))
    arrivals = Arrivals(target, "t")
    arrivals.watch(lambda seen: len(seen) > 50, "the first records")
    assert len(arrivals.watch_for(4)) == pytest.approx(800, rel=0.1)
    assert agent.stop() == 0


def ini(tmp_path, *lines):
    path = tmp_path / "reflejo.ini"
    path.write_text("[limits]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return ("--config", path)


def rates_of(arrivals, seconds=4):
    seen = arrivals.watch_for(seconds)
    return {topic: rate([s for s in seen if s[1] == topic], seconds) for topic in {s[1] for s in seen}}


def test_topics_have_limits_of_their_own(mirror, source, target, tmp_path):
    """The first expression that matches counts, flags before the file, for all its topics together."""
    for topic in ("slow.a", "slow.b", "flag", "free"):
        source.create(topic)
        target.create(topic)
        fill(source, topic, 1, 2000)
    agent = mirror(source, target, whitelist=".*", flags=(
        *ini(tmp_path, r"slow\\..* = 100kB/s", "slow.* = 1B/s", "flag = 1B/s", "free = none", ".* = 1B/s"),
        "--limits.fl.g", "200 kB/s"))
    free = target.reader("free")
    free.until(lambda seen: len(seen) == 2000, what="all of the topic without a limit")
    arrivals = Arrivals(target, "slow.a", "slow.b", "flag")
    arrivals.watch(lambda seen: {s[1] for s in seen} == {"slow.a", "slow.b", "flag"}, "records of all topics")
    # What was there when the reader began comes at once.
    arrivals.watch_for(1)
    found = rates_of(arrivals)
    assert found["flag"] == pytest.approx(200e3, rel=0.1)
    assert found["slow.a"] == pytest.approx(50e3, rel=0.1)
    assert found["slow.b"] == pytest.approx(50e3, rel=0.1)
    assert agent.stop() == 0


def clock(minutes):
    """The local time of day so many minutes from now."""
    return time.strftime("%H:%M", time.localtime(time.time() + minutes * 60))


def test_a_limit_by_the_time_of_day(mirror, source, target, tmp_path):
    for topic in ("now", "later"):
        source.create(topic)
        target.create(topic)
        fill(source, topic, 1, 1000)
    agent = mirror(source, target, whitelist=".*", flags=ini(
        tmp_path, f"now = 100kB/s @{clock(-60)}-{clock(60)}; none",
        f"later = 1B/s @{clock(60)}-{clock(120)}; 200kB/s"))
    arrivals = Arrivals(target, "now", "later")
    arrivals.watch(lambda seen: {s[1] for s in seen} == {"now", "later"}, "records of both topics")
    arrivals.watch_for(0.5)
    found = rates_of(arrivals, 3)
    assert found["now"] == pytest.approx(100e3, rel=0.1)
    assert found["later"] == pytest.approx(200e3, rel=0.1)
    assert agent.stop() == 0


def write_route(path, limit):
    path.write_text(f"""
local mirror = require "mirror"
local M = {{ api = 1 }}
function M.route(t) if t.name == "t" then return {{ limit = {limit} }} end end
return M
""", encoding="utf-8")


def test_the_limit_of_a_script_and_another_after_a_reload(mirror, source, target, tmp_path):
    source.create("t")
    target.create("t")
    fill(source, "t", 1, 4000)
    write_route(tmp_path / "route.lua", '"100kB/s"')
    agent = mirror(source, target, flags=("--script.file", tmp_path / "route.lua", "--limits.t", "1B/s"))
    arrivals = Arrivals(target, "t")
    arrivals.watch(lambda seen: len(seen) > 30, "the first records")
    assert rates_of(arrivals, 3)["t"] == pytest.approx(100e3, rel=0.1)
    write_route(tmp_path / "route.lua", '"400kB/s"')
    agent.send(signal.SIGHUP)
    assert agent.wait_event("reloaded")["changes"] == "t has the limit 400kB/s now"
    arrivals.watch_for(0.5)
    assert rates_of(arrivals, 3)["t"] == pytest.approx(400e3, rel=0.1)
    write_route(tmp_path / "route.lua", '"fast"')
    agent.send(signal.SIGHUP)
    reason = agent.wait_event("reload_rejected")["reason"]
    assert "a route's limit cannot be 'fast': 'fast' is not a rate: write 20MB/s" in reason
    write_route(tmp_path / "route.lua", '"none"')
    agent.send(signal.SIGHUP)
    agent.wait_event("reloaded", count=2)
    arrivals.watch(lambda seen: seen and sum(1 for s in seen) >= 1000, "the rest, without a limit")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_what_waits_for_a_limit_costs_no_time_at_the_end(mirror, source, target):
    """Nothing that is read waits for the limit; a stop takes no longer, and what was not read comes at the next start."""
    source.create("t", 3)
    target.create("t", 3)
    fill(source, "t", 3, 20)
    agent = mirror(source, target, flags=("--limit", "1kB/s"))
    target.reader("t").until(lambda seen: len(seen) >= 4, what="the first records")
    began = time.monotonic()
    assert agent.stop() == 0
    assert time.monotonic() - began < timing.PROMISE / 2
    assert agent.find("stop", drained="yes")
    agent = mirror(source, target)
    assert len(target.read("t", 60)) == 60
    assert agent.stop() == 0


def test_check_says_where_a_limit_is_wrong(run, tmp_path):
    flags = ini(tmp_path, "a = 5MB", "(b = 5MB/s", "c = 5MB/s")
    done = run("check", *flags, "--limit", "quick", "--limits.d", "1MB/s @9-17")
    assert done.returncode == 1
    path = flags[1]
    assert f"{path}:2: a: '5MB' is not a rate: write 20MB/s" in done.stderr
    assert f"{path}:3: " in done.stderr and "(b" in done.stderr
    assert "--limit: 'quick' is not a rate" in done.stderr
    assert "--limits.d: '9-17' is not a time of day: write @08:00-18:00" in done.stderr
    assert f"{path}:4" not in done.stderr
