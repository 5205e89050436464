"""Numbers to predict: their checks, and their standardisation for a network."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from sk_brainrvq.estimators._inputs.labels import OF_RECORDINGS, refuse_missing


def check_numbers(y: Any, n_epochs: int, estimator: str) -> NDArray:
    """Targets of a regression as float64.

    Parameters
    ----------
    y : array-like, shape (n_epochs,) or (n_epochs, n_targets)
    n_epochs : int
    estimator : str
        Its name, for messages.

    Returns
    -------
    ndarray, as y

    Raises
    ------
    ValueError
        Unless there are finite numbers for every epoch.
    """
    if y is None:
        raise ValueError(f"{estimator} requires y to be passed, but the target y is None")
    refuse_missing(y, n_epochs)
    try:
        numbers = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    except ValueError as error:
        if "could not convert string to float" not in str(error):
            raise
        raise ValueError(
            f"y holds text ({error}), but {estimator} predicts numbers. For classes use "
            f"{estimator.replace('Regressor', 'Classifier')}."
        ) from error
    if len(numbers) != n_epochs:
        raise ValueError(
            f"y has {len(numbers)} rows, but X has {n_epochs} epochs (inconsistent numbers "
            f"of samples); give one row per epoch. {OF_RECORDINGS}"
        )
    return numbers


def mean_correlation(true: NDArray, predicted: NDArray) -> float:
    """Pearson's correlation of numbers (n_epochs,) or (n_epochs, n_targets), mean over targets."""
    from scipy.stats import pearsonr  # takes half a second to import and nothing else needs it

    if true.shape != predicted.shape:
        raise ValueError(
            f"y has shape {true.shape}, but the predictions for X have {predicted.shape}."
        )
    columns = (len(predicted), -1)
    pairs = zip(true.reshape(columns).T, predicted.reshape(columns).T, strict=True)
    return float(np.mean([pearsonr(*pair).statistic for pair in pairs]))


class NumberTargetsMixin:
    """Standardised numbers as targets; it reads ``loss``."""

    loss: str
    n_targets_: int
    target_mean_: NDArray
    target_scale_: NDArray

    @property
    def _n_outputs(self) -> int:
        return self.n_targets_

    def _encode_targets(
        self, y: Any, n_epochs: int, weight: NDArray | None, learns: bool
    ) -> NDArray:
        """Standardised targets (n_epochs, n_targets); with ``learns``, learn mean and scale."""
        given = check_numbers(y, n_epochs, type(self).__name__)
        targets = given[:, np.newaxis] if given.ndim == 1 else given
        if learns:
            self._learn_scale(targets, weight)
            self._takes_1d_targets = given.ndim == 1
        if targets.shape[1] != self.n_targets_:
            raise ValueError(
                f"y has {targets.shape[1]} targets per epoch, but fit saw {self.n_targets_}."
            )
        return ((targets - self.target_mean_) / self.target_scale_).astype(np.float32)

    def _learn_scale(self, targets: NDArray, weight: NDArray | None) -> None:
        self.n_targets_ = targets.shape[1]
        if weight is not None:
            targets, weight = targets[weight > 0], weight[weight > 0]
        self.target_mean_ = np.average(targets, axis=0, weights=weight)
        variance = np.average((targets - self.target_mean_) ** 2, axis=0, weights=weight)
        # A constant target is predicted by its mean.
        self.target_scale_ = np.where(variance > 0, np.sqrt(variance), 1.0)

    def _net_settings(self) -> dict[str, Any]:
        return {"loss": self.loss}
