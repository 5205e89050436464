"""Batches of one montage and one length."""

import threading
from itertools import chain

import numpy as np
import pytest
import torch

from sk_brainrvq import DDRVQTransformer, Engine
from sk_brainrvq.datasets import make_montages
from sk_brainrvq.signals import EpochBlock, prepare
from sk_brainrvq.training import SegmentDataset, run_batches
from sk_brainrvq.training.batches import BatchesInOrder, BatchLoader, ShuffledBatches, read_ahead


def make_block(n_epochs, names, n_times, first):
    """Epochs whose samples all hold the epoch's number."""
    index = np.arange(first, first + n_epochs)
    data = np.tile(index[:, None, None].astype(float), (1, len(names), n_times))
    return EpochBlock(data, 1.0, 200.0, names, index)


def make_prepared():
    """Two montages; epochs of the second are two segments long."""
    blocks = [make_block(5, ["C3", "C4"], 400, 0), make_block(4, ["Cz", "Pz", "Oz"], 8000, 5)]
    return prepare(blocks, warn=False)


@pytest.fixture
def dataset():
    """Groups of 7, 1 and 10 segments."""
    names = [["C3"], ["C4"], ["Cz"]]
    sizes, firsts = [7, 1, 10], [0, 7, 8]
    blocks = [make_block(n, name, 200, k) for n, name, k in zip(sizes, names, firsts, strict=True)]
    return SegmentDataset(prepare(blocks, warn=False))


ALL_ROWS = [(group, row) for group, size in enumerate([7, 1, 10]) for row in range(size)]


def rows_of(batches):
    return [(group, row) for group, rows in batches for row in rows.tolist()]


def as_lists(batches):
    return [(group, rows.tolist()) for group, rows in batches]


# Order


def test_shuffled_batches__one_pass__visits_every_row_once_in_near_equal_batches(dataset):
    batches = list(ShuffledBatches(dataset, 3, seed=0))
    assert len(batches) == len(ShuffledBatches(dataset, 3, seed=0)) == 3 + 1 + 4
    assert sorted(rows_of(batches)) == ALL_ROWS
    sizes = {g: sorted(len(rows) for group, rows in batches if group == g) for g in range(3)}
    assert sizes == {0: [2, 2, 3], 1: [1], 2: [2, 2, 3, 3]}


def test_shuffled_batches__passes__differ_and_each_has_every_row(dataset):
    batches = ShuffledBatches(dataset, 3, seed=0)
    first, second = list(batches), list(batches)
    assert sorted(rows_of(second)) == ALL_ROWS
    assert as_lists(first) != as_lists(second)


def test_shuffled_batches__groups__are_mixed(dataset):
    visits = [group for seed in range(5) for group, _ in ShuffledBatches(dataset, 3, seed)]
    assert visits[:8] != sorted(visits[:8])
    assert {visits[k] for k in range(0, 40, 8)} != {0}


def test_shuffled_batches__order__depends_on_the_seed_and_not_on_torchs_generator(dataset):
    def draw(seed, state):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(state)
            return as_lists(ShuffledBatches(dataset, 2, seed))

    assert draw(0, 0) == draw(0, 1)
    assert draw(0, 0) != draw(1, 0)


@pytest.mark.parametrize("steps", [1, 3, 8, 11])
def test_shuffled_batches__steps_per_epoch__cut_the_same_endless_row(dataset, steps):
    whole = ShuffledBatches(dataset, 3, seed=4)
    endless = [batch for _ in range(6) for batch in as_lists(whole)]
    cut = ShuffledBatches(dataset, 3, seed=4, steps_per_epoch=steps)
    epochs = [as_lists(cut) for _ in range(3)]
    assert [len(epoch) for epoch in epochs] == [steps] * 3 == [len(cut)] * 3
    assert list(chain.from_iterable(epochs)) == endless[: 3 * steps]


@pytest.mark.parametrize("position", [3, 8, 20])
def test_shuffled_batches__position_put_back__goes_on_there(dataset, position):
    one = ShuffledBatches(dataset, 3, seed=1, steps_per_epoch=position)
    list(one)
    assert one.position == position
    other = ShuffledBatches(dataset, 3, seed=1, steps_per_epoch=position)
    other.position = one.position
    assert as_lists(other) == as_lists(one)


def test_batches_in_order__keep_the_order(dataset):
    batches = BatchesInOrder(dataset, 4)
    assert len(batches) == 2 + 1 + 3
    assert rows_of(batches) == ALL_ROWS
    assert [len(rows) for _, rows in batches] == [4, 3, 1, 4, 3, 3]


# Loading


@pytest.mark.parametrize(
    "order", [lambda d: ShuffledBatches(d, 3, 0), lambda d: BatchesInOrder(d, 3)]
)
def test_loader__two_montages__gives_each_epoch_its_signals_montage_label_and_weight(order):
    dataset = SegmentDataset(make_prepared(), np.arange(9) * 10, weights=np.arange(9) / 9)
    seen = []
    for batch, target in BatchLoader(dataset, order(dataset)):
        assert batch.share is None
        assert batch.electrodes.shape == (batch.x.shape[1],)
        assert target.tolist() == [10 * epoch for epoch in batch.epoch.tolist()]
        torch.testing.assert_close(batch.weight, batch.epoch.float() / 9)
        # Signals come in 100 microvolts.
        torch.testing.assert_close(batch.x[:, 0, 0, 0], batch.epoch.float() / 100)
        assert batch.x.shape[1:] == ((2, 2, 200) if batch.epoch[0] < 5 else (3, 20, 200))
        seen += zip(batch.epoch.tolist(), batch.segment.tolist(), strict=True)
    expected = [(epoch, 0) for epoch in range(5)]
    expected += [(epoch, segment) for epoch in range(5, 9) for segment in range(2)]
    assert sorted(seen) == expected


