"""Where the torture happens: a source of one broker and a target of three behind the proxy, agents between them, a load, readers
of both sides, and a watch that samples what must hold at every moment."""

import concurrent.futures
import functools
import http.client
import mmap
import os
import pathlib
import socket
import struct
import subprocess
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from agent import Agent
from api import Api
from checker import EXACTLY_ONCE, Span, check, count_repeats
from clusters import TortureCluster
from history import Load, Tail
from outputs import MORE, SCRIPT, TOPIC, TOPICS, is_in, share, share_acked
from outside import Outside
from proxy import Proxy

HERE = pathlib.Path(__file__).resolve().parent
SOURCE_VERSION, TARGET_VERSION = "3.9.1", "4.1.2"
GROUP = "torture-mirror"
SOURCE_PARTITIONS, TARGET_PARTITIONS = 6, 4
STREAMS = 2
MIB = 1 << 20
BUFFER = 4 * MIB
COMMIT_INTERVAL = 0.5  # seconds, as all times here
STALL = 4
SESSION = 6
# A commit takes its way, and other work runs on the machine.
COMMIT_SLACK = 2
# In flight at most, in records: a quarter of the buffer goes to the target, and bookkeeping is counted with each record.
RECORD_LEAST = 340
IN_FLIGHT = BUFFER // 4 // RECORD_LEAST
# Code, libraries, threads and their arenas, connections and the script, beside the buffer.
RSS_BOUND = 36 * MIB + 2 * BUFFER
SETTLE_DEADLINE = 240
READY_DEADLINE = 90
STOP_DEADLINE = 60
TICK = 0.1


class Failure(Exception):
    """Something that must hold does not; the text is a sentence."""


def wait_for(condition, deadline, what):
    """Asks until condition() is true and gives back its answer. what: text, or a function that tells how far it is."""
    end = time.monotonic() + deadline
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise Failure(f"{what() if callable(what) else what} did not come about within {deadline} s")
        time.sleep(TICK)


