"""What may go wrong around a script while it runs: dead letters that are refused, files that change at the wrong moment."""

import pytest

from cluster import Record
from conftest import GROUP
from test_script import rewrite, scripted  # noqa: F401

# One record that the producer's own limit refuses, wherever it shall go.
BIG = b"B" * 60000
REFUSING = {"max.request.size": 50000, "batch.size": 20000}


@pytest.mark.sanitize
@pytest.mark.parametrize("hook, policy", [("return r:dead_letter 'no'", "pause"), ("error 'no'", "dead-letter")])
def test_a_dead_letter_that_is_refused_holds_its_partition_only(scripted, source, target, hook, policy):  # noqa: F811
    """Also with abort.on.send.failure=true, which is the default: it is about records, not about what a script puts aside."""
    source.create("t", 2)
    target.create("t", 2)
    target.create("dead")
    source.produce("t", [Record(b"k", v, 0) for v in (b"1", BIG, b"2")] + [Record(b"k", b"other", 1)])
    agent = scripted(source, target, "return { api = 1, record = function(r) if r.value_size > 1000 then %s end end }" % hook,
                     "--partition.mode", "preserve", "--dead.letter.topic", "dead", "--script.on.error", policy,
                     "--offset.commit.interval.ms", "200", producer=REFUSING)
    assert agent.wait_event("partition_paused", topic="t", partition=0)["offset"] == "1"
    assert agent.find("send_failure", target_topic="dead", action="pause")
    source.produce("t", [Record(b"k", b"later", 1)])
    assert [r.value for r in target.read("t", 3) if r.partition == 1] == [b"other", b"later"]
    source.wait_committed(GROUP, "t", {0: 1, 1: 2})
    assert agent.stop() == 0
    assert source.committed(GROUP, "t", 2) == {0: 1, 1: 2}
