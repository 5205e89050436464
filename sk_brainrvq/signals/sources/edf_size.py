"""Whether EDF and BDF files are as long as their headers say."""

from pathlib import Path

_BYTES_A_SAMPLE = {".edf": 2, ".bdf": 3}
CUT_SHORT = "The file is shorter than its header says; what is there is read. Was it copied whole?"
TOO_LONG = (
    "The file is longer than its header says; all of it is read. Was something written to its end?"
)
# Bytes that tell whether line ends were converted, and how many LF it takes to tell.
_LOOKED_AT, _FEWEST_FEEDS, _MANY_FEEDS = 2**24, 8, 4096


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
    if width is None or not path.is_file():
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


def doubt_about_size(path: Path) -> str | None:
    """What a warning says of an EDF or BDF file whose size is not that of its header.

    MNE reads such a file by its size.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
        None, too, for other files, and for headers that cannot be read.
    """
    stated, size = stated_size(path), path.stat().st_size
    if not stated or size == stated:
        return None
    return CUT_SHORT if size < stated else TOO_LONG


def has_converted_line_ends(path: Path) -> bool:
    """Whether the bytes of an EDF or BDF file were changed as the line ends of a text are.

    git's autocrlf and FTP in text mode do so: each sample after the first such byte is shifted.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        True for a file that is too long and in which every LF follows a CR, and for one that is too
        short and in which none does, though there are many.
    """
    stated, size = stated_size(path), path.stat().st_size
    if not stated or size == stated:
        return False
    with path.open("rb") as file:
        data = file.read(_LOOKED_AT)
    feeds, pairs = data.count(b"\n"), data.count(b"\r\n")
    if size > stated:
        return feeds >= _FEWEST_FEEDS and pairs == feeds
    # By chance one LF of 256 follows a CR.
    return feeds >= _MANY_FEEDS and pairs == 0
