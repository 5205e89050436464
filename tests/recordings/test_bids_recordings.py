"""Recordings of a BIDS folder, which mne-bids writes."""

import mne
import mne_bids
import numpy as np
import pytest
from recording_files import make_raw

from sk_brainrvq import Recordings
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

STAGES = ["W", "N1", "W", "N2"]  # 7 s each


@pytest.fixture
def root(tmp_path):
    """Three people, two tasks; the second has stages of 7 s."""
    for person in ("01", "02", "03"):
        for task in ("rest", "sleep"):
            raw = make_raw(28, int(person))
            raw.info["line_freq"] = 50
            if task == "sleep":
                onsets = np.arange(4) * 7.0
                raw.set_annotations(mne.Annotations([*onsets, 9], [7] * 4 + [0], [*STAGES, "cue"]))
            path = mne_bids.BIDSPath(subject=person, task=task, root=tmp_path, datatype="eeg")
            mne_bids.write_raw_bids(
                raw, path, format="BrainVision", allow_preload=True, verbose="error"
            )
    people = "participant_id\tgroup\tage\nsub-01\tpatient\t61\nsub-02\tcontrol\t58.5\n"
    (tmp_path / "participants.tsv").write_text(people + "sub-03\tn/a\tn/a\n")
    return tmp_path


def test_from_bids__without_labels__all_recordings_in_order(root):
    (root / "derivatives" / "sub-01" / "eeg").mkdir(parents=True)
    (root / "derivatives" / "sub-01" / "eeg" / "sub-01_task-rest_eeg.edf").touch()
    recordings = Recordings.from_bids(root)
    assert recordings.subjects.tolist() == ["01", "01", "02", "02", "03", "03"]
    assert recordings.y is None
    rest = Recordings.from_bids(str(root), task="rest", subject=["02", "03"], window=10)
    assert rest.subjects.tolist() == ["02", "02", "03", "03"]
    assert all("task-rest" in source for source in rest.sources)
    paths = mne_bids.find_matching_paths(root, tasks="rest", suffixes="eeg", extensions=".vhdr")
    same = Recordings(paths, window=10)  # BIDSPath
    assert (
        same.sources.tolist() == Recordings.from_bids(root, task="rest", window=10).sources.tolist()
    )


def test_from_bids__column_of_participants__labels_and_people_without_one_named(root):
    with pytest.warns(EEGWarning, match=r"2 of 6 recordings .* no 'group' for sub-03"):
        recordings = Recordings.from_bids(root, y="group")
    assert recordings.y.tolist() == ["patient", "patient", "control", "control"]
    ages = Recordings.from_bids(root, task="rest", y="age")
    assert ages.y.tolist() == [61, 58.5]
    # A sidecar that is not needed may be missing.
    for sidecar in [*root.rglob("*_channels.tsv"), *root.rglob("*_eeg.json")]:
        sidecar.unlink()
    assert len(Recordings.from_bids(root, task="rest", y="group", window=10)) == 4


def test_from_bids__task_or_run_of_the_names__labels(root):
    assert Recordings.from_bids(root, y="task").y.tolist() == ["rest", "sleep"] * 3
    for file in (root / "sub-01").rglob("*_task-rest_*"):
        file.rename(file.with_name(file.name.replace("_task-rest_", "_task-rest_run-2_")))
    with pytest.warns(EEGWarning, match=r"5 of 6 .* their names hold no run-.*sub-01_task-sleep"):
        assert Recordings.from_bids(root, y="run").y.tolist() == [2]
    with pytest.raises(
        InvalidEEGError, match=r"y='session' was given, but none of the names .* ses-"
    ):
        Recordings.from_bids(root, y="session")


def test_from_bids__events__windows_within_them(root):
    recordings = Recordings.from_bids(root, task="sleep", y="events", window=3)
    own = recordings[recordings.subjects == "02"]
    # Two windows per stage, and one from the cue on.
    assert own.starts.tolist() == [0, 3, 7, 10, 9, 14, 17, 21, 24]
    assert own.y.tolist() == ["W", "W", "N1", "N1", "cue", "W", "W", "N2", "N2"]
    stages = recordings[recordings.y != "cue"]
    assert len(stages) == 24
    read = mne_bids.read_raw_bids(
        mne_bids.BIDSPath(subject="02", task="sleep", root=root, datatype="eeg"), verbose="error"
    )
    for start, label in zip(own.starts, own.y, strict=True):
        covering = read.copy().crop(start, start + 2.9).annotations.description
        assert label in covering
    only_cues = Recordings.from_bids(root, task="sleep", y="events", window=8)
    with pytest.warns(EEGWarning, match="12 events are shorter than a window"):
        assert only_cues.y.tolist() == ["cue"] * 3
    halves = Recordings.from_bids(root, task="sleep", y="events", window=4, overlap=1)
    assert halves[halves.y != "cue"].starts[:4].tolist() == [0, 3, 7, 10]


def test_from_bids__events_missing__named_and_left_out(root):
    next(root.rglob("sub-02*sleep*_events.tsv")).unlink()
    with pytest.warns(EEGWarning, match=r"1 of 3 recordings .* sub-02_task-sleep_eeg"):
        recordings = Recordings.from_bids(root, task="sleep", y="events", window=3)
    assert set(recordings.subjects) == {"01", "03"}
    # One table for all recordings of a task, at the top; some stretches of it are bad.
    table = "onset\tduration\ttrial_type\n0\t9\tW\n4\t1\tBAD_move\n12\t3\tn/a\nn/a\t3\tW\n"
    (root / "task-sleep_events.tsv").write_text(table)
    recordings = Recordings.from_bids(root, task="sleep", subject="02", y="events", window=3)
    with pytest.warns(EEGWarning, match="1 of 3 windows .* 'BAD_move'"):
        assert recordings.starts.tolist() == [0, 6]
    assert recordings.y.tolist() == ["W", "W"]


def test_from_bids__what_cannot_be__errors_that_say_what_is_there(root):
    table = root / "participants.tsv"
    table_of_two = table.read_text() + "sub-01\tcontrol\t61\n"
    cases = [
        ({"root": root / "none"}, "There is no folder"),
        ({"task": "task-rest"}, r"with task='task-rest' .*The tasks there: rest, sleep\."),
        ({"y": "diagnosis"}, r"columns \['participant_id', 'group', 'age'\]; .*'diagnosis'"),
        ({"y": "events"}, "without window"),
        ({"y": "events", "window": 3, "task": "rest"}, r"None of 3 recordings has events"),
    ]
    for given, message in cases:
        with pytest.raises(InvalidEEGError, match=message):
            Recordings.from_bids(**{"root": root, **given})
    table.write_text(table_of_two)
    with pytest.raises(InvalidEEGError, match=r"sub-01 twice, with group 'patient' and 'control'"):
        Recordings.from_bids(root, y="group")
    table.unlink()
    with pytest.raises(InvalidEEGError, match=r"There is no .*participants\.tsv"):
        Recordings.from_bids(root, y="group")
