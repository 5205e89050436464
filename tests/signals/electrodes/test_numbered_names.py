"""Names that number channels: alone they are a cap, beside electrodes they may be anything."""

import string
import warnings

import edfio
import mne
import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import is_eeg_name
from sk_brainrvq.signals.electrodes.other_channels import other_kinds
from sk_brainrvq.signals.sources.channels import chosen_channels, warn_of_other_kinds
from sk_brainrvq.signals.sources.recording_files import read_recording

CAP = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2".split()  # noqa: SIM905
UNKNOWN, PLACED = "unknown place", "placed"
# A name to count by, how many, and what becomes of them: alone, and beside the electrodes above.
FAMILIES = [
    ("X{}", 32, UNKNOWN, UNKNOWN),
    ("X{}", 11, UNKNOWN, "nothing that the name tells"),
    ("EEG X{}-REF", 8, UNKNOWN, "nothing that the name tells"),
    ("EXG Channel {}", 8, UNKNOWN, "spare input"),
    ("EXG{}", 8, UNKNOWN, "spare input"),
    ("{}", 32, UNKNOWN, UNKNOWN),
    ("ch{}", 32, UNKNOWN, UNKNOWN),
    ("CH {}", 8, UNKNOWN, UNKNOWN),
    ("Channel {}", 8, UNKNOWN, UNKNOWN),
    ("EEG {:03}", 60, UNKNOWN, UNKNOWN),
    ("EEG{:03}", 60, UNKNOWN, UNKNOWN),
    ("EEG{}", 8, UNKNOWN, UNKNOWN),
    ("L{}", 8, UNKNOWN, UNKNOWN),
    ("D{}", 32, UNKNOWN, UNKNOWN),
    ("W{}", 2, UNKNOWN, UNKNOWN),
    ("A{}", 32, PLACED, None),
    ("A{}", 2, PLACED, PLACED),
    ("M{}", 2, PLACED, PLACED),
    ("T{}", 2, PLACED, PLACED),
    ("E{}", 32, PLACED, PLACED),
    ("E{:03}", 128, PLACED, PLACED),
    ("E{}", 4, PLACED, UNKNOWN),
    ("E{}", 2, UNKNOWN, "eyes"),
    ("E{}-M2", 2, UNKNOWN, "eyes"),
    ("AUX{}", 4, "spare input", "spare input"),
    ("BIP{}", 24, "spare input", "spare input"),
    ("DC{}", 16, "triggers and clocks", "triggers and clocks"),
    ("EOG{}", 4, "eyes", "eyes"),
]


def raw_of(names):
    info = mne.create_info(list(names), 100.0, "eeg")
    return mne.io.RawArray(np.zeros((len(names), 10)), info, verbose="error")


def treated(names, beside=()):
    """What becomes of some channels, each way there is."""
    left_out = other_kinds([*beside, *names])
    kept = [name for name in [*beside, *names] if name not in left_out]
    matches = {match.channel: match for match in match_electrodes(kept, len(kept))}
    assert all(matches[name].has_position for name in beside)
    return {
        left_out.get(name) or (PLACED if matches[name].has_position else UNKNOWN) for name in names
    }


@pytest.mark.parametrize(("name", "n_channels", "alone", "beside"), FAMILIES)
def test_numbered_names__alone_and_beside_electrodes__treated_as_they_must_be_meant(
    name, n_channels, alone, beside
):
    names = [name.format(number) for number in range(1, n_channels + 1)]
    assert treated(names) == {alone}
    if beside is not None:
        assert treated(names, CAP) == {beside}
        for order in (names + CAP, CAP + names):
            recording = raw_of(order).set_channel_types({"Cz": "misc"}, verbose="error")
            left_out = {} if beside in (UNKNOWN, PLACED) else dict.fromkeys(names, beside)
            expected = {key: f"{kind}, by its name" for key, kind in left_out.items()}
            assert chosen_channels(recording)[1] == expected | {"Cz": "of type misc"}


def test_letters__counted_beyond_their_electrodes__lie_nowhere_unless_a_maker_counts_so():
    for letter in sorted(set(string.ascii_uppercase) - set("ABE")):
        for written in ("{}{}", "EEG {}{}-REF"):
            names = [written.format(letter, number) for number in range(1, 17)]
            assert treated(names) == {UNKNOWN}, letter
            assert treated([*names[:4], *names[6:]]) == {UNKNOWN}, "some of them are bad"
            assert treated([*names, "what"]) == {UNKNOWN}
    boxes = [f"{letter}{number}" for letter in "CD" for number in range(1, 33)]
    assert treated(boxes) == {UNKNOWN}
    places = {name: [0.01 * number, 0.05, 0.1] for number, name in enumerate(boxes)}
    found = match_electrodes(boxes, 64, positions=places)
    assert {match.note for match in found} == {"placed by its coordinates"}


def test_letters__electrodes_alone__are_electrodes():
    for names in ("C1 C2 C3 C4 C5 C6", "O1 O2", "T1 T2 T3 T4 T5 T6", "F7 F8 F9 F10 W1", "P9 P10"):
        kept = names.split()
        found = match_electrodes(kept, len(kept))
        assert [match.has_position for match in found] == [name != "W1" for name in kept]


def test_numbered_inputs__some_with_a_position__only_those_are_eeg():
    raw = raw_of([f"X{number}" for number in range(1, 6)])
    montage = mne.channels.make_dig_montage({"X2": [0, 0.02, 0.12]}, coord_frame="head")
    raw.set_montage(montage, on_missing="ignore", verbose="error")
    assert chosen_channels(raw)[0] == ["X2"]


def test_numbered_inputs__of_an_array__are_warned_of_only_beside_electrodes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_other_kinds([f"X{number}" for number in range(1, 33)], ())
    with pytest.warns(match=r"used as EEG: X1, X2 \(nothing that the name tells\); E1 \(eyes\)"):
        warn_of_other_kinds([*CAP, "X1", "X2", "E1"], ())
    assert not is_eeg_name("X1"), "on its own"


def test_edf__cap_of_numbered_inputs__its_rate_and_filters_are_the_eegs(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"X{number}" for number in range(1, 13)]
    channels = [(name, 100, "HP:0.5Hz LP:40Hz") for name in names]
    channels += [("what", 10, "HP:3Hz LP:4Hz"), ("ECG", 100, "HP:5Hz LP:30Hz")]
    signals = [
        edfio.EdfSignal(
            rng.normal(scale=20, size=20 * rate),
            rate,
            label=name,
            physical_dimension="uV",
            prefiltering=filters,
        )
        for name, rate, filters in channels
    ]
    edfio.Edf(signals).write(tmp_path / "cap.edf")
    raw = read_recording(tmp_path / "cap.edf")
    kept, left_out = chosen_channels(raw)
    assert kept == names
    assert left_out == {
        "what": "a far lower rate than the EEG's, by the header",
        "ECG": "heart, by its name",
    }
    assert (raw.info["highpass"], raw.info["lowpass"]) == (0.5, 40.0)
    embedder = tiny("embedder", sfreq=None, ch_names=None)
    for call in (embedder.fit, embedder.transform):
        with pytest.warns(
            EEGWarning, match="No electrode position is known for 'X1', .*is used instead"
        ):
            call(tmp_path / "cap.edf")
