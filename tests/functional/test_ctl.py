"""reflejo ctl: its tables and exit statuses, against an agent that answers what a test wants, and against a real one."""

import copy
import fcntl
import http.server
import json
import os
import pty
import re
import select
import signal
import socketserver
import struct
import subprocess
import termios
import threading
import time

import pytest

import openapi
from timing import DEADLINE, SCALE, wait_until

TOPIC = {"topic": "orders", "destination": "orders", "rule": "key", "state": "flowing", "reason": None, "partitions": 12, "assigned": 4,
         "records_mirrored": 123456, "bytes_mirrored": 9876543, "records_per_second": 1234.5, "bytes_per_second": 2345678.9,
         "lag_records": 4200, "lag_seconds": 3.4, "latency_p50_seconds": 0.012, "latency_p99_seconds": 0.3, "in_flight": 7,
         "limit": None, "problems": []}
PARTITION = {"topic": "orders", "partition": 3, "stream": 0, "state": "held", "reason": "the target refuses a record: too large",
             "position": 123456789, "committed": 123456000, "end": 123460000, "lag_records": 3211, "lag_seconds": 100.0,
             "in_flight": 1, "records_mirrored": 5, "bytes_mirrored": 50, "records_per_second": 0}
STATUS = {
    "version": "0.1.0", "librdkafka": "2.0.2", "pid": 4711, "started": "2026-01-01T00:00:00.000Z", "now": "2026-01-02T03:00:00.000Z",
    "uptime_seconds": 97200, "state": "running", "dry_run": False, "group": "mirrorgroup", "expression": "orders.*", "ready": False,
    "reasons": ["orders:3 is held: the target refuses a record: too large"],
    "source": {"brokers": "a:9092,b:9092", "reachable": True, "since": "2026-01-01T00:00:00.000Z", "reason": None, "ticket": None, "token_expires": None},
    "target": {"brokers": "c:9092", "reachable": False, "since": "2026-01-02T02:00:00.000Z", "reason": "connection refused", "ticket": None, "token_expires": None},
    "until": None,
    "totals": dict.fromkeys(("records_read", "bytes_read", "records_mirrored", "bytes_mirrored", "records_dropped",
                             "records_dead_lettered", "records_resent", "send_failures", "script_errors"), 1),
    "rates": {"records_per_second": 1234.5, "bytes_per_second": 2345678.9}, "lag_records": 7411, "lag_seconds": None,
    "latency": {"p50_seconds": 0.012, "p99_seconds": 0.3}, "buffer": {"bytes": 12345678, "bound_bytes": 67108864},
    "partitions": {"flowing": 3, "held": 1, "paused": 0},
    "streams": [{"stream": 0, "partitions": 4, "records_mirrored": 1, "buffer_bytes": 1,
                 "transactions": None}],
    "history": {"records_per_second": [1], "bytes_per_second": [1], "lag_records": [None]},
    "script": {"file": "route.lua", "generation": 3, "loaded": "2026-01-01T00:00:00.000Z", "record_hook": True,
               "last_reload": {"time": "2026-01-02T01:00:00.000Z", "result": "rejected", "reason": "route.lua:1: unexpected symbol"},
               "reloads": {"ok": 2, "rejected": 1, "rolled_back": 0}, "seconds": 1.5, "heap_bytes": 1, "errors": 0, "counters": []},
    "limits": [{"topics": None, "text": "20MB/s", "origin": "live", "bytes_per_second": 2e7, "records_per_second": None}],
    "pauses": [{"topic": "orders", "partition": 2, "by": "ana (uid 1000)", "since": "2026-01-02T02:30:00.000Z", "keep": True}],
    "topics": [TOPIC], "troubled": [PARTITION], "log_level": "info"}
