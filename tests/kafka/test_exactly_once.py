"""Exactly once: whoever reads committed records at the target has each record of the source once, whatever ends when.

The receivers are librdkafka's, which read committed records unless they are told otherwise.
"""

import os
import signal
import subprocess

from api import Api
from outside import wait_until
from records import no_loss

PROMISE = 30
EXACT = ("--exactly.once", "true")


def exactly(receiver, cluster, topic, partitions, load):
    """A reader of the target finds all records of the load: each once, those of one key in order."""
    reader = receiver(cluster, topic, partitions)
    verdict = reader.verdict(load)
    assert no_loss(verdict) and verdict.duplicates == 0, verdict


def test_records_arrive_once(mirror, names, outside, sender, receiver, kafka3, kafka4):
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 3)
    load = sender(kafka3, topic)
    load.send(1000)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, *EXACT)
    agent.wait_event("transactions_ready", PROMISE)
    exactly(receiver, kafka4, topic, 3, load)
    assert agent.stop(PROMISE) == 0, agent.stderr
    exactly(receiver, kafka4, topic, 3, load)
    outside(kafka3).wait_no_lag(group, topic)


def test_killed_under_load(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """Again and again in the middle of a transaction: what it had written is not seen, and the next one writes it."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 3)
    load = sender(kafka3, topic).start(2000)
    reader = receiver(kafka4, topic, 3)
    for number in range(1, 4):
        agent = mirror(kafka3, kafka4, topic, group, *EXACT, "--commit.interval.ms", "500")
        agent.wait_event("partitions_taken_over", PROMISE)
        reader.wait_count(number * 2000)
        agent.kill()
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, *EXACT)
    exactly(receiver, kafka4, topic, 3, load)
    assert agent.stop(PROMISE) == 0, agent.stderr
    exactly(receiver, kafka4, topic, 3, load)


def test_agents_take_over_from_each_other(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """One comes; the other stands still for longer than the group waits, is shut out, and wakes up again."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 4)
    load = sender(kafka3, topic).start(1000)
    reader = receiver(kafka4, topic, 4)
    flags = (*EXACT, "--num.streams", 2)
    first = mirror(kafka3, kafka4, topic, group, *flags)
    reader.wait_count(1000)
    second = mirror(kafka3, kafka4, topic, group, *flags)
    second.wait_event("partitions_taken_over", PROMISE)
    os.kill(first.process.pid, signal.SIGSTOP)
    # Beyond the session's time-out: the other one takes over, and shuts it out.
    wait_until(lambda: any(int(event["fenced"]) > 0 for event in second.find("partitions_taken_over")), what="a fence")
    reader.wait_count(sum(map(len, reader.arrivals.values())) + 2000)
    os.kill(first.process.pid, signal.SIGCONT)
    first.wait_event("transactions_broken", PROMISE)
    load.finish()
    exactly(receiver, kafka4, topic, 4, load)
    for agent in (first, second):
        assert agent.stop(PROMISE) == 0, agent.stderr
    exactly(receiver, kafka4, topic, 4, load)


SCRIPT = """
local mirror = require "mirror"
return {
  api = 1,
  route = function() return "%(merged)s" end,
  record = function(r)
    if r.value:find(":7:", 1, true) then return r:drop("seven") end
    r:emit{topic = "%(merged)s.copies", key = r.key, value = r.value}
  end,
}
"""


def test_renamed_merged_and_partitioned_anew(mirror, names, outside, sender, receiver, tmp_path, kafka3, kafka4):
    """Two topics into one, with a copy of each record elsewhere, killed once: all of it once, all of it together."""
    topic, group = names
    merged = f"{topic}.merged"
    for name in ("a", "b"):
        outside(kafka3).make_topic(f"{topic}.{name}", 3)
    for name in (merged, f"{merged}.copies"):
        outside(kafka4).make_topic(name, 5)
    (tmp_path / "merge.lua").write_text(SCRIPT % {"merged": merged})
    loads = [sender(kafka3, f"{topic}.{name}", tag=name).start(700) for name in ("a", "b")]
    flags = (*EXACT, "--script.file", "merge.lua", "--num.streams", 2)
    reader = receiver(kafka4, merged, 5)
    agent = mirror(kafka3, kafka4, f"{topic}.(a|b)", group, *flags)
    reader.wait_count(2000)
    agent.kill()
    for load in loads:
        load.finish()
    agent = mirror(kafka3, kafka4, f"{topic}.(a|b)", group, *flags)
    for load in loads:
        outside(kafka3).wait_no_lag(group, load.topic)
    assert agent.stop(PROMISE) == 0, agent.stderr
    for name in (merged, f"{merged}.copies"):
        reader = receiver(kafka4, name, 5)
        expected = {key: set(range(load.sent[key])) - {7} for load in loads for key in load.keys}
        reader.wait_count(sum(map(len, expected.values())))
        while reader.take():
            pass
        for key, numbers in expected.items():
            assert reader.arrivals[key] == sorted(numbers), key


def test_refused_records(mirror, names, outside, sender, receiver, tmp_path, kafka3, kafka4):
    """One record that the target does not take, in the middle of others: they arrive once, and it is put aside once."""
    topic, group = names
    outside(kafka3).make_topic(topic, 1)
    outside(kafka4).make_topic(topic, 1, max_message_bytes=20000)
    outside(kafka4).make_topic(f"{topic}.dead", 1)
    load = sender(kafka3, topic, keys=5)
    load.send(500)
    load.producer.produce(topic, key="large", value="large:0:" + "x" * 30000)
    load.send(500)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, *EXACT, "--abort.on.send.failure", "false",
                   "--send.on.error", "dead-letter", "--dead.letter.topic", f"{topic}.dead")
    exactly(receiver, kafka4, topic, 1, load)
    dead = receiver(kafka4, f"{topic}.dead", 1)
    dead.wait_count(1)
    load.send(100)
    load.finish()
    exactly(receiver, kafka4, topic, 1, load)
    assert agent.stop(PROMISE) == 0, agent.stderr
    while dead.take():
        pass
    assert dead.arrivals == {"large": [0]}


