"""The tokenizer learns: structured signals come back, finer with every level."""

import pickle
from collections import Counter
from functools import cache
from typing import ClassVar

import mne
import numpy as np
import pytest
from scipy.stats import entropy
from skorch.callbacks import Callback
from tiny import CH_NAMES, fitted, make_eeg, tiny

from sk_brainrvq import Architecture, DDRVQTransformer, EEGCorpus, build_corpus
from sk_brainrvq.exceptions import InvalidEEGError

NAMES = ["C3", "C4"]


def make_waves(n_epochs, seed):
    """Sine waves of five frequencies, any phase and amplitude, in a little noise."""
    rng = np.random.default_rng(seed)
    shape = (n_epochs, 2, 1)
    times = np.arange(400) / 200
    phase = 2 * np.pi * rng.choice([4, 6, 10, 14, 20], shape) * times
    waves = np.sin(phase + rng.uniform(0, 2 * np.pi, shape)) * rng.uniform(10, 40, shape)
    return waves + rng.normal(scale=4, size=(n_epochs, 2, 400))


@cache
def trained():
    settings = {"architecture__codebook_size": 64, "max_epochs": 10, "batch_size": 16}
    return tiny("tokenizer", ch_names=NAMES, **settings).fit(make_waves(128, seed=0))


def test_passes__by_default__ten():
    tokenizer = tiny("tokenizer", max_epochs=None).fit(make_eeg())
    assert len(tokenizer.history_) == 10


def test_residual_mode__more_levels__explained_variance_rises_on_unseen_epochs():
    unseen = make_waves(64, seed=1)
    scores = [trained().score(unseen, n_levels=level) for level in (1, 2, 3)]
    assert scores[0] > 0.5
    assert scores[0] < scores[1] < scores[2] <= 1
    assert trained().score(unseen) == scores[2]


def test_score__unseen_epochs__is_the_explained_variance_of_the_waveform():
    X = make_waves(32, seed=1)
    patches = X.reshape(32, 2, 2, 200)
    target = (patches - patches.mean(-1, keepdims=True)) / patches.std(-1, ddof=1, keepdims=True)
    decoded = trained().inverse_transform(trained().transform(X), n_levels=2)
    expected = 1 - np.square(target - decoded).sum() / np.square(target).sum()
    assert trained().score(X, n_levels=2) == pytest.approx(expected, abs=1e-4)


def test_reconstruct__unseen_epochs__as_the_decoded_waveform_with_each_patchs_mean_and_scale():
    X = make_waves(32, seed=1) + 25
    patches = X.reshape(32, 2, 2, 200)
    decoded = trained().inverse_transform(trained().transform(X))
    expected = decoded * patches.std(-1, ddof=1, keepdims=True) + patches.mean(-1, keepdims=True)
    result = trained().reconstruct(X)
    away_from_joins = np.s_[..., 20:-20]
    np.testing.assert_allclose(
        result.reshape(expected.shape)[away_from_joins], expected[away_from_joins], atol=0.05
    )
    assert np.corrcoef(result.ravel(), X.ravel())[0, 1] > 0.8


def test_history__shared_latent__loss_falls():
    shared = Architecture("tiny", codebook_size=64, latents="shared")
    settings = {"architecture": shared, "max_epochs": 10, "batch_size": 16}
    history = tiny("tokenizer", ch_names=NAMES, **settings).fit(make_waves(128, seed=0)).history_
    assert history[-1]["waveform"] < 0.6 * history[0]["waveform"]
    assert [row["epoch"] for row in history] == list(range(1, 11))


class CodesOfEpochs(Callback):
    """Keeps the codes of each training batch, one list per epoch."""

    kept: ClassVar[list] = []

    def on_epoch_begin(self, net, **kwargs):
        self.kept.append([])

    def on_batch_end(self, net, training, y_pred, **kwargs):
        if training:
            self.kept[-1].append(y_pred.codes.numpy().reshape(-1, 6))


