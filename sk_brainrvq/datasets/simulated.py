"""Simulated EEG for examples and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.datasets._protocols.labelled_windows import Windows

_NAMES = "Fp1 Fp2 F3 F4 F7 F8 T7 T8 C3 C4 P7 P8 P3 P4 O1 O2 Fz Cz Pz".split()  # noqa: SIM905
MONTAGES = (
    tuple(_NAMES),
    tuple(
        """
        Fp1 Fp2 AF3 AF4 F7 F3 Fz F4 F8 FC5 FC1 FC2 FC6 T7 C3 Cz C4 T8 CP5 CP1 CP2 CP6 P7 P3 Pz P4
        P8 PO3 PO4 O1 Oz O2
        """.split()  # noqa: SIM905
    ),
    ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2"),
)
_FRONTAL = ("FP", "AF")
_POSTERIOR = ("O", "P", "PO")
# How fast a rhythm decays with the angle from its place: to a half at 24 degrees, to a fifth at
# neighbouring electrodes of the 10-20 system.
_CONCENTRATION = 8.0


def make_eeg(
    n_subjects: int = 4,
    n_windows: int = 20,
    *,
    duration: float = 5.0,
    sfreq: float = 200.0,
    ch_names: Sequence[str] = _NAMES,
    effect: float = 0.5,
    place: str | None = None,
    band: tuple[float, float] | None = None,
    line_freq: float | None = 50.0,
    random_state: int | np.random.RandomState | None = None,
) -> Windows:
    """Simulate EEG of several subjects at rest and during a task.

    The signals consist of a 1/f background, posterior alpha whose strength varies between
    subjects, blinks at frontal electrodes, bursts of muscle activity and mains hum. The task
    weakens the alpha rhythm, or another rhythm at a place and in a band of your choice.

    Parameters
    ----------
    n_subjects : int, default=4
    n_windows : int, default=20
        Windows per subject, the first half at rest and the others during the task.
    duration : float, default=5.0
        Length of a window in seconds.
    sfreq : float, default=200.0
        Sampling rate in Hz.
    ch_names : sequence of str
        Electrodes; by default 19 of the 10-20 system.
    effect : float, default=0.5
        Share of the rhythm's amplitude that the task removes; 0 means no effect.
    place : str, optional
        Electrode of the 10-05 system. A separate rhythm is added around it, which the task weakens
        instead of alpha: the ground truth for an explanation.
    band : (float, float), optional
        Band of this rhythm, which is noise, in Hz; 8 to 13 by default. Requires ``place``.
    line_freq : float or None, default=50.0
        Frequency of the mains hum in Hz, which has 0.2 to 1.5 microvolts. There is no hum if it is
        None or at least half of ``sfreq``.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    Windows
        Signals in microvolts; y is 0 at rest and 1 during the task.

    See Also
    --------
    make_montages : Subjects with different electrodes.

    Raises
    ------
    ValueError
        If a number is not positive, a window would hold no sample, ``effect`` is not between 0
        and 1, ``place`` is not an electrode, or ``band`` is not a band below half of ``sfreq``.
    TypeError
        If ``n_subjects`` or ``n_windows`` is not a whole number.

    Examples
    --------
    >>> from sk_brainrvq.datasets import make_eeg
    >>> windows = make_eeg(n_subjects=2, n_windows=6, random_state=0)
    >>> windows.X.shape, windows.y.tolist()[:6]
    ((12, 19, 1000), [0, 0, 0, 1, 1, 1])
    """
    if isinstance(ch_names, str):
        raise TypeError(f"ch_names={ch_names!r} was given; expected a list, [{ch_names!r}].")
    if min(n_subjects, n_windows, duration, sfreq, len(ch_names)) <= 0:
        raise ValueError(
            f"n_subjects={n_subjects}, n_windows={n_windows}, duration={duration}, "
            f"sfreq={sfreq} and {len(ch_names)} channels were given; each must be above 0."
        )
    if not all(isinstance(number, Integral) for number in (n_subjects, n_windows)):
        raise TypeError(
            f"n_subjects={n_subjects} and n_windows={n_windows} were given; expected whole numbers."
        )
    if round(duration * sfreq) < 1:
        raise ValueError(
            f"duration={duration} s at sfreq={sfreq} Hz were given; expected at least one sample."
        )
    if not 0 <= effect <= 1:
        raise ValueError(f"effect={effect} was given; expected a share from 0 to 1.")
    if line_freq is not None and line_freq <= 0:
        raise ValueError(f"line_freq={line_freq} was given; expected Hz above 0, or None.")
    n_times = round(duration * sfreq)
    rhythm = _rhythm_at(place, band, ch_names, n_times, sfreq)
    rng = np.random.default_rng(
        random_state.randint(2**31)
        if isinstance(random_state, np.random.RandomState)
        else random_state
    )
    labels = np.repeat([0, 1], [n_windows - n_windows // 2, n_windows // 2])
    subjects = [
        _subject(rng, labels, duration, sfreq, ch_names, effect, line_freq, rhythm)
        for _ in range(n_subjects)
    ]
    return Windows(
        np.concatenate(subjects).astype(np.float32),
        np.tile(labels, n_subjects).astype(np.int64),
        np.repeat(np.arange(n_subjects), n_windows),
        list(ch_names),
        float(sfreq),
        ("rest", "task"),
    )


def make_montages(
    n_subjects: int = 6,
    n_windows: int = 20,
    *,
    montages: Sequence[Sequence[str]] = MONTAGES,
    sfreqs: Sequence[float] = (200.0,),
    duration: float = 5.0,
    effect: float = 0.5,
    line_freq: float | None = 50.0,
    random_state: int | np.random.RandomState | None = None,
) -> list[Windows]:
    """Simulate subjects with different electrodes and sampling rates.

    Parameters
    ----------
    n_subjects : int, default=6
    n_windows : int, default=20
        Windows per subject.
    montages : sequence of sequence of str
        Electrodes of the first subject, of the second and so on, starting over when all are used.
        By default 19 electrodes of the 10-20 system, 32 of the 10-10 system, and 8.
    sfreqs : sequence of float, default=(200.0,)
        Sampling rates in Hz, used in turn like the montages.
    duration, effect, line_freq
        As in :func:`make_eeg`.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    list of Windows
        One per subject; ``subjects`` numbers them. :meth:`Windows.to_epochs` converts them to
        epochs, and estimators accept a list of epochs as EEG of several montages.

    Raises
    ------
    ValueError
        If there is no montage or sampling rate, or if :func:`make_eeg` refuses a value.

    Examples
    --------
    >>> from sk_brainrvq.datasets import make_montages
    >>> parts = make_montages(n_subjects=4, n_windows=6, random_state=0)
    >>> [part.X.shape[1] for part in parts], [int(part.subjects[0]) for part in parts]
    ([19, 32, 8, 19], [0, 1, 2, 3])
    """
    if n_subjects <= 0 or not len(montages) or not len(sfreqs):
        raise ValueError(
            f"n_subjects={n_subjects}, {len(montages)} montages and {len(sfreqs)} rates were "
            "given; expected at least one of each."
        )
    names = [montage for montage in montages if isinstance(montage, str)]
    if names:
        raise TypeError(f"montages holds {names}; expected a list of names for each montage.")
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    seeds = np.random.SeedSequence(random_state).generate_state(n_subjects)
    parts = []
    for subject, seed in enumerate(seeds):
        windows = make_eeg(
            1,
            n_windows,
            duration=duration,
            sfreq=sfreqs[subject % len(sfreqs)],
            ch_names=montages[subject % len(montages)],
            effect=effect,
            line_freq=line_freq,
            random_state=int(seed),
        )
        windows.subjects[:] = subject
        parts.append(windows)
    return parts


def _subject(
    rng: np.random.Generator,
    labels: NDArray,
    duration: float,
    sfreq: float,
    ch_names: Sequence[str],
    effect: float,
    line_freq: float | None,
    rhythm: "_Rhythm | None",
) -> NDArray:
    """Simulate the windows (n_windows, n_channels, n_times) of one subject."""
    shape = (len(labels), len(ch_names), round(duration * sfreq))
    times = np.arange(shape[-1]) / sfreq
    frontal = np.array([name.upper().startswith(_FRONTAL) for name in ch_names], float)
    posterior = np.array([name.upper().startswith(_POSTERIOR) for name in ch_names], float)
    signals = _background(rng, shape, sfreq)
    weakened = 1 - effect * labels
    strength = rng.uniform(8, 20) * (weakened if rhythm is None else np.ones(len(labels)))
    frequency = rng.uniform(9, 11.5)
    phase = rng.uniform(0, 2 * np.pi, (len(labels), 1))
    alpha = strength[:, None] * np.sin(2 * np.pi * frequency * times + phase)
    signals += alpha[:, None] * (0.2 + 0.8 * posterior)[:, None]
    signals += _blinks(rng, len(labels), times)[:, None] * frontal[:, None]
    signals += _muscle(rng, shape)
    if line_freq is not None and sfreq > 2 * line_freq:
        signals += rng.uniform(0.2, 1.5) * np.sin(2 * np.pi * line_freq * times)
    if rhythm is not None:
        signals += rhythm.signals(rng, weakened, len(times), sfreq)
    return signals


@dataclass(frozen=True)
class _Rhythm:
    """Noise in a band around a place; ``spread`` (n_channels,) is its gain in each channel."""

    spread: NDArray
    band: tuple[float, float]

    def signals(
        self, rng: np.random.Generator, weakened: NDArray, n_times: int, sfreq: float
    ) -> NDArray:
        """Simulate windows (n_windows, n_channels, n_times), with 6 to 12 microvolts by subject."""
        spectrum = np.fft.rfft(rng.normal(size=(len(weakened), n_times)))
        frequencies = np.fft.rfftfreq(n_times, 1 / sfreq)
        spectrum[:, (frequencies < self.band[0]) | (frequencies >= self.band[1])] = 0
        noise = np.fft.irfft(spectrum, n_times)
        noise *= rng.uniform(6, 12) * (weakened / noise.std(1))[:, None]
        return noise[:, None] * self.spread[:, None]


def _rhythm_at(
    place: str | None,
    band: tuple[float, float] | None,
    ch_names: Sequence[str],
    n_times: int,
    sfreq: float,
) -> _Rhythm | None:
    if place is None:
        if band is not None:
            raise ValueError(
                f"band={band} was given without a place; also pass an electrode as place=...."
            )
        return None
    from sk_brainrvq.signals.electrodes.positions import template_directions

    directions = template_directions()
    unknown = [name for name in (place, *ch_names) if str(name).upper() not in directions]
    if unknown:
        raise ValueError(
            f"place={place!r} was given for {len(ch_names)} channels; {unknown} are not electrodes "
            "of the 10-05 system, so their distances are unknown."
        )
    low, high = (8.0, 13.0) if band is None else band
    frequencies = np.fft.rfftfreq(n_times, 1 / sfreq)
    if not 0 < low < high <= sfreq / 2 or not ((low <= frequencies) & (frequencies < high)).any():
        raise ValueError(
            f"band={band} was given; expected two frequencies in Hz, the lower one first, up to "
            f"{sfreq / 2:g}, and windows long enough to resolve them."
        )
    wanted = directions[place.upper()]
    cosines = np.array([directions[name.upper()] @ wanted for name in ch_names])
    return _Rhythm(np.exp(_CONCENTRATION * (cosines - 1)), (low, high))


def _background(rng: np.random.Generator, shape: tuple, sfreq: float) -> NDArray:
    """1/f noise of 10 microvolts, partly common to all channels."""
    own = rng.normal(size=shape)
    common = rng.normal(size=(shape[0], 1, shape[2]))
    spectrum = np.fft.rfft(0.8 * own + 0.6 * common)
    frequencies = np.fft.rfftfreq(shape[-1], 1 / sfreq)
    spectrum /= np.sqrt(np.maximum(frequencies, 0.5))
    noise = np.fft.irfft(spectrum, shape[-1])
    return 10 * noise / noise.std()


def _blinks(rng: np.random.Generator, n_windows: int, times: NDArray) -> NDArray:
    """A blink of about 100 microvolts in every third window."""
    height = 100 * (rng.random(n_windows) < 1 / 3)
    centre = rng.uniform(0, times[-1] + 1e-9, n_windows)
    return height[:, None] * np.exp(-(((times - centre[:, None]) / 0.1) ** 2))


def _muscle(rng: np.random.Generator, shape: tuple) -> NDArray:
    """White bursts of 8 microvolts in one channel of every tenth window."""
    burst = rng.random(shape[:2]) < 1 / (10 * shape[1])
    return 8 * burst[..., None] * rng.normal(size=shape)
