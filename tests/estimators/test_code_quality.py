"""Training that leaves a tokenizer with levels or codes of no use says so, and why."""

import re
import warnings

import numpy as np
import pytest
from tiny import make_eeg, tiny

from sk_brainrvq.exceptions import EEGWarning

LEVELS = r"Level (\d) of the time codes adds nothing: levels 1 to 3 explain (.*) of the variance"


def warnings_of(tokenizer, X):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EEGWarning)
        tokenizer.fit(X)
    return [str(w.message) for w in caught if issubclass(w.category, EEGWarning)]


def explained_variance(tokenizer, X, n_levels):
    patches = X.reshape(*X.shape[:2], -1, 200)
    target = (patches - patches.mean(-1, keepdims=True)) / patches.std(-1, ddof=1, keepdims=True)
    decoded = tokenizer.inverse_transform(tokenizer.transform(X), n_levels=n_levels)
    return 1 - np.square(target - decoded).sum() / np.square(target).sum()


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"architecture__quantizer_mode": "official"}, "levels repeat each other: use 'residual'"),
        ({"lr": 0.1}, "too short or too fast: raise max_epochs, or lower lr"),
    ],
)
def test_fit__levels_that_add_nothing__warning_of_the_first_with_its_figures_and_cause(
    settings, cause
):
    tokenizer, X = tiny("tokenizer", **settings), make_eeg(4)
    (message,) = warnings_of(tokenizer, X)
    level, figures = re.search(LEVELS, message).groups()
    expected = [explained_variance(tokenizer, X, n) for n in (1, 2, 3)]
    np.testing.assert_allclose([float(f) for f in figures.split(", ")], expected, atol=0.001)
    assert int(level) == 2 + np.flatnonzero(np.diff(expected) <= 0)[0]
    assert message.endswith(f"{cause}.")


def test_fit__every_level_adds_and_codes_are_used__no_warning():
    tokenizer, X = tiny("tokenizer"), make_eeg()
    assert warnings_of(tokenizer, X) == []
    assert np.diff([explained_variance(tokenizer, X, n) for n in (1, 2, 3)]).min() > 0


def test_fit__codebook_too_large_for_the_eeg__warning_of_few_used_codes():
    tokenizer = tiny("tokenizer", architecture__codebook_size=64)
    messages = warnings_of(tokenizer, make_eeg(1, 4, 200))
    (message,) = (m for m in messages if m.startswith("Fewer than a tenth of the codes are in use"))
    assert tokenizer.codebook_usage_.max() <= 4 / 64
    assert "(time level 1, " in message
    assert message.endswith("Use a smaller codebook_size, or check X.")


def test_fit__one_shape_repeated__warning_of_the_first_level_only_as_no_other_is_needed():
    tokenizer, X = tiny("tokenizer"), np.tile(make_eeg(1, 1, 200), (12, 4, 3))
    (message,) = warnings_of(tokenizer, X)
    assert explained_variance(tokenizer, X, 1) > 0.99
    assert (tokenizer.codebook_usage_ < 0.1).all()
    assert "of the codes are in use (time level 1, frequency level 1): codebook_size" in message
