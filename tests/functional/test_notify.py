"""What the service manager is told: a socket of the test's own in systemd's place."""

import os
import signal
import socket
import threading
import time
import uuid

import pytest

from agent import Agent
from cluster import Record
from test_script import rewrite, scripted  # noqa: F401
from timing import DEADLINE, PROMISE, SCALE


class Manager:
    """Receives; each message is a dict of its lines, with the moment it came under "at"."""

    def __init__(self, address):
        self.name = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.messages, self.changed = [], threading.Condition()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            data = self.socket.recv(65536)
            if data == b"over":
                return
            message = dict(line.split("=", 1) for line in data.decode().splitlines())
            message["at"] = time.monotonic()
            with self.changed:
                self.messages.append(message)
                self.changed.notify_all()

    def having(self, key, value=None):
        with self.changed:
            return [m for m in self.messages if key in m and (value is None or m[key] == value)]

    def wait(self, key, value=None, count=1, timeout=DEADLINE):
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                found = [m for m in self.messages if key in m and (value is None or m[key] == value)]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                assert left > 0, f"not told {key}={value} ({count}) within {timeout} s: {self.messages}"
                self.changed.wait(left)

    def steps(self):
        """What was told of the state, in order."""
        words = ("READY", "RELOADING", "STOPPING")
        with self.changed:
            return [word for m in self.messages for word in words if m.get(word) == "1"]

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"over", self.socket.getsockname())
        self.thread.join(PROMISE)
        self.socket.close()


@pytest.fixture
def make_manager(tmp_path, monkeypatch):
    """Makes the socket and puts it into the environment of what is started then."""
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    made = []

    def make(address=None):
        made.append(Manager(address or str(tmp_path / "notify")))
        monkeypatch.setenv("NOTIFY_SOCKET", made[-1].name)
        return made[-1]

    yield make
    for manager in made:
        manager.close()


@pytest.fixture
def manager(make_manager):
    return make_manager()


@pytest.mark.sanitize
@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_ready_status_and_stopping(mirror, source, target, make_manager, kind):
    manager = make_manager(f"@reflejo-{uuid.uuid4()}" if kind == "abstract" else None)
    source.create("t", 2)
    target.create("t", 2)
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(100)])
    agent = mirror(source, target, flags=("--log.progress.interval", "1"))
    manager.wait("STATUS", "waits for the source's topics")
    manager.wait("READY", "1")
    agent.wait_event("stream_start")
    target.read("t", 100)
    manager.wait("STATUS", "0 records/s, lag 0, 2 partitions")
    assert agent.stop() == 0
    manager.wait("STOPPING", "1")
    assert manager.steps() == ["READY", "STOPPING"]


@pytest.mark.slow
def test_thousands_are_told_apart(mirror, source, target, manager):
    source.create("t", 2)
    target.create("t", 2)
    target.down()
    source.produce("t", [Record(b"k", b"v", i % 2) for i in range(12345)])
    agent = mirror(source, target, flags=("--log.progress.interval", "1"))
    manager.wait("STATUS", "0 records/s, lag 12,345, 2 partitions")
    assert agent.stop() == 0


def test_a_source_that_is_away_does_not_hold_up_the_start(mirror, source, target, manager):
    """Or it would hold up a boot: configuration, script and listeners are good, and /readyz says the rest."""
    source.create("t")
    target.create("t")
    source.down()
    agent = mirror(source, target, flags=("--start.timeout.ms", "0"))
    manager.wait("READY", "1")
    agent.wait_event("source_unreachable", PROMISE)
    assert not agent.find("assigned")
    source.up()
    agent.wait_event("assigned")
    assert agent.stop() == 0
    manager.wait("STOPPING", "1")
    assert manager.steps() == ["READY", "STOPPING"]


def test_a_source_that_never_answers(mirror, target, manager):
    agent = mirror("127.0.0.1:1", target, flags=("--start.timeout.ms", "1"))
    assert agent.wait() == 1
    manager.wait("STOPPING", "1")
    assert manager.steps() == ["READY", "STOPPING"]
    assert any(m["STATUS"].startswith("failed: ") for m in manager.having("STATUS"))


def test_a_start_that_fails_is_never_ready(scripted, source, target, manager):  # noqa: F811
    agent = scripted(source, target, "return {")
    assert agent.wait() == 1
    assert manager.steps() == []
    assert any(m["STATUS"].startswith("failed: ") and "route.lua:1" in m["STATUS"] for m in manager.having("STATUS"))


