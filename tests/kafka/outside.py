"""A cluster seen from outside, by the Python client: topics, offsets, groups."""

import threading
import time

from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import (AclBindingFilter, AclOperation, AclPermissionType, AdminClient, AlterConfigOpType,
                                   ConfigEntry, ConfigResource, ConfigSource, NewPartitions, NewTopic, ResourcePatternType,
                                   ResourceType)

DEADLINE = 60
TICK = 0.05


def wait_until(condition, timeout=DEADLINE, what="the condition"):
    """Asks until condition() is true, and gives back its answer. A cluster that does not answer is asked again."""
    end, trouble = time.monotonic() + timeout, None
    while True:
        try:
            answer = condition()
            if answer:
                return answer
            trouble = None
        except KafkaException as error:
            trouble = error
        assert time.monotonic() < end, f"{what} did not come about within {timeout} s ({trouble})"
        time.sleep(TICK)


class Outside:
    """Made anew for a test; closed with it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.common = {"bootstrap.servers": cluster.bootstrap, "log_level": 0}
        self.admin = AdminClient(self.common)
        self.consumers = {}

    def close(self):
        for consumer in self.consumers.values():
            consumer.close()

    def _consumer(self, group):
        if group not in self.consumers:
            self.consumers[group] = Consumer({**self.common, "group.id": group, "enable.auto.commit": False})
        return self.consumers[group]

    def _topics(self):
        """All topics, by name. A broker that is fenced names no broker, and librdkafka from 2.10.0 on lets go of all then, and asks
        none again (its issue 5301)."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                found = self.admin.list_topics(timeout=10)
            except KafkaException:
                self.admin = AdminClient(self.common)
                raise
            if found.brokers:
                return found.topics
            self.admin = AdminClient(self.common)
            time.sleep(TICK)
            assert time.monotonic() < end, f"no brokers within {DEADLINE} s"

    def _partitions(self, topic):
        """How many the topic has, those that wait for a leader too; 0 when it is not there."""
        found = self._topics().get(topic)
        return len(found.partitions) if found else 0

    def partitions(self, topic):
        """How many partitions with a leader the topic has; 0 when it is not there."""
        found = self._topics().get(topic)
        return sum(p.leader >= 0 for p in found.partitions.values()) if found and not found.error else 0

    def make_topic(self, topic, partitions=1, replicas=1, **config):
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        # A client that learnt of no controller, because the brokers have just started, asks again only minutes later.
        wait_until(lambda: self.admin.list_topics(timeout=10).controller_id >= 0, what="a controller")
        self.admin.create_topics([NewTopic(topic, partitions, replicas, config=settings)])[topic].result(DEADLINE)
        wait_until(lambda: self.partitions(topic) == partitions, what=f"topic {topic}")

    def add_partitions(self, topic, total):
        self.admin.create_partitions([NewPartitions(topic, total)])[topic].result(DEADLINE)
        wait_until(lambda: self.partitions(topic) == total, what=f"{total} partitions of {topic}")

    def replicas(self, topic):
        """How many each partition has."""
        found = self.admin.list_topics(timeout=10).topics[topic]
        return [len(found.partitions[number].replicas) for number in sorted(found.partitions)]

    def settings(self, topic):
        """What is set for the topic itself."""
        asked = ConfigResource(ConfigResource.Type.TOPIC, topic)
        entries = self.admin.describe_configs([asked])[asked].result(DEADLINE)
        return {entry.name: entry.value for entry in entries.values()
                if ConfigSource(entry.source) == ConfigSource.DYNAMIC_TOPIC_CONFIG}

    def set(self, topic, name, value):
        """One setting of a topic; None takes it away. For brokers from 2.3 on."""
        operation = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        change = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[
            ConfigEntry(name, value, incremental_operation=operation)])
        self.admin.incremental_alter_configs([change])[change].result(DEADLINE)

    def rules(self, topic):
        """The access rules of exactly that name: (principal, host, operation, permission)."""
        wanted = AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, None, None, AclOperation.ANY,
                                  AclPermissionType.ANY)
        return {(rule.principal, rule.host, rule.operation, rule.permission_type)
                for rule in self.admin.describe_acls(wanted).result(DEADLINE)}

    def add_rules(self, *rules):
        for done in self.admin.create_acls(list(rules)).values():
            done.result(DEADLINE)

    def ends(self, topic):
        """The end offset of each partition. A broker that has just been told that it leads one may refuse at first."""
        def end(number):
            try:
                # Found out in a tuple, because an end of 0 is an answer too.
                return (self._consumer("reader").get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1],)
            except KafkaException:
                # A client that was told of a partition without a leader takes it for none, and of no broker, asks none (see _topics).
                self.consumers.pop("reader").close()
                raise
        return [wait_until(lambda n=number: end(n), what=f"the end of {topic} partition {number}")[0]
                for number in range(self._partitions(topic))]

    def count(self, topic):
        return sum(self.ends(topic))

    def committed(self, group, topic):
        """The group's position in each partition, None where it has none."""
        asked = [TopicPartition(topic, number) for number in range(self._partitions(topic))]
        # A coordinator that has just started may not know it yet.
        answer = wait_until(lambda: self._consumer(group).committed(asked, timeout=10), what=f"positions of {group}")
        return [p.offset if p.offset >= 0 else None for p in sorted(answer, key=lambda p: p.partition)]

    def lag(self, group, topic):
        """Records the group has before it; None while a partition has no position."""
        positions = self.committed(group, topic)
        if None in positions:
            return None
        return sum(end - position for end, position in zip(self.ends(topic), positions, strict=True))

    def shares(self, group):
        """How many partitions each member of a group has that is at rest; empty while it rebalances. (A stream of
        MirrorMaker 1 and one of the program call themselves the same, so they are counted, not named.)"""
        found = self.admin.describe_consumer_groups([group], request_timeout=10)[group].result(15)
        if found.state != ConsumerGroupState.STABLE:
            return []
        return sorted(len(member.assignment.topic_partitions) for member in found.members)

    def members(self, group):
        """How many members the group's coordinator knows, also while it waits for some of them."""
        return len(self.admin.describe_consumer_groups([group], request_timeout=10)[group].result(15).members)

    def wait_positions(self, group, topic, timeout=DEADLINE):
        """Waits until the group has a position in every partition: from here on nothing is skipped."""
        wait_until(lambda: None not in self.committed(group, topic), timeout, f"positions of {group} in {topic}")

    def wait_no_lag(self, group, topic, timeout=DEADLINE):
        """A sender may still be at its first record, and the group behind nothing."""
        wait_until(lambda: self.count(topic) > 0 and self.lag(group, topic) == 0, timeout, f"lag 0 of {group} in {topic}")


class Curve:
    """How many records the target had, at what time."""

    def __init__(self, cluster, topic):
        self.outside, self.topic = Outside(cluster), topic
        self.points = [(time.monotonic(), self._count())]
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _count(self):
        # The broker of a topic that has just been made may not know yet that it leads it.
        return wait_until(lambda: (self.outside.count(self.topic),), what=f"end offsets of {self.topic}")[0]

    def _read(self):
        while not self.is_over.wait(0.02):
            # The count stood at the latest when the answer came.
            count = self._count()
            self.points.append((time.monotonic(), count))

    def close(self):
        self.is_over.set()
        self.thread.join()
        self.outside.close()

    @property
    def last(self):
        return self.points[-1][1]

    def before(self, moment):
        """What the target surely had by then."""
        return max((count for at, count in self.points if at <= moment), default=0)
