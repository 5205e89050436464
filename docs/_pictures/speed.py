"""Time per window, from the table of benchmarks/details/speed.md."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

# The plot directive runs this in its own folder.
TEXT = (Path.cwd().parents[1] / "benchmarks" / "details" / "speed.md").read_text(encoding="utf-8")
ROWS = {
    ("BrainRVQEmbedder.transform, default embedding", "64"): "BrainRVQEmbedder, default",
    ("braindecode Labram", "64"): "LaBraM, batch 64",
    ("braindecode Labram", "8"): "LaBraM, batch 8",
    ("braindecode CBraMod", "64"): "CBraMod, batch 64",
    ("braindecode CBraMod", "8"): "CBraMod, batch 8",
}

part = TEXT.split("transform, from a float64 array", 1)[1]
times = {}
for line in re.search(r"(?m)(?:^\|.*\n)+", part)[0].splitlines()[2:]:
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    times[cells[0], cells[2]] = float(cells[4])

figure, ax = plt.subplots(figsize=(7, 2.3), layout="constrained")
for place, (row, shown) in enumerate(reversed(ROWS.items())):
    ax.barh(place, times[row], color="#0072B2" if "BrainRVQ" in shown else "0.7", height=0.6)
    ax.annotate(f"{times[row]:.1f}", (times[row] + 0.5, place), va="center", fontsize=9)
ax.set_yticks(range(len(ROWS)), list(reversed(ROWS.values())))
ax.set_xlabel("ms per window of 19 channels and 10 s, base architecture, two cores")
ax.spines[["top", "right"]].set_visible(False)
