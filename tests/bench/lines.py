"""A long line between the two clusters: the source stands in a network namespace of its own, at the far end of line.c.

Everything else (the target, whoever copies, the bench) is at the near end, in another namespace, so that this machine's network is left
alone. The line is as short as loopback until it is set otherwise.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import stream

HERE = pathlib.Path(__file__).resolve().parent
NEAR, FAR = "10.213.0.1", "10.213.0.2"
ENTERED = "REFLEJO_BENCH_NAMESPACES"
TCP_PORT, TCP_SKIP, TCP_SECONDS = 5001, 5, 10  # one connection's speed: measured after so many seconds, for so long


CC = os.environ.get("CC", "cc")


def why_not():
    """Why there can be no line here, or None."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    for program, package in (("ip", "iproute2"), (CC.split()[0], "gcc")):
        if not shutil.which(program):
            return f"there is no {program} (Debian: {package})"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as why:
        return f"/dev/net/tun: {why.strerror}"
    name = f"reflejo-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return f"no network namespace can be made: {made.stderr.strip()}" if made.returncode else None


def has_entered():
    return ENTERED in os.environ


@contextlib.contextmanager
def namespaces():
    """Two, each with a loopback only: the names of the near and the far one."""
    names = [f"reflejo-{end}-{os.getpid()}" for end in ("near", "far")]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(inside(name, ["ip", "link", "set", "lo", "up"]), check=True)
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def enter():
    """Runs the program again in a namespace of its own, with another beside it, and ends as that does."""
    with namespaces() as names:
        with subprocess.Popen(inside(names[0], [sys.executable, *sys.argv]), env={**os.environ, ENTERED: " ".join(names)}) as inner:
            # Who is stopped reports what was found and clears up; a terminal tells both.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_: inner.terminate())
            status = inner.wait()
    sys.exit(status)


def inside(name, command):
    """The command, run in that namespace."""
    return ["ip", "netns", "exec", name, *command]


def entered():
    """The names of the namespaces that were entered."""
    return os.environ[ENTERED].split()


def far(command):
    """The command, run at the far end."""
    return inside(entered()[1], command)


class Line:
    """Between two namespaces."""

    def __init__(self, folder, names):
        program = folder / "line"
        subprocess.run([*CC.split(), "-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", str(program),
                        str(HERE / "line.c")], check=True)
        self.process = subprocess.Popen([str(program), *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        try:
            self.set(0, 0, 0)
        except OSError:
            self.close()
            raise

    def set(self, round_trip_ms, loss_percent, mbit):
        """mbit: millions of bits a second in each direction, 0: no limit."""
        self.process.stdin.write(f"{round_trip_ms / 2} {loss_percent} {mbit}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ready\n":
            raise OSError("the line has ended")

    def carries(self):
        """Bytes a second of one TCP connection with large buffers, from the far end to the near one. Takes 15 seconds."""
        command = far([sys.executable, str(HERE / "stream.py"), FAR, str(TCP_PORT), str(3 * (TCP_SKIP + TCP_SECONDS))])
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            try:
                if sender.stdout.readline() != "ready\n":
                    raise OSError("the sender at the far end does not listen")
                return stream.receive(FAR, TCP_PORT, TCP_SKIP, TCP_SECONDS)
            finally:
                sender.terminate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
