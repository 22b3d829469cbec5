"""One shots: up to the ends, interrupted by kill -9, up to a moment, behind transaction markers, over what retention took."""

import json
import os
import random
import subprocess
import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from outside import wait_until
from test_transactions import write_transactions

# Enough that each run is killed in its middle. Five million take about a minute: REFLEJO_UNTIL_RECORDS=5000000.
RECORDS = int(os.environ.get("REFLEJO_UNTIL_RECORDS", "1000000"))
PARTITIONS = 6
KILLS = 3
LONG = 600  # seconds
SESSION = 2


@pytest.fixture
def topics(names, outside, kafka3, kafka4):
    """topics(n): a topic of the test's own with n partitions, on both sides; its name, and the group's."""
    def make(partitions=1):
        for cluster in (kafka3, kafka4):
            outside(cluster).make_topic(names[0], partitions, retention_ms=-1)
        return names
    return make


@pytest.fixture
def report(tmp_path):
    return lambda: json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))


def once(mirror, kafka3, kafka4, topic, group, *flags, **options):
    return mirror(kafka3, kafka4, topic, group, "--report", "report.json", "--admin.listen", "none", *flags, **options)


def write(cluster, topic, numbers, partitions=1, at=None):
    """Numbers as values, the number modulo partitions their partition. at(number): its timestamp, now without it."""
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 20, "batch.size": 500000, "log_level": 0,
                         "queue.buffering.max.messages": 1000000})
    for number in numbers:
        while True:
            try:
                producer.produce(topic, b"%d" % number, partition=number % partitions, timestamp=at(number) if at else 0)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 1000 == 0:
            producer.poll(0)
    assert producer.flush(LONG) == 0


