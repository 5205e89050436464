"""Channels whose place nobody knows: never a part of features where others have a place."""

import warnings

import mne
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import tiny

from sk_brainrvq import BrainRVQEmbedder, BrainRVQPretrainer, Reading
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.exceptions import EEGWarning

NAMES = mne.channels.make_standard_montage("standard_1005").ch_names
ALL = {"pooling": "region", "spectrum": "region", "covariance": True}
KEEP = Reading(bad_channels="keep")


def said(function, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args)
    return result, [str(w.message) for w in caught if w.category is EEGWarning]


def embedder(names, **settings):
    return tiny("embedder", ch_names=names, reading=KEEP, **ALL | settings)


def test_features__of_any_montage__are_those_without_a_channel_of_unknown_place():
    rng = np.random.default_rng(0)
    for n_channels in (1, 2, 5, 19, 40):
        names = [str(name) for name in rng.choice(NAMES, n_channels, replace=False)]
        X = rng.normal(scale=20, size=(3, n_channels, 500))
        place = int(rng.integers(n_channels + 1))
        odd = rng.normal(scale=2000, size=(3, 1, 500))
        mixed = np.concatenate([X[:, :place], odd, X[:, place:]], axis=1)
        names_mixed = [*names[:place], "somewhere", *names[place:]]
        for settings in ({}, {"pooling": "mean_std", "spectrum": "mean"}, {"pooling": "cls"}):
            expected = embedder(names, **settings).fit_transform(X)
            features = embedder(names_mixed, **settings).fit_transform(mixed)
            np.testing.assert_array_equal(features, expected)


def test_columns_of_channels__stay_and_those_of_others_do_not_change():
    X = np.random.default_rng(0).normal(scale=20, size=(3, 4, 500))
    X[:, 3] *= 50
    settings = {"pooling": "channel", "spectrum": "channel", "covariance": True}
    names = ["C3", "Cz", "C4", "somewhere"]
    every = embedder(names, **settings).fit(X)
    known = embedder(names[:3], **settings).fit(X[:, :3])
    columns = [f"{n}" for n in known.get_feature_names_out()]
    found = dict(zip(every.get_feature_names_out(), every.transform(X).T, strict=True))
    assert any(column.startswith("somewhere_") for column in found)
    for column, expected in zip(columns, known.transform(X[:, :3]).T, strict=True):
        np.testing.assert_allclose(found[column], expected, rtol=1e-5, atol=1e-5)


def test_transform__new_channel_of_unknown_place__is_said_and_changes_nothing():
    names = ["AF3", "F7", "F3", "T7", "P7", "O1", "O2", "P8", "T8", "F4"]
    x = np.random.default_rng(0).normal(scale=2e-5, size=(11, 128 * 30))
    raw = mne.io.RawArray(x, mne.create_info([*names, "EXTRA"], 128, "eeg"), verbose="error")
    fitted = BrainRVQEmbedder(weights=None, architecture="tiny", window=10, random_state=0)
    fitted.fit(raw.copy().pick(names))
    features, texts = said(fitted.transform, raw)
    np.testing.assert_array_equal(features, fitted.transform(raw.copy().pick(names)))
    assert [text for text in texts if "No electrode position is known for 'EXTRA'" in text]


def test_score__a_channel_of_unknown_place_at_test_time__as_without_it():
    eeg = make_eeg(n_subjects=8, n_windows=8, duration=4, random_state=1)
    known = eeg.subjects < 5
    model = make_pipeline(
        BrainRVQEmbedder(sfreq=eeg.sfreq, ch_names=eeg.ch_names, tokens=False),
        StandardScaler(),
        LogisticRegression(C=0.01),
    ).fit(eeg.X[known], eeg.y[known])
    expected = model.predict_proba(eeg.X[~known])
    info = mne.create_info([*eeg.ch_names, "new"], eeg.sfreq, "eeg")
    odd = np.random.default_rng(0).normal(scale=2000, size=(len(eeg.X[~known]), 1, eeg.X.shape[2]))
    test = mne.EpochsArray(np.hstack([eeg.X[~known], odd]) * 1e-6, info, verbose="error")
    probabilities, texts = said(model.predict_proba, test)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    assert any("'new'" in text for text in texts)


@pytest.mark.parametrize("name", ["classifier", "regressor", "pretrainer"])
def test_trained__with_a_channel_of_unknown_place__as_without_it(name):
    X = np.random.default_rng(0).normal(scale=20, size=(8, 4, 400))
    mixed = np.concatenate([X, 1000 * X[:, :1]], axis=1)
    y = np.arange(8) % 2
    names = ["Fp1", "C3", "Cz", "O2"]
    alone = tiny(name, ch_names=names, reading=KEEP).fit(X, y)
    both = tiny(name, ch_names=[*names, "somewhere"], reading=KEEP).fit(mixed, y)
    apply = "transform" if isinstance(alone, BrainRVQPretrainer) else "predict"
    expected, found = alone.net_.module_.state_dict(), both.net_.module_.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[key], found[key]) for key in expected)
    np.testing.assert_array_equal(getattr(both, apply)(mixed), getattr(alone, apply)(X))


def test_codes__of_other_channels__are_those_without_a_channel_of_unknown_place():
    X = np.random.default_rng(0).normal(scale=20, size=(6, 5, 400))
    X[:, 4] *= 100
    names = ["Fp1", "C3", "Cz", "O2", "somewhere"]
    tokenizer = tiny("tokenizer", ch_names=names, reading=KEEP).fit(X)
    codes = tokenizer.transform(X)
    assert codes.shape[1] == 5
    other = X.copy()
    other[:, 4] = np.random.default_rng(1).normal(scale=9, size=(6, 400))
    np.testing.assert_array_equal(tokenizer.transform(other)[:, :4], codes[:, :4])


def test_no_names_at_all__every_channel_counts_and_it_is_said():
    X = np.random.default_rng(0).normal(scale=20, size=(3, 2, 400))
    features, texts = said(embedder(None).fit_transform, X)
    assert any("No channel names were given" in text for text in texts)
    swapped, _ = said(embedder(None).fit_transform, X[:, ::-1])
    louder, _ = said(embedder(None).fit_transform, X * [[1], [3]])
    np.testing.assert_allclose(swapped, features, rtol=1e-4, atol=1e-4)
    assert not np.allclose(louder, features)


def test_map_of_electrodes__names_that_are_no_channels__are_said_in_transform_too():
    X = np.random.default_rng(0).normal(scale=20, size=(3, 2, 400))
    info = mne.create_info(["C3", "C4"], 200, "eeg")
    reading = Reading(electrode_map={"left": "C3"})
    fitted = tiny("embedder", sfreq=None, ch_names=None, reading=reading)
    epochs = mne.EpochsArray(X * 1e-6, info, verbose="error")
    for apply in (fitted.fit, fitted.transform):
        _, texts = said(apply, epochs)
        assert any("electrode_map names ['left']" in text for text in texts)
