"""The package on a machine of its own, from apt install to purge, under the real systemd. One story, told in order."""

import re
import resource

import pytest

from cluster import Cluster, Record
from timing import DEADLINE, wait_until

ORDERS = "reflejo@orders.service"
SCRIPT = "return {{ api = 1, route = function(t) return '{}' .. t.name end }}"


@pytest.fixture(scope="module")
def clusters(mock_program):
    made = [Cluster(mock_program), Cluster(mock_program)]
    for cluster in made:
        cluster.create("t")
    made[1].create("one.t")
    made[1].create("two.t")
    yield made
    for cluster in made:
        cluster.close()


def configuration(clusters, more=""):
    return (f"[mirror]\nwhitelist = t\n[consumer]\nbootstrap.servers = {clusters[0].bootstrap}\ngroup.id = orders\nauto.offset.reset = earliest\n"
            f"session.timeout.ms = 6000\nheartbeat.interval.ms = 500\n"
            f"[producer]\nbootstrap.servers = {clusters[1].bootstrap}\n"
            f"[script]\nfile = /etc/reflejo/route.lua\n[admin]\nlisten = unix:/run/reflejo/orders/admin.sock\n{more}")


@pytest.fixture(scope="module")
def installed(machine, clusters):
    """The package installed, and its instance configured. Gives back what apt printed."""
    printed = machine.do("apt-get", "install", "-y", "/root/reflejo.deb")
    machine.write("/etc/reflejo/orders.ini", configuration(clusters))
    machine.write("/etc/reflejo/route.lua", SCRIPT.format("one."))
    # A watchdog that a test can wait for; only the time differs from what is shipped.
    machine.do("mkdir", "-p", "/etc/systemd/system/reflejo@.service.d")
    machine.write("/etc/systemd/system/reflejo@.service.d/test.conf", "[Service]\nWatchdogSec=2\nRestartSec=0.1\nLimitCORE=0\n")
    machine.do("systemctl", "daemon-reload")
    return printed


def main_pid(machine):
    return int(machine.show(ORDERS, "MainPID"))


def test_installs_and_starts_nothing(machine, installed):
    assert machine.do("stat", "-c", "%a %U %G", "/etc/reflejo").split() == ["750", "root", "reflejo"]
    assert machine.do("/usr/bin/reflejo", "version").startswith("reflejo ")
    assert machine.do("man", "-w", "1", "reflejo").endswith("reflejo.1.gz\n")
    assert machine.do("man", "-w", "5", "reflejo.ini") and machine.do("man", "-w", "3", "reflejo-lua")
    assert machine.run("systemctl", "is-enabled", "reflejo.service").stdout.strip() == "disabled"
    assert machine.run("systemctl", "is-active", "reflejo.service").stdout.strip() == "inactive"
    conffiles = re.findall(r"^ (/\S+)", machine.do("dpkg-query", "-W", "-f", "${Conffiles}\n", "reflejo"), re.M)
    assert conffiles == ["/etc/logrotate.d/reflejo"]


def test_starts_and_mirrors(machine, installed, clusters):
    machine.do("systemctl", "start", ORDERS)
    assert machine.show(ORDERS, "ActiveState") == "active"
    clusters[0].produce("t", [Record(b"k", b"v")])
    assert [(seen.key, seen.value) for seen in clusters[1].read("one.t", 1)] == [(b"k", b"v")]
    assert re.search(r"\bstart\b.*version", machine.journal(ORDERS))


def test_runs_with_few_rights(machine, installed):
    status = machine.do("cat", f"/proc/{main_pid(machine)}/status")
    facts = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.M))
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
    assert int(facts["CapPrm"], 16) == int(facts["CapBnd"], 16) == 0
    assert machine.do("ps", "-o", "user=,group=", "-p", main_pid(machine)).split() == ["reflejo", "reflejo"]
    limits = machine.do("cat", f"/proc/{main_pid(machine)}/limits")
    # systemd cannot give more than it has.
    most = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert re.search(rf"^Max open files\s+{most}\s+{most}", limits, re.M), limits


def test_keeps_state_where_the_unit_says(machine, installed):
    found = machine.do("find", "/var/lib/reflejo/orders", "-name", "*.state", "-printf", "%f %u %m\n").split()
    assert re.fullmatch(r"reflejo-\d+-orders\.state", found[0]) and found[1] == "reflejo"
    assert machine.do("stat", "-c", "%U %a", "/run/reflejo/orders", "/var/log/reflejo").split() == ["reflejo", "750"] * 2
    assert machine.do("stat", "-c", "%F", "/run/reflejo/orders/admin.sock").strip() == "socket"


