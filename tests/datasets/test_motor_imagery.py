"""PhysioNet-MI, BCIC-IV-2a and SHU-MI on small files of their formats."""

import numpy as np
import pytest
from scipy.io import savemat
from written_files import amplitudes, expected_window, signals_of, write_edf, write_gdf

from sk_brainrvq.datasets import SHUMI, BCICIV2a, PhysioNetMI

MISSING = pytest.mark.filterwarnings("ignore:.*(are not in|have fewer than)")


def physionet_run(folder, subject, run, annotations, names=None, sfreq=160, seconds=20):
    names = [f"{name.upper():.<4}" for name in (names or PhysioNetMI.ch_names)]
    path = folder / f"S{subject:03d}" / f"S{subject:03d}R{run:02d}.edf"
    write_edf(path, names, signals_of(names, seconds, sfreq), sfreq, annotations)


@MISSING
@pytest.mark.parametrize("sfreq", [160, 128])
def test_physionet__trials__four_seconds_against_the_average(tmp_path, sfreq):
    events = [(0, "T0"), (4.2, "T1"), (9.0, "T0"), (12.5, "T2"), (17.0, "T1")]
    physionet_run(tmp_path, 1, 4, events, sfreq=sfreq)
    windows = PhysioNetMI().load(tmp_path)
    # The last trial ends before its four seconds are over.
    assert windows.X.shape == (2, 64, 800)
    assert windows.y.tolist() == [0, 1]
    gains = amplitudes(windows.ch_names)
    gains = gains - gains.mean()
    starts = 4.2, 12.5
    for window, start in zip(windows.X, starts, strict=True):
        expected = gains[:, None] * expected_window(start, 800)
        np.testing.assert_allclose(window, expected, atol=2)


@MISSING
def test_physionet__runs__classes_of_fists_and_feet(tmp_path):
    events = [(1.0, "T1"), (6.0, "T2")]
    for run in (3, 4, 5, 6, 8, 10, 12, 14):
        physionet_run(tmp_path, 1, run, events, seconds=12)
    windows = PhysioNetMI().load(tmp_path)
    assert windows.y.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]
    assert windows.classes == ("left fist", "right fist", "both fists", "both feet")


def test_physionet__split_and_missing_subjects__by_number(tmp_path):
    for subject in (70, 71, 89, 90, 109):
        physionet_run(tmp_path, subject, 4, [(1.0, "T1")], seconds=6)
    with (
        pytest.warns(UserWarning, match=r"subjects \[1, 2, 3,.*are not in"),
        pytest.warns(UserWarning, match=r"subjects \[70, 71, 89, 90, 109\] have fewer than 6"),
    ):
        found = PhysioNetMI().recordings(tmp_path)
    assert [r.split for r in found] == ["train", "validation", "validation", "test", "test"]


@MISSING
def test_physionet__no_cues_or_no_channel__error_says_what_is_there(tmp_path):
    physionet_run(tmp_path, 1, 4, [(1.0, "T0")], seconds=6)
    with pytest.raises(ValueError, match=r"holds no events T1 and T2, but \[.*'T0'\]"):
        PhysioNetMI().load(tmp_path)
    names = [name for name in PhysioNetMI.ch_names if name != "Iz"]
    physionet_run(tmp_path, 1, 4, [(1.0, "T1")], names, seconds=6)
    with pytest.raises(ValueError, match=r"lacks the channels \['Iz'\]"):
        PhysioNetMI().load(tmp_path)


GDF_NAMES = list(map("EEG-{}".format, range(17)))
for place, electrode in ((0, "Fz"), (7, "C3"), (9, "Cz"), (11, "C4"), (19, "Pz")):
    GDF_NAMES.insert(place, f"EEG-{electrode}")
GDF_NAMES += ["EOG-left", "EOG-central", "EOG-right"]
BCIC_GAINS = amplitudes(BCICIV2a.ch_names) - amplitudes(BCICIV2a.ch_names).mean()


