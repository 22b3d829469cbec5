"""What was measured as text, JSON and pictures."""
import html
import json
import statistics

from brokers import KEY_BYTES
from rows import MANY

LEFT, RIGHT, BAR, STEP, TOP = 310, 160, 18, 26, 46  # of a picture, in pixels
WIDTH = 930
COLOURS = {"reflejo": "#0b7a75", "floor": "#8a8a8a"}
OTHER = "#b58b4c"


def median(runs, field):
    return statistics.median(run[field] for run in runs)


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def summary(row, streams, contestant, counts, runs):
    """One line of a table. Slopes are of a long run less a short one, by the records between: without starting and stopping."""
    between = counts["long"] - counts["short"]

    def slope(field):
        return (median(runs["long"], field) - median(runs["short"], field)) / between

    wall = slope("wall") * between
    return {
        "row": row.name, "title": row.title, "streams": streams, "contestant": contestant.name, "contestant_title": contestant.title,
        "records": counts["long"], "records_short": counts["short"], "partitions": row.partitions,
        "cpu_ns": [run["cpu"] / counts["long"] * 1e9 for run in runs["long"]], "slope_ns": slope("cpu") * 1e9,
        "start_cpu_s": median(runs["short"], "cpu") - slope("cpu") * counts["short"],
        "source_ns": slope("source_cpu") * 1e9, "target_ns": slope("target_cpu") * 1e9,
        "records_per_s": counts["long"] / median(runs["long"], "wall"),
        # The short run may be over before the next look; then there is no rate to give.
        "slope_records_per_s": between / wall if wall > 0.1 else None,
        "flow_bytes_per_s": flow_bytes(row, runs["long"]),
        "first_s": median(runs["long"] + runs["short"], "first"), "peak_mib": max(run["peak_mib"] for run in runs["long"]),
        "threads": max(run["threads"] for run in runs["long"]), "switches": median(runs["long"], "switches"), "runs": runs,
    }


def flow_bytes(row, runs):
    """Bytes of keys and values a second while it flows; None where sizes differ or it was over too soon."""
    flows = [run["flow"] for run in runs if run["flow"]]
    return statistics.median(flows) * (row.size + KEY_BYTES) if flows and isinstance(row.size, int) else None


def base_of(results, result):
    """What a line is compared with: the floor of the same row, or the mirror where there is none."""
    same = [r for r in results if (r["row"], r["streams"]) == (result["row"], result["streams"])]
    for name in ("floor", "reflejo"):
        for other in same:
            if other["contestant"] == name:
                return other
    return None


def ratio(mine, theirs):
    return f"{mine / theirs:.2f}" if theirs > 0 else "-"


def copy_tables(results):
    for row, streams in dict.fromkeys((r["row"], r["streams"]) for r in results):
        lines = [r for r in results if (r["row"], r["streams"]) == (row, streams)]
        base = base_of(results, lines[0])
        against = base["contestant"] if base else "?"
        yield (f"\n## {lines[0]['title']} ({row}): {lines[0]['partitions']} partitions, {lines[0]['records']:,} records, "
               f"{f'{streams} streams' if streams > 1 else 'as many streams as is the default'}\n")
        yield (f"| | CPU ns/record | x {against} | with start-up (min-max) | start-up CPU s | source broker ns | target broker ns | records/s | after start | "
               "first record s | peak RSS MiB | threads |")
        yield "|---|---|---|---|---|---|---|---|---|---|---|---|"
        for r in lines:
            rate = f"{r['slope_records_per_s']:,.0f}" if r["slope_records_per_s"] else "-"
            yield (f"| {r['contestant_title']} | {r['slope_ns']:,.0f} | {ratio(r['slope_ns'], base['slope_ns']) if base else '-'} | {spread(r['cpu_ns'], ',.0f')} "
                   f"| {r['start_cpu_s']:.2f} | {r['source_ns']:,.0f} | {r['target_ns']:,.0f} | {r['records_per_s']:,.0f} | {rate} "
                   f"| {r['first_s']:.2f} | {r['peak_mib']:.0f} | {r['threads']} |")


def idle_slope(found):
    """KiB of resident memory a partition, between the fewest and the most of them."""
    points = sorted((f["partitions"], f["rss_mib"]) for f in found)
    return (points[-1][1] - points[0][1]) * 1024 / (points[-1][0] - points[0][0]) if len(points) > 1 else None


