"""A mock cluster as seen by a test: its process, and an outside client to write, read and look at positions."""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import subprocess
import uuid
from typing import NamedTuple, Optional

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

import wire
from timing import DEADLINE, wait_until

# Kafka's numbers of the requests that tests make fail.
API = {"Produce": 0, "Fetch": 1, "ListOffsets": 2, "Metadata": 3, "OffsetCommit": 8, "OffsetFetch": 9,
       "FindCoordinator": 10, "JoinGroup": 11, "Heartbeat": 12, "LeaveGroup": 13, "SyncGroup": 14, "ApiVersions": 18,
       "InitProducerId": 22}

# And of errors.
ERROR = {"UNKNOWN_SERVER_ERROR": -1, "CORRUPT_MESSAGE": 2, "UNKNOWN_TOPIC_OR_PARTITION": 3, "LEADER_NOT_AVAILABLE": 5, "NOT_LEADER": 6,
         "REQUEST_TIMED_OUT": 7, "MESSAGE_TOO_LARGE": 10, "COORDINATOR_LOAD_IN_PROGRESS": 14,
         "COORDINATOR_NOT_AVAILABLE": 15, "NOT_COORDINATOR": 16, "NOT_ENOUGH_REPLICAS": 19,
         "NOT_ENOUGH_REPLICAS_AFTER_APPEND": 20, "ILLEGAL_GENERATION": 22,
         "INCONSISTENT_GROUP_PROTOCOL": 23, "UNKNOWN_MEMBER_ID": 25, "INVALID_SESSION_TIMEOUT": 26,
         "REBALANCE_IN_PROGRESS": 27, "TOPIC_AUTHORIZATION_FAILED": 29, "GROUP_AUTHORIZATION_FAILED": 30,
         "INVALID_TIMESTAMP": 32, "OUT_OF_ORDER_SEQUENCE_NUMBER": 45, "INVALID_PRODUCER_EPOCH": 47,
         "KAFKA_STORAGE_ERROR": 56, "UNKNOWN_PRODUCER_ID": 59}


class Record(NamedTuple):
    key: Optional[bytes]
    value: Optional[bytes]
    partition: int = -1
    timestamp: Optional[int] = None  # milliseconds; None: now
    headers: Optional[list] = None   # of (name, bytes or None)


class Seen(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: Optional[bytes]
    value: Optional[bytes]
    timestamp: int
    headers: list


def _seen(message):
    return Seen(message.topic(), message.partition(), message.offset(), message.key(), message.value(),
                message.timestamp()[1], [tuple(h) for h in message.headers() or []])


class Reader:
    """Reads topics from their beginning and keeps everything it saw."""

    def __init__(self, bootstrap, topics):
        self.records = []
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex,
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "fetch.wait.max.ms": 20, "fetch.queue.backoff.ms": 5, "check.crcs": True,
                                  "isolation.level": "read_uncommitted", "log_level": 0})
        parts = []
        for topic in topics:
            found = self.consumer.list_topics(topic, timeout=DEADLINE).topics[topic].partitions
            parts += [TopicPartition(topic, n, OFFSET_BEGINNING) for n in found]
        self.consumer.assign(parts)

    def read(self, timeout):
        """Takes what is there, waiting at most timeout seconds for the first."""
        for message in self.consumer.consume(num_messages=10000, timeout=timeout):
            if message.error():
                if message.error().retriable() or message.error().code() < 0:
                    continue
                raise KafkaException(message.error())
            self.records.append(_seen(message))

    def until(self, condition, timeout=DEADLINE, what="what was awaited"):
        """Reads until condition(records) is true; gives back the records."""
        def look():
            self.read(0.05)
            return condition(self.records)
        wait_until(look, timeout, f"{what} (after {len(self.records)} records)")
        return self.records

    def close(self):
        self.consumer.close()


def build_mock(folder):
    """Builds mock.c into the folder; gives the program's path."""
    out = folder / "mockcluster"
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "rdkafka"], check=True, text=True,
                                       stdout=subprocess.PIPE).stdout)
    source = pathlib.Path(__file__).resolve().parent / "mock.c"
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O1", str(source), *flags, "-o", str(out)], check=True)
    return str(out)


