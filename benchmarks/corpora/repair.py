"""Repair EDF files in which a carriage return was added to every line feed, as in text."""

import hashlib

from sk_brainrvq.datasets._protocols.downloads import packaged_sums


def repaired_edf(content: bytes, name: str) -> tuple[bytes, int]:
    """Restore the file as published, or all records that are left of it.

    Parameters
    ----------
    content : bytes
        Bytes of an EDF file of PhysioNet's motor imagery.
    name : str
        Such as "S001/S001R04.edf". If its published checksum is known here, it must match.

    Returns
    -------
    content : bytes
    lost : int
        Records of one second cut off at the end; the header counts the remaining ones.

    Raises
    ------
    ValueError
        If the file is damaged in another way.

    Notes
    -----
    A text conversion that puts a carriage return before each line feed can be undone exactly: each
    line feed has one more before it, whatever preceded it. If a line feed has none, the file was
    damaged in another way. The header states the size that must result.
    """
    if content.count(b"\n") != content.count(b"\r\n"):
        mended = content  # not converted
    else:
        mended = content.replace(b"\r\n", b"\n")
    header, n_records, record = _sizes(mended, name)
    expected = header + n_records * record
    n_whole = (len(mended) - header) // record
    if len(mended) > expected or n_whole < n_records - 1:
        raise ValueError(
            f"{name} has {len(mended)} bytes without added carriage returns, and its header states "
            f"{expected}; it is damaged in a way that cannot be undone. Download it again."
        )
    lost = n_records - n_whole
    if lost:
        counted = f"{n_whole:<8d}".encode()
        return mended[:236] + counted + mended[244 : header + n_whole * record], lost
    published = packaged_sums("physionet_mi_sha256.txt").get(name)
    if published not in (None, hashlib.sha256(mended).hexdigest()):
        raise ValueError(f"{name} differs from the published file; download it again.")
    return mended, 0


def _sizes(content: bytes, name: str) -> tuple[int, int, int]:
    """Size of the header in bytes, number of records, and size of a record in bytes."""
    try:
        header, n_records, n_signals = (
            int(content[first:last]) for first, last in ((184, 192), (236, 244), (252, 256))
        )
        first = 256 + 216 * n_signals
        samples = [int(content[first + 8 * i : first + 8 * i + 8]) for i in range(n_signals)]
    except ValueError as error:
        raise ValueError(f"{name} is no EDF file ({error}).") from error
    return header, n_records, 2 * sum(samples)
