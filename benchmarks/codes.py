"""Are codes worth their bits? Explained variance of unseen people's EEG, against simple codes.

Fits the tokenizer, the published one, residual k-means and scalar codes of principal components on
the same people, and scores them on others at the same number of bits. By default the last seventh
of the people to develop on is scored, after a fit on the others; ``--split once`` fits on all of
them and scores those that each release is scored on once.

    python benchmarks/codes.py --dataset eegmat --data FOLDER [--max-epochs 20] [--seeds 3]
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rates import measures, rivals
from rates.measures import BANDS
from table.tasks import Task, load_task

from sk_brainrvq import Architecture, DDRVQTransformer

PUBLISHED = {"quantizer_mode": "official", "targets": "published", "spectral_embedding": False}
SHARED = {"latents": "shared"}
DESIGNS: dict[str, dict[str, Any]] = {"ours": {}, "shared latent": SHARED, "published": PUBLISHED}


def people_of(task: Task, people: NDArray) -> tuple[NDArray, NDArray]:
    """Windows of some people, cut to whole seconds, and whose they are."""
    chosen = np.isin(task.subjects, people)
    n_samples = task.X.shape[-1] // 200 * 200
    return task.X[chosen][..., :n_samples], task.subjects[chosen]


def fitted(design: str, known: NDArray, task: Task, options: argparse.Namespace, seed: int) -> Any:
    """A tokenizer of a design, and the seconds that its training took."""
    sizes = {"codebook_size": options.codes, "n_quantizers": options.levels}
    tokenizer = DDRVQTransformer(
        architecture=Architecture(options.architecture, **sizes, **DESIGNS[design]),
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
        sfreq=200,
        ch_names=task.ch_names,
        random_state=seed,
        verbose=1,
    )
    if design == "published":
        tokenizer.set_params(quantizer_dropout=0.0, lr=5e-4)
    start = time.perf_counter()
    return tokenizer.fit(known), time.perf_counter() - start


def rows_of_tokenizer(
    tokenizer: Any, X: NDArray, subjects: NDArray, options: argparse.Namespace
) -> list[dict]:
    """One row a level: waveform, and the spectrum where the codes hold it."""
    codes, target = tokenizer.transform(X), measures.standardised(X)
    spectra, rows = measures.log_spectra(X), []
    for level in range(1, options.levels + 1):
        waveform = tokenizer.inverse_transform(codes, n_levels=level)
        row = row_of(target, waveform, subjects, level, options)
        counts = np.bincount(codes[..., 0, level - 1].ravel(), minlength=options.codes)
        share = counts[counts > 0] / counts.sum()
        row["perplexity"] = float(np.exp(-(share * np.log(share)).sum()))
        amplitude = decoded_spectra(tokenizer, codes, level)
        if amplitude.shape == spectra.shape:
            row["spectral_distance"] = measures.log_spectral_distance(spectra, amplitude)
        rows.append(row)
    return rows


def decoded_spectra(tokenizer: Any, codes: NDArray, level: int) -> NDArray:
    """Log amplitudes that frequency codes stand for."""
    import torch

    from sk_brainrvq.signals.electrodes import electrode_rows, match_electrodes

    names = tokenizer.ch_names_in_
    electrodes = torch.from_numpy(electrode_rows(match_electrodes(names, len(names))))
    module, parts = tokenizer.net_.module_, []
    with torch.inference_mode():
        for batch in torch.from_numpy(codes).long().split(16):
            parts.append(module.decode(batch, electrodes, level).amplitude.numpy())
    return np.concatenate(parts)


def row_of(
    target: NDArray, decoded: NDArray, subjects: NDArray, level: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Figures of one reconstruction."""
    return {
        "levels": level,
        "bits": level * math.log2(options.codes),
        "explained": measures.explained(target, decoded),
        "interval": measures.interval(target, decoded, subjects, seed=0),
        "bands": measures.explained_by_band(target, decoded),
    }


def rows_of_rivals(
    known: NDArray, X: NDArray, subjects: NDArray, options: argparse.Namespace, seed: int
) -> list[dict]:
    """Residual k-means, scalar codes of components, and both Gaussian bounds."""
    target = measures.standardised(X)
    flat, flat_known = target.reshape(-1, 200), measures.standardised(known).reshape(-1, 200)
    spectra, spectra_known = (measures.log_spectra(part) for part in (X, known))
    start = time.perf_counter()
    size = (options.codes, options.levels, seed)
    waveforms, perplexities = rivals.residual_kmeans(flat_known, flat, *size)
    seconds, rows = time.perf_counter() - start, []
    decoded_spectra, _ = rivals.residual_kmeans(
        spectra_known.reshape(-1, 101), spectra.reshape(-1, 101), *size
    )
    for level, (waveform, spectrum) in enumerate(zip(waveforms, decoded_spectra, strict=True), 1):
        row = row_of(target, waveform.reshape(target.shape), subjects, level, options)
        row |= {"code": "residual k-means", "seconds": seconds}
        row["perplexity"] = perplexities[level - 1]
        shaped = spectrum.reshape(spectra.shape)
        row["spectral_distance"] = measures.log_spectral_distance(spectra, shaped)
        rows.append(row)
        scalar = rivals.scalar_components(flat_known, flat, round(row["bits"]), seed)
        row = row_of(target, scalar.reshape(target.shape), subjects, level, options)
        rows.append(row | {"code": "components, scalar codes"})
        own, together = rivals.bounds(target, row["bits"])
        common = {"levels": level, "bits": row["bits"]}
        rows.append({**common, "code": "bound, one channel", "explained": own})
        rows.append({**common, "code": "bound, channels together", "explained": together})
    return rows


