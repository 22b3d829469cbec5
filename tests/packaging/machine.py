"""A machine of a test's own: this one's file system under a layer that is thrown away, with systemd as its first process, in namespaces of
their own (the network is shared, so that clusters of the test can be reached). Needs root."""

import os
import subprocess

from timing import DEADLINE, wait_until

# Run as the first process of the namespaces. /sys and /proc/sys cannot be written, so nothing reaches this machine's kernel.
BOOT = r"""
set -e
base=$1
mount --make-rprivate /
mount -t tmpfs tmpfs "$base"
mkdir "$base/upper" "$base/work" "$base/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" "$base/root"
cd "$base/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
mkdir dev/shm dev/pts
for name in null zero full random urandom tty; do
	touch "dev/$name"
	mount --bind "/dev/$name" "dev/$name"
done
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t cgroup2 cgroup2 sys/fs/cgroup
# Nothing that this machine has set up starts, and nothing cleans its files away.
rm -rf etc/systemd/system/*.wants etc/systemd/system/*.requires var/log/journal usr/sbin/policy-rc.d
ln -sf /dev/null etc/systemd/system/systemd-tmpfiles-setup.service
ln -sf /dev/null etc/systemd/system/systemd-firstboot.service
# Installing takes seconds less without an index of all manual pages, and without waiting for disks that are not there.
rm -f var/lib/man-db/auto-update
echo force-unsafe-io >etc/dpkg/dpkg.cfg.d/test
tr -d - <proc/sys/kernel/random/uuid >etc/machine-id
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --system --unit=basic.target --log-target=journal
"""


class Impossible(Exception):
    """Why there can be no such machine here."""


class Machine:
    def __init__(self, folder):
        if os.geteuid() != 0:
            raise Impossible("needs root for namespaces and mounts")
        if not os.path.exists("/lib/systemd/systemd"):
            raise Impossible("systemd is not installed")
        self.log_path = folder / "boot.log"
        base = folder / "machine"
        base.mkdir()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["unshare", "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child",
                                             "sh", "-c", BOOT, "boot", str(base)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.first = wait_until(self._first_process, what="the first process")
            wait_until(lambda: self._is_ended() or self.run("systemctl", "is-active", "basic.target").returncode == 0,
                       what="the start of systemd")
        except BaseException:
            self.close()
            raise
        if self._is_ended():
            raise Impossible("namespaces, mounts or systemd do not work here: " + self.log_path.read_text(errors="replace")[-300:].strip())

    def _is_ended(self):
        return self.process.poll() is not None

    def _first_process(self):
        if self._is_ended():
            return -1
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        return int(children[0]) if children else None

    def run(self, *command, data=None, timeout=120):
        """Runs a command in there to its end."""
        return subprocess.run(["nsenter", "-t", str(self.first), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--root", "--wd=/",
                               *(str(word) for word in command)], input=data, text=not isinstance(data, bytes), capture_output=True,
                              timeout=timeout, check=False, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
                                                                 "LC_ALL": "C.UTF-8"})

    def do(self, *command, **arguments):
        """The same, and it must succeed. Gives back what it prints."""
        done = self.run(*command, **arguments)
        assert done.returncode == 0, (command, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def write(self, path, content):
        self.do("sh", "-c", 'cat >"$1"', "sh", path, data=content)

    def show(self, unit, name):
        """A property of a unit."""
        return self.do("systemctl", "show", "--value", "-p", name, unit).strip()

    def wait_show(self, unit, name, value, timeout=DEADLINE):
        wait_until(lambda: self.show(unit, name) == value, timeout, f"{name} of {unit} to be {value}, with the log:\n{self.journal(unit)}\n")

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "short-precise", "-u", unit).stdout

    def close(self):
        """Ends its first process, and with it all others."""
        self.process.kill()
        self.process.wait()
