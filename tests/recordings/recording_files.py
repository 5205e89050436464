"""Recordings for tests: in memory, and as files with BIDS names."""

import mne
import numpy as np

NAMES = ["C3", "C4", "Cz", "O1"]
SFREQ = 250


def make_raw(seconds, seed=0, n_channels=2):
    """Noise of 20 microvolts at 250 Hz."""
    rng = np.random.default_rng(seed)
    signals = rng.normal(scale=2e-5, size=(n_channels, round(seconds * SFREQ)))
    info = mne.create_info(NAMES[:n_channels], SFREQ, "eeg")
    return mne.io.RawArray(signals, info, verbose="error")


def bids_file(folder, subject, raw, session="a", task="rest"):
    """Path of a FIF file named as in BIDS."""
    path = folder / f"sub-{subject}_ses-{session}_task-{task}_eeg.fif"
    raw.save(path, verbose="error")
    return path
