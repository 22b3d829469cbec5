"""conf/openapi.yaml against the running program: schemathesis makes requests up, right and wrong ones, and looks at what comes back."""

import json
import pathlib
import subprocess
import sys
import sysconfig

OPENAPI = pathlib.Path(__file__).parents[2] / "conf" / "openapi.yaml"
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "negative_data_rejection", "unsupported_method")
# Ends the agent; answer for ever, or as long as records come; needs a script, which this agent has none of.
LEFT_OUT = "^/(stop|events|tap|reload|rollback|)$"
OPERATIONS = 13
EXAMPLES = 40


def test_every_answer_is_as_described(mirror, source, target, tmp_path):
    source.create("t", 2)
    target.create("t", 2)
    agent = mirror(source, target, flags=("--admin.listen", "127.0.0.1:0", "--admin.state.file", "pauses"))
    agent.wait_event("assigned")
    address = agent.wait_event("admin_listening")["address"]
    report = tmp_path / "report.ndjson"
    command = pathlib.Path(sysconfig.get_path("scripts")) / "schemathesis"
    done = subprocess.run(
        [sys.executable, command, "--no-color", "run", OPENAPI, "--url", f"http://{address}", "--checks", ",".join(CHECKS),
         "--exclude-path-regex", LEFT_OUT, "--max-examples", str(EXAMPLES), "--generation-deterministic", "--no-shrink",
         "--phases", "examples,coverage,fuzzing", "--workers", "1", "--warnings", "off",
         "--report-ndjson-path", report], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert f"Operations:          {OPERATIONS} selected" in done.stdout or f"Tested: {OPERATIONS}" in done.stdout, done.stdout[-2000:]
    assert agent.is_running() and report.stat().st_size > 0
    events = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    assert len(events) > OPERATIONS
    assert agent.stop() == 0
