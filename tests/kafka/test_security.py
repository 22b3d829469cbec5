"""Property files of Java clients, as they are, on brokers that want TLS, a login or a certificate."""

import base64
import json
import os
import pathlib
import shutil
import time
import types

import pytest
from conftest import rig
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from outside import wait_until
from records import no_loss
from rigs import KraftCluster, free_port

# Made by keytool; see `make` there. The broker's certificate is for 127.0.0.1.
STORES = pathlib.Path(__file__).resolve().parents[1] / "unit" / "data" / "stores"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
PASSWORD = "p \"w\" \\ ; x"


def quoted(text):
    """In JAAS."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def escaped(text):
    """In a properties file."""
    return text.replace("\\", "\\\\")


def login(module, user="mirror", password=PASSWORD):
    return escaped(f"{module} required username={quoted(user)} password={quoted(password)};")


class SecureCluster(KraftCluster):
    """One with a listener for logins over TLS, one for clients with certificates, one for clients with both a
    certificate and a token, and one whose certificate has expired, besides the open one."""

    def more_listeners(self):
        self.login_port, self.mutual_port, self.token_port, self.expired_port = (free_port() for _ in range(4))
        shutil.copy(STORES / "broker.jks", self.folder)
        shutil.copy(STORES / "next-both.jks", self.folder / "trust.jks")
        ports = {"LOGIN": self.login_port, "MUTUAL": self.mutual_port, "TOKEN": self.token_port,
                 "EXPIRED": self.expired_port}
        return ports, {
            "listener.security.protocol.map":
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL,TOKEN:SASL_SSL,EXPIRED:SSL",
            "ssl.keystore.type": "JKS", "ssl.keystore.location": self.folder / "broker.jks",
            "ssl.keystore.password": "storepass",
            "ssl.truststore.type": "JKS", "ssl.truststore.location": self.folder / "trust.jks",
            "ssl.truststore.password": "storepass",
            "listener.name.expired.ssl.keystore.type": "JKS",
            "listener.name.expired.ssl.keystore.location": STORES / "expired.jks",
            "listener.name.expired.ssl.keystore.password": "storepass",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.login.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
            "listener.name.login.oauthbearer.sasl.jaas.config": f'{OAUTH} required unsecuredLoginStringClaim_sub="mirror";',
            "listener.name.token.ssl.client.auth": "required",
            "listener.name.token.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.token.oauthbearer.sasl.jaas.config":
                f'{OAUTH} required unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="first";',
            "listener.name.login.plain.sasl.jaas.config":
                escaped(f"{PLAIN} required user_mirror={quoted(PASSWORD)};"),
            "listener.name.login.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
        }

    def restart_with_next(self, scope):
        """From now on only who has the next certificate, trusts it, and has a token with this scope gets in."""
        settings = self.folder / "broker0.properties"
        self.stop()
        shutil.copy(STORES / "next.jks", self.folder / "broker.jks")
        shutil.copy(STORES / "next-root.jks", self.folder / "trust.jks")
        text = settings.read_text(encoding="ascii").replace('RequiredScope="first"', f'RequiredScope="{scope}"')
        settings.write_text(text, encoding="ascii")
        self.start()

    def seen_at(self, port, host="127.0.0.1"):
        """The cluster as the mirror finds it through one of the listeners."""
        return types.SimpleNamespace(bootstrap=f"{host}:{port}")


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    yield from rig(SecureCluster, tmp_path_factory, "3.9.1", auto_create_topics_enable="true")


@pytest.fixture
def stores(tmp_path):
    """The client's stores beside its property files."""
    for path in STORES.glob("*.*"):
        shutil.copy(path, tmp_path)
        (tmp_path / path.name).chmod(0o600)


def by_scram(**changes):
    return {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", "sasl.jaas.config": login(SCRAM),
            "ssl.truststore.location": "trust.jks", "ssl.truststore.password": "storepass", **changes}


