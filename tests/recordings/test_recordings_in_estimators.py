"""Recordings in every estimator, and in what scikit-learn makes of them."""

import mne
import numpy as np
import pytest
from recording_files import bids_file, make_raw
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from tiny import tiny

from sk_brainrvq import BrainRVQEmbedder, Filters, Recordings
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import ReadSettings, read_blocks

FILTERS = Filters(l_freq=1, h_freq=40)


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Files and a Raw in memory, which differ in length, channels and subject."""
    folder = tmp_path_factory.mktemp("study")
    marked = make_raw(26, 3).set_annotations(mne.Annotations([7], [1], ["BAD_move"]))
    marked.info["subject_info"] = {"his_id": "ada"}
    files = [bids_file(folder, f"0{i}", make_raw(12 + 4 * i, i, 2 + i % 2)) for i in range(3)]
    return [*files, marked]


@pytest.fixture(scope="module")
def embedder():
    return BrainRVQEmbedder(weights=None, architecture="tiny", filters=FILTERS, random_state=0)


@pytest.fixture(scope="module")
def windows(items):
    return Recordings(items, [0, 1, 0, 1], window=4, overlap=1)


@pytest.fixture(scope="module")
def plain(items, embedder):
    """Features of a plain list of the same recordings."""
    return embedder.set_params(window=4, overlap=1).fit_transform(items)


def test_rows__of_windows__bit_for_bit_those_of_a_plain_list(windows, plain, embedder):
    assert np.array_equal(embedder.fit_transform(windows), plain)
    default = BrainRVQEmbedder(**{**embedder.get_params(False), "window": 10, "overlap": 0})
    assert np.array_equal(default.fit(windows).transform(windows), plain)
    rows = np.random.default_rng(0).permutation(len(windows))[:7].repeat(2)[::-1]
    rounding = {"rtol": 1e-5, "atol": 1e-6}  # depends on the company of a row
    np.testing.assert_allclose(embedder.transform(windows[rows]), plain[rows], **rounding)
    one_by_one = [windows[int(row)] for row in rows]  # what scikit-learn makes of a plain list
    np.testing.assert_allclose(embedder.transform(one_by_one), plain[rows], **rounding)
    mixed = embedder.transform([windows[5:], windows[0]])
    np.testing.assert_allclose(mixed[-1], plain[0], **rounding)


def test_rows__of_a_slice__cut_by_mne_from_the_recording_it_filtered_as_a_whole():
    raws = [make_raw(20, seed).resample(200, verbose="error") for seed in (0, 1)]
    raws[1].set_annotations(mne.Annotations([7], [1], ["BAD_move"]))
    windows = Recordings(raws, window=4, overlap=1)[[9, 1, 4]]
    assert windows.recording_of.tolist() == [1, 0, 0]
    settings = ReadSettings(filters=FILTERS.resolve({}))
    blocks = list(read_blocks(windows, settings))
    found = np.concatenate([block.data for block in blocks])
    order = np.concatenate([block.index for block in blocks])
    filtered = [raw.copy().filter(1, 40, verbose="error") for raw in raws]
    for row, signals in zip(order, found, strict=True):
        start = int(windows.starts[row] * 200)
        whole = filtered[windows.recording_of[row]].get_data()
        np.testing.assert_allclose(signals, whole[:, start : start + 800] * 1e6, atol=1e-3)
    alone = raws[1].copy().crop(12, 16, include_tmax=False).filter(1, 40, verbose="error")
    assert windows.starts[0] == 12
    assert np.abs(found[order == 0] - alone.get_data() * 1e6).max() > 1


def test_recordings__without_windows__one_row_of_the_windows_of_the_estimator(items, embedder):
    whole = Recordings(items, [0, 1, 0, 1])[[2, 0, 3, 0]]
    embedder = embedder.set_params(window=4, overlap=1)
    features = embedder.fit_transform(whole)
    parts = whole.windows(4, 1)
    by_window = embedder.transform(parts)
    means = [by_window[parts.recording_of == row].mean(axis=0) for row in range(4)]
    n_plain = -950  # covariances are averaged before their logarithm, as for long epochs
    np.testing.assert_allclose(
        features[:, :n_plain], np.stack(means)[:, :n_plain], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(features[1], features[3], rtol=1e-5, atol=1e-6)


def test_classifier__without_windows__trains_and_answers_one_row_per_recording(items):
    whole = Recordings(items, ["rest", "task", "rest", "task"])
    classifier = tiny("classifier", window=4, validation=0.5, sfreq=None, ch_names=None).fit(whole)
    proba = classifier.predict_proba(whole[::-1])
    parts = whole.windows(4)
    logs = np.log(classifier.predict_proba(parts))
    means = np.exp([logs[parts.recording_of == row].mean(axis=0) for row in (3, 2, 1, 0)])
    np.testing.assert_allclose(proba, means / means.sum(axis=1, keepdims=True), rtol=1e-4)
    assert classifier.score(whole) == classifier.score(items_of(whole), whole.y)


def items_of(whole):
    """The same rows by another way: a list of Recordings."""
    return [whole[:1], whole[1:]]


def test_every_estimator__on_windows__as_on_a_plain_list(items, windows):
    settings = {"window": 4, "overlap": 1, "sfreq": None, "ch_names": None}
    y = windows.y
    for name in ("tokenizer", "pretrainer", "classifier", "regressor"):
        ours = tiny(name, **settings).fit(windows)  # labels are those of the recordings
        theirs = tiny(name, **settings).fit(items, y)
        call = "transform" if hasattr(ours, "transform") else "predict"
        kind = slice(None) if name != "tokenizer" else windows.recording_of % 2 == 0
        found = getattr(ours, call)(windows[kind])
        expected = getattr(theirs, call)(items if name != "tokenizer" else items[::2])
        assert np.array_equal(found, expected), name
    assert ours.score(windows) == ours.score(items, y)


def test_validation_fraction__subjects_of_recordings__kept_apart_unasked(windows):
    with pytest.warns(EEGWarning) as said:
        tiny("classifier", validation=0.3, sfreq=None, ch_names=None).fit(windows)
    assert not any("no groups were given" in str(warning.message) for warning in said)


def test_scikit_learn__splits_grids_and_predicts(windows, embedder):
    embedder = BrainRVQEmbedder(**{**embedder.get_params(False), "window": 10, "overlap": 0})
    pipeline = make_pipeline(embedder, PCA(2), LogisticRegression())
    features = embedder.fit_transform(windows)
    flat = make_pipeline(PCA(2), LogisticRegression())
    split = {"groups": windows.subjects, "cv": GroupKFold(2)}
    scores = cross_val_score(pipeline, windows, windows.y, **split)
    np.testing.assert_allclose(scores, cross_val_score(flat, features, windows.y, **split))
    predicted = cross_val_predict(pipeline, windows, windows.y, **split)
    assert np.array_equal(predicted, cross_val_predict(flat, features, windows.y, **split))
    grid = GridSearchCV(pipeline, {"pca__n_components": [1, 2]}, cv=GroupKFold(2))
    grid.fit(windows, windows.y, groups=windows.subjects)
    assert grid.predict(windows[3:5]).shape == (2,)
    train, test, y_train, _ = train_test_split(
        windows, windows.y, stratify=windows.y, random_state=0
    )
    assert len(train) + len(test) == len(windows)
    assert np.array_equal(train.y, y_train)
    frames = BrainRVQEmbedder(**embedder.get_params(False)).set_output(transform="pandas")
    trees = make_pipeline(frames, HistGradientBoostingClassifier(max_iter=1)).fit(train, y_train)
    assert trees.predict(test).shape == test.shape


def test_windows_of_the_estimator__others_than_the_recordings__error_that_names_both(windows):
    for own in ({"window": 5}, {"window": 5, "overlap": 1}, {"overlap": 2}):
        with pytest.raises(InvalidEEGError, match="were cut with window=4 and overlap=1"):
            tiny("embedder", sfreq=None, ch_names=None, **own).fit(windows)


def test_recordings__that_cannot_be_read_as_asked__errors_name_them(items, windows, tmp_path):
    embedder = tiny("embedder", sfreq=None, ch_names=None, window=20)
    with pytest.raises(InvalidEEGError, match=r"Item 0 of the recordings: .*12\.00 s, less than"):
        embedder.fit(Recordings(items))
    with pytest.raises(InvalidEEGError, match="has no rows"):
        embedder.fit(Recordings(items)[:0])
    with pytest.raises(InvalidEEGError, match="different windows"):
        embedder.fit([windows, windows[0], Recordings(items)])
    changed = bids_file(tmp_path, "09", make_raw(12))
    recordings = Recordings([changed], window=4)
    assert len(recordings) == 3
    make_raw(9).save(changed, overwrite=True, verbose="error")
    with pytest.raises(InvalidEEGError, match=r"Item 0 .*it has changed"):
        tiny("embedder", sfreq=None, ch_names=None).fit(recordings)
    changed.unlink()
    with pytest.raises(InvalidEEGError, match="There is no recording"):
        tiny("embedder", sfreq=None, ch_names=None, reading__on_error="skip").fit(recordings)


def test_reconstruct__whole_recordings__refused_with_advice(items):
    tokenizer = tiny("tokenizer", sfreq=None, ch_names=None).fit(items[0])
    whole = Recordings(items[:1])
    with pytest.raises(InvalidEEGError, match=r"recordings\.windows"):
        tokenizer.reconstruct(whole)
    assert tokenizer.reconstruct(whole.windows(3)).shape == (4, 2, 600)
    # Codes of a recording are those of its windows, one after the other.
    for recordings, window in ((whole, 3), (Recordings([make_raw(80)]), 40)):
        codes = tokenizer.set_params(window=window).transform(recordings)
        windows = tokenizer.transform(recordings.windows(window))
        assert np.array_equal(codes, np.concatenate(list(windows), axis=1)[None])


@pytest.mark.parametrize("center_by", [None, "subject"])
def test_embedder__one_label_per_recording_for_windows__error_that_names_recordings(
    items, windows, embedder, center_by
):
    given = {"center_by": center_by, "min_windows": 2}
    plain = BrainRVQEmbedder(**{**embedder.get_params(False), "window": 4, "overlap": 1, **given})
    default = BrainRVQEmbedder(**{**plain.get_params(False), "window": 10, "overlap": 0})
    for model, X in ((plain, items), (default, windows)):
        with pytest.raises(InvalidEEGError, match=r"4 labels, one per recording.*recordings\.y"):
            make_pipeline(model, LogisticRegression()).fit(X, ["rest", "task"] * 2)
    assert default.fit_transform(windows, windows.y).shape[0] == len(windows)


def test_classifier__one_label_per_recording_for_windows__error_that_names_recordings(items):
    with pytest.raises(ValueError, match=r"y has 4 labels.*recordings\.y"):
        tiny("classifier", window=4).fit(items, [0, 1, 0, 1])
