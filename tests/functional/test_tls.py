"""The admin API over TLS: certificates of both sides, files that change, and what reflejo ctl says."""

import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from certificates import Authority
from cluster import Record
from peer import Peer, ask
from timing import DEADLINE

NOBODY = "127.0.0.1:1"
# The beginning of a client's first message.
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
LEVEL = b'{"level":"info"}'


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def server(authority):
    """The agent's certificate and key."""
    return authority.sign("server", host="127.0.0.1")


@pytest.fixture
def serve(mirror, server):
    """Starts an agent that waits for its clusters, and gives it with its admin API's address."""
    def start(*flags, listen="127.0.0.1:0", pair=server):
        agent = mirror(NOBODY, NOBODY, flags=("--start.timeout.ms", "600000", "--admin.listen", listen, "--admin.tls.certificate.file",
                                              pair.certificate, "--admin.tls.key.file", pair.key, *flags))
        return agent, agent.wait_event("admin_listening")["address"]
    return start


def trusting(authority, pair=None):
    """A client's side of TLS, with its own certificate."""
    context = ssl.create_default_context(cafile=authority.file)
    if pair:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def is_refused(address, tls):
    """Does the server end the connection for the sake of what the client shows?"""
    try:
        ask(address, "GET", "/healthz", tls=tls)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def serial(address, authority):
    """The number of the certificate that the server shows."""
    with Peer(address, tls=trusting(authority)) as peer:
        return peer.socket.getpeercert()["serialNumber"]


@pytest.mark.sanitize
def test_everything_works_over_tls(mirror, source, target, authority, server):
    """Metrics, pages, streams, several requests on one connection, an answer that goes out while the agent ends."""
    for cluster in (source, target):
        cluster.create("t")
    agent = mirror(source, target, flags=("--admin.listen", "127.0.0.1:0", "--admin.tls.certificate.file", server.certificate,
                                          "--admin.tls.key.file", server.key))
    address, tls = agent.wait_event("admin_listening")["address"], trusting(authority)
    assert agent.wait_event("admin_certificate")["until"].endswith("Z")
    agent.wait_event("assigned")
    with Peer(address, tls=tls) as events, Peer(address, tls=tls) as tap, Peer(address, tls=tls) as peer:
        assert peer.socket.version() == "TLSv1.3"
        events.request("GET", "/events")
        assert events.answer(has_body=False).status == 200
        tap.request("POST", "/tap", b'{"topic":"t","count":1}')
        assert tap.answer(has_body=False).status == 200
        source.produce("t", [Record(b"k", b"seen by the tap")])
        while b"\r\n0\r\n\r\n" not in tap.buffer:
            assert tap.more(), tap.buffer
        assert b"seen by the tap" in tap.buffer
        while b'"admin_call"' not in events.buffer:
            assert events.more(), events.buffer
        for path in ("/healthz", "/status", "/metrics", "/", "/none"):
            peer.request("GET", path)
            answer = peer.answer()
            assert answer.status == (404 if path == "/none" else 200) and answer.body, path
        # evhttp's own page is replaced here as well.
        peer.send("nonsense\r\n\r\n")
        answer = peer.answer()
        assert answer.status == 400 and answer.error
        peer.socket.close()
        # Answers that end with the connection have an end that nobody else can make.
        with Peer(address, tls=tls) as old:
            old.send("GET /healthz HTTP/1.0\r\n\r\n")
            while old.more():
                pass
            assert old.buffer.endswith(b"ok\n")
        answer = ask(address, "POST", "/stop", tls=tls)
        assert answer.status == 200
        assert agent.wait() == 0
        while events.more():
            pass
        assert events.buffer.endswith(b"0\r\n\r\n")


@pytest.mark.sanitize
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_no_tls(serve, authority):
    agent, address = serve()
    # A client that speaks none, one that speaks an old version, and one that goes away amid the handshake.
    with Peer(address) as plain:
        plain.request("GET", "/healthz")
        assert plain.answer() is None
    old = trusting(authority)
    old.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError) as refused:
        ask(address, "GET", "/healthz", tls=old)
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"
    with Peer(address) as begun:
        begun.send(HELLO)
    assert ask(address, "GET", "/healthz", tls=trusting(authority)).status == 200
    # Whom it does not know the client does not speak to.
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(address, "GET", "/healthz", tls=ssl.create_default_context())
    assert agent.stop() == 0