def idle_table(results):
    if not results:
        return
    yield "\n## Idle: nothing is written\n"
    yield "| | partitions | CPU, % of a core | source broker | target broker | RSS MiB | KiB a partition | threads | all partitions after s |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for r in results:
        slope = idle_slope([f for f in results if f["contestant"] == r["contestant"]])
        yield (f"| {r['contestant_title']} | {r['partitions']:,} | {100 * r['core']:.2f} | {100 * r['source_core']:.2f} | {100 * r['target_core']:.2f} "
               f"| {r['rss_mib']:.1f} | {f'{slope:.1f}' if slope is not None else '-'} | {r['threads']} | {r['all']:.1f} |")


def many_table(results):
    if not results:
        return
    yield f"\n## {MANY:,} topics at the source, of one partition: what a look at the list of them costs (metadata.max.age.ms of 1 s, less one of 700 s)\n"
    yield "| | topics mirrored | CPU ms a look | source broker ms a look | idle without looks, % of a core | RSS MiB | threads | all positions after s |"
    yield "|---|---|---|---|---|---|---|---|"
    for r in results:
        looks = [f"{r[side]:.1f}" if r[side] is not None else "-" for side in ("look_ms", "source_look_ms")]
        yield (f"| {r['contestant_title']} | {r['mirrored']} | {looks[0]} | {looks[1]} | {100 * r['core']:.2f} | {r['rss_mib']:.1f} "
               f"| {r['threads']} | {r['all']:.1f} |")


def medians(runs):
    """One row of several runs: the medians of their numbers, the highest peak, and the runs."""
    return {**{name: statistics.median(r[name] for r in runs) if isinstance(value, (int, float)) else value for name, value in runs[0].items()},
            "peak_mib": max(r["peak_mib"] for r in runs), "runs": runs}


def steady_table(results):
    if not results:
        return
    yield f"\n## Latency: {results[0]['title']}, from the sending to the source until the append at the target\n"
    yield "| | p50 ms | p99 ms (min-max) | p99.9 ms | max ms | CPU, % of a core | source broker | target broker | peak RSS MiB |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for r in results:
        yield (f"| {r['contestant_title']} | {r['p50']:.1f} | {spread([one['p99'] for one in r['runs']], '.1f')} | {r['p99.9']:.1f} | {r['max']:.1f} "
               f"| {100 * r['core']:.1f} | {100 * r['source_core']:.1f} | {100 * r['target_core']:.1f} | {r['peak_mib']:.0f} |")


def line_table(copies, carried):
    """How much of a long line is used while records flow: keys and values, so without what Kafka and TCP add, beside a plain connection's bytes."""
    if not carried:
        return
    yield "\n## Long lines: MB of keys and values a second, from a quarter of the records to three quarters of them, beside one TCP connection with large buffers at both ends\n"
    yield "| row | | MB/s | one TCP connection | of that |"
    yield "|---|---|---|---|---|"
    for r in copies:
        tcp, mine = carried.get(r["row"]), r["flow_bytes_per_s"]
        if tcp and mine:
            name = r["contestant_title"] + (f", {r['streams']} streams" if r["streams"] > 1 else "")
            yield f"| {r['row']} | {name} | {mine / 1e6:.2f} | {spread([one / 1e6 for one in tcp], '.2f')} | {mine / statistics.median(tcp):.2f} |"


# ---- goals -------------------------------------------------------------------------------------------------------


def goal(sentence, value, most, form=".2f"):
    return f"- {sentence}: {value:{form}}, at most {most:g} is the goal: {'met' if value <= most else 'NOT met'}"


def least(sentence, value, goal_value):
    return f"- {sentence}: {value:.2f}, at least {goal_value:g} is the goal: {'met' if value >= goal_value else 'NOT met'}"


def line_goals(by, carried):
    """Over a long line the rate counts, with as many streams as is the default."""
    for (row, streams, name), mine in by.items():
        if name != "reflejo" or streams != 1:
            continue
        theirs = by.get((row, streams, "mm1"))
        if row.startswith("line-100") and theirs:
            yield least(f"{row}: records a second against MirrorMaker 1's", mine["records_per_s"] / theirs["records_per_s"], 5)
        if mine["flow_bytes_per_s"] and carried.get(row):
            yield least(f"{row}: bytes a second against one TCP connection with large buffers", mine["flow_bytes_per_s"] / statistics.median(carried[row]), 0.9)


