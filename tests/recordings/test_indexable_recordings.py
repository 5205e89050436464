"""Recordings as a container: rows, slices, labels, subjects, the table."""

import pickle
import tracemalloc

import mne
import numpy as np
import pybv
import pytest
from recording_files import bids_file, make_raw
from sklearn.model_selection import GroupKFold, train_test_split

from sk_brainrvq import Recordings, window_table
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import window_starts


@pytest.fixture
def files(tmp_path):
    """Three recordings of 12, 21 and 31 s, the first with a bad stretch."""
    first = make_raw(12).set_annotations(mne.Annotations([7], [1], ["BAD_move"]))
    raws = [first, make_raw(21, 1, 3), make_raw(31, 2)]
    return [bids_file(tmp_path, f"0{i}", raw, "ab"[i % 2]) for i, raw in enumerate(raws)]


def test_rows__with_a_window__are_those_of_window_starts(files):
    recordings = Recordings(files, ["x", "y", "x"], window=5, overlap=1)
    starts = [
        window_starts(mne.io.read_raw_fif(file, verbose="error"), 5, 1).tolist() for file in files
    ]
    assert recordings.starts.tolist() == [start for own in starts for start in own]
    numbers = np.repeat([0, 1, 2], [len(own) for own in starts])
    assert recordings.recording_of.tolist() == numbers.tolist()
    assert recordings.shape == (len(recordings),) == numbers.shape
    assert recordings.y.tolist() == [["x", "y", "x"][number] for number in numbers]
    assert recordings.subjects.tolist() == [f"0{number}" for number in numbers]
    assert recordings.sessions.tolist() == ["aba"[number] for number in numbers]
    assert recordings.sources.tolist() == [str(files[number]) for number in numbers]


def test_rows__without_a_window__are_the_recordings(files):
    recordings = Recordings(files, [1.5, 2.5, 3.5])
    assert len(recordings) == 3
    assert recordings.y.tolist() == [1.5, 2.5, 3.5]
    assert recordings.subjects.tolist() == ["00", "01", "02"]
    assert recordings.starts.tolist() == [0, 0, 0]


def test_windows__of_whole_recordings__repeat_labels_and_count_rows(files):
    whole = Recordings(files, ["x", "y", "x"])[[2, 0, 2]]
    parts = whole.windows(5)
    assert whole.count_windows(5).tolist() == [6, 1, 6]
    assert parts.recording_of.tolist() == [0] * 6 + [1] + [2] * 6
    assert parts.y.tolist() == ["x"] * 13
    sums = np.bincount(parts.recording_of, parts.weights())
    np.testing.assert_allclose(sums, 13 / 3)
    with pytest.raises(InvalidEEGError, match="already been cut into windows of 5 s"):
        parts.windows(3)


def test_slices__of_every_kind_of_key__keep_order_and_repeats(files):
    recordings = Recordings(files, [0, 1, 0], window=3)
    n = len(recordings)
    ids = list(zip(recordings.sources, recordings.starts, recordings.y, strict=True))
    mask = recordings.y == 1
    shuffled = np.random.default_rng(0).permutation(n)
    keys = [slice(3, None, 2), mask, mask.tolist(), shuffled, [2, 2, -1], np.array([], int)]
    for key in keys:
        part = recordings[key]
        assert isinstance(part, Recordings)
        found = list(zip(part.sources, part.starts, part.y, strict=True))
        assert found == [ids[row] for row in np.arange(n)[key]]
        assert part[::-1].starts.tolist() == part.starts[::-1].tolist()
    assert len(recordings[[]]) == 0
    assert recordings[4].starts.tolist() == [recordings.starts[4]]
    assert recordings[np.int64(4)].shape == (1,)
    assert [row.starts[0] for row in recordings] == recordings.starts.tolist()
    for key in (n, [n], "a", 1.5, [[0]], mask[1:]):
        with pytest.raises(IndexError):
            recordings[key]


def test_slices__once_rows_are_counted__read_nothing(files):
    recordings = Recordings(files, [0, 1, 0], window=3)
    n = len(recordings)
    for file in files:
        file.unlink()
    train, test = next(GroupKFold(3).split(recordings, recordings.y, recordings.subjects))
    parts = [recordings[train], recordings[test], *train_test_split(recordings, random_state=0)]
    assert sum(map(len, parts)) == 2 * n
    assert set(recordings[train].table["subject"]).isdisjoint(recordings[test].subjects)
    assert len(pickle.loads(pickle.dumps(recordings))[test].table) == len(test)


def test_rows__of_a_large_file__counted_without_its_signals(tmp_path):
    # With few channels, the axis of times that MNE 1.11 makes would be as large as the signals.
    signals = np.random.default_rng(0).normal(scale=2e-5, size=(64, 100))
    pybv.write_brainvision(
        data=signals,
        sfreq=200,
        ch_names=[f"E{i + 1}" for i in range(64)],
        fname_base="large",
        folder_out=tmp_path,
    )
    with (tmp_path / "large.eeg").open("r+b") as file:
        file.truncate(2**30)  # sparse: 2 GB once read
    tracemalloc.start()
    try:
        recordings = Recordings([tmp_path / "large.vhdr"], window=1)
        n_rows = len(recordings[::2])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n_rows > 10_000
    assert peak < 50e6


def test_pickles__of_slices__hold_only_the_recordings_they_are_of(files):
    long = [make_raw(100, seed) for seed in range(4)]
    recordings = Recordings([*long, *files], window=5)
    n_of_files = int((recordings.recording_of >= 4).sum())
    assert len(pickle.dumps(recordings[-n_of_files:])) < 10_000
    assert len(pickle.dumps(recordings[:5])) < 2 * long[0].get_data().nbytes


