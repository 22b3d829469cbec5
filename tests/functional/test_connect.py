"""reflejo check --connect: each step to both clusters, and what is said when one fails."""

import contextlib
import datetime
import json
import re
import socket
import ssl
import struct
import subprocess
import threading

import pytest
from conftest import GROUP, write_properties
from server import Server
from timing import DEADLINE


@pytest.fixture
def connect(run, tmp_path):
    """connect(source, target): gives the status and {side: [(place, step, result, text)]}."""
    def look(source, target, *flags, consumer=None, producer=None, topics="t.*"):
        reads = {"bootstrap.servers": getattr(source, "bootstrap", source), "group.id": GROUP, **(consumer or {})}
        writes = {"bootstrap.servers": getattr(target, "bootstrap", target), **(producer or {})}
        done = run("check", "--connect", "--json", "--consumer.config", write_properties(tmp_path / "c.properties", reads),
                   "--producer.config", write_properties(tmp_path / "p.properties", writes), "--whitelist", topics, *flags)
        document = json.loads(done.stdout)["connect"]
        assert (done.returncode == 0) == (document["failed"] == 0), done.stdout
        return done.returncode, {side: [(f["at"], f["step"], f["result"], f["text"]) for f in document[side]]
                                 for side in ("source", "target")}
    return look


def only(found, step, place=None):
    """Result and text of the one finding of this step."""
    fitting = [(result, text) for at, name, result, text in found if name == step and place in (None, at)]
    assert len(fitting) == 1, found
    return fitting[0]


@pytest.fixture
def serve():
    made = []

    def make(answer):
        made.append(Server(answer))
        return made[-1]

    yield make
    for server in made:
        server.close()


def silent(connection):
    while connection.recv(4096):
        pass


