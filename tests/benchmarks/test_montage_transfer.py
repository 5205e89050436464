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


@cache
def kept():
    return json.loads((BENCHMARKS / "results" / "montage_transfer.json").read_text())


@cache
def leads():
    return MODULE.leads(kept())


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


def test_page__tables__those_of_the_kept_figures():
    records = kept()
    pairs = {(r["system"], r["trained"], r["tested"]) for r in records}
    assert len(pairs) == len(records) == 9 * len(MONTAGES) ** 2
    page = (BENCHMARKS / "details" / "choices.md").read_text()
    assert MODULE.table(records) in page
    assert leads() in page


def test_leads__kept_figures__mean_differences_of_people():
    records = kept()
    people = {(r["system"], r["trained"], r["tested"]): r["people"] for r in records}
    own, other, trained = "default embedding", "the same without network", "Muse, 4"
    by_cap = {
        tested: np.array([*people[own, trained, tested].values()])
        - np.array([*people[other, trained, tested].values()])
        for tested in MONTAGES
    }
    away = np.mean([by_cap[tested] for tested in MONTAGES if tested != trained], axis=0)
    label = f"| {own}, over {other} | {trained} |"
    line = next(line for line in leads().splitlines() if line.startswith(label))
    cells = [cell.split() for cell in line.strip("| ").split(" | ")[2:]]
    expected = [lead.mean() for lead in (*by_cap.values(), away)]
    assert [float(cell[0]) for cell in cells] == pytest.approx(expected, abs=0.00051)
    # An interval over people is about two standard errors on either side.
    low, high = float(cells[-1][1].strip("[,")), float(cells[-1][2].strip("]"))
    error = away.std(ddof=1) / len(away) ** 0.5
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)
