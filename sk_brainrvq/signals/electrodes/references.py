"""Second names of channels: a recording's reference, or the other end of a bipolar pair."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sk_brainrvq.signals.electrodes.names import (
    ELECTRODE_NAMES,
    ELECTRODE_ROWS,
    NEW_NAMES,
    split_pair,
)
from sk_brainrvq.signals.electrodes.positions import read_cap, template_directions

# Ears and mastoids, with the last digits of electrodes on the same side.
_EARS = {**dict.fromkeys(("A1", "M1"), "13579"), **dict.fromkeys(("A2", "M2"), "24680")}

# Pairs of the double banana, in modern terms.
_PAIRS = frozenset(name.upper() for name in ELECTRODE_NAMES if "-" in name)

Pair = tuple[str, str]


def without_references(bare: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Names of channels without their reference.

    A second name is a reference if it is an ear or a mastoid, as in polysomnography, or if all
    channels of the recording share it. Any other pair of names is a bipolar pair.

    Parameters
    ----------
    bare : mapping of str to str
        Bare name of each channel of a recording.

    Returns
    -------
    names : dict of str to str
        Bare name of each channel; only the first name of those with a reference.
    notes : dict of str to str
        For channels with a reference: what was assumed.

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes.references import without_references
    >>> without_references({"a": "C3-CPZ", "b": "C4-CPZ"})[0]
    {'a': 'C3', 'b': 'C4'}
    >>> without_references({"a": "FPZ-CZ", "b": "PZ-OZ", "c": "C4-M1"})[0]
    {'a': 'FPZ-CZ', 'b': 'PZ-OZ', 'c': 'C4'}
    """
    pairs = {name: pair for name, written in bare.items() if (pair := split_pair(written))}
    if not pairs:
        return dict(bare), {}
    singles = {written for name, written in bare.items() if name not in pairs}
    known = _known({end for pair in pairs.values() for end in pair} | singles)
    # Names without a position in either reading do not affect how others are read.
    sound = {name: pair for name, pair in pairs.items() if known.issuperset(pair)}
    shared = _shared(list(sound.values()), singles & known)
    if not sound and not singles & known:
        shared = _shared_by_several([pair for pair in pairs.values() if pair[0] in known])
    names, notes = dict(bare), {}
    for name, (first, second) in pairs.items():
        if second in shared:
            notes[name] = (
                f"lies at its first electrode, as all channels share {second}; if it is a "
                "bipolar pair, say so in electrode_map"
            )
        elif _is_ear_reference((first, second), sound.values()):
            notes[name] = f"lies at its first electrode: {second} is its reference"
        if name in notes:
            names[name] = first
    return names, notes


def _known(ends: set[str]) -> set[str]:
    """Names that have a position, on their own or in their cap."""
    others = ends - ELECTRODE_ROWS.keys()
    if not others:  # no need to load MNE, which knows caps and templates
        return ends
    return ends - others | others & (read_cap(ends).keys() | template_directions().keys())


def _shared(pairs: list[Pair], singles: set[str]) -> set[str]:
    """The second name, if all channels with a position share it."""
    seconds = {second for _, second in pairs}
    # The double banana's last pairs, P7-O1 and P3-O1, share their second name too.
    banana = all("-".join(NEW_NAMES.get(end, end) for end in pair) in _PAIRS for pair in pairs)
    alike = len(pairs) > 1 and len(seconds) == 1 and singles <= seconds
    return seconds if alike and not banana else set()


def _shared_by_several(pairs: list[Pair]) -> set[str]:
    """The one second name that several channels share, though it is not an electrode."""
    counts = Counter(second for _, second in pairs)
    several = {second for second, count in counts.items() if count > 1}
    return several if len(several) == 1 else set()


def _is_ear_reference(pair: Pair, others: Iterable[Pair]) -> bool:
    """Whether a pair's second name is an ear, and not the end of a chain such as C4-T4, T4-A2."""
    first, second = pair
    if second not in _EARS or first in _EARS:
        return False
    ends_chain = first[-1] in _EARS[second] and any(end == first for _, end in others)
    return not ends_chain
