"""Poolings against the bare module, in numpy."""

import numpy as np
import pytest
import torch
from tiny import CH_NAMES, fitted, make_eeg, tiny

from sk_brainrvq.signals import ELECTRODE_NAMES, InvalidEEGError


def bare_tokens(module, X, layer=-1):
    """Tokens (n_epochs, 1 + C * P, D) of microvolts at 200 Hz, by the module itself."""
    rows = [ELECTRODE_NAMES.index(name.upper()) + 1 for name in CH_NAMES]
    x = torch.tensor(X / 100, dtype=torch.float32).unflatten(-1, (-1, 200))
    with torch.no_grad():
        return module(x, torch.tensor(rows), layer=layer).double().numpy()


def naive_pooling(tokens, pooling, n_channels=4):
    patches = tokens[:, 1:].reshape(len(tokens), n_channels, -1, tokens.shape[-1])
    return {
        "mean": patches.mean((1, 2)),
        "channel": patches.mean(2).reshape(len(tokens), -1),
        "mean_std": np.concatenate([patches.mean((1, 2)), patches.std((1, 2))], 1),
        "cls": tokens[:, 0],
        "none": patches,
    }[pooling]


@pytest.mark.parametrize("pooling", ["mean", "channel", "mean_std", "cls", "none"])
@pytest.mark.parametrize("layer", [-1, 0])
def test_embedder__each_pooling__as_the_bare_module(pooling, layer):
    X = make_eeg()
    embedder = tiny("embedder", pooling=pooling, layer=layer).fit(X)
    tokens = bare_tokens(embedder.net_.module_, X, layer)
    result = embedder.transform(X)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, naive_pooling(tokens, pooling), atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "channel", "mean_std", "cls", "none"])
def test_pretrainer__each_pooling__as_the_bare_encoder(pooling):
    X = make_eeg()
    pretrainer = tiny("pretrainer", pooling=pooling).fit(X)
    tokens = bare_tokens(pretrainer.net_.module_.encoder, X)
    np.testing.assert_allclose(pretrainer.transform(X), naive_pooling(tokens, pooling), atol=1e-5)


def test_layer__first_and_last__differ():
    X = make_eeg()
    first = tiny("embedder", layer=0).fit_transform(X)
    last = tiny("embedder", layer=1).fit_transform(X)
    np.testing.assert_array_equal(last, tiny("embedder").fit_transform(X))
    assert np.abs(first - last).max() > 1e-3


def test_classifier__probabilities__softmax_of_the_bare_module():
    X = make_eeg()
    classifier = fitted("classifier")
    rows = [ELECTRODE_NAMES.index(name.upper()) + 1 for name in CH_NAMES]
    x = torch.tensor(X / 100, dtype=torch.float32).unflatten(-1, (-1, 200))
    with torch.no_grad():
        logits = classifier.net_.module_(x, torch.tensor(rows)).double().numpy()
    odds = np.exp(logits)
    expected = odds / odds.sum(1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(X), classifier.classes_[expected.argmax(1)])


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_batch_size__any__same_embedding(batch_size):
    X = make_eeg()
    result = tiny("embedder", batch_size=batch_size).fit_transform(X)
    np.testing.assert_allclose(result, tiny("embedder").fit_transform(X), atol=1e-6)


def test_pooling_none__epochs_of_one_length__only():
    with pytest.raises(InvalidEEGError, match="one montage and length at a time"):
        tiny("embedder", pooling="none").fit_transform([np.ones((4, 200)), np.ones((4, 400))])


def test_pooling__set_after_fit__is_followed():
    X = make_eeg()
    embedder = tiny("embedder").fit(X)
    embedder.set_params(pooling="channel")
    np.testing.assert_array_equal(
        embedder.transform(X), tiny("embedder", pooling="channel").fit_transform(X)
    )
    assert len(embedder.get_feature_names_out()) == 400
