"""Importance scores against a naive float64 loop, and the mask drawn from them."""

from itertools import permutations

import numpy as np
import pytest
import torch

from sk_brainrvq.nn import importance_guided_mask, importance_scores, limit_runs


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def varied_patches(*shape):
    """Patches from slow to fast, so that the scores differ widely."""
    noise = torch.randn(*shape, 200)
    share = torch.rand(*shape, 1)
    return share * noise + (1 - share) * noise.cumsum(-1) / 5


def naive_importance(epoch, sfreq):
    """Scores of the patches (n, 200) of one epoch, one patch and one term at a time."""
    frequencies = np.arange(101) * sfreq / 200
    terms = []
    for patch in epoch:
        power = np.abs(np.fft.fft(patch)[:101]) ** 2
        neural = power[(frequencies >= 4) & (frequencies < 30)].sum() / power.sum()
        artefact = power[frequencies < 2].sum() + power[frequencies >= 45].sum()
        slope = patch[1:] - patch[:-1]
        curvature = slope[1:] - slope[:-1]
        variance, slope_variance = np.var(patch, ddof=1), np.var(slope, ddof=1)
        mobility = np.sqrt((slope_variance + 1e-8) / (variance + 1e-8))
        slope_mobility = np.sqrt(np.var(curvature, ddof=1) / (slope_variance + 1e-8))
        steepness = np.abs(slope)
        irregularity = np.abs(steepness[1:] - steepness[:-1]).mean() / (steepness.mean() + 1e-8)
        complexity = slope_mobility / (mobility + 1e-8)
        terms.append([neural, 1 - artefact / power.sum(), complexity, irregularity, mobility])
    terms = np.array(terms)
    scaled = (terms - terms.min(0)) / (terms.max(0) - terms.min(0))
    return scaled @ [0.30, 0.25, 0.20, 0.15, 0.10]


@pytest.mark.parametrize("sfreq", [200.0, 250.0])
def test_scores__random_patches__equal_naive_float64(sfreq):
    x = varied_patches(3, 4, 5)
    scores = importance_scores(x, sfreq)
    assert scores.shape == (3, 4, 5)
    for epoch, actual in zip(x.double().numpy(), scores, strict=True):
        expected = naive_importance(epoch.reshape(20, 200), sfreq)
        np.testing.assert_allclose(actual.flatten(), expected, atol=1e-4)


def test_scores__other_unit__stay_the_same():
    x = varied_patches(2, 3, 4)
    torch.testing.assert_close(
        importance_scores(50 * x), importance_scores(x), atol=1e-4, rtol=1e-3
    )


def test_scores__other_epochs_in_the_batch__do_not_matter():
    x = varied_patches(3, 2, 4)
    torch.testing.assert_close(importance_scores(x)[1:2], importance_scores(x[1:2]))


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
def test_constant_input__scores_and_mask__finite(value):
    x = torch.full((2, 3, 4, 200), value)
    assert torch.equal(importance_scores(x), torch.zeros(2, 3, 4))
    assert importance_guided_mask(x, 0.5, unmask_rate=0.0).sum((1, 2)).tolist() == [6, 6]


def test_flat_channel_among_others__scores__finite_within_bounds():
    x = varied_patches(2, 3, 4)
    x[:, 1] = 0
    scores = importance_scores(x)
    assert scores.isfinite().all()
    assert scores.min() >= 0
    assert scores.max() <= 1 + 1e-5


def test_mask__one_patch_of_one_channel__is_drawn():
    x = torch.randn(4, 1, 1, 200)
    assert importance_guided_mask(x, 0.5, unmask_rate=0.0).all()
    assert importance_scores(x).isfinite().all()


@pytest.mark.parametrize(("n_channels", "n_patches", "n_drawn"), [(3, 4, 6), (3, 3, 4), (1, 2, 1)])
@pytest.mark.parametrize("info_weight", [0.0, 0.4, 1.0])
def test_mask__before_unmasking__half_is_drawn(n_channels, n_patches, n_drawn, info_weight):
    x = varied_patches(20, n_channels, n_patches)
    mask = importance_guided_mask(x, info_weight, unmask_rate=0.0)
    assert mask.dtype == torch.bool
    assert mask.sum((1, 2)).tolist() == [n_drawn] * 20


