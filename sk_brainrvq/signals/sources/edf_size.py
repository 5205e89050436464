"""Whether EDF and BDF files are as long as their headers say."""

from pathlib import Path

_BYTES_A_SAMPLE = {".edf": 2, ".bdf": 3}


def stated_size(path: Path) -> int:
    """Bytes of an EDF or BDF file by its header.

    Parameters
    ----------
    path : Path

    Returns
    -------
    int
        0 for other files, and where the header does not say: the number of records is unknown
        while a recording goes on.

    Notes
    -----
    Source: Kemp et al. (1992), a simple format for exchange of digitized polygraphic recordings.
    """
    width = _BYTES_A_SAMPLE.get(path.suffix.lower())
    if width is None:
        return 0
    try:
        with path.open("rb") as file:
            fixed = file.read(256)
            n_signals = _number(fixed[252:256])
            # Before the samples of each signal in a record come fields of 216 bytes a signal.
            file.seek(256 + 216 * n_signals)
            samples = [_number(file.read(8)) for _ in range(n_signals)]
        header, n_records = _number(fixed[184:192]), _number(fixed[236:244])
    except ValueError:
        return 0
    return header + width * sum(samples) * n_records if n_records > 0 else 0


def _number(field: bytes) -> int:
    # Filled up with blanks, or by some writers with zeros.
    return int(field.split(b"\0")[0])


def is_cut_short(path: Path) -> bool:
    """Whether an EDF or BDF file lacks records that its header states.

    MNE reads such a file as far as it goes.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False, too, for other files, and for headers that cannot be read.
    """
    return path.stat().st_size < stated_size(path)
