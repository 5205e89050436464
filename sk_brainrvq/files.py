"""Files that are whole or not there."""

import os
from collections.abc import Callable
from pathlib import Path

# There is no asking for it without setting it.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


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
