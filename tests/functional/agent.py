"""The program under test as a process: its log lines as events, its signals, its exit status."""

import os
import re
import signal
import subprocess
import threading
import time

from timing import DEADLINE, PROMISE, SCALE

# What a sanitizer prints when it has found something.
SANITIZER = re.compile(r"(ERROR|WARNING): (Address|Thread|Leak|Memory|UndefinedBehavior)Sanitizer|runtime error:")

_FIELD = re.compile(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)')
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\S+) (debug|info|warn|error) (\w+)((?: .*)?)$")


class Event:
    """One line of the log: `time level name key=value ...`."""

    def __init__(self, level, name, fields, line):
        self.level, self.name, self.fields, self.line = level, name, fields, line

    def __getitem__(self, key):
        return self.fields[key]

    def has(self, fields):
        return all(key in self.fields and (want(self.fields[key]) if callable(want) else self.fields[key] == str(want))
                   for key, want in fields.items())

    def __repr__(self):
        return self.line


def _unquote(text):
    if not text.startswith('"'):
        return text
    return re.sub(r"\\(x[0-9a-f]{2}|.)",
                  lambda m: {"n": "\n"}.get(m[1], chr(int(m[1][1:], 16)) if len(m[1]) == 3 else m[1]), text[1:-1])


def parse_line(line):
    """The event of a log line, None when it is not one."""
    match = _LINE.match(line)
    if not match:
        return None
    return Event(match[2], match[3], {key: _unquote(value) for key, value in _FIELD.findall(match[4])}, line)


class Agent:
    """Starts when made. stderr is read by a thread of its own."""

    def __init__(self, program, arguments, directory, environment=None):
        self.arguments = [str(a) for a in arguments]
        self.events, self.lines = [], []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([program, *self.arguments], cwd=directory, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**os.environ, **(environment or {})})
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            with self.changed:
                self.lines.append(line)
                event = parse_line(line)
                if event:
                    self.events.append(event)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    @property
    def stderr(self):
        return "\n".join(self.lines)

    def find(self, name, **fields):
        """The events of that name so far whose fields are as given (a value, or a function of the text)."""
        with self.changed:
            return [e for e in self.events if e.name == name and e.has(fields)]

    def wait_event(self, name, timeout=DEADLINE, count=1, **fields):
        """Waits for the count-th such event and gives it back."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                found = [e for e in self.events if e.name == name and e.has(fields)]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                is_over = not self.thread.is_alive()
                assert left > 0 and not is_over, (
                    f"no event {name} {fields} {'before the end' if is_over else f'within {timeout} s'}; the log:\n"
                    + self.stderr)
                self.changed.wait(min(left, 1))

    def shares(self):
        """How many partitions each stream has now, as the log tells it; those that have none are left out."""
        found = {}
        with self.changed:
            for event in self.events:
                if event.name == "assigned":
                    found[event["stream"]] = int(event["partitions"])
                elif event.name in ("revoked", "partitions_lost"):
                    found.pop(event["stream"], None)
        return found

    def wait_shared(self, partitions, streams, timeout=DEADLINE):
        """Waits until that many streams have all the partitions. A group may be shared out more than once before it settles, and
        nothing flows in between."""
        end = time.monotonic() + timeout
        with self.changed:
            while len(self.shares()) != streams or sum(self.shares().values()) != partitions:
                left = end - time.monotonic()
                assert left > 0, f"{partitions} partitions are not shared out to {streams} streams; the log:\n{self.stderr}"
                self.changed.wait(left)

    def wait_line(self, pattern, timeout=PROMISE):
        """Waits for a line of stderr in which the pattern is found."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line
                left = end - time.monotonic()
                assert left > 0, f"nothing like {pattern} within {timeout} s; stderr:\n{self.stderr}"
                self.changed.wait(left)

    def send(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE):
        """The exit status; negative when a signal ended it."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {timeout} s; stderr:\n{self.stderr}") from None
        self.thread.join(5)
        return status

    def stop(self, timeout=PROMISE, number=signal.SIGTERM):
        self.send(number)
        return self.wait(timeout)

    def kill(self):
        self.process.kill()
        self.wait()

    def is_running(self):
        return self.process.poll() is None

    def rss(self):
        """Resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def cpu(self):
        """Seconds of processor time used so far, of all threads."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            user, system = stat.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """For the teardown: gone for certain, and the sanitizers had nothing to say."""
        if self.is_running() and SCALE > 1:
            self.send(signal.SIGTERM)
            try:
                self.process.wait(PROMISE)
            except subprocess.TimeoutExpired:
                pass
        if self.is_running():
            self.process.kill()
        self.wait()
        self.process.stderr.close()
        found = SANITIZER.search(self.stderr)
        assert not found, f"a sanitizer reports:\n{self.stderr[found.start():]}"
