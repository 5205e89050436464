"""Compare full, LoRA and frozen fine-tuning of one pretrained encoder on EEGMAT.

Pretrains on unlabelled windows of subjects 00-23. For each strategy the learning rate and the
number of training epochs are chosen by AUROC on subjects 18-23 after training on 00-17. The
strategy is then scored on subjects 24-27, one per fold, after training on everybody else. Prints
a table with the number of trained parameters.

    python benchmarks/fine_tuning.py --data FOLDER [--architecture tiny] [--seeds 3] [--json FILE]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from table.allowed import eegmat_windows

from sk_brainrvq import BrainRVQClassifier, BrainRVQPretrainer
from sk_brainrvq.datasets import Windows

FIRST, CHOICE, UNSEEN = range(18), range(18, 24), range(24, 28)
STRATEGIES = ("frozen", "lora", "full")
RATES = (3e-4, 1e-3, 3e-3)
MOST_EPOCHS = 12


def classifier(strategy: str, common: dict, **params) -> BrainRVQClassifier:
    """Classifier for one strategy."""
    return BrainRVQClassifier(
        head="mean",
        strategy=strategy,
        batch_size=32,
        class_weight="balanced",
        **common,
        **params,
    )


def choose(strategy: str, windows: Windows, common: dict) -> dict:
    """Choose the learning rate and number of epochs with the best validation AUROC."""
    train, held_out = windows.of_subjects(FIRST), windows.of_subjects(CHOICE)
    best = {"auroc": -1.0}
    for lr in RATES:
        model = classifier(
            strategy,
            common,
            lr=lr,
            max_epochs=MOST_EPOCHS,
            validation=(held_out.X, held_out.y),
            criterion="auroc",
            random_state=0,
        ).fit(train.X, train.y)
        curve = [row["valid_auroc"] for row in model.history_]
        epochs = int(np.argmax(curve)) + 1
        print(f"{strategy:7} lr {lr:g}: AUROC {curve[epochs - 1]:.3f} after {epochs} epochs")
        if curve[epochs - 1] > best["auroc"]:
            best = {"auroc": curve[epochs - 1], "lr": lr, "max_epochs": epochs}
    return best


def evaluate(strategy: str, chosen: dict, windows: Windows, common: dict, seeds: int) -> dict:
    """Scores on the unseen subjects: means over folds, one row per seed."""
    unseen = np.flatnonzero(np.isin(windows.subjects, UNSEEN))
    scores, n_trained = [], 0
    for seed in range(seeds):
        of_folds = []
        for _, rows in GroupKFold(len(UNSEEN)).split(unseen, groups=windows.subjects[unseen]):
            test = unseen[rows]
            train = np.setdiff1d(np.arange(len(windows.y)), test)
            model = classifier(
                strategy,
                common,
                lr=chosen["lr"],
                max_epochs=chosen["max_epochs"],
                random_state=seed,
            )
            model.fit(windows.X[train], windows.y[train])
            n_trained = model.n_trained_parameters_
            truth, score = windows.y[test], model.decision_function(windows.X[test])
            predicted = model.predict(windows.X[test])
            of_folds.append(
                (roc_auc_score(truth, score), balanced_accuracy_score(truth, predicted))
            )
        scores.append(of_folds)
    return {
        "strategy": strategy,
        "n_trained": n_trained,
        "chosen": chosen,
        "scores": scores,
    }


def show(row: dict) -> str:
    """Line of the table."""
    scores = np.array(row["scores"])
    (auroc, accuracy), (auroc_sd, accuracy_sd) = scores.mean((0, 1)), scores.mean(0).std(0)
    seed_sd = scores.mean(1)[:, 0].std()
    return (
        f"| {row['strategy']} | {row['n_trained']:,} | {row['chosen']['lr']:g} | "
        f"{row['chosen']['max_epochs']} | {auroc:.3f} ({auroc_sd:.3f}) | {seed_sd:.3f} | "
        f"{accuracy:.3f} ({accuracy_sd:.3f}) |"
    )


def main() -> None:
    """Pretrain, choose, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with EEGMAT's EDF files")
    parser.add_argument("--architecture", default="tiny")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    windows = eegmat_windows(options.data, [*FIRST, *CHOICE, *UNSEEN])
    recording = {"sfreq": windows.sfreq, "ch_names": windows.ch_names}
    unlabelled = windows.of_subjects([*FIRST, *CHOICE]).X
    pretrainer = BrainRVQPretrainer(
        architecture=options.architecture,
        tokenizer_max_epochs=6,
        max_epochs=5,
        lr=2e-3,
        batch_size=8,
        random_state=0,
        verbose=1,
        **recording,
    ).fit(unlabelled)
    common = {"weights": pretrainer.weights_, **recording}
    rows = []
    for strategy in STRATEGIES:
        chosen = choose(strategy, windows, common)
        rows.append(evaluate(strategy, chosen, windows, common, options.seeds))
        print(show(rows[-1]), flush=True)
    print(
        "\n| strategy | trained parameters | lr | epochs | AUROC (sd of folds) | sd of seeds |",
        end="",
    )
    print(" balanced accuracy (sd of folds) |\n|---|---|---|---|---|---|---|")
    print("\n".join(show(row) for row in rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
