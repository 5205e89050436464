"""Plot the course of a training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.viz._shared import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = ("loss", "parts", "perplexity", "accuracy", "score", "lr")
_PARTS = ("waveform", "amplitude", "phase", "log_std", "commitment_time", "commitment_frequency")
_SCORES = ("auroc", "kappa", "r2", "correlation")
_NAMES = {"log_std": "log standard deviation", "auroc": "AUROC", "kappa": "Cohen's κ", "r2": "R²"}


def plot_training(
    estimator: Any,
    *,
    panels: Sequence[str] | None = None,
    ax: "Axes | Sequence[Axes] | NDArray | None" = None,
) -> NDArray:
    """Draw the history of a training over its epochs.

    Parameters
    ----------
    estimator : fitted estimator, or list of dict
        A tokenizer, pretrainer, classifier or regressor, or its ``history_``.
    panels : sequence of str, optional
        Panels to draw, in this order: "loss" (training and validation), "parts" (of the loss of a
        tokenizer), "perplexity" (of its codebooks), "accuracy" (of predicted codes, per domain and
        level), "score" (on validation data: AUROC, kappa, R², correlation), "lr" (learning rate).
        By default all that the history contains.
    ax : Axes or sequence of Axes, optional
        One per panel; a new figure by default.

    Returns
    -------
    ndarray of Axes, shape (n_panels,)

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If there is no history, if it does not contain a panel, or if the number of axes is wrong.

    Notes
    -----
    After early stopping, a dotted line marks the epoch whose weights were kept. The learning rate
    of every step is known for an estimator that was just fitted; for a history, or an estimator
    that was saved and loaded, only the last one of each epoch is known.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import BrainRVQPretrainer
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_training
       >>> eeg = make_eeg(n_subjects=4, n_windows=4, random_state=0)
       >>> pretrainer = BrainRVQPretrainer(architecture="tiny", tokenizer_max_epochs=2,
       ...                                 max_epochs=8, batch_size=4, validation=0.25,
       ...                                 sfreq=eeg.sfreq, ch_names=eeg.ch_names, random_state=0)
       >>> pretrainer = pretrainer.fit(eeg.X, groups=eeg.subjects)
       >>> loss, accuracy, rate = plot_training(pretrainer)
       >>> accuracy.get_ylabel()
       'Accuracy (%)'
    """
    history = _history(estimator)
    draw = {
        "loss": _draw_loss,
        "parts": _draw_parts,
        "perplexity": _draw_perplexity,
        "accuracy": _draw_accuracy,
        "score": _draw_scores,
        "lr": _draw_lr,
    }
    there = [name for name in PANELS if _holds(history, name)]
    chosen = there if panels is None else list(panels)
    absent = [name for name in chosen if name not in there]
    if absent or not chosen:
        raise ValueError(f"panels={chosen} was given, but this history holds {there}.")
    axes = style.take_axes(
        ax, len(chosen), f"one for each of {chosen}", lambda: style.grid_axes(len(chosen), 2, 2.9)
    )
    for axis, name in zip(axes, chosen, strict=True):
        best = getattr(estimator, "best_epoch_", None)
        if best is not None and name != "lr":
            axis.axvline(best, color=style.BLACK, linestyle=":", linewidth=1, label="kept")
        draw[name](axis, history)
        _mark_epochs(axis, len(history), first=0 if name == "lr" else 1)
    return axes


def _history(estimator: Any) -> list[dict[str, Any]]:
    """Return the rows of the history, with learning rates "lr" of all steps if known."""
    from sk_brainrvq.estimators.fitted_check import check_fitted

    if isinstance(estimator, list):
        history = estimator
    elif hasattr(estimator, "fit") and not isinstance(estimator, type):
        check_fitted(estimator)
        history = getattr(estimator, "history_", [])
    else:
        history = []
    if not history or not all(isinstance(row, Mapping) for row in history):
        raise ValueError(
            f"{type(estimator).__name__} holds no history; expected an estimator that has trained "
            "a network, or its history_: a list with one dict per epoch."
        )
    rows = [dict(row) for row in history]
    # An estimator that was just fitted still has the steps in its net.
    steps = [
        row.get("batches", []) for row in getattr(getattr(estimator, "net_", 0), "history", [])
    ]
    if len(steps) == len(rows):
        for row, batches in zip(rows, steps, strict=True):
            rates = [batch["event_lr"] for batch in batches if "event_lr" in batch]
            if rates:
                row["lr"] = rates
    return rows


def _holds(history: list[dict[str, Any]], panel: str) -> bool:
    keys = {
        "loss": ("train_loss",),
        "parts": _PARTS,
        "perplexity": ("perplexity",),
        "accuracy": ("accuracies",),
        "score": tuple(f"valid_{name}" for name in _SCORES),
        "lr": ("lr",),
    }[panel]
    return any(key in row for row in history for key in keys)


def _values(history: list[dict[str, Any]], key: str) -> tuple[NDArray, NDArray]:
    """Return the epochs, from 1, that have a value, and these values."""
    epochs = [i for i, row in enumerate(history, start=1) if row.get(key) is not None]
    return np.array(epochs), np.array([history[i - 1][key] for i in epochs], dtype=float)


def _draw(axis: Any, history: list[dict[str, Any]], key: str, label: str, **look: Any) -> None:
    epochs, values = _values(history, key)
    if len(epochs):
        options = {"markersize": 4, "linewidth": 1.4, "label": label, **look}
        axis.plot(epochs, values, **options)


def _draw_loss(axis: Any, history: list[dict[str, Any]]) -> None:
    _draw(axis, history, "train_loss", "training", color=style.BLACK, marker="o")
    look = {"color": style.VERMILION, "linestyle": "--", "marker": "s"}
    _draw(axis, history, "valid_loss", "validation", **look)
    # Losses are cross-entropies, except the errors of standardised targets of a tokenizer.
    unit = "nats" if any("accuracies" in r or "valid_auroc" in r for r in history) else "no unit"
    style.dress(axis, "Loss", ylabel=f"Loss ({unit})")
    style.legend(axis)


def _draw_parts(axis: Any, history: list[dict[str, Any]]) -> None:
    for number, part in enumerate(_PARTS):
        label = _NAMES.get(part, part.replace("_", ", "))
        _draw(axis, history, part, label, **style.series(number))
    axis.set_yscale("log")
    style.dress(axis, "Parts of the training loss", ylabel="Loss (no unit)")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high * (high / low) ** 0.5)  # room for the legend above the lines
    style.legend(axis, ncols=2, loc="upper right", fontsize=7)


def _draw_levels(axis: Any, history: list[dict[str, Any]], key: str, factor: float) -> None:
    """Draw a line per domain and level: the colour shows the level, dashes mean frequency."""
    epochs, values = _values(history, key)
    for domain, level in np.ndindex(values.shape[1:]):
        look = style.series(level) | {"linestyle": ("-", "--")[domain]}
        face = look["color"] if domain == 0 else "white"
        label = f"{style.DOMAINS[domain]}, level {level + 1}"
        axis.plot(
            epochs,
            factor * values[:, domain, level],
            label=label,
            markersize=4,
            markerfacecolor=face,
            linewidth=1.4,
            **look,
        )
    _legend_below(axis)


def _legend_below(axis: Any) -> None:
    low, high = axis.get_ylim()
    axis.set_ylim(low, low + 1.35 * (high - low))
    style.legend(axis, ncols=2, loc="upper left", fontsize=7)


def _draw_perplexity(axis: Any, history: list[dict[str, Any]]) -> None:
    _draw_levels(axis, history, "perplexity", 1.0)
    style.dress(axis, "Perplexity of the codebooks", ylabel="Perplexity (codes)")


def _draw_accuracy(axis: Any, history: list[dict[str, Any]]) -> None:
    key = "valid_accuracies" if any("valid_accuracies" in row for row in history) else "accuracies"
    _draw_levels(axis, history, key, 100.0)
    where = "validation" if key.startswith("valid") else "training"
    style.dress(axis, f"Codes of hidden seconds, {where}", ylabel="Accuracy (%)")


def _draw_scores(axis: Any, history: list[dict[str, Any]]) -> None:
    for number, name in enumerate(_SCORES):
        _draw(axis, history, f"valid_{name}", _NAMES.get(name, name), **style.series(number))
    style.dress(axis, "Scores on validation data", ylabel="Score (no unit)")
    style.legend(axis)


def _draw_lr(axis: Any, history: list[dict[str, Any]]) -> None:
    epochs: list[float] = []
    rates: list[float] = []
    for number, row in enumerate(history, start=1):
        steps = np.atleast_1d(np.asarray(row["lr"], dtype=float))
        # The steps of an epoch lie before its number, at which it is complete.
        epochs.extend(number - 1 + np.arange(1, len(steps) + 1) / len(steps))
        rates.extend(steps)
    axis.plot(epochs, rates, color=style.BLACK, linewidth=1.4)
    axis.set_ylim(bottom=0)
    axis.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
    axis.yaxis.get_offset_text().set_fontsize(8)
    style.dress(axis, ylabel="Learning rate (per step)")
    axis.set_title("Learning rate", loc="center", fontsize=10)  # the exponent is on the left


def _mark_epochs(axis: Any, n_epochs: int, first: int) -> None:
    from matplotlib.ticker import MaxNLocator

    style.dress(axis, xlabel="Epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    margin = 0.04 * n_epochs
    axis.set_xlim(first - margin, n_epochs + margin)
