"""A stream waits for no cluster: while one answers nothing, each stream's own thread still does what it is told."""

import pytest

from api import Api
from cluster import Record, frozen
from conftest import GROUP
from timing import DEADLINE

LISTEN = ("--num.streams", 2, "--admin.listen", "unix:admin")


def assert_answers(api):
    """Each stream is asked itself: /show-held has no answer before all have given theirs. Twice, because what is asked first may
    come before a stream begins to wait."""
    for _ in range(2):
        assert api.call("POST", "/show-held", {})[0] == 200


@pytest.mark.parametrize("side", ["source", "target"])
def test_while_a_cluster_stands_still(mirror, source, target, tmp_path, side):
    """And each stream sees to a pause of its own partitions."""
    source.create("t", 4)
    target.create("t", 4)
    agent = mirror(source, target, flags=LISTEN)
    api = Api(tmp_path / "admin")
    source.produce("t", [Record(b"k", b"%d" % n, n % 4) for n in range(8)])
    target.read("t", 8)
    agent.wait_shared(4, 2)
    with frozen(target if side == "target" else source):
        if side == "target":
            source.produce("t", [Record(b"k", b"%d" % n, n % 4) for n in range(8)])
            api.wait_status(lambda s: s["topics"][0]["in_flight"], "records on their way", topic="t")
        assert_answers(api)
        api.post("/pause", topic="t")
        api.wait_status(lambda s: {p["state"] for p in s["detail"]} == {"paused"}, "four paused partitions", topic="t")
        assert_answers(api)
        api.post("/resume", topic="t")
    if side == "target":
        target.read("t", 16)
    assert agent.stop() == 0


def test_while_a_transaction_waits(mirror, source, target, tmp_path):
    """What exactly.once asks of the target is waited for elsewhere. (An embedded cluster is refused, once it answers.)"""
    source.create("t", 2)
    # Where the group stands already nobody needs the target to begin.
    source.commit(GROUP, "t", {0: 0, 1: 0})
    with frozen(target):
        agent = mirror(source, target, flags=(*LISTEN, "--exactly.once", "true"))
        agent.wait_event("admin_listening")
        api = Api(tmp_path / "admin")
        api.wait_status(lambda s: [x["transactions"] and x["transactions"]["state"] for x in s["streams"]] == ["preparing"] * 2,
                        "two streams that wait for the target")
        assert_answers(api)
    assert agent.wait(DEADLINE) == 1
    assert "needs a real Kafka" in agent.stderr
