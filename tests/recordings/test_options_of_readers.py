"""Recordings whose files MNE reads otherwise with options: windows are counted with them."""

import mne
import numpy as np
import pybv
import pytest
from recording_files import bids_file, make_raw
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import tiny

from sk_brainrvq import Reading, RecordingClassifier, Recordings, window_table
from sk_brainrvq.exceptions import InvalidEEGError

OPTIONS = {".vhdr": {"ignore_marker_types": True}}


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A marker that marks seconds as bad only where MNE leaves its type out."""
    folder = tmp_path_factory.mktemp("brainvision")
    pybv.write_brainvision(
        data=np.random.default_rng(0).normal(scale=2e-5, size=(2, 4000)),
        sfreq=200,
        ch_names=["C3", "C4"],
        fname_base="a",
        folder_out=folder,
        events=[{"onset": 900, "duration": 20, "description": "BAD move", "type": "Comment"}],
    )
    markers = folder / "a.vmrk"
    markers.write_text(markers.read_text().replace("Comment,BAD", "Remark,BAD"))
    return folder / "a.vhdr"


def embedder(**params):
    return tiny("embedder", sfreq=None, ch_names=None, **params)


def test_options__of_recordings__windows_are_those_that_the_estimator_cuts(marked):
    raw = mne.io.read_raw(marked, verbose="error")
    assert raw.annotations.description.tolist() == ["Remark/BAD move"]
    for options, starts in ((None, [0, 4, 8, 12, 16]), (OPTIONS, [0, 8, 12, 16])):
        recordings = Recordings([marked], window=4, read_options=options)
        assert recordings.starts.tolist() == starts
        plain = embedder(window=4, reading=Reading(read_options=options)).fit_transform(marked)
        for reading in (None, Reading(read_options=options)):
            found = embedder(reading=reading).fit_transform(recordings)
            np.testing.assert_array_equal(found, plain)
    assert len(window_table([marked], 4, read_options=OPTIONS)) == 4


def test_options__of_the_estimator_alone__error_for_windows_and_right_for_whole_files(marked):
    own = embedder(reading=Reading(read_options=OPTIONS))
    with pytest.raises(InvalidEEGError, match=r"listed with None.*Recordings\(\.\.\., read_opti"):
        own.fit(Recordings([marked], window=4))
    whole = own.set_params(window=4).fit_transform(Recordings([marked]))
    known = own.transform(Recordings([marked], read_options=OPTIONS))
    np.testing.assert_array_equal(whole, known)
    assert not np.array_equal(whole, embedder(window=4).fit_transform(Recordings([marked])))
    # Options of another format say nothing of this file.
    other = embedder(reading=Reading(read_options={".edf": {"encoding": "latin1"}}))
    assert len(other.fit_transform(Recordings([marked], window=4))) == 5


def test_options__of_one_label_per_recording__counted_as_read(marked, tmp_path):
    items = [marked, bids_file(tmp_path, "01", make_raw(12))]
    recordings = Recordings(items, [0, 1], read_options=OPTIONS)
    assert recordings.count_windows(4).tolist() == [4, 3]
    model = RecordingClassifier(make_pipeline(embedder(), LogisticRegression()), window=4)
    assert model.fit(recordings).predict_proba(recordings[::-1]).shape == (2, 2)


def test_options__of_a_bids_folder__reach_its_files(marked, tmp_path):
    pytest.importorskip("mne_bids")
    place = tmp_path / "sub-01" / "eeg"
    place.mkdir(parents=True)
    raw = mne.io.read_raw(marked, preload=True, verbose="error")
    raw.set_annotations(None)
    pybv.write_brainvision(
        data=raw.get_data(),
        sfreq=200,
        ch_names=["C3", "C4"],
        fname_base="sub-01_task-rest_eeg",
        folder_out=place,
        events=[{"onset": 900, "duration": 20, "description": "BAD move", "type": "Comment"}],
    )
    markers = place / "sub-01_task-rest_eeg.vmrk"
    markers.write_text(markers.read_text().replace("Comment,BAD", "Remark,BAD"))
    assert len(Recordings.from_bids(tmp_path, window=4)) == 5
    assert len(Recordings.from_bids(tmp_path, window=4, read_options=OPTIONS)) == 4


def test_options__of_no_form__error_says_which_there_are(marked):
    for wrong in ("latin1", {".edf": "latin1"}):
        with pytest.raises(InvalidEEGError, match=r"read_options=.*by file extension"):
            Recordings([marked], read_options=wrong)