def bnci_file(folder, name, runs):
    """Runs are (seconds, samples of trials from 1, classes)."""
    cells = np.empty(len(runs), object)
    for i, (seconds, trials, classes) in enumerate(runs):
        cells[i] = {
            "X": signals_of(GDF_NAMES, seconds, 250).T,
            "trial": np.array(trials, float).reshape(-1, 1),
            "y": np.array(classes, float).reshape(-1, 1),
            "fs": 250.0,
        }
    savemat(folder / name, {"data": cells})


@MISSING
def test_bcic__mat__seconds_two_to_six_of_each_trial(tmp_path):
    runs = [(10, [], []), (40, [1251, 5126], [1, 4]), (20, [1001], [2])]
    bnci_file(tmp_path, "A01T.mat", runs)
    windows = BCICIV2a().load(tmp_path)
    assert windows.X.shape == (3, 22, 800)
    assert windows.y.tolist() == [0, 3, 1]
    # Sample 1251 is at 5 s, so the window is from 7 s on.
    for window, start in zip(windows.X, (7, 22.5, 6), strict=True):
        expected = BCIC_GAINS[:, None] * expected_window(start, 800)
        np.testing.assert_allclose(window, expected, atol=1)
    np.testing.assert_allclose(windows.X.mean(1), 0, atol=1e-4)


def gdf_file(folder, name, cues):
    """Two runs of 20 s with 100 missing samples between them; trials at 5 s of each."""
    run = signals_of(GDF_NAMES, 20, 250)
    missing = np.full((len(GDF_NAMES), 100), -1e6)
    rest = np.zeros((len(GDF_NAMES), 150))
    signals = np.hstack([run, missing, run, rest])
    events = [(0, 32766), (1250, 768), (1750, cues[0]), (5100, 32766), (6350, 768)]
    write_gdf(folder / name, GDF_NAMES, signals, 250, [*events, (6850, cues[1])])


@MISSING
def test_bcic__gdf__as_the_mat_file(tmp_path):
    gdf_file(tmp_path, "A01T.gdf", [772, 770])
    windows = BCICIV2a().load(tmp_path)
    assert windows.y.tolist() == [3, 1]
    for window in windows.X:
        expected = BCIC_GAINS[:, None] * expected_window(7, 800)
        np.testing.assert_allclose(window, expected, atol=1)


@MISSING
@pytest.mark.parametrize("place", ["", "true_labels"])
def test_bcic__evaluation_gdf__classes_of_the_true_labels(tmp_path, place):
    gdf_file(tmp_path, "A08E.gdf", [783, 783])
    with pytest.raises(FileNotFoundError, match=r"A08E.mat is missing; it holds the classes"):
        BCICIV2a().load(tmp_path)
    (tmp_path / place).mkdir(exist_ok=True)
    savemat(tmp_path / place / "A08E.mat", {"classlabel": np.array([[3], [1]])})
    windows = BCICIV2a().load(tmp_path)
    assert windows.y.tolist() == [2, 0]
    assert set(windows.split) == {"test"}


@MISSING
def test_bcic__both_sessions__on_the_subjects_side(tmp_path):
    for subject in range(1, 10):
        for session in "TE":
            bnci_file(tmp_path, f"A{subject:02d}{session}.mat", [(9, [251], [1])])
    windows = BCICIV2a().load(tmp_path)
    sides = {side: sorted(set(windows.of_split(side).subjects.tolist())) for side in windows.split}
    assert sides == {"train": [1, 2, 3, 4, 5], "validation": [6, 7], "test": [8, 9]}
    assert len(windows.y) == 18


