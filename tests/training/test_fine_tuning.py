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


def test_classifier_net__scores__auroc_by_pairs_and_kappa_beyond_chance():
    net = ClassifierNet(module())
    scores = net.scores_of(LOGITS, LABELS)
    probability = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    areas = []
    for label in range(3):
        inside, outside = probability[label == LABELS, label], probability[label != LABELS, label]
        areas.append((inside[:, None] > outside).mean())
    assert scores["auroc"] == pytest.approx(np.mean(areas))
    counts = np.zeros((3, 3))
    np.add.at(counts, (LABELS, LOGITS.argmax(1)), 1 / 6)
    chance = counts.sum(0) @ counts.sum(1)
    assert scores["kappa"] == pytest.approx((np.trace(counts) - chance) / (1 - chance))


def test_classifier_net__all_right_all_wrong_and_one_answer__kappa_of_one_minus_one_and_zero():
    net, labels = ClassifierNet(module()), np.array([0, 1, 0, 1])
    right, one = np.eye(2)[labels], np.tile([1.0, 0.0], (4, 1))
    for outputs, kappa, auroc in ((right, 1, 1), (-right, -1, 0), (one, 0, 0.5)):
        scores = net.scores_of(outputs, labels)
        assert scores == {"kappa": pytest.approx(kappa), "auroc": pytest.approx(auroc)}
    assert all(np.isnan(value) for value in net.scores_of(right[::2], labels[::2]).values())


def test_regression_net__scores__r2_and_correlation_averaged_over_targets():
    net = RegressionNet(module())
    scores = net.scores_of(LOGITS, TRUE)
    r2 = 1 - ((TRUE - LOGITS) ** 2).sum(0) / ((TRUE - TRUE.mean(0)) ** 2).sum(0)
    correlation = [np.corrcoef(LOGITS[:, n], TRUE[:, n])[0, 1] for n in range(3)]
    assert scores["r2"] == pytest.approx(r2.mean())
    assert scores["correlation"] == pytest.approx(np.mean(correlation))
    assert net.scores_of(-TRUE, TRUE)["correlation"] == pytest.approx(-1)


def test_check_strategy__unknown__error_names_the_known_ones():
    with pytest.raises(ValueError, match=r"strategy='adapter' was given; expected .*'lora'"):
        check_strategy("adapter")
