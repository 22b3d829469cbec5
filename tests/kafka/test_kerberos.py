"""Kerberos on both sides of one process, by Java's property files: realms, principals, key tabs, ticket caches, renewal."""

import json
import subprocess
import types
import urllib.request

import pytest
from conftest import rig
from kdc import SOURCE, TARGET, Kdc
from outside import wait_until
from records import no_loss
from rigs import KraftCluster, Unavailable, ZookeeperCluster, free_port

MODULE = "com.sun.security.auth.module.Krb5LoginModule"
LIFE = 6  # seconds; the agent renews after four fifths
REAUTHENTICATION_MS = 2000


def by_key(principal, keytab):
    return f'{MODULE} required useKeyTab=true storeKey=true keyTab="{keytab}" principal="{principal}";'


class KerberosCluster:
    """Mixed into a cluster: its broker logs in at the KDC, and has a listener for clients that do."""

    kdc, realm = None, None

    def add_broker(self, port, settings):
        self.login_port = free_port()
        more = f",LOGIN://127.0.0.1:{self.login_port}"
        service = f"kafka/127.0.0.1@{self.realm}"
        settings = {
            **settings, "listeners": settings["listeners"] + more,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "GSSAPI", "sasl.kerberos.service.name": "kafka",
            "listener.name.login.gssapi.sasl.jaas.config": by_key(service, self.kdc.keytab_of(service)),
        }
        if "advertised.listeners" in settings:
            settings["advertised.listeners"] += more
        super().add_broker(port, settings)

    @property
    def secured(self):
        """The cluster as the mirror finds it through that listener."""
        return types.SimpleNamespace(bootstrap=f"127.0.0.1:{self.login_port}")


class OldCluster(KerberosCluster, ZookeeperCluster):
    realm = SOURCE
    # It asks Java for the default realm in a way that newer ones forbid.
    jvm_options = ("--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",)


class NewCluster(KerberosCluster, KraftCluster):
    realm = TARGET


@pytest.fixture(scope="module")
def kdc(tmp_path_factory):
    try:
        made = Kdc(tmp_path_factory.mktemp("kdc") / "kdc")
    except Unavailable as reason:
        pytest.skip(str(reason))
    for realm in (SOURCE, TARGET):
        made.add(f"kafka/127.0.0.1@{realm}")
        made.add(f"mirror@{realm}", LIFE)
    made.add(f"other@{TARGET}")
    yield made
    made.stop()


def cluster(kind, kdc, tmp_path_factory, version, **settings):
    # A broker takes clients of its own realm only.
    config = kdc.write_config(kdc.folder / f"{version}.conf", kind.realm)
    options = (f"-Djava.security.krb5.conf={config}", *kind.jvm_options)
    yield from rig(type("Cluster", (kind,), {"kdc": kdc, "jvm_options": options}), tmp_path_factory, version, **settings)


@pytest.fixture(scope="module")
def old(kdc, tmp_path_factory):
    yield from cluster(OldCluster, kdc, tmp_path_factory, "2.1.1")


@pytest.fixture(scope="module")
def new(kdc, tmp_path_factory):
    """Its connections end after two seconds, unless the client logs in again."""
    yield from cluster(NewCluster, kdc, tmp_path_factory, "4.1.2", connections_max_reauth_ms=REAUTHENTICATION_MS)


@pytest.fixture
def start(mirror, kdc, program):
    """start(source, target, topic, group, reads, writes): the program, told of krb5.conf as Java is; reads and writes are logins."""
    def begin(source, target, topic, group, reads, writes, *flags, config=None, service="kafka"):
        command = ("env", f"KAFKA_OPTS=-Djava.security.krb5.conf={config or kdc.config}", program)
        login = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "GSSAPI", "sasl.kerberos.service.name": service}
        return mirror(source, target, topic, group, *flags, consumer={**login, "sasl.jaas.config": reads},
                      producer={**login, "sasl.jaas.config": writes}, command=command)
    return begin


def nowhere():
    return types.SimpleNamespace(bootstrap="127.0.0.1:1")


def fetch(agent, path):
    address = agent.wait_event("admin_listening")["address"]
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
        return answer.read().decode()


def has_ticket(agent, side, principal):
    status = json.loads(fetch(agent, "/status"))
    ticket = status[side]["ticket"]
    return (ticket["principal"] == principal and ticket["error"] is None
            and ticket["expires"] > status["now"] >= ticket["renewed"])