def read_all(cluster, topic, ends):
    """Every value of the topic, as a number, up to these ends."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "enable.auto.commit": False,
                         "log_level": 0, "queued.max.messages.kbytes": 65536})
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(len(ends))])
    left, until = sum(ends), time.monotonic() + LONG
    while left:
        for message in consumer.consume(50000, 1):
            if not message.error():
                yield int(message.value())
                left -= 1
        assert time.monotonic() < until, f"{left} records are still to be read"
    consumer.close()


def test_killed_three_times_it_ends_with_nothing_missing(program, mirror, topics, outside, report, kafka3, kafka4, tmp_path):
    topic, group = topics(PARTITIONS)
    dice = random.Random(6)
    began = time.monotonic()
    write(kafka3, topic, range(RECORDS), PARTITIONS)
    written = time.monotonic()

    def start():
        return once(mirror, kafka3, kafka4, topic, group, "--until.end", "--offset.commit.interval.ms", 200,
                    "--partition.mode", "preserve", "--num.streams", 2,
                    # So that it is still there to be killed.
                    "--limit", f"{RECORDS // 4}r/s", consumer={"session.timeout.ms": SESSION * 1000})

    for number in range(KILLS):
        goal = RECORDS * (number + 1) // (KILLS + 1) + dice.randrange(RECORDS // 10)
        agent = start()
        wait_until(lambda goal=goal: sum(p or 0 for p in outside(kafka3).committed(group, topic)) >= goal,
                   what=f"{goal} records committed")
        agent.kill()
        assert not agent.find("until_reached"), "it was to be killed before its end"
    agent = start()
    assert agent.wait(LONG) == 0, agent.stderr
    ended = time.monotonic()

    seen, copies = bytearray(RECORDS), 0
    for value in read_all(kafka4, topic, outside(kafka4).ends(topic)):
        seen[value] = 1
        copies += 1
    print(f"{RECORDS} records: {written - began:.1f} s to write them, {ended - written:.1f} s for the four runs, "
          f"{copies - RECORDS} of them mirrored twice, {time.monotonic() - ended:.1f} s to read them back")
    assert seen.count(0) == 0, f"{seen.count(0)} records are missing"
    assert outside(kafka3).committed(group, topic) == outside(kafka3).ends(topic)
    found = report()
    assert found["complete"] and not found["left_out"]
    parts = found["topics"][0]["partitions"]
    assert sum(p["end"] for p in parts) == RECORDS
    for part in parts:
        assert part["committed"] == part["end"] == RECORDS // PARTITIONS + (part["partition"] < RECORDS % PARTITIONS)
        # The runs before may have come to the end of some.
        assert part["last_offset"] == (part["end"] - 1 if part["start"] < part["end"] else None)
        assert part["start"] == part["offsets_not_read_again"] > 0
        assert part["records_read"] == part["records_mirrored"] == part["end"] - part["start"]
    done = subprocess.run([program, "verify", "--json", "--to", "end", "--allow-duplicates", *agent.arguments], cwd=tmp_path,
                          capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads(done.stdout)["topics"][0]
    assert row["expected"] == RECORDS and row["duplicated"] == copies - RECORDS and row["missing"] == 0


def test_up_to_a_moment(mirror, topics, outside, report, kafka3, kafka4):
    """The first record of that time, and all behind it, stay; a partition without one is read to its end. A moment that
    the group has passed takes it nowhere."""
    topic, group = topics(3)
    moment = 1_700_000_000_000
    write(kafka3, topic, range(0, 300, 3), 3, at=lambda number: moment + (number // 3 - 40) * 1000)
    write(kafka3, topic, range(1, 61, 3), 3, at=lambda number: moment - 1)
    agent = once(mirror, kafka3, kafka4, topic, group, "--partition.mode", "preserve", "--until.timestamp",
                 "2023-11-14T22:13:20Z")
    assert agent.wait(60) == 0, agent.stderr
    assert outside(kafka4).ends(topic) == [40, 20, 0]
    assert outside(kafka3).committed(group, topic) == [40, 20, 0]
    assert report()["until"]["timestamp"] == "2023-11-14T22:13:20Z"
    again = once(mirror, kafka3, kafka4, topic, group, "--partition.mode", "preserve", "--until.timestamp",
                 "2023-11-14T23:13:00+01:00", "--until.end")
    assert again.wait(60) == 0, again.stderr
    assert outside(kafka4).ends(topic) == [40, 20, 0]
    assert outside(kafka3).committed(group, topic) == [40, 20, 0]
    rest = once(mirror, kafka3, kafka4, topic, group, "--partition.mode", "preserve", "--until.end")
    assert rest.wait(60) == 0, rest.stderr
    assert sorted(read_all(kafka4, topic, outside(kafka4).ends(topic))) == \
        sorted([3 * n for n in range(100)] + [3 * n + 1 for n in range(20)])


def test_an_end_that_is_no_record(mirror, topics, outside, report, kafka3, kafka4):
    """The last offsets below the end are the markers of transactions."""
    topic, group = topics(2)
    write_transactions(kafka3, topic, [True, False, True])
    ends = outside(kafka3).ends(topic)
    agent = once(mirror, kafka3, kafka4, topic, group, "--until.end")
    assert agent.wait(60) == 0, agent.stderr
    assert outside(kafka4).count(topic) == 30
    assert [position or 0 for position in outside(kafka3).committed(group, topic)] == ends
    assert sum(p["records_mirrored"] for p in report()["topics"][0]["partitions"]) == 30


def test_nothing_but_a_marker_is_left(mirror, topics, outside, kafka3, kafka4):
    """The group stands at the last record's end, and only the marker comes behind."""
    topic, group = topics(1)
    write_transactions(kafka3, topic, [True])
    assert outside(kafka3).ends(topic) == [11]
    member = Consumer({"bootstrap.servers": kafka3.bootstrap, "group.id": group, "log_level": 0})
    member.commit(offsets=[TopicPartition(topic, 0, 10)], asynchronous=False)
    member.close()
    # One transaction more stands behind the end of this run.
    agent = once(mirror, kafka3, kafka4, topic, group, "--until.end")
    agent.wait_event("until", 60, records="1")
    write_transactions(kafka3, topic, [True])
    assert agent.wait(60) == 0, agent.stderr
    assert outside(kafka4).count(topic) == 0


def test_what_retention_took_is_left_out(mirror, topics, outside, report, kafka3, kafka4):
    topic, group = topics(1)
    write(kafka3, topic, range(100))
    first = once(mirror, kafka3, kafka4, topic, group, "--until.end")
    assert first.wait(60) == 0, first.stderr
    write(kafka3, topic, range(100, 200))
    outside(kafka3).admin.delete_records([TopicPartition(topic, 0, 150)])[
        TopicPartition(topic, 0)].result(60)
    agent = once(mirror, kafka3, kafka4, topic, group, "--until.end")
    assert agent.wait(60) == 3, agent.stderr
    assert [left["reason"] for left in report()["left_out"]] == \
        ["offsets 100 to 149 were deleted at the source before they were mirrored"]
    assert sorted(read_all(kafka4, topic, outside(kafka4).ends(topic))) == [*range(100), *range(150, 200)]
    assert outside(kafka3).committed(group, topic) == [200]
