"""What MNE warns of while it reads reaches the user, from any thread, and nothing else does."""

import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import mne
import numpy as np
import pytest
from corpus_files import build
from mne.utils import warn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from tiny import tiny

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.signals.reader_warnings import heard_from_mne, worth_telling
from sk_brainrvq.signals.sources.recording_files import read_recording

INFO = mne.create_info(["F3", "O2"], 200.0, "eeg")


def brainvision(folder, name="a", extra=""):
    """A BrainVision recording of 10 s with an annotation far behind its end."""
    signals = np.random.default_rng(0).normal(scale=2e-5, size=(2, 2000))
    raw = mne.io.RawArray(signals, INFO, verbose="error")
    raw.set_annotations(mne.Annotations([1], [1], ["seen"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mne.export.export_raw(folder / f"{name}.vhdr", raw, verbose="error")
    markers = folder / f"{name}.vmrk"
    text = markers.read_text(encoding="utf-8")
    markers.write_text(f"{text}\nMk9=Comment,late,9000,1,0\n{extra}", encoding="utf-8")
    return folder / f"{name}.vhdr"


def said_by(function, *arguments):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        function(*arguments)
    return said


def test_read__mne_omits_an_annotation__is_told_once_with_the_name_of_the_file(tmp_path):
    paths = [brainvision(tmp_path, name) for name in "abc"]
    embedder = tiny("embedder", ch_names=None, sfreq=None, window=2.0).fit(paths[0])
    for given in (paths[0], paths):  # a list is read in a thread
        said = said_by(embedder.transform, given)
        lines = [str(w.message) for w in said if "MNE" in str(w.message)]
        files = paths if given is paths else paths[:1]
        expected = "{}: MNE: Omitted 1 annotation(s) that were outside data range."
        assert lines == [expected.format(path) for path in files]
        assert {w.category for w in said} == {EEGWarning}
    build(paths[:1], tmp_path / "corpus")
    notes = EEGCorpus(tmp_path / "corpus", window=2).recordings[0].notes
    assert notes[0] == "MNE: Omitted 1 annotation(s) that were outside data range."


def test_read__what_is_harmless__is_not_told(tmp_path):
    path = tmp_path / "sub01.fif"  # a name that MNE warns of
    raw = mne.io.RawArray(np.zeros((2, 2000)), INFO, verbose="error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.save(path, verbose="error")
    assert any("naming conventions" in str(w.message) for w in said_by(mne.io.read_raw, path))
    assert said_by(read_recording, path) == []


def test_heard__in_one_thread__others_and_other_packages_are_shown_as_ever():
    mne.set_log_level("warning")
    both_in = threading.Barrier(2, timeout=20)

    def listen(name):
        with heard_from_mne() as heard:
            both_in.wait()
            warn(f"{name} warns")
            warn(f"{name} warns")
            both_in.wait()
        return heard

    def other():
        warn("nobody listens")

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(2) as pool:
            heard = list(pool.map(listen, ["a", "b"]))
        with heard_from_mne() as here:
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            warnings.warn("of numpy", RuntimeWarning, stacklevel=1)
        warn("afterwards")
    assert heard == [["a warns"], ["b warns"]]
    assert here == []
    assert [str(w.message) for w in said] == ["nobody listens", "of numpy", "afterwards"]


def test_log__of_mne__is_heard_and_not_printed_while_someone_listens(capsys):
    mne.set_log_level("warning")
    with heard_from_mne() as heard:
        mne.utils.logger.warning("Names are %s.", "odd")
        mne.utils.logger.info("Reading.")
    assert heard == ["Names are odd."]
    assert capsys.readouterr().out == ""
    mne.utils.logger.warning("Afterwards.")
    assert capsys.readouterr().out == "Afterwards.\n"


def test_filters__with_that_of_mne__do_for_folds_in_other_threads_and_processes():
    # scikit-learn sends its filters along with each fold.
    with heard_from_mne():
        pass
    assert len(pickle.loads(pickle.dumps(warnings.filters))) == len(warnings.filters)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        scores = cross_val_score(LogisticRegression(), np.eye(6), [0, 1] * 3, cv=2)
    assert np.isfinite(scores).all()


def test_worth_telling__texts_of_several_lines__each_once_in_a_line():
    texts = ["Unknown types\n  found", "Unknown types found", "Limited 3 annotation(s)", "Omitted"]
    assert worth_telling(texts) == ["Unknown types found", "Omitted"]
    assert worth_telling(texts, ["Omitted"]) == ["Unknown types found"]


@pytest.mark.parametrize(("lowpass", "is_told"), [("30", True), ("70", False)])
def test_edf__filters_that_leave_no_band__told_only_where_they_are_of_the_eeg(
    tmp_path, lowpass, is_told
):
    path = tmp_path / "a.edf"
    raw = mne.io.RawArray(np.zeros((3, 2000)), mne.create_info(["C3", "C4", "ECG"], 200.0, "eeg"))
    mne.export.export_raw(path, raw, verbose="error")
    content = bytearray(path.read_bytes())
    n_signals = int(content[252:256])
    fields = [f"HP:40Hz LP:{lowpass}Hz"] * 2 + ["HP:60Hz LP:30Hz"]
    if not is_told:
        fields[:2] = ["HP:0.5Hz LP:70Hz"] * 2
    for number, text in enumerate(fields):
        start = 256 + 136 * n_signals + 80 * number
        content[start : start + 80] = text.encode().ljust(80)
    path.write_bytes(content)
    lines = [str(w.message) for w in said_by(read_recording, path)]
    assert any("Highpass cutoff frequency" in line for line in lines) == is_told
