"""Logins, tokens and certificates that change in their files while the program runs.

That brokers take what is new is shown with real ones, in tests/kafka/test_security.py."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import time

import pytest

from api import Api
from conftest import GROUP, write_properties
from timing import wait_until

STORES = pathlib.Path(__file__).parents[1] / "unit" / "data" / "stores"
NOWHERE = "127.0.0.1:1"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
LOGIN = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
         "sasl.jaas.config": f'{PLAIN} required username="u" password="${{file:password}}";'}
TOKEN = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": f"{OAUTH} required;",
         "sasl.oauthbearer.token.endpoint.url": "file:token"}
ALONE = ("--start.timeout.ms", "0", "--admin.listen", "unix:control")


def token(expires):
    parts = [{"alg": "none"}, {"sub": "mirror", "exp": expires}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.fixture
def secret(tmp_path):
    """secret("password", "x"): a file that only we can read, replaced as a whole."""
    def write(name, text):
        (tmp_path / "new").write_text(text + "\n")
        (tmp_path / "new").chmod(0o600)
        os.replace(tmp_path / "new", tmp_path / name)
    return write


@pytest.mark.sanitize
def test_a_token_that_is_renewed_in_its_file_is_taken(mirror, secret, tmp_path):
    secret("token", token(1000000000))
    agent = mirror(NOWHERE, NOWHERE, consumer=TOKEN, flags=(*ALONE, "--secrets.interval", "1"))
    agent.wait_event("source_unreachable", reason=lambda reason: "the token in 'token' cannot be used: it expired on "
                                                                 "2001-09-09 01:46:40 UTC; who writes the file must renew it" in reason)
    agent.wait_event("token_refused", side="source")
    api = Api(tmp_path / "control")
    wait_until(api.is_up, what="the admin API")
    assert api.status()["source"]["token_expires"] is None
    expires = int(time.time()) + 3600
    secret("token", token(expires))
    agent.wait_event("secrets_renewed", side="source", what="token")
    api.wait_status(lambda status: status["source"]["token_expires"], "the token's expiry")
    sample = f'reflejo_token_expiry_timestamp_seconds{{side="source"}} {expires}'
    assert sample in api.call("GET", "/metrics")[2].splitlines()
    # What is none is not taken, and the one before stays; nothing of it is said, as librdkafka would.
    secret("token", token(expires + 1) + "\x7f")
    agent.wait_event("secrets_refused", reason=lambda reason: reason.startswith("source: the token in 'token' cannot be used: it is no JWT"))
    assert sample in api.call("GET", "/metrics")[2].splitlines()
    assert agent.stop() == 0
    assert token(expires) not in agent.stderr and token(expires + 1) not in agent.stderr
    assert len(agent.find("secrets_renewed")) == 1


@pytest.fixture
def files(tmp_path):
    """The flags of a mirror whose source wants a token."""
    lines = {"bootstrap.servers": NOWHERE, "group.id": GROUP, **TOKEN}
    return ("--consumer.config", write_properties(tmp_path / "c.properties", lines),
            "--producer.config", write_properties(tmp_path / "p.properties", {"bootstrap.servers": NOWHERE}), "--whitelist", "t")


@pytest.mark.parametrize("text, sentence", [
    (token(4000000000), None),
    (token(1000000000), "the token in 'token' cannot be used: it expired on 2001-09-09 01:46:40 UTC; who writes the file must renew it"),
    ("no token", "the token in 'token' cannot be used: it is no JWT: three parts in base64url"),
    ("", "the token in 'token' cannot be used: it is no JWT but empty; who writes the file must put one there"),
    (None, "cannot read 'token': No such file or directory"),
])
def test_check_reads_the_token(run, secret, files, text, sentence):
    """Without a cluster, which would only say that the login failed."""
    if text is not None:
        secret("token", text)
    done = run("check", *files)
    assert done.returncode == (1 if sentence else 0), done.stderr
    assert not sentence or re.search(f"c.properties:6: (sasl.oauthbearer.token.endpoint.url: )?{re.escape(sentence)}", done.stderr)
    assert not text or text not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_token_in_a_pipe_is_refused(run, files, tmp_path, command):
    """Nobody writes into it."""
    os.mkfifo(tmp_path / "token")
    done = run(command, *files)
    assert done.returncode == 1
    assert "c.properties:6: sasl.oauthbearer.token.endpoint.url: 'token' is no file that can be read again" in done.stderr


@pytest.mark.sanitize
def test_what_is_new_is_taken_when_asked_for(mirror, run, secret, tmp_path):
    secret("password", "first-word")
    agent = mirror(NOWHERE, NOWHERE, consumer=LOGIN, producer=LOGIN, flags=(*ALONE, "--secrets.interval", "0"))
    agent.wait_event("admin_listening")
    nothing = run("ctl", "--socket", "control", "reload")
    assert nothing.returncode == 1 and "no login, token or certificate has changed" in nothing.stderr
    secret("password", "second-word")
    done = run("ctl", "--socket", "control", "reload")
    assert (done.returncode, done.stdout) == (0, "taken anew: source: login; target: login\n"), done.stderr
    agent.send(signal.SIGHUP)
    agent.wait_event("reload_unavailable")
    secret("password", "third-word")
    agent.send(signal.SIGHUP)
    agent.wait_event("secrets_renewed", count=3, what="login")
    # What cannot be read leaves everything as it is.
    (tmp_path / "password").unlink()
    done = run("ctl", "--socket", "control", "reload")
    assert done.returncode == 1 and "consumer1.properties:" in done.stderr and "No such file" in done.stderr
    secret("password", "third-word")
    path = tmp_path / "producer1.properties"
    before = path.read_text()
    path.write_text(path.read_text().replace("sasl.mechanism=PLAIN", "sasl.mechanism=SCRAM-SHA-256").replace(
        PLAIN, "org.apache.kafka.common.security.scram.ScramLoginModule"))
    # May be for another cluster: a new password with it is not taken before it is taken back.
    secret("password", "fourth-word")
    done = run("ctl", "--socket", "control", "reload")
    assert done.returncode == 1 and "source: login; target: bootstrap.servers or other settings of its connections have changed" in done.stderr
    agent.wait_event("secrets_fixed", side="target")
    path.write_text(path.read_text().replace(NOWHERE, "127.0.0.1:2"))
    agent.send(signal.SIGHUP)
    agent.wait_event("secrets_fixed", count=2, side="target")
    path.write_text(before)
    done = run("ctl", "--socket", "control", "reload")
    assert (done.returncode, done.stdout) == (0, "taken anew: target: login\n"), done.stderr
    assert agent.stop() == 0
    assert len(agent.find("secrets_fixed")) == 2
    assert "-word" not in agent.stderr


@pytest.mark.sanitize
def test_a_file_that_is_half_written_takes_nothing_away(mirror, run, tmp_path):
    shutil.copy(STORES / "root.pem", tmp_path / "root.pem")
    agent = mirror(NOWHERE, NOWHERE, consumer={"ssl.truststore.location": "root.pem", "security.protocol": "SSL"},
                   flags=(*ALONE, "--secrets.interval", "0"))
    agent.wait_event("admin_listening")
    path = tmp_path / "consumer1.properties"
    before = path.read_text()
    path.write_text("".join(line for line in before.splitlines(keepends=True) if "truststore" not in line))
    done = run("ctl", "--socket", "control", "reload")
    assert done.returncode == 1 and "source: the configuration has no trust any more: write it again" in done.stderr
    agent.wait_event("secrets_refused")
    path.write_text(before)
    done = run("ctl", "--socket", "control", "reload")
    assert done.returncode == 1 and "no login, token or certificate has changed" in done.stderr
    assert agent.stop() == 0
