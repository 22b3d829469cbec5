"""Two brokers, the topics that are copied between them, and the records that these are filled with."""
import contextlib
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import lines
import rigs
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from scripts import json_values

KAFKA = "3.9.1"
KEY_BYTES = 16
KEYS = 100_000
MOST_MADE = 500  # topics that are created by one request
SCRATCH_BYTES = 8 << 30
# Sizes of values and how many of a hundred have them: what "mixed" is.
MIXED = ((100, 70), (1024, 25), (10240, 5))


class Failed(Exception):
    """A run that cannot be counted."""


def wait_for(what, is_done, deadline=180.0, step=0.05):
    end = time.monotonic() + deadline
    while not is_done():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {deadline:g} s")
        time.sleep(step)


class Side:
    """One of the two clusters: its address, and what is asked of it. pids: its brokers' processes, where they are ours."""

    def __init__(self, bootstrap, pids):
        self.bootstrap, self.pids = bootstrap, pids
        # Quiet: brokers are killed at the end, which is no news. While something is idle so is this client, and the broker ends its
        # connections; librdkafka 2.12 then may forget the broker for good, as it begins with bootstrap.servers anew.
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "metadata.recovery.strategy": "none"})

    def count(self, topic, partitions):
        """The sum of the topic's end offsets, -1 while it is not there."""
        query = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(partitions)}
        try:
            return sum(f.result().offset for f in self.admin.list_offsets(query, request_timeout=30).values())
        except KafkaException:
            # The client keeps in mind that there were no leaders, until it reads metadata anew.
            self.names()
            return -1

    def filled(self, topics):
        """How many of the topics, of one partition each, hold a record; -1 while not all have a leader that is known."""
        query = {TopicPartition(topic, 0): OffsetSpec.latest() for topic in topics}
        try:
            return sum(f.result().offset > 0 for f in self.admin.list_offsets(query, request_timeout=60).values())
        except KafkaException:
            self.names()
            return -1

    def names(self):
        return self.admin.list_topics(timeout=30).topics.keys()

    def remove(self, *topics):
        there = [topic for topic in topics if topic in self.names()]
        if not there:
            return
        for deletion in self.admin.delete_topics(there).values():
            deletion.result()
        wait_for(f"deleting {', '.join(there)}", lambda: not set(there) & self.names())

    def make(self, topic, partitions, **config):
        """An empty topic, also where one of that name was."""
        self.remove(topic)
        if partitions >= 500:
            self.unmap()
        config = {"file.delete.delay.ms": "1000", "retention.ms": "-1", "max.message.bytes": "2000000", **config}
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result()
        wait_for(f"creating {topic}", lambda: self.count(topic, partitions) == 0)

    def make_missing(self, topics):
        """Those that are not there, of one partition each."""
        there = self.names()
        topics = [topic for topic in topics if topic not in there]
        self.unmap()
        for first in range(0, len(topics), MOST_MADE):
            batch = topics[first:first + MOST_MADE]
            for creation in self.admin.create_topics([NewTopic(topic, 1, 1) for topic in batch], request_timeout=120, operation_timeout=120).values():
                creation.result()
        wait_for(f"creating {len(topics)} topics", lambda: self.filled(topics) >= 0, step=0.5)

    def unmap(self):
        """A deleted partition's indexes stay mapped until the broker collects garbage, and a process may have some 65,000 mappings only."""
        jcmd = pathlib.Path(rigs.java()).resolve().with_name("jcmd")
        for pid in self.pids if jcmd.exists() else []:
            subprocess.run([jcmd, str(pid), "GC.run"], stdout=subprocess.DEVNULL, check=False)

    def reached(self, group, asked):
        """The sum of the group's committed offsets in these partitions."""
        answer = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, asked)])[group].result()
        return sum(max(p.offset, 0) for p in answer.topic_partitions)

    def committed(self, group, topic, partitions):
        return self.reached(group, [TopicPartition(topic, p) for p in range(partitions)])


