"""What one TCP connection with large buffers carries over a line: `stream.py HOST PORT SECONDS`, at the far end, writes to whoever connects
for so long; receive() is the other end."""
import socket
import sys
import time

BUFFER = 32 << 20  # bytes; more than a tenth of a second of a gigabit
# Beyond any limit of the system's; Linux, socket(7), root only. Python's module does not name them.
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
SILENCE = 10  # seconds without a byte: the line is broken


def send(host, port, seconds):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
        listener.bind((host, port))
        listener.listen()
        print("ready", flush=True)
        connection, _ = listener.accept()
    with connection:
        chunk, end = bytes(1 << 18), time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                connection.sendall(chunk)
        except ConnectionError:
            pass  # the receiver has seen enough


def receive(host, port, skip, seconds):
    """Bytes a second, of so many seconds after the first ones, in which a connection finds its speed."""
    with socket.socket() as connection:
        connection.settimeout(SILENCE)
        connection.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        connection.connect((host, port))
        start, seen = time.monotonic(), 0
        while (now := time.monotonic()) < start + skip + seconds:
            got = len(connection.recv(1 << 18))
            if not got:
                raise OSError("the connection has ended early")
            seen += got if now >= start + skip else 0
    return seen / seconds


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
