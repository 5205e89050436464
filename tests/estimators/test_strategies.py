"""What is trained (strategy) and what reads the tokens (head)."""

import pickle
import sys

import mne
import numpy as np
import pytest
import torch
from tiny import CH_NAMES, fitted, make_alpha_task, make_eeg, make_labels, tiny

from sk_brainrvq.exceptions import InvalidEEGError

D = 100
HEADS = ["mean", "flatten", "attention", "embedding"]
STRATEGIES = ["full", "frozen", "lora"]


def classifier(**params):
    return tiny("classifier", **params)


def epochs_of(X, names):
    """MNE epochs of microvolts."""
    info = mne.create_info(list(names), 200, "eeg")
    return mne.EpochsArray(X * 1e-6, info, verbose="error")


def encoder_state(weights):
    return {k: v for k, v in weights.module().state_dict().items() if k.startswith("encoder.")}


def changed(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategy_and_head__alpha_against_none__learns_it(strategy, head):
    X, y = make_alpha_task(48, seed=0)
    rate = 1e-2 if strategy == "frozen" else 3e-3
    estimator = classifier(strategy=strategy, head=head, lr=rate, max_epochs=12).fit(X, y)
    assert estimator.score(X, y) > 0.85
    assert estimator.history_[-1]["train_loss"] < estimator.history_[0]["train_loss"]


# Strategies


def test_frozen__fit__encoder_as_given_to_the_bit():
    weights = fitted("pretrainer").weights_
    estimator = classifier(weights=weights, strategy="frozen", lr=0.1)
    estimator.fit(make_eeg(n_times=1000), make_labels())
    given = {f"encoder.{k}": v for k, v in weights.encoder().state_dict().items()}
    assert changed(given, encoder_state(estimator.weights_)) == set()
    assert estimator.n_trained_parameters_ == 2 * D + 2


@pytest.mark.parametrize("strategy", ["frozen", "lora"])
def test_frozen_tables__other_electrodes_and_length__not_recorded_as_trained(strategy):
    weights = fitted("pretrainer").weights_
    other = {"ch_names": ["F7", "F8", "P3", "P4"], "weights": weights}
    tuned = classifier(strategy=strategy, **other).fit(make_eeg(n_times=1000), make_labels())
    for name in ("trained_rows", "trained_patches"):
        assert tuned.weights_.info[name] == weights.info[name]
    full = classifier(**other).fit(make_eeg(n_times=1000), make_labels())
    assert full.weights_.info["trained_patches"] == 5


def test_frozen__stochastic_depth__plays_no_part():
    X, y = make_eeg(), make_labels()
    settings = {"strategy": "frozen", "weights": fitted("pretrainer").weights_, "max_epochs": 2}
    with_depth = classifier(drop_path=0.9, **settings).fit(X, y).predict_proba(X)
    without = classifier(drop_path=0.0, **settings).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(with_depth, without)


def test_lora__fit__only_linear_maps_of_blocks_change():
    weights = fitted("pretrainer").weights_
    estimator = classifier(weights=weights, strategy="lora", lora_rank=3, lr=1e-2)
    estimator.fit(make_eeg(), make_labels())
    given = {f"encoder.{k}": v for k, v in weights.encoder().state_dict().items()}
    linear = {"attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"}
    expected = {f"encoder.blocks.{i}.{name}.weight" for i in range(2) for name in linear}
    assert changed(given, encoder_state(estimator.weights_)) == expected
    inputs_and_outputs = (D + 3 * D) + (D + D) + 2 * (D + 4 * D)
    assert estimator.n_trained_parameters_ == 2 * 3 * inputs_and_outputs + 2 * D + 2


def test_lora__change_of_a_map__has_the_rank_of_the_adapters():
    weights = fitted("pretrainer").weights_
    estimator = classifier(weights=weights, strategy="lora", lora_rank=3, lr=1e-2, max_epochs=3)
    estimator.fit(make_eeg(), make_labels())
    name = "blocks.1.mlp.fc1.weight"
    change = encoder_state(estimator.weights_)[f"encoder.{name}"]
    change = change - weights.encoder().state_dict()[name]
    values = torch.linalg.svdvals(change.double())
    assert values[3] < 1e-4 * values[0]


def test_full__fit__trains_everything():
    estimator = fitted("classifier")
    n_parameters = sum(p.numel() for p in estimator.net_.module_.parameters())
    assert estimator.n_trained_parameters_ == n_parameters


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fitted_network__any_strategy__nothing_is_frozen_or_adapted(strategy):
    module = classifier(strategy=strategy).fit(make_eeg(), make_labels()).net_.module_
    ordinary = fitted("classifier").net_.module_
    assert list(module.state_dict()) == list(ordinary.state_dict())
    assert [type(m) for m in module.modules()] == [type(m) for m in ordinary.modules()]
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_lora__without_peft__error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ImportError, match=r'pip install peft, or pip install "\.\[lora\]"'):
        classifier(strategy="lora").fit(make_eeg(), make_labels())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"strategy": "head"}, r"strategy='head' was given; expected .*'frozen'"),
        ({"head": "linear"}, r"head='linear' was given; expected .*'attention'"),
        ({"lora_rank": 0}, "lora_rank=0 was given; expected an integer of at least 1"),
        ({"lora_rank": 2.0}, r"lora_rank=2\.0 was given; expected an integer"),
        ({"center_by": "site"}, r"center_by='site' was given; expected 'subject' or None"),
    ],
)
def test_fit__unknown_setting__error_names_it(params, message):
    with pytest.raises(ValueError, match=message):
        classifier(**params).fit(make_eeg(), make_labels())


