"""Real and simulated EEG for the pictures, and small networks fitted on it."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import mne
import numpy as np
import pytest

from sk_brainrvq import BrainRVQPretrainer, DDRVQTransformer
from sk_brainrvq.datasets import Windows, load_eegmat, make_eeg

mpl.use("Agg")

SETTINGS = {"architecture": "tiny", "batch_size": 4, "random_state": 0, "device": "cpu"}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="session", params=["simulated", "real"])
def windows(request) -> Windows:
    """Twelve windows of five seconds, 19 or 20 channels."""
    if request.param == "simulated":
        return make_eeg(2, 6, random_state=0)
    eeg = load_eegmat(request.getfixturevalue("eegmat_folder"), [27])
    rows = np.linspace(0, len(eeg.X) - 1, 12).astype(int)
    return Windows(
        eeg.X[rows], eeg.y[rows], np.arange(12) % 2, eeg.ch_names, eeg.sfreq, eeg.classes
    )


@pytest.fixture(scope="session")
def tokenizer(windows) -> DDRVQTransformer:
    return DDRVQTransformer(
        max_epochs=2, sfreq=windows.sfreq, ch_names=windows.ch_names, **SETTINGS
    ).fit(windows.X)


@pytest.fixture(scope="session")
def pretrainer(windows, tokenizer) -> BrainRVQPretrainer:
    return BrainRVQPretrainer(
        tokenizer.weights_,
        max_epochs=2,
        validation=0.25,
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        **SETTINGS,
    ).fit(windows.X)


@pytest.fixture(scope="session")
def template() -> str:
    """Name of the 10-20 montage, which MNE 1.12 changed."""
    known = mne.channels.get_builtin_montages()
    return "colin27_1020" if "colin27_1020" in known else "standard_1020"


@pytest.fixture(scope="session")
def epochs(windows, template) -> mne.EpochsArray:
    """The windows as Epochs, in volts, with the template's montage."""
    info = mne.create_info(list(windows.ch_names), windows.sfreq, "eeg")
    info.set_montage(template, on_missing="ignore")
    return mne.EpochsArray(windows.X * 1e-6, info, verbose=False)
