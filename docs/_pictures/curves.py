"""What pretraining adds to tokens, by steps and by people, from details/pretraining.md."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

# The plot directive runs this in its own folder.
FILE = Path.cwd().parents[1] / "benchmarks" / "details" / "pretraining.md"
TEXT = FILE.read_text(encoding="utf-8").split("**Curves over steps and people.**", 1)[1]
STEPS = {"eegmat-2026.11": 0} | {
    f"small-2026.11-{epoch:02d}": 500 * epoch for epoch in (1, 2, 4, 6, 8, 10, 12)
}
PEOPLE = {"every-16th-person": 12, "every-4th-person": 39, "all-people": 150}
POOLINGS = {"by region of the scalp": ("#0072B2", -2, "o"), "mean of all": ("#E69F00", -1, "s")}


def leads() -> dict[str, list[str]]:
    """Cells of each row of the first table, by the name of the encoder."""
    rows = re.search(r"(?m)(?:^\|.*\n)+", TEXT)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: others for name, *others in cells}


found = leads()
figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True, layout="constrained")
for ax, encoders in zip(axes, (STEPS, PEOPLE), strict=True):
    for number, (pooling, (color, column, marker)) in enumerate(POOLINGS.items()):
        shown = [
            [float(value) for value in re.findall(r"[+-]?\d*\.\d+", found[name][column])]
            for name in encoders
        ]
        # Side by side: the intervals of the two poolings would cover each other.
        aside = 1 + 0.06 * (number - 0.5) if encoders is PEOPLE else 1
        places = [aside * place + 80 * number * (encoders is STEPS) for place in encoders.values()]
        mean, low, high = zip(*shown, strict=True)
        ax.vlines(places, low, high, color=color, alpha=0.4, linewidth=2)
        ax.plot(places, mean, color=color, marker=marker, markersize=5, label=pooling)
    ax.axhline(0, color="0.8", linewidth=1, zorder=0)
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_xlabel("Steps on four datasets, after 3,584 on EEGMAT")
axes[0].set_ylabel("Lead over a random network")
axes[0].legend(title="Tokens", frameon=False, loc="lower right")
axes[1].set_xscale("log")
axes[1].set_xticks(list(PEOPLE.values()), [str(number) for number in PEOPLE.values()])
axes[1].minorticks_off()
axes[1].set_xlabel("People whose EEG was used, 1,000 steps")
