"""ST-Transformer: attention over channels, then over slices of time (Song et al. 2021)."""

import torch
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Mix channels by the similarity of their slow time courses, and add the mixture.

    Parameters
    ----------
    n_times : int
    pool : int, default=20
        Samples averaged before channels are compared.
    width : int, default=64
        Width of queries and keys.
    dropout : float, default=0.3
    """

    def __init__(self, n_times: int, pool: int = 20, width: int = 64, dropout: float = 0.3):
        super().__init__()
        n_pooled = -(-n_times // pool)
        self.pool = nn.AvgPool1d(pool, ceil_mode=True)
        self.norm = nn.LayerNorm(n_pooled)
        self.query, self.key = nn.Linear(n_pooled, width), nn.Linear(n_pooled, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map signals (B, C, T) to signals of the same shape."""
        course = self.norm(self.pool(x))
        query, key = self.query(course), self.key(course)
        likeness = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
        return x + self.dropout(likeness.softmax(-1)) @ x


class STTransformer(nn.Module):
    """Channel attention, time slices, a transformer over them, their mean, a linear map.

    Two strided convolutions over all channels make the slices, and a depthwise convolution
    encodes their positions. Signals are standardised by channel with training statistics.

    Parameters
    ----------
    n_channels, n_times, n_classes : int
    width : int, default=256
        Width of a slice's token. With it and ``depth`` the network has 2.6 million parameters, as
        in the tables of later EEG models; the original for motor imagery is smaller.
    depth : int, default=3
    n_heads : int, default=8
    dropout : float, default=0.3

    Notes
    -----
    Source: Song, Jia, Yang and Xie (2021), arXiv 2106.11170. Its supervised spatial filter
    (CSP) ahead of the network is left out, since the other systems have none either.
    """

    def __init__(
        self,
        n_channels: int,
        n_times: int,
        n_classes: int,
        width: int = 256,
        depth: int = 3,
        n_heads: int = 8,
        dropout: float = 0.3,
    ):
        super().__init__()
        self.standardise = nn.BatchNorm1d(n_channels, affine=False)
        self.channel_attention = ChannelAttention(n_times, dropout=dropout)
        self.slices = nn.Sequential(
            nn.Conv1d(n_channels, 64, kernel_size=15, stride=8),
            nn.BatchNorm1d(64),
            nn.GELU(),
            nn.Conv1d(64, width, kernel_size=15, stride=8),
        )
        self.position = nn.Conv1d(width, width, kernel_size=7, padding=3, groups=width)
        layer = nn.TransformerEncoderLayer(
            width,
            n_heads,
            dim_feedforward=4 * width,
            dropout=dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        # Nested tensors do not help here, and enabling them raises a warning.
        self.transformer = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map signals (B, C, T) to logits (B, n_classes)."""
        slices = self.slices(self.channel_attention(self.standardise(x)))
        tokens = (slices + self.position(slices)).transpose(1, 2)
        return self.head(torch.mean(self.norm(self.transformer(tokens)), dim=1))
