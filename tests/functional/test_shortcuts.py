"""Names and topics by configuration alone, without a script."""

import pytest

from cluster import Record


@pytest.mark.parametrize("flags, wanted", [
    (("--topic.prefix", "dc1."), {"t.a": "dc1.t.a", "t.b": "dc1.t.b"}),
    (("--topic.suffix", ".copy", "--exclude", "t.b"), {"t.a": "t.a.copy"}),
    (("--topic.rename.regex", r"t\.(.)", "--topic.rename.replacement", "$1.t"), {"t.a": "a.t", "t.b": "b.t"}),
    (("--topic.rename.regex", r".*", "--topic.rename.replacement", "one"), {"t.a": "one", "t.b": "one"}),
])
def test_names(mirror, source, target, flags, wanted):
    for topic in ("t.a", "t.b"):
        source.create(topic)
        source.produce(topic, [Record(b"k", topic.encode())])
    for topic in set(wanted.values()):
        target.create(topic)
    agent = mirror(source, target, flags=flags)
    for topic in set(wanted.values()):
        expected = {name.encode() for name, to in wanted.items() if to == topic}
        assert {r.value for r in target.read(topic, len(expected))} == expected
    assert agent.stop() == 0
    for topic in wanted:
        assert source.committed("mirrorgroup", topic, 1) == {0: 1}
    if len(wanted) == 1:
        assert source.committed("mirrorgroup", "t.b", 1) == {0: -1}


def test_names_within_one_cluster(mirror, source):
    """A copy under another name in the same cluster is no circle, as long as the copy is not read."""
    source.create("t")
    source.create("copy.t")
    source.produce("t", [Record(b"k", b"v")])
    agent = mirror(source, source, whitelist="t", flags=("--topic.prefix", "copy."))
    assert [r.value for r in source.read("copy.t", 1)] == [b"v"]
    assert agent.stop() == 0
    agent = mirror(source, source, whitelist=".*t", flags=("--topic.prefix", "copy."))
    assert agent.wait() == 1
    assert "without end" in agent.wait_event("failed")["reason"]


def test_a_name_that_kafka_does_not_take(mirror, source, target):
    source.create("t")
    source.create("t" * 240)
    target.create("0123456789.t")
    source.produce("t", [Record(b"k", b"v")])
    agent = mirror(source, target, flags=("--topic.prefix", "0123456789."))
    assert agent.wait_event("topics")["topics"] == "1"
    assert len(target.read("0123456789.t", 1)) == 1
    assert agent.stop() == 0


@pytest.mark.parametrize("flags, says", [
    (("--exclude", "*"), "exclude: "),
    (("--topic.rename.regex", "(", "--topic.rename.replacement", "x"), "topic.rename.regex: "),
    (("--topic.rename.regex", "x"), "belong together"),
])
def test_bad_expressions_end_the_start(mirror, source, target, flags, says):
    agent = mirror(source, target, flags=flags)
    assert agent.wait() == 1
    assert says in agent.stderr
