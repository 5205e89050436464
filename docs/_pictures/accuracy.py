"""Accuracy on three datasets, from the tables of benchmarks/three_datasets.md."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

# The plot directive runs this in its own folder.
TEXT = (Path.cwd().parents[1] / "benchmarks" / "three_datasets.md").read_text(encoding="utf-8")
ROWS = {
    "7-band log power, LR": "7 bands",
    "7-band log power, LR, centred": "7 bands, centred",
    "7-band log power of whitened signals, LR, centred": "7 bands, whitened, centred",
    "CCA, largest correlation": "canonical correlation",
    "default embedding of a random network, LR, centred": "random network, centred",
    "BrainRVQ, default embedding, LR": "default embedding",
    "BrainRVQ, default embedding, LR, centred": "default embedding, centred",
}
PANELS = {
    "EEGMAT": "EEGMAT, 28 people\nAUROC, pooled",
    "Guinea-Bissau": "Guinea-Bissau, 49 people\nAUROC, pooled",
    "SSVEP exoskeleton": "SSVEP, 6 people\nbalanced accuracy, 4 classes",
}


def figures(dataset: str) -> dict[str, tuple[float, float, float]]:
    """Mean and interval over people, by the label of a system."""
    part = TEXT.split("## People to develop on", 1)[1].split(f"### {dataset}\n", 1)[1]
    found = {}
    for line in re.search(r"(?m)(?:^\|.*\n)+", part)[0].splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        label = re.sub(r" \([*?]\)$", "", cells[0])
        found[label] = tuple(float(number) for number in re.findall(r"-?\d*\.\d+", cells[1]))
    return found


figure, axes = plt.subplots(1, 3, figsize=(11, 3.1), sharey=True, layout="constrained")
for ax, (dataset, title) in zip(axes, PANELS.items(), strict=True):
    of_systems = figures(dataset)
    for place, (label, shown) in enumerate(ROWS.items()):
        if label not in of_systems:  # a method for flicker only
            continue
        mean, low, high = of_systems[label]
        color = "#0072B2" if shown.startswith("default") else "0.45"
        ax.plot([low, high], [place, place], color=color, linewidth=2, alpha=0.5)
        ax.plot(mean, place, "o", color=color, markersize=7)
        ax.annotate(f"{mean:.3f}"[1:], (mean, place + 0.32), ha="center", fontsize=8, color=color)
    ax.axvline(0.25 if "SSVEP" in dataset else 0.5, color="0.8", linewidth=1, zorder=0)
    ax.set_xlim(0.2 if "SSVEP" in dataset else 0.48, 1.02)
    ax.set_ylim(-0.5, len(ROWS) - 0.2)
    ax.set_title(title, fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_yticks(range(len(ROWS)), list(ROWS.values()))
