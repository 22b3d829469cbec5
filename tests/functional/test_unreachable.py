"""Clusters that are away, or not what they should be: said within ten seconds, with the address, and what it may be."""

import re
import socket
import ssl
import subprocess

import pytest

from cluster import Record
from server import Server
from timing import PROMISE, SCALE

START = ("--start.timeout.ms", str(4000 * SCALE))


def silent(connection):
    while connection.recv(4096):
        pass


def http(connection):
    while connection.recv(4096):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def tls(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=localhost"], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def handle(connection):
        with context.wrap_socket(connection, server_side=True) as stream:
            silent(stream)
    return handle


@pytest.fixture
def serve():
    made = []

    def make(handle):
        made.append(Server(handle))
        return made[-1].bootstrap
    yield make
    for server in made:
        server.close()


@pytest.fixture
def closed_port():
    """An address at which nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield "127.0.0.1:%d" % held.getsockname()[1]


def assert_gives_up(agent, address, *patterns):
    """It says within ten seconds what is wrong at this address, and ends with 1 when its time is over."""
    agent.wait_line(re.escape(address), PROMISE)
    assert agent.wait(PROMISE + 4 * SCALE) == 1, agent.stderr
    for pattern in patterns:
        assert re.search(pattern, agent.stderr, re.I), agent.stderr


@pytest.mark.sanitize
def test_source_nobody_listens(mirror, target, closed_port):
    assert_gives_up(mirror(closed_port, target, flags=START), closed_port, "refused")


def test_source_is_silent(mirror, target, serve):
    address = serve(silent)
    assert_gives_up(mirror(address, target, flags=START), address)


def test_source_is_a_web_server(mirror, target, serve):
    address = serve(http)
    assert_gives_up(mirror(address, target, flags=START), address, "not (a )?Kafka|no Kafka")


def test_source_speaks_tls(mirror, target, serve, tls):
    address = serve(tls)
    assert_gives_up(mirror(address, target, flags=START), address, "TLS|SSL")


def test_source_does_not_speak_tls(mirror, source, target):
    agent = mirror(source, target, consumer={"security.protocol": "SSL"}, flags=START)
    assert_gives_up(agent, source.bootstrap, "plain ?text|security\\.protocol")


def test_zookeeper_is_away(mirror, target, closed_port):
    agent = mirror(None, target, consumer={"bootstrap.servers": None, "zookeeper.connect": closed_port}, flags=START)
    assert_gives_up(agent, closed_port, "zookeeper")


def test_host_name_that_does_not_exist(mirror, target):
    agent = mirror("broker.invalid:9092", target, flags=START)
    assert_gives_up(agent, "broker.invalid:9092")


@pytest.mark.slow
@pytest.mark.sanitize
def test_target_away_at_the_start_is_waited_for(mirror, source, target):
    source.create("t", 1)
    target.create("t", 1)
    source.produce("t", [Record(b"k", b"v%d" % i) for i in range(10)])
    target.down()
    agent = mirror(source, target, flags=START)
    assert target.bootstrap in agent.wait_event("target_unreachable", PROMISE)["reason"]
    agent.wait_event("assigned")
    target.up()
    assert [r.value for r in target.read("t", 10)] == [b"v%d" % i for i in range(10)]
    agent.wait_event("target_reachable")
    assert agent.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("side", ["source", "target"])
def test_away_while_mirroring_is_said_and_waited_out(mirror, source, target, side):
    source.create("t", 1)
    target.create("t", 1)
    source.produce("t", [Record(b"k", b"1")])
    agent = mirror(source, target)
    target.read("t", 1)
    cluster = {"source": source, "target": target}[side]
    if side == "target":
        cluster.down()
        source.produce("t", [Record(b"k", b"2")])
    else:
        source.produce("t", [Record(b"k", b"2")])
        cluster.down()
    assert cluster.bootstrap in agent.wait_event(f"{side}_unreachable", PROMISE)["reason"]
    cluster.up()
    agent.wait_event(f"{side}_reachable")
    # The group may have given the partition up meanwhile; then the first record comes once more.
    reader = target.reader("t")
    seen = reader.until(lambda records: records and records[-1].value == b"2", what="the second record")
    assert [r.value for r in seen] in ([b"1", b"2"], [b"1", b"1", b"2"])
    assert agent.stop() == 0


def test_source_and_target_are_the_same_cluster(mirror, source, target):
    """Every record would be copied onto its own topic for ever."""
    source.create("t")
    source.produce("t", [Record(b"k", b"v")])
    agent = mirror(source, source)
    assert agent.wait() == 1
    failed = agent.wait_event("failed")
    assert "same cluster" in failed["reason"] and "bootstrap.servers" in failed["reason"]
    assert len(source.read("t", 1)) == 1
