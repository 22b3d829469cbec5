"""The program as it was built: what the compiler and the linker put in so that a mistake is harder to use."""

import os
import platform
import re
import subprocess

import pytest


def readelf(program, *arguments):
    done = subprocess.run(["readelf", "--wide", *arguments, program], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})
    return done.stdout


@pytest.fixture(scope="module")
def segments(program):
    """(type, flags) of each program header."""
    return re.findall(r"^  (\S+) +(?:0x[0-9a-f]+ +){5}([RWE ]+?) +0x", readelf(program, "--segments"), re.M)


def test_memory(segments):
    """Every address is chosen at the start; what is written is never run, what the loader has filled in is never written."""
    assert ("GNU_RELRO", "R") in segments
    assert [flags for kind, flags in segments if kind == "GNU_STACK"] == ["RW"]
    assert len(segments) > 5 and not [s for s in segments if "W" in s[1] and "E" in s[1]]


def test_loading(program):
    assert re.search(r"Type: +DYN \(Position-Independent Executable", readelf(program, "--file-header"))
    dynamic = readelf(program, "--dynamic")
    assert re.search(r"\(FLAGS\) +BIND_NOW", dynamic) and re.search(r"\(FLAGS_1\) +Flags: NOW PIE", dynamic)
    # Libraries come from where the system has them. A build for another librdkafka names its folder.
    if not os.environ.get("RDKAFKA"):
        assert not re.search(r"\((RPATH|RUNPATH)\)", dynamic)


def test_checks_at_run_time(program):
    """Guards of the stack, and of what the library is given to write to."""
    symbols = readelf(program, "--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert len(set(re.findall(r"__(\w+)_chk@", symbols))) > 3


def test_allocator(program):
    """It is linked, has what the program wants it to do, and the environment wins."""
    def told(more):
        done = subprocess.run([program, "version"], capture_output=True, text=True, check=True, env={**os.environ, "MALLOC_CONF": "stats_print:true" + more})
        return [re.search(r", (\w+)[ \d.]*\)$", done.stdout.splitlines()[0])[1], *re.findall(r"^  opt\.(?:narenas|dirty_decay_ms): (\d+)", done.stderr, re.M)]

    if os.environ.get("SAN") or os.environ.get("MALLOC") == "libc":
        assert told("") == ["libc"]
    else:
        assert told("") == ["jemalloc", "4", "2000"]
        assert told(",narenas:3") == ["jemalloc", "3", "2000"]


def test_every_file_was_compiled_so(program):
    """As the compiler has noted in each of the agent's files."""
    text = readelf(program, "--debug-dump=info", "--dwarf-depth=1")
    # With the form of each value before it, by newer readelfs.
    values = re.findall(r"DW_AT_(producer|name) +: (?:\(\w+\) )?(?:\([^)]*\): )?(.*?)\s*$", text, re.M)
    ours = [(name, producer) for (_, producer), (kind, name) in zip(values, values[1:]) if kind == "name" and name.startswith(("agent/", "build/"))]
    assert len(ours) > 150
    wanted = ["-fstack-protector-strong", "-fstack-clash-protection", "-fPIE",
              {"x86_64": "-fcf-protection=full", "aarch64": "-mbranch-protection=standard"}.get(platform.machine(), "-O2")]
    missing = [(name, option) for name, producer in ours for option in wanted if option not in producer.split()]
    assert not missing
