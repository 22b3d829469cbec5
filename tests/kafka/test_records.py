"""The verdict that all other tests rest on finds what it is for."""

import pytest
from records import Verdict, no_loss

SENT = {"a": 4, "b": 2}


@pytest.mark.parametrize("arrivals, good, lost, duplicates, disordered", [
    ({"a": [0, 1, 2, 3], "b": [0, 1]}, True, 0, 0, []),
    ({"a": [0, 1, 2, 1, 2, 3], "b": [0, 1, 0, 1]}, True, 0, 4, []),
    ({"a": [0, 2, 3], "b": [0, 1]}, False, 1, 0, []),
    ({"a": [0, 1, 2, 3]}, False, 2, 0, []),
    ({"a": [0, 2, 1, 3], "b": [0, 1]}, False, 0, 0, ["a"]),
    ({"a": [2, 3, 0, 1, 2, 3], "b": [0, 1]}, False, 0, 2, ["a"]),
    ({"a": [0, 1, 2, 3, 4], "b": [0, 1]}, False, 0, 0, []),
    ({"a": [0, 1, 2, 3], "b": [0, 1], "c": [0]}, False, 0, 0, []),
])
def test_verdict(arrivals, good, lost, duplicates, disordered):
    verdict = Verdict(SENT, arrivals)
    assert (no_loss(verdict), len(verdict.lost), verdict.duplicates, verdict.disordered) == \
        (good, lost, duplicates, disordered)
