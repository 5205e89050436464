"""Pretraining: which tokenizer it uses, what it learns, what the embedder makes of it."""

import numpy as np
import pytest
import torch
from tiny import CH_NAMES, fitted, make_eeg, tiny

from sk_brainrvq import Architecture, BrainRVQEmbedder, Weights
from sk_brainrvq.exceptions import CheckpointError, EEGWarning
from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.nn.heads.embedding_head import channel_weights
from sk_brainrvq.signals.electrodes.regions import (
    REGION_CONCENTRATION,
    REGIONS,
    place_weights,
)
from sk_brainrvq.weights import resolve_weights


def test_tokenizer__given__is_used():
    weights = fitted("tokenizer").weights_
    pretrainer = tiny("pretrainer", tokenizer=weights).fit(make_eeg())
    assert pretrainer.tokenizer_weights_ == weights
    assert pretrainer.tokenizer is weights


def test_tokenizer__given_as_a_path__is_used(tmp_path):
    fitted("tokenizer").save_pretrained(tmp_path)
    pretrainer = tiny("pretrainer", tokenizer=tmp_path).fit(make_eeg())
    assert pretrainer.tokenizer_weights_ == fitted("tokenizer").weights_


def test_tokenizer__none__is_fitted_on_x():
    weights = fitted("pretrainer").tokenizer_weights_
    assert isinstance(weights, Weights)
    assert weights.kind == "tokenizer"
    assert weights.info["ch_names"] == CH_NAMES
    tokenizer = tiny("tokenizer", weights=weights, max_epochs=None).fit(make_eeg())
    assert tokenizer.transform(make_eeg()).shape == (12, 4, 3, 2, 3)


@pytest.fixture(scope="module")
def of_levels():
    """A tokenizer whose levels have 16, 8 and 6 codes."""
    other = fitted("tokenizer").weights_
    config = {**other.config, "codebook_size": [16, 8, 6]}
    module = DualDomainTokenizer(**config).eval()
    return Weights.from_module("levels", "tokenizer", config, module, other.info)


def test_codebook_size_of_each_level__few_patches__warning_names_the_largest(of_levels):
    with pytest.warns(EEGWarning, match="codebook_size=16 exceeds the 12 patches of X"):
        tiny("tokenizer", architecture=None, weights=of_levels).fit(make_eeg(1))


def test_weights_and_tokenizer__a_codebook_size_for_each_level__fit_each_other(of_levels):
    # Heads have as many outputs as the largest codebook has codes.
    tokenizer = of_levels
    first = tiny("pretrainer", architecture="tiny", tokenizer=tokenizer).fit(make_eeg())
    assert first.weights_.config["codebook_size"] == 16
    second = tiny(
        "pretrainer", architecture="tiny", weights=first.weights_, tokenizer=tokenizer
    ).fit(make_eeg())
    assert second.weights_ != first.weights_


def test_fitted_network__pretrainer__holds_no_data_and_no_tokenizer():
    net = fitted("pretrainer").net_
    for name in ("batches", "validation", "processes", "encode"):
        assert getattr(net, name) is None, name


def test_history__accuracy__is_that_of_the_first_level_in_both_domains():
    for row in fitted("pretrainer").history_:
        assert row["accuracy"] == pytest.approx(
            np.mean([levels[0] for levels in row["accuracies"]])
        )


def test_score__after_fit__is_a_share():
    assert 0 <= fitted("pretrainer").score(make_eeg()) <= 1


def test_training__more_epochs__predicts_more_codes():
    # Few codes and one rhythm: something to learn.
    times = np.arange(600) / 200
    phase = np.random.default_rng(0).uniform(0, 6, (48, 4, 1))
    X = 30 * np.sin(2 * np.pi * 10 * times + phase) + make_eeg(48) / 10
    sizes = Architecture("tiny", codebook_size=4, n_quantizers=1)
    tokenizer = tiny("tokenizer", architecture=sizes, max_epochs=5).fit(X).weights_
    settings = {"tokenizer": tokenizer, "architecture": "tiny", "batch_size": 8, "drop_path": 0.0}
    untrained = tiny("pretrainer", max_epochs=0, **settings).fit(X)
    trained = tiny("pretrainer", max_epochs=10, **settings).fit(X)
    assert trained.score(X) > untrained.score(X) + 0.1
    losses = [row["train_loss"] for row in trained.history_]
    assert losses[-1] < losses[0]
    assert np.shape(trained.history_[0]["accuracies"]) == (2, 1)


def test_embedder__with_its_weights__same_features():
    pretrainer = fitted("pretrainer")
    arrays = {"sfreq": 200, "ch_names": CH_NAMES, "device": "cpu"}
    embedder = BrainRVQEmbedder(pretrainer.weights_, **arrays).fit(make_eeg())
    own, its = pretrainer.get_feature_names_out(), embedder.get_feature_names_out()
    assert [name.removeprefix("brainrvqpretrainer") for name in own] == [
        name.removeprefix("brainrvqembedder") for name in its
    ]
    for n_times in (600, 4000):
        X = make_eeg(n_epochs=3, n_times=n_times)
        np.testing.assert_allclose(embedder.transform(X), pretrainer.transform(X), atol=1e-6)


def test_given_weights__max_epochs_none__are_used_as_they_are():
    weights, tokenizer = fitted("pretrainer").weights_, fitted("pretrainer").tokenizer_weights_
    settings = {"weights": weights, "tokenizer": tokenizer, "architecture": "tiny"}
    pretrainer = tiny("pretrainer", max_epochs=None, **settings).fit(make_eeg(seed=4))
    assert pretrainer.weights_.digest == weights.digest
    assert pretrainer.history_ == []
    trained = tiny("pretrainer", max_epochs=1, **settings).fit(make_eeg(seed=4))
    assert trained.weights_.digest != weights.digest


