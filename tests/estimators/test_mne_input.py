"""mne.Epochs give what the same signals give as an array."""

import mne
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from tiny import CH_NAMES, NAMES, apply, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

MNE_FREE = {"sfreq": None, "ch_names": None}


def make_epochs(microvolts, ch_names=CH_NAMES, sfreq=200.0, kinds="eeg"):
    info = mne.create_info(list(ch_names), sfreq, kinds)
    return mne.EpochsArray(microvolts * 1e-6, info, verbose="error")


def assert_same(name, result, expected):
    if name == "tokenizer":
        # The detour over volts rounds; a code may tip where two codewords are as near.
        assert np.mean(result == expected) > 0.99
    else:
        np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_epochs__apply__as_the_array_in_microvolts(name):
    X = make_eeg()
    assert_same(name, apply(fitted(name), make_epochs(X)), apply(fitted(name), X))


@pytest.mark.parametrize("name", NAMES)
def test_epochs__fit__learns_names_and_rate_from_them(name):
    X = make_eeg()
    estimator = fit(tiny(name, **MNE_FREE), make_epochs(X))
    assert estimator.ch_names_in_ == CH_NAMES
    assert estimator.n_channels_in_ == estimator.n_features_in_ == 4
    # One training epoch on rounded signals: close, not the same.
    if name == "embedder":
        assert_same(name, apply(estimator, make_epochs(X)), apply(fitted(name), X))
    assert apply(estimator, make_epochs(X)).shape == apply(fitted(name), X).shape


@pytest.mark.parametrize("sfreq", [250.0, 500.0])
def test_epochs__other_rate__their_own_rate_wins(sfreq):
    X = make_eeg()
    result = fitted("embedder").transform(make_epochs(X, sfreq=sfreq))
    expected = tiny("embedder", sfreq=sfreq).fit_transform(X)
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_classifier__epochs__same_labels_predicted():
    X = make_eeg()
    classifier = fitted("classifier")
    np.testing.assert_array_equal(classifier.predict(make_epochs(X)), classifier.predict(X))


@pytest.mark.parametrize("name", NAMES)
def test_list_of_epochs__apply__in_the_order_of_the_list(name):
    X = make_eeg()
    pieces = [make_epochs(X[i : i + 1]) for i in range(12)]
    assert_same(name, apply(fitted(name), pieces), apply(fitted(name), X))
    shuffled = [pieces[i] for i in (5, 0, 11)]
    assert_same(name, apply(fitted(name), shuffled), apply(fitted(name), X[[5, 0, 11]]))


@pytest.mark.parametrize("pooling", ["channel", "mean", "mean_std", "cls", "mean_cls"])
def test_embedder__channels_in_another_order__same_features(pooling):
    X = make_eeg()
    embedder = tiny("embedder", pooling=pooling).fit(X)
    order = [2, 0, 3, 1]
    epochs = make_epochs(X[:, order], [CH_NAMES[i] for i in order])
    np.testing.assert_allclose(embedder.transform(epochs), embedder.transform(X), atol=1e-5)


def test_tokenizer__channels_in_another_order__codes_in_the_order_of_fit():
    # inverse_transform and counts per channel take codes to be in that order.
    X = make_eeg()
    order = [2, 0, 3, 1]
    epochs = make_epochs(X[:, order], [CH_NAMES[i] for i in order])
    assert_same(
        "tokenizer", fitted("tokenizer").transform(epochs), fitted("tokenizer").transform(X)
    )


