"""The admin API of an agent, over its Unix socket, as a test speaks to it."""

import http.client
import json
import socket
import threading

from timing import DEADLINE, wait_until


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Api:
    """path: where admin.listen=unix:PATH is."""

    def __init__(self, path, timeout=DEADLINE):
        self.path, self.timeout = path, timeout

    def call(self, method, target, body=None, headers=None):
        """(status, headers, text)"""
        connection = _Connection(self.path, self.timeout)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, target, data, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def is_up(self):
        try:
            return self.call("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def get(self, target):
        """The document of a GET that succeeds."""
        status, _, text = self.call("GET", target)
        assert status == 200, f"GET {target}: {status} {text}"
        return json.loads(text)

    def status(self, topic=None):
        return self.get("/status" + (f"?topic={topic}" if topic else ""))

    def wait_status(self, condition, what, timeout=DEADLINE, topic=None):
        """The first status of which the condition is true."""
        def ask():
            found = self.status(topic)
            return found if condition(found) else None
        return wait_until(ask, timeout, what)

    def post(self, target, **body):
        """What a POST that succeeds says."""
        status, _, text = self.call("POST", target, body)
        assert status == 200, f"POST {target} {body}: {status} {text}"
        return json.loads(text)["message"]

    def refuse(self, target, status, **body):
        """What a POST says that must end with this status."""
        found, _, text = self.call("POST", target, body)
        assert found == status, f"POST {target} {body}: {found} {text}"
        return json.loads(text)["error"]

    def metrics(self):
        """{'name{labels}': value}"""
        status, headers, text = self.call("GET", "/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def lines(self, method, target, body=None):
        """The JSON lines of an answer that may not end, as a Lines."""
        return Lines(self.path, method, target, body)


class Lines:
    """Lines of a streamed answer, read by a thread of its own."""

    def __init__(self, path, method, target, body):
        self.connection = _Connection(path, DEADLINE)
        self.connection.request(method, target, None if body is None else json.dumps(body),
                                {"Content-Type": "application/json"})
        self.answer = self.connection.getresponse()
        self.items, self.changed, self.is_over = [], threading.Condition(), False
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for line in self.answer:
                with self.changed:
                    self.items.append(json.loads(line))
                    self.changed.notify_all()
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def wait(self, condition, timeout=DEADLINE):
        """The first item of which the condition is true."""
        def find():
            return next((item for item in self.items if condition(item)), None)
        with self.changed:
            assert self.changed.wait_for(lambda: find() is not None or self.is_over, timeout) and find() is not None, self.items
            return find()

    def wait_end(self, timeout=DEADLINE):
        with self.changed:
            assert self.changed.wait_for(lambda: self.is_over, timeout), "the answer does not end"
        return self.items

    def close(self):
        if self.connection.sock:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        self.thread.join(5)
