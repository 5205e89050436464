"""Names of channels that are no EEG, by what they record."""

import re

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))

# What a name of each kind contains, or which of its words it consists of, numbered or not. No
# electrode of MNE's montages is called so. Sources: the columns of Emotiv's, Muse's and OpenBCI's
# exports; channels of the Temple University and CHB-MIT corpora, of Sleep-EDF and SHHS; inputs of
# Nihon Kohden, Micromed, Natus and g.tec amplifiers.
_KINDS = {
    "heart": ("ECG|EKG", "HR|HRATE|HEARTRATE|PR|DHR"),
    "eyes": ("EOG", "VEO[UL]?|HEO[LR]?|[LR]OC|[LR]UC|[LR]LC|LO|IO|SO|ERG|GAZE[XY]?|PUPIL"),
    "muscles": ("EMG", "CHIN|LEG|[LR]LEG|[LR]AT|TIB|TIBIAL|PLM[SR]?"),
    "breath or blood": (
        "RESPI|SNOR|THORA|ABDOM|SPO2|SAO2|PLETH|PULS|OXIM",
        "RESP|RSP|FLOW|[PN]FLOW|AIRFLOW|AIR|NAF|PTAF|NASAL|ORAL|ORONASAL|THOR|ABDO?|VTH|VAB|RIP|RIPSUM"
        "|XSUM|EFFORT|[CEI]?PAP|LEAK|TIDAL|CO2|ETCO2|CAPNO|OSAT|OX|OXSTAT|PLET|PPG|BVP|PTT"
        "|BP|ABP|ICP|CVP",
    ),
    "skin or body": (
        "",
        "GSR|EDA|TEMP|TEMPERATURE|BODY|POSITION|VNS",
    ),
    "motion": ("GYRO|ACCEL|MAGNETOMETER", "ACC[XYZ]?|MOT|QUAT"),
    "triggers and clocks": (
        "PHOTIC|TRIG|STATUS|MARKER|ANNOTATION|TIME[ _-]?STAMP|SAMPLE INDEX|SYSCLOCK",
        "STI|STIM|EVENTS?|MKR|MK|DIN|SYNC|COUNTER|PHO|PHOT|INTERPOLATED|DC|CLOCK",
    ),
    "contact of electrodes": (
        "IMPEDANCE|HEAD_?BAND_?ON|TOUCHING_?FOREHEAD|QUALITY",
        "CQ|EQ|RAWCQ|HSI|IMP|OHM",
    ),
    "state of the device": ("BATTERY", "BATT|LIGHT|AUDIO|SOUND|MIC|ELEMENTS|ANALOG"),
    "computed from other signals": (
        "SUPPR|BURST",
        "IBI|SUPR|POW|PM|SUM|RATE|DELTA|THETA|ALPHA|BETA|GAMMA|SIGMA|SEF|CSA|DSA|BIS",
    ),
    "spare input": ("", "EXG|ANA|AUX|BIP|MISC|OTHER"),
}
_PARTS = {kind: re.compile(parts) for kind, (parts, _) in _KINDS.items() if parts}
_WORDS = {kind: re.compile(rf"(?:{words})[0-9]*[+]?") for kind, (_, words) in _KINDS.items()}
# Names as they stand.
_WHOLE = {"X", "Y", "ND", "N/D", "NC", "N/C", "UNUSED", "EMPTY"}
_SPARE = "spare input"


def other_kind(name: str) -> str | None:
    """What a channel of this name records, where that is no EEG.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or None
        None for a name that may be that of EEG.

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes.other_channels import other_kind
    >>> other_kind("EEG EKG1-REF"), other_kind("CQ_AF3"), other_kind("EEG FP1-REF")
    ('heart', 'contact of electrodes', None)
    """
    upper = _in_capitals(name)
    if upper.startswith("-") or not re.search("[A-Z1-9]", upper):  # "-", ".", ".-0"
        return "nothing"
    if re.sub(r"^EEG[ _:-]*", "", upper) in _WHOLE:
        return "nothing that the name tells"
    for kind, parts in _PARTS.items():
        if parts.search(upper):
            return kind
    for kind, words in _WORDS.items():
        if any(map(words.fullmatch, _words(upper))):
            return kind
    return None


def is_eeg_name(name: str) -> bool:
    """Whether a channel of this name may be EEG.

    EDF files type every channel as EEG, so that heart, eyes, muscles, breath, triggers, states of
    the device and the like are often known only by their names. A name that says nothing counts
    as EEG.

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
    """Whether a name is no more than an amplifier's for an input that may hold anything.

    `is_eeg_name` refuses them; what else is known of the channel may tell that it is EEG.

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
    """Words of a name, and the name without its dots: H.R. is HR."""
    return [*re.split(r"[^A-Z0-9+]+", upper), upper.replace(".", "")]