def test_mask__default_unmasking__a_tenth_of_the_drawn_is_shown_again():
    x = varied_patches(1, 10, 4).repeat(200, 1, 1, 1)
    share = importance_guided_mask(x, 0.5).float().mean().item()
    # 4000 draws of a tenth: the standard error of the share is .0024.
    assert share == pytest.approx(0.45, abs=0.01)


def test_mask__importance_alone__frequencies_are_those_of_drawing_one_by_one():
    x = varied_patches(1, 2, 2)
    scores = importance_scores(x).double().flatten().numpy()
    logits = (scores - scores.mean()) / scores.std(ddof=1) / 0.8
    chance = np.exp(logits) / np.exp(logits).sum()
    expected = np.zeros(4)
    for first, second in permutations(range(4), 2):
        probability = chance[first] * chance[second] / (1 - chance[first])
        expected[[first, second]] += probability

    n_draws = 6000
    mask = importance_guided_mask(x.repeat(n_draws, 1, 1, 1), 1.0, unmask_rate=0.0)
    frequencies = mask.flatten(1).float().mean(0).numpy()
    np.testing.assert_allclose(frequencies, expected, atol=0.03)
    assert expected.max() - expected.min() > 0.3, "the epoch must tell the patches apart"


def test_mask__chance_alone__importance_does_not_matter():
    x = varied_patches(1, 2, 2).repeat(6000, 1, 1, 1)
    frequencies = importance_guided_mask(x, 0.0, unmask_rate=0.0).flatten(1).float().mean(0)
    np.testing.assert_allclose(frequencies, 0.5, atol=0.03)


def test_mask__everything_drawn__every_sixth_of_a_channel_is_shown():
    mask = importance_guided_mask(varied_patches(2, 3, 14), 0.5, mask_ratio=1.0, unmask_rate=0.0)
    expected = torch.ones(14, dtype=torch.bool)
    expected[[5, 11]] = False
    assert torch.equal(mask, expected.expand(2, 3, 14))


def longest_run(row):
    return max(len(run) for run in "".join("01"[int(v)] for v in row).split("0"))


@pytest.mark.parametrize("max_run", [1, 2, 5])
def test_mask__high_ratio__runs_within_a_channel_stay_short(max_run):
    x = varied_patches(30, 3, 20)
    mask = importance_guided_mask(x, 0.5, mask_ratio=0.9, max_run=max_run)
    assert max(longest_run(row) for row in mask.flatten(0, 1)) == max_run


def test_mask__channels_of_three_patches__no_run_is_counted_across_them():
    mask = importance_guided_mask(varied_patches(2, 8, 3), 0.5, mask_ratio=1.0, unmask_rate=0.0)
    assert mask.all()


def test_limit_runs__random_masks__equal_a_counting_loop():
    masks = torch.rand(50, 40) < 0.85
    limited = limit_runs(masks, 3)
    for row, actual in zip(masks, limited, strict=True):
        run, expected = 0, []
        for masked in row.tolist():
            run = run + 1 if masked else 0
            if run == 4:
                masked, run = False, 0
            expected.append(masked)
        assert actual.tolist() == expected


def test_limit_runs__everything_masked__every_sixth_is_shown():
    limited = limit_runs(torch.ones(2, 13, dtype=torch.bool))
    assert (~limited).nonzero().tolist() == [[0, 5], [0, 11], [1, 5], [1, 11]]


def test_generator__same_seed__same_mask_and_global_state_untouched():
    x = varied_patches(4, 3, 10)
    before = torch.get_rng_state()
    first, second, other = (
        importance_guided_mask(x, 0.5, generator=torch.Generator().manual_seed(seed))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_scores__wrong_shape__error_gives_expected_shape():
    with pytest.raises(ValueError, match=r"x has shape.*n_epochs, n_channels, n_patches, 200"):
        importance_scores(torch.randn(2, 3, 400))
