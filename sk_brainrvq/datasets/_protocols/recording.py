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
    """A file of a dataset, or the part of it that is on one side of the split.

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
    """Files in a folder and in all folders below it, in the order of their names.

    Parameters
    ----------
    folder : Path
        Links to folders in it are followed, as corpora are often linked to where there is room.
    pattern : str
        Of the name, such as "*.edf". Names that begin with a dot are passed over: macOS puts a
        ``._name.edf``, which is no recording, beside each file of an archive.

    Yields
    ------
    Path
    """
    for parent, folders, files in os.walk(folder, followlinks=True):
        place = Path(parent).resolve()
        # A link to a folder above would lead round and round.
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
    """Where a file of labels may lie: beside its recording, or in a folder beside either.

    Parameters
    ----------
    name : str
        Of the file of labels.
    path : Path
        Of the recording.
    folder : str
        Beside the recording, or beside the folder it is in.

    Returns
    -------
    list of Path
        The nearest one first.
    """
    beside = path.parent
    return [beside / name, beside / folder / name, beside.parent / folder / name]


def without_copies(recordings: Iterable[Recording], title: str) -> list[Recording]:
    """Sorted by subject and name; of files of one name in several folders only one.

    Parameters
    ----------
    recordings : iterable of Recording
    title : str
        Of the dataset, for the warning that names the copies left out.

    Returns
    -------
    list of Recording
        The copy nearest to the top is kept.
    """
    kept: dict[tuple[str, str], Recording] = {}
    copies = []
    for recording in sorted(recordings, key=lambda r: (len(r.path.parts), r.path)):
        key = (recording.path.name, recording.split)
        if kept.setdefault(key, recording) is not recording:
            copies.append(str(recording.path))
    if copies:
        warn(
            f"{title}: files of one name lie in several folders; {copies} are left out.",
            UserWarning,
        )
    return sorted(kept.values(), key=lambda r: (r.subject, r.path.name, SPLITS.index(r.split)))
