"""Patches that stay on disk: what they hold, how often the disk is read, and in what order."""

import gc
import pickle
import shutil
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr
from corpus_files import build, write_recording
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.abc.store import RangeByteRequest

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.corpus.store import CorpusStore
from sk_brainrvq.signals import StoredPatches, gather, stream
from sk_brainrvq.signals.patches import shuffled_rows, with_every_channel
from sk_brainrvq.training.batches import batch_of

MONTAGES = [["C3", "C4"], ["C3", "C4"], ["T3", "unheard of"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A corpus of three recordings of 10 minutes and 7 s: eleven chunks each."""
    files = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    for i, names in enumerate(MONTAGES):
        signals = rng.normal(scale=20, size=(2, 200 * 607))
        write_recording(files / f"sub-{i}_raw.fif", names=names, signals=signals)
    out = tmp_path_factory.mktemp("corpus")
    build(files, out)
    return out


@pytest.fixture
def reads(monkeypatch):
    """How often each range of bytes of each stored file was read."""
    counts = Counter()
    get = zarr.storage.LocalStore.get

    async def counted(self, key, prototype=None, byte_range=None):
        if isinstance(byte_range, RangeByteRequest):  # other requests are for metadata
            counts[key, byte_range.start] += 1
        return await get(self, key, prototype, byte_range)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", counted)
    return counts


def by_place(prepared):
    """Patches of each segment, by epoch and number."""
    return {
        (int(epoch), int(number)): (group.patches[i : i + 1][0], group.ch_names, group.electrodes)
        for group in prepared.groups
        for i, (epoch, number) in enumerate(zip(group.epoch, group.segment, strict=True))
    }


@pytest.mark.parametrize("window", [0.3, 1, 4, 10, 12.7, 30, 30.5, 45.2, 61, 100])
def test_prepared__windows_of_any_length__as_the_blocks_prepared_in_memory(folder, window):
    corpus = EEGCorpus(folder, window=window)
    corpus = corpus[np.random.default_rng(0).permutation(len(corpus))[:12]]
    stored, held = corpus.prepared(warn=False), gather(stream(corpus.blocks(), warn=False))
    assert stored.n_epochs == held.n_epochs == len(corpus)
    assert {group.patches.shape for group in stored.groups} == {
        group.patches.shape for group in held.groups
    }
    left, right = by_place(stored), by_place(held)
    assert left.keys() == right.keys()
    for place, (patches, names, electrodes) in left.items():
        np.testing.assert_allclose(patches, right[place][0], rtol=1e-6)
        assert names == right[place][1]
        np.testing.assert_array_equal(electrodes, right[place][2])


def test_prepared__groups__one_a_montage_and_length(folder):
    prepared = EEGCorpus(folder, window=45.0).prepared(warn=False)
    assert [group.ch_names for group in prepared.groups] == [
        ["C3", "C4"],
        ["C3", "C4"],
        ["T3", "unheard of"],
        ["T3", "unheard of"],
    ]
    assert [group.n_patches for group in prepared.groups] == [22, 23, 22, 23]
    assert all(isinstance(group.patches, StoredPatches) for group in prepared.groups)
    assert prepared.is_stored


def test_prepared__channel_of_unknown_place__stays_out_of_batches(folder):
    (group,) = EEGCorpus(folder, window=4.0).prepared(warn=False).groups[-1:]
    assert group.ch_names == ["T3", "unheard of"]
    batch = batch_of(group, np.array([4, 1]))
    np.testing.assert_array_equal(batch.x, group.patches[np.array([4, 1])][:, :1])
    assert len(batch.electrodes) == 1
    (every,) = with_every_channel([group])
    np.testing.assert_array_equal(batch_of(every, np.array([4, 1])).x, group.patches[[4, 1]])
    mapped = EEGCorpus(folder, window=4.0).prepared(electrode_map={"unheard of": "Cz"})
    assert batch_of(mapped.groups[-1], np.array([4, 1])).x.shape[1] == 2


def test_prepared__electrode_map__places_the_unknown(folder):
    corpus = EEGCorpus(folder)
    with pytest.warns(UserWarning, match="unheard of"):
        corpus.prepared()
    group = corpus.prepared(electrode_map={"unheard of": "Cz"}).groups[1]
    assert [match.how for match in group.matches] == ["renamed", "user"]


@pytest.mark.parametrize(
    "rows", [slice(2, 9, 3), np.array([5, 0, 5, -1]), [3], slice(0, 0), np.arange(120) == 4]
)
def test_patches__indexed_in_any_way__as_an_array(folder, rows):
    patches = EEGCorpus(folder).prepared(warn=False).groups[0].patches
    every = patches[:]
    wanted = patches[rows]
    assert (len(patches), patches.shape, patches.dtype) == (120, (120, 2, 10, 200), np.float32)
    np.testing.assert_array_equal(wanted, every[rows])
    assert wanted.dtype == np.float32


def test_patches__pickled__read_the_same(folder):
    prepared = EEGCorpus(folder).prepared(warn=False)
    prepared.groups[0].patches[:3]
    content = pickle.dumps(prepared)
    assert len(content) < 20_000
    copy = pickle.loads(content)
    for group, twin in zip(prepared.groups, copy.groups, strict=True):
        np.testing.assert_array_equal(twin.patches[5:9], group.patches[5:9])
    assert copy.groups[0].patches.store is copy.groups[1].patches.store


def test_patches__digest__tells_segments_apart_and_not_places(folder, tmp_path):
    def digests(location, window):
        groups = EEGCorpus(location, window=window).prepared(warn=False).groups
        return [group.patches.digest for group in groups]

    shutil.copytree(folder, tmp_path / "copy")
    assert digests(folder, 45.0) == digests(tmp_path / "copy", 45.0)
    assert len({*digests(folder, 45.0), *digests(folder, 22.0), *digests(folder, 23.0)}) == 8


def test_patches__read_in_threads__as_in_one(folder):
    patches = EEGCorpus(folder).prepared(warn=False).groups[0].patches
    patches.store._chunks.limit = 500_000  # ten chunks, so that they are read again and again
    every = patches[:]
    parts = [np.random.default_rng(i).integers(0, 120, 16) for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for rows, got in zip(parts, pool.map(patches.__getitem__, parts), strict=True):
            np.testing.assert_array_equal(got, every[rows])


def test_chunks__of_segments__are_where_they_begin(folder):
    groups = EEGCorpus(folder, window=45.0).prepared(warn=False).groups
    first = groups[1].patches  # 23 patches, the second segment of each window
    np.testing.assert_array_equal(first.chunks[:4], [0, 1, 1, 2])  # at 22, 67, 112 and 157 s
    assert first.chunks[13] == 11  # the second recording
    assert groups[2].patches.chunks.min() == 22
    assert groups[2].patches.chunks.max() == 31


def test_request__of_many_windows__reads_each_chunk_once(folder, reads):
    patches = EEGCorpus(folder, window=4.0).prepared(warn=False).groups[0].patches
    patches.store._chunks.limit = 1  # nothing but the latest chunk is kept
    patches[np.random.default_rng(0).permutation(len(patches))]
    assert len(reads) == 22
    assert set(reads.values()) == {1}


def test_blocks__of_a_shuffled_corpus__read_each_chunk_once(folder, reads):
    corpus = EEGCorpus(folder, window=7.0, overlap=3.0)
    corpus = corpus[np.random.default_rng(0).permutation(len(corpus))]
    assert sum(len(block.index) for block in corpus.blocks()) == len(corpus)
    assert len(reads) == 33
    assert set(reads.values()) == {1}


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_epoch__in_shuffled_order__reads_each_chunk_once(folder, reads, batch_size):
    patches = EEGCorpus(folder, window=4.0).prepared(warn=False).groups[0].patches
    rng = np.random.default_rng(0)
    rows = shuffled_rows(patches.chunks, rng, buffer_chunks=4)
    # Two more than the buffer: one where a batch reaches into the next, one for a window that
    # begins in one chunk and ends in another. Each chunk has 12,000 samples of two channels.
    patches.store._chunks.limit = 10 * 48_000
    for start in range(0, len(rows), batch_size):
        patches[rows[start : start + batch_size]]
    assert len(reads) == 22
    assert set(reads.values()) == {1}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), max_size=30),
    buffer_chunks=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_order__of_any_chunks__is_a_permutation_that_visits_each_once(sizes, buffer_chunks, seed):
    chunks = np.repeat(np.arange(len(sizes)) * 3 + 5, sizes)
    rows = shuffled_rows(chunks, np.random.default_rng(seed), buffer_chunks)
    assert sorted(rows) == list(range(len(chunks)))
    visited = chunks[rows]
    buffers, start = [], 0
    while start < len(visited):
        # A buffer ends where all rows of its first chunks have been seen.
        first = list(dict.fromkeys(visited[start:]))[:buffer_chunks]
        end = start + int(np.isin(chunks, first).sum())
        buffers.append(set(visited[start:end]))
        start = end
    assert sum(map(len, buffers)) == len(sizes)


def test_order__mixes_rows_within_a_buffer_and_chunks_between():
    chunks = np.repeat(np.arange(100), 10)
    rows = shuffled_rows(chunks, np.random.default_rng(0), buffer_chunks=20)
    first = chunks[rows[:200]]
    assert len(set(first)) == 20
    assert set(first) != set(range(20))
    assert np.mean(np.diff(first) == 0) < 0.15
    again = shuffled_rows(chunks, np.random.default_rng(0), buffer_chunks=20)
    np.testing.assert_array_equal(rows, again)
    assert (shuffled_rows(chunks, np.random.default_rng(1), buffer_chunks=20) != rows).any()


def test_order__with_no_buffer__says_what_is_expected():
    with pytest.raises(ValueError, match="buffer_chunks=0 was given; expected at least 1"):
        shuffled_rows(np.zeros(3, int), np.random.default_rng(0), buffer_chunks=0)


def peak_memory(patches, rows):
    """Most bytes in use while rows are read, eight at a time."""
    gc.collect()
    gc.freeze()  # so that collecting what a read leaves is quick
    tracemalloc.start()
    try:
        for start in range(0, len(rows), 8):
            patches[rows[start : start + 8]]
            gc.collect()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def test_memory__of_reading_again_and_again__does_not_grow(folder):
    patches = EEGCorpus(folder, window=4.0).prepared(warn=False).groups[0].patches
    patches.store._chunks.limit = 200_000
    rows = shuffled_rows(patches.chunks, np.random.default_rng(0), buffer_chunks=4)
    patches[rows[:8]]  # imports and opened arrays
    # Four passes of 302 rows, eight at a time: every way in which a read lies across two passes.
    cycle = np.tile(rows, 4)
    assert len(cycle) % 8 == 0
    assert peak_memory(patches, np.tile(cycle, 4)) < 1.5 * peak_memory(patches, cycle)
    assert patches.store._chunks.total <= 200_000


def test_request__of_wide_recordings__holds_some_chunks_at_a_time(tmp_path):
    names = [f"E{i}" for i in range(1, 129)]
    signals = np.random.default_rng(0).normal(scale=20, size=(128, 200 * 60 * 12)).astype("f4")
    path = write_recording(tmp_path / "a_raw.fif", names=names, signals=signals)
    build(path, tmp_path / "corpus", notch=None, l_freq=None, h_freq=None)
    store = CorpusStore(str(tmp_path / "corpus"), cache_bytes=1)
    starts = np.arange(12) * 12000
    tracemalloc.start()
    try:
        spans = np.zeros(12, int), starts, np.full(12, 200)
        for place, microvolts in store.windows(*spans):
            expected = signals[:, starts[place] : starts[place] + 200]
            np.testing.assert_allclose(microvolts, expected, atol=2e-3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20


def test_store__cache__keeps_the_latest_chunks(folder, reads):
    store = CorpusStore(str(folder), cache_bytes=100_000)  # two chunks of 48,000 bytes

    def read(chunk):
        return next(store.windows(*(np.array([n]) for n in (0, 12000 * chunk, 200))))

    for chunk in (0, 1, 0, 1, 2, 1, 0):
        read(chunk)
    assert sorted(reads.values()) == [1, 1, 2]
