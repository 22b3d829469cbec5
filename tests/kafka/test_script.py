"""Scripts under load: what they decide holds on real brokers, through reloads, waits and kill -9."""

import collections
import random
import signal
import textwrap
import time

import java
import pytest
import rigs
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from conftest import rig
from outside import Curve, wait_until
from records import no_loss

PROMISE = 10
DEADLINE = 60
RATE = 2000
RELOADS = 10
KILLS = 4
INTERVAL = 0.5  # seconds between commits
SESSION = 2  # seconds
# As in test_kill.py.
SLACK = 0.5

Seen = collections.namedtuple("Seen", "key value headers timestamp partition offset")


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """The target: of kafka3's version."""
    yield from rig(rigs.KraftCluster, tmp_path_factory, "3.9.1", auto_create_topics_enable="false")


class Reader:
    """Reads whole topics: seen[topic, partition] is what stands there, in order."""

    def __init__(self, cluster, partitions):
        """partitions: how many each topic has."""
        self.seen = {(topic, number): [] for topic, count in partitions.items() for number in range(count)}
        self.consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "log_level": 0,
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 50})
        self.consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in self.seen])

    def take(self):
        for m in self.consumer.consume(5000, 0.1):
            if not m.error():
                self.seen[m.topic(), m.partition()].append(Seen(m.key(), m.value(), m.headers() or [],
                                                                m.timestamp()[1], m.partition(), m.offset()))

    def all(self, topic):
        return [record for (name, _), records in self.seen.items() if name == topic for record in records]

    def until(self, condition, what):
        """Reads on until condition() is true."""
        def is_so():
            self.take()
            return condition()
        wait_until(is_so, DEADLINE, what)

    def until_count(self, count, *topics):
        """Reads on until the topics, all without a name, have that many records together."""
        self.until(lambda: sum(len(records) for (topic, _), records in self.seen.items()
                               if not topics or topic in topics) >= count, f"{count} records")


