"""The tokenizer's targets against numpy in float64."""

import numpy as np
import pytest
import torch

from sk_brainrvq.nn.targets import ExtendedTargets, PublishedTargets, standardise_patches

B, C, P = 2, 3, 4


@pytest.fixture
def x():
    return torch.randn(B, C, P, 200, generator=torch.Generator().manual_seed(0))


def heads(targets, fill=None):
    """Raw head outputs: random, or all of one value."""
    generator = torch.Generator().manual_seed(1)
    widths = (200, targets.amplitude_width, targets.phase_width)
    if fill is not None:
        return [torch.full((B, C, P, width), fill) for width in widths]
    return [torch.randn(B, C, P, width, generator=generator) for width in widths]


def standardised(x):
    return (x - x.mean(-1, keepdims=True)) / (x.std(-1, ddof=1, keepdims=True) + 1e-6)


def test_extended__random_heads__losses_equal_numpy(x):
    targets = ExtendedTargets()
    raw = heads(targets)
    losses = targets.losses(x, *raw)
    waveform, amplitude, phase = (head.double().numpy() for head in raw)
    signal = x.double().numpy()

    spectrum = np.fft.rfft(signal - signal.mean(-1, keepdims=True)) / 100
    magnitude, angle = np.abs(spectrum), np.angle(spectrum)
    # Squared distance of the predicted vector from (cos, sin), weighted by amplitude.
    cosine, sine = phase[..., 0::2], phase[..., 1::2]
    error = (cosine - np.cos(angle)) ** 2 + (sine - np.sin(angle)) ** 2
    weight = magnitude / magnitude.mean(-1, keepdims=True)
    expected = {
        "waveform": np.mean((waveform - standardised(signal)) ** 2),
        "amplitude": np.mean((amplitude[..., :101] - np.log1p(1000 * magnitude)) ** 2),
        "phase": np.mean(weight * error) / 2,
        "log_std": np.mean((amplitude[..., 101] - np.log1p(100 * signal.std(-1))) ** 2),
    }
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(expected, rel=1e-4)


def test_extended__exact_heads__losses_vanish_and_reading_back_gives_the_angles(x):
    targets = ExtendedTargets()
    spectrum = np.fft.rfft(x.double().numpy()) / 100
    spectrum[..., 0] = 0  # the mean of a patch is no target
    log_std = np.log1p(100 * x.double().numpy().std(-1))
    amplitude = np.concatenate([np.log1p(1000 * np.abs(spectrum)), log_std[..., None]], -1)
    angle = np.angle(spectrum)
    phase = np.stack([np.cos(angle), np.sin(angle)], -1).reshape(B, C, P, 202)
    raw = [torch.tensor(a).float() for a in (standardised(x.numpy()), amplitude, phase)]

    assert max(loss.item() for loss in targets.losses(x, *raw).values()) < 1e-6
    reconstruction = targets.reconstruction(*raw)
    np.testing.assert_allclose(reconstruction.phase, angle, atol=1e-5)
    np.testing.assert_allclose(reconstruction.log_std, log_std, atol=1e-5)
    assert reconstruction.amplitude.shape == (B, C, P, 101)


def test_extended__phase_wrong_in_a_silent_bin__costs_next_to_nothing():
    targets = ExtendedTargets()
    times = torch.arange(200) / 200
    x = torch.sin(2 * torch.pi * 10 * times).expand(1, 1, 1, 200)
    unit = torch.view_as_real(torch.fft.rfft(x) / 100).flatten(-2)
    raw = [torch.zeros(1, 1, 1, 200), torch.zeros(1, 1, 1, 102)]

    def phase_loss(wrong_bin):
        phase = unit.clone()
        phase[..., 2 * wrong_bin] += 2
        return targets.losses(x, *raw, phase)["phase"].item()

    assert phase_loss(50) < 1e-3
    assert phase_loss(10) > 1


def test_published__random_heads__losses_equal_numpy(x):
    targets = PublishedTargets()
    raw = heads(targets)
    losses = targets.losses(x, *raw)
    signal = x.double().numpy()

    def epochwise(values):
        mean = values.mean((1, 2, 3), keepdims=True)
        return (values - mean) / values.std((1, 2, 3), ddof=1, keepdims=True)

    # Only torch's FFT settles the sign of angles at plus or minus pi as published.
    angle = torch.fft.fft(x).angle().double().numpy()
    wanted = (standardised(signal), epochwise(np.abs(np.fft.fft(signal))), epochwise(angle))
    for name, head, target in zip(("waveform", "amplitude", "phase"), raw, wanted, strict=True):
        expected = np.mean((head.double().numpy() - target) ** 2)
        assert losses[name].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("targets", [PublishedTargets(), ExtendedTargets()])
@pytest.mark.parametrize("level", [0.0, 2.0])
def test_losses__constant_input__are_finite_with_finite_gradients(targets, level):
    raw = [head.requires_grad_() for head in heads(targets)]
    losses = targets.losses(torch.full((B, C, P, 200), level), *raw)
    torch.stack(list(losses.values())).sum().backward()
    assert all(loss.isfinite() for loss in losses.values())
    assert all(head.grad.isfinite().all() for head in raw)


def test_losses__flat_channel_among_others__are_finite(x):
    x[:, 1] = 0
    for targets in (PublishedTargets(), ExtendedTargets()):
        assert all(loss.isfinite() for loss in targets.losses(x, *heads(targets)).values())


def test_standardise_patches__flat_patch__gives_zeros():
    assert torch.equal(
        standardise_patches(torch.full((1, 1, 1, 200), 0.5)).abs().max(), torch.tensor(0.0)
    )
