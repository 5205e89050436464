"""TUAB and TUEV on small files of their format."""

import os

import numpy as np
import pytest
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    roc_auc_score,
)
from sklearn.pipeline import make_pipeline
from tiny import tiny
from written_files import amplitudes, expected_window, signals_of, write_edf

from sk_brainrvq import RecordingClassifier, Recordings
from sk_brainrvq.datasets import TUAB, TUEV
from sk_brainrvq.exceptions import EEGWarning

ELECTRODES = "FP1 FP2 F3 F4 C3 C4 P3 P4 O1 O2 F7 F8 T3 T4 T5 T6 A1 A2 FZ CZ PZ".split()  # noqa: SIM905
AMPLITUDE = dict(zip(ELECTRODES, amplitudes(ELECTRODES), strict=True))
# Of other datasets than the one under test, or of the file system.
PARTIAL = pytest.mark.filterwarnings("ignore:TU.. ?.*recordings are in")


def write(path, seconds=25, sfreq=250, reference="REF", electrodes=ELECTRODES):
    # The photic channel of real files comes first here, to be left out by name.
    names = ["PHOTIC-REF", *(f"EEG {name}-{reference}" for name in electrodes)]
    signals = signals_of(electrodes, seconds, sfreq)
    write_edf(path, names, np.vstack([signals[:1], signals]), sfreq)


def tuab_file(folder, side, label, subject, session=1, **options):
    name = f"{subject}_s{session:03d}_t000.edf"
    path = folder / "edf" / side / label / "01_tcp_ar" / name
    write(path, **options)
    return path


def tuev_file(folder, subject, lines, **options):
    path = folder / "edf" / "train" / subject / f"{subject}_00000001.edf"
    write(path, **options)
    path.with_suffix(".rec").write_text("".join(f"{line}\n" for line in lines))
    return path


@PARTIAL
@pytest.mark.parametrize("reference", ["REF", "LE"])
def test_tuab__bipolar_windows__differences_of_electrodes(tmp_path, reference):
    tuab_file(tmp_path, "eval", "abnormal", "aaaaaaaq", reference=reference)
    windows = TUAB().load(tmp_path)
    assert windows.X.shape == (2, 16, 2000)  # 5 s of 25 are dropped
    assert windows.X.dtype == np.float32
    assert windows.y.tolist() == [1, 1]
    assert windows.split.tolist() == ["test", "test"]
    assert windows.subjects.tolist() == ["aaaaaaaq"] * 2
    for row, pair in enumerate(windows.ch_names):
        first, second = pair.split("-")
        expected = (AMPLITUDE[first] - AMPLITUDE[second]) * expected_window(0, 4000)
        got = np.concatenate(windows.X[:, row])
        # Far from the edges, which the filters of 11 s blur.
        np.testing.assert_allclose(got[600:3400], expected[600:3400], atol=1)


@PARTIAL
def test_tuab__drift_and_hum__filtered_out(tmp_path):
    path = tmp_path / "train" / "normal" / "aaaaaaab_s001_t000.edf"
    times = np.arange(40 * 512) / 512
    noise = 100 + 50 * np.sin(2 * np.pi * 0.05 * times) + 30 * np.sin(2 * np.pi * 60 * times)
    noise += 30 * np.sin(2 * np.pi * 97 * times) + 20 * np.sin(2 * np.pi * 10 * times)
    signals = noise * np.arange(len(ELECTRODES))[:, None] / 10
    write_edf(path, [f"EEG {name}-REF" for name in ELECTRODES], signals, 512)
    X = TUAB().load(tmp_path).X[1]
    frequencies, power = welch(X[0], fs=200, nperseg=1000)
    peak = power[frequencies == 10][0]
    assert peak > 1000 * power[np.abs(frequencies - 60) < 0.5].max()
    assert peak > 1000 * power[np.abs(frequencies - 97) < 0.5].max()
    assert abs(X[0].mean()) < 5  # of 100


@PARTIAL
def test_tuab__split__sorted_subjects_of_each_class(tmp_path):
    for letter in "abcdefghij":
        tuab_file(tmp_path, "train", "normal", f"aaaaaaa{letter}", seconds=1)
        tuab_file(tmp_path, "train", "abnormal", f"aaaaaab{letter}", seconds=1)
    tuab_file(tmp_path, "eval", "normal", "aaaaaaaz", seconds=1)
    split = {r.subject: r.split for r in TUAB().recordings(tmp_path)}
    assert {s for s in split if split[s] == "validation"} == {
        "aaaaaaai",
        "aaaaaaaj",
        "aaaaaabi",
        "aaaaaabj",
    }
    assert {s for s in split if split[s] == "test"} == {"aaaaaaaz"}