@pytest.fixture
def reader():
    """reader(cluster, {topic: partitions}): see Reader."""
    made = []

    def make(*arguments):
        made.append(Reader(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.consumer.close()


@pytest.fixture
def scripted(mirror, tmp_path, kafka3, twin):
    """Starts the program from kafka3 to twin with a script: scripted(topics, group, "return {...}", flag, ...)."""
    def start(topics, group, script, *flags):
        rewrite(tmp_path, script)
        return mirror(kafka3, twin, topics, group, "--script.file", "script.lua", "--script.state.file",
                      "script.state", "--offset.commit.interval.ms", int(INTERVAL * 1000), *flags,
                      consumer={"session.timeout.ms": SESSION * 1000})
    return start


def rewrite(folder, script):
    """Saves the script as editors do: a new file takes the old one's name."""
    new = folder / "script.lua.new"
    new.write_text(textwrap.dedent(script), encoding="utf-8")
    new.rename(folder / "script.lua")


def send_all(cluster, topic, records):
    """Records as dictionaries of produce()'s arguments."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5,
                         "enable.idempotence": True})
    for record in records:
        producer.produce(topic, **record)
    assert producer.flush(DEADLINE) == 0


def versions(records):
    """The version of the script by which each record went."""
    return [int(dict(record.headers)["version"]) for record in records]


VERSION = """
    local version, moves = "%d", %s
    return {
      api = 1,
      route = function(t) return moves and t.name .. "." .. version %% 2 or nil end,
      record = function(r) r.headers:add("version", version) end,
    }"""


@pytest.mark.parametrize("moves", ["stays", "moves"])
def test_reload_under_load(moves, scripted, names, outside, sender, reader, tmp_path, kafka3, twin):
    """The script is rewritten ten times while records flow: each partition's records stand at the target once, in
    order, the versions of the script in order too. "moves": every version sends the topic elsewhere."""
    topic, group = names
    targets = [f"{topic}.0", f"{topic}.1"] if moves == "moves" else [topic]
    outside(kafka3).make_topic(topic, 6)
    for target in targets:
        outside(twin).make_topic(target, 6)

    def script(version):
        return VERSION % (version, "true" if moves == "moves" else "false")

    agent = scripted(topic, group, script(0), "--num.streams", 2, "--partition.mode", "preserve")
    # While the group moves, records may come twice.
    wait_until(lambda: outside(kafka3).shares(group) == [3, 3], what="the assignment")
    load = sender(kafka3, topic, keys=60).start(RATE)
    source, target = reader(kafka3, {topic: 6}), reader(twin, dict.fromkeys(targets, 6))
    for version in range(RELOADS + 1):
        if version:
            rewrite(tmp_path, script(version))
            agent.send(signal.SIGHUP)
            agent.wait_event("reloaded", PROMISE, count=version)
        now = targets[version % len(targets)]
        target.until(lambda now=now, version=version: any(
            records and versions(records[-1:]) == [version]
            for (name, _), records in target.seen.items() if name == now), f"records by version {version}")
    load.finish()
    source.until_count(load.total)
    outside(kafka3).wait_no_lag(group, topic)
    target.until_count(load.total)
    assert sum(outside(twin).count(name) for name in targets) == load.total, agent.stderr
    for number in range(6):
        came = [record for name in targets for record in target.seen[name, number]]
        # By version, and within one as they stand: a topic that moves has all of one version in one place.
        came.sort(key=lambda record: int(dict(record.headers)["version"]))
        assert [r.value for r in came] == [r.value for r in source.seen[topic, number]], f"partition {number}"
        for name in targets:
            went_by = versions(target.seen[name, number])
            assert went_by == sorted(went_by), f"{name} partition {number}"
            assert {targets[version % len(targets)] for version in went_by} == {name}, f"{name} partition {number}"
    assert agent.stop(PROMISE) == 0, agent.stderr
    assert outside(kafka3).lag(group, topic) == 0
    assert not agent.find("reload_rejected")


def test_dead_letters(scripted, names, outside, reader, kafka3, twin):
    """Those that the script puts aside, and those at which it fails, stand in the dead-letter topic as they were at
    the source, with where they came from and why."""
    topic, group = names
    outside(kafka3).make_topic(topic, 3)
    outside(twin).make_topic(topic, 3)
    outside(twin).make_topic(topic + ".dead", 4)
    own = [("trace", b"a"), ("trace", b"b"), ("null", None), ("empty", b"")]
    stamp = int(time.time() * 1000) - 1_000_000
    send_all(kafka3, topic, [{"key": b"key-%d" % (n % 50), "value": b"%d" % n, "headers": own, "timestamp": stamp + n}
                             for n in range(3000)])
    agent = scripted(topic, group, """
        return { api = 1, record = function(r)
          r.key = "changed"
          r.headers:remove "trace"
          local n = tonumber(r.value)
          if n % 10 == 3 then return r:dead_letter("number " .. n % 100) end
          if n % 100 == 55 then error "cannot" end
        end }""", "--script.on.error", "dead-letter", "--dead.letter.topic", topic + ".dead", "--num.streams", 2)
    source, target = reader(kafka3, {topic: 3}), reader(twin, {topic: 3, topic + ".dead": 4})
    source.until_count(3000)
    target.until_count(3000)
    outside(kafka3).wait_no_lag(group, topic)
    assert outside(twin).count(topic + ".dead") == 330 and outside(twin).count(topic) == 2670
    originals = {record.value: record for record in source.all(topic)}
    dead = target.all(topic + ".dead")
    assert {int(r.value) for r in dead} == {n for n in range(3000) if n % 10 == 3 or n % 100 == 55}
    for record in dead:
        was = originals[record.value]
        assert record[:2] == was[:2] and record.timestamp == was.timestamp
        assert record.partition == java.partition_of(was.key, 4)
        assert record.headers[:4] == own
        reason, error = record.headers[-2:]
        assert record.headers[4:-2] == [
            ("reflejo.topic", topic.encode()), ("reflejo.partition", b"%d" % was.partition),
            ("reflejo.offset", b"%d" % was.offset), ("reflejo.script", b"script.lua"), ("reflejo.script.generation", b"1")]
        number = int(record.value) % 100
        if number == 55:
            assert reason[0] == "reflejo.reason" and b"script.lua:7:" in reason[1] and b"cannot" in reason[1]
            assert error == ("reflejo.error", b"SCRIPT_FAILED")
        else:
            assert reason == ("reflejo.reason", b"number %d" % number)
            assert error == ("reflejo.error", b"SCRIPT_DEAD_LETTER")
    assert {(r.key, *r.headers) for r in target.all(topic)} == {(b"changed", *own[2:])}
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_rekeying(scripted, names, outside, reader, kafka3, twin):
    """A new key lands where Java's producer would put it, by the route's rule or because the script asks for that; a
    partition that is kept does not follow the key."""
    topic, group = names
    by_key, kept = topic + ".by-key", topic + ".kept"
    for name in (by_key, kept):
        outside(kafka3).make_topic(name, 3)
        outside(twin).make_topic(name, 7)
        send_all(kafka3, name, [{"key": b"old-%d" % (n % 30), "value": b'{"customer":{"id":"%d"},"n":%d}' % (n % 90, n)}
                                for n in range(3000)])
    agent = scripted(topic + ".*", group, """
        local mirror = require "mirror"
        return {
          api = 1,
          route = function(t) return { partitions = t.name:find("by-key", 1, true) and "key" or "preserve" } end,
          record = function(r)
            local id = assert(mirror.json.get(r, "customer.id"))
            r.key = "customer:" .. id
            assert(r:key_partition(7) == bit.band(mirror.murmur2(r.key), 0x7fffffff) % 7)
            if id % 3 == 1 then r.partition = nil end
            if id % 3 == 2 then r.partition = r:key_partition(7) end
          end,
        }""", "--num.streams", 2)
    source, target = reader(kafka3, {by_key: 3, kept: 3}), reader(twin, {by_key: 7, kept: 7})
    source.until_count(6000)
    target.until_count(6000)
    outside(kafka3).wait_no_lag(group, by_key)
    outside(kafka3).wait_no_lag(group, kept)
    assert outside(twin).count(by_key) == outside(twin).count(kept) == 3000, agent.stderr
    for name in (by_key, kept):
        came_from = {record.value: record.partition for record in source.all(name)}
        arrived = target.all(name)
        assert len({record.value for record in arrived}) == 3000
        for record in arrived:
            number = int(record.key.removeprefix(b"customer:"))
            is_kept = name == kept and number % 3 == 0
            assert record.partition == (came_from[record.value] if is_kept else java.partition_of(record.key, 7))
    # Every old key was in one partition, and 90 is a multiple of 30: the records of a new key keep their order.
    for records in target.seen.values():
        by_new = collections.defaultdict(list)
        for record in records:
            by_new[record.key].append(int(record.value.rsplit(b":", 1)[1].rstrip(b"}")))
        assert all(numbers == sorted(numbers) for numbers in by_new.values())
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_partition_map(scripted, names, outside, reader, kafka3, twin):
    """Six partitions onto two by the partition hook, which is asked again when the source has eight."""
    topic, group = names
    outside(kafka3).make_topic(topic, 6)
    outside(twin).make_topic(topic, 2)
    send_all(kafka3, topic, [{"value": b"%d:%d" % (n % 6, n), "partition": n % 6} for n in range(3000)])
    agent = scripted(topic, group, """
        return {
          api = 1,
          route = function(t) return { partitions = "map" } end,
          partition = function(src, dst) return math.floor(src.partition * dst.partitions / src.partitions) end,
        }""", "--num.streams", 2)
    target = reader(twin, {topic: 2})
    target.until_count(3000)
    for record in target.all(topic):
        assert record.partition == int(record.value.split(b":")[0]) // 3
    outside(kafka3).wait_no_lag(group, topic)
    outside(kafka3).add_partitions(topic, 8)
    agent.wait_event("plan")
    send_all(kafka3, topic, [{"value": b"%d:%d" % (n % 8, n), "partition": n % 8} for n in range(3000, 5000)])
    target.until_count(5000)
    for record in target.all(topic):
        number, count = (int(text) for text in record.value.split(b":"))
        assert record.partition == (number // 3 if count < 3000 else number // 4)
    for records in target.seen.values():
        by_source = collections.defaultdict(list)
        for record in records:
            number, count = record.value.split(b":")
            by_source[number].append(int(count))
        assert all(counts == sorted(counts) for counts in by_source.values())
    wait_until(lambda: outside(kafka3).committed(group, topic) == [750] * 6 + [250] * 2, what="the positions")
    assert outside(twin).count(topic) == 5000
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_retry_holds_one_partition(scripted, names, outside, reader, tmp_path, kafka3, twin):
    """Partition 0 waits at a record until a look-up file says that it may pass; the others do not notice."""
    topic, group = names
    outside(kafka3).make_topic(topic, 4)
    outside(twin).make_topic(topic, 4)
    (tmp_path / "gate.csv").write_text("gate,shut\n", encoding="utf-8")
    records = [{"value": b"%d" % n, "partition": n % 4} for n in range(4000)]
    send_all(kafka3, topic, records[:2000])
    agent = scripted(topic, group, """
        local mirror = require "mirror"
        local gates = mirror.map "gate.csv"
        local tries = 0
        return { api = 1, record = function(r)
          if r.source_partition ~= 0 or r.offset ~= 100 then return end
          tries = tries + 1
          if gates:get "gate" ~= "open" then return r:retry(50) end
          r.headers:add("tries", tostring(tries))
        end }""", "--num.streams", 2, "--partition.mode", "preserve")
    target = reader(twin, {topic: 4})
    target.until_count(1600)
    # The others flow on while it waits, and its position stands at the record.
    send_all(kafka3, topic, records[2000:])
    target.until(lambda: all(len(target.seen[topic, number]) == 1000 for number in (1, 2, 3)), "the other partitions")
    wait_until(lambda: outside(kafka3).committed(group, topic) == [100, 1000, 1000, 1000], what="their positions")
    assert outside(twin).ends(topic) == [100, 1000, 1000, 1000]
    (tmp_path / "gate.csv.new").write_text("gate,open\n", encoding="utf-8")
    (tmp_path / "gate.csv.new").rename(tmp_path / "gate.csv")
    target.until_count(4000)
    for number in range(4):
        assert [int(record.value) for record in target.seen[topic, number]] == list(range(number, 4000, 4))
    (_, tries), = target.seen[topic, 0][100].headers
    assert int(tries) > 5
    outside(kafka3).wait_no_lag(group, topic)
    assert outside(twin).count(topic) == 4000
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_kill_with_two_outputs(scripted, names, outside, sender, receiver, kafka3, twin):
    """kill -9 under load, with a second output for each record: neither of them is lost, and what comes twice is no
    more than what reached its topic since the last commit that was due."""
    topic, group = names
    copy = topic + ".copy"
    outside(kafka3).make_topic(topic, 6)
    outside(twin).make_topic(topic, 4)
    outside(twin).make_topic(copy, 3)
    load = sender(kafka3, topic, keys=60).start(RATE)
    curves = {name: Curve(twin, name) for name in (topic, copy)}
    allowed, dice = collections.Counter(), random.Random(9)
    script = """
        return { api = 1, record = function(r)
          r:emit { topic = "%s", headers = { { "copy", "yes" } } }
          r.headers:add("own", "yes")
        end }""" % copy

    def committed():
        return sum(position or 0 for position in outside(kafka3).committed(group, topic))

    def is_level(before):
        """It has caught up, and has committed that."""
        lag = outside(kafka3).lag(group, topic)
        return committed() > before and lag is not None and lag < 2 * INTERVAL * RATE

    try:
        for number in range(KILLS):
            before, agent = committed(), scripted(topic, group, script, "--num.streams", 2)
            # The first is killed while it still catches up, the others while they keep up with the load.
            if number:
                wait_until(lambda before=before: is_level(before), what="a small lag")
            goals = {name: curve.last + dice.randint(1, RATE) for name, curve in curves.items()}
            wait_until(lambda goals=goals: all(curves[name].last >= goals[name] for name in curves),
                       what="more records of both")
            killed = time.monotonic()
            agent.kill()
            # What was on its way may still be written for a moment; the next one waits for the session anyhow.
            wait_until(lambda killed=killed: time.monotonic() > killed + SLACK)
            for name, curve in curves.items():
                allowed[name] += curve.last - curve.before(killed - INTERVAL - SLACK)
    finally:
        for curve in curves.values():
            curve.close()
    agent = scripted(topic, group, script, "--num.streams", 2)
    load.finish()
    for name, partitions in ((topic, 4), (copy, 3)):
        verdict = receiver(twin, name, partitions).verdict(load)
        print(f"{name}: {load.total} records, allowed {allowed[name]}; {verdict}")
        assert no_loss(verdict), f"{name}: {verdict}\n{agent.stderr}"
        assert verdict.duplicates <= allowed[name]
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
