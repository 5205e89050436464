"""From EEG files to codes, features and a fine-tuned classifier.

Reads EEGMAT (rest against mental arithmetic), learns a small tokenizer and pretrains an
encoder on unlabelled windows of subjects 00-23, then classifies windows of subjects 24-31,
whom neither has seen. Prints one table and writes two figures.
"""

import argparse
import os
import time
from pathlib import Path

import matplotlib
import numpy as np
from scipy.signal import welch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_brainrvq import (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    CodeHistogram,
    DDRVQTransformer,
)
from sk_brainrvq.datasets import Windows, fetch_eegmat, load_eegmat, make_eeg
from sk_brainrvq.viz import plot_importance, plot_reconstruction

matplotlib.use("Agg")

UNLABELLED = range(24)  # subjects for tokenizer and pretraining
UNSEEN = range(24, 32)  # subjects to test on, in four folds of two
BANDS = ((1, 4), (4, 8), (8, 10), (10, 13), (13, 20), (20, 30), (30, 45))
SEED = 0


def read_eeg() -> tuple[Windows, str]:
    """Windows of EEGMAT from disk or PhysioNet; simulated ones where neither is there."""
    shared = os.environ.get("SK_BRAINRVQ_SHARED", Path(__file__).parents[2] / "shared")
    folder = Path(shared) / "data" / "eegmat"
    subjects = [*UNLABELLED, *UNSEEN]
    if folder.is_dir():
        return load_eegmat(folder, subjects), "EEGMAT, local files"
    try:
        return load_eegmat(fetch_eegmat(subjects=subjects), subjects), "EEGMAT, from PhysioNet"
    except OSError as error:
        print(f"EEGMAT is neither on disk nor can it be downloaded ({error.__class__.__name__}).")
        print("SIMULATED EEG stands in: the figures below say nothing about real EEG.")
        return make_eeg(n_subjects=32, n_windows=24, random_state=SEED), "simulated EEG"


def log_band_power(X: np.ndarray) -> np.ndarray:
    """Log power in seven bands of each channel: the rival to beat."""
    frequencies, power = welch(X, fs=200, nperseg=400)
    bands = [
        power[..., (frequencies >= low) & (frequencies < high)].mean(-1) for low, high in BANDS
    ]
    return np.log(np.concatenate(bands, axis=1) + 1e-12)


def linear_classifier(*steps):
    """Features, scaling, and the logistic regression of the evaluation protocol."""
    regression = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    return make_pipeline(*steps, StandardScaler(with_mean=False), regression)


def systems(pretrainer: BrainRVQPretrainer, tokenizer: DDRVQTransformer, recording: dict) -> dict:
    """Everything that is compared, by name."""
    encoder = pretrainer.weights_
    channels = {**recording, "pooling": "channel"}
    random = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=SEED, **channels)
    codes = DDRVQTransformer(weights=tokenizer.weights_, **recording)
    tuned = BrainRVQClassifier(
        weights=encoder,
        max_epochs=4,
        lr=1e-3,
        class_weight="balanced",
        random_state=SEED,
        **recording,
    )
    return {
        "log band power + LR": linear_classifier(FunctionTransformer(log_band_power)),
        "code histogram + LR": linear_classifier(codes, CodeHistogram(per_channel=True)),
        "random encoder, channels + LR": linear_classifier(random),
        "pretrained, mean + LR": linear_classifier(BrainRVQEmbedder(encoder, **recording)),
        "pretrained, channels + LR": linear_classifier(BrainRVQEmbedder(encoder, **channels)),
        "pretrained, fine-tuned": tuned,
    }


def evaluate(model, windows: Windows) -> np.ndarray:
    """AUROC and balanced accuracy of each fold, shape (4, 2).

    Each fold tests on two unseen subjects and trains on everybody else.
    """
    known = np.isin(windows.subjects, UNLABELLED)
    unseen = np.flatnonzero(~known)
    folds = GroupKFold(n_splits=4).split(unseen, groups=windows.subjects[unseen])
    scores = []
    for _, rows in folds:
        test = unseen[rows]
        train = np.setdiff1d(np.arange(len(windows.y)), test)
        model.fit(windows.X[train], windows.y[train])
        probability = model.predict_proba(windows.X[test])[:, 1]
        truth = windows.y[test]
        scores.append(
            (roc_auc_score(truth, probability), balanced_accuracy_score(truth, probability > 0.5))
        )
    return np.array(scores)


def print_codes(tokenizer: DDRVQTransformer, unseen: Windows) -> None:
    """What each level of codes explains on unseen subjects, and how codes are used."""
    print("\nCodes: explained variance of the waveform on unseen subjects, and code use")
    print(f"{'level':>7} {'explained':>10} {'time: used':>11} {'perplexity':>11}", end="")
    print(f" {'frequency: used':>16} {'perplexity':>11}")
    for level in range(tokenizer.codebook_usage_.shape[1]):
        explained = tokenizer.score(unseen.X, n_levels=level + 1)
        usage, perplexity = tokenizer.codebook_usage_[:, level], tokenizer.perplexity_[:, level]
        print(f"{level + 1:>7} {explained:>10.3f} {usage[0]:>11.0%} {perplexity[0]:>11.1f}", end="")
        print(f" {usage[1]:>16.0%} {perplexity[1]:>11.1f}")


def draw(tokenizer: DDRVQTransformer, windows: Windows, output: Path) -> None:
    """Write the two figures."""
    output.mkdir(parents=True, exist_ok=True)
    channel = windows.ch_names.index("O1")
    axes = plot_reconstruction(tokenizer, windows.X, epoch=3, channel=channel)
    axes[0].figure.savefig(output / "reconstruction.png", dpi=150)
    ax = plot_importance(windows.X, ch_names=windows.ch_names, epoch=3)
    ax.figure.savefig(output / "importance.png", dpi=150)
    print(f"\nFigures: {output / 'reconstruction.png'}, {output / 'importance.png'}")


def main() -> None:
    """Run the whole tour."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder for figures")
    output = parser.parse_args().output
    start = time.perf_counter()
    windows, source = read_eeg()
    print(f"{source}: {len(windows.y)} windows of 5 s, {len(windows.ch_names)} channels")
    recording = {"sfreq": windows.sfreq, "ch_names": windows.ch_names}
    seen, unseen = windows.of_subjects(UNLABELLED), windows.of_subjects(UNSEEN)

    small = {
        "architecture": "tiny",
        "lr": 2e-3,
        "batch_size": 8,
        "random_state": SEED,
        "verbose": 1,
    }
    tokenizer = DDRVQTransformer(max_epochs=8, **small, **recording).fit(seen.X)
    pretrainer = BrainRVQPretrainer(tokenizer.weights_, max_epochs=6, **small, **recording)
    pretrainer.fit(seen.X)

    print_codes(tokenizer, unseen)
    print("\nRest against arithmetic, four folds of two unseen subjects each: mean (sd)")
    print(f"{'':34} {'AUROC':>13} {'balanced acc.':>15}")
    for name, model in systems(pretrainer, tokenizer, recording).items():
        scores = evaluate(model, windows)
        (auroc, accuracy), (auroc_sd, accuracy_sd) = scores.mean(0), scores.std(0)
        print(f"{name:34} {auroc:>6.3f} ({auroc_sd:.3f}) {accuracy:>7.3f} ({accuracy_sd:.3f})")
    draw(tokenizer, unseen, output)
    print(f"Time: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
