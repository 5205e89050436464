"""Read recordings as protocols need them: channels by name, filtered, at 200 Hz."""

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
    """Open an EDF file without loading its signals.

    Parameters
    ----------
    path : Path

    Returns
    -------
    mne.io.Raw

    Raises
    ------
    ValueError
        If the file is not an EDF file, is truncated, or was damaged by a transfer in text mode.

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
        # MNE would read the rest, and windows and events would be lost silently.
        raise ValueError(
            f"{path} is truncated: it has {size} of the {expected} bytes that its header states; "
            "download it again."
        )
    if doubt is not None:
        warn(f"{path}: {doubt}")
    return raw


def read_mat(path: Path, *, squeeze: bool = True) -> dict[str, Any]:
    """Read the variables of a MATLAB file, structures as objects.

    Parameters
    ----------
    path : Path
    squeeze : bool, default=True
        Whether to drop axes of length 1.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the file is not a MATLAB file, or is truncated.
    """
    from scipy.io import loadmat

    with readable(path, "a MATLAB file"):
        return loadmat(path, struct_as_record=False, squeeze_me=squeeze, appendmat=False)


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn any error that a parser raises for a broken file into one that names the file.

    Parameters
    ----------
    path : Path
    kind : str
        Expected kind of file, for the message.

    Raises
    ------
    ValueError
        If anything was raised inside, except for missing or unreadable files and lack of memory.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except NotImplementedError as error:  # a variant that the parser does not support
        raise ValueError(f"{path} cannot be read as {kind}: {error}") from error
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as {kind} ({error}); download it again."
        ) from error


def signals_by_name(raw: Any, ch_names: Sequence[str], path: Path) -> NDArray:
    """Return the signals of the requested channels, in that order.

    Names are compared in modern terms and without the prefixes and suffixes that files add, so
    "T3" finds "EEG T3-REF", "T7." and "T7". "A-B" is a channel of that name if there is one,
    otherwise the difference of A and B.

    Parameters
    ----------
    raw : mne.io.Raw
    ch_names : sequence of str
    path : Path
        File of the recording, for messages.

    Returns
    -------
    ndarray, shape (n_channels, n_samples), float64
        Signals in microvolts.

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
    """Return the channel itself, or the two to subtract; an empty list if they are missing."""
    if wanted in there:
        return [there[wanted]]
    ends = wanted.split("-")
    if len(ends) == 2 and all(end in there for end in ends):
        return [there[end] for end in ends]
    return []


def prepared(signals: NDArray, sfreq: float, protocol: "Protocol") -> NDArray:
    """Apply reference, band-pass, notch and resampling of a protocol, in this order.

    Parameters
    ----------
    signals : ndarray, shape (n_channels, n_samples)
        A continuous recording in microvolts.
    sfreq : float
        Sampling rate of the recording in Hz.
    protocol : Protocol

    Returns
    -------
    ndarray, shape (n_channels, n_resampled), float64
        Signals in microvolts at ``protocol.sfreq``.

    Notes
    -----
    Filters are MNE's zero-phase FIR filters with default settings. A low-pass at or above the
    Nyquist frequency is left out.
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
