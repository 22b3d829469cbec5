"""Documents of the admin API as conf/openapi.yaml describes them, for the scenes that the page is shown in."""

import copy
import math
from datetime import datetime, timedelta, timezone

BYTES = 430  # of a record


def iso(seconds_ago=0.0):
    """A moment as the agent writes it."""
    moment = datetime.now(timezone.utc) - timedelta(seconds=seconds_ago)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def topic(name, destination=None, rate=0.0, lag=0, **changes):
    """A topic that flows at so many records a second."""
    lag_seconds = round(lag / rate, 3) if rate else (0.0 if not lag else 97.0)
    return {"topic": name, "destination": destination or f"east.{name}", "rule": "key", "state": "flowing" if rate else "caught up",
            "reason": None, "partitions": 12, "assigned": 8, "records_mirrored": int(rate * 86400), "bytes_mirrored": int(rate * BYTES * 86400),
            "records_per_second": rate, "bytes_per_second": rate * BYTES, "lag_records": lag, "lag_seconds": lag_seconds,
            "latency_p50_seconds": 0.012 if rate else None, "latency_p99_seconds": 0.085 if rate else None,
            "in_flight": int(rate / 100), "limit": None, "problems": [], **changes}


def partition(name, number, state="flowing", **changes):
    return {"topic": name, "partition": number, "stream": number % 4, "state": state, "reason": None, "position": 48_211_907 + number,
            "committed": 48_211_400 + number, "end": 48_211_951 + number, "lag_records": 44, "lag_seconds": 0.21, "in_flight": 12,
            "records_mirrored": 9_120_334, "bytes_mirrored": 9_120_334 * BYTES, "records_per_second": 1234.5, **changes}


def wave(mean, depth, shift=0.0):
    """Five minutes of something that goes up and down."""
    return [round(mean * (1 + depth * math.sin(at / 17 + shift) + depth / 3 * math.sin(at / 2.9)), 2) for at in range(300)]


TOPICS = [
    topic("orders", rate=8123.4, lag=1_204), topic("orders.returns", rate=312.0, lag=18), topic("payments", rate=2210.7, lag=96),
    topic("payments.dispute", rate=3.2, lag=0), topic("clicks.web", "east.clicks", rate=15_920.1, lag=40_211, limit="8MB/s", state="limited",
                                                      reason="the limit 8MB/s of clicks.* holds it back"),
    topic("clicks.app", "east.clicks", rate=6_004.8, lag=2_930, limit="8MB/s"), topic("inventory.stock-levels", rate=77.1, lag=0),
    topic("customers"), topic("prices", rate=0.4), topic("audit.log", rate=640.0, lag=12,
                                                          problems=["east.audit.log has 6 partitions and the source 12: records of one key stay together, but not in the source's partition"]),
    topic("shipments", state="elsewhere", assigned=0, lag_records=None, lag_seconds=None),
]


def flowing():
    """All is well."""
    rates = {"records_per_second": sum(t["records_per_second"] for t in TOPICS), "bytes_per_second": sum(t["bytes_per_second"] for t in TOPICS)}
    return copy.deepcopy({
        "version": "0.5.0", "librdkafka": "2.0.2", "pid": 48211, "started": iso(273_841), "now": iso(), "uptime_seconds": 273_841.2,
        "state": "running", "dry_run": False, "group": "orders-mirror", "expression": "orders.*|payments.*|clicks\\..*|inventory.*|customers|prices|audit.log|shipments",
        "ready": True, "reasons": [],
        "source": {"brokers": "kafka-west-1:9092,kafka-west-2:9092,kafka-west-3:9092", "reachable": True, "since": iso(273_840), "reason": None, "ticket": None, "token_expires": None},
        "target": {"brokers": "kafka-east-1:9093,kafka-east-2:9093", "reachable": True, "since": iso(4_201), "reason": None, "ticket": None, "token_expires": None},
        "until": None,
        "totals": {"records_read": 9_120_334_201, "bytes_read": 3_921_743_706_430, "records_mirrored": 9_118_201_834, "bytes_mirrored": 3_920_826_788_620,
                   "records_dropped": 2_131_002, "records_dead_lettered": 41, "records_resent": 512, "send_failures": 0, "script_errors": 0},
        "rates": rates, "lag_records": 44_471, "lag_seconds": 5.04, "latency": {"p50_seconds": 0.014, "p99_seconds": 0.212},
        "buffer": {"bytes": 5_301_201, "bound_bytes": 67_108_864},
        "partitions": {"assigned": 80, "held": 0, "paused": 0, "waiting": 0, "retrying": 0, "limited": 8, "flowing": 64, "caught up": 8},
        "streams": [{"stream": n, "partitions": 20, "records_mirrored": 2_279_550_458 + n * 7_001, "buffer_bytes": 1_325_300,
                     "transactions": None} for n in range(4)],
        "history": {"records_per_second": wave(33_000, 0.18), "bytes_per_second": wave(14_200_000, 0.18, 0.4),
                    "lag_records": [None] * 20 + wave(40_000, 0.4, 1.1)[20:]},
        "script": script(), "limits": [
            {"topics": None, "text": "5MB/s @08:00-18:00; 50MB/s", "origin": "configuration", "bytes_per_second": 5e7, "records_per_second": None},
            {"topics": "clicks\\..*", "text": "8MB/s", "origin": "script", "bytes_per_second": 8e6, "records_per_second": None}],
        "pauses": [], "topics": TOPICS, "troubled": [], "log_level": "info"})