def test_held_record(mirror, program, names, outside, sender, receiver, tmp_path, kafka3, kafka4):
    """A refused record holds its partition and no other; what stands before it arrives, once, and what stands behind
    comes when the target takes it."""
    topic, group = names
    outside(kafka3).make_topic(topic, 1)
    outside(kafka4).make_topic(topic, 1, max_message_bytes=20000)
    load = sender(kafka3, topic, keys=1)
    load.send(100)
    load.producer.produce(topic, key=load.keys[0], value=f"{load.keys[0]}:100:" + "x" * 30000)
    load.count += 1
    load.finish()
    load.sent[load.keys[0]] += 1
    load.send(100)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, *EXACT, "--abort.on.send.failure", "false", "--send.on.error", "pause",
                   "--admin.listen", f"unix:{tmp_path}/admin.sock")
    agent.wait_event("partition_paused", PROMISE, offset="100")
    reader = receiver(kafka4, topic, 1)
    reader.wait_count(100)
    outside(kafka4).set(topic, "max.message.bytes", "1000000")
    subprocess.run([program, "ctl", "--address", f"unix:{tmp_path}/admin.sock", "resume"], check=True,
                   capture_output=True)
    exactly(receiver, kafka4, topic, 1, load)
    assert agent.stop(PROMISE) == 0, agent.stderr
    exactly(receiver, kafka4, topic, 1, load)


