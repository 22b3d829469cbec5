"""MirrorMaker 1 is replaced while it runs: both share the group, then it goes."""

import re
import signal

from conftest import SOURCE_MM1
from outside import wait_until
import rigs
from records import no_loss

PROMISE = 10
PARTITIONS = 8
RATE = 1000
TOPIC, GROUP = "testtopic", "mirrorgroup"


def lag_as_shown(cluster):
    """LAG of each partition as kafka-consumer-groups prints it."""
    shown = rigs.tool(SOURCE_MM1, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server",
                      cluster.bootstrap, "--describe", "--group", GROUP)
    return re.findall(rf"^{GROUP} +{TOPIC} +\d+ +\d+ +\d+ +(\d+) ", shown, re.MULTILINE)


def test_rolling_replacement(mirror, mirror_maker, outside, sender, receiver, kafka3, kafka4):
    outside(kafka3).make_topic(TOPIC, PARTITIONS)
    outside(kafka4).make_topic(TOPIC, PARTITIONS)
    load = sender(kafka3, TOPIC, keys=100).start(RATE)
    got = receiver(kafka4, TOPIC, PARTITIONS)

    old = mirror_maker(kafka3, kafka4, TOPIC, GROUP, "--num.streams", 2, "--offset.commit.interval.ms", 1000)
    wait_until(lambda: outside(kafka3).shares(GROUP) == [4, 4], what="MirrorMaker's two streams in the group")
    got.wait_count(RATE)
    new = mirror(kafka3, kafka4, TOPIC, GROUP, "--num.streams", 2)
    wait_until(lambda: outside(kafka3).shares(GROUP) == [2, 2, 2, 2], what="four streams in the group")
    got.wait_count(load.total + 2 * RATE)
    old.send(signal.SIGTERM)
    assert old.wait(60) == 128 + signal.SIGTERM, old.stderr
    wait_until(lambda: outside(kafka3).shares(GROUP) == [4, 4], what="the program's two streams alone in the group")
    got.wait_count(load.total + 2 * RATE)

    load.finish()
    verdict = got.verdict(load)
    print(f"{load.total} records; {verdict}")
    assert no_loss(verdict), f"{verdict}\n{new.stderr}"
    outside(kafka3).wait_no_lag(GROUP, TOPIC)
    assert lag_as_shown(kafka3) == ["0"] * PARTITIONS
    assert new.stop(PROMISE) == 0, new.stderr
