"""Where electrodes lie: template heads of MNE, names that only a whole cap explains, neighbours.

A position is a direction: the unit vector from the centre of the head to the electrode, with the
axes right, front and up, so that heads of any size can be compared.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.electrodes.names import ELECTRODE_ROWS, NEW_NAMES

N_NEIGHBOURS = 4
# About 3 mm on a head of 95 mm, less than the difference between templates: the same electrode.
SAME_PLACE = 0.03
# A row with a smaller weight would hardly be trained by such a channel.
SMALLEST_WEIGHT = 0.05
# About 45 mm. Digitised caps lie up to 25 mm off the template; another electrode of a cap that
# shares the name lies farther.
OTHER_PLACE = 0.47

# Centre of the head in MNE's head frame, whose origin lies between the ears.
_HEAD_CENTRE = np.array([0.0, 0.0, 0.04])
# Electrodes of the table that MNE's template lacks, by the electrode at the same place.
_SAME_AS = {
    **{"O9": "I1", "O10": "I2", "CB1": "PO9", "CB2": "PO10", "T1": "FT9", "T2": "FT10"},
    **{f"CFC{i}": f"FCC{i}" for i in range(1, 7)},
    **{"CFC7": "FTT7", "CFC8": "FTT8", "CCP7": "TTP7", "CCP8": "TTP8"},
}
# Rows with a position in the 10-10 system. Few recordings train the others, so they stand in only
# if there is nothing else.
_COMMON_ROWS = {
    row
    for name, row in ELECTRODE_ROWS.items()
    if not (name in NEW_NAMES or name.endswith("H") or re.match("CB|CFC|CCP|T[12]$", name))
}
# Names such as E1 to E20 may belong to any cap: below this share of a net they are doubtful.
_TELLING_SHARE = 0.75
GUESSED = ", guessed from"
_BIOSEMI_NAME = re.compile("([A-H])([1-9]|[12][0-9]|3[0-2])")
_NUMBERED_NAME = re.compile("([A-Z])[1-9][0-9]{0,2}")
_EGI_NAME = re.compile("E0{0,2}([1-9][0-9]{0,2})")
_BCIC_2A_NAMED = {"FZ", "C3", "CZ", "C4", "PZ"}
_BCIC_2A_NUMBERED = "FC3 FC1 FCZ FC2 FC4 C5 C1 C2 C6 CP3 CP1 CPZ CP2 CP4 P1 P2 POZ".split()  # noqa: SIM905


@dataclass(frozen=True)
class CapName:
    """What a name means in its cap: an electrode of the table, or else a direction."""

    note: str
    electrode: str | None = None
    direction: tuple[float, ...] | None = None


@cache
def template_montage() -> str:
    """MNE's name for the montage with the electrodes of the 10-05 system."""
    import mne

    # MNE 1.12 renamed it, and MNE 1.14 will only know the new name.
    known = mne.channels.get_builtin_montages()
    return "colin27_1005" if "colin27_1005" in known else "standard_1005"


@cache
def template_directions() -> dict[str, NDArray]:
    """Direction of every electrode of the 10-05 system and of the table, by upper-case name."""
    head = _montage(template_montage())
    head |= {name: head[same] for name, same in _SAME_AS.items()}
    # The fiducials of this head tilt it by 8 degrees relative to every other template.
    cap = _montage("biosemi64")
    rotation = _rotation([head[name] for name in cap], list(cap.values()))
    return {name: direction @ rotation for name, direction in head.items()}


@cache
def _montage(kind: str) -> dict[str, NDArray]:
    """Directions of one of MNE's montages in the head frame, by upper-case name in its order."""
    import mne

    montage = mne.channels.make_standard_montage(kind).get_positions()
    to_head = mne.transforms.get_ras_to_neuromag_trans(
        montage["nasion"], montage["lpa"], montage["rpa"]
    )
    places = mne.transforms.apply_trans(to_head, np.array(list(montage["ch_pos"].values())))
    names = [name.upper() for name in montage["ch_pos"]]
    return dict(zip(names, _to_directions(places), strict=True))


def checked_places(positions: Mapping[str, Any] | None, names: list[str]) -> dict[str, NDArray]:
    """Positions of channels that have one; MNE writes NaN or zeros if there is none."""
    if positions is None:
        return {}
    if not isinstance(positions, Mapping):
        raise InvalidEEGError(
            "positions must be a dict from channel names to coordinates in metres, got "
            f"{type(positions).__name__}."
        )
    places = {}
    for name in names:
        if positions.get(name) is None:
            continue
        try:
            place = np.asarray(positions[name], dtype=np.float64)
        except (TypeError, ValueError):
            place = np.empty(0)
        if place.shape != (3,):
            raise InvalidEEGError(
                f"positions[{name!r}] must be three coordinates in metres, got {positions[name]!r}."
            )
        if np.isfinite(place).all() and place.any():
            places[name] = place
    return places