def goals(copies, carried, idles, steadies):
    """What reflejo promises, against what was measured here."""
    by = {(r["row"], r["streams"], r["contestant"]): r for r in copies}
    yield from line_goals(by, carried)
    for (row, streams, name), mine in by.items():
        if name != "reflejo" or row.startswith("line-"):
            continue
        where = f"{row}, {streams} streams"
        for peer, most, fields in (("floor", 1.05, ["slope_ns"]), ("mm1", 0.25, ["slope_ns"]), ("mm2", 0.25, ["slope_ns"]),
                                   ("mm1-tuned", 0.4, ["slope_ns"]), ("franz", 1.0, ["slope_ns"]), ("mm1", 0.2, ["peak_mib"]), ("mm2", 0.2, ["peak_mib"])):
            theirs = by.get((row, streams, peer))
            if theirs and (peer != "floor" or row in ("100-none", "100-lz4", "1k-none", "1k-lz4")) and theirs[fields[0]] > 0:
                what = "CPU a record" if fields[0] == "slope_ns" else "peak RSS"
                yield goal(f"{where}: {what} against {peer}", mine[fields[0]] / theirs[fields[0]], most)
        yield goal(f"{where}: first record after s", mine["first_s"], 0.3)
    for r in idles:
        if r["contestant"] == "reflejo" and r["partitions"] >= 2000:
            yield goal(f"idle, {r['partitions']:,} partitions: % of a core", 100 * r["core"], 0.5)
    mine = next((r for r in steadies if r["contestant"] == "reflejo"), None)
    if mine:
        theirs = [r["p99"] for r in steadies if r["contestant"].startswith("mm")]
        yield goal("steady: p99 ms", mine["p99"], min([20, *theirs]), ".1f")


# ---- all of it ---------------------------------------------------------------------------------------------------


def markdown(found):
    lines = ["# Bench\n", *(f"- {name}: {value}" for name, value in found["machine"].items()), f"- command: {found['command']}",
             f"- runs: {found['runs']} of each kind, {found['slow_runs']} of programs that start slowly, interleaved; medians, peak RSS the highest"]
    lines += copy_tables(found["copies"])
    lines += line_table(found["copies"], found["carried"])
    lines += idle_table(found["idle"])
    lines += many_table(found["many"])
    lines += steady_table(found["steady"])
    if found["not_run"]:
        lines += ["\n## Not run\n", *(f"- {name}: {why.splitlines()[0]}" for name, why in found["not_run"].items())]
    if found["is_smoke"]:
        lines += ["\nA smoke run: with so few records these figures are of starting and stopping."]
    else:
        lines += ["\n## Goals\n", *goals(found["copies"], found["carried"], found["idle"], found["steady"])]
    return "\n".join(lines) + "\n"


def bars(title, lines):
    """An SVG of horizontal bars; lines: (label, value, text behind the bar, name of the contestant)."""
    height = TOP + STEP * len(lines) + 10
    scale = (WIDTH - LEFT - RIGHT) / max([value for _, value, _, _ in lines] + [1e-9])
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>', f'<text x="10" y="24" font-size="15" font-weight="bold">{html.escape(title)}</text>']
    for number, (label, value, text, name) in enumerate(lines):
        y = TOP + STEP * number
        parts += [f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{html.escape(label)}</text>',
                  f'<rect x="{LEFT}" y="{y}" width="{max(value * scale, 1):.1f}" height="{BAR}" fill="{COLOURS.get(name, OTHER)}"/>',
                  f'<text x="{LEFT + max(value * scale, 1) + 6:.1f}" y="{y + 14}">{html.escape(text)}</text>']
    return "\n".join([*parts, "</svg>"]) + "\n"


def pictures(found):
    """(file name, SVG) of each."""
    for row, streams in dict.fromkeys((r["row"], r["streams"]) for r in found["copies"]):
        lines = [r for r in found["copies"] if (r["row"], r["streams"]) == (row, streams)]
        yield (f"cpu-{row}-{streams}.svg", bars(f"CPU ns a record, start-up left out: {lines[0]['title']}, {streams} streams",
               [(r["contestant_title"], max(r["slope_ns"], 0), f"{r['slope_ns']:,.0f}", r["contestant"]) for r in lines]))
        yield (f"memory-{row}-{streams}.svg", bars(f"Peak resident memory, MiB: {lines[0]['title']}, {streams} streams",
               [(r["contestant_title"], r["peak_mib"], f"{r['peak_mib']:,.0f}", r["contestant"]) for r in lines]))
    if found["idle"]:
        yield ("idle.svg", bars("Idle: % of a core", [(f"{r['contestant_title']}, {r['partitions']:,}", 100 * r["core"],
               f"{100 * r['core']:.2f} %, {r['rss_mib']:.0f} MiB", r["contestant"]) for r in found["idle"]]))
    if found["steady"]:
        yield ("latency.svg", bars(f"Latency p99, ms: {found['steady'][0]['title']}",
               [(r["contestant_title"], r["p99"], f"{r['p99']:.1f} (p50 {r['p50']:.1f})", r["contestant"]) for r in found["steady"]]))


def write(found, folder):
    """bench.md, bench.json and the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.md").write_text(markdown(found), encoding="utf-8")
    (folder / "bench.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, text in pictures(found):
        (folder / name).write_text(text, encoding="utf-8")
