"""What all protocols have in common, and windows that know their side of the split."""

import subprocess
import sys

import numpy as np
import pytest
from written_files import signals_of, write_edf

from sk_brainrvq.datasets import (
    CHBMIT,
    EEGMAT,
    PROTOCOLS,
    PhysioNetMI,
    Windows,
    load_eegmat,
    make_eeg,
    make_montages,
)


def test_import__fresh_process__loads_neither_mne_nor_torch():
    code = "import sys, sk_brainrvq.datasets as d; d.PROTOCOLS['tuab']()\n"
    code += "print(sorted({'mne', 'torch', 'scipy', 'pooch'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocol__each__states_what_it_is(name):
    protocol = PROTOCOLS[name]()
    assert protocol.name == name
    assert protocol.sfreq == 200
    assert len(set(protocol.ch_names)) == len(protocol.ch_names)
    assert (protocol.metrics == "binary") == (len(protocol.classes) == 2)
    ranges = protocol.subjects_by_split
    assert sorted(s for own in ranges for s in own) in ([], list(protocol.all_subjects))
    assert protocol.example_file.endswith((".edf", ".mat", ".cnt", ".csv.gz", "_raw.fif"))
    for text in (protocol.title, protocol.licence, protocol.citation, protocol.split_rule):
        assert isinstance(text, str)
        assert text
    assert protocol.url.startswith("https://")
    assert protocol.how_to_get()


# Channels, filter, seconds and classes of the published table.
TABLE = {
    "eegmat": (20, None, None, None, 5, 2),
    "tuab": (16, 0.3, 75, 60, 10, 2),
    "tuev": (16, 0.3, 75, 60, 5, 6),
    "chb-mit": (16, None, None, None, 10, 2),
    "physionet-mi": (64, 0.3, None, 60, 4, 4),
    "bcic-iv-2a": (22, 0.3, 40, None, 4, 4),
    "shu-mi": (32, None, None, None, 4, 2),
    "seed-v": (62, 0.3, 75, None, 1, 5),
    "guinea-bissau": (14, 0.5, 45, None, 10, 2),
    "ssvep": (8, 0.5, 45, None, 2, 4),
}


@pytest.mark.parametrize("name", TABLE)
def test_protocol__each__settings_of_the_table(name):
    p = PROTOCOLS[name]()
    got = len(p.ch_names), p.l_freq, p.h_freq, p.notch, p.window, len(p.classes)
    assert got == TABLE[name]
    assert set(PROTOCOLS) == set(TABLE)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocol__no_folder_or_an_empty_one__error_says_how_to_get_files(name, tmp_path):
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"register|download|fetch"):
            PROTOCOLS[name]().load(folder)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", PROTOCOLS)
def test_recordings__example_file__found(name, tmp_path):
    path = tmp_path / "data" / PROTOCOLS[name].example_file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not opened")
    if name == "eegmat":  # needs both recordings of a subject
        (path.parent / "Subject00_2.edf").write_bytes(b"not opened")
    assert path in {r.path for r in PROTOCOLS[name]().recordings(tmp_path)}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocol__ch_names__known_to_the_electrode_table(name):
    from sk_brainrvq.signals import match_electrodes

    names = list(PROTOCOLS[name]().ch_names)
    match_electrodes(names, len(names))


def test_load__unknown_split_or_subject__error_names_the_choices(eegmat_folder):
    with pytest.raises(ValueError, match=r"expected some of \['train', 'validation', 'test'\]"):
        EEGMAT().load(eegmat_folder, splits=["valid"])
    with pytest.raises(ValueError, match=r"subjects 0 to 35, and not \[36\]"):
        EEGMAT().load(eegmat_folder, [36])
    with pytest.raises(TypeError, match=r"subjects=3 was given; expected a list"):
        EEGMAT().load(eegmat_folder, 3)
    # An example of the other sides would be no help.
    with pytest.raises(FileNotFoundError, match=r"\(test\); fetch_eegmat"):
        EEGMAT().load(eegmat_folder, splits=["test"])
    for window in (0, 0.001, float("nan"), "5"):
        with pytest.raises(ValueError, match=f"window={window!r} was given"):
            EEGMAT(window=window)
    for subjects, sides in (([0], ["test"]), ([], None)):
        with pytest.raises(ValueError, match=r"none of these subjects is in these parts"):
            EEGMAT().load(eegmat_folder, subjects, sides)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_recordings__one_subject_not_in_a_list__refused(name, tmp_path):
    for subject in (3, "aaaaaaaq"):
        with pytest.raises(TypeError, match=rf"subjects={subject!r} was given; expected a list"):
            PROTOCOLS[name]().recordings(tmp_path, subject)


@pytest.mark.parametrize("wrong", [1.0, True, None, np.bool_(True), [1]])
def test_windows__of_subjects_that_are_no_numbers__refuses(wrong):
    # 1.0 and True are equal to 1 and would pass for it.
    windows = make_eeg(n_subjects=2, n_windows=1, random_state=0)
    with pytest.raises(TypeError, match=r"expected whole numbers or names, not \["):
        windows.of_subjects([0, wrong])


def test_windows__of_subjects_from_numpy__as_from_a_list():
    windows = make_eeg(n_subjects=3, n_windows=2, random_state=0)
    part = windows.of_subjects(np.array([0, 2], dtype=np.uint8))
    np.testing.assert_array_equal(part.subjects, [0, 0, 2, 2])


