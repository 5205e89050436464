"""Which patches to hide: importance scores and the curriculum mask drawn from them."""

import torch
from torch import Generator, Tensor

from sk_brainrvq.nn.encoder import check_patches
from sk_brainrvq.nn.parallel import uniform

_WEIGHTS = {
    "neural": 0.30,
    "clean": 0.25,
    "complexity": 0.20,
    "irregularity": 0.15,
    "mobility": 0.10,
}
_EPSILON = 1e-8


def importance_scores(x: Tensor, sfreq: float = 200.0) -> Tensor:
    """Importance of each patch within its epoch.

    A weighted sum of five terms, each min-max scaled over the epoch's patches: the share of
    power at 4-30 Hz (weight 0.30), the share of power outside drifts (< 2 Hz) and muscle
    activity (>= 45 Hz) (0.25), Hjorth complexity (0.20), irregularity of the slope (0.15) and
    Hjorth mobility (0.10).

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
        Patches in any unit: scores do not depend on scale as long as signals are well above
        1e-4 units.
    sfreq : float, default=200.0
        Sampling rate in Hz.

    Returns
    -------
    Tensor, shape (B, C, P)
        Between 0 and 1. A term that is the same for every patch counts as 0.

    Notes
    -----
    Source: the BrainRVQ paper (2026), importance-guided masking; Hjorth (1970).

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import importance_scores
    >>> importance_scores(torch.randn(2, 3, 4, 200)).shape
    torch.Size([2, 3, 4])
    """
    check_patches(x)
    x = x.float()
    terms = {**_spectral_terms(x, sfreq), **_shape_terms(x)}
    scaled = [weight * _min_max(terms[name]) for name, weight in _WEIGHTS.items()]
    return torch.stack(scaled).sum(0)


def _spectral_terms(x: Tensor, sfreq: float) -> dict[str, Tensor]:
    power = torch.fft.rfft(x).abs().square()
    frequencies = torch.fft.rfftfreq(x.shape[-1], 1 / sfreq, device=x.device)
    total = power.sum(-1) + _EPSILON
    neural = (frequencies >= 4) & (frequencies < 30)
    artefact = (frequencies < 2) | (frequencies >= 45)
    return {
        "neural": (power * neural).sum(-1) / total,
        "clean": 1 - (power * artefact).sum(-1) / total,
    }


def _shape_terms(x: Tensor) -> dict[str, Tensor]:
    slope, curvature = x.diff(), x.diff(n=2)
    mobility = ((slope.var(-1) + _EPSILON) / (x.var(-1) + _EPSILON)).sqrt()
    slope_mobility = (curvature.var(-1) / (slope.var(-1) + _EPSILON)).sqrt()
    steepness = slope.abs()
    return {
        "mobility": mobility,
        "complexity": slope_mobility / (mobility + _EPSILON),
        "irregularity": steepness.diff().abs().mean(-1) / (steepness.mean(-1) + _EPSILON),
    }


def _min_max(term: Tensor) -> Tensor:
    flat = term.flatten(1)
    low, high = flat.amin(1)[:, None, None], flat.amax(1)[:, None, None]
    return (term - low) / (high - low + _EPSILON)


def curriculum_weight(epoch: int, n_epochs: int) -> float:
    """Weight of importance relative to chance: from 0.2 in the first epoch towards 0.7.

    Parameters
    ----------
    epoch : int
        Current epoch, counted from 0.
    n_epochs : int

    Returns
    -------
    float
    """
    return 0.2 + 0.5 * epoch / max(n_epochs, 1)


def limit_runs(mask: Tensor, max_run: int = 5) -> Tensor:
    """Unmask every (max_run + 1)-th patch of a run of masked patches.

    Parameters
    ----------
    mask : Tensor, shape (..., n), bool
        Runs are counted along the last axis.
    max_run : int, default=5

    Returns
    -------
    Tensor, shape (..., n), bool
    """
    index = torch.arange(mask.shape[-1], device=mask.device).expand(mask.shape)
    last_visible = torch.where(mask, -1, index).cummax(-1).values
    return mask & ((index - last_visible) % (max_run + 1) != 0)


def importance_guided_mask(
    x: Tensor,
    info_weight: float,
    *,
    mask_ratio: float = 0.5,
    temperature: float = 0.8,
    unmask_rate: float = 0.1,
    max_run: int = 5,
    generator: Generator | None = None,
) -> Tensor:
    """Draw which patches to hide, important ones more often.

    Importance is mixed with uniform noise, standardised over the epoch and turned into
    probabilities by a softmax, from which patches are drawn without replacement. Some are
    then unmasked again at random, and long runs along a channel are broken up.

    Parameters
    ----------
    x : Tensor, shape (B, C, P, 200)
    info_weight : float
        Weight of importance relative to noise, from 0 (pure chance) to 1;
        see :func:`curriculum_weight`.
    mask_ratio : float
        Share of the patches that are drawn.
    temperature : float
        Temperature of the softmax.
    unmask_rate : float
        Probability with which each drawn patch is unmasked again.
    max_run : int
        Longest run of masked patches within a channel.
    generator : torch.Generator, optional
        Generator on the device of ``x``.

    Returns
    -------
    Tensor, shape (B, C, P), bool
        True for hidden patches. At least one patch per epoch is drawn before unmasking.

    Notes
    -----
    Source: the BrainRVQ paper (2026). The published code lets a run span two channels;
    here runs are counted within a channel.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import importance_guided_mask
    >>> mask = importance_guided_mask(torch.randn(2, 3, 10, 200), info_weight=0.5)
    >>> mask.shape, mask.dtype
    (torch.Size([2, 3, 10]), torch.bool)
    """
    scores = importance_scores(x).flatten(1)
    n_patches = scores.shape[1]

    def noise() -> Tensor:
        return uniform(*scores.shape, device=x.device, generator=generator)

    combined = info_weight * scores + (1 - info_weight) * noise()
    spread = combined.std(1, keepdim=True, unbiased=n_patches > 1)
    logits = (combined - combined.mean(1, keepdim=True)) / (spread + _EPSILON) / temperature
    # Gumbel top-k: the same distribution as drawing one by one without replacement.
    gumbel = -torch.log(-torch.log(noise().clamp(min=1e-12)) + 1e-12)
    drawn = (logits + gumbel).topk(max(1, int(n_patches * mask_ratio)), dim=1).indices
    mask = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, drawn, True)
    mask &= noise() >= unmask_rate
    return limit_runs(mask.reshape(x.shape[:3]), max_run)
