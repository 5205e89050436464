"""Validation data: the share that groups allow, and what is said where it is another."""

import warnings

import numpy as np
import pytest
from tiny import make_eeg, make_labels, tiny

from sk_brainrvq.estimators._inputs.validation import held_out_epochs
from sk_brainrvq.exceptions import EEGWarning


def nearest_share(fraction, groups):
    """The share nearest the fraction of all sets of groups, tried one by one."""
    sizes = np.unique(groups, return_counts=True)[1]
    n_groups = len(sizes)
    sets = (np.arange(1, 2**n_groups - 1)[:, None] >> np.arange(n_groups)) & 1
    shares = sets @ sizes / sizes.sum()
    return np.abs(shares - fraction).min()


@pytest.mark.parametrize("with_classes", [False, True])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.34, 0.4, 0.6, 0.9])
def test_held_out__groups_of_unequal_size__share_as_near_as_any_set_of_groups(
    fraction, with_classes
):
    groups = np.repeat(np.arange(8), [5, 9, 10, 10, 12, 14, 20, 20])
    classes = np.arange(len(groups)) % 2 if with_classes else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        held_out = [held_out_epochs(fraction, 100, groups, classes, seed) for seed in range(5)]
    for chosen in held_out:
        assert not set(groups[chosen]) & set(groups[~chosen])
        assert 0 < chosen.sum() < 100
        assert abs(chosen.mean() - fraction) <= nearest_share(fraction, groups) + 0.03
    if fraction not in (0.1, 0.9):  # those have one best set, and its complement
        assert len({chosen.tobytes() for chosen in held_out}) > 1, "the seed draws groups"


@pytest.mark.parametrize(("fraction", "share"), [(0.34, 0.4), (0.6, 0.6), (0.9, 0.8)])
def test_held_out__five_people__share_nearest_the_fraction(fraction, share):
    groups = np.repeat(np.arange(5), 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        held_out = held_out_epochs(fraction, 50, groups, np.tile([0, 1], 25), seed=0)
    assert held_out.mean() == pytest.approx(share)


def test_held_out__classes_in_groups__are_in_proportion():
    # Four people with many tasks, four with few: two of a kind would tilt the classes.
    groups = np.repeat(np.arange(8), 10)
    classes = np.concatenate([np.arange(10) < (8 if person < 4 else 2) for person in range(8)])
    held_out = held_out_epochs(0.25, 80, groups, classes, seed=0)
    assert held_out.mean() == 0.25
    assert classes[held_out].mean() == classes.mean()


def test_held_out__far_from_the_fraction__says_both_shares():
    with pytest.warns(EEGWarning, match=r"validation=0.9 was given, but 0.50 .* 2 groups"):
        held_out_epochs(0.9, 10, np.repeat([0, 1], 5), None, seed=0)


def test_held_out__one_group__error_says_what_is_needed():
    with pytest.raises(ValueError, match="1 groups: at least two are needed"):
        held_out_epochs(0.5, 10, np.zeros(10), None, seed=0)


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(6), 2)])
def test_fit__fraction_without_groups__says_once_why_that_is_wrong(groups):
    estimator = tiny("classifier", validation=0.5)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        estimator.fit(make_eeg(), make_labels(), groups=groups)
    told = [str(w.message) for w in said if "holds out single epochs" in str(w.message)]
    assert len(told) == (groups is None)


def test_best_epoch__early_stopping__is_that_of_the_best_figure_and_saved(tmp_path):
    groups = np.repeat(np.arange(6), 2)
    estimator = tiny(
        "classifier", validation=0.5, early_stopping=2, criterion="loss", max_epochs=6, lr=0.05
    ).fit(make_eeg(), make_labels(), groups=groups)
    losses = [row["valid_loss"] for row in estimator.history_]
    assert estimator.best_epoch_ == 1 + int(np.argmin(losses))
    estimator.save_pretrained(tmp_path / "model")
    loaded = type(estimator).from_pretrained(tmp_path / "model")
    assert loaded.best_epoch_ == estimator.best_epoch_


def test_best_epoch__fit_again_without_early_stopping__is_gone():
    estimator = tiny("classifier", validation=0.5, early_stopping=1)
    groups = np.repeat(np.arange(6), 2)
    estimator.fit(make_eeg(), make_labels(), groups=groups)
    assert hasattr(estimator, "best_epoch_")
    estimator.set_params(validation=None, early_stopping=None).fit(make_eeg(), make_labels())
    assert not hasattr(estimator, "best_epoch_")
