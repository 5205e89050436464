"""Compare pipelines on EEGMAT by MOABB's cross-subject evaluation.

Reads pipelines/, passes the names of EEGMAT's channels to those that need them, scores each on
subjects that it was not fitted on, and prints a table. The frozen encoder does not learn from any
subject, so it embeds each recording once (MOABB's postprocess_pipeline) instead of once per fold.
Writes the results as a CSV file, with MOABB's figures beside it.

    python benchmarks/moabb_eegmat.py [--data FOLDER] [--subjects 0-27] [--results FOLDER] [--quick]

Without --data the recordings are downloaded from PhysioNet (170 MB).
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from moabb.analysis import plotting
from moabb.analysis.meta_analysis import compute_dataset_statistics
from moabb.evaluations import CrossSubjectEvaluation
from moabb.pipelines.utils import parse_pipelines_from_directory
from sklearn.pipeline import Pipeline, make_pipeline
from table.answering import answered, described

from sk_brainrvq import BrainRVQEmbedder, Weights
from sk_brainrvq.datasets import BENCHMARK_SPLITS, RestAgainstTask, Zyma2019, make_eeg
from sk_brainrvq.datasets.eegmat import CH_NAMES

FOLDER = Path(__file__).parent / "pipelines"
PIPELINES = (
    "Band power + LR",
    "Tangent space + LR",
    "Spectra and covariance + LR",
    "Covariance and band power + LR",
    "BrainRVQ + LR",
)
RIVAL = PIPELINES[0]
METRICS = {"AUROC": "roc_auc", "balanced accuracy": "balanced_accuracy", "AP": "average_precision"}


def read_pipelines(names: Sequence[str]) -> dict[str, Pipeline]:
    """Pipelines of the folder by name, for EEGMAT's channels."""
    found = {
        entry["name"]: entry["pipeline"] for entry in parse_pipelines_from_directory(str(FOLDER))
    }
    unknown = sorted(set(names) - found.keys())
    if unknown:
        raise ValueError(f"No pipelines {unknown} in {FOLDER}; there are {sorted(found)}.")
    chosen = {name: found[name] for name in names}
    for pipeline in chosen.values():
        named = [key for key in pipeline.get_params() if key.endswith("__ch_names")]
        pipeline.set_params(**{key: list(CH_NAMES) for key in named})
    return chosen


def evaluate(
    pipelines: dict[str, Pipeline], dataset: Zyma2019, results: Path, folds: int | None
) -> pd.DataFrame:
    """One row per pipeline and held-out subject or, with ``folds``, group of subjects."""

    def evaluation(*differences: object) -> CrossSubjectEvaluation:
        # MOABB keeps results by pipeline and test subject: it knows neither the other subjects
        # nor what embeds, nor which weights are the default ones.
        default = Weights("default").digest
        told_apart = repr((dataset.subject_list, default, *differences)).encode()
        return CrossSubjectEvaluation(
            RestAgainstTask(scorer=list(METRICS.values())),
            [dataset],
            n_splits=folds,
            hdf5_path=str(results),
            suffix=("subjects" if folds is None else f"{folds}-folds")
            + f"-{hashlib.sha256(told_apart).hexdigest()[:8]}",
        )

    frozen = {n: p for n, p in pipelines.items() if isinstance(p[0], BrainRVQEmbedder)}
    others = {name: pipeline for name, pipeline in pipelines.items() if name not in frozen}
    frames = [evaluation().process(others)] if others else []
    for name, pipeline in frozen.items():
        # Fitting an embedder only loads its weights and reads the channels, so any EEG will do.
        example = make_eeg(1, 2, ch_names=list(CH_NAMES), random_state=0).X
        embedder = pipeline[0].fit(example)
        own = evaluation(embedder.weights_.digest, sorted(embedder.get_params().items()))
        frames.append(
            own.process({name: pipeline[1:]}, postprocess_pipeline=make_pipeline(embedder))
        )
    return pd.concat(frames, ignore_index=True)


