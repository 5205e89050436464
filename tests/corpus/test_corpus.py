"""A corpus read back: windows, what is known of them, parts, and scikit-learn."""

import pickle
import subprocess
import sys

import fsspec
import numpy as np
import pytest
from corpus_files import NAMES, build, write_recording
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict, cross_val_score
from sklearn.utils import _safe_indexing

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.corpus.corpus_source import CorpusSource
from sk_brainrvq.exceptions import InvalidCorpusError, InvalidEEGError
from sk_brainrvq.signals import ReadSettings
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.lists import ListSource
from sk_brainrvq.signals.sources.registry import read_blocks, source_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A corpus of four subjects, five recordings and two montages; 130 s in all."""
    files = tmp_path_factory.mktemp("files")
    for seed, name in enumerate(["sub-a_ses-1", "sub-a_ses-2", "sub-b", "sub-c"]):
        write_recording(files / f"{name}_eeg.edf", 20 + seed, seed=seed)
    write_recording(files / "sub-d_eeg.edf", 44, seed=9, names=["T3", "T4"])
    out = tmp_path_factory.mktemp("corpus")
    build(files, out)
    return out


@pytest.fixture
def corpus(folder):
    return EEGCorpus(folder, window=4.0)


def whole_signals(corpus):
    """Signals of each recording, as one window."""
    location = corpus.location
    return {
        recording.source: EEGCorpus(location, window=recording.duration).select(
            sources=[recording.source]
        )[0]
        for recording in corpus.recordings
    }


@pytest.mark.parametrize(("window", "overlap"), [(4, 0), (4, 3), (0.5, 0.1), (20, 0), (3.3, 0.7)])
def test_windows__of_any_length_and_overlap__are_cut_from_the_recordings(folder, window, overlap):
    corpus = EEGCorpus(folder, window=window, overlap=overlap)
    signals = whole_signals(corpus)
    length, step = round(window * 200), round((window - overlap) * 200)
    expected = [
        (source, start, signal[:, start : start + length])
        for source, signal in sorted(signals.items())
        for start in range(0, signal.shape[1] - length + 1, step)
    ]
    assert len(corpus) == len(expected)
    assert corpus.sources.tolist() == [source for source, _, _ in expected]
    np.testing.assert_allclose(corpus.starts * 200, [start for _, start, _ in expected])
    for i in range(0, len(corpus), 7):
        np.testing.assert_array_equal(corpus[i], expected[i][2])
        assert corpus[i].dtype == np.float32


def test_attributes__of_a_corpus__one_value_a_window(corpus):
    assert len(corpus) == 5 + 5 + 5 + 5 + 11
    assert corpus.shape == (31,)
    assert corpus.subjects.tolist() == ["a"] * 10 + ["b"] * 5 + ["c"] * 5 + ["d"] * 11
    assert corpus.sessions.tolist() == ["1"] * 5 + ["2"] * 5 + [""] * 21
    assert corpus.starts[:6].tolist() == [0, 4, 8, 12, 16, 0]
    assert [len(names) for names in corpus.ch_names] == [4, 4, 4, 4, 2]
    assert corpus.ch_names[0] == tuple(NAMES)
    assert corpus.hours == pytest.approx(130 / 3600)
    assert corpus.filters.get_params() == {
        "l_freq": 0.3,
        "h_freq": 75.0,
        "notch": 50.0,
        "reference": None,
    }
    assert corpus.filter_settings == FilterSettings(0.3, 75.0, 50.0)
    assert corpus[-1].shape == (2, 800)


def test_rejected_seconds__windows_that_touch_them__left_out(tmp_path):
    signals = np.random.default_rng(0).normal(scale=10, size=(4, 200 * 40))
    signals[2, 2500:2600] += 3000 * np.hanning(100)  # in second 12
    path = write_recording(tmp_path / "a_raw.fif", signals=signals)
    settings = {"notch": None, "l_freq": None, "h_freq": None, "reject_amplitude": 1000}
    build(path, tmp_path / "corpus", **settings)
    for window, overlap in [(1, 0), (4, 3), (5, 0), (1.7, 1.3)]:
        corpus = EEGCorpus(tmp_path / "corpus", window=window, overlap=overlap)
        every = np.arange(0, 8000 - round(200 * window) + 1, round(200 * (window - overlap)))
        expected = [s for s in every if s + round(200 * window) <= 2400 or s >= 2600]
        np.testing.assert_allclose(corpus.starts * 200, expected)
    usable = EEGCorpus(tmp_path / "corpus").recordings[0].usable
    assert np.flatnonzero(~usable).tolist() == [12]


@pytest.mark.parametrize(
    "key",
    [
        slice(3, 20, 4),
        slice(None, None, -1),
        [5, 2, 2, -1],
        np.array([30, 0]),
        np.arange(31) % 3 == 0,
        [],
        np.int64([7]),
    ],
)
def test_index__some_windows__are_those_in_this_order(corpus, key):
    rows = np.arange(31)[np.asarray(key, dtype=int) if isinstance(key, list) else key]
    for part in (corpus[key], corpus[key, ...], _safe_indexing(corpus, key)):
        assert isinstance(part, EEGCorpus)
        assert part.shape == (len(rows),)
        np.testing.assert_array_equal(part.starts, corpus.starts[rows])
        np.testing.assert_array_equal(part.subjects, corpus.subjects[rows])
        for place, row in enumerate(rows):
            np.testing.assert_array_equal(part[place], corpus[int(row)])


def test_index__part_of_a_part__is_of_the_first(corpus):
    part = corpus[10:][[4, 1]][::-1]
    np.testing.assert_array_equal(part[0], corpus[11])
    assert part.recordings == [corpus.recordings[2]]


@pytest.mark.parametrize("key", [31, -32, [0, 31], np.ones(30, bool), "a", 1.0, [[1, 2]], None])
def test_index__beyond_or_of_a_wrong_kind__raises(corpus, key):
    with pytest.raises(IndexError, match=r"corpus (has|was)"):
        corpus[key]


def test_iteration__ends_after_the_last_window(corpus):
    assert sum(1 for _ in corpus[:5]) == 5


class BandPower(ClassifierMixin, BaseEstimator):
    """Logistic regression of log variances, as an estimator reads a corpus."""

    def _features(self, X):
        features = np.empty((len(X), 4))
        for block in read_blocks(X, ReadSettings()):
            features[block.index] = np.log(block.data.var(axis=-1))
        return features

    def fit(self, X, y):
        self.model_ = LogisticRegression().fit(self._features(X), y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(self._features(X))


def test_cross_validation__grouped_by_subject__as_with_an_array(corpus):
    part = corpus[:20]
    y = np.arange(20) % 2
    X = np.stack([part[i] for i in range(20)])
    folds = {"cv": GroupKFold(3), "groups": part.subjects}
    scores = cross_val_score(BandPower(), part, y, **folds)
    assert len(scores) == 3
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(
        cross_val_predict(BandPower(), part, y, **folds),
        cross_val_predict(BandPower(), X, y, **folds),
    )


def test_blocks__of_chosen_windows__places_and_signals_are_theirs(corpus):
    part = corpus[[30, 3, 12, 4, 4, 29]]
    seen = {}
    for block in part.blocks():
        assert (block.sfreq, block.to_microvolts, block.filtered) == (200.0, 1.0, True)
        for place, signals in zip(block.index.tolist(), block.data, strict=True):
            np.testing.assert_array_equal(signals, part[place])
            seen[place] = block.ch_names
    assert sorted(seen) == list(range(6))
    assert seen[0] == ["T3", "T4"]
    assert seen[1] == NAMES


def test_blocks__of_many_windows__stay_small(folder):
    dense = EEGCorpus(folder, window=4.0, overlap=3.99)
    blocks = list(dense.blocks())
    assert max(block.data.nbytes for block in blocks) <= 16 * 2**20
    assert sum(len(block.index) for block in blocks) == len(dense)


def test_read_blocks__of_a_corpus__gives_its_blocks_whatever_the_window(corpus):
    source = source_of(corpus)
    assert isinstance(source, CorpusSource)
    assert not source.is_array
    assert source.brings_rate(corpus)
    assert isinstance(source_of([corpus]), ListSource)
    blocks = list(read_blocks(corpus, ReadSettings(window=1.0)))
    assert sum(len(block.index) for block in blocks) == len(corpus)
    blocks = list(read_blocks([corpus[:3], corpus[:2]], ReadSettings()))
    assert [block.index.tolist() for block in blocks] == [[0, 1, 2], [3, 4]]


def test_split__by_subject__shares_none_and_loses_nothing(corpus):
    rest, test = corpus.split(test_size=0.25, random_state=0)
    assert set(rest.subjects).isdisjoint(test.subjects)
    assert len(set(test.subjects)) == 1
    assert len(rest) + len(test) == len(corpus)
    again = corpus.split(test_size=0.25, random_state=0)[1]
    assert again.digest == test.digest


def test_split__of_one_subject__says_so(corpus):
    with pytest.raises(InvalidCorpusError, match=r"test_size=0\.1 of 1 subjects cannot be split"):
        corpus.select(subjects="b").split()


def test_select__subjects_and_sources__windows_of_both(corpus):
    part = corpus.select(subjects=["d", "a"])
    assert set(part.subjects) == {"a", "d"}
    first = part.sources[0]
    assert set(part.select(sources=[first]).sessions) == {"1"}
    with pytest.raises(InvalidCorpusError, match=r"subjects: \['x'\] are not in the corpus"):
        corpus.select(subjects=["a", "x"])
    with pytest.raises(InvalidCorpusError, match="both these subjects and these sources"):
        corpus.select(subjects="b", sources=[first])


def test_digest__tells_windows_and_signals_apart(folder, tmp_path):
    digests = [
        EEGCorpus(folder).digest,
        EEGCorpus(folder, window=4).digest,
        EEGCorpus(folder, window=4, overlap=1).digest,
        EEGCorpus(folder, window=4)[1:].digest,
        EEGCorpus(folder, window=4)[::-1].digest,
    ]
    write_recording(tmp_path / "sub-a_eeg.edf", 20)
    build(tmp_path / "sub-a_eeg.edf", tmp_path / "corpus")
    digests.append(EEGCorpus(tmp_path / "corpus").digest)
    assert len(set(digests)) == len(digests)


def test_digest__of_the_same_windows__does_not_depend_on_how_they_were_chosen(corpus, folder):
    assert corpus[:].digest == corpus.digest == EEGCorpus(folder, window=4).digest
    assert corpus[5:][:5].digest == corpus[5:10].digest


def test_repr__short__with_place_size_and_digest(corpus, folder):
    assert repr(corpus) == f"EEGCorpus('{folder}', 31 windows, digest {corpus.digest[:12]})"


def test_info__says_what_the_corpus_holds(corpus):
    info = corpus.info()
    for part in (
        "5 recordings, 0.04 hours, 4 subjects",
        "31 windows of 4 s, overlap 0 s",
        "2 montages, of 2, 4 channels",
        "l_freq=0.3, h_freq=75.0, notch=50.0",
        "0 seconds rejected, 0 files failed",
    ):
        assert part in info


@pytest.mark.parametrize("key", [slice(None), [3, 1, 30]])
def test_pickle__of_a_corpus__reads_the_same_windows(corpus, key):
    part = corpus[key]
    part[0]  # something is in the cache, and must not be in the pickle
    content = pickle.dumps(part)
    assert len(content) < 5000
    copy = pickle.loads(content)
    assert copy.digest == part.digest
    np.testing.assert_array_equal(copy[2], part[2])


def test_pickle__corpus_that_grew_since__says_so(tmp_path):
    files = [write_recording(tmp_path / f"sub-{i}_eeg.edf", 20, seed=i) for i in range(2)]
    build(files[1:], tmp_path / "corpus")
    content = pickle.dumps(EEGCorpus(tmp_path / "corpus"))
    build(files, tmp_path / "corpus")
    with pytest.raises(InvalidCorpusError, match="has changed since this object was pickled"):
        len(pickle.loads(content))


def test_url__of_memory__reads_as_the_local_folder(corpus, folder):
    fsspec.filesystem("memory").put(str(folder), "/brain/corpus", recursive=True)
    try:
        remote = EEGCorpus("memory://brain/corpus", window=4.0)
        assert remote.digest == corpus.digest
        np.testing.assert_array_equal(remote[17], corpus[17])
        assert remote.verify() == []
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(remote))[30], corpus[30])
    finally:
        fsspec.filesystem("memory").rm("/brain", recursive=True)


def test_file_url__reads_as_the_local_folder(corpus, folder):
    assert EEGCorpus(f"file://{folder}", window=4.0).digest == corpus.digest


@pytest.mark.parametrize(("window", "overlap"), [(0, 0), (-1, 0), (2, 2), ("2", 0), (2, -1)])
def test_window__that_is_none__says_what_is_expected(folder, window, overlap):
    with pytest.raises(InvalidEEGError, match=r"window=.* and overlap=.* were given; expected"):
        EEGCorpus(folder, window=window, overlap=overlap)


def test_window__longer_than_every_recording__says_so(folder):
    with pytest.raises(InvalidCorpusError, match=r"no usable window of 60 s: it has 5 recordings"):
        EEGCorpus(folder, window=60)


def test_without_zarr__corpus__names_what_to_install(folder):
    code = f"""
import sys
sys.modules["zarr"] = None
from sk_brainrvq.corpus import EEGCorpus
EEGCorpus({str(folder)!r})
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (
        "ImportError: Corpora need zarr and fsspec: pip install zarr fsspec, or pip install "
        '".[corpus]" in a checkout of sk_brainrvq'
    ) in result.stderr