def test_protocol__seconds_that_are_none__error_names_them():
    for step in (0, "5", float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"seizure_step={step!r} was given"):
            CHBMIT(seizure_step=step)
    with pytest.raises(ValueError, match="window=inf was given"):
        EEGMAT(window=float("inf"))


def test_eegmat__class_and_function__same_windows(eegmat_folder):
    windows = EEGMAT().load(eegmat_folder, [31, 3])
    same = load_eegmat(eegmat_folder, [3, 31])
    np.testing.assert_array_equal(windows.X, same.X)
    assert windows.split.tolist() == ["train"] * 48 + ["validation"] * 28
    assert windows.of_split("validation").subjects.tolist() == [31] * 28
    assert EEGMAT().load(eegmat_folder, [3, 31], ["validation"]).y.tolist() == [0] * 16 + [1] * 12


def test_eegmat__one_side__subjects_of_other_sides_not_called_missing(eegmat_folder, recwarn):
    found = EEGMAT().recordings(eegmat_folder, splits=["train", "validation"])
    assert len(found) == 64
    assert [str(w.message) for w in recwarn if "not in" in str(w.message)] == []
    with pytest.raises(FileNotFoundError, match=r"holds no recording of EEGMAT \(test\)"):
        EEGMAT().recordings(eegmat_folder, splits="test")


def test_recordings__copies_in_a_deeper_folder__left_out_with_a_warning(tmp_path):
    names = [f"{name:.<4}" for name in PhysioNetMI.ch_names]
    signals = signals_of(names, 6, 160)
    for folder in (tmp_path / "S001", tmp_path / "backup" / "S001"):
        write_edf(folder / "S001R04.edf", names, signals, 160, [(1.0, "T1")])
    with pytest.warns(UserWarning, match=r"backup.*are left out"):
        found = PhysioNetMI().recordings(tmp_path, [1])
    assert [r.path for r in found] == [tmp_path / "S001" / "S001R04.edf"]


def test_recordings__subject_not_there__error_names_it(tmp_path):
    (tmp_path / "chb01").mkdir()
    (tmp_path / "chb01" / "chb01_01.edf").write_bytes(b"not opened")
    assert len(CHBMIT().recordings(tmp_path, [1])) == 1
    with pytest.raises(FileNotFoundError, match=r"lacks recordings of subjects \[2\].*fetch"):
        CHBMIT().recordings(tmp_path, [1, 2])


def windows_with_split():
    windows = make_eeg(n_subjects=3, n_windows=4, duration=1, random_state=0)
    windows.split = np.repeat(["train", "train", "test"], 4)
    return windows


def test_windows__chosen_by_subject__keep_their_split():
    windows = windows_with_split()
    part = windows.of_subjects([2, 0])
    assert part.split.tolist() == ["train"] * 4 + ["test"] * 4
    assert windows.of_split("validation").X.shape == (0, 19, 200)
    np.testing.assert_array_equal(windows.of_split("test").X, windows.X[8:])


def test_windows__split_unknown_or_absent__error_says_so():
    with pytest.raises(ValueError, match="expected one of"):
        windows_with_split().of_split("dev")
    with pytest.raises(ValueError, match="have no published split"):
        make_eeg(1, 2, random_state=0).of_split("test")


def test_windows__six_positional_arguments__still_work():
    whole = make_eeg(1, 2, random_state=0)
    fields = whole.X, whole.y, whole.subjects, whole.ch_names, whole.sfreq, whole.classes
    assert Windows(*fields).split is None


def test_windows__concatenated__one_after_the_other():
    windows = windows_with_split()
    parts = [windows.of_subjects([s]) for s in range(3)]
    whole = Windows.concatenate(parts)
    np.testing.assert_array_equal(whole.X, windows.X)
    assert whole.split.tolist() == windows.split.tolist()
    parts[1].split = None
    assert Windows.concatenate(parts).split is None
    with pytest.raises(ValueError, match="different ch_names"):
        Windows.concatenate(make_montages(2, 2, random_state=0))
    with pytest.raises(ValueError, match="at least one part"):
        Windows.concatenate([])


def test_windows__as_epochs__same_signals_labels_and_places():
    windows = windows_with_split()
    epochs = windows.to_epochs()
    np.testing.assert_allclose(epochs.get_data(units="uV"), windows.X, rtol=1e-6)
    assert epochs.events[:, 2].tolist() == windows.y.tolist()
    assert len(epochs["rest"]) == 6
    assert epochs.metadata["subject"].tolist() == windows.subjects.tolist()
    assert epochs.metadata["split"].tolist() == windows.split.tolist()
    places = epochs.get_montage().get_positions()["ch_pos"]
    assert places["O1"][1] < places["Cz"][1] < places["Fp1"][1]


@pytest.mark.parametrize("part", ["of_split", "of_subjects"])
def test_windows__none_as_epochs__error_says_why_there_can_be_none(part):
    windows = windows_with_split()
    empty = windows.of_split("validation") if part == "of_split" else windows.of_subjects([9])
    with pytest.raises(ValueError, match=rf"no windows to convert to Epochs.*{part}.*was loaded"):
        empty.to_epochs()


def test_windows__pairs_of_electrodes_as_epochs__without_places():
    epochs = make_eeg(1, 2, ch_names=["F7-T7", "Cz"], random_state=0).to_epochs()
    assert np.isnan(epochs.info["chs"][0]["loc"][:3]).all()
    assert not np.isnan(epochs.info["chs"][1]["loc"][:3]).any()