def measured_directions(
    places: Mapping[str, NDArray], electrodes: Mapping[str, str]
) -> dict[str, NDArray]:
    """Bring measured positions to the template's frame.

    Parameters
    ----------
    places : mapping of str to ndarray, shape (3,)
        Head coordinates in metres by channel.
    electrodes : mapping of str to str
        Template electrodes of the channels with unambiguous names. They are used to rotate a
        montage given in another frame.

    Returns
    -------
    dict of str to ndarray, shape (3,)
        Channels at the very centre are left out.
    """
    if not places:
        return {}
    directions = dict(zip(places, _to_directions(np.array(list(places.values()))), strict=True))
    directions = {name: place for name, place in directions.items() if np.isfinite(place).all()}
    anchors = [name for name in directions if name in electrodes]
    if len(anchors) < 6:
        return directions
    measured = np.array([directions[name] for name in anchors])
    expected = np.array([template_directions()[electrodes[name]] for name in anchors])
    if np.linalg.svd(measured, compute_uv=False)[-1] < 0.1 * np.sqrt(len(anchors)):
        return directions  # on one arc, which leaves a rotation undetermined
    rotation = _rotation(measured, expected)
    if np.median(np.linalg.norm(measured @ rotation - expected, axis=1)) > OTHER_PLACE / 2:
        return directions  # these names and positions do not match
    return {name: direction @ rotation for name, direction in directions.items()}


def neighbour_weights(direction: NDArray, rows: frozenset[int]) -> dict[int, float]:
    """Rows of the nearest electrodes and their weights, by the inverse squared distance.

    Parameters
    ----------
    direction : ndarray, shape (3,)
    rows : frozenset of int
        Rows that may be used.

    Returns
    -------
    dict of int to float
        A single row if an electrode lies at this very place; empty if no row has a position.
    """
    candidates, places = _placed_rows(rows)
    if not candidates.size:
        return {}
    distances = np.linalg.norm(places - direction, axis=1)
    nearest = np.argsort(distances, kind="stable")[:N_NEIGHBOURS]
    if distances[nearest[0]] < SAME_PLACE:
        return {int(candidates[nearest[0]]): 1.0}
    weights = distances[nearest] ** -2
    weights[weights < SMALLEST_WEIGHT * weights.sum()] = 0
    weights /= weights.sum()
    return {int(candidates[i]): float(w) for i, w in zip(nearest, weights, strict=True) if w}


@lru_cache(maxsize=32)
def _placed_rows(rows: frozenset[int]) -> tuple[NDArray, NDArray]:
    """Rows that may stand in for others, and their directions, one per place."""
    usable = (rows & _COMMON_ROWS) or rows
    kept: list[int] = []
    places = np.empty((0, 3))
    for name, row in ELECTRODE_ROWS.items():
        place = template_directions()[name]
        taken = (np.linalg.norm(places - place, axis=1) < SAME_PLACE).any()
        if row in usable and not taken:
            kept.append(row)
            places = np.vstack([places, place])
    return np.array(kept, dtype=np.int64), places


def read_cap(names: Iterable[str]) -> dict[str, CapName]:
    """Names that mean something else, or something at all, only within their cap.

    Parameters
    ----------
    names : iterable of str
        Bare names of all channels.

    Returns
    -------
    dict of str to CapName
        For numbered electrodes of BioSemi and EGI caps and of BCI competition IV 2a. Names that
        only number channels, such as C1 to C32, have neither electrode nor direction.
    """
    bare = set(names)
    numbered = {str(i): name for i, name in enumerate(_BCIC_2A_NUMBERED)}
    if bare >= _BCIC_2A_NAMED | set(numbered):
        note = "numbered as in the files of BCI competition IV 2a"
        return {number: CapName(note, electrode=name) for number, name in numbered.items()}
    return _read_biosemi(bare) or _read_egi(bare) or _read_numbers(bare)


