"""The checker against made-up histories: each violation is found, and what may be is let be."""

import random
import threading

import pytest

from checker import AT_LEAST_ONCE, EXACTLY_ONCE, Span, check, count_repeats
from history import Record, Tail
from outputs import MORE, TOPIC, TOPICS, is_in, share, share_acked


def record(number, origin=0, place=0, key=b"k", content=None):
    return Record(origin, number, key, number if content is None else content, place)


def numbers(*wanted, **fields):
    return [record(number, **fields) for number in wanted]


def verdict(source, target, level=AT_LEAST_ONCE, spans=None, acked=None, **span):
    """The kinds of violations, each once. Without spans all of the target is one step, as the fields say."""
    if acked is None:
        acked = [set() for _ in range(4)]
        for one in source:
            acked[one.origin].add(one.number)
    if spans is None:
        spans = [Span("step 1", 0, len(target), **{"repeats": 0, "overlaps": False, **span})]
    return sorted(violation.kind for violation in check(source, acked, target, level, spans))


LEVELS = pytest.mark.parametrize("level", [AT_LEAST_ONCE, EXACTLY_ONCE])
TEN = numbers(*range(10))


@LEVELS
def test_a_copy_is_right(level):
    assert verdict(TEN, TEN, level) == []


@LEVELS
def test_lost_at_the_end(level):
    assert verdict(TEN, TEN[:9], level) == ["LOST"]


@LEVELS
def test_lost_in_the_middle(level):
    assert verdict(TEN, TEN[:4] + TEN[5:], level) == ["LOST"]


@LEVELS
def test_all_lost(level):
    assert verdict(TEN, [], level) == ["LOST"]


def test_what_was_not_acknowledged_but_is_at_the_source_counts_too():
    assert verdict(TEN, TEN[:9], acked=[set(range(9))]) == ["LOST"]


@LEVELS
def test_changed(level):
    assert verdict(TEN, TEN[:3] + [record(3, content=99)] + TEN[4:], level) == ["CHANGED", "LOST"]
    assert verdict(TEN, TEN[:3] + [record(3, key=b"other")] + TEN[4:], level) == ["CHANGED", "LOST"]


@LEVELS
def test_strange(level):
    assert verdict(TEN, [*TEN, record(10)], level) == ["STRANGE"]
    assert verdict(TEN, [*TEN, record(0, origin=1)], level) == ["STRANGE"]


@LEVELS
def test_the_load_itself(level):
    assert verdict(TEN, TEN, level, acked=[set(range(11))]) == ["SOURCE"]
    assert verdict([*TEN, record(3)], [*TEN], level) != []


@LEVELS
def test_two_records_change_places(level):
    assert "ORDER" in verdict(TEN, numbers(0, 1, 3, 2, 4, 5, 6, 7, 8, 9), level, repeats=5)


@LEVELS
def test_order_in_several_partitions_is_each_its_own(level):
    source = [record(n, key=b"k%d" % (n % 2)) for n in range(10)]
    split = [one._replace(place=one.number % 2) for one in source]
    shuffled = sorted(split, key=lambda one: (one.place, one.number))
    assert verdict(source, shuffled, level) == []
    assert verdict(source, shuffled[::-1], level, repeats=10) != []


@LEVELS
def test_order_of_several_origins_is_each_its_own(level):
    source = numbers(*range(5)) + numbers(*range(5), origin=1)
    mixed = [one for pair in zip(numbers(*range(5), origin=1), numbers(*range(5))) for one in pair]
    assert verdict(source, mixed, level) == []


@LEVELS
def test_a_key_in_two_places(level):
    assert "SCATTERED" in verdict(TEN, TEN[:5] + [one._replace(place=1) for one in TEN[5:]], level)


@LEVELS
def test_records_without_a_key_go_anywhere(level):
    source = numbers(*range(10), key=None)
    assert verdict(source, [one._replace(place=one.number % 3) for one in source], level) == []


def test_a_repeat_without_a_key_may_go_elsewhere():
    source = [record(n, key=None if n == 3 else b"k") for n in range(6)]
    # 3 was on its way to another partition when the agent was killed.
    again = [source[n] for n in (0, 1, 2, 4, 3, 4, 5)]
    assert verdict(source, again, repeats=1) == []
    assert verdict(source, [source[n] for n in (0, 1, 2, 4, 3, 5)], EXACTLY_ONCE) == ["ORDER"]
    assert verdict(source, [source[n] for n in (0, 2, 1, 3, 4, 5)], repeats=1) == ["ORDER"]


