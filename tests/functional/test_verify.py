"""reflejo verify: what differs between two clusters is found, with where it stands."""

import json
import re

import pytest

from confluent_kafka import Consumer, TopicPartition

from cluster import Record
from conftest import CONSUMER, write_properties
from timing import wait_until

SAME, DIFFERENT, NOT_COMPARED = 0, 1, 2
KEYS = 37


def murmur2(key):
    """Kafka's, as Utils.murmur2 of the Java client."""
    mask, m = 0xFFFFFFFF, 0x5bd1e995
    h = (0x9747b28c ^ len(key)) & mask
    for i in range(0, len(key) - 3, 4):
        k = int.from_bytes(key[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = key[len(key) & ~3:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def by_key(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def records(count, partitions, first=0):
    """Keyed records, in the partitions of their keys."""
    made = []
    for i in range(first, first + count):
        key = b"key-%d" % (i % KEYS)
        made.append(Record(key, b"value-%d" % i, by_key(key, partitions), 1700000000000 + i,
                           [("n", b"%d" % i), ("none", None)]))
    return made


class Clusters:
    """Two clusters, a topic in each, and the command."""

    def __init__(self, source, target, run, tmp_path, partitions):
        self.source, self.target, self.run, self.folder = source, target, run, tmp_path
        source.create("topic", partitions)
        target.create("topic", partitions)
        self.arguments = [
            "--consumer.config", write_properties(tmp_path / "c.properties", {"bootstrap.servers": source.bootstrap, **CONSUMER}),
            "--producer.config", write_properties(tmp_path / "p.properties", {"bootstrap.servers": target.bootstrap}),
            "--whitelist", "topic"]

    def write(self, there, here=None):
        self.source.produce("topic", there)
        self.target.produce("topic", there if here is None else here)

    def verify(self, *flags):
        """The exit status and the document."""
        done = self.run("verify", "--json", *flags, *self.arguments)
        assert done.returncode in (SAME, DIFFERENT), done.stderr
        return done.returncode, json.loads(done.stdout)

    def one(self, kind, *flags):
        """The only difference, of that kind, and its topic's counts."""
        status, found = self.verify(*flags)
        assert status == DIFFERENT
        assert [f["kind"] for f in found["findings"]] == [kind], found
        topic = found["topics"][0]
        assert found["differences"] == topic[kind] == 1
        return found["findings"][0], topic


@pytest.fixture
def clusters(source, target, run, tmp_path):
    return lambda partitions=3: Clusters(source, target, run, tmp_path, partitions)


def at(place):
    return place["topic"], place["partition"], place["offset"]


def offset_in(made, n):
    """Where the n-th of these records stands in its partition."""
    return "topic", made[n].partition, sum(r.partition == made[n].partition for r in made[:n])


def test_same(clusters):
    c = clusters()
    c.write(records(2000, 3))
    status, found = c.verify()
    assert status == SAME and found["same"] and found["complete"] and found["findings"] == []
    topic = found["topics"][0]
    assert (topic["source"], topic["expected"], topic["target"]) == (2000, 2000, 2000)
    assert topic["order_not_compared"] == 0 and topic["looked_into"] == 0


def test_missing(clusters):
    c, made = clusters(), records(1000, 3)
    c.write(made, made[:500] + made[501:])
    finding, topic = c.one("missing")
    assert at(finding["source"]) == offset_in(made, 500) and "target" not in finding
    assert (topic["expected"], topic["target"]) == (1000, 999)


def test_duplicated(clusters):
    c, made = clusters(), records(1000, 3)
    again = made[:600] + [made[500]] + made[600:]
    c.write(made, again)
    finding, _ = c.one("duplicated")
    assert at(finding["source"]) == offset_in(made, 500)
    assert at(finding["target"]) == offset_in(again, 600)
    status, found = c.verify("--allow-duplicates")
    assert status == SAME and found["topics"][0]["duplicated"] == 1


@pytest.mark.parametrize("change", [
    {"value": b"other"}, {"value": None}, {"value": b""}, {"headers": [("none", None), ("n", b"500")]},
    {"headers": [("n", b"500"), ("none", b"")]}, {"timestamp": 1700000000499}], ids=str)
def test_different(clusters, change):
    c, made = clusters(), records(1000, 3)
    c.write(made, made[:500] + [made[500]._replace(**change)] + made[501:])
    finding, _ = c.one("different")
    assert at(finding["source"]) == at(finding["target"]) == offset_in(made, 500)
    assert finding["source"]["content"] != finding["target"]["content"]


def test_reordered_within_a_key(clusters):
    c, made = clusters(), records(1000, 3)
    swapped = list(made)
    swapped[500], swapped[500 + KEYS] = swapped[500 + KEYS], swapped[500]
    c.write(made, swapped)
    finding, _ = c.one("reordered")
    assert at(finding["source"]) == offset_in(made, 500)
    assert at(finding["target"]) == offset_in(made, 500 + KEYS)
    assert at(finding["behind"]) == offset_in(made, 500 + KEYS)


def test_another_order_of_different_keys_is_the_same(clusters):
    c, made = clusters(1), records(1000, 1)
    swapped = list(made)
    swapped[500], swapped[501] = swapped[501], swapped[500]
    c.write(made, swapped)
    assert c.verify()[0] == SAME


def test_misplaced(clusters):
    c, made = clusters(), records(1000, 3)
    elsewhere = made[500]._replace(partition=(made[500].partition + 1) % 3)
    c.write(made, made[:500] + [elsewhere] + made[501:])
    finding, _ = c.one("misplaced")
    assert at(finding["source"]) == offset_in(made, 500)
    assert finding["target"]["partition"] == elsewhere.partition
    assert c.verify("--ignore-partitions")[0] == SAME


def test_unexpected(clusters):
    c, made = clusters(), records(1000, 3)
    c.write(made, made + [Record(b"stranger", b"x", by_key(b"stranger", 3), 1)])
    finding, _ = c.one("unexpected")
    assert "source" not in finding and finding["target"]["value_bytes"] == 1
    assert c.verify("--allow-unexpected")[0] == SAME


def test_records_without_a_key(clusters):
    c = clusters()
    made = [Record(None, b"value-%d" % i, i % 3, 1700000000000 + i // 2) for i in range(1000)]
    there = [r._replace(partition=(r.partition + 1) % 3) for r in made]
    c.write(made, there[:500] + [there[500]._replace(value=b"other")] + there[501:-1])
    status, found = c.verify()
    assert status == DIFFERENT and {f["kind"]: at(f["source"]) for f in found["findings"]} == {
        "different": offset_in(made, 500), "missing": offset_in(made, 999)}


def test_other_counts_of_partitions(source, target, run, tmp_path, clusters):
    """Several source partitions come together in one, so that sums do not tell order: it is looked at record by record."""
    c, made = clusters(3), records(1000, 3)
    target.create("wide", 5)
    there = [r._replace(partition=by_key(r.key, 5)) for r in made]
    source.produce("topic", made)
    target.produce("wide", there)
    flags = ("--topic.rename.regex", "topic", "--topic.rename.replacement", "wide")
    assert c.verify(*flags)[0] == SAME
    target.create("swapped", 5)
    there[500], there[500 + KEYS] = there[500 + KEYS], there[500]
    target.produce("swapped", there)
    finding, topic = c.one("reordered", *flags[:3], "swapped")
    assert at(finding["source"]) == offset_in(made, 500) and topic["order_not_compared"] == 0


def test_a_topic_that_is_not_there(clusters):
    c = clusters()
    c.source.produce("topic", records(100, 3))
    status, found = c.verify("--topic.suffix", ".copy", "--findings", "7")
    assert status == DIFFERENT and found["topics"][0]["missing"] == 100 and len(found["findings"]) == 7
    assert "The target has no topic topic.copy." in found["notes"]


def test_values_and_keys_are_not_shown(clusters):
    c, made = clusters(), records(300, 3)
    c.write(made, made[:100])
    done = c.run("verify", *c.arguments)
    assert done.returncode == DIFFERENT
    assert "value-" not in done.stdout and "key-" not in done.stdout
    assert re.search(r"^missing +source topic:\d@\d+ ", done.stdout, re.M)
    assert re.search(r"^200 differences: 300 records of the source, 100 at the target, in ", done.stdout, re.M)


def test_little_memory_finds_the_same(clusters):
    """Looks follow one another while not all that differs fits."""
    c, made = clusters(), records(60000, 3)
    there = [r for i, r in enumerate(made) if i % 20]
    c.write(made, there)
    status, found = c.verify("--memory", "4MiB", "--findings", "100000")
    assert status == DIFFERENT and found["complete"]
    assert {at(f["source"]) for f in found["findings"]} == set(places(made, lambda i: i % 20 == 0))
    assert found["topics"][0]["missing"] == 3000


def places(made, chosen):
    """Where the chosen records stand."""
    count = {}
    for i, record in enumerate(made):
        offset = count.get(record.partition, 0)
        count[record.partition] = offset + 1
        if chosen(i):
            yield "topic", record.partition, offset


def test_script(clusters, tmp_path):
    """What must be at the target is what the script makes of it: dropped, changed, sent elsewhere, emitted."""
    script = tmp_path / "s.lua"
    script.write_text("""
local mirror = require "mirror"
return {
  api = 1,
  record = function(r)
    local n = tonumber(r.value:match("%d+"))
    if n % 10 == 0 then return r:drop("tenth") end
    if n % 10 == 1 then r.key = "new-" .. r.key end
    if n % 10 == 2 then r.headers:set("seen", "yes") end
    if n % 10 == 3 then r:emit { topic = mirror.topic "extra", value = "extra-" .. n } end
    if n % 10 == 4 then r.topic = mirror.topic "extra" end
  end
}
""")
    c, made = clusters(), records(1000, 3)
    c.target.create("extra", 3)
    c.source.produce("topic", made)
    here, extra = [], []
    for i, record in enumerate(made):
        if i % 10 == 1:
            key = b"new-" + record.key
            record = record._replace(key=key, partition=by_key(key, 3))
        if i % 10 == 2:
            record = record._replace(headers=record.headers + [("seen", b"yes")])
        if i % 10 == 4:
            extra.append(record)
        elif i % 10:
            here.append(record)
        if i % 10 == 3:
            extra.append(record._replace(value=b"extra-%d" % i))
    c.target.produce("topic", here)
    c.target.produce("extra", extra)
    flags = ("--script.file", script)
    status, found = c.verify(*flags)
    assert status == SAME, found["notes"]
    assert {t["destination"]: t["target"] for t in found["topics"]} == {"topic": 800, "extra": 200}
    c.target.produce("extra", [extra[7]])
    findings = c.verify(*flags)[1]["findings"]
    assert [(f["kind"], f["target"]["topic"]) for f in findings] == [("duplicated", "extra")]


def commit(cluster, group, made, count):
    """The group stands behind the first so many of these records."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 0})
    consumer.commit(offsets=[TopicPartition("topic", p, sum(r.partition == p for r in made[:count])) for p in range(3)],
                    asynchronous=False)
    consumer.close()


def test_what_is_not_acknowledged_need_not_be_there(clusters):
    """The group stands behind 700 records; the target has 100 more, the source 200 more than that."""
    c, made = clusters(), records(1000, 3)
    c.write(made, made[:800])
    commit(c.source, "mirrorgroup", made, 700)
    status, found = c.verify()
    topic = found["topics"][0]
    assert status == SAME and found["not_acknowledged"] == 300
    assert (topic["source"], topic["expected"], topic["target"], topic["newer"]) == (700, 700, 700, 300)
    assert topic["looked_into"] == 0
    status, found = c.verify("--to", "end")
    assert status == DIFFERENT and found["topics"][0]["missing"] == 200


def test_what_is_acknowledged_must_be_there(clusters):
    c, made = clusters(), records(1000, 3)
    c.write(made, made[:500] + made[501:800])
    commit(c.source, "mirrorgroup", made, 700)
    finding, _ = c.one("missing")
    assert at(finding["source"]) == offset_in(made, 500)


def test_what_the_script_does_not_answer_is_not_the_same(clusters, tmp_path):
    script = tmp_path / "s.lua"
    script.write_text('return { api = 1, record = function(r) if r.value == "value-5" then error("five") end end }')
    c, made = clusters(), records(10, 3)
    c.write(made, made[:5] + made[6:])
    status, found = c.verify("--script.file", script)
    assert status == DIFFERENT and not found["same"] and not found["complete"] and found["findings"] == []
    assert any("The script gives no answer for 1 records" in note and "five" in note for note in found["notes"])


SCRIPT = """
return {
  api = 1,
  record = function(r)
    local n = tonumber(r.value:match("%d+"))
    if n % 10 == 0 then return r:drop("tenth") end
    if n % 10 == 1 then r.key = "new-" .. r.key end
    if n % 10 == 2 then r.headers:set("seen", "yes") end
    if n % 10 == 3 then r:emit { topic = "t.extra", value = "extra-" .. n, headers = { { "a", "b" } } } end
    if n % 10 == 4 then r.topic = "t.extra" end
    if n % 10 == 5 then return r:dead_letter("fifth") end
    if n % 10 == 6 then r.partition = n % 3 end
    if n % 10 == 7 then r.timestamp = r.timestamp + 1 end
    if n % 10 == 8 then error("eighth") end
    if n % 10 == 9 then r.value = nil end
  end
}
"""


@pytest.mark.parametrize("mode", ["key", "preserve", "round.robin", "crc32"])
def test_a_mirror_is_verified_while_it_runs(mode, source, target, mirror, run, tmp_path):
    """What the agent makes of records is what is expected of it: before, while and after more are written."""
    script = tmp_path / "s.lua"
    script.write_text(SCRIPT)
    source.create("t.in", 3)
    for topic in ("t.in", "t.extra", "letters"):
        target.create(topic, 5)
    made = [r._replace(partition=i % 3) for i, r in enumerate(records(3000, 3))]
    made += [Record(None, b"%d" % i, i % 3, 1700000000000) for i in range(300)]
    agent = mirror(source, target, "t.in", flags=(
        "--script.file", script, "--script.on.error", "dead-letter", "--dead.letter.topic", "letters", "--partition.mode", mode,
        "--offset.commit.interval.ms", 100))
    for begin in range(0, len(made), 1100):
        source.produce("t.in", made[begin:begin + 1100])
        # Before its first position everything would have to be there.
        wait_until(lambda: max(source.committed("mirrorgroup", "t.in", 3).values()) > 0, what="the first position")
        done = run("verify", "--json", *agent.arguments)
        assert done.returncode == SAME, done.stdout + done.stderr
    source.wait_committed("mirrorgroup", "t.in", source.ends("t.in"))
    assert agent.stop() == 0
    done = run("verify", "--json", *agent.arguments)
    assert done.returncode == SAME, done.stdout + done.stderr
    found = {t["destination"]: t["target"] for t in json.loads(done.stdout)["topics"]}
    assert found == {"t.in": 1950, "t.extra": 660, "letters": 690}
    if mode == "key":
        # Other mirrors, and refusals, put dead letters there too.
        target.produce("letters", [Record(b"key", b"of another mirror", 0)])
        done = run("verify", "--json", *agent.arguments)
        assert done.returncode == SAME and "letters takes dead letters" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("flags, sentence", [
    (["--from", "2026-01-31", "--to", "2026-01-30"], "verify: --from must be before --to: there are no records in between"),
    (["--from", "yesterday"], "verify: --from: 'yesterday' is no instant: write 2026-01-31T00:00:00Z, a day, or how long ago"),
    (["--to"], "verify: --to needs a value"),
    (["--findings", "0"], "verify: --findings: "),
    (["--memory=1kB"], "verify: --memory: "),
    (["--nonsense"], "nonsense")])
def test_usage(run, tmp_path, flags, sentence):
    done = run("verify", "--consumer.bootstrap.servers", "127.0.0.1:1", "--consumer.group.id", "g", "--whitelist", "t",
               "--producer.bootstrap.servers", "127.0.0.1:1", *flags)
    assert done.returncode == NOT_COMPARED and sentence in done.stderr, done.stderr


def test_nothing_to_compare_is_not_the_same(clusters):
    c = clusters()
    done = c.run("verify", *c.arguments[:-1], "another")
    assert done.returncode == NOT_COMPARED and "there is nothing to compare" in done.stderr


def test_a_cluster_that_is_away(clusters):
    c = clusters()
    c.write(records(10, 3))
    c.target.down()
    done = c.run("verify", *c.arguments)
    assert done.returncode == NOT_COMPARED and "the target at" in done.stderr and done.stdout == ""