def as_http(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.close()


def test_all_is_well(connect, source, target):
    for cluster in (source, target):
        cluster.create("t1")
    status, found = connect(source, target)
    assert status == 0, found
    for side, cluster in (("source", source), ("target", target)):
        assert only(found[side], "name") == ("ok", "127.0.0.1")
        assert only(found[side], "tcp", cluster.bootstrap)[0] == "ok"
        result, text = only(found[side], "cluster")
        assert result == "ok" and text.startswith("mockCluster") and f"1 at {cluster.bootstrap}" in text
    assert only(found["source"], "read topics") == ("ok", "1 topic may be read")
    assert only(found["source"], "group")[0] == "ok"
    assert only(found["target"], "write topics") == ("ok", "1 topic may be written")
    assert only(found["target"], "idempotence")[0] == "ok"


def test_nothing_is_left_behind(connect, source, target):
    """No topic, no record, no position, and no member of the group."""
    source.create("t1")
    target.create("t1")
    connect(source, target)
    assert source.ends("t1") == target.ends("t1") == {0: 0}
    assert source.committed(GROUP, "t1", 1) == {0: -1}
    for cluster in (source, target):
        assert list(cluster._probe("look").list_topics(timeout=DEADLINE).topics) == ["t1"]


def test_for_people(run, tmp_path, source, target):
    files = [write_properties(tmp_path / "c.properties", {"bootstrap.servers": source.bootstrap, "group.id": GROUP}),
             write_properties(tmp_path / "p.properties", {"bootstrap.servers": "127.0.0.1:1"})]
    done = run("check", "--connect", "--consumer.config", files[0], "--producer.config", files[1], "--whitelist", "t.*")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = lines.index("target")
    assert lines[at + 1] == "  127.0.0.1:1"
    assert lines[at + 3].split()[:4] == ["tcp", "FAILED", "refused:", "nothing"]
    assert lines[at + 4].split() == ["versions", "skipped"]
    assert lines[-1].startswith("1 failed, ")


def test_errors_of_the_configuration_come_first(run, tmp_path):
    path = write_properties(tmp_path / "c.properties", {"bootstrap.servers": "127.0.0.1:1"})
    done = run("check", "--connect", "--consumer.config", path, "--producer.config", path, "--whitelist", "t")
    assert done.returncode == 1
    assert "the clusters are not asked before the errors are gone" in done.stderr
    assert "refused" not in done.stdout


def test_names_and_ports(connect, target):
    status, found = connect("no-such-host.invalid:9092,127.0.0.1:1", target)
    assert status == 1
    result, text = only(found["source"], "name", "no-such-host.invalid:9092")
    assert result == "failed"
    assert "no-such-host.invalid is not known here" in text and "c.properties:1" in text
    result, text = only(found["source"], "tcp", "127.0.0.1:1")
    assert result == "failed" and text.startswith("refused: nothing listens at 127.0.0.1:1")
    assert only(found["source"], "cluster")[0] == only(found["source"], "rights")[0] == "skipped"
    assert only(found["target"], "cluster")[0] == "ok"


def test_one_of_several_servers_is_dead(connect, source, target):
    """The mirror begins by the other one, as test_bootstrap_list_with_dead_brokers shows."""
    for cluster in (source, target):
        cluster.create("t1")
    status, found = connect(f"127.0.0.1:1,{source.bootstrap}", f"{target.bootstrap},no-such-host.invalid:9092")
    assert status == 0, found
    result, text = only(found["source"], "tcp", "127.0.0.1:1")
    assert result == "warning" and text.startswith("refused: nothing listens at 127.0.0.1:1")
    assert text.endswith("; the mirror begins by the other servers that are named with it, and would not if they were away too")
    result, text = only(found["target"], "name", "no-such-host.invalid:9092")
    assert result == "warning" and "the mirror begins by the other servers" in text
    for side in ("source", "target"):
        assert only(found[side], "cluster")[0] == "ok"


def test_a_server_that_clients_are_sent_to_is_dead(connect, source, serve):
    """That others answer does not help: the partitions that it leads cannot be reached."""
    status, found = connect(source, f"{serve(as_broker(b'127.0.0.1')).bootstrap},127.0.0.1:1")
    assert status == 1
    assert "advertised as: 1 at 127.0.0.1:1" in only(found["target"], "cluster")[1]
    assert only(found["target"], "tcp", "127.0.0.1:1")[0] == "failed"


def test_positions_of_an_old_consumer(connect, source, target):
    """ZooKeeper beside bootstrap.servers is asked for them at a start without positions; what is read of it is shown with a real one, in
    tests/kafka/test_old.py."""
    for cluster in (source, target):
        cluster.create("t1")
    away = {"zookeeper.connect": "127.0.0.1:1"}
    status, found = connect(source, target, consumer=away)
    assert status == 0
    assert only(found["source"], "zookeeper") == (
        "warning", "the positions of the old consumer cannot be read, and where the group has none of its own the mirror does not "
        "begin without them: no ZooKeeper server of zookeeper.connect answers: "
        "127.0.0.1:1 (Connection refused); correct zookeeper.connect, or write offsets.import=none if they are not to be "
        "taken over")
    assert only(found["source"], "cluster")[0] == "ok"
    status, found = connect(source, target, "--offsets.import", "none", consumer=away)
    assert status == 0 and "zookeeper" not in [step for _, step, _, _ in found["source"]], found


def test_brokers_that_advertise_localhost(connect, source, target):
    """As many a container does: whoever follows them reaches himself."""
    port = source.bootstrap.split(":")[1]
    status, found = connect(f"0.0.0.0:{port}", target)
    assert status == 1
    assert only(found["source"], "cluster")[0] == "ok"
    result, text = only(found["source"], "name", source.bootstrap)
    assert result == "failed" and "the brokers advertise 127.0.0.1, by which every client reaches itself" in text


@pytest.mark.parametrize("answer, sentence", [
    (as_http, "an HTTP server answers there, not Kafka"),
    (lambda connection: connection.close(), "does not speak Kafka"),
])
def test_what_is_no_broker(connect, serve, target, answer, sentence):
    status, found = connect(serve(answer), target)
    assert status == 1
    result, text = only(found["source"], "versions")
    assert result == "failed" and sentence in text


def text(s):
    return struct.pack(">h", len(s)) + s


def as_broker(host, count=1):
    """A broker of Kafka 0.10 that has no topics, and advertises itself under this name, so many times."""
    def answer(connection):
        with connection.makefile("rb") as asked:
            while size := asked.read(4):
                api, _, correlation = struct.unpack(">hhi", asked.read(struct.unpack(">i", size)[0])[:8])
                says = {18: struct.pack(">hi", 0, 2) + struct.pack(">6h", 3, 0, 1, 18, 0, 0),
                        3: struct.pack(">i", count) + (struct.pack(">i", 1) + text(host) + struct.pack(">ih", 1, -1)) * count
                        + struct.pack(">ii", 1, 0)}[api]
                connection.sendall(struct.pack(">ii", 4 + len(says), correlation) + says)
    return answer


def test_names_that_steer_terminals(run, tmp_path, serve):
    """What brokers say is printed, and what would steer a terminal is not."""
    broker = serve(as_broker(b"\x1b[2J\xc2\x9b\xffevil.invalid\n"))
    files = [write_properties(tmp_path / "c.properties", {"bootstrap.servers": broker.bootstrap, "group.id": GROUP}),
             write_properties(tmp_path / "p.properties", {"bootstrap.servers": broker.bootstrap})]
    done = run("check", "--connect", "--consumer.config", files[0], "--producer.config", files[1], "--whitelist", "t.*")
    assert done.returncode == 1
    assert "advertised as: 1 at ?[2J???evil.invalid :1" in done.stdout
    assert "  ?[2J" in done.stdout and not re.search("[^\n -~]", done.stdout), done.stdout


def test_more_brokers_than_any_cluster_has(connect, serve, target):
    _, found = connect(serve(as_broker(b"127.0.0.1", 1001)), target)
    result, text = only(found["source"], "brokers")
    assert result == "warning" and text.startswith("of the 1001 that are advertised only the first 1000 are looked at")


# ---- TLS -----------------------------------------------------------------------------------------------------------


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A folder with an authority, and issue(name, host, days): a certificate of it with its key, as one file."""
    folder = tmp_path_factory.mktemp("authority")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(folder, *new, "-x509", "-days", "400", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")

    def issue(name, host, days):
        (folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
        openssl(folder, *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", str(days),
                "-extfile", f"{name}.ext", "-out", f"{name}.crt")
        path = folder / f"{name}.pem"
        path.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
        path.chmod(0o600)
        return path

    issue.folder = folder
    return issue


@pytest.fixture
def behind_tls(serve, authority):
    """behind_tls(cluster, file): a TLS port in front of a cluster; wants: the client's certificate too."""
    def make(cluster, certificate, wants=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if wants:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authority.folder / "ca.pem")

        def forward(connection):
            with context.wrap_socket(connection, server_side=True) as outside:
                host, port = cluster.bootstrap.split(":")
                with socket.create_connection((host, int(port))) as inside:
                    threading.Thread(target=copy, args=(inside, outside), daemon=True).start()
                    copy(outside, inside)
        return serve(forward)

    return make


def copy(one, other):
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def by_tls(authority, **changes):
    return {"security.protocol": "SSL", "ssl.truststore.type": "PEM",
            "ssl.truststore.location": authority.folder / "ca.pem", **changes}


def test_tls(connect, behind_tls, authority, source, target):
    """What the broker advertises is its port without TLS, which is told from one that is no broker's."""
    day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=300)).strftime("%Y-%m-%d")
    front = behind_tls(source, authority("kafka1", "IP:127.0.0.1", 300))
    status, found = connect(front, target, consumer=by_tls(authority))
    result, text = only(found["source"], "tls", front.bootstrap)
    assert result == "ok" and text.startswith("TLSv1.") and f"CN = kafka1, valid until {day}" in text
    assert status == 1
    result, text = only(found["source"], "tls", source.bootstrap)
    assert result == "failed" and "speaks Kafka without TLS" in text and "security.protocol=PLAINTEXT" in text