def by_plain(**changes):
    return {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.jaas.config": login(PLAIN),
            "ssl.truststore.location": "trust-old.p12", "ssl.truststore.type": "PKCS12",
            "ssl.truststore.password": "storepass", "ssl.enabled.protocols": "TLSv1.2",
            "ssl.cipher.suites": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_AES_256_GCM_SHA384", **changes}


def by_certificate(**changes):
    """Both know the root only, so that the client must send its whole chain."""
    return {"security.protocol": "SSL", "ssl.truststore.location": "root.jks", "ssl.truststore.password": "storepass",
            "ssl.keystore.location": "key.jks", "ssl.keystore.password": "storepass", "ssl.key.password": "keypass",
            **changes}


def make_user(outside, cluster, password=PASSWORD):
    """For SCRAM; the brokers take it a moment later."""
    credential = UserScramCredentialUpsertion("mirror", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                                              password.encode())
    admin = outside(cluster).admin
    admin.alter_user_scram_credentials([credential])["mirror"].result(60)
    wait_until(lambda: admin.describe_user_scram_credentials(["mirror"])["mirror"].result(60), what="the user")


@pytest.mark.parametrize("pair", ["scram to certificate", "certificate to plain"])
def test_two_identities_in_one_process(pair, mirror, names, outside, sender, receiver, secure, stores):
    topic, group = names
    make_user(outside, secure)
    outside(secure).make_topic(topic)
    outside(secure).make_topic(f"copy.{topic}")
    login_side, mutual_side = secure.seen_at(secure.login_port), secure.seen_at(secure.mutual_port)
    load = sender(secure, topic)
    load.send(1000)
    load.finish()
    if pair.startswith("scram"):
        agent = mirror(login_side, mutual_side, topic, group, "--topic.prefix", "copy.", consumer=by_scram(),
                       producer=by_certificate())
    else:
        agent = mirror(mutual_side, login_side, topic, group, "--topic.prefix", "copy.",
                       consumer=by_certificate(**{
                           "ssl.keystore.location": "key-old.p12", "ssl.key.password": None,
                           "ssl.truststore.location": "middle.p12"}),  # Java trusts it without the root
                       producer=by_plain())
    verdict = receiver(secure, f"copy.{topic}", 1).verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop() == 0, agent.stderr
    assert PASSWORD not in agent.stderr and "storepass" not in agent.stderr


NO_FIT = {
    "password of PLAIN": (
        by_plain(**{"sasl.jaas.config": login(PLAIN, password="wrong-one")}), "127.0.0.1", "login_port",
        ["Authentication failed: Invalid username or password", "(check the user name, the password and sasl.mechanism)"]),
    "password of SCRAM": (
        by_scram(**{"sasl.jaas.config": login(SCRAM, password="wrong-one")}), "127.0.0.1", "login_port",
        ["invalid credentials with SASL mechanism SCRAM-SHA-512", "(check the user name, the password and sasl.mechanism)"]),
    "host name": (
        by_certificate(), "localhost", "mutual_port",
        ["the broker's certificate is for 127.0.0.1, and not for the name it is called by: use the former in "
         "bootstrap.servers and the brokers' advertised.listeners, or turn the check off with "
         "ssl.endpoint.identification.algorithm="]),
    "authority": (
        by_certificate(**{"ssl.truststore.location": "key.jks"}), "127.0.0.1", "mutual_port",
        ["comes from nobody who is trusted: put its issuer 'CN = ", "' into the trust store (ssl.truststore.location)"]),
    "age": (
        by_certificate(**{"ssl.truststore.location": "expired.jks", "ssl.endpoint.identification.algorithm": ""}), "127.0.0.1", "expired_port",
        ["the certificate 'CN = old' expired on 2002-01-01: renew it at the brokers"]),
    "certificate": (
        by_certificate(**{"ssl.keystore.location": None, "ssl.keystore.password": None, "ssl.key.password": None}),
        "127.0.0.1", "mutual_port", ["the brokers want a certificate of the client, and one that they trust"]),
}


@pytest.mark.parametrize("what", NO_FIT)
def test_what_does_not_fit_is_said(what, mirror, names, outside, secure, stores):
    """A broker may close the connection before its reason has been read: the next attempt has it."""
    topic, group = names
    properties, host, port, expected = NO_FIT[what]
    make_user(outside, secure)
    agent = mirror(secure.seen_at(getattr(secure, port), host), secure, topic, group, "--topic.prefix", "copy.",
                   consumer=properties)
    agent.wait_event("source_unreachable", reason=lambda reason: all(text in reason for text in expected))
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


def test_connect_says_what_does_not_fit(connect, names, outside, secure, stores):
    topic, group = names
    make_user(outside, secure)
    for what, (properties, host, port, _) in NO_FIT.items():
        step, words = CONNECT[what]
        found = connect(secure.seen_at(getattr(secure, port), host), secure, topic, group, consumer=properties)
        result, text = found["source"][step]
        assert result == "failed" and words in text, (what, text)
        assert "wrong-one" not in str(found)


def test_connect_logs_in(connect, names, outside, secure, stores):
    topic, group = names
    make_user(outside, secure)
    outside(secure).make_topic(topic)
    login_side, mutual_side = secure.seen_at(secure.login_port), secure.seen_at(secure.mutual_port)
    for properties, said in ((by_scram(), "SCRAM-SHA-512 as mirror"), (by_plain(), "PLAIN as mirror")):
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
    found = connect(login_side, mutual_side, topic, group, producer=by_certificate(),
                    consumer=by_plain(**{"sasl.mechanism": "SCRAM-SHA-256", "sasl.jaas.config": login(SCRAM)}))
    result, text = found["source"]["login"]
    assert result == "failed" and "does not offer SCRAM-SHA-256 but " in text and "SCRAM-SHA-512" in text
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


def test_what_is_rotated_is_taken_under_load(mirror, names, outside, sender, receiver, secure, stores, tmp_path):
    """Certificate, trust, token and password change while it mirrors; then only the new ones get in.

    The last test: the brokers' own stores are others afterwards."""
    topic, group = names
    make_user(outside, secure, "first-password")
    write_secret(tmp_path / "password", "first-password")
    write_secret(tmp_path / "token", token("first"))
    shutil.copy(tmp_path / "root.jks", tmp_path / "trust2.jks")
    outside(secure).make_topic(topic)
    outside(secure).make_topic(f"copy.{topic}")
    load = sender(secure, topic).start(rate=500)
    shows = by_certificate(**{
        "security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER", "ssl.key.password": "${file:keypass}",
        "sasl.oauthbearer.token.endpoint.url": f"file://{tmp_path}/token", "sasl.jaas.config": f"{OAUTH} required;",
        "sasl.login.callback.handler.class":
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"})
    write_secret(tmp_path / "keypass", "keypass")
    agent = mirror(secure.seen_at(secure.token_port), secure.seen_at(secure.login_port), topic, group, "--topic.prefix",
                   "copy.", "--secrets.interval", "1", consumer=shows,
                   producer=by_scram(**{"ssl.truststore.location": "trust2.jks",
                                        "sasl.jaas.config": login(SCRAM, password="${file:password}")}))
    arrived = receiver(secure, f"copy.{topic}", 1)
    arrived.wait_count(500)

    make_user(outside, secure, "second-password")
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
    secure.restart_with_next("second")
    wait_until(lambda: load.total >= before + 500, what="records behind the restart")
    load.finish()
    verdict = arrived.verdict(load)
    print(verdict)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop() == 0, agent.stderr
    for secret in ("first-password", "second-password", "storepass", token("first", "second").split(".")[1][:20]):
        assert secret not in agent.stderr
