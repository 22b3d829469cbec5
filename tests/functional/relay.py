"""A broker behind a relay, which can leave all brokers out of what the broker answers. Formats: Kafka's protocol guide."""

import contextlib
import socket
import struct
import threading

from cluster import API
from server import Server

METADATA, COORDINATOR = API["Metadata"], API["FindCoordinator"]
LEADER_NOT_AVAILABLE = 5


class _Fields:
    """Reads a response field by field."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values

    def text(self):
        """With its length in front, as it stands."""
        begin = self.at
        size = self.take("h")[0]
        self.at += max(size, 0)
        return self.data[begin:self.at]

    def numbers(self):
        begin = self.at
        count = self.take("i")[0]
        self.at += 4 * count
        return self.data[begin:self.at]

    def rest(self):
        return self.data[self.at:]


class Relay:
    """Stands before a mock cluster of one broker; clients that begin here stay here."""

    def __init__(self, cluster):
        # The versions that are understood here.
        cluster.order("apiversion", METADATA, 0, 2)
        cluster.order("apiversion", COORDINATOR, 0, 0)
        host, port = cluster.bootstrap.split(",")[0].rsplit(":", 1)
        self.behind = (host, int(port))
        self.server = Server(self._join)
        self.port = self.server.port
        self.bootstrap = f"localhost:{self.port}"  # not as in the answers: another broker, to a client
        self.is_blind = False
        self.told, self.misled = set(), set()  # ids of clients that were told of brokers, or of none

    def close(self):
        self.server.close()

    def _join(self, client):
        asked = {}
        with socket.create_connection(self.behind) as broker:
            back = threading.Thread(target=self._carry, args=(broker, client, lambda frame: self._answer(frame, asked)), daemon=True)
            back.start()
            self._carry(client, broker, lambda frame: self._note(frame, asked))
            back.join()

    @staticmethod
    def _carry(one, other, change):
        try:
            with contextlib.suppress(OSError), one.makefile("rb") as stream:
                while len(size := stream.read(4)) == 4:
                    frame = change(stream.read(struct.unpack(">i", size)[0]))
                    other.sendall(struct.pack(">i", len(frame)) + frame)
        finally:
            # Whoever reads from either is through as well.
            for end in (one, other):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _note(frame, asked):
        request = _Fields(frame)
        key, version, number = request.take("hhi")
        if key in (METADATA, COORDINATOR):
            asked[number] = key, version, request.text()[2:].decode()
        return frame

    def _answer(self, frame, asked):
        key, version, name = asked.pop(struct.unpack_from(">i", frame)[0], (None, None, None))
        if key == METADATA:
            assert version == 2, version
            (self.misled if self.is_blind else self.told).add(name)
            return frame[:4] + self._metadata(_Fields(frame[4:]))
        if key == COORDINATOR:
            fields = _Fields(frame[4:])
            return frame[:4] + struct.pack(">hi", *fields.take("hi")) + fields.text() + struct.pack(">i", self.port)
        return frame

    def _metadata(self, fields):
        brokers = b""
        for _ in range(count := fields.take("i")[0]):
            brokers += struct.pack(">i", *fields.take("i")) + fields.text()
            fields.take("i")
            brokers += struct.pack(">i", self.port) + fields.text()
        cluster = fields.text()
        if not self.is_blind:
            return struct.pack(">i", count) + brokers + cluster + fields.rest()
        fields.take("i")
        return struct.pack(">i", 0) + cluster + struct.pack(">i", -1) + self._leaderless(fields)

    @staticmethod
    def _leaderless(fields):
        topics = struct.pack(">i", topic_count := fields.take("i")[0])
        for _ in range(topic_count):
            topics += struct.pack(">h", *fields.take("h")) + fields.text() + struct.pack(">b", *fields.take("b"))
            topics += struct.pack(">i", count := fields.take("i")[0])
            for _ in range(count):
                number = fields.take("hii")[1]
                topics += struct.pack(">hii", LEADER_NOT_AVAILABLE, number, -1) + fields.numbers() + fields.numbers()
        return topics