@PARTIAL
def test_tuab__subject_of_both_classes__on_one_side(tmp_path):
    for letter in "abcdefghij":
        tuab_file(tmp_path, "train", "normal", f"aaaaaaa{letter}", seconds=1)
    # Last of the normal subjects, which validate, and first of the abnormal ones, which train.
    for letter in "jklmn":
        tuab_file(tmp_path, "train", "abnormal", f"aaaaaaa{letter}", session=2, seconds=1)
    found = TUAB().recordings(tmp_path, ["aaaaaaaj"])
    assert [r.split for r in found] == ["train", "train"]


def test_tuab__a_few_files__warning_says_the_split_differs(tmp_path):
    tuab_file(tmp_path, "train", "normal", "aaaaaaab")
    with pytest.warns(UserWarning, match="1 of 2993 recordings are in"):
        TUAB().load(tmp_path)


@PARTIAL
def test_tuab__iterator__one_recording_at_a_time_and_load_their_sum(tmp_path):
    for letter, side in (("b", "train"), ("c", "eval")):
        tuab_file(tmp_path, side, "normal", f"aaaaaaa{letter}", seconds=21)
    (tmp_path / "edf" / "notes.edf").write_text("stray")
    parts = list(TUAB().iter_recordings(tmp_path))
    assert [part.X.shape[0] for part in parts] == [2, 2]
    assert {len(set(part.subjects)) for part in parts} == {1}
    np.testing.assert_array_equal(
        TUAB().load(tmp_path).X, np.concatenate([part.X for part in parts])
    )
    assert len(TUAB().load(tmp_path, splits=["test"]).y) == 2


@PARTIAL
def test_tuab__missing_electrode__error_names_the_channels(tmp_path):
    rest = [name for name in ELECTRODES if name != "T5"]
    tuab_file(tmp_path, "eval", "normal", "aaaaaaab", electrodes=rest)
    with pytest.raises(ValueError, match=r"lacks the channels \['T3-T5', 'T5-O1'\]"):
        TUAB().load(tmp_path)


@PARTIAL
def test_tuab__broken_file__error_says_so(tmp_path):
    path = tuab_file(tmp_path, "eval", "normal", "aaaaaaab")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot be read as EDF"):
        TUAB().load(tmp_path)


@PARTIAL
def test_tuab__one_broken_file__left_out_with_a_warning_if_wished(tmp_path):
    whole = tuab_file(tmp_path, "eval", "normal", "aaaaaaab")
    path = tuab_file(tmp_path, "eval", "normal", "aaaaaaac")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 1000])
    with pytest.raises(ValueError, match=r"aaaaaaac_s001_t000\.edf is truncated"):
        TUAB().load(tmp_path)
    with pytest.warns(UserWarning, match=r"Left out: .*aaaaaaac_s001_t000\.edf\. .*is truncated"):
        windows = TUAB().load(tmp_path, on_error="warn")
    np.testing.assert_array_equal(windows.X, TUAB().load(whole.parents[3], ["aaaaaaab"]).X)
    path = whole
    os.truncate(path, path.stat().st_size - 1000)
    with (
        pytest.warns(UserWarning, match="Left out"),
        pytest.raises(ValueError, match=r"or could be read; the warnings say why\."),
    ):
        TUAB().load(tmp_path, on_error="warn")
    with pytest.raises(ValueError, match="on_error='skip' was given"):
        TUAB().load(tmp_path, on_error="skip")


@PARTIAL
def test_recordings__linked_folder_and_stray_files__found_and_passed_over(tmp_path):
    path = tuev_file(tmp_path / "elsewhere", "aaaaaaar", [])
    for name in ("._aaaaaaar_00000001.edf", "notes.edf"):  # of macOS, and of somebody
        path.with_name(name).write_bytes(b"stray")
    stray = tmp_path / "elsewhere" / "edf" / "train" / "aaa" / "notes.edf"
    stray.parent.mkdir()
    stray.write_bytes(b"stray")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "edf").symlink_to(tmp_path / "elsewhere" / "edf")
    (tmp_path / "corpus" / "round").symlink_to(tmp_path / "corpus")
    # Another way to the same files, whose path is none of the corpus.
    (tmp_path / "corpus" / "all").symlink_to(path.parent)
    found = TUEV().recordings(tmp_path / "corpus")
    assert [(r.subject, r.split, r.path.name) for r in found] == [
        ("aaaaaaar", "train", "aaaaaaar_00000001.edf")
    ]


def test_tuab__nothing_there__error_says_where_to_register(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"register at https://isip\.picone"):
        TUAB().load(tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match=r"register at https://isip\.picone"):
        TUAB().load(tmp_path)
    with pytest.raises(ValueError, match="register at"):
        TUAB().fetch(tmp_path)


