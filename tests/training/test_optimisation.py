"""Learning-rate schedule and parameter groups."""

import numpy as np
import pytest

from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder, EncoderClassifier, MaskedCodeModel
from sk_brainrvq.training.optimisation import parameter_groups, warmup_cosine


def make_module(kind, depth=3):
    if kind == "tokenizer":
        return DualDomainTokenizer(100, depth, 1, codebook_size=8, codebook_dim=8)
    encoder = EEGEncoder(100, depth, qk_norm=True, layer_scale=0.1, spectral_embedding=True)
    if kind == "classifier":
        return EncoderClassifier(encoder, n_outputs=2)
    return MaskedCodeModel(encoder, codebook_size=8, n_quantizers=2)


def group_of(groups, parameter):
    found = [group for group in groups if any(p is parameter for p in group["params"])]
    assert len(found) == 1
    return found[0]


def test_warmup_cosine__four_steps_of_warmup__rises_then_falls_as_a_cosine():
    factor = warmup_cosine(4, 20, floor=0.01)
    assert [factor(step) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    progress = np.arange(17) / 16
    expected = 0.01 + 0.99 * (1 + np.cos(np.pi * progress)) / 2
    assert [factor(step) for step in range(4, 21)] == pytest.approx(expected.tolist())


def test_warmup_cosine__after_the_last_step__stays_at_the_floor():
    factor = warmup_cosine(2, 10, floor=0.05)
    assert factor(10) == pytest.approx(0.05)
    assert factor(1000) == pytest.approx(0.05)


def test_warmup_cosine__without_warmup__starts_at_the_peak():
    assert warmup_cosine(0, 10)(0) == pytest.approx(1.0)


def test_warmup_cosine__warmup_only__divides_by_nothing():
    assert warmup_cosine(3, 3)(2) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["tokenizer", "pretraining", "classifier"])
def test_parameter_groups__any_network__hold_every_parameter_once(kind):
    module = make_module(kind)
    groups = parameter_groups(module.named_parameters(), 1e-3, 0.05, layer_decay=0.9)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in module.parameters())


@pytest.mark.parametrize("kind", ["tokenizer", "pretraining", "classifier"])
def test_parameter_groups__biases_norms_tokens_and_tables__do_not_decay(kind):
    module = make_module(kind)
    groups = parameter_groups(module.named_parameters(), 1e-3, 0.05)
    undecayed = ("bias", "cls_token", "mask_token", "pos_embed", "time_embed", "gamma_1", "gamma_2")
    n_undecayed = 0
    for name, parameter in module.named_parameters():
        is_norm = "norm" in name
        expected = 0.0 if name.endswith(undecayed) or is_norm else 0.05
        assert group_of(groups, parameter)["weight_decay"] == expected, name
        n_undecayed += expected == 0
    assert n_undecayed > 10


def test_parameter_groups__layer_decay__slows_lower_layers():
    depth, lr = 3, 2e-3
    module = make_module("classifier", depth)
    groups = parameter_groups(module.named_parameters(), lr, 0.05, layer_decay=0.9)
    for name, parameter in module.named_parameters():
        if name.startswith("encoder.blocks."):
            layer = int(name.split(".")[2]) + 1
        elif name.startswith("head.") or name.startswith("encoder.norm."):
            layer = depth + 1
        else:
            layer = 0
        expected = lr * 0.9 ** (depth + 1 - layer)
        assert group_of(groups, parameter)["lr"] == pytest.approx(expected), name


def test_parameter_groups__no_layer_decay__one_rate():
    groups = parameter_groups(make_module("pretraining").named_parameters(), 1e-3, 0.05)
    assert {group["lr"] for group in groups} == {1e-3}
    assert {group["weight_decay"] for group in groups} == {0.0, 0.05}


def test_parameter_groups__frozen_parameters__are_left_out():
    module = make_module("classifier")
    module.encoder.requires_grad_(False)
    groups = parameter_groups(module.named_parameters(), 1e-3, 0.05)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in module.head.parameters())
