"""The centre of each person's features, and features seen from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrices = tuple[slice, ...]
# Of the Riemannian mean: features are in single precision. pyRiemann's own is below the rounding
# of ill-conditioned covariances, such as those of short epochs: it warns, and the mean is as good.
_TOLERANCE = 1e-6


@dataclass
class Centers:
    """Centres of people, by which their features are centred.

    The centre of a person is the mean of his or her windows, in covariance columns the Riemannian
    mean of the covariance matrices. With fewer windows than ``min_windows`` it is drawn towards
    the centre of the training people: of n windows it counts n / (n + 1).

    Attributes
    ----------
    matrices : tuple of slice
        Columns that are a log-covariance each.
    min_windows : int
    overall : ndarray, shape (n_features,)
        Centre of the training people's centres, each person counting the same.
    kept : dict of object to ndarray
        Centres of people that are used in place of those of the windows at hand.

    Notes
    -----
    Source of the recentring: Zanini et al. (2018), "Transfer learning: a Riemannian geometry
    framework with applications to brain-computer interfaces", IEEE Trans. Biomed. Eng. 65(5).
    """

    matrices: Matrices
    min_windows: int
    overall: NDArray
    kept: dict[Any, NDArray] = field(default_factory=dict)

    @classmethod
    def learn(
        cls, features: NDArray, subjects: NDArray, matrices: Matrices, min_windows: int
    ) -> "Centers":
        """Centre of the training people.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
        subjects : ndarray of object, shape (n_windows,)
        matrices : tuple of slice
        min_windows : int

        Returns
        -------
        Centers
        """
        own = [center_of(features[rows], matrices) for rows in rows_of(subjects).values()]
        return cls(matrices, min_windows, center_of(np.stack(own), matrices))

    def keep(self, features: NDArray, subjects: NDArray) -> None:
        """Remember the centres of people, by these windows; shapes as of :meth:`learn`."""
        self.kept = {**self.kept, **self._centers(features, subjects)}

    def centred(self, features: NDArray, subjects: NDArray) -> NDArray:
        """Features of each person seen from the person's centre.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
        subjects : ndarray of object, shape (n_windows,)

        Returns
        -------
        ndarray, shape (n_windows, n_features), float64
            What a person gets depends on nobody else's windows.
        """
        result = np.empty(features.shape)
        for person, rows in rows_of(subjects).items():
            center = self.kept.get(person)
            if center is None:
                center = self._center(features[rows])
            result[rows] = seen_from(center, features[rows], self.matrices)
        return result

    def _centers(self, features: NDArray, subjects: NDArray) -> dict[Any, NDArray]:
        return {person: self._center(features[rows]) for person, rows in rows_of(subjects).items()}

    def _center(self, features: NDArray) -> NDArray:
        """The centre of one person, by however many windows there are."""
        own, n_windows = center_of(features, self.matrices), len(features)
        if n_windows >= self.min_windows:
            return own
        return between(self.overall, own, n_windows / (n_windows + 1), self.matrices)


def rows_of(subjects: NDArray) -> Mapping[Any, NDArray]:
    """Rows of each person, in the order in which people first appear."""
    rows: dict[Any, list[int]] = {}
    for row, person in enumerate(subjects):
        rows.setdefault(person, []).append(row)
    return {person: np.array(own) for person, own in rows.items()}


def center_of(features: NDArray, matrices: Matrices) -> NDArray:
    """Mean of features (n, n_features), Riemannian where they are matrices; (n_features,)."""
    center = features.mean(axis=0, dtype=np.float64)
    if len(features) > 1 and matrices:
        from pyriemann.geometry.mean import mean_riemann

        for columns in matrices:
            mean = mean_riemann(_matrices(features[:, columns]), tol=_TOLERANCE)
            center[columns] = _vectors(mean[None])[0]
    return center


def between(first: NDArray, second: NDArray, share: float, matrices: Matrices) -> NDArray:
    """The point at a share of the way between two centres, along the geodesic of covariances."""
    point = first + share * (second - first)
    if matrices:
        from pyriemann.geometry.geodesic import geodesic_riemann

        for columns in matrices:
            ends = (_matrices(end[None, columns])[0] for end in (first, second))
            point[columns] = _vectors(geodesic_riemann(*ends, alpha=share)[None])[0]
    return point


def seen_from(center: NDArray, features: NDArray, matrices: Matrices) -> NDArray:
    """Features (n, n_features) less a centre; of covariances those after whitening by it."""
    seen = features - center
    if matrices:
        from pyriemann.geometry.base import invsqrtm

        for columns in matrices:
            whitening = invsqrtm(_matrices(center[None, columns])[0])
            seen[:, columns] = _vectors(whitening @ _matrices(features[:, columns]) @ whitening)
    return seen


def _matrices(vectors: NDArray) -> NDArray:
    """Covariances (n, p, p) of log-covariances (n, p * (p + 1) / 2)."""
    from pyriemann.geometry.base import expm
    from pyriemann.geometry.tangentspace import unupper

    return expm(unupper(np.asarray(vectors, dtype=np.float64)))


def _vectors(matrices: NDArray) -> NDArray:
    """Log-covariances of covariances: upper triangles, √2 off the diagonal."""
    from pyriemann.geometry.base import logm
    from pyriemann.geometry.tangentspace import upper

    # Rounding leaves products of matrices a little asymmetric.
    return upper(logm((matrices + matrices.swapaxes(1, 2)) / 2))
