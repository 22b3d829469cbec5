"""The admin API from outside: whole requests, and raw sockets for peers that misbehave."""

import json
import re
import socket
import ssl

from timing import DEADLINE


class Answer:
    """Status, headers (lower-case names), body as bytes."""

    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The sentence of an error, which must be all there is."""
        assert self.headers["content-type"] == "application/json"
        document = self.json
        assert list(document) == ["error"] and document["error"], document
        return document["error"]


class Peer:
    """One connection. address: "HOST:PORT", or a path of a Unix socket. receive_buffer: what the kernel keeps of what comes and is not
    read, in bytes. It is set before the connection is there: a window that shrinks later makes the kernel ignore what is acknowledged.
    tls: an SSLContext, for a server that speaks TLS."""

    def __init__(self, address, receive_buffer=None, tls=None):
        self.buffer = b""
        if isinstance(address, str) and re.fullmatch(r".*:\d+", address):
            host, _, port = address.rpartition(":")
            host = host.strip("[]")
            self.socket, address = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))
        else:
            self.socket, address = socket.socket(socket.AF_UNIX), str(address)
        self.socket.settimeout(DEADLINE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host, suppress_ragged_eofs=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def request(self, method, path, body=b"", headers=()):
        """Sends a request of HTTP/1.1."""
        lines = [f"{method} {path} HTTP/1.1"]
        names = {name.lower() for name, _ in headers}
        if "host" not in names:
            lines.append("Host: 127.0.0.1")
        if body and "content-type" not in names:
            lines.append("Content-Type: application/json")
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def answer(self, has_body=True):
        """The next answer; what comes behind it stays for the one after. None: the connection has ended."""
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        answer = Answer(self.buffer)
        end = self.buffer.index(b"\r\n\r\n") + 4
        size = int(answer.headers.get("content-length", 0)) if has_body else 0
        while len(self.buffer) < end + size:
            assert self.more(), "the answer broke off"
        answer.body, self.buffer = self.buffer[end:end + size], self.buffer[end + size:]
        return answer

    def more(self):
        """Reads on. False: the connection has ended."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def is_closed(self, timeout=0.0):
        """Has the other side ended the connection, within so many seconds, without a byte?"""
        self.socket.settimeout(timeout or 0.001)
        try:
            return not self.socket.recv(1)
        except (BlockingIOError, TimeoutError, ssl.SSLWantReadError):
            return False
        except ConnectionResetError:
            return True
        finally:
            self.socket.settimeout(DEADLINE)


def ask(address, method, path, body=b"", headers=(), tls=None):
    """One request over a connection of its own."""
    with Peer(address, tls=tls) as peer:
        peer.request(method, path, body, headers)
        return peer.answer(has_body=method != "HEAD")
