"""The linear part of a code: from a target to its principal components, and back."""

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.linear import Linear

_SMALLEST = 1e-6


class LinearCode(nn.Module):
    """Linear map from a target to a latent vector, and another one back.

    Both start from the leading principal components, scaled so that latent vectors have a
    root-mean-square length of 1, and are trained with the rest of the network, which then only
    has to learn what a linear code cannot represent.

    Parameters
    ----------
    n_features : int
        Width of the target.
    dim : int
        Width of the latent vector. Dimensions in excess of the target's start out unused.
    """

    def __init__(self, n_features: int, dim: int):
        super().__init__()
        self.analysis = Linear(n_features, dim)
        self.synthesis = Linear(dim, n_features)

    @torch.no_grad()
    def start(self, targets: Tensor) -> None:
        """Set both maps from the principal components of targets (n, n_features)."""
        mean = targets.mean(0)
        centred = (targets - mean).double()
        # The covariance matrix is small, so this is cheaper than an SVD of all rows.
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
