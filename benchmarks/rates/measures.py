"""How good a reconstruction is: explained variance, bands, log-spectral distance, people."""

import numpy as np
from numpy.typing import NDArray

BANDS = {"1-4": (1, 4), "4-8": (4, 8), "8-13": (8, 13), "13-30": (13, 30), "30-45": (30, 45)}
_DECIBEL = 20 / np.log(10)


def standardised(X: NDArray) -> NDArray:
    """Patches (n_epochs, n_channels, n_patches, 200) with mean 0 and standard deviation 1."""
    patches = X.reshape(*X.shape[:2], -1, 200).astype(np.float32)
    deviation = patches.std(-1, ddof=1, keepdims=True) + 1e-4
    return (patches - patches.mean(-1, keepdims=True)) / deviation


def log_spectra(X: NDArray) -> NDArray:
    """log1p of amplitudes (n_epochs, n_channels, n_patches, 101) in 0.1 microvolts."""
    patches = X.reshape(*X.shape[:2], -1, 200)
    centred = patches - patches.mean(-1, keepdims=True)
    return np.log1p(10 * np.abs(np.fft.rfft(centred)) / 100).astype(np.float32)


def explained(target: NDArray, reconstruction: NDArray) -> float:
    """1 minus squared error over the sum of squares."""
    error = np.square(target - reconstruction, dtype=np.float64).sum()
    return float(1 - error / np.square(target, dtype=np.float64).sum())


def explained_by_band(target: NDArray, reconstruction: NDArray) -> dict[str, float]:
    """Explained variance of each band."""
    power = np.square(np.abs(np.fft.rfft(target)))
    error = np.square(np.abs(np.fft.rfft(target - reconstruction)))
    return {
        name: float(1 - error[..., low:high].sum() / power[..., low:high].sum())
        for name, (low, high) in BANDS.items()
    }


def explained_signal(X: NDArray, reconstruction: NDArray) -> float:
    """Explained variance of signals (n_epochs, n_channels, n_times), given the means."""
    patches = X.reshape(*X.shape[:2], -1, 200)
    centred = (patches - patches.mean(-1, keepdims=True)).reshape(X.shape)
    error = np.square(X - reconstruction, dtype=np.float64).sum()
    return float(1 - error / np.square(centred, dtype=np.float64).sum())


def perplexity(codes: NDArray, n_codes: int) -> float:
    """Effective number of codes in use: exponential of the entropy."""
    share = np.bincount(codes.ravel(), minlength=n_codes) / codes.size
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def phases(patches: NDArray) -> NDArray:
    """Angles (..., 101) of patches (..., 200)."""
    return np.angle(np.fft.rfft(patches)).astype(np.float32)


def phase_error(X: NDArray, angles: NDArray) -> float:
    """1 minus the cosine of the phase difference, 1 to 45 Hz, weighted by amplitude."""
    spectrum = np.fft.rfft(X.reshape(*X.shape[:2], -1, 200))[..., 1:45]
    cosine = np.cos(np.angle(spectrum) - angles.reshape(*spectrum.shape[:-1], 101)[..., 1:45])
    return float(1 - np.average(cosine, weights=np.abs(spectrum)))


def log_spectral_distance(target: NDArray, reconstruction: NDArray) -> dict[str, float]:
    """Distance of log spectra (..., 101) in dB: RMS over a band, mean over patches."""
    difference = _DECIBEL * (target - reconstruction)
    return {
        name: float(np.sqrt(np.square(difference[..., low:high]).mean(-1)).mean())
        for name, (low, high) in BANDS.items()
    }


def interval(target: NDArray, reconstruction: NDArray, subjects: NDArray, seed: int) -> list[float]:
    """95 % interval of the explained variance over draws of people."""
    people = np.unique(subjects)
    sums = np.array(
        [
            [
                np.square((target - reconstruction)[subjects == person], dtype=np.float64).sum(),
                np.square(target[subjects == person], dtype=np.float64).sum(),
            ]
            for person in people
        ]
    )
    drawn = np.random.default_rng(seed).integers(len(people), size=(2000, len(people)))
    errors, squares = sums[drawn].sum(1).T
    return [float(value) for value in np.percentile(1 - errors / squares, [2.5, 97.5])]
