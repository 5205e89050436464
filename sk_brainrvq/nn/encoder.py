"""The transformer that reads EEG patches: patch embedding, attention blocks, encoder.

Shapes: B epochs, C channels, P patches per channel, T = 200 samples per patch, D width.
Signals are in units of 100 microvolts, sampled at 200 Hz.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sk_brainrvq.nn.linear import Linear
from sk_brainrvq.nn.parallel import uniform

PATCH_SAMPLES = 200
POSITIONS_PER_PATCH = 25
HEAD_WIDTH = 20
MAX_PATCHES = 30
N_ELECTRODE_ROWS = 129

_GROUPS, N_LOG_SPECTRUM = 4, PATCH_SAMPLES // 2 + 2
# Typical log standard deviation and log amplitude, which `log_spectrum` subtracts.
LOG_OFFSETS = (2.5, 1.5)


def check_embed_dim(embed_dim: int) -> None:
    """Raise ValueError unless ``embed_dim`` fits the patch convolutions and attention heads."""
    if embed_dim < 100 or embed_dim % 100:
        raise ValueError(
            f"embed_dim={embed_dim} was given; a patch becomes 25 positions of embed_dim / 25 "
            "features in 4 groups: expected a multiple of 100 (100, 200, 300, ...)."
        )


class PatchEmbedding(nn.Module):
    """Three convolutions along each one-second patch.

    Parameters
    ----------
    embed_dim : int
        Width of a token; a multiple of 100.
    spectral : bool
        Add linear maps of the patch's log standard deviation and log amplitude spectrum.
        The convolutions are normalised over the epoch and lose the absolute amplitude,
        which this term restores. The published network has no such term.
    """

    def __init__(self, embed_dim: int, spectral: bool = False):
        super().__init__()
        check_embed_dim(embed_dim)
        features = embed_dim // POSITIONS_PER_PATCH
        self.conv1 = nn.Conv2d(1, features, (1, 15), stride=(1, 8), padding=(0, 7))
        self.norm1 = nn.GroupNorm(_GROUPS, features)
        self.conv2 = nn.Conv2d(features, features, (1, 3), padding=(0, 1))
        self.norm2 = nn.GroupNorm(_GROUPS, features)
        self.conv3 = nn.Conv2d(features, features, (1, 3), padding=(0, 1))
        self.norm3 = nn.GroupNorm(_GROUPS, features)
        self.spectrum = Linear(N_LOG_SPECTRUM, embed_dim) if spectral else None

    def forward(self, x: Tensor) -> Tensor:
        """Embed patches.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)

        Returns
        -------
        Tensor, shape (B, C, P, D)
        """
        n_channels, n_patches = x.shape[1:3]
        features = x.flatten(1, 2).unsqueeze(1)
        features = F.gelu(self.norm1(self.conv1(features)))
        features = F.gelu(self.norm2(self.conv2(features)))
        features = F.gelu(self.norm3(self.conv3(features)))
        tokens = features.permute(0, 2, 3, 1).flatten(2)
        tokens = tokens.unflatten(1, (n_channels, n_patches))
        if self.spectrum is not None:
            tokens = tokens + self.spectrum(log_spectrum(x))
        return tokens


def log_spectrum(x: Tensor) -> Tensor:
    """Log standard deviation and log amplitude spectrum of patches.

    Parameters
    ----------
    x : Tensor, shape (..., 200)
        Patches in 100 microvolts.

    Returns
    -------
    Tensor, shape (..., 102)
        ``log1p`` of the standard deviation in microvolts, then of the 101 amplitudes
        |rfft| / 100 in units of 0.1 microvolts, which resolves the weak high frequencies.
        Typical values are subtracted: a common offset would drown out the differences.
    """
    x = x.float()
    centred = x - x.mean(-1, keepdim=True)
    std = centred.square().mean(-1, keepdim=True).sqrt()
    amplitude = torch.fft.rfft(centred).abs() / (PATCH_SAMPLES / 2)
    of_std, of_amplitude = LOG_OFFSETS
    std, amplitude = torch.log1p(100 * std) - of_std, torch.log1p(1000 * amplitude) - of_amplitude
    return torch.cat([std, amplitude], -1)


class Attention(nn.Module):
    """Multi-head self-attention with heads 20 features wide.

    Parameters
    ----------
    embed_dim : int
    qkv_bias : bool
        Add biases to query and value; the key has none.
    qk_norm : bool
        Apply LayerNorm over the features of each head's query and key.
    """

    def __init__(self, embed_dim: int, qkv_bias: bool, qk_norm: bool):
        super().__init__()
        self.n_heads = embed_dim // HEAD_WIDTH
        self.qkv = Linear(embed_dim, 3 * embed_dim, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(embed_dim)) if qkv_bias else None
        self.v_bias = nn.Parameter(torch.zeros(embed_dim)) if qkv_bias else None
        self.q_norm = nn.LayerNorm(HEAD_WIDTH, eps=1e-6) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(HEAD_WIDTH, eps=1e-6) if qk_norm else nn.Identity()
        self.proj = Linear(embed_dim, embed_dim)

    def forward(self, tokens: Tensor) -> Tensor:
        """Attend over tokens (B, N, D)."""
        qkv = self.qkv(tokens)
        if self.q_bias is not None and self.v_bias is not None:
            # In place: a copy of all three would cost more than the fused bias of a linear map.
            qkv += torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        query, key, value = qkv.unflatten(-1, (3, self.n_heads, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(self.q_norm(query), self.k_norm(key), value)
        return self.proj(attended.transpose(1, 2).flatten(2))


class DropPath(nn.Module):
    """Stochastic depth: drop a residual branch for a whole epoch."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Zero the branch (B, N, D) of some epochs and scale up the others."""
        if not self.training or self.rate == 0:
            return branch
        keep = 1 - self.rate
        kept = uniform(branch.shape[0], 1, 1, device=branch.device) < keep
        return branch * kept.to(branch.dtype) / keep


