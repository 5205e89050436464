"""Short recordings to build corpora of, and what a folder holds."""

import hashlib
import warnings

import mne
import numpy as np

from sk_brainrvq.corpus import build_corpus
from sk_brainrvq.exceptions import EEGWarning

NAMES = ["Fp1", "C3", "Cz", "O2"]


def make_signals(n_seconds, sfreq=200.0, seed=0, n_channels=4):
    """EEG in microvolts: a slow drift, alpha, mains and noise."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(n_seconds * sfreq)) / sfreq
    phases = rng.uniform(0, 6, (3, n_channels, 1))
    drift = 30 * np.sin(2 * np.pi * 0.05 * times + phases[0])
    alpha = 20 * np.sin(2 * np.pi * 10 * times + phases[1])
    mains = 10 * np.sin(2 * np.pi * 50 * times + phases[2])
    return drift + alpha + mains + rng.normal(scale=10, size=(n_channels, len(times)))


def write_recording(path, n_seconds=40, sfreq=200.0, seed=0, names=NAMES, signals=None):
    """A file of a format that the suffix names; gives its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if signals is None:
        signals = make_signals(n_seconds, sfreq, seed, len(names))
    raw = mne.io.RawArray(signals * 1e-6, mne.create_info(list(names), sfreq, "eeg"), verbose=False)
    if path.suffix == ".fif":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that MNE would end otherwise
            raw.save(path, overwrite=True, verbose=False)
    else:
        mne.export.export_raw(path, raw, overwrite=True, verbose=False)
    return path


def build(files, out, **settings):
    """`build_corpus` with mains of 50 Hz, and without what it notes about the files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        return build_corpus(files, out, **{"notch": 50, **settings})


def contents(folder):
    """Sum of every file below a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