@pytest.mark.parametrize("quantizer_mode", ["residual", "official"])
def test_history__one_second_many_times__perplexity_counts_the_codes_chosen(quantizer_mode):
    X = np.tile(np.random.default_rng(0).normal(scale=20, size=(1, 1, 200)), (16, 2, 3))
    design = Architecture("tiny", codebook_size=32, quantizer_mode=quantizer_mode)
    settings = {"max_epochs": 3, "batch_size": 8, "engine__callbacks": [CodesOfEpochs()]}
    CodesOfEpochs.kept.clear()
    tokenizer = tiny("tokenizer", architecture=design, ch_names=NAMES, **settings).fit(X)
    for row, batches in zip(tokenizer.history_, CodesOfEpochs.kept, strict=True):
        expected = [np.exp(entropy(np.bincount(codes))) for codes in np.concatenate(batches).T]
        np.testing.assert_allclose(np.ravel(row["perplexity"]), expected)
        # Two channels and three positions in two batches: of 32 codes no more can be in use.
        assert 1 <= np.max(row["perplexity"]) < 12.01


def test_code_use__after_fit__agrees_with_a_count():
    codes = trained().transform(make_waves(128, seed=0))
    assert trained().codebook_usage_.shape == trained().perplexity_.shape == (2, 3)
    for domain in range(2):
        for level in range(3):
            counts = Counter(codes[..., domain, level].ravel().tolist())
            share = np.array(list(counts.values())) / counts.total()
            assert trained().codebook_usage_[domain, level] == pytest.approx(len(counts) / 64)
            expected = np.exp(-(share * np.log(share)).sum())
            assert trained().perplexity_[domain, level] == pytest.approx(expected)
    assert ((trained().codebook_usage_ > 0.1) & (trained().codebook_usage_ <= 1)).all()
    assert ((trained().perplexity_ > 4) & (trained().perplexity_ <= 64)).all()


def test_codes__any_fit__int32_within_the_codebook():
    codes = fitted("tokenizer").transform(make_eeg())
    assert codes.dtype == np.int32
    assert codes.min() >= 0
    assert codes.max() < 16


@pytest.mark.parametrize("quantizer_mode", ["residual", "official"])
@pytest.mark.parametrize("targets", ["extended", "published"])
def test_modes_and_targets__each__fit_and_code(quantizer_mode, targets):
    design = Architecture("tiny", quantizer_mode=quantizer_mode, targets=targets)
    tokenizer = tiny("tokenizer", architecture=design).fit(make_eeg())
    assert tokenizer.transform(make_eeg()).shape == (12, 4, 3, 2, 3)
    assert np.isfinite(tokenizer.reconstruct(make_eeg())).all()


def test_single_sizes__laid_over_the_preset__are_used():
    sizes = {"n_quantizers": 2, "codebook_size": 8, "codebook_dim": 16, "depth": 1}
    tokenizer = tiny("tokenizer", architecture=Architecture("tiny", **sizes)).fit(make_eeg())
    assert tokenizer.transform(make_eeg()).shape == (12, 4, 3, 2, 2)
    assert tokenizer.codebook_usage_.shape == (2, 2)
    for name, size in sizes.items():
        assert tokenizer.weights_.config[name] == size


def test_given_weights__max_epochs_none__are_used_as_they_are():
    weights = fitted("tokenizer").weights_
    X = make_eeg(seed=4)
    tokenizer = tiny("tokenizer", weights=weights, max_epochs=None, random_state=7).fit(X)
    assert tokenizer.weights_.digest == weights.digest
    assert tokenizer.history_ == []
    np.testing.assert_array_equal(tokenizer.transform(X), fitted("tokenizer").transform(X))


def test_given_weights__max_epochs_1__are_trained_on():
    weights = fitted("tokenizer").weights_
    digest = weights.digest
    tokenizer = tiny("tokenizer", weights=weights, max_epochs=1).fit(make_eeg(seed=4))
    assert tokenizer.weights_.digest != digest
    assert len(tokenizer.history_) == 1
    # What was given is a value: it stays.
    assert weights.digest == digest
    assert tiny("tokenizer", weights=weights, max_epochs=0).fit(make_eeg()).weights_ == weights


# Recordings of MNE

FROM_MNE = {"sfreq": None, "ch_names": None, "window": 2.0}


