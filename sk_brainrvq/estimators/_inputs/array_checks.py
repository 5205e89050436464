"""Checks of what users hand over as arrays, and of the channels they name."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import canonical_name
from sk_brainrvq.signals.sources.registry import is_plain_array


def check_is_array(X: Any, estimator: str) -> None:
    """Raise InvalidEEGError for what cannot be an array of epochs."""
    expected = (
        f"{estimator} expects an array (n_epochs, n_channels, n_times), or (n_epochs, n_times) "
        "for one channel, or mne.Epochs."
    )
    kind = type(X).__name__
    module = type(X).__module__.split(".")[0]
    if X is None or isinstance(X, (str, Path)) or module == "mne":
        raise InvalidEEGError(f"X is {'None' if X is None else 'of type ' + kind}; {expected}")
    check_container(X, estimator)
    if isinstance(X, np.ma.MaskedArray):
        raise InvalidEEGError(f"X is a masked array, whose mask would be lost; {expected}")
    if isinstance(X, (list, tuple)):
        if any(type(x).__module__.split(".")[0] == "mne" for x in X):
            raise InvalidEEGError(f"X is a list that mixes MNE objects with others; {expected}")
        try:
            np.asarray(X)
        except ValueError as error:
            raise InvalidEEGError(
                f"X is a list of parts of different length; {expected}"
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
    """Raise InvalidEEGError for what holds EEG, or its paths, but is neither an array nor a list.

    Parameters
    ----------
    X : object
        What is neither a recording, Epochs, a dataset, a corpus nor a list of these.
    estimator : str
        Its name, for the message.
    """
    kind = type(X).__name__
    if type(X).__module__.split(".")[0] == "mne":
        return  # some are iterators too; they have an error of their own
    if isinstance(X, Mapping):
        found = f"of type {kind}, with keys {', '.join(map(repr, islice(X, 3)))}"
        advice = "Pass one of its values, or all of them: list(X.values())."
    elif isinstance(X, Iterator) or _is_bag(X):
        found, advice = f"of type {kind}", "Pass a list: list(X)."
    elif _is_column_of_objects(X):
        found, advice = f"a 1-D {kind} of text or objects", "Pass a list: X.tolist()."
    else:
        return
    raise InvalidEEGError(
        f"X is {found}; {estimator} expects a numeric array (n_epochs, n_channels, n_times), "
        "mne.Epochs, mne.io.Raw, a path, a braindecode dataset, an EEGCorpus, or a list of these. "
        f"{advice}"
    )


def _is_bag(X: Any) -> bool:
    """Whether X is a set or the like, that is no array and no table either."""
    return isinstance(X, Collection) and not (
        isinstance(X, Sequence) or hasattr(X, "__array__") or hasattr(X, "ndim")
    )


def _is_column_of_objects(X: Any) -> bool:
    """Whether X is a 1-D array, or a column of a table, of paths or recordings."""
    if getattr(X, "ndim", None) != 1 or not hasattr(X, "tolist"):
        return False
    if getattr(getattr(X, "dtype", None), "kind", "O") in "biufc":
        return False
    values = X.tolist()
    return bool(values) and not isinstance(values[0], (Real, complex))


def channel_order(found: Sequence[str], wanted: Sequence[str]) -> tuple[list[int], list[str]]:
    """Where each wanted channel is among those found.

    The same spelling goes first; then another spelling of the electrode that is not taken yet.

    Parameters
    ----------
    found, wanted : sequence of str

    Returns
    -------
    order : list of int
        Position of each wanted channel that is there.
    missing : list of str
    """
    left = {name: i for i, name in enumerate(found)}
    exact = {name: left.pop(name) for name in wanted if name in left}
    places, missing = dict(exact), []
    for name in wanted:
        if name in exact:
            continue
        other = next((n for n in left if canonical_name(n) == canonical_name(name)), None)
        if other is None:
            missing.append(name)
        else:
            places[name] = left.pop(other)
    return [places[name] for name in wanted if name in places], missing


def has_same_channels(first: Sequence[str] | None, second: Sequence[str] | None) -> bool:
    """Whether two lists name the same channels, in whatever order and spelling."""
    if first is None or second is None:
        return False
    return sorted(map(canonical_name, first)) == sorted(map(canonical_name, second))


def is_2d_array(X: Any) -> bool:
    """Whether X is an array of one channel's epochs."""
    return is_plain_array(X) and n_dimensions(X) == 2


def n_dimensions(X: Any) -> int:
    """Number of dimensions of anything that can become an array."""
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def to_numbers(X: Any) -> Any:
    """X, or an error that names the type where an array of text or objects was given."""
    dtype = getattr(X, "dtype", None)
    if dtype is None and isinstance(X, (list, tuple)):
        X = np.asarray(X)
        dtype = X.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "USO":
        try:
            return np.asarray(X).astype(np.float64)
        except (TypeError, ValueError) as error:
            # scikit-learn asks for the class of the error that numpy raised.
            kind = TypeError if isinstance(error, TypeError) else InvalidEEGError
            raise kind(
                f"X holds text or objects ({dtype}), not numbers: {error}. Expected a numeric "
                "array (n_epochs, n_channels, n_times) or mne.Epochs."
            ) from error
    return X


def check_codes(X: Any, n_channels: int, quantizers: Sequence[Any]) -> NDArray:
    """Codes as int64, or an InvalidEEGError that says what is wrong with them.

    Parameters
    ----------
    X : array-like
    n_channels : int
        Channels of fit.
    quantizers : sequence of ResidualVectorQuantizer
        What made the codes: one a domain.

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers), int64
    """
    codes, n_levels = np.asarray(X), quantizers[0].n_quantizers
    expected = f"(n_epochs, {n_channels}, n_patches, 2, {n_levels})"
    fits = codes.ndim == 5 and codes.shape[1] == n_channels
    if not fits or codes.shape[3:] != (2, n_levels) or 0 in codes.shape:
        raise InvalidEEGError(
            f"The codes have shape {codes.shape}; expected {expected}, as transform gives them."
        )
    if codes.dtype.kind not in "iu":
        raise InvalidEEGError(f"The codes are {codes.dtype}; expected integers.")
    for domain, quantizer in enumerate(quantizers):
        for level, size in enumerate(quantizer.codebook_sizes):
            used = codes[..., domain, level]
            if used.min() < 0 or used.max() >= size:
                raise InvalidEEGError(
                    f"Codes of domain {domain}, level {level} run from {used.min()} to "
                    f"{used.max()}; that codebook has codes 0 to {size - 1}."
                )
    return codes.astype(np.int64)
