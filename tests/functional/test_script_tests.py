"""reflejo test: what it prints and how it ends."""

import xml.etree.ElementTree

GOOD = """
local t = require "mirror.test"
t.script "s.lua"
t.case "keeps" { input = { topic = "a", key = "k" }, expect = { { topic = "a", key = "k" } } }
"""
BAD = GOOD + 't.case "is <not> so" { input = { topic = "a", key = "k" }, expect = { { key = "other" } } }\n'


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.lua").write_text(text, encoding="utf-8")


def test_tap_and_status(run, tmp_path):
    write(tmp_path, s="return { api = 1, record = function(r) end }", good_test=GOOD, bad_test=BAD)
    good = run("test", "good_test.lua")
    assert good.returncode == 0
    assert good.stdout == "ok 1 - good_test.lua: keeps (jit on)\nok 2 - good_test.lua: keeps (jit off)\n1..2\n"
    bad = run("test", "good_test.lua", "bad_test.lua")
    assert bad.returncode == 1
    assert "not ok 4 - bad_test.lua: is <not> so (jit on)\n#   key: expected \"other\", got \"k\"\n" in bad.stdout
    assert bad.stdout.endswith("1..6\n")


def test_junit(run, tmp_path):
    write(tmp_path, s="return { api = 1, record = function(r) end }", bad_test=BAD)
    done = run("test", "--junit", "bad_test.lua")
    assert done.returncode == 1
    suite = xml.etree.ElementTree.fromstring(done.stdout)
    assert [case.get("name") for case in suite] == ["keeps", "is <not> so"] * 2
    assert [case.find("failure") is not None for case in suite] == [False, True] * 2


def test_a_script_that_never_ends_does_not_hang_it(run, tmp_path):
    write(tmp_path, s="return { api = 1, record = function(r) local n = 0 while true do n = n + 1 end end }", good_test=GOOD)
    done = run("test", "--script.time.limit.ms", "100", "good_test.lua")
    assert done.returncode == 1
    assert "s.lua never ends" in done.stderr or "time" in done.stdout


def test_records(run, tmp_path):
    write(tmp_path, s="""return { api = 1, record = function(r)
      if r.tombstone then return r:drop "gone" end
      r.key = "new" end }""")
    (tmp_path / "records.jsonl").write_text('{"topic":"a","key":"k","value_b64":"AAE="}\n{"topic":"a","value":null}\n',
                                            encoding="utf-8")
    done = run("test", "--script", "s.lua", "--records", "records.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout == '1: a record to a with key "new"\n  key: "k" -> "new"\n2: drop (gone)\n'
    (tmp_path / "records.jsonl").write_text("nonsense\n", encoding="utf-8")
    done = run("test", "--script", "s.lua", "--records", "records.jsonl")
    assert done.returncode == 1 and "records.jsonl:1:" in done.stderr


def test_usage(run):
    for arguments in ((), ("--junit",), ("--records", "x"), ("--nonsense", "f")):
        done = run("test", *arguments)
        assert done.returncode == 1 and done.stderr, arguments
