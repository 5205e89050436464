"""Second names: the reference that channels share, an ear, or the other end of a pair."""

import numpy as np
import pytest

from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import electrode_report, electrode_rows

TEN_TWENTY = """
Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2
""".split()  # noqa: SIM905
BANANA = """
FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FZ-CZ CZ-PZ
FP2-F4 F4-C4 C4-P4 P4-O2 FP2-F8 F8-T8 T8-P8 P8-O2
""".split()  # noqa: SIM905
TUH_CHAIN = """
FP1-F7 F7-T3 T3-T5 T5-O1 FP2-F8 F8-T4 T4-T6 T6-O2 A1-T3 T3-C3 C3-CZ CZ-C4 C4-T4 T4-A2
""".split()  # noqa: SIM905


def matched(names, **settings):
    return match_electrodes(names, len(names), **settings)


def electrodes_of(names, **settings):
    return [found.electrodes for found in matched(names, **settings)]


@pytest.mark.parametrize("official", [False, True])
@pytest.mark.parametrize(
    "written", ["EEG {}-CPz", "{}-Cz", "{}-A1", "EEG {}-CLE", "{}_FCz", "{} - TP9", "{}-Nose"]
)
def test_reference__shared_by_all_channels__each_lies_at_its_first(written, official):
    for names in (TEN_TWENTY, TEN_TWENTY[:2]):
        found = matched([written.format(name) for name in names], official=official)
        plain = matched([f"EEG {name}-REF" for name in names], official=official)
        assert [m.rows for m in found] == [m.rows for m in plain]
        assert [m.how for m in found] == [m.how for m in plain]


def test_reference__shared__note_says_so_and_electrode_map_is_the_way_out():
    report = electrode_report(matched(["C3-Cz", "C4-Cz"]))
    assert all("all channels share CZ" in row["note"] for row in report)
    assert all("electrode_map" in row["note"] for row in report)
    chosen = {"C3-Cz": "C3-Cz", "C4-Cz": "C4-Cz"}
    assert electrodes_of(list(chosen), electrode_map=chosen) == [("C3", "CZ"), ("C4", "CZ")]
    assert "M2 is its reference" in matched(["C3-M2"])[0].note


def test_reference__shared_by_all_that_lie_anywhere__the_reference_itself_and_others_stay_apart():
    names = ["C3-CPz", "C4-CPz", "T3-CPz", "CPz", "X1", "X2-CPz", "X3-X4", "X5-Oz", "Oz-X5"]
    found = {m.channel: m for m in matched(names)}
    assert [found[n].electrodes for n in names[:4]] == [("C3",), ("C4",), ("T7",), ("CPZ",)]
    assert {found[name].how for name in names[4:]} == {"mean"}
    for egi in ([f"E{i}-Cz" for i in range(1, 33)], [f"E{i}" for i in range(1, 33)]):
        assert "EGI net of 32" in matched(egi)[4].note
    assert electrodes_of(["A1-Cz", "A2-Cz", "A3-Cz"]) == electrodes_of(["A1", "A2", "A3"])


@pytest.mark.parametrize(
    "names",
    [
        ["C3-M2", "C4-M1", "O1-M2", "F3-M2"],
        ["C3-A2", "C4-A1", "O1-A2", "O2-A1"],
        ["Fp1-A1", "Fp2-A2", "T3-A1", "T4-A2"],
        ["Fp1_A2"],
        ["EEG T4-M1"],
    ],
)
def test_reference__ears_and_mastoids__each_lies_at_its_first(names):
    plain = [f"{name.replace('_', '-').split('-')[0]}" for name in names]
    assert electrodes_of(names) == electrodes_of(plain)
    assert all("is its reference" in m.note or "share" in m.note for m in matched(names))


@pytest.mark.parametrize(
    "names",
    [
        ["Fpz-Cz"],
        ["EEG Fpz-Cz", "EEG Pz-Oz"],
        ["FP1-F7", "F7-T7", "T7-P7", "P7-O1"],
        BANANA,
        ["P7-O1", "P3-O1"],
        ["T6-O2", "P4-O2"],
        TUH_CHAIN,
        ["A2-A1", "Fp1"],
        ["Fz-Cz", "Cz-Oz"],
        ["C3-Cz", "C4-Cz", "Fp1"],
    ],
)
def test_pairs__seconds_differ_or_others_stand_alone__lie_between_both(names):
    found = [m for m in matched(names) if "-" in m.channel]
    assert {m.how for m in found} == {"bipolar"}
    assert all(m.weights == (0.5, 0.5) and not m.note for m in found)
    published = {m.channel: m.how for m in matched(names, official=True)}
    own = {name for name in published if name in BANANA[:4] + BANANA[-4:]}
    assert {name for name, how in published.items() if how == "official"} - {"Fp1"} == own


def test_sleep__pairs_beside_channels_against_an_ear__each_as_the_field_reads_it():
    names = ["F2-F4", "F4-C4", "C4-P4", "P4-O2", "C4-A1", "Fpz-Cz", "E1-M2"]
    found = matched(names)
    assert [m.how for m in found] == ["bipolar"] * 4 + ["decorated", "bipolar", "mean"]
    assert found[4].electrodes == ("C4",)


def test_channel_of_unknown_place__beside_any_names__changes_no_other_channel():
    random = np.random.default_rng(0)
    seconds = ["", "-REF", "-CPz", "-Cz", "-A1", "-M2", "-Nose"]
    unknown = ["X1", "X1-Cz", "X1-X2", "Cz-X1", "X1-A2", "INTERPOLATED", "", "-"]
    for number in range(60):
        names = random.choice(TEN_TWENTY, random.integers(1, 19), replace=False).tolist()
        pool = [seconds[number % 7], *seconds] if number % 2 else [seconds[number // 2 % 7]]
        written = [f"{name}{random.choice(pool)}" for name in names]
        alone = matched(written)
        for extra in unknown:
            beside = matched([*written, extra])
            if beside[-1].how == "mean":
                np.testing.assert_array_equal(
                    electrode_rows(beside[:-1]), electrode_rows(alone), f"{written} {extra}"
                )
