"""EEGMAT inside MOABB: its trials, its evaluations, its download."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from moabb.datasets.fake import FakeDataset
from moabb.evaluations import CrossSubjectEvaluation, WithinSessionEvaluation
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import RestAgainstTask, Zyma2019, load_eegmat
from sk_brainrvq.datasets import eegmat as eegmat_module
from sk_brainrvq.datasets.eegmat import CH_NAMES

# Recordings at rest of 182 s, as of most people, of 170 and of 188 s.
PEOPLE = [3, 4, 10]


def embedding():
    embedder = BrainRVQEmbedder(
        weights=None, architecture="tiny", sfreq=200, ch_names=CH_NAMES, random_state=0
    )
    return make_pipeline(embedder, StandardScaler(), LogisticRegression())


@pytest.fixture(scope="module")
def arrays(eegmat_folder):
    return RestAgainstTask().get_data(Zyma2019(eegmat_folder, PEOPLE))


def test_import__without_its_moabb_classes__leaves_moabb_out():
    code = "import sys, sk_brainrvq.datasets as d; d.make_eeg; print('moabb' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr


def test_get_data__arrays__are_the_windows_of_load_eegmat(arrays, eegmat_folder):
    X, y, metadata = arrays
    windows = load_eegmat(eegmat_folder, PEOPLE)
    np.testing.assert_allclose(X, windows.X, atol=1e-4)
    assert (y == np.array(["rest", "subtraction"])[windows.y]).all()
    assert metadata.subject.tolist() == windows.subjects.tolist()
    assert np.bincount(windows.y).tolist() == [36 + 34 + 37, 3 * 12]
    assert metadata.session.unique().tolist() == ["0"]
    assert metadata.run.unique().tolist() == ["0rest", "1subtraction"]


def test_get_data__training_subjects__counts_of_the_paper(eegmat_folder):
    _, y, _ = RestAgainstTask(channels=["Cz"], resample=100).get_data(
        Zyma2019(eegmat_folder, range(28))
    )
    assert len(y) == 1343
    assert (y == "subtraction").sum() == 336


def test_get_data__epochs__named_placed_and_the_same(arrays, eegmat_folder):
    epochs, _, _ = RestAgainstTask().get_data(Zyma2019(eegmat_folder, PEOPLE), return_epochs=True)
    assert epochs.ch_names == list(CH_NAMES)
    assert epochs.info["sfreq"] == 200
    np.testing.assert_allclose(epochs.get_data(units="uV"), arrays[0], rtol=1e-6, atol=1e-6)
    places = epochs.get_montage().get_positions()["ch_pos"]
    assert places["O1"][1] < places["Cz"][1] < places["Fp1"][1]


def test_paradigm__band_rate_duration_and_channels__as_asked(eegmat_folder):
    paradigm = RestAgainstTask(
        duration=2, resample=100, fmin=8, fmax=12, channels=["O2", "O1"], scorer="accuracy"
    )
    assert paradigm.scoring == "accuracy"
    X, y, _ = paradigm.get_data(Zyma2019(eegmat_folder, [4]))
    assert X.shape == (34 + 12, 2, 200)
    power = np.abs(np.fft.rfft(X)) ** 2
    frequencies = np.fft.rfftfreq(200, 1 / 100)
    inside = (frequencies >= 7) & (frequencies <= 13)
    assert power[..., inside].sum() > 0.9 * power[..., 1:].sum()
    assert set(y) == {"rest", "subtraction"}


def test_folder__some_subjects_missing__takes_the_others_and_says_so(eegmat_folder, tmp_path):
    for name in ("Subject03_1.edf", "Subject03_2.edf", "Subject05_1.edf"):
        shutil.copy(eegmat_folder / name, tmp_path)
    with pytest.warns(UserWarning, match=r"subjects \[0, 1, 2, 4, 5,"):
        dataset = Zyma2019(tmp_path)
    assert dataset.subject_list == [3]
    assert Zyma2019(tmp_path, [3]).subject_list == [3]
    with pytest.raises(FileNotFoundError, match=r"lacks recordings of subjects \[5\]"):
        Zyma2019(tmp_path, [3, 5])
    with pytest.raises(FileNotFoundError, match=r"No folder .*empty; fetch_eegmat"):
        Zyma2019(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"subjects=\[\] was given"):
        Zyma2019(tmp_path, [])
    with pytest.raises(TypeError, match=r"subjects=3 was given"):
        Zyma2019(tmp_path, 3)
    with pytest.raises(ValueError, match="36"):
        Zyma2019(tmp_path, [36])


def test_folder__files_in_folders_below__are_found_as_load_eegmat_finds_them(
    eegmat_folder, tmp_path
):
    for name, below in (("Subject03_1.edf", "rest"), ("Subject03_2.edf", "a/task")):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / below / name).symlink_to((eegmat_folder / name).resolve())
    files = [Path(file).name for file in Zyma2019(tmp_path, [3]).data_path(3)]
    assert files == ["Subject03_1.edf", "Subject03_2.edf"]
    with pytest.raises(FileNotFoundError, match=r"lacks recordings of subjects \[33\]"):
        Zyma2019(tmp_path, [3]).data_path(33)


def test_download__no_folder__fetches_that_subject_into_moabbs_folder(
    eegmat_folder, moabb_folder, monkeypatch
):
    # The files are served from a folder: the network is what is replaced, no code of ours.
    monkeypatch.setattr(eegmat_module, "URL", f"file://{eegmat_folder}/")
    served = []

    def copy(url, output_file, _):
        served.append(url)
        shutil.copy(url.removeprefix("file://"), output_file)

    import pooch

    monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: copy)
    paths = Zyma2019().data_path(4)
    assert [path.rsplit("/", 1)[1] for path in paths] == ["Subject04_1.edf", "Subject04_2.edf"]
    assert all(str(moabb_folder) in path for path in paths)
    X, _, _ = RestAgainstTask().get_data(Zyma2019(subjects=[4]))
    assert len(X) == 46
    assert len(served) == 2  # not downloaded again


def test_metadata__of_the_dataset__as_published():
    metadata = Zyma2019().metadata
    assert metadata.participants.n_subjects == 36
    assert metadata.documentation.doi == "10.13026/C2JQ1P"
    assert metadata.acquisition.sensors == list(CH_NAMES)
    assert "Open Data Commons" in Zyma2019.__doc__


def test_is_valid__datasets_of_other_paradigms_or_events__false():
    from moabb.datasets.fake import FakeDataset

    assert RestAgainstTask().is_valid(Zyma2019())
    assert not RestAgainstTask().is_valid(FakeDataset(paradigm="imagery"))
    assert not RestAgainstTask(events=["rest", "hands"]).is_valid(Zyma2019())


@pytest.mark.parametrize("return_epochs", [False, True])
def test_cross_subject__real_recordings__a_score_for_each_subject(
    eegmat_folder, moabb_folder, return_epochs
):
    evaluation = CrossSubjectEvaluation(
        RestAgainstTask(),
        [Zyma2019(eegmat_folder, PEOPLE)],
        hdf5_path=str(moabb_folder),
        return_epochs=return_epochs,
    )
    results = evaluation.process({"embedding": embedding()})
    # Whoever is scored was not trained on.
    assert dict(zip(results.subject, results.samples, strict=True)) == {
        "3": 46 + 49,
        "4": 48 + 49,
        "10": 48 + 46,
    }
    windows = load_eegmat(eegmat_folder, PEOPLE)
    expected = cross_val_score(
        embedding(),
        windows.X,
        windows.y,
        groups=windows.subjects,
        cv=LeaveOneGroupOut(),
        scoring="roc_auc",
    )
    scores = dict(zip(results.subject, results.score, strict=True))
    np.testing.assert_allclose([scores[s] for s in ("3", "4", "10")], expected, atol=0.01)


def test_within_session__real_recordings__runs(eegmat_folder, moabb_folder):
    evaluation = WithinSessionEvaluation(
        RestAgainstTask(), [Zyma2019(eegmat_folder, [4])], hdf5_path=str(moabb_folder)
    )
    results = evaluation.process({"embedding": embedding()})
    assert results.subject.tolist() == ["4"]


def test_paradigm__windows_that_would_overlap_or_no_rate__refused(eegmat_folder):
    dataset = Zyma2019(eegmat_folder, [4])
    with pytest.raises(ValueError, match=r"duration=10 was given; events of Zyma2019 are 5 s"):
        RestAgainstTask(duration=10).is_valid(dataset)
    assert RestAgainstTask(duration=2).is_valid(dataset)
    with pytest.raises(ValueError, match=r"resample=None was given; expected a number above 0"):
        RestAgainstTask(resample=None)


def test_paradigm__dataset_of_three_states__wants_them_named():
    dataset = FakeDataset(["a", "b", "c"], n_subjects=1, paradigm="rstate")
    assert not RestAgainstTask().is_valid(dataset)
    assert RestAgainstTask(events=["a", "b"]).is_valid(dataset)
    paradigm = RestAgainstTask(events=["a", "b", "c"])
    assert paradigm.is_valid(dataset)
    assert paradigm.scoring == "accuracy"


def test_data_path__without_a_connection__is_one_sentence_with_folder(monkeypatch, tmp_path):
    # Nothing listens there.
    monkeypatch.setattr(eegmat_module, "URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(OSError, match=r"cannot be reached .* Zyma2019\(folder=") as caught:
        Zyma2019().data_path(0, path=tmp_path)
    assert caught.value.__suppress_context__