def test_two_realms_and_keys_that_change_under_load(start, names, outside, sender, receiver, old, new, kdc):
    topic, group = names
    outside(old).make_topic(topic, 2)
    outside(new).make_topic(topic, 2)
    load = sender(old, topic).start(500)
    principals = {"source": f"mirror@{SOURCE}", "target": f"mirror@{TARGET}"}
    agent = start(old.secured, new.secured, topic, group, *(by_key(p, kdc.keytab_of(p)) for p in principals.values()),
                  "--admin.listen", "127.0.0.1:0")
    for side, principal in principals.items():
        agent.wait_event("ticket", side=side, principal=principal)
        kdc.write_keytab(principal, kdc.keytab_of(principal))
    for side in principals:  # the first one has ended then
        agent.wait_event("ticket", side=side, count=3)
    for side, principal in principals.items():
        wait_until(lambda: has_ticket(agent, side, principal), what=f"a ticket in /status for the {side}")  # pylint: disable=W0640
        assert f'reflejo_ticket_expiry_timestamp_seconds{{side="{side}"}} ' in fetch(agent, "/metrics")
    load.finish()
    verdict = receiver(new, topic, 2).verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    assert agent.stop() == 0, agent.stderr


def test_two_principals_of_one_realm_and_a_cache_of_others(start, names, outside, sender, receiver, new, kdc, tmp_path):
    """The one has a key tab, the other a cache that somebody else keeps."""
    topic, group = names
    reader, writer, cache = f"mirror@{TARGET}", f"other@{TARGET}", tmp_path / "krb5cc"
    outside(new).make_topic(topic)
    outside(new).make_topic(f"copy.{topic}")
    kdc.kinit(writer, cache)
    load = sender(new, topic)
    load.send(1000)
    load.finish()
    agent = start(new.secured, new.secured, topic, group, by_key(reader, kdc.keytab_of(reader)),
                  f'{MODULE} required useTicketCache=true ticketCache="{cache}" principal="{writer}";',
                  "--topic.prefix", "copy.")
    agent.wait_event("ticket", side="target", principal=writer, cache=f"FILE:{cache}")
    verdict = receiver(new, f"copy.{topic}", 1).verdict(load)
    assert no_loss(verdict), f"{verdict}\n{agent.stderr}"
    log = (kdc.folder / "kdc.log").read_text("utf-8")
    for principal in (reader, writer):
        assert f"{principal} for kafka/127.0.0.1@{TARGET}" in log, log
    # A program that nobody has got tickets for gets its own.
    environment, program, *flags = agent.arguments
    plan = subprocess.run(["env", environment, program, "plan", *flags], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, check=False)
    assert plan.returncode == 0 and f"copy.{topic}" in plan.stdout, plan
    assert agent.stop() == 0, agent.stderr


def test_a_service_that_the_kdc_does_not_know_is_said(start, names, new, kdc):
    topic, group = names
    login = by_key(f"mirror@{TARGET}", kdc.keytab_of(f"mirror@{TARGET}"))
    agent = start(new.secured, new.secured, topic, group, login, login.replace("required", "required serviceName=broker"),
                  "--topic.prefix", "copy.", service=None)
    agent.wait_event("target_unreachable", reason=lambda text: "not found in Kerberos database" in text and (
        "(the KDC knows no service of that name: check sasl.kerberos.service.name, that ") in text)
    assert agent.stop() == 0, agent.stderr


NO_FIT = {
    "other key tab": ("mirror", "other", "has no key of 'mirror@TARGET.TEST', only of 'other@TARGET.TEST': write one of these "
                      "as principal, or another key tab"),
    "key changed": ("stale", "stale", "the KDC does not take the key of 'stale@TARGET.TEST' in "),
    "unknown": ("gone", "gone", "the KDC of the realm TARGET.TEST does not know 'gone@TARGET.TEST': write the principal as "),
}


@pytest.mark.parametrize("what", NO_FIT)
def test_what_does_not_fit_is_said(what, start, names, kdc):
    name, keytab, expected = NO_FIT[what]
    topic, group = names
    source = f"mirror@{SOURCE}"
    if name != "mirror":
        kdc.add(f"{name}@{TARGET}")
    if name == "stale":
        kdc.change_key(f"{name}@{TARGET}")
    elif name == "gone":
        kdc.run("kadmin.local", "-r", TARGET, "delprinc", "-force", f"{name}@{TARGET}")
    agent = start(nowhere(), nowhere(), topic, group, by_key(source, kdc.keytab_of(source)),
                  by_key(f"{name}@{TARGET}", kdc.keytab_of(f"{keytab}@{TARGET}")))
    line = agent.wait_line("Kerberos login of the target: ")
    assert expected in line, line
    assert agent.wait() != 0


def test_a_kdc_that_is_away_is_waited_for(start, names, kdc, tmp_path):
    """Its clients are not refused the start: the host may come up before its KDC does."""
    topic, group = names
    config = kdc.write_config(tmp_path / "krb5.conf", port=free_port())
    logins = [by_key(f"mirror@{realm}", kdc.keytab_of(f"mirror@{realm}")) for realm in (SOURCE, TARGET)]
    agent = start(nowhere(), nowhere(), topic, group, *logins, config=config)
    agent.wait_event("ticket_failed", side="source", expires="-",
                     reason=lambda text: text.startswith("no KDC of the realm SOURCE.TEST answers: check [realms]"))
    kdc.write_config(config)
    for side in ("source", "target"):
        agent.wait_event("ticket", side=side)
    assert agent.stop() == 0, agent.stderr
