"""Encoder: positions, layers, attention, stochastic depth, bad shapes."""

import numpy as np
import pytest
import torch

from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.nn.encoder import Attention, DropPath, log_spectrum

ELECTRODES = torch.tensor([7, 40, 82])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def random_encoder(depth=2, **settings):
    """An encoder in eval mode whose parameters have all left their initial values."""
    encoder = EEGEncoder(100, depth, **settings).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return encoder


@pytest.fixture
def x():
    return torch.randn(2, 3, 4, 200)


def test_tokens__patch_contents_swapped_along_channels__order_is_channel_major(x):
    encoder = random_encoder(1)
    tokens = encoder(x, ELECTRODES)
    assert tokens.shape == (2, 1 + 3 * 4, 100)
    # Moving channels and their electrodes together moves the tokens, four patches a channel.
    order = [2, 0, 1]
    moved = encoder(x[:, order], ELECTRODES[order])
    expected = tokens[:, 1:].unflatten(1, (3, 4))[:, order].flatten(1, 2)
    torch.testing.assert_close(moved[:, 1:], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved[:, 0], tokens[:, 0], atol=1e-5, rtol=1e-4)


def test_time_table__patch_equal_everywhere__tokens_differ_by_patch_number():
    encoder = random_encoder(1)
    same = torch.randn(1, 1, 1, 200).repeat(1, 1, 3, 1)
    tokens = encoder(same, ELECTRODES[:1])[0, 1:]
    assert (tokens[0] - tokens[1]).abs().max() > 1e-2
    with torch.no_grad():
        encoder.time_embed.zero_()
    tokens = encoder(same, ELECTRODES[:1])[0, 1:]
    torch.testing.assert_close(tokens[0], tokens[1])


@pytest.mark.parametrize(("position", "used"), [("zero", 0), ("first_channel", 7)])
def test_class_position__its_row_of_the_table__alone_moves_the_class_token(position, used):
    encoder = random_encoder(1, class_position=position)
    # Without attention the class token sees its own input alone.
    torch.nn.init.zeros_(encoder.blocks[0].attn.proj.weight)
    x = torch.randn(1, 3, 4, 200)
    before = encoder(x, ELECTRODES)[:, 0].detach().clone()
    for row in (0, 7, 40):
        changed = random_encoder(1, class_position=position)
        changed.load_state_dict(encoder.state_dict())
        with torch.no_grad():
            changed.pos_embed[0, row] += torch.randn(100)
        moved = (changed(x, ELECTRODES)[:, 0] - before).abs().max() > 1e-3
        assert bool(moved) == (row == used)


def test_mixing_weights__one_hot__equal_rows(x):
    encoder = random_encoder(class_position="first_channel")
    one_hot = torch.nn.functional.one_hot(ELECTRODES, 129).float()
    torch.testing.assert_close(encoder(x, one_hot), encoder(x, ELECTRODES))


def test_mixing_weights__half_and_half__equal_a_row_between(x):
    encoder = random_encoder()
    weights = torch.nn.functional.one_hot(ELECTRODES, 129).float()
    weights[0] = 0
    weights[0, [11, 12]] = 0.5
    mixed = encoder(x, weights)
    with torch.no_grad():
        encoder.pos_embed[0, 7] = (encoder.pos_embed[0, 11] + encoder.pos_embed[0, 12]) / 2
    torch.testing.assert_close(mixed, encoder(x, ELECTRODES))


@pytest.mark.parametrize(("layer", "depth"), [(0, 1), (1, 2), (-1, 3), (-3, 1)])
def test_layer__stop_after_a_block__equals_a_shallower_encoder(x, layer, depth):
    encoder = random_encoder(3)
    shallow = EEGEncoder(100, depth).eval()
    kept = shallow.state_dict().keys()
    shallow.load_state_dict({k: v for k, v in encoder.state_dict().items() if k in kept})
    torch.testing.assert_close(encoder(x, ELECTRODES, layer=layer), shallow(x, ELECTRODES))


def test_normalize__off__final_norm_of_it_gives_the_tokens(x):
    encoder = random_encoder()
    raw = encoder(x, ELECTRODES, normalize=False)
    assert not torch.allclose(raw, encoder(x, ELECTRODES))
    torch.testing.assert_close(encoder.norm(raw), encoder(x, ELECTRODES))


def test_log_spectrum__sine_of_known_amplitude__is_read_back():
    times = torch.arange(200) / 200
    # 30 microvolts at 10 Hz on an offset, which does not count.
    x = 0.3 * torch.sin(2 * torch.pi * 10 * times) + 5
    features = log_spectrum(x) - log_spectrum(torch.zeros(200))
    assert features.shape == (102,)
    expected = torch.zeros(101)
    expected[10] = np.log1p(30 / 0.1)
    torch.testing.assert_close(features[1:], expected, atol=1e-3, rtol=0)
    assert features[0] == pytest.approx(np.log1p(30 / np.sqrt(2)), abs=1e-4)


def test_spectral_embedding__louder_epoch__tokens_differ_only_with_it():
    x = torch.randn(1, 3, 4, 200)
    plain, spectral = random_encoder(1), random_encoder(1, spectral_embedding=True)
    for encoder, change in ((plain, False), (spectral, True)):
        # Without biases the convolutions, normalised over the epoch, lose the scale.
        torch.nn.init.zeros_(encoder.patch_embed.conv1.bias)
        difference = (encoder(10 * x, ELECTRODES) - encoder(x, ELECTRODES)).abs().max()
        assert bool(difference > 1e-1) == change


