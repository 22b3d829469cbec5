"""Measures one contestant: a copy of a preloaded topic, an idle topic of many partitions, or a steady stream of records."""
import json
import os
import re
import time

from brokers import Failed, preload, wait_for
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from contestants import Job
from processes import Pipeline, cpu_seconds, threads_seconds
from rows import IDLE, MANY, MANY_LOOK_MS, MANY_NEVER_MS, MANY_SECONDS, STEADY, STEADY_RATE, STEADY_WARM_UP, Row

RUN_DEADLINE = 300.0
SHORT = 10  # a short run has one tenth of the records
PERCENTILES = (50, 99, 99.9)
HEAD, TAIL = 20, 100  # records before a steady stream, in each partition, and after it


def pace(partitions):
    """Seconds between two looks at how far a copy is. Looking costs the broker something, the more the more partitions there are."""
    return 0.05 if partitions < 500 else 0.3


class Bench:
    """line: what the source is at the far end of; None: there is none."""

    def __init__(self, args, source, target, scratch, note, line=None):
        self.args, self.source, self.target, self.scratch, self.note, self.line = args, source, target, scratch, note, line
        self.serial = 0
        self.is_warm = args.smoke

    def job(self, topic, row, streams, **more):
        """For one run: a group and a folder of its own."""
        self.serial += 1
        folder = self.scratch / f"run-{self.serial}"
        folder.mkdir()
        return Job(source=self.source.bootstrap, target=self.target.bootstrap, topic=topic, group=f"bench-{os.getpid()}-{self.serial}",
                   size=row.size, codec=row.codec, partitions=row.partitions, streams=streams, folder=folder, **more)

    def run(self, contestant, job, measured):
        """Starts it, has it measured(pipeline), and explains a failure by its last lines."""
        log = job.folder / "log"
        try:
            with Pipeline(contestant.commands(self.args, job), log) as pipeline:
                return measured(pipeline)
        except Failed as why:
            tail = log.read_text(errors="replace").strip().splitlines()[-5:] if log.exists() else []
            raise Failed(f"{contestant.name}, {job.topic}: {why}; its last lines:\n" + "\n".join(tail)) from None
        finally:
            # What MirrorMaker 2 leaves.
            for side in (self.source, self.target):
                side.remove(*(name for name in side.names() if name.startswith(("mm2-", "heartbeats")) or name.endswith(".checkpoints.internal")))

    # ---- a copy --------------------------------------------------------------------------------------------------

    def copy(self, contestant, topic, row, streams, count):
        """Copies the topic once, from nothing. Seconds of processor and of wall time, of the whole process from its start to its end."""
        self.target.make(topic, row.partitions)
        job = self.job(topic, row, streams)
        reached = (lambda: self.target.count(topic, row.partitions)) if contestant.arrives and not contestant.marks else (
            lambda: self.source.committed(job.group, topic, row.partitions))

        def measured(pipeline):
            start, before = time.monotonic(), [cpu_seconds(side.pids) for side in (self.source, self.target)]
            first, wall, flow = self.watch(pipeline, reached, count, start, pace(row.partitions))
            used = [cpu_seconds(side.pids) - then for side, then in zip((self.source, self.target), before)]
            run = pipeline.stop(contestant.statuses, not contestant.ends_itself)
            self.check(contestant, job, count)
            return {**run, "cpu": run["user"] + run["system"], "wall": wall, "first": first, "flow": flow, "peak_mib": pipeline.peak_kib / 1024,
                    "threads": pipeline.threads, "source_cpu": used[0], "target_cpu": used[1]}

        return self.run(contestant, job, measured)

    def watch(self, pipeline, reached, count, start, step):
        """Waits until count records are copied. Seconds to the first and to the last of them, and how many came a second in between."""
        first, looks = None, []
        while True:
            there, now = reached(), time.monotonic() - start
            pipeline.look()
            looks.append((now, there))
            if there > 0 and first is None:
                first = now
            if there >= count:
                return first, now, flow_of(looks, count)
            if pipeline.has_failed():
                raise Failed(f"ended by itself after {there} records")
            if now > RUN_DEADLINE:
                raise Failed(f"copied {there} of {count} records in {RUN_DEADLINE:g} s")
            # The first one is looked for closely.
            time.sleep(step if first else step / 5)

    def check(self, contestant, job, count):
        """Neither a record too many in the target nor a position that does not fit."""
        there, arriving = self.target.count(job.topic, job.partitions), count if contestant.arrives else 0
        if contestant.marks:
            there = int(re.findall(r" records=(\d+)", (job.folder / "log").read_text(encoding="utf-8"))[-1])
        if there != arriving:
            raise Failed(f"the target has {there} records instead of {arriving}")
        if contestant.commits:
            committed = self.source.committed(job.group, job.topic, job.partitions)
            if committed != count:
                raise Failed(f"the group's committed offsets add up to {committed} instead of {count}")
        if contestant.name == "floor":
            delivered = json.loads((job.folder / "log").read_text().strip().splitlines()[-1])["delivered"]
            if delivered != count:
                raise Failed(f"it counted {delivered} acknowledgements instead of {count}")

    def row(self, row, streams, contestants):
        """All runs of one row: long ones interleaved, then short ones, likewise. Gives {name: {"long": [...], "short": [...]}}; a contestant
        that fails is left out, and said."""
        long_count = self.args.records or row.records
        counts = {"long": long_count, "short": max(long_count // SHORT, 1)}
        topics = {kind: f"bench-{row.name}-{'json-' if row.is_json else ''}{kind}" for kind in counts}
        runs = {contestant.name: {"long": [], "short": []} for contestant in contestants}
        failures = {}
        for kind, count in counts.items():
            preload(self.source, topics[kind], row, count, self.note)
            self.stretch(row)
            self.warm_up(contestants, topics[kind], row, streams, count)
            for number in range(self.args.runs):
                for contestant in contestants:
                    if contestant.name in failures or contestant.is_slow and number >= self.args.slow_runs:
                        continue
                    try:
                        run = self.copy(contestant, topics[kind], row, streams, count)
                    except Failed as why:
                        failures[contestant.name] = str(why)
                        self.note(f"FAILED {why}")
                        continue
                    runs[contestant.name][kind].append(run)
                    self.note(f"{row.name}, {streams} streams, {kind} run {number + 1}, {contestant.name}: {run['cpu'] / count * 1e9:.0f} ns, "
                              f"{count / run['wall']:.0f}/s, {run['flow'] or 0:.0f}/s in between, first after {run['first']:.2f} s, {run['peak_mib']:.0f} MiB, {run['threads']} threads")
            self.stretch(Row("", ""))
        for topic in topics.values():
            self.target.remove(topic)
            if self.source.pids:
                self.source.remove(topic)
        return counts, {name: found for name, found in runs.items() if name not in failures}, failures

    def stretch(self, row):
        """Makes the line as long as the row wants it."""
        if self.line:
            self.line.set(row.round_trip, row.loss, row.mbit)

    def carries(self, row):
        """Bytes a second that one TCP connection with large buffers carries over the row's line."""
        self.stretch(row)
        try:
            return self.line.carries()
        finally:
            self.stretch(Row("", ""))

    def warm_up(self, contestants, topic, row, streams, count):
        """Whoever is first would find brokers that have compiled nothing yet: one copy, once, that does not count."""
        if not self.is_warm and contestants:
            self.is_warm = True
            try:
                self.copy(contestants[0], topic, row, streams, count)
            except Failed as why:
                self.note(f"nothing was warmed up: {why}")

    # ---- idle ----------------------------------------------------------------------------------------------------

    def idle(self, contestant, row):
        """A topic with a record in each partition is copied, and nothing comes after that. Memory, and the share of a core that is used."""
        topic = f"idle-{row.partitions}"
        seconds = self.args.idle_seconds if row.partitions == max(IDLE) else self.args.idle_seconds / 3
        self.target.make(topic, row.partitions)
        if self.source.count(topic, row.partitions) != row.partitions:
            self.source.make(topic, row.partitions)
            producer = Producer({"bootstrap.servers": self.source.bootstrap, "log_level": 0})
            for partition in range(row.partitions):
                producer.produce(topic, b"v" * 100, b"%d" % partition, partition=partition)
            producer.flush(60)
        job = self.job(topic, row, 1, is_endless=True)

        def measured(pipeline):
            first, wall, _ = self.watch(pipeline, lambda: self.target.count(topic, row.partitions), row.partitions, time.monotonic(), pace(row.partitions))
            # Commits and the like are over then.
            time.sleep(5 if seconds > 5 else 1)
            sides = self.source.pids, self.target.pids
            began, before = time.monotonic(), [threads_seconds(pids) for pids in (pipeline.pids, *sides)]
            time.sleep(seconds)
            took = time.monotonic() - began
            used = [(threads_seconds(pids) - then) / took for pids, then in zip((pipeline.pids, *sides), before)]
            pipeline.look()
            result = {"first": first, "all": wall, "core": used[0], "source_core": used[1], "target_core": used[2],
                      "rss_mib": pipeline.resident_kib() / 1024, "peak_mib": pipeline.peak_kib / 1024, "threads": pipeline.threads}
            pipeline.stop(contestant.statuses)
            return result

        return self.run(contestant, job, measured)

    # ---- many topics ---------------------------------------------------------------------------------------------

    def many(self, contestant, mirrored):
        """MANY topics at the source, of which the first or all ("one", "all") are mirrored; each holds a record. Milliseconds of processor that a look at
        their list costs, and memory."""
        topics = [f"many-{number:05}" for number in range(MANY)]
        chosen = topics if mirrored == "all" else topics[:1]
        self.source.make_missing(topics)
        if self.source.filled(topics) < MANY:
            self.one_record_each(topics)
        # Not what is measured: who creates topics one after the other would take minutes.
        self.target.make_missing(chosen)
        found = {}
        # A list each second of topics that are all mirrored takes librdkafka more than the second.
        for name, refresh_ms in (("never", MANY_NEVER_MS), ("each_second", MANY_LOOK_MS))[:1 if mirrored == "all" else 2]:
            job = self.job("many-.*" if mirrored == "all" else topics[0], Row("many", "", partitions=1), 1, is_endless=True, refresh_ms=refresh_ms)
            found[name] = self.run(contestant, job, lambda pipeline, job=job: self.watch_many(pipeline, contestant, job, chosen))
        looks = {side: (found["each_second"][side] - found["never"][side]) * MANY_LOOK_MS if "each_second" in found else None
                 for side in ("core", "source_core")}
        return {"look_ms": looks["core"], "source_look_ms": looks["source_core"], "all": found["never"]["all"],
                "core": found["never"]["core"], **{size: max(run[size] for run in found.values()) for size in ("rss_mib", "peak_mib", "threads")}}

    def one_record_each(self, topics):
        producer = Producer({"bootstrap.servers": self.source.bootstrap, "log_level": 0})
        for topic in topics:
            producer.produce(topic, b"v" * 100)
            producer.poll(0)
        if producer.flush(120):
            raise Failed("the source does not take the records")

    def watch_many(self, pipeline, contestant, job, topics):
        """Once the group has a position behind every record: the share of a core that is used, and memory."""
        start, asked = time.monotonic(), [TopicPartition(topic, 0) for topic in topics]
        wait_for("the positions of all topics", lambda: pipeline.has_failed() or self.source.reached(job.group, asked) >= len(topics), step=0.5)
        if pipeline.has_failed():
            raise Failed("ended by itself")
        reached = time.monotonic() - start
        time.sleep(5)
        began, before = time.monotonic(), [threads_seconds(pids) for pids in (pipeline.pids, self.source.pids)]
        time.sleep(min(MANY_SECONDS, self.args.idle_seconds))
        took = time.monotonic() - began
        used = [(threads_seconds(pids) - then) / took for pids, then in zip((pipeline.pids, self.source.pids), before)]
        pipeline.look()
        result = {"all": reached, "core": used[0], "source_core": used[1], "rss_mib": pipeline.resident_kib() / 1024,
                  "peak_mib": pipeline.peak_kib / 1024, "threads": pipeline.threads}
        pipeline.stop(contestant.statuses)
        return result

    # ---- a steady stream -----------------------------------------------------------------------------------------

    def steady(self, contestant):
        """Milliseconds from the sending of a record to the source until the target appended it, by percentile."""
        topic, seconds = "steady", self.args.steady_seconds
        self.source.make(topic, STEADY.partitions)
        self.target.make(topic, STEADY.partitions, **{"message.timestamp.type": "LogAppendTime"})
        job = self.job(topic, STEADY, 1, is_endless=True)

        def measured(pipeline):
            writer = Producer({"bootstrap.servers": self.source.bootstrap, "linger.ms": 0, "log_level": 0})
            sent = 0

            def flows():
                """All partitions are on their way, and one more record pushes out what a pipe holds back."""
                nonlocal sent
                for partition in range(STEADY.partitions * (HEAD if sent == 0 else 1)):
                    send(writer, topic, sent, partition % STEADY.partitions)
                    sent += 1
                writer.flush(10)
                return self.target.count(topic, STEADY.partitions) >= STEADY.partitions * HEAD

            wait_for("the first records", flows, step=0.2)
            sides = self.source.pids, self.target.pids
            before = [cpu_seconds(pids) for pids in (pipeline.pids, *sides)]
            from_number = sent + STEADY_RATE * STEADY_WARM_UP
            for _ in at_rate(STEADY_RATE, STEADY_WARM_UP + seconds):
                send(writer, topic, sent)
                sent += 1
                writer.poll(0)
            needed = sent
            # Whoever reads a pipe in blocks holds the last ones back until more come.
            for _ in range(TAIL):
                send(writer, topic, sent)
                sent += 1
            writer.flush(30)
            wait_for("the last record", lambda: self.target.count(topic, STEADY.partitions) >= needed)
            pipeline.look()
            used = [(cpu_seconds(pids) - then) / (STEADY_WARM_UP + seconds) for pids, then in zip((pipeline.pids, *sides), before)]
            pipeline.stop(contestant.statuses)
            there = self.target.count(topic, STEADY.partitions)
            waits = sorted(wait for number, wait in latencies(self.target.bootstrap, topic, there) if from_number <= number < needed)
            return {**{f"p{p}": percentile(waits, p) for p in PERCENTILES}, "max": waits[-1], "records": len(waits),
                    "core": used[0], "source_core": used[1], "target_core": used[2], "peak_mib": pipeline.peak_kib / 1024}

        return self.run(contestant, job, measured)


def flow_of(looks, count):
    """Records a second from the first quarter of count on until three quarters are there: without the start, and the end, at which fewer partitions are left
    than connections. looks: (seconds, records). None when it was over too soon."""
    from_when, from_count = next(look for look in looks if look[1] >= count / 4)
    to_when, to_count = next(look for look in looks if look[1] >= count * 3 / 4)
    return (to_count - from_count) / (to_when - from_when) if to_when > from_when else None


def send(producer, topic, number, partition=-1):
    """A record that says which it is and when it was sent; its partition by its key, or this one."""
    producer.produce(topic, b"%d %d " % (number, time.time_ns() // 1000) + b"v" * 80, b"%d" % number, partition)


def at_rate(rate, seconds):
    """Comes back so often a second for so long; what was missed is made good."""
    start = time.monotonic()
    for number in range(int(rate * seconds)):
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield number


def latencies(bootstrap, topic, count):
    """(number, milliseconds) of each record in the topic, by the time at which its broker appended it."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-reader", "enable.auto.commit": False, "log_level": 0})
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(STEADY.partitions)])
    end = time.monotonic() + 60
    try:
        while count > 0:
            for record in consumer.consume(10000, 1.0):
                if record.error():
                    raise Failed(f"reading the copies: {record.error()}")
                number, sent_us = record.value().split(b" ", 2)[:2]
                count -= 1
                yield int(number), max(record.timestamp()[1] - int(sent_us) / 1000, 0.0)
            if time.monotonic() > end:
                raise Failed("the copies cannot be read within 60 s")
    finally:
        consumer.close()


def percentile(ordered, share):
    return ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)]
