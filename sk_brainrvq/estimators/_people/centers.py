"""The centre of each person's features, and features seen from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Centers:
    """Centres of people, by which their features are centred.

    The centre of a person is the mean of his or her windows, in covariance columns the Riemannian
    mean of the covariance matrices. With fewer windows than ``min_windows`` it is drawn towards
    the centre of the training people: of n windows it counts n / (n + 1).

    Attributes
    ----------
    n_covariances : int
        How many columns, the last ones, are a log-covariance.
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

    n_covariances: int
    min_windows: int
    overall: NDArray
    kept: dict[Any, NDArray] = field(default_factory=dict)

    @classmethod
    def learn(
        cls, features: NDArray, subjects: NDArray, n_covariances: int, min_windows: int
    ) -> "Centers":
        """Centre of the training people.

        Parameters
        ----------
        features : ndarray, shape (n_windows, n_features)
        subjects : ndarray of object, shape (n_windows,)
        n_covariances, min_windows : int

        Returns
        -------
        Centers
        """
        own = [center_of(features[rows], n_covariances) for rows in rows_of(subjects).values()]
        return cls(n_covariances, min_windows, center_of(np.stack(own), n_covariances))

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
            result[rows] = seen_from(center, features[rows], self.n_covariances)
        return result

    def _centers(self, features: NDArray, subjects: NDArray) -> dict[Any, NDArray]:
        return {person: self._center(features[rows]) for person, rows in rows_of(subjects).items()}

    def _center(self, features: NDArray) -> NDArray:
        """The centre of one person, by however many windows there are."""
        own, n_windows = center_of(features, self.n_covariances), len(features)
        if n_windows >= self.min_windows:
            return own
        return between(self.overall, own, n_windows / (n_windows + 1), self.n_covariances)


def rows_of(subjects: NDArray) -> Mapping[Any, NDArray]:
    """Rows of each person, in the order in which people first appear."""
    rows: dict[Any, list[int]] = {}
    for row, person in enumerate(subjects):
        rows.setdefault(person, []).append(row)
    return {person: np.array(own) for person, own in rows.items()}


def center_of(features: NDArray, n_covariances: int) -> NDArray:
    """Mean of features (n, n_features), Riemannian in the last columns; (n_features,)."""
    center = features.mean(axis=0, dtype=np.float64)
    if n_covariances and len(features) > 1:
        from pyriemann.geometry.mean import mean_riemann

        matrices = _matrices(features[:, -n_covariances:])
        center[-n_covariances:] = _vectors(mean_riemann(matrices)[None])[0]
    return center


def between(first: NDArray, second: NDArray, share: float, n_covariances: int) -> NDArray:
    """The point at a share of the way between two centres, along the geodesic of covariances."""
    point = first + share * (second - first)
    if n_covariances:
        from pyriemann.geometry.geodesic import geodesic_riemann

        ends = (_matrices(end[None, -n_covariances:])[0] for end in (first, second))
        point[-n_covariances:] = _vectors(geodesic_riemann(*ends, alpha=share)[None])[0]
    return point


def seen_from(center: NDArray, features: NDArray, n_covariances: int) -> NDArray:
    """Features (n, n_features) less a centre; of covariances those after whitening by it."""
    seen = features - center
    if n_covariances:
        from pyriemann.geometry.base import invsqrtm

        whitening = invsqrtm(_matrices(center[None, -n_covariances:])[0])
        matrices = whitening @ _matrices(features[:, -n_covariances:]) @ whitening
        seen[:, -n_covariances:] = _vectors(matrices)
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
