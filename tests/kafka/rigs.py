"""Real Kafka clusters on the loopback: the jars come through Maven, the data lies in a test's own folder.

Jars are kept in ${REFLEJO_RIGS:-${XDG_CACHE_HOME:-~/.cache}/reflejo/kafka}/VERSION/libs and fetched once.
"""

import base64
import ctypes
import fcntl
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
START_DEADLINE = 120
STOP_DEADLINE = 60
FETCH_DEADLINE = 600
CLASH_TRIES = 4

# Small heaps, a collector without threads and no second compiler: several brokers share two cores.
JVM = ["-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true",
       f"-Dlog4j.configuration=file:{HERE}/log4j.properties",
       f"-Dlog4j2.configurationFile={HERE}/log4j2.properties"]
# Kafka before 2.5 was written for Java 8 to 11 and reaches into these.
JVM_OLD = ["--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED",
           "--add-opens=java.base/java.lang=ALL-UNNAMED"]

BROKER = {
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "num.network.threads": 2,
    "num.io.threads": 4,
}

PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """This machine cannot run the brokers; the text says what is missing."""


class Clash(Exception):
    """Another process took a port between its choice and its use."""


# ---- jars --------------------------------------------------------------------------------------------------------


def cache_folder():
    if os.environ.get("REFLEJO_RIGS"):
        return pathlib.Path(os.environ["REFLEJO_RIGS"]).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base).absolute() / "reflejo" / "kafka"


def java():
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if not found:
        raise Unavailable("no Java (a JDK or JRE from 17 on) in JAVA_HOME or PATH")
    return found


def fetch(version, folder, pom):
    maven = shutil.which("mvn")
    if not maven:
        raise Unavailable(f"no Maven (mvn) in PATH to fetch the jars of Kafka {version}")
    shutil.rmtree(folder / "libs", ignore_errors=True)
    command = [maven, "-q", "-B", "-Dstyle.color=never", "-f", str(pom), "-P", f"kafka-{version}",
               "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=FETCH_DEADLINE, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"Maven did not fetch the jars of Kafka {version} within {FETCH_DEADLINE} s") from None
    if done.returncode:
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)  # -Dstyle.color=never leaves some
        said = next((line for line in text.splitlines() if "ERROR" in line), text[-300:])
        raise Unavailable(f"Maven cannot fetch the jars of Kafka {version}: {said.strip()}")


def jars(version):
    """The folder of the version's jars; fetched when they are not there, by one process at a time."""
    folder = cache_folder() / version
    folder.mkdir(parents=True, exist_ok=True)
    pom = HERE / "pom.xml"
    digest = hashlib.sha256(pom.read_bytes()).hexdigest()
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        marker = folder / "done"
        if not marker.exists() or marker.read_text(encoding="ascii") != digest:
            marker.unlink(missing_ok=True)
            fetch(version, folder, pom)
            marker.write_text(digest, encoding="ascii")
    return folder / "libs"


def jvm(version, heap, *arguments):
    """The command that runs a class of that version's jars."""
    older = JVM_OLD if tuple(map(int, version.split("."))) < (2, 5) else []
    return [java(), f"-Xmx{heap}m", *JVM, *older, "-cp", f"{jars(version)}/*", *arguments]


def tool(version, *arguments, timeout=60):
    """Runs one of Kafka's own command-line tools to its end and gives back what it printed."""
    done = subprocess.run(jvm(version, 256, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# ---- processes ---------------------------------------------------------------------------------------------------


def free_port():
    """A port nobody listens on, outside the range from which the kernel takes the ports of outgoing connections:
    one of those could occupy it while a stopped broker is away."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as limits:
        low = int(limits.read().split()[0])
    while True:
        port = random.randrange(min(10000, low // 2), low)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def die_with_parent():
    """Runs in a child: a test run that is killed leaves no broker behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Daemon:
    """A Java process with a log file, ready when a line of that says so."""

    def __init__(self, command, log, ready):
        self.command, self.log, self.ready = command, log, re.compile(ready)
        self.process = None

    def start(self):
        """Does not wait: see wait_ready."""
        with open(self.log, "ab") as log:
            self.start_of_log = log.tell()
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, start_new_session=True,
                                            preexec_fn=die_with_parent)  # pylint: disable=W1509

    def said(self):
        """What it logged since its last start."""
        with open(self.log, "rb") as log:
            log.seek(self.start_of_log)
            return log.read().decode("utf-8", "replace")

    def wait_ready(self):
        end = time.monotonic() + START_DEADLINE
        while not self.ready.search(self.said()):
            if self.process.poll() is not None:
                if "Address already in use" in self.said():
                    raise Clash(self.log)
                raise AssertionError(f"{self.log}: it ended\n{self.said()[-3000:]}")
            assert time.monotonic() < end, f"{self.log}: not ready within {START_DEADLINE} s\n{self.said()[-3000:]}"
            time.sleep(0.05)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def freeze(self):
        """Its connections stay open, and it answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        # A thread that runs on another processor goes on for a moment.
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """As an operator stops it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.is_running():
            self.process.kill()
        if self.process:
            self.process.wait()


# ---- clusters ----------------------------------------------------------------------------------------------------


def write_settings(path, settings):
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="ascii")
    return str(path)


