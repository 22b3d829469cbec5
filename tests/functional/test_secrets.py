"""Secrets of every kind, and all that the program says: none of it may hold one."""

import base64
import re
import ssl
import subprocess

import pytest

from certificates import Authority
from conftest import CONSUMER, write_properties
from peer import Peer, ask
from timing import wait_until

# Every secret holds this.
MARK = "hunter2"


@pytest.fixture
def files(tmp_path):
    """Stores, keys and files with secrets, by name."""
    authority = Authority(tmp_path)
    pair = authority.sign("client")
    found = {"authority": authority.file, "pair": pair, "server": authority.sign("server", host="127.0.0.1")}
    for name, text in {"token": f"{MARK}-token\n", "more.properties": f"scram={MARK}-provider\n"}.items():
        found[name] = tmp_path / name
        found[name].write_text(text)
        found[name].chmod(0o600)
    found["store"] = tmp_path / "store.p12"
    subprocess.run(["openssl", "pkcs12", "-export", "-inkey", pair.key, "-in", pair.certificate, "-out", found["store"], "-passout",
                    f"pass:{MARK}-store"], check=True)
    found["store"].chmod(0o600)
    return found


def login(module, **options):
    return f"org.apache.kafka.common.security.{module}LoginModule required " + " ".join(f'{k}="{v}"' for k, v in options.items()) + ";"


def properties(files):
    """Of the two sides, so that each kind of secret is somewhere."""
    consumer = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
                "sasl.jaas.config": login("plain.Plain", username="ana", password=f"{MARK}-jaas"),
                "ssl.truststore.location": files["authority"], "ssl.truststore.type": "PEM", "ssl.keystore.location": files["store"],
                "ssl.keystore.type": "PKCS12", "ssl.keystore.password": f"{MARK}-store", "ssl.key.password": f"{MARK}-store"}
    producer = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256",
                "sasl.jaas.config": login("scram.Scram", username="ana", password="${file:%s:scram}" % files["more.properties"]),
                "ssl.keystore.key": files["pair"].key.read_text().replace("\n", "\\n"),
                "ssl.keystore.certificate.chain": files["pair"].certificate.read_text().replace("\n", "\\n"), "ssl.keystore.type": "PEM"}
    return consumer, producer


def secrets(files):
    """What must not be seen: the secrets themselves, as they go over the wire, and the keys."""
    names = ("token", "provider", "jaas", "store")
    found = [MARK, *(base64.b64encode(f"{MARK}-{name}".encode()).decode().rstrip("=")[:-1] for name in names)]
    found.append(base64.b64encode(f"\0ana\0{MARK}-jaas".encode()).decode())
    for key in (files["pair"].key, files["server"].key):
        found += [line for line in key.read_text().splitlines() if len(line) > 30 and "-----" not in line]
    return found


def wait_text(log, *wanted):
    """Waits until the file has all of these expressions on lines of it, and gives the first one's match. What has been read is not read again: the
    library says much."""
    found = {}
    with open(log, encoding="utf-8", errors="replace") as lines:
        def look():
            for line in lines:
                for expression in wanted:
                    match = expression not in found and re.search(expression, line)
                    if match:
                        found[expression] = match
            return len(found) == len(wanted)
        wait_until(look, what=f"{wanted} in the log")
    return found[wanted[0]]


def events_of(address, tls):
    """The log as /events tells it: the newest lines."""
    with Peer(address, tls=tls) as peer:
        peer.request("GET", "/events?last=500")
        while peer.buffer.count(b"library_debug") < 100:
            assert peer.more()
        return peer.buffer.decode()


def test_nothing_tells_a_secret(make_agent, run, source, target, files, tmp_path):
    consumer, producer = properties(files)
    reads = write_properties(tmp_path / "consumer.properties", {"bootstrap.servers": source.bootstrap, **CONSUMER, **consumer})
    writes = write_properties(tmp_path / "producer.properties", {"bootstrap.servers": target.bootstrap, **producer})
    for path in (reads, writes):
        path.chmod(0o600)
    common = ["--consumer.config", str(reads), "--producer.config", str(writes), "--whitelist", "t"]
    said = {}
    for command in (["check"], ["check", "--json"]):
        done = run(*command, *common)
        assert done.returncode == 0, done.stdout + done.stderr
        said[" ".join(command)] = done.stdout + done.stderr
    log = tmp_path / "agent.log"
    agent = make_agent(*common, "--log.file", log, "--log.level", "debug", "--consumer.debug", "all", "--producer.debug", "all", "--start.timeout.ms", "600000",
                       "--admin.listen", "127.0.0.1:0", "--admin.token.file", files["token"], "--admin.tls.certificate.file",
                       files["server"].certificate, "--admin.tls.key.file", files["server"].key)
    address = wait_until(log.exists) and wait_text(log, r"admin_listening .*address=(\S+)")[1]
    tls = ssl.create_default_context(cafile=files["authority"])
    # The library's own words, which are its configuration among others, and what became of the first connections.
    wait_text(log, "sasl.mechanism", "client=.*consumer.* facility=FAIL", "client=.*producer.* facility=FAIL")
    for path in ("/status", "/metrics", "/plan", "/groups", "/"):
        said[path] = ask(address, "GET", path, tls=tls).body.decode()
    said["a wrong token"] = ask(address, "POST", "/stop", headers=[("Authorization", "Bearer x")], tls=tls).body.decode()
    said["/events"] = events_of(address, tls)
    right = [("Authorization", f"Bearer {MARK}-token")]
    assert ask(address, "POST", "/stop", headers=right, tls=tls).status == 200
    agent.wait()
    said["the log"] = log.read_text(encoding="utf-8", errors="replace") + agent.stderr
    assert all(said.values())
    found = [(name, secret, text[max(0, text.index(secret) - 200):][:400]) for name, text in said.items() for secret in secrets(files) if secret in text]
    assert not found


@pytest.mark.parametrize("line", [
    f"sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username=ana password={MARK} oops;",
    f'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule "{MARK}" password=x;',
    f"ssl.keystore.password={MARK}\nssl.keystore.location=/dev/null",
    f"sasl.mechanism=BOGUS\nsasl.password={MARK}",
    f"sasl.passwort={MARK}",
    "sasl.mechanism=OAUTHBEARER\nsasl.oauthbearer.token.endpoint.url=https://127.0.0.1:1/token\nsasl.jaas.config=org.apache.kafka.common.security."
    f'oauthbearer.OAuthBearerLoginModule required clientId="ana" clientSecret="{MARK}";',
])
def test_nor_does_what_is_refused(run, tmp_path, line):
    reads = tmp_path / "consumer.properties"
    reads.write_text(f"bootstrap.servers=127.0.0.1:1\ngroup.id=g\nsecurity.protocol=SASL_SSL\n{line}\n")
    reads.chmod(0o600)
    writes = write_properties(tmp_path / "producer.properties", {"bootstrap.servers": "127.0.0.1:1"})
    for command in ("check", "run"):
        done = run(command, "--consumer.config", reads, "--producer.config", writes, "--whitelist", "t", "--start.timeout.ms", "100",
                   "--admin.listen", "none")
        assert done.stdout + done.stderr and MARK not in done.stdout + done.stderr