PLAN = {"topics": [
    {"topic": "orders", "partitions": 12, "mirrored": True, "why_not": None, "destination": "east.orders", "rule": "key",
     "destination_partitions": 6, "map": None, "create": None, "grow_to": 12, "awaits": None, "limit": None,
     "problems": ["the target has fewer partitions"]},
    {"topic": "secret", "partitions": 1, "mirrored": False, "why_not": "exclude", "destination": None, "rule": None,
     "destination_partitions": None, "map": None, "create": None, "grow_to": None, "awaits": None, "limit": None,
     "problems": []}], "mirrored": 1, "problems": 1}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Answers as told, and notes what was asked."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked = {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None, dict(self.headers)))
        status, document = self.server.answers.get(self.path.split("?")[0], (404, {"error": "there is nothing under this path"}))
        text = document if isinstance(document, str) else json.dumps(document)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = answer


@pytest.fixture
def server():
    made = Server()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def ctl(run, server):
    """ctl("status") gives the finished process."""
    def ask(*arguments, **environment):
        return run("ctl", "--address", server.address, *arguments, environment={"COLUMNS": "80", **environment})
    return ask


def test_the_documents_here_are_the_agents():
    openapi.check(STATUS, "Status")
    openapi.check(PLAN, "Plan")


@pytest.mark.sanitize
def test_status(ctl, server):
    server.answers["/status"] = (200, STATUS)
    done = ctl("status")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == """\
running for 1d 3h   group mirrorgroup   reflejo 0.1.0, pid 4711
source  a:9092,b:9092
target  AWAY since 2026-01-02T02:00:00.000Z: connection refused  c:9092
flow    1.2k records/s, 2.3 MB/s   lag 7.4k records, -
latency 12 ms (half), 300 ms (99%)   buffer 12 MB of 67 MB
parts   3 flowing, 1 held
script  route.lua, generation 3
reload  rejected at 2026-01-02T01:00:00.000Z: route.lua:1: unexpected symbol
not ready: orders:3 is held: the target refuses a record: too large

paused: orders:2 by ana (uid 1000) since 2026-01-02T02:30:00.000Z, kept over a …
limit: 20MB/s over all topics (live)

TOPIC   STATE    PART  REC/S  BYTES/S   LAG  BEHIND
orders  flowing  4/12   1.2k   2.3 MB  4.2k   3.4 s

IN TROUBLE  STATE         AT  REASON
orders:3    held   123456789  the target refuses a record: too large
"""
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


ENDS = {"end": True, "timestamp": None, "idle_seconds": None, "records": 5000000, "records_left": 1250000, "percent": 75,
        "records_per_second": 125000, "eta_seconds": 10.0, "partitions": 8, "partitions_done": 3}
NO_ENDS = dict.fromkeys(("timestamp", "records", "records_left", "percent", "records_per_second", "eta_seconds", "partitions",
                         "partitions_done"))


@pytest.mark.parametrize("until, line", [
    (ENDS, "until   75.0 % of 5.0M records, 3/8 parts done, 10 s left"),
    ({**ENDS, "eta_seconds": None, "idle_seconds": 30.0},
     "until   75.0 % of 5.0M records, 3/8 parts done; or idle for 30 s"),
    ({**NO_ENDS, "end": False, "idle_seconds": 600.0}, "until   idle for 10m 0s"),
])
def test_status_of_a_one_shot(ctl, server, until, line):
    document = {**copy.deepcopy(STATUS), "until": until}
    openapi.check(document, "Status")
    server.answers["/status"] = (200, document)
    assert line in ctl("status").stdout.splitlines(), ctl("status").stdout


@pytest.mark.sanitize
def test_status_of_a_topic_is_asked_for_and_shown(ctl, server):
    document = copy.deepcopy(STATUS)
    document["detail"] = [PARTITION, {**PARTITION, "partition": 4, "position": None, "lag_seconds": None}]
    openapi.check(document, "Status")
    server.answers["/status"] = (200, document)
    done = ctl("status", "orders&x=1")
    assert server.asked[0][1] == "/status?topic=orders%26x%3D1"
    assert "orders:4   held       0          -  3.2k       -          1\n" in done.stdout
    server.answers["/status"] = (200, {**STATUS, "detail": []})
    assert ctl("status", "odrers").stdout.endswith("\nthis agent has no partition of that topic\n")


