"""The command line: what is accepted, what is refused, with which words and which exit status."""

import json
import os
import pathlib
import re
import subprocess

import pytest

GOOD_CONSUMER = "bootstrap.servers=127.0.0.1:1\ngroup.id=mirrorgroup\n"
GOOD_PRODUCER = "bootstrap.servers=127.0.0.1:1\n"
FILES = ("--consumer.config", "c.properties", "--producer.config", "p.properties")
WHOLE = (*FILES, "--whitelist", "test.*")


@pytest.fixture(autouse=True)
def files(tmp_path):
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER)
    (tmp_path / "p.properties").write_text(GOOD_PRODUCER)
    (tmp_path / "folder").mkdir()


def assert_refused(done, *patterns):
    """Status 1, and finished sentences in which every pattern is found."""
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip(), "it failed without a word"
    assert "(null)" not in done.stderr
    for pattern in patterns:
        assert re.search(pattern, done.stderr), f"{pattern} is not in:\n{done.stderr}"


def test_no_arguments_print_the_usage(run):
    done = run()
    assert_refused(done, r"(?i)usage", r"--consumer\.config", r"--whitelist")
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", ["print sample", "print man 5", "version", "help", "ctl --help"])
def test_output_that_cannot_be_written_is_no_success(program, arguments):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([program, *arguments.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "reflejo: the output cannot be written: No space left on device\n")


@pytest.mark.sanitize
@pytest.mark.parametrize("arguments", [("--help",), ("help",), ("run", "--help"), (*WHOLE, "--help")], ids=" ".join)
def test_help(run, arguments):
    done = run(*arguments)
    assert done.returncode == 0
    assert done.stderr == ""
    for flag in ("--consumer.config", "--producer.config", "--whitelist", "--include", "--blacklist", "--num.streams",
                 "--abort.on.send.failure", "--offset.commit.interval.ms", "--message.handler", "--new.consumer"):
        assert flag in done.stdout


TABLE = pathlib.Path(__file__).resolve().parents[2] / "agent" / "commands" / "commands.def"
COMMANDS = re.findall(r"^COMMAND\((\w+),", TABLE.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_tells_of_itself(run, command):
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"reflejo {command}" in done.stdout


@pytest.mark.parametrize("arguments", [("--version",), ("version",), ("kafka.tools.MirrorMaker", "--version")],
                         ids=" ".join)
def test_version(run, arguments):
    done = run(*arguments)
    assert done.returncode == 0
    assert re.match(r"reflejo \S+ .*librdkafka \d+\.\d+", done.stdout)


REFUSED = {
    "no producer config": (("--consumer.config", "c.properties", "--whitelist", "x"), [r"producer\.config"]),
    "no consumer config": (("--producer.config", "p.properties", "--whitelist", "x"), [r"consumer\.config"]),
    "no topics": (FILES, [r"whitelist|include"]),
    "unknown flag": ((*WHOLE, "--no.such.option", "1"), [r"--no\.such\.option"]),
    "unknown flag with a near one": ((*WHOLE, "--num.stream", "4"), [r"--num\.stream\b.*did you mean --num\.streams\?"]),
    "abbreviation": ((*WHOLE, "--num", "4"), [r"--num is not a flag"]),
    "single dash": ((*WHOLE, "-whitelist", "x"), [r"did you mean --whitelist\?"]),
    "stray argument": ((*WHOLE, "stray"), [r"'stray'"]),
    "flag twice": ((*WHOLE, "--whitelist", "y"), [r"--whitelist.*twice"]),
    "file twice": ((*WHOLE, "--consumer.config", "c.properties"), [r"--consumer\.config.*twice"]),
    "no value": ((*FILES, "--whitelist"), [r"--whitelist.*value"]),
    "a flag for a value": ((*FILES, "--whitelist", "--num.streams", "2"), [r"--whitelist.*value.*--num\.streams"]),
    "value for a flag without": ((*WHOLE, "--new.consumer=yes"), [r"--new\.consumer.*no value"]),
    "file that is not there": (("--consumer.config", "none.properties", "--producer.config", "p.properties",
                                "--whitelist", "x"), [r"none\.properties", r"No such file"]),
    "both files that are not there": (("--consumer.config", "none1", "--producer.config", "none2", "--whitelist", "x"),
                                      [r"none1", r"none2"]),
    "folder for a file": (("--consumer.config", "c.properties", "--producer.config", "folder", "--whitelist", "x"),
                          [r"folder", r"(?i)directory"]),
    "INI that is not there": (("run", "--config", "none.ini"), [r"none\.ini", r"No such file"]),
    "no streams": ((*WHOLE, "--num.streams", "0"), [r"--num\.streams", r"1"]),
    "too many streams": ((*WHOLE, "--num.streams", "257"), [r"--num\.streams", r"256"]),
    "streams below zero": ((*WHOLE, "--num.streams", "-1"), [r"--num\.streams"]),
    "streams in words": ((*WHOLE, "--num.streams", "four"), [r"--num\.streams", r"'four'"]),
    "abort, not a truth": ((*WHOLE, "--abort.on.send.failure", "maybe"), [r"--abort\.on\.send\.failure", r"'maybe'"]),
    "interval in words": ((*WHOLE, "--offset.commit.interval.ms", "often"), [r"--offset\.commit\.interval\.ms"]),
    "tiny memory": ((*WHOLE, "--buffer.memory", "1"), [r"--buffer\.memory"]),
    "unknown word": ((*WHOLE, "--partition.mode", "sideways"), [r"--partition\.mode", r"key preserve"]),
    "unknown level": ((*WHOLE, "--log.level", "loud"), [r"--log\.level", r"debug info warn error"]),
    "expression *": ((*FILES, "--whitelist", "*"), [r"\*"]),
    "expression (": ((*FILES, "--whitelist", "test("), [r"test\("]),
    "expression [": ((*FILES, "--include", "[a"), [r"\[a"]),
    "expression of blacklist": ((*FILES, "--blacklist", "+"), [r"\+"]),
    "whitelist and blacklist": ((*WHOLE, "--blacklist", "y"), [r"blacklist", r"whitelist"]),
    "Java handler": ((*WHOLE, "--message.handler", "com.example.Handler"), [r"com\.example\.Handler", r"Java"]),
    "Java listener": ((*WHOLE, "--consumer.rebalance.listener", "com.example.Listener"),
                      [r"com\.example\.Listener|listener", r"Java"]),
    "unknown subcommand": (("chek",), [r"chek", r"check"]),
    "unknown subcommand, none near": (("frobnicate",), [r"frobnicate"]),
    "print what": (("print", "nonsense"), [r"options\|properties"]),
    "log file": ((*WHOLE, "--log.file", "folder"), [r"folder"]),
}


@pytest.mark.sanitize
@pytest.mark.parametrize("arguments, patterns", REFUSED.values(), ids=REFUSED.keys())
def test_refused(run, arguments, patterns):
    assert_refused(run(*arguments), *patterns)


def test_unreadable_file(run, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    (tmp_path / "c.properties").chmod(0)
    assert_refused(run(*WHOLE), r"c\.properties", r"Permission denied")


CONSUMER_FILES = {
    "no brokers": ("group.id=g\n", [r"bootstrap\.servers"]),
    "no group": ("bootstrap.servers=h:1\n", [r"group\.id"]),
    "bad value": (GOOD_CONSUMER + "auto.offset.reset=sometimes\n", [r"c\.properties:3", r"sometimes"]),
    "brokers as a URL": ("bootstrap.servers=http://h:1\ngroup.id=g\n", [r"c\.properties:1.*'http://h:1'"]),
    "what only the library refuses": (GOOD_CONSUMER + "rdkafka.fetch.min.bytes=-1\n", [r"c\.properties:3.*-1"]),
    "not a number": (GOOD_CONSUMER + "\n\nsession.timeout.ms=long\n", [r"c\.properties:5", r"session\.timeout\.ms"]),
    "two at once": (GOOD_CONSUMER + "auto.offset.reset=sometimes\nisolation.level=dirty\n",
                    [r"c\.properties:3", r"c\.properties:4"]),
    "secret in a file that is not there": (GOOD_CONSUMER + "sasl.password=@nowhere\n",
                                           [r"c\.properties:3", r"nowhere"]),
}


@pytest.mark.sanitize
@pytest.mark.parametrize("text, patterns", CONSUMER_FILES.values(), ids=CONSUMER_FILES.keys())
def test_refused_consumer_properties(run, tmp_path, text, patterns):
    (tmp_path / "c.properties").write_text(text)
    done = run(*WHOLE)
    assert_refused(done, *patterns)
    assert "\n\n" not in done.stderr


INI_FILES = {
    "key of another section": ("[mirror]\nadmin.listen = none\n",
                               [r"f\.ini:2: unknown key 'admin\.listen' in \[mirror\]; it stands in \[admin\], as 'listen'"]),
    "unknown key": ("[mirror]\nnum.stream = 4\n", [r"f\.ini:2: unknown key 'num\.stream'.*did you mean 'num\.streams'\?"]),
    "unknown section": ("[miror]\nnum.streams = 4\n", [r"f\.ini:[12]", r"did you mean \[mirror\]"]),
    "out of range": ("[mirror]\n\nnum.streams = 0\n", [r"f\.ini:3", r"num\.streams"]),
    "no section": ("num.streams = 4\n", [r"f\.ini:1"]),
}


@pytest.mark.parametrize("text, patterns", INI_FILES.values(), ids=INI_FILES.keys())
def test_refused_ini(run, tmp_path, text, patterns):
    (tmp_path / "f.ini").write_text(text)
    assert_refused(run("run", "--config", "f.ini", *WHOLE), *patterns)


def test_problems_of_flags_and_files_come_together(run, tmp_path):
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + "auto.offset.reset=sometimes\n")
    done = run(*WHOLE, "--num.streams", "0", "--no.such.option", "1")
    assert_refused(done, r"--num\.streams", r"--no\.such\.option", r"c\.properties:3")


ACCEPTED = {
    "plain": WHOLE,
    "class name in front": ("kafka.tools.MirrorMaker", *WHOLE),
    "equals signs": ("--consumer.config=c.properties", "--producer.config=p.properties", "--whitelist=a,b=?"),
    "include": (*FILES, "--include", "test.*"),
    "include and whitelist": (*WHOLE, "--include", "other"),
    "blacklist": (*FILES, "--blacklist", "test.*"),
    "old flags": (*WHOLE, "--new.consumer", "--new.producer", "--num.producers", "2", "--queue.size", "10000"),
    "abort in capitals": (*WHOLE, "--abort.on.send.failure", "FALSE"),
    "commit at every turn": (*WHOLE, "--offset.commit.interval.ms", "0"),
    "commit below zero": (*WHOLE, "--offset.commit.interval.ms", "-1"),
    "property as a flag": (*WHOLE, "--consumer.group.id", "g2", "--producer.linger.ms=5"),
    "quotes and blanks in the expression": (*FILES, "--whitelist", "\" a , b \""),
    "look-ahead": (*FILES, "--whitelist", r"test-(?!bad\b)[\w]+"),
}


@pytest.mark.parametrize("arguments", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_check_accepts(run, arguments):
    done = run("check", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_shows_what_became_of_each_line(run, tmp_path):
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + "fetch.max.wait.ms=100\nkey.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer\n")
    done = run("check", *WHOLE)
    assert done.returncode == 0
    for line in (r"c\.properties:2.*group\.id", r"c\.properties:3.*fetch\.max\.wait\.ms.*fetch\.wait\.max\.ms",
                 r"c\.properties:4.*key\.deserializer"):
        assert re.search(line, done.stdout), done.stdout


def test_check_shows_what_a_profile_sets(run, tmp_path):
    """With the values, which stand in no file; what the user says himself is no profile's."""
    (tmp_path / "p.properties").write_text(GOOD_PRODUCER + "profile=eventhubs\nmax.request.size=500000\n")
    done = run("check", *WHOLE)
    assert done.returncode == 0
    rows = [line.split(None, 4)[2:] for line in done.stdout.splitlines() if line.startswith("p.properties:2 (profile=eventhubs) ")]
    assert [[key, became, detail.strip()] for key, became, detail in rows] == [
        ["connections.max.idle.ms", "set", "connections.max.idle.ms=180000"],
        ["request.timeout.ms", "set", "request.timeout.ms=60000; also socket.timeout.ms"],
        ["metadata.max.age.ms", "translated", "topic.metadata.refresh.interval.ms=180000"]], done.stdout


def test_check_as_json(run, tmp_path):
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + "fetch.max.wait.ms=100\nkey.deserializer=org.apache.kafka.common.serialization.ByteArrayDeserializer\n")
    done = run("check", *WHOLE, "--json")
    assert done.returncode == 0
    text = json.dumps(json.loads(done.stdout))
    for word in ("c.properties:3", "fetch.max.wait.ms", "translated", "key.deserializer", "ignored"):
        assert word in text


def test_unknown_property_is_a_warning(run, tmp_path):
    """As in Java, where a file may hold what only some other class reads."""
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + "no.such=1\nrdkafka.no.such=1\n")
    done = run("check", *WHOLE)
    assert done.returncode == 0
    assert re.search(r"c\.properties:3.*no\.such", done.stderr) and re.search(r"c\.properties:4.*no\.such", done.stderr)


def test_check_refuses_with_the_same_sentences(run, tmp_path):
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + "auto.offset.reset=sometimes\n")
    assert_refused(run("check", *WHOLE), r"c\.properties:3", r"sometimes")