class Cluster:
    def __init__(self, program, brokers=1):
        self.brokers = brokers
        self.process = subprocess.Popen([program, str(brokers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.bootstrap = json.loads(self.process.stdout.readline())["bootstrap"]
        self.readers = []
        self.producer = None

    def order(self, *words):
        """Gives one command to the cluster's process; see mock.c. Gives back the number it answers, if any."""
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        answer = self.process.stdout.readline().split(maxsplit=1)
        assert answer and answer[0] == "ok", f"{words}: {answer}"
        return int(answer[1]) if len(answer) > 1 else None

    def create(self, topic, partitions=1):
        self.order("topic", topic, partitions)

    def fail(self, request, *errors, broker=1):
        """The next requests of that name to that broker fail with these errors, one each."""
        self.order("push", broker, API[request], *(ERROR[e] for e in errors))

    def wait_failed(self, request, broker=1, timeout=DEADLINE):
        """Waits until every error ordered with fail was met by a client."""
        wait_until(lambda: self.order("pending", broker, API[request]) == 0, timeout,
                   f"meeting every injected error of {request}")

    def down(self):
        for broker in range(1, self.brokers + 1):
            self.order("down", broker)

    def up(self):
        for broker in range(1, self.brokers + 1):
            self.order("up", broker)

    def freeze(self):
        """Stops the process: connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)
        # A thread that runs on another processor goes on for a moment.
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def produce(self, topic, records, wait=True, **settings):
        """Writes records (of type Record) and waits until the cluster has them."""
        if self.producer is None or settings:
            self.producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, "acks": "all",
                                      "message.max.bytes": 10000000, "batch.size": 200000,
                                      "queue.buffering.max.messages": 1000000, "log_level": 0, **settings})
        failures = []

        def report(error, _):
            if error:
                failures.append(error)

        for record in records:
            extra = {} if record.timestamp is None else {"timestamp": record.timestamp}
            while True:
                try:
                    self.producer.produce(topic, key=record.key, value=record.value, partition=record.partition,
                                          headers=record.headers, on_delivery=report, **extra)
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.producer.poll(0)
        if wait:
            assert self.producer.flush(DEADLINE) == 0, "the mock cluster did not take all records"
        assert not failures, failures[0]

    def produce_wire(self, topic, partition, records):
        """Writes one batch exactly as given, timestamps of 0 and below included."""
        wire.produce(self.bootstrap, topic, partition, records)

    def reader(self, *topics):
        reader = Reader(self.bootstrap, topics)
        self.readers.append(reader)
        return reader

    def read(self, topic, count, timeout=DEADLINE):
        """The topic's records once there are at least count."""
        reader = self.reader(topic)
        return list(reader.until(lambda seen: len(seen) >= count, timeout, f"{count} records in {topic}"))

    def _probe(self, group):
        return Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "enable.auto.commit": False,
                         "log_level": 0})

    def ends(self, topic):
        """The end offset of every partition."""
        probe = self._probe("ends")
        numbers = sorted(probe.list_topics(topic, timeout=DEADLINE).topics[topic].partitions)
        found = {n: probe.get_watermark_offsets(TopicPartition(topic, n), timeout=DEADLINE)[1] for n in numbers}
        probe.close()
        return found

    def committed(self, group, topic, partitions):
        """The group's positions by partition, -1 where there is none."""
        probe = self._probe(group)
        found = probe.committed([TopicPartition(topic, n) for n in range(partitions)], timeout=DEADLINE)
        probe.close()
        return {p.partition: max(p.offset, -1) for p in found}

    def commit(self, group, topic, positions):
        """Commits positions by partition for a group without members."""
        probe = self._probe(group)
        probe.commit(offsets=[TopicPartition(topic, n, offset) for n, offset in positions.items()], asynchronous=False)
        probe.close()

    def wait_committed(self, group, topic, positions, timeout=DEADLINE):
        """Waits until the group's positions are exactly these."""
        wait_until(lambda: self.committed(group, topic, len(positions)) == positions, timeout,
                   f"positions {positions} of {group} in {topic}")

    def close(self):
        self.thaw()
        for reader in self.readers:
            reader.close()
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def frozen(cluster):
    """Meanwhile it answers nothing; of mock clusters and of real ones."""
    cluster.freeze()
    try:
        yield
    finally:
        cluster.thaw()