def table(results: pd.DataFrame, names: Sequence[str]) -> str:
    """Means (and standard deviations over rows) as Markdown."""
    lines = [
        f"| pipeline | {' | '.join(METRICS)} |",
        "|---|" + "---|" * len(METRICS),
    ]
    for name in names:
        rows = results[results.pipeline == name]
        cells = [
            f"{rows[f'score_{metric}'].mean():.3f} ({rows[f'score_{metric}'].std():.3f})"
            for metric in METRICS.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(results: pd.DataFrame, names: Sequence[str], folder: Path) -> None:
    """Draw MOABB's figures of the AUROC, each pipeline against the rival."""
    figures = {"scores": plotting.score_plot(results)[0]}
    statistics = compute_dataset_statistics(results)
    for name in names:
        if name != RIVAL and RIVAL in names:
            slug = name.lower().replace(" + ", "-").replace(" ", "-")
            figures[f"paired-{slug}"] = plotting.paired_plot(results, RIVAL, name)
            figures[f"meta-{slug}"] = plotting.meta_analysis_plot(statistics, name, RIVAL)
    for name, figure in figures.items():
        figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")


def numbers(text: str) -> list[int]:
    """Parse subjects from "0-27" or "3,5,8-10"."""
    parts = [part.split("-") for part in text.split(",")]
    return [number for part in parts for number in range(int(part[0]), int(part[-1]) + 1)]


def read_dataset(options: argparse.Namespace) -> Zyma2019:
    """Recordings of at least two people to develop on, downloaded if no folder is given."""
    if options.data is not None and not options.data.is_dir():
        raise FileNotFoundError(f"--data {options.data} is not a folder.")
    subjects = list(dict.fromkeys(options.subjects))
    BENCHMARK_SPLITS["eegmat"].check(subjects)
    dataset = Zyma2019(options.data, subjects[:5] if options.quick else subjects)
    n_subjects = len(dataset.subject_list)
    if n_subjects < 2:
        raise ValueError(
            f"--subjects {dataset.subject_list} was given; expected two or more, since each is "
            "scored by a model fitted on others."
        )
    if options.folds is not None and not 2 <= options.folds <= n_subjects:
        raise ValueError(
            f"--folds {options.folds} was given; expected 2 to {n_subjects}, as many as subjects."
        )
    try:
        for subject in dataset.subject_list:
            dataset.data_path(subject)
    except OSError as error:
        raise OSError(
            f"EEGMAT could not be downloaded; pass --data FOLDER, where its files are ({error})"
        ) from error
    return dataset


def compare(options: argparse.Namespace) -> None:
    """Evaluate, print, draw."""
    pipelines = read_pipelines(options.pipelines)
    if options.weights is not None:
        weights = None if options.weights == "random" else Weights(options.weights)
        for pipeline in pipelines.values():
            weighted = [k for k in pipeline.get_params() if k.endswith("__weights")]
            settings = dict.fromkeys(weighted, weights)
            seeds = [k.replace("__weights", "__random_state") for k in weighted]
            pipeline.set_params(**settings, **dict.fromkeys(seeds, 0))
    dataset = read_dataset(options)
    options.results.mkdir(parents=True, exist_ok=True)
    results = evaluate(pipelines, dataset, options.results, options.folds)
    results.to_csv(options.results / "results.csv", index=False)
    draw(results, options.pipelines, options.results)
    per = "subjects" if options.folds is None else f"{options.folds} folds of subjects"
    print(f"\n{len(dataset.subject_list)} subjects; mean (sd) over {per}.\n")
    print(table(results, options.pipelines))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    parser.add_argument("--data", type=Path, help="folder with EEGMAT's EDF files")
    parser.add_argument("--subjects", type=numbers, default=numbers("0-27"), help='as in "0-27"')
    parser.add_argument("--results", type=Path, default=Path("moabb_results"))
    parser.add_argument("--folds", type=int, help="folds of subjects; default one per subject")
    parser.add_argument("--pipelines", nargs="+", default=list(PIPELINES), metavar="NAME")
    parser.add_argument(
        "--weights", help='path of weights to use instead of "default"; or "random"'
    )
    parser.add_argument("--quick", action="store_true", help="only the first five subjects")
    mpl.use("Agg")
    return answered(parser, arguments, compare)


if __name__ == "__main__":
    sys.exit(main())
