"""Each check of the lint must find a bad input and pass a good one."""
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checks  # noqa: E402

GOOD_HEADER = """/* A thing. */
#ifndef BASE_THING_H
#define BASE_THING_H

/* Does it. */
int thing_do(int n);

/* Both of these. */
void thing_on(void);
void thing_off(void);

#endif
"""
LONG = "\n".join(["/* x */", "int", "f(void)", "{"] + ["\tf();"] * 101 + ["}", ""])

SCRIPT = """-- do_it: does it.
--
-- Parameters
--   much    how much; required
--   name    a name; none
-- Cost      none
-- Order     as without it
-- Loss      none
-- Example
--   [script]
--   param.much = 1
local mirror = require "mirror"
local much, name = mirror.param:number "much", mirror.param.name
"""
SCRIPTS = {"scripts/do_it.lua": SCRIPT, "scripts/do_it_test.lua": "", "scripts/README.md": "| [do_it](do_it.lua) | does it |\n"}

# check, files of a tree, how many findings
CASES = [
    (checks.layers, {"agent/base/a.c": '/* */\n#include "config/config.h"\n'}, 1),
    (checks.layers, {"agent/kafka/a.c": '/* */\n#include "script/script.h"\n'}, 1),
    (checks.layers, {"agent/utils/a.c": "/* */\n"}, 1),
    (checks.layers, {"agent/mirror/a.c": '/* */\n#include "kafka/consumer.h"\n#include "mirror/route.h"\n'}, 0),
    (checks.libraries, {"agent/mirror/a.c": "/* */\n#include <librdkafka/rdkafka.h>\n"}, 1),
    (checks.libraries, {"agent/mirror/a.c": "/* */\n#include <event2/http.h>\n"}, 1),
    (checks.libraries, {"agent/kafka/a.c": "/* */\n#include <librdkafka/rdkafka.h>\n", "agent/mirror/b.c": "/* */\n#include <event2/event.h>\n"}, 0),
    (checks.first_comments, {"agent/base/a.c": "int a;\n"}, 1),
    (checks.first_comments, {"agent/base/a.c": "/* A. */\nint a;\n"}, 0),
    (checks.headers, {"agent/base/thing.h": GOOD_HEADER}, 0),
    (checks.headers, {"agent/base/thing.h": GOOD_HEADER.replace("/* Does it. */\n", "")}, 1),
    (checks.headers, {"agent/base/other.h": GOOD_HEADER}, 1),
    (checks.headers_alone, {"agent/base/thing.h": GOOD_HEADER}, 0),
    (checks.headers_alone, {"agent/base/thing.h": GOOD_HEADER.replace("int n", "size_t n")}, 1),
    (checks.lengths, {"agent/base/a.c": LONG}, 1),
    (checks.lengths, {"agent/base/a.c": "/* x */\nint a; \n"}, 1),
    (checks.lengths, {"agent/base/a.c": "/* " + "x" * 100 + " */\n"}, 1),
    (checks.lengths, {"agent/base/a.c": "/* x */\n        int a;\n"}, 1),
    (checks.lengths, {"agent/base/a.c": "/* x */\nint a;\n" * 401}, 1),
    (checks.lengths, {"agent/base/a.c": LONG.replace("\tf();\n" * 60, "")}, 0),
    (checks.words, {"README.md": "a TO" "DO here\n"}, 1),
    (checks.words, {"README.md": "see /wo" "rk/main\n"}, 1),
    (checks.words, {"README.md": "https://pypi" ".org/x\n"}, 1),
    (checks.words, {"README.md": "the work/ folder of network/main\n"}, 0),
    (checks.top_level, {"core/a.c": "/* */\n"}, 1),
    (checks.top_level, {"agent/base/a.c": "/* */\n", ".gitignore": "\n"}, 0),
    (checks.events, {"agent/base/events.def": 'EVENT(lost, INFO, "x")\n', "agent/base/a.c": "int a;\n"}, 1),
    (checks.facts, {"agent/base/a.c": 'LOG(EVENT_seen, F_STR("event", x));\n'}, 1),
    (checks.facts, {"agent/base/a.c": 'LOG(EVENT_seen, F_STR("name", x));\n'}, 0),
    (checks.calls, {"agent/service/calls.def": 'CALL(stop, "POST", "/stop", true)\nCALL(go, "POST", "/go", true)\nCALL(end, "GET", "/stop", true)\n',
                    "conf/openapi.yaml": "paths:\n  /stop:\n    post:\n"}, 2),
    (checks.events, {"agent/base/events.def": 'EVENT(seen, INFO, "x")\n', "agent/base/a.c": "LOG(EVENT_seen);\n"}, 0),
    (checks.options, {"agent/config/options.def": 'OPTION(log, lost, "lost", TEXT)\n', "agent/base/a.c": "int a;\n"}, 1),
    (checks.options, {"agent/config/options.def": 'OPTION(log, seen, "seen", TEXT)\n', "agent/base/a.c": "c->log.seen\n"}, 0),
    (checks.clang_format, {"a.c": "int  a ;\n", ".clang-format": "BasedOnStyle: LLVM\n"}, None),
    (checks.shell, {"a": "#!/bin/sh\nfor x in $(ls); do echo $x; done\n"}, None),
    (checks.shell, {"a": '#!/bin/sh\necho "$1"\n'}, 0),
    (checks.python, {"a.py": "def f(:\n"}, None),
    (checks.python, {"a.py": "def f(): pass\n"}, 0),
    (checks.luacheck, {"a.lua": "local a = 1\n"}, None),
    (checks.luacheck, {"a.lua": "return 1\n"}, 0),
    (checks.scripts, SCRIPTS, 0),
    (checks.scripts, {**SCRIPTS, "scripts/do_it.lua": SCRIPT.replace("-- do_it:", "-- it:")}, 1),
    (checks.scripts, {**SCRIPTS, "scripts/do_it.lua": SCRIPT.replace("-- Loss      none\n", "")}, 1),
    (checks.scripts, {**SCRIPTS, "scripts/do_it.lua": SCRIPT.replace('"much"', '"most"')}, 2),
    (checks.scripts, {**SCRIPTS, "scripts/do_it.lua": SCRIPT.replace("param.much =", "param.more =")}, 1),
    (checks.scripts, {"scripts/do_it.lua": SCRIPT, "scripts/README.md": "do_it\n"}, 2),
]


