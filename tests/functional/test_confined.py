"""As an unprivileged user without any capability, on a file system that nobody can write to but for a folder for state where one is given.
Needs root, for the mounts."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from agent import Agent
from certificates import Authority
from cluster import Record
from conftest import CONSUMER, write_properties
from peer import ask
from timing import wait_until

NOBODY = 65534
# Everything that is mounted becomes read-only, but for what the kernel makes up, and other processes are not seen where the kernel takes
# that; then this user's rights go, and the program starts.
CONFINE = r"""
set -e
mount --make-rprivate /
while read -r _ folder type _; do
	case $type in proc | sysfs | cgroup* | devpts | mqueue | securityfs | debugfs | tracefs | bpf | binfmt_misc | fusectl | configfs) continue ;; esac
	mount -o remount,bind,ro "$folder" 2>/dev/null || true
done </proc/self/mounts
[ -z "$STATE_DIRECTORY" ] || mount -t tmpfs -o uid=65534,mode=700 tmpfs "$STATE_DIRECTORY"
mount -t proc -o hidepid=2 proc /proc 2>/dev/null || true
cd /
exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
"""


def confined(*command):
    return ["--mount", "sh", "-c", CONFINE, "confine", *command]


@pytest.fixture
def folder(program):
    """A folder that others can read, unlike tmp_path."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make mounts and become another user")
    tried = subprocess.run(["unshare", *confined("sh", "-c", f"{program} version && for d in / /tmp /var/tmp /run; do ! touch $d/written || exit 9; done")],
                           capture_output=True, text=True, check=False)
    if tried.returncode == 9:
        pytest.skip("mounts cannot be made read-only here")
    if tried.returncode:
        pytest.skip(f"another user cannot run {program}, or no mounts can be made: {tried.stderr.strip()[-200:]}")
    made = pathlib.Path(tempfile.mkdtemp(prefix="reflejo-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def start(program, folder, request):
    """Starts the program so confined."""
    made = request.node.agents = []

    def make(source, target, *flags, producer=None, state=""):
        files = [write_properties(folder / "consumer.properties", {"bootstrap.servers": source, **CONSUMER}),
                 write_properties(folder / "producer.properties", {"bootstrap.servers": target, **(producer or {})})]
        made.append(Agent("unshare", confined(program, "--consumer.config", str(files[0]), "--producer.config", str(files[1]), "--whitelist", "t",
                                              "--admin.listen", "127.0.0.1:0", *flags), folder, {"STATE_DIRECTORY": str(state)}))
        return made[-1]

    yield make
    for agent in made:
        agent.end()


def kernel_says(agent):
    """What the kernel knows of the process."""
    text = pathlib.Path(f"/proc/{agent.process.pid}/status").read_text(encoding="ascii")
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.M))


def owner(agent):
    """Whose the process is for who would look into its memory: root's alone, unless it lets others of its user."""
    return os.stat(f"/proc/{agent.process.pid}/environ").st_uid


def test_it_mirrors(start, folder, source, target):
    for cluster in (source, target):
        cluster.create("t")
    (folder / "route.lua").write_text("return { api = 1, record = function(r) r.headers:set('seen', 'yes') end }")
    (folder / "state").mkdir()
    agent = start(source.bootstrap, target.bootstrap, "--script.file", str(folder / "route.lua"), state=folder / "state")
    address = agent.wait_event("admin_listening")["address"]
    source.produce("t", [Record(b"k", b"v%d" % i) for i in range(100)])
    wait_until(lambda: source.committed("mirrorgroup", "t", 1) == {0: 100}, what="mirroring")
    assert all(record.headers == [("seen", b"yes")] for record in target.read("t", 100))
    assert ask(address, "GET", "/status").json["totals"]["records_mirrored"] == 100
    says = kernel_says(agent)
    assert says["Uid"].split() == [str(NOBODY)] * 4 and says["NoNewPrivs"] == "1"
    assert int(says["CapEff"], 16) == int(says["CapPrm"], 16) == int(says["CapBnd"], 16) == 0
    # Its own process it may look at: the metrics come from there.
    assert owner(agent) == 0
    metrics = ask(address, "GET", "/metrics").body.decode()
    assert all(float(re.search(rf"^{name} (\S+)$", metrics, re.M)[1]) > 0 for name in ("process_open_fds", "process_resident_memory_bytes"))
    assert ask(address, "POST", "/reload").status == 200
    assert ask(address, "POST", "/pause", b'{"topic":"t","keep":true}').status == 200
    assert agent.stop() == 0


def test_core_files_only_where_they_are_wanted(start):
    agent = start("127.0.0.1:1", "127.0.0.1:1", "--core.dumps", "true")
    agent.wait_event("admin_listening")
    assert owner(agent) == NOBODY


def test_a_chain_of_certificates(start, folder):
    """Older libraries take more than one certificate from a file only, which lies in memory that nobody else may look into."""
    authority = Authority(folder)
    pair = authority.sign("client")
    store = folder / "store.pem"
    store.write_text(pair.key.read_text() + pair.certificate.read_text() + authority.file.read_text())
    os.chown(store, NOBODY, NOBODY)
    store.chmod(0o400)
    agent = start("127.0.0.1:1", "127.0.0.1:1", "--log.level", "debug", "--producer.debug", "broker", producer={"security.protocol": "SSL", "ssl.keystore.type": "PEM",
                                                           "ssl.keystore.location": store, "ssl.truststore.type": "PEM",
                                                           "ssl.truststore.location": authority.file})
    agent.wait_event("library_debug", client=lambda name: "producer" in name)
    assert agent.stop() == 0
