"""The manual's pages: clean for the two programs that set them, and complete."""

import re
import subprocess

import pytest

from conftest import TOP

PAGES = ["reflejo.1", "reflejo.ini.5", "reflejo-lua.3"]
# Lines are as long as the tables' sentences.
ALLOWED = re.compile(r"STYLE: input text line longer than 80 bytes")


def text_of(page):
    """The page as a person reads it, in one line, without the bold."""
    done = subprocess.run(["mandoc", "-Tascii", "-O", "width=200", TOP / "conf" / page], capture_output=True, text=True, check=True)
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout))


def keys(table, pattern):
    return re.findall(pattern, (TOP / table).read_text(), re.M)


@pytest.mark.parametrize("page", PAGES)
def test_groff_sets_it_without_a_warning(page):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", TOP / "conf" / page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_has_no_complaint(page):
    done = subprocess.run(["mandoc", "-Tlint", TOP / "conf" / page], capture_output=True, text=True, check=False)
    assert [line for line in done.stdout.splitlines() if not ALLOWED.search(line)] == []


def test_program_page_has_all_commands_and_flags():
    text = text_of("reflejo.1")
    for name in keys("agent/commands/commands.def", r"^COMMAND\((\w+)") + keys("agent/commands/ctl.def", r'^CTL\(\w+, "(\S+)"'):
        assert f" {name} " in text, name
    options = keys("agent/config/options.def", r'^OPTION\((\w+), \w+, "([^"]+)"')
    assert len(options) > 40
    for section, key in options:
        assert f" --{key} " in text if section == "mirror" else f" --{section}.{key} " in text, key


def test_file_page_has_all_keys_and_properties():
    text = text_of("reflejo.ini.5")
    for _, key in keys("agent/config/options.def", r'^OPTION\((\w+), \w+, "([^"]+)"'):
        assert f" {key} " in text, key
    for key in keys("agent/config/javaprops.def", r'^JAVAPROP\(\w+, "([^"]+)"'):
        assert f" {key} (" in text, key


def test_script_page_has_the_whole_library():
    text = text_of("reflejo-lua.3")
    entries = keys("lua/README.md", r"^#### `(.*)`$")
    assert len(entries) > 40
    for entry in entries:
        assert f" {entry} " in text, entry
    for hook in ("init(ctx)", "topics(t)", "route(t)", "partition(src, dst)", "record(r)", "close(reason)"):
        assert f" {hook} " in text, hook


@pytest.mark.parametrize("page", PAGES)
def test_no_text_is_taken_for_a_request(page):
    """A line of text that begins with a dot or a quote would disappear: only requests that are meant stand there."""
    source = (TOP / "conf" / page).read_text()
    for line in source.splitlines():
        assert not line.startswith("'"), line
        request = re.match(r"\.(\S+)", line)
        assert not request or request.group(1) in {"\\\"", "TH", "nh", "SH", "SS", "TP", "B", "BR", "br", "PP", "IP", "RS", "RE", "EX", "EE",
                                                   "PD"}, line
