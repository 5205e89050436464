"""Simulated EEG whose truth is known, and models that have learnt it."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder
from sk_brainrvq.datasets import make_eeg

CH_NAMES = ["F3", "F4", "C3", "C4", "P3", "P4"]


def eeg_of(place="C4", band=(13, 30), seed=0, n_subjects=3, n_windows=12, **options):
    """Two-second windows whose classes differ at a place and in a band."""
    options = {"ch_names": CH_NAMES, "effect": 0.7, "duration": 2, **options}
    return make_eeg(n_subjects, n_windows, place=place, band=band, random_state=seed, **options)


def embedder_for(eeg, **params):
    params = {"spectrum": "channel", "covariance": False, **params}
    return BrainRVQEmbedder(
        **{"weights": None, "architecture": "tiny", "random_state": 0, "device": "cpu"},
        **{"sfreq": eeg.sfreq, "ch_names": eeg.ch_names},
        **params,
    )


def pipeline_for(eeg, y=None, **params):
    """A fitted linear pipeline on the embedder."""
    linear = LogisticRegression(C=0.01)
    model = make_pipeline(embedder_for(eeg, **params), StandardScaler(), linear)
    return model.fit(eeg.X, eeg.y if y is None else y)


def network_for(eeg, **params):
    """A network fine-tuned for two epochs."""
    params = {"max_epochs": 2, **params}
    network = BrainRVQClassifier(
        **{"weights": None, "architecture": "tiny", "random_state": 0, "device": "cpu"},
        **{"sfreq": eeg.sfreq, "ch_names": eeg.ch_names},
        **params,
    )
    return network.fit(eeg.X, eeg.y)


class LogPower:
    """A model of no library: the log power of each channel in a band, weighted."""

    classes_ = np.array(["rest", "task"])

    def __init__(self, weights, band=(0, 101), sfreq=200):
        self.weights, self.band, self.sfreq = weights, band, sfreq

    def features(self, X):
        frequencies = np.fft.rfftfreq(X.shape[-1], 1 / self.sfreq)
        chosen = (frequencies >= self.band[0]) & (frequencies < self.band[1]) & (frequencies > 0)
        hertz = np.floor(frequencies[chosen] - self.band[0])
        power = np.abs(np.fft.rfft(X)[..., chosen]) ** 2
        sums = [power[..., hertz == step].sum(-1) for step in np.unique(hertz)]
        return np.log(np.stack(sums, -1) + 1e-12).mean(-1)

    def decision_function(self, X):
        return self.features(X) @ self.weights
