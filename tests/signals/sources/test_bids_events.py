"""Bad stretches that a BIDS data set keeps in events.tsv, beside its recordings."""

import json
import os
import warnings

import mne
import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq import Recordings
from sk_brainrvq.corpus.finding import source_state
from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.signals import window_starts
from sk_brainrvq.signals.sources.recording_files import read_recording

SETTINGS = {"sfreq": None, "ch_names": None, "window": 1.0}
SFREQ, SECONDS = 200, 30


@pytest.fixture
def recording(tmp_path):
    """A recording of a BIDS data set without a table."""
    folder = tmp_path / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text(json.dumps({"Name": "x"}))
    signals = np.random.default_rng(0).normal(scale=2e-5, size=(2, SFREQ * SECONDS))
    raw = mne.io.RawArray(signals, mne.create_info(["C3", "C4"], SFREQ, "eeg"), verbose="error")
    raw.set_annotations(mne.Annotations([3.25], [0.5], ["BAD_own"]))
    # What was cropped away counts for MNE's times, not for those of the table.
    raw = mne.concatenate_raws([raw.copy().crop(0, 1.995), raw], verbose="error").crop(2.0)
    path = folder / "sub-01_task-rest_eeg.fif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.save(path, verbose="error")
    return path


def write_table(path, rows, columns=("onset", "duration", "trial_type")):
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines))
    return path


def quietly(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        return call(*args)


def test_table__bad_stretches_at_random__windows_are_those_that_mne_keeps(recording):
    rng = np.random.default_rng(0)
    table = recording.with_name("sub-01_task-rest_events.tsv")
    embedder = tiny("embedder", **SETTINGS)
    for _ in range(5):
        onsets, lengths = rng.uniform(0, 29, 4).round(3), rng.uniform(0, 2, 4).round(3)
        rows = [(*times, "bad_move") for times in zip(onsets, lengths, strict=True)]
        write_table(table, [*rows, (12, 5, "target"), (20, 5, "n/a")])
        marked = read_recording(recording)
        by_hand = mne.io.read_raw(recording, verbose="error")
        for onset, length, name in rows:
            by_hand.annotations.append(onset + by_hand.first_time, length, name)
        epochs = mne.make_fixed_length_epochs(by_hand, 1.0, preload=True, verbose="error")
        starts = (epochs.events[:, 0] - by_hand.first_samp) / SFREQ
        np.testing.assert_array_equal(window_starts(marked, 1.0), starts)
        expected = quietly(embedder.fit_transform, by_hand)
        assert len(expected) == len(starts) < SECONDS
        for X in (recording, [str(recording)], Recordings([recording], window=1.0)):
            np.testing.assert_array_equal(quietly(embedder.transform, X), expected)


def test_table__what_the_file_holds_too__is_annotated_once(recording):
    table = recording.with_name("sub-01_task-rest_events.tsv")
    write_table(table, [(3.251, 0.5, "BAD_own"), (8, 0.5, "BAD_own")])
    annotations = read_recording(recording).annotations
    found = [d for d in annotations.description if d == "BAD_own"]
    assert len(found) == 2


def test_table__of_other_things_or_broken__changes_nothing(recording):
    table = recording.with_name("sub-01_task-rest_events.tsv")
    expected = quietly(tiny("embedder", **SETTINGS).fit_transform, recording)
    for rows, columns in (
        ([(1, 1, "target")], ("onset", "duration", "trial_type")),
        (
            [("n/a", 1, "bad"), ("inf", 1, "bad"), ("", "", "bad")],
            ("onset", "duration", "trial_type"),
        ),
        ([(1, 1, "bad")], ("onset", "duration", "stim")),
        ([(1,)], ("onset", "duration", "trial_type")),
        ([], ("",)),
    ):
        write_table(table, rows, columns)
        found = quietly(tiny("embedder", **SETTINGS).fit_transform, recording)
        np.testing.assert_array_equal(found, expected)
    write_table(table, [(10, "n/a", "bad")])
    assert len(quietly(tiny("embedder", **SETTINGS).fit_transform, recording)) == len(expected)
    write_table(table, [(10.5, "n/a", "bad")])
    assert len(quietly(tiny("embedder", **SETTINGS).fit_transform, recording)) == len(expected) - 1


def test_corpus__table_of_a_recording_changes__the_recording_counts_as_changed(recording):
    before = source_state(str(recording))
    table = write_table(recording.with_name("sub-01_task-rest_events.tsv"), [(1, 1, "bad")])
    os.utime(table, ns=(before[1] + 10**9, before[1] + 10**9))
    size, changed = source_state(str(recording))
    assert (size, changed) == (before[0] + table.stat().st_size, before[1] + 10**9)
