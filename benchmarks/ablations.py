"""Remove each claim of the method in turn: pretrain on EEGMAT, score on held-out subjects.

Every variant pretrains a tiny encoder with the same data, batches and steps; features of its
frozen tokens (regions of the scalp, no spectra appended) go to the classifier of record. Folds
hold four subjects within 00-27, the subjects whose unlabelled EEG is used for pretraining: the
table compares variants, and does not show how they perform on subjects that no network has seen.

    python benchmarks/ablations.py --data FOLDER_WITH_EEGMAT --work FOLDER [--seeds 3]
        [--encoder-epochs 40] [--variants "flat prediction,random mask"]
"""

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from ablated import FULL, VARIANTS, pretrainer_class
from pretrain_default import FILTERS, SUBJECTS, recordings
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table.allowed import eegmat_windows

from sk_brainrvq import (
    Architecture,
    BrainRVQEmbedder,
    DDRVQTransformer,
    Filters,
    RandomCrops,
)
from sk_brainrvq.datasets import Windows

SIZES = {"preset": "tiny", "codebook_size": 128}
TRAINING = {
    "window": 30.0,
    "batch_size": 4,
    "lr": 2e-3,
    "crops": RandomCrops(),
    "device": "cpu",
    "verbose": 0,
    "filters": FILTERS,
}
TOKENIZER_EPOCHS, ENCODER_EPOCHS = 6, 10
UNTRAINED = "random encoder"


def features(
    variant: str, seed: int, epochs: int, raws: list, windows: Windows, work: Path
) -> np.ndarray:
    """Pretrain and embed; both results are kept in ``work``."""
    length = "" if epochs == ENCODER_EPOCHS or variant == UNTRAINED else f"-{epochs}-epochs"
    kept = work / f"{variant.replace(' ', '-')}-{seed}{length}.npy"
    if kept.exists():
        return np.load(kept)
    embedding: dict[str, Any] = {
        "sfreq": windows.sfreq,
        "ch_names": windows.ch_names,
        "pooling": "region",
        "spectrum": None,
        "covariance": False,
    }
    if variant == UNTRAINED:
        embedder = BrainRVQEmbedder(None, architecture="tiny", random_state=seed, **embedding)
    else:
        settings = VARIANTS[variant]
        sizes = {**SIZES, **settings.get("both", {})}
        both = {**TRAINING, "random_state": seed}
        # Runs are named by their settings: variants with the same tokenizer fit it once.
        tokenizer = DDRVQTransformer(
            max_epochs=TOKENIZER_EPOCHS,
            checkpoint_dir=work / "tokenizers",
            architecture=Architecture(**sizes, **settings.get("tokenizer", {})),
            **both,
        ).fit(raws)
        pretrainer = pretrainer_class(settings)(
            tokenizer.weights_,
            max_epochs=epochs,
            checkpoint_dir=work / f"{kept.stem}-checkpoints",
            architecture=Architecture(**sizes),
            **both,
        ).fit(raws)
        accuracy = pretrainer.history_[-1]["accuracies"]
        print(f"{variant}, seed {seed}: accuracies {accuracy}", file=sys.stderr, flush=True)
        filters = Filters(l_freq=None, h_freq=None)
        embedder = BrainRVQEmbedder(pretrainer.weights_, filters=filters, **embedding)
    result = embedder.fit_transform(windows.X)
    np.save(kept, result)
    return result


def fold_scores(X: np.ndarray, windows: Windows) -> np.ndarray:
    """Compute the AUROC of each fold of four subjects."""
    scores = []
    for first in range(0, len(SUBJECTS), 4):
        test = np.isin(windows.subjects, range(first, first + 4))
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000)
        ).fit(X[~test], windows.y[~test])
        scores.append(roc_auc_score(windows.y[test], model.decision_function(X[test])))
    return np.array(scores)


def interval(differences: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean over folds (Student's t)."""
    half = stats.sem(differences) * stats.t.ppf(0.975, len(differences) - 1)
    return differences.mean() - half, differences.mean() + half


def verdict(low: float, high: float) -> str:
    """Judge a part by the interval of the loss without it."""
    if low > 0:
        return "helps"
    return "harms" if high < 0 else "undecided"


def parsed() -> tuple[argparse.Namespace, list[str]]:
    """Parse the options; return them and the variants that they name."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument(
        "--work",
        type=Path,
        required=True,
        help="folder for results and runs, which are reused: take another one for other data",
    )
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--encoder-epochs",
        type=int,
        default=ENCODER_EPOCHS,
        help="epochs of pretraining; default 10",
    )
    parser.add_argument("--variants", help="some of them, separated by commas; default all")
    options = parser.parse_args()
    variants = [*VARIANTS, UNTRAINED]
    if options.variants:
        chosen = [name.strip() for name in options.variants.split(",")]
        if unknown := [name for name in chosen if name not in variants]:
            parser.error(f"--variants {unknown} are unknown; choose from {variants}.")
        variants = [FULL, *(name for name in variants if name in chosen and name != FULL)]
    return options, variants


def table(scores: dict[str, np.ndarray]) -> str:
    """One row per variant: its scores, and the lead of the full method over it."""
    lines = [
        "| variant | AUROC (sd of folds) | full method ahead by | 95 % interval | the part |",
        "|---|---|---|---|---|",
    ]
    for variant, values in scores.items():
        row = f"| {variant} | {values.mean():.3f} ({values.std(ddof=1):.3f}) |"
        if variant == FULL:
            lines.append(f"{row} | | |")
            continue
        lead = scores[FULL] - values
        low, high = interval(lead)
        lines.append(
            f"{row} {lead.mean():+.3f} | {low:+.3f} to {high:+.3f} | {verdict(low, high)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run all variants and print a table."""
    options, variants = parsed()
    warnings.filterwarnings("ignore")
    options.work.mkdir(parents=True, exist_ok=True)
    raws = recordings(options.data, SUBJECTS)
    windows = eegmat_windows(options.data, SUBJECTS)
    scores = {
        variant: np.mean(
            [
                fold_scores(
                    features(variant, seed, options.encoder_epochs, raws, windows, options.work),
                    windows,
                )
                for seed in range(options.seeds)
            ],
            axis=0,
        )
        for variant in variants
    }
    print(table(scores))
    path = options.work / "ablations.json"
    path.write_text(json.dumps({name: values.tolist() for name, values in scores.items()}))


if __name__ == "__main__":
    main()