class Arena:
    """Starts everything when made."""

    def __init__(self, program, folder, level, seed, rate, say, disk=None):
        self.program, self.folder, self.level, self.say = program, pathlib.Path(folder), level, say
        self.agents, self.all_agents = {}, []
        self.spans, self.step = {topic: [] for topic in TOPICS}, "the start"
        self.disk = disk
        self.generation = 0
        self.proxy = Proxy()
        self.sides = {name: self.proxy.side(name) for name in ("source", "target")}
        self.elsewhere = Elsewhere(self.folder)
        self._start_clusters()
        self.outside = {"source": Outside(self.source), "target": Outside(self.target)}
        self.outside["source"].make_topic(TOPIC, SOURCE_PARTITIONS)
        for topic in TOPICS:
            self.outside["target"].make_topic(topic, TARGET_PARTITIONS, 3)
        self.script = self.folder / "torture.lua"
        self.save_script(SCRIPT % 0)
        isolation = "read_committed" if level == EXACTLY_ONCE else "read_uncommitted"
        self.log = Tail(self.source.bootstrap, TOPIC, SOURCE_PARTITIONS)
        self.tails = {topic: Tail(self.target.bootstrap, topic, TARGET_PARTITIONS, isolation, functools.partial(is_in, topic))
                      for topic in TOPICS}
        self.tail = self.tails[TOPIC]
        self.load = Load(self.source.bootstrap, TOPIC, SOURCE_PARTITIONS, rate, seed)
        self.watch = Watch(self)
        for thread in (self.log, *self.tails.values(), self.watch):
            thread.start()

    def _start_clusters(self):
        def source():
            self.source = TortureCluster(SOURCE_VERSION, self.folder / "source", self.sides["source"], 1)

        def target():
            folders = {2: self.disk.folder / "data"} if self.disk else {}
            self.target = TortureCluster(TARGET_VERSION, self.folder / "target", self.sides["target"], 3, folders)
        # A broker ends with the thread that started it.
        self.pool = concurrent.futures.ThreadPoolExecutor(2)
        for made in [self.pool.submit(source), self.pool.submit(target)]:
            made.result()

    def cluster(self, side):
        return self.source if side == "source" else self.target

    # ---- agents

    def save_script(self, text):
        new = self.script.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.rename(self.script)

    def _properties(self, name):
        common = {"request.timeout.ms": 5000, "metadata.max.age.ms": 2000, "reconnect.backoff.max.ms": 1000}
        settings = {
            "consumer": {"bootstrap.servers": self.source.doors, "group.id": GROUP, "auto.offset.reset": "earliest",
                         "session.timeout.ms": SESSION * 1000, "heartbeat.interval.ms": 500, **common},
            # Compressed, so that the target's disks stay small.
            "producer": {"bootstrap.servers": self.target.doors, "compression.type": "lz4", **common}}
        for side, values in settings.items():
            path = self.folder / f"{name}-{side}.properties"
            path.write_text("".join(f"{key}={value}\n" for key, value in values.items()), encoding="utf-8")
        return [f"--{side}.config={self.folder / name}-{side}.properties" for side in settings]

    def start(self, name):
        """An agent of the group; one of that name must not run."""
        more = ["--exactly.once", "true"] if self.level == EXACTLY_ONCE else []
        made = Agent(self.program, [
            *self._properties(name), "--whitelist", TOPIC + ".*", "--num.streams", STREAMS, "--buffer.memory", BUFFER,
            "--offset.commit.interval.ms", int(COMMIT_INTERVAL * 1000), "--admin.stall.seconds", STALL, "--start.timeout.ms", 0,
            "--admin.listen", f"unix:{self.folder / name}.sock,127.0.0.1:0", "--admin.state.file", self.folder / f"{name}.pauses",
            "--script.file", self.script, "--script.state.file", self.folder / f"{name}.state", "--topics.replication.factor", "1",
            "--log.progress.interval", "10", *more], self.folder, self.elsewhere.environment)
        self.agents[name] = made
        self.all_agents.append((name, made))
        return made

    def api(self, name):
        return Api(self.folder / f"{name}.sock", timeout=10)

    def admin_port(self, name):
        for event in self.agents[name].find("admin_listening"):
            if event["address"].startswith("127.0.0.1:"):
                return int(event["address"].rsplit(":", 1)[1])
        raise Failure(f"agent {name} did not say where its admin API is")

    def kill(self, name):
        self.agents.pop(name).kill()

    def stop(self, name):
        """As an operator stops it: status 0 within the promise."""
        agent = self.agents.pop(name)
        status = agent.stop(STOP_DEADLINE)
        if status != 0:
            raise Failure(f"agent {name} ended with status {status} when it was told to stop")

    def is_ready(self, name):
        """What /readyz says; None: nothing."""
        try:
            return self.api(name).call("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return None

    def wait_readiness(self, name, wanted, deadline=READY_DEADLINE):
        wait_for(lambda: self.is_ready(name) is wanted, deadline,
                 f"{'ready' if wanted else 'not ready'} at /readyz of agent {name}")

    def unplanned_losses(self):
        """How often so far a stream lost partitions before it had committed what it had sent."""
        return sum(len(agent.find("partitions_lost")) + len(agent.find("revoked", drained="no"))
                   for _, agent in self.all_agents)

    # ---- what is at the target

    def counts(self):
        """How many records there are, by topic."""
        return {topic: tail.count() for topic, tail in self.tails.items()}

    def missing(self, wanted):
        return sum(tail.missing(wanted) for tail in self.tails.values())

    def add_span(self, begin, repeats, overlaps):
        """What came since begin, as counts() said, belongs to the step. Each topic has its part of what may come again; all of it
        is the bound of either."""
        for topic, count in self.counts().items():
            self.spans[topic].append(Span(self.step, begin[topic], count, repeats, overlaps))

    def repeats(self):
        """Of the newest step."""
        return sum(count_repeats(tail.records, self.spans[topic])[-1] for topic, tail in self.tails.items())

    # ---- what a crash may repeat

    def crash_repeats(self, since):
        """What may come again after something that happened since that moment: what reached the target after the last commit
        that was due before it, and what was on its way."""
        return self.tail.count() - self.watch.before(since - COMMIT_INTERVAL - COMMIT_SLACK) + IN_FLIGHT

    # ---- after a step

    def heal(self):
        for side in self.sides.values():
            side.heal()
        for cluster in (self.source, self.target):
            cluster.heal()

    def settle(self, deadline=SETTLE_DEADLINE):
        """Waits until all that the source has acknowledged by now is at the target and committed, and every agent is ready."""
        wanted = list(self.load.acked_so_far())

        def is_settled():
            self.check_alive()
            self.watch.raise_trouble()
            if not all(tail.has(wanted) for tail in self.tails.values()):
                return False
            self.watch.is_blind = False
            return self.watch.has_committed(wanted)
        wait_for(is_settled, deadline, lambda: f"the end of {self.step}: {self.missing(wanted)} records that the source "
                 f"acknowledged are not at the target (positions {self.watch.committed}, wanted {wanted}; obstacle to the watch: "
                 f"{self.watch.obstacle})")
        for name in self.agents:
            self.wait_readiness(name, True)
        self.watch.wait_sample()
        self.watch.raise_trouble()

    def check_alive(self):
        for name, agent in self.agents.items():
            if not agent.is_running():
                raise Failure(f"agent {name} ended by itself with status {agent.process.returncode}")
        if self.load.failed:
            raise Failure(self.load.failed[0])
        for tail in (self.log, *self.tails.values()):
            if tail.trouble:
                raise Failure(f"the reader of {tail.topic}: {tail.trouble}")

    # ---- the end

    def verdict(self):
        """Stops the load and waits for its last records; then the checker's violations."""
        self.step = "the end"
        begin = self.counts()
        self.load.finish(SETTLE_DEADLINE)
        wait_for(lambda: self.log.has(self.load.acked_so_far()), SETTLE_DEADLINE,
                 lambda: f"the source's own log at its reader, which has read up to {self.log.positions} of {self.log.ends()},")
        self.settle()
        for tail in self.tails.values():
            ends = wait_for(tail.ends, SETTLE_DEADLINE, f"the ends of {tail.topic} at the target")
            wait_for(lambda tail=tail, ends=ends: tail.has_read(ends), SETTLE_DEADLINE, f"the end of {tail.topic} at its reader")
        for name in list(self.agents):
            self.stop(name)
        self.add_span(begin, 0, False)
        found = []
        for topic, tail in self.tails.items():
            found += [f"{topic}: {violation}" for violation in check(
                share(topic, self.log.records), share_acked(topic, self.load.acked), tail.records, self.level, self.spans[topic])]
        for tail in (self.log, *self.tails.values()):
            if tail.strange:
                found.append(f"STRANGE ({len(tail.strange)}): not one of the load's records: {tail.strange[0]}")
        return found

    def close(self):
        self.watch.is_over.set()
        self.watch.join()
        self.load.is_over.set()
        self.load.producer.purge()
        for tail in (self.log, *self.tails.values()):
            tail.close()
        for one in self.outside.values():
            one.close()
        for number, (name, agent) in enumerate(self.all_agents):
            agent.end()
            (self.folder / f"agent-{number}-{name}.log").write_text(agent.stderr, encoding="utf-8")
        for cluster in (self.source, self.target):
            cluster.kill()
        self.pool.shutdown()
        self.proxy.close()


class Watch(threading.Thread):
    """Samples all the time: resident memory of the agents, how many records are at the target, and that no position that is
    committed is ahead of what the target has: positions first, then the target's ends, and everything below must be there."""

    def __init__(self, arena):
        super().__init__(name="watch", daemon=True)
        self.arena = arena
        self.curve = [(time.monotonic(), 0)]
        self.committed = [0] * SOURCE_PARTITIONS
        self.peak, self.samples, self.trouble = 0, 0, []
        self.obstacle = "there is none"  # why the last look came to nothing
        # A broker that stood still, and does not know that it leads no more, tells ends that are older than the positions.
        self.is_blind = False
        self.is_over = threading.Event()
        self.group = Consumer({"bootstrap.servers": arena.source.bootstrap, "group.id": GROUP, "enable.auto.commit": False,
                               "socket.timeout.ms": 5000, "log_level": 0})
        self.memory = threading.Thread(target=self._watch_memory, name="memory", daemon=True)

    def run(self):
        self.memory.start()
        while not self.is_over.wait(TICK):
            self._sample()
        self.memory.join()
        self.group.close()

    def _watch_memory(self):
        while not self.is_over.wait(TICK):
            self.curve.append((time.monotonic(), self.arena.tail.count()))
            for name, agent in list(self.arena.agents.items()):
                try:
                    rss = agent.rss()
                except (OSError, TypeError):
                    continue
                self.peak = max(self.peak, rss)
                if rss > RSS_BOUND:
                    self._blame(f"agent {name} has {rss / MIB:.1f} MiB resident in {self.arena.step}; its bound is "
                                f"{RSS_BOUND / MIB:.0f} MiB with a buffer of {BUFFER / MIB:.0f}")

    def _blame(self, text):
        if len(self.trouble) < 5:
            self.trouble.append(text)

    def _positions(self):
        asked = [TopicPartition(TOPIC, number) for number in range(SOURCE_PARTITIONS)]
        try:
            found = self.group.committed(asked, timeout=5)
        except KafkaException:
            return None
        if any(p.error for p in found):
            return None
        return [max(0, p.offset) for p in sorted(found, key=lambda p: p.partition)]

    def _sample(self):
        was_blind = self.is_blind
        positions = self._positions()
        if positions is None:
            self.obstacle = "the group's positions are not to be had"
            return
        end = time.monotonic() + 10
        for tail in self.arena.tails.values():
            ends = tail.ends()
            while ends is None or not tail.has_read(ends):
                if self.is_over.is_set() or time.monotonic() > end:
                    self.obstacle = f"{tail.topic} has the ends {ends} at the target, its reader is at {tail.positions}"
                    return
                time.sleep(TICK / 2)
                ends = ends or tail.ends()
        missing = self.arena.missing(positions)
        if missing and not was_blind and not self.is_blind:
            self._blame(f"in {self.arena.step} positions were committed ahead of the target: {missing} records below {positions} "
                        f"are not there")
        self.committed, self.obstacle = positions, "there is none"
        self.samples += 1

    def before(self, moment):
        """How many records the target surely had then."""
        return next((count for at, count in reversed(self.curve) if at <= moment), 0)

    def has_committed(self, wanted):
        return all(position >= number for position, number in zip(self.committed, wanted))

    def has_committed_of(self, topic, count):
        """Of another topic, with one partition: does the group stand behind so many records?"""
        try:
            return self.group.committed([TopicPartition(topic, 0)], timeout=5)[0].offset >= count
        except KafkaException:
            return False

    def wait_sample(self):
        """Until one that began after this call is through."""
        wanted = self.samples + 2
        wait_for(lambda: self.samples >= wanted or self.trouble, SETTLE_DEADLINE, "a look at positions and target")

    def raise_trouble(self):
        if self.trouble:
            raise Failure("; ".join(self.trouble))


class Elsewhere:
    """What an agent believes of the world: how late it is, and where names are. See shim.c."""

    def __init__(self, folder):
        self.library, self.hosts, self.clock = folder / "shim.so", folder / "hosts", folder / "clock"
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-O1", "-shared", "-fPIC", "-o", str(self.library), str(HERE / "shim.c"),
                        "-ldl"], check=True)
        self.addresses = {"source": "127.0.0.1", "target": "127.0.0.1"}
        self.move("source", "127.0.0.1")
        self.clock.write_bytes(bytes(8))
        with open(self.clock, "r+b") as file:
            self.offset = mmap.mmap(file.fileno(), 8)

    @property
    def environment(self):
        return {"LD_PRELOAD": str(self.library), "TORTURE_CLOCK": str(self.clock), "TORTURE_HOSTS": str(self.hosts)}

    def move(self, side, address):
        self.addresses[side] = address
        new = self.hosts.with_suffix(".new")
        new.write_text("".join(f"{name}.torture {where}\n" for name, where in self.addresses.items()), encoding="ascii")
        new.rename(self.hosts)

    def set_clock(self, seconds):
        """So far ahead of the true one, or behind."""
        self.offset[:] = struct.pack("=q", int(seconds * 1_000_000_000))


class Disk:
    """A small file system of memory for one broker's data, which can be filled. Raises OSError where it cannot be mounted."""

    def __init__(self, folder, size):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "torture", str(self.folder)], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise OSError(done.stderr.strip() or "mount failed")
        self.ballast = self.folder / "ballast"

    def fill(self):
        """Not a byte is left."""
        with open(self.ballast, "ab", buffering=0) as file:
            try:
                while file.write(bytes(MIB)):
                    pass
            except OSError:
                pass

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", str(self.folder)], capture_output=True, check=False)


def storm(address, port, count, speak):
    """So many connections at a time to a port, which say something that makes no sense, or nothing."""
    made = []
    for number in range(count):
        try:
            one = socket.create_connection((address, port), 5)
            if speak:
                one.sendall(b"\x00\x00\x00\x04torture\r\n\r\n"[:1 + number % 15])
            made.append(one)
        except OSError:
            pass
    for one in made:
        one.close()
    return len(made)
