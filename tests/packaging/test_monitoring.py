"""Alert rules and dashboard: sound by Prometheus' own tools, and about metrics that the program has."""

import json
import re
import subprocess

import pytest
import yaml

from conftest import TOP

RULES = TOP / "conf/prometheus/rules.yml"
DASHBOARD = TOP / "conf/grafana/reflejo.json"
# What Prometheus itself adds to every series.
OWN_METRICS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
OWN_LABELS = {"job", "instance"}
METRIC = r"\b(?:reflejo_\w+|process_\w+|up|ALERTS)\b"


def metrics():
    """name -> labels of everything that /metrics shows, histograms with their three series."""
    found = dict(OWN_METRICS)
    for name, kind, labels in re.findall(r'^METRIC\(\w+, "(\w+)", (\w+), \w+, "([^"]*)"', (TOP / "agent/service/metrics.def").read_text(), re.M):
        labels = set(filter(None, labels.split(",")))
        if kind == "HISTOGRAM":
            found.update({f"{name}_sum": labels, f"{name}_count": labels, f"{name}_bucket": labels | {"le"}})
        else:
            found[name] = labels
    return found


def complaints(expression, known):
    """What is wrong with the names in an expression of PromQL."""
    wrong = []
    bare = re.sub(r'"[^"]*"', '""', expression)
    used = re.findall(METRIC, bare)
    if not used:
        wrong.append("no metric of the program")
    wrong += [f"no metric {name}" for name in used if name not in known]
    for name, selector in re.findall(rf"({METRIC})\{{([^}}]*)\}}", bare):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            if label not in known.get(name, set()) | OWN_LABELS:
                wrong.append(f"{name} has no label {label}")
    there = OWN_LABELS.union(*(known.get(name, set()) for name in used))
    for group in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", bare):
        wrong += [f"no label {label}" for label in re.findall(r"\w+", group) if label not in there]
    return wrong


@pytest.mark.parametrize("expression, expected", [
    ('sum by (job, topic) (reflejo_lag_records{topic=~"a"})', []),
    ("reflejo_lag_secs > 1", ["no metric reflejo_lag_secs"]),
    ('reflejo_ready{topic="x"}', ["reflejo_ready has no label topic"]),
    ("sum by (le, topik) (reflejo_replication_latency_seconds_bucket)", ["no label topik"]),
    ("reflejo_replication_latency_seconds", ["no metric reflejo_replication_latency_seconds"]),
    ("1 + 1", ["no metric of the program"]),
])
def test_the_check_of_names(expression, expected):
    assert complaints(expression, metrics()) == expected


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_promtool_reads_the_rules():
    done = subprocess.run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_when_it_must_and_only_then():
    tests = RULES.with_name("rules_test.yml")
    done = subprocess.run(["promtool", "test", "rules", tests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for rule in rules():
        assert rule["alert"] in tests.read_text(), f"{rule['alert']} has no test"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alert(rule):
    assert complaints(rule["expr"], metrics()) == []
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    annotations = rule["annotations"]
    assert len(annotations["summary"]) < 120 and "." in annotations["description"]
    # What a person is told to look for is there.
    events = set(re.findall(r"^EVENT\((\w+),", (TOP / "agent/base/events.def").read_text(), re.M))
    for sentence in re.findall(r"[Tt]he event (\w+)", annotations["description"]):
        assert sentence in events, sentence
    for name in re.findall(r"events? (?:\w+, )*(\w+_\w+)", annotations["description"]):
        assert name in events, name
    commands = set(re.findall(r'^CTL\(\w+, "(\S+)"', (TOP / "agent/commands/ctl.def").read_text(), re.M))
    for name in re.findall(r"reflejo ctl (\S+?)\b", annotations["description"]):
        assert name in commands, name


def dashboard():
    return json.loads(DASHBOARD.read_text())


def targets():
    """(panel's title, expression) of every query of the dashboard."""
    board = dashboard()
    found = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", ())]
    found += [("annotation " + one["name"], one["expr"]) for one in board["annotations"]["list"] if "expr" in one]
    return found


def filled(expression):
    """What Grafana asks Prometheus."""
    return re.sub(r"\$(?:job|instance|topic)\b", ".*", expression.replace("$__rate_interval", "5m"))


def test_promtool_reads_the_dashboards_queries(tmp_path):
    queries = [{"record": f"query:{number}", "expr": filled(expression)} for number, (_, expression) in enumerate(targets())]
    assert len(queries) > 50
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": queries}]}))
    done = subprocess.run(["promtool", "check", "rules", "--lint=none", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "$" not in file.read_text().replace("$1", "")


@pytest.mark.parametrize("title, expression", targets())
def test_query(title, expression):
    assert complaints(filled(expression), metrics()) == []


def test_dashboard_can_be_imported():
    board = dashboard()
    assert board["id"] is None and board["uid"] == "reflejo" and board["schemaVersion"] >= 39
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names == ["datasource", "job", "instance", "topic"]
    for variable in board["templating"]["list"][1:]:
        assert complaints(variable["definition"], metrics()) == [], variable["definition"]
    places = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in places, f"{panel['title']} lies on another panel"
                places.add((x, y))
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_dashboard_shows_every_metric():
    shown = " ".join(expression for _, expression in targets())
    for name in re.findall(r'^METRIC\(\w+, "(\w+)"', (TOP / "agent/service/metrics.def").read_text(), re.M):
        assert name in shown, name
