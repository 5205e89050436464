"""Train with one cap, test other people with another, and see how much accuracy is left.

Uses EEGMAT's people to develop on, in the project's folds. A montage has as many of the 19
electrodes as a headset has, each the nearest to one of the headset's. The classifier learns from
people with the montage of a row and classifies other people with that of a column, each person
centred. The embedding is compared with the same without network, with that of a random network,
and with manual methods: band power of the nearest electrode, and of signals interpolated to the
training cap by spherical splines (MNE).

    python benchmarks/montage_transfer.py --data FOLDER_WITH_EEGMAT [--json FILE]
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from table.answering import answered, described
from table.features import log_band_power
from table.linear import classifier_of_record
from table.people import Scored, figures, person_figures
from table.statistics import paired_difference
from table.system import predict
from table.tasks import SFREQ, Task, load_task, project_folds

from sk_brainrvq import Architecture, BrainRVQEmbedder, SubjectCentering

FULL = "19 electrodes"
# EEGMAT's electrodes nearest to those of the headsets: AF3 and AF4 are Fp1 and Fp2, FC5 and FC6
# are C3 and C4; TP9 and TP10 are T5 and T6, AF7 and AF8 are Fp1 and Fp2.
MONTAGES: dict[str, tuple[str, ...]] = {
    FULL: (
        *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T3", "C3", "Cz", "C4", "T4"),
        *("T5", "P3", "Pz", "P4", "T6", "O1", "O2"),
    ),
    "EPOC, 14": (
        *("Fp1", "Fp2", "F7", "F3", "F4", "F8", "T3", "C3", "C4", "T4", "T5", "T6", "O1", "O2"),
    ),
    "Muse, 4": ("Fp1", "Fp2", "T5", "T6"),
    "occipital, 2": ("O1", "O2"),
}
# Radius of the head in metres: two electrodes are too few for MNE to fit it.
_CENTRE = (0.0, 0.0, 0.04)
MEASURES = ("auroc_pooled", "auroc_per_person", "balanced_accuracy_pooled")
Features = Callable[[str, str], NDArray]  # by the montages of training and of the windows


def epochs_of(task: Task, montage: str) -> mne.EpochsArray:
    """All windows with the electrodes of a montage, and the person of each."""
    names = MONTAGES[montage]
    X = task.X[:, [task.ch_names.index(name) for name in names]]
    info = mne.create_info(list(names), SFREQ, "eeg").set_montage("standard_1020")
    metadata = pd.DataFrame({"subject": task.subjects})
    return mne.EpochsArray(X * 1e-6, info, metadata=metadata, verbose="error")


def band_power(task: Task, trained: str, montage: str, by: str) -> NDArray:
    """7-band log power at the training electrodes, each person centred."""
    epochs = epochs_of(task, montage)
    wanted = epochs_of(task, trained).get_montage()
    assert wanted is not None
    if by == "splines":
        missing = set(MONTAGES[trained]) - set(epochs.ch_names)
        if missing:
            with mne.utils.use_log_level("error"):
                epochs = epochs.interpolate_to(wanted, origin=_CENTRE, method="spline")
        X = epochs.get_data(picks=list(MONTAGES[trained]))
    else:
        X = epochs.get_data()[:, nearest(epochs.ch_names, MONTAGES[trained])]
    power = log_band_power(X * 1e6, 7)
    centering = SubjectCentering().fit(power, subjects=task.subjects)
    return centering.transform(power, subjects=task.subjects)


def nearest(there: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Index of the electrode closest to each wanted one."""
    places = mne.channels.make_standard_montage("standard_1020").get_positions()["ch_pos"]
    own = np.array([places[name] for name in there])
    return [int(np.linalg.norm(own - places[name], axis=1).argmin()) for name in wanted]


class Embeddings:
    """Features of one embedder, computed once per pair of montages, with and without tokens."""

    def __init__(self, task: Task, **params: Any):
        self.task, self.params = task, {"filters": None, "center_by": "subject", **params}
        self.done: dict[tuple[str, str], NDArray] = {}
        self.tokens = np.empty(0, dtype=bool)

    def whole(self, trained: str, montage: str) -> NDArray:
        """Embed windows with a montage by an embedder fitted with the training montage."""
        if (trained, montage) not in self.done:
            embedder = BrainRVQEmbedder(**self.params).fit(epochs_of(self.task, trained))
            names = embedder.get_feature_names_out()
            self.tokens = np.array([name.startswith("brainrvq") for name in names])
            self.done[trained, montage] = embedder.transform(epochs_of(self.task, montage))
        return self.done[trained, montage]

    def without_tokens(self, trained: str, montage: str) -> NDArray:
        """Columns that need no network."""
        return self.whole(trained, montage)[:, ~self.tokens]

    def tokens_only(self, trained: str, montage: str) -> NDArray:
        """Columns of the network."""
        return self.whole(trained, montage)[:, self.tokens]


