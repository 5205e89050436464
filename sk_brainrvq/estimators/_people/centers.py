"""Centres of each person's features, and features relative to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrices = tuple[slice, ...]
# Tolerance of the Riemannian mean, for features in single precision. pyRiemann's default is below
# the rounding error of ill-conditioned covariances, such as those of short epochs: it would warn,
# and the mean would be no better.
_TOLERANCE = 1e-6


@dataclass
class Centers:
    """Centres of people, which are subtracted from their features.

    The centre of a person is the mean over the person's windows; for covariance columns it is the
    Riemannian mean of the covariance matrices. With fewer windows than ``min_windows`` it is shrunk
    towards the centre of the training people: with n windows it has weight n / (n + 1).

    Attributes
    ----------
    matrices : tuple of slice
        Columns of each log-covariance.
    min_windows : int
    overall : ndarray, shape (n_features,)
        Mean of the training people's centres, all with the same weight.
    kept : dict of object to ndarray
        Centres of people that replace those of the windows passed.

    Notes
    -----
    Source for the recentring: Zanini et al. (2018), "Transfer learning: a Riemannian geometry
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
        """Store the centres of people in these windows; shapes as in :meth:`learn`."""
        self.kept = {**self.kept, **self._centers(features, subjects)}

    def centred(self, features: NDArray, subjects: NDArray) -> NDArray:
        """Features relative to the centre of each person.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
        subjects : ndarray of object, shape (n_windows,)

        Returns
        -------
        ndarray, shape (n_windows, n_features), float64
            A person's features do not depend on other people's windows.
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
        """The centre of one person, shrunk if there are few windows."""
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
    """Mean (n_features,) of features (n, n_features), Riemannian for matrices."""
    center = features.mean(axis=0, dtype=np.float64)
    if len(features) > 1 and matrices:
        from pyriemann.geometry.mean import mean_riemann

        for columns in matrices:
            mean = mean_riemann(_matrices(features[:, columns]), tol=_TOLERANCE)
            center[columns] = _vectors(mean[None])[0]
    return center


def between(first: NDArray, second: NDArray, share: float, matrices: Matrices) -> NDArray:
    """Point between two centres at a share of the way, along the geodesic for covariances."""
    point = first + share * (second - first)
    if matrices:
        from pyriemann.geometry.geodesic import geodesic_riemann

        for columns in matrices:
            ends = (_matrices(end[None, columns])[0] for end in (first, second))
            point[columns] = _vectors(geodesic_riemann(*ends, alpha=share)[None])[0]
    return point


def seen_from(center: NDArray, features: NDArray, matrices: Matrices) -> NDArray:
    """Features (n, n_features) minus a centre; covariances are whitened by it instead."""
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

    # Rounding makes products of matrices slightly asymmetric.
    return upper(logm((matrices + matrices.swapaxes(1, 2)) / 2))