@MISSING
def test_bcic__wrong_files__errors_say_what_was_expected(tmp_path):
    bnci_file(tmp_path, "A01T.mat", [(9, [251], [5])])
    with pytest.raises(ValueError, match="holds the class 5"):
        BCICIV2a().load(tmp_path)
    bnci_file(tmp_path, "A01T.mat", [(9, [1251], [1])])
    with pytest.raises(ValueError, match="ends before its last trial"):
        BCICIV2a().load(tmp_path)
    bnci_file(tmp_path, "A01T.mat", [(9, [], [])])
    with pytest.raises(ValueError, match="holds no trials"):
        BCICIV2a().load(tmp_path)
    savemat(tmp_path / "A01T.mat", {"classlabel": np.array([[3], [1]])})
    with pytest.raises(FileNotFoundError, match=r"holds no recording of BCIC-IV-2a"):
        BCICIV2a().load(tmp_path)
    savemat(tmp_path / "A01T.mat", {"signals": np.zeros(3)})
    with pytest.raises(ValueError, match=r"holds \['signals'\]; expected 'data'"):
        BCICIV2a().load(tmp_path)
    savemat(tmp_path / "A01E.mat", {"classlabel": np.array([[3]])})
    gdf_file(tmp_path, "A01E.gdf", [783, 783])
    with pytest.raises(ValueError, match="has 1 classes for the 2 trials"):
        BCICIV2a().load(tmp_path, [1])


@MISSING
def test_bcic__other_order_of_channels__refused(tmp_path):
    write_gdf(
        tmp_path / "A01T.gdf",
        GDF_NAMES[::-1],
        signals_of(GDF_NAMES, 20, 250),
        250,
        [(250, 768), (750, 769)],
    )
    with pytest.raises(ValueError, match="Fz, C3, Cz, C4 and Pz at positions"):
        BCICIV2a().load(tmp_path)


def test_bcic__nothing_there__error_says_where_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"fetch.*bnci-horizon-2020.eu.*001-2014"):
        BCICIV2a().load(tmp_path)
    with pytest.raises(ValueError, match=r"subjects=\[10\] was given; expected some of 1 to 9"):
        BCICIV2a().fetch(tmp_path, [10])


@MISSING
def test_bcic__archives_unpacked_side_by_side__classes_found(tmp_path):
    (tmp_path / "BCICIV_2a_gdf").mkdir()
    (tmp_path / "true_labels").mkdir()
    gdf_file(tmp_path / "BCICIV_2a_gdf", "A01T.gdf", [769, 770])
    gdf_file(tmp_path / "BCICIV_2a_gdf", "A01E.gdf", [783, 783])
    for subject in (1, 2):  # the second has labels alone
        savemat(tmp_path / "true_labels" / f"A0{subject}E.mat", {"classlabel": [[4], [2]]})
    assert BCICIV2a().load(tmp_path).y.tolist() == [3, 1, 0, 1]


@MISSING
def test_bcic__both_sources__the_one_that_holds_the_classes(tmp_path):
    for folder in ("gdf", "mat"):
        (tmp_path / folder).mkdir()
    for name in ("A01T", "A01E"):
        gdf_file(tmp_path / "gdf", f"{name}.gdf", [770, 769] if name.endswith("T") else [783, 783])
        bnci_file(tmp_path / "mat", f"{name}.mat", [(20, [251], [3])])
    found = BCICIV2a().recordings(tmp_path)
    assert {r.path.name for r in found} == {"A01T.gdf", "A01E.mat"}
    assert BCICIV2a().load(tmp_path).y.tolist() == [2, 1, 0]


@MISSING
def test_bcic__both_sources_in_one_folder__each_file_for_what_it_holds(tmp_path):
    gdf_file(tmp_path, "A01T.gdf", [770, 769])
    gdf_file(tmp_path, "A01E.gdf", [783, 783])
    for name in ("A01E.mat", "A02T.mat", "A02E.mat"):
        bnci_file(tmp_path, name, [(20, [251], [3])])
    names = {r.path.name for r in BCICIV2a().recordings(tmp_path)}
    assert names == {"A01T.gdf", "A01E.mat", "A02T.mat", "A02E.mat"}
    savemat(tmp_path / "A01E.mat", {"classlabel": [[4], [2]]})
    names = {r.path.name for r in BCICIV2a().recordings(tmp_path)}
    assert names == {"A01T.gdf", "A01E.gdf", "A02T.mat", "A02E.mat"}