@pytest.mark.sanitize
@pytest.mark.parametrize("width", [80, 100, 200])
def test_long_names_are_cut_in_the_middle(ctl, server, width):
    document = copy.deepcopy(STATUS)
    long = "a-very-long-topic-name-of-the-team-" * 3
    document["topics"] = [{**TOPIC, "topic": f"{long}{i}", "destination": f"east.{long}{i}", "state": "caught up"} for i in range(12)]
    document["troubled"] = [{**PARTITION, "topic": f"{long}{i}", "reason": "r\u00e4ason " * 40} for i in range(3)]
    document["target"]["reason"] = "an awful thing \x1b[2J\n has happened " * 20
    openapi.check(document, "Status")
    server.answers["/status"] = (200, document)
    done = ctl("status", COLUMNS=str(width))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert "\x1b" not in done.stdout
    rows = [line for line in lines if re.search("caught up +4/12", line)]
    assert len(rows) == 12 and len({line.split()[1] for line in rows}) == 12
    if width == 200:
        assert "\u2026" in rows[0] and rows[0].startswith("a-very-long") and "  east.a-very-long" in rows[0] and "11  caught up" in rows[11]


def test_json_is_passed_on(ctl, server):
    server.answers["/status"], server.answers["/plan"] = (200, STATUS), (200, PLAN)
    assert json.loads(ctl("status", "--json").stdout) == STATUS
    assert json.loads(ctl("plan", "--json").stdout) == PLAN


def test_plan(ctl, server):
    server.answers["/plan"] = (200, PLAN)
    assert ctl("plan").stdout == """\
TOPIC   PARTITIONS  DESTINATION  PARTITIONS  RULE
orders          12  east.orders           6  key
secret           1  -                     -  exclude
2 topics, 1 mirrored
orders: the target has fewer partitions
"""


@pytest.mark.sanitize
@pytest.mark.parametrize("arguments, path, body, schema", [
    (("pause",), "/pause", {}, "PauseRequest"),
    (("pause", "orders"), "/pause", {"topic": "orders"}, "PauseRequest"),
    (("pause", "orders:3", "--keep"), "/pause", {"topic": "orders", "partition": 3, "keep": True}, "PauseRequest"),
    (("pause", "--keep"), "/pause", {"keep": True}, "PauseRequest"),
    (("resume",), "/resume", {}, "ResumeRequest"),
    (("resume", "orders:0"), "/resume", {"topic": "orders", "partition": 0}, "ResumeRequest"),
    (("limit", "20MB/s"), "/limit", {"limit": "20MB/s"}, "LimitRequest"),
    (("limit", "20MB/s \"5r/s", "orders"), "/limit", {"limit": "20MB/s \"5r/s", "topic": "orders"}, "LimitRequest"),
    (("reload",), "/reload", None, None),
    (("rollback",), "/rollback", None, None),
    (("log-level", "debug"), "/log-level", {"level": "debug"}, "LogLevelRequest"),
    (("stop",), "/stop", None, None),
])
def test_orders(ctl, server, arguments, path, body, schema):
    server.answers[path] = (200, {"message": "it is done"})
    done = ctl(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, "it is done\n", "")
    assert [asked[:3] for asked in server.asked] == [("POST", path, body)]
    if schema:
        openapi.check(body, schema)
    server.answers[path] = (409, {"error": "not now\x1b[2J"})
    done = ctl(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "reflejo: not now?[2J\n")


@pytest.mark.parametrize("arguments, says", [
    (("pause", "a", "b"), "usage: reflejo ctl pause"), (("pause", "a:x"), "partition"), (("pause", "a:-1"), "partition"),
    (("resume", "--keep"), "usage"), (("limit",), "usage"), (("reload", "x"), "usage"), (("log-level",), "usage"),
    (("status", "--nothing"), "usage"), (("events", "--level", "loud"), "usage"), (("events", "--last", "501"), "usage"),
    (("tap",), "usage"), (("statsu",), "did you mean 'status'"), (("zzz",), "no command 'zzz'"), ((), "usage: reflejo ctl"),
    (("status", "--token-file", "none"), "none: No such file"), (("status", "--token-file"), "needs a value"),
])
def test_what_cannot_be_meant(ctl, server, arguments, says):
    done = ctl(*arguments)
    assert done.returncode == 1 and says in done.stderr and done.stdout == ""
    assert server.asked == []


