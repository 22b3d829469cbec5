"""Fixtures: real clusters that tests share, names of a test's own, and the program between the clusters."""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
# The program as a process is described once, with the functional tests.
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]

import rigs  # noqa: E402
from agent import Agent  # noqa: E402
from outside import Outside  # noqa: E402
from records import Receiver, Sender  # noqa: E402

SOURCE_MM1 = "3.9.1"  # the newest Kafka that has MirrorMaker 1
NEWEST = HERE.parents[1] / "build" / "rdkafka" / "reflejo"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def program():
    """The program under test: $REFLEJO, or build/reflejo of this checkout."""
    path = pathlib.Path(os.environ.get("REFLEJO", HERE.parents[1] / "build" / "reflejo")).resolve()
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there: run make first, or name the program in REFLEJO")
    return str(path)


@pytest.fixture
def newest():
    """The program with a librdkafka that can ask for topic ids, where there is one."""
    if not os.access(NEWEST, os.X_OK):
        pytest.skip("no program with a newer librdkafka: make RDKAFKA=$(tests/tools/librdkafka-newest)")
    return str(NEWEST)


def rig(kind, tmp_path_factory, version, **settings):
    """A cluster for as long as its fixture lives; the test is skipped where none can run."""
    try:
        cluster = kind(version, tmp_path_factory.mktemp("rig") / version, **settings)
    except rigs.Unavailable as reason:
        pytest.skip(str(reason))
    yield cluster
    cluster.kill()


@pytest.fixture(scope="session")
def kafka3(tmp_path_factory):
    """Kafka 3.9.1, KRaft, which creates topics that are asked for."""
    yield from rig(rigs.KraftCluster, tmp_path_factory, "3.9.1", auto_create_topics_enable="true")


@pytest.fixture(scope="session")
def kafka4(tmp_path_factory):
    """Kafka 4.1.2, KRaft, which does not create topics by itself."""
    yield from rig(rigs.KraftCluster, tmp_path_factory, "4.1.2", auto_create_topics_enable="false")


@pytest.fixture(autouse=True)
def heal(request):
    """After a test that failed halfway the shared clusters run again."""
    yield
    for value in list(request.node.funcargs.values()):
        if isinstance(value, rigs.Cluster):
            value.heal()


@pytest.fixture
def names(request):
    """A topic and a group that no other test has."""
    word = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    return f"{word}.{next(_numbers)}", f"mirror-{word}"


@pytest.fixture
def outside():
    """outside(cluster): the cluster seen by another client."""
    made = {}

    def make(cluster):
        if id(cluster) not in made:
            made[id(cluster)] = Outside(cluster)
        return made[id(cluster)]

    yield make
    for one in made.values():
        one.close()


@pytest.fixture
def sender():
    """sender(cluster, topic): see Sender; a load that still runs ends with the test."""
    made = []

    def make(*arguments, **options):
        made.append(Sender(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.is_over.set()
        one.producer.purge()


@pytest.fixture
def receiver():
    """receiver(cluster, topic, partitions): see Receiver."""
    made = []

    def make(*arguments):
        made.append(Receiver(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def write_properties(path, properties):
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items() if value is not None),
                    encoding="utf-8")


@pytest.fixture
def start_process(tmp_path):
    """start_process(program, *arguments): in the test's folder, gone with the test."""
    made = []

    def start(program, *arguments):
        made.append(Agent(program, arguments, tmp_path))
        return made[-1]

    yield start
    for one in made:
        one.end()


@pytest.fixture
def mirror(program, start_process, tmp_path):
    """Starts the program between two clusters. consumer and producer add to the property files; None takes out."""
    files = {}

    def start(source, target, topics, group, *flags, consumer=None, producer=None, command=(program,)):
        reads = {"bootstrap.servers": source.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                 "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "metadata.max.age.ms": 1000,
                 **(consumer or {})}
        writes = {"bootstrap.servers": target.bootstrap, "metadata.max.age.ms": 1000, **(producer or {})}
        number = files.setdefault((str(reads), str(writes)), len(files))
        write_properties(tmp_path / f"consumer{number}.properties", reads)
        write_properties(tmp_path / f"producer{number}.properties", writes)
        return start_process(*command, "--consumer.config", f"consumer{number}.properties", "--producer.config",
                             f"producer{number}.properties", "--whitelist", topics, *flags)

    return start


@pytest.fixture
def connect(program, tmp_path):
    """Runs `reflejo check --connect`: {side: {step: (result, text)}} of the last finding of each step."""
    def look(source, target, topics, group, *flags, consumer=None, producer=None):
        write_properties(tmp_path / "c.properties", {"bootstrap.servers": source.bootstrap, "group.id": group, **(consumer or {})})
        write_properties(tmp_path / "p.properties", {"bootstrap.servers": target.bootstrap, **(producer or {})})
        done = subprocess.run([program, "check", "--connect", "--json", "--consumer.config", "c.properties",
                               "--producer.config", "p.properties", "--whitelist", topics, *flags], cwd=tmp_path,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
        found = json.loads(done.stdout)["connect"]
        assert (done.returncode == 0) == (found["failed"] == 0), done.stdout
        return {side: {one["step"]: (one["result"], one["text"]) for one in found[side]} for side in ("source", "target")}
    return look


@pytest.fixture
def mirror_maker(mirror):
    """The same, but the real MirrorMaker 1."""
    def start(*arguments, **options):
        # A session that was started in the background of a shell ignores SIGINT, and a JVM then does so too.
        command = ["env", "--default-signal=INT,HUP", *rigs.jvm(SOURCE_MM1, 256, "kafka.tools.MirrorMaker")]
        return mirror(*arguments, command=command, **options)
    return start
