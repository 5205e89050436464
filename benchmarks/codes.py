"""Are codes worth their bits? Explained variance of unseen people's EEG, against simple codes.

Fits the tokenizer, the published one, residual k-means and scalar codes of principal components on
the same people, and scores them on others at the same number of bits. By default the last seventh
of the people to develop on is scored, after a fit on the others; ``--split once`` fits on all of
them and scores the people who are scored once per release.

    python benchmarks/codes.py --dataset eegmat --data FOLDER [--max-epochs 10] [--seeds 3]
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rates import measures, rivals
from rates.designs import (
    DESIGNS,
    building,
    electrodes_of,
    fitted,
    row_of,
    rows_of_tokenizer,
)
from rates.results import SETTINGS, Results, draw, header, shown
from table.tasks import Task, load_task

from sk_brainrvq import DDRVQTransformer

KMEANS = "residual k-means"
FILTERED = KMEANS + ", spatial filter"


def people_of(task: Task, people: NDArray) -> tuple[NDArray, NDArray]:
    """Return windows of some people, cut to whole seconds, and the person of each."""
    chosen = np.isin(task.subjects, people)
    n_samples = task.X.shape[-1] // 200 * 200
    return task.X[chosen][..., :n_samples], task.subjects[chosen]


def rows_of_rivals(
    known: NDArray, X: NDArray, subjects: NDArray, options: argparse.Namespace, seed: int
) -> list[dict]:
    """Residual k-means, scalar codes of components, and both Gaussian bounds."""
    target = measures.standardised(X)
    flat, flat_known = target.reshape(-1, 200), measures.standardised(known).reshape(-1, 200)
    start = time.perf_counter()
    waveforms, perplexities = rivals.residual_kmeans(
        flat_known, flat, options.codes, options.levels, seed
    )
    seconds, rows = time.perf_counter() - start, []
    distances = spectral_distances(known, X, options, seed)
    for level, waveform in enumerate(waveforms, 1):
        row = row_of(target, waveform.reshape(target.shape), subjects, level, options)
        row |= {"code": KMEANS, "seconds": seconds, "perplexity": perplexities[level - 1]}
        row["spectral_distance"] = distances[level - 1]
        row["phase_error"] = measures.phase_error(X, measures.phases(waveform))
        rows.append(row)
        scalar = rivals.scalar_components(flat_known, flat, round(row["bits"]), seed)
        row = row_of(target, scalar.reshape(target.shape), subjects, level, options)
        rows.append(row | {"code": "components, scalar codes"})
        own, together = rivals.bounds(target, row["bits"])
        common = {"levels": level, "bits": row["bits"]}
        rows.append({**common, "code": "bound, one channel", "explained": own})
        rows.append({**common, "code": "bound, channels together", "explained": together})
    return rows + rows_in_microvolts(known, X, options, seed)


def spectral_distances(
    known: NDArray, X: NDArray, options: argparse.Namespace, seed: int
) -> list[dict[str, float]]:
    """Log-spectral distance of residual k-means on log spectra, by band and level."""
    spectra, spectra_known = (measures.log_spectra(part) for part in (X, known))
    flat, flat_known = spectra.reshape(-1, 101), spectra_known.reshape(-1, 101)
    decoded, _ = rivals.residual_kmeans(flat_known, flat, options.codes, options.levels, seed)
    return [
        measures.log_spectral_distance(spectra, spectrum.reshape(spectra.shape))
        for spectrum in decoded
    ]


def rows_of_filtered(
    known: NDArray,
    X: NDArray,
    subjects: NDArray,
    options: argparse.Namespace,
    seed: int,
    tasks: tuple[Task, Task],
) -> list[dict]:
    """Residual k-means decoded with the tokenizer's spatial filter: what the network adds."""
    target, settings = measures.standardised(X), (options.codes, options.levels, seed)
    own, other = (electrodes_of(task.ch_names) for task in tasks)
    waveforms = rivals.filtered_kmeans(measures.standardised(known), target, settings, (own, other))
    spectra = measures.log_spectra(X)
    decoded = rivals.filtered_kmeans(measures.log_spectra(known), spectra, settings, (own, other))
    rows = []
    for level, (waveform, spectrum) in enumerate(zip(waveforms, decoded, strict=True), 1):
        row = row_of(target, waveform, subjects, level, options) | {"code": FILTERED}
        row["spectral_distance"] = measures.log_spectral_distance(spectra, spectrum)
        row["phase_error"] = measures.phase_error(X, measures.phases(waveform))
        rows.append(row)
    return rows


