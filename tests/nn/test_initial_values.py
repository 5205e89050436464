"""What networks begin with."""

import pytest
import torch
from torch import nn

from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder, EncoderClassifier, MaskedCodeModel


def assert_spread(name, parameter, expected):
    """Normal numbers of a standard deviation, as near to it as their count allows."""
    values, n = parameter.detach().double(), parameter.numel()
    assert abs(values.std() / expected - 1) < 4 / (2 * n) ** 0.5, name
    assert abs(values.mean()) < 4 * expected / n**0.5, name


def expected_spread(name):
    """Standard deviation of a weight of an encoder, of a decoder or of linear heads."""
    if name.endswith(("attn.proj.weight", "mlp.fc2.weight")):
        number = int(name.split("blocks.")[1].split(".")[0]) + 1
        return 0.02 / (2 * number) ** 0.5
    return 0.2 if "decoders" in name and name.endswith("proj.weight") else 0.02


def check(module):
    torch.manual_seed(0)
    n_random = 0
    for name, parameter in module.named_parameters():
        if "gamma" in name:
            torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, 0.1))
        elif "norm" in name and name.endswith("weight"):
            assert (parameter == 1).all(), name
        elif name.endswith("bias"):
            assert (parameter == 0).all(), name
        else:
            assert_spread(name, parameter, expected_spread(name))
            n_random += 1
    assert n_random > 10


def test_masked_code_model__new__weights_shrink_with_depth_and_biases_are_zero():
    torch.manual_seed(0)
    encoder = EEGEncoder(100, 3, qk_norm=True, layer_scale=0.1, spectral_embedding=True)
    check(MaskedCodeModel(encoder, codebook_size=64, n_quantizers=3))


@pytest.mark.parametrize("head", ["mean", "embedding"])
def test_classifier__new__head_of_small_weights(head):
    torch.manual_seed(0)
    check(EncoderClassifier(EEGEncoder(100, 2), 20, head=head))


def test_attention_head__new__query_and_outputs_of_small_weights():
    torch.manual_seed(0)
    head = EncoderClassifier(EEGEncoder(100, 1), 20, head="attention").head
    assert_spread("query", head.query, 0.02)
    assert_spread("linear", head.linear.weight, 0.02)
    assert (head.linear.bias == 0).all()


def test_tokenizer__new__decoders_hear_codewords_as_loud_as_positions():
    torch.manual_seed(0)
    tokenizer = DualDomainTokenizer(100, 2, 2, codebook_size=8, codebook_dim=8)
    for part in (tokenizer.encoder, nn.ModuleDict({"decoders": tokenizer.decoders})):
        check(part)
