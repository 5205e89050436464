"""Fits that are interrupted, diverge, fail, or run beside others; settings that numpy made."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from tiny import fit, fitted, make_eeg, tiny

from sk_brainrvq import Architecture, BrainRVQPretrainer, DDRVQTransformer
from sk_brainrvq.datasets import make_eeg as simulate
from sk_brainrvq.exceptions import CheckpointError, TrainingDivergedError
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import electrode_rows

TRAINED = ["tokenizer", "pretrainer", "classifier"]


class Interrupt(Callback):
    """What Ctrl-C does in the first step."""

    def on_batch_begin(self, net, **kwargs):
        raise KeyboardInterrupt


def test_fit__interrupted__reaches_the_caller_and_leaves_nothing_fitted():
    estimator = tiny("tokenizer", max_epochs=2, engine__callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(make_eeg())
    assert not hasattr(estimator, "net_")
    assert not hasattr(estimator, "n_channels_in_")


@pytest.mark.parametrize("name", TRAINED)
def test_fit__learning_rate_far_too_high__error_says_to_lower_it(name):
    with pytest.raises(TrainingDivergedError, match=r"training diverged. Lower lr"):
        fit(tiny(name, lr=1e30, max_epochs=3), make_eeg())
    # At once, though the first batch was computed before the first step.
    with pytest.raises(TrainingDivergedError, match=r"not finite in epoch 1 of 3"):
        fit(tiny(name, lr=1e30, max_epochs=3, batch_size=4), make_eeg())


@pytest.mark.parametrize("name", [*TRAINED, "embedder"])
def test_refit__fails__estimator_is_as_before(name):
    estimator = fit(tiny(name, ch_names=None), make_eeg())
    before = estimator.weights_
    with pytest.raises(ValueError, match="NaN"):
        fit(estimator, np.full((12, 2, 400), np.nan))
    assert estimator.n_channels_in_ == 4
    assert estimator.weights_ == before


@pytest.mark.parametrize("name", [*TRAINED, "embedder"])
def test_batch_size__numpy_integer__as_a_plain_one(name):
    numpy_size = fit(tiny(name, batch_size=np.int64(8)), make_eeg())
    assert numpy_size.weights_ == fit(tiny(name, batch_size=8), make_eeg()).weights_


@pytest.mark.parametrize(
    "weight", [{"rest": -1, "task": 1}, {"rest": 0, "task": 0}, {"rest": np.inf, "task": 1}]
)
def test_class_weight__negative_all_zero_or_infinite__error_says_what_is_expected(weight):
    with pytest.raises(ValueError, match="expected weights of 0 or more, not all 0"):
        fit(tiny("classifier", class_weight=weight), make_eeg())


def test_score__flat_signals__is_one_only_if_they_come_back_flat():
    X, tokenizer = np.zeros((2, 4, 400)), fitted("tokenizer")
    decoded = tokenizer.inverse_transform(tokenizer.transform(X))
    assert tokenizer.score(X) == float(not decoded.any())


def test_fit__in_threads__as_one_after_the_other():
    X, state = make_eeg(), torch.get_rng_state()
    alone = tiny("tokenizer").fit(X).weights_
    with ThreadPoolExecutor(2) as pool:
        digests = {
            w.weights_.digest for w in pool.map(lambda _: tiny("tokenizer").fit(X), range(4))
        }
    assert digests == {alone.digest}
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", TRAINED)
def test_fit__other_default_type_or_inference_mode__same_weights(name):
    expected = fit(tiny(name), make_eeg()).weights_
    torch.set_default_dtype(torch.float64)
    try:
        assert fit(tiny(name), make_eeg()).weights_.config == expected.config
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.inference_mode():
        assert fit(tiny(name), make_eeg()).weights_ == expected


def test_pretraining_weights__without_their_tokenizer__error_says_to_pass_it():
    estimator = BrainRVQPretrainer(weights=fitted("pretrainer").weights_, sfreq=200)
    with pytest.raises(CheckpointError, match=r"tokenizer=pretrainer\.tokenizer_weights_"):
        estimator.fit(make_eeg())


@pytest.mark.parametrize(
    "setting",
    [{"quantizer_mode": "official"}, {"targets": "published"}, {"spectral_embedding": False}],
)
def test_setting__conflicts_with_weights__error_names_both(setting):
    name, value = next(iter(setting.items()))
    estimator = tiny("tokenizer", weights=fitted("tokenizer").weights_)
    estimator.set_params(architecture=Architecture(**setting))
    with pytest.raises(ValueError, match=f"{name}={value!r} was given, but Weights"):
        estimator.fit(make_eeg())


def test_similar_channel_names__channels_kept_apart():
    X = make_eeg()[:, :3]
    embedder = tiny("embedder", pooling="channel", ch_names=["T3", "T7", "Cz"]).fit(X)
    first, second, _ = np.split(embedder.transform(X), 3, axis=1)
    assert np.abs(first - second).max() > 1e-3


def test_short_fit__latent_statistics__are_those_of_the_latents():
    windows = simulate(2, 24, random_state=0)
    tokenizer = DDRVQTransformer(
        architecture=Architecture("tiny", latents="shared"),
        max_epochs=1,
        batch_size=16,
        lr=1e-6,  # the encoder stands still: the statistics must be its own
        sfreq=200,
        ch_names=windows.ch_names,
        random_state=0,
    ).fit(windows.X)
    module = tokenizer.net_.module_
    x = torch.from_numpy(windows.X / 100).unflatten(-1, (5, 200))
    names = windows.ch_names
    rows = torch.from_numpy(electrode_rows(match_electrodes(names, len(names))))
    with torch.no_grad():
        latents = module.to_latent(module.encoder(x, rows)[:, 1:]).flatten(0, 1)
    spread = latents.std(0)
    torch.testing.assert_close(module.latent_norm.running_var.sqrt(), spread, rtol=0.2, atol=1e-3)
    drift = (module.latent_norm.running_mean - latents.mean(0)).abs() / spread
    assert drift.max() < 0.3
