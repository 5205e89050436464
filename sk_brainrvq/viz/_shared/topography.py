"""Channels on the head: their positions in a map, and interpolated values between them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.electrodes import ElectrodeMatch
from sk_brainrvq.signals.electrodes.positions import template_directions
from sk_brainrvq.viz._shared import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The circle through T7, Fpz, T8 and Oz lies near 90 degrees from the top; the outline of the head,
# radius 1, lies slightly outside it.
_ANGLE_OF_OUTLINE = np.radians(97.0)
_FEWEST = 4
# Channels farther out (the ears) and bipolar pairs across the head have no position in a map.
_FARTHEST = 1.3
_SHORTEST_MEAN = 0.7


def project(directions: NDArray) -> NDArray:
    """Project unit vectors (..., 3) to the plane (..., 2), turning angle into radius.

    The vectors start at the centre of the head. Radius 1 is the outline of the head; right is to
    the right and front is up.
    """
    angle = np.arccos(np.clip(directions[..., 2], -1, 1))
    flat = directions[..., :2]
    length = np.linalg.norm(flat, axis=-1, keepdims=True)
    unit = np.divide(flat, length, out=np.zeros_like(flat), where=length > 1e-9)
    return unit * (angle / _ANGLE_OF_OUTLINE)[..., None]


def electrode_places(names: Sequence[str]) -> NDArray:
    """Return positions (n, 2) in the plane for electrodes of the table."""
    return project(np.array([template_directions()[name] for name in names]))


def channel_place(match: ElectrodeMatch) -> NDArray | None:
    """Return the position (2,) of a channel in a map, or None if it has none."""
    if match.how == "mean":
        return None
    directions = np.array([template_directions()[name] for name in match.electrodes])
    mean = np.array(match.weights) @ directions
    length = np.linalg.norm(mean)
    if length < _SHORTEST_MEAN:
        return None
    place = project(mean / length)
    return place if np.linalg.norm(place) <= _FARTHEST else None


def has_place(matches: Sequence[ElectrodeMatch]) -> NDArray:
    """Return which channels have a position in a map, shape (n_channels,), bool."""
    return np.array([channel_place(match) is not None for match in matches])


def draw_topography(
    axis: "Axes",
    values: NDArray,
    matches: Sequence[ElectrodeMatch],
    limits: tuple[float, float],
    cmap: str = style.CMAP,
) -> Any:
    """Interpolate values between channels; channels without a position are named below the map.

    Parameters
    ----------
    axis : Axes
    values : ndarray, shape (n_channels,)
    matches : sequence of ElectrodeMatch
        Electrodes of the channels.
    limits : (float, float)
        Values of the first and last colour.
    cmap : str
        Name of the colour map.

    Returns
    -------
    AxesImage
        Image for a colour bar.

    Raises
    ------
    ValueError
        If fewer than 4 channels have a position.
    """
    import mne

    places = [channel_place(match) for match in matches]
    at: dict[tuple[float, ...], list[float]] = {}
    for place, value in zip(places, values, strict=True):
        if place is not None:
            at.setdefault(tuple(np.round(place, 3)), []).append(float(value))
    if len(at) < _FEWEST:
        known = [m.channel for m, place in zip(matches, places, strict=True) if place is not None]
        raise ValueError(
            f"A topography needs {_FEWEST} channels at different positions on the head; of "
            f"{len(matches)} channels {known or 'none'} can be placed. Use names of the 10-20 or "
            "10-05 system (ch_names=...), set a montage, or pass "
            "reading=Reading(electrode_map={...}) to the estimator."
        )
    image, _ = mne.viz.plot_topomap(
        [np.mean(found) for found in at.values()],
        np.array(list(at)),
        sphere=1.0,
        axes=axis,
        show=False,
        cmap=cmap,
        contours=4,
        res=128,
        vlim=limits,
    )
    absent = [
        f"{match.channel} ({value:.1f})"
        for match, place, value in zip(matches, places, values, strict=True)
        if place is None
    ]
    if absent:
        axis.text(0, -1.25, f"Not shown: {listed(absent, 3)}", ha="center", fontsize=8)
    return image


def listed(names: Sequence[str], most: int = 8) -> str:
    """List the first names, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def draw_head(axis: "Axes") -> None:
    """Draw the outline of a head from above, nose up."""
    angle = np.linspace(0, 2 * np.pi, 200)
    look: dict[str, Any] = {"color": style.GREY, "linewidth": 1.2, "zorder": 0}
    axis.plot(np.cos(angle), np.sin(angle), **look)
    axis.plot([-0.12, 0, 0.12], [0.993, 1.13, 0.993], **look)
    ear = np.linspace(-np.pi / 2, np.pi / 2, 60)
    for side in (-1, 1):
        axis.plot(side * (0.985 + 0.07 * np.cos(ear)), 0.18 * np.sin(ear), **look)
    axis.set_aspect("equal")
    axis.axis("off")