@pytest.mark.parametrize(
    "params", [{"head": "flatten"}, {"head": "attention"}, {"strategy": "lora"}], ids=str
)
def test_persistence__any_head_and_strategy__same_probabilities(params, tmp_path):
    original, X = classifier(**params).fit(make_eeg(), make_labels()), make_eeg(seed=3)
    original.save_pretrained(tmp_path)
    for loaded in (
        pickle.loads(pickle.dumps(original)),
        type(original).from_pretrained(tmp_path),
    ):
        np.testing.assert_array_equal(loaded.predict_proba(X), original.predict_proba(X))
        assert loaded.weights_ == original.weights_
        assert loaded.n_trained_parameters_ == original.n_trained_parameters_
        loaded.partial_fit(X, make_labels())


@pytest.mark.parametrize("params", [{"head": "flatten"}, {"strategy": "lora"}], ids=str)
def test_same_random_state__two_fits__bit_identical(params):
    first, second = (classifier(**params).fit(make_eeg(), make_labels()).weights_ for _ in range(2))
    assert first == second


# The flattened head


def test_flatten__channels_of_epochs_in_another_order__matched_by_name():
    X, order = make_eeg(), [2, 0, 3, 1]
    shuffled = epochs_of(X[:, order], [CH_NAMES[i] for i in order])
    estimator = classifier(head="flatten").fit(epochs_of(X, CH_NAMES), make_labels())
    expected = estimator.predict_proba(epochs_of(X, CH_NAMES))
    np.testing.assert_allclose(estimator.predict_proba(shuffled), expected, rtol=1e-6)


def test_flatten__recordings_in_different_orders__fitted_as_one():
    X, order = make_eeg(), [2, 0, 3, 1]
    first, second = epochs_of(X[:6], CH_NAMES), epochs_of(X[6:], CH_NAMES)
    shuffled = epochs_of(X[6:][:, order], [CH_NAMES[i] for i in order])
    alike = classifier(head="flatten").fit([first, second], make_labels())
    mixed = classifier(head="flatten").fit([first, shuffled], make_labels())
    assert mixed.weights_ == alike.weights_


def test_flatten__channel_missing__error_names_it_and_the_remedy():
    estimator = classifier(head="flatten").fit(epochs_of(make_eeg(), CH_NAMES), make_labels())
    fewer = epochs_of(make_eeg()[:, :3], CH_NAMES[:3])
    with pytest.raises(InvalidEEGError, match=r"\['O2'\] of fit are missing.*head='attention'"):
        estimator.predict(fewer)


def test_flatten__other_length__error_names_both():
    estimator = classifier(head="flatten").fit(make_eeg(), make_labels())
    with pytest.raises(
        InvalidEEGError, match=r"4 patches of 1 s, but head='flatten' was fitted on 3"
    ):
        estimator.predict(make_eeg(n_times=800))


@pytest.mark.parametrize("n_times", [31 * 200, 600])
def test_flatten__segments_of_two_lengths_in_fit__error_lists_them(n_times):
    X = [*make_eeg(n_epochs=2, n_times=n_times)[:, None].reshape(2, 1, 4, -1), make_eeg(2)]
    if n_times == 600:
        X[-1] = make_eeg(2, n_times=800)
    with pytest.raises(InvalidEEGError, match=r"found \(channels, patches of 1 s\) \[\(4, "):
        classifier(head="flatten").fit(X, make_labels(4))


def test_flatten__warm_start_with_other_length__error_names_both():
    estimator = classifier(head="flatten", warm_start=True).fit(make_eeg(), make_labels())
    with pytest.raises(InvalidEEGError, match="was fitted on 3"):
        estimator.fit(make_eeg(n_times=800), make_labels())
    # From scratch any length will do.
    estimator.set_params(warm_start=False).fit(make_eeg(n_times=800), make_labels())


@pytest.mark.parametrize("head", ["mean", "attention"])
def test_heads_of_any_montage__other_channels_and_length__serve_them(head):
    estimator = classifier(head=head).fit(epochs_of(make_eeg(), CH_NAMES), make_labels())
    other = epochs_of(make_eeg(n_channels=3, n_times=1000), ["F7", "P3", "Pz"])
    assert estimator.predict_proba(other).shape == (12, 2)


@pytest.mark.parametrize("head", HEADS)
def test_probabilities__of_one_epoch_alone__as_among_others(head):
    estimator = classifier(head=head).fit(make_eeg(), make_labels())
    X = make_eeg(seed=3)
    alone = np.concatenate([estimator.decision_function(x[None]) for x in X])
    np.testing.assert_array_equal(alone, estimator.decision_function(X))
