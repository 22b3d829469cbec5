"""A long line between the two clusters: the source stands in a network namespace of its own, at the far end of line.c.

Everything else (the target, whoever copies, the bench) is at the near end, in another namespace, so that this machine's network is left
alone. The line is as short as loopback until it is set otherwise.
"""
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NEAR, FAR = "10.213.0.1", "10.213.0.2"
ENTERED = "REFLEJO_BENCH_NAMESPACES"


def why_not():
    """Why there can be no line here, or None."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    if not shutil.which("ip") or subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode:
        return "there is no ip netns (Debian: iproute2)"
    return None


def has_entered():
    return ENTERED in os.environ


def enter():
    """Runs the program again in a namespace of its own, with another beside it, and ends as that does."""
    names = [f"reflejo-{end}-{os.getpid()}" for end in ("near", "far")]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], check=True)
        ended = subprocess.run(["ip", "netns", "exec", names[0], sys.executable, *sys.argv],
                               env={**os.environ, ENTERED: " ".join(names)}, check=False)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)
    sys.exit(ended.returncode)


def far(command):
    """The command, run at the far end."""
    return ["ip", "netns", "exec", os.environ[ENTERED].split()[1], *command]


class Line:
    """Between the namespaces that were entered."""

    def __init__(self, folder):
        program = folder / "line"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", str(program),
                        str(HERE / "line.c")], check=True)
        self.process = subprocess.Popen([str(program), *os.environ[ENTERED].split()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.set(0, 0)

    def set(self, round_trip_ms, loss_percent):
        self.process.stdin.write(f"{round_trip_ms / 2} {loss_percent}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "ready\n":
            raise OSError("the line has ended")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