def test_check_takes_a_script_as_a_start_would(run, tmp_path):
    """What a unit asks before it reloads: loading, hooks, and the script's own test."""
    script = ("--script.file", "s.lua", "--script.test", "s_test.lua")
    case = 'local t = require "mirror.test"\nt.script "s.lua"\nt.check("names", function(s) t.equal(s.route("a"), "x.a") end)\n'
    (tmp_path / "s_test.lua").write_text(case)
    (tmp_path / "s.lua").write_text('return { api = 1, route = function(t) return "x." .. t.name end }')
    done = run("check", *WHOLE, *script)
    assert done.returncode == 0, done.stderr
    (tmp_path / "s.lua").write_text('return { api = 1, rute = 1 }')
    assert_refused(run("check", *WHOLE, *script), r"s\.lua.*did you mean 'route'")
    (tmp_path / "s.lua").write_text('return { api = 1, route = function(t) return "y." .. t.name end }')
    assert_refused(run("check", *WHOLE, *script), r"y\.a")


@pytest.mark.parametrize("what, patterns", [
    ("options", [r"num\.streams", r"abort\.on\.send\.failure"]),
    ("properties", [r"bootstrap\.servers", r"fetch\.max\.wait\.ms"]),
    ("sample", [r"(?m)^\[mirror\]", r"(?m)^\[consumer\]", r"(?m)^\[producer\]"]),
    ("events", [r"send_failure", r"target_unreachable"]),
    ("man", [r"(?m)^\.TH reflejo 1", r"num\.streams|num\\&?\.streams"]),
    ("man 5", [r"(?m)^\.TH reflejo\.ini 5", r"(?m)^\.SH \[script\]"]),
    ("completion bash", [r"(?m)^complete -F _reflejo reflejo$"]),
    ("completion zsh", [r"\A#compdef reflejo\n"]),
])
def test_print(run, what, patterns):
    done = run("print", *what.split())
    assert done.returncode == 0, done.stderr
    for pattern in patterns:
        assert re.search(pattern, done.stdout, re.I), done.stdout


