"""Files that are whole or not there, and names of files that others have given."""

import os
from collections.abc import Callable
from pathlib import Path

# There is no asking for it without setting it.
_UMASK = os.umask(0o022)
os.umask(_UMASK)
# Names that Windows takes for devices, with any ending.
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{p}{n}" for p in ("COM", "LPT") for n in range(1, 10))}


def write_whole(path: Path, write: bytes | Callable[[Path], None]) -> None:
    """Write beside, sync, rename: a reader never sees half a file, and an old one stays until then.

    Parameters
    ----------
    path : Path
    write : bytes, or callable that writes a file of the given name
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        if isinstance(write, bytes):
            beside.write_bytes(write)
        else:
            write(beside)
        with open(beside, "r+b") as file:
            os.fsync(file.fileno())
        # Some writers keep others out; who may read is for the user's umask to say.
        beside.chmod(0o666 & ~_UMASK)
        os.replace(beside, path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_name_anywhere(part: str) -> bool:
    """Whether any system takes a part of a path for a name, and for this one."""
    # Windows drops blanks and dots at the end: one file would replace another.
    if not part or part[-1] in " ." or part.split(".")[0].rstrip().upper() in _DEVICES:
        return False
    return all(c.isprintable() and c not in '\\:*?"<>|' for c in part)


def path_inside(folder: Path, name: str, source: object) -> Path:
    """Path of a file below a folder, by a name that a list, an archive or a server gave.

    Parameters
    ----------
    folder : Path
    name : str
        Relative, with slashes, on every system alike.
    source : object
        What named it, for the message.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the name leads out of the folder on any system, or is none on any: it is empty or
        absolute, or holds ``..``, a backslash, the colon of a drive, a control character, or
        what Windows keeps for itself (``CON``, ``*``, a dot or blank at the end).
    """
    parts = name.split("/")
    if not all(map(_is_name_anywhere, parts)):
        raise ValueError(
            f"{source} names the file {name!r}; expected a path below {folder}, with slashes, and "
            "without '..', backslashes, colons, control characters and what Windows takes for a "
            "device or a pattern. Nothing was written there; get the list or archive again from "
            "its publisher."
        )
    return folder / name