def _read_biosemi(bare: Collection[str]) -> dict[str, CapName]:
    found = {name: match for name in bare if (match := _BIOSEMI_NAME.fullmatch(name))}
    # No 10-20 cap has A3 or B1; no cap numbered by letters has FZ or O1.
    telling = any(m[1] == "B" or (m[1] == "A" and int(m[2]) > 2) for m in found.values())
    if not telling or any(name in ELECTRODE_ROWS and name not in found for name in bare):
        return {}
    last = max(match[1] for match in found.values())
    n_electrodes = {"A": 32, "B": 64, "C": 128, "D": 128, "E": 160}.get(last, 256)
    if last == "A" and set(found) == {f"A{i}" for i in range(1, 17)}:
        n_electrodes = 16
    note = _cap_note(f"a BioSemi cap of {n_electrodes}", len(found), n_electrodes)
    cap = _montage(f"biosemi{n_electrodes}")
    if n_electrodes > 64:
        return {name: CapName(note, direction=tuple(cap[name])) for name in found}
    order = list(cap)
    numbers = {name: 32 * (match[1] == "B") + int(match[2]) - 1 for name, match in found.items()}
    return {name: CapName(note, electrode=order[number]) for name, number in numbers.items()}


def _read_egi(bare: Collection[str]) -> dict[str, CapName]:
    numbers = {name: int(m[1]) for name in bare if (m := _EGI_NAME.fullmatch(name))}
    largest = max(numbers.values(), default=0)
    # E1 and E2 on their own are the eyes of a sleep recording; E3 may be an old name of a place.
    others = [name for name in bare if name in ELECTRODE_ROWS]
    if not 2 < largest <= 257 or len(numbers) < len(others):
        return {}
    n_electrodes = next(n for n in (32, 64, 128, 256) if largest <= n + 1)
    kind = f"GSN-HydroCel-{n_electrodes}" + ("_1.0" if n_electrodes == 64 else "")
    net = _montage(kind)
    note = _cap_note(f"an EGI net of {n_electrodes}", len(numbers), n_electrodes)
    return {
        name: CapName(note, direction=tuple(net[f"E{number}"]))
        if number <= n_electrodes
        else CapName(note, electrode="CZ")  # its reference
        for name, number in numbers.items()
    }


def _cap_note(cap: str, n_names: int, n_electrodes: int) -> str:
    few = n_names < _TELLING_SHARE * n_electrodes
    return f"position of {cap}" + (f"{GUESSED} only its {n_names} names" if few else "")


def _read_numbers(bare: Collection[str]) -> dict[str, CapName]:
    """Names numbered by letter beyond its electrodes, if no electrode is beside them."""
    families: dict[str, list[str]] = {}
    for name in bare:
        if match := _NUMBERED_NAME.fullmatch(name):
            families.setdefault(match[1], []).append(name)
    counted: set[str] = set()
    for names in families.values():
        largest = max(int(name[1:]) for name in names)
        places = {NEW_NAMES.get(name, name) for name in names}
        are_electrodes = places <= template_directions().keys() and len(places) == len(names)
        if len(names) >= _TELLING_SHARE * largest and not are_electrodes:
            counted |= set(names)
    if any(name in template_directions() for name in bare if name not in counted):
        return {}
    return dict.fromkeys(counted, CapName("number of a channel, not an electrode"))


def _to_directions(places: NDArray) -> NDArray:
    # Very large or small coordinates would overflow when squared.
    largest = np.abs(places).max(initial=0)
    if not 1e-6 < largest < 1e6:
        places = places / (largest or 1)
    offsets = places - _centre(places)
    lengths = np.linalg.norm(offsets, axis=1, keepdims=True)
    return np.divide(offsets, lengths, out=np.full_like(offsets, np.nan), where=lengths > 1e-9)


def _centre(places: NDArray) -> NDArray:
    """Centre of the sphere through the places, or a typical one if they do not determine it."""
    if len(places) < 8:
        return _HEAD_CENTRE
    equations = np.column_stack([2 * places, np.ones(len(places))])
    centre = np.linalg.lstsq(equations, (places**2).sum(1), rcond=None)[0][:3]
    offsets = places - centre
    radii = np.linalg.norm(offsets, axis=1)
    if radii.min() == 0 or radii.std() > 0.15 * radii.mean():
        return _HEAD_CENTRE
    spread = np.linalg.norm((offsets / radii[:, None]).mean(0))
    return centre if spread < 0.8 else _HEAD_CENTRE


def _rotation(given: NDArray | list[NDArray], wanted: NDArray | list[NDArray]) -> NDArray:
    """Rotation that brings ``given @ rotation`` closest to ``wanted``."""
    left, _, right = np.linalg.svd(np.array(given).T @ np.array(wanted))
    sign = np.sign(np.linalg.det(left @ right))
    return left @ np.diag([1.0, 1.0, sign]) @ right
