"""What is measured: a row of ROWS each. A row is copied by those who are named; in IDLE nothing is copied, in STEADY a little."""
import dataclasses

ALL = ("floor", "reflejo", "franz", "kcat", "python", "mm1", "mm1-tuned", "mm2", "mm2-tuned")
SOME = ("floor", "reflejo", "mm1-tuned")


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    size: object = 100         # bytes of a value, or "mixed"
    source_codec: str = "none"
    codec: str = "none"        # at the target
    headers: int = 0           # on each record
    partitions: int = 8
    keys: int = 0              # so many different ones, 1: all records are in one partition; 0: 100,000
    records: int = 500_000     # of a long run; a short one has a tenth
    contestants: tuple = SOME
    is_json: bool = False
    partitioner: str = "murmur2_random"  # of who wrote the source; all that are measured have Java's hash, murmur2
    round_trip: float = 0      # milliseconds that the way to the source and back takes
    loss: float = 0            # packets in a hundred that get lost, in either direction
    mbit: float = 0            # millions of bits a second that pass in each direction; 0: no limit


ROWS = [
    Row("100-none", "100 B", records=2_000_000, contestants=ALL),
    Row("1k-none", "1 KiB", 1024, contestants=ALL),
    Row("100-lz4", "100 B, lz4 on both sides", 100, "lz4", "lz4", records=1_000_000),
    Row("1k-lz4", "1 KiB, lz4 on both sides", 1024, "lz4", "lz4", contestants=ALL),
    Row("1k-zstd", "1 KiB, zstd on both sides", 1024, "zstd", "zstd", records=300_000),
    Row("1k-lz4-none", "1 KiB, lz4 at the source only", 1024, "lz4", "none"),
    Row("1k-none-lz4", "1 KiB, lz4 at the target only", 1024, "none", "lz4"),
    Row("10k-none", "10 KiB", 10240, records=50_000),
    Row("mixed-none", "70 % of 100 B, 25 % of 1 KiB, 5 % of 10 KiB", "mixed"),
    Row("headers", "100 B and three headers", headers=3, records=1_000_000),
    Row("1-partition", "100 B, 1 partition", partitions=1, records=1_000_000),
    Row("64-partitions", "100 B, 64 partitions", partitions=64, records=1_000_000),
    Row("1-of-1000", "100 B, one busy partition of 1,000", partitions=1000, keys=1, records=1_000_000, contestants=(*SOME, "mm1")),
    Row("1000-partitions", "100 B, 1,000 partitions", partitions=1000, records=1_000_000),
    # librdkafka's own hash, as programs in C, Python, Go have it: what comes from one partition goes to all.
    Row("scattered", "100 B, 500 partitions, keys by another hash at the source", partitions=500, records=2_000_000, partitioner="consistent_random"),
]

# What scripts and flags are measured with (--scripts).
SCRIPTS_ROW = Row("100-none", "100 B of JSON", records=2_000_000, is_json=True)

# Over a long line to the source (--lines), where requests wait for each other.
DISTANT = ("floor", "reflejo", "franz", "mm1", "mm1-tuned")
LINES = [
    Row("line-0", "1 KiB, no line", 1024, records=40_000, contestants=DISTANT),
    Row("line-20", "1 KiB, 20 ms there and back", 1024, records=40_000, contestants=DISTANT, round_trip=20),
    Row("line-20-loss", "1 KiB, 20 ms there and back, 0.1 % lost", 1024, records=40_000, contestants=DISTANT, round_trip=20, loss=0.1),
    Row("line-100", "1 KiB, 100 ms there and back", 1024, records=40_000, contestants=DISTANT, round_trip=100),
    Row("line-100-loss", "1 KiB, 100 ms there and back, 0.1 % lost", 1024, records=40_000, contestants=DISTANT, round_trip=100, loss=0.1),
    # How full the line is, beside one TCP connection with large buffers. Long enough for all to have found their speed.
    Row("line-full", "1 KiB, 100 ms there and back, 100 Mbit/s", 1024, records=300_000, contestants=("reflejo",), round_trip=100, mbit=100),
    Row("line-full-loss", "1 KiB, 100 ms there and back, 100 Mbit/s, 0.1 % lost", 1024, records=300_000, contestants=("reflejo",), round_trip=100, loss=0.1,
        mbit=100),
]

# Partitions of a topic that nothing is written to, and whom they are given to.
IDLE = (100, 1000, 2000)
IDLE_CONTESTANTS = ("floor", "reflejo", "mm1", "mm2-tuned")
IDLE_SECONDS = 30  # for the most of them; the others are watched for a third of that

# Topics of one partition at the source, of which one or all are mirrored: what it costs to look at the list of them, when a look is due each second
# (metadata.max.age.ms) and nearly never.
MANY, MANY_SECONDS, MANY_LOOK_MS, MANY_NEVER_MS = 10_000, 20, 1000, 700_000
MANY_CONTESTANTS = ("reflejo", "mm1")

# Records a second, and for how long; before that come so many seconds that do not count.
STEADY_RATE, STEADY_SECONDS, STEADY_WARM_UP = 1000, 20, 8
STEADY_CONTESTANTS = ("floor", "reflejo", "franz", "kcat", "python", "mm1", "mm1-tuned", "mm2", "mm2-tuned")
STEADY = Row("steady", f"{STEADY_RATE:,} records of 100 B a second")
