"""Which topics are mirrored: the expression as MirrorMaker reads it, topics that must not be, topics that appear."""

import pytest

from cluster import Record

TOPICS = ["test", "test2", "test-good", "test-bad", "other", "Other", "a.b", "axb", "__consumer_offsets",
          "__transaction_state", "_schemas"]

EXPRESSIONS = {
    "one name": (("--whitelist", "test"), {"test"}),
    "full match, not search": (("--whitelist", "tes"), set()),
    "dot star": (("--whitelist", "test.*"), {"test", "test2", "test-good", "test-bad"}),
    "a comma means or": (("--whitelist", "test,other"), {"test", "other"}),
    "blanks and quotes go": (("--whitelist", "\" test , a.b \""), {"test", "a.b", "axb"}),
    "escaped dot": (("--whitelist", r"a\.b"), {"a.b"}),
    "look-ahead": (("--whitelist", r"test-(?!bad\b)[\w]+"), {"test-good"}),
    "in any case": (("--whitelist", "(?i)other"), {"other", "Other"}),
    "include wins": (("--whitelist", "test", "--include", "test2"), {"test2"}),
    "all but internal ones": (("--whitelist", ".*"), set(TOPICS) - {"__consumer_offsets", "__transaction_state"}),
    "blacklist": (("--blacklist", "test.*,.*ther,_.*"), {"a.b", "axb"}),
}


@pytest.mark.parametrize("flags, mirrored", EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_expression(mirror, source, target, flags, mirrored):
    for topic in TOPICS:
        source.create(topic)
    agent = mirror(source, target, whitelist=None, flags=flags)
    if not mirrored:
        agent.wait_event("topics_none")
    else:
        names = agent.wait_event("topics")["names"]
        assert set(names.replace(",", " ").split()) == mirrored
    assert agent.stop() == 0


@pytest.mark.sanitize
def test_only_what_matches_is_copied(mirror, source, target):
    for topic in ("test-good", "test-bad"):
        source.create(topic)
        target.create(topic)
        source.produce(topic, [Record(b"k", topic.encode())])
    agent = mirror(source, target, whitelist=r"test-(?!bad\b)[\w]+")
    assert [r.value for r in target.read("test-good", 1)] == [b"test-good"]
    assert agent.stop() == 0
    assert target.ends("test-bad") == {0: 0}


@pytest.mark.slow
@pytest.mark.parametrize("reset", ["latest", "earliest"])
def test_topic_that_appears_is_mirrored_from_its_first_record(mirror, source, target, reset):
    for topic in ("t1", "t2"):
        target.create(topic, 2)
    source.create("t1", 2)
    agent = mirror(source, target, consumer={"metadata.max.age.ms": 1000, "auto.offset.reset": reset})
    agent.wait_event("assigned")
    source.create("t2", 2)
    source.produce("t2", [Record(b"%d" % i, b"early", i % 2) for i in range(100)])
    agent.wait_event("topic_added", topic="t2")
    assert sorted(int(r.key) for r in target.read("t2", 100)) == list(range(100))
    source.produce("t1", [Record(b"k", b"still")])
    assert [r.value for r in target.read("t1", 1)] == [b"still"]
    assert agent.stop() == 0


@pytest.mark.slow
def test_no_topic_yet_is_said_and_waited_for(mirror, source, target):
    target.create("t")
    agent = mirror(source, target, consumer={"metadata.max.age.ms": 1000})
    agent.wait_event("topics_none", expression="t.*")
    source.create("t")
    source.produce("t", [Record(b"k", b"v")])
    assert [r.value for r in target.read("t", 1)] == [b"v"]
    assert agent.stop() == 0


def test_a_target_that_cannot_be_asked_makes_topics_in_its_own_way(mirror, source, target):
    """As the mock does: it takes no such request, which is found out without waiting for an answer."""
    source.create("t", 2)
    source.produce("t", [Record(b"%d" % i, b"v", i % 2) for i in range(20)])
    agent = mirror(source, target, flags=("--topics.partitions", 7))
    said = agent.wait_event("topics_unmanaged")
    assert "create the topics that are missing" in said["advice"]
    assert len(target.read("t", 20)) == 20
    assert len(target.ends("t")) != 7
    assert agent.stop() == 0
    assert not agent.find("topic_created") and len(agent.find("topics_unmanaged")) == 1
