"""Figures of ``codes.py``: saved after each fit, printed, and plotted."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from rates.measures import BANDS

# Settings that all rows depend on; everything else is in the rows.
SETTINGS = ("dataset", "split", "architecture", "codes", "levels", "max_epochs", "batch_size")


class Results:
    """Rows of figures, written to a file after each fit and reused by the next run.

    Parameters
    ----------
    path : Path or None
        None keeps them in memory only.
    settings : dict

    Raises
    ------
    ValueError
        If the file holds figures for other settings.
    """

    def __init__(self, path: Path | None, settings: dict[str, Any]):
        self.path, self.settings, self.rows = path, settings, list[dict[str, Any]]()
        if path is not None and path.exists():
            kept = json.loads(path.read_text())
            if kept["settings"] != settings:
                raise ValueError(
                    f"--json {path} holds figures for {kept['settings']}; this run uses "
                    f"{settings}. Name another file."
                )
            self.rows = kept["rows"]

    def has(self, scored: str, code: str, seed: int) -> bool:
        """Whether the figures of a fit are saved."""
        wanted = (scored, code, seed)
        return any((row["scored"], row["code"], row["seed"]) == wanted for row in self.rows)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Print rows and keep them."""
        for row in rows:
            print(shown(row), flush=True)
        self.rows += rows
        if self.path is not None:
            kept = {"settings": self.settings, "rows": self.rows}
            self.path.write_text(json.dumps(rounded(kept), indent=1) + "\n")


def rounded(value: Any) -> Any:
    """Round floats to five digits."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def header() -> str:
    """Header above the lines of ``shown``."""
    bands = " ".join(f"{name:>6}" for name in BANDS)
    return (
        f"{'scored':13} {'code':32} seed  bits expl.  {'interval':11} {bands} "
        f"{'LSD by band, dB':29} phase   both perpl. seconds"
    )


def shown(row: dict[str, Any]) -> str:
    """Line of the table."""
    interval = "–".join(f"{value:.3f}" for value in row.get("interval", []))
    bands = " ".join(f"{value:6.2f}" for value in row.get("bands", {}).values())
    distance = " ".join(f"{value:5.2f}" for value in row.get("spectral_distance", {}).values())

    def number(name: str, form: str) -> str:
        return f"{row[name]:{form}}" if name in row else " " * int(form.split(".")[0])

    return (
        f"{row['scored']:13} {row['code']:32} {row['seed']:>4} {row['bits']:5.0f} "
        f"{number('explained', '6.3f')} {interval:11} {bands:34} {distance:29} "
        f"{number('phase_error', '5.3f')} {number('both_domains', '6.3f')} "
        f"{number('perplexity', '6.0f')} {number('seconds', '7.0f')}"
    )


def draw(rows: list[dict], path: Path) -> None:
    """Plot explained variance against bits, one curve per code."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
    rows = [row for row in rows if "explained" in row]
    for code in dict.fromkeys(row["code"] for row in rows):
        own = [row for row in rows if row["code"] == code]
        bits = sorted({row["bits"] for row in own})
        means = [np.mean([row["explained"] for row in own if row["bits"] == b]) for b in bits]
        axes.plot(bits, means, "--" if code.startswith("bound") else "o-", label=code)
    axes.set(xlabel="Bits per second and channel", ylabel="Explained variance, unseen people")
    axes.set(xticks=sorted({row["bits"] for row in rows}))
    axes.legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)
