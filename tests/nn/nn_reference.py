"""Read the numbers of the published research code, and compare with them."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_RELATIVE, _ABSOLUTE = 1e-4, 1e-5


def load_reference(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Inputs and outputs, and the weights under their published names."""
    numbers, weights = {}, {}
    with np.load(folder / f"{name}.npz") as archive:
        for key in archive.files:
            if archive[key].dtype.kind == "U":
                continue
            tensor = torch.tensor(archive[key])
            if key.startswith("weights/"):
                weights[key.removeprefix("weights/")] = tensor
            else:
                numbers[key] = tensor
    return numbers, weights


def network_inputs(numbers: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Patches (B, C, P, 200) and the channels' rows, without the class token's."""
    return numbers["x"].unflatten(-1, (-1, 200)), numbers["position_index"][1:]


def assert_agrees(actual: Tensor, expected: Tensor) -> None:
    """Within 1e-4 relative or 1e-5 absolute."""
    if actual.shape != expected.shape:
        raise AssertionError(f"shape {tuple(actual.shape)}, expected {tuple(expected.shape)}")
    error = (actual.detach() - expected).abs()
    allowed = (_RELATIVE * expected.abs()).clamp(min=_ABSOLUTE)
    # Negated, so that NaN counts as an error.
    n_wrong = int((~(error <= allowed)).sum())
    if n_wrong:
        raise AssertionError(f"{n_wrong} of {error.numel()} differ, by up to {error.max():.2e}")