class Block(nn.Module):
    """Pre-norm transformer block with optional layer scale and stochastic depth."""

    def __init__(
        self,
        embed_dim: int,
        *,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        qk_norm: bool = False,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
    ):
        super().__init__()
        hidden = int(embed_dim * mlp_ratio)
        self.norm1 = nn.LayerNorm(embed_dim, eps=1e-6)
        self.attn = Attention(embed_dim, qkv_bias, qk_norm)
        self.norm2 = nn.LayerNorm(embed_dim, eps=1e-6)
        self.mlp = nn.Sequential()
        self.mlp.add_module("fc1", Linear(embed_dim, hidden))
        self.mlp.add_module("act", nn.GELU())
        self.mlp.add_module("fc2", Linear(hidden, embed_dim))
        self.drop_path = DropPath(drop_path)
        scaled = layer_scale is not None
        gamma = layer_scale if layer_scale is not None else 1.0
        self.gamma_1 = nn.Parameter(torch.full((embed_dim,), gamma)) if scaled else None
        self.gamma_2 = nn.Parameter(torch.full((embed_dim,), gamma)) if scaled else None

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform tokens (B, N, D)."""
        tokens = tokens + self._branch(self.attn(self.norm1(tokens)), self.gamma_1)
        return tokens + self._branch(self.mlp(self.norm2(tokens)), self.gamma_2)

    def _branch(self, branch: Tensor, gamma: Tensor | None) -> Tensor:
        return self.drop_path(branch if gamma is None else gamma * branch)


class TokenTransformer(nn.Module):
    """Blocks over a class token and patch tokens, with electrode and time positions.

    Parameters
    ----------
    embed_dim : int
    depth : int
        Number of blocks, at least 1.
    class_position : {"zero", "first_channel"}
        Row of the electrode table added to the class token. The published tokenizer and
        classifier use row 0, the published pretraining network the first channel's row.
    qkv_bias, qk_norm, layer_scale, drop_path, mlp_ratio
        See ``Block``; ``drop_path`` is the rate of the last block.
    """

    def __init__(
        self,
        embed_dim: int = 200,
        depth: int = 12,
        *,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        qk_norm: bool = False,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
        class_position: str = "zero",
    ):
        super().__init__()
        check_embed_dim(embed_dim)
        if depth < 1:
            raise ValueError(f"depth={depth} was given; at least one block is needed.")
        if class_position not in ("zero", "first_channel"):
            expected = "expected 'zero' or 'first_channel'."
            raise ValueError(f"class_position={class_position!r} was given; {expected}")
        self.embed_dim = embed_dim
        self.depth = depth
        self.class_position = class_position
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, N_ELECTRODE_ROWS, embed_dim))
        self.time_embed = nn.Parameter(torch.zeros(1, MAX_PATCHES, embed_dim))
        self.blocks = nn.ModuleList(
            Block(
                embed_dim,
                mlp_ratio=mlp_ratio,
                qkv_bias=qkv_bias,
                qk_norm=qk_norm,
                layer_scale=layer_scale,
                drop_path=drop_path * i / max(depth - 1, 1),
            )
            for i in range(depth)
        )
        self.norm = nn.LayerNorm(embed_dim, eps=1e-6)

    def initialise(self) -> None:
        """Draw truncated-normal weights; scale branch outputs down with depth, as published."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for table in (self.cls_token, self.pos_embed, self.time_embed):
            nn.init.trunc_normal_(table, std=0.02)
        with torch.no_grad():
            for number, block in enumerate(self.blocks, start=1):
                block.attn.proj.weight.div_(math.sqrt(2 * number))
                block.mlp.fc2.weight.div_(math.sqrt(2 * number))

    def transform_tokens(
        self, patches: Tensor, electrodes: Tensor, layer: int = -1, normalize: bool = True
    ) -> Tensor:
        """Add positions and the class token, then run the blocks.

        Parameters
        ----------
        patches : Tensor, shape (B, C, P, D)
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
            Rows of the electrode table, or mixing weights over them.
        layer : int
            Block to stop after, indexed as in a Python list.
        normalize : bool
            Apply the final LayerNorm.

        Returns
        -------
        Tensor, shape (B, 1 + C * P, D)
            Class token first, then patch tokens, channel-major.
        """
        n_epochs, n_channels, n_patches, _ = patches.shape
        if n_patches > MAX_PATCHES:
            raise ValueError(
                f"{n_patches} patches per channel were given; the time table has {MAX_PATCHES} "
                f"rows. Cut the signal into segments of up to {MAX_PATCHES} s (the estimators do)."
            )
        rows = electrode_embedding(self.pos_embed[0], electrodes, n_channels)
        patches = patches + rows[:, None] + self.time_embed[0, :n_patches]
        class_row = rows[0] if self.class_position == "first_channel" else self.pos_embed[0, 0]
        class_token = (self.cls_token + class_row).expand(n_epochs, -1, -1)
        tokens = torch.cat([class_token, patches.flatten(1, 2)], 1)
        for block in self.blocks[: range(self.depth)[layer] + 1]:
            tokens = block(tokens)
        return self.norm(tokens) if normalize else tokens


