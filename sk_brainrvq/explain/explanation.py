"""Explanations: parts of EEG, and how much each of them influenced decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.explain.bands import Bands, checked_bands

Labels = list[Any]
# Axes, each with what its entries are called.
_UNITS = {
    "channel": "channel",
    "band": "band",
    "time": "second",
    "frequency": "frequency",
}


@dataclass(frozen=True)
class Explanation:
    """How much parts of EEG influenced decisions.

    Attributes
    ----------
    values : ndarray, shape (n_windows, ...), then the sizes of the axes
        How far each part moved the decision on each window, in ``unit``; positive values are
        towards the target. Patterns do not depend on windows, so theirs have no first axis.
    axes : dict of str to list
        Labels along each axis: names for "channel" and "band", start in seconds from the start of
        the window for "time", Hz for "frequency".
    decisions : ndarray, shape (n_windows,), or None
        Decisions on the unchanged windows; None for patterns.
    unit : str
        Unit of values and decisions.
    method : {"occlusion", "gradients", "pattern"}
    subjects : ndarray of object, shape (n_windows,), or None
        Subject of each window, if known.
    bands : dict of str to (float, float)
        Edges in Hz of the bands along "band".

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq.explain import Explanation
    >>> values = np.array([[2.0, 0.5], [-2.0, -0.5], [1.0, 0.5]])
    >>> explanation = Explanation(values, {"channel": ["C3", "C4"]}, values.sum(1), "log-odds")
    >>> explanation.top("channel")
    ['C3']
    >>> explanation.importance().round(2).tolist()
    [0.79, 0.21]
    """

    values: NDArray
    axes: dict[str, Labels]
    decisions: NDArray | None
    unit: str
    method: str = "occlusion"
    subjects: NDArray | None = None
    bands: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.axes if name not in _UNITS]
        if unknown:
            raise ValueError(f"axes {unknown} were given; expected some of {[*_UNITS]}.")
        sizes = tuple(len(labels) for labels in self.axes.values())
        windows = () if self.decisions is None else (len(self.decisions),)
        if self.values.shape != windows + sizes:
            raise ValueError(
                f"values of shape {self.values.shape} were given; expected {windows + sizes}: "
                f"windows, then {', '.join(self.axes)}."
            )

    def __repr__(self) -> str:
        sizes = " x ".join(_counted(len(labels), name) for name, labels in self.axes.items())
        windows = "" if self.decisions is None else f", {_counted(len(self.decisions), 'window')}"
        return f"<Explanation by {self.method}: {sizes}{windows}, {self.unit}>"

    def importance(self, by: str | Sequence[str] | None = None) -> NDArray:
        """Compute the share of the variance of decisions that each part accounts for.

        Parameters
        ----------
        by : str or sequence of str, optional
            Axes to keep; all by default. Values are summed over the other axes first.

        Returns
        -------
        ndarray, of the sizes of the axes
            Shares, which add up to 1 if the values add up to the decision. They are near 0 for a
            part that did not move decisions systematically, and negative for one that moved them
            back. For patterns, the mean squared correlation.

        Notes
        -----
        A share is the covariance of the values of a part with the decisions, divided by the
        variance of the decisions. If people are known, both only include variation within people.
        """
        kept = self._kept(by)
        if self.decisions is None:
            return self._reduced(self.values**2, kept, np.mean)
        values = self._reduced(self.values, kept, np.sum)
        decisions = within_people(self.decisions, self.subjects)
        variance = np.sum(decisions**2)
        if variance <= 0:
            return np.zeros(values.shape[1:])
        return np.tensordot(decisions, within_people(values, self.subjects), 1) / variance

    def mean(self, by: str | Sequence[str] | None = None) -> NDArray:
        """Average the values over windows, summing them over the other axes.

        Parameters
        ----------
        by : str or sequence of str, optional
            Axes to keep; all by default.

        Returns
        -------
        ndarray, of the sizes of the axes
            Means in ``unit``, positive towards the target: windows of different classes cancel.
            For patterns, the mean over the other axes.
        """
        kept = self._kept(by)
        if self.decisions is None:
            return self._reduced(self.values, kept, np.mean)
        return self._reduced(self.values, kept, np.sum).mean(0)

    def top(self, by: str, n: int = 1) -> Labels:
        """Return labels of the most important parts along an axis, in order of importance.

        Parameters
        ----------
        by : str
            Name of the axis.
        n : int, default=1
            Number of labels.

        Returns
        -------
        list
        """
        order = np.argsort(-self.importance(by), kind="stable")
        return [self.axes[by][number] for number in order[:n]]

    def in_bands(self, bands: Bands | None = None) -> "Explanation":
        """Average patterns over the frequencies of each band.

        Parameters
        ----------
        bands : dict of str to (float, float), optional
            Names and edges in Hz; ``sk_brainrvq.explain.BANDS`` by default. The upper edge is not
            included.

        Returns
        -------
        Explanation

        Raises
        ------
        ValueError
            If there is no axis "frequency", or if a band contains none of the frequencies.
        """
        if "frequency" not in self.axes:
            raise ValueError(
                f"in_bands needs the axis 'frequency'; this explanation has {list(self.axes)}."
            )
        hertz = np.array(self.axes["frequency"])
        chosen = checked_bands(bands, 2 * hertz.max() + 2)
        columns = {name: (hertz >= low) & (hertz < high) for name, (low, high) in chosen.items()}
        empty = [name for name, own in columns.items() if not own.any()]
        if empty:
            raise ValueError(
                f"bands {empty} were given, which contain none of the frequencies from "
                f"{hertz.min()} to {hertz.max()} Hz."
            )
        axis = list(self.axes).index("frequency") - len(self.axes)
        values = np.stack([self.values.compress(own, axis).mean(axis) for own in columns.values()])
        axes = {
            ("band" if name == "frequency" else name): (
                list(chosen) if name == "frequency" else labels
            )
            for name, labels in self.axes.items()
        }
        return replace(self, values=np.moveaxis(values, 0, axis), axes=axes, bands=chosen)

    def window(self, number: int) -> "Explanation":
        """Select the explanation of a single window, for example to draw it.

        Parameters
        ----------
        number : int
            Number of the window, from 0.

        Returns
        -------
        Explanation
        """
        if self.decisions is None:
            raise ValueError(
                f"window({number}) was called on patterns, which describe the model and not "
                "windows. Use explain_occlusion to explain windows."
            )
        if not 0 <= number < len(self.decisions):
            raise ValueError(
                f"window={number} was given; expected a number from 0 to {len(self.decisions) - 1}."
            )
        rows = slice(number, number + 1)
        subjects = None if self.subjects is None else self.subjects[rows]
        return replace(
            self, values=self.values[rows], decisions=self.decisions[rows], subjects=subjects
        )

    def to_frame(self) -> Any:
        """Convert all values to a table with one row per window and part.

        Returns
        -------
        pandas.DataFrame
            Columns: "window" and, if known, "subject"; the axes; "value".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            from sk_brainrvq.extras import how_to_install

            raise ImportError(f"to_frame needs pandas: {how_to_install('table', 'pandas')}.") from (
                error
            )
        levels = dict(self.axes)
        if self.decisions is not None:
            levels = {"window": list(range(len(self.decisions))), **levels}
        index = pd.MultiIndex.from_product(list(levels.values()), names=list(levels))
        table = pd.Series(self.values.ravel(), index, name="value").reset_index()
        if self.subjects is not None:
            table.insert(1, "subject", self.subjects[table["window"]])
        return table

    def _kept(self, by: str | Sequence[str] | None) -> tuple[str, ...]:
        kept = tuple(self.axes) if by is None else (by,) if isinstance(by, str) else tuple(by)
        unknown = [name for name in kept if name not in self.axes]
        if unknown:
            raise ValueError(
                f"by={by!r} was given; this explanation has the axes {list(self.axes)}. Request "
                "others when you compute it."
            )
        return kept

    def _reduced(self, values: NDArray, kept: Sequence[str], how: Any) -> NDArray:
        """Reduce values to windows, if any, and the axes to keep, in the order of ``kept``."""
        first = values.ndim - len(self.axes)
        names = list(self.axes)
        gone = tuple(first + i for i, name in enumerate(names) if name not in kept)
        left = [name for name in names if name in kept]
        order = [first + left.index(name) for name in kept]
        return how(values, axis=gone).transpose(*range(first), *order)


def _counted(number: int, name: str) -> str:
    noun = _UNITS.get(name, name)
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


def within_people(values: NDArray, subjects: NDArray | None) -> NDArray:
    """Subtract from values (n_windows, ...) the mean of each person, or of all."""
    if subjects is None:
        return values - values.mean(0)
    result = np.empty(values.shape)
    for person in set(subjects.tolist()):
        rows = np.array([other == person for other in subjects])
        result[rows] = values[rows] - values[rows].mean(0)
    return result
