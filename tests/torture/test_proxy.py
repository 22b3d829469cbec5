"""The proxy against an echo: bytes come back as they went, whatever is late; and each fault is what it says."""

import os
import random
import socket
import threading
import time

import pytest

from proxy import Proxy

DEADLINE = 20


class Echo:
    """A server that sends back what it gets, a thread a connection."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.ended = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer):
        try:
            while data := peer.recv(65536):
                peer.sendall(data)
        except OSError:
            pass
        peer.close()
        self.ended.release()

    def close(self):
        # Without that whoever waits for a connection still gets the next one.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def echo():
    made = Echo()
    yield made
    if made.socket.fileno() >= 0:
        made.close()


@pytest.fixture
def side(echo):
    proxy = Proxy()
    made = proxy.side("source")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made.add("127.0.0.1", port, echo.port)
    yield made
    proxy.close()


def connect(side):
    made = socket.create_connection((side.doors[0].address, side.doors[0].port), DEADLINE)
    made.settimeout(DEADLINE)
    return made


def receive(peer, count):
    found = b""
    while len(found) < count:
        data = peer.recv(count - len(found))
        assert data, f"the connection ended after {len(found)} of {count} bytes"
        found += data
    return found


def ask(peer, data):
    sending = threading.Thread(target=peer.sendall, args=(data,))
    sending.start()
    found = receive(peer, len(data))
    sending.join()
    return found


def has_ended(peer):
    """True when the other end is gone, however that is told."""
    try:
        return peer.recv(1) == b""
    except OSError as error:
        assert not isinstance(error, TimeoutError), "the connection is open"
        return True


@pytest.mark.parametrize("fault", ["none", "throttle", "delay", "stalls"])
def test_bytes_are_the_same(side, fault):
    data = os.urandom(300_000)
    peer = connect(side)
    if fault == "throttle":
        side.throttle(600_000)
    elif fault == "delay":
        side.delay(0.05)
    elif fault == "stalls":
        over = threading.Event()

        def flicker():
            dice = random.Random(3)
            while not over.wait(dice.random() / 50):
                side.stall()
                side.heal()
        thread = threading.Thread(target=flicker)
        thread.start()
    assert ask(peer, data) == data
    if fault == "stalls":
        over.set()
        thread.join()


def test_delay_and_throttle_take_time(side):
    peer = connect(side)
    side.delay(0.2)
    before = time.monotonic()
    ask(peer, b"x")
    assert time.monotonic() - before >= 0.4
    side.heal()
    side.throttle(100_000)
    before = time.monotonic()
    ask(peer, bytes(100_000))
    assert time.monotonic() - before >= 1


def test_stall_keeps_connections_and_bytes(side):
    peer = connect(side)
    assert ask(peer, b"one") == b"one"
    side.stall()
    peer.sendall(b"two")
    another = connect(side)
    another.sendall(b"three")
    for one in (peer, another):
        one.settimeout(0.3)
        with pytest.raises(TimeoutError):
            one.recv(1)
        one.settimeout(DEADLINE)
    side.heal()
    assert receive(peer, 3) == b"two" and receive(another, 5) == b"three"


def test_cut_resets_and_refuses(side):
    peer = connect(side)
    assert ask(peer, b"one") == b"one"
    side.cut()
    assert has_ended(peer)
    with pytest.raises(OSError):
        connect(side)
    side.heal()
    assert ask(connect(side), b"two") == b"two"


def test_move_is_elsewhere(side):
    peer = connect(side)
    assert ask(peer, b"one") == b"one"
    side.move("127.0.0.2")
    assert has_ended(peer)
    assert ask(connect(side), b"two") == b"two"
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", side.doors[0].port), DEADLINE)


def test_slam_accepts_and_closes(side):
    peer = connect(side)
    assert ask(peer, b"one") == b"one"
    side.slam()
    assert has_ended(peer)
    assert has_ended(connect(side))
    side.heal()
    assert ask(connect(side), b"two") == b"two"


def test_half_open_swallows_one_side(side, echo):
    peer = connect(side)
    assert ask(peer, b"one") == b"one"
    assert side.half_open() == 1
    assert echo.ended.acquire(timeout=DEADLINE), "the broker's end is still there"
    peer.sendall(b"two")
    peer.settimeout(0.3)
    with pytest.raises(TimeoutError):
        peer.recv(1)
    assert ask(connect(side), b"three") == b"three"
    side.heal()
    peer.sendall(b"four")
    with pytest.raises(TimeoutError):
        peer.recv(1)


def test_a_broker_that_is_not_there(side, echo):
    peer = connect(side)
    assert ask(peer, b"one") == b"one"
    echo.close()
    assert ask(peer, b"two") == b"two"
    assert has_ended(connect(side))
