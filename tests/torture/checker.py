"""The verdict on a run: pure functions over lists of records.

    source    what the source's log holds, in the order of its offsets for each partition
    acked     for each source partition the numbers that the source acknowledged
    target    what was read at the target, in the order of arrival; within one partition of the target that is its order
    spans     the steps: from and to say which part of `target` arrived during it
"""

from typing import NamedTuple

AT_LEAST_ONCE, EXACTLY_ONCE = "at-least-once", "exactly-once"
# How many writers one partition may have at a time: an agent that was stopped and goes on, one that was killed while the
# network still carried what it had sent, and the one that took over.
WRITERS = 4


class Violation(NamedTuple):
    """kind: LOST, CHANGED, STRANGE, SCATTERED, ORDER, REPEATED, SOURCE. count: how often; text: about the first ones."""
    kind: str
    count: int
    text: str

    def __str__(self):
        return f"{self.kind} ({self.count}): {self.text}"


class Span(NamedTuple):
    """A part of the target's records, by their positions in the list: `to` is behind the last one. repeats: how many of them
    may be there already. overlaps: may two agents have written at a time?"""
    name: str
    begin: int
    to: int
    repeats: int
    overlaps: bool


class Findings:
    """Collects violations of one kind each."""

    MOST = 5

    def __init__(self):
        self.found = {}

    def add(self, kind, text):
        texts = self.found.setdefault(kind, [0, []])
        texts[0] += 1
        if len(texts[1]) < self.MOST:
            texts[1].append(text)

    def list(self):
        return [Violation(kind, count, "; ".join(texts)) for kind, (count, texts) in self.found.items()]


def check(source, acked, target, level=AT_LEAST_ONCE, spans=()):
    """All violations; an empty list when the mirror kept its promise."""
    findings = Findings()
    written = _index(source, findings)
    _check_source(written, acked, findings)
    _check_presence(written, target, findings)
    if level == EXACTLY_ONCE:
        _check_once(target, findings)
    else:
        _check_repeats(target, spans, findings)
    _check_order(source, target, level, spans, findings)
    return findings.list()


def _what(record):
    return f"record {record.number} of partition {record.origin}"


def _index(source, findings):
    written = {}
    for record in source:
        if (record.origin, record.number) in written:
            findings.add("SOURCE", f"{_what(record)} is at the source twice")
        written[record.origin, record.number] = record
    return written


def _check_source(written, acked, findings):
    """The load itself: what was acknowledged is there."""
    for origin, numbers in enumerate(acked):
        for number in numbers:
            if (origin, number) not in written:
                findings.add("SOURCE", f"record {number} of partition {origin} was acknowledged and is not at the source")


def _check_presence(written, target, findings):
    """Every record of the source is at the target as it was, and nothing else."""
    present = set()
    for record in target:
        original = written.get((record.origin, record.number))
        if original is None:
            findings.add("STRANGE", f"{_what(record)} was never at the source")
        elif original.key != record.key or original.content != record.content:
            findings.add("CHANGED", f"{_what(record)} has another key, value, headers or timestamp than at the source")
        else:
            present.add((record.origin, record.number))
    for record in written.values():
        if (record.origin, record.number) not in present:
            findings.add("LOST", f"{_what(record)} is not at the target")


def _check_once(target, findings):
    seen = set()
    for record in target:
        if (record.origin, record.number) in seen:
            findings.add("REPEATED", f"{_what(record)} is at the target more than once")
        seen.add((record.origin, record.number))


def count_repeats(target, spans):
    """How many records of each span were at the target before."""
    seen, counts = set(), []
    for span in spans:
        repeats = 0
        for record in target[span.begin:span.to]:
            repeats += (record.origin, record.number) in seen
            seen.add((record.origin, record.number))
        counts.append(repeats)
    return counts


def _check_repeats(target, spans, findings):
    """Each step repeats no more than it may; what is a little late counts with the step before."""
    left = 0
    for span, repeats in zip(spans, count_repeats(target, spans)):
        if repeats > span.repeats + left:
            findings.add("REPEATED", f"{repeats} records came again in {span.name}, and {span.repeats} may"
                         + (f" (and {left} that the step before left over)" if left else ""))
        left = max(0, span.repeats - max(0, repeats - left))


def _check_order(source, target, level, spans, findings):
    """Records of one source partition that went to one partition of the target stand there in the source's order: first
    occurrences without a gap, and after a repeat on from the repeated one, record by record."""
    places = _places(target, findings)
    expected = {}  # (origin, place) -> numbers in order
    for record in source:
        # One without a key goes anywhere, and elsewhere when it goes again: it may have been lost on its way to one partition with
        # the agent that sent it, while what came behind it was there already.
        if record.key is None and level == AT_LEAST_ONCE:
            continue
        for place in places.get((record.origin, record.number), ()):
            expected.setdefault((record.origin, place), []).append(record.number)
    indexes = {way: {number: index for index, number in enumerate(numbers)} for way, numbers in expected.items()}
    ways = {}
    overlap = _Overlap(spans)
    for position, record in enumerate(target):
        way = (record.origin, record.place)
        index = indexes.get(way, {}).get(record.number)
        if index is None:
            continue
        if way not in ways:
            ways[way] = _Way(way, expected[way], level)
        ways[way].take(index, overlap.at(position), findings)


def _places(target, findings):
    """Where each record is; a key is in one place only."""
    places, keys = {}, {}
    for record in target:
        places.setdefault((record.origin, record.number), set()).add(record.place)
        if record.key is not None and keys.setdefault((record.origin, record.key), record.place) != record.place:
            findings.add("SCATTERED", f"{_what(record)} with key {record.key!r} is in partition {record.place} of the target, "
                         f"and others in {keys[record.origin, record.key]}")
    return places


class _Overlap:
    """Whether two agents may write at a position; asked with growing positions."""

    def __init__(self, spans):
        self.spans, self.next = list(spans), 0

    def at(self, position):
        while self.next < len(self.spans) and self.spans[self.next].to <= position:
            self.next += 1
        # Also the step after: what is late is let in.
        near = self.spans[max(0, self.next - 1):self.next + 1]
        return any(span.overlaps and span.begin <= position for span in near)


class _Way:
    """From one source partition to one of the target: the cursors of those who write."""

    def __init__(self, way, numbers, level):
        self.origin, self.place = way
        self.numbers, self.level = numbers, level
        self.highest = -1
        self.cursors = [-1]

    def _say(self, index, findings, text):
        findings.add("ORDER", f"record {self.numbers[index]} of partition {self.origin} in partition {self.place} of the target: "
                     f"{text}, where {self.numbers[self.highest] if self.highest >= 0 else 'nothing'} was the highest so far")

    def take(self, index, overlaps, findings):
        goes_on = next((cursor for cursor in reversed(self.cursors) if cursor + 1 == index), None)
        if index > self.highest + 1:
            self._say(index, findings, f"it came before {index - self.highest - 1} earlier ones")
        elif goes_on is None and self.level == EXACTLY_ONCE:
            self._say(index, findings, "it came again")
        elif goes_on is None and not overlaps and index > self.cursors[-1] + 1:
            self._say(index, findings, f"after a repeat {index - self.cursors[-1] - 1} records were left out")
        self.highest = max(self.highest, index)
        if not overlaps:
            self.cursors = [index]
            return
        if goes_on is not None:
            self.cursors.remove(goes_on)
        self.cursors = [*self.cursors, index][-WRITERS:]