def test_help_names_every_command(run):
    done = run("ctl", "--help")
    assert done.returncode == 0
    for word in ("status", "plan", "pause", "resume", "limit", "reload", "rollback", "tap", "events", "log-level", "stop", "ready"):
        assert re.search(rf"^  {word}( |$)", done.stdout, re.M), word
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.sanitize
def test_ready(ctl, server):
    server.answers["/readyz"] = (200, {"ready": True, "reasons": []})
    done = ctl("ready")
    assert (done.returncode, done.stdout) == (0, "ready\n")
    server.answers["/readyz"] = (503, {"ready": False, "reasons": ["orders:3 is held", "and two more"]})
    done = ctl("ready")
    assert (done.returncode, done.stderr) == (1, "not ready\norders:3 is held\nand two more\n")


EVENTS = [{"time": "2026-01-01T00:00:00.000Z", "level": "info", "event": "assigned", "stream": 0, "partitions": 3},
          {"time": "2026-01-01T00:00:01.000Z", "level": "warn", "event": "source_trouble", "reason": "a \"b\"\x1b[2J"}]


@pytest.mark.sanitize
def test_events(ctl, server):
    server.answers["/events"] = (200, "".join(json.dumps(e) + "\n" for e in EVENTS))
    done = ctl("events", "--no-follow", "--last", "7")
    assert server.asked[0][1] == "/events?last=7&follow=false"
    assert done.returncode == 0 and done.stdout.splitlines()[0] == "2026-01-01T00:00:00.000Z info assigned stream=0 partitions=3"
    assert done.stdout.splitlines()[1].startswith("2026-01-01T00:00:01.000Z warn source_trouble reason=")
    assert "\x1b" not in done.stdout
    assert len(ctl("events", "--level", "warn").stdout.splitlines()) == 1
    assert [json.loads(line) for line in ctl("events", "--json").stdout.splitlines()] == EVENTS


def test_whom_and_as_whom(run, server, tmp_path):
    server.answers["/stop"] = (200, {"message": "it is done"})
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o600)
    environment = {"REFLEJO_ADMIN": f"http://{server.address}/", "SUDO_USER": "ana\nEvil: yes"}
    assert run("ctl", "stop", "--token-file", token, environment=environment).returncode == 0
    headers = server.asked[0][3]
    assert headers["Authorization"] == "Bearer s3cret" and headers["X-Reflejo-User"] == "ana" and "Evil" not in headers
    assert headers["Host"] == server.address
    run("ctl", "stop", environment={"REFLEJO_ADMIN": server.address, "REFLEJO_TOKEN_FILE": str(token)})
    assert server.asked[1][3]["Authorization"] == "Bearer s3cret"
    server.answers["/stop"] = (401, {"error": "this is not the token"})
    done = run("ctl", "stop", environment=environment)
    assert (done.returncode, done.stderr) == (1, "reflejo: this is not the token\n"
                                              "reflejo: name its file with --token-file or in $REFLEJO_TOKEN_FILE\n")
    token.chmod(0o644)
    done = run("ctl", "stop", "--token-file", token, environment=environment)
    assert done.returncode == 1 and "chmod o-r" in done.stderr


@pytest.mark.sanitize
@pytest.mark.parametrize("raw, says", [(b"", "without an answer"), (b"220 smtp\r\n", "no agent"), (b"220 smtp\r\n\r\n", "no agent"),
                                       (b"x" * 100000, "no agent")])
def test_what_is_no_agent(run, raw, says):
    class Odd(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1000)
            try:
                self.request.sendall(raw)
            except OSError:
                pass

    with socketserver.TCPServer(("127.0.0.1", 0), Odd) as odd:
        threading.Thread(target=odd.serve_forever, daemon=True).start()
        done = run("ctl", "--address", "127.0.0.1:%d" % odd.server_address[1], "status")
        odd.shutdown()
    assert done.returncode == 2 and says in done.stderr


