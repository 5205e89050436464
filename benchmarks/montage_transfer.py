"""Train with one cap, test other people with another, and see how much accuracy is left.

Uses EEGMAT's people to develop on, in the project's folds. A montage has as many of the 19
electrodes as a headset has, each the nearest to one of the headset's. The classifier learns from
people with the montage of a row and classifies other people with that of a column, each person
centred. The embedding and its tokens are compared with the same without network, with those of a
random network, and with manual methods: band power of the nearest electrode, and of signals
interpolated to the training cap by spherical splines (MNE). Intervals are over people.

    python benchmarks/montage_transfer.py --data FOLDER_WITH_EEGMAT [--weights default]
        [--json FILE]
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
from table.output import shown_estimate
from table.people import Scored, figures, person_figures, pooled_over_datasets
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
EMBEDDING, BOTH_TOKENS = "default embedding", "class token and mean tokens"
NEAREST = "7 bands of the nearest electrode"
# Whose lead over whom is printed.
LEADS = {
    EMBEDDING: ("the same without network", "embedding of a random network", NEAREST),
    BOTH_TOKENS: (f"{BOTH_TOKENS}, random network", NEAREST),
}
MEASURES = ("auroc_pooled", "auroc_per_person", "balanced_accuracy_pooled")
Features = Callable[[str, str], NDArray]  # by the montages of training and of the windows


def template() -> str:
    """Name of the template of electrode positions, which MNE 1.12 changed."""
    known = mne.channels.get_builtin_montages()
    return "colin27_1020" if "colin27_1020" in known else "standard_1020"


def epochs_of(task: Task, montage: str) -> mne.EpochsArray:
    """All windows with the electrodes of a montage, and the person of each."""
    names = MONTAGES[montage]
    X = task.X[:, [task.ch_names.index(name) for name in names]]
    info = mne.create_info(list(names), SFREQ, "eeg").set_montage(template())
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
    places = mne.channels.make_standard_montage(template()).get_positions()["ch_pos"]
    own = np.array([places[name] for name in there])
    return [int(np.linalg.norm(own - places[name], axis=1).argmin()) for name in wanted]


class Embeddings:
    """Features of one embedder, computed once per pair of montages, and parts of them."""

    def __init__(self, task: Task, **params: Any):
        shared = {"filters": None, "center_by": "subject", "pooling": "mean_cls"}
        self.task, self.params = task, shared | params
        self.fitted: dict[str, BrainRVQEmbedder] = {}
        self.done: dict[tuple[str, str], NDArray] = {}
        self.part_of_column = np.empty(0, dtype=str)

    def parts(self, wanted: Sequence[str], trained: str, montage: str) -> NDArray:
        """Embed windows with a montage by an embedder fitted with the training montage.

        ``wanted`` are some of "mean", "cls" (both from the network) and "summaries".
        """
        if trained not in self.fitted:
            embedder = BrainRVQEmbedder(**self.params)
            self.fitted[trained] = embedder.fit(epochs_of(self.task, trained))
        if (trained, montage) not in self.done:
            embedder = self.fitted[trained]
            starts = [name.partition("_")[0] for name in embedder.get_feature_names_out()]
            self.part_of_column = np.array(
                [start if start in ("mean", "cls") else "summaries" for start in starts]
            )
            self.done[trained, montage] = embedder.transform(epochs_of(self.task, montage))
        return self.done[trained, montage][:, np.isin(self.part_of_column, wanted)]


def systems(task: Task, weights: str = "default") -> dict[str, Features]:
    """Systems to compare, by row label."""
    own = Embeddings(task, weights=weights).parts
    random = Embeddings(task, weights=None, architecture=Architecture(depth=6), random_state=0)
    default, both = ("mean", "summaries"), ("mean", "cls")
    return {
        EMBEDDING: partial(own, default),
        "the same without network": partial(own, ("summaries",)),
        "embedding of a random network": partial(random.parts, default),
        "tokens only": partial(own, ("mean",)),
        "tokens only, random network": partial(random.parts, ("mean",)),
        BOTH_TOKENS: partial(own, both),
        f"{BOTH_TOKENS}, random network": partial(random.parts, both),
        NEAREST: partial(band_power, task, by="nearest"),
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


def results(task: Task, montages: Sequence[str], weights: str) -> Iterator[dict[str, Any]]:
    """One record per system and pair of montages."""
    for label, features in systems(task, weights).items():
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


def leads(records: Sequence[dict[str, Any]]) -> str:
    """Leads per person with their intervals: one column per test montage, the last over pairs."""
    montages = list(dict.fromkeys(record["tested"] for record in records))
    tested = [f"tested: {name}" for name in montages]
    lines = [["lead", "trained with", *tested, "mean over other caps"]]
    lines.append(["---"] * len(lines[0]))
    found = {(r["system"], r["trained"], r["tested"]): pd.Series(r["people"]) for r in records}
    for own, others in LEADS.items():
        for other in others:
            lead = {
                (trained, tested): found[own, trained, tested] - found[other, trained, tested]
                for trained in montages
                for tested in montages
            }
            for trained in montages:
                cells = [_shown(lead[trained, tested]) for tested in montages]
                away = sum(lead[trained, name] for name in montages if name != trained)
                cells.append(_shown(away / (len(montages) - 1)))
                lines.append([f"{own}, over {other}", trained, *cells])
            away = [values for (trained, tested), values in lead.items() if trained != tested]
            of_all = _shown(sum(away) / len(away))
            lines.append([f"{own}, over {other}", "all", *[""] * len(montages), of_all])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(lead: pd.Series) -> str:
    return shown_estimate(pooled_over_datasets({"eegmat": lead.to_dict()}), "+")


def evaluate(options: argparse.Namespace) -> str:
    """All tables."""
    warnings.filterwarnings("ignore")
    task = load_task("eegmat", options.data, "develop")
    montages = [FULL, "occipital, 2"] if options.quick else list(MONTAGES)
    records: list[dict[str, Any]] = []
    for record in results(task, montages, options.weights):
        records.append(record)
        print(record["system"], record["trained"], record["tested"], record["figures"], flush=True)
        if options.json is not None:  # after each, so that an interrupted run keeps its figures
            lines = ",\n".join(json.dumps(each) for each in records)
            options.json.write_text(f"[\n{lines}\n]\n")
    return "\n\n".join([table(records), leads(records)])


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run."""
    parser = described(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument("--weights", default="default", help="'default' or a path")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--quick", action="store_true", help="two montages instead of four")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())