def test_subjects__by_what_is_given_then_bids_name_then_header(files, tmp_path):
    header = make_raw(6)
    header.info["subject_info"] = {"his_id": "ada", "id": 7}
    numbered = make_raw(6)
    numbered.info["subject_info"] = {"id": 7}
    header.save(tmp_path / "one_raw.fif", verbose="error")
    recordings = Recordings([files[1], header, numbered, tmp_path / "one_raw.fif"])
    assert recordings.subjects.tolist() == ["01", "ada", "7", "ada"]
    assert recordings.sources[1] == "item 1"
    unknown = Recordings([files[1], header], subjects=["eve", np.nan])
    assert unknown.subjects.tolist() == ["eve", "ada"]
    given = Recordings(files, subjects=[3, 1, 3], window=5)
    assert given.subjects.tolist() == [[3, 1, 3][number] for number in given.recording_of]


def test_subjects__unknown_or_anonymised__error_that_names_the_recordings():
    nobody = make_raw(6)
    nobody.info["subject_info"] = {"his_id": "p7"}
    nobody.anonymize(verbose="error")
    recordings = Recordings([make_raw(6), nobody])
    with pytest.raises(InvalidEEGError, match=r"item 0, item 1: .* Pass subjects="):
        recordings.subjects  # noqa: B018
    assert recordings.known_subjects.tolist() == [None, None]
    assert recordings.table["subject"].isna().all()


def test_window_table__plain_list__the_table_of_recordings(files):
    recordings = Recordings(files, ["x", "y", "x"], window=5, overlap=1)
    table = window_table(files, 5, 1, y=["x", "y", "x"])
    assert table.equals(recordings.table)
    assert list(table) == ["source", "recording", "start", "subject", "session", "label"]
    assert table.equals(window_table(Recordings(files, ["x", "y", "x"]), 5, 1))
    assert table.equals(window_table(recordings))
    assert "label" not in window_table(files[0], 5)


def test_recordings_without_windows__named_and_without_rows(files, tmp_path):
    short = bids_file(tmp_path, "short", make_raw(3))
    bad = make_raw(12).set_annotations(mne.Annotations([0], [12], ["bad_all"]))
    recordings = Recordings([short, files[1], bad], [0, 1, 0], window=5)
    with pytest.warns(EEGWarning, match=r"2 of 3 recordings have no window.*sub-short.*3\.00 s"):
        assert len(recordings) == 4
    assert recordings.y.tolist() == [1] * 4
    with pytest.warns(EEGWarning, match="'bad_all'"):
        counts = Recordings([short, files[1], bad]).count_windows(5)
    assert counts.tolist() == [0, 4, 0]


def test_windows_left_out_for_annotations__said_once(files):
    with pytest.warns(EEGWarning, match=r"1 of 12 windows .* 'BAD_move', in 1 recordings") as said:
        assert len(Recordings(files, window=5)) == 11
    assert len(said) == 1


def test_bad_arguments__each__error_says_what_was_given(tmp_path):
    raw = make_raw(12)
    epochs = mne.make_fixed_length_epochs(raw, 2, verbose="error")
    epochs.save(tmp_path / "some-epo.fif", verbose="error")
    cases = [
        (lambda: Recordings([]), "items is empty"),
        (lambda: Recordings([raw, 3]), "Item 1 of the recordings is of type int"),
        (lambda: Recordings(3), "type int; expected a continuous recording"),
        (lambda: Recordings([epochs]), "pass them to the estimator itself"),
        (lambda: Recordings([tmp_path / "none.edf"]), "Item 0 .*There is no recording at"),
        (lambda: Recordings(str(tmp_path / "*.edf")), "Patterns are not expanded"),
        (lambda: Recordings([raw], [0, 1]), "2 entries of y were given for 1 recording;"),
        (lambda: Recordings([raw, raw], ["a", np.nan]), "for 1 of 2 recordings: item 1"),
        (lambda: Recordings([raw], "a"), "y='a' was given for 1 recording;"),
        (lambda: Recordings([raw], subjects=["a", "b"]), "2 entries of subjects were given"),
        (lambda: Recordings([raw], window=0), "window=0 and overlap"),
        (lambda: Recordings([raw], window=5, overlap=5), "overlap=5"),
        (lambda: Recordings([raw], overlap=1), r"overlap=1 was given without window"),
        (lambda: Recordings(Recordings([raw])), r"recordings\.windows"),
        (lambda: len(Recordings([tmp_path / "some-epo.fif"], window=1)), "holds epochs"),
        (lambda: len(Recordings([raw], window=0.001)), "than one sample"),
    ]
    (tmp_path / "text.edf").write_text("no EDF")
    cases.append((lambda: len(Recordings([tmp_path / "text.edf"], window=1)), "MNE cannot read"))
    for make, message in cases:
        with pytest.raises(InvalidEEGError, match=message):
            make()


def test_repr__before_and_after_counting__short_and_reads_nothing(files):
    recordings = Recordings(files, [0, 1, 0], window=5)
    assert repr(recordings) == "Recordings(3 recordings, windows of 5 s, labels 0, 1)"
    assert len(recordings) == 11
    assert repr(recordings) == "Recordings(3 recordings, 11 windows of 5 s, labels 0, 1)"
    assert repr(recordings[:2]) == "Recordings(2 recordings, 2 windows of 5 s, labels 0, 1)"
    assert repr(Recordings(files, [0.5, 1, 2])) == "Recordings(3 recordings, with y)"