def test_a_handshake_has_its_time(serve, authority):
    """Who says nothing, or not all, is not waited for longer than for a request."""
    agent, address = serve()
    with Peer(address) as silent, Peer(address) as begun:
        begun.send(HELLO)
        assert ask(address, "GET", "/healthz", tls=trusting(authority)).status == 200
        assert silent.is_closed(DEADLINE) and begun.is_closed(DEADLINE)
    assert agent.stop() == 0


def test_plain_and_tls_side_by_side(serve, tmp_path):
    """http:// stays plain, a Unix socket as well."""
    path = tmp_path / "admin.sock"
    agent, plain = serve(listen=f"http://127.0.0.1:0, https://127.0.0.1:0, unix:{path}")
    assert ask(plain, "GET", "/healthz").status == 200
    assert ask(path, "GET", "/healthz").status == 200
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_client_certificates(serve, run, authority, tmp_path):
    mine, other = authority.sign("ana"), Authority(tmp_path, "other")
    agent, address = serve("--admin.tls.client.ca.file", authority.file)
    assert is_refused(address, trusting(authority)) and is_refused(address, trusting(authority, other.sign("eve")))
    tls = trusting(authority, mine)
    assert ask(address, "POST", "/log-level", LEVEL, tls=tls).status == 200
    assert agent.wait_event("admin_call")["by"] == "127.0.0.1 (/CN=ana)"
    assert ask(address, "POST", "/log-level", LEVEL, [("Origin", "https://evil.example")], tls=tls).status == 403
    at = ("--address", f"https://{address}", "--ca-file", authority.file)
    assert run("ctl", *at, "log-level", "info", "--certificate-file", mine.certificate, "--key-file", mine.key).returncode == 0
    done = run("ctl", *at, "status")
    assert done.returncode == 2 and "--certificate-file" in done.stderr
    assert agent.stop() == 0


def test_client_certificates_that_are_optional(serve, authority, tmp_path):
    agent, address = serve("--admin.tls.client.ca.file", authority.file, "--admin.tls.client.certificates", "optional")
    assert ask(address, "GET", "/healthz", tls=trusting(authority)).status == 200
    answer = ask(address, "POST", "/log-level", LEVEL, tls=trusting(authority))
    assert answer.status == 403 and "certificate" in answer.error
    assert ask(address, "POST", "/log-level", LEVEL, tls=trusting(authority, authority.sign("ana"))).status == 200
    assert is_refused(address, trusting(authority, Authority(tmp_path, "other").sign("eve")))
    assert agent.stop() == 0


def replace(path, other):
    """As who rotates does it: whole, in one step."""
    new = path.with_suffix(".new")
    shutil.copy(other, new)
    new.chmod(0o600)
    new.rename(path)


@pytest.mark.sanitize
def test_files_that_change(serve, authority, server, tmp_path):
    """A certificate with its key, one that does not suit the key, and the token; without a restart, and with connections that stay."""
    token = tmp_path / "token"
    token.write_text("first\n")
    token.chmod(0o600)
    agent, address = serve("--admin.token.file", token)
    tls, first = trusting(authority), serial(address, authority)
    with Peer(address, tls=tls) as stays:
        second = authority.sign("second", host="127.0.0.1")
        replace(server.key, second.key)
        assert "does not suit" in agent.wait_event("admin_credentials_bad")["reason"]
        assert serial(address, authority) == first
        replace(server.certificate, second.certificate)
        agent.wait_event("admin_certificate", count=2)
        # They are good for two days.
        assert agent.find("admin_certificate_ends", file=server.certificate)
        assert serial(address, authority) not in (first, None)
        stays.request("GET", "/healthz")
        assert stays.answer().status == 200
    (tmp_path / "next").write_text("second\n")
    replace(token, tmp_path / "next")
    agent.wait_event("admin_token")
    for given, status in (("first", 401), ("second", 200)):
        assert ask(address, "POST", "/log-level", LEVEL, [("Authorization", f"Bearer {given}")], tls=tls).status == status
    # A signal does not wait for it.
    agent.send(signal.SIGHUP)
    agent.wait_event("admin_token", count=2)
    agent.wait_event("admin_certificate", count=3)
    server.certificate.unlink()
    agent.send(signal.SIGHUP)
    assert str(server.certificate) in agent.wait_event("admin_credentials_bad", count=2)["reason"]
    assert ask(address, "GET", "/healthz", tls=tls).status == 200
    assert agent.stop() == 0


