"""Completion in real shells: what a person gets who presses Tab."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import TOP
from timing import DEADLINE

BASH = TOP / "conf/completion/reflejo.bash"

# Calls the function as bash does when Tab is pressed behind the words of a line, which it takes apart at = and : as well.
ASK = r"""
. "$1"
cd "$2"
COMP_LINE=$3
COMP_POINT=${#COMP_LINE}
read -ra COMP_WORDS <<<"$(sed 's/[=:]/ & /g' <<<"$COMP_LINE")"
[[ $COMP_LINE == *[[:blank:]=:] ]] && COMP_WORDS+=("")
[[ $COMP_LINE == *= ]] && { unset 'COMP_WORDS[-1]'; }
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_reflejo reflejo "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\n' "${COMPREPLY[@]}"
"""

COMMANDS = ["run", "check", "plan", "verify", "test", "ctl", "tap", "groups", "redrive", "print", "demo", "version", "help"]
CASES = [
    ("reflejo ", set(COMMANDS)),
    ("reflejo ch", {"check"}),
    ("reflejo print ", {"options", "properties", "sample", "events", "man", "completion"}),
    ("reflejo print man ", {"1", "5"}),
    ("reflejo print completion ", {"bash", "zsh"}),
    ("reflejo help v", {"version", "verify"}),
    ("reflejo verify --allow-", {"--allow-duplicates", "--allow-unexpected"}),
    ("reflejo run --partition.mode ", {"key", "preserve", "map", "round.robin", "crc32"}),
    ("reflejo run --partition.mode=pre", {"preserve"}),
    ("reflejo --partition.mode=", {"key", "preserve", "map", "round.robin", "crc32"}),
    ("reflejo --script.watch t", {"true"}),
    ("reflejo kafka.tools.MirrorMaker --num.s", {"--num.streams"}),
    ("reflejo check --dry-run --log.l", {"--log.level"}),
    ("reflejo check --js", {"--json"}),
    ("reflejo plan --source-t", {"--source-topics"}),
    ("reflejo demo --", {"--seconds"}),
    ("reflejo --consumer.group.instance", {"--consumer.group.instance.id"}),
    ("reflejo --producer.compression.ty", {"--producer.compression.type"}),
    ("reflejo --config re", {"reflejo.ini", "reflejo folder"}),
    ("reflejo --config=re", {"reflejo.ini", "reflejo folder"}),
    ("reflejo test re", {"reflejo.ini", "reflejo folder"}),
    ("reflejo --whitelist ", set()),
    ("reflejo ctl st", {"status", "stop"}),
    ("reflejo ctl --address unix:/run/x log-level w", {"warn"}),
    ("reflejo ctl pause --", {"--keep"}),
    ("reflejo ctl events --level e", {"error"}),
    ("reflejo ctl events --last 5 --no", {"--no-follow"}),
    ("reflejo nonsense ", set()),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "reflejo.ini").write_text("")
    (tmp_path / "reflejo folder").mkdir()
    (tmp_path / "other").write_text("")
    return tmp_path


@pytest.mark.parametrize("line, expected", CASES, ids=[line for line, _ in CASES])
def test_bash(folder, line, expected):
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", BASH, folder, line], capture_output=True, text=True, check=False)
    assert done.stderr == "" and done.returncode == 0
    offered = set(filter(None, done.stdout.splitlines()))
    assert expected <= offered if line.endswith("--") else offered == expected


def test_bash_knows_every_command_and_flag():
    text = BASH.read_text()
    for name in re.findall(r"^COMMAND\((\w+)", (TOP / "agent/commands/commands.def").read_text(), re.M):
        assert re.search(rf"^_reflejo_commands='.*\b{name}\b", text, re.M)
    for section, key, kind in re.findall(r'^OPTION\((\w+), \w+, "([^"]+)", (\w+)', (TOP / "agent/config/options.def").read_text(), re.M):
        flag = f"--{key}" if section == "mirror" else f"--{section}.{key}"
        assert (f" {flag} " in text) == (kind != "OLD"), flag


def test_bash_text_is_sound():
    done = subprocess.run(["shellcheck", BASH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


class Zsh:
    """An interactive zsh on a terminal of its own."""

    def __init__(self, folder):
        functions = folder / "functions"
        functions.mkdir()
        shutil.copy(TOP / "conf/completion/_reflejo", functions)
        child, self.fd = pty.fork()
        if child == 0:
            os.chdir(folder)
            os.execlpe("zsh", "zsh", "-f", "-i", {**os.environ, "TERM": "dumb", "COLUMNS": "250", "LINES": "500", "PS1": "", "HOME": str(folder)})
        self.child = child
        self.type(f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste; LISTMAX=9999\r")
        self.type("print RE''ADY\r")
        self.read_until("READY")

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, mark):
        seen, end = "", time.monotonic() + DEADLINE
        while mark not in seen:
            assert time.monotonic() < end, f"{mark} did not come; the terminal shows:\n{seen}"
            if select.select([self.fd], [], [], 0.1)[0]:
                seen += os.read(self.fd, 65536).decode(errors="replace")
        return seen

    def tab(self, line):
        """What the line is after Tab: zsh is asked for its buffer by a key of the test's own."""
        self.type("\x15_show() { print -r -- \"<$BUFFER>\" }; zle -N _show; bindkey '^O' _show; print DO''NE\r")
        self.read_until("DONE")
        self.type(line + "\t\x0f")
        return re.findall(r"<(.*?)>", self.read_until(">"))[-1]

    def close(self):
        os.close(self.fd)
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)


@pytest.fixture
def zsh(folder):
    shell = Zsh(folder)
    yield shell
    shell.close()


def test_zsh(zsh):
    assert zsh.tab("reflejo che") == "reflejo check "
    assert zsh.tab("reflejo print comp") == "reflejo print completion "
    assert zsh.tab("reflejo print completion z") == "reflejo print completion zsh "
    assert zsh.tab("reflejo run --num.s") == "reflejo run --num.streams="
    assert zsh.tab("reflejo --partition.mode=pre") == "reflejo --partition.mode=preserve "
    assert zsh.tab("reflejo check --config oth") == "reflejo check --config other "
    assert zsh.tab("reflejo --consumer.group.inst") == "reflejo --consumer.group.instance.id="
    assert zsh.tab("reflejo ctl roll") == "reflejo ctl rollback "
    assert zsh.tab("reflejo ctl log-level de") == "reflejo ctl log-level debug "
    assert zsh.tab("reflejo ctl events --level=wa") == "reflejo ctl events --level=warn "
    assert zsh.tab("reflejo kafka.tools.MirrorMaker --dry") == "reflejo kafka.tools.MirrorMaker --dry-run "
