"""The same EEG under two names."""

import numpy as np
import pytest

from sk_brainrvq.datasets import find_shared_signals


@pytest.fixture(scope="module")
def eeg():
    rng = np.random.default_rng(0)
    return np.round(np.cumsum(rng.normal(size=(3, 5, 6000)), axis=-1), 2)


def pairs(*recordings):
    return [shared.people for shared in find_shared_signals(recordings)]


def test_find_shared_signals__copies_of_any_cut__found_and_nothing_else(eeg):
    one, two, three = eeg
    assert pairs(("a", one, 250), ("b", two, 250), ("c", three, 250)) == []
    assert pairs(("a", one, 250), ("b", one.astype(np.float32), 250)) == [("a", "b")]
    # From another second on, inside another recording, in float32.
    joined = np.hstack([two[:, :901], one[:, 1234:4321]])
    assert pairs(("a", one, 250), ("b", joined, 250), ("c", three, 250)) == [("a", "b")]
    assert pairs(("a", two, 250), ("b", one, 250), ("c", joined, 250)) == [("a", "c"), ("b", "c")]
    # Several recordings of one person are that person's.
    assert pairs(("a", one, 250), ("a", one, 250), ("b", two, 250)) == []


def test_find_shared_signals__recordings_that_were_broken_alike__not_the_same_person(eeg):
    flat = np.full((5, 6000), 4200.0)
    half = eeg.copy()
    half[:2, :3] = 7770.26  # three of five channels off
    assert pairs(("a", flat, 250), ("b", flat, 250)) == []
    assert pairs(("a", half[0], 250), ("b", half[1], 250)) == []


def test_find_shared_signals__short_or_misshapen__no_error_and_an_error(eeg):
    assert pairs(("a", eeg[0, :, :10], 250), ("b", eeg[0, :, :10], 250)) == []
    assert find_shared_signals([]) == []
    with pytest.raises(ValueError, match="expected channels by samples"):
        find_shared_signals([("a", eeg[0, 0], 250)])