class Checks(unittest.TestCase):
    def test_cases(self):
        for number, (check, tree, expected) in enumerate(CASES):
            with self.subTest(check=check.__name__, number=number), tempfile.TemporaryDirectory() as top:
                for name, text in tree.items():
                    path = os.path.join(top, name)
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "w") as file:
                        file.write(text)
                found = check(top)
                if found is None:
                    continue
                found = list(found)
                if expected is None:
                    self.assertTrue(found)
                else:
                    self.assertEqual(len(found), expected, found)

    def test_printed_docs(self):
        with tempfile.TemporaryDirectory() as top:
            os.makedirs(os.path.join(top, "build"))
            for folder in ("conf/completion", "agent/base"):
                os.makedirs(os.path.join(top, folder))
            shutil.copy(os.path.join(checks.HERE, "../../agent/base/version.h"), os.path.join(top, "agent/base"))
            shutil.copy(os.path.join(checks.HERE, "../../conf/reflejo-lua.3"), os.path.join(top, "conf"))
            with open(os.path.join(top, "build/reflejo"), "w") as file:
                file.write("#!/bin/sh\nshift; echo \"$*\"\n")
            os.chmod(os.path.join(top, "build/reflejo"), 0o755)
            for words, name in checks.PRINTED:
                with open(os.path.join(top, name), "w") as file:
                    file.write("old\n" if words == "man 1" else words + "\n")
            shutil.copytree(os.path.join(checks.HERE, "../../lua"), os.path.join(top, "lua"))

            def stale():
                return [finding.split(":")[0] for finding in checks.printed_docs(top)]

            self.assertEqual(stale(), ["conf/reflejo.1"])
            with open(os.path.join(top, "lua/mirror/json.lua"), "a") as file:
                file.write("--- json.more(): an entry that nobody has printed.\n-- phase: any\n-- returns: nothing\n-- raises: nothing\n"
                           "-- cost: none\n-- example:\n--   json.more()\n")
            self.assertEqual(stale(), ["conf/reflejo.1", "lua/README.md"])
            with open(os.path.join(top, "lua/mirror/json.lua"), "a") as file:
                file.write("\n--- json.less(): an entry without an example.\n-- phase: any\n-- returns: nothing\n-- raises: nothing\n"
                           "-- cost: none\n")
            self.assertEqual(stale(), ["conf/reflejo.1", "lua/mirror/json.lua"])


if __name__ == "__main__":
    unittest.main()
