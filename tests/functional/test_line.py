"""How many streams a long line gets, between network namespaces. Needs root."""

import pathlib
import subprocess
import sys

import pytest

from agent import Agent
from conftest import write_properties

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import lines  # noqa: E402

MIB = 1 << 20
PORT = 9092
# Takes connections and says nothing: how long the line is is seen before a broker has to say a word.
LISTEN = f"import socket, sys; s = socket.create_server(('{lines.NEAR}', {PORT})); print('ready', flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """The line, and the name of the namespace at its far end; at the near end somebody listens."""
    why = lines.why_not()
    if why:
        pytest.skip(why)
    with lines.namespaces() as names:
        with (lines.Line(tmp_path_factory.mktemp("line"), names) as made,
              subprocess.Popen(lines.inside(names[0], [sys.executable, "-c", LISTEN]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listener):
            assert listener.stdout.readline() == "ready\n"
            yield made, names[1]
            listener.stdin.close()


@pytest.fixture
def start(line, program, tmp_path):
    """start(round trip in ms, *flags): the program at the far end, both of its clusters at the near end."""
    made = []
    stretched, far = line

    def begin(round_trip_ms, *flags):
        stretched.set(round_trip_ms, 0, 0)
        brokers = {"bootstrap.servers": f"{lines.NEAR}:{PORT}"}
        files = [write_properties(tmp_path / f"{name}.properties", {**brokers, **more})
                 for name, more in (("consumer", {"group.id": "g"}), ("producer", {}))]
        made.append(Agent("ip", ["netns", "exec", far, program, "--consumer.config", files[0], "--producer.config", files[1], "--whitelist", "t",
                                 "--admin.listen", "none", *flags], tmp_path))
        return made[-1]

    yield begin
    for agent in made:
        agent.end()


def streams_of(found):
    """How many there are to be, by what the program says of the lines. A busy machine makes them longer than they were set."""
    longest = max(int(found["source_ms"]), int(found["target_ms"]))
    return next(streams for streams, from_ms in ((8, 60), (4, 30), (2, 15), (1, -1)) if longest >= from_ms)


@pytest.mark.parametrize("round_trip, streams", [(20, 2), (40, 4), (70, 8)])
def test_streams_and_memory_follow_the_round_trip(start, round_trip, streams):
    agent = start(round_trip)
    found = agent.wait_event("line_long")
    # One that could not be measured in time counts for nothing.
    assert all(int(found[side]) >= round_trip or int(found[side]) == -1 for side in ("source_ms", "target_ms"))
    assert int(found["streams"]) == streams_of(found) >= streams
    memory = (32 + 16 * (streams_of(found) - 1)) * MIB
    assert int(found["buffer_memory"]) == memory
    begun = agent.wait_event("start")
    assert (int(begun["streams"]), int(begun["buffer_memory"])) == (streams_of(found), memory)


def test_memory_that_was_given_is_what_the_streams_share(start):
    agent = start(40, "--buffer.memory", 20 * MIB)
    found = agent.wait_event("line_long", buffer_memory=20 * MIB)
    agent.wait_event("start", streams=streams_of(found), buffer_memory=20 * MIB)


def test_a_number_that_was_given_stays(start):
    agent = start(40, "--num.streams", 3)
    agent.wait_event("line_long", streams=3, target_ms=-1, buffer_memory=32 * MIB)
    agent.wait_event("start", streams=3, buffer_memory=32 * MIB)


def test_a_short_line_has_one_stream(start):
    agent = start(0)
    begun = agent.wait_event("start")
    # None is said of a line that is short.
    assert int(begun["streams"]) == max([streams_of(found) for found in agent.find("line_long")], default=1)
