"""Checks of codes, and of the channels that users name."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import PatchGroup, canonical_name
from sk_brainrvq.signals.sources.arrays import n_dimensions
from sk_brainrvq.signals.sources.registry import source_of


def channel_order(found: Sequence[str], wanted: Sequence[str]) -> tuple[list[int], list[str]]:
    """Find the position of each wanted channel among those found.

    The same spelling is preferred; otherwise another spelling of the electrode that is still free
    is used.

    Parameters
    ----------
    found, wanted : sequence of str

    Returns
    -------
    order : list of int
        Position of each wanted channel that was found.
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
    """Whether two lists name the same channels, in any order and spelling."""
    if first is None or second is None:
        return False
    return sorted(map(canonical_name, first)) == sorted(map(canonical_name, second))


def is_2d_array(X: Any) -> bool:
    """Whether X is a 2-D array, which holds epochs of one channel."""
    return source_of(X).is_array and n_dimensions(X) == 2


def check_n_patches(group: PatchGroup, config: Mapping[str, Any]) -> PatchGroup:
    """Return the group; raise InvalidEEGError unless it has the length a flattened head needs.

    Parameters
    ----------
    group : PatchGroup
    config : mapping
        Configuration of the network with the head.
    """
    fitted = config.get("n_patches")
    if fitted is not None and group.n_patches != fitted:
        raise InvalidEEGError(
            f"X has epochs of {group.n_patches} patches of 1 s, but head='flatten' was fitted on "
            f"{fitted}. Cut epochs as in fit, or use head='mean' or head='attention'."
        )
    return group


def check_codes(X: Any, n_channels: int, quantizers: Sequence[Any]) -> NDArray:
    """Return codes as int64, or raise an InvalidEEGError that says what is wrong with them.

    Parameters
    ----------
    X : array-like
    n_channels : int
        Number of channels in fit.
    quantizers : sequence of ResidualVectorQuantizer
        Quantizers that made the codes, one per domain.

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers), int64
    """
    codes, n_levels = np.asarray(X), quantizers[0].n_quantizers
    expected = f"(n_epochs, {n_channels}, n_patches, 2, {n_levels})"
    fits = codes.ndim == 5 and codes.shape[1] == n_channels
    if not fits or codes.shape[3:] != (2, n_levels) or 0 in codes.shape:
        raise InvalidEEGError(
            f"The codes have shape {codes.shape}; expected {expected}, as transform returns them."
        )
    if codes.dtype.kind not in "iu":
        raise InvalidEEGError(f"The codes are {codes.dtype}; expected integers.")
    for domain, quantizer in enumerate(quantizers):
        for level, size in enumerate(quantizer.codebook_sizes):
            used = codes[..., domain, level]
            if used.min() < 0 or used.max() >= size:
                raise InvalidEEGError(
                    f"Codes of domain {domain}, level {level} run from {used.min()} to "
                    f"{used.max()}, but the codebook has codes 0 to {size - 1}."
                )
    return codes.astype(np.int64)
