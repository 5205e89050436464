"""How large results will be, as far as X tells before it is read."""

from typing import Any

from sk_brainrvq.signals.preparation import PATCH_SAMPLES


def n_epochs_at_least(X: Any) -> int:
    """Number of epochs of X, or of its items; 1 if X does not tell."""
    if isinstance(X, str):
        return 1
    try:
        return max(1, len(X))
    except (TypeError, RuntimeError):  # MNE's Epochs have no length before bad ones are dropped
        return 1


def n_patches_at_least(X: Any, sfreq: float | None) -> int:
    """Patches of one second per channel in an epoch of an array; 1 for other containers."""
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return max(1, int(shape[-1] / (sfreq or PATCH_SAMPLES))) if len(shape) > 1 else 1
