"""kafka-mirror-maker.sh, called as hosts call Kafka's own scripts."""

import os
import re
import subprocess

import pytest

from conftest import TOP
from timing import wait_until

SCRIPT = TOP / "conf/kafka-mirror-maker.sh"
FLAGS = ["--consumer.config", "a file", "--whitelist", "a|b"]
CLASS = "kafka.tools.MirrorMaker"


@pytest.fixture
def call(tmp_path):
    """call(name, *arguments): runs the script by that name; the program in its reach writes down what it is given."""
    bin_folder, kafka = tmp_path / "bin", tmp_path / "kafka"
    for folder in (bin_folder, kafka):
        folder.mkdir()
    program = bin_folder / "reflejo"
    program.write_text('#!/bin/sh\nfor word; do echo "reflejo: $word"; done\necho "to stderr" >&2\nexit 7\n')
    other = kafka / "kafka-run-class.sh"
    other.write_text('#!/bin/sh\nfor word; do echo "kafka: $word"; done\nexit 5\n')
    for file in (program, other):
        file.chmod(0o755)
    (bin_folder / "kafka-mirror-maker.sh").symlink_to(SCRIPT)
    (bin_folder / "kafka-run-class.sh").symlink_to(SCRIPT)

    def run(name, *arguments, path=(bin_folder, kafka), **environment):
        return subprocess.run([str(bin_folder / name), *arguments], capture_output=True, text=True, cwd=tmp_path, check=False,
                              env={"PATH": ":".join(map(str, path)) + ":" + os.environ["PATH"], **environment})
    run.folder = tmp_path
    return run


def given(done, who="reflejo"):
    return [line.removeprefix(f"{who}: ") for line in done.stdout.splitlines() if line.startswith(f"{who}: ")]


@pytest.mark.parametrize("name, before", [
    ("kafka-mirror-maker.sh", []),
    ("kafka-mirror-maker.sh", [CLASS]),
    ("kafka-mirror-maker.sh", ["-loggc"]),
    ("kafka-run-class.sh", [CLASS]),
    ("kafka-run-class.sh", ["-name", "mirror", "-loggc", CLASS]),
])
def test_becomes_reflejo_with_the_same_arguments(call, name, before):
    done = call(name, *before, *FLAGS)
    assert given(done) == [CLASS, *FLAGS]
    assert (done.returncode, done.stderr) == (7, "to stderr\n")


def test_what_was_for_the_jvm_is_ignored_in_silence(call):
    done = call("kafka-mirror-maker.sh", *FLAGS, KAFKA_HEAP_OPTS="-Xmx1G", KAFKA_LOG4J_OPTS="-Dlog4j.configuration=file:x", JMX_PORT="9999",
                KAFKA_JVM_PERFORMANCE_OPTS="-server", KAFKA_OPTS="-Dother=1", CLASSPATH="/x")
    assert given(done) == [CLASS, *FLAGS] and done.stderr == "to stderr\n"


def test_a_jaas_file_is_spoken_of(call):
    done = call("kafka-mirror-maker.sh", *FLAGS, KAFKA_OPTS="-Dx=1 -Djava.security.auth.login.config=/etc/kafka/jaas.conf -Dy=2")
    assert given(done) == [CLASS, *FLAGS]
    assert "/etc/kafka/jaas.conf of KAFKA_OPTS is not read" in done.stderr and "-Dy" not in done.stderr
    properties = (TOP / "conf/properties.md").read_text()
    for name in re.findall(r"sasl\.[\w.]*\w", done.stderr):
        assert f"`{name}`" in properties, name


@pytest.mark.parametrize("arguments", [["kafka.tools.ConsoleConsumer", "--topic", "t"], ["-name", CLASS, "kafka.Kafka", "a b"], []])
def test_other_classes_are_kafkas(call, arguments):
    done = call("kafka-run-class.sh", *arguments)
    assert (done.returncode, given(done, "kafka"), given(done)) == (5, arguments, [])


def test_other_classes_without_kafka(call):
    done = call("kafka-run-class.sh", "kafka.Kafka", path=(call.folder / "bin",))
    assert done.returncode == 1 and "kafka.tools.MirrorMaker only" in done.stderr


def test_a_name_needs_a_name(call):
    done = call("kafka-mirror-maker.sh", "-name")
    assert done.returncode == 1 and "-name needs a name" in done.stderr


def test_as_a_daemon(call):
    logs = call.folder / "logs"
    logs.mkdir()
    done = call("kafka-run-class.sh", "-daemon", "-name", "east", CLASS, *FLAGS, LOG_DIR=str(logs))
    assert done.returncode == 0 and done.stdout == ""
    expected = "".join(f"reflejo: {word}\n" for word in [CLASS, *FLAGS]) + "to stderr\n"
    output = logs / "east.out"
    wait_until(lambda: output.exists() and output.read_text().endswith("to stderr\n"), what="the daemon's output")
    assert output.read_text() == expected


def test_the_real_program_understands_what_it_is_given(call, program):
    done = call("kafka-mirror-maker.sh", "--whitelst", "x", REFLEJO=program)
    assert done.returncode == 1 and "whitelst" in done.stderr and "did you mean" in done.stderr
