"""Integrated gradients of fine-tuned networks."""

import copy
import sys

import numpy as np
import pytest
import torch
from explained_eeg import CH_NAMES, eeg_of, network_for, pipeline_for
from scipy.linalg import logm
from scipy.stats import spearmanr

from sk_brainrvq import BrainRVQRegressor
from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.explain import explain_gradients
from sk_brainrvq.explain.differentiable import MatrixLog, outputs_of
from sk_brainrvq.explain.replacements import Part, PersonMean


def test_gradients__network__place_and_band_of_the_truth(eeg, network):
    explanation = explain_gradients(network, eeg.X, subjects=eeg.subjects, n_steps=8)
    assert explanation.top("channel") == ["C4"]
    assert explanation.top("band") == ["beta"]
    assert list(explanation.axes) == ["channel", "band", "time"]
    assert explanation.values.shape == (36, 6, 6, 2)
    decisions = network.decision_function(eeg.X)
    np.testing.assert_allclose(explanation.decisions, decisions, atol=1e-4)


def test_gradients__heads__values_add_up_to_the_change_from_the_baseline(eeg):
    X, subjects = eeg.X[:12], eeg.subjects[:12]
    baseline = PersonMean(X.astype(float), 200, subjects).replaced(Part())
    for head in ("embedding", "mean", "attention"):
        network = network_for(eeg, head=head, max_epochs=1, lr=5e-3)
        change = network.decision_function(X) - network.decision_function(baseline)
        explanation = explain_gradients(network, X, subjects=subjects)
        total = explanation.values.sum((1, 2, 3))
        np.testing.assert_allclose(total, change, atol=0.03 * change.std())


def test_gradients__random_weights__another_map(eeg, network):
    def importance(model):
        explained = explain_gradients(model, eeg.X, subjects=eeg.subjects, n_steps=8)
        return explained.importance(("channel", "band")).ravel()

    randomised = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in randomised.net_.module_.parameters():
            parameter.normal_(std=0.05, generator=torch.Generator().manual_seed(0))
    assert spearmanr(importance(network), importance(randomised)).statistic < 0.6


def test_gradients__numbers_and_classes__targets(eeg):
    regressor = BrainRVQRegressor(
        weights=None,
        architecture="tiny",
        max_epochs=1,
        sfreq=200,
        ch_names=CH_NAMES,
        random_state=0,
    ).fit(eeg.X, np.c_[eeg.y * 10.0, np.arange(36)])
    explanation = explain_gradients(regressor, eeg.X, target=1, n_steps=4)
    np.testing.assert_allclose(explanation.decisions, regressor.predict(eeg.X)[:, 1], rtol=1e-4)
    with pytest.raises(ValueError, match="target=2 was given; the model predicts 2 values"):
        explain_gradients(regressor, eeg.X, target=2)
    three = eeg_of()
    three.y = np.arange(36) % 3
    classifier = network_for(three, head="mean")
    explanation = explain_gradients(classifier, eeg.X, target=2, n_steps=4)
    probability = classifier.predict_proba(eeg.X)[:, 2]
    expected = np.log(probability / (1 - probability))
    np.testing.assert_allclose(explanation.decisions, expected, atol=1e-4)


def test_outputs__with_gradients__those_of_the_network(network, eeg):
    module = network.net_.module_
    x = torch.from_numpy(eeg.X[:3].reshape(3, 6, 2, 200) / 100)
    electrodes = next(iter(network._groups(eeg.X))).electrodes
    with torch.no_grad():
        expected = module(x, torch.from_numpy(electrodes))
        np.testing.assert_allclose(
            outputs_of(module, x, torch.from_numpy(electrodes)), expected, atol=1e-4
        )


def test_matrix_log__equal_eigenvalues__scipys_and_its_gradient_by_differences():
    matrix = torch.diag(torch.tensor([2.0, 2.0, 2.0, 0.5], dtype=torch.float64))[None]
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0]
    rotated = (rotation.double() @ matrix @ rotation.double().mT).requires_grad_()
    expected = logm(rotated.detach().numpy()[0])
    np.testing.assert_allclose(MatrixLog.apply(rotated).detach()[0], expected, atol=1e-10)
    symmetric = lambda m: MatrixLog.apply((m + m.mT) / 2)  # noqa: E731
    assert torch.autograd.gradcheck(symmetric, rotated)


def test_gradients__too_few_points__a_warning_that_says_how_many(eeg):
    network = network_for(eeg, max_epochs=1)
    with torch.no_grad():
        network.net_.module_.head.linear.weight *= 5
    louder = eeg.X * np.where(np.arange(36) % 2, 1, 0.05)[:, None, None]
    with pytest.warns(EEGWarning, match=r"n_steps=1 points miss .* Pass n_steps=4"):
        explain_gradients(network, louder, n_steps=1)


def test_gradients__wrong_input__a_sentence_each(eeg, network, monkeypatch):
    frozen = network_for(eeg, strategy="frozen", max_epochs=1)
    centred = network_for(eeg, max_epochs=1)
    centred.center_by = "subject"
    long = np.tile(eeg.X[:2], 16)
    for model, X, options, message in [
        (pipeline_for(eeg), eeg.X, {}, "A Pipeline was given; .* explain_occlusion takes any"),
        (frozen, eeg.X, {}, "strategy='frozen' .* Use explain_occlusion"),
        (centred, eeg.X, {}, "center_by='subject' .* Use explain_occlusion"),
        (BrainRVQRegressor(weights=None), eeg.X, {}, "not fitted yet"),
        (network, eeg.X[:1], {}, "expected at least 2"),
        (network, long, {}, "Windows of 32 s were given; .* at most 30 s"),
        (network, eeg.X, {"n_steps": 0}, "n_steps=0 was given"),
        (network, eeg.X, {"target": 7}, "target=7 was given"),
    ]:
        with pytest.raises(ValueError, match=message):
            explain_gradients(model, X, **options)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(
        ImportError, match=r"needs captum: pip install captum, or pip .*\[explain\]"
    ):
        explain_gradients(network, eeg.X)
