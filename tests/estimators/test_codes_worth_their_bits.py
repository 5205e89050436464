"""Codes are worth their bits: ahead of residual k-means, and what is said where they are not."""

from functools import cache

import numpy as np
import pytest
from sklearn.cluster import KMeans

from sk_brainrvq import Architecture, DDRVQTransformer
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.exceptions import EEGWarning

N_CODES, LEVELS = 64, 3


@cache
def simulated():
    """EEG to learn from, and of people who are not in it."""
    names = ["Fp1", "Fp2", "C3", "C4", "Pz", "O1", "O2"]
    eeg = make_eeg(n_subjects=6, n_windows=24, duration=4, ch_names=names, random_state=0)
    known = eeg.subjects < 4
    return eeg.X[known], eeg.X[~known], {"sfreq": eeg.sfreq, "ch_names": eeg.ch_names}


def standardised(X):
    patches = X.reshape(-1, 200)
    return (patches - patches.mean(-1, keepdims=True)) / patches.std(-1, ddof=1, keepdims=True)


def explained_by_residual_kmeans(known, unseen):
    """Explained variance of unseen seconds by level, of k-means on what the levels before left."""
    left, left_unseen, explained = standardised(known), standardised(unseen), []
    total = np.square(left_unseen).sum()
    for _ in range(LEVELS):
        kmeans = KMeans(N_CODES, n_init=1, max_iter=50, random_state=0).fit(left)
        left = left - kmeans.cluster_centers_[kmeans.labels_]
        left_unseen = left_unseen - kmeans.cluster_centers_[kmeans.predict(left_unseen)]
        explained.append(1 - np.square(left_unseen).sum() / total)
    return explained


@cache
def fitted():
    known, _, about = simulated()
    tokenizer = DDRVQTransformer(
        architecture="tiny", max_epochs=5, batch_size=8, random_state=0, device="cpu", **about
    )
    return tokenizer.fit(known)


def test_small_fit__people_not_seen__every_level_ahead_of_residual_kmeans():
    known, unseen, _ = simulated()
    rival = explained_by_residual_kmeans(known, unseen)
    ours = [fitted().score(unseen, n_levels=n + 1) for n in range(LEVELS)]
    assert np.all(np.diff(ours) > 0)
    # Simulated noise is white from channel to channel: what is left to gain is in the fine levels.
    assert np.all(np.array(ours) > np.array(rival) + [0.01, 0.02, 0.05])


def waves_at_all_channels(n_epochs, seed):
    """A sine wave at all of four channels, in noise of their own."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(3, 20, (n_epochs, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (n_epochs, 1, 1))
    waves = np.sin(2 * np.pi * frequency * np.arange(400) / 200 + phase)
    return 20 * waves + rng.normal(scale=8, size=(n_epochs, 4, 400))


def test_training__channels_that_share_a_source__improves_on_the_linear_start():
    about = {"sfreq": 200, "ch_names": ["Fp1", "C3", "Cz", "O2"], "random_state": 0}
    known, unseen = (waves_at_all_channels(n, seed) for n, seed in ((128, 0), (64, 1)))
    design = Architecture("tiny", codebook_size=16)
    explained = [
        DDRVQTransformer(architecture=design, max_epochs=n, lr=lr, device="cpu", **about)
        .fit(known)
        .score(unseen)
        for n, lr in ((1, 1e-12), (10, 1e-3))
    ]
    assert explained[1] > explained[0] + 0.01


def test_reconstruct__joins_of_seconds__jump_no_more_than_the_original():
    _, unseen, _ = simulated()
    for domain in ("time", "both"):
        rebuilt = fitted().reconstruct(unseen, domain=domain)
        assert rebuilt.shape == unseen.shape
        joins = [np.abs(np.diff(X))[..., 199::200].mean() for X in (rebuilt, unseen)]
        assert joins[0] <= joins[1]
        error = np.square(unseen - rebuilt).sum()
        assert 1 - error / np.square(unseen - unseen.mean()).sum() > 0.4


def test_reconstruct__both_domains__scale_is_that_of_the_codes():
    _, unseen, _ = simulated()
    own, coded = (fitted().reconstruct(unseen, domain=domain) for domain in ("time", "both"))
    assert not np.allclose(own, coded)
    ratio = np.log(coded.std(-1) / own.std(-1))
    assert np.abs(ratio).mean() < 0.15


def test_reconstruct__unknown_domain_or_no_scale_in_the_codes__says_so():
    known, _, about = simulated()
    with pytest.raises(ValueError, match="domain='space' was given; expected 'time' or 'both'"):
        fitted().reconstruct(known, domain="space")
    published = Architecture("tiny", targets="published", codebook_size=8)
    tokenizer = DDRVQTransformer(architecture=published, max_epochs=0, **about).fit(known[:4])
    with pytest.raises(ValueError, match=r"targets='published'.*hold no amplitude"):
        tokenizer.reconstruct(known[:4], domain="both")


def test_fit__a_few_shapes_repeated__warns_of_idle_codes():
    shapes = np.random.default_rng(0).normal(size=(3, 1, 200)) * 20
    X = np.tile(shapes, (30, 1, 1))
    tokenizer = DDRVQTransformer(
        architecture="tiny", max_epochs=1, sfreq=200, ch_names=["Cz"], random_state=0
    )
    with pytest.warns(EEGWarning, match=r"tenth of the codes are in use \(time level 1"):
        tokenizer.fit(X)


def test_levels_and_codebooks__any__rise_on_people_not_seen():
    known, unseen, about = simulated()
    for n_quantizers, codebook_size in ((1, 64), (6, 64), (2, 256)):
        sizes = {"n_quantizers": n_quantizers, "codebook_size": codebook_size}
        tokenizer = DDRVQTransformer(
            architecture=Architecture("tiny", depth=1, **sizes),
            max_epochs=1,
            random_state=0,
            **about,
        ).fit(known)
        levels = range(1, n_quantizers + 1)
        explained = [0.0, *(tokenizer.score(unseen, n_levels=n) for n in levels)]
        assert np.all(np.diff(explained) > 0)
        assert tokenizer.codebook_usage_.min() > 0.5