@MISSING
@pytest.mark.parametrize(
    ("protocol", "name"),
    [(BCICIV2a, "A01T.gdf"), (BCICIV2a, "A01T.mat"), (SHUMI, "shu")],
)
@pytest.mark.parametrize("spoilt", ["a page of a server", "cut short"])
def test_motor_imagery__broken_file__error_names_it(tmp_path, protocol, name, spoilt):
    if name == "shu":
        name = f"{shu_stem(1, 1)}_eeg.mat"
        shu_mat(tmp_path)
    elif name.endswith("mat"):
        bnci_file(tmp_path, name, [(9, [251], [1])])
    else:
        gdf_file(tmp_path, name, [769, 770])
    content = (tmp_path / name).read_bytes()
    broken = content[:200] if spoilt == "cut short" else b"<html>sorry</html>" * 50
    (tmp_path / name).write_bytes(broken)
    with pytest.raises(ValueError, match=rf"{name} cannot be read as .*download it again"):
        protocol().load(tmp_path)


SHU_GAINS = amplitudes(SHUMI.ch_names)


def shu_trials(names, n_trials=3):
    """Trials of 4 s, with the gain of each channel by its name."""
    gains = dict(zip(SHUMI.ch_names, SHU_GAINS, strict=True))
    trial = np.array([gains[name] for name in names])[:, None] * expected_window(0, 1000, 250)
    return np.repeat(trial[None], n_trials, axis=0)


def shu_stem(subject, session):
    return f"sub-{subject:03d}_ses-{session:02d}_task_motorimagery"


def shu_mat(folder, subject=1, names=SHUMI.ch_names, **content):
    """First session of a subject: a trial of the left and two of the right hand, or ``content``."""
    content = content or {"data": shu_trials(names), "labels": [[1, 2, 2]]}
    savemat(folder / f"{shu_stem(subject, 1)}_eeg.mat", content)


def check_shu(windows):
    assert windows.X.shape == (3, 32, 800)
    assert windows.y.tolist() == [0, 1, 1]
    expected = SHU_GAINS[:, None] * expected_window(0, 800)
    # Trials were cut before they were published, so resampling meets their edges.
    np.testing.assert_allclose(windows.X[1][:, 20:780], expected[:, 20:780], atol=1)


@MISSING
def test_shu__mat_in_the_published_order__trials_at_200_hz(tmp_path):
    shu_mat(tmp_path)
    check_shu(SHUMI().load(tmp_path))


@MISSING
@pytest.mark.parametrize("told_by", ["table", "parameter"])
def test_shu__mat_in_another_order__matched_by_name(tmp_path, told_by):
    names = list(SHUMI.ch_names[::-1])
    (tmp_path / "mat").mkdir()
    shu_mat(tmp_path / "mat", names=names)
    if told_by == "table":
        lines = ["name\ttype\tunits", *(f"{name.upper()}\tEEG\tuV" for name in names)]
        (tmp_path / "task-motorimagery_channels.tsv").write_text("\n".join(lines))
        check_shu(SHUMI().load(tmp_path))
    else:
        check_shu(SHUMI(mat_ch_names=names).load(tmp_path))


@MISSING
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("place", ["edf", "events"])
def test_shu__edf__matched_by_name_and_labelled_by_the_table(tmp_path, header, place):
    names = list(SHUMI.ch_names[::-1])
    signals = np.concatenate(list(shu_trials(names)), axis=-1)
    write_edf(tmp_path / "edf" / f"{shu_stem(2, 3)}_eeg.edf", names, signals, 250)
    lines = ["onset\tduration\ttrial_type\tresponse_time\tsample\tvalue"] if header else []
    for i, label in enumerate((1, 2, 2)):
        sample = 1000 * i + 1
        lines += [f"{sample}\t1000\t{['left', 'right'][label - 1]}\tn/a\t{sample}\t{label}"]
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / f"{shu_stem(2, 3)}_events.tsv").write_text("\n".join(lines))
    check_shu(SHUMI().load(tmp_path))