@pytest.mark.parametrize("change, says", [
    (lambda pair, other: pair.key.chmod(0o604), "chmod o-r"),
    (lambda pair, other: pair.key.unlink(), "No such file"),
    (lambda pair, other: pair.certificate.unlink(), "No such file"),
    (lambda pair, other: pair.certificate.write_text("none\n"), "no certificate in PEM form"),
    (lambda pair, other: pair.key.write_text("none\n"), "or is none"),
    (lambda pair, other: replace(pair.key, other.key), "does not suit"),
    # The other one's, with a passphrase.
    (lambda pair, other: subprocess.run(["openssl", "pkey", "-in", other.key, "-aes256", "-passout", "pass:x", "-out", pair.key], check=True),
     "openssl pkey -in"),
])
def test_files_that_are_refused(mirror, run, authority, server, change, says):
    """By the agent, and before it by reflejo check."""
    change(server, authority.sign("other"))
    flags = ("--admin.listen", "127.0.0.1:0", "--admin.tls.certificate.file", server.certificate, "--admin.tls.key.file", server.key)
    agent = mirror(NOBODY, NOBODY, flags=flags)
    assert agent.wait() == 1
    assert "admin.tls: " in agent.stderr and says in agent.stderr
    done = run("check", *agent.arguments)
    assert done.returncode == 1 and says in done.stderr, done.stderr


def test_a_certificate_without_its_key(run, server):
    done = run("check", "--whitelist", "x", "--admin.tls.certificate.file", server.certificate)
    assert "server.pem that suits its certificate; set admin.tls.key.file" in done.stderr


@pytest.mark.parametrize("flags, says", [
    (("--admin.listen", "https://127.0.0.1:0"), "admin.tls.certificate.file"),
    (("--admin.listen", "127.0.0.1:0", "--admin.tls.key.file", "x"), "admin.tls.key.file is set"),
])
def test_settings_that_are_refused(mirror, flags, says):
    agent = mirror(NOBODY, NOBODY, flags=flags)
    assert agent.wait() == 1
    assert says in agent.stderr


def test_ctl(serve, run, authority, tmp_path):
    agent, address = serve()
    at = {"REFLEJO_ADMIN": f"https://{address}", "REFLEJO_CA_FILE": str(authority.file)}
    assert run("ctl", "log-level", "info", environment=at).returncode == 0
    assert "mirrorgroup" in run("ctl", "status", environment=at).stdout
    for address_of, ca, says in ((f"https://{address}", None, "not believed"),
                                 (f"https://localhost:{address.rpartition(':')[2]}", authority.file, "not believed"),
                                 (f"http://{address}", None, f"if it speaks TLS, write https://{address}"),
                                 (f"https://{address}", tmp_path / "none", "holds no certificates")):
        done = run("ctl", "--address", address_of, *(("--ca-file", ca) if ca else ()), "status")
        assert done.returncode == 2 and says in done.stderr, done.stderr
    assert agent.stop() == 0


def test_ctl_and_what_is_no_agent(run):
    """A server that speaks no TLS, and one that hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "127.0.0.1:%d" % listener.getsockname()[1]

        def answer():
            for data in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b""):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(data)
        threading.Thread(target=answer, daemon=True).start()
        assert "speaks no TLS" in run("ctl", "--address", f"https://{address}", "status").stderr
        assert run("ctl", "--address", f"https://{address}", "status").returncode == 2
