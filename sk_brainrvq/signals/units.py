"""Checks of whether an amplitude looks like EEG, or like EEG in another unit."""

import numpy as np
from numpy.typing import NDArray

# Factor from a unit to microvolts.
UNITS = {"uV": 1.0, "µV": 1.0, "mV": 1e3, "V": 1e6}

# Scalp EEG has 2 to 100 microvolts, and standardised data about 1: neither gives a warning.
SMALLEST_AMPLITUDE = 0.1
LARGEST_AMPLITUDE = 1000.0
# EEG of 1 to 500 microvolts that is a million times too small or too large lies beyond these.
_SMALLEST_MILLIVOLTS = 5e-4
_LARGEST_MILLIVOLTS = 1e6
MAD_TO_STD = 1.4826
_MAX_ROWS, _MAX_SAMPLES = 256, 8192
_WORDS = {"uV": "microvolts", "mV": "millivolts", "V": "volts"}


def typical_amplitude(signals: NDArray) -> float:
    """Robust standard deviation of the middle channel.

    Each channel's median is subtracted first, so an offset does not count; flat channels are
    left out, and medians over time and channels ignore artefacts.

    Parameters
    ----------
    signals : ndarray, shape (..., n_times)
        Finite.

    Returns
    -------
    float
        In the unit of the signals; 0 where every channel is flat.
    """
    signals = np.asarray(signals)
    rows = signals.reshape(-1, signals.shape[-1])
    # A few thousand samples of a few hundred channels are as informative as all.
    rows = rows[:: -(-len(rows) // _MAX_ROWS), :: -(-rows.shape[1] // _MAX_SAMPLES)]
    rows = rows.astype(np.float64)
    deviations = np.abs(rows - np.median(rows, axis=-1, keepdims=True))
    amplitudes = MAD_TO_STD * np.median(deviations, axis=-1)
    # Rounding errors of a float32 constant are not a signal.
    alive = amplitudes > 1e-7 * np.abs(rows).max(axis=-1)
    return float(np.median(amplitudes[alive])) if alive.any() else 0.0


def describe_amplitude(microvolts: NDArray, unit: str | None = None) -> str | None:
    """Warning if the amplitude is not that of EEG.

    Parameters
    ----------
    microvolts : ndarray, shape (..., n_times)
        Signals after conversion to microvolts; finite.
    unit : {"uV", "mV", "V"}, optional
        Unit they were converted from, so that the sentence can name the one that fits.

    Returns
    -------
    str or None
        None from 0.1 to 1000 microvolts, and where every channel is flat.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.signals.units import describe_amplitude
    >>> volts = 20e-6 * np.sin(np.arange(1000.0))
    >>> print(describe_amplitude(volts, unit="uV"))  # doctest: +NORMALIZE_WHITESPACE
    The typical amplitude is 2.1e-05 microvolts, where EEG has about 2 to 100: that looks like
    volts given as microvolts. Pass unit='V'.
    >>> describe_amplitude(1e6 * volts) is None
    True
    """
    return describe_typical(typical_amplitude(microvolts), unit)


def describe_typical(amplitude: float, unit: str | None = None) -> str | None:
    """The same sentence for a typical amplitude in microvolts, which is 0 for flat signals."""
    if amplitude == 0 or SMALLEST_AMPLITUDE <= amplitude <= LARGEST_AMPLITUDE:
        return None
    seen = (
        f"The typical amplitude is {amplitude:.2g} microvolts, where EEG has about 2 to 100: "
        "that looks like "
    )
    mistakes = _mistakes(missing_factor(amplitude), unit)
    if not mistakes:
        given = _WORDS["uV" if unit == "µV" else str(unit)]
        return seen + (
            f"a wrong scale that no unit corrects ({given} were given). Multiply raw counts of an "
            "amplifier by its resolution, and pass the result with unit='uV'."
        )
    return (
        seen
        + ", or ".join(f"{_WORDS[true]} given as {_WORDS[given]}" for true, given in mistakes)
        + f". Pass {' or '.join(f'unit={true!r}' for true in dict(mistakes))}."
    )


def missing_factor(amplitude: float) -> float:
    """Factor that converts the values to EEG in microvolts."""
    if amplitude < SMALLEST_AMPLITUDE:
        return 1e6 if amplitude < _SMALLEST_MILLIVOLTS else 1e3
    return 1e-6 if amplitude > _LARGEST_MILLIVOLTS else 1e-3


def _mistakes(factor: float, unit: str | None) -> list[tuple[str, str]]:
    """Pairs of the true unit and the given one that ``factor`` corrects."""
    known = [unit] if unit is not None else list(_WORDS)
    return [
        (true, "uV" if given == "µV" else given)
        for given in known
        for true in _WORDS
        if np.isclose(UNITS[true] / UNITS[given], factor)
    ]
