"""Names of channels: the published vocabulary, and the decoration that files add."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError

N_ELECTRODE_ROWS = 129

# Order of the published position table: entry i has row i + 1, row 0 is the class token's,
# and the last eight names have no row.
ELECTRODE_NAMES = tuple(
    """
    FP1 FPZ FP2 AF9 AF7 AF5 AF3 AF1 AFZ AF2 AF4 AF6 AF8 AF10
    F9 F7 F5 F3 F1 FZ F2 F4 F6 F8 F10 FT9 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 FT10
    T9 T7 C5 C3 C1 CZ C2 C4 C6 T8 T10 TP9 TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 TP10
    P9 P7 P5 P3 P1 PZ P2 P4 P6 P8 P10 PO9 PO7 PO5 PO3 PO1 POZ PO2 PO4 PO6 PO8 PO10
    O1 OZ O2 O9 CB1 CB2 IZ O10 T3 T5 T4 T6 M1 M2 A1 A2
    CFC1 CFC2 CFC3 CFC4 CFC5 CFC6 CFC7 CFC8 CCP1 CCP2 CCP3 CCP4 CCP5 CCP6 CCP7 CCP8
    T1 T2 FTT9h TTP7h TPP9h FTT10h TPP8h TPP10h
    FP1-F7 F7-T7 T7-P7 P7-O1 FP2-F8 F8-T8 T8-P8 P8-O2
    FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2
    """.split()  # noqa: SIM905
)
# Row of each name in upper case: electrodes, and the pairs that have their own row.
ROWS = {name.upper(): i + 1 for i, name in enumerate(ELECTRODE_NAMES) if i + 1 < N_ELECTRODE_ROWS}
ELECTRODE_ROWS = {name: row for name, row in ROWS.items() if "-" not in name}
NEW_NAMES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
# Emotiv writes EEG.AF3, Muse RAW_TP9, Nihon Kohden POL Fp1.
_PREFIX = re.compile(r"^(?:EEG[ _:.-]*|RAW[ _:.-]+|POL )", re.IGNORECASE)
_REFERENCE = re.compile(
    r"[-_ ](?:REF[0-9]*|REFERENCE|C?LER?|LM|AR|AV|AVE|AVG|AVERAGE|CAR|CS2|GND"
    r"|\(?A1\+?A2\)?(?:/2)?|\(?M1\+?M2\)?(?:/2)?)$",
    re.IGNORECASE,
)
# Readers number channels with the same name: CHB-MIT's second T8-P8 is read as "T8-P8-1".
_RUNNING_NUMBER = re.compile(r"(?<=[0-9ZH])-[0-9]{1,2}$|(?<=REF)-[0-9]{1,2}$", re.IGNORECASE)
_PAIR = re.compile(r"[-/_:]")


def bare_name(name: str) -> str:
    """Channel name in upper case without prefix, reference, dots and running number."""
    bare = _PREFIX.sub("", name.translate(_DASHES).strip())
    bare = _RUNNING_NUMBER.sub("", bare.rstrip(". "))
    return _REFERENCE.sub("", bare).rstrip(". ").strip().upper()


def canonical_name(name: str) -> str:
    """Channel name in upper case, without decoration, in modern 10-20 terms.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Name; pairs are written with a hyphen.

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes import canonical_name
    >>> canonical_name("EEG T3-REF"), canonical_name("Fc5."), canonical_name("Fp1-F7")
    ('T7', 'FC5', 'FP1-F7')
    """
    bare = bare_name(name)
    ends = split_pair(bare)
    if ends and all(NEW_NAMES.get(end, end) in ELECTRODE_ROWS for end in ends):
        return "-".join(NEW_NAMES.get(end, end) for end in ends)
    return "-".join(NEW_NAMES.get(part.strip(), part.strip()) for part in bare.split("-"))


def split_pair(bare: str) -> tuple[str, str] | None:
    """Both ends of a name written as a bipolar derivation, or None."""
    ends = [end.strip() for end in _PAIR.split(bare)]
    return (ends[0], ends[1]) if len(ends) == 2 and all(ends) else None


def check_ch_names(ch_names: Iterable[str], n_channels: int) -> list[str]:
    """Channel names as a list; raise InvalidEEGError unless unique and one per channel."""
    refuse_one_string(ch_names)
    try:
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in ch_names]
    except (TypeError, UnicodeDecodeError) as error:
        raise InvalidEEGError(
            f"ch_names must be a list of channel names, got {type(ch_names).__name__}."
        ) from error
    if len(names) != n_channels:
        raise InvalidEEGError(
            f"ch_names has {len(names)} names ({shorten(names)}) for {n_channels} channels; pass "
            "one name per channel, in the order of the channels."
        )
    duplicates = sorted(name for name, count in Counter(names).items() if count > 1)
    if duplicates:
        raise InvalidEEGError(
            f"ch_names holds {shorten(duplicates)} more than once; channel names must differ."
        )
    return names


def refuse_one_string(ch_names: Any) -> None:
    """Raise InvalidEEGError for a string, whose letters would count as names."""
    if isinstance(ch_names, str | bytes):
        raise InvalidEEGError(
            f"ch_names={ch_names!r} is a string; expected a list, [{ch_names!r}]."
        )


def checked_map(electrode_map: Mapping[str, Any] | None) -> dict[str, dict[str, float]]:
    """Shares of electrodes for each channel of the user's map; they sum to 1."""
    if electrode_map is None:
        return {}
    if not isinstance(electrode_map, Mapping):
        raise InvalidEEGError(
            "electrode_map must be a dict from channel names to electrodes, got "
            f"{type(electrode_map).__name__}."
        )
    return {str(name): _shares(str(name), value) for name, value in electrode_map.items()}


def _shares(name: str, value: Any) -> dict[str, float]:
    if isinstance(value, str):
        value = {value: 1.0}
    try:
        if isinstance(value, list | tuple):
            value = dict.fromkeys(value, 1.0)
        shares = {electrode: float(share) for electrode, share in value.items()}
    except (AttributeError, TypeError, ValueError):
        shares = {}
    total = sum(shares.values())
    usable = all(isinstance(e, str) and s >= 0 for e, s in shares.items())
    if not (usable and total > 0 and math.isfinite(total)):
        raise InvalidEEGError(
            f"electrode_map[{name!r}] must be an electrode, a list of electrodes or a dict from "
            f"electrodes to weights that are not negative nor all 0, got {value!r}."
        )
    return {electrode: share / total for electrode, share in shares.items() if share > 0}


def shorten(names: Sequence[str], n_most: int = 8) -> str:
    """Names for a message: the first few, and how many more."""
    shown = ", ".join(repr(name) for name in names[:n_most])
    return shown + (f" and {len(names) - n_most} more" if len(names) > n_most else "")
