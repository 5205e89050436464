"""Tokenizer and classifier as modules: shapes, buffers, learning, bad input."""

import copy

import numpy as np
import pytest
import torch

from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder, EncoderClassifier
from sk_brainrvq.nn.latents import SpatialFilter

B, C, P, Q, K = 3, 2, 4, 3, 16
ELECTRODES = torch.tensor([1, 40])
SETTINGS = [
    {"targets": "extended", "quantizer_mode": "residual"},
    {"targets": "published", "quantizer_mode": "official", "quantizer_dropout": 0.0},
]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def small_tokenizer(**settings):
    return DualDomainTokenizer(100, 1, 1, codebook_size=K, codebook_dim=8, **settings)


@pytest.fixture
def x():
    return torch.randn(B, C, P, 200)


def same_state(before, module):
    after = module.state_dict()
    return before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


@pytest.mark.parametrize("settings", SETTINGS)
def test_forward__any_targets__shapes_and_sum_of_losses(settings, x):
    output = small_tokenizer(**settings)(x, ELECTRODES)
    n_bins = 101 if settings["targets"] == "extended" else 200
    assert output.codes.shape == (B, C, P, 2, Q)
    assert output.reconstruction.waveform.shape == (B, C, P, 200)
    assert output.reconstruction.amplitude.shape == (B, C, P, n_bins)
    assert output.reconstruction.phase.shape == (B, C, P, n_bins)
    if settings["targets"] == "extended":
        assert output.reconstruction.log_std.shape == (B, C, P)
    total = sum(loss.item() for loss in output.losses.values())
    assert output.loss.item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("settings", SETTINGS)
def test_encode__training_mode__changes_no_buffer_and_stays_in_training(settings, x):
    tokenizer = small_tokenizer(**settings)
    for _ in range(2):  # before and after the codebooks were initialised
        before = copy.deepcopy(tokenizer.state_dict())
        codes = tokenizer.encode(x, ELECTRODES)
        assert same_state(before, tokenizer)
        assert tokenizer.training
        assert torch.equal(codes, tokenizer.encode(x, ELECTRODES))
        tokenizer(x, ELECTRODES)


def test_encode__a_part_frozen_in_eval_mode__stays_frozen(x):
    tokenizer = small_tokenizer()
    tokenizer.quantizers.eval()
    tokenizer.encode(x, ELECTRODES)
    assert not tokenizer.quantizers[0].training
    assert tokenizer.encoder.training


@pytest.mark.parametrize("settings", SETTINGS)
def test_forward__eval_mode__changes_no_buffer(settings, x):
    tokenizer = small_tokenizer(**settings)
    tokenizer(x, ELECTRODES)
    tokenizer.eval()
    before = copy.deepcopy(tokenizer.state_dict())
    output = tokenizer(x, ELECTRODES)
    assert same_state(before, tokenizer)
    assert torch.equal(output.codes, tokenizer.encode(x, ELECTRODES))


@pytest.mark.parametrize("settings", SETTINGS)
def test_decode__codes_of_forward__gives_its_reconstruction(settings, x):
    tokenizer = small_tokenizer(**settings).eval()
    output = tokenizer(x, ELECTRODES)
    decoded = tokenizer.decode(output.codes, ELECTRODES)
    for part in ("waveform", "amplitude", "phase"):
        torch.testing.assert_close(
            getattr(decoded, part), getattr(output.reconstruction, part), atol=1e-5, rtol=1e-4
        )


def test_decode__fewer_levels__finer_codes_do_not_matter(x):
    tokenizer = small_tokenizer().eval()
    codes = tokenizer.encode(x, ELECTRODES)
    other = codes.clone()
    other[..., 1:] = (codes[..., 1:] + 1) % K
    one, two = (tokenizer.decode(c, ELECTRODES, n_levels=1).waveform for c in (codes, other))
    assert torch.equal(one, two)
    assert not torch.equal(one, tokenizer.decode(codes, ELECTRODES).waveform)


def test_decode__too_many_levels__error_names_the_range(x):
    tokenizer = small_tokenizer().eval()
    with pytest.raises(ValueError, match=r"n_levels=4.*levels 1 to 3"):
        tokenizer.decode(tokenizer.encode(x, ELECTRODES), ELECTRODES, n_levels=4)


def test_domains__time_codes_changed__spectrum_stays(x):
    tokenizer = small_tokenizer().eval()
    codes = tokenizer.encode(x, ELECTRODES)
    other = codes.clone()
    other[..., 0, :] = (codes[..., 0, :] + 1) % K
    one, two = (tokenizer.decode(c, ELECTRODES) for c in (codes, other))
    assert torch.equal(one.amplitude, two.amplitude)
    assert torch.equal(one.phase, two.phase)
    assert not torch.equal(one.waveform, two.waveform)


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_zero_input__training_step__everything_finite(settings):
    tokenizer = small_tokenizer(**settings)
    output = tokenizer(torch.zeros(B, C, P, 200), ELECTRODES)
    output.loss.backward()
    assert output.loss.isfinite()
    assert all(p.grad.isfinite().all() for p in tokenizer.parameters() if p.grad is not None)
    assert all(value.isfinite().all() for value in tokenizer.state_dict().values())


