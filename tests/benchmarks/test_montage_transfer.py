"""What stands beside the embedding where caps change."""

import json
from functools import cache

import numpy as np
import pytest
from benchmark_commands import BENCHMARKS, module_of

from sk_brainrvq import SubjectCentering
from sk_brainrvq.datasets import make_eeg

MODULE = module_of("montage_transfer")
MONTAGES = MODULE.MONTAGES


@cache
def task():
    from table.tasks import as_task

    names = MONTAGES[MODULE.FULL]
    return as_task("simulated", make_eeg(2, 6, duration=2, ch_names=names, random_state=0))


@pytest.mark.parametrize("by", ["nearest", "splines"])
@pytest.mark.parametrize("trained", MONTAGES)
@pytest.mark.parametrize("tested", MONTAGES)
def test_band_power__any_two_caps__columns_of_the_first(trained, tested, by):
    found = MODULE.band_power(task(), trained, tested, by)
    assert found.shape == (12, 7 * len(MONTAGES[trained]))
    assert np.isfinite(found).all()
    if set(MONTAGES[trained]) <= set(MONTAGES[tested]):
        # All electrodes of training are there: nothing has to be made up.
        from table.features import log_band_power

        own = task().X[:, [task().ch_names.index(name) for name in MONTAGES[trained]]]
        power = log_band_power(own, 7)
        centering = SubjectCentering().fit(power, subjects=task().subjects)
        expected = centering.transform(power, subjects=task().subjects)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_nearest__two_at_the_back__the_one_on_the_same_side():
    assert MODULE.nearest(["O1", "O2"], ["P3", "P4", "T5", "Fp2"]) == [0, 1, 0, 1]


def test_page__table__that_of_the_kept_figures():
    records = json.loads((BENCHMARKS / "results" / "montage_transfer.json").read_text())
    pairs = {(r["system"], r["trained"], r["tested"]) for r in records}
    assert len(pairs) == len(records) == 7 * len(MONTAGES) ** 2
    assert MODULE.table(records) in (BENCHMARKS / "details" / "choices.md").read_text()
