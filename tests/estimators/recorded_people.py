"""Simulated EEG of three people, as containers that know them."""

import mne
import numpy as np
import pandas as pd
from scipy.linalg import inv, sqrtm
from tiny import CH_NAMES, make_eeg

from sk_brainrvq import EEGCorpus, build_corpus

PEOPLE = np.repeat(["ada", "bob", "eve"], 12)
STATES = np.tile([0, 1], 18)


def eeg_of_people(seed=0):
    """Noise whose strength and mixture belong to the person, and a little to the state."""
    rng = np.random.default_rng(seed)
    mixtures = {person: rng.normal(size=(4, 4)) for person in np.unique(PEOPLE)}
    noise = make_eeg(36, 4, 400, seed)
    mixed = np.stack([mixtures[person] @ x for person, x in zip(PEOPLE, noise, strict=True)])
    return mixed * (1 + 0.3 * STATES)[:, None, None]


def epochs_of(X, ch_names=CH_NAMES, **metadata):
    """Epochs with these columns of metadata."""
    info = mne.create_info(list(ch_names), 200, "eeg")
    table = pd.DataFrame(metadata) if metadata else None
    return mne.EpochsArray(X * 1e-6, info, metadata=table, verbose="error")


def corpus_of(X, folder):
    """The same windows as a corpus, a recording for each person."""
    for person in np.unique(PEOPLE):
        info = mne.create_info(list(CH_NAMES), 200, "eeg")
        raw = mne.io.RawArray(np.hstack(X[person == PEOPLE]) * 1e-6, info, verbose="error")
        raw.save(folder / f"sub-{person}_eeg.fif", verbose="error")
    build_corpus(folder, folder / "corpus", notch=None, l_freq=None, h_freq=None)
    return EEGCorpus(folder / "corpus", window=2)


def whitened(X, people):
    """Signals of each person times the inverse root of their mean covariance, by scipy.

    A thousandth of its mean variance is added to the diagonal; all people get one power, the
    geometric mean of theirs.
    """
    own = {p: np.mean([np.cov(x, bias=True) for x in X[people == p]], axis=0) for p in set(people)}
    power = np.exp(np.mean([np.log(np.trace(c) / len(c)) for c in own.values()]))
    result = np.empty_like(X)
    for person, covariance in own.items():
        root = inv(sqrtm(covariance + 1e-3 * np.trace(covariance) / 4 * np.eye(4))).real
        gain = np.sqrt(4 * power / np.trace(root @ covariance @ root))
        result[people == person] = gain * root @ X[people == person]
    return result
