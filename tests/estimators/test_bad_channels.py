"""Channels that record no EEG: named, left out or interpolated, by every estimator."""

import warnings

import mne
import numpy as np
import pytest
from tiny import make_labels, tiny

from sk_brainrvq import BrainRVQClassifier, EEGCorpus, Filters, Reading, build_corpus
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

NAMES = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split()  # noqa: SIM905
REGIONS = {"pooling": "region", "spectrum": "region", "covariance": True}
ODD = {
    "flat": lambda x: 0 * x,
    "railed": lambda x: (50 * x).clip(-60, 60),
    "offset": lambda x: x + 4200,
    "huge": lambda x: 1000 * x,
}


@pytest.fixture(scope="module")
def clean():
    """(epochs, channels, times) in microvolts at 200 Hz."""
    return make_eeg(n_subjects=1, n_windows=6, duration=4, ch_names=NAMES, random_state=0).X


@pytest.fixture(scope="module")
def weights(clean):
    return tiny("embedder", ch_names=NAMES).fit(clean).weights_


def embedder(weights, action="warn", **params):
    params = {"weights": weights, "architecture": None, "ch_names": NAMES, **REGIONS, **params}
    return tiny("embedder", **params, reading=Reading(bad_channels=action))


def raw_of(epochs, names=NAMES, offset=0):
    """A recording of the epochs, one after the other."""
    volts = 1e-6 * (np.concatenate(list(epochs), axis=1) + offset)
    return mne.io.RawArray(volts, mne.create_info(names, 200, "eeg"), verbose="error")