def test_a_repeat_within_the_bound():
    again = numbers(*range(6), *range(3, 10))
    assert verdict(TEN, again, repeats=3) == []
    assert verdict(TEN, again, repeats=2) == ["REPEATED"]


def test_exactly_once_has_no_repeat():
    assert verdict(TEN, numbers(*range(6), *range(3, 10)), EXACTLY_ONCE, repeats=100) == ["ORDER", "REPEATED"]
    assert "REPEATED" in verdict(TEN, [*TEN, record(4)], EXACTLY_ONCE)
    # The copy lies in another partition.
    source = numbers(*range(10), key=None)
    assert verdict(source, [*source, record(4, key=None, place=1)], EXACTLY_ONCE) == ["REPEATED"]


def test_after_a_repeat_records_are_left_out():
    assert verdict(TEN, numbers(0, 1, 2, 3, 4, 5, 2, 5, 6, 7, 8, 9), repeats=9) == ["ORDER"]
    assert verdict(TEN, numbers(0, 1, 2, 3, 4, 5, 2, 6, 7, 8, 9), repeats=9) == ["ORDER"]


def test_two_who_write_at_a_time():
    both = numbers(0, 1, 2, 3, 4, 5, 2, 6, 3, 7, 4, 8, 9)
    assert verdict(TEN, both, repeats=3, overlaps=True) == []
    assert verdict(TEN, both, repeats=3) == ["ORDER"]
    # Neither of them leaves anything out.
    assert verdict(TEN, numbers(0, 1, 2, 4, 3, 5, 6, 7, 8, 9), repeats=3, overlaps=True) == ["ORDER"]


def test_overlaps_end():
    both = numbers(0, 1, 2, 3, 2, 4) + numbers(5, 6, 7, 8, 9) + numbers(5, 8, 9)
    spans = [Span("zombie", 0, 6, 9, True), Span("quiet", 6, 11, 9, False), Span("later", 11, 14, 9, False)]
    assert verdict(TEN, both, spans=spans) == ["ORDER"]
    assert verdict(TEN, both[:11], spans=spans) == []


def test_each_step_has_its_own_bound():
    again = numbers(0, 1, 2, 1, 2, 3, 4, 5, 6, 5, 6, 7, 8, 9)
    assert verdict(TEN, again, spans=[Span("a", 0, 7, 2, False), Span("b", 7, 14, 2, False)]) == []
    assert verdict(TEN, again, spans=[Span("a", 0, 7, 2, False), Span("b", 7, 14, 1, False)]) == ["REPEATED"]
    # What the step before left over may come late, but not what the one before that left.
    assert verdict(TEN, again, spans=[Span("a", 0, 7, 4, False), Span("b", 7, 14, 0, False)]) == []
    steps = [Span("a", 0, 7, 4, False), Span("b", 7, 7, 0, False), Span("c", 7, 14, 0, False)]
    assert verdict(TEN, again, spans=steps) == ["REPEATED"]
    assert count_repeats(again, steps) == [2, 0, 2]


def test_long_histories_with_many_crashes():
    """A mirror that keeps its promise, made up at random, is never accused; one record taken out, or two exchanged, is found."""
    dice = random.Random(5)
    for _ in range(30):
        source = [record(n, origin, key=b"%d-%d" % (origin, dice.randrange(5))) for origin in range(3) for n in range(60)]
        target, spans = [], []
        for origin in range(3):
            mine = [one._replace(place=int(one.key.split(b"-")[1]) % 2) for one in source if one.origin == origin]
            at = 0
            while at < len(mine):
                begin, back = len(target), min(at, dice.randrange(6))
                step = mine[at - back:at + dice.randrange(1, 20)]
                target += step
                at += len(step) - back
                spans.append(Span(f"step {len(spans)}", begin, len(target), back, False))
        assert verdict(source, target, spans=spans) == []
        once = [one for position, one in enumerate(target) if one not in target[:position]]
        assert verdict(source, once, EXACTLY_ONCE) == []
        assert "LOST" in verdict(source, once[:50] + once[51:], EXACTLY_ONCE)
        ways = [position for position in range(len(once) - 1)
                if once[position][0] == once[position + 1][0] and once[position].place == once[position + 1].place]
        at = dice.choice(ways)
        once[at], once[at + 1] = once[at + 1], once[at]
        assert verdict(source, once, EXACTLY_ONCE) == ["ORDER"]
        assert verdict(source, once) == ["ORDER"]


