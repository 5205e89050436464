"""Plot how channels were mapped to electrodes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrodes import ElectrodeMatch, match_electrodes
from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.plot_inputs import eeg_names
from sk_brainrvq.viz._shared.topography import draw_head, electrode_places, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colour and marker by how a channel was mapped.
_LOOKS = {
    "exact": (style.BLUE, "o"),
    "decorated": (style.SKY, "s"),
    "renamed": (style.GREEN, "^"),
    "bipolar": (style.VERMILION, "D"),
    "interpolated": (style.ORANGE, "P"),
    "user": (style.PURPLE, "X"),
    "official": (style.BLACK, "v"),
}
_HALF_OF_HEAD = 1.12
_LEGEND_INCHES = 1.5
_TOO_CLOSE, _ASIDE = 0.12, 0.2


def plot_electrodes(channels: Any, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the position of each channel for the network, and how it was found.

    A channel with one electrode is a point. Bipolar pairs, interpolated channels and channels of
    ``electrode_map`` are points between the electrodes that they combine, with a line to each
    whose width shows the weight. Channels of unknown position are listed below.

    Parameters
    ----------
    channels : fitted estimator, mne.Epochs, mne.io.Raw, mne.Info, or sequence of str
        Channels to draw: of an estimator those of ``fit``, from its ``electrode_report_``; of a
        recording the good EEG channels, mapped by name and montage; names are mapped as given.
    ax : Axes, optional
        Axes to draw on; a new figure by default.

    Returns
    -------
    Axes
        A head from above, without units; the radius is the angle from the top of the head.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If an estimator is not fitted.
    ValueError
        If there are no channels, or if none of them has a known position.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq.viz import plot_electrodes
       >>> ax = plot_electrodes(["Fp1", "EEG Fp2-REF", "T3", "F7-C3", "O1", "O2", "Cz", "EKG"])
       >>> [text.get_text() for text in ax.texts][-1]
       'No known position: EKG'
    """
    matches = _matches(channels)
    placed = [match for match in matches if match.how not in ("mean", "left out")]
    if not placed:
        raise ValueError(
            f"None of the {len(matches)} channels has a known position: "
            f"{[match.channel for match in matches][:8]}. Use names of the 10-20 or 10-05 system, "
            "set a montage, or pass reading=Reading(electrode_map={...}) to the estimator."
        )
    if ax is None:
        ax = style.new_axes(1, 1, 6.2)[0, 0]
    assert ax is not None
    draw_head(ax)
    places = _points(placed)
    # The names of many channels would overlap.
    size = 8 if len(placed) <= 40 else 6
    for match, place in zip(placed, places, strict=True):
        _draw_channel(ax, match, place, size)
    farthest = max(_HALF_OF_HEAD, float(np.abs(ax.dataLim.get_points()[:, 0]).max()) + 0.1)
    lost = [match.channel for match in matches if match.how == "mean"]
    bottom = min(-1.1, float(places[:, 1].min()) - 0.05)
    if lost:
        bottom -= 0.15
        ax.text(0, bottom, f"No known position: {listed(lost)}", ha="center", fontsize=9)
    ax.set_ylim(bottom - 0.05, 1.2)
    ax.set_xlim(-farthest, farthest + _room_for_legend(ax, 2 * farthest))
    channels_placed = "1 channel" if len(placed) == 1 else f"{len(placed)} channels"
    _draw_legend(ax, placed)
    ax.set_title(f"{channels_placed} on the head", loc="left", fontsize=10)
    return ax


def _points(placed: Sequence[ElectrodeMatch]) -> NDArray:
    """Return where to draw channels (n, 2): between their electrodes, clear of other channels."""
    ends = [electrode_places(match.electrodes) for match in placed]
    points = np.array(
        [np.array(match.weights) @ end for match, end in zip(placed, ends, strict=True)]
    )
    for number, end in enumerate(ends):
        others = np.delete(points, number, axis=0)
        if len(end) == 1 or not len(others):
            continue
        if np.linalg.norm(others - points[number], axis=1).min() < _TOO_CLOSE:
            across = end[-1] - end[0]
            aside = np.array([across[1], -across[0]]) / (np.linalg.norm(across) + 1e-9)
            # Move down, or to the right, because names are above the points.
            down = aside[1] < -1e-9 or (abs(aside[1]) <= 1e-9 and aside[0] > 0)
            points[number] += _ASIDE * (aside if down else -aside)
    return points


def _matches(channels: Any) -> list[ElectrodeMatch]:
    """Return how the channels of an estimator, a recording or a list of names were mapped."""
    from sk_brainrvq.estimators.fitted_check import check_fitted

    if hasattr(channels, "get_params"):
        check_fitted(channels)
        if not hasattr(channels, "electrode_report_"):
            raise ValueError(
                f"A {type(channels).__name__} was given; expected a fitted estimator with an "
                "electrode_report_."
            )
        keys = ("channel", "how", "rows", "weights", "note")
        rows = [{key: row[key] for key in keys} for row in channels.electrode_report_]
        return [ElectrodeMatch(**row) for row in rows]
    positions = None
    if hasattr(channels, "ch_names"):
        names = eeg_names(channels)
        montage = channels.get_montage()
        positions = None if montage is None else montage.get_positions()["ch_pos"]
    else:
        names = [channels] if isinstance(channels, str) else list(channels)
    if not names:
        raise ValueError("No EEG channels were given.")
    return match_electrodes(names, len(names), positions=positions)


def _draw_channel(ax: "Axes", match: ElectrodeMatch, place: NDArray, size: float) -> None:
    """Draw point, name, and lines to the electrodes that a channel combines."""
    from matplotlib.patheffects import withStroke

    colour, marker = _LOOKS[match.how]
    places = electrode_places(match.electrodes)
    if len(places) > 1:
        for end, weight in zip(places, match.weights, strict=True):
            line: dict[str, Any] = {
                "color": colour,
                "linewidth": 0.5 + 3 * weight,
                "alpha": 0.5,
                "zorder": 1,
            }
            ax.plot(*np.transpose([place, end]), solid_capstyle="round", **line)
        ax.scatter(places[:, 0], places[:, 1], s=10, color=style.GREY, zorder=2, linewidth=0)
    edge: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}
    ax.scatter(place[0], place[1], s=46, color=colour, marker=marker, zorder=3, **edge)
    ax.annotate(
        match.channel,
        (place[0], place[1]),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=size,
        zorder=4,
        # Keep names legible on the outline of the head and on the lines of pairs.
        path_effects=[withStroke(linewidth=2.5, foreground="white")],
    )


def _draw_legend(ax: "Axes", placed: Sequence[ElectrodeMatch]) -> None:
    for how, (colour, marker) in _LOOKS.items():
        n_channels = sum(match.how == how for match in placed)
        if n_channels:
            label = f"{how} ({n_channels})"
            ax.scatter([], [], s=46, color=colour, marker=marker, label=label)
    # Inside the axes, because a figure without automatic layout would cut it off beside them.
    style.legend(ax, title="How it was found", title_fontsize=9, loc="upper right", borderaxespad=0)


def _room_for_legend(ax: "Axes", width: float) -> float:
    """Return how much to widen the axes of a head so that the legend fits beside it."""
    inches_wide, inches_high = ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
    low, high = ax.get_ylim()
    if inches_high * (width / (high - low)) + _LEGEND_INCHES <= inches_wide:
        return _LEGEND_INCHES * (high - low) / inches_high
    share = min(_LEGEND_INCHES / inches_wide, 0.5)
    return width * share / (1 - share)
