"""Recordings as protocols want them: channels by name, filtered, at 200 Hz."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.user_warnings import warn

if TYPE_CHECKING:
    from sk_brainrvq.datasets._protocols.protocol import Protocol


def read_edf(path: Path) -> Any:
    """An EDF file, its signals not loaded yet.

    Parameters
    ----------
    path : Path

    Returns
    -------
    mne.io.Raw

    Raises
    ------
    ValueError
        If the file is no EDF, is cut short, or was damaged by a transfer as text.

    Warns
    -----
    EEGWarning
        If the file is longer than its header says.
    """
    import mne

    from sk_brainrvq.signals.sources.edf_size import stated_size
    from sk_brainrvq.signals.sources.headers.data_sizes import doubt_about_size

    with readable(path, "EDF"):
        doubt = doubt_about_size(path)
        raw = mne.io.read_raw_edf(path, preload=False, verbose="error")
        expected, size = stated_size(path), path.stat().st_size
    if size < expected:
        # MNE would read what is there: windows and events would be lost without a word.
        raise ValueError(
            f"{path} is truncated: it has {size} of the {expected} bytes that its header states; "
            "download it again."
        )
    if doubt is not None:
        warn(f"{path}: {doubt}")
    return raw


def read_mat(path: Path, *, squeeze: bool = True) -> dict[str, Any]:
    """Variables of a MATLAB file, structures as objects.

    Parameters
    ----------
    path : Path
    squeeze : bool, default=True
        Drop axes of length 1.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the file is none of MATLAB's, or is cut short.
    """
    from scipy.io import loadmat

    with readable(path, "a MATLAB file"):
        return loadmat(path, struct_as_record=False, squeeze_me=squeeze, appendmat=False)


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a parser meets in a broken file into an error that names the file.

    Parameters
    ----------
    path : Path
    kind : str
        What the file should be.

    Raises
    ------
    ValueError
        If anything was raised inside, but for files that are not there or not readable, and want
        of memory.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except NotImplementedError as error:  # a kind of file that the parser does not know
        raise ValueError(f"{path} cannot be read as {kind}: {error}") from error
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as {kind} ({error}); download it again."
        ) from error


def signals_by_name(raw: Any, ch_names: Sequence[str], path: Path) -> NDArray:
    """Signals of the channels asked for, in that order.

    Names are compared without what files write around them and in modern terms, so "T3" finds
    "EEG T3-REF", "T7." and "T7". "A-B" is a channel of that name, or else the difference of A
    and B.

    Parameters
    ----------
    raw : mne.io.Raw
    ch_names : sequence of str
    path : Path
        For messages.

    Returns
    -------
    ndarray, shape (n_channels, n_samples), float64
        In microvolts.

    Raises
    ------
    ValueError
        If a channel is missing.
    """
    from sk_brainrvq.signals import canonical_name

    there: dict[str, str] = {}
    for name in raw.ch_names:
        there.setdefault(canonical_name(name), name)
    terms = [_terms(canonical_name(name), there) for name in ch_names]
    missing = [name for name, found in zip(ch_names, terms, strict=True) if not found]
    if missing:
        raise ValueError(
            f"{path} lacks the channels {missing}; it holds {raw.ch_names}. Expected the file as "
            "published."
        )
    used = list(dict.fromkeys(name for found in terms for name in found))
    data = raw.copy().pick(used).reorder_channels(used).get_data(units="uV")
    row = {name: data[i] for i, name in enumerate(used)}
    return np.stack(
        [row[found[0]] if len(found) == 1 else row[found[0]] - row[found[1]] for found in terms]
    )


def _terms(wanted: str, there: dict[str, str]) -> list[str]:
    """The channel itself, or the two whose difference it is; empty if they are missing."""
    if wanted in there:
        return [there[wanted]]
    ends = wanted.split("-")
    if len(ends) == 2 and all(end in there for end in ends):
        return [there[end] for end in ends]
    return []


def prepared(signals: NDArray, sfreq: float, protocol: "Protocol") -> NDArray:
    """Reference, band-pass, notch and resampling of a protocol, in this order.

    Parameters
    ----------
    signals : ndarray, shape (n_channels, n_samples)
        A continuous recording in microvolts.
    sfreq : float
        Its rate in Hz.
    protocol : Protocol

    Returns
    -------
    ndarray, shape (n_channels, n_resampled), float64
        In microvolts, at ``protocol.sfreq``.

    Notes
    -----
    Filters are MNE's zero-phase FIR filters with its defaults. A low-pass at or above the Nyquist
    frequency is left out.
    """
    import mne

    info = mne.create_info(list(protocol.ch_names), sfreq, "eeg")
    raw = mne.io.RawArray(1e-6 * signals, info, verbose="error")
    if protocol.reference == "average":
        raw.set_eeg_reference("average", projection=False, verbose="error")
    h_freq = protocol.h_freq if protocol.h_freq and protocol.h_freq < sfreq / 2 else None
    if protocol.l_freq is not None or h_freq is not None:
        raw.filter(protocol.l_freq, h_freq, verbose="error")
    if protocol.notch is not None:
        raw.notch_filter(protocol.notch, verbose="error")
    if sfreq != protocol.sfreq:
        raw.resample(protocol.sfreq, method="polyphase", verbose="error")
    return raw.get_data(units="uV")