def test_a_reload_checks_first(machine, installed, clusters):
    pid = main_pid(machine)
    machine.write("/etc/reflejo/route.lua", "return { api = 1, rute = 1 }")
    refused = machine.run("systemctl", "reload", ORDERS)
    assert refused.returncode != 0
    wait_until(lambda: "did you mean 'route'" in machine.journal(ORDERS), what="the reason of the refusal")
    assert not re.search(r"reload_rejected|reloaded", machine.journal(ORDERS)), "the running program was told to reload"
    machine.write("/etc/reflejo/route.lua", SCRIPT.format("two."))
    machine.do("systemctl", "reload", ORDERS)
    wait_until(lambda: re.search(r"\breloaded\b", machine.journal(ORDERS)), what="the reload")
    clusters[0].produce("t", [Record(b"k2", b"v2")])
    assert [seen.key for seen in clusters[1].read("two.t", 1)] == [b"k2"]
    assert (machine.show(ORDERS, "ActiveState"), main_pid(machine)) == ("active", pid)


@pytest.mark.parametrize("signal, result", [("KILL", "a crash"), ("STOP", "a loop that does not turn")])
def test_comes_back_after(machine, installed, signal, result):
    pid, restarts = main_pid(machine), int(machine.show(ORDERS, "NRestarts"))
    machine.do("kill", f"-{signal}", pid)
    machine.wait_show(ORDERS, "NRestarts", str(restarts + 1))
    machine.wait_show(ORDERS, "ActiveState", "active")
    assert main_pid(machine) != pid, result


def test_an_upgrade_restarts_what_runs_and_nothing_else(machine, installed):
    pid = main_pid(machine)
    machine.do("dpkg", "-i", "/root/reflejo.deb")
    machine.wait_show(ORDERS, "ActiveState", "active")
    assert main_pid(machine) not in (0, pid)
    assert machine.show("reflejo.service", "ActiveState") == "inactive"


def test_a_stop_is_clean(machine, installed, clusters):
    clusters[0].produce("t", [Record(b"k3", b"v3")])
    clusters[1].reader("two.t").until(lambda seen: any(record.key == b"k3" for record in seen), what="the last record")
    machine.do("systemctl", "stop", ORDERS)
    assert (machine.show(ORDERS, "ActiveState"), machine.show(ORDERS, "Result"), machine.show(ORDERS, "ExecMainStatus")) == ("inactive", "success", "0")
    assert clusters[0].committed("orders", "t", 1) == {0: 3}
    assert machine.run("test", "-e", "/run/reflejo/orders").returncode == 1


def test_a_wrong_configuration_is_not_tried_again(machine, installed, clusters):
    machine.write("/etc/reflejo/orders.ini", configuration(clusters, "lissen = x\n"))
    assert machine.run("systemctl", "start", ORDERS).returncode != 0
    assert machine.show(ORDERS, "ActiveState") == "failed"
    assert machine.show(ORDERS, "ExecMainStatus") == "1"
    assert machine.show(ORDERS, "NRestarts") == "0"
    assert "did you mean 'listen'" in machine.journal(ORDERS)


def test_a_source_that_is_away_does_not_hold_up_the_start(machine, installed, clusters):
    """Neither a boot nor an upgrade hangs on it, and the service begins when the source comes."""
    machine.write("/etc/reflejo/orders.ini", configuration(clusters))
    clusters[0].down()
    try:
        machine.do("systemctl", "start", ORDERS, timeout=DEADLINE)
        assert machine.show(ORDERS, "ActiveState") == "active"
        assert "wait" in machine.show(ORDERS, "StatusText")
    finally:
        clusters[0].up()
    clusters[0].produce("t", [Record(b"k4", b"v4")])
    clusters[1].reader("two.t").until(lambda seen: any(record.key == b"k4" for record in seen), what="the last record")
    assert machine.show(ORDERS, "NRestarts") == "0"


def test_a_purge_leaves_what_an_operator_wrote_and_nothing_else(machine, installed):
    machine.do("systemctl", "enable", ORDERS)
    machine.do("apt-get", "purge", "-y", "reflejo")
    assert machine.show(ORDERS, "ActiveState") in ("inactive", "failed")
    left = machine.do("find", "/etc", "/usr", "/var", "-xdev", "-iname", "*reflejo*", "-not", "-path", "/var/tmp/*", "-not", "-path", "/usr/src/*")
    kept = {"/etc/reflejo", "/etc/systemd/system/reflejo@.service.d"}
    assert set(left.split()) <= kept, left
    assert machine.do("ls", "/etc/reflejo").split() == ["orders.ini", "route.lua"]
