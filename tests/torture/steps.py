"""What happens to the mirror: each step breaks something for a while, and mends it. What it draws by its decorator is drawn
before it begins, so that a seed gives the same list of steps whatever the times are."""

import datetime
import random
import signal
import struct
import time

from confluent_kafka import ElectionType, KafkaException, Producer, TopicPartition

from arena import IN_FLIGHT, READY_DEADLINE, SOURCE_PARTITIONS, STREAMS, TARGET_PARTITIONS, Failure, storm, wait_for
from outputs import SCRIPT, TOPIC, TOPICS

DEADLINE = 90
STEPS = {}


class Step:
    """One that was drawn, and what may come of it: how many records may be repeated, and whether two agents may write at a
    time."""

    def __init__(self, name, params):
        self.name, self.params = name, params
        self.repeats, self.overlaps = 0, False

    def __str__(self):
        return f"{self.name}({', '.join(f'{key}={value}' for key, value in self.params.items())})"

    def run(self, arena):
        STEPS[self.name][0](arena, self, **self.params)


def step(**spec):
    """Each parameter is drawn: of a pair of numbers one between them, of texts one of them."""
    def add(function):
        STEPS[function.__name__] = function, spec
        return function
    return add


def draw_one(dice, choice):
    if isinstance(choice[0], str):
        return dice.choice(choice)
    low, high = choice
    return dice.randint(low, high) if isinstance(low, int) and isinstance(high, int) else round(dice.uniform(low, high), 2)


def draw_step(dice, name):
    return Step(name, {key: draw_one(dice, choice) for key, choice in STEPS[name][1].items()})


def draw(seed, missing=()):
    """Steps without end: all in a random order, then all in another one."""
    dice = random.Random(seed)
    while True:
        bag = sorted(STEPS)
        dice.shuffle(bag)
        for name in bag:
            made = draw_step(dice, name)
            if name not in missing:
                yield made


def parse(seed, text):
    """The steps of NAME,NAME:PARAMETER=VALUE:...; what is not given is drawn. Raises ValueError with a sentence."""
    dice = random.Random(seed)
    for word in text.split(","):
        name, *given = word.split(":")
        if name not in STEPS:
            raise ValueError(f"there is no step {name}; there are {', '.join(sorted(STEPS))}")
        made = draw_step(dice, name)
        for one in given:
            key, _, value = one.partition("=")
            if key not in made.params:
                raise ValueError(f"{name} has no {key}; it has {', '.join(made.params)}")
            made.params[key] = type(made.params[key])(value)
        yield made


SIDES = ("source", "target")


# ---- agents


@step(down=(0.1, 3.0), backlog=("keeps up", "lags"))
def kill_agent(arena, this, down, backlog):
    """kill -9, and another start; while it keeps up, or while it has just begun to catch up."""
    this.overlaps = True
    if backlog == "lags":
        kill_and_start(arena, this, down)
        # It may have begun to write, or not.
        wait_for(lambda: arena.agents["one"].find("assigned"), DEADLINE, "partitions for the agent that was started again")
    kill_and_start(arena, this, down)


def kill_and_start(arena, this, down):
    at = time.monotonic()
    arena.kill("one")
    time.sleep(down)
    this.repeats += arena.crash_repeats(at)
    arena.start("one")


@step(down=(0.0, 2.0))
def stop_agent(arena, this, down):
    """An operator's stop and start: nothing is repeated."""
    arena.stop("one")
    time.sleep(down)
    arena.start("one")


@step(longer=(0.0, 2.0))
def zombie(arena, this, longer):
    """The agent stands still for longer than its session, another one takes over, and it wakes up and knows nothing of it."""
    this.overlaps = True
    second = arena.agents.get("two") or arena.start("two")
    second.wait_event("assigned", DEADLINE)
    at = time.monotonic()
    first = arena.agents["one"]

    def endings():
        return len(first.find("partitions_lost")) + len(first.find("revoked"))
    before = endings()
    first.send(signal.SIGSTOP)
    try:
        second.wait_shared(SOURCE_PARTITIONS, STREAMS, DEADLINE)
        time.sleep(longer)
    finally:
        first.send(signal.SIGCONT)
    wait_for(lambda: endings() > before, DEADLINE, "that the agent noticed what it had lost")
    this.repeats += arena.crash_repeats(at) + IN_FLIGHT
    arena.stop("two")


