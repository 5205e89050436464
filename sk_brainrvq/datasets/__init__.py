"""Public EEG by protocol, and simulated EEG."""

from sk_brainrvq.datasets.eegmat import fetch_eegmat, load_eegmat
from sk_brainrvq.datasets.simulated import make_eeg
from sk_brainrvq.datasets.windows import Windows

__all__ = ["Windows", "fetch_eegmat", "load_eegmat", "make_eeg"]
