"""From EEG files to codes, features and a fine-tuned classifier.

Reads EEGMAT (rest against mental arithmetic), trains a small tokenizer and pretrains an encoder on
unlabelled windows of subjects 00-23, then classifies windows of subjects 24-27, whom neither has
seen. Prints one table and writes two figures.
"""

import argparse
import os
import time
from pathlib import Path

import matplotlib
import numpy as np
from scipy.signal import welch
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from sk_brainrvq import (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    CodeHistogram,
    DDRVQTransformer,
    SubjectCentering,
)
from sk_brainrvq.datasets import Windows, fetch_eegmat, load_eegmat, make_eeg
from sk_brainrvq.viz import plot_importance, plot_reconstruction

matplotlib.use("Agg")

UNLABELLED = range(24)  # subjects for tokenizer and pretraining
UNSEEN = range(24, 28)  # subjects to test on, one per fold
BANDS = ((1, 4), (4, 8), (8, 10), (10, 13), (13, 20), (20, 30), (30, 45))
SEED = 0


def read_eeg() -> tuple[Windows, str]:
    """Load windows of EEGMAT from disk or PhysioNet, or simulate some if neither works."""
    shared = os.environ.get("SK_BRAINRVQ_SHARED", Path(__file__).parents[2] / "shared")
    folder = Path(shared) / "data" / "eegmat"
    subjects = [*UNLABELLED, *UNSEEN]
    try:
        return load_eegmat(folder, subjects), "EEGMAT, local files"
    except FileNotFoundError:
        print(f"EEGMAT is not at {folder}; downloading it from PhysioNet.")
    try:
        return load_eegmat(fetch_eegmat(subjects=subjects), subjects), "EEGMAT, from PhysioNet"
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        print(f"SIMULATED EEG is used instead: PhysioNet could not be read ({reason}).")
        return make_eeg(n_subjects=28, n_windows=24, random_state=SEED), "simulated EEG"


def log_band_power(X: np.ndarray) -> np.ndarray:
    """Compute log power in seven bands of each channel: the baseline to beat."""
    frequencies, power = welch(X, fs=200, nperseg=400)
    bands = [
        power[..., (frequencies >= low) & (frequencies < high)].mean(-1) for low, high in BANDS
    ]
    return np.log(np.concatenate(bands, axis=1) + 1e-12)


def linear_classifier(scaler=None, C=0.01):
    """Make the scaler and logistic regression of the evaluation protocol."""
    regression = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
    return make_pipeline(scaler or StandardScaler(), regression)


def frozen_features(
    windows: Windows, tokenizer: DDRVQTransformer, pretrainer: BrainRVQPretrainer, recording: dict
) -> dict:
    """Compute features by name, once, because none of them learns from these windows."""
    channels = {**recording, "pooling": "channel"}
    random = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=SEED, **channels)
    embedder = BrainRVQEmbedder(weights=pretrainer.weights_, **channels)
    mean_embedder = BrainRVQEmbedder(weights=pretrainer.weights_, **recording)
    histogram = CodeHistogram(codebook_size=64, per_channel=True)
    X = windows.X
    features = {
        "log band power": log_band_power(X),
        "code histogram": histogram.fit_transform(tokenizer.transform(X)),
        "random encoder, channels": random.fit_transform(X),
        "pretrained, mean": mean_embedder.fit_transform(X),
        "pretrained, channels": embedder.fit_transform(X),
    }
    both = [features["log band power"], features["pretrained, channels"]]
    features["band power and pretrained"] = np.concatenate(both, axis=1)
    # Centred per person, with all windows of each person and no labels.
    people = windows.subjects
    centering = SubjectCentering().fit(features["log band power"], subjects=people)
    features |= {
        "log band power, centred": centering.transform(features["log band power"], subjects=people),
        "pretrained, mean, centred": mean_embedder.set_params(center_by="subject").fit_transform(
            X, subjects=people
        ),
    }
    return features


