"""What the default embedding should be: layer, pooling and spectra, within subjects 00-27.

Grouped folds of four subjects, all of whose unlabelled EEG the default model has seen; subjects
28 and above are not read. Band power stands beside every choice.

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
from table.features import log_band_power

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import Windows, load_eegmat

SUBJECTS = range(28)


def scores(X: np.ndarray, windows: Windows, C: float) -> np.ndarray:
    """AUROC and balanced accuracy of each fold, shape (7, 2)."""
    rows = []
    for first in range(0, len(SUBJECTS), 4):
        test = np.isin(windows.subjects, range(first, first + 4))
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=C, class_weight="balanced", max_iter=3000)
        ).fit(X[~test], windows.y[~test])
        decision, truth = model.decision_function(X[test]), windows.y[test]
        rows.append((roc_auc_score(truth, decision), balanced_accuracy_score(truth, decision > 0)))
    return np.array(rows)


def main() -> None:
    """Print a table with a row for each kind of features."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument("--weights", default="default")
    parser.add_argument("--tokenizer", default=None, help="weights of a tokenizer, to compare")
    parser.add_argument("--layers", default="-1,3,2,1,0", help="layers of the encoder to try")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    windows = load_eegmat(options.data, SUBJECTS)

    def embed(weights: Any, **params: Any) -> np.ndarray:
        embedder = BrainRVQEmbedder(
            weights,
            sfreq=windows.sfreq,
            ch_names=windows.ch_names,
            l_freq=None,  # as EEGMAT was filtered when it was published
            h_freq=None,
            random_state=0,
            **params,
        )
        return embedder.fit_transform(windows.X)

    five = log_band_power(windows.X, 5)
    features = {"log band power, 5 bands": five}
    features["log band power, 7 bands"] = log_band_power(windows.X, 7)
    tiny = embed(None, architecture="tiny")
    _, spectra, covariance = np.split(tiny, [100, 100 + 11 * 46], axis=1)
    features["spectra of regions, no network"] = spectra
    features["log-covariance, no network"] = covariance
    features["spectra and log-covariance, no network"] = np.hstack([spectra, covariance])
    features["band power, 7 bands, and log-covariance, no network"] = np.hstack(
        [features["log band power, 7 bands"], covariance]
    )
    models: dict[str, Any] = {"random": None, "default": options.weights}
    if options.tokenizer:
        models["tokenizer's encoder"] = options.tokenizer
    for name, weights in models.items():
        layers = [int(n) for n in options.layers.split(",")] if name == "default" else [-1]
        for layer in layers:
            params: dict[str, Any] = {"layer": layer, "spectrum": None, "covariance": False}
            if weights is None:
                params["depth"] = 6
            title = f"{name}, layer {layer}"
            by_channel = embed(weights, pooling="channel", **params)
            mean = by_channel.reshape(len(five), len(windows.ch_names), -1).mean(1)
            regions = embed(weights, pooling="region", **params)
            features[f"{title}: mean"] = mean
            features[f"{title}: channels"] = by_channel
            features[f"{title}: regions"] = regions
            features[f"{title}: regions, spectra"] = np.hstack([regions, spectra])
            features[f"{title}: mean, spectra"] = np.hstack([mean, spectra])
            features[f"{title}: mean, spectra, log-covariance"] = np.hstack(
                [mean, spectra, covariance]
            )
    default = embed(options.weights)
    features["the default embedding"] = default
    features["the default embedding and 5-band power"] = np.hstack([default, five])
    columns = "AUROC, C = {0} (sd) | balanced accuracy, C = {0}"
    print(f"| features | number | {columns.format(0.01)} | {columns.format(0.001)} |")
    print("|---|---|---|---|---|---|")
    for name, X in features.items():
        row = f"| {name} | {X.shape[1]:,} |"
        for C in (0.01, 0.001):
            auroc, accuracy = scores(X, windows, C).T
            row += f" {auroc.mean():.3f} ({auroc.std(ddof=1):.3f}) | {accuracy.mean():.3f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
