"""Which source reads what, and sources of others."""

import subprocess
import sys

import mne
import numpy as np
import pytest
import torch
from braindecode.datasets import BaseConcatDataset, RawDataset
from torch.utils.data import Subset

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import ReadSettings, Source, blocks_from_array, read_blocks, source_of
from sk_brainrvq.signals.filters.settings import FilterSettings
from sk_brainrvq.signals.sources.registry import register, unregister

NAMES = ["C3", "Cz", "C4"]


def make_raw():
    signals = np.random.default_rng(0).normal(scale=20e-6, size=(3, 600))
    return mne.io.RawArray(signals, mne.create_info(NAMES, 200.0, "eeg"), verbose="error")


def make_epochs():
    return mne.make_fixed_length_epochs(make_raw(), 1.0, verbose="error").load_data()


def make_dataset():
    return RawDataset(make_raw(), description={"subject": 1})


class Study:
    """A container that no library knows: some epochs at 250 Hz."""

    def __init__(self, n_epochs=2, subject="one"):
        self.signals = np.random.default_rng(n_epochs).normal(scale=20, size=(n_epochs, 3, 500))
        self.subject = subject


class StudySource(Source):
    """Reads a Study, and remembers what it was asked about."""

    def __init__(self):
        self.asked = []

    def accepts(self, X):
        self.asked.append(X)
        return isinstance(X, Study)

    def blocks(self, X, settings):
        return blocks_from_array(X.signals, 250.0, NAMES, "uV")

    def subjects_of(self, X):
        return np.full(len(X.signals), X.subject)

    def labels_of(self, X):
        return np.arange(len(X.signals))

    def filters_of(self, X):
        return [FilterSettings(l_freq=1.0)]

    def reads_files(self, X):
        return True


@pytest.fixture
def study_source():
    source = StudySource()
    register(source)
    yield source
    unregister(source)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: np.ones((2, 3, 200)), "ArraySource"),
        (lambda: np.ones((2, 200)), "ArraySource"),
        (lambda: torch.ones(2, 3, 200), "ArraySource"),
        (lambda: np.ones((2, 3, 200)).tolist(), "ArraySource"),
        (lambda: [np.ones((3, 200)), np.ones((3, 200))], "ArraySource"),
        (lambda: "eeg.edf", "FileSource"),
        (make_raw, "RawSource"),
        (make_epochs, "EpochsSource"),
        (lambda: [make_epochs(), make_epochs()], "EpochsSource"),
        (make_dataset, "BraindecodeSource"),
        (lambda: Subset(BaseConcatDataset([make_dataset()]), [0]), "BraindecodeSource"),
        (lambda: [make_raw(), make_epochs(), "eeg.edf"], "ListSource"),
        (lambda: [np.ones((2, 3, 200)), np.ones((1, 3, 200))], "ListSource"),
        (lambda: (np.ones((3, 200)), np.ones((2, 200))), "ListSource"),
    ],
)
def test_source_of__every_container__its_own(make, name):
    assert type(source_of(make())).__name__ == name


def test_source_of__any_array__no_other_source_is_asked(study_source):
    for array in (np.ones((2, 3, 200)), np.ones(3), np.array(["a.edf"], dtype=object)):
        assert source_of(array).is_array
        list(read_blocks(np.ones((2, 3, 200)), ReadSettings()))
    assert study_source.asked == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": np.ones((2, 3, 200))}, "X is of type dict, with keys 'a'; BrainRVQEmbedder expects"),
        ({"eeg.edf"}, r"X is of type set; .*Pass a list: list\(X\)"),
        (np.array(["a.edf", "b.edf"], dtype=object), "a 1-D ndarray of text or objects"),
        (None, "X is None; BrainRVQEmbedder expects an array"),
        (object(), "X has 0 dimensions; BrainRVQEmbedder expects an array"),
        ([np.ones((3, 2)), [1, 2, 3]], "X is a list of parts of different length"),
    ],
)
def test_unknown_object__read_by_an_estimator__says_what_is_expected(given, message):
    with pytest.raises(InvalidEEGError, match=message):
        BrainRVQEmbedder(sfreq=200, ch_names=NAMES).fit(given)


def test_facts__of_the_sources_here__what_their_containers_know():
    raw, array = make_raw(), np.ones((2, 3, 200))
    for X, brings_rate, reads_files in [
        (array, False, False),
        ([raw, array], False, False),
        ([raw, "eeg.edf"], True, True),
        (raw, True, False),
        ("eeg.edf", True, True),
    ]:
        source = source_of(X)
        assert source.brings_rate(X) is brings_rate
        assert source.reads_files(X) is reads_files
        assert source.subjects_of(X) is None
        assert source.labels_of(X) is None
        assert source.stored(X) is None
        assert set(source.filters_of(X)) == {None}


def test_registered_source__its_container__is_read_alone_and_in_lists(study_source):
    assert source_of(Study()) is study_source
    (block,) = read_blocks(Study(3), ReadSettings())
    assert (block.sfreq, block.ch_names, len(block.data)) == (250.0, NAMES, 3)
    mixed = [Study(2), make_raw(), Study(3)]
    blocks = list(read_blocks(mixed, ReadSettings(window=1.0)))
    assert [block.index.tolist() for block in blocks] == [[0, 1], [2, 3, 4], [5, 6, 7]]


@pytest.mark.usefixtures("study_source")
def test_registered_source__facts_in_lists__those_of_the_items():
    studies = [Study(2), Study(3)]
    source = source_of(studies)
    assert source.labels_of(studies).tolist() == [0, 1, 0, 1, 2]
    assert source.labels_of([Study(2), make_raw()]) is None
    assert source.filters_of([Study(2), make_raw()]) == [FilterSettings(l_freq=1.0), None]
    assert source.reads_files([Study(2), make_raw()])


@pytest.mark.usefixtures("study_source")
def test_registered_source__an_estimator__reads_it():
    embedder = BrainRVQEmbedder(weights=None, architecture="tiny", device="cpu", random_state=0)
    embedded = embedder.fit_transform(Study(4))
    assert embedded.shape[0] == 4
    assert embedder.ch_names_in_ == NAMES


def test_unregister__source__its_container_is_unknown_again(study_source):
    unregister(study_source)
    assert source_of(Study()).is_array
    with pytest.raises(InvalidEEGError, match="expects an array"):
        BrainRVQEmbedder(sfreq=200).fit(Study())


def test_register__two_that_accept_the_same__the_later_is_asked_first(study_source):
    later = StudySource()
    register(later)
    try:
        assert source_of(Study()) is later
    finally:
        unregister(later)
    assert source_of(Study()) is study_source


def test_source_of__without_mne_or_braindecode_loaded__loads_neither():
    script = (
        "import sys\nfrom sk_brainrvq.signals import source_of\n"
        "[source_of(X) for X in ([1, 2], 'eeg.edf', [['a'], 3], object())]\n"
        "sys.exit(bool({'mne', 'braindecode', 'sk_brainrvq.corpus'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