class Cluster:
    """One or more brokers, all of one version. Subclasses fill daemons and brokers in prepare().

    host is where they listen; prefix stands before their commands, for a namespace of their own, say."""

    host, prefix = "127.0.0.1", ()

    jvm_options = ()  # of the brokers, besides the usual ones

    def __init__(self, version, folder, **settings):
        self.version, self.folder = version, pathlib.Path(folder)
        self.settings = {key.replace("_", "."): value for key, value in settings.items()}
        self.folder.mkdir(parents=True)
        self.daemons, self.brokers, self.ports = [], [], []
        for left in reversed(range(CLASH_TRIES)):
            try:
                self.prepare()
                return
            except Clash:
                self.kill()
                shutil.rmtree(self.folder)
                self.folder.mkdir()
                self.daemons, self.brokers, self.ports = [], [], []
                if not left:
                    raise

    @property
    def bootstrap(self):
        return ",".join(f"{self.host}:{port}" for port in self.ports)

    def add(self, name, command, ready):
        daemon = Daemon([*self.prefix, *command], self.folder / f"{name}.log", ready)
        self.daemons.append(daemon)
        daemon.start()
        return daemon

    def more_listeners(self):
        """Further listeners of a broker, {"NAME": port}, and the settings that they need; for subclasses."""
        return {}, {}

    def add_broker(self, port, settings):
        name = f"broker{len(self.brokers)}"
        more, settings_of_more = self.more_listeners()
        listeners = "".join(f",{word}://{self.host}:{number}" for word, number in more.items())
        settings = {**settings, **{key: settings[key] + listeners for key in ("listeners", "advertised.listeners")
                                   if key in settings}}
        path = write_settings(self.folder / f"{name}.properties", {
            **BROKER, "log.dirs": self.folder / f"{name}-data", **settings, **settings_of_more, **self.settings})
        command = jvm(self.version, 512, *self.jvm_options, "kafka.Kafka", path)
        self.brokers.append(self.add(name, command, r"started \(kafka\.server\.Kafka"))
        self.ports.append(port)

    def freeze(self):
        for broker in self.brokers:
            broker.freeze()

    def thaw(self):
        for broker in self.brokers:
            broker.thaw()

    def stop(self):
        for broker in self.brokers:
            broker.stop()

    def start(self):
        """Brokers that were stopped, on their old ports and data."""
        for broker in self.brokers:
            broker.start()
        for broker in self.brokers:
            broker.wait_ready()

    def heal(self):
        """Whatever a test did to it is undone: all brokers run."""
        for daemon in self.daemons:
            if daemon.is_running():
                daemon.thaw()
            else:
                daemon.start()
                daemon.wait_ready()

    def kill(self):
        for daemon in reversed(self.daemons):
            daemon.kill()


class KraftCluster(Cluster):
    """One process that is broker and controller."""

    def prepare(self):
        port, controller = free_port(), free_port()
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{self.host}:{controller}",
            "listeners": f"PLAINTEXT://{self.host}:{port},CONTROLLER://{self.host}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.host}:{port}",
            "controller.listener.names": "CONTROLLER",
        }
        if self.version.startswith("4."):
            settings |= {"share.coordinator.state.topic.replication.factor": 1,
                         "share.coordinator.state.topic.min.isr": 1}
        path = write_settings(self.folder / "format.properties",
                              {**settings, "log.dirs": self.folder / "broker0-data"})
        identity = base64.urlsafe_b64encode(os.urandom(16)).decode("ascii").rstrip("=").replace("-", "a")
        tool(self.version, "kafka.tools.StorageTool", "format", "-t", identity, "-c", path, timeout=START_DEADLINE)
        self.add_broker(port, settings)
        self.brokers[0].wait_ready()


class ZookeeperCluster(Cluster):
    """A ZooKeeper and brokers that register there, under the chroot when one is given."""

    def __init__(self, version, folder, brokers=1, chroot="", **settings):
        self.count, self.chroot = brokers, chroot
        super().__init__(version, folder, **settings)

    @property
    def zookeeper(self):
        """Without the chroot."""
        return f"127.0.0.1:{self.zookeeper_port}"

    def prepare(self):
        self.zookeeper_port = free_port()
        path = write_settings(self.folder / "zookeeper.properties",
                              {"dataDir": self.folder / "zookeeper-data", "clientPort": self.zookeeper_port,
                               "clientPortAddress": "127.0.0.1", "maxClientCnxns": 0})
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        self.add("zookeeper", jvm(self.version, 128, main, path), "binding to port").wait_ready()
        for number in range(self.count):
            port = free_port()
            self.add_broker(port, {"broker.id": number, "listeners": f"PLAINTEXT://127.0.0.1:{port}",
                                   "zookeeper.connect": f"{self.zookeeper}{self.chroot}",
                                   "zookeeper.connection.timeout.ms": 60000})
        for broker in self.brokers:
            broker.wait_ready()