def test_spectral_embedding__all_zero_input__tokens_finite():
    encoder = random_encoder(spectral_embedding=True)
    assert encoder(torch.zeros(2, 3, 4, 200), ELECTRODES).isfinite().all()


def test_epochs_of_a_batch__encoded_alone__tokens_stay_the_same(x):
    encoder = random_encoder()
    torch.testing.assert_close(
        encoder(x, ELECTRODES)[1:], encoder(x[1:], ELECTRODES), atol=1e-5, rtol=1e-4
    )


def naive_attention(module, tokens):
    """Softmax attention with explicit loops over epochs and heads, in float64."""
    tokens = tokens.double().numpy()
    state = {name: value.double().numpy() for name, value in module.state_dict().items()}
    n_epochs, n_tokens, width = tokens.shape
    query_map, key_map, value_map = np.split(state["qkv.weight"], 3)

    def head_norm(features, name):
        if f"{name}.weight" not in state:
            return features
        centred = features - features.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(features.var(-1, keepdims=True) + 1e-6)
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    attended = np.zeros((n_epochs, n_tokens, width))
    for epoch in range(n_epochs):
        query = tokens[epoch] @ query_map.T + state.get("q_bias", 0)
        key = tokens[epoch] @ key_map.T
        value = tokens[epoch] @ value_map.T + state.get("v_bias", 0)
        for start in range(0, width, 20):
            head = slice(start, start + 20)
            q, k = head_norm(query[:, head], "q_norm"), head_norm(key[:, head], "k_norm")
            weights = np.exp(q @ k.T / np.sqrt(20))
            weights /= weights.sum(-1, keepdims=True)
            attended[epoch, :, head] = weights @ value[:, head]
    return attended @ state["proj.weight"].T + state["proj.bias"]


@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("qk_norm", [False, True])
def test_attention__random_weights__equals_naive_softmax(qkv_bias, qk_norm):
    module = Attention(100, qkv_bias, qk_norm)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    tokens = torch.randn(2, 9, 100)
    expected = torch.from_numpy(naive_attention(module, tokens)).float()
    torch.testing.assert_close(module(tokens), expected, atol=1e-4, rtol=1e-4)


def test_stochastic_depth__eval_mode__changes_nothing(x):
    dropping = EEGEncoder(100, 3, drop_path=0.9).eval()
    plain = EEGEncoder(100, 3).eval()
    plain.load_state_dict(dropping.state_dict())
    assert torch.equal(dropping(x, ELECTRODES), plain(x, ELECTRODES))


def test_stochastic_depth__training_mode__draws_anew_at_each_pass(x):
    encoder = random_encoder(3, drop_path=0.5).train()
    assert not torch.equal(encoder(x, ELECTRODES), encoder(x, ELECTRODES))


def test_stochastic_depth__blocks__rate_rises_linearly():
    rates = [block.drop_path.rate for block in EEGEncoder(100, 5, drop_path=0.2).blocks]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_drop_path__ones__whole_epochs_drop_and_the_mean_stays():
    branch = DropPath(0.25).train()(torch.ones(4000, 3, 5))
    per_epoch = branch[:, 0, 0]
    assert torch.equal(branch, per_epoch[:, None, None].expand_as(branch))
    assert sorted(per_epoch.unique().tolist()) == pytest.approx([0, 4 / 3])
    assert per_epoch.mean() == pytest.approx(1, abs=0.04)


def test_patches__more_than_thirty__error_says_so():
    with pytest.raises(ValueError, match=r"31 patches per channel.*30 rows"):
        random_encoder(1)(torch.randn(1, 1, 31, 200), ELECTRODES[:1])


def test_patches__thirty__work():
    assert random_encoder(1)(torch.randn(1, 1, 30, 200), ELECTRODES[:1]).shape == (1, 31, 100)


@pytest.mark.parametrize("shape", [(3, 4, 200), (2, 3, 4, 199), (2, 3, 800), (200,)])
def test_patches__wrong_shape__error_gives_expected_shape(shape):
    with pytest.raises(ValueError, match=r"x has shape .*n_epochs, n_channels, n_patches, 200"):
        random_encoder(1)(torch.randn(shape), ELECTRODES)


@pytest.mark.parametrize("electrodes", [ELECTRODES[:2], torch.ones(2, 129) / 129])
def test_electrodes__wrong_number__error_gives_both(x, electrodes):
    with pytest.raises(ValueError, match="electrodes has 2 rows for 3 channels"):
        random_encoder(1)(x, electrodes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embed_dim": 150}, "embed_dim=150.*multiple of 100"),
        ({"embed_dim": 0}, "embed_dim=0.*multiple of 100"),
        ({"depth": 0}, "depth=0.*at least one block"),
        ({"class_position": "last"}, "class_position='last'.*'zero' or 'first_channel'"),
    ],
)
def test_constructor__bad_argument__error_names_it(settings, message):
    with pytest.raises(ValueError, match=message):
        EEGEncoder(**{"embed_dim": 100, "depth": 1, **settings})
