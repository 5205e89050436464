"""Names as real recordings write them: which electrode they mean, and which are no EEG."""

import mne
import pytest

from sk_brainrvq.signals import ELECTRODE_NAMES, match_electrodes
from sk_brainrvq.signals.electrodes.other_channels import is_eeg_name, is_spare_input

ROW = {name: i + 1 for i, name in enumerate(ELECTRODE_NAMES)}

TUH = """
FP1 FP2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T3 T4 T5 T6 T1 T2 FZ CZ PZ A1 A2
""".split()  # noqa: SIM905
TUH_OTHERS = """
EEG EKG1-REF|EEG EKG-REF|EEG LOC-REF|EEG ROC-REF|EEG RESP1-REF|EEG RESP2-REF|EMG-REF|PHOTIC-REF
ECG EKG-REF|EOG LOC-REF|EMG REF|RESP ABDOMEN-REF|PHOTIC PH|IBI|BURSTS|SUPPR|PULSE RATE|DC1-DC
EEG EKG1-LE|EEG LUC-LE|EEG RLC-LE|EEG DC1-DC|EDF ANNOTATIONS
""".strip().replace("\n", "|").split("|")  # fmt: skip
PHYSIONET = """
Fc5. Fc3. Fc1. Fcz. Fc2. Fc4. Fc6. C5.. C3.. C1.. Cz.. C2.. C4.. C6.. Cp5. Cp3. Cp1. Cpz. Cp2.
Cp4. Cp6. Fp1. Fpz. Fp2. Af7. Af3. Afz. Af4. Af8. F7.. F5.. F3.. F1.. Fz.. F2.. F4.. F6.. F8..
Ft7. Ft8. T7.. T8.. T9.. T10. Tp7. Tp8. P7.. P5.. P3.. P1.. Pz.. P2.. P4.. P6.. P8.. Po7. Po3.
Poz. Po4. Po8. O1.. Oz.. O2.. Iz..
""".split()  # noqa: SIM905
BCIC_2A = """
Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz
""".split()  # noqa: SIM905
# As MNE reads the competition's GDF files, in the same order.
BCIC_2A_FILE = """
EEG-Fz EEG-0 EEG-1 EEG-2 EEG-3 EEG-4 EEG-5 EEG-C3 EEG-6 EEG-Cz EEG-7 EEG-C4 EEG-8 EEG-9 EEG-10
EEG-11 EEG-12 EEG-13 EEG-14 EEG-Pz EEG-15 EEG-16
""".split()  # noqa: SIM905
CHB_MIT = """
FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 FP2-F8 F8-T8 T8-P8-0
P8-O2 FZ-CZ CZ-PZ P7-T7 T7-FT9 FT9-FT10 FT10-T8 T8-P8-1
""".split()  # noqa: SIM905
EEGMAT = """
Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz A2-A1
""".split()  # noqa: SIM905
OTHERS = """
ECG|ECG ECG|EKG|EMG|EMG1|EMG submental|EOG horizontal|EOG|HEOG|VEOGL|VEO|HEO|EOG-left|EOG-central
EOG-right|EOG1|Status|STI|STI 014|STI014|Trigger|TRIGGER|Photic|PHOTIC|Resp|Resp oro-nasal|RESP
SpO2|SaO2|PULSE|PULS|Temp rectal|Event marker|EXG1|EXG8|GSR1|GSR2|Erg1|Plet|Temp|EDF Annotations
BDF Annotations|ECG-0|ECG-1|VNS|LOC-ROC|-|--0|--1|. EMG|AUX1|DIN1|ACC_X|GYROX|EEG ECG|EEG-ECG
EKG1-CHIN|BIP1|ROC-A1|Airflow|Thor|IO1|LO2
""".strip().replace("\n", "|").split("|")  # fmt: skip


def matched(names, **settings):
    return match_electrodes(names, len(names), **settings)


@pytest.mark.parametrize(
    "written", ["EEG {}-REF", "EEG {}-LE", "{}-LE", "EEG {}", "{}-REF", "{}-AR"]
)
def test_tuh__every_electrode_as_written__has_its_modern_row(written):
    modern = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
    found = matched([written.format(name) for name in TUH])
    assert [m.rows for m in found] == [(ROW[modern.get(name, name)],) for name in TUH]
    assert {m.how for m in found} == {"decorated", "renamed"}
    assert [m.how == "renamed" for m in found] == [name in modern for name in TUH]


