"""The results kept in the repository: the page about them says what they say."""

import re
import shutil
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from benchmark_commands import BENCHMARKS, main_of
from scipy import stats
from sklearn import config_context
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score
from table.store import Store
from table.systems import SYSTEMS

KEPT = Store(BENCHMARKS / "results", "eegmat")
# What the commands printed from single files of results, before these became one table.
PRINTED = Path(__file__).parent / "printed"
SIZES = (1, 2, 4, 8)
COLUMNS = ("balanced_accuracy", "average_precision", "auroc")


@cache
def results():
    """Records and arrays by key."""
    return {key: KEPT.read(key) for key in KEPT}


@cache
def kept(split):
    """Figures by system, fold and seed."""
    found = defaultdict(lambda: defaultdict(dict))
    for key, (record, _) in results().items():
        if record["split"] != split:
            continue
        seeds = found[record["system"]][record["fold"]]
        assert record["seed"] not in seeds, f"{key}: a second result of the same training"
        seeds[record["seed"]] = record["figures"]
    return {system: dict(folds) for system, folds in found.items()}


def printed(beginning, page="table"):
    """Cells of the first table of a page of benchmarks/details after some words, by label."""
    text = (BENCHMARKS / "details" / f"{page}.md").read_text()
    table = re.search(r"(?m)^\|.*?\n\n", text.split(beginning)[1], re.DOTALL)[0].strip()
    lines = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()
    ]
    return {re.sub(r" \([\d, ]+\)$", "", cells[0]): cells for cells in lines[2:]}


@pytest.mark.parametrize(
    ("split", "heading", "fewest"),
    [("folds", "#### All folds", 20), ("official", "#### Official split", 8)],
)
def test_results__table_of_the_readme__means_over_the_kept_folds(split, heading, fewest):
    table, n_rows = printed(heading), 0
    for name, folds in kept(split).items():
        cells = table[SYSTEMS[name].label]
        n_seeds = {len(seeds) for seeds in folds.values()}
        assert len(n_seeds) == 1, f"{name}: folds with more seeds than others"
        assert cells[-1] == f"{len(folds)} × {n_seeds.pop()}"
        for column, metric in enumerate(COLUMNS, start=1):
            means = [np.mean([figures[metric] for figures in f.values()]) for f in folds.values()]
            shown = float(cells[column].split()[0])
            assert shown == pytest.approx(np.mean(means), abs=0.00051), (name, metric)
        n_rows += 1
    assert n_rows >= fewest


# The repository does not hold linear rows of fewer subjects.
ONE_DRAW = [(name, size, 1) for name in ("scratch", "fine-tuned-embedding") for size in SIZES]


@pytest.mark.parametrize(
    ("name", "size", "n_draws"), [*ONE_DRAW, ("scratch", 1, 3), ("scratch", 2, 3)]
)
def test_results__learning_curve_of_the_readme__means_over_the_kept_folds(name, size, n_draws):
    beginnings = {1: "## `learning_curve.py`", 3: "with three draws of training"}
    cell = printed(beginnings[n_draws], "learning_curve")[SYSTEMS[name].label][
        1 + SIZES.index(size)
    ]
    folds = kept(f"subjects-{size}")[name]
    assert len(folds) == 8
    mean = np.mean([f[seed]["auroc"] for f in folds.values() for seed in range(n_draws)])
    assert float(cell.split()[0]) == pytest.approx(mean, abs=0.00051)


@pytest.mark.parametrize("size", SIZES)
def test_results__learning_curve_of_the_readme__ahead_of_the_network_from_scratch(size):
    ours, theirs = (kept(f"subjects-{size}")[name] for name in ("fine-tuned-embedding", "scratch"))
    a, b = ([of[fold][0]["auroc"] for fold in sorted(ours)] for of in (ours, theirs))
    low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
    row = printed("Paired by fold with the first", "learning_curve")[
        SYSTEMS["fine-tuned-embedding"].label
    ]
    shown = [float(number) for number in re.findall(r"[-+]\.\d+", row[1 + SIZES.index(size)])]
    assert shown == pytest.approx([np.mean(a) - np.mean(b), low, high], abs=0.00051)


TRAINED = (
    "--epochs scratch=6,scratch-embedding=6,fine-tuned=6,fine-tuned-embedding=6,labram=6,biot=6"
)
PRECISE = "--precision labram=bfloat16,cbramod=bfloat16,biot=bfloat16,bendr=bfloat16"
CURVE = "--systems scratch,fine-tuned,fine-tuned-embedding"
# Of the eight folds' trainings, before the bundled encoder was trained further.
FORMER = BENCHMARKS / "weights" / "eegmat-2026.11"