@PARTIAL
def test_tuab__too_short__error_states_the_window(tmp_path):
    tuab_file(tmp_path, "eval", "normal", "aaaaaaab", seconds=9)
    with pytest.raises(ValueError, match="whole window of 10 s"):
        TUAB().load(tmp_path)


@PARTIAL
def test_tuev__event_inside__two_seconds_before_and_after(tmp_path):
    tuev_file(tmp_path, "aaaaaaar", ["3,12.5000000000,13.5000000000,6"], seconds=30)
    windows = TUEV().load(tmp_path)
    assert windows.X.shape == (1, 16, 1000)
    assert windows.classes[windows.y[0]] == "background"
    row = windows.ch_names.index("T5-O1")
    expected = (AMPLITUDE["T5"] - AMPLITUDE["O1"]) * expected_window(10.5)
    np.testing.assert_allclose(windows.X[0, row], expected, atol=0.3)


@PARTIAL
def test_tuev__events_at_both_edges__go_on_at_the_other_end(tmp_path):
    lines = ["3,0.5,1.5,1", "3,28.5,29.5,2"]
    tuev_file(tmp_path, "aaaaaaar", lines, seconds=30)
    windows = TUEV().load(tmp_path)
    assert windows.y.tolist() == [0, 1]
    # The first window takes the last 1.5 s of the recording, the second its first 1.5 s.
    np.testing.assert_array_equal(windows.X[0, :, :300], windows.X[1, :, 400:700])
    np.testing.assert_array_equal(windows.X[0, :, 300:600], windows.X[1, :, 700:1000])


@PARTIAL
def test_tuev__event_in_neighbouring_channels__repeated_or_once(tmp_path):
    lines = ["2,10.0,11.0,3", "3,10.0,11.0,3", "7,10.0,11.0,5", "3,11.0,12.0,3"]
    tuev_file(tmp_path, "aaaaaaar", lines, seconds=30)
    kept, dropped = TUEV().load(tmp_path), TUEV(duplicates="drop").load(tmp_path)
    assert kept.y.tolist() == [2, 2, 4, 2]
    np.testing.assert_array_equal(kept.X[0], kept.X[1])
    assert dropped.y.tolist() == [2, 4, 2]
    np.testing.assert_array_equal(dropped.X, kept.X[[0, 2, 3]])


@PARTIAL
def test_tuev__split__official_test_and_sorted_training_subjects(tmp_path):
    for letter in "abcde":
        tuev_file(tmp_path, f"aaaaaaa{letter}", ["3,1.0,2.0,1"], seconds=6)
    path = tmp_path / "edf" / "eval" / "000" / "bckg_000_a_.edf"
    write(path, seconds=6)
    path.with_suffix(".rec").write_text("3,1.0,2.0,6\n")
    windows = TUEV().load(tmp_path)
    sides = dict(zip(windows.subjects.tolist(), windows.split.tolist(), strict=True))
    assert sides == {
        "000": "test",
        "aaaaaaaa": "train",
        "aaaaaaab": "train",
        "aaaaaaac": "train",
        "aaaaaaad": "train",
        "aaaaaaae": "validation",
    }


@PARTIAL
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["3,1.0,2.0,7"], "holds the label 7; expected 1 to 6"),
        (["3,1.0,2.0"], "expected lines 'channel,start,stop,label'"),
        (["3,40.0,41.0,1"], "holds an event at 40 s"),
    ],
)
def test_tuev__wrong_labels__error_says_what_was_expected(tmp_path, lines, message):
    tuev_file(tmp_path, "aaaaaaar", lines, seconds=10)
    with pytest.raises(ValueError, match=message):
        TUEV().load(tmp_path)


@PARTIAL
def test_tuev__no_labels__error_names_the_file(tmp_path):
    path = tuev_file(tmp_path, "aaaaaaar", ["3,1.0,2.0,1"])
    path.with_suffix(".rec").unlink()
    with pytest.raises(FileNotFoundError, match=r"aaaaaaar_00000001\.rec is missing"):
        TUEV().load(tmp_path)


def test_tuev__unknown_setting__error_names_the_choices():
    with pytest.raises(ValueError, match="expected one of"):
        TUEV(duplicates="merge")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """Windows of ten recordings of eight subjects, and probabilities for those of the test."""
    folder = tmp_path_factory.mktemp("tuab")
    for i, letter in enumerate("abcd"):
        tuab_file(folder, "eval", "normal", f"aaaaaaa{letter}", seconds=11 + 10 * i)
        tuab_file(folder, "eval", "abnormal", f"aaaaaab{letter}", seconds=41 - 10 * i)
    for session in (2, 3):
        tuab_file(folder, "eval", "abnormal", "aaaaaaba", session, seconds=11)
    with pytest.warns(UserWarning, match="recordings are in"):
        windows = TUAB().load(folder)
    proba = np.random.default_rng(0).dirichlet([1, 1], len(windows.y))
    return windows, proba


