"""EEG larger than memory: what is held at once does not grow with it."""

import sys
import threading
import warnings

import mne
import numpy as np
import pytest
from process_tools import run_alone, values_of
from tiny import CH_NAMES

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.signals import ReadSettings, read_blocks

MEGABYTE = 2**20
N_EPOCHS = 400  # of a megabyte


def growth_of_the_peak(path):
    """Bytes by which the peak of this process grows while it embeds a memory-mapped array."""
    import resource

    def peak():
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    warnings.simplefilter("ignore")
    X = np.memmap(path, np.float64, "r", shape=(N_EPOCHS, 4, 32768))
    # A rate of 32 kHz: a second of many samples, so that reading is tried and not the network.
    embedder = BrainRVQEmbedder(
        weights=None,
        architecture="tiny",
        sfreq=32768,
        device="cpu",
        ch_names=CH_NAMES,
        random_state=0,
        spectrum=None,
        covariance=False,
    )
    embedder.fit_transform(np.random.default_rng(0).normal(size=(2, 4, 32768)))
    # That of the interpreter with its libraries loaded and warm.
    before = peak()
    result = embedder.fit(X[: N_EPOCHS // 4]).transform(X)
    assert result.shape == (N_EPOCHS, 100)
    assert np.isfinite(result).all()
    return peak() - before


def test_memory_mapped_array__fit_and_transform__little_of_it_is_held(tmp_path):
    pytest.importorskip("resource", reason="Windows does not tell the peak of a process.")
    path = tmp_path / "eeg.dat"
    eeg = np.memmap(path, np.float64, "w+", shape=(N_EPOCHS, 4, 32768))
    eeg[::64, :, ::1024] = 20  # sparse: the rest is zeros that no disk block holds
    eeg.flush()
    del eeg
    (growth,) = values_of([run_alone(growth_of_the_peak, path)])
    # Pages of the file that the system keeps for the process count here, too.
    assert growth < 250 * MEGABYTE


@pytest.fixture
def many_files(tmp_path):
    """Paths of six recordings of one second more each."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(6):
        signals = rng.normal(scale=20e-6, size=(4, 400 + 200 * number))
        info = mne.create_info(CH_NAMES, 200.0, "eeg")
        paths.append(tmp_path / f"{number}_raw.fif")
        mne.io.RawArray(signals, info, verbose="error").save(paths[-1], verbose="error")
    return paths


@pytest.fixture
def files_read(monkeypatch):
    """Names of the files read so far, and a lock that waits for the one being read."""
    names, lock = [], threading.Condition()
    read_raw = mne.io.read_raw

    def counting(path, **options):
        recording = read_raw(path, **options)
        with lock:
            names.append(path.name)
            lock.notify_all()
        return recording

    monkeypatch.setattr(mne.io, "read_raw", counting)
    return names, lock


def test_list_of_files__block_by_block__one_is_read_ahead(many_files, files_read):
    names, lock = files_read
    blocks = read_blocks(many_files, ReadSettings(window=1.0))
    for number, block in enumerate(blocks):
        assert len(block.data) == 2 + number
        ahead = min(number + 2, len(many_files))
        with lock:
            assert lock.wait_for(lambda n=ahead: len(names) >= n, timeout=10)
            # Another one would have been read within this time.
            assert not lock.wait_for(lambda n=ahead: len(names) > n, timeout=0.1)
    assert names == [path.name for path in many_files]


def test_list_of_files__reading_is_left_off__the_rest_stays_unread(many_files, files_read):
    names, _ = files_read
    blocks = read_blocks(many_files, ReadSettings(window=1.0))
    next(blocks)
    blocks.close()
    assert len(names) <= 2