def evaluate(model, X, windows: Windows) -> np.ndarray:
    """Compute AUROC and balanced accuracy of each fold, shape (4, 2).

    Each fold tests on one unseen subject and trains on all others.
    """
    known = np.isin(windows.subjects, UNLABELLED)
    unseen = np.flatnonzero(~known)
    folds = GroupKFold(n_splits=len(UNSEEN)).split(unseen, groups=windows.subjects[unseen])
    scores = []
    for _, rows in folds:
        test = unseen[rows]
        train = np.setdiff1d(np.arange(len(windows.y)), test)
        model.fit(X[train], windows.y[train])
        probability = model.predict_proba(X[test])[:, 1]
        truth = windows.y[test]
        scores.append(
            (roc_auc_score(truth, probability), balanced_accuracy_score(truth, probability > 0.5))
        )
    return np.array(scores)


def print_table(
    windows: Windows, tokenizer: DDRVQTransformer, pretrainer: BrainRVQPretrainer, recording: dict
) -> None:
    """Score every system on the same folds."""
    print("\nRest against arithmetic, four unseen subjects, one per fold: mean (sd)")
    print(f"{'':36} {'AUROC':>13} {'balanced acc.':>16}")

    def row(name: str, scores: np.ndarray) -> None:
        (auroc, accuracy), (auroc_sd, accuracy_sd) = scores.mean(0), scores.std(0, ddof=1)
        print(f"{name:36} {auroc:>6.3f} ({auroc_sd:.3f}) {accuracy:>8.3f} ({accuracy_sd:.3f})")

    for name, X in frozen_features(windows, tokenizer, pretrainer, recording).items():
        # Counts are sparse, so they are not centred; their C was chosen within subjects 00-23.
        sparse = name == "code histogram"
        model = linear_classifier(MaxAbsScaler(), C=0.001) if sparse else linear_classifier()
        row(f"{name} + LR", evaluate(model, X, windows))
    tuned = BrainRVQClassifier(
        weights=pretrainer.weights_,
        max_epochs=3,
        lr=5e-4,
        batch_size=32,
        class_weight="balanced",
        random_state=SEED,
        verbose=1,
        **recording,
    )
    row("pretrained, fine-tuned", evaluate(tuned, windows.X, windows))


def seconds_of(X: np.ndarray) -> np.ndarray:
    """Return seconds of all channels, each standardised like the tokenizer's waveforms."""
    seconds = X.reshape(-1, 200)
    centred = seconds - seconds.mean(-1, keepdims=True)
    return (centred / (centred.std(-1, keepdims=True) + 1e-6)).astype(np.float32)


def explained_by_k_means(seen: np.ndarray, unseen: np.ndarray, sizes: list[int]) -> list[float]:
    """Compute the explained variance of residual k-means on seconds: the simple code to beat."""
    known, rest, explained = seconds_of(seen), seconds_of(unseen), []
    total = rest.var()
    for size in sizes:
        means = MiniBatchKMeans(size, batch_size=4096, n_init=1, random_state=SEED).fit(known)
        known -= means.cluster_centers_[means.predict(known)]
        rest -= means.cluster_centers_[means.predict(rest)]
        explained.append(1 - float(rest.var() / total))
    return explained


def print_codes(tokenizer: DDRVQTransformer, seen: Windows, unseen: Windows) -> None:
    """Print what each level of codes explains on unseen subjects, and how codes are used."""
    print("\nCodes: explained variance of the waveform on unseen subjects, and code use")
    print(f"{'level':>7} {'explained':>10} {'k-means':>8}", end="")
    print(f" {'time: used':>11} {'perplexity':>11} {'frequency: used':>16} {'perplexity':>11}")
    n_levels = tokenizer.codebook_usage_.shape[1]
    by_k_means = explained_by_k_means(seen.X, unseen.X, [64] * n_levels)
    for level in range(n_levels):
        explained = tokenizer.score(unseen.X, n_levels=level + 1)
        usage, perplexity = tokenizer.codebook_usage_[:, level], tokenizer.perplexity_[:, level]
        print(f"{level + 1:>7} {explained:>10.3f} {by_k_means[level]:>8.3f}", end="")
        print(f" {usage[0]:>11.0%} {perplexity[0]:>11.1f}", end="")
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
    """Run the whole example."""
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
    tokenizer = DDRVQTransformer(max_epochs=6, **small, **recording).fit(seen.X)
    pretrainer = BrainRVQPretrainer(tokenizer.weights_, max_epochs=5, **small, **recording)
    pretrainer.fit(seen.X)

    print_codes(tokenizer, seen, unseen)
    print_table(windows, tokenizer, pretrainer, recording)
    draw(tokenizer, unseen, output)
    print(f"Time: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
