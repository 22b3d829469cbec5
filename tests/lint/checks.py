"""What a script can hold: each check takes the tree's top folder and yields findings as "file:line: sentence"."""
import os
import re
import shutil
import subprocess

LAYERS = ["base", "config", "kafka script", "mirror", "service", "commands"]
# Which folders of agent/ may include a library's headers.
LIBRARIES = {
    "librdkafka/": {"kafka"},
    "zookeeper/": {"kafka"},
    "krb5.h": {"kafka"},
    "gssapi/": {"kafka"},
    "cJSON.h": {"kafka"},
    "cjson/": {"kafka", "service", "commands"},
    "event2/http.h": {"service"},
    "event2/": {"mirror", "service", "commands"},
    "ini.h": {"config"},
    "pcre2.h": {"mirror", "script"},
    "lua": {"script"},
    "openssl/": {"config", "kafka", "script", "service"},
    "xxhash.h": {"script"},
    "zlib.h": {"script"},
}
TOP = {"agent", "lua", "scripts", "conf", "tests", "Makefile", "README.md", "LICENSE"}
# Options that are accepted and have no effect, or are read only while the configuration is made.
UNREAD_OPTIONS = {"whitelist", "include", "blacklist", "message_handler", "message_handler_args", "rebalance_listener",
                  "rebalance_listener_args", "new_consumer", "new_producer", "num_producers", "queue_size"}
FUNCTION_NOTE, FUNCTION_MOST, FILE_MOST, COLUMNS = 60, 100, 800, 100
SOURCE = (".c", ".h")
HERE = os.path.dirname(os.path.abspath(__file__))


