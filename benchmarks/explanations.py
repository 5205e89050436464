"""Do explanations find what decided? Simulated EEG whose truth is known.

Each simulation weakens a rhythm at a random electrode and in a random band of frequencies. A
pipeline on the default embedder (tiny, random weights) and a fine-tuned network of the same size
learn it from ten people. Occlusion and gradients explain windows of three others; patterns are
those of the ten. Prints in how many simulations the top-ranked channel and the top-ranked band
are the true ones, with Wilson's interval. A guess is right about the channel once in 11 times and
about the band once in 5.

Every tenth simulation is repeated with labels shuffled within people, after Adebayo et al.
(2018): explanations of a model that has learnt nothing must look different.

    python benchmarks/explanations.py [--simulations 100] [--first 1000] [--quick] [--out FILE]
"""

import argparse
import csv
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import binomtest, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.answering import answered, described

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder
from sk_brainrvq.datasets import Windows, make_eeg
from sk_brainrvq.explain import (
    BANDS,
    Explanation,
    explain_gradients,
    explain_occlusion,
    explain_pattern,
)

# Electrodes at the centres of the embedder's regions: each channel is one region.
PLACES = ("Fpz", "F7", "Fz", "F8", "T7", "Cz", "T8", "P7", "Pz", "P8", "Oz")
N_TRAINING, N_EXPLAINED = 10, 3
SHUFFLED_EVERY = 10
COLUMNS = (
    "seed",
    "place",
    "band",
    "labels",
    "method",
    "channel",
    "found",
    "accuracy",
    "rank_correlation",
)


def simulated(seed: int) -> tuple[Windows, str, str]:
    """Simulate EEG of all people; return it with the true place and band."""
    rng = np.random.default_rng(seed)
    place, band = str(rng.choice(PLACES)), str(rng.choice(list(BANDS)))
    people = N_TRAINING + N_EXPLAINED
    truth: dict[str, Any] = {"place": place, "band": BANDS[band], "effect": 0.8}
    windows = make_eeg(people, 16, duration=2, ch_names=PLACES, random_state=seed, **truth)
    return windows, place, band


def shuffled(y: NDArray, subjects: NDArray, seed: int) -> NDArray:
    """Shuffle labels within each person."""
    rng, result = np.random.default_rng(seed), y.copy()
    for person in np.unique(subjects):
        rows = np.flatnonzero(subjects == person)
        result[rows] = y[rng.permutation(rows)]
    return result


def explained(
    train: Windows, y: NDArray, test: Windows
) -> Iterator[tuple[str, float, Explanation, Explanation]]:
    """Accuracy on unseen people, and each method's explanations by channel and by band."""
    common: dict[str, Any] = {"sfreq": train.sfreq, "ch_names": train.ch_names, "random_state": 0}
    common |= {"weights": None, "architecture": "tiny", "device": "cpu"}
    linear = LogisticRegression(C=1e-3, max_iter=1000)
    pipeline = make_pipeline(BrainRVQEmbedder(**common), StandardScaler(), linear)
    pipeline.fit(train.X, y)
    by = [
        explain_occlusion(pipeline, test.X, by=axis, subjects=test.subjects)
        for axis in ("channel", "band")
    ]
    accuracy = pipeline.score(test.X, test.y)
    yield "occlusion", accuracy, by[0], by[1]
    pattern = explain_pattern(pipeline, train.X, subjects=train.subjects).in_bands()
    yield "pattern", accuracy, pattern, pattern
    network = BrainRVQClassifier(max_epochs=2, **common).fit(train.X, y)
    gradients = explain_gradients(network, test.X, subjects=test.subjects, n_steps=8)
    yield "gradients", network.score(test.X, test.y), gradients, gradients


def simulate(seed: int) -> list[dict[str, Any]]:
    """Rows of one simulation."""
    warnings.simplefilter("ignore")
    eeg, place, band = simulated(seed)
    train, test = eeg.of_subjects(range(N_TRAINING)), eeg.of_subjects(range(N_TRAINING, 99))
    labels = {"true": train.y}
    if seed % SHUFFLED_EVERY == SHUFFLED_EVERY - 1:
        labels["shuffled"] = shuffled(train.y, train.subjects, seed)
    rows, maps = [], {}
    for name, y in labels.items():
        for method, accuracy, by_channel, by_band in explained(train, y, test):
            importance = by_channel.importance("channel")
            own = maps.setdefault(method, importance)
            alike = "" if name == "true" else f"{spearmanr(own, importance).statistic:.3f}"
            at = by_channel.top("channel")[0], by_band.top("band")[0]
            values = (seed, place, band, name, method, *at, f"{accuracy:.3f}", alike)
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Share of true findings, with 95 % intervals, as a Markdown table."""
    columns = ("method", "labels", "n", "accuracy", "place true", "band true", "both true")
    lines = [f"| {' | '.join((*columns, 'rank correlation'))} |", "| --- " * 8 + "|"]
    for labels in ("true", "shuffled"):
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if (row["method"], row["labels"]) == (method, labels)]
            if not own:
                continue
            places = np.array([row["channel"] == row["place"] for row in own])
            bands = np.array([row["found"] == row["band"] for row in own])
            cells = [_share(hits) for hits in (places, bands, places & bands)]
            alike = [float(row["rank_correlation"]) for row in own if row["rank_correlation"]]
            cells.append(f"{np.mean(alike):.2f}" if alike else "")
            right = f"{np.mean([float(row['accuracy']) for row in own]):.0%}"
            lines.append(f"| {method} | {labels} | {len(own)} | {right} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(hits: NDArray) -> str:
    interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return f"{hits.mean():.0%} [{interval.low:.0%}, {interval.high:.0%}]"


def evaluate(options: argparse.Namespace) -> str:
    """Simulate, save each row as it is done, and return the table."""
    n_simulations = 10 if options.quick else options.simulations
    if n_simulations < 1:
        raise ValueError(f"--simulations {n_simulations} was given; expected at least 1.")
    rows: list[dict[str, Any]] = []
    seeds = range(options.first, options.first + n_simulations)
    pool = Parallel(options.jobs, return_as="generator")
    for done, own in enumerate(pool(delayed(simulate)(s) for s in seeds), start=1):
        rows += own
        print(f"\r{done} of {n_simulations} simulations", end="", file=sys.stderr)
        if options.out is not None:
            with options.out.open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print(file=sys.stderr)
    return table(rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    parser.add_argument(
        "--simulations", type=int, default=100, help="number of simulations; default 100"
    )
    parser.add_argument("--first", type=int, default=0, help="seed of the first; default 0")
    parser.add_argument("--quick", action="store_true", help="ten simulations")
    parser.add_argument("--jobs", type=int, default=1, help="processes; default 1")
    parser.add_argument("--out", type=Path, help="CSV of all rows")
    warnings.simplefilter("ignore")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())
