"""What the default embedding should be: layer, pooling and spectra, within subjects 00-27.

Uses grouped folds of four subjects, all of whose unlabelled EEG the default model has seen;
subjects 28 and above are not read. Band power is listed beside the choices. A second table
compares tokens, without the other features, with those of random networks.

    python benchmarks/default_choices.py --data FOLDER_WITH_EEGMAT [--weights FOLDER]
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.allowed import eegmat_windows
from table.features import log_band_power
from table.output import shown_estimate
from table.statistics import paired_difference

from sk_brainrvq import Architecture, BrainRVQEmbedder, Filters
from sk_brainrvq.datasets import Windows

SUBJECTS = range(28)
PER_FOLD = 4
Pooled = dict[str, np.ndarray]  # features by pooling


def scores(X: np.ndarray, windows: Windows, C: float) -> np.ndarray:
    """AUROC and balanced accuracy of each fold, shape (7, 2)."""
    rows = []
    for first in range(0, len(SUBJECTS), PER_FOLD):
        test = np.isin(windows.subjects, range(first, first + PER_FOLD))
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=C, class_weight="balanced", max_iter=3000)
        ).fit(X[~test], windows.y[~test])
        decision, truth = model.decision_function(X[test]), windows.y[test]
        rows.append((roc_auc_score(truth, decision), balanced_accuracy_score(truth, decision > 0)))
    return np.array(rows)


def embed(windows: Windows, weights: Any, seed: int = 0, **params: Any) -> np.ndarray:
    """Frozen features, without filters: EEGMAT was published filtered."""
    embedder = BrainRVQEmbedder(
        weights,
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        filters=Filters(l_freq=None, h_freq=None),
        random_state=seed,
        **params,
    )
    return embedder.fit_transform(windows.X)


def pooled_tokens(windows: Windows, weights: Any, layer: int = -1, seed: int = 0) -> Pooled:
    """Tokens only, by pooling; random ones come from a network of the default's size."""
    size = {"architecture": Architecture(depth=6)} if weights is None else {}
    params: dict[str, Any] = {"layer": layer, "spectrum": None, "covariance": False, **size}
    by_channel = embed(windows, weights, seed, pooling="channel", **params)
    return {
        "mean": by_channel.reshape(len(by_channel), len(windows.ch_names), -1).mean(1),
        "channels": by_channel,
        "regions": embed(windows, weights, seed, pooling="region", **params),
    }


def choices(windows: Windows, options: argparse.Namespace) -> Pooled:
    """Every kind of features, by row name."""
    five, seven = (log_band_power(windows.X, n_bands) for n_bands in (5, 7))
    beside = embed(windows, options.weights, tokens=False)
    spectra, covariance = np.split(beside, [11 * 46], axis=1)
    features = {
        "log band power, 5 bands": five,
        "log band power, 7 bands": seven,
        "spectra of regions, no network": spectra,
        "log-covariance, no network": covariance,
        "spectra and log-covariance, no network": beside,
        "band power, 7 bands, and log-covariance, no network": np.hstack([seven, covariance]),
    }
    models: dict[str, Any] = {"random": None, "default": options.weights}
    if options.tokenizer:
        models["tokenizer's encoder"] = options.tokenizer
    for name, weights in models.items():
        layers = [int(n) for n in options.layers.split(",")] if name == "default" else [-1]
        for layer in layers:
            title, tokens = f"{name}, layer {layer}", pooled_tokens(windows, weights, layer)
            features |= {f"{title}: {pooling}": X for pooling, X in tokens.items()}
            mean, regions = tokens["mean"], tokens["regions"]
            features[f"{title}: regions, spectra"] = np.hstack([regions, spectra])
            features[f"{title}: mean, spectra"] = np.hstack([mean, spectra])
            features[f"{title}: mean, spectra, log-covariance"] = np.hstack([mean, beside])
    default = embed(windows, options.weights)
    features["the default embedding"] = default
    features["the default embedding and 5-band power"] = np.hstack([default, five])
    return features


def print_choices(windows: Windows, features: Pooled) -> None:
    """Print one row per kind of features."""
    columns = "AUROC, C = {0} (sd) | balanced accuracy, C = {0}"
    print(f"| features | number | {columns.format(0.01)} | {columns.format(0.001)} |")
    print("|---|---|---|---|---|---|")
    for name, X in features.items():
        row = f"| {name} | {X.shape[1]:,} |"
        for C in (0.01, 0.001):
            auroc, accuracy = scores(X, windows, C).T
            row += f" {auroc.mean():.3f} ({auroc.std(ddof=1):.3f}) | {accuracy.mean():.3f} |"
        print(row, flush=True)


def tokens_against_random(windows: Windows, pretrained: Pooled, random: list[Pooled]) -> None:
    """Print one row per pooling of tokens only, C = 0.01, paired by fold."""
    overlap = PER_FOLD / (len(SUBJECTS) - PER_FOLD)
    print(f"\n| tokens alone | pretrained | random, {len(random)} seeds | ahead by | corrected |")
    print("|---|---|---|---|---|")
    for pooling, X in pretrained.items():
        ours = scores(X, windows, 0.01)[:, 0]
        theirs = np.mean([scores(of_seed[pooling], windows, 0.01)[:, 0] for of_seed in random], 0)
        found = paired_difference(ours, theirs, overlap)
        corrected = shown_estimate(found.corrected, "+").partition(" ")[2]
        print(
            f"| {pooling} | {ours.mean():.3f} | {theirs.mean():.3f} | "
            f"{shown_estimate(found.estimate, '+')} | {corrected} |",
            flush=True,
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--tokenizer", default=None, help="weights of a tokenizer to compare with")
    parser.add_argument("--layers", default="-1,3,2,1,0", help="layers of the encoder to try")
    parser.add_argument(
        "--random-seeds", type=int, default=3, help="random networks in the second table"
    )
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    windows = eegmat_windows(options.data, SUBJECTS)
    print_choices(windows, choices(windows, options))
    random = [pooled_tokens(windows, None, seed=seed) for seed in range(options.random_seeds)]
    tokens_against_random(windows, pooled_tokens(windows, options.weights), random)


if __name__ == "__main__":
    main()
