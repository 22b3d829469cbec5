"""A mirror as one writes it on confluent-kafka: one topic, in a group, committed when acknowledged.

usage: loop.py SOURCE TARGET TOPIC GROUP CODEC
"""
import signal
import sys

from confluent_kafka import Consumer, Producer

BATCH = 1000


def main(source, target, topic, group, codec):
    stops = []
    signal.signal(signal.SIGTERM, lambda *_: stops.append(True))
    consumer = Consumer({"bootstrap.servers": source, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    producer = Producer({"bootstrap.servers": target, "compression.type": codec, "acks": "all", "enable.idempotence": True,
                         "partitioner": "murmur2_random", "queue.buffering.max.messages": 100_000})
    consumer.subscribe([topic])
    failures = []

    def on_delivery(error, _):
        if error:
            failures.append(error)

    since_commit = 0
    while not stops and not failures:
        first = consumer.poll(0.2)
        for record in [first, *consumer.consume(BATCH, 0)] if first else []:
            if record.error():
                sys.exit(f"loop.py: {record.error()}")
            producer.produce(topic, record.value(), record.key(), timestamp=record.timestamp()[1], headers=record.headers(),
                             on_delivery=on_delivery)
            since_commit += 1
        producer.poll(0)
        if since_commit >= 50 * BATCH:
            producer.flush()
            consumer.commit(asynchronous=True)
            since_commit = 0
    producer.flush()
    if failures:
        sys.exit(f"loop.py: {failures[0]}")
    if since_commit:
        consumer.commit(asynchronous=False)
    consumer.close()


main(*sys.argv[1:])
