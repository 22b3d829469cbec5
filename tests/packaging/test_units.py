"""The units, as systemd itself reads them, and what they must agree with."""

import re
import shutil
import subprocess

import pytest

from conftest import TOP

UNITS = ["reflejo.service", "reflejo@.service"]
# How much of a system a service can reach by systemd-analyze's count, of 10. What is left: the network, and memory that is written and run.
EXPOSURE = 1.7


@pytest.fixture(scope="module")
def units(installed, tmp_path_factory):
    """A folder with both units, whose program exists."""
    folder = tmp_path_factory.mktemp("units")
    for name in UNITS:
        text = (installed / "usr/lib/systemd/system" / name).read_text()
        (folder / name).write_text(text.replace("/usr/bin/reflejo", f"{installed}/usr/bin/reflejo"))
    shutil.copy(folder / "reflejo@.service", folder / "reflejo@orders.service")
    return folder


def value(text, key):
    return re.search(rf"^{key}=(.*)$", text, re.M).group(1)


@pytest.mark.parametrize("name", ["reflejo.service", "reflejo@orders.service"])
def test_systemd_reads_them_without_a_complaint(units, name):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", units / name], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_they_are_well_confined(units):
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={round(EXPOSURE * 10)}",
                           units / "reflejo.service"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    # Off on purpose, each with its reason beside it.
    assert re.search(r"✗ MemoryDenyWriteExecute=", done.stdout) and re.search(r"✗ PrivateUsers=", done.stdout)


def test_every_line_of_confinement_has_a_comment_above_it(units):
    """Lines of one paragraph of the unit share theirs."""
    text = (units / "reflejo.service").read_text()
    lines = text[text.index("# No way to more rights"):text.index("[Install]")].splitlines()
    assert lines[0].startswith("#")
    commented = False
    for line in lines:
        commented = line.startswith("#") or (commented and line != "")
        assert commented or not line, f"no comment for {line}"


def test_times_agree_with_the_programs_own(units):
    text = (units / "reflejo.service").read_text()
    options = (TOP / "agent/config/options.def").read_text()
    shutdown = int(re.search(r'"shutdown.timeout.ms", MILLIS, "(\d+)"', options).group(1))
    assert int(value(text, "TimeoutStopSec")) * 1000 >= 2 * shutdown
    kubernetes = (TOP / "conf/kubernetes/reflejo.yaml").read_text()
    assert int(re.search(r"terminationGracePeriodSeconds: (\d+)", kubernetes).group(1)) * 1000 >= 2 * shutdown


def test_both_units_are_one(units):
    one, instance = ((units / name).read_text() for name in UNITS)
    assert one.replace("reflejo/reflejo", "reflejo/%i") == instance


def test_user_and_folders(installed, tmp_path):
    users = installed / "usr/lib/sysusers.d/reflejo.conf"
    (tmp_path / "etc").mkdir()
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", users], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^reflejo:.*:/var/lib/reflejo:/usr/sbin/nologin$", (tmp_path / "etc/passwd").read_text(), re.M)
    folders = installed / "usr/lib/tmpfiles.d/reflejo.conf"
    done = subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", folders], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "etc/reflejo").stat().st_mode & 0o7777 == 0o750