def script(**changes):
    return {"file": "/etc/reflejo/orders.lua", "generation": 3, "loaded": iso(51_200), "record_hook": True,
            "last_reload": {"time": iso(51_200), "result": "ok", "reason": ""}, "reloads": {"ok": 2, "rejected": 0, "rolled_back": 0},
            "seconds": 1_833.2, "heap_bytes": 2_204_113, "errors": 0,
            "counters": [{"name": "dropped", "labels": {"reason": "tombstone"}, "value": 2_131_002},
                         {"name": "tokens", "labels": {"topic": "payments", "field": "iban"}, "value": 190_211_403}], **changes}


def held():
    """One partition stands at a record that the script fails for, one is paused."""
    doc = flowing()
    reason = "the script fails at offset 48211907: orders.lua:41: attempt to index field 'customer' (a nil value)"
    doc.update(ready=False, reasons=["orders:3 is held for 4 min 12 s: " + reason + "."], pauses=[
        {"topic": "orders.returns", "partition": None, "by": "ana (uid 1000)", "since": iso(900), "keep": True},
        {"topic": "payments", "partition": 2, "by": "10.0.0.7", "since": iso(90), "keep": False}])
    doc["partitions"].update({"held": 1, "paused": 9, "flowing": 54})
    doc["topics"][0].update(state="held", reason="partition 3: " + reason, lag_records=1_021_204, lag_seconds=252.4)
    doc["topics"][1].update(state="paused", reason="paused by ana (uid 1000)", records_per_second=0.0, bytes_per_second=0.0)
    doc["troubled"] = [partition("orders", 3, "held", reason=reason, lag_records=1_020_000, lag_seconds=252.4, committed=48_211_907, in_flight=312)]
    doc["script"].update(errors=1)
    doc["limits"].append({"topics": "payments", "text": "500r/s", "origin": "live", "bytes_per_second": None, "records_per_second": 500})
    return doc


def target_away():
    """The target has not answered for a while: records wait, the lag grows."""
    doc = flowing()
    reason = "Connect to ipv4#10.20.0.4:9093 failed: Connection refused"
    doc.update(ready=False, reasons=[f"The target cannot be reached: {reason}.", "64 partitions have not moved for 71 s."],
               rates={"records_per_second": 0.0, "bytes_per_second": 0.0}, latency=None, lag_records=2_310_442, lag_seconds=71.3)
    doc["target"].update(reachable=False, since=iso(71), reason=reason)
    doc["buffer"]["bytes"] = 66_900_112
    doc["partitions"].update({"waiting": 72, "limited": 0, "flowing": 0})
    doc["history"]["records_per_second"][-71:] = [0.0] * 71
    doc["history"]["bytes_per_second"][-71:] = [0.0] * 71
    doc["history"]["lag_records"][-71:] = [40_000 + 32_000 * n for n in range(71)]
    for entry in doc["topics"]:
        if entry["records_per_second"]:
            entry.update(state="waiting", reason="the target cannot be reached", records_per_second=0.0, bytes_per_second=0.0, lag_seconds=71.3,
                         latency_p50_seconds=None, latency_p99_seconds=None, lag_records=210_040)
    doc["troubled"] = [partition(name, n, "waiting", reason="the target cannot be reached", lag_records=17_021, lag_seconds=71.3, records_per_second=0.0)
                       for name in ("orders", "payments") for n in range(0, 12, 3)]
    return doc


