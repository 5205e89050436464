"""Digests of training data, which tell runs on different data apart."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals import PreparedEEG, StoredPatches

_LENGTH = 16
_SEGMENTS_AT_ONCE = 256


def digest_of_eeg(prepared: PreparedEEG) -> str:
    """Digest of the patches, channels and order of prepared EEG.

    Parameters
    ----------
    prepared : PreparedEEG

    Returns
    -------
    str
    """
    digest = hashlib.blake2b(digest_size=_LENGTH)
    for group in prepared.groups:
        digest.update(repr((group.ch_names, group.patches.shape)).encode())
        for array in (group.electrodes, group.epoch, group.segment):
            digest.update(np.ascontiguousarray(array).tobytes())
        patches = group.patches
        if isinstance(patches, StoredPatches):
            digest.update(patches.digest.encode())
            continue
        for start in range(0, len(patches), _SEGMENTS_AT_ONCE):
            part = np.ascontiguousarray(patches[start : start + _SEGMENTS_AT_ONCE])
            digest.update(part.view(np.uint8).data)
    return digest.hexdigest()


def digest_of_people(data: Any) -> str:
    """Digest of EEG and of its subjects.

    Parameters
    ----------
    data : LabelledEEG
        EEG with ``subjects``.
    """
    return f"{digest_of_eeg(data.prepared)} of {digest_of_array(data.subjects)}"


def digest_of_array(array: NDArray | None) -> str:
    """Digest of labels or weights; "none" for None."""
    if array is None:
        return "none"
    text = repr((array.dtype.str, array.shape)).encode()
    # An array of objects holds addresses, which differ between processes.
    content = repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
    return hashlib.blake2b(text + content, digest_size=_LENGTH).hexdigest()
