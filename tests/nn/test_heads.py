"""Heads of the fine-tuning network."""

import pytest
import torch
import torch.nn.functional as F

from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
from sk_brainrvq.nn.classifier import AttentionHead, FlattenHead
from sk_brainrvq.nn.encoder import Attention
from sk_brainrvq.weights.modules import build_module

B, C, P, D = 3, 2, 4, 100
ELECTRODES = torch.tensor([1, 40])
HEADS = ["mean", "flatten", "attention", "embedding"]


@pytest.fixture
def x():
    return torch.randn(B, C, P, 200, generator=torch.Generator().manual_seed(0))


def classifier_with(head, **encoder):
    torch.manual_seed(0)
    return EncoderClassifier(EEGEncoder(D, 2, **encoder), 5, head, n_channels=C, n_patches=P)


def elu(z):
    return torch.where(z > 0, z, z.exp() - 1)


@pytest.mark.parametrize("head", HEADS)
def test_head__forward__a_column_an_output_and_gradients_everywhere(head, x):
    classifier = classifier_with(head)
    logits = classifier(x, ELECTRODES)
    assert logits.shape == (B, 5)
    F.cross_entropy(logits, torch.arange(B)).backward()
    assert all(p.grad.abs().sum() > 0 for p in classifier.head.parameters() if p.ndim > 1)
    assert classifier.encoder.blocks[0].attn.qkv.weight.grad.abs().sum() > 0


def test_mean_head__state__named_as_in_published_checkpoints():
    names = [name for name in classifier_with("mean").state_dict() if "encoder." not in name]
    assert names == ["head.weight", "head.bias"]


def test_flatten_head__logits__are_those_of_the_papers_perceptron(x):
    classifier = classifier_with("flatten").eval().double()
    state = {k: v for k, v in classifier.head.state_dict().items() if k.endswith("weight")}
    assert [tuple(v.shape) for v in state.values()] == [
        (P * 200, C * P * D),
        (200, P * 200),
        (5, 200),
    ]
    tokens = classifier.encoder(x.double(), ELECTRODES)[:, 1:].reshape(B, -1)
    first, second, last = (layer for layer in classifier.head.layers if hasattr(layer, "weight"))
    hidden = elu(tokens @ first.weight.T + first.bias)
    hidden = elu(hidden @ second.weight.T + second.bias)
    expected = hidden @ last.weight.T + last.bias
    # log_spectrum works in float32, whatever comes in.
    torch.testing.assert_close(classifier(x.double(), ELECTRODES), expected)


def test_attention_head__outputs__are_those_of_softmax_attention_of_one_query():
    torch.manual_seed(0)
    head, tokens = AttentionHead(D, 3).double().eval(), torch.randn(B, C, P, D).double()
    keys = tokens.flatten(1, 2)
    query = head.query[0, 0]
    w_q, w_k, w_v = head.attention.in_proj_weight.chunk(3)
    b_q, b_k, b_v = head.attention.in_proj_bias.chunk(3)
    parts = []
    for first in range(0, D, 20):
        own = slice(first, first + 20)
        score = (keys @ w_k.T + b_k)[..., own] @ (w_q @ query + b_q)[own] / 20**0.5
        weight = score.softmax(1)[..., None]
        parts.append((weight * (keys @ w_v.T + b_v)[..., own]).sum(1))
    attended = head.attention.out_proj(torch.cat(parts, -1))
    expected = head.linear(F.layer_norm(attended, (D,), eps=1e-6))
    torch.testing.assert_close(head(tokens), expected)


def test_attention_head__tokens_in_another_order__same_outputs():
    torch.manual_seed(0)
    head, tokens = AttentionHead(D, 3).eval(), torch.randn(B, C, P, D)
    torch.testing.assert_close(head(tokens.flip(1, 2)), head(tokens))


@pytest.mark.parametrize("head", ["mean", "attention"])
def test_heads_of_any_size__other_montage_and_length__serve_it(head):
    logits = classifier_with(head)(torch.randn(1, 5, 7, 200), torch.arange(1, 6))
    assert logits.shape == (1, 5)


def test_flatten_head__other_size__error_names_both_sizes():
    message = r"3 channels of 4 patches; .* built for 2 channels of 4 patches"
    with pytest.raises(ValueError, match=message):
        classifier_with("flatten")(torch.randn(1, 3, 4, 200), torch.tensor([1, 2, 3]))


def test_flatten_head__dropout__in_training_only():
    torch.manual_seed(0)
    head, tokens = FlattenHead(D, 2, C, P, dropout=0.5), torch.randn(B, C, P, D)
    assert not torch.equal(head(tokens), head(tokens))
    head.eval()
    assert torch.equal(head(tokens), head(tokens))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"head": "linear"}, r"head='linear' was given; expected one of .*'flatten'"),
        ({"head": "flatten", "n_channels": 2}, "without n_channels and n_patches"),
    ],
)
def test_constructor__bad_head__error_says_what_is_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        EncoderClassifier(EEGEncoder(D, 1), 2, **settings)


@pytest.mark.parametrize("head", HEADS)
def test_frozen_encoder__training_mode__tokens_fixed_and_no_gradients(head, x):
    classifier = classifier_with(head, drop_path=0.9)
    classifier.encoder.requires_grad_(False)
    classifier.train()
    assert classifier.head.training
    assert not classifier.encoder.training
    features = classifier.features(x, ELECTRODES)
    assert not features.requires_grad
    assert torch.equal(features, classifier.features(x, ELECTRODES))
    classifier(x, ELECTRODES).sum().backward()
    assert all(parameter.grad is None for parameter in classifier.encoder.parameters())


@pytest.mark.parametrize("head", HEADS)
def test_features__without_gradients__record_none(head, x):
    with torch.no_grad():
        assert not classifier_with(head).features(x, ELECTRODES).requires_grad


def test_unfrozen_encoder__training_mode__stochastic_depth_at_work(x):
    classifier = classifier_with("mean", drop_path=0.9).train()
    first, second = (classifier.features(x, ELECTRODES) for _ in range(2))
    assert first.requires_grad
    assert not torch.equal(first, second)


def test_build_module__configuration_of_before_heads__mean_head():
    module = build_module("classifier", {"encoder": {"embed_dim": D, "depth": 1}, "n_outputs": 3})
    assert isinstance(module.head, torch.nn.Linear)


def test_attention_of_a_block__biases__as_one_affine_map():
    torch.manual_seed(0)
    attention = Attention(D, qkv_bias=True, qk_norm=False)
    tokens = torch.randn(B, 9, D)
    with torch.no_grad():
        attention.q_bias.normal_()
        attention.v_bias.normal_()
    bias = torch.cat([attention.q_bias, torch.zeros(D), attention.v_bias])
    query, key, value = (tokens @ attention.qkv.weight.T + bias).chunk(3, -1)
    parts = []
    for first in range(0, D, 20):
        own = slice(first, first + 20)
        score = query[..., own] @ key[..., own].mT / 20**0.5
        parts.append(score.softmax(-1) @ value[..., own])
    expected = attention.proj(torch.cat(parts, -1))
    torch.testing.assert_close(attention(tokens), expected, rtol=0, atol=1e-5)
