"""Plot which channels, bands and seconds influenced decisions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.explain import Explanation
from sk_brainrvq.signals.electrodes import ElectrodeMatch, match_electrodes
from sk_brainrvq.user_warnings import quiet
from sk_brainrvq.viz._shared import style
from sk_brainrvq.viz._shared.topography import draw_topography, has_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Fewest channels with a position that a map needs; fewer are drawn as bars.
_FEWEST_FOR_MAP = 4
_MOST_COLUMNS, _ROW_HEIGHT = 3, 2.5
_MOST_LINES = 3
_Panel = Callable[["Axes"], Any]


def plot_explanation(
    explanation: Explanation,
    *,
    window: int | None = None,
    ax: "Axes | Sequence[Axes] | NDArray | None" = None,
) -> NDArray:
    """Draw an explanation: topographies, bars of bands, spectra, seconds.

    Parameters
    ----------
    explanation : Explanation
    window : int, optional
        Window whose values are drawn, towards the target or away from it. By default
        :meth:`~sk_brainrvq.explain.Explanation.importance` over all windows, or a pattern, is
        drawn.
    ax : sequence of Axes, optional
        One per panel; a new figure by default.

    Returns
    -------
    ndarray of Axes, shape (n_panels,)
        Channels as a topography, one per band if there are bands, or as bars if fewer than 4
        channels have a position on the head. Then bands as bars, frequencies as lines of the three
        channels with the largest values, and seconds as a line, or as an image by channel.

    Raises
    ------
    ValueError
        If the window does not exist, or if the numbers of axes and panels differ.

    Examples
    --------
    .. plot::

       >>> import numpy as np
       >>> from sk_brainrvq.explain import Explanation
       >>> from sk_brainrvq.viz import plot_explanation
       >>> rng = np.random.default_rng(0)
       >>> axes = {"channel": ["F3", "F4", "C3", "C4", "P3", "P4"], "band": ["alpha", "beta"]}
       >>> values = rng.normal(scale=[[0.1]] * 3 + [[1]] + [[0.1]] * 2, size=(20, 6, 2))
       >>> explanation = Explanation(values, axes, values.sum((1, 2)), "log-odds of 'task'")
       >>> [panel.get_title(loc="left") for panel in plot_explanation(explanation)]
       ['alpha', 'beta', 'By band']
    """
    if not isinstance(explanation, Explanation):
        raise ValueError(
            f"{type(explanation).__name__} was given; expected an Explanation, for example that of "
            "explain_occlusion(model, X)."
        )
    drawn = _Drawn(explanation, window)
    panels = drawn.panels()
    axes = style.take_axes(
        ax,
        len(panels),
        "one per panel",
        lambda: style.grid_axes(len(panels), _MOST_COLUMNS, _ROW_HEIGHT),
    )
    for axis, draw in zip(axes, panels, strict=True):
        draw(axis)
    drawn.finish(axes)
    return axes


class _Drawn:
    """Values to draw, and the panels that show them."""

    def __init__(self, explanation: Explanation, window: int | None):
        self.explanation, self.axes = explanation, explanation.axes
        self._values: Callable[..., NDArray]
        if window is not None:
            self._values, self.label = explanation.window(window).mean, explanation.unit
        elif explanation.decisions is None:
            self._values, self.label = explanation.mean, explanation.unit
        else:
            self._values, self.label = explanation.importance, "Share of decisions' variance"
        self.label = self.label[0].upper() + self.label[1:]
        self.matches = self._matches()
        self.image: Any = None
        self.maps: list[Any] = []

    def panels(self) -> list[_Panel]:
        """Return functions that draw the panels, given their axes."""
        return [*self._channel_panels(), *self._other_panels()]

    def finish(self, axes: NDArray) -> None:
        """Draw one colour bar for all maps."""
        if self.image is not None:
            style.colour_bar(self.image, self.maps, self.label, shrink=0.8, pad=0.02)

    def _matches(self) -> list[ElectrodeMatch]:
        names = self.axes.get("channel", [])
        if not names:
            return []
        with quiet(""):
            return match_electrodes(names, len(names))

    def _channel_panels(self) -> list[_Panel]:
        if "channel" not in self.axes:
            return []
        if has_place(self.matches).sum() < _FEWEST_FOR_MAP:
            return [lambda axis: self._bars(axis, "channel", "By channel")]
        titles, values = self._maps()
        limit = float(np.abs(values).max()) or 1.0
        return [
            partial(self._map, title=title, values=own, limit=limit)
            for title, own in zip(titles, values.T, strict=True)
        ]

    def _maps(self) -> tuple[list[str], NDArray]:
        """Return titles of the topographies, and their values (n_channels, n_maps)."""
        if "band" in self.axes:
            return self.axes["band"], self._values(("channel", "band"))
        if "frequency" not in self.axes:
            return ["By channel"], self._values("channel")[:, None]
        by_band = self.explanation.in_bands()
        return by_band.axes["band"], by_band.mean(("channel", "band"))

    def _map(self, axis: "Axes", title: str, values: NDArray, limit: float) -> None:
        limits = (-limit, limit)
        self.image = draw_topography(axis, values, self.matches, limits, style.SIGNED_CMAP)
        self.maps.append(axis)
        style.dress(axis, title)

    def _other_panels(self) -> list[_Panel]:
        panels: list[_Panel] = []
        if "band" in self.axes:
            panels.append(lambda axis: self._bars(axis, "band", "By band"))
        if "frequency" in self.axes:
            panels.append(self._spectra)
        if "time" in self.axes:
            panels.append(self._seconds)
            if "channel" in self.axes and "band" not in self.axes:
                panels.append(self._patches)
        return panels

    def _bars(self, axis: "Axes", by: str, title: str) -> None:
        names, values = self.axes[by], self._values(by)
        axis.bar(range(len(names)), values, color=style.BLUE, width=0.7)
        axis.axhline(0, color=style.GREY, linewidth=0.8)
        axis.set_xticks(range(len(names)), names, rotation=30 if len(names) > 4 else 0)
        style.dress(axis, title, ylabel=self.label)

    def _spectra(self, axis: "Axes") -> None:
        hertz = self.axes["frequency"]
        if "channel" not in self.axes:
            axis.plot(hertz, self._values("frequency"), color=style.BLUE)
        else:
            values = self._values(("channel", "frequency"))
            largest = np.argsort(-np.abs(values).max(1), kind="stable")[:_MOST_LINES]
            for number, channel in enumerate(largest):
                look = style.series(number) | {"marker": None}
                axis.plot(hertz, values[channel], label=self.axes["channel"][channel], **look)
            style.legend(axis)
        axis.axhline(0, color=style.GREY, linewidth=0.8)
        style.dress(axis, "By frequency", "Frequency (Hz)", self.label)

    def _seconds(self, axis: "Axes") -> None:
        times = np.array(self.axes["time"], dtype=float)
        axis.plot(times + 0.5, self._values("time"), **style.series(0))
        axis.axhline(0, color=style.GREY, linewidth=0.8)
        style.dress(axis, "By second", "Time (s)", self.label)

    def _patches(self, axis: "Axes") -> None:
        values = self._values(("channel", "time"))
        limit = float(np.abs(values).max()) or 1.0
        times = self.axes["time"]
        extent = (times[0], times[-1] + 1, len(values) - 0.5, -0.5)
        look: dict[str, Any] = {"cmap": style.SIGNED_CMAP, "vmin": -limit, "vmax": limit}
        image = axis.imshow(values, aspect="auto", extent=extent, **look)
        style.name_channels(axis, self.axes["channel"])
        style.dress(axis, "By channel and second", "Time (s)")
        style.colour_bar(image, axis, self.label, pad=0.02)