# ---- what the script makes of them

HUNDRED = numbers(*range(100))


def verdicts(targets, level):
    """The kinds of violations by topic, when that is what the topics of the target hold."""
    acked = [{one.number for one in HUNDRED}]
    return {topic: verdict(share(topic, HUNDRED), targets[topic], level, acked=share_acked(topic, acked), repeats=1)
            for topic in TOPICS}


def shares(**changed):
    """What must be there, with changes by topic."""
    made = {topic: share(topic, HUNDRED) for topic in TOPICS}
    return made | {TOPIC: changed.get("main", made[TOPIC]), MORE: changed.get("more", made[MORE])}


def test_records_stay_move_are_copied_and_dropped():
    places = [tuple(topic for topic in TOPICS if is_in(topic, number)) for number in range(100)]
    assert {places[n] for n in range(100)} == {(), (TOPIC,), (MORE,), TOPICS}
    assert (places[3], places[5], places[6], places[1], places[45]) == ((MORE,), TOPICS, (), (TOPIC,), (MORE,))


@LEVELS
def test_each_output_once_is_right(level):
    assert verdicts(shares(), level) == {TOPIC: [], MORE: []}


@LEVELS
@pytest.mark.parametrize("number", [3, 5, 45])
def test_an_output_is_lost(level, number):
    """One that was moved, a copy, and a copy of a record that itself is dropped."""
    there = [one for one in share(MORE, HUNDRED) if one.number != number]
    assert verdicts(shares(more=there), level) == {TOPIC: [], MORE: ["LOST"]}


@LEVELS
def test_a_record_is_lost_and_its_copy_is_there(level):
    there = [one for one in share(TOPIC, HUNDRED) if one.number != 5]
    assert verdicts(shares(main=there), level) == {TOPIC: ["LOST"], MORE: []}


@LEVELS
@pytest.mark.parametrize("number", [3, 6])
def test_what_was_moved_or_dropped_is_there_all_the_same(level, number):
    there = sorted([*share(TOPIC, HUNDRED), HUNDRED[number]])
    assert verdicts(shares(main=there), level) == {TOPIC: ["STRANGE"], MORE: []}


@LEVELS
def test_a_copy_nobody_asked_for(level):
    there = sorted([*share(MORE, HUNDRED), HUNDRED[1]])
    assert verdicts(shares(more=there), level) == {TOPIC: [], MORE: ["STRANGE"]}


def test_an_output_comes_twice():
    there = share(MORE, HUNDRED)
    assert verdicts(shares(more=[*there, there[-1]]), EXACTLY_ONCE)[MORE] == ["ORDER", "REPEATED"]
    assert verdicts(shares(more=[*there, there[-1]]), AT_LEAST_ONCE)[MORE] == []
    assert verdicts(shares(more=[*there, *there[-2:]]), AT_LEAST_ONCE)[MORE] == ["REPEATED"]


@LEVELS
def test_moved_records_and_copies_change_places(level):
    there = share(MORE, HUNDRED)
    there[1], there[2] = there[2], there[1]
    assert [one.number for one in there[:3]] == [0, 5, 3]
    assert "ORDER" in verdicts(shares(more=there), level)[MORE]


class Reader(Tail):
    """Without a cluster: what arrives is told by hand."""

    def __init__(self, is_awaited):
        self.is_awaited, self.upto, self.beyond, self.repeats, self.lock = is_awaited, [], [], 0, threading.Lock()


def test_a_reader_knows_what_is_missing_of_what_is_awaited():
    reader = Reader(lambda number: is_in(MORE, number))
    assert reader.missing([6]) == 3 and reader.missing([0]) == 0
    for number in (0, 3):
        reader._note(record(number))
    assert reader.has([5]) and not reader.has([6]) and reader.missing([11]) == 2
    reader._note(record(10))
    assert reader.missing([11]) == 1
    for number in (5, 10):
        reader._note(record(number))
    assert reader.has([15]) and not reader.has([16]) and reader.repeats == 1
