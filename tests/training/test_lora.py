"""Low-rank adapters: put in, trained, merged."""

import copy
import sys

import pytest
import torch

from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
from sk_brainrvq.training.lora import add_adapters, merge_adapters
from sk_brainrvq.training.optimisation import parameter_groups

RANK, D = 4, 100
ELECTRODES = torch.tensor([1, 40])
# (inputs, outputs) of the linear maps of a block.
SHAPES = [(D, 3 * D), (D, D), (D, 4 * D), (4 * D, D)]


@pytest.fixture
def x():
    return torch.randn(3, 2, 4, 200, generator=torch.Generator().manual_seed(0))


def make_encoder():
    torch.manual_seed(0)
    return EEGEncoder(D, 2, qkv_bias=True, spectral_embedding=True).eval()


def randomise_adapters(encoder):
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.1)


def test_add_adapters__fresh__encoder_computes_what_it_did(x):
    encoder = make_encoder()
    before = encoder(x, ELECTRODES)
    add_adapters(encoder, RANK)
    assert torch.equal(encoder(x, ELECTRODES), before)


def test_add_adapters__trained_parameters__are_two_small_matrices_a_linear_map():
    encoder = make_encoder()
    add_adapters(encoder, RANK)
    trained = {n: p for n, p in encoder.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * 2 * len(SHAPES)
    assert sum(p.numel() for p in trained.values()) == 2 * RANK * sum(map(sum, SHAPES))
    assert all("lora_" in name for name in trained)


def test_adapters__gradients__reach_every_linear_map_of_the_blocks(x):
    encoder = make_encoder()
    add_adapters(encoder, RANK)
    randomise_adapters(encoder)
    encoder(x, ELECTRODES).square().sum().backward()
    trained = [p for p in encoder.parameters() if p.requires_grad]
    assert all(p.grad.abs().sum() > 0 for p in trained)


def test_layer_decay__adapted_encoder__slower_in_lower_blocks():
    classifier = EncoderClassifier(make_encoder(), 2)
    add_adapters(classifier.encoder, RANK)
    names = {p: name for name, p in classifier.named_parameters()}
    rates = {
        names[p]: group["lr"]
        for group in parameter_groups(classifier.named_parameters(), 1.0, 0.05, 0.5)
        for p in group["params"]
    }
    expected = {"encoder.blocks.0.": 0.25, "encoder.blocks.1.": 0.5, "head.": 1.0}
    for prefix, rate in expected.items():
        found = {value for name, value in rates.items() if name.startswith(prefix)}
        assert found == {rate}


def test_merge_adapters__trained__plain_weights_with_twice_the_product_added(x):
    encoder = make_encoder()
    original = copy.deepcopy(encoder.state_dict())
    add_adapters(encoder, RANK)
    randomise_adapters(encoder)
    layer = encoder.blocks[1].mlp.fc1
    product = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    expected = (original["blocks.1.mlp.fc1.weight"] + 2 * product).detach()
    adapted = encoder(x, ELECTRODES)
    merge_adapters(encoder)
    assert list(encoder.state_dict()) == list(original)
    torch.testing.assert_close(encoder.blocks[1].mlp.fc1.weight.detach(), expected)
    torch.testing.assert_close(encoder(x, ELECTRODES), adapted, rtol=0, atol=1e-4)
    assert {type(module) for module in encoder.modules()} == {
        type(module) for module in make_encoder().modules()
    }


def test_merge_adapters__encoder_without_any__left_alone():
    encoder = make_encoder()
    merge_adapters(encoder)
    fresh = make_encoder().state_dict()
    assert all(torch.equal(value, fresh[name]) for name, value in encoder.state_dict().items())


def test_add_adapters__other_default_type__adapters_in_float32():
    encoder = make_encoder()
    torch.set_default_dtype(torch.float64)
    try:
        add_adapters(encoder, RANK)
    finally:
        torch.set_default_dtype(torch.float32)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}


def test_add_adapters__without_peft__error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ImportError, match=r'pip install peft, or pip install "\.\[lora\]"'):
        add_adapters(make_encoder(), RANK)
