"""Preparation of blocks of epochs as patches: scale, resample, cut, pad."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.bad_channels.treatment import Treatment
from sk_brainrvq.signals.blocks import EpochBlock, pieces_of
from sk_brainrvq.signals.electrodes import (
    ElectrodeMatch,
    electrode_rows,
    match_electrodes,
    placed_channels,
    warn_of_mean_rows,
)
from sk_brainrvq.signals.filters.filtering import FilterSettings, filter_epochs
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resample, resampled_length
from sk_brainrvq.signals.patches import PatchGroup, PreparedEEG, gather
from sk_brainrvq.signals.units import describe_typical, missing_factor
from sk_brainrvq.user_warnings import quiet, warn

PATCH_SAMPLES = 200
NO_FILTERS = FilterSettings()
KEEP_BAD_CHANNELS = BadChannelPolicy("keep")
MAX_PATCHES = 30
# Networks take 100 microvolts.
_MICROVOLTS_PER_UNIT = 100.0
_LARGEST_MICROVOLTS = 1e9


def stream(
    blocks: Iterable[EpochBlock],
    *,
    trained_rows: Sequence[int] | None = None,
    official: bool = False,
    warn: bool = True,
    filters: FilterSettings = NO_FILTERS,
    electrode_map: Mapping[str, Any] | None = None,
    bad_channels: BadChannelPolicy = KEEP_BAD_CHANNELS,
) -> Iterator[PatchGroup]:
    """Turn blocks into patch groups, a bounded number of samples at a time.

    Parameters
    ----------
    blocks : iterable of EpochBlock
    trained_rows : sequence of int, optional
        Electrode rows that the checkpoint trained.
    official : bool, default=False
        Match electrodes as published checkpoints do.
    warn : bool, default=True
        Warn of channels without a position. A unit that looks wrong always raises a warning.
    filters : FilterSettings
        Filters for epochs; continuous recordings are already filtered.
    electrode_map : mapping of str to electrodes, optional
        Positions of channels from the user.
    bad_channels : BadChannelPolicy
        What to do about channels that record no EEG; by default nothing.

    Yields
    ------
    PatchGroup
        Groups in the order of the blocks.

    Raises
    ------
    InvalidEEGError
        For NaN, infinity or absurd amplitudes, naming the first epoch and channel; for bad
        channels that cannot be left out or interpolated.
    """
    for block in blocks:
        treatment = Treatment(block, bad_channels, _keeps_offset(block, filters))
        matched = _matcher(block, trained_rows, official, electrode_map, warn)
        for number, piece in enumerate(pieces_of(block)):
            with quiet() if number else nullcontext():  # the first piece has given the warnings
                groups = [
                    group
                    for part in _usable(piece, treatment)
                    for group in _cut(
                        to_network_units(part, filters, placed_channels(matched(part))),
                        part,
                        matched(part),
                        electrode_map,
                        treatment.left_out(),
                    )
                ]
            yield from groups
        treatment.tell()


@dataclass(frozen=True)
class CheckedBlock:
    """Usable epochs in the form in which the container holds them.

    Attributes
    ----------
    block : EpochBlock
    matches : list of ElectrodeMatch
    left_out : dict of str to str
        Channels that were left out of some epochs as bad, and why.
    """

    block: EpochBlock
    matches: list[ElectrodeMatch]
    left_out: dict[str, str] = field(default_factory=dict)


def check(
    blocks: Iterable[EpochBlock],
    *,
    trained_rows: Sequence[int] | None = None,
    official: bool = False,
    warn: bool = True,
    filters: FilterSettings = NO_FILTERS,
    electrode_map: Mapping[str, Any] | None = None,
    bad_channels: BadChannelPolicy = KEEP_BAD_CHANNELS,
) -> Iterator[CheckedBlock]:
    """Check blocks as :func:`stream` does, without filtering, resampling and cutting them.

    Parameters
    ----------
    blocks, trained_rows, official, warn, filters, electrode_map, bad_channels
        As in :func:`stream`.

    Yields
    ------
    CheckedBlock

    Raises
    ------
    InvalidEEGError
        As in :func:`stream`; also for filters that cannot be applied to these signals.
    """
    for block in blocks:
        treatment = Treatment(block, bad_channels, _keeps_offset(block, filters))
        matched = _matcher(block, trained_rows, official, electrode_map, warn)
        if not block.filtered:
            filters.check_for(block.sfreq, block.ch_names)
        seen: dict[str, ElectrodeMatch] = {}
        for number, piece in enumerate(pieces_of(block)):
            with quiet() if number else nullcontext():
                for part in _usable(piece, treatment):
                    seen |= {match.channel: match for match in matched(part)}
        treatment.tell()
        yield CheckedBlock(block, list(seen.values()), treatment.left_out())


def _keeps_offset(block: EpochBlock, filters: FilterSettings) -> bool:
    """Whether no high-pass filter will remove an offset."""
    return block.filtered or not filters.cuts_below(block.highpass)


def _usable(piece: EpochBlock, treatment: Treatment) -> Iterator[EpochBlock]:
    """Epochs in microvolts, checked, and with their bad channels treated."""
    piece = replace(piece, data=_to_microvolts(piece), to_microvolts=1.0)
    judgement = treatment.judge(piece)
    _check_unit(judgement.typical_amplitude(), piece.unit)
    yield from treatment.parts(piece, judgement)


def _matcher(
    block: EpochBlock,
    trained_rows: Sequence[int] | None,
    official: bool,
    electrode_map: Mapping[str, Any] | None,
    warn: bool,
) -> Callable[[EpochBlock], list[ElectrodeMatch]]:
    """Matches the channels of the block, or of a part of it with fewer, to electrodes."""
    known: dict[tuple, list[ElectrodeMatch]] = {}

    def matched(part: EpochBlock) -> list[ElectrodeMatch]:
        key = (part.n_channels, *(part.ch_names or ()))
        if key not in known:
            known[key] = _matched(part, trained_rows, official, electrode_map)
        return known[key]

    if warn:
        warn_of_mean_rows(matched(block), block.ch_names is not None)
    return matched


def _matched(
    block: EpochBlock,
    trained_rows: Sequence[int] | None,
    official: bool,
    electrode_map: Mapping[str, Any] | None,
) -> list[ElectrodeMatch]:
    """Match the block's channels to electrodes."""
    return match_electrodes(
        block.ch_names,
        block.data.shape[1],
        trained_rows,
        official,
        positions=block.positions,
        electrode_map=electrode_map,
    )


