"""Names of channels that are not EEG, by what they record."""

import re
from collections.abc import Collection, Iterable

from sk_brainrvq.signals.electrodes.matching import match_electrodes
from sk_brainrvq.signals.electrodes.names import bare_name, split_pair

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))

# For each kind: what its names contain; words that a name consists of, numbered or not; and words
# that count only without a number: with one they may be contacts of electrodes, such as LAT1. No
# electrode of MNE's montages has such a name. Sources: columns of Emotiv's, Muse's and OpenBCI's
# exports; channels of the Temple University and CHB-MIT corpora, of Sleep-EDF and SHHS; inputs of
# Nihon Kohden, Micromed, Natus and g.tec amplifiers.
_KINDS = {
    "heart": ("ECG|EKG|HEART", "HR|HRATE|BEAT|DHR", "PR|RR"),
    "eyes": (
        "EOG",
        "VEO[UL]?|HEO[LR]?|[LR]OC|[LR]UC|[LR]LC|ERG|GAZE[XY]?|PUPIL",
        "[ILS]O[12]?",
    ),
    "muscles": ("EMG", "CHIN|LEG|[LR]LEG|TIB|TIBIAL|PLM[SR]?", "[LR]AT"),
    "breath or blood": (
        "RESPI|SNOR|THORA|ABDOM|SPO2|SAO2|PLETH|PULS|OXIM|AIRFLOW|PRESS|CANNULA|THERMIS",
        "RESP|RSP|[CNPX]?FLOW|NAF|PTAF|NASAL|ORAL|ORONASAL|THOR|ABDO?|ABDM|CHEST|VTH|VAB|RIP|RIPSUM"
        "|XSUM|EFFORT|[CEI]?PAP|LEAK|TIDAL|(?:ET|TC)?CO2(?:WAVE)?|CAPNO|OSAT|O2SAT|DESAT|OX|OXSTAT"
        "|PLET|PPG|BVP|PTT|OPTICS|BP|ABP|ICP|CVP",
        "(?:NEW)?AIR|NEWAF|THERM|PAT",
    ),
    "skin or body": (
        "",
        "GSR|EDA|SCL|SCR|TEMP|TEMPERATURE|BODY|(?:BODY)?POS(?:ITION|SENSOR)?|VNS",
        "",
    ),
    "motion": ("GYRO|ACCEL|MAGNETOMETER", "ACC[XYZ]?|MOT|QUAT|MOVEMENT|ACTIVITY|ELEVATION", ""),
    "triggers and clocks": (
        # FrontRight is not a trigger.
        "PHOTIC|TRIG(?!HT)|STATUS|MARKER|ANNOTATION|TIME[ _-]?STAMP|SAMPLE INDEX|SYSCLOCK|COUNTER",
        "STI|STIM|EVENTS?|MKR|MK|MARK|DIN|SYNC|PHO|PHOT|INTERPOLATED|DC|CLOCK|BUTTON|DIGITAL",
        "",
    ),
    "contact of electrodes": (
        "IMPEDANCE|HEAD_?BAND_?ON|TOUCHING_?FOREHEAD|QUALITY",
        "CQ|RAWCQ|HSI|OHM",
        "EQ|IMP",
    ),
    "reference or ground": ("", "BN", "CMS|DRL|GND|GROUND"),
    "state of the device": (
        "BATTERY|VALIDATION",
        "BATT|LIGHT|AUDIO|SOUND|MIC|ELEMENTS|ANALOG",
        "",
    ),
    "computed from other signals": (
        "SUPPR|BURST|HYPNOGRAM",
        "IBI|SUPR|DELTA|THETA|ALPHA|BETA|GAMMA|SIGMA|SEF|CSA|DSA|BIS",
        "POW|PM|SUM|RATE|STAGE",
    ),
    "spare input": ("", "EXG|ANA|AUX|BIP|MISC|OTHER|DIF", ""),
}
_PARTS = {kind: re.compile(parts) for kind, (parts, _, _) in _KINDS.items() if parts}
_WORDS = {
    # An empty alternative would match the empty word.
    kind: re.compile("|".join([rf"(?:{words})[0-9]*"] + [unnumbered] * bool(unnumbered)))
    for kind, (_, words, unnumbered) in _KINDS.items()
}
# Complete names; Nihon Kohden's X1 to X11, $A1 and E are inputs beside those of the head.
_WHOLE = re.compile(r"[XYZ]|X[1-9][0-9]?|E|\$.*|N/?[CD]|NOT USED|UNUSED|EMPTY")
_SPARE = "spare input"
# Inputs numbered like the channels of a cap; if there is a cap beside them, X11 is the last.
_NUMBERED = re.compile(r"X[1-9][0-9]?|EXG(?:[ _]?CHANNEL)?[ _]?[0-9]{1,3}")
_MOST_BESIDE_A_CAP = 11
# The eye leads of the American Academy of Sleep Medicine, and electrodes of EGI's nets.
_EYES, _OF_NET = ("E1", "E2"), re.compile("E[0-9]+")