def shown(row: dict[str, Any]) -> str:
    """One line of the table."""
    interval = "–".join(f"{value:.3f}" for value in row.get("interval", []))
    bands = " ".join(f"{value:6.2f}" for value in row.get("bands", {}).values())
    distance = " ".join(f"{value:5.2f}" for value in row.get("spectral_distance", {}).values())
    effective = f"{row['perplexity']:6.0f}" if "perplexity" in row else " " * 6
    seconds = f"{row['seconds']:6.0f}" if "seconds" in row else " " * 6
    return (
        f"{row['scored']:13} {row['code']:25} {row['seed']:>4} {row['bits']:5.0f} "
        f"{row['explained']:6.3f} {interval:11} {bands:34} {distance:29} {effective} {seconds}"
    )


def draw(rows: list[dict], path: Path) -> None:
    """Explained variance over bits, a line a code."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for code in dict.fromkeys(row["code"] for row in rows):
        own = [row for row in rows if row["code"] == code]
        bits = sorted({row["bits"] for row in own})
        means = [np.mean([row["explained"] for row in own if row["bits"] == b]) for b in bits]
        axes.plot(bits, means, "--" if code.startswith("bound") else "o-", label=code)
    axes.set(xlabel="Bits per second and channel", ylabel="Explained variance, people not seen")
    axes.legend()
    figure.savefig(path)


def parsed() -> argparse.Namespace:
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="eegmat")
    parser.add_argument("--data", type=Path, help="folder of the data set")
    parser.add_argument("--across", help="another data set to score on")
    parser.add_argument("--across-data", type=Path, help="its folder")
    parser.add_argument("--split", choices=["develop", "once"], default="develop")
    parser.add_argument("--designs", nargs="*", choices=list(DESIGNS), default=list(DESIGNS))
    parser.add_argument("--architecture", default="small", choices=["tiny", "small", "base"])
    parser.add_argument("--codes", type=int, default=512)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--max-epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    parser.add_argument("--picture", type=Path, help="draw the first data set's curves here")
    return parser.parse_args()


def main() -> None:
    """Fit, score and print."""
    options = parsed()
    split = None if options.dataset == "simulated" else "develop"
    task = load_task(options.dataset, options.data, split)
    people = np.unique(task.subjects)
    held_out = people[-max(1, len(people) // 7) :]
    known, _ = people_of(
        task, people if options.split == "once" else np.setdiff1d(people, held_out)
    )
    judged = {options.dataset: (task, *people_of(task, held_out))}
    if options.split == "once":
        once = load_task(options.dataset, options.data, "once")
        judged = {options.dataset: (once, *people_of(once, np.unique(once.subjects)))}
    if options.across:
        other = load_task(options.across, options.across_data, "develop")
        people = np.unique(other.subjects)
        judged[options.across] = (other, *people_of(other, people[-max(1, len(people) // 7) :]))
    rows = []
    for seed in range(options.seeds):
        for name, (_, X, subjects) in judged.items():
            found = rows_of_rivals(known, X, subjects, options, seed)
            rows += [{"scored": name, "seed": seed, **row} for row in found]
        for design in options.designs:
            tokenizer, seconds = fitted(design, known, task, options, seed)
            for name, (held, X, subjects) in judged.items():
                weights = tokenizer.weights_
                reader = DDRVQTransformer(weights, sfreq=200, ch_names=held.ch_names).fit(X[:1])
                found = rows_of_tokenizer(reader, X, subjects, options)
                about = {"scored": name, "seed": seed, "code": design, "seconds": seconds}
                rows += [about | row for row in found]
    bands = " ".join(f"{name:>6}" for name in BANDS)
    print(f"{'scored':13} {'code':25} seed  bits expl.  {'interval':11} {bands} LSD by band, dB")
    for row in rows:
        print(shown(row))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    if options.picture:
        draw([row for row in rows if row["scored"] == options.dataset], options.picture)


if __name__ == "__main__":
    main()
