"""Batches of one montage and one length."""

import numpy as np
import torch

from sk_brainrvq.signals import EpochBlock, prepare
from sk_brainrvq.training import SegmentDataset, run_batches
from sk_brainrvq.training.batches import GroupedBatches, batch_loader


def make_block(n_epochs, names, n_times, first):
    """Epochs whose samples all hold the epoch's number."""
    index = np.arange(first, first + n_epochs)
    data = np.tile(index[:, None, None].astype(float), (1, len(names), n_times))
    return EpochBlock(data, 1.0, 200.0, names, index)


def make_prepared():
    """Two montages; epochs of the second are two segments long."""
    blocks = [make_block(5, ["C3", "C4"], 400, 0), make_block(4, ["Cz", "Pz", "Oz"], 8000, 5)]
    return prepare(blocks, warn=False)


def test_grouped_batches__shuffled__visit_every_row_once_and_mix_no_groups():
    sizes = [7, 1, 10]
    batches = list(GroupedBatches(sizes, batch_size=3, shuffle=True))
    seen = [(group, row) for group, rows in batches for row in rows.tolist()]
    assert sorted(seen) == [(group, row) for group, size in enumerate(sizes) for row in range(size)]
    assert max(len(rows) for _, rows in batches) == 3
    assert len(batches) == len(GroupedBatches(sizes, 3, True)) == 3 + 1 + 4


def test_grouped_batches__unshuffled__keep_the_order():
    batches = [(g, rows.tolist()) for g, rows in GroupedBatches([3, 2], 2, shuffle=False)]
    assert batches == [(0, [0, 1]), (0, [2]), (1, [0, 1])]


def test_grouped_batches__shuffled__follow_torchs_generator():
    def draw(seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return [(g, rows.tolist()) for g, rows in GroupedBatches([20, 20], 4, True)]

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_loader__two_montages__gives_each_epoch_its_signals_montage_and_label():
    prepared = make_prepared()
    labels = np.arange(9) * 10
    seen = []
    for batch, target in batch_loader(SegmentDataset(prepared, labels), 3, shuffle=True):
        assert batch.electrodes.shape == (batch.x.shape[1],)
        assert target.tolist() == [10 * epoch for epoch in batch.epoch.tolist()]
        # Signals come in 100 microvolts.
        torch.testing.assert_close(batch.x[:, 0, 0, 0], batch.epoch.float() / 100)
        assert batch.x.shape[1:] == ((2, 2, 200) if batch.epoch[0] < 5 else (3, 20, 200))
        seen += zip(batch.epoch.tolist(), batch.segment.tolist(), strict=True)
    expected = [(epoch, 0) for epoch in range(5)]
    expected += [(epoch, segment) for epoch in range(5, 9) for segment in range(2)]
    assert sorted(seen) == expected


def test_run_batches__single_rows__see_no_padding_in_the_result():
    prepared = make_prepared()
    results = list(run_batches(lambda batch: batch.x.mean((1, 2, 3)), prepared.groups, 1, "cpu"))
    assert len(results) == 5 + 8
    for batch, result in results:
        assert len(batch) == len(result) == 1
        torch.testing.assert_close(result, batch.epoch.float() / 100)
        assert not result.requires_grad