def test_sample_is_a_valid_configuration(run, tmp_path):
    (tmp_path / "sample.ini").write_text(run("print", "sample").stdout)
    done = run("check", "--config", "sample.ini")
    assert done.returncode == 0, done.stderr


def test_secrets_are_not_shown(run, tmp_path):
    (tmp_path / "c.properties").write_text(
        GOOD_CONSUMER + "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="u" '
        'password="jaas-secret";\n')
    (tmp_path / "p.properties").write_text(
        GOOD_PRODUCER + "ssl.key.password=key-secret\nsasl.password=plain-secret\n")
    for extra in ((), ("--json",)):
        done = run("check", *WHOLE, *extra)
        assert "sasl.jaas.config" in done.stdout + done.stderr
        assert "secret" not in done.stdout + done.stderr


def test_secrets_that_others_can_read(run, tmp_path):
    """Of files and the command line; not of what is private, or is no secret."""
    login = "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=u\n"
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + login + "sasl.password=@password\n")
    (tmp_path / "p.properties").write_text(GOOD_PRODUCER + login + "sasl.password=x1y2z3\n")
    (tmp_path / "password").write_text("x1y2z3\n")
    for name in ("c.properties", "p.properties", "password"):
        (tmp_path / name).chmod(0o644)
    done = run("check", *WHOLE, "--consumer.ssl.key.password", "x1y2z3")
    assert done.returncode == 0, done.stderr
    assert "x1y2z3" not in done.stdout + done.stderr
    line = len((GOOD_CONSUMER + login).splitlines()) + 1
    other = len((GOOD_PRODUCER + login).splitlines()) + 1
    assert sorted(done.stderr.splitlines()) == sorted([
        "warning: --consumer.ssl.key.password: everybody who can list the processes of this host sees this value; write it into a "
        "file that only the agent's user can read, and --consumer.ssl.key.password=@FILE",
        f"warning: c.properties:{line}: everybody on this host can read 'password', which holds a secret; run `chmod o-r password`",
        f"warning: p.properties:{other}: everybody on this host can read this file with its sasl.password; run `chmod o-r "
        "p.properties`",
    ])
    for name in ("p.properties", "password"):
        (tmp_path / name).chmod(0o640)
    done = run("check", *WHOLE, "--consumer.ssl.key.password", "@password")
    assert done.returncode == 0 and not done.stderr, done.stderr
    (tmp_path / "c.properties").write_text(GOOD_CONSUMER + login + "sasl.password=${directory:.:password}\n")
    (tmp_path / "password").chmod(0o644)
    assert f"c.properties:{line}: everybody on this host can read './password', which holds a secret" in run("check", *WHOLE).stderr
