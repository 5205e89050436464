"""The results kept in the repository: the page about them says what they say."""

import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from table.systems import SYSTEMS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RECORDS = sorted((BENCHMARKS / "results" / "eegmat" / "folds").glob("*/*.json"))
COLUMNS = ("balanced_accuracy", "average_precision", "auroc")


def kept():
    """Figures by system, fold and seed."""
    found = defaultdict(lambda: defaultdict(dict))
    for path in RECORDS:
        record = json.loads(path.read_text())
        seeds = found[record["system"]][record["fold"]]
        assert record["seed"] not in seeds, f"{path.name}: a second result of the same training"
        seeds[record["seed"]] = record["figures"]
    return found


def printed():
    """Cells of the table of all folds in benchmarks/README.md, by label."""
    text = (BENCHMARKS / "README.md").read_text()
    table = text.split("#### All folds")[1].split("\n\n")[1]
    lines = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()
    ]
    return {re.sub(r" \([\d, ]+\)$", "", cells[0]): cells for cells in lines[2:]}


def test_results__table_of_the_readme__means_over_the_kept_folds():
    table, n_rows = printed(), 0
    for name, folds in kept().items():
        cells = table[SYSTEMS[name].label]
        n_seeds = {len(seeds) for seeds in folds.values()}
        assert len(n_seeds) == 1, f"{name}: folds with more seeds than others"
        assert cells[-1] == f"{len(folds)} × {n_seeds.pop()}"
        for column, metric in enumerate(COLUMNS, start=1):
            means = [np.mean([figures[metric] for figures in f.values()]) for f in folds.values()]
            shown = float(cells[column].split()[0])
            assert shown == pytest.approx(np.mean(means), abs=0.00051), (name, metric)
        n_rows += 1
    assert n_rows >= 16


def test_results__predictions__give_the_kept_figures(eegmat_folder):
    from table.tasks import load_task

    task = load_task("eegmat", eegmat_folder)
    for path in RECORDS:
        record = json.loads(path.read_text())
        with np.load(path.with_suffix(".npz")) as arrays:
            truth, probability = task.y[arrays["rows"]], arrays["probability"]
        found = (
            balanced_accuracy_score(truth, probability.argmax(1)),
            average_precision_score(truth, probability[:, 1]),
            roc_auc_score(truth, probability[:, 1]),
        )
        expected = [record["figures"][metric] for metric in COLUMNS]
        assert found == pytest.approx(expected, abs=1e-4), path.name
