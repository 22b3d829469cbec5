"""Who is measured: a row of CONTESTANTS each, with the command that copies one topic, and why it cannot run here."""
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess
import sys

import rigs
from brokers import KAFKA, KEY_BYTES, MIXED
from scripts import FLAGS, SCRIPTS

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
MIB = 1 << 20
KIB = 1 << 10
# The floor looks at each partition's queue in turn; of more than this it reads one queue for all.
MOST_QUEUES = 64
# As Kafka's own start scripts run their programs.
JVM = ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
       "-Djava.awt.headless=true", f"-Dlog4j.configuration=file:{rigs.HERE}/log4j.properties"]


@dataclasses.dataclass
class Job:
    """One copy: of the topic, from source to target (both HOST:PORT), by a group of its own."""
    source: str
    target: str
    topic: str
    group: str
    size: object  # bytes of a value, or "mixed"
    codec: str    # at the target
    partitions: int
    streams: int
    folder: pathlib.Path  # for files; empty
    is_endless: bool = False  # goes on after the last record, and does not wait for more to send one
    refresh_ms: int | None = None  # metadata.max.age.ms, None: the program's own

    def refresh(self):
        """As settings of a consumer or a producer."""
        return {"metadata.max.age.ms": self.refresh_ms} if self.refresh_ms else {}


@dataclasses.dataclass
class Contestant:
    name: str
    title: str
    commands: callable   # (bench arguments, Job) -> argument lists, each reading what the one before writes
    why_not: callable = lambda args: None  # (bench arguments) -> a sentence, None when it can run
    statuses: tuple = (0,)     # with which it may end
    commits: bool = False      # the group's positions are looked at when it has ended
    arrives: bool = True       # every record comes to the target
    marks: bool = False        # writes in transactions: their ends take offsets at the target too, so its own count is taken
    ends_itself: bool = False  # at the topic's end
    is_slow: bool = False      # to start, above all: is run less often
    most_streams: int = 1 << 30
    most_partitions: int = 1 << 30

    def can(self, row, streams):
        return streams <= self.most_streams and row.partitions <= self.most_partitions


def write(path, **settings):
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="ascii")
    return path


def dotted(**settings):
    return {name.replace("_", "."): value for name, value in settings.items()}


# ---- reflejo and the floor ---------------------------------------------------------------------------------------


def reflejo(args, job, *more):
    consumer = write(job.folder / "consumer.properties", **{"bootstrap.servers": job.source, "group.id": job.group,
                                                            "auto.offset.reset": "earliest", **job.refresh()})
    producer = write(job.folder / "producer.properties", **{"bootstrap.servers": job.target, "compression.type": job.codec, **job.refresh()})
    return [[args.reflejo, "--consumer.config", consumer, "--producer.config", producer, "--whitelist", job.topic,
             *(("--num.streams", job.streams) if job.streams > 1 else ()), "--admin.listen", "none", *more]]


def no_reflejo(args):
    return None if args.reflejo else "--reflejo none was given"


def scripted(text):
    def commands(args, job):
        script = job.folder / "script.lua"
        script.write_text(text)
        return reflejo(args, job, "--script.file", script, "--script.state.file", job.folder / "script.state")
    return commands


