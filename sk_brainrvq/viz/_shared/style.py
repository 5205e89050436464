"""Style shared by all figures: colours, line styles, new or given axes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours: distinct to colour-blind readers and, mostly, by lightness in print.
BLACK, BLUE, ORANGE, GREEN = "#000000", "#0072B2", "#E69F00", "#009E73"
VERMILION, PURPLE, SKY, GREY = "#D55E00", "#CC79A7", "#56B4E9", "#8C8C8C"
# Each series also has its own line style and marker, so colour is never the only cue.
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
DOMAINS = ("time", "frequency")
# Perceptually uniform, and the same to colour-blind readers and in print.
CMAP = "cividis"
# For values below and above 0, with white for 0.
SIGNED_CMAP = "RdBu_r"
WIDTH = 8.0  # inches: 800 pixels at matplotlib's resolution

_TITLE, _LABEL, _TICKS = 10, 9, 8


def new_axes(
    rows: int, columns: int, height: float, *, width: float = WIDTH, **options: Any
) -> NDArray:
    """Make the axes of a new figure with automatic layout.

    Parameters
    ----------
    rows, columns : int
    height, width : float
        Size of the figure in inches.
    **options
        Options of ``matplotlib.pyplot.subplots``.

    Returns
    -------
    ndarray of Axes, shape (rows, columns)
    """
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(
        rows, columns, figsize=(width, height), layout="constrained", squeeze=False, **options
    )
    return axes


def grid_axes(n_panels: int, most_columns: int, row_height: float) -> NDArray:
    """Make the axes of a new figure with a number of panels, row by row, shape (n_panels,)."""
    columns = min(most_columns, n_panels)
    rows = -(-n_panels // columns)
    width = WIDTH if columns > 1 else 0.6 * WIDTH
    axes = new_axes(rows, columns, row_height * rows, width=width).ravel()
    for axis in axes[n_panels:]:
        axis.remove()
    return axes[:n_panels]


def take_axes(
    ax: "Axes | Sequence[Axes] | NDArray | None",
    n_panels: int,
    what: str,
    make: Callable[[], NDArray],
) -> NDArray:
    """Return the user's axes as a flat array, or new ones.

    Parameters
    ----------
    ax : Axes, sequence or array of Axes, or None
    n_panels : int
    what : str
        Description of the panels, for the message.
    make : callable
        Function that makes new axes.

    Returns
    -------
    ndarray of Axes, shape (n_panels,)

    Raises
    ------
    ValueError
        If the numbers of axes and panels differ.
    """
    axes = np.atleast_1d(np.asarray(make() if ax is None else ax, dtype=object)).ravel()
    if len(axes) != n_panels:
        raise ValueError(f"{len(axes)} axes were given, but {n_panels} are needed: {what}.")
    return axes


def dress(axis: "Axes", title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Give axes their title and labels, in the sizes of all figures, and a light frame."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=_TICKS)
    if title:
        axis.set_title(title, loc="left", fontsize=_TITLE)
    if xlabel:
        axis.set_xlabel(xlabel, fontsize=_LABEL)
    if ylabel:
        axis.set_ylabel(ylabel, fontsize=_LABEL)


def legend(axis: "Axes", **options: Any) -> None:
    """Draw an unobtrusive legend."""
    axis.legend(**{"fontsize": _TICKS, "frameon": False, **options})


def colour_bar(image: Any, axes: Any, label: str, **options: Any) -> Any:
    """Draw a labelled colour bar beside axes."""
    axis = np.ravel(np.asarray(axes, dtype=object))[0]
    bar = axis.figure.colorbar(image, ax=axes, **options)
    bar.set_label(label, fontsize=_LABEL)
    bar.ax.tick_params(labelsize=_TICKS)
    return bar


def series(number: int) -> dict[str, Any]:
    """Return colour, line style and marker of a series, by its number from 0."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "linestyle": LINE_STYLES[number % len(LINE_STYLES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def plain_log_scale(axis: "Axes") -> None:
    """Set a logarithmic y-axis with plain numbers, even if it spans less than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_minor_locator(LogLocator(subs="all"))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def name_channels(axis: "Axes", names: Sequence[str], most: int = 40) -> None:
    """Label the y-axis with channel names; with many channels, only every second, third, ..."""
    step = -(-len(names) // most)
    axis.set_yticks(range(0, len(names), step), list(names)[::step], fontsize=_TICKS - 1)
