"""A Produce request written byte by byte, for records that no client library sends (a timestamp of 0, say).
Format: KIP-98's record batch, and the Produce request of version 3, in Kafka's protocol guide."""

import socket
import struct


def _crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _varint(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n & ~0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _varbytes(data):
    return _varint(-1) if data is None else _varint(len(data)) + data


def _record(record, base_timestamp, delta):
    headers = record.headers or []
    body = b"\0" + _varint(record.timestamp - base_timestamp) + _varint(delta)
    body += _varbytes(record.key) + _varbytes(record.value) + _varint(len(headers))
    for name, value in headers:
        body += _varbytes(name.encode()) + _varbytes(value)
    return _varint(len(body)) + body


def batch(records):
    """One record batch, uncompressed, without a producer id."""
    first = records[0].timestamp
    body = struct.pack(">hiqqqhii", 0, len(records) - 1, first, max(r.timestamp for r in records), -1, -1, -1,
                       len(records))
    body += b"".join(_record(r, first, i) for i, r in enumerate(records))
    head = struct.pack(">ibI", -1, 2, crc32c(body))
    return struct.pack(">qi", 0, len(head) + len(body)) + head + body


def _string(text):
    return struct.pack(">h", len(text)) + text.encode()


def produce(bootstrap, topic, partition, records):
    """Appends the records as one batch; the first broker of the list must lead the partition."""
    data = batch(records)
    request = struct.pack(">hhi", 0, 3, 1) + _string("wire") + struct.pack(">hhi", -1, -1, 10000)
    request += struct.pack(">i", 1) + _string(topic) + struct.pack(">iii", 1, partition, len(data)) + data
    host, port = bootstrap.split(",")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        stream = connection.makefile("rb")
        answer = stream.read(struct.unpack(">i", stream.read(4))[0])
    at = 4 + 4 + 2 + len(topic) + 4
    number, code = struct.unpack_from(">ih", answer, at)
    assert (number, code) == (partition, 0), f"the broker refused the batch with error {code}"
