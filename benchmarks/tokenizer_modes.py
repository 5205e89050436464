"""Compare the two quantizer modes and the two target sets of the tokenizer on EEGMAT.

Fits on subjects 00-23 and prints, for the unseen subjects 24-27, the explained variance of
the waveform after each level, with code usage and perplexity of the fit.

    python benchmarks/tokenizer_modes.py --data FOLDER [--architecture tiny] [--max-epochs 8]
"""

import argparse
import json
import time
from itertools import product
from pathlib import Path

from table.allowed import eegmat_windows

from sk_brainrvq import Architecture, DDRVQTransformer

SEEN, UNSEEN = range(24), range(24, 28)


def measure(mode: str, targets: str, options: argparse.Namespace, seen, unseen) -> dict:
    """Fit one tokenizer and score it."""
    tokenizer = DDRVQTransformer(
        architecture=Architecture(options.architecture, quantizer_mode=mode, targets=targets),
        # The published code only decodes from all levels.
        quantizer_dropout=0.0 if mode == "official" else 0.3,
        max_epochs=options.max_epochs,
        batch_size=options.batch_size,
        lr=options.lr,
        sfreq=seen.sfreq,
        ch_names=seen.ch_names,
        random_state=options.seed,
        verbose=1,
    )
    start = time.perf_counter()
    tokenizer.fit(seen.X)
    n_levels = tokenizer.codebook_usage_.shape[1]
    return {
        "mode": mode,
        "targets": targets,
        "seconds": time.perf_counter() - start,
        "explained": [tokenizer.score(unseen.X, n_levels=n + 1) for n in range(n_levels)],
        "usage": tokenizer.codebook_usage_.tolist(),
        "perplexity": tokenizer.perplexity_.tolist(),
    }


def show(row: dict) -> str:
    """Line of the table."""

    def figures(values: list[float], form: str) -> str:
        return " ".join(format(value, form) for value in values)

    time_usage, frequency_usage = row["usage"]
    time_perplexity, frequency_perplexity = row["perplexity"]
    return (
        f"{row['mode']:9} {row['targets']:10} {figures(row['explained'], '6.3f'):>21}  "
        f"{figures(time_usage, '4.0%'):>15} {figures(time_perplexity, '5.1f'):>18}  "
        f"{figures(frequency_usage, '4.0%'):>15} {figures(frequency_perplexity, '5.1f'):>18}"
    )


def main() -> None:
    """Fit all four and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of EEGMAT's EDF files")
    parser.add_argument("--architecture", default="tiny", choices=["tiny", "small", "base"])
    parser.add_argument("--max-epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    windows = eegmat_windows(options.data, [*SEEN, *UNSEEN])
    seen, unseen = windows.of_subjects(SEEN), windows.of_subjects(UNSEEN)
    rows = [
        measure(mode, targets, options, seen, unseen)
        for mode, targets in product(("residual", "official"), ("extended", "published"))
    ]
    print(f"{'mode':9} {'targets':10} {'explained, levels 1-3':>21}  {'time: used':>15}", end="")
    print(f" {'perplexity':>18}  {'frequency: used':>15} {'perplexity':>18}")
    for row in rows:
        print(show(row))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
