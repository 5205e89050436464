"""Plot embeddings in two dimensions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.viz._shared import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_GROUPS = len(style.COLOURS) * len(style.MARKERS)


def plot_embedding(
    features: Any,
    y: Any = None,
    *,
    method: Any = "pca",
    classes: Sequence[str] | None = None,
    label: str = "label",
    random_state: int = 0,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw epochs as points in two dimensions, coloured by label, subject or a number.

    Parameters
    ----------
    features : ndarray or sparse matrix, shape (n_epochs, n_features)
        Features, for example from :meth:`~sk_brainrvq.BrainRVQEmbedder.transform`.
    y : array-like, shape (n_epochs,), optional
        Values to colour the points by: text or integers define groups, each with its own colour
        and marker; floating-point numbers use a colour scale.
    method : {"pca", "tsne"} or transformer, default="pca"
        Projection of the standardised features, or an object whose ``fit_transform`` returns two
        columns, such as UMAP. Features with two columns are drawn unchanged.
    classes : sequence of str, optional
        Names of the groups if ``y`` holds their numbers, as in ``Windows.classes``.
    label : str, default="label"
        Meaning of ``y``, with its unit if any: title of the legend or of the colour bar.
    random_state : int, default=0
        Seed of t-SNE.
    ax : Axes, optional
        Axes to draw on; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If features are not a finite table of at least 3 epochs and 2 columns, if ``y`` has
        another length or more groups than can be distinguished, if the method is unknown, or if
        ``classes`` does not name all groups.

    Examples
    --------
    .. plot::

       >>> from sk_brainrvq import BrainRVQEmbedder
       >>> from sk_brainrvq.datasets import make_eeg
       >>> from sk_brainrvq.viz import plot_embedding
       >>> eeg = make_eeg(n_subjects=4, n_windows=20, random_state=0)
       >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", sfreq=eeg.sfreq,
       ...                             ch_names=eeg.ch_names, random_state=0)
       >>> features = embedder.fit_transform(eeg.X)
       >>> ax = plot_embedding(features, eeg.subjects, label="subject")
       >>> ax.get_legend().get_title().get_text()
       'subject'
    """
    from sklearn.utils import check_array

    table = check_array(features, accept_sparse=True, ensure_min_samples=3, ensure_min_features=2)
    values = None if y is None else np.asarray(y)
    if values is not None and values.shape != (table.shape[0],):
        raise ValueError(
            f"y has shape {values.shape}; expected ({table.shape[0]},): one value per epoch."
        )
    points, names = _project(table, method, random_state)
    if ax is None:
        ax = style.new_axes(1, 1, 4.6)[0, 0]
    assert ax is not None
    if values is None:
        ax.scatter(
            points[:, 0], points[:, 1], s=22, color=style.BLUE, edgecolor="white", linewidth=0.4
        )
    elif values.dtype.kind == "f":
        image = ax.scatter(points[:, 0], points[:, 1], c=values, cmap=style.CMAP, s=24, linewidth=0)
        style.colour_bar(image, ax, label)
    else:
        _draw_groups(ax, points, values, classes, label)
    style.dress(ax, f"{len(points)} epochs", *names)
    return ax


def _project(table: Any, method: Any, random_state: int) -> tuple[NDArray, tuple[str, str]]:
    """Return points (n_epochs, 2) and the names of both axes."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import StandardScaler

    dense = table.toarray() if hasattr(table, "toarray") else table
    if dense.shape[1] == 2:
        return dense, ("Feature 1 (as given)", "Feature 2 (as given)")
    scaled = StandardScaler().fit_transform(dense)
    if isinstance(method, str) and method == "pca":
        pca = PCA(2, random_state=0).fit(scaled)
        share = 100 * pca.explained_variance_ratio_
        names = [f"Component {i + 1} (SD, {share[i]:.0f} % of the variance)" for i in range(2)]
        points = pca.transform(scaled) / np.sqrt(np.maximum(pca.explained_variance_, 1e-12))
        return points, (names[0], names[1])
    if isinstance(method, str) and method == "tsne":
        perplexity = min(30.0, (len(scaled) - 1) / 3)
        points = TSNE(2, perplexity=perplexity, random_state=random_state).fit_transform(scaled)
        return points, ("t-SNE 1 (arbitrary unit)", "t-SNE 2 (arbitrary unit)")
    if not hasattr(method, "fit_transform"):
        raise ValueError(
            f"method={method!r} was given; expected 'pca', 'tsne' or an object with fit_transform."
        )
    points = np.asarray(method.fit_transform(scaled))
    if points.shape != (len(scaled), 2):
        raise ValueError(
            f"{type(method).__name__} returned an array of shape {points.shape}; expected "
            f"({len(scaled)}, 2): make it with n_components=2."
        )
    name = type(method).__name__
    return points, (f"{name} 1 (arbitrary unit)", f"{name} 2 (arbitrary unit)")


def _draw_groups(
    ax: "Axes", points: NDArray, values: NDArray, classes: Sequence[str] | None, label: str
) -> None:
    groups = np.unique(values)
    if len(groups) > _MOST_GROUPS:
        raise ValueError(
            f"y holds {len(groups)} groups, but only {_MOST_GROUPS} can be distinguished; pass "
            "floating-point numbers for a colour scale."
        )
    if classes is not None and not all(0 <= int(group) < len(classes) for group in groups):
        raise ValueError(f"classes={tuple(classes)} does not name all of y: {groups.tolist()}.")
    for number, group in enumerate(groups):
        # Another marker for each group, and new combinations when the colours start over.
        ax.scatter(
            points[values == group, 0],
            points[values == group, 1],
            s=24,
            color=style.COLOURS[number % len(style.COLOURS)],
            marker=style.MARKERS[sum(divmod(number, len(style.COLOURS))) % len(style.MARKERS)],
            edgecolor="white",
            linewidth=0.4,
            alpha=0.85,
            label=str(group) if classes is None else str(classes[int(group)]),
        )
    style.legend(
        ax,
        title=label,
        title_fontsize=9,
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        ncols=-(-len(groups) // 16),
    )