def test_tuab__report__windows_and_recordings_as_counted_by_hand(clinic):
    windows, proba = clinic
    groups = {"recordings": windows.recordings, "subjects": windows.subjects}
    found = TUAB().report(windows.y, proba, **groups)
    assert {level: figures["n"] for level, figures in found.items()} == {
        "windows": 22,
        "recordings": 10,
        "subjects": 8,
    }
    assert found["windows"]["auroc"] == roc_auc_score(windows.y, proba[:, 1])
    for level, names in groups.items():
        rows = [names == name for name in dict.fromkeys(names)]
        truth = [windows.y[row][0] for row in rows]
        # The mean log odds orders groups as their joint probability does.
        odds = [np.mean(np.log(proba[row, 1] / proba[row, 0])) for row in rows]
        assert found[level]["auroc"] == roc_auc_score(truth, odds)
        assert found[level]["average_precision"] == average_precision_score(truth, odds)
        right = balanced_accuracy_score(truth, np.array(odds) > 0)
        assert found[level]["balanced_accuracy"] == pytest.approx(right)
    votes = TUAB().report(windows.y, proba, **groups, aggregate="vote")["recordings"]
    assert votes != found["recordings"]
    assert set(windows.recordings) >= {"aaaaaaaa_s001_t000.edf", "aaaaaaba_s003_t000.edf"}


def test_tuab__recording_by_recording__report_of_the_parts_is_that_of_the_whole(clinic):
    windows, proba = clinic
    order = np.random.default_rng(1).permutation(len(proba))
    shuffled = windows.recordings[order], windows.subjects[order]
    again = TUAB().report(
        windows.y[order], proba[order], recordings=shuffled[0], subjects=shuffled[1]
    )
    whole = TUAB().report(
        windows.y, proba, recordings=windows.recordings, subjects=windows.subjects
    )
    for level, figures in whole.items():
        assert again[level] == pytest.approx(figures)
    assert list(TUAB().report(windows.y, proba)) == ["windows"]


def test_report__several_classes__kappa_and_a_warning_for_subjects_of_several():
    y, proba = np.arange(12) % 6, np.random.default_rng(0).dirichlet(np.ones(6), 12)
    with pytest.warns(EEGWarning, match=r"no scores over subjects, .*several classes are in bob\."):
        found = TUEV().report(y, proba, recordings=y, subjects=["bob"] * 12)
    assert list(found) == ["windows", "recordings"]
    assert found["recordings"]["n"] == 6
    assert found["windows"]["kappa"] == cohen_kappa_score(y, proba.argmax(1))


@pytest.mark.parametrize(
    ("y", "proba", "options", "message"),
    [
        ([0, 1], [[0.5, 0.5]], {}, r"y has shape \(2,\) and proba \(1, 2\)"),
        ([0, 1], [0.5, 0.5], {}, "a column per class"),
        ([0, 2], [[0.5, 0.5]] * 2, {}, r"y holds \[2\]; expected 0 to 1"),
        ([1, 1], [[0.5, 0.5]] * 2, {}, "fewer than two classes"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.5]], {}, "NaN in 1 of 2 windows"),
        ([0, 1], [[0.5, 0.5]] * 2, {"recordings": ["a"]}, "recordings has shape"),
        ([0, 1], [[0.5, 0.5]] * 2, {"aggregate": "median"}, "aggregate='median'"),
    ],
)
def test_report__what_does_not_fit__error_says_what_was_expected(y, proba, options, message):
    with pytest.raises(ValueError, match=message):
        TUAB().report(y, proba, **options)


@PARTIAL
def test_tuab__recording_classifier_on_its_files__one_label_per_file(tmp_path):
    paths = [
        tuab_file(tmp_path, side, label, f"aaaaaa{label[0]}{letter}", seconds=6)
        for side, letters in (("train", "ab"), ("eval", "c"))
        for label in TUAB.classes
        for letter in letters
    ]
    recordings = Recordings(paths, [path.parts[-3] for path in paths])
    embedder = tiny("embedder", sfreq=None, ch_names=None)
    pipeline = make_pipeline(embedder, LogisticRegression())
    model = RecordingClassifier(pipeline, window=2).fit(recordings)
    assert model.classes_.tolist() == sorted(TUAB.classes)
    proba = model.predict_proba(recordings)[:, [1, 0]]  # in the order of the protocol
    found = TUAB().report([TUAB.classes.index(label) for label in recordings.y], proba)
    assert found["windows"]["n"] == 6
