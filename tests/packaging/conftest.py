"""Fixtures: the program, its package, and what runs both."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]

from machine import Impossible, Machine  # noqa: E402


@pytest.fixture(scope="session")
def program():
    """The program under test: $REFLEJO, or build/reflejo of this checkout."""
    path = pathlib.Path(os.environ.get("REFLEJO", TOP / "build" / "reflejo")).resolve()
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there: run make first, or name the program in REFLEJO")
    return str(path)


def make(*arguments):
    # What a make around this one says is not for this one.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", "-C", str(TOP), *arguments], capture_output=True, text=True, env=env, check=False)


def tree_state():
    """What git sees as changed; nothing where there is no git."""
    return subprocess.run(["git", "-C", str(TOP), "status", "--porcelain"], capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder that `make install` has filled as a package would be."""
    root = tmp_path_factory.mktemp("installed")
    done = make("install", f"DESTDIR={root}", "PREFIX=/usr")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="session")
def package():
    """The path of the package that `make deb` builds."""
    before = tree_state()
    done = make("deb")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert tree_state() == before, "make deb has changed the tree"
    built = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("built ") and "dbgsym" not in line]
    assert len(built) == 1, done.stdout
    return TOP / built[0]


@pytest.fixture(scope="session")
def machine(tmp_path_factory, package, program):
    """A running machine with the package in /root."""
    if b"NOTIFY_SOCKET" not in pathlib.Path(program).read_bytes():
        pytest.skip("a program without service/notify never tells systemd that it is ready")
    try:
        made = Machine(tmp_path_factory.mktemp("machine"))
    except Impossible as error:
        pytest.skip(f"no machine to try it on: {error}")
    made.write("/root/reflejo.deb", package.read_bytes())
    yield made
    made.close()


@pytest.fixture(scope="session")
def mock_program(tmp_path_factory):
    """The mock cluster of the functional tests."""
    out = tmp_path_factory.mktemp("mock") / "mockcluster"
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "rdkafka"], check=True, text=True, stdout=subprocess.PIPE).stdout)
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O1", str(HERE.parent / "functional" / "mock.c"), *flags,
                    "-o", str(out)], check=True)
    return str(out)