def test_physionet__names_with_dots__are_64_different_electrodes():
    found = matched(PHYSIONET)
    assert [m.electrodes for m in found] == [(n.strip(".").upper(),) for n in PHYSIONET]
    assert {m.how for m in found} == {"decorated"}
    assert len({m.rows for m in found}) == 64


def test_bcic_2a__names_and_numbers_of_its_files__are_the_same_electrodes():
    assert {m.how for m in matched(BCIC_2A)} == {"exact"}
    numbered = matched([*BCIC_2A_FILE, "EOG-left", "EOG-central", "EOG-right"])
    assert [m.rows for m in numbered[:22]] == [m.rows for m in matched(BCIC_2A)]
    assert numbered[1].how == "renamed"
    assert "BCI competition IV 2a" in numbered[1].note
    assert matched(BCIC_2A_FILE[:5])[1].how == "mean", "a few numbers alone say nothing"


def test_chb_mit__pairs_with_running_numbers__lie_between_both_electrodes():
    found = dict(zip(CHB_MIT, matched(CHB_MIT), strict=True))
    assert {m.how for m in found.values()} == {"bipolar"}
    assert found["T8-P8-0"].electrodes == found["T8-P8-1"].electrodes == ("T8", "P8")
    assert sorted(found["T7-P7"].electrodes) == sorted(found["P7-T7"].electrodes)


def test_eegmat__names_of_its_files__ears_are_a_pair():
    found = matched([f"EEG {name}" for name in EEGMAT])
    assert found[-1].how == "bipolar"
    assert found[-1].electrodes == ("A2", "A1")
    assert {m.how for m in found[:-1]} == {"decorated", "renamed"}


@pytest.mark.parametrize(
    ("name", "electrodes"),
    [
        ("C3-A1A2", ("C3",)),
        ("C3-(A1+A2)/2", ("C3",)),
        ("P7-CS2", ("P7",)),
        ("POL Fp1", ("FP1",)),
        ("Fp1 – F7", ("FP1", "F7")),
        ("EEG Fpz-Cz", ("FPZ", "CZ")),
        ("C3_M2", ("C3",)),
        ("Fp1_A2", ("FP1",)),
        ("EEG.AF3", ("AF3",)),
        ("EEG.T7", ("T7",)),
        ("RAW_TP9", ("TP9",)),
        ("EEG C3-CLE", ("C3",)),
        ("Fp1-AVG", ("FP1",)),
        ("O2-GND", ("O2",)),
        ("O2-LM", ("O2",)),
        ("C3-Ref-0", ("C3",)),
        ("M1", ("M1",)),
        ("EEG A1-REF", ("A1",)),
    ],
)
def test_match__further_ways_of_writing__are_read(name, electrodes):
    (found,) = matched([name])
    assert found.electrodes == electrodes


@pytest.mark.parametrize("name", ["", " ", "-", "EEG", "-REF", "C3-", "-C3", "C3-C4-Cz", "X", "7"])
def test_match__names_that_say_nothing__get_the_mean_row(name):
    (found,) = matched([name])
    assert found.how == "mean"
    assert not found.has_position


@pytest.mark.parametrize("name", [*OTHERS, *TUH_OTHERS])
def test_is_eeg__heart_eyes_muscles_triggers__false(name):
    assert not is_eeg_name(name)
    assert not is_eeg_name(name.lower())
    assert not is_eeg_name(name.upper())


def test_spare_input__only_words_that_may_mean_anything():
    spare = ["EXG1", "EXG Channel 0", "aux_2", "BIP 3", "ANA", "misc1"]
    assert all(is_spare_input(name) and not is_eeg_name(name) for name in spare)
    others = ["Cz", "ECG", "EXG1 EOG", "AUX STATUS", "AUX RESP", "HEOG", "DC1", "-", "Exgeg"]
    assert [name for name in others if is_spare_input(name)] == []


def test_is_eeg__every_electrode_of_every_cap_and_every_pair__true():
    names = [*ELECTRODE_NAMES, *PHYSIONET, *BCIC_2A_FILE, *CHB_MIT, "A2-A1", "EEG A2-A1", "E1-E2"]
    names += [f"EEG {name}-REF" for name in TUH]
    for kind in mne.channels.get_builtin_montages():
        if "artinis" not in kind:  # light sources and detectors
            names += mne.channels.make_standard_montage(kind).ch_names
    names += [f"{first}-{second}" for first in TUH for second in ELECTRODE_NAMES[:120]]
    assert [name for name in names if not is_eeg_name(name)] == []
