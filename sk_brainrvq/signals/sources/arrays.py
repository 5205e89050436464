"""Arrays of epochs, and checks of what users pass as arrays."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.signals.electrodes import check_ch_names
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ
from sk_brainrvq.signals.sources.channels import warn_of_other_kinds
from sk_brainrvq.signals.sources.source import ReadSettings, Source
from sk_brainrvq.signals.units import UNITS
from sk_brainrvq.user_warnings import warn

# Libraries whose arrays are read only when indexed.
_READ_IN_PARTS = ("zarr", "h5py", "dask")

# Seconds: a period of alpha.
_SHORTEST_RHYTHM = 0.1


class ArraySource(Source):
    """Arrays, and everything that can be converted to one: nested lists, tensors, tables."""

    is_array = True

    def accepts(self, X: Any) -> bool:
        """Whether X is an array; nested lists and tables are accepted as what is left."""
        return is_array(X)

    def blocks(self, X: Any, settings: ReadSettings) -> list[EpochBlock]:
        """One block."""
        array = settings.check_array(X)
        blocks = blocks_from_array(
            array, settings.sfreq, settings.ch_names, settings.unit, as_ndarray(X)
        )
        warn_of_other_kinds(blocks[0].ch_names or (), settings.known_as_eeg)
        return blocks

    def brings_rate(self, X: Any) -> bool:
        """Return False: an array holds only numbers."""
        return False


def as_ndarray(X: Any) -> str:
    """Code with which a user can index and transpose X as in numpy, for advice in messages.

    Examples
    --------
    >>> from sk_brainrvq.signals.sources.arrays import as_ndarray
    >>> as_ndarray([[1.0, 2.0]])
    'np.asarray(X)'
    """
    if isinstance(X, np.ndarray):
        return "X"
    return "X.to_numpy()" if hasattr(X, "to_numpy") else "np.asarray(X)"


def blocks_from_array(
    X: NDArray,
    sfreq: float | None,
    ch_names: Sequence[str] | None,
    unit: str,
    written: str = "X",
) -> list[EpochBlock]:
    """One block of a numeric array.

    Parameters
    ----------
    X : ndarray, shape (n_epochs, n_times) or (n_epochs, n_channels, n_times)
        2-D arrays hold one channel.
    sfreq : float or None
        None means 200 Hz.
    ch_names : sequence of str, or None
    unit : {"uV", "mV", "V"}
    written : str, default="X"
        Name of X in advice, as returned by :func:`as_ndarray`.

    Returns
    -------
    list of one EpochBlock
    """
    check_unit(unit)
    if X.ndim == 2:
        _refuse_one_epoch(X, ch_names, written)
        X = X[:, None, :]
    if X.ndim != 3:
        raise InvalidEEGError(
            f"X has {X.ndim} dimensions {X.shape}; expected (n_epochs, n_channels, n_times), or "
            "(n_epochs, n_times) for one channel."
        )
    if 0 in X.shape:
        raise InvalidEEGError(
            f"X has shape {X.shape}; at least one epoch, one channel and one sample are needed."
        )
    _look_at_axes(X, ch_names, written)
    _look_at_length(X, sfreq, written)
    names = None if ch_names is None else check_ch_names(ch_names, X.shape[1])
    rate = TARGET_SFREQ if sfreq is None else check_sfreq(sfreq)
    return [EpochBlock(X, UNITS[unit], rate, names, np.arange(X.shape[0]), unit=unit)]


def _look_at_length(X: NDArray, sfreq: float | None, written: str) -> None:
    """Warn of epochs that are too short to hold a rhythm: their last axis may not be time."""
    n_epochs, n_channels, n_times = X.shape
    seconds = n_times / (TARGET_SFREQ if sfreq is None else check_sfreq(sfreq))
    if n_epochs > n_times and seconds < _SHORTEST_RHYTHM:
        channels = f"{n_channels} channels" if n_channels > 1 else "one channel"
        warn(
            f"X is read as {n_epochs} epochs of {channels} and {n_times} samples ({seconds:.2g} s "
            "each). Is its first axis time? For one recording of (times, channels) pass "
            f"{written}.T[None], for (times, channels, trials) {written}.transpose(2, 1, 0)."
        )


def _refuse_one_epoch(X: NDArray, ch_names: Sequence[str] | None, written: str) -> None:
    """Raise InvalidEEGError for (channels, times), which looks like epochs of one channel."""
    n_names = 1 if ch_names is None or isinstance(ch_names, str | bytes) else len(ch_names)
    if n_names > 1 and n_names in X.shape:
        rows = f"{written}[None]" if n_names == len(X) else f"{written}.T[None]"
        raise InvalidEEGError(
            f"X has shape {X.shape}, and 2-D arrays are (n_epochs, n_times) of one channel, but "
            f"ch_names has {n_names} names. For one epoch of {n_names} channels pass {rows}."
        )


def _look_at_axes(X: NDArray, ch_names: Sequence[str] | None, written: str) -> None:
    """Warn of arrays whose channel and time axes seem to be swapped."""
    n_channels, n_times = X.shape[1:]
    if n_channels > n_times and ch_names is None:
        warn(
            f"X has shape {X.shape}, more channels ({n_channels}) than samples ({n_times}). "
            "Expected (n_epochs, n_channels, n_times); if the axes are swapped, pass "
            f"{written}.transpose(0, 2, 1)."
        )


def check_unit(unit: Any) -> None:
    """Raise InvalidEEGError for an unknown unit."""
    if not isinstance(unit, str) or unit not in UNITS:
        raise InvalidEEGError(f"unit={unit!r} was given; expected one of 'uV', 'mV', 'V'.")


def check_sfreq(sfreq: Any) -> float:
    """Sampling rate as float; raise InvalidEEGError unless from 1 to 100,000 Hz."""
    try:
        rate = float(sfreq)
    except (TypeError, ValueError, OverflowError):
        rate = float("nan")
    if not 1 <= rate <= 1e5:
        raise InvalidEEGError(
            f"sfreq={sfreq!r} was given; expected a sampling rate in Hz, from 1 to 100,000."
        )
    return rate


def check_is_array(X: Any, estimator: str) -> None:
    """Raise InvalidEEGError for anything that cannot be an array of epochs."""
    expected = (
        f"{estimator} expects an array (n_epochs, n_channels, n_times), or (n_epochs, n_times) "
        "for one channel, or mne.Epochs."
    )
    kind = type(X).__name__
    if X is None or isinstance(X, (str, Path)):
        raise InvalidEEGError(f"X is {'None' if X is None else 'of type ' + kind}; {expected}")
    check_container(X, estimator)
    if isinstance(X, np.ma.MaskedArray):
        raise InvalidEEGError(f"X is a masked array, whose mask would be lost; {expected}")
    if isinstance(X, (list, tuple)):
        try:
            np.asarray(X)
        except ValueError as error:
            raise InvalidEEGError(
                f"X is a list of parts of different lengths; {expected}"
            ) from error
    n_axes = n_dimensions(X)
    if n_axes < 2:
        raise InvalidEEGError(
            f"X has {n_axes} dimension{'s' * (n_axes != 1)}; {expected} Reshape your data: one "
            "epoch of one channel is X[None, :]."
        )
    if hasattr(X, "shape") and n_axes > 2 and 0 in X.shape:
        raise InvalidEEGError(
            f"X is empty, with shape {tuple(X.shape)}; {expected} At least one epoch, one channel "
            "and one sample are needed."
        )


def check_container(X: Any, estimator: str) -> None:
    """Raise InvalidEEGError for containers of EEG or paths that are not supported.

    Parameters
    ----------
    X : object
        Anything but a recording, Epochs, a dataset, a corpus or a list of these.
    estimator : str
        Its name, for the message.
    """
    kind = type(X).__name__
    _refuse_mne_objects(X, estimator)
    if issparse(X):  # some are mappings; they have their own error
        return
    if isinstance(X, Mapping):
        found = f"of type {kind}, with keys {', '.join(map(repr, islice(X, 3)))}"
        advice = "Pass one of its values, or all of them: list(X.values())."
    elif isinstance(X, Iterator) or _is_bag(X):
        found, advice = f"of type {kind}", "Pass a list: list(X)."
    elif isinstance(X, (list, tuple)) and not X:
        found, advice = f"an empty {kind}", "Did a pattern of file names match nothing?"
    elif _is_column_of_objects(X):
        found, advice = f"a 1-D {kind} of text or objects", "Pass a list: X.tolist()."
    elif _is_list_of_pairs(X):
        found = f"a list of {len(X[0])}-tuples (x, y, ...), as scikit-learn makes of a dataset of "
        found += "torch or braindecode when it splits it: names and rate of its channels are lost"
        advice = (
            "Pass SliceDataset(dataset, idx=0) of skorch.helper as X, which can be split, and the "
            "targets as y. For recordings that have not been cut, use sk_brainrvq.Recordings."
        )
    else:
        return
    raise InvalidEEGError(
        f"X is {found}; {estimator} expects a numeric array (n_epochs, n_channels, n_times), "
        "mne.Epochs, mne.io.Raw, a path, a braindecode dataset, an EEGCorpus, Recordings, or a "
        f"list of these. {advice}"
    )


def _refuse_mne_objects(X: Any, estimator: str) -> None:
    """Raise InvalidEEGError for MNE objects without single trials, also in a list."""
    items = X if isinstance(X, (list, tuple)) else [X]
    kinds = [type(x).__name__ for x in items if type(x).__module__.split(".")[0] == "mne"]
    if not kinds:
        return
    found = f"of type {kinds[0]}"
    if items is X:
        found = f"a list of {', '.join(sorted(set(kinds)))}"
        if len(kinds) < len(items):
            found = f"a list that mixes MNE objects ({kinds[0]}) with others"
    advice = "Pass the recording or the epochs that it was made from."
    if "Evoked" in kinds[0]:
        advice = (
            "An average holds no single trials: pass the epochs that it was made from, or "
            "evoked.data[None] with sfreq=evoked.info['sfreq'], ch_names=evoked.ch_names and "
            "unit='V'."
        )
    raise InvalidEEGError(
        f"X is {found}; {estimator} expects mne.Epochs, mne.io.Raw, an array (n_epochs, "
        f"n_channels, n_times) or (n_epochs, n_times) for one channel, or a path. {advice}"
    )


def _is_bag(X: Any) -> bool:
    """Whether X is a set or similar, and neither an array nor a table."""
    return isinstance(X, Collection) and not (
        isinstance(X, Sequence) or hasattr(X, "__array__") or hasattr(X, "ndim")
    )


def _is_list_of_pairs(X: Any) -> bool:
    """Whether X is a list of items as datasets return them: signals and a target."""
    return (
        isinstance(X, (list, tuple))
        and len(X) > 0
        and all(isinstance(x, tuple) and len(x) in (2, 3) for x in X)
        and all(is_array(x[0]) and x[0].ndim == 2 and np.ndim(x[1]) == 0 for x in X)
    )


def _is_column_of_objects(X: Any) -> bool:
    """Whether X is a 1-D array, or a column of a table, of paths or recordings."""
    if getattr(X, "ndim", None) != 1 or not hasattr(X, "tolist"):
        return False
    if getattr(getattr(X, "dtype", None), "kind", "O") in "biufc":
        return False
    values = X.tolist()
    return bool(values) and not isinstance(values[0], (Real, complex))


def n_dimensions(X: Any) -> int:
    """Number of dimensions of anything that can become an array."""
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def is_array(X: Any) -> bool:
    """Whether X is a numpy array, a tensor, or an array of zarr, h5py or dask."""
    if isinstance(X, np.ndarray):
        return True
    library = type(X).__module__.split(".")[0]
    return library in (*_READ_IN_PARTS, "torch") and hasattr(X, "shape") and hasattr(X, "dtype")


def is_read_in_parts(X: Any) -> bool:
    """Whether X is a 3-D array of zarr, h5py or dask, which is read as it is needed."""
    library = type(X).__module__.split(".")[0]
    return library in _READ_IN_PARTS and getattr(X, "ndim", 0) == 3


def to_numbers(X: Any) -> Any:
    """Return X, or raise an error that names the type of an array of text, objects or dates.

    Tensors become arrays, bfloat16 becomes float32; arrays that are read in parts are unchanged.
    """
    if type(X).__module__.split(".")[0] == "torch":
        X = X.detach().cpu()
        X = (X.float() if str(X.dtype) == "torch.bfloat16" else X).numpy()
    dtype = getattr(X, "dtype", None)
    if dtype is None and isinstance(X, (list, tuple)):
        X = np.asarray(X)
        dtype = X.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        raise InvalidEEGError(
            f"X holds dates or durations ({dtype}), not signals. Expected a numeric array "
            "(n_epochs, n_channels, n_times) or mne.Epochs."
        )
    if isinstance(dtype, np.dtype) and dtype.kind in "USO":
        try:
            return np.asarray(X).astype(np.float64)
        except (TypeError, ValueError) as error:
            # scikit-learn expects the class of the error that numpy raised.
            kind = TypeError if isinstance(error, TypeError) else InvalidEEGError
            raise kind(
                f"X holds text or objects ({dtype}), not numbers: {error}. Expected a numeric "
                "array (n_epochs, n_channels, n_times) or mne.Epochs."
            ) from error
    return X
