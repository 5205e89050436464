"""Arrays whose axes are not those of epochs, channels and times."""

import warnings

import numpy as np
import pytest
from tiny import CH_NAMES, make_eeg, tiny

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError


def embedder(**params):
    return tiny("embedder", **params)


def test_array__more_channels_than_samples__warns_and_says_how_to_turn_it():
    X = make_eeg(n_epochs=3, n_channels=400, n_times=3)
    with pytest.warns(EEGWarning, match=r"more channels \(400\) than samples \(3\).*transpose"):
        embedder(ch_names=None).fit(X)


def test_array__more_channels_than_samples__transform_warns_as_fit():
    fitted = embedder(ch_names=None).fit(make_eeg(n_epochs=2, n_channels=20, n_times=400))
    with pytest.warns(EEGWarning, match=r"more channels \(20\) than samples \(19\)"):
        fitted.transform(make_eeg(n_epochs=2, n_channels=20, n_times=19))


@pytest.mark.parametrize("n_times", [4, 5, 600])
def test_array__as_many_samples_as_channels_or_more__no_word_of_axes(n_times):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        embedder(ch_names=None).fit(make_eeg(n_times=n_times))
    assert not [w for w in said if "more channels" in str(w.message)]


@pytest.mark.parametrize(
    ("shape", "advice"), [((4, 1000), r"pass X\[None\]"), ((1000, 4), r"pass X\.T\[None\]")]
)
def test_array__one_epoch_without_its_axis__error_says_how_to_add_it(shape, advice):
    X = np.random.default_rng(0).normal(scale=20, size=shape)
    with pytest.raises(InvalidEEGError, match=f"ch_names has 4 names.*{advice}"):
        embedder().fit(X)
    fixed = X[None] if shape[0] == len(CH_NAMES) else X.T[None]
    assert embedder().fit(fixed).n_channels_in_ == 4