def test_saved_pretrainer__its_folder_as_weights_and_tokenizer__trains_on(tmp_path):
    first = fitted("pretrainer")
    first.save_pretrained(tmp_path)
    settings = {"weights": str(tmp_path), "tokenizer": str(tmp_path), "architecture": "tiny"}
    second = tiny("pretrainer", max_epochs=1, **settings).fit(make_eeg())
    assert second.tokenizer_weights_ == first.tokenizer_weights_
    assert second.weights_ != first.weights_
    unchanged = tiny("pretrainer", max_epochs=None, **settings).fit(make_eeg())
    np.testing.assert_array_equal(unchanged.transform(make_eeg()), first.transform(make_eeg()))


def test_weights_alone__error_says_what_to_pass_for_the_tokenizer(tmp_path):
    fitted("pretrainer").save_pretrained(tmp_path / "model")
    fitted("pretrainer").weights_.save(tmp_path / "alone")
    for given, advice in (
        ("default", r"tokenizer='default'"),
        (Weights("default"), r"tokenizer='small-2026\.12'"),
        (tmp_path / "model", rf"tokenizer='{tmp_path / 'model'}'"),
        (str(tmp_path / "model"), rf"tokenizer='{tmp_path / 'model'}'"),
        (tmp_path / "alone", r"tokenizer=pretrainer\.tokenizer_weights_"),
        (fitted("pretrainer").weights_, r"tokenizer=pretrainer\.tokenizer_weights_"),
    ):
        pretrainer = tiny("pretrainer", weights=given, architecture=None)
        with pytest.raises(CheckpointError, match=f"Pass that tokenizer, too: {advice}"):
            pretrainer.fit(make_eeg())


def test_weights__changed_copy_of_info_and_config__change_nothing():
    weights = fitted("pretrainer").weights_
    weights.info["ch_names"] = "changed"
    weights.config["encoder"] = "changed"
    assert weights.info["ch_names"] == CH_NAMES
    assert weights.config["encoder"]["embed_dim"] == 100
    with pytest.raises(AttributeError, match="immutable"):
        weights.digest = "0"
    assert not hasattr(weights, "get_params")


@pytest.mark.parametrize("name", ["embedder", "pretrainer"])
def test_embeddings__of_doubles__are_float32_as_the_tags_say(name):
    assert fitted(name).transform(make_eeg(2)).dtype == np.float32
    assert fitted(name).__sklearn_tags__().transformer_tags.preserves_dtype == ["float32"]


@pytest.mark.parametrize(
    ("name", "weight", "figure"),
    [("spectrum_weight", 10.0, "spectrum_error"), ("summary_weight", 15.0, "summary_loss")],
)
def test_weight_of_a_loss__a_training__lowers_it(name, weight, figure):
    params = {name: weight, "max_epochs": 12, "lr": 3e-3}
    strength = np.linspace(0.2, 3, 12)[:, None, None]
    history = tiny("pretrainer", **params).fit(strength * make_eeg()).history_
    errors = [row[figure] for row in history]
    assert errors[-1] < 0.7 * errors[0]


@pytest.mark.parametrize("name", ["spectrum_weight", "summary_weight"])
def test_weight_of_a_loss__none__is_that_of_the_weights_and_zero_from_scratch(name, tmp_path):
    plain = fitted("pretrainer")
    assert name not in plain.weights_.config
    given = {"tokenizer": plain.tokenizer_weights_, "architecture": "tiny", "max_epochs": 1}
    with_head = tiny("pretrainer", weights=plain.weights_, **{name: 2.0}, **given)
    with_head.fit(make_eeg()).save_pretrained(tmp_path)
    weights = resolve_weights(tmp_path, ("pretraining",), "weights")
    assert weights.config[name] == 2.0
    kept = tiny("pretrainer", weights=weights, **given).fit(make_eeg())
    assert kept.weights_.config[name] == 2.0
    dropped = tiny("pretrainer", weights=weights, **{name: 0}, **given).fit(make_eeg())
    assert name not in dropped.weights_.config
    embedder = BrainRVQEmbedder(weights=weights, sfreq=200, ch_names=CH_NAMES)
    assert np.isfinite(embedder.fit_transform(make_eeg())).all()


@pytest.mark.parametrize("name", ["spectrum_weight", "summary_weight"])
def test_weight_of_a_loss__below_zero__is_refused(name):
    with pytest.raises(ValueError, match=f"{name}=-1"):
        tiny("pretrainer", **{name: -1}).fit(make_eeg())


def test_summary_weight__from_scratch_and_from_weights__knows_where_electrodes_are():
    scratch = tiny("pretrainer", summary_weight=1.0).fit(make_eeg())
    given = {"weights": fitted("pretrainer").weights_, "max_epochs": 1}
    given |= {"tokenizer": fitted("pretrainer").tokenizer_weights_, "architecture": None}
    further = tiny("pretrainer", summary_weight=1.0, **given).fit(make_eeg())
    for pretrainer in (scratch, further):
        head = pretrainer.net_.module_.summary
        expected = place_weights(np.array([1, 40]), REGIONS, REGION_CONCENTRATION)
        found = channel_weights(head.log_regions, torch.tensor([1, 40]))
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert int(head.n_batches) == len(pretrainer.history_)


@pytest.mark.parametrize(("n_epochs", "n_times"), [(2, 600), (12, 200)])
def test_summary_weight__too_few_crops_or_seconds__warns_that_none_are_learnt(n_epochs, n_times):
    pretrainer = tiny("pretrainer", summary_weight=1.0)
    with pytest.warns(EEGWarning, match="summary_weight is 1, but no batch of the first"):
        pretrainer.fit(make_eeg(n_epochs, n_times=n_times))
