"""A whole mirror out of an INI file, out of MirrorMaker's own files, and with values that stand elsewhere."""

from cluster import Record


def one_record(source, target):
    source.create("t")
    target.create("t")
    source.produce("t", [Record(b"k", b"v")])


def test_ini_alone(make_agent, source, target, tmp_path):
    one_record(source, target)
    (tmp_path / "reflejo.ini").write_text(
        "# all in one file\n[mirror]\nwhitelist = t.*\nnum.streams: 2\n\n"
        f"[consumer]\nbootstrap.servers = {source.bootstrap}\ngroup.id = ini\\\n    group\n"
        f"auto.offset.reset earliest\n\n[producer]\nbootstrap.servers={target.bootstrap}\n! enough\n")
    agent = make_agent("run", "--config", "reflejo.ini")
    assert agent.wait_event("start", group="inigroup", streams=2)
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_flags_win_over_files(mirror, source, target):
    one_record(source, target)
    agent = mirror("127.0.0.1:1", target, consumer={"group.id": "file"}, flags=(
        "--consumer.bootstrap.servers", source.bootstrap, "--consumer.group.id=flag"))
    assert agent.wait_event("start", group="flag")
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_values_that_stand_elsewhere(mirror, source, target, tmp_path):
    one_record(source, target)
    (tmp_path / "brokers").write_text(source.bootstrap + "\n")
    (tmp_path / "target.properties").write_text(f"where={target.bootstrap}\n")
    agent = mirror("@" + str(tmp_path / "brokers"), f"${{file:{tmp_path}/target.properties:where}}",
                   consumer={"group.id": "${env:MIRROR_GROUP}"}, environment={"MIRROR_GROUP": "from-outside"})
    assert agent.wait_event("start", group="from-outside")
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_bootstrap_list_with_dead_brokers(mirror, source, target):
    one_record(source, target)
    agent = mirror(f"127.0.0.1:1,{source.bootstrap}", f"127.0.0.1:1,{target.bootstrap}")
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_files_of_an_old_mirrormaker(mirror, source, target):
    """What a MirrorMaker of 2016 was given: old names, serializers, a line longer than a line reader's buffer."""
    one_record(source, target)
    group = "group-" + "g" * 300
    agent = mirror(
        source, target,
        consumer={"group.id": group, "client.id": "mine", "exclude.internal.topics": "true",
                  "auto.commit.enable": "false",
                  "partition.assignment.strategy": "org.apache.kafka.clients.consumer.RoundRobinAssignor",
                  "key.deserializer": "org.apache.kafka.common.serialization.ByteArrayDeserializer"},
        producer={"compression.type": "none", "producer.type": "async", "retries": "2147483647",
                  "max.block.ms": "9223372036854775807", "max.in.flight.requests.per.connection": "1",
                  "key.serializer": "org.apache.kafka.common.serialization.ByteArraySerializer"},
        flags=("--new.consumer", "--abort.on.send.failure", "true"))
    assert agent.wait_event("stream_start", group=group, client_id=group + "-0")
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_exactly_once_is_refused_where_it_cannot_be(mirror, source, target):
    """An embedded cluster takes transactions and protects nothing."""
    one_record(source, target)
    agent = mirror(source, target, flags=("--exactly.once", "true"))
    assert agent.wait() == 1
    assert "exactly.once=true needs a real Kafka at the target" in agent.stderr


def test_exactly_once_contradicted(mirror, source, target):
    agent = mirror(source, target, producer={"acks": "1", "enable.idempotence": "false"}, flags=(
        "--exactly.once", "true", "--start.from", "earliest", "--start.force"))
    assert agent.wait() == 1
    assert all(word in agent.stderr for word in (
        "start.force changes the group's positions", "needs an idempotent producer", "needs acks=all"))
