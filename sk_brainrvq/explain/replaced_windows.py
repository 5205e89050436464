"""Windows with replaced signals that an estimator reads exactly like the original ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.explain.models import checked_subjects
from sk_brainrvq.signals import EpochBlock, ReadSettings, Source, read_blocks
from sk_brainrvq.signals.filters.settings import checked_filters
from sk_brainrvq.signals.reading import bad_channel_policy, checked_reading, known_as_eeg
from sk_brainrvq.user_warnings import quiet


@dataclass(frozen=True)
class ReplacedWindows:
    """Windows of one montage, sampling rate and length.

    Attributes
    ----------
    block : EpochBlock
        The block as read, with ``data`` (n_windows, n_channels, n_times) in the caller's order.
    names : list of str
        Names of the channels.
    subjects : ndarray of object, shape (n_windows,), or None
    as_array : bool
        Whether the model has no estimator of this package, and therefore takes arrays.
    """

    block: EpochBlock
    names: list[str]
    subjects: NDArray | None
    as_array: bool = False

    def __len__(self) -> int:
        return len(self.data)

    @property
    def data(self) -> NDArray:
        """Signals (n_windows, n_channels, n_times), float64, in their original unit."""
        return self.block.data

    @property
    def sfreq(self) -> float:
        """Sampling rate in Hz."""
        return self.block.sfreq

    def with_data(self, data: NDArray) -> Any:
        """Return the same windows with other signals, as the model takes them."""
        return data if self.as_array else replace(self, block=replace(self.block, data=data))


class ReplacedWindowsSource(Source):
    """``ReplacedWindows``, which are processed like the windows that they were made from."""

    def accepts(self, X: Any) -> bool:
        """Whether X is of this kind."""
        return isinstance(X, ReplacedWindows)

    def blocks(self, X: ReplacedWindows, settings: ReadSettings) -> Iterator[EpochBlock]:
        """Yield the block, which is already read and cut."""
        yield X.block


def read_windows(reader: Any, X: Any, subjects: Any) -> ReplacedWindows:
    """Read the windows of X like an estimator of this package.

    Parameters
    ----------
    reader : estimator of this package
        Fitted step of a model that takes EEG.
    X : ndarray, mne.Epochs, mne.io.Raw, path, Recordings, or a list of these
    subjects : array-like, shape (n_windows,), or None
        Subject of each window, overriding those of the container.

    Returns
    -------
    ReplacedWindows

    Raises
    ------
    InvalidEEGError
        If there are fewer than two windows, or if they differ in channels, rate or length.
    """
    with quiet(""):  # the model has already warned when it decided on X
        blocks = list(read_blocks(X, _settings(reader)))
    kinds = {(tuple(b.ch_names or ()), b.sfreq, b.data.shape[1:]) for b in blocks}
    if len(kinds) > 1:
        raise InvalidEEGError(
            f"X holds windows of {len(kinds)} kinds, which differ in channels, rate or length; an "
            "explanation has one value for each channel and second. Explain the kinds separately."
        )
    index = np.concatenate([block.index for block in blocks])
    if len(set(index.tolist())) < len(index):
        raise InvalidEEGError(
            "X is a corpus of windows above 30 s, which it keeps in parts. Explain shorter "
            "windows, or pass the recordings."
        )
    order = np.argsort(index)
    data = np.concatenate([np.asarray(block.data, dtype=np.float64) for block in blocks])[order]
    check_number(len(data))
    known = _named(blocks, order) if subjects is None else None
    people = checked_subjects(subjects, len(data)) if subjects is not None else known
    block = replace(
        blocks[0],
        data=data,
        index=np.arange(len(data)),
        subjects=people,
        segment=None,
        bad_channels=None if blocks[0].bad_channels is None else {},
    )
    names = blocks[0].ch_names or [f"channel {i}" for i in range(data.shape[1])]
    return ReplacedWindows(block, list(names), people)


def windows_of_array(X: Any, sfreq: Any, ch_names: Any, subjects: Any) -> ReplacedWindows:
    """Make windows of an array for a model without an estimator of this package.

    Parameters
    ----------
    X : ndarray, shape (n_windows, n_channels, n_times)
    sfreq : float
    ch_names : sequence of str, or None
    subjects : array-like, shape (n_windows,), or None

    Returns
    -------
    ReplacedWindows

    Raises
    ------
    ValueError
        If X is not such an array, or if the sampling rate is not given.
    """
    if not isinstance(X, np.ndarray) or X.ndim != 3:
        shape = f"an array of shape {X.shape}" if isinstance(X, np.ndarray) else type(X).__name__
        raise InvalidEEGError(
            f"{shape} was given; expected an array (n_windows, n_channels, n_times) for a model "
            "without an estimator of sk_brainrvq."
        )
    if sfreq is None:
        raise InvalidEEGError(
            "An array was given, which has no sampling rate, and no estimator of sk_brainrvq in "
            "the model knows it. Pass sfreq=..., in Hz."
        )
    check_number(len(X))
    names = [f"channel {i}" for i in range(X.shape[1])] if ch_names is None else list(ch_names)
    if len(names) != X.shape[1]:
        raise InvalidEEGError(f"{len(names)} ch_names were given for {X.shape[1]} channels.")
    people = checked_subjects(subjects, len(X))
    block = EpochBlock(X.astype(np.float64), 1.0, float(sfreq), names, np.arange(len(X)))
    return ReplacedWindows(block, names, people, as_array=True)


def check_number(n_windows: int) -> None:
    """Raise InvalidEEGError if there are fewer than two windows."""
    if n_windows < 2:
        raise InvalidEEGError(
            f"{n_windows} window was given; expected at least 2, because parts are replaced with "
            "the mean over the person's windows. Pass all windows of the person, and select one "
            "with explanation.window(number)."
        )


def known_people(reader: Any, X: Any) -> NDArray | None:
    """Return the subjects of the windows of X from the container; None if some are unknown.

    Parameters
    ----------
    reader : estimator of this package
        Fitted estimator.
    X : as in :func:`read_windows`

    Returns
    -------
    ndarray of object, shape (n_windows,), or None
    """
    blocks = list(read_blocks(X, _settings(reader)))
    return _named(blocks, np.argsort(np.concatenate([block.index for block in blocks])))


def _named(blocks: list[EpochBlock], order: NDArray) -> NDArray | None:
    parts = [
        np.full(len(b.data), None, dtype=object) if b.subjects is None else b.subjects
        for b in blocks
    ]
    people = np.concatenate(parts)[order]
    return None if any(person is None for person in people) else people


def _settings(reader: Any) -> ReadSettings:
    info = reader.weights_.info
    names = reader.ch_names if reader.ch_names is not None else reader.ch_names_in_
    return ReadSettings(
        *(reader.sfreq, names, reader.unit, reader.window, reader.overlap),
        checked_filters(reader.filters).resolve(info.get("filters", {})),
        on_error=checked_reading(reader.reading).on_error,
        bad_channels=bad_channel_policy(reader.reading),
        read_options=checked_reading(reader.reading).read_options,
        known_as_eeg=known_as_eeg(reader.reading),
    )
