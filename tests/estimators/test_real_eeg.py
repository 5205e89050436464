"""The tokenizer on real EEG: what it claims must hold for subjects it has not seen."""

import numpy as np
import pytest

from sk_brainrvq import BrainRVQEmbedder, DDRVQTransformer
from sk_brainrvq.datasets import load_eegmat

CHANNELS = slice(0, 20, 5)


@pytest.fixture(scope="module")
def windows(eegmat_folder):
    return load_eegmat(eegmat_folder, range(6))


@pytest.fixture(scope="module")
def tokenizer(windows):
    seen = windows.of_subjects(range(4))
    return DDRVQTransformer(
        architecture="tiny",
        max_epochs=3,
        lr=2e-3,
        batch_size=8,
        sfreq=windows.sfreq,
        ch_names=windows.ch_names[CHANNELS],
        random_state=0,
    ).fit(seen.X[:, CHANNELS])


def test_explained_variance__unseen_subjects__rises_at_every_level(tokenizer, windows):
    unseen = windows.of_subjects([4, 5]).X[:, CHANNELS]
    levels = [tokenizer.score(unseen, n_levels=n) for n in (1, 2, 3)]
    assert levels[0] > 0.1
    assert np.all(np.diff(levels) > 0.01)


def test_codes__real_eeg__most_are_in_use(tokenizer):
    assert tokenizer.codebook_usage_.min() > 0.8
    assert tokenizer.perplexity_.min() > 16


def test_score__against_decoded_codes__same_errors(tokenizer, windows):
    patches = windows.of_subjects([5]).X[:, CHANNELS].astype(float)
    decoded = tokenizer.inverse_transform(tokenizer.transform(patches))
    patches = patches.reshape(decoded.shape)
    mean, std = patches.mean(-1, keepdims=True), patches.std(-1, ddof=1, keepdims=True)
    target = (patches - mean) / (std + 1e-4)
    expected = 1 - np.square(target - decoded).sum() / np.square(target).sum()
    unseen = windows.of_subjects([5]).X[:, CHANNELS]
    assert tokenizer.score(unseen) == pytest.approx(expected, abs=1e-4)


def test_reconstruct__away_from_joins__decoded_codes_with_mean_and_scale_of_each_second(
    tokenizer, windows
):
    unseen = windows.of_subjects([5]).X[:, CHANNELS].astype(float)
    decoded = tokenizer.inverse_transform(tokenizer.transform(unseen))
    patches = unseen.reshape(decoded.shape)
    expected = decoded * patches.std(-1, ddof=1, keepdims=True) + patches.mean(-1, keepdims=True)
    rebuilt = tokenizer.reconstruct(unseen).reshape(decoded.shape)
    # Joins of seconds are made smooth, 100 ms at each side; 1 nanovolt is rounding.
    np.testing.assert_allclose(rebuilt[..., 20:-20], expected[..., 20:-20], atol=1e-3)


def test_embedding__one_epoch_alone_or_among_others__same(tokenizer, windows):
    X = windows.X[:9, CHANNELS]
    embedder = BrainRVQEmbedder(
        tokenizer.weights_, sfreq=200, ch_names=windows.ch_names[CHANNELS]
    ).fit(X)
    alone = np.concatenate([embedder.transform(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(embedder.transform(X), alone, rtol=1e-6, atol=1e-6)