def to_raw(seed, names=CH_NAMES, sfreq=200.0):
    """Six seconds of noise."""
    noise = np.random.default_rng(seed).normal(scale=20e-6, size=(len(names), int(6 * sfreq)))
    return mne.io.RawArray(noise, mne.create_info(list(names), sfreq, "eeg"), verbose="error")


@cache
def fitted_on_raw():
    return tiny("tokenizer", **FROM_MNE).fit(to_raw(0))


def test_reconstruct__recordings_of_one_montage__those_of_each_one_after_the_other():
    recordings = [to_raw(seed) for seed in range(3)]
    result = fitted_on_raw().reconstruct(recordings)
    assert result.shape == (9, 4, 400)
    alone = [fitted_on_raw().reconstruct(recording) for recording in recordings]
    np.testing.assert_allclose(result, np.concatenate(alone), atol=1e-3)


def test_reconstruct__raw_of_another_rate__windows_at_200_hertz():
    assert fitted_on_raw().reconstruct(to_raw(0, sfreq=500.0)).shape == (3, 4, 400)


def test_reconstruct__corpus_of_several_recordings__its_windows_in_order(tmp_path):
    files = [tmp_path / f"sub-{subject}_raw.fif" for subject in range(2)]
    for subject, file in enumerate(files):
        to_raw(subject).save(file, verbose="error")
    build_corpus(files, tmp_path / "corpus", l_freq=None, h_freq=None, notch=None)
    corpus = EEGCorpus(tmp_path / "corpus", window=2)
    windows = np.concatenate(list(corpus), axis=1) * 1e-6
    same = mne.io.RawArray(windows, mne.create_info(CH_NAMES, 200, "eeg"), verbose="error")
    result = fitted_on_raw().reconstruct(corpus)
    np.testing.assert_allclose(result, fitted_on_raw().reconstruct(same), atol=1e-3)
    swapped = fitted_on_raw().reconstruct(corpus[::-1])
    np.testing.assert_allclose(swapped, result[::-1], atol=1e-3)


def test_reconstruct__two_montages__error_lists_both():
    items = [to_raw(0), to_raw(1), to_raw(2, names=["Cz", "Pz"])]
    with pytest.raises(
        InvalidEEGError, match=r"epochs of 2 montages.*\(2, 400, 200 Hz\), \(4, 400, 200 Hz\)"
    ):
        fitted_on_raw().reconstruct(items)


def test_inverse_transform__electrodes_known_by_coordinates_alone__decodes_there(tmp_path):
    # Near Fp1, C3, Cz and O2, in metres.
    places = [[-0.03, 0.08, 0.0], [-0.065, -0.01, 0.065], [0, -0.01, 0.1], [0.03, -0.11, 0.01]]
    names = ["EEG001", "EEG002", "EEG003", "EEG004"]
    digitised = dict(zip(names, np.array(places), strict=True))
    montage = mne.channels.make_dig_montage(digitised, coord_frame="head")
    raw = to_raw(0, names).set_montage(montage)
    tokenizer = tiny("tokenizer", **FROM_MNE, max_epochs=5).fit(to_raw(0))
    tokenizer = tiny("tokenizer", **FROM_MNE, weights=tokenizer.weights_, max_epochs=0).fit(raw)
    assert {row["how"] for row in tokenizer.electrode_report_} != {"mean"}

    patches = tokenizer.reconstruct(raw).reshape(3, 4, 2, 200)
    away_from_joins = np.s_[..., 20:-20]
    patches = patches[away_from_joins]
    standardised = patches - patches.mean(-1, keepdims=True)
    standardised /= standardised.std(-1, keepdims=True)
    tokenizer.save_pretrained(tmp_path)
    for copy in (
        tokenizer,
        pickle.loads(pickle.dumps(tokenizer)),
        DDRVQTransformer.from_pretrained(tmp_path),
    ):
        decoded = copy.inverse_transform(copy.transform(raw))[away_from_joins]
        decoded = decoded - decoded.mean(-1, keepdims=True)
        decoded /= decoded.std(-1, keepdims=True)
        np.testing.assert_allclose(decoded, standardised, atol=1e-3)
