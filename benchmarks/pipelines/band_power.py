"""Log band power and logistic regression: the rival to beat."""

import numpy as np
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

# Hz: delta, theta, low and high alpha, low and high beta, gamma.
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
    "name": "Band power + LR",
    "paradigms": ["LeftRightImagery", "RestingStateToP300Adapter"],
    "pipeline": make_pipeline(
        # Passed as arguments, so that MOABB's cache of results notices a change in them.
        FunctionTransformer(log_band_power, kw_args={"sfreq": 200.0, "bands": BANDS}),
        StandardScaler(),
        LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000),
    ),
    "param_grid": {"logisticregression__C": [0.001, 0.01, 0.1, 1]},
}
