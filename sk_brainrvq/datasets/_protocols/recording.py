"""Files of a dataset."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sk_brainrvq.datasets._protocols.labelled_windows import SPLITS
from sk_brainrvq.user_warnings import warn


@dataclass(frozen=True)
class Recording:
    """A file of a dataset, or the part of it that belongs to one part of the split.

    Attributes
    ----------
    subject : int or str
    split : {"train", "validation", "test"}
    path : Path
    """

    subject: int | str
    split: str
    path: Path


def files_below(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield files in a folder and all its subfolders, in the order of their names.

    Parameters
    ----------
    folder : Path
        Folder to search. Links to folders are followed, because large corpora are often kept on
        another disk.
    pattern : str
        Pattern of the name, such as "*.edf". Names that begin with a dot are skipped: macOS adds
        a ``._name.edf``, which is not a recording, to each file of an archive.

    Yields
    ------
    Path
    """
    for parent, folders, files in os.walk(folder, followlinks=True):
        place = Path(parent).resolve()
        # A link to a parent folder would be followed forever.
        above = {place, *place.parents}
        folders[:] = sorted(
            name
            for name in folders
            if not Path(parent, name).is_symlink() or Path(parent, name).resolve() not in above
        )
        for name in sorted(files):
            if fnmatchcase(name, pattern) and not name.startswith("."):
                yield Path(parent, name)


def places_of(name: str, path: Path, folder: str) -> list[Path]:
    """List where a file of labels may be: beside its recording, or in another folder.

    Parameters
    ----------
    name : str
        Name of the file of labels.
    path : Path
        Path of the recording.
    folder : str
        Name of a folder beside the recording, or beside the folder that it is in.

    Returns
    -------
    list of Path
        The nearest one first.
    """
    beside = path.parent
    return [beside / name, beside / folder / name, beside.parent / folder / name]


def without_copies(recordings: Iterable[Recording], title: str) -> list[Recording]:
    """Sort recordings by subject and name; keep one of several files of the same name.

    Parameters
    ----------
    recordings : iterable of Recording
    title : str
        Name of the dataset, for the warning that names the copies left out.

    Returns
    -------
    list of Recording
        The copy nearest to the top folder is kept.
    """
    kept: dict[tuple[str, str], Recording] = {}
    copies = []
    for recording in sorted(recordings, key=lambda r: (len(r.path.parts), r.path)):
        key = (recording.path.name, recording.split)
        if kept.setdefault(key, recording) is not recording:
            copies.append(str(recording.path))
    if copies:
        warn(
            f"{title}: files of the same name are in several folders; {copies} are left out.",
            UserWarning,
        )
    return sorted(kept.values(), key=lambda r: (r.subject, r.path.name, SPLITS.index(r.split)))