def prepare(
    blocks: Iterable[EpochBlock],
    *,
    trained_rows: Sequence[int] | None = None,
    official: bool = False,
    warn: bool = True,
) -> PreparedEEG:
    """All patch groups of blocks, in memory: :func:`stream`, then :func:`gather`."""
    return gather(stream(blocks, trained_rows=trained_rows, official=official, warn=warn))


def to_network_units(
    block: EpochBlock, filters: FilterSettings = NO_FILTERS, averaged: NDArray | None = None
) -> NDArray:
    """Signals of a block in 100 microvolts at 200 Hz.

    Parameters
    ----------
    block : EpochBlock
        In microvolts.
    filters : FilterSettings
        Applied unless the block has already been filtered.
    averaged : ndarray of int, optional
        Numbers of the channels that an average reference averages; all by default.

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_times at 200 Hz), float32
    """
    microvolts = block.data
    if filters != NO_FILTERS and not block.filtered:
        microvolts = filter_epochs(
            microvolts,
            block.sfreq,
            filters,
            highpass=block.highpass,
            lowpass=block.lowpass,
            ch_names=block.ch_names,
            averaged=averaged,
        )
    signals = microvolts / _MICROVOLTS_PER_UNIT
    if block.sfreq != TARGET_SFREQ:
        signals = resample(signals, block.sfreq)
    return signals.astype(np.float32)


def _to_microvolts(block: EpochBlock) -> NDArray:
    """Signals in microvolts, checked."""
    microvolts = np.asarray(block.data, dtype=np.float64) * block.to_microvolts
    _check_finite(microvolts, block)
    return microvolts


