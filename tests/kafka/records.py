"""Records with identities: who sends them, who reads what arrived, and the verdict on it."""

import collections
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

DEADLINE = 60
# A reader that has had nothing for so many seconds is replaced: librdkafka 2.12 may stop for ever when its only broker has stood still.
SILENCE = 15


def name(key, number):
    """What stands in a value; padded by Sender."""
    return f"{key}:{number}"


class Sender:
    """Sends records that number themselves by key: (key, 0), (key, 1), ... What was acknowledged is in `sent`."""

    def __init__(self, cluster, topic, tag="", keys=50, size=100, config=None):
        self.topic, self.size = topic, size
        self.keys = [f"{tag}k{number}" for number in range(keys)]
        self.count = 0
        self.sent, self.failed = collections.Counter(), []
        # A key goes where Java's producer sends it. As the brokers of 0.10 know no idempotence, one request at a
        # time keeps the order.
        self.producer = Producer({"bootstrap.servers": cluster.bootstrap, "partitioner": "murmur2_random",
                                  "acks": "all", "linger.ms": 5, "max.in.flight": 1, "message.timeout.ms": 0,
                                  "enable.idempotence": cluster.version != "0.10.1.1", "log_level": 0,
                                  "topic.metadata.refresh.interval.ms": 1000, **(config or {})})
        self.thread, self.is_over = None, threading.Event()

    def _delivered(self, key, error):
        if error:
            self.failed.append(str(error))
        else:
            self.sent[key] += 1

    def send(self, count, **fields):
        """Queues that many records, keys in turn."""
        for _ in range(count):
            key = self.keys[self.count % len(self.keys)]
            value = name(key, self.count // len(self.keys))
            while True:
                try:
                    self.producer.produce(self.topic, key=key, value=value + ":" + "x" * (self.size - len(value)),
                                          on_delivery=lambda error, _, key=key: self._delivered(key, error), **fields)
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.count += 1
            self.producer.poll(0)

    def finish(self, timeout=DEADLINE):
        """Ends the load, if one runs, and waits until the cluster has everything."""
        if self.thread:
            self.is_over.set()
            self.thread.join()
        left = self.producer.flush(timeout)
        assert not left and not self.failed, f"{left} records not taken by {self.topic}, failures {self.failed[:3]}"
        return self

    def start(self, rate):
        """Sends so many records a second from a thread of its own, until finish()."""
        def run():
            start, already = time.monotonic(), self.count
            while not self.is_over.wait(0.01):
                due = int((time.monotonic() - start) * rate) - (self.count - already)
                # What a stopped broker made late is not made up for in one burst.
                self.send(min(due, rate // 10))
                self.producer.poll(0)
        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        return self

    @property
    def total(self):
        return sum(self.sent.values())


class Verdict:
    """What became of the records of a sender: arrivals maps key -> numbers in order of arrival."""

    def __init__(self, sent, arrivals):
        self.lost, self.strange, self.disordered, self.duplicates = [], [], [], 0
        for key, count in sent.items():
            seen = list(dict.fromkeys(arrivals.get(key, ())))
            present = set(seen)
            self.lost += [(key, number) for number in range(count) if number not in present]
            if seen != sorted(seen):
                self.disordered.append(key)
        for key, numbers in arrivals.items():
            self.duplicates += len(numbers) - len(set(numbers))
            self.strange += [(key, number) for number in set(numbers) if number >= sent.get(key, 0)]

    def __repr__(self):
        return (f"lost {len(self.lost)} {self.lost[:5]}, duplicates {self.duplicates}, "
                f"disordered {len(self.disordered)} {self.disordered[:5]}, never sent {self.strange[:5]}")


class Receiver:
    """Reads a topic from its beginning. Only records of the sender's keys count."""

    def __init__(self, cluster, topic, partitions):
        self.cluster, self.topic, self.partitions = cluster, topic, partitions
        self.open()

    def open(self):
        """Begins at the first record, with a client of its own."""
        self.arrivals = collections.defaultdict(list)
        self.consumer = Consumer({"bootstrap.servers": self.cluster.bootstrap, "group.id": "reader", "log_level": 0,
                                  "enable.auto.commit": False, "auto.offset.reset": "earliest",
                                  "fetch.wait.max.ms": 50, "topic.metadata.refresh.interval.ms": 1000})
        self.consumer.assign([TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in range(self.partitions)])

    def close(self):
        self.consumer.close()

    def take(self, timeout=0.2):
        """Reads what is there by now; how many records that were."""
        batch = [m for m in self.consumer.consume(5000, timeout) if not m.error()]
        for message in batch:
            key, number = message.value().split(b":", 2)[:2]
            self.arrivals[key.decode()].append(int(number))
        return len(batch)

    def has(self, sent):
        return all(len(self.arrivals[key]) >= count and len(set(self.arrivals[key])) >= count
                   for key, count in sent.items())

    def wait_count(self, count, timeout=DEADLINE):
        """Waits until that many records have arrived, repeats counted."""
        end = time.monotonic() + timeout
        while sum(map(len, self.arrivals.values())) < count:
            self.take()
            assert time.monotonic() < end, \
                f"{sum(map(len, self.arrivals.values()))} records of {count} arrived within {timeout} s"

    def verdict(self, sender, timeout=DEADLINE):
        """Waits until all records of the sender are here, or the time is over; then judges its keys."""
        heard = time.monotonic()
        end = heard + timeout
        while not self.has(sender.sent) and time.monotonic() < end:
            if self.take():
                heard = time.monotonic()
            elif time.monotonic() > heard + SILENCE:
                self.close()
                self.open()
                heard = time.monotonic()
        while self.take():
            pass
        return Verdict(sender.sent, {key: self.arrivals[key] for key in sender.keys})


def no_loss(verdict):
    """At least once and in order."""
    return not verdict.lost and not verdict.disordered and not verdict.strange
