"""Property files of Java clients, as they are, on brokers that want TLS, a login or a certificate."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import types
import urllib.request

import pytest
from conftest import rig
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from kazoo.client import KazooClient
from outside import Outside, wait_until
from records import no_loss
from rigs import KraftCluster, ZookeeperCluster, free_port

# Made by keytool; see `make` there. The broker's certificate is for 127.0.0.1.
STORES = pathlib.Path(__file__).resolve().parents[1] / "unit" / "data" / "stores"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
SCRAMS = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
NO_SCRAM = "if the brokers are Kafka 4, they refuse all logins by SCRAM from librdkafka before 2.6.1: install a newer one"
PASSWORD = "p \"w\" \\ ; x"


def quoted(text):
    """In JAAS."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(text):
    """In a properties file."""
    return text.replace("\\", "\\\\")


def login(module, user="mirror", password=PASSWORD):
    return escaped(f"{module} required username={quoted(user)} password={quoted(password)};")


class Secure:
    """Mixed into a cluster: its broker has a listener for whoever comes by TLS, one for clients with certificates, one
    for logins over TLS, one for clients with both a certificate and a token, and one whose certificate has expired."""

    LISTENERS = {"TLS": "SSL", "MUTUAL": "SSL", "LOGIN": "SASL_SSL", "TOKEN": "SASL_SSL", "EXPIRED": "SSL"}

    def more_listeners(self):
        self.at = {name: free_port() for name in self.LISTENERS}
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **self.LISTENERS}
        shutil.copy(STORES / "broker.jks", self.folder)
        shutil.copy(STORES / "next-both.jks", self.folder / "trust.jks")
        return self.at, {
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "ssl.keystore.type": "JKS", "ssl.keystore.location": self.folder / "broker.jks",
            "ssl.keystore.password": "storepass",
            "ssl.truststore.type": "JKS", "ssl.truststore.location": self.folder / "trust.jks",
            "ssl.truststore.password": "storepass",
            "listener.name.expired.ssl.keystore.type": "JKS",
            "listener.name.expired.ssl.keystore.location": STORES / "expired.jks",
            "listener.name.expired.ssl.keystore.password": "storepass",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.login.sasl.enabled.mechanisms": f"PLAIN,{','.join(SCRAMS)},OAUTHBEARER",
            "listener.name.login.oauthbearer.sasl.jaas.config": f'{OAUTH} required unsecuredLoginStringClaim_sub="mirror";',
            "listener.name.token.ssl.client.auth": "required",
            "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.token.oauthbearer.sasl.jaas.config":
                f'{OAUTH} required unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="first";',
            "listener.name.login.plain.sasl.jaas.config":
                escaped(f"{PLAIN} required user_mirror={quoted(PASSWORD)};"),
            **{f"listener.name.login.{name.lower()}.sasl.jaas.config": f"{SCRAM} required;" for name in SCRAMS},
        }

    def stop_for_next(self, scope):
        """When it starts again, only who has the next certificate, trusts it, and has a token with this scope gets in."""
        settings = self.folder / "broker0.properties"
        self.stop()
        shutil.copy(STORES / "next.jks", self.folder / "broker.jks")
        shutil.copy(STORES / "next-root.jks", self.folder / "trust.jks")
        text = settings.read_text(encoding="ascii").replace('RequiredScope="first"', f'RequiredScope="{scope}"')
        settings.write_text(text, encoding="ascii")

    def seen_at(self, listener, host="127.0.0.1"):
        """The cluster as the mirror finds it through one of the listeners."""
        return types.SimpleNamespace(bootstrap=f"{host}:{self.at[listener]}")


class OldCluster(Secure, ZookeeperCluster):
    def add_broker(self, port, settings):
        self.make_user(PASSWORD)
        super().add_broker(port, settings)

    def make_user(self, password):
        """For SCRAM. Brokers before 2.7 have no call for it: they read ZooKeeper when they start, and when they are told to."""
        user = {"version": 1, "config": {name: credential(password, digest) for name, digest in SCRAMS.items()}}
        zookeeper = KazooClient(self.zookeeper)
        zookeeper.start(30)
        zookeeper.ensure_path("/config/users/mirror")
        zookeeper.set("/config/users/mirror", json.dumps(user).encode())
        zookeeper.create("/config/changes/config_change_", b'{"version":2,"entity_path":"users/mirror"}', sequence=True,
                         makepath=True)
        zookeeper.stop()
        zookeeper.close()


