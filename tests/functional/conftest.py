"""Fixtures: clusters of a test's own, and the program between them."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from agent import SANITIZER, Agent  # noqa: E402
from cluster import Cluster, build_mock  # noqa: E402
from timing import DEADLINE  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
GROUP = "mirrorgroup"

# For a quick mock: it holds an empty Fetch for its whole time, and a dead member for its whole session.
CONSUMER = {"group.id": GROUP, "auto.offset.reset": "earliest", "fetch.max.wait.ms": 20, "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500}


@pytest.fixture(scope="session")
def program():
    """The program under test: $REFLEJO, or build/reflejo of this checkout."""
    path = pathlib.Path(os.environ.get("REFLEJO", HERE.parents[1] / "build" / "reflejo")).resolve()
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there: run make first, or name the program in REFLEJO")
    return str(path)


@pytest.fixture(scope="session")
def mock_program(tmp_path_factory):
    """The mock cluster's program: $MOCKCLUSTER, or built here."""
    if os.environ.get("MOCKCLUSTER"):
        return os.environ["MOCKCLUSTER"]
    return build_mock(tmp_path_factory.mktemp("mock"))


@pytest.fixture
def make_cluster(mock_program):
    """Makes mock clusters, each a process of its own."""
    made = []

    def make(brokers=1):
        made.append(Cluster(mock_program, brokers))
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def source(make_cluster):
    return make_cluster()


@pytest.fixture
def target(make_cluster):
    return make_cluster()


@pytest.fixture
def run(program, tmp_path):
    """Runs the program to its end: run("check", "--whitelist", "x") gives status, stdout, stderr."""
    def run_program(*arguments, timeout=DEADLINE, environment=None):
        done = subprocess.run([program, *(str(a) for a in arguments)], cwd=tmp_path, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                              env={**os.environ, **(environment or {})}, check=False)
        assert not SANITIZER.search(done.stderr), done.stderr
        return done
    return run_program


def write_properties(path, properties):
    """Writes a property file; a value of None leaves its key out."""
    path.write_text("".join(f"{key}={value}\n" for key, value in properties.items() if value is not None),
                    encoding="utf-8")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Shows the logs of a failed test's agents."""
    report = yield
    if report.failed:
        for agent in getattr(item, "agents", ()):
            report.sections.append((f"log of agent {agent.process.pid}", agent.stderr))
    return report


@pytest.fixture
def make_agent(program, tmp_path, request):
    """Starts the program with arguments as they are: make_agent("--whitelist", "x")."""
    made = request.node.agents = []

    def make(*arguments, environment=None):
        made.append(Agent(program, arguments, tmp_path, environment))
        return made[-1]

    yield make
    for agent in made:
        agent.end()


@pytest.fixture
def mirror(make_agent, tmp_path):
    """Starts a mirror between two clusters (or bootstrap lists), with MirrorMaker's own flags.
    consumer and producer add to the property files; flags are appended to the command."""
    count = 0

    def start(source, target, whitelist="t.*", consumer=None, producer=None, flags=(), environment=None):
        nonlocal count
        count += 1
        reads = {"bootstrap.servers": getattr(source, "bootstrap", source), **CONSUMER, **(consumer or {})}
        writes = {"bootstrap.servers": getattr(target, "bootstrap", target), **(producer or {})}
        files = [write_properties(tmp_path / f"consumer{count}.properties", reads),
                 write_properties(tmp_path / f"producer{count}.properties", writes)]
        # Only root may look at the descriptors of a process that keeps its memory to itself.
        if os.geteuid() != 0:
            flags = ("--core.dumps", "true", *flags)
        topics = ["--whitelist", whitelist] if whitelist is not None else []
        # Many agents run at once; only who asks for the admin API gets it.
        if "--admin.listen" not in flags:
            flags = ("--admin.listen", "none", *flags)
        return make_agent("--consumer.config", files[0], "--producer.config", files[1], *topics, *flags,
                          environment=environment)

    return start
