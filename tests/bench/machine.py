"""Facts of the machine and of the programs that are measured."""
import os
import pathlib
import platform
import re
import shutil
import subprocess

import confluent_kafka
import contestants
from brokers import KAFKA


def first_line(*command):
    """Of what it prints, "" when it cannot be run."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter((done.stdout + done.stderr).strip().splitlines()), "")


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def facts(args):
    """In the order in which they are shown."""
    found = {
        "cpu": processor(), "cores": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": platform.release(), "tcp": first_line("cat", "/proc/sys/net/ipv4/tcp_congestion_control"),
        "load_at_start": round(os.getloadavg()[0], 2),
        "reflejo": first_line(args.reflejo, "--version") if args.reflejo else "", "floor's librdkafka": first_line(args.floor, "-V"),
        "brokers and MirrorMaker": f"Apache Kafka {KAFKA}", "java": first_line("java", "-version"),
        "confluent-kafka": f"{confluent_kafka.version()[0] if isinstance(confluent_kafka.version(), tuple) else confluent_kafka.version()}"
                           f" with librdkafka {confluent_kafka.libversion()[0]}, {platform.python_implementation()} {platform.python_version()}",
        "kcat": first_line("kcat", "-V") and subprocess.run(["kcat", "-V"], capture_output=True, text=True).stdout.strip().splitlines()[-1]
        if shutil.which("kcat") else "",
        "go": first_line("go", "version"),
        "franz-go": "".join(re.findall(r"franz-go (v\S+)", (contestants.HERE / "franz" / "go.mod").read_text(encoding="ascii"))[:1]),
    }
    return {name: value for name, value in found.items() if value != ""}
