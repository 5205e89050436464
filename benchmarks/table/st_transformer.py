"""ST-Transformer: attention over channels, then over slices of time (Song et al. 2021)."""

import torch
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Mix channels by how alike their slow courses are, and add the mixture to the signals.

    Parameters
    ----------
    n_times : int
    pool : int, default=20
        Samples averaged before channels are compared.
    width : int, default=64
        Of queries and keys.
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
        """Signals (B, C, T) to signals of the same shape."""
        course = self.norm(self.pool(x))
        query, key = self.query(course), self.key(course)
        likeness = query @ key.transpose(1, 2) / query.shape[-1] ** 0.5
        return x + self.dropout(likeness.softmax(-1)) @ x


class STTransformer(nn.Module):
    """Channel attention, slices of time, a transformer over them, their mean, a linear map.

    Slices are cut by two strided convolutions over all channels, and a depthwise convolution
    tells their positions. Signals are standardised by channel with statistics of the training.

    Parameters
    ----------
    n_channels, n_times, n_classes : int
    width : int, default=256
        Of a slice's token. With it and ``depth`` the network has 2.6 million parameters, about
        what it has in the tables of later EEG models; the original for motor imagery is smaller.
    depth : int, default=3
    n_heads : int, default=8
    dropout : float, default=0.3

    Notes
    -----
    Source: Song, Jia, Yang and Xie (2021), arXiv 2106.11170. Left out is its supervised
    spatial filter (CSP) ahead of the network, which the other systems do not get either.
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
        # Nested tensors are of no use here, and asking for them warns.
        self.transformer = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Signals (B, C, T) to logits (B, n_classes)."""
        slices = self.slices(self.channel_attention(self.standardise(x)))
        tokens = (slices + self.position(slices)).transpose(1, 2)
        return self.head(torch.mean(self.norm(self.transformer(tokens)), dim=1))