def _check_finite(microvolts: NDArray, block: EpochBlock) -> None:
    usable = np.abs(microvolts) <= _LARGEST_MICROVOLTS  # False for NaN too
    if usable.all():
        return
    epoch, channel, sample = np.argwhere(~usable)[0]
    value = microvolts[epoch, channel, sample]
    index = block.index[epoch]
    name = f"channel {channel}" if block.ch_names is None else f"{block.ch_names[channel]!r}"
    item = "" if block.item is None else f"Item {block.item} of the list: "
    where = f"first at epoch {index}, {name}, sample {sample}"
    if np.isfinite(value):
        mend = "Check unit=." if block.unit else "Recordings are read in volts: scale its data."
        raise InvalidEEGError(
            f"{item}X holds {value:.3g} microvolts, {where}; EEG stays far below "
            f"{_LARGEST_MICROVOLTS:.0e}. {mend}"
        )
    what = "NaN" if np.isnan(value) else "infinity"
    raise InvalidEEGError(
        f"{item}X contains {what}, {where}. Expected finite EEG (no NaN, no infinity): drop such "
        "epochs, or interpolate the channel."
    )


def _check_unit(amplitude: float, unit: str | None) -> None:
    sentence = describe_typical(amplitude, unit or "V")
    if sentence is None:
        return
    if unit is None:  # unit= has no effect on recordings
        seen = sentence.split(" that no unit")[0].split(". Pass ")[0]
        factor = missing_factor(amplitude)
        sentence = (
            f"{seen}. Recordings are read in volts: correct this one in MNE, as with "
            f"raw.apply_function(lambda x: x * {factor:g}), and pass the result."
        )
    warn(sentence)


def n_patches_of(n_times: int) -> int:
    """Number of patches in a signal of ``n_times`` samples at 200 Hz: at least one."""
    return max(1, -(-n_times // PATCH_SAMPLES))


def segment_bounds(n_patches: int) -> list[tuple[int, int]]:
    """First patch, and the one after the last, of near-equal segments of at most 30 patches."""
    n_segments = -(-n_patches // MAX_PATCHES)
    edges = [round(i * n_patches / n_segments) for i in range(n_segments + 1)]
    return list(pairwise(edges))


def to_patches(signals: NDArray) -> NDArray:
    """Pad to whole seconds by mirroring, and cut into patches.

    Mirroring keeps the amplitude and spectrum of the last patch; zeros would put a step
    into it.

    Parameters
    ----------
    signals : ndarray, shape (n_epochs, n_channels, n_times)

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_patches, 200)
    """
    n_patches = n_patches_of(signals.shape[-1])
    missing = n_patches * PATCH_SAMPLES - signals.shape[-1]
    if missing:
        signals = np.pad(signals, ((0, 0), (0, 0), (0, missing)), mode="symmetric")
    return signals.reshape(*signals.shape[:2], n_patches, PATCH_SAMPLES)


def _cut(
    signals: NDArray,
    block: EpochBlock,
    matches: list[ElectrodeMatch],
    electrode_map: Mapping[str, Any] | None,
    left_out: dict[str, str],
) -> list[PatchGroup]:
    index = block.index
    place = np.zeros(len(index), np.int64) if block.segment is None else block.segment
    patches = to_patches(signals)
    bounds = segment_bounds(patches.shape[2])
    electrodes = electrode_rows(matches)
    by_length: dict[int, list[int]] = {}
    for number, (first, last) in enumerate(bounds):
        by_length.setdefault(last - first, []).append(number)
    groups = []
    for numbers in by_length.values():
        pieces = [np.ascontiguousarray(patches[:, :, slice(*bounds[n])]) for n in numbers]
        groups.append(
            PatchGroup(
                pieces[0] if len(pieces) == 1 else np.concatenate(pieces),
                block.ch_names,
                electrodes,
                matches,
                np.tile(index, len(numbers)),
                np.concatenate([place * len(bounds) + n for n in numbers]),
                block.positions,
                electrode_map,
                left_out,
                placed_channels(matches),
            )
        )
    return groups


def restore_signals(patches: NDArray, sfreq: float, n_times: int) -> NDArray:
    """Convert patches back to signals in microvolts at the caller's rate and length.

    Parameters
    ----------
    patches : ndarray, shape (n_epochs, n_channels, n_patches, 200)
        In 100 microvolts at 200 Hz.
    sfreq : float
        Rate of the signals to return, in Hz.
    n_times : int
        Number of samples to return.

    Returns
    -------
    ndarray, shape (n_epochs, n_channels, n_times), float32
    """
    signals = patches.reshape(*patches.shape[:2], -1)
    if sfreq != TARGET_SFREQ:
        kept = resampled_length(n_times, sfreq)
        signals = resample(signals[..., :kept], TARGET_SFREQ, sfreq)
    return (signals[..., :n_times] * _MICROVOLTS_PER_UNIT).astype(np.float32)
