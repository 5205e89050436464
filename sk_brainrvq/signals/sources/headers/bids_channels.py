"""Types and states of channels from the sidecar tables of a BIDS data set."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sk_brainrvq.signals.electrodes.names import shorten

# MNE's types for those of BIDS; types not listed are not EEG either.
_TYPES = {
    **{name: name.lower() for name in ("EEG", "EOG", "ECG", "EMG", "SEEG", "ECOG", "DBS", "GSR")},
    **dict.fromkeys(("VEOG", "HEOG"), "eog"),
    **{"TRIG": "stim", "RESP": "resp", "TEMP": "temperature"},
}
# Greatest depth of a folder in a data set: subject, session, modality.
_DEEPEST = 3


def apply_sidecar(recording: Any, path: Path) -> list[str]:
    """Set the types and bad channels of a recording from its ``channels.tsv``.

    Parameters
    ----------
    recording : mne.io.Raw or mne.Epochs
        Recording, which is changed in place.
    path : Path
        Path that it was read from.

    Returns
    -------
    list of str
        Sentences about the table that users should see.

    Notes
    -----
    Source: Brain Imaging Data Structure 1.10, EEG, and its inheritance principle: a table may be
    in a folder above, and then has only some of the entities of the recording's name.
    """
    sidecar = sidecar_of(path)
    if sidecar is None:
        return []
    table, doubt = rows_of(sidecar)
    if doubt:
        return [doubt]
    rows = {row.get("name"): row for row in table}
    known = {name: rows[name] for name in recording.ch_names if name in rows}
    types = {name: _TYPES.get(cell(row, "type").upper(), "misc") for name, row in known.items()}
    stated = {name: kind for name, kind in types.items() if cell(known[name], "type")}
    recording.set_channel_types(stated, on_unit_change="ignore", verbose="error")
    bad = [name for name, row in known.items() if _is_bad(row)]
    recording.info["bads"] = list(dict.fromkeys([*recording.info["bads"], *bad]))
    return _about_strangers(sidecar, rows, known)


def _about_strangers(
    sidecar: Path, rows: Mapping[str | None, Mapping[str, str]], known: Mapping[str, Any]
) -> list[str]:
    """Sentence about channels in a table that the recording does not have."""
    if not rows:
        return []
    if not known:
        return [f"{sidecar} names no channel of the recording: its types and states are not used."]
    lost = [str(name) for name, row in rows.items() if name not in known and _is_bad(row)]
    if not lost:
        return []
    return [f"{sidecar} marks {shorten(lost)} as bad, which the recording does not have."]


def _is_bad(row: Mapping[str, str]) -> bool:
    return cell(row, "status").lower() == "bad"


def cell(row: Mapping[str, str | None], column: str) -> str:
    """A value of a row; empty if the table has none."""
    value = (row.get(column) or "").strip()
    return "" if value == "n/a" else value


def sidecar_of(path: Path, kind: str = "channels") -> Path | None:
    """The ``channels.tsv``, or another table, that belongs to a recording of a BIDS data set.

    Parameters
    ----------
    path : Path
    kind : {"channels", "events"}

    Returns
    -------
    Path or None
        The nearest table; within a folder, the one with the most entities.
    """
    entities = _entities(path)
    if not any(entity.startswith("sub-") for entity in entities):
        return None
    for folder in _folders(path):
        tables = [table for table in folder.glob(f"*{kind}.tsv") if _entities(table) <= entities]
        if tables:
            return max(tables, key=lambda table: len(_entities(table)))
    return None


def _entities(path: Path) -> set[str]:
    """Parts of a name such as "sub-01"; the last part is not an entity."""
    return set(path.name.split(".")[0].split("_")[:-1])


def _folders(path: Path) -> Iterator[Path]:
    """The folder of a recording and those above it, up to the data set's own."""
    for folder in list(path.absolute().parents)[: _DEEPEST + 1]:
        yield folder
        if (folder / "dataset_description.json").exists():
            return


def rows_of(path: Path) -> tuple[list[dict[str, str]], str | None]:
    """Rows of a table; none, and a sentence, if it cannot be read."""
    try:
        # BIDS does not use quotes: a single one would swallow the following rows.
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)), None
    except (OSError, csv.Error) as error:
        return [], f"{path} cannot be read and is not used: {error}"