@pytest.mark.parametrize(
    ("command", "options", "fixture"),
    [
        ("table", "--split folds --exposed= --seeds 3", "table_all_folds"),
        ("learning_curve", f"--split folds {CURVE} --seeds 1", "learning_curve_1"),
    ],
)
def test_results__commands__print_what_they_did_when_each_result_was_a_file(
    command, options, fixture, eegmat_folder, tmp_path, capsys
):
    for path in (KEPT.table, KEPT.predictions):
        shutil.copy(path, tmp_path)
    before = [path.read_bytes() for path in (KEPT.table, KEPT.predictions)]
    arguments = f"{options} {TRAINED} {PRECISE} --max-minutes 0".split()
    folders = ["--data", str(eegmat_folder), "--results", str(tmp_path), "--weights", str(FORMER)]
    assert main_of(command)([*arguments, *folders]) == 0
    assert capsys.readouterr().out == (PRINTED / f"{fixture}.txt").read_text()
    # What is only read is not written.
    assert before == [(tmp_path / p.name).read_bytes() for p in (KEPT.table, KEPT.predictions)]


def ranks(values, then):
    """Ranks of values, equal ones by a second key."""
    order = np.lexsort((then, values))
    found = np.empty(len(order))
    found[order] = np.arange(len(order))
    return found


def assert_figures_of(record, arrays, task, key):
    """A record's figures are those of its predictions."""
    if record["split"].startswith("few-people"):  # figures of people are kept in their place
        assert record["figures"]["auroc_per_person"] == np.mean(arrays["auroc"])
        return
    truth, probability = task.y[arrays["rows"]], arrays["probability"]
    accuracy, precision, auroc = (record["figures"][metric] for metric in COLUMNS)
    found = balanced_accuracy_score(truth, probability.argmax(1))
    assert found == pytest.approx(accuracy, abs=1e-4), key
    # Figures were computed before predictions were rounded to float32, which makes ties: with
    # those in the worst and in the best order they enclose the figure.
    worst, best = (ranks(probability[:, 1], truth * sign) for sign in (-1, 1))
    for expected, figure in (
        (precision, average_precision_score),
        (auroc, roc_auc_score),
    ):
        low = figure(truth, worst)
        high = low if np.array_equal(worst, best) else figure(truth, best)
        assert low - 1e-4 <= expected <= high + 1e-4, key
        assert high - low < 0.01, key


def test_results__predictions__give_the_kept_figures(eegmat_folder):
    from table.tasks import load_task

    task = load_task("eegmat", eegmat_folder)
    assert len(results()) >= 338
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for key, (record, arrays) in results().items():
            assert_figures_of(record, arrays, task, key)


def page(heading):
    """Rows of the table under a heading of the page on three datasets, by label."""
    text = (BENCHMARKS / "three_datasets.md").read_text()
    for part in heading.split(" / "):
        text = text.split(f"# {part}", 1)[1]
    table = re.search(r"(?m)(?:^\|.*\n)+", text)[0].strip()
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {re.sub(r" \([*?]\)$", "", cells[0]): cells[1:] for cells in lines}


@pytest.mark.parametrize(
    ("dataset", "title", "metric", "column"),
    [
        ("eegmat", "EEGMAT", "auroc", 0),
        ("guinea-bissau", "Guinea-Bissau", "auroc", 0),
        ("ssvep", "SSVEP exoskeleton", "kappa", 1),
    ],
)
def test_results__page_on_three_datasets__means_over_the_kept_folds(dataset, title, metric, column):
    store = Store(KEPT.results, dataset)
    parts = {"develop": "People to develop on", "once": "People scored once"}
    if dataset != "ssvep":
        parts["few-people-0"] = "Few people"
    for split, part in parts.items():
        name, place = ("auroc_per_person", 0) if split[:3] == "few" else (metric, column)
        found = defaultdict(lambda: defaultdict(list))
        for record in (store.read(key)[0] for key in store):
            if record["split"] == split:
                found[record["system"]][record["fold"]].append(record["figures"][name])
        table = page(f"{part} / {title}")
        assert table.keys() == {SYSTEMS[system].label for system in found}
        for system, folds in found.items():
            mean = np.mean([np.mean(seeds) for seeds in folds.values()])
            shown = float(table[SYSTEMS[system].label][place].split()[0])
            assert shown == pytest.approx(mean, abs=0.00051), (split, system)


HEADLINES = {
    "7-band log power": "7-band log power, LR",
    "default embedding": "BrainRVQ, default embedding, LR",
    "tokens by region only, centred": "BrainRVQ, tokens by region only, LR, centred",
    "tokens only, centred": "BrainRVQ, tokens only, LR, centred",
}


def test_results__table_of_the_short_page__cells_of_the_long_one():
    text = (BENCHMARKS / "README.md").read_text().split("## Accuracy on three datasets")[1]
    lines = re.search(r"(?m)(?:^\|.*\n)+", text)[0].splitlines()[2:]
    pages = [
        page(f"People to develop on / {title}")
        for title in ("EEGMAT", "Guinea-Bissau", "SSVEP exoskeleton")
    ]
    compared = 0
    for line in lines:
        label, *cells = (cell.strip(" *") for cell in line.strip("|").split("|"))
        if label in HEADLINES:
            for cell, rows in zip(cells, pages, strict=True):
                assert cell == rows[HEADLINES[label]][0].split()[0], label
                compared += 1
    assert compared >= 12