@MISSING
def test_shu__both_formats__counted_once(tmp_path):
    for subject in (15, 16, 20, 21):
        shu_mat(tmp_path, subject)
        (tmp_path / f"{shu_stem(subject, 1)}_eeg.edf").write_bytes(b"not read")
    found = SHUMI().recordings(tmp_path)
    assert [r.split for r in found] == ["train", "validation", "validation", "test"]
    assert {r.path.suffix for r in found} == {".mat"}


@MISSING
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"data": shu_trials(SHUMI.ch_names)}, r"lacks \['labels'\]"),
        ({"data": shu_trials(SHUMI.ch_names), "labels": [[0, 1, 2]]}, "label 0; expected 1"),
        ({"data": shu_trials(SHUMI.ch_names[:31]), "labels": [[1, 1, 2]]}, r"\(3, 31, 1000\)"),
    ],
)
def test_shu__wrong_content__error_says_what_was_expected(tmp_path, content, message):
    shu_mat(tmp_path, **content)
    with pytest.raises(ValueError, match=message):
        SHUMI().load(tmp_path)


@MISSING
def test_shu__names_without_an_electrode__error_says_how_to_mend(tmp_path):
    shu_mat(tmp_path)
    names = [f"E{i}" for i in range(32)]
    with pytest.raises(ValueError, match="Set mat_ch_names to the 32 channels"):
        SHUMI(mat_ch_names=names).load(tmp_path)


@MISSING
def test_shu__edf_without_events__error_names_the_file(tmp_path):
    path = tmp_path / f"{shu_stem(1, 1)}_eeg.edf"
    write_edf(path, SHUMI.ch_names, signals_of(SHUMI.ch_names, 8, 250), 250)
    with pytest.raises(FileNotFoundError, match=r"_events.tsv is missing"):
        SHUMI().load(tmp_path)
    table = tmp_path / f"{shu_stem(1, 1)}_events.tsv"
    table.write_text("1\t1000\tleft\tn/a\t1\t1\n5001\t1000\tleft\tn/a\t5001\t1\n")
    with pytest.raises(ValueError, match="reach from sample 1 to 6000, and the file has 2000"):
        SHUMI().load(tmp_path)
    table.write_text("onset\tsample\n1\t1\n")
    with pytest.raises(ValueError, match="columns sample and value"):
        SHUMI().load(tmp_path)


@MISSING
def test_shu__table_of_channels_without_names__error_says_how_to_mend(tmp_path):
    shu_mat(tmp_path)
    table = tmp_path / "task-motorimagery_channels.tsv"
    table.write_text("channel\ttype\nFp1\tEEG\n")
    with pytest.raises(ValueError, match=r"channels.tsv has no column 'name'.*set mat_ch_names"):
        SHUMI().load(tmp_path)
    # As spreadsheets write it, with a byte-order mark.
    lines = ["name\ttype", *(f"{name}\tEEG" for name in SHUMI.ch_names)]
    table.write_text("\n".join(lines), encoding="utf-8-sig")
    check_shu(SHUMI().load(tmp_path))


@MISSING
def test_shu__constant_channel__warning_names_it(tmp_path):
    data = shu_trials(SHUMI.ch_names)
    data[:, SHUMI.ch_names.index("T6")] = 0
    shu_mat(tmp_path, data=data, labels=[[1, 2, 2]])
    with pytest.warns(UserWarning, match=r"the channels \['T6'\] are constant"):
        SHUMI().load(tmp_path)


@MISSING
def test_shu__a_single_trial__read_like_many(tmp_path):
    data = shu_trials(SHUMI.ch_names, 1)
    shu_mat(tmp_path, data=data, labels=[[2]])
    windows = SHUMI().load(tmp_path)
    assert windows.X.shape == (1, 32, 800)
    assert windows.y.tolist() == [1]


def test_mat__of_a_kind_scipy_does_not_read__error_says_which(tmp_path):
    # MATLAB 7.3 writes HDF5 behind this header.
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / f"{shu_stem(1, 1)}_eeg.mat").write_bytes(header + bytes(400))
    with pytest.raises(ValueError, match=r"cannot be read as a MATLAB file: .*v7\.3"):
        SHUMI().load(tmp_path, [1])