@step(times=(1, 3), end=("stops", "is killed"))
def rebalances(arena, this, times, end):
    """A second agent joins and leaves, again and again."""
    for number in range(times):
        second = arena.start("two")
        second.wait_event("assigned", DEADLINE)
        if number == times - 1 and end == "is killed":
            this.overlaps = True
            at = time.monotonic()
            arena.kill("two")
            this.repeats += arena.crash_repeats(at)
        else:
            arena.stop("two")


# ---- the network


@step(side=SIDES, seconds=(0.5, 4.0))
def cut(arena, this, side, seconds):
    trouble(arena, this, side, seconds, lambda way: way.cut())


@step(side=SIDES, seconds=(0.5, 4.0))
def stall(arena, this, side, seconds):
    trouble(arena, this, side, seconds, lambda way: way.stall())


@step(side=SIDES, seconds=(0.5, 4.0))
def slam(arena, this, side, seconds):
    """Connections are accepted and closed at once."""
    trouble(arena, this, side, seconds, lambda way: way.slam())


@step(side=SIDES, seconds=(2.0, 5.0), latency=(0.02, 0.4))
def delay(arena, this, side, seconds, latency):
    trouble(arena, this, side, seconds, lambda way: way.delay(latency))


@step(side=SIDES, seconds=(2.0, 5.0), rate=(20_000, 100_000))
def throttle(arena, this, side, seconds, rate):
    """A slow target, or a slow source."""
    trouble(arena, this, side, seconds, lambda way: way.throttle(rate))


@step(count=(3000, 8000), size=(2000, 5000), seconds=(0.0, 3.0))
def flood(arena, this, count, size, seconds):
    """More than the buffer holds is waiting at the source while the target takes nothing."""
    way = arena.sides["target"]
    way.stall()
    try:
        arena.load.flood(count, size)
        wait_for(lambda: not arena.load.is_flooding(), DEADLINE, "the end of the flood at the source")
        time.sleep(seconds)
    finally:
        way.heal()
    this.repeats += IN_FLIGHT


@step(side=SIDES, times=(1, 3), seconds=(0.1, 1.0))
def drop(arena, this, side, times, seconds):
    """All connections are reset, again and again; new ones work."""
    for _ in range(times):
        trouble(arena, this, side, seconds, lambda way: way.drop())


@step(side=SIDES)
def half_open(arena, this, side):
    """The brokers are silently gone from all connections: only the mirror's own time-outs tell it."""
    way = arena.sides[side]
    trouble(arena, this, side, 0, lambda way: way.half_open())
    accepted = way.accepted
    wait_for(lambda: way.accepted > accepted, DEADLINE, f"a new connection to the {side} after the old ones fell silent")
    this.repeats += IN_FLIGHT


def trouble(arena, this, side, seconds, begin):
    """What was in flight may go out again."""
    way = arena.sides[side]
    begin(way)
    try:
        time.sleep(seconds)
    finally:
        way.heal()
    this.repeats += IN_FLIGHT if side == "target" else 0


@step(side=SIDES, how=("cut", "stall"))
def long_outage(arena, this, side, how):
    """For longer than admin.stall: /readyz says so."""
    way = arena.sides[side]
    getattr(way, how)()
    try:
        arena.wait_readiness("one", False)
    finally:
        way.heal()
    this.repeats += IN_FLIGHT
    arena.wait_readiness("one", True)


@step(side=SIDES)
def move_name(arena, this, side):
    """The cluster's name has another address, and nobody is at the old one."""
    address = "127.0.0.2" if arena.elsewhere.addresses[side] == "127.0.0.1" else "127.0.0.1"
    arena.elsewhere.move(side, address)
    arena.sides[side].move(address)
    this.repeats += IN_FLIGHT if side == "target" else 0


