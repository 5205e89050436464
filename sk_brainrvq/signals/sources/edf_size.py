"""Length of EDF and BDF files according to their headers."""

from pathlib import Path

_BYTES_A_SAMPLE = {".edf": 2, ".bdf": 3}


def record_layout(path: Path) -> tuple[int, int, int | None]:
    """Sizes in bytes of an EDF or BDF file's header and record, and its number of records.

    Parameters
    ----------
    path : Path

    Returns
    -------
    header : int
    record : int
    n_records : int or None
        None if not stated, as during a recording.

    Raises
    ------
    ValueError
        If the header cannot be read.

    Notes
    -----
    Source: Kemp et al. (1992), a simple format for exchange of digitized polygraphic recordings.
    """
    with path.open("rb") as file:
        fixed = file.read(256)
    header, n_records = _number(fixed[184:192]), _number(fixed[236:244])
    record = sum(signal_fields(path)[1])
    if record < 1:
        raise ValueError("The header states no samples.")
    return header, record, n_records if n_records > 0 else None


def signal_fields(path: Path) -> tuple[list[str], list[int]]:
    """Labels of the signals of an EDF or BDF file, and the bytes of each per record.

    Parameters
    ----------
    path : Path

    Returns
    -------
    labels : list of str
    n_bytes : list of int
    """
    width = _BYTES_A_SAMPLE[path.suffix.lower()]
    with path.open("rb") as file:
        n_signals = _number(file.read(256)[252:256])
        labels = [file.read(16).decode("latin-1").strip(" \0") for _ in range(n_signals)]
        # Fields of 216 bytes per signal precede the numbers of samples per record.
        file.seek(256 + 216 * n_signals)
        return labels, [width * _number(file.read(8)) for _ in range(n_signals)]


def stated_size(path: Path) -> int:
    """Size in bytes of an EDF or BDF file according to its header.

    Parameters
    ----------
    path : Path

    Returns
    -------
    int
        0 for other files, and if the header cannot be read or does not state it.
    """
    if path.suffix.lower() not in _BYTES_A_SAMPLE or not path.is_file():
        return 0
    try:
        header, record, n_records = record_layout(path)
    except ValueError:
        return 0
    return 0 if n_records is None else header + record * n_records


def _number(field: bytes) -> int:
    # Padded with blanks, or by some writers with zeros.
    return int(field.split(b"\0")[0])