class NewCluster(Secure, KraftCluster):
    def make_user(self, password):
        """For SCRAM; the broker takes it a moment later."""
        admin = Outside(self).admin
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            change = UserScramCredentialUpsertion("mirror", ScramCredentialInfo(mechanism, 4096), password.encode())
            admin.alter_user_scram_credentials([change])["mirror"].result(60)
        wait_until(lambda: len(admin.describe_user_scram_credentials(["mirror"])["mirror"].result(60)
                               .scram_credential_infos) == len(SCRAMS), what="the user")


def credential(password, digest):
    """As Kafka's ScramCredentialUtils writes it."""
    def keyed(key, text):
        return hmac.digest(key, text, digest)
    salt, rounds = os.urandom(16), 4096
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)
    parts = {"salt": salt, "stored_key": hashlib.new(digest, keyed(salted, b"Client Key")).digest(),
             "server_key": keyed(salted, b"Server Key")}
    encoded = [f"{name}={base64.b64encode(part).decode()}" for name, part in parts.items()]
    return ",".join([*encoded, f"iterations={rounds}"])


def library_of(program):
    """The librdkafka that a program runs with: (2, 0, 2)."""
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    return tuple(map(int, re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", said).groups()))


def is_scram_refused(program, cluster):
    return cluster.version.startswith("4.") and library_of(program) < (2, 6, 1)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    yield from rig(OldCluster, tmp_path_factory, "2.1.1")


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    """Connections to LOGIN end two seconds after the login, unless the client repeats it."""
    for cluster in rig(NewCluster, tmp_path_factory, "4.1.2", listener_name_login_connections_max_reauth_ms=2000):
        cluster.make_user(PASSWORD)
        yield cluster


@pytest.fixture(params=["2.1", "4.1"])
def secure(request):
    return request.getfixturevalue({"2.1": "old", "4.1": "new"}[request.param])


@pytest.fixture
def suited(program, new, request):
    """suited(way): the program, or the one with the newest librdkafka where the way into Kafka 4 needs that."""
    def choose(way):
        return request.getfixturevalue("newest") if "SCRAM" in way and is_scram_refused(program, new) else program
    return choose


@pytest.fixture
def stores(tmp_path):
    """The client's stores beside its property files."""
    for path in STORES.glob("*.*"):
        shutil.copy(path, tmp_path)
        (tmp_path / path.name).chmod(0o600)


def by_tls(**changes):
    return {"security.protocol": "SSL", "ssl.truststore.type": "PEM", "ssl.truststore.location": "root.pem", **changes}


def by_certificate(**changes):
    """Both know the root only, so that the client must send its whole chain."""
    return {"security.protocol": "SSL", "ssl.truststore.location": "root.jks", "ssl.truststore.password": "storepass",
            "ssl.keystore.location": "key.jks", "ssl.keystore.password": "storepass", "ssl.key.password": "keypass",
            **changes}


def by_plain(**changes):
    return {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": login(PLAIN),
            "ssl.truststore.location": "trust-old.p12", "ssl.truststore.type": "PKCS12",
            "ssl.truststore.password": "storepass", "ssl.enabled.protocols": "TLSv1.2",
            "ssl.cipher.suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_AES_256_GCM_SHA384", **changes}


def by_scram(bits=512, **changes):
    return {"security.protocol": "SASL_SSL", "sasl.mechanism": f"SCRAM-SHA-{bits}", "sasl.jaas.config": login(SCRAM),
            "ssl.truststore.location": "trust.jks", "ssl.truststore.password": "storepass", **changes}


# To whom it comes, with which properties as reader and as writer.
WAYS = {
    "TLS": ("TLS", by_tls(), by_tls(**{"ssl.truststore.type": "JKS", "ssl.truststore.location": "trust.jks",
                                       "ssl.truststore.password": "storepass"})),
    "mutual TLS": (
        "MUTUAL",
        by_certificate(**{"ssl.keystore.location": "key-old.p12", "ssl.key.password": None,
                          "ssl.truststore.location": "middle.p12"}),  # Java trusts it without the root
        by_certificate(**{"ssl.truststore.type": "PEM", "ssl.truststore.location": "root.pem",
                          "ssl.truststore.password": None, "ssl.keystore.type": "PEM",
                          "ssl.keystore.location": "encrypted.pem", "ssl.keystore.password": None})),
    "PLAIN": ("LOGIN", by_plain(), by_plain()),
    "SCRAM-SHA-256": ("LOGIN", by_scram(256, **{"ssl.truststore.location": "trust.p12"}),
                      by_scram(256, **{"ssl.truststore.type": "PEM", "ssl.truststore.location": "root.pem",
                                       "ssl.truststore.password": None})),
    "SCRAM-SHA-512": ("LOGIN", by_scram(), by_scram()),
}
# Each on both sides, with two identities in one process.
PAIRS = dict(zip(WAYS, [*list(WAYS)[1:], *list(WAYS)[:1]], strict=True))


@pytest.mark.parametrize("way", PAIRS)
def test_each_way_on_either_side(way, suited, mirror, names, outside, sender, receiver, old, new, stores):
    topic, group = names
    from_listener, reads, _ = WAYS[way]
    to_listener, _, writes = WAYS[PAIRS[way]]
    outside(old).make_topic(topic)
    outside(new).make_topic(topic)
    load = sender(old, topic)
    load.send(1000)
    load.finish()
    agent = mirror(old.seen_at(from_listener), new.seen_at(to_listener), topic, group, consumer=reads, producer=writes,
                   command=(suited(PAIRS[way]),))
    verdict = receiver(new, topic, 1).verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop() == 0, agent.stderr
    assert PASSWORD not in agent.stderr and "storepass" not in agent.stderr


def connects(agent):
    """Connections begun so far, by side."""
    address = agent.wait_event("admin_listening")["address"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return {side: int(re.search(rf'^reflejo_broker_connects_total{{side="{side}"}} (\d+)$', text, re.M)[1])
            for side in ("source", "target")}


@pytest.mark.parametrize("way", ["PLAIN", "SCRAM-SHA-256"])
def test_logins_grow_old_under_load(way, suited, mirror, names, outside, sender, receiver, new, stores):
    """A librdkafka from 2.2 on logs in again in time; before, the broker ends the connection, and it makes another one."""
    topic, group = names
    listener, reads, writes = WAYS[way]
    command = suited(way)
    outside(new).make_topic(topic)
    outside(new).make_topic(f"copy.{topic}")
    load = sender(new, topic).start(rate=500)
    agent = mirror(new.seen_at(listener), new.seen_at(listener), topic, group, "--topic.prefix", "copy.", "--admin.listen",
                   "127.0.0.1:0", "--log.level", "debug", "--consumer.debug", "broker", "--producer.debug", "broker",
                   consumer=reads, producer=writes, command=(command,))
    arrived = receiver(new, f"copy.{topic}", 1)
    arrived.wait_count(100)
    first = connects(agent)
    if library_of(command) >= (2, 2):
        for client in ("consumer", "producer"):
            agent.wait_event("library_debug", count=2, facility="REAUTH", client=lambda name, client=client: client in name)
    else:
        wait_until(lambda: all(count >= first[side] + 2 for side, count in connects(agent).items()),
                   what="connections in the place of those that the broker ended")
        assert not agent.find("library_debug", facility="REAUTH")
    print(f"logged in again {len(agent.find('library_debug', facility='REAUTH'))} times, connections {first}, then {connects(agent)}")
    load.finish()
    verdict = arrived.verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop() == 0, agent.stderr


NO_FIT = {
    "password of PLAIN": (
        by_plain(**{"sasl.jaas.config": login(PLAIN, password="wrong-one")}), "127.0.0.1", "LOGIN",
        ["Authentication failed: Invalid username or password", "(check the user name, the password and sasl.mechanism"]),
    "password of SCRAM": (
        by_scram(**{"sasl.jaas.config": login(SCRAM, password="wrong-one")}), "127.0.0.1", "LOGIN",
        ["invalid credentials with SASL mechanism SCRAM-SHA-512", "(check the user name, the password and sasl.mechanism"]),
    "host name": (
        by_certificate(), "localhost", "MUTUAL",
        ["the broker's certificate is for 127.0.0.1, and not for the name it is called by: use the former in "
         "bootstrap.servers and the brokers' advertised.listeners, or turn the check off with "
         "ssl.endpoint.identification.algorithm="]),
    "authority": (
        by_certificate(**{"ssl.truststore.location": "key.jks"}), "127.0.0.1", "MUTUAL",
        ["comes from nobody who is trusted: put its issuer 'CN = ", "' into the trust store (ssl.truststore.location)"]),
    "age": (
        by_certificate(**{"ssl.truststore.location": "expired.jks", "ssl.endpoint.identification.algorithm": ""}), "127.0.0.1", "EXPIRED",
        ["the certificate 'CN = old' expired on 2002-01-01: renew it at the brokers"]),
    "certificate": (
        by_certificate(**{"ssl.keystore.location": None, "ssl.keystore.password": None, "ssl.key.password": None}),
        "127.0.0.1", "MUTUAL", ["the brokers want a certificate of the client, and one that they trust"]),
}


def test_what_does_not_fit_is_said(mirror, program, names, secure, stores):
    """All at once, for each takes its time. A broker may close the connection before its reason has been read: the next
    attempt has it."""
    topic, group = names
    cases, agents = dict(NO_FIT), {}
    if is_scram_refused(program, secure):
        cases["SCRAM"] = (by_scram(), "127.0.0.1", "LOGIN", ["invalid credentials with SASL mechanism SCRAM-SHA-512", NO_SCRAM])
    for what, (properties, host, listener, _) in cases.items():
        agents[what] = mirror(secure.seen_at(listener, host), secure, topic, group, "--topic.prefix", "copy.",
                              "--admin.listen", "none", consumer=properties)
    for what, agent in agents.items():
        agent.wait_event("source_unreachable", reason=lambda reason, what=what: all(text in reason for text in cases[what][3]))
        assert "wrong-one" not in agent.stderr


# What `reflejo check --connect` says: in which step, with which words.
CONNECT = {
    "password of PLAIN": ("login", "Invalid username or password"),
    "password of SCRAM": ("login", "invalid credentials with SASL mechanism SCRAM-SHA-512"),
    "host name": ("tls", "the broker's certificate is for 127.0.0.1, and not for the name it is called by"),
    "authority": ("tls", "comes from nobody who is trusted: put its issuer"),
    "age": ("tls", "expired on 2002-01-01"),
    "certificate": ("tls", "the broker wants a certificate of the client"),
}


def test_connect_says_what_does_not_fit(connect, names, secure, stores):
    topic, group = names
    for what, (properties, host, listener, _) in NO_FIT.items():
        step, words = CONNECT[what]
        found = connect(secure.seen_at(listener, host), secure, topic, group, consumer=properties)
        result, text = found["source"][step]
        assert result == "failed" and words in text, (what, text)
        assert "wrong-one" not in str(found)


def test_connect_logs_in(connect, program, names, outside, secure, stores):
    topic, group = names
    outside(secure).make_topic(topic)
    login_side, mutual_side = secure.seen_at("LOGIN"), secure.seen_at("MUTUAL")
    logins = {f"{way} as mirror": WAYS[way][1] for way in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")}
    if is_scram_refused(program, secure):
        for way in SCRAMS:
            found = connect(login_side, mutual_side, topic, group, consumer=logins.pop(f"{way} as mirror"))
            result, text = found["source"]["login"]
            assert result == "failed" and NO_SCRAM in text, text
    for said, properties in logins.items():
        found = connect(login_side, mutual_side, topic, group, "--topic.prefix", "copy.", consumer=properties,
                        producer=by_certificate())
        assert {result for side in found.values() for result, _ in side.values()} == {"ok"}, found
        assert found["source"]["login"][1] == said
        assert "CN = " in found["target"]["own tls"][1]
    # This one only librdkafka speaks.
    by_token = {"sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": f'{OAUTH} required unsecuredLoginStringClaim_sub="mirror";'}
    found = connect(login_side, secure, topic, group, "--topic.prefix", "copy.", consumer=by_plain(**by_token))
    assert found["source"]["login"] == ("ok", "OAUTHBEARER, through librdkafka")
    assert found["source"]["cluster"][0] == "ok" and found["target"]["make topics"][0] == "ok"
    result, text = found["source"]["rights"]
    assert result == "unchecked" and "rights are asked only where the login is by PLAIN, SCRAM" in text
    found = connect(secure.seen_at("TOKEN"), mutual_side, topic, group, producer=by_certificate(),
                    consumer={**by_certificate(), **by_scram()})
    result, text = found["source"]["login"]
    assert result == "failed" and "does not offer SCRAM-SHA-512 but OAUTHBEARER" in text
    found = connect(login_side, secure, topic, group, consumer=by_certificate(), producer=by_plain(**{
        "security.protocol": "SASL_PLAINTEXT", "ssl.truststore.location": None, "ssl.enabled.protocols": None,
        "ssl.cipher.suites": None}))
    assert "this port wants a login, by " in found["source"]["login"][1]
    assert "this port takes no logins" in found["target"]["login"][1]


def token(*scopes):
    """A JWT without a signature, as Kafka takes it in tests."""
    parts = [{"alg": "none"}, {"sub": "mirror", "scope": scopes, "iat": int(time.time()), "exp": int(time.time()) + 3600}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def write_secret(path, text):
    """As those do who renew it: whole, in the place of the one before."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="ascii")
    new.chmod(0o600)
    os.replace(new, path)


def test_what_is_rotated_is_taken_under_load(mirror, names, outside, sender, receiver, old, new, stores, tmp_path):
    """Certificate, trust, token and password change while it mirrors; then only the new ones get in.

    The last test: the brokers' own stores are others afterwards."""
    topic, group = names
    old.make_user("first-password")
    write_secret(tmp_path / "password", "first-password")
    write_secret(tmp_path / "token", token("first"))
    shutil.copy(tmp_path / "root.jks", tmp_path / "trust2.jks")
    outside(new).make_topic(topic)
    outside(old).make_topic(topic)
    load = sender(new, topic).start(rate=500)
    shows = by_certificate(**{
        "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "ssl.key.password": "${file:keypass}",
        "sasl.oauthbearer.token.endpoint.url": f"file://{tmp_path}/token", "sasl.jaas.config": f"{OAUTH} required;",
        "sasl.login.callback.handler.class":
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"})
    write_secret(tmp_path / "keypass", "keypass")
    agent = mirror(new.seen_at("TOKEN"), old.seen_at("LOGIN"), topic, group, "--secrets.interval", "1", consumer=shows,
                   producer=by_scram(**{"ssl.truststore.location": "trust2.jks",
                                        "sasl.jaas.config": login(SCRAM, password="${file:password}")}))
    arrived = receiver(old, topic, 1)
    arrived.wait_count(500)

    old.make_user("second-password")
    write_secret(tmp_path / "password", "second-password")
    write_secret(tmp_path / "token", token("first", "second"))
    # The key is useless with the old password: what is halfway there is not taken.
    os.replace(tmp_path / "next.jks", tmp_path / "key.jks")
    agent.wait_event("secrets_refused")
    write_secret(tmp_path / "keypass", "storepass")
    shutil.copy(tmp_path / "next-both.jks", tmp_path / "next-trust.jks")
    os.replace(tmp_path / "next-both.jks", tmp_path / "root.jks")
    os.replace(tmp_path / "next-trust.jks", tmp_path / "trust2.jks")
    for side, kind in [("source", "certificate"), ("source", "token"), ("source", "trust"), ("target", "login"),
                       ("target", "trust")]:
        agent.wait_event("secrets_renewed", side=side, what=lambda what, kind=kind: kind in what)
    # The group knows nothing of it.
    assert not agent.find("revoked") and len(agent.find("stream_start")) == 1
    before = load.total
    brokers = [*old.brokers, *new.brokers]  # all at once, for each takes its time
    for broker in brokers:
        broker.process.terminate()
    for cluster in (old, new):
        cluster.stop_for_next("second")
    for broker in brokers:
        broker.start()
    for broker in brokers:
        broker.wait_ready()
    wait_until(lambda: load.total >= before + 500, what="records behind the restart")
    load.finish()
    verdict = arrived.verdict(load)
    print(verdict)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop() == 0, agent.stderr
    for secret in ("first-password", "second-password", "storepass", token("first", "second").split(".")[1][:20]):
        assert secret not in agent.stderr