@pytest.mark.parametrize("settings", SETTINGS)
def test_training__thirty_steps_on_sines__every_reconstruction_improves(settings):
    times = torch.arange(800).unflatten(0, (P, 200)) / 200
    frequency = torch.randint(4, 20, (32, C, 1, 1))
    x = torch.sin(2 * torch.pi * frequency * times) + 0.1 * torch.randn(32, C, P, 200)
    tokenizer = small_tokenizer(**settings)
    optimiser = torch.optim.AdamW(tokenizer.parameters(), lr=3e-3)
    history = []
    for _ in range(30):
        output = tokenizer(x, ELECTRODES)
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        history.append({name: loss.item() for name, loss in output.losses.items()})
    for name in ("waveform", "amplitude"):
        assert history[-1][name] < 0.9 * history[0][name]


def test_backward__residual_mode__reaches_every_parameter(x):
    tokenizer = small_tokenizer()
    tokenizer(x, ELECTRODES).loss.backward()
    # The decoders' class tokens are no output, yet attention hands their value on.
    without = [n for n, p in tokenizer.named_parameters() if p.grad is None]
    assert without == []


def test_codebook_size__one_a_level__is_kept():
    tokenizer = DualDomainTokenizer(100, 1, 1, codebook_size=[8, 6], codebook_dim=5, n_quantizers=2)
    assert tokenizer.n_quantizers == 2
    assert [q.codebook_sizes for q in tokenizer.quantizers] == [[8, 6], [8, 6]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": "wavelet"}, r"targets='wavelet'.*'extended', 'published'"),
        ({"quantizer_mode": "product"}, r"mode='product'"),
        ({"n_quantizers": 0}, r"n_quantizers=0.*at least 1"),
    ],
)
def test_constructor__bad_argument__error_names_it(settings, message):
    with pytest.raises(ValueError, match=message):
        small_tokenizer(**settings)


@pytest.mark.parametrize("method", ["forward", "encode"])
def test_input__wrong_shape__error_gives_expected_shape(method):
    with pytest.raises(ValueError, match=r"x has shape \(3, 2, 800\); expected"):
        getattr(small_tokenizer(), method)(torch.randn(B, C, 800), ELECTRODES)


def test_classifier__logits__are_the_head_of_the_normalised_mean(x):
    encoder = EEGEncoder(100, 2)
    classifier = EncoderClassifier(encoder, n_outputs=5).eval()
    mean = encoder(x, ELECTRODES, normalize=False)[:, 1:].mean(1)
    expected = classifier.head(encoder.norm(mean))
    torch.testing.assert_close(classifier(x, ELECTRODES), expected)
    assert expected.shape == (B, 5)


