"""reflejo verify between real clusters: while a mirror runs, and what only brokers do to records."""

import json
import subprocess
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from outside import wait_until

SAME, DIFFERENT = 0, 1
LIMIT = 120


@pytest.fixture
def verify(program, tmp_path):
    """verify(agent, *flags): with the agent's own arguments; the exit status and the document."""
    def run(agent, *flags):
        done = subprocess.run([program, "verify", "--json", *flags, *agent.arguments], cwd=tmp_path, capture_output=True,
                              text=True, timeout=LIMIT, check=False)
        assert done.returncode in (SAME, DIFFERENT), done.stderr
        return done.returncode, json.loads(done.stdout)
    return run


def kinds(found, topic):
    """What was found in a topic, less what is 0."""
    row = next(t for t in found["topics"] if t["destination"] == topic)
    names = ("missing", "duplicated", "different", "reordered", "misplaced", "unexpected", "compacted")
    return {name: row[name] for name in names if row[name]}


def write(cluster, topic, records):
    """Writes (partition, key, value) one after the other."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 20, "enable.idempotence": True, "log_level": 0})
    for partition, key, value in records:
        producer.produce(topic, value, key, partition)
    assert producer.flush(60) == 0


def test_a_mirror_under_load(mirror, verify, names, outside, sender, kafka3, kafka4):
    """A running mirror is compared again and again; then one record is repeated and one is added by hand."""
    topic, group = names
    outside(kafka3).make_topic(topic, 4)
    outside(kafka4).make_topic(topic, 6)
    load = sender(kafka3, topic, keys=500)
    load.send(20000)
    agent = mirror(kafka3, kafka4, topic, group, "--num.streams", 2, "--offset.commit.interval.ms", 200)
    outside(kafka3).wait_positions(group, topic)
    for _ in range(4):
        load.send(20000)
        status, found = verify(agent)
        assert status == SAME, found
    load.finish()
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop() == 0, agent.stderr
    status, found = verify(agent, "--to", "end")
    assert status == SAME and found["records"] == 100000, found
    assert found["topics"][0]["order_not_compared"] == 0
    print(f"{2 * found['records'] / found['seconds']:.0f} records/s")

    write(kafka4, topic, [(0, "stranger", "x"), (0, "stranger", "y")])
    status, found = verify(agent)
    assert status == DIFFERENT and kinds(found, topic) == {"unexpected": 2}
    assert verify(agent, "--allow-unexpected")[0] == SAME


def test_a_window_of_time(mirror, verify, names, outside, kafka3, kafka4):
    """Records are compared by their timestamps; what lies outside is not looked at on either side."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 1)
    write(kafka3, topic, [(0, "k", str(i)) for i in range(100)])
    agent = mirror(kafka3, kafka4, topic, group)
    wait_until(lambda: outside(kafka4).count(topic) == 100, what="the records at the target")
    outside(kafka3).wait_no_lag(group, topic)
    assert agent.stop() == 0
    border = time.time()
    write(kafka4, topic, [(0, "k", "by another")])
    instant = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(border)) + f".{int(border * 1000) % 1000:03d}Z"
    status, found = verify(agent, "--to", instant)
    assert status == SAME and found["records"] == 100
    status, found = verify(agent, "--from", instant)
    assert status == DIFFERENT and found["records"] == 0 and kinds(found, topic) == {"unexpected": 1}
    status, found = verify(agent, "--from", "1h")
    assert status == DIFFERENT and found["records"] == 100 and kinds(found, topic) == {"unexpected": 1}


def test_what_brokers_do_to_records(mirror, verify, names, outside, kafka3, kafka4):
    """A target that writes its own timestamps; one whose oldest records were deleted; a compacted one."""
    topic, group = names
    stamped, cut, compacted = (f"{topic}.{kind}" for kind in ("stamped", "cut", "compacted"))
    settings = {stamped: {"message_timestamp_type": "LogAppendTime"}, cut: {},
                compacted: {"cleanup_policy": "compact", "segment_ms": 100, "min_cleanable_dirty_ratio": 0.01,
                            "max_compaction_lag_ms": 100, "delete_retention_ms": 0}}
    for one, config in settings.items():
        outside(kafka3).make_topic(one, 1)
        outside(kafka4).make_topic(one, 1, **config)
        write(kafka3, one, [(0, f"k{i % 10}", str(i)) for i in range(100)])
    agent = mirror(kafka3, kafka4, f"{topic}[.].*", group)
    for one in settings:
        wait_until(lambda one=one: outside(kafka4).count(one) == 100, what="the records at the target")
        outside(kafka3).wait_no_lag(group, one)
    status, found = verify(agent)
    assert kinds(found, stamped) == {} and f"Timestamps of {stamped} are not compared" in " ".join(found["notes"])
    assert kinds(found, cut) == {}

    outside(kafka4).admin.delete_records([TopicPartition(cut, 0, 30)])
    wait_until(lambda: outside(kafka4)._consumer("reader").get_watermark_offsets(TopicPartition(cut, 0), timeout=10)[0] == 30,
               what="the deletion")
    status, found = verify(agent)
    assert status == DIFFERENT and kinds(found, cut) == {"missing": 30}
    assert f"{cut} partition 0 of the target begins at offset 30" in " ".join(found["notes"])

    # A segment is closed, and can be cleaned, when something is written behind its time.
    def is_compacted():
        write(kafka3, compacted, [(0, "another", "x")])
        outside(kafka3).wait_no_lag(group, compacted)
        return kinds(verify(agent)[1], compacted).get("compacted", 0) >= 90

    wait_until(is_compacted, what="the log cleaner")
    status, found = verify(agent)
    assert set(kinds(found, compacted)) == {"compacted"}, found
    assert agent.stop() == 0
