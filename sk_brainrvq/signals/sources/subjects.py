"""Subjects of EEG, from file names, headers and tables of epochs."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.missing_values import is_missing

# Columns that name a person, in any letter case and in order of priority.
_COLUMNS = ("subject", "subject_id", "participant_id", "participant")
# Values in headers that mean no subject.
_NOBODY = ("", "x", "n/a", "na", "nan", "none", "unknown", "anonymous", "anonymized", "anonymised")
_CONVENTIONS = (
    re.compile(r"(?P<subject>[a-z0-9]{8})_(?P<session>s\d{3})_(?:\d{4}_)?t\d{3}(?!\w)"),  # Temple
    re.compile(r"(?P<subject>[a-z]{8})_(?P<session>\d{8})(?!\w)"),  # Temple's events
    re.compile(r"(?P<subject>Subject\d+)_(?P<session>\d+)(?!\w)"),  # EEGMAT
)


def bids_entity(path: PurePath | None, entity: str) -> str | None:
    """Value of an entity such as "sub" in the BIDS name of a file or of a folder above it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sk_brainrvq.signals.sources.subjects import bids_entity
    >>> bids_entity(Path("study/sub-01/eeg/sub-01_task-rest_eeg.edf"), "sub")
    '01'
    """
    for part in () if path is None else (path.name, *map(str, reversed(path.parts[:-1]))):
        if match := re.search(rf"(?:^|_){entity}-([A-Za-z0-9]+)", part):
            return match[1]
    return None


def conventional_name(name: str) -> tuple[str, str] | None:
    """Subject and session from file names of Temple and EEGMAT; None for other names.

    Examples
    --------
    >>> from sk_brainrvq.signals.sources.subjects import conventional_name
    >>> conventional_name("aaaaaaab_s001_t000.edf")
    ('aaaaaaab', 's001')
    """
    stem = name.split(".")[0]
    found = (pattern.match(stem) for pattern in _CONVENTIONS)
    match = next((match for match in found if match), None)
    return None if match is None else (match["subject"], match["session"])


def subject_of_path(path: PurePath | None) -> str | None:
    """Subject from a BIDS name or a file name of Temple or EEGMAT; None for other names."""
    named = bids_entity(path, "sub")
    if named is not None or path is None:
        return named
    conventional = conventional_name(path.name)
    return None if conventional is None else conventional[0]


def subject_of_header(info: Mapping[str, Any]) -> str | None:
    """Subject from a header: ``subject_info["his_id"]`` or ``["id"]``; None if there is none."""
    person = info["subject_info"] or {}
    has_name = str(person.get("last_name") or "").strip().lower() not in _NOBODY
    for key in ("his_id", "id"):
        value = str("" if person.get(key) is None else person[key]).strip()
        # Anonymising by MNE and others writes 0 for everybody.
        if value.lower() not in _NOBODY and (value != "0" or has_name):
            return value
    return None


def subject_of_raw(raw: Any) -> str | None:
    """Subject of a recording, from the names of its files or from its header.

    None for files of several people in one ``mne.concatenate_raws``.
    """
    files = [Path(file) for file in raw.filenames if file is not None]
    named = {subject_of_path(file) for file in files} - {None}
    if not named:
        return subject_of_header(raw.info)
    return named.pop() if len(named) == 1 else None


def subjects_of_epochs(epochs: Any) -> NDArray:
    """Subject of each epoch of MNE's Epochs, from a column of their metadata.

    Their header is no use: concatenated Epochs have that of the first, and nothing shows that they
    were concatenated.

    Parameters
    ----------
    epochs : mne.Epochs

    Returns
    -------
    ndarray of object, shape (n_epochs,)
        Subjects; None if unknown.
    """
    metadata = epochs.metadata
    columns = [] if metadata is None else columns_of_people(metadata.columns)
    if columns:
        return as_subjects(metadata[columns[0]].tolist())
    return np.full(len(epochs), None, dtype=object)


def columns_of_people(names: Iterable[Any]) -> list[Any]:
    """Names of columns that identify a person, the likeliest first.

    Examples
    --------
    >>> from sk_brainrvq.signals.sources.subjects import columns_of_people
    >>> columns_of_people(["age", "participant", "Subject ID"])
    ['Subject ID', 'participant']
    """
    written = {re.sub(r"[\s.-]+", "_", str(name).strip().lower()): name for name in names}
    return [written[name] for name in _COLUMNS if name in written]


def as_subjects(values: Any) -> NDArray:
    """Names of subjects as objects, with None for missing ones.

    Parameters
    ----------
    values : sequence of object

    Returns
    -------
    ndarray of object, shape (n,)
        Numpy numbers become Python numbers, so that 1 from a list and from an array match.
    """
    named = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        named[place] = None if is_nobody(value) else _plain(value)
    return named


def is_nobody(value: Any) -> bool:
    """Whether a value names no subject: None, NaN, pandas' NA, NaT or an empty text."""
    return not value.strip() if isinstance(value, str) else is_missing(value)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
