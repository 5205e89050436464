"""Files written atomically, and checks of file names that come from outside."""

import os
from collections.abc import Callable
from pathlib import Path

# The umask cannot be read without setting it.
_UMASK = os.umask(0o022)
os.umask(_UMASK)
# Names that Windows reserves for devices, with any extension.
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{p}{n}" for p in ("COM", "LPT") for n in range(1, 10))}


def write_whole(path: Path, write: bytes | Callable[[Path], None]) -> None:
    """Write to a temporary file, sync and rename, so that a reader never sees half a file.

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
        # Some writers deny access to others; the user's umask decides who may read.
        beside.chmod(0o666 & ~_UMASK)
        os.replace(beside, path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, if the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_name_anywhere(part: str) -> bool:
    """Whether a part of a path is a valid name on every system, and means the same on each."""
    # Windows drops spaces and dots at the end, so one file could replace another.
    if not part or part[-1] in " ." or part.split(".")[0].rstrip().upper() in _DEVICES:
        return False
    return all(c.isprintable() and c not in '\\:*?"<>|' for c in part)


def path_inside(folder: Path, name: str, source: object) -> Path:
    """Path below a folder of a file named by a list, an archive or a server.

    Parameters
    ----------
    folder : Path
    name : str
        Relative path with slashes, on every system.
    source : object
        Where the name comes from, for the error message.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If the name leads out of the folder, or is invalid, on any system: it is empty or absolute,
        or holds ``..``, a backslash, the colon of a drive, a control character, or something that
        Windows reserves (``CON``, ``*``, a dot or space at the end).
    """
    parts = name.split("/")
    if not all(map(_is_name_anywhere, parts)):
        raise ValueError(
            f"{source} names the file {name!r}; expected a path below {folder}, with slashes, and "
            "without '..', backslashes, colons, control characters and names that Windows "
            "reserves for devices or patterns. Nothing was written there; get the list or archive "
            "from its publisher again."
        )
    return folder / name