def other_kind(name: str) -> str | None:
    """What a channel with this name records, if that is not EEG.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or None
        None for a name that may be an EEG channel's.

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes.other_channels import other_kind
    >>> other_kind("EEG EKG1-REF"), other_kind("CQ_AF3"), other_kind("EEG FP1-REF")
    ('heart', 'contact of electrodes', None)
    """
    upper = _in_capitals(name)
    without_number = re.sub(r"-[0-9]{1,2}$", "", upper)
    if upper.startswith("-") or not any(map(str.isalnum, without_number)):  # "-", ".", ".-0"
        return "nothing"
    if _WHOLE.fullmatch(bare_name(str(name))):
        return "nothing that the name tells"
    for kind, parts in _PARTS.items():
        if parts.search(upper):
            return kind
    for kind, words in _WORDS.items():
        if any(map(words.fullmatch, _words(upper))):
            return kind
    return None


def other_kinds(names: Iterable[str], placed: Collection[str] = ()) -> dict[str, str]:
    """What the channels of a recording that are not EEG by name record.

    Parameters
    ----------
    names : iterable of str
        Names of all channels that may be EEG: some names are informative only beside the others.
    placed : collection of str, optional
        Channels with a position on the head, which makes inputs for any signal EEG.

    Returns
    -------
    dict of str to str
        What each channel records, without those that may be EEG. Numbered inputs, X1 or EXG1, may
        be the channels of a cap: they are if they outnumber the others, and either no electrode
        is among these or there are more inputs than amplifiers have beside a cap. If some have a
        position, only those are EEG. E1 and E2 beside electrodes are the eyes.

    Notes
    -----
    Source: The AASM Manual for the Scoring of Sleep and Associated Events.

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes.other_channels import other_kinds
    >>> other_kinds(["C3", "C4", "X1"]), other_kinds(["X1", "X2", "X3"])
    ({'X1': 'nothing that the name tells'}, {})
    """
    names = list(dict.fromkeys(map(str, names)))
    kinds = {name: kind for name in names if (kind := other_kind(name)) is not None}
    numbered = {name for name in kinds if _NUMBERED.fullmatch(bare_name(name))}
    loose = {
        name for name in kinds if name in placed and (name in numbered or is_spare_input(name))
    }
    eyes = _eyes_among(names) - set(placed)
    if not numbered and not eyes:
        return {name: kind for name, kind in kinds.items() if name not in loose}
    others = [name for name in names if name not in kinds and name not in eyes]
    has_electrodes = any(match.has_position for match in match_electrodes(others, len(others)))
    enough = len(numbered) > (_MOST_BESIDE_A_CAP if has_electrodes else 0)
    if enough and len(numbered) > len(others) and not loose:
        loose |= numbered
    kinds |= dict.fromkeys(sorted(eyes), "eyes") if has_electrodes else {}
    return {name: kinds[name] for name in names if name in kinds and name not in loose}


def _eyes_among(names: Iterable[str]) -> set[str]:
    """E1 and E2, also against a reference, if they are not electrodes of a net."""
    first = {name: (split_pair(bare := bare_name(name)) or (bare,))[0] for name in names}
    of_net = {name for name, bare in first.items() if _OF_NET.fullmatch(bare)}
    return of_net if all(first[name] in _EYES for name in of_net) else set()


def is_eeg_name(name: str) -> bool:
    """Whether a channel of this name may be EEG.

    EDF files type every channel as EEG, so heart, eyes, muscles, breath, triggers, device states
    and the like are often known only by name. An uninformative name counts as EEG.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes import is_eeg_name
    >>> is_eeg_name("EEG FP1-REF"), is_eeg_name("EEG EKG1-REF"), is_eeg_name("A2-A1")
    (True, False, True)
    """
    return other_kind(name) is None


def is_spare_input(name: str) -> bool:
    """Whether a name is only an amplifier's name for an input for any signal.

    `is_eeg_name` refuses them; other information may still show that the channel is EEG.

    Parameters
    ----------
    name : str

    Returns
    -------
    bool

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes.other_channels import is_spare_input
    >>> is_spare_input("EXG Channel 0"), is_spare_input("EXG1 EOG"), is_spare_input("Cz")
    (True, False, False)
    """
    upper = _in_capitals(name)
    others = [words for kind, words in _WORDS.items() if kind != _SPARE]
    return other_kind(name) == _SPARE and not any(
        words.fullmatch(word) for word in _words(upper) for words in others
    )


def _in_capitals(name: str) -> str:
    return str(name).translate(_DASHES).upper().strip()


def _words(upper: str) -> list[str]:
    """Words of a name, and all of it as one: H.R. is HR, O2 Sat is O2SAT."""
    return [*re.split("[^A-Z0-9]+", upper), re.sub("[^A-Z0-9]+", "", upper)]