def test_a_document_that_is_none(ctl, server):
    server.answers["/status"] = (200, "[1]")
    assert ctl("status").stdout == "the agent's answer is no status\n"
    server.answers["/status"] = (200, {})
    done = ctl("status")
    assert done.returncode == 0 and "no topic is mirrored" in done.stdout


class Terminal:
    """The program in a terminal of 24 lines of 80 columns."""

    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
            os.environ.update({"TERM": "xterm"})
            os.execv(command[0], command)
        self.text = b""

    def read_until(self, wanted, timeout=DEADLINE):
        end = time.monotonic() + timeout
        while not wanted(self.text):
            assert time.monotonic() < end, self.text
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.fd, 65536)
                except OSError:
                    assert wanted(self.text), self.text
        return self.text

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_watch_on_a_terminal(program, server):
    document = copy.deepcopy(STATUS)
    document["topics"] = [{**TOPIC, "topic": f"t{i}"} for i in range(100)]
    server.answers["/status"] = (200, document)
    terminal = Terminal([program, "ctl", "--address", server.address, "status", "--watch", "0.1"])
    terminal.read_until(lambda text: text.count(b"\x1b[H") >= 3)
    # A picture is drawn over the one before, and has no more lines than the terminal.
    picture = terminal.text.split(b"\x1b[H")[2]
    assert b"\x1b[2J" not in picture and picture.count(b"\n") < 24 and b"\x1b[J" in picture
    # An agent that goes away is waited for.
    server.shutdown()
    server.server_close()
    terminal.read_until(lambda text: text.count(b"no agent answers") >= 2)
    os.kill(terminal.pid, signal.SIGINT)
    terminal.read_until(lambda text: text.endswith(b"\x1b[?25h"))
    assert terminal.end() == 0


def test_watch_into_a_pipe(program, server):
    server.answers["/status"] = (200, STATUS)
    watch = subprocess.Popen([program, "ctl", "--address", server.address, "status", "--watch", "0.1"], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: len(server.asked) >= 3)
    watch.send_signal(signal.SIGINT)
    stdout, _ = watch.communicate(timeout=DEADLINE)
    assert watch.returncode == 0 and stdout.count("running for 1d 3h") >= 2 and "\x1b" not in stdout


def test_a_stream_whose_reader_goes_away(program, server):
    """`reflejo ctl events | head -1` ends."""
    server.answers["/events"] = (200, json.dumps(EVENTS[0]) + "\n")
    done = subprocess.run(f"{program} ctl --address {server.address} events | head -1", shell=True, capture_output=True, text=True,
                          timeout=30 * SCALE, check=False)
    assert done.stdout.startswith("2026-01-01") and done.returncode == 0


@pytest.mark.sanitize
def test_a_real_agent(mirror, run, tmp_path):
    """Over TCP with a token, and over a Unix socket without."""
    (tmp_path / "token").write_text("s3cret\n")
    (tmp_path / "token").chmod(0o600)
    agent = mirror("127.0.0.1:1", "127.0.0.1:1", flags=("--start.timeout.ms", "600000", "--admin.token.file", "token",
                                                        "--admin.listen", "127.0.0.1:0,unix:admin"))
    address = agent.wait_event("admin_listening")["address"]
    done = run("ctl", "--address", address, "log-level", "warn")
    assert done.returncode == 1 and "token" in done.stderr
    done = run("ctl", "--address", address, "log-level", "warn", "--token-file", "token")
    assert done.returncode == 0 and done.stdout == "the log shows warn and above\n"
    for level in ("info", "debug"):
        assert run("ctl", "--socket", "admin", "log-level", level).returncode == 0
    assert agent.wait_event("admin_call", by=lambda by: "uid" in by)
    assert run("ctl", "--socket", "admin", "log-level", "loud").returncode == 1
    done = run("ctl", "--socket", "admin", "reload")
    assert done.returncode == 1 and "script.file" in done.stderr
    done = run("ctl", "--address", "unix:admin", "stop")
    assert done.returncode == 0 and agent.wait() == 0
    done = run("ctl", "--address", "unix:admin", "stop")
    assert done.returncode == 2 and "admin.listen=unix:admin" in done.stderr