@pytest.mark.parametrize("name, host, days, changes, result, sentence", [
    ("soon", "IP:127.0.0.1", 20, {}, "warning", "ends in (19|20) days: renew it at the brokers"),
    ("past", "IP:127.0.0.1", -1, {}, "failed", "expired on "),
    ("other", "DNS:kafka7.example", 300, {}, "failed", "the broker's certificate is for kafka7.example, and not for the name"),
    ("other", "DNS:kafka7.example", 300, {"ssl.endpoint.identification.algorithm": ""}, "ok", "the host name is not checked"),
])
def test_certificates(connect, behind_tls, authority, source, target, name, host, days, changes, result, sentence):
    front = behind_tls(source, authority(name, host, days))
    _, found = connect(front, target, consumer=by_tls(authority, **changes))
    said, text = only(found["source"], "tls", front.bootstrap)
    assert said == result and re.search(sentence, text)


def test_nobody_who_is_trusted(connect, behind_tls, authority, source, target, tmp_path):
    front = behind_tls(source, authority("kafka1", "IP:127.0.0.1", 300))
    openssl(tmp_path, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509", "-days", "9",
            "-keyout", "x.key", "-out", "x.pem", "-subj", "/CN=somebody else")
    _, found = connect(front, target, consumer=by_tls(authority, **{"ssl.truststore.location": tmp_path / "x.pem"}))
    result, text = only(found["source"], "tls", front.bootstrap)
    assert result == "failed" and "comes from nobody who is trusted: put its issuer 'CN = test authority'" in text


def test_own_certificate(connect, behind_tls, authority, source, target):
    front = behind_tls(source, authority("kafka1", "IP:127.0.0.1", 300), wants=True)
    own = {"ssl.keystore.type": "PEM", "ssl.keystore.location": authority("mirror", "DNS:mirror", 20)}
    _, found = connect(front, target, consumer=by_tls(authority))
    result, text = only(found["source"], "tls", front.bootstrap)
    assert result == "failed" and "the broker wants a certificate of the client" in text
    _, found = connect(front, target, consumer=by_tls(authority, **own))
    assert only(found["source"], "tls", front.bootstrap)[0] == "ok"
    result, text = only(found["source"], "own tls", front.bootstrap)
    assert result == "warning" and re.search("CN = mirror, valid until .*, in (19|20) days: get a new one", text)