def files(top, *endings):
    """The files git tracks or would track, or all of them where there is no git."""
    done = subprocess.run(["git", "-C", top, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if done.returncode == 0:
        names = done.stdout.splitlines()
    else:
        names = [os.path.relpath(os.path.join(folder, name), top) for folder, _, found in os.walk(top) for name in found]
    return sorted(name for name in names if (not endings or name.endswith(endings)) and os.path.isfile(os.path.join(top, name)))


def read(top, name):
    with open(os.path.join(top, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def lines(top, name):
    return enumerate(read(top, name).splitlines(), 1)


def agent_folder(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "agent" and len(parts) == 3 else None


def rank(folder):
    for number, names in enumerate(LAYERS):
        if folder in names.split():
            return number
    return None


def layers(top):
    """A folder includes only headers of folders below it, and its own."""
    for name in files(top, *SOURCE, ".def"):
        folder = agent_folder(name)
        if not folder:
            continue
        if rank(folder) is None:
            yield f"{name}:1: the folder {folder} is none of the layers"
            continue
        for number, line in lines(top, name):
            found = re.match(r'#include "([a-z]+)/', line)
            if not found or found.group(1) == folder:
                continue
            other = rank(found.group(1))
            if other is None or other >= rank(folder):
                yield f"{name}:{number}: {folder}/ must not include {found.group(1)}/"


def libraries(top):
    """Each library is seen by its folders only."""
    for name in files(top, *SOURCE):
        folder = agent_folder(name)
        if not folder:
            continue
        for number, line in lines(top, name):
            found = re.match(r"#include <([^>]+)>", line)
            if not found:
                continue
            for prefix, folders in LIBRARIES.items():
                if found.group(1).startswith(prefix):
                    if folder not in folders:
                        yield f"{name}:{number}: <{found.group(1)}> belongs to {', '.join(sorted(folders))}"
                    break


def first_comments(top):
    """Every file says in its first lines what it is."""
    for name in files(top, *SOURCE, ".def"):
        if not read(top, name).startswith("/*"):
            yield f"{name}:1: the file does not begin with a comment that says what it is"


def headers(top):
    """Guards, and a comment at every prototype."""
    for name in files(top, ".h"):
        if not name.startswith("agent/"):
            continue
        guard = name[len("agent/"):].upper().replace("/", "_").replace(".", "_")
        text = read(top, name)
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            yield f"{name}:1: the guard is not {guard}"
        yield from uncommented(name, text)


PROTOTYPE = re.compile(r"^(?!typedef|static|#|struct \w+ \{|enum|union|extern)[a-z_][\w \t*]*\**\w+\(")


def uncommented(name, text):
    """Prototypes without a comment above them; those of one block share one."""
    has_comment = in_comment = False
    for number, line in enumerate(text.splitlines(), 1):
        if in_comment or line.lstrip().startswith("/*"):
            in_comment = "*/" not in line
            has_comment = True
        elif not line.strip():
            has_comment = False
        elif PROTOTYPE.match(line) and not has_comment:
            yield f"{name}:{number}: this prototype has no comment"


def headers_alone(top):
    """Every header compiles by itself."""
    flags = subprocess.run(["pkg-config", "--cflags", "rdkafka", "libcjson", "luajit"], capture_output=True, text=True).stdout.split()
    for name in files(top, ".h"):
        if not name.startswith("agent/"):
            continue
        done = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wno-pragma-once-outside-header", "-Iagent", *flags,
                               "-x", "c", name], cwd=top, capture_output=True, text=True)
        if done.returncode:
            yield f"{name}:1: does not compile alone: {done.stderr.splitlines()[0]}"


def function_lengths(top):
    """(name, first line, length) of every function of a C file in our style."""
    for name in files(top, ".c"):
        start = 0
        for number, line in lines(top, name):
            if line == "{":
                start = number
            elif line == "}" and start:
                yield name, start, number - start - 1
                start = 0


def lengths(top):
    """Functions, files and lines are short."""
    for name, start, length in function_lengths(top):
        if length > FUNCTION_MOST:
            yield f"{name}:{start}: a function of {length} lines; {FUNCTION_MOST} is the most"
    for name in files(top, *SOURCE):
        count = 0
        for number, line in lines(top, name):
            count = number
            if len(line.expandtabs(8)) > COLUMNS:
                yield f"{name}:{number}: longer than {COLUMNS} columns"
            if line != line.rstrip():
                yield f"{name}:{number}: blanks at the end"
            if line.startswith("        "):
                yield f"{name}:{number}: indented with blanks"
        if count > FILE_MOST:
            yield f"{name}:{count}: a file of {count} lines; {FILE_MOST} is the most"


def notes(top):
    """Not findings: functions that ask for a look."""
    for name, start, length in function_lengths(top):
        if FUNCTION_NOTE < length <= FUNCTION_MOST:
            yield f"{name}:{start}: a function of {length} lines asks whether it is two"


def words(top):
    """Nothing of one developer's machine, no promises in comments."""
    refused = [re.compile(pattern) for pattern in (
        r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", r"(?<![\w.])/(work|farm)/", r"(?<![\w.])/home/\w",
        "registry" r"\.npmjs", "repo1?" r"\.maven", "deb" r"\.debian\.org", "pypi" r"\.org", "crates" r"\.io")]
    for name in files(top):
        if name.endswith((".tsv", ".png")) or "/corpus/" in name or name == "LICENSE":
            continue
        for number, line in lines(top, name):
            for pattern in refused:
                if pattern.search(line) and not name.startswith("tests/lint/"):
                    yield f"{name}:{number}: {pattern.search(line).group(0)} has no place here"


def top_level(top):
    """The top folder holds what it is meant to hold."""
    for name in sorted({name.split("/")[0] for name in files(top)}):
        if name not in TOP and not name.startswith("."):
            yield f"{name}:1: does not belong on the top level"


def events(top):
    """Every event is logged somewhere."""
    text = "".join(read(top, name) for name in files(top, ".c") if name.startswith("agent/"))
    for number, line in lines(top, "agent/base/events.def"):
        found = re.match(r"EVENT\((\w+),", line)
        if found and not re.search(rf"\bEVENT_{found.group(1)}\b", text):
            yield f"agent/base/events.def:{number}: nothing logs {found.group(1)}"


def facts(top):
    """No fact of a log line has the name of what every line has: JSON lines would hold it twice."""
    for name in files(top, ".c"):
        for number, line in lines(top, name):
            found = re.search(r'\bF_(?:STR|INT|UINT|REAL)\("(time|level|event)"', line)
            if found and name.startswith("agent/"):
                yield f"{name}:{number}: a fact may not be called {found.group(1)}"


def options(top):
    """Every option is read outside config/."""
    text = "".join(read(top, name) for name in files(top, ".c")
                   if name.startswith("agent/") and not name.startswith("agent/config/"))
    for number, line in lines(top, "agent/config/options.def"):
        found = re.match(r"OPTION\((\w+), (\w+),", line)
        if found and found.group(2) not in UNREAD_OPTIONS and not re.search(rf"(\.|->){found.group(2)}\b", text):
            yield f"agent/config/options.def:{number}: nothing reads {found.group(1)}.{found.group(2)}"


def calls(top):
    """Every call of the admin API is described in conf/openapi.yaml, with its method."""
    described = re.findall(r"^  (/\S*):\n    (\w+):", read(top, "conf/openapi.yaml"), re.M)
    for number, line in lines(top, "agent/service/calls.def"):
        found = re.match(r'CALL\(\w+, "(\w+)", "([^"]+)"', line)
        if found and (found.group(2), found.group(1).lower()) not in described:
            yield f"agent/service/calls.def:{number}: conf/openapi.yaml does not describe {found.group(1)} {found.group(2)}"


PRINTED = [("sample", "conf/reflejo.ini.sample"), ("options", "conf/options.md"), ("properties", "conf/properties.md"),
           ("events", "conf/events.md"), ("man 1", "conf/reflejo.1"), ("man 5", "conf/reflejo.ini.5"),
           ("completion bash", "conf/completion/reflejo.bash"), ("completion zsh", "conf/completion/_reflejo")]


def printed_docs(top):
    """The committed documentation is what the program prints."""
    program = os.path.join(top, "build", "reflejo")
    for words, name in PRINTED:
        done = subprocess.run([program, "print", *words.split()], capture_output=True, text=True)
        if done.returncode or done.stdout != read(top, name):
            yield f"{name}:1: is not what `reflejo print {words}` prints; run make docs"
    done = subprocess.run([os.path.join(HERE, "../tools/print-library"), top], capture_output=True, text=True)
    if done.returncode:
        yield done.stderr.strip()
    elif done.stdout != read(top, "lua/README.md"):
        yield "lua/README.md:1: is not what tests/tools/print-library makes of the comments in lua/; run make docs"
    done = subprocess.run([os.path.join(HERE, "../tools/print-script-man"), top], capture_output=True, text=True)
    if done.returncode or done.stdout != read(top, "conf/reflejo-lua.3"):
        yield "conf/reflejo-lua.3:1: is not what tests/tools/print-script-man makes of lua/README.md; run make docs"


def tool(top, name, command, names):
    """Runs a tool over files; its output lines are the findings. None: it is not installed."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run([*command, *names], cwd=top, capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] if done.returncode else []


def clang_format(top):
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True) if shutil.which("clang-format") else None
    if not version or "version 14." not in version.stdout:
        return None
    # Tables read better laid out by hand.
    return tool(top, "clang-format", ["clang-format", "--dry-run", "-Werror"], files(top, *SOURCE))


def shell(top):
    scripts = [name for name in files(top) if re.match(r"#!.*\b(ba)?sh\b", read(top, name)[:40])]
    return tool(top, "shellcheck", ["shellcheck", "-x"], scripts)


def python(top):
    names = [name for name in files(top) if name.endswith(".py") or re.match(r"#!.*python3", read(top, name)[:40])]
    return tool(top, "python3", ["python3", "-c", "import ast, sys\nfor n in sys.argv[1:]: ast.parse(open(n).read(), n)"], names)


def luacheck(top):
    """What luacheck says of the Lua code, by .luacheckrc."""
    names = files(top, ".lua")
    return tool(top, "luacheck", ["luacheck", "--quiet", "--no-color", "--codes", "--formatter", "plain"], names) if names else []


HEADINGS = ["Parameters", "Cost", "Order", "Loss", "Example"]


def opening(text):
    """The comment that a script begins with."""
    return text[:re.search(r"^(?!--)", text, re.M).start()]


def scripts(top):
    """Each ready-made script says the same things in the same form, names its parameters, has a test and a line in the table."""
    names = [name for name in files(top, ".lua") if name.startswith("scripts/") and not name.endswith("_test.lua")]
    table = read(top, "scripts/README.md") if names else ""
    for name in names:
        text, word = read(top, name), os.path.basename(name)[:-len(".lua")]
        head = opening(text)
        if not head.startswith(f"-- {word}: "):
            yield f"{name}:1: does not begin with -- {word}: and what it does"
        if re.findall(rf"^-- ({'|'.join(HEADINGS)})\b", head, re.M) != HEADINGS:
            yield f"{name}:1: does not say {', '.join(HEADINGS)}, in this order"
        told = set(re.findall(r"^--   (\w+)  ", head.split("-- Cost")[0], re.M))
        used = set(re.findall(r'mirror\.param\.(\w+)|mirror\.param:\w+\(? ?"(\w+)"', text))
        used = {first or second for first, second in used}
        for parameter in sorted(told ^ used):
            yield f"{name}:1: the parameter {parameter} is {'not used' if parameter in told else 'not explained'}"
        for parameter in sorted(set(re.findall(r"^--   param\.(\w+) =", head, re.M)) - told):
            yield f"{name}:1: the example has a parameter {parameter} that is not there"
        if not os.path.isfile(os.path.join(top, f"scripts/{word}_test.lua")):
            yield f"{name}:1: has no test {word}_test.lua"
        if f"[{word}]({word}.lua)" not in table:
            yield f"{name}:1: has no line in scripts/README.md"


CHECKS = [layers, libraries, first_comments, headers, headers_alone, lengths, words, top_level, events, facts, options, calls, printed_docs,
          clang_format, shell, python, luacheck, scripts]
