"""Arrays whose axes are not those of epochs, channels and times."""

import importlib
import importlib.util
import re
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
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


def containers_of(array):
    """What people hold a table in, beside ndarray; polars where it is installed."""
    yield array
    yield array.tolist()
    yield torch.from_numpy(array)
    file = h5py.File("axes.h5", "w", driver="core", backing_store=False)
    yield file.create_dataset("eeg", data=array)
    if array.ndim == 2:
        yield pd.DataFrame(array)
        if importlib.util.find_spec("polars"):
            yield importlib.import_module("polars").DataFrame(array)


def advised(text):
    """The first expression that a message says to pass, as written."""
    return re.search(r"pass ((?:X|np)\S*(?:\[None\]|transpose\([\d, ]+\)))", text)[1]


def test_advice__for_any_container__works_as_written():
    cases = (
        (make_eeg(n_epochs=1, n_channels=4, n_times=1000)[0].T, None, (1, 4, 1000)),
        (make_eeg(n_epochs=1, n_channels=4, n_times=1000)[0].T, CH_NAMES, (1, 4, 1000)),
        (make_eeg(n_epochs=1, n_channels=4, n_times=1000)[0], CH_NAMES, (1, 4, 1000)),
        (make_eeg(n_epochs=2, n_channels=40, n_times=4), None, (2, 4, 40)),
    )
    for array, names, expected in cases:
        for X in containers_of(array.astype(np.float64)):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                try:
                    embedder(ch_names=names).fit(X)
                    text = next(t for w in said if " pass " in (t := str(w.message)))
                except InvalidEEGError as error:
                    text = str(error)
            fixed = eval(advised(text), {"np": np, "X": X})
            assert np.shape(fixed) == expected, (type(X), text)
            assert embedder(ch_names=names).fit(fixed).n_channels_in_ == expected[1]