def test_classifier__two_classes_of_amplitude__learns_them():
    classifier = EncoderClassifier(EEGEncoder(100, 1, spectral_embedding=True), n_outputs=2)
    y = torch.arange(32) % 2
    x = torch.randn(32, C, P, 200) * (0.2 + y)[:, None, None, None]
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=1e-3)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(classifier(x, ELECTRODES), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (classifier.eval()(x, ELECTRODES).argmax(-1) == y).float().mean() > 0.9


# Spatial filter


def noisy_sources(n_epochs, mixing, noise, seed):
    """Sources mixed into channels, as they are and as coded with noise: (n_epochs, C, 10, 8)."""
    drawn = torch.Generator().manual_seed(seed)
    sources = torch.randn(n_epochs, mixing.shape[1], 10, 8, generator=drawn)
    clean = torch.einsum("cs,nspd->ncpd", mixing, sources)
    noisy = clean + noise * torch.randn(clean.shape, generator=drawn)
    return clean, noisy / (1 + noise**2)  # like a codeword, the mean of what it stands for


@pytest.mark.parametrize("known", [True, False])
def test_spatial_filter__noisy_channels_of_few_sources__errs_like_regression_on_the_truth(known):
    mixing = torch.randn(12, 2)
    mixing /= mixing.norm(dim=1, keepdim=True)
    spatial = SpatialFilter(8, 2)
    clean, noisy = noisy_sources(200, mixing, 0.7, seed=1)
    electrodes = torch.arange(12) if known else torch.zeros(12, 129)
    spatial.start([[clean], [noisy]], [(clean, electrodes)])
    clean_new, noisy_new = noisy_sources(50, mixing, 0.7, seed=2)
    filtered = spatial(noisy_new, electrodes, torch.tensor([2]))

    # A regression that is given the true vectors of these very channels, by numpy.
    def flat(vectors):
        return vectors.movedim(1, -1).reshape(-1, 12).numpy()

    by_regression = flat(noisy_new) @ np.linalg.lstsq(flat(noisy), flat(clean))[0]
    best = np.square(by_regression - flat(clean_new)).mean()
    error = (filtered - clean_new).square().mean().item()
    assert error < 0.4 * (noisy_new - clean_new).square().mean().item()
    assert error < (1.2 if known else 1.5) * best
    # Where codes lost nothing, nothing is changed.
    unchanged = spatial(noisy_new, electrodes, torch.tensor([1]))
    torch.testing.assert_close(unchanged, noisy_new)


def test_spatial_filter__one_channel_or_uncorrelated_ones__pass_unchanged():
    spatial = SpatialFilter(8, 3)
    torch.nn.init.normal_(spatial.weight)
    vectors = torch.randn(4, 1, 5, 8)
    assert torch.equal(spatial(vectors, torch.arange(1), torch.tensor([3])), vectors)
    orthogonal = torch.linalg.qr(torch.randn(40, 6)).Q.T.reshape(1, 6, 5, 8)
    torch.testing.assert_close(spatial(orthogonal, torch.arange(6), torch.tensor([3])), orthogonal)


def test_spatial_filter__other_order_sign_or_form_of_electrodes__follow():
    spatial = SpatialFilter(8, 3)
    torch.nn.init.normal_(spatial.weight, std=0.1)
    vectors, levels, order = torch.randn(4, 6, 5, 8), torch.tensor([1, 2, 3, 3]), torch.randperm(6)
    correlation = torch.corrcoef(torch.randn(129, 9))
    spatial.correlation.copy_(correlation)
    electrodes = torch.arange(3, 9)
    filtered = spatial(vectors, electrodes, levels)
    reordered = spatial(vectors[:, order], electrodes[order], levels)
    torch.testing.assert_close(reordered, filtered[:, order])
    torch.testing.assert_close(spatial(-vectors, electrodes, levels), -filtered)
    alone = spatial(vectors[2:], electrodes, levels[2:])
    torch.testing.assert_close(alone, filtered[2:])
    as_weights = torch.nn.functional.one_hot(electrodes, 129).float()
    torch.testing.assert_close(spatial(vectors, as_weights, levels), filtered)


def test_spatial_filter__trained_tokenizer__decode_agrees_with_forward_and_uses_neighbours():
    settings = {"latents": "separate", "spatial_filter": True, "quantizer_dropout": 0.0}
    sources = torch.randn(64, 2, 4, 5) @ torch.randn(5, 200)
    mixed = torch.einsum("cs,nspt->ncpt", torch.randn(6, 2), sources)
    electrodes = torch.arange(6)
    tokenizer = small_tokenizer(**settings)
    tokenizer.start([(mixed, electrodes)])
    torch.nn.init.normal_(tokenizer.waveform_head[-1].weight, std=0.01)  # no longer linear
    tokenizer.eval()
    output = tokenizer(mixed, electrodes)
    decoded = tokenizer.decode(output.codes, electrodes)
    torch.testing.assert_close(decoded.waveform, output.reconstruction.waveform)
    torch.testing.assert_close(decoded.amplitude, output.reconstruction.amplitude)
    spectrum = np.fft.rfft(decoded.waveform.detach())
    turned = np.angle(spectrum * np.exp(-1j * decoded.phase.detach().numpy()))
    assert np.average(np.abs(turned), weights=np.abs(spectrum)) < 1e-4
    # Decoded by itself, a channel errs more.
    alone = [tokenizer.decode(output.codes[:, [i]], electrodes[[i]]).waveform for i in range(6)]
    target = tokenizer.targets.coded(mixed)[0]
    error = (decoded.waveform - target).square().mean()
    assert error < 0.9 * (torch.cat(alone, 1) - target).square().mean()


def test_spatial_filter__electrodes_of_different_caps__no_negative_eigenvalue():
    spatial, latents = SpatialFilter(8, 1), []
    # Of three electrodes each cap has two: a ~ b, b ~ c, but a ~ -c, which no EEG can have at once.
    for pair, sign in (([0, 1], 1), ([1, 2], 1), ([0, 2], -1)):
        first = torch.randn(20, 1, 5, 8)
        latents.append((torch.cat([first, sign * first], 1), torch.tensor(pair)))
    spatial.start([[vectors for vectors, _ in latents]], latents)
    assert torch.linalg.eigvalsh(spatial.correlation).min() > -1e-5
    assert spatial.correlation[0, 1] > 0.3 > -0.3 > spatial.correlation[0, 2]
    filtered = spatial(torch.randn(4, 3, 5, 8), torch.arange(3), torch.tensor([1]))
    assert filtered.isfinite().all()


def test_spatial_filter__shared_latent__is_refused():
    with pytest.raises(ValueError, match="needs latents='separate'"):
        small_tokenizer(latents="shared", spatial_filter=True)
