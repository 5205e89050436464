"""Start of the embedding head's training: a linear model of frozen features."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, RidgeCV
from torch import Tensor

from sk_brainrvq.estimators._inputs.labels import LabelledEEG
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead, PlacedSummaries
from sk_brainrvq.signals.electrodes.regions import (
    POSITION_CONCENTRATION,
    POSITIONS,
    REGION_CONCENTRATION,
    REGIONS,
    log_interest_table,
)
from sk_brainrvq.training import SegmentDataset
from sk_brainrvq.training.batches import BatchesInOrder

# Enough segments for a linear model; from a larger set this many are taken, evenly spread.
MAX_SEGMENTS = 20_000
# The regularisation of the project's linear models on standardised features.
_C = 0.01
_ALPHAS = tuple(10.0**power for power in range(6))
# Standard deviation below which a feature is constant but for rounding.
_SMALLEST_SCALE = 1e-6


def place_summaries(head: Any) -> None:
    """Tell a head that computes summaries where on the scalp each electrode is.

    Parameters
    ----------
    head : object
        Other heads, and None, stay as they are.
    """
    if not isinstance(head, PlacedSummaries):
        return
    regions = log_interest_table(REGIONS, REGION_CONCENTRATION)
    positions = log_interest_table(POSITIONS, POSITION_CONCENTRATION)
    head.log_regions.copy_(torch.from_numpy(regions))
    head.log_positions.copy_(torch.from_numpy(positions))


def start_head(
    module: EncoderClassifier,
    data: LabelledEEG,
    *,
    classifies: bool,
    batch_size: int,
    device: str,
) -> None:
    """Set an embedding head's standardisation and its linear map, in place.

    Parameters
    ----------
    module : EncoderClassifier
        Network with the head; heads of other kinds are not changed.
    data : LabelledEEG
        Training data.
    classifies : bool
        True fits a logistic regression; False fits a ridge regression whose penalty is chosen by
        leave-one-out errors.
    batch_size : int
    device : str
    """
    head = module.head
    if not isinstance(head, EmbeddingHead):
        return
    features, targets, weights = _features(module, data.normalised().dataset(), batch_size, device)
    scale = features.std(0)
    head.centre.copy_(torch.from_numpy(features.mean(0)))
    head.scale.copy_(torch.from_numpy(np.where(scale > _SMALLEST_SCALE, scale, 1.0)))
    standardised = (features - features.mean(0)) / np.where(scale > _SMALLEST_SCALE, scale, 1.0)
    if classifies:
        n_outputs = head.linear.out_features
        coefficients, intercepts = _logistic(standardised, targets, weights, n_outputs)
    else:
        ridge = RidgeCV(alphas=_ALPHAS).fit(standardised, targets, sample_weight=weights)
        coefficients, intercepts = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)
    with torch.no_grad():
        head.linear.weight.copy_(torch.from_numpy(coefficients * math.sqrt(head.n_features)))
        head.linear.bias.copy_(torch.from_numpy(intercepts))


def _logistic(X: NDArray, y: NDArray, weights: NDArray, n_classes: int) -> tuple[NDArray, NDArray]:
    """Coefficients (n_classes, n_features) and intercepts (n_classes,) of logits."""
    coefficients, intercepts = np.zeros((n_classes, X.shape[1])), np.zeros(n_classes)
    found = np.unique(y)
    if len(found) < 2:  # in a split or a batch
        return coefficients, intercepts
    model = LogisticRegression(C=_C, max_iter=2000).fit(X, y, sample_weight=weights)
    if len(found) == 2:
        # The softmax of plus and minus half a logit is the logistic function of the logit.
        coefficients[found] = np.outer([-0.5, 0.5], model.coef_[0])
        intercepts[found] = np.array([-0.5, 0.5]) * model.intercept_[0]
    else:
        coefficients[found], intercepts[found] = model.coef_, model.intercept_
    return coefficients, intercepts


def _features(
    module: EncoderClassifier, dataset: SegmentDataset, batch_size: int, device: str
) -> tuple[NDArray, NDArray, NDArray]:
    """Features, targets and weights of segments in float64, from a limited number of batches."""
    batches = list(BatchesInOrder(dataset, batch_size))
    stride = max(1, math.ceil(len(dataset) / MAX_SEGMENTS))
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    was_training = module.training
    module.to(device).eval()
    with torch.inference_mode():
        for index in batches[::stride]:
            batch, targets = dataset[index[0], index[1]]
            batch = batch.to(device)
            features = module.features(batch.x, batch.electrodes)
            features = features if batch.shift is None else features + batch.shift
            weight = torch.ones(len(targets)) if batch.weight is None else batch.weight.cpu()
            parts.append((features.cpu().double(), targets, weight))
    module.train(was_training)
    X, y, weights = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return X, y, weights.astype(np.float64)