def reload_refused():
    """A new script was not taken."""
    doc = flowing()
    doc["script"].update(last_reload={"time": iso(12), "result": "rejected", "reason": "orders.lua:17: unexpected symbol near 'then'"},
                         reloads={"ok": 2, "rejected": 1, "rolled_back": 0})
    return doc


def many(topics=2_000):
    doc = flowing()
    doc["topics"] = [topic(f"sensor.{n:04d}.readings", rate=round(5 + (n * 7919 % 997) / 10, 1), lag=n * 31 % 503) for n in range(topics)]
    doc["topics"][1234].update(state="held", reason="the target refuses the record at offset 12: Broker: Message size too large")
    return doc


HOSTILE = "<img src=x onerror=\"window.harmed=1\">&lt;b&gt;</script><script>window.harmed=2</script>"


def hostile():
    """Every text that can be HTML is."""
    doc = held()
    doc.update(group=HOSTILE, expression=HOSTILE, reasons=[HOSTILE])
    doc["topics"][0].update(topic=HOSTILE, destination=HOSTILE, rule=HOSTILE, reason=HOSTILE, limit=HOSTILE, problems=[HOSTILE, HOSTILE])
    doc["troubled"][0].update(topic=HOSTILE, reason=HOSTILE, state=HOSTILE)
    doc["pauses"][0].update(topic=HOSTILE, by=HOSTILE)
    doc["limits"][0].update(topics=HOSTILE, text=HOSTILE)
    doc["source"].update(brokers=HOSTILE, reachable=False, reason=HOSTILE)
    doc["script"].update(file=HOSTILE, last_reload={"time": HOSTILE, "result": "rejected", "reason": HOSTILE},
                         counters=[{"name": HOSTILE, "labels": {HOSTILE: HOSTILE}, "value": 1}])
    return doc


def empty():
    """Just started: nothing is known yet."""
    doc = flowing()
    unknown = {"brokers": "127.0.0.1:9092", "reachable": None, "since": None, "reason": None, "ticket": None, "token_expires": None}
    doc.update(state="starting", ready=False, reasons=["No partition is assigned yet."], source=dict(unknown), target=dict(unknown), lag_records=None,
               lag_seconds=None, latency=None, script=None, limits=[], topics=[], streams=[], dry_run=True,
               rates={"records_per_second": 0.0, "bytes_per_second": 0.0}, buffer={"bytes": 0, "bound_bytes": 67_108_864}, partitions={},
               history={"records_per_second": [], "bytes_per_second": [], "lag_records": []}, uptime_seconds=0.8, started=iso(0.8))
    return doc


SCENES = {"flowing": flowing, "held": held, "target-away": target_away, "reload-refused": reload_refused, "many": many, "hostile": hostile,
          "empty": empty}


def details(doc, name):
    """The partitions of a topic, as ?topic= gives them."""
    troubled = [p for p in doc["troubled"] if p["topic"] == name]
    known = {p["partition"] for p in troubled}
    here = next((t["assigned"] for t in doc["topics"] if t["topic"] == name), 0)
    return sorted(troubled + [partition(name, n) for n in range(here) if n not in known], key=lambda p: p["partition"])


EVENTS = [
    ("info", "start", {"version": "0.5.0", "group": "orders-mirror", "streams": 4}), ("info", "assigned", {"stream": 0, "partitions": 20}),
    ("info", "script", {"file": "/etc/reflejo/orders.lua", "generation": 1}), ("debug", "committed", {"stream": 0, "partitions": 20}),
    ("info", "progress", {"records": 2_012_331, "bytes": 865_302_330, "rate": "33,538/s", "lag": 44_471}),
    ("warn", "target_trouble", {"broker": "kafka-east-1:9093", "reason": "Disconnected (after 3600000ms in state UP)"}),
    ("error", "script_failed", {"topic": "orders", "partition": 3, "offset": 48_211_907,
                                "reason": "orders.lua:41: attempt to index field 'customer' (a nil value)"}),
    ("info", "reloaded", {"generation": 3, "changes": "none"}),
]


def event(level, name, facts, seconds_ago=0.0):
    return {"time": iso(seconds_ago), "level": level, "event": name, **facts}


def events():
    """What /events?last=100 begins with."""
    return [event(*EVENTS[at % len(EVENTS)], seconds_ago=300 - at * 11) for at in range(27)]