@pytest.mark.sanitize
def test_reloads_are_told_with_their_time(scripted, source, target, manager, tmp_path):  # noqa: F811
    source.create("t")
    target.create("t")
    agent = scripted(source, target, "return { api = 1 }")
    agent.wait_event("assigned")
    for number, (script, event) in enumerate([("return { api = 1, }", "reloaded"), ("return {", "reload_rejected")], 1):
        rewrite(tmp_path, script)
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        agent.send(signal.SIGHUP)
        agent.wait_event(event)
        manager.wait("READY", "1", count=number + 1)
        told = manager.wait("RELOADING", "1", count=number)
        assert before <= int(told["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert agent.stop() == 0
    manager.wait("STOPPING")
    assert manager.steps() == ["READY"] + ["RELOADING", "READY"] * 2 + ["STOPPING"]


def test_a_reload_of_nothing_is_over_at_once(mirror, source, target, manager):
    """Otherwise systemctl reload would wait for it."""
    source.create("t")
    target.create("t")
    agent = mirror(source, target)
    agent.wait_event("assigned")
    agent.send(signal.SIGHUP)
    manager.wait("READY", "1", count=2)
    assert manager.steps() == ["READY", "RELOADING", "READY"]
    assert agent.stop() == 0


WATCHDOG_US = 1600000 * SCALE


@pytest.mark.sanitize
def test_the_watchdog_is_fed_in_time_while_it_mirrors(mirror, source, target, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_US))
    source.create("t", 4)
    target.create("t", 4)
    agent = mirror(source, target)
    manager.wait("READY", "1")
    source.produce("t", [Record(b"k", b"%d" % i, i % 4) for i in range(50000)])
    target.read("t", 50000)
    manager.wait("WATCHDOG", "1", count=6)
    fed = [m["at"] for m in manager.having("WATCHDOG", "1")]
    # At half of its time, the first ones too.
    assert max(b - a for a, b in zip(fed, fed[1:])) < 0.9 * WATCHDOG_US / 1e6
    assert agent.stop() == 0


def main_thread_stuck(agent):
    """Stops the main thread alone, as a debugger would, and gives back what lets it go on."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    seize, interrupt, detach = 0x4206, 0x4207, 17

    def ptrace(request):
        if libc.ptrace(request, agent.process.pid, None, None) < 0:
            pytest.skip(f"a thread cannot be stopped here: ptrace says {os.strerror(ctypes.get_errno())}")

    ptrace(seize)
    ptrace(interrupt)
    os.waitpid(agent.process.pid, 0x40000000)  # __WALL: until it has stopped
    return lambda: ptrace(detach)


@pytest.mark.slow
def test_the_watchdog_is_not_fed_by_a_loop_that_is_stuck(mirror, source, target, manager, monkeypatch):
    """The streams go on without the main thread; the watchdog must notice all the same."""
    monkeypatch.setenv("WATCHDOG_USEC", str(WATCHDOG_US))
    source.create("t")
    target.create("t")
    agent = mirror(source, target)
    agent.wait_event("assigned")
    manager.wait("WATCHDOG", "1", count=2)
    go_on = main_thread_stuck(agent)
    fed = len(manager.having("WATCHDOG"))
    stuck = time.monotonic()
    source.produce("t", [Record(b"k", b"%d" % i) for i in range(100)])
    target.read("t", 100)
    while time.monotonic() < stuck + 3 * WATCHDOG_US / 1e6:
        source.produce("t", [Record(b"k", b"more")])
    assert len(manager.having("WATCHDOG")) - fed <= 1
    go_on()
    manager.wait("WATCHDOG", "1", count=fed + 3)
    # What has started asks for no more time.
    ready = manager.wait("READY")
    assert [m for m in manager.having("EXTEND_TIMEOUT_USEC") if m["at"] > ready["at"]] == []
    assert agent.stop() == 0


@pytest.mark.parametrize("owner", ["other", "own"])
def test_the_watchdog_watches_only_whom_it_names(program, source, target, tmp_path, manager, owner):
    source.create("t")
    target.create("t")
    pid = "$$" if owner == "own" else "1"
    agent = Agent("/bin/sh", ["-c", f'WATCHDOG_PID={pid} WATCHDOG_USEC={WATCHDOG_US} exec "$@"', "sh", program,
                              "--consumer.bootstrap.servers", source.bootstrap, "--consumer.group.id", "g",
                              "--producer.bootstrap.servers", target.bootstrap, "--whitelist", "t"], tmp_path)
    try:
        manager.wait("READY", "1")
        if owner == "own":
            manager.wait("WATCHDOG", "1", count=3)
        else:
            agent.wait_event("assigned")
        assert agent.stop() == 0
        manager.wait("STOPPING", "1")
        assert bool(manager.having("WATCHDOG")) == (owner == "own")
    finally:
        agent.end()


@pytest.mark.parametrize("name", ["/nowhere/at/all", "relative", "@", "/" + "x" * 200], ids=["away", "relative", "none", "long"])
def test_a_socket_that_cannot_be_told(mirror, source, target, name, monkeypatch):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v")])
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    agent = mirror(source, target)
    target.read("t", 1)
    assert agent.stop() == 0
    assert [event["socket"] for event in agent.find("notify_failed")] == [name]
