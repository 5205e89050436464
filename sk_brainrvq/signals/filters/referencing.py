"""Re-referencing of signals to the common average or to chosen channels."""

from collections.abc import Sequence

from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes import canonical_name
from sk_brainrvq.user_warnings import warn


def subtract_reference(
    signals: NDArray,
    reference: str | tuple[str, ...] | None,
    ch_names: Sequence[str] | None = None,
    averaged: Sequence[int] | NDArray | None = None,
) -> NDArray:
    """Re-reference signals.

    Parameters
    ----------
    signals : ndarray, shape (..., n_channels, n_times)
    reference : None, "average" or tuple of str
        As in `FilterSettings`. Names are compared in canonical form, so "t3" finds
        "EEG T7-REF"; a name that equals a channel's exactly wins.
    ch_names : sequence of str, optional
        Names of the channels.
    averaged : sequence of int, optional
        Numbers of the channels that "average" averages; default all.

    Returns
    -------
    ndarray, shape (..., n_channels, n_times)
        Signals with every channel kept. A single channel is its own average; it is not changed,
        with a warning.

    Raises
    ------
    InvalidEEGError
        If a reference channel is missing or ambiguous.
    """
    if reference is None:
        return signals
    if reference == "average":
        chosen = signals if averaged is None else signals[..., averaged, :]
        if chosen.shape[-2] == 1:
            beside = "" if averaged is None else " with a known position"
            warn(
                f"reference='average' was not applied: the average of a single channel{beside} is "
                "that channel itself, and nothing would remain. Set reference=None."
            )
            return signals
        return signals - chosen.mean(axis=-2, keepdims=True)
    rows = reference_rows(reference, ch_names)
    return signals - signals[..., rows, :].mean(axis=-2, keepdims=True)


def reference_rows(reference: Sequence[str], ch_names: Sequence[str] | None) -> list[int]:
    """Channels of a reference; raise InvalidEEGError if one is missing."""
    if ch_names is None:
        raise InvalidEEGError(
            f"reference={reference!r} names channels, but the signals have no channel names. "
            "Pass ch_names, or reference='average'."
        )
    return [_row_of(name, list(ch_names)) for name in reference]


def _row_of(name: str, ch_names: list[str]) -> int:
    if name in ch_names:
        return ch_names.index(name)
    wanted = canonical_name(name)
    rows = [row for row, channel in enumerate(ch_names) if canonical_name(channel) == wanted]
    if len(rows) == 1:
        return rows[0]
    if rows:
        found = ", ".join(repr(ch_names[row]) for row in rows)
        raise InvalidEEGError(
            f"The reference channel {name!r} could be any of {found}; pass its exact name."
        )
    raise InvalidEEGError(
        f"The reference channel {name!r} is not among the channels: {', '.join(ch_names)}. "
        "Expected names of channels, 'average', or None (as recorded)."
    )