@step(by=("-86400", "-3600", "-30", "30", "3600", "86400"), seconds=(0.5, 3.0))
def clock_jump(arena, this, by, seconds):
    """The wall clock of the agents' machine jumps, and back again: nothing stops, and nothing is repeated."""
    arena.elsewhere.set_clock(int(by))
    try:
        now = datetime.datetime.fromisoformat(arena.api("one").status()["now"].replace("Z", "+00:00")).timestamp()
        if abs(now - time.time() - int(by)) > 25:
            raise Failure(f"the agent's clock did not jump by {by} s: it shows {now}")
        mirrored = arena.tail.count()
        time.sleep(seconds)
        wait_for(lambda: arena.tail.count() > mirrored, DEADLINE, "a record at the target after the clock jumped")
        arena.wait_readiness("one", True)
    finally:
        arena.elsewhere.set_clock(0)


# ---- brokers


@step(down=(0.0, 2.0))
def kill_source(arena, this, down):
    """The source's only broker, which keeps the group as well."""
    kill_broker(arena.source, 0, down)


@step(number=(0, 2), down=(0.0, 3.0))
def kill_target(arena, this, number, down):
    kill_broker(arena.target, number, down)
    this.repeats += IN_FLIGHT


def kill_broker(cluster, number, down):
    broker = cluster.brokers[number]
    broker.kill()
    time.sleep(down)
    broker.start()
    broker.wait_ready()


@step(number=(0, 2), seconds=(1.0, 12.0))
def freeze_target(arena, this, number, seconds):
    """Its connections stay open and it answers nothing; for long enough, the others take its partitions."""
    broker = arena.target.brokers[number]
    arena.watch.is_blind = True
    broker.freeze()
    try:
        time.sleep(seconds)
    finally:
        broker.thaw()
    this.repeats += IN_FLIGHT


@step(number=(0, 2))
def move_leaders(arena, this, number):
    """A broker of the target is restarted in order, so that its partitions move; then they move back."""
    broker = arena.target.brokers[number]
    broker.stop()
    broker.start()
    broker.wait_ready()
    partitions = [TopicPartition(topic, place) for topic in TOPICS for place in range(TARGET_PARTITIONS)]
    admin = arena.outside["target"].admin

    def elect():
        try:
            admin.elect_leaders(ElectionType.PREFERRED, partitions).result(DEADLINE)
        except KafkaException:
            return False  # one of the replicas is not in step yet
        return True
    wait_for(elect, DEADLINE, "the election of the preferred leaders")
    this.repeats += IN_FLIGHT


@step(seconds=(0.0, 2.0))
def full_disk(arena, this, seconds):
    """No byte is left for one broker's log; Kafka's answer is to end. Then there is room, and it starts again."""
    broker = arena.target.brokers[2]
    arena.disk.fill()
    try:
        wait_for(lambda: not broker.is_running(), DEADLINE, "the end of a broker without room")
        time.sleep(seconds)
    finally:
        arena.disk.free()
    broker.kill()
    broker.start()
    broker.wait_ready()
    this.repeats += IN_FLIGHT


# ---- what operators do, and others


@step(kind=("good", "bad", "roll back"))
def reload(arena, this, kind):
    """Of the script, which goes on with the same rule."""
    api = arena.api("one")
    if kind == "bad":
        arena.save_script("return { api = 1, record = function(r) end ")
        said = api.refuse("/reload", 409)
        if "torture.lua:1" not in said:
            raise Failure(f"a script that does not load was answered by: {said}")
        arena.save_script(SCRIPT % arena.generation)
        return
    arena.generation += 1
    arena.save_script(SCRIPT % arena.generation)
    api.post("/reload")
    if kind == "roll back":
        api.post("/rollback")


