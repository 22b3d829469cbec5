"""Scripts on real brokers: reloaded under load, dead letters, other keys and partitions."""

import signal
import textwrap
import zlib

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from outside import wait_until
from records import no_loss

PROMISE = 10


@pytest.fixture
def scripted(mirror, tmp_path):
    """Starts a mirror of a topic with a script."""
    def start(source, target, topic, group, script, *flags, **options):
        path = tmp_path / "route.lua"
        path.write_text(textwrap.dedent(script), encoding="utf-8")
        return mirror(source, target, topic, group, "--script.file", path, "--script.state.file",
                      tmp_path / "script.state", *flags, **options)
    return start


def save(tmp_path, script):
    """As editors do: a new file takes the old one's name."""
    new = tmp_path / "route.lua.new"
    new.write_text(textwrap.dedent(script), encoding="utf-8")
    new.rename(tmp_path / "route.lua")


def messages(cluster, topic, partitions, count):
    """The first count records of a topic."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "log_level": 0,
                         "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    found = []
    wait_until(lambda: found.extend(m for m in consumer.consume(500, 0.2) if not m.error()) or len(found) >= count,
               what=f"{count} records in {topic}")
    consumer.close()
    return found


VERSION = """
    return { api = 1,
      record = function(r) r.headers:set("version", "%d") end,
      route = function(t) return { partitions = "key" } end }"""


def test_reload_under_load(scripted, names, outside, sender, receiver, tmp_path, kafka3, kafka4):
    """Ten reloads while records flow: none lost, none twice, in order."""
    topic, group = names
    outside(kafka3).make_topic(topic, 6)
    outside(kafka4).make_topic(topic, 4)
    agent = scripted(kafka3, kafka4, topic, group, VERSION % 0, "--num.streams", 2)
    agent.wait_event("assigned", partitions=3, count=2)
    load = sender(kafka3, topic, keys=60).start(2000)
    for number in range(1, 11):
        before = outside(kafka4).count(topic)
        wait_until(lambda before=before: outside(kafka4).count(topic) > before + 500, what="records to flow")
        save(tmp_path, VERSION % number)
        agent.send(signal.SIGHUP)
        agent.wait_event("reloaded", count=number)
    load.finish()
    verdict = receiver(kafka4, topic, 4).verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    seen = messages(kafka4, topic, 4, load.total)
    assert len({dict(m.headers())["version"] for m in seen}) == 11
    assert agent.stop(PROMISE) == 0, agent.stderr


def murmur2(key):
    """Kafka's Utils.murmur2 on a key, as a check from outside."""
    m, h = 0x5BD1E995, 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(key[i:i + 4], "little") * m & 0xFFFFFFFF
        k = (k ^ k >> 24) * m & 0xFFFFFFFF
        h = (h * m & 0xFFFFFFFF) ^ k
    for i in reversed(range(whole, len(key))):
        h ^= key[i] << 8 * (i - whole)
    if len(key) > whole:
        h = h * m & 0xFFFFFFFF
    h = (h ^ h >> 13) * m & 0xFFFFFFFF
    return h ^ h >> 15


def test_other_keys_dead_letters_and_copies(scripted, names, outside, sender, kafka3, kafka4):
    topic, group = names
    outside(kafka3).make_topic(topic, 3)
    for target, partitions in ((topic, 5), (f"{topic}.copies", 2), (f"{topic}.dead", 1)):
        outside(kafka4).make_topic(target, partitions)
    sender(kafka3, topic, keys=30).send(3000, headers=[("h", b"1")])
    agent = scripted(kafka3, kafka4, topic, group, """
        return { api = 1, record = function(r)
          local key = tonumber(r.key:match "%%d+")
          if key == 7 then return r:dead_letter "seven" end
          if key == 8 then r:emit { topic = "%s.copies", value = "copy of " .. r.offset } end
          r.key = "new-" .. r.key
        end }""" % topic, "--dead.letter.topic", f"{topic}.dead")
    seen = messages(kafka4, topic, 5, 2900)
    assert len(seen) == 2900
    assert all(m.partition() == (murmur2(m.key()) & 0x7FFFFFFF) % 5 and m.headers() == [("h", b"1")] for m in seen)
    dead = messages(kafka4, f"{topic}.dead", 1, 100)
    assert {m.key() for m in dead} == {b"k7"}
    assert all(dict(m.headers())["reflejo.reason"] == b"seven" and m.headers()[0] == ("h", b"1") for m in dead)
    assert len(messages(kafka4, f"{topic}.copies", 2, 100)) == 100
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


@pytest.mark.parametrize("rule", ["map", "crc32"])
def test_partition_rules(scripted, names, outside, sender, kafka3, kafka4, rule):
    topic, group = names
    outside(kafka3).make_topic(topic, 6)
    outside(kafka4).make_topic(topic, 2)
    sender(kafka3, topic, keys=50).send(1000)
    agent = scripted(kafka3, kafka4, topic, group, """
        return { api = 1, route = function(t) return { partitions = "%s" } end,
          partition = function(src, dst) return src.partition %% dst.partitions end }""" % rule)
    seen = messages(kafka4, topic, 2, 1000)
    origin = {m.key(): m.partition() for m in messages(kafka3, topic, 6, 1000)}
    for m in seen:
        assert m.partition() == (origin[m.key()] % 2 if rule == "map" else zlib.crc32(m.key()) % 2)
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_kill_while_a_script_emits(scripted, names, outside, sender, receiver, kafka3, kafka4):
    """The source's offset waits for every output: after kill -9 none of either topic is missing."""
    topic, group = names
    outside(kafka3).make_topic(topic, 4)
    for target in (topic, f"{topic}.copies"):
        outside(kafka4).make_topic(target, 4)
    script = """
        return { api = 1, record = function(r) r:emit { topic = "%s.copies" } end }""" % topic
    load = sender(kafka3, topic, keys=40).start(1500)
    options = {"consumer": {"session.timeout.ms": 2000}}
    flags = ("--offset.commit.interval.ms", 500)
    for _ in range(3):
        before = outside(kafka4).count(topic)
        agent = scripted(kafka3, kafka4, topic, group, script, *flags, **options)
        wait_until(lambda before=before: outside(kafka4).count(topic) > before + 2000, what="records to flow")
        agent.kill()
    agent = scripted(kafka3, kafka4, topic, group, script, *flags, **options)
    load.finish()
    for target in (topic, f"{topic}.copies"):
        verdict = receiver(kafka4, target, 4).verdict(load)
        assert no_loss(verdict), f"{target}: {verdict}\n{agent.stderr}"
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
