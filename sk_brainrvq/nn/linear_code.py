"""The linear part of a code: principal components of a target, and back."""

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.linear import Linear

_SMALLEST = 1e-6


class LinearCode(nn.Module):
    """Linear map of a target to a latent vector, and of latent vectors to the target.

    It starts as the leading principal components, of a length of 1 on average, and is trained
    with the rest: a network beside it need only learn what no linear code holds.

    Parameters
    ----------
    n_features : int
        Width of the target.
    dim : int
        Width of the latent vector. Dimensions beyond those of the target start without use.
    """

    def __init__(self, n_features: int, dim: int):
        super().__init__()
        self.analysis = Linear(n_features, dim)
        self.synthesis = Linear(dim, n_features)

    @torch.no_grad()
    def start(self, targets: Tensor) -> None:
        """Set both maps by the principal components of targets (n, n_features)."""
        mean = targets.mean(0)
        centred = (targets - mean).double()
        # No SVD of all rows: their covariance is small.
        variances, directions = torch.linalg.eigh(centred.T @ centred / len(centred))
        largest = variances.argsort(descending=True)[: self.analysis.out_features]
        components = directions[:, largest].T
        length = variances[largest].clamp(min=0).sum().sqrt().clamp(min=_SMALLEST)
        for module in (self.analysis, self.synthesis):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
        n_components = len(components)
        self.analysis.weight[:n_components] = (components / length).to(mean)
        self.analysis.bias[:n_components] = -(components @ mean.double() / length).to(mean)
        self.synthesis.weight[:, :n_components] = (components.T * length).to(mean)
        self.synthesis.bias.copy_(mean)
