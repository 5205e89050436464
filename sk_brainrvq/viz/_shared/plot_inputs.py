"""Check the inputs of figures: EEG as an estimator sees it, tokenizers and codes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder
from sk_brainrvq.signals import EpochBlock, PatchGroup, ReadSettings, read_blocks, stream
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.electrodes import canonical_name
from sk_brainrvq.signals.filters.filtering import filter_epochs
from sk_brainrvq.signals.filters.settings import FilterSettings, checked_filters
from sk_brainrvq.signals.reading import bad_channel_policy, checked_reading, known_as_eeg
from sk_brainrvq.signals.sources.channels import averaged_channels
from sk_brainrvq.viz._shared.style import DOMAINS


@dataclass
class Signals:
    """One epoch at its original sampling rate.

    Attributes
    ----------
    data : ndarray, shape (n_channels, n_times)
        Signals in microvolts, after the filters of the estimator.
    sfreq : float
        Sampling rate in Hz.
    names : list of str
    part : ndarray or mne.Epochs
        Part of X that contains the epoch, for the methods of the estimator.
    row : int
        Number of the epoch in this part.
    """

    data: NDArray
    sfreq: float
    names: list[str]
    part: Any
    row: int


def read_epoch(estimator: Any, X: Any, epoch: int) -> Signals:
    """Read the signals of one epoch of anything that the estimator accepts.

    Parameters
    ----------
    estimator : estimator of this package
        Fitted.
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
    epoch : int
        Number of the epoch, from 0.

    Returns
    -------
    Signals

    Raises
    ------
    ValueError
        If X has no such epoch.
    """
    block = epoch_of(X, _settings(estimator), epoch)
    data = _microvolts(block, _filters(estimator), known_as_eeg(estimator.reading))[0]
    # If X can be sliced, only this epoch has to go through the network.
    sliceable = isinstance(X, np.ndarray) or (hasattr(X, "get_data") and hasattr(X, "events"))
    part, row = (X[epoch : epoch + 1], 0) if sliceable else (X, epoch)
    return Signals(data, block.sfreq, names_of(block.ch_names, block.n_channels), part, row)


def epoch_of(X: Any, settings: ReadSettings, epoch: int) -> EpochBlock:
    """Read one epoch of anything that holds EEG, as a separate block.

    Parameters
    ----------
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
    settings : ReadSettings
    epoch : int
        Number of the epoch, from 0.

    Returns
    -------
    EpochBlock

    Raises
    ------
    ValueError
        If X cannot be used as EEG or has no such epoch.
    """
    blocks = list(read_blocks(X, settings))
    check_epoch(epoch, 1 + max(int(block.index.max()) for block in blocks))
    block = next(block for block in blocks if epoch in block.index)
    rows = np.flatnonzero(block.index == epoch)
    return replace(block, data=block.data[rows], index=block.index[rows])


def read_patches(estimator: Any, X: Any) -> list[PatchGroup]:
    """Read the patches of X as the network of the estimator sees them.

    Parameters
    ----------
    estimator : estimator of this package
        Fitted.
    X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these

    Returns
    -------
    list of PatchGroup
        Signals in units of 100 microvolts at 200 Hz, with the rows of the electrode table.
    """
    info = estimator.weights_.info
    groups = stream(
        read_blocks(X, _settings(estimator)),
        trained_rows=info.get("trained_rows"),
        official=info.get("official", False),
        electrode_map=checked_reading(estimator.reading).electrode_map,
        filters=_filters(estimator),
        bad_channels=_bad_channels(estimator),
        warn=False,
    )
    return list(groups)


def _settings(estimator: Any) -> ReadSettings:
    names = estimator.ch_names if estimator.ch_names is not None else estimator.ch_names_in_
    return ReadSettings(
        estimator.sfreq,
        names,
        estimator.unit,
        estimator.window,
        estimator.overlap,
        _filters(estimator),
        bad_channels=_bad_channels(estimator),
        known_as_eeg=known_as_eeg(estimator.reading),
    )


def _bad_channels(estimator: Any) -> BadChannelPolicy:
    """Treat bad channels like the estimator, but without warnings."""
    policy = bad_channel_policy(estimator.reading)
    return BadChannelPolicy("keep") if policy.action == "warn" else policy


def _filters(estimator: Any) -> FilterSettings:
    """Filters of the estimator; "auto" means those that its weights were trained with."""
    return checked_filters(estimator.filters).resolve(estimator.weights_.info.get("filters", {}))


def _microvolts(block: EpochBlock, filters: FilterSettings, placed: Collection[str]) -> NDArray:
    data = np.asarray(block.data, dtype=np.float64) * block.to_microvolts
    if filters == FilterSettings() or block.filtered:
        return data
    names = block.ch_names
    return filter_epochs(
        data,
        block.sfreq,
        filters,
        highpass=block.highpass,
        lowpass=block.lowpass,
        ch_names=names,
        averaged=averaged_channels(filters.reference, names, block.positions, placed),
    )


def names_of(ch_names: Any, n_channels: int) -> list[str]:
    """Return names of channels: as given, those of an MNE object, or their numbers.

    Parameters
    ----------
    ch_names : sequence of str, mne.Epochs, mne.io.Raw, mne.Info or None
    n_channels : int

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If the numbers of names and channels differ.
    """
    if ch_names is None:
        return [f"channel {i}" for i in range(n_channels)]
    names = list(eeg_names(ch_names) if hasattr(ch_names, "ch_names") else ch_names)
    if len(names) != n_channels:
        raise ValueError(f"{len(names)} ch_names were given for {n_channels} channels.")
    return [str(name) for name in names]


def eeg_names(recording: Any) -> list[str]:
    """Return the good EEG channels of an MNE object, which are those that estimators read."""
    import mne

    info = getattr(recording, "info", recording)
    picks = mne.pick_types(info, eeg=True, exclude="bads")
    return [info["ch_names"][pick] for pick in picks]


def check_epoch(epoch: int, n_epochs: int) -> None:
    """Raise ValueError unless ``epoch`` is one of ``n_epochs``, counted from 0."""
    if not 0 <= epoch < n_epochs:
        raise ValueError(f"epoch={epoch} was given; expected a number from 0 to {n_epochs - 1}.")


def channel_number(channel: int | str, names: Sequence[str]) -> int:
    """Return the number of a channel given by number or name; raise ValueError if not found."""
    if isinstance(channel, str):
        if channel in names:
            return list(names).index(channel)
        wanted = canonical_name(channel)
        found = [number for number, name in enumerate(names) if canonical_name(name) == wanted]
        if len(found) == 1:
            return found[0]
        fits = f"fits {[names[number] for number in found]}; " if found else ""
        raise ValueError(f"channel={channel!r} was given; {fits}the channels are {list(names)}.")
    if not 0 <= channel < len(names):
        raise ValueError(
            f"channel={channel} was given; expected a number from 0 to {len(names) - 1} or a name."
        )
    return channel


def tokenizer_of(estimator: Any) -> DualDomainTokenizer:
    """Return the module of a fitted tokenizer.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If it is not a tokenizer.
    """
    module = _module_of(estimator, "a fitted DDRVQTransformer")
    if not isinstance(module, DualDomainTokenizer):
        raise ValueError(
            f"A {type(estimator).__name__} was given; expected a fitted DDRVQTransformer."
        )
    return module


def encoder_of(estimator: Any) -> EEGEncoder:
    """Return the encoder of a fitted estimator; errors are those of :func:`tokenizer_of`."""
    module = _module_of(estimator, "a fitted estimator that holds an encoder")
    return module if isinstance(module, EEGEncoder) else module.encoder


def _module_of(estimator: Any, expected: str) -> Any:
    if not hasattr(estimator, "__sklearn_is_fitted__") or isinstance(estimator, type):
        kind = f"the class {estimator.__name__}" if isinstance(estimator, type) else None
        raise ValueError(f"{kind or type(estimator).__name__} was given; expected {expected}.")
    check_fitted(estimator)
    if not hasattr(estimator, "net_"):
        raise ValueError(f"A {type(estimator).__name__} was given; expected {expected}.")
    return estimator.net_.module_


def check_level(domain: str, level: int, n_levels: int) -> tuple[int, int]:
    """Return the numbers of a domain and level, both from 0; raise ValueError if unknown."""
    if domain not in DOMAINS:
        raise ValueError(f"domain={domain!r} was given; expected 'time' or 'frequency'.")
    if not 1 <= level <= n_levels:
        raise ValueError(f"level={level} was given; expected a level from 1 to {n_levels}.")
    return DOMAINS.index(domain), level - 1


def check_codes(codes: Any, tokenizer: Any = None) -> NDArray:
    """Check codes and convert them to integers.

    Parameters
    ----------
    codes : array-like, shape (n_epochs, n_channels, n_patches, 2, n_quantizers)
    tokenizer : DDRVQTransformer, optional
        Fitted tokenizer whose levels and codebook sizes the codes must match.

    Returns
    -------
    ndarray, int64

    Raises
    ------
    ValueError
        If the shape is wrong, or if codes are not integers or outside the codebooks.
    """
    found = np.asarray(codes)
    quantizers: Any = None if tokenizer is None else tokenizer_of(tokenizer).quantizers
    n_levels: Any = "n_quantizers" if quantizers is None else len(quantizers[0].levels)
    fits = found.ndim == 5 and found.shape[3] == 2 and 0 not in found.shape
    if not fits or (quantizers is not None and found.shape[4] != n_levels):
        raise ValueError(
            f"The codes have shape {found.shape}; expected (n_epochs, n_channels, n_patches, 2, "
            f"{n_levels}), as DDRVQTransformer.transform returns them."
        )
    if found.dtype.kind not in "iu":
        raise ValueError(f"The codes are {found.dtype}; expected integers.")
    if found.min() < 0:
        raise ValueError(f"The codes hold {found.min()}; expected numbers from 0.")
    for domain, quantizer in enumerate(quantizers or ()):
        for level, size in enumerate(quantizer.codebook_sizes):
            largest = found[..., domain, level].max()
            if largest >= size:
                raise ValueError(
                    f"The codes hold {largest} in the {DOMAINS[domain]} domain, level {level + 1}; "
                    f"this tokenizer has codes 0 to {size - 1} there."
                )
    return found.astype(np.int64)
