"""The admin API's server: rights, limits, and peers that misbehave while it mirrors on."""

import concurrent.futures
import contextlib
import os
import resource
import signal
import socket
import stat
import time

import pytest

from cluster import Record
from peer import Peer, ask
from timing import DEADLINE, SCALE, wait_until

NOBODY = "127.0.0.1:1"


@pytest.fixture
def serve(mirror):
    """Starts an agent that waits for its clusters, and gives it with its admin API's address."""
    def start(*flags, listen="127.0.0.1:0"):
        agent = mirror(NOBODY, NOBODY, flags=("--start.timeout.ms", "600000", "--admin.listen", listen, *flags))
        return agent, agent.wait_event("admin_listening")["address"]
    return start


def fds(agent):
    return len(os.listdir(f"/proc/{agent.process.pid}/fd"))


def token_file(tmp_path, text="s3cret\n", mode=0o600):
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.sanitize
def test_answers(serve):
    agent, address = serve()
    with Peer(address) as peer:
        # All on one connection.
        peer.request("GET", "/healthz")
        answer = peer.answer()
        assert (answer.status, answer.body) == (200, b"ok\n")
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
        peer.request("HEAD", "/healthz")
        head = peer.answer(has_body=False)
        assert head.status == 200 and head.headers["content-length"] == "3"
        peer.request("GET", "/none")
        assert peer.answer().status == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
            peer.request(method, "/healthz")
            answer = peer.answer()
            assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD" and answer.error, method
        peer.request("GET", "/stop")
        answer = peer.answer()
        assert answer.status == 405 and answer.headers["allow"] == "POST"
        peer.request("GET", "/healthz?x")
        assert peer.answer().status == 400
        peer.request("GET", "/healthz?x=1")
        assert peer.answer().status == 200
        # Requests that were sent ahead are answered in order.
        for path in ("/healthz", "/none", "/healthz"):
            peer.request("GET", path)
        assert [peer.answer().status for _ in range(3)] == [200, 404, 200]
    assert agent.stop() == 0


@pytest.mark.sanitize
@pytest.mark.parametrize("body, says", [
    (b'{"level":"loud"}', "one of"), (b'{"level":7}', "text"), (b"{}", "missing"), (b"", "missing"), (b"[]", "object"),
    (b"{", "object"), (b'{"level":"info"}x', "object"), (b'{"level":"info","level":"warn"}', "twice"),
    (b'{"level":"info","more":1}', "not known"), (b'{"level":"info\\u0000x"}', "object"), (b'{"level":"in\0fo"}', "object"),
    (b"[" * 60000, "object"),
])
def test_bodies_that_are_refused(serve, body, says):
    agent, address = serve()
    answer = ask(address, "POST", "/log-level", body)
    assert answer.status == 400 and says in answer.error
    assert ask(address, "POST", "/log-level", b'{"level":"debug"}').json == {"message": "the log shows debug and above"}
    assert agent.is_running()