def systems(task: Task) -> dict[str, Features]:
    """Systems to compare, by row label."""
    default = Embeddings(task)
    random = Embeddings(task, weights=None, architecture=Architecture(depth=6), random_state=0)
    return {
        "default embedding": default.whole,
        "the same without network": default.without_tokens,
        "embedding of a random network": random.whole,
        "tokens only": default.tokens_only,
        "tokens only, random network": random.tokens_only,
        "7 bands of the nearest electrode": partial(band_power, task, by="nearest"),
        "7 bands, interpolated by splines": partial(band_power, task, by="splines"),
    }


def transferred(task: Task, features: Features, trained: str, tested: str) -> Scored:
    """Predict each fold's people with one montage, trained on others with another."""
    train, test = features(trained, trained), features(trained, tested)
    probability = np.zeros((len(task.y), len(task.classes)))
    folds = np.zeros(len(task.y))
    for number, fold in enumerate(project_folds(task, "develop")):
        model = classifier_of_record().fit(train[fold.fitted], task.y[fold.fitted])
        probability[fold.test] = predict(model, test[fold.test], task)
        folds[fold.test] = number
    return Scored(task.y, probability, task.subjects, folds)


def results(task: Task, montages: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One record per system and pair of montages."""
    for label, features in systems(task).items():
        for trained in montages:
            for tested in montages:
                scored = transferred(task, features, trained, tested)
                of_all = figures(task.kind, [scored])
                yield {
                    "system": label,
                    "trained": trained,
                    "tested": tested,
                    "figures": {name: round(of_all[name], 4) for name in MEASURES},
                    "people": {
                        str(person): round(value, 4)
                        for person, value in person_figures("auroc_per_person", scored).items()
                    },
                }


def table(records: Sequence[dict[str, Any]], measure: str = "auroc_per_person") -> str:
    """Rows by system and training montage, columns by test montage."""
    montages = list(dict.fromkeys(record["tested"] for record in records))
    lines = [["system", "trained with", *(f"tested: {name}" for name in montages)]]
    lines.append(["---"] * len(lines[0]))
    found = {(r["system"], r["trained"], r["tested"]): r for r in records}
    for label, trained in dict.fromkeys((r["system"], r["trained"]) for r in records):
        cells = [
            f"{found[label, trained, tested]['figures'][measure]:.3f}".removeprefix("0")
            for tested in montages
        ]
        lines.append([label, trained, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def leads(records: Sequence[dict[str, Any]], over: str) -> str:
    """Lead of the default embedding over another row on caps not used in training."""
    found: dict[str, list[NDArray]] = {}
    for record in records:
        if record["trained"] != record["tested"]:
            found.setdefault(record["system"], []).append(np.array([*record["people"].values()]))
    own, other = (np.mean(found[label], axis=0) for label in ("default embedding", over))
    lead = paired_difference(own, other).estimate
    return (
        f"Default embedding over “{over}” on other caps, mean over pairs, per person: "
        f"{lead.mean:+.3f} [{lead.low:.3f}, {lead.high:.3f}]"
    )


def evaluate(options: argparse.Namespace) -> str:
    """All tables."""
    warnings.filterwarnings("ignore")
    task = load_task("eegmat", options.data, "develop")
    montages = [FULL, "occipital, 2"] if options.quick else list(MONTAGES)
    records: list[dict[str, Any]] = []
    for record in results(task, montages):
        records.append(record)
        print(record["system"], record["trained"], record["tested"], record["figures"], flush=True)
        if options.json is not None:  # after each, so that an interrupted run keeps its figures
            lines = ",\n".join(json.dumps(each) for each in records)
            options.json.write_text(f"[\n{lines}\n]\n")
    others = [label for label in systems(task) if not label.startswith(("default", "tokens"))]
    return "\n\n".join([table(records), *(leads(records, other) for other in others)])


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = described(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--quick", action="store_true", help="two montages instead of four")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())