@pytest.mark.parametrize("n_processes", [2, 3])
def test_loaders__of_several_processes__partition_each_batch(dataset, n_processes):
    whole = list(BatchLoader(dataset, ShuffledBatches(dataset, 5, seed=2)))
    shares = [
        list(BatchLoader(dataset, ShuffledBatches(dataset, 5, seed=2), rank, n_processes))
        for rank in range(n_processes)
    ]
    assert len(whole) == 2 + 1 + 2
    for (batch, _), *parts in zip(whole, *shares, strict=True):
        if len(batch) < n_processes:  # the group of one: every process has the whole of it
            assert all(part.share is None for part, _ in parts)
            assert all(torch.equal(part.epoch, batch.epoch) for part, _ in parts)
            continue
        torch.testing.assert_close(torch.cat([part.epoch for part, _ in parts]), batch.epoch)
        torch.testing.assert_close(torch.cat([part.x for part, _ in parts]), batch.x)
        sizes = [part.share.n_rows for part, _ in parts]
        assert sizes == [len(part) for part, _ in parts]
        assert max(sizes) - min(sizes) <= 1
        assert {part.share.n_total for part, _ in parts} == {len(batch)}


def test_run_batches__single_rows__see_no_padding_in_the_result():
    prepared = make_prepared()
    results = list(run_batches(lambda batch: batch.x.mean((1, 2, 3)), prepared.groups, 1, "cpu"))
    assert len(results) == 5 + 8
    for batch, result in results:
        assert len(batch) == len(result) == 1
        torch.testing.assert_close(result, batch.epoch.float() / 100)
        assert not result.requires_grad


# Reading ahead


def test_read_ahead__any_number__keeps_the_order():
    assert list(read_ahead(range(7), lambda n: n * n, 2)) == [n * n for n in range(7)]
    assert list(read_ahead(range(1), str, 3)) == ["0"]
    assert list(read_ahead([], str, 2)) == []


def test_read_ahead__one_result_in_use__the_next_are_read_by_another_thread():
    threads, both_read = set(), threading.Event()

    def read(n):
        threads.add(threading.current_thread())
        if n == 2:
            both_read.set()
        return n

    results = read_ahead(range(9), read, 2)
    assert next(results) == 0
    assert both_read.wait(10)
    results.close()
    assert threading.current_thread() not in threads


def test_read_ahead__an_item_fails__raises_in_its_turn():
    def read(n):
        if n == 2:
            raise OSError(f"chunk {n} is gone")
        return n

    results = read_ahead(range(5), read, 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match="chunk 2 is gone"):
        next(results)


def test_read_ahead__given_up_early__leaves_no_thread_and_reads_no_further():
    seen = []
    before = threading.active_count()
    results = read_ahead(range(1000), seen.append, 2)
    next(results)
    results.close()
    assert threading.active_count() == before
    assert len(seen) <= 4


def test_shuffled_batches__of_patches__as_many_patches_in_all_batches_and_every_row_once():
    """20 windows of 8 channels, 400 of 1: by windows small ones are 20 times as many steps."""
    names = ["F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2"]
    blocks = [make_block(20, names, 400, 0), make_block(400, ["Cz"], 200, 20)]
    dataset = SegmentDataset(prepare(blocks, warn=False))
    steps = {}
    for batch_of in ("windows", "patches"):
        batches = list(ShuffledBatches(dataset, 4, seed=0, batch_of=batch_of))
        assert sorted(rows_of(batches)) == [
            *((0, row) for row in range(20)),
            *((1, row) for row in range(400)),
        ]
        steps[batch_of] = [sum(group == number for group, _ in batches) for number in (0, 1)]
    assert steps["windows"] == [5, 100]
    # 20 · 16 and 400 · 1 patches, at most 64 in a batch.
    assert steps["patches"] == [5, 7]


def test_engine__batch_of_patches__small_windows_in_fewer_steps_and_other_words_refused():
    # 12 windows of 19 channels and 12 of 32: three of the former have as many patches as two.
    parts = [
        part.to_epochs()
        for part in make_montages(n_subjects=2, n_windows=12, sfreqs=[200], duration=1)
    ]
    steps = {}
    for batch_of in ("windows", "patches"):
        tokenizer = DDRVQTransformer(
            architecture="tiny",
            max_epochs=1,
            batch_size=2,
            random_state=0,
            engine=Engine(batch_of=batch_of),
        ).fit(parts)
        steps[batch_of] = tokenizer.history_[0]["train_batch_count"]
    assert steps == {"windows": 6 + 6, "patches": 4 + 6}
    with pytest.raises(ValueError, match="batch_of='rows' was given; expected 'windows'"):
        DDRVQTransformer(engine=Engine(batch_of="rows")).fit(parts)
