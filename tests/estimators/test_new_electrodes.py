"""Training on from weights with electrodes that these do not know yet."""

import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq import BrainRVQEmbedder, Weights
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES

KNOWN, OTHER = ["Fp1", "Fp2", "O1", "O2"], ["C3", "O1", "C4", "Pz"]
KINDS = ("tokenizer", "pretrainer")


def signals(names):
    return np.random.default_rng(len(names[0])).normal(scale=20.0, size=(6, len(names), 800))


def trained(kind, names, **params):
    """A network fitted on electrodes of its own, in the shape of the smallest one."""
    return tiny(kind, ch_names=names, unit="uV", **params).fit(signals(names))


def trained_on(kind, first, **params):
    """The same network, trained on with other electrodes."""
    codes = {"tokenizer": first.tokenizer_weights_} if kind == "pretrainer" else {}
    return trained(kind, OTHER, weights=first.weights_, **codes, **params)


def row_names(weights: Weights):
    return {ELECTRODE_NAMES[row - 1] for row in weights.info["trained_rows"]}


def tables(weights: Weights):
    found = {name: t[0].numpy() for name, t in weights.tensors().items() if "pos_embed" in name}
    assert found
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_electrodes__new_to_the_weights__get_rows_of_their_own(kind):
    first = trained(kind, KNOWN)
    after = trained_on(kind, first, max_epochs=1)
    assert row_names(first.weights_) == {name.upper() for name in KNOWN}
    assert row_names(after.weights_) == {name.upper() for name in {*KNOWN, *OTHER}}
    assert [m.how for m in match_electrodes(OTHER, 4, after.weights_.info["trained_rows"])] == [
        "exact"
    ] * 4
    for table in tables(after.weights_).values():
        rows = [ELECTRODE_NAMES.index(name.upper()) + 1 for name in OTHER]
        assert np.abs(np.diff(table[rows], axis=0)).max(1).min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_electrodes__new_to_the_weights__begin_where_they_were_interpolated(kind):
    first = trained(kind, KNOWN)
    still = trained_on(kind, first, max_epochs=1, lr=0.0, weight_decay=0.0)
    before, after = tables(first.weights_), tables(still.weights_)
    known = first.weights_.info["trained_rows"]
    for name, match in zip(OTHER, match_electrodes(OTHER, 4, known), strict=True):
        row = ELECTRODE_NAMES.index(name.upper()) + 1
        for table_name, table in before.items():
            mixed = np.asarray(match.weights) @ table[list(match.rows)]
            np.testing.assert_allclose(after[table_name][row], mixed, atol=1e-6)
    for name, table in before.items():
        np.testing.assert_array_equal(after[name][known], table[known])


def test_embedding__new_electrodes_not_trained_yet__is_that_of_the_weights_before():
    first = trained("pretrainer", KNOWN)
    still = trained_on("pretrainer", first, max_epochs=1, lr=0.0, weight_decay=0.0)
    X, settings = signals(OTHER), {"pooling": "mean", "spectrum": None, "covariance": False}
    before, after = (
        BrainRVQEmbedder(each.weights_, ch_names=OTHER, unit="uV", **settings).fit_transform(X)
        for each in (first, still)
    )
    assert before.shape == (6, 100)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_electrodes__max_epochs_none_with_weights__no_row_is_new(kind):
    first = trained(kind, KNOWN)
    kept = trained_on(kind, first, max_epochs=None)
    assert kept.weights_.info["trained_rows"] == first.weights_.info["trained_rows"]
    for name, table in tables(first.weights_).items():
        np.testing.assert_array_equal(tables(kept.weights_)[name], table)