def text_values(rng, sizes):
    """A value of each size, of words and numbers, which lz4 brings to about half."""
    words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 10))) for _ in range(400)]
    for size in sizes:
        text = b""
        while len(text) < size:
            text += rng.choice(words) + b"=%d " % rng.getrandbits(24)
        yield text[:size]


def make_values(size, is_json):
    """1,000 values of that many bytes, or of "mixed" sizes."""
    rng = random.Random(str(size))
    if is_json:
        return json_values(rng, size)
    if size == "mixed":
        choices, weights = zip(*MIXED)
        return list(text_values(rng, rng.choices(choices, weights, k=1000)))
    return list(text_values(rng, [size] * 1000))


def load(side, topic, row, count):
    """Fills the topic with records of the row."""
    producer = Producer({
        "bootstrap.servers": side.bootstrap, "compression.type": row.source_codec, "partitioner": row.partitioner,
        "linger.ms": 50, "batch.size": 131072, "queue.buffering.max.messages": 200_000, "acks": "all",
        "enable.idempotence": True, "log_level": 0,
    })
    values = make_values(row.size, row.is_json)
    headers = [(f"header-{i}", b"0123456789abcdef") for i in range(row.headers)] or None
    for i in range(count):
        key = b"%016x" % (i * 2654435761 % (row.keys or KEYS))
        while True:
            try:
                producer.produce(topic, values[i % 1000], key, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
        if i % 1000 == 0:
            producer.poll(0)
    if producer.flush(120):
        raise Failed(f"loading {topic}: the source does not take the records")


def preload(side, topic, row, count, note):
    """Fills the topic unless it stands there from an earlier call with as many records."""
    if side.count(topic, row.partitions) == count:
        return
    side.make(topic, row.partitions)
    start = time.monotonic()
    load(side, topic, row, count)
    if side.count(topic, row.partitions) != count:
        raise Failed(f"loading {topic}: {side.count(topic, row.partitions)} records instead of {count}")
    note(f"loaded {topic}: {count} records in {time.monotonic() - start:.1f} s")


class FarCluster(rigs.KraftCluster):
    """At the far end of the line."""
    host = lines.FAR

    @property
    def prefix(self):
        return lines.far([])


@contextlib.contextmanager
def brokers(args, scratch, note):
    """Source and target: the ones that were named, or two of our own for as long as this lasts."""
    if args.source:
        yield Side(args.source, []), Side(args.target, [])
        return
    settings = {"auto_create_topics_enable": "false", "log_index_size_max_bytes": "1048576"}
    if args.broker_buffers:
        settings |= {f"socket_{way}_buffer_bytes": str(args.broker_buffers) for way in ("send", "receive")}
    # These brokers are to be fast, not small: with the second compiler, and room for thousands of partitions.
    rigs.JVM = [flag for flag in rigs.JVM if "Tiered" not in flag]
    # A fetch that waits keeps for each partition it names what would wake it; some hundreds of those are kept at once.
    if "many" in args.rows:
        rigs.JVM.append("-Xmx4G")
    clusters = []
    try:
        for name in ("source", "target"):
            note(f"starting the {name} broker")
            kind = FarCluster if name == "source" and lines.has_entered() else rigs.KraftCluster
            clusters.append(kind(KAFKA, scratch / name, **settings))
        yield tuple(Side(c.bootstrap, [broker.process.pid for broker in c.brokers]) for c in clusters)
    except rigs.Unavailable as why:
        sys.exit(f"bench: {why}")
    finally:
        for cluster in clusters:
            cluster.kill()


def scratch_folder():
    """In memory when there is plenty, so that the brokers' disk does not decide."""
    memory = pathlib.Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free >= SCRATCH_BYTES
    return pathlib.Path(tempfile.mkdtemp(prefix="reflejo-bench-", dir=memory if is_roomy else None))
