"""Draw the logo, the favicon and the picture that links to the project show.

A wave that turns into tiles: an EEG channel, and the codes of its seconds.

    python docs/_pictures/logo.py docs/_static
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

INK, TILES = "#2f6db3", ("#f2a541", "#2f6db3", "#3aa17e", "#c8553d")
# Which colour each tile has, coarse to fine from top to bottom.
CODES = ((1, 0, 2), (2, 3, 1), (0, 1, 3))


def wave(axes: Axes, width: float, height: float, line: float) -> None:
    """Draw half a second of a rhythm that waxes."""
    t = np.linspace(0, 1, 400)
    signal = np.sin(2 * np.pi * 3.25 * t) * (0.35 + 0.65 * t) + 0.25 * np.sin(2 * np.pi * 8 * t)
    t = 0.03 + 0.97 * t  # the line is thick: it would be cut off at the edge
    axes.plot(width * t, height * (0.5 + 0.36 * signal), color=INK, lw=line, solid_capstyle="round")


def tiles(axes: Axes, left: float, size: float, n_rows: int = 3, n_columns: int = 3) -> None:
    """Draw codes as rounded tiles, ``n_rows`` levels of ``n_columns`` seconds."""
    step = size / n_rows
    for row in range(n_rows):
        for column in range(n_columns):
            corner = left + column * step + 0.08 * step, size - (row + 1) * step + 0.08 * step
            patch = FancyBboxPatch(
                corner,
                0.84 * step,
                0.84 * step,
                boxstyle=f"round,pad=0,rounding_size={0.16 * step}",
                color=TILES[CODES[row][column]],
                lw=0,
            )
            axes.add_patch(patch)


def canvas(width: float, height: float, inches: float) -> tuple[plt.Figure, Axes]:
    """An empty transparent picture in units of its height."""
    figure = plt.figure(figsize=(inches, inches * height / width))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    figure.patch.set_alpha(0)
    return figure, axes


def logo(path: Path) -> None:
    """Draw the wave and the tiles side by side."""
    figure, axes = canvas(2.2, 1, 2.2)
    wave(axes, 1.12, 1, 5)
    tiles(axes, 1.2, 1)
    figure.savefig(path, transparent=True, metadata={"Date": None})


def favicon(path: Path) -> None:
    """Draw four tiles, which are still tiles at 16 pixels."""
    figure, axes = canvas(1, 1, 1)
    tiles(axes, 0, 1, n_rows=2, n_columns=2)
    figure.savefig(path, transparent=True, metadata={"Date": None})


def social_preview(path: Path) -> None:
    """Draw the logo and what the project is, 1,280 by 640 pixels."""
    figure, axes = canvas(2, 1, 12.8)
    figure.patch.set(facecolor="white", alpha=1)
    picture = axes.inset_axes((0.06, 0.48, 0.42, 0.382))
    picture.set(xlim=(0, 2.2), ylim=(0, 1), aspect="equal")
    picture.axis("off")
    wave(picture, 1.12, 1, 9)
    tiles(picture, 1.2, 1)
    axes.text(0.12, 0.27, "sk_brainrvq", fontsize=64, weight="bold", color="#1c2733")
    said = "A foundation model of EEG as scikit-learn estimators"
    axes.text(0.12, 0.14, said, fontsize=31, color="#44525f")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Draw all three into a folder."""
    folder = Path(sys.argv[1])
    plt.rcParams["svg.hashsalt"] = "sk_brainrvq"
    logo(folder / "logo.svg")
    favicon(folder / "favicon.svg")
    social_preview(folder / "social_preview.png")


if __name__ == "__main__":
    main()
