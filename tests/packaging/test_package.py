"""What make install and make deb make."""

import os
import re
import subprocess

import pytest

from conftest import TOP, make

# Tags that say nothing here: machine code that happens to read like a word.
SUPPRESSED = "spelling-error-in-binary"


def listing(package):
    done = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True)
    return {line.split()[5]: line.split()[0] for line in done.stdout.splitlines()}


def field(package, name):
    return subprocess.run(["dpkg-deb", "-f", package, name], capture_output=True, text=True, check=True).stdout.strip()


def version():
    return re.search(r'REFLEJO_VERSION "(.*)"', (TOP / "agent/base/version.h").read_text()).group(1)


def test_package_has_the_version_of_the_program(package, program):
    assert field(package, "Version") == version()
    shown = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    assert shown.startswith(f"reflejo {version()} ")


def test_package_holds_what_make_install_installs(package, installed):
    made = {os.path.relpath(os.path.join(folder, name), installed) for folder, _, names in os.walk(installed) for name in names}
    held = {re.sub(r"^\./|\.gz$", "", name) for name in listing(package) if not name.endswith("/")}
    assert held - made == {"usr/share/doc/reflejo/copyright", "usr/share/doc/reflejo/changelog", "usr/share/lintian/overrides/reflejo"}
    assert made <= held


def test_package_needs_the_libraries_it_is_linked_with(package):
    depends = field(package, "Depends")
    for library in ("librdkafka1", "libevent-", "libluajit", "libcjson1", "libinih1", "libpcre2-8-0", "libssl3", "libzookeeper-mt2", "libkrb5-3",
                    "libgssapi-krb5-2", "libjemalloc2", "libc6"):
        assert library in depends, depends
    assert field(package, "Built-Using").startswith("lua-cjson (= ")


def test_packaged_program_tells_jemalloc_what_it_wants(package, tmp_path):
    """Nothing in it refers to that, so a linker could leave it out."""
    subprocess.run(["dpkg-deb", "-x", package, tmp_path], check=True)
    done = subprocess.run([tmp_path / "usr/bin/reflejo", "version"], capture_output=True, text=True, check=True,
                          env={**os.environ, "MALLOC_CONF": "stats_print:true"})
    assert "opt.narenas: 4\n" in done.stderr


def test_package_has_no_complaints(package):
    changes = package.with_name(package.name.replace(".deb", ".changes"))
    done = subprocess.run(["lintian", "--allow-root", "--pedantic", "--display-info", "--fail-on", "error,warning,info,pedantic",
                           "--suppress-tags", SUPPRESSED, changes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_overrides_have_reasons():
    before = ""
    for line in (TOP / "conf/debian/reflejo.lintian-overrides").read_text().splitlines():
        assert line.startswith("#") or before.startswith("#"), f"no reason for: {line}"
        before = line


@pytest.mark.parametrize("prefix, sysconfdir", [("/usr", "/etc"), ("/usr/local", "/etc"), ("/opt/reflejo", "/opt/reflejo/etc")])
def test_install_goes_by_its_prefix(tmp_path, prefix, sysconfdir):
    assert make("install", f"DESTDIR={tmp_path}", f"PREFIX={prefix}").returncode == 0
    root = f"{tmp_path}{prefix}"
    for name, instance in (("reflejo", "reflejo"), ("reflejo@", "%i")):
        with open(f"{root}/lib/systemd/system/{name}.service", encoding="utf-8") as file:
            unit = file.read()
        assert f"ExecStart={prefix}/bin/reflejo run --config {sysconfdir}/reflejo/{instance}.ini " in unit
        assert f"StateDirectory=reflejo/{instance}\n" in unit
        assert not re.search(r"@[A-Z]+@", unit)
    assert os.path.exists(f"{tmp_path}{sysconfdir}/logrotate.d/reflejo")
    assert os.path.exists(f"{root}/share/man/man5/reflejo.ini.5")
    run_class = f"{root}/lib/reflejo/bin/kafka-run-class.sh"
    assert os.path.realpath(run_class) == os.path.realpath(f"{root}/lib/reflejo/bin/kafka-mirror-maker.sh")


def test_installed_sample_is_a_configuration(installed, program, tmp_path):
    sample = installed / "usr/share/doc/reflejo/examples/reflejo.ini"
    done = subprocess.run([program, "check", "--config", sample], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_installed_scripts_pass_their_tests(installed, program):
    folder = installed / "usr/share/reflejo/scripts"
    tests = sorted(folder.glob("*_test.lua"))
    assert len(tests) > 10
    done = subprocess.run([program, "test", *tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_logs_are_rotated(installed, tmp_path):
    """By logrotate's own words: which files, and that it has no complaint. As root, since the package's user is not here."""
    folder = tmp_path / "log"
    folder.mkdir(mode=0o755)
    (folder / "orders.log").write_text("a line\n")
    text = (installed / "etc/logrotate.d/reflejo").read_text()
    assert "signal=USR1" in text
    text = text.replace("/var/log/reflejo/", f"{folder}/").replace("reflejo reflejo", "root root").replace("systemctl kill", "true")
    rules, state = tmp_path / "rules", tmp_path / "state"
    rules.write_text(text)
    rules.chmod(0o644)
    done = subprocess.run(["logrotate", "--force", "--verbose", "--state", state, rules], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "error" not in done.stderr, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["orders.log", "orders.log.1"]
    assert (folder / "orders.log").stat().st_mode & 0o777 == 0o640
