"""EDF files in which every line feed was given a carriage return, as if they were text."""

import hashlib

from sk_brainrvq.datasets._protocols.downloads import packaged_sums


def repaired_edf(content: bytes, name: str) -> tuple[bytes, int]:
    """The file as it was published, or all of its records that are left.

    Parameters
    ----------
    content : bytes
        Of an EDF file of PhysioNet's motor imagery.
    name : str
        Such as "S001/S001R04.edf". Where this package knows its published sum, it must have it.

    Returns
    -------
    content : bytes
    lost : int
        Records of a second at the end that were cut off; the header counts the others.

    Raises
    ------
    ValueError
        If the file is damaged in another way.

    Notes
    -----
    A text conversion that puts a carriage return before each line feed can be undone exactly: each
    line feed has one more before it, whatever stood there. If a line feed has none, it was
    another damage. The header states the size that must come out.
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
    """Bytes of the header, number of records, and bytes of a record."""
    try:
        header, n_records, n_signals = (
            int(content[first:last]) for first, last in ((184, 192), (236, 244), (252, 256))
        )
        first = 256 + 216 * n_signals
        samples = [int(content[first + 8 * i : first + 8 * i + 8]) for i in range(n_signals)]
    except ValueError as error:
        raise ValueError(f"{name} is no EDF file ({error}).") from error
    return header, n_records, 2 * sum(samples)