def rows_in_microvolts(
    known: NDArray, X: NDArray, options: argparse.Namespace, seed: int
) -> list[dict]:
    """Residual k-means of seconds in microvolts, with twice the levels: rival of both domains."""
    patches, flat_known = (part.reshape(*part.shape[:2], -1, 200) for part in (X, known))
    mean = patches.mean(-1, keepdims=True)
    flat_known = (flat_known - flat_known.mean(-1, keepdims=True)).reshape(-1, 200)
    flat = (patches - mean).reshape(-1, 200)
    decoded, _ = rivals.residual_kmeans(flat_known, flat, options.codes, 2 * options.levels, seed)
    rows = []
    for level in range(1, options.levels + 1):
        signal = (decoded[2 * level - 1].reshape(patches.shape) + mean).reshape(X.shape)
        row = {"levels": 2 * level, "bits": 2 * level * np.log2(options.codes)}
        row |= {"code": KMEANS + ", microvolts"}
        rows.append(row | {"both_domains": measures.explained_signal(X, signal)})
    return rows


def parsed() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="eegmat")
    parser.add_argument("--data", type=Path, help="folder of the data set")
    parser.add_argument("--across", help="another data set to score on")
    parser.add_argument("--across-data", type=Path, help="its folder")
    parser.add_argument("--split", choices=["develop", "once"], default="develop")
    # The bundled tokenizer has seen EEGMAT's people to develop on: use it only on request.
    trained = [design for design in DESIGNS if design != "bundled"]
    parser.add_argument("--designs", nargs="*", choices=list(DESIGNS), default=trained)
    parser.add_argument("--architecture", default="small", choices=["tiny", "small", "base"])
    parser.add_argument("--codes", type=int, default=512)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--max-epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--checkpoints", type=Path, help="folder; continue trainings from it")
    parser.add_argument(
        "--json", type=Path, help="file for the figures; those already in it are reused"
    )
    parser.add_argument(
        "--picture", type=Path, help="file for a plot of the first data set's curves"
    )
    return parser.parse_args()


def judged_people(task: Task, options: argparse.Namespace) -> tuple[NDArray, dict]:
    """Return the windows to fit on, and those to score by data set: (task, X, subjects)."""
    people = np.unique(task.subjects)
    held_out = people[-max(1, len(people) // 7) :]
    if options.split == "once":
        known, _ = people_of(task, people)
        once = load_task(options.dataset, options.data, "once")
        split = [person for person in np.unique(once.subjects) if person not in people]
        judged = {options.dataset: (once, *people_of(once, np.array(split)))}
    else:
        known, _ = people_of(task, np.setdiff1d(people, held_out))
        judged = {options.dataset: (task, *people_of(task, held_out))}
    if options.across:
        other = load_task(options.across, options.across_data, "develop")
        people = np.unique(other.subjects)
        judged[options.across] = (other, *people_of(other, people[-max(1, len(people) // 7) :]))
    return known, judged


def score_design(
    design: str, known: NDArray, judged: dict, seed: int, run: tuple[Task, argparse.Namespace]
) -> list[dict]:
    """Fit a design once, and score it on each data set."""
    (task, options), rows = run, []
    with building(design):
        tokenizer, seconds = fitted(design, known, task, options, seed)
        for name, (held, X, subjects) in judged.items():
            reader = DDRVQTransformer(tokenizer.weights_, sfreq=200, ch_names=held.ch_names)
            found = rows_of_tokenizer(reader.fit(X[:1]), X, subjects, options)
            about: dict = {"scored": name, "seed": seed, "code": design}
            about |= {} if seconds is None else {"seconds": seconds}
            rows += [about | row for row in found]
    return rows


def main() -> None:
    """Fit, score and print."""
    options = parsed()
    results = Results(options.json, {name: getattr(options, name) for name in SETTINGS})
    split = None if options.dataset == "simulated" else "develop"
    task = load_task(options.dataset, options.data, split)
    known, judged = judged_people(task, options)
    print(header())
    for row in results.rows:
        print(shown(row))
    for seed in range(options.seeds):
        for name, (held, X, subjects) in judged.items():
            about: dict = {"scored": name, "seed": seed}
            if not results.has(name, KMEANS, seed):
                found = rows_of_rivals(known, X, subjects, options, seed)
                results.add([about | row for row in found])
            if not results.has(name, FILTERED, seed):
                found = rows_of_filtered(known, X, subjects, options, seed, (task, held))
                results.add([about | row for row in found])
        for design in options.designs:
            missing = {n: of for n, of in judged.items() if not results.has(n, design, seed)}
            if missing:
                results.add(score_design(design, known, missing, seed, (task, options)))
    if options.picture:
        draw([row for row in results.rows if row["scored"] == options.dataset], options.picture)


if __name__ == "__main__":
    main()
