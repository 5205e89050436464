"""Losses of fine-tuning."""

import numpy as np
import pytest
import torch

from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
from sk_brainrvq.training import Batch
from sk_brainrvq.training.fine_tuning import ClassifierNet, RegressionNet, check_strategy

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(size=(6, 3)), np.array([0, 1, 2, 2, 1, 0])
TRUE = RNG.normal(size=(6, 3)) * 2
WEIGHT = np.array([0.5, 1, 2, 0.25, 3, 1])


def loss(net, outputs, targets, weight=None):
    batch = Batch(
        torch.zeros(6, 1, 1, 200), torch.tensor([1]), None, torch.arange(6), torch.zeros(6)
    )
    batch.weight = None if weight is None else torch.tensor(weight)
    return float(net.get_loss(torch.tensor(outputs), torch.tensor(targets), X=batch))


def module():
    return EncoderClassifier(EEGEncoder(100, 1), 3)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_classifier_net__weighted__is_the_mean_of_weight_times_cross_entropy(smoothing):
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    wanted = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    each = -(wanted * log_p).sum(1)
    net = ClassifierNet(module(), label_smoothing=smoothing)
    assert loss(net, LOGITS, LABELS) == pytest.approx(each.mean(), rel=1e-6)
    # Divided by the number of rows, not by the sum of the weights.
    assert loss(net, LOGITS, LABELS, WEIGHT) == pytest.approx((WEIGHT * each).mean(), rel=1e-6)


@pytest.mark.parametrize("kind", ["squared_error", "huber"])
def test_regression_net__weighted__is_the_mean_of_weight_times_loss(kind):
    error = LOGITS - TRUE
    each = error**2
    if kind == "huber":
        each = np.where(np.abs(error) < 1, error**2 / 2, np.abs(error) - 0.5)
        assert np.abs(error).max() > 1
    net = RegressionNet(module(), loss=kind)
    assert loss(net, LOGITS, TRUE) == pytest.approx(each.mean(), rel=1e-6)
    expected = (WEIGHT * each.mean(1)).mean()
    assert loss(net, LOGITS, TRUE, WEIGHT) == pytest.approx(expected, rel=1e-6)


def test_check_strategy__unknown__error_names_the_known_ones():
    with pytest.raises(ValueError, match=r"strategy='adapter' was given; expected .*'lora'"):
        check_strategy("adapter")
