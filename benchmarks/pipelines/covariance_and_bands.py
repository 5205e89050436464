"""The default embedding's log-covariance and log band power: the best rival without a network."""

import numpy as np
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_brainrvq import BrainRVQEmbedder

# Hz, as in band_power.py: MOABB reads each file separately.
BANDS = ((1, 4), (4, 8), (8, 10), (10, 13), (13, 20), (20, 30), (30, 45))


def log_band_power(X: np.ndarray, sfreq: float, bands: tuple) -> np.ndarray:
    """Log power of each channel in each band, shape (n_trials, n_channels * n_bands).

    X is in microvolts, shape (n_trials, n_channels, n_times).
    """
    frequencies, power = welch(X, fs=sfreq, nperseg=min(X.shape[-1], int(2 * sfreq)))
    means = [
        power[..., (frequencies >= low) & (frequencies < high)].mean(-1) for low, high in bands
    ]
    return np.log(np.concatenate(means, axis=1) + 1e-12)


PIPELINE = {
    "name": "Covariance and band power + LR",
    "paradigms": ["LeftRightImagery", "RestingStateToP300Adapter"],
    "pipeline": make_pipeline(
        make_union(
            # Names and rate must be those of the paradigm, as in brainrvq_embedding.yml.
            BrainRVQEmbedder(tokens=False, spectrum=None, ch_names=["C3", "Cz", "C4"], sfreq=200),
            FunctionTransformer(log_band_power, kw_args={"sfreq": 200.0, "bands": BANDS}),
        ),
        StandardScaler(),
        LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000),
    ),
    "param_grid": {"logisticregression__C": [0.001, 0.01, 0.1, 1]},
}