def test_target_broker_goes(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """The target's broker goes while a transaction is open, and comes back."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 3)
    load = sender(kafka3, topic).start(1000)
    agent = mirror(kafka3, kafka4, topic, group, *EXACT)
    receiver(kafka4, topic, 3).wait_count(1000)
    kafka4.stop()
    wait_until(lambda: load.total > 4000, what="more records")
    kafka4.start()
    load.finish()
    exactly(receiver, kafka4, topic, 3, load)
    assert agent.stop(PROMISE) == 0, agent.stderr
    exactly(receiver, kafka4, topic, 3, load)


def test_a_ledger_that_would_be_deleted(mirror, names, outside, kafka3, kafka4):
    """The topic was made by hand, without compaction: refused, with the command that mends it."""
    topic, group = names
    outside(kafka4).make_topic(f"reflejo-positions.{group}", 1)
    agent = mirror(kafka3, kafka4, topic, group, *EXACT)
    assert agent.wait(PROMISE) == 1, agent.stderr
    assert f"--entity-name reflejo-positions.{group} --add-config cleanup.policy=compact" in agent.wait_event("failed")["reason"]
    outside(kafka4).set(f"reflejo-positions.{group}", "cleanup.policy", "compact")
    agent = mirror(kafka3, kafka4, topic, group, *EXACT)
    agent.wait_event("transactions_ready", PROMISE)
    assert agent.stop(PROMISE) == 0, agent.stderr


def test_one_shot(mirror, names, outside, sender, receiver, kafka3, kafka4):
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 3)
    load = sender(kafka3, topic)
    load.send(3000)
    load.finish()
    agent = mirror(kafka3, kafka4, topic, group, *EXACT, "--until.end")
    agent.wait_event("transactions_ready", PROMISE)
    assert agent.wait(PROMISE) == 0, agent.stderr
    exactly(receiver, kafka4, topic, 3, load)


def test_ledger_counts_when_the_group_has_nothing(mirror, names, outside, sender, receiver, kafka3, kafka4):
    """The group's positions are gone, as they are some days after the last agent: the ledger has them still. Where the
    group stands further than the ledger, because it was mirrored at least once in between, that counts."""
    topic, group = names
    for cluster in (kafka3, kafka4):
        outside(cluster).make_topic(topic, 3)
    load = sender(kafka3, topic)

    def mirror_some(*flags):
        load.send(1000)
        load.finish()
        agent = mirror(kafka3, kafka4, topic, group, *flags)
        exactly(receiver, kafka4, topic, 3, load)
        assert agent.stop(PROMISE) == 0, agent.stderr
    mirror_some(*EXACT)
    outside(kafka3).admin.delete_consumer_groups([group])[group].result(PROMISE)
    mirror_some(*EXACT, "--consumer.auto.offset.reset", "latest")
    mirror_some()
    mirror_some(*EXACT)


def test_topic_goes_at_the_source(mirror, names, outside, sender, receiver, tmp_path, kafka3, kafka4):
    """The group refuses the position of a topic that is gone. It is a copy: nobody asks again and again, and the partitions are
    handed over all the same."""
    topic, group = names
    gone = f"{topic}.gone"
    for name, partitions in ((topic, 3), (gone, 1)):
        outside(kafka3).make_topic(name, partitions)
        outside(kafka4).make_topic(name, partitions)
    loads = [sender(kafka3, topic), sender(kafka3, gone)]
    for load in loads:
        load.send(200)
    agent = mirror(kafka3, kafka4, f"{topic}.*", group, *EXACT, "--offset.commit.interval.ms", "60000", "--admin.listen", "unix:admin.sock")
    exactly(receiver, kafka4, topic, 3, loads[0])
    exactly(receiver, kafka4, gone, 1, loads[1])
    # Behind what the group was told at the beginning.
    loads[1].send(200)
    loads[1].finish()
    exactly(receiver, kafka4, gone, 1, loads[1])
    loads[1].producer = loads[0].producer  # its own would have the topic made anew
    outside(kafka3).admin.delete_topics([gone])[gone].result(PROMISE)
    agent.wait_event("revoked", PROMISE, drained="yes")
    agent.wait_event("topic_removed", PROMISE, topic=gone)
    loads[0].send(200)
    loads[0].finish()
    exactly(receiver, kafka4, topic, 3, loads[0])
    assert sum(value for name, value in Api(tmp_path / "admin.sock").metrics().items()
               if name.startswith("reflejo_commit_failures_total")) <= 2
    assert agent.stop(PROMISE) == 0, agent.stderr
