"""Recordings in every format that MNE writes, through all that reads them."""

import warnings

import mne
import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq import EEGCorpus, Recordings, build_corpus, inspect_recording
from sk_brainrvq.exceptions import EEGWarning

NAMES, OTHER = ["Fp1", "C3", "Cz", "O2"], "ECG"
SFREQ, SECONDS, WINDOW = 250, 22, 2
# Of 11 windows two overlap a second that is marked as bad.
BAD, N_WINDOWS = (5.5, 1.0, "BAD_move"), 9
NO_ARRAY = {"sfreq": None, "ch_names": None, "window": WINDOW, "pooling": "channel"}


@pytest.fixture(scope="module")
def microvolts():
    rng = np.random.default_rng(0)
    return rng.normal(scale=[[20.0], [30], [25], [15], [200]], size=(5, SFREQ * SECONDS))


@pytest.fixture(scope="module")
def raw(microvolts):
    kinds = ["eeg"] * len(NAMES) + ["ecg"]
    info = mne.create_info([*NAMES, OTHER], SFREQ, kinds)
    made = mne.io.RawArray(1e-6 * microvolts, info, verbose="error")
    made.info["line_freq"] = 50
    return made.set_annotations(mne.Annotations(*zip(BAD, (12, 0.5, "seen"), strict=True)))


# The step between two numbers that a format can hold, in microvolts.


def step_of_float32(x):
    return 2**-23 * np.abs(x).max()


def step_of_edf(x):
    """16 bits from the smallest to the largest value of the file."""
    return np.ptp(x) / (2**16 - 1)


def step_of_bdf(x):
    """24 bits from the smallest to the largest value of the file."""
    return np.ptp(x) / (2**24 - 1)


def saved(raw, path):
    raw.save(path, verbose="error")
    return path


def split(raw, path):
    """More than the two megabytes that a part may have, of channels that are no EEG."""
    names = [f"misc {number}" for number in range(180)]
    others = np.random.default_rng(1).normal(size=(len(names), raw.n_times))
    info = mne.create_info(names, SFREQ, "misc")
    with raw.info._unlock():
        many = raw.copy().add_channels([mne.io.RawArray(others, info, verbose="error")], True)
    many.save(path, split_size="2MB", verbose="error")
    assert path.with_name("split_raw-1.fif").exists()
    return path


def exported(raw, path):
    mne.export.export_raw(path, raw, verbose="error")
    return path


def in_bids(kind):
    def write(raw, path):
        mne_bids = pytest.importorskip("mne_bids")
        bids = mne_bids.BIDSPath(subject="01", task="rest", root=path, datatype="eeg")
        mne_bids.write_raw_bids(raw, bids, format=kind, allow_preload=True, verbose="error")
        return bids.fpath

    return write


def reads_bids(path):
    import mne_bids

    return mne_bids.read_raw_bids(mne_bids.get_bids_path_from_fname(path), verbose="error")


def reads_file(path):
    return mne.io.read_raw(path, verbose="error")


FORMATS = [
    ("a_raw.fif", saved, reads_file, step_of_float32),
    ("b_raw.fif.gz", saved, reads_file, step_of_float32),
    ("split_raw.fif", split, reads_file, step_of_float32),
    ("c.edf", exported, reads_file, step_of_edf),
    ("d.bdf", exported, reads_file, step_of_bdf),
    ("e.vhdr", exported, reads_file, step_of_float32),
    ("f.set", exported, reads_file, step_of_float32),
    ("bids_brainvision", in_bids("BrainVision"), reads_bids, step_of_float32),
    ("bids_edf", in_bids("EDF"), reads_bids, step_of_edf),
    ("bids_bdf", in_bids("BDF"), reads_bids, step_of_bdf),
    ("bids_eeglab", in_bids("EEGLAB"), reads_bids, step_of_float32),
]


@pytest.fixture(scope="module")
def files(raw, tmp_path_factory):
    """Every file by its name, with its reader and the step of its format."""
    folder = tmp_path_factory.mktemp("formats")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            name: (write(raw, folder / name), read, step) for name, write, read, step in FORMATS
        }