def floor_settings(job):
    """What reflejo gives its clients by default where it costs or saves CPU, so that the two differ by their own work.

    Its 32 MiB for the process are shared among streams. Half of a share is the consumer's, halved again between what
    waits in the partition queues and the response that is being received (agent/kafka/intake.c says how); a quarter is
    for what is on its way, each record counted with 560 bytes of the library's and its own bookkeeping.
    """
    share, partitions = 32 * MIB // job.streams, job.partitions // job.streams + 1
    queued = share // 4 // partitions
    part = min(max(queued, 128 * KIB), 512 * KIB)
    flowing = max(part * 9 // 8, min(576 * KIB, 128 * MIB // partitions))
    size = sum(size * weight for size, weight in MIXED) // 100 if job.size == "mixed" else job.size
    consumer = {
        "auto.offset.reset": "earliest", "enable.auto.commit": "false", "enable.auto.offset.store": "false",
        "isolation.level": "read_uncommitted", "check.crcs": "true", "partition.assignment.strategy": "range",
        "queued.max.messages.kbytes": max(queued, flowing) // KIB, "queued.min.messages": max(queued // 440, flowing // 120),
        "fetch.max.bytes": share // 4, "max.partition.fetch.bytes": part, "message.max.bytes": 1000, "fetch.wait.max.ms": min(max(100, partitions // 4), 500),
        "socket.nagle.disable": "true", "topic.metadata.refresh.interval.ms": 30000,
    }
    producer = {
        "acks": "all", "enable.idempotence": "true", "message.timeout.ms": 0, "partitioner": "murmur2_random",
        "linger.ms": 1, "batch.size": 1_000_000, "message.max.bytes": 1_048_576,
        "queue.buffering.max.messages": share // 4 // (size + KEY_BYTES + 560), "socket.nagle.disable": "true",
    }
    return consumer, producer


def floor(args, job):
    consumer, producer = floor_settings(job)
    consumer |= {"bootstrap.servers": job.source, "group.id": job.group}
    producer |= {"bootstrap.servers": job.target, "compression.type": job.codec}
    for side, settings in (("c", consumer), ("p", producer)):
        for text in args.set:
            name, _, value = text.partition("=")
            if name.startswith(f"floor.{side}."):
                settings[name[len("floor.c."):]] = value
    command = [args.floor, "-n", job.streams, *args.floor_flags]
    if job.partitions > MOST_QUEUES and "-f" not in args.floor_flags:
        command.append("-f")
    for flag, settings in (("-c", consumer), ("-p", producer)):
        for name, value in settings.items():
            command += [flag, f"{name}={value}"]
    return [command + [job.topic]]


# ---- MirrorMaker -------------------------------------------------------------------------------------------------


@functools.cache
def missing_for_java():
    try:
        rigs.java()
        rigs.jars(KAFKA)
    except rigs.Unavailable as why:
        return str(why)
    return None


def no_jvm(args):
    return missing_for_java()


def java(heap, main, *arguments):
    return [[rigs.java(), *heap, *JVM, "-cp", f"{rigs.jars(KAFKA)}/*", main, *arguments]]


def mirrormaker(consumer=None, producer=None):
    """MirrorMaker 1 with these settings above its own."""
    def commands(args, job):
        files = (write(job.folder / "consumer.properties", **dotted(bootstrap_servers=job.source, group_id=job.group, auto_offset_reset="earliest"),
                       **job.refresh(), **(consumer or {})),
                 write(job.folder / "producer.properties", **dotted(bootstrap_servers=job.target, compression_type=job.codec), **job.refresh(),
                       **(producer or {})))
        return java(["-Xmx256M"], "kafka.tools.MirrorMaker", "--consumer.config", files[0], "--producer.config", files[1],
                    "--whitelist", job.topic, "--num.streams", job.streams,
                    # As often as reflejo, where positions say how far it is; else once a minute.
                    *(("--offset.commit.interval.ms", 5000) if job.refresh_ms else ()))
    return commands


def connect(more=None):
    """MirrorMaker 2 in its dedicated mode. It keeps positions in topics that are named after the source, so each run calls it something else."""
    def commands(args, job):
        source, target = f"s-{job.group}", "t"
        ones = {f"{what}.replication.factor": 1 for what in ("config.storage", "offset.storage", "status.storage", "heartbeats.topic",
                                                             "checkpoints.topic", "offset-syncs.topic")}
        if (more or {}).get("emit.offset-syncs.enabled") == "false":
            del ones["offset-syncs.topic.replication.factor"]  # is refused then, and nothing mirrored
        settings = {"clusters": f"{source}, {target}", f"{source}.bootstrap.servers": job.source, f"{target}.bootstrap.servers": job.target,
                    f"{source}->{target}.enabled": "true", f"{source}->{target}.topics": job.topic, f"{target}->{source}.enabled": "false",
                    "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy", "replication.factor": 1,
                    **ones, f"{target}.producer.compression.type": job.codec,
                    **{name.replace("SOURCE", source).replace("TARGET", target).replace("STREAMS", str(job.streams)): value
                       for name, value in (more or {}).items()}}
        if "tasks.max" in settings:
            settings["tasks.max"] = job.streams
        return java(["-Xms256M", "-Xmx2G"], "org.apache.kafka.connect.mirror.MirrorMaker", write(job.folder / "mm2.properties", **settings))
    return commands


MM1_CONSUMER = {"max.poll.records": 5000, "max.partition.fetch.bytes": 4194304, "fetch.max.bytes": 52428800}
MM1_PRODUCER = {"batch.size": 262144, "linger.ms": 20, "buffer.memory": 67108864}
MM2_TUNED = {
    "tasks.max": None,
    **{name: "false" for name in ("emit.heartbeats.enabled", "emit.checkpoints.enabled", "emit.offset-syncs.enabled", "sync.topic.acls.enabled",
                                  "sync.topic.configs.enabled", "sync.group.offsets.enabled", "refresh.groups.enabled")},
    "TARGET.producer.batch.size": 262144, "TARGET.producer.linger.ms": 10, "TARGET.producer.buffer.memory": 67108864,
    "SOURCE.consumer.max.poll.records": 5000, "SOURCE.consumer.fetch.max.bytes": 52428800,
    "SOURCE.consumer.max.partition.fetch.bytes": 4194304,
}


# ---- others ------------------------------------------------------------------------------------------------------


def no_kcat(args):
    return None if shutil.which("kcat") else "kcat is not installed (tests/tools/setup bench)"


def kcat(args, job):
    reads = ["kcat", "-q", "-C", "-b", job.source, "-t", job.topic, "-o", "beginning", "-K", ":", *(["-u"] if job.is_endless else ["-e"])]
    writes = ["kcat", "-P", "-b", job.target, "-t", job.topic, "-K", ":", "-X", f"compression.codec={job.codec}",
              "-X", "enable.idempotence=true", "-X", "topic.partitioner=murmur2_random"]
    return [reads, writes]


def python_loop(args, job):
    return [[sys.executable, HERE / "loop.py", job.source, job.target, job.topic, job.group, job.codec]]


FRANZ = BUILD / "bench" / "franz"


@functools.cache
def build_franz():
    """Gives what stands in the way."""
    go = shutil.which("go")
    if not go:
        return "there is no Go here (tests/tools/setup bench)"
    FRANZ.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([go, "build", "-o", FRANZ, "."], cwd=HERE / "franz", capture_output=True, text=True, env={**os.environ, "GOFLAGS": "-mod=readonly"})
    return f"it cannot be built: {' '.join(done.stderr.split())[-300:]}" if done.returncode else None


def no_franz(args):
    return build_franz()


def franz(args, job):
    return [[FRANZ, job.source, job.target, job.topic, job.group, job.codec]]


CONTESTANTS = [
    Contestant("floor", "bare librdkafka loop (the floor)", floor, commits=True),
    Contestant("reflejo", "reflejo", reflejo, no_reflejo, commits=True),
    Contestant("franz", "franz-go loop", franz, no_franz, most_streams=1),
    Contestant("kcat", "kcat, piped into another", kcat, no_kcat, statuses=(0, -15), ends_itself=True, most_streams=1),
    Contestant("python", "confluent-kafka-python loop", python_loop, most_streams=1),
    Contestant("mm1", "MirrorMaker 1, its defaults", mirrormaker(), no_jvm, statuses=(143,), is_slow=True),
    Contestant("mm1-tuned", "MirrorMaker 1, tuned", mirrormaker(MM1_CONSUMER, MM1_PRODUCER), no_jvm, statuses=(143,), is_slow=True),
    Contestant("mm2", "MirrorMaker 2, dedicated, its defaults", connect(), no_jvm, statuses=(143,), is_slow=True),
    Contestant("mm2-tuned", "MirrorMaker 2, dedicated, tuned", connect(MM2_TUNED), no_jvm, statuses=(143,), is_slow=True),
]

# The mirror with a script or a flag, against itself without one.
VARIANTS = [
    *(Contestant(name, name, scripted(text), no_reflejo, commits=True, arrives=arrives) for name, (arrives, text) in SCRIPTS.items()),
    *(Contestant(name, name, lambda args, job, flags=flags: reflejo(args, job, *flags), no_reflejo, commits=True, marks="--exactly.once" in flags)
      for name, flags in FLAGS.items()),
]