def said_by(call, *args):
    """What a call gives, and its warnings."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = call(*args)
    return result, [str(w.message) for w in said if issubclass(w.category, EEGWarning)]


def spoilt(clean, channel, odd):
    x = clean.copy()
    x[:, channel] = odd(x[:, channel])
    return x


# Naming


def test_fit_transform__six_of_eight_inputs_railed__they_are_named():
    x = np.random.default_rng(0).normal(scale=20, size=(8, 250 * 30)) + 46992
    x[2:] = -187500.02
    names = "Fp1 Fp2 C3 C4 P7 P8 O1 O2".split()  # noqa: SIM905
    raw = mne.io.RawArray(x * 1e-6, mne.create_info(names, 250, "eeg"), verbose="error")
    estimator = tiny("embedder", filters=Filters(l_freq=0.5))
    features, said = said_by(estimator.fit_transform, raw)
    assert features.shape == (3, 100)
    assert said == [
        "Bad channels: flat (no change for half of the time or more): 'C3', 'C4', 'P7', 'P8', "
        "'O1', 'O2'. They are used unchanged. To leave them out or replace them, pass "
        "reading=Reading(bad_channels='drop') or 'interpolate'; 'keep' gives no warning."
    ]


def test_transform__offset_with_filters_off__named_with_l_freq(clean, weights):
    estimator = embedder(weights, filters=None).fit(clean)
    (message,) = said_by(estimator.transform, clean + 4200)[1]
    assert "offset of more than 10 times the amplitude: 'Fp1', 'Fp2', 'F7'" in message
    assert "filters=Filters(l_freq=0.5)" in message
    filtered = embedder(weights, filters=Filters(l_freq=1)).fit(clean)
    assert not [text for text in said_by(filtered.transform, clean + 4200)[1] if "Bad" in text]


def test_warn__every_estimator_and_method__says_it_once(clean):
    y, x = make_labels(len(clean)), spoilt(clean, 17, ODD["huge"])
    for name in ("tokenizer", "pretrainer", "embedder", "classifier", "regressor"):
        estimator = tiny(name, ch_names=NAMES)
        target = np.arange(len(clean)) if name == "regressor" else y
        method = "predict" if name in ("classifier", "regressor") else "transform"
        texts = [said_by(estimator.fit, x, target)[1], said_by(getattr(estimator, method), x)[1]]
        for said in texts:
            said = [text for text in said if "Bad channels" in text]
            assert len(said) == 1, name
            assert "100 times larger than the others: 'O1'. They" in said[0]
        assert not said_by(getattr(estimator, method), clean)[1]


def test_warn__some_epochs_of_a_memory_map__are_counted_over_its_parts(clean, weights, monkeypatch):
    x = np.concatenate([clean] * 2)
    x[[1, 8], 3], x[4:, 9] = 0, 1000 * x[4:, 9]
    monkeypatch.setattr("sk_brainrvq.signals.blocks._CHUNK_SAMPLES", 5 * x[0].size)
    _, (message,) = said_by(embedder(weights).fit(clean).transform, x)
    assert "'F3' (2 of 12 epochs); " in message
    assert "'Cz' (8 of 12 epochs). " in message


def test_warn__files_and_lists__named_with_the_recording(clean, weights, tmp_path):
    good, bad = tmp_path / "good_raw.fif", tmp_path / "bad_raw.fif"
    raw_of(clean).save(good, verbose="error")
    raw_of(spoilt(clean, 2, ODD["flat"])).save(bad, verbose="error")
    estimator = embedder(weights, window=4).fit(good)
    raw = mne.io.read_raw(bad, verbose="error")
    in_list = f"Item 1 of the list: {bad}: Bad"
    for X, start in ((bad, f"{bad}: Bad"), (raw, f"{bad}: Bad"), ([good, bad], in_list)):
        (message,) = said_by(estimator.transform, X)[1]
        assert message.startswith(start)
        assert "'F7'" in message
    assert not said_by(estimator.set_params(reading__bad_channels="keep").transform, bad)[1]


def test_warn__unit_is_wrong_too__unit_of_the_good_channels(clean, weights):
    x = 1e-6 * clean
    x[:, 5:] *= 1e6  # most of the channels pass for microvolts
    x[:, 5:] = (50 * x[:, 5:]).clip(-60, 60)
    said = said_by(embedder(weights).fit(clean).transform, x)[1]
    assert any("volts given as microvolts" in text for text in said)
    assert any("stuck at an extreme" in text for text in said)


def test_bad_channels__unknown_word__error_lists_the_known(clean):
    with pytest.raises(InvalidEEGError, match=r"bad_channels='mend' was given; expected one of"):
        tiny("embedder", ch_names=NAMES, reading=Reading(bad_channels="mend")).fit(clean)


# Left out


def test_drop__some_epochs__each_row_as_on_its_own(clean, weights):
    x = clean.copy()
    x[1, 3], x[4, [3, 8]], x[5, 18] = 0, 1000 * x[4, [3, 8]], x[5, 18] + 4200
    for action in ("drop", "interpolate"):
        estimator = embedder(weights, action, filters=None).fit(x)
        alone = np.concatenate([estimator.transform(epoch[None]) for epoch in x])
        np.testing.assert_allclose(estimator.transform(x), alone, atol=1e-4)
        good = [0, 2, 3]
        np.testing.assert_allclose(estimator.transform(clean)[good], alone[good], atol=1e-4)
        assert estimator.ch_names_in_ == NAMES


def test_drop__epochs_of_mne__features_of_the_array(clean, weights):
    x = spoilt(clean, 4, ODD["huge"])
    x[2, 7] = 0
    epochs = mne.EpochsArray(1e-6 * x, mne.create_info(NAMES, 200, "eeg"), verbose="error")
    for action in ("drop", "interpolate"):
        expected = embedder(weights, action).fit_transform(x)
        found = embedder(weights, action).fit_transform(epochs)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_drop__projection_not_applied__is_made_of_the_good_channels(clean, weights):
    raw = raw_of(spoilt(clean, 4, ODD["huge"])).set_eeg_reference(projection=True, verbose="error")
    found = embedder(weights, "drop", window=4).fit_transform(raw)
    expected = embedder(weights, "keep", window=4).fit_transform(raw.drop_channels(["Fz"]))
    np.testing.assert_array_equal(found, expected)


def test_drop__report__lists_what_was_left_out(clean, weights):
    raw = raw_of(spoilt(clean, 4, ODD["flat"]))
    for fit in ("fit", "fit_transform"):
        estimator = embedder(weights, "drop")
        getattr(estimator, fit)(raw)
        row = estimator.electrode_report_[-1]
        assert (row["channel"], row["how"], row["rows"]) == ("Fz", "left out", ())
        assert "flat" in row["note"]
        assert len(estimator.electrode_report_) == len(NAMES)
    some = clean.copy()
    some[1, 4] = 0
    report = embedder(weights, "drop").fit(some).electrode_report_
    assert [row["how"] for row in report] == ["exact"] * len(NAMES)


def test_drop__nothing_left__error_says_where_and_why(clean, weights):
    x = clean.copy()
    x[3] = 0
    with pytest.raises(InvalidEEGError, match=r"Epoch 3: .*every channel is bad: flat .*'Fp1'"):
        embedder(weights, "drop").fit(x)
    with pytest.raises(InvalidEEGError, match=r"every channel is bad: offset.*l_freq"):
        embedder(weights, "drop", filters=None).fit_transform(raw_of(clean, offset=4200))


def test_drop__results_with_a_place_for_each_channel__error_says_what_to_use(clean, weights):
    x = spoilt(clean, 4, ODD["flat"])
    for X in (x, raw_of(x)):
        for params in ({"pooling": "channel"}, {"spectrum": "channel"}):
            estimator = embedder(weights, "drop", **params)
            with pytest.raises(InvalidEEGError, match=r"'Fz'.*'region'.*'interpolate'"):
                estimator.fit_transform(X)
        unpooled = {"pooling": "none", "spectrum": None, "covariance": False}
        with pytest.raises(InvalidEEGError, match=r"'Fz'.*'interpolate'"):
            embedder(weights, "drop", **unpooled).fit(clean).transform(X)
        head = tiny("classifier", ch_names=NAMES, head="flatten", window=4)
        with pytest.raises(InvalidEEGError, match=r"'Fz'.*head='flatten'.*'interpolate'"):
            head.set_params(reading__bad_channels="drop").fit(X, make_labels(len(x)))


def test_drop__tokenizer__learns_without_and_codes_only_what_is_whole(clean):
    x = spoilt(clean, 4, ODD["huge"])
    tokenizer = tiny("tokenizer", ch_names=NAMES, reading=Reading(bad_channels="drop")).fit(x)
    assert np.isfinite(tokenizer.score(x))
    for method in (tokenizer.transform, tokenizer.reconstruct):
        for X in (x, raw_of(x)):
            tokenizer.set_params(reading__bad_channels="drop", window=4)
            with pytest.raises(InvalidEEGError, match=r"'Fz'\. But codes and rec"):
                method(X)
            tokenizer.set_params(reading__bad_channels="interpolate")
            assert method(X).shape[:2] == x.shape[:2]


def test_drop__classifier__learns_and_predicts_without(clean):
    y, x = make_labels(len(clean)), spoilt(clean, 4, ODD["huge"])
    names = [name for name in NAMES if name != "Fz"]
    reading = Reading(bad_channels="drop")
    found: BrainRVQClassifier = tiny("classifier", ch_names=NAMES, reading=reading).fit(x, y)
    plain = tiny("classifier", ch_names=names).fit(np.delete(clean, 4, axis=1), y)
    expected = plain.predict_proba(np.delete(clean, 4, axis=1))
    np.testing.assert_allclose(found.predict_proba(x), expected, atol=1e-5)


# Interpolated


def test_interpolate__as_mne_would__the_same_features(clean, weights):
    x = spoilt(spoilt(clean, 4, ODD["huge"]), 17, ODD["offset"])
    raw = raw_of(x)
    montage = mne.channels.make_standard_montage("biosemi64")
    for own in (None, montage):
        placed = raw.copy()
        if own is not None:
            placed.set_montage(own)
        by_mne = placed.copy()
        if own is None:
            known = mne.channels.get_builtin_montages()
            by_mne.set_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
        by_mne.info["bads"] = ["Fz", "O1"]
        by_mne.interpolate_bads(verbose="error")
        if own is None:
            by_mne.set_montage(None)
        for filters in (None, Filters(reference="average")):
            settings = {"filters": filters, "window": 4}
            expected = embedder(weights, "keep", **settings).fit_transform(by_mne)
            found, said = said_by(
                embedder(weights, "interpolate", **settings).fit_transform, placed
            )
            np.testing.assert_allclose(found, expected, atol=1e-4)
            assert said[0].count("They are interpolated") == 1
    np.testing.assert_array_equal(raw.get_data(), raw_of(x).get_data())


def test_interpolate__array__its_epochs_are_left_as_they_were(clean, weights):
    x = spoilt(clean, 4, ODD["huge"])
    before = x.copy()
    embedder(weights, "interpolate").fit_transform(x)
    np.testing.assert_array_equal(x, before)


def test_interpolate__unknown_place__error_in_fit_and_transform(clean, weights):
    names = ["ch1", *NAMES[1:]]
    estimator = embedder(weights, "interpolate", ch_names=names).fit(clean)
    for method in (estimator.fit, estimator.transform):
        with pytest.raises(InvalidEEGError, match=r"positions of 'ch1' are unknown.*set_montage"):
            method(spoilt(clean, 0, ODD["flat"]))


# Other containers


def test_drop__braindecode__recordings_as_a_whole_and_windows_one_by_one(clean, weights):
    from braindecode.datasets import BaseConcatDataset, RawDataset
    from braindecode.preprocessing import create_fixed_length_windows

    x = spoilt(clean, 4, ODD["huge"])
    x[2, 7] = 0  # T7, in one of the windows
    dataset = BaseConcatDataset([RawDataset(raw_of(x), {"task": 0}, target_name="task")])
    windows = create_fixed_length_windows(
        dataset, window_size_samples=800, window_stride_samples=800, drop_last_window=True
    )
    for X, expected in ((dataset, raw_of(x)), (windows, x)):
        expected = embedder(weights, "drop", window=4).fit_transform(expected)
        found, said = said_by(embedder(weights, "drop", window=4).fit_transform, X)
        np.testing.assert_allclose(found, expected, atol=1e-3)
        assert ("'T7' (1 of 6 epochs)" in said[0]) == (X is windows)


# Corpora


@pytest.mark.parametrize("action", ["warn", "drop", "interpolate", "keep"])
def test_corpus__one_flat_channel__decided_when_it_is_built(clean, weights, tmp_path, action):
    raw_of(spoilt(clean, 4, ODD["flat"])).save(tmp_path / "sub-1_raw.fif", verbose="error")
    settings = {"notch": None, "l_freq": None, "h_freq": None}
    out = tmp_path / "corpus"
    _, said = said_by(
        lambda: build_corpus(tmp_path / "sub-1_raw.fif", out, bad_channels=action, **settings)
    )
    assert len(said) == (action != "keep")
    corpus = EEGCorpus(out, window=4)
    (recording,) = corpus.recordings
    assert ("Fz" in recording.ch_names) == (action != "drop")
    assert any("'Fz'" in note for note in recording.notes) == (action != "keep")
    estimator = embedder(weights, "warn", filters=None, ch_names=None)
    found, said = said_by(estimator.fit_transform, corpus)
    assert not [text for text in said if "Bad channels" in text]
    expected = embedder(weights, action, window=4).fit_transform(tmp_path / "sub-1_raw.fif")
    np.testing.assert_allclose(found, expected, atol=0.05)