def test_certificate_as_text_and_key_as_file(connect, behind_tls, authority, source, target):
    front = behind_tls(source, authority("kafka1", "IP:127.0.0.1", 300), wants=True)
    path = authority("mirror", "DNS:mirror", 300)
    certificate, key = (path.with_suffix(suffix) for suffix in (".crt", ".key"))
    for one in ({"rdkafka.ssl.certificate.pem": escape(certificate), "rdkafka.ssl.key.location": key},
                {"rdkafka.ssl.certificate.location": certificate, "rdkafka.ssl.key.pem": escape(key)}):
        _, found = connect(front, target, consumer=by_tls(authority, **one))
        result, text = only(found["source"], "own tls", front.bootstrap)
        assert result == "ok" and text.startswith("CN = mirror, valid until ")


def escape(path):
    return path.read_text().replace("\n", "\\n")


def test_a_revoked_certificate(connect, behind_tls, authority, source, target, tmp_path):
    """Clients refuse it, so it is refused here; another one of the same authority is not, and without a list none is."""
    (tmp_path / "index.txt").touch()
    (tmp_path / "ca.conf").write_text("[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=9\n")
    ca = ("ca", "-config", "ca.conf", "-keyfile", authority.folder / "ca.key", "-cert", authority.folder / "ca.pem")
    revoked, other = (authority(name, "IP:127.0.0.1", 300) for name in ("revoked", "kafka1"))
    openssl(tmp_path, *ca, "-revoke", revoked.with_suffix(".crt"))
    openssl(tmp_path, *ca, "-gencrl", "-out", "crl.pem")
    front, fine = behind_tls(source, revoked), behind_tls(source, other)
    _, found = connect(f"{front.bootstrap},{fine.bootstrap}", target,
                       consumer=by_tls(authority, **{"ssl.crl.location": tmp_path / "crl.pem"}))
    result, text = only(found["source"], "tls", front.bootstrap)
    assert result == "failed" and "'CN = revoked' was revoked" in text
    assert only(found["source"], "tls", fine.bootstrap)[0] == "ok"
    _, found = connect(front, target, consumer=by_tls(authority))
    assert only(found["source"], "tls", front.bootstrap)[0] == "ok"


@pytest.mark.parametrize("word", ["0", "F"])
def test_nothing_is_verified(connect, behind_tls, authority, source, target, word):
    front = behind_tls(source, authority("past", "DNS:kafka7.example", 300))
    _, found = connect(front, target, consumer={"security.protocol": "SSL",
                                                "rdkafka.enable.ssl.certificate.verification": word})
    result, text = only(found["source"], "tls", front.bootstrap)
    assert result == "warning" and "certificates are not verified" in text


def test_what_is_no_broker_behind_tls(connect, serve, authority, target):
    """TLS stood, and is told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority("kafka1", "IP:127.0.0.1", 300))

    def answer(connection):
        with context.wrap_socket(connection, server_side=True) as inside:
            as_http(inside)
    front = serve(answer)
    _, found = connect(front, target, consumer=by_tls(authority))
    assert only(found["source"], "tls", front.bootstrap)[0] == "ok"
    result, text = only(found["source"], "versions", front.bootstrap)
    assert result == "failed" and "an HTTP server answers there" in text


def test_tls_port_without_tls(connect, behind_tls, authority, source, target):
    front = behind_tls(source, authority("kafka1", "IP:127.0.0.1", 300))
    _, found = connect(front, target)
    result, text = only(found["source"], "versions")
    assert result == "failed" and "the port speaks TLS" in text and "security.protocol=SSL" in text


def test_what_is_silent(connect, serve, authority):
    """All at once, since each takes its time: a port that answers nothing, with TLS and without, and one that lets nothing
    through. A full queue of connections drops what comes, as a firewall does."""
    mute = serve(silent)
    with socket.socket() as listener, contextlib.ExitStack() as clients:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            client = clients.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        shut = f"127.0.0.1:{listener.getsockname()[1]}"
        status, found = connect(f"{mute.bootstrap},{shut}", mute, producer=by_tls(authority))
    assert status == 1
    for side, step, place, sentence in (("source", "versions", mute.bootstrap, "nothing answered within"),
                                        ("source", "tcp", shut, "firewall"),
                                        ("target", "tls", mute.bootstrap, "nothing answered within")):
        result, text = only(found[side], step, place)
        assert result == "failed" and sentence in text