def test_embedder__decorated_and_old_names__are_the_same_channels():
    X = make_eeg()
    embedder = tiny("embedder", pooling="channel", ch_names=["T7", "C3", "Cz", "P8"]).fit(X)
    old = make_epochs(X, ["EEG T3-REF", "c3", "CZ.", "T6"])
    np.testing.assert_allclose(embedder.transform(old), embedder.transform(X), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_epochs__another_montage__accepted(name):
    X = make_eeg(n_channels=3)
    epochs = make_epochs(X, ["P3", "Pz", "P4"])
    result = apply(fitted(name), epochs)
    assert len(result) == 12
    assert np.isfinite(result).all()


def test_embedder__mean_of_another_montage__as_if_fitted_on_it():
    X = make_eeg(n_channels=3)
    names = ["P3", "Pz", "P4"]
    expected = tiny("embedder", ch_names=names).fit_transform(X)
    result = fitted("embedder").transform(make_epochs(X, names))
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_pooling_channel__missing_channels__are_named():
    estimator = tiny("embedder", pooling="channel").fit(make_eeg())
    epochs = make_epochs(make_eeg(n_channels=3), ["C3", "Pz", "O2"])
    with pytest.raises(InvalidEEGError, match=r"\['Fp1', 'Cz'\].*missing from X.*pooling='mean'"):
        estimator.transform(epochs)


def test_pooling_channel__surplus_channels__are_left_out():
    X = make_eeg(n_channels=5)
    embedder = tiny("embedder", pooling="channel").fit(X[:, :4])
    epochs = make_epochs(X, [*CH_NAMES, "Pz"])
    expected = embedder.transform(X[:, :4])
    np.testing.assert_allclose(embedder.transform(epochs), expected, atol=1e-5)


def test_bad_and_other_channels__are_left_out_and_named():
    X = make_eeg(n_channels=6)
    epochs = make_epochs(X, [*CH_NAMES, "EOG1", "Pz"], kinds=["eeg"] * 4 + ["eog", "eeg"])
    epochs.info["bads"] = ["Pz"]
    embedder = tiny("embedder", **MNE_FREE)
    message = "Left out, as bad or not EEG: EOG1 .of type eog.; Pz .marked bad."
    with pytest.warns(EEGWarning, match=message):
        embedder.fit(epochs)
    assert embedder.ch_names_in_ == CH_NAMES
    expected = tiny("embedder").fit_transform(X[:, :4])
    np.testing.assert_allclose(embedder.transform(epochs), expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_no_eeg_channel__fit_and_apply__lists_the_types(name):
    epochs = make_epochs(make_eeg(), kinds="eog")
    for call in (lambda: fit(tiny(name), epochs), lambda: apply(fitted(name), epochs)):
        with pytest.raises(InvalidEEGError, match=r"no good EEG channel.*of type eog"):
            call()


@pytest.mark.parametrize("name", NAMES)
def test_no_epoch__fit_and_apply__says_so(name):
    epochs = make_epochs(make_eeg()).drop(range(12), verbose="error")
    for call in (lambda: tiny(name).fit(epochs, []), lambda: apply(fitted(name), epochs)):
        with pytest.raises(InvalidEEGError, match="hold no epoch"):
            call()


@pytest.mark.parametrize("name", NAMES)
def test_not_finite__epochs__names_epoch_and_channel(name):
    X = make_eeg()
    X[3, 2, 17] = np.nan
    pieces = [make_epochs(X[i : i + 1]) for i in range(12)]
    for given in (make_epochs(X), pieces):
        with pytest.raises(InvalidEEGError, match=r"NaN.*epoch 3, 'Cz'"):
            apply(fitted(name), given)


def test_cross_val_score__epochs_with_groups__as_on_arrays():
    X = make_eeg(n_epochs=24)
    X[::2] += 20 * np.sin(2 * np.pi * 10 * np.arange(600) / 200)
    y, groups = make_labels(24), np.repeat(np.arange(4), 6)
    folds = GroupKFold(4)
    embedder = tiny("embedder", weights=fitted("pretrainer").weights_)
    pipeline = make_pipeline(embedder, LogisticRegression())
    settings = {"cv": folds, "groups": groups, "error_score": "raise"}
    on_arrays = cross_val_score(pipeline, X, y, **settings)
    pipeline.set_params(brainrvqembedder__sfreq=None, brainrvqembedder__ch_names=None)
    on_epochs = cross_val_score(pipeline, make_epochs(X), y, **settings)
    np.testing.assert_allclose(on_epochs, on_arrays)


def test_cross_val_score__classifier_on_epochs__runs():
    X, y = make_eeg(), make_labels()
    classifier = tiny("classifier", **MNE_FREE)
    scores = cross_val_score(
        classifier, make_epochs(X), y, cv=GroupKFold(3), groups=np.repeat([0, 1, 2], 4)
    )
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_reconstruct__epochs__microvolts_in_their_shape_and_order():
    X = make_eeg(n_times=733)
    order = [2, 0, 3, 1]
    tokenizer = fitted("tokenizer")
    epochs = make_epochs(X[:, order], [CH_NAMES[i] for i in order])
    result = tokenizer.reconstruct(epochs)
    assert result.shape == X.shape
    expected = tokenizer.reconstruct(X)[:, order]
    assert np.median(np.abs(result - expected)) < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_mixed_montages__one_fit__every_epoch_used(name):
    first, second = make_eeg(seed=1), make_eeg(n_channels=3, seed=2)
    mixed = [make_epochs(first[:6]), make_epochs(second, ["P3", "Pz", "P4"])]
    mixed.append(make_epochs(first[6:]))
    estimator = tiny(name, **MNE_FREE, batch_size=5)
    estimator.fit(mixed, make_labels(24))
    if name == "tokenizer":
        with pytest.raises(InvalidEEGError, match="each montage and length"):
            estimator.transform(mixed)
        assert np.isfinite(estimator.transform(make_epochs(first))).all()
        assert np.isfinite(estimator.score(mixed))
        return
    result = apply(estimator, mixed)
    np.testing.assert_allclose(result[:6], apply(estimator, mixed[0]), atol=1e-5)
    np.testing.assert_allclose(result[6:18], apply(estimator, mixed[1]), atol=1e-5)
    np.testing.assert_allclose(result[18:], apply(estimator, mixed[2]), atol=1e-5)


@pytest.mark.parametrize("name", ["pretrainer", "tokenizer"])
def test_mixed_montages__info__records_rows_of_both(name):
    mixed = [make_epochs(make_eeg()), make_epochs(make_eeg(n_channels=2), ["P3", "P4"])]
    weights = tiny(name, **MNE_FREE).fit(mixed).weights_
    assert len(weights.info["trained_rows"]) == 6


def test_mixed_lengths__embedder__each_as_alone():
    short, long = make_epochs(make_eeg(n_times=300)), make_epochs(make_eeg(n_times=6400))
    result = fitted("embedder").transform([short, long])
    np.testing.assert_allclose(result[:12], fitted("embedder").transform(short), atol=1e-5)
    np.testing.assert_allclose(result[12:], fitted("embedder").transform(long), atol=1e-5)


def test_eegmat__real_recording__embeds_codes_and_predicts(eegmat_folder):
    raw = mne.io.read_raw_edf(eegmat_folder / "Subject00_2.edf", verbose="error")
    raw.rename_channels(lambda name: name.removeprefix("EEG "))
    raw.set_channel_types({"A2-A1": "misc", "ECG ECG": "ecg"}, verbose="error")
    epochs = mne.make_fixed_length_epochs(raw.crop(0, 30), 5.0, verbose="error")
    embedder = tiny("embedder", **MNE_FREE, pooling="channel").fit(epochs)
    assert embedder.ch_names_in_[:2] == ["Fp1", "Fp2"]
    assert embedder.transform(epochs).shape == (6, 1900)
    tokenizer = tiny("tokenizer", **MNE_FREE).fit(epochs)
    assert tokenizer.transform(epochs).shape == (6, 19, 5, 2, 3)
    assert tokenizer.reconstruct(epochs).shape == (6, 19, 2500)
