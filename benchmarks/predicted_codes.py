"""How well are codes of hidden seconds predicted? Bits and accuracy, against the best guesses.

Reads EEGMAT's windows of 5 s. For each level, the cross-entropy of the codes of hidden patches,
given the coarser ones, stands beside that of their frequencies in other people, and the accuracy
beside that of the most frequent code. Frequencies are those of subjects 00-27.

    python benchmarks/predicted_codes.py --data FOLDER_WITH_EEGMAT [--weights default,PATH]
        [--split once] [--json FILE]
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from table.allowed import PROJECT_SPLITS
from table.answering import answered, described
from table.tasks import Task, load_task
from torch.nn.functional import cross_entropy

from sk_brainrvq import DDRVQTransformer, Weights
from sk_brainrvq.nn import MaskedCodeModel, importance_guided_mask
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import electrode_rows
from sk_brainrvq.weights import resolve_weights

DOMAINS = ("waveform", "spectrum")
# Weight of importance in the masks: the middle of the training curriculum.
INFO_WEIGHT = 0.45
BATCH_SIZE = 16
PER_HUNDRED_MICROVOLTS = 0.01


def codes_of(task: Task, tokenizer: Weights, n_windows: int | None) -> tuple[NDArray, NDArray]:
    """Windows cut to whole seconds, evenly taken from all, and their codes."""
    rows = np.arange(len(task.X))
    if n_windows is not None and n_windows < len(rows):
        rows = np.linspace(0, len(rows) - 1, n_windows).astype(int)
    X = task.X[rows, :, : task.X.shape[-1] // 200 * 200]
    # EEGMAT was filtered before it was published.
    coder = DDRVQTransformer(tokenizer, ch_names=task.ch_names, sfreq=200, filters=None)
    return X, coder.fit(X[:1]).transform(X)


def guesses(known: NDArray, codes: NDArray, n_codes: int) -> tuple[NDArray, NDArray]:
    """Bits and accuracy of guessing codes by their frequency in other people.

    Parameters
    ----------
    known : ndarray of int, shape (n_known, 2, n_levels)
        Codes of the people whose frequencies are used.
    codes : ndarray of int, shape (n, 2, n_levels)
        Codes to guess.
    n_codes : int

    Returns
    -------
    bits : ndarray, shape (2, n_levels)
        Cross-entropy of the codes under the frequencies, each counted once more than it occurs.
    accuracy : ndarray, shape (2, n_levels)
        Share of codes that are the most frequent one.
    """
    bits, accuracy = np.empty(codes.shape[1:]), np.empty(codes.shape[1:])
    for at in np.ndindex(*codes.shape[1:]):
        counts = 1 + np.bincount(known[:, *at], minlength=n_codes)
        bits[at] = -np.log2(counts / counts.sum())[codes[:, *at]].mean()
        accuracy[at] = np.mean(codes[:, *at] == counts.argmax())
    return bits, accuracy


@torch.inference_mode()
def predictions(
    weights: Weights, X: NDArray, codes: NDArray, ch_names: Sequence[str]
) -> tuple[NDArray, NDArray]:
    """Bits and accuracy of a network, each position hidden once: two arrays (2, n_levels)."""
    module = weights.module()
    assert isinstance(module, MaskedCodeModel)
    rows = weights.info.get("trained_rows")
    electrodes = torch.from_numpy(electrode_rows(match_electrodes(ch_names, len(ch_names), rows)))
    patches = torch.from_numpy(X * np.float32(PER_HUNDRED_MICROVOLTS)).float()
    patches = patches.unflatten(-1, (-1, 200))
    nats, right = torch.zeros(codes.shape[-2:]), torch.zeros(codes.shape[-2:])
    generator = torch.Generator().manual_seed(0)
    for x, of_x in zip(
        patches.split(BATCH_SIZE), torch.from_numpy(codes).long().split(BATCH_SIZE), strict=True
    ):
        mask = importance_guided_mask(x, INFO_WEIGHT, generator=generator)
        output = module(x, electrodes, mask, of_x)
        for logits, at in ((output.masked_logits, mask), (output.visible_logits, ~mask)):
            for domain, level in np.ndindex(*nats.shape):
                truth, predicted = of_x[at][:, domain, level], logits[domain][level]
                nats[domain, level] += cross_entropy(predicted, truth, reduction="sum")
                right[domain, level] += (predicted.argmax(-1) == truth).sum()
    n_positions = codes[..., 0, 0].size
    return nats.numpy() / n_positions / np.log(2), right.numpy() / n_positions


def records(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One record for each network, domain and level."""
    found = []
    develop = load_task("eegmat", options.data, "develop")
    task = develop if options.split == "develop" else _others(options.data, develop)
    for name in options.weights.split(","):
        weights = _resolved(name, "pretraining", "--weights")
        tokenizer = _resolved(options.tokenizer or name, "tokenizer", "--tokenizer")
        _, known = codes_of(develop, tokenizer, options.windows)
        X, codes = codes_of(task, tokenizer, options.windows)
        n_codes = int(np.max(tokenizer.config["codebook_size"]))
        shape = (-1, *codes.shape[-2:])
        guessed = guesses(known.reshape(shape), codes.reshape(shape), n_codes)
        predicted = predictions(weights, X, codes, task.ch_names)
        for at in np.ndindex(*codes.shape[-2:]):
            figures = (predicted[0], guessed[0], predicted[1], guessed[1])
            names = ("bits", "bits_of_frequencies", "accuracy", "accuracy_of_most_frequent")
            own = {key: round(float(of[at]), 4) for key, of in zip(names, figures, strict=True)}
            about = {"split": options.split, "weights": Path(name).name}
            found.append({**about, "domain": DOMAINS[at[0]], "level": at[1] + 1, **own})
    return found


def _resolved(name: str, kind: str, option: str) -> Weights:
    weights = resolve_weights(name, (kind,), option)
    assert weights is not None
    return weights


def _others(folder: Path, develop: Task) -> Task:
    """The people who are scored once."""
    task = load_task("eegmat", folder, "once")
    held = ~np.isin(task.subjects, develop.subjects)
    return replace(task, X=task.X[held], y=task.y[held], subjects=task.subjects[held])


def table(found: Sequence[dict[str, Any]]) -> str:
    """One line per network, domain and level."""
    lines = [
        "| network | codes of | level | bits | of frequencies | accuracy | most frequent code |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in found:
        figures = [f"{each[key]:.2f}" for key in ("bits", "bits_of_frequencies")]
        shares = [
            f"{each[key]:.3f}".removeprefix("0")
            for key in ("accuracy", "accuracy_of_most_frequent")
        ]
        cells = [each["weights"], each["domain"], str(each["level"]), *figures, *shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def evaluate(options: argparse.Namespace) -> str:
    """Compute, keep and format the figures of a split."""
    found = records(options)
    if options.json is not None:
        kept = json.loads(options.json.read_text()) if options.json.exists() else []
        kept = [each for each in kept if each["split"] != options.split] + found
        lines = ",\n".join(json.dumps(each) for each in kept)
        options.json.write_text(f"[\n{lines}\n]\n")
    return table(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line and run; report a user's mistake in one line."""
    parser = described(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument("--weights", default="default", help="names or paths, with commas")
    parser.add_argument("--tokenizer", help="by default that of the weights, if it is known")
    parser.add_argument("--split", choices=PROJECT_SPLITS, default="develop")
    parser.add_argument("--windows", type=int, help="read so many windows instead of all")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return answered(parser, argv, evaluate)


if __name__ == "__main__":
    sys.exit(main())
