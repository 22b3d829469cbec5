"""The HDInsight page, replayed: its files, its command, its topic, on brokers of its time in ZooKeeper mode."""

import signal
import subprocess

import pytest
import rigs
from conftest import rig
from confluent_kafka import Consumer
from outside import wait_until
from records import no_loss

PROMISE = 10
STREAMS = 4
# Two brokers a cluster, as on the page. A chroot in the manner of the page's host names makes the line a long one.
DOMAIN = "source.aazwc2onlofevkbof0cuixrp5h.gx.internal.cloudapp.net"
LONG_CHROOT = "/kafka" + "".join(f"/zk{n}-{DOMAIN}" for n in (0, 1, 6))
# Names that resolve nowhere but in the page's own network.
PAGE_HOSTS = f"zk0-{DOMAIN}:2181,zk1-{DOMAIN}:2181"


@pytest.fixture(scope="module")
def kafka1(tmp_path_factory):
    yield from rig(rigs.ZookeeperCluster, tmp_path_factory, "1.1.1", brokers=2)


@pytest.fixture(scope="module")
def kafka2(tmp_path_factory):
    yield from rig(rigs.ZookeeperCluster, tmp_path_factory, "2.1.1", brokers=2, chroot=LONG_CHROOT)


@pytest.fixture
def follow_page(program, start_process, outside, tmp_path):
    """What a person does who follows the page, up to the start of the mirror."""
    def follow(source, target, zookeeper_hosts, *first_words):
        for cluster in (source, target):
            if not outside(cluster).partitions("testtopic"):
                outside(cluster).make_topic("testtopic", partitions=8, replicas=2)
        line = f"zookeeper.connect={zookeeper_hosts}"
        (tmp_path / "consumer.properties").write_text(f"{line}\ngroup.id=mirrorgroup\n", encoding="ascii")
        (tmp_path / "producer.properties").write_text(
            f"bootstrap.servers={target.bootstrap}\ncompression.type=none\n", encoding="ascii")
        agent = start_process(program, *first_words, "--consumer.config", "consumer.properties", "--producer.config",
                              "producer.properties", "--whitelist", "testtopic", "--num.streams", STREAMS)
        # The positions may be there from a mirror before; that it is up is more than that it was started.
        agent.wait_shared(8, STREAMS)
        outside(source).wait_positions("mirrorgroup", "testtopic")
        return agent, line
    return follow


def finish_page(agent, outside, sender, receiver, source, target):
    """Messages are typed, arrive once and in order, Ctrl+C ends the mirror."""
    sender.send(1000)
    sender.finish()
    verdict = receiver.verdict(sender)
    assert no_loss(verdict) and verdict.duplicates == 0, f"{verdict}\n{agent.stderr}"
    assert agent.stop(PROMISE, signal.SIGINT) == 0, agent.stderr
    assert outside(source).lag("mirrorgroup", "testtopic") == 0
    assert outside(target).partitions("testtopic") == 8


def test_page(follow_page, outside, sender, receiver, kafka1, kafka2):
    dead = f"127.0.0.1:{rigs.free_port()},127.0.0.1:{rigs.free_port()}"
    agent, _ = follow_page(kafka1, kafka2, f"{dead},{kafka1.zookeeper}")
    load = sender(kafka1, "testtopic", tag="page-")
    finish_page(agent, outside, load, receiver(kafka2, "testtopic", 8), kafka1, kafka2)
    streams = agent.find("stream_start")
    assert sorted(s["client_id"] for s in streams) == [f"mirrorgroup-{n}" for n in range(STREAMS)]
    for stream in streams:
        assert stream["group"] == "mirrorgroup"
        assert set(stream["source"].split(",")) == set(kafka1.bootstrap.split(","))


def test_connect_by_zookeeper(connect, outside, names, kafka1, kafka2):
    """The brokers come from ZooKeeper, as on the page, and each is looked at."""
    topic, group = names
    for cluster in (kafka1, kafka2):
        outside(cluster).make_topic(topic, replicas=2)
    found = connect(kafka1, kafka2, topic, group, "--offsets.import", "none", consumer={"bootstrap.servers": None, "zookeeper.connect": kafka1.zookeeper})
    assert {result for side in found.values() for result, _ in side.values()} == {"ok"}, found
    assert all(f"127.0.0.1:{port}" in found["source"]["zookeeper"][1] for port in kafka1.ports)


def test_page_again_with_the_class_name(follow_page, outside, sender, receiver, program, tmp_path, kafka1, kafka2):
    """The wrapper script's first word; hosts that do not resolve; and what came while no mirror ran is made up for. In the end both
    clusters hold the same."""
    hosts = f"{PAGE_HOSTS},{kafka1.zookeeper}"
    first, _ = follow_page(kafka1, kafka2, hosts, "kafka.tools.MirrorMaker")
    assert first.stop(PROMISE, signal.SIGINT) == 0, first.stderr
    load = sender(kafka1, "testtopic", tag="again-")
    load.send(100)
    load.finish()
    second, _ = follow_page(kafka1, kafka2, hosts, "kafka.tools.MirrorMaker")
    finish_page(second, outside, load, receiver(kafka2, "testtopic", 8), kafka1, kafka2)
    done = subprocess.run([program, "verify", "--to", "end", *second.arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0 and "the same: " in done.stdout, done.stdout + done.stderr


def test_page_with_a_long_line(follow_page, outside, sender, receiver, kafka1, kafka2):
    dead = f"127.0.0.1:{rigs.free_port()},127.0.0.1:{rigs.free_port()}"
    agent, line = follow_page(kafka2, kafka1, f"{dead},{kafka2.zookeeper}{LONG_CHROOT}")
    assert len(line) > 250
    load = sender(kafka2, "testtopic", tag="long-")
    finish_page(agent, outside, load, receiver(kafka1, "testtopic", 8), kafka2, kafka1)


def test_stop_while_the_group_comes_together(mirror, names, outside, kafka1, kafka2):
    """Brokers before 2.2 make a member of whoever asks and tell its name when all have come. Who goes before that cannot leave,
    and the group would wait for nobody; so the end waits for the name."""
    topic, group = names
    for cluster in (kafka1, kafka2):
        outside(cluster).make_topic(topic, partitions=2, replicas=2)
    slow = Consumer({"bootstrap.servers": kafka1.bootstrap, "group.id": group, "session.timeout.ms": 30000, "log_level": 0})
    slow.subscribe([topic])
    wait_until(lambda: slow.poll(0.1) or slow.assignment(), what="a member")
    agent = mirror(kafka1, kafka2, topic, group, "--shutdown.timeout.ms", 60000)
    wait_until(lambda: outside(kafka1).members(group) == 2, what="the request to join")
    agent.send(signal.SIGINT)
    agent.wait_event("stopping")
    # Only now does it hear that there is another one, and comes back.
    wait_until(lambda: slow.poll(0.1) or not agent.is_running(), what="the end")
    assert agent.wait() == 0, agent.stderr
    # One that nobody is would stay until its session has timed out.
    assert outside(kafka1).members(group) == 1
    slow.close()