@step(seconds=(0.2, 2.0), partition=(-1, SOURCE_PARTITIONS - 1))
def pause(arena, this, seconds, partition):
    """One partition, or all of the topic; readers of the group see nothing of it."""
    api = arena.api("one")
    api.post("/pause", topic=TOPIC, **({"partition": partition} if partition >= 0 else {}))
    time.sleep(seconds)
    api.post("/resume")
    if api.status()["pauses"]:
        raise Failure("a pause stands after resume")


@step(count=(100, 400), speak=("something", "nothing"))
def storm_admin(arena, this, count, speak):
    """More connections than the admin API takes, which say things that make no sense."""
    port = arena.admin_port("one")
    storm("127.0.0.1", port, count, speak == "something")
    wait_for(lambda: arena.is_ready("one") is not None, READY_DEADLINE, "an answer of the admin API after a storm")


@step(side=SIDES, count=(50, 200), speak=("something", "nothing"))
def storm_brokers(arena, this, side, count, speak):
    for door in arena.sides[side].doors:
        storm(door.address, door.port, count, speak == "something")


@step(records=(10, 200))
def side_topic(arena, this, records):
    """Another topic that matches appears, grows and is deleted."""
    topic = f"{TOPIC}-side-{int(time.monotonic() * 1000)}"
    source, target = arena.outside["source"], arena.outside["target"]
    source.make_topic(topic, 1)
    write_side(arena, topic, records, 0)
    wait_for(lambda: target.partitions(topic) == 1 and target.count(topic) >= records, DEADLINE, f"{topic} at the target")
    source.add_partitions(topic, 2)
    write_side(arena, topic, records, 1)
    wait_for(lambda: target.count(topic) >= 2 * records, DEADLINE, f"the new partition of {topic} at the target")
    for one in (source, target):
        one.admin.delete_topics([topic])[topic].result(DEADLINE)


@step(records=(20, 40), batches=(3, 15))
def torn_log(arena, this, records, batches):
    """What an unclean election leaves of a log, of another topic: its end is gone, and other records are written there. The mirror
    says what is missing, and mirrors what is new."""
    topic = f"{TOPIC}-torn-{int(time.monotonic() * 1000)}"
    source, target = arena.outside["source"], arena.outside["target"]
    source.make_topic(topic, 1)
    write_side(arena, topic, records, 0, alone=True)
    wait_for(lambda: target.partitions(topic) == 1 and target.count(topic) >= records, DEADLINE, f"{topic} at the target")
    # An agent whose session ends before it could commit comes back below the cut, and has nothing to tell.
    wait_for(lambda: arena.watch.has_committed_of(topic, records), DEADLINE, f"the positions of {topic}")
    broker = arena.source.brokers[0]
    broker.kill()
    cut_log(arena.source.folder / "broker0-data" / f"{topic}-0" / "00000000000000000000.log", batches)
    broker.start()
    broker.wait_ready()
    there = target.count(topic)
    write_side(arena, topic, 3, 0)
    wait_for(lambda: any(agent.find("source_gap", topic=topic) for agent in arena.agents.values()), DEADLINE,
             f"a line about the end of {topic} that is gone")
    wait_for(lambda: target.count(topic) >= there + 3, DEADLINE, f"what is new in {topic} at the target")
    for one in (source, target):
        one.admin.delete_topics([topic])[topic].result(DEADLINE)


def cut_log(path, batches):
    """Only its first batches are left."""
    with open(path, "rb+") as file:
        for _ in range(batches):
            _, size = struct.unpack(">qi", file.read(12))
            file.seek(size, 1)
        file.truncate()


def write_side(arena, topic, records, partition, alone=False):
    producer = Producer({"bootstrap.servers": arena.source.bootstrap, "acks": "all", "log_level": 0})
    for number in range(records):
        producer.produce(topic, b"%d" % number, b"key%d" % number, partition)
        if alone and producer.flush(DEADLINE):
            raise Failure(f"the source did not take a record of {topic}")
    if producer.flush(DEADLINE):
        raise Failure(f"the source did not take the records of {topic}")