def test_a_change_takes_no_query(serve):
    """/pause?topic=t with an empty body would pause everything."""
    agent, address = serve()
    for path in ("/pause?topic=t", "/resume?topic=t", "/stop?in=5", "/log-level?level=debug"):
        answer = ask(address, "POST", path)
        assert answer.status == 400 and "belongs into the body" in answer.error, path
    assert agent.is_running() and not agent.find("paused") and not agent.find("admin_call")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_limits_of_a_request(serve):
    agent, address = serve()
    long = ask(address, "GET", "/healthz", headers=[("X", "x" * 8200)])
    assert long.status == 400 and "8 KiB" in long.error
    assert ask(address, "GET", "/healthz", headers=[(f"X{i}", "x" * 40) for i in range(100)]).status == 200
    many = ask(address, "GET", "/healthz", headers=[(f"X{i}", "x" * 40) for i in range(300)])
    assert many.status == 400
    # The body is read to its end, so that the sentence arrives.
    large = ask(address, "POST", "/log-level", b" " * 1000000)
    assert large.status == 413 and "64 KiB" in large.error
    assert ask(address, "POST", "/log-level", b'{"level":"info"}' + b" " * 60000).status == 200
    other = ask(address, "POST", "/log-level", b'{"level":"info"}', headers=[("Content-Type", "text/plain")])
    assert other.status == 415 and "application/json" in other.error
    assert ask(address, "POST", "/log-level", b'{"level":"info"}',
               headers=[("content-type", "Application/JSON; charset=utf-8")]).status == 200
    for junk in (b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nnocolon\r\n\r\n",
                 b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\nx\r\n\r\n",
                 b"POST /stop HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST /log-level HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n"):
        with Peer(address) as peer:
            peer.send(junk)
            answer = peer.answer()
            assert answer.status in (400, 413, 501) and answer.error, junk
            assert peer.is_closed(DEADLINE)
        # Behind an answer likewise, over the same connection.
        with Peer(address) as peer:
            peer.request("GET", "/healthz")
            assert peer.answer().body == b"ok\n"
            peer.send(junk)
            answer = peer.answer()
            assert answer.status in (400, 413, 501) and answer.error, junk
            assert peer.is_closed(DEADLINE)
    with Peer(address) as peer:
        peer.send("POST /log-level HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                  '10\r\n{"level":"info"}\r\n0\r\n\r\n')
        assert peer.answer().status == 200
    with Peer(address) as peer:
        peer.send("POST /log-level HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 16\r\nExpect: 100-continue\r\n\r\n")
        assert peer.answer().status == 100
        peer.send('{"level":"info"}')
        assert peer.answer().status == 200
    assert agent.is_running()


@pytest.mark.sanitize
def test_a_token(serve, tmp_path):
    agent, address = serve("--admin.token.file", token_file(tmp_path))
    assert ask(address, "GET", "/healthz").status == 200
    level = b'{"level":"info"}'
    for given in ([], [("Authorization", "Bearer wrong")], [("Authorization", "Basic s3cret")], [("Authorization", "Bearer s3cre")],
                  [("Authorization", "Bearer s3crets")]):
        answer = ask(address, "POST", "/log-level", level, headers=given)
        assert answer.status == 401 and answer.headers["www-authenticate"] == "Bearer" and "token" in answer.error
    right = [("Authorization", "Bearer s3cret"), ("X-Reflejo-User", "ana\x1b[2J")]
    assert ask(address, "POST", "/log-level", level, headers=right).status == 200
    assert agent.wait_event("admin_call")["by"] == "127.0.0.1, for ana?[2J"
    # A name is as good as an address where there is a token, but a page of another origin is none.
    assert ask(address, "POST", "/log-level", level, headers=[*right, ("Host", "mirror.example")]).status == 200
    assert ask(address, "POST", "/log-level", level, headers=[*right, ("Origin", "http://evil.example")]).status == 403
    assert "s3cret" not in agent.stderr


@pytest.mark.parametrize("text, mode, says", [("\n", 0o600, "first line"), ("", 0o600, "first line"), ("x\n", 0o604, "chmod o-r"),
                                              (None, 0, "No such file")])
def test_a_token_file_that_is_refused(mirror, tmp_path, text, mode, says):
    path = token_file(tmp_path, text, mode) if text is not None else tmp_path / "none"
    agent = mirror(NOBODY, NOBODY, flags=("--admin.listen", "127.0.0.1:0", "--admin.token.file", path))
    assert agent.wait() == 1
    assert f"admin.token.file: " in agent.stderr and says in agent.stderr and str(path) in agent.stderr


@pytest.mark.sanitize
@pytest.mark.parametrize("headers, status", [
    ([], 200),
    ([("Host", "localhost:9186")], 200), ([("Host", "[::1]:9186")], 200), ([("Host", "127.0.0.1")], 200),
    # A name that somebody else points at this host.
    ([("Host", "evil.example")], 403), ([("Host", "evil.example:9186")], 403), ([("Host", "localhost.evil.example")], 403),
    # A page somewhere else, and the live page itself.
    ([("Host", "127.0.0.1:80"), ("Origin", "http://evil.example")], 403), ([("Origin", "null")], 403),
    ([("Host", "127.0.0.1:80"), ("Origin", "http://127.0.0.1:81")], 403),
    ([("Host", "127.0.0.1:80"), ("Origin", "http://127.0.0.1:80")], 200),
])
def test_pages_of_others(serve, headers, status):
    agent, address = serve()
    answer = ask(address, "POST", "/log-level", b'{"level":"info"}', headers=headers)
    assert answer.status == status
    assert status == 200 or answer.error
    # What only looks is not asked for its right, but by which name: the browser gives the answer to no other page.
    is_named = "evil" in dict(headers).get("Host", "")
    assert ask(address, "GET", "/status", headers=headers).status == (403 if is_named else 200)
    assert agent.is_running()


def outside_address():
    """An address of this host that is not a loopback one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return None


def test_changes_from_another_host(serve, tmp_path):
    host = outside_address()
    if not host or host.startswith("127."):
        pytest.skip("this host has no address but the loopback one")
    agent, address = serve(listen="0.0.0.0:0")
    address = f"{host}:{address.rpartition(':')[2]}"
    assert ask(address, "GET", "/healthz").status == 200
    answer = ask(address, "POST", "/stop")
    assert answer.status == 403 and "admin.token.file" in answer.error
    assert agent.is_running()


@pytest.mark.sanitize
def test_a_unix_socket(serve, mirror, tmp_path):
    path = tmp_path / "admin"
    agent, address = serve("--admin.token.file", token_file(tmp_path), listen="unix:admin,127.0.0.1:0")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    # No token: who may open it may change.
    assert ask(path, "POST", "/log-level", b'{"level":"info"}', headers=[("Origin", "http://x"), ("Host", "x")]).status == 200
    assert ask(address, "POST", "/log-level", b'{"level":"info"}').status == 401
    assert agent.wait_event("admin_call")["by"].endswith(f"uid {os.getuid()})")
    second = mirror(NOBODY, NOBODY, flags=("--admin.listen", "unix:admin"))
    assert second.wait() == 1 and "another process answers" in second.stderr
    agent.kill()
    assert path.exists()
    # What a killed one left behind is replaced; anything else is not.
    again, _ = serve(listen="unix:admin")
    assert ask(path, "GET", "/healthz").status == 200
    assert again.stop() == 0 and not path.exists()
    path.write_text("precious")
    third = mirror(NOBODY, NOBODY, flags=("--admin.listen", "unix:admin"))
    assert third.wait() == 1 and "no socket" in third.stderr and path.read_text() == "precious"


def test_a_port_that_is_taken(mirror):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        agent = mirror(NOBODY, NOBODY, flags=("--admin.listen", address))
        assert agent.wait() == 1
        assert address in agent.stderr and "admin.listen=none" in agent.stderr


def take(port):
    """The port's listener; None when somebody else has it."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


def test_the_default_port_may_be_taken(make_agent, tmp_path):
    try:
        # Another test's agent gives it back, maybe before ours asks for it.
        holder = wait_until(lambda: take(9186), what="the default port being free")
    except AssertionError:
        holder = contextlib.nullcontext()  # Somebody else has it for good, which is as good.
    with holder:
        (tmp_path / "f.ini").write_text(f"[mirror]\nwhitelist=t\n[consumer]\nbootstrap.servers={NOBODY}\ngroup.id=g\n"
                                        f"[producer]\nbootstrap.servers={NOBODY}\n")
        agent = make_agent("run", "--config", "f.ini")
        event = agent.wait_event("admin_unavailable")
        assert event.level == "warn" and "127.0.0.1:9186" in event["reason"]
        agent.wait_event("source_unreachable")
        assert agent.stop() == 0


@pytest.mark.parametrize("listen, says", [("9186", "HOST:PORT"), ("127.0.0.1:99999", "65535"), ("::1:80", "brackets"),
                                          ("unix:", "path"), ("unix:" + "x" * 200, "too long"), ("127.0.0.1:0,,", "HOST:PORT"),
                                          ("unix:none/there", "No such file"), ("192.0.2.1:0", "Cannot assign")])
def test_listeners_that_are_refused(mirror, listen, says):
    agent = mirror(NOBODY, NOBODY, flags=("--admin.listen", listen))
    assert agent.wait() == 1
    assert "admin.listen: " in agent.stderr and says in agent.stderr


def test_ipv6(serve):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this host has no IPv6")
    agent, address = serve(listen="[::1]:0")
    assert address.startswith("[::1]:")
    assert ask(address, "POST", "/log-level", b'{"level":"info"}').status == 200
    assert agent.is_running()


@pytest.mark.sanitize
def test_a_crowd_of_idle_connections(mirror, source, target):
    source.create("t")
    target.create("t")
    agent = mirror(source, target, flags=("--admin.listen", "127.0.0.1:0"))
    address = agent.wait_event("admin_listening")["address"]
    agent.wait_event("assigned")
    before = fds(agent)
    stays = Peer(address)
    stays.request("GET", "/healthz")
    assert stays.answer().status == 200
    crowd, most, slowest = [], 0, 0
    for i in range(1000):
        crowd.append(Peer(address))
        if i % 100 == 99:
            start = time.monotonic()
            assert ask(address, "GET", "/healthz").status == 200
            slowest = max(slowest, time.monotonic() - start)
            most = max(most, fds(agent))
            source.produce("t", [Record(b"k", b"%d" % i)])
    assert len(target.read("t", 10)) == 10
    assert slowest < 1 * SCALE
    # 256, those that make room for others within one turn of the loop, and nothing more.
    assert most <= before + 256 + 3 * 64
    assert stays.is_closed(DEADLINE) and crowd[0].is_closed(DEADLINE)
    wait_until(lambda: fds(agent) <= before + 257, what="closing what makes room")
    crowd[-1].request("GET", "/healthz")
    assert crowd[-1].answer().status == 200
    for peer in (stays, *crowd):
        peer.socket.close()
    wait_until(lambda: fds(agent) <= before, what="closing all")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_slow_requests_end(serve):
    """Nothing sent, a request that drips in, and a body that does not come: ten seconds for each."""
    agent, address = serve()
    start = time.monotonic()
    silent, drip, late = Peer(address), Peer(address), Peer(address)
    late.request("GET", "/healthz")
    assert late.answer().status == 200
    drip.send("GET /healthz HTTP/1.1\r\nX: ")
    late.send("POST /stop HTTP/1.1\r\nContent-Length: 10\r\n\r\n")

    def drips():
        try:
            drip.send("x")
        except OSError:
            return True
        return drip.is_closed(0.5)

    wait_until(drips, 20 * SCALE, "the end of the drip")
    assert time.monotonic() - start > 9
    assert silent.is_closed(DEADLINE) and late.is_closed(DEADLINE)
    assert ask(address, "GET", "/healthz").status == 200
    assert agent.stop() == 0


@pytest.mark.slow
def test_idle_connections_end_after_a_minute(serve):
    agent, address = serve()
    start = time.monotonic()
    with Peer(address) as idle, Peer(address) as at_work:
        idle.request("GET", "/healthz")
        assert idle.answer().status == 200

        def is_over():
            at_work.request("GET", "/healthz")
            assert at_work.answer().status == 200
            return idle.is_closed(1)

        wait_until(is_over, 60 + DEADLINE, "the end of the idle connection")
        assert time.monotonic() - start > 58
    assert agent.stop() == 0


def test_streams_are_bounded_and_answers_are_not_locked_out(serve):
    agent, address = serve()
    streams = []
    for _ in range(64):
        streams.append(Peer(address))
        streams[-1].request("GET", "/events")
        assert streams[-1].answer().status == 200
    answer = ask(address, "GET", "/events")
    assert answer.status == 503 and "streams" in answer.error
    assert ask(address, "GET", "/healthz").status == 200
    # A peer that goes away makes room for another one.
    streams.pop().socket.close()

    def goes():
        with Peer(address) as peer:
            peer.request("GET", "/events")
            return peer.answer().status == 200

    wait_until(goes, what="room for another stream")
    assert agent.stop() == 0
    for peer in streams:
        while peer.more():
            pass
        assert peer.buffer.endswith(b"\r\n0\r\n\r\n") or peer.buffer == b"0\r\n\r\n"


@pytest.mark.sanitize
def test_a_stream_that_is_not_read_ends(mirror, source, target):
    """What waits for a peer is bounded; the mirror does not notice."""
    source.create("t")
    target.create("t")
    agent = mirror(source, target, flags=("--admin.listen", "127.0.0.1:0"))
    address = agent.wait_event("admin_listening")["address"]
    agent.wait_event("assigned")
    with Peer(address, receive_buffer=4096) as deaf:
        deaf.request("POST", "/tap", b'{"topic":"t","count":100000}')
        assert deaf.answer(has_body=False).status == 200
        before = fds(agent)
        sent = 0

        def ended():
            nonlocal sent
            source.produce("t", [Record(b"k", b"v" * 1000)] * 500)
            sent += 500
            return fds(agent) < before

        wait_until(ended, what="the end of the stream")
    wait_until(lambda: source.committed("mirrorgroup", "t", 1) == {0: sent}, what="mirroring all of it")
    assert agent.stop() == 0


def flood(peer, data):
    """Sends until nothing more is taken; gives back how much that was."""
    peer.socket.setblocking(False)
    sent, end = 0, time.monotonic() + 3
    while time.monotonic() < end:
        try:
            sent += peer.socket.send(data)
            end = time.monotonic() + 3
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            break
        assert sent < 50_000_000
    return sent


def sockets():
    """What the kernel knows of the connections over loopback: (local port, remote port) -> (state, bytes not acknowledged, bytes not
    read)."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return {(int(row[1][-4:], 16), int(row[2][-4:], 16)): (row[3], *(int(queue, 16) for queue in row[4].split(":"))) for row in rows}


def ends(peer):
    """Both ends of a connection as sockets() names them: the agent's, the peer's."""
    agent, own = peer.socket.getpeername()[1], peer.socket.getsockname()[1]
    return (agent, own), (own, agent)


def is_kept(peer):
    """Does the agent hold its end of the connection open? As the kernel knows it: nothing of what came is read here."""
    return sockets().get(ends(peer)[0], ("",))[0] == "01"


def waiting(peer):
    """Bytes that the peer has sent and the agent has not read."""
    found = sockets()
    agent, own = ends(peer)
    return found[agent][2] + found[own][1]


@pytest.mark.sanitize
def test_what_nobody_asked_for_is_not_kept(serve):
    """A stream's peer that sends on and on is left alone with it."""
    agent, address = serve()
    with Peer(address) as peer:
        peer.request("GET", "/events")
        assert peer.answer().status == 200
        sent = flood(peer, b"x" * 65536)
        assert sent > 1_000_000
        assert sent - waiting(peer) < 200_000
        assert ask(address, "GET", "/healthz").status == 200
    assert agent.stop() == 0


@pytest.mark.slow
def test_answers_that_are_not_read_end(serve):
    agent, address = serve()
    with Peer(address, receive_buffer=4096) as peer:
        peer.request("GET", "/healthz")
        assert peer.answer().status == 200
        flood(peer, b"GET /healthz HTTP/1.1\r\n\r\n" * 1000)
        assert is_kept(peer)
        wait_until(lambda: not is_kept(peer), what="the end of the connection")
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_no_descriptor_is_left(serve):
    """Connections wait until there is one again; nothing spins, nothing ends."""
    agent, address = serve()
    assert ask(address, "GET", "/healthz").status == 200
    soft = max(int(n) for n in os.listdir(f"/proc/{agent.process.pid}/fd")) + 1
    hard = resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    peers = [Peer(address) for _ in range(20)]
    agent.wait_event("admin_trouble")
    used = agent.cpu()
    for peer in peers[:10]:
        peer.socket.close()
    time_over = time.monotonic() + 3
    wait_until(lambda: time.monotonic() > time_over)
    assert agent.cpu() - used < 1 * SCALE
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    peers[-1].request("GET", "/healthz")
    assert peers[-1].answer().status == 200
    assert agent.stop() == 0


def test_stop_is_answered(serve):
    """Whatever comes first: the answer, or the end of the process."""
    agent, address = serve()
    answer = ask(address, "POST", "/stop")
    assert answer.status == 200 and "commits" in answer.json["message"]
    assert agent.wait() == 0
    assert agent.wait_event("stopping", reason="asked to by 127.0.0.1")


def test_many_at_once(serve):
    agent, address = serve()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda _: ask(address, "GET", "/healthz").status, range(600)))
    assert set(found) == {200}
    assert agent.stop(number=signal.SIGINT) == 0