def features_of(X, **params):
    embedder = tiny("embedder", **NO_ARRAY, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        features = embedder.fit_transform(X)
    assert embedder.ch_names_in_ == NAMES
    return features


def moved_by(step, raw):
    """How far noise of half a step moves features, in three draws."""
    plain, distances = features_of(raw), []
    for seed in range(3):
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (len(raw.ch_names), raw.n_times))
        noisy = mne.io.RawArray(raw.get_data() + 1e-6 * step * noise, raw.info, verbose="error")
        noisy.set_annotations(raw.annotations)
        distances.append(np.abs(features_of(noisy) - plain).max())
    return max(distances)


def test_signals__of_every_format__are_those_written_to_half_a_step(files, microvolts):
    for name, (path, _, step) in files.items():
        read = 1e6 * reads_file(path).get_data([*NAMES, OTHER])
        limit = 0.5 * step(microvolts) + step_of_float32(microvolts)
        assert np.abs(read - microvolts).max() <= limit, name


def test_features__of_every_format__move_no_more_than_half_a_step_moves_them(
    files, raw, microvolts
):
    expected = features_of(raw)
    assert expected.shape[0] == N_WINDOWS
    # The smallest that float32 networks show.
    limits = {step: 3 * moved_by(step(microvolts), raw) + 1e-5 for *_, step in files.values()}
    for name, (path, _, step) in files.items():
        np.testing.assert_allclose(
            features_of(path), expected, rtol=0, atol=limits[step], err_msg=name
        )
    assert max(limits.values()) < 0.01 * np.abs(expected).max()


def test_containers__of_every_format__exactly_the_features_of_the_path(files):
    for name, (path, read, _) in files.items():
        expected = features_of(path)
        recordings = Recordings([path], window=WINDOW)
        for X in (str(path), [path], read(path), recordings, [read(path).load_data()]):
            np.testing.assert_array_equal(features_of(X), expected, name)
        assert len(recordings) == N_WINDOWS


def test_inspection__of_every_format__what_the_embedder_does(files):
    embedder = tiny("embedder", **NO_ARRAY)
    for name, (path, _, _) in files.items():
        report = inspect_recording(path, embedder)
        assert report.error is None, name
        assert [channel.name for channel in report.channels if channel.kept] == NAMES, name
        assert report.n_windows == N_WINDOWS, name
        assert report.sfreq == SFREQ
        assert report.duration == pytest.approx(SECONDS, abs=1 / SFREQ)


def test_corpus__of_every_format__features_of_the_path_to_half_a_step_of_the_corpus(
    files, raw, tmp_path
):
    for name, (path, _, _) in files.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EEGWarning)
            build_corpus(path, tmp_path / name, l_freq=None, h_freq=None, notch=None)
        corpus = EEGCorpus(tmp_path / name, window=WINDOW)
        (recording,) = corpus.recordings
        assert recording.ch_names == tuple(NAMES), name
        limit = 3 * moved_by(max(recording.scale), raw) + 1e-5
        found = tiny("embedder", **NO_ARRAY, filters=None).fit_transform(corpus)
        np.testing.assert_allclose(found, features_of(path), rtol=0, atol=limit, err_msg=name)


def test_epochs__of_every_format__features_of_the_epochs(raw, microvolts, tmp_path):
    epochs = mne.make_fixed_length_epochs(raw, WINDOW, preload=True, verbose="error")
    epochs.drop_bad(verbose="error")
    expected = features_of(epochs)
    assert len(epochs) == len(expected) == N_WINDOWS
    limit = 3 * moved_by(step_of_float32(microvolts), raw) + 1e-5
    for name in ("a-epo.fif", "b-epo.fif.gz", "c.set"):
        path = tmp_path / name
        if path.suffix == ".set":
            mne.export.export_epochs(path, epochs, verbose="error")
        else:
            epochs.save(path, verbose="error")
        found = features_of(path)
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit, err_msg=name)
        np.testing.assert_array_equal(features_of([str(path)]), found)
