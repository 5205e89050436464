"""Who may be used for what in benchmarks."""

from dataclasses import replace

import numpy as np
import pytest

from sk_brainrvq.datasets import BENCHMARK_SPLITS, PROTOCOLS

# The table of the project's protocols, written out.
TABLE = {
    "eegmat": (list(range(28)), [28, 29, 30, 31], [32, 33, 34, 35], 7),
    "guinea-bissau": (
        [n for n in range(1, 98) if n % 4 in (1, 2)],
        [n for n in range(1, 98) if n % 4 == 3],
        [n for n in range(1, 98) if n % 4 == 0],
        7,
    ),
    "ssvep": ([1, 2, 3, 4, 5, 6], [7, 8, 9], [10, 11, 12], 6),
}


def test_splits__each_dataset__people_of_the_table():
    assert BENCHMARK_SPLITS.keys() == TABLE.keys()
    for name, (develop, once, never, n_folds) in TABLE.items():
        split = BENCHMARK_SPLITS[name]
        assert [*map(list, (split.develop, split.score_once, split.never_read))] == [
            develop,
            once,
            never,
        ]
        assert sorted(develop + once + never) == sorted(PROTOCOLS[name].all_subjects)
        assert len(split.folds) == n_folds
        assert sorted(person for fold in split.folds for person in fold) == develop


def test_check__people_kept_from_benchmarks__refused_with_the_reason():
    split = BENCHMARK_SPLITS["guinea-bissau"]
    split.check([1, 2, 97])
    split.check(["1", np.int64(94)])
    for score_once in (False, True):
        with pytest.raises(ValueError, match=r"People \[4, 96\] of guinea-bissau are never read"):
            split.check([1, 96, 4], score_once=score_once)
    split.check([1, 3], score_once=True)
    with pytest.raises(ValueError, match=r"People \[3\] of guinea-bissau are scored once"):
        split.check([1, 3])
    for unknown in (0, 98, "chinese-1"):
        with pytest.raises(ValueError, match=r"are not in the split of guinea-bissau"):
            split.check([1, unknown])


def test_cross_validation__windows_of_some_people__grouped_and_complete():
    split = BENCHMARK_SPLITS["eegmat"]
    subjects = np.repeat([0, 3, 4, 27, 9], 5)
    folds = split.cross_validation(subjects)
    assert len(folds) == 4
    for train, test in folds:
        assert not set(subjects[train]) & set(subjects[test])
        assert sorted([*train, *test]) == list(range(25))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(25))
    assert set(subjects[folds[0][1]]) == {0, 3}
    with pytest.raises(ValueError, match="scored once"):
        split.cross_validation([0, 5, 28])
    with pytest.raises(ValueError, match="all in one fold"):
        split.cross_validation([0, 1, 2])


def test_few_people__seed_zero__the_same_sets_for_ever():
    sets = BENCHMARK_SPLITS["eegmat"].few_people()
    assert len(sets) == 40
    # As drawn when the split was fixed.
    assert sets[0] == (1, 7, 8, 12, 15, 19)
    assert BENCHMARK_SPLITS["guinea-bissau"].few_people()[0] == (5, 25, 29, 46, 57, 74)
    for split, seed in ((BENCHMARK_SPLITS["eegmat"], 1), (BENCHMARK_SPLITS["guinea-bissau"], 0)):
        drawn = split.few_people(seed)
        assert drawn != sets
        assert all(len({*people}) == 6 and {*people} <= {*split.develop} for people in drawn)
    with pytest.raises(ValueError, match="ssvep has 6 people to draw"):
        BENCHMARK_SPLITS["ssvep"].few_people()


def test_split__that_contradicts_itself__cannot_be_made():
    split = BENCHMARK_SPLITS["ssvep"]
    with pytest.raises(ValueError, match="two of its groups"):
        replace(split, score_once=(6, 7))
    with pytest.raises(ValueError, match="each of"):
        replace(split, folds=((1, 2), (2, 3)))
