"""What was written to the source, and what is at the target: records with identities, and who writes and reads them."""

import random
import threading
import time
from typing import NamedTuple

from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, KafkaError, KafkaException, Producer, TopicPartition

STUCK = 30  # seconds
# The suite's own clients know their brokers; they do not forget them and begin anew while the only one is away.
STEADY = {"metadata.recovery.strategy": "none"}


class Record(NamedTuple):
    """origin and number say which record it is: of which source partition, and which one there, counted from 0. content stands
    for key, value, headers and timestamp. place: the partition in which it was found."""
    origin: int
    number: int
    key: bytes
    content: int
    place: int


def name(origin, number):
    """What a value begins with."""
    return b"%d:%d:" % (origin, number)


def identify(message):
    """The record of a message; None when its value is not one of the load's."""
    value = message.value() or b""
    try:
        origin, number, _ = value.split(b":", 2)
        origin, number = int(origin), int(number)
    except ValueError:
        return None
    headers = tuple(message.headers() or ())
    kind, timestamp = message.timestamp()
    content = hash((message.key(), value, headers, timestamp if kind == TIMESTAMP_CREATE_TIME else -1))
    return Record(origin, number, message.key(), content, message.partition())


class Load(threading.Thread):
    """Writes numbered records to each partition of the source topic, with the keys, headers, sizes and times of a seed, and
    knows exactly which were acknowledged."""

    def __init__(self, bootstrap, topic, partitions, rate, seed, size=160):
        super().__init__(name="load", daemon=True)
        self.topic, self.rate, self.size = topic, rate, size
        self.dice = random.Random(seed)
        self.numbers = [0] * partitions
        self.acked, self.upto = [set() for _ in range(partitions)], [0] * partitions
        self.failed = []
        self.extra = self.extra_size = 0
        self.is_over = threading.Event()
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 10,
                                  "message.timeout.ms": 0, "socket.timeout.ms": 10000, "log_level": 0, **STEADY,
                                  "topic.metadata.refresh.interval.ms": 1000})

    def _delivered(self, origin, number, error):
        if error:
            self.failed.append(f"record {number} of partition {origin} was not taken by the source: {error}")
        else:
            self.acked[origin].add(number)

    def flood(self, count, size):
        """So many records more, of that size, as fast as the source takes them; see is_flooding."""
        self.extra_size, self.extra = size, count

    def is_flooding(self):
        return self.extra > 0 or len(self.producer) > self.rate

    def _send(self, origin, size=0):
        dice, number = self.dice, self.numbers[origin]
        self.numbers[origin] += 1
        # A key keeps to its partition, as keys do; some records have none.
        key = None if dice.random() < 0.05 else b"p%dk%d" % (origin, dice.randrange(12))
        value = name(origin, number) + b"x" * (size or dice.randrange(self.size))
        headers = [("n", b"%d" % number), ("twice", b"a"), ("twice", None)][:dice.randrange(4)]
        self.producer.produce(self.topic, value, key, origin, timestamp=int(time.time() * 1000) - dice.randrange(100000),
                              headers=headers or None,
                              on_delivery=lambda error, _, o=origin, n=number: self._delivered(o, n, error))

    def run(self):
        due = time.monotonic()
        turn = 0
        while not self.is_over.is_set():
            due += 0.02
            self.is_over.wait(max(0, due - time.monotonic()))
            # What was late is not made up for in one burst.
            due = max(due, time.monotonic() - 0.2)
            size, count = (self.extra_size, 400) if self.extra else (0, max(1, self.rate // 50))
            # While the source is away the rest waits outside, so that what comes afterwards is no flood.
            while count > 0 and len(self.producer) < 4 * self.rate:
                self._send(turn % len(self.numbers), size)
                turn, count = turn + 1, count - 1
                self.extra = max(0, self.extra - 1) if size else self.extra
            self.producer.poll(0)

    def finish(self, timeout):
        """Ends the load and waits until the source has everything."""
        self.is_over.set()
        if self.is_alive():
            self.join()
        left = self.producer.flush(timeout)
        assert not left and not self.failed, f"{left} records not taken by the source; {self.failed[:3]}"

    def acked_so_far(self):
        """For each partition a number below which all were acknowledged."""
        self.upto = [_contiguous(acked, upto) for acked, upto in zip(self.acked, self.upto)]
        return self.upto


def _contiguous(present, start):
    while start in present:
        start += 1
    return start


class Tail(threading.Thread):
    """Reads all partitions of a topic from the beginning, and keeps every record in the order of its arrival. is_awaited(number):
    shall the record of that number be there at all?

    The client that reads was seen to stop with a partition for ever after its broker had been killed and come back (librdkafka 2.12.1),
    while others read it: one that brings nothing for STUCK seconds is read on with a new client, from where it was."""

    def __init__(self, bootstrap, topic, partitions, isolation="read_uncommitted", is_awaited=lambda number: True):
        super().__init__(name=f"tail {topic}", daemon=True)
        self.topic, self.partitions, self.is_awaited = topic, partitions, is_awaited
        self.records, self.strange, self.trouble = [], [], None
        self.upto = []  # for each origin: all numbers below that are awaited are here
        self.beyond = []
        self.repeats = 0
        self.positions = [0] * partitions
        self.lock, self.is_over = threading.Lock(), threading.Event()
        self.settings = {"bootstrap.servers": bootstrap, "group.id": "torture-tail", "enable.auto.commit": False,
                         "auto.offset.reset": "error", "fetch.wait.max.ms": 50, "isolation.level": isolation,
                         "socket.timeout.ms": 10000, "log_level": 0, "enable.partition.eof": True, **STEADY,
                         "topic.metadata.refresh.interval.ms": 1000}
        self._open()
        # Sees also what transactions have written that are not over.
        self.probe = Consumer({"bootstrap.servers": bootstrap, "group.id": "torture-probe", "isolation.level": "read_uncommitted",
                               "socket.timeout.ms": 10000, "log_level": 0, **STEADY})

    def _open(self):
        self.consumer = Consumer(self.settings)
        self.consumer.assign([TopicPartition(self.topic, number, position) for number, position in enumerate(self.positions)])
        self.moved = [time.monotonic()] * self.partitions

    def run(self):
        while not self.is_over.is_set():
            if min(self.moved) < time.monotonic() - STUCK:
                self.consumer.close()
                self._open()
            for message in self.consumer.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    self._take(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    # Also behind what is no record: markers of transactions, and what was aborted.
                    self._note_position(message.partition(), message.offset())
                elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                    self.trouble = str(error)

    def _note_position(self, partition, position):
        """All of the partition below the position is taken."""
        with self.lock:
            if position > self.positions[partition]:
                self.positions[partition], self.moved[partition] = position, time.monotonic()

    def _take(self, message):
        record = identify(message)
        with self.lock:
            if record:
                self.records.append(record)
                self._note(record)
            else:
                self.strange.append(f"partition {message.partition()}, offset {message.offset()}")
        self._note_position(message.partition(), message.offset() + 1)

    def _note(self, record):
        while record.origin >= len(self.upto):
            self.upto.append(0)
            self.beyond.append(set())
        upto, beyond = self.upto[record.origin], self.beyond[record.origin]
        if record.number < upto or record.number in beyond:
            self.repeats += 1
            return
        beyond.add(record.number)
        while upto in beyond or not self.is_awaited(upto):
            beyond.discard(upto)
            upto += 1
        self.upto[record.origin] = upto

    def count(self):
        return len(self.records)

    def has(self, wanted):
        """Are all numbers below wanted[origin] here that are awaited?"""
        return self.missing(wanted) == 0

    def missing(self, wanted):
        """How many below wanted[origin] are not yet."""
        with self.lock:
            return sum(self._is_missing(origin, number) for origin, to in enumerate(wanted)
                       for number in range(self.upto[origin] if origin < len(self.upto) else 0, to))

    def _is_missing(self, origin, number):
        return self.is_awaited(number) and (origin >= len(self.beyond) or number not in self.beyond[origin])

    def ends(self):
        """The end of each partition now, open transactions included; None when the cluster does not answer."""
        try:
            return [self.probe.get_watermark_offsets(TopicPartition(self.topic, number), timeout=5)[1]
                    for number in range(self.partitions)]
        except KafkaException:
            self._find_leaders()
            return None

    def _find_leaders(self):
        """A client that reads nothing keeps in mind where the leaders were, or that there were none, until it reads metadata anew."""
        try:
            self.probe.list_topics(self.topic, timeout=5)
        except KafkaException:
            pass

    def has_read(self, ends):
        """Has it read up to there?"""
        with self.lock:
            return all(position >= end for position, end in zip(self.positions, ends))

    def close(self):
        self.is_over.set()
        self.join()
        self.consumer.close()
        self.probe.close()
