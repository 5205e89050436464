"""How inference cuts EEG into batches."""

import numpy as np
import torch

from sk_brainrvq.signals import EpochBlock, prepare
from sk_brainrvq.training import run_batches

NAMES = ["C3", "Cz", "C4"]


def sizes_of_batches(n_epochs, n_seconds, batch_size, device="cpu"):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_epochs, 3, 200 * n_seconds))
    block = EpochBlock(X, 1.0, 200.0, NAMES, np.arange(n_epochs))
    prepared = prepare([block], warn=False)
    seen, results = [], []
    for batch, result in run_batches(
        lambda batch: (seen.append(len(batch.x)), batch.x.sum((1, 2, 3)))[1],
        prepared.groups,
        batch_size,
        device,
    ):
        assert len(batch) == len(result)
        results.append(result)
    return seen, torch.cat(results), prepared


def test_run_batches__on_a_cpu__take_so_many_tokens_at_most():
    # 3 channels of 20 s are 60 tokens an epoch; 1536 tokens are 25 such epochs.
    seen, results, prepared = sizes_of_batches(60, 20, batch_size=100)
    assert seen == [25, 25, 10]
    group = next(iter(prepared.groups))
    np.testing.assert_allclose(results, group.patches.sum((1, 2, 3)), rtol=1e-3, atol=1e-2)


def test_run_batches__of_the_size_asked_for__the_last_filled_up_to_128_tokens():
    seen, results, _ = sizes_of_batches(9, 20, batch_size=4)
    assert seen == [4, 4, 3]
    assert len(results) == 9
    few, _, _ = sizes_of_batches(9, 1, batch_size=4)
    assert few == [43, 43, 43]