def electrode_embedding(table: Tensor, electrodes: Tensor, n_channels: int) -> Tensor:
    """Position vectors of channels.

    Parameters
    ----------
    table : Tensor, shape (129, D)
    electrodes : Tensor, shape (C,) int64 or (C, 129) float
        Rows, or weights over rows that sum to 1.
    n_channels : int
        Expected number of channels C.

    Returns
    -------
    Tensor, shape (C, D)
    """
    if electrodes.shape[0] != n_channels:
        raise ValueError(
            f"electrodes has {electrodes.shape[0]} rows for {n_channels} channels; "
            "give one row (or one row of mixing weights) per channel."
        )
    return table[electrodes] if electrodes.ndim == 1 else electrodes.to(table.dtype) @ table


class EEGEncoder(TokenTransformer):
    """Encoder of BrainRVQ: EEG patches to tokens.

    Parameters
    ----------
    embed_dim : int, default=200
    depth : int, default=12
    spectral_embedding : bool, default=False
        See ``PatchEmbedding``.
    **kwargs
        See ``TokenTransformer``.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import EEGEncoder
    >>> encoder = EEGEncoder(embed_dim=100, depth=2)
    >>> encoder(torch.randn(3, 4, 5, 200), torch.tensor([1, 40, 82, 38])).shape
    torch.Size([3, 21, 100])
    """

    def __init__(
        self,
        embed_dim: int = 200,
        depth: int = 12,
        *,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        qk_norm: bool = False,
        layer_scale: float | None = None,
        drop_path: float = 0.0,
        class_position: str = "zero",
        spectral_embedding: bool = False,
    ):
        super().__init__(
            embed_dim,
            depth,
            mlp_ratio=mlp_ratio,
            qkv_bias=qkv_bias,
            qk_norm=qk_norm,
            layer_scale=layer_scale,
            drop_path=drop_path,
            class_position=class_position,
        )
        self.patch_embed = PatchEmbedding(embed_dim, spectral_embedding)
        self.initialise()

    def forward(
        self, x: Tensor, electrodes: Tensor, layer: int = -1, normalize: bool = True
    ) -> Tensor:
        """Encode patches.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
            Patches in 100 microvolts at 200 Hz, P at most 30.
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
            Rows of the electrode table (1 = the first electrode name, 0 = class token),
            or mixing weights over the rows.
        layer : int, default=-1
            Block whose output is returned, indexed as in a Python list.
        normalize : bool, default=True
            Apply the final LayerNorm.

        Returns
        -------
        Tensor, shape (B, 1 + C * P, D)
            Class token first, then patch tokens, channel-major.
        """
        check_patches(x)
        return self.transform_tokens(self.patch_embed(x), electrodes, layer, normalize)


def check_patches(x: Tensor) -> None:
    """Raise ValueError unless ``x`` is (B, C, P, 200)."""
    if x.ndim != 4 or x.shape[-1] != PATCH_SAMPLES:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; expected (n_epochs, n_channels, n_patches, 200): "
            "one-second patches at 200 Hz in 100 microvolts."
        )
