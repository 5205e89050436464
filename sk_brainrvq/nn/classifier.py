"""Fine-tuning network: the encoder and a head."""

import torch
from torch import Tensor, nn

from sk_brainrvq.nn.encoder import HEAD_WIDTH, EEGEncoder
from sk_brainrvq.nn.heads.embedding_head import EmbeddingHead

HEADS = ("mean", "flatten", "attention", "embedding")

# Widths of the flattened head in the paper's tables, for any width of the encoder.
_WIDTH_PER_PATCH = 200
_LAST_WIDTH = 200


class EncoderClassifier(nn.Module):
    """Encoder and a head that turns its patch tokens into class logits or other outputs.

    Parameters
    ----------
    encoder : EEGEncoder
        Its final LayerNorm is applied to the mean (``head="mean"``) or to each token.
    n_outputs : int
        Number of classes, or of targets of a regression.
    head : {"mean", "flatten", "attention", "embedding"}, default="mean"
        "mean": mean of the patch tokens, linear map. "flatten": concatenated patch tokens and a
        perceptron with two hidden layers; only for a fixed number of channels and patches.
        "attention": a learnt query attends over the patch tokens, then LayerNorm, linear map.
        "embedding": mean of the patch tokens, spectra by region and log-covariances, linear map;
        see ``sk_brainrvq.nn.heads.embedding_head.EmbeddingHead``.
    n_channels, n_patches : int, optional
        Numbers of channels C and patches P, which the flattened head needs.
    dropout : float, default=0.1
        Dropout rate of the flattened head.
    bands : bool, default=False
        Whether the embedding head sees one covariance for each of five frequency bands.
    aligned : bool, default=False
        Whether ``x`` is whitened per person and the embedding head also sees the spectra of the
        original signals.

    Raises
    ------
    ValueError
        If the head is unknown, or flattened and without its sizes.

    Notes
    -----
    Source: the published fine-tuning code of BrainRVQ (2026) for the mean-pooled head, the
    paper's tables for the flattened head.

    An encoder is frozen if none of its parameters requires a gradient: it then stays in eval
    mode and records no gradients.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
    >>> classifier = EncoderClassifier(EEGEncoder(100, 1), n_outputs=4)
    >>> classifier(torch.randn(2, 3, 5, 200), torch.tensor([1, 2, 3])).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        encoder: EEGEncoder,
        n_outputs: int,
        head: str = "mean",
        n_channels: int | None = None,
        n_patches: int | None = None,
        dropout: float = 0.1,
        bands: bool = False,
        aligned: bool = False,
    ):
        super().__init__()
        self.encoder = encoder
        self.pools_mean = head == "mean"
        if head == "mean":
            self.head: nn.Module = _linear(encoder.embed_dim, n_outputs)
        elif head == "attention":
            self.head = AttentionHead(encoder.embed_dim, n_outputs)
        elif head == "embedding":
            self.head = EmbeddingHead(encoder.embed_dim, n_outputs, bands, aligned)
        elif head == "flatten":
            if n_channels is None or n_patches is None:
                raise ValueError(
                    "head='flatten' was given without n_channels and n_patches; its first layer "
                    "has a weight for each token, so it needs both."
                )
            self.head = FlattenHead(encoder.embed_dim, n_outputs, n_channels, n_patches, dropout)
        else:
            raise ValueError(f"head={head!r} was given; expected one of {HEADS}.")

    @property
    def encoder_is_frozen(self) -> bool:
        """Whether no parameter of the encoder is trained."""
        return not any(parameter.requires_grad for parameter in self.encoder.parameters())

    def train(self, mode: bool = True) -> "EncoderClassifier":
        """Set the mode; a frozen encoder stays in eval mode, so that its tokens are fixed."""
        super().train(mode)
        if mode and self.encoder_is_frozen:
            self.encoder.eval()
        return self

    def forward(self, x: Tensor, electrodes: Tensor, shift: Tensor | None = None) -> Tensor:
        """Class logits, or outputs of a regression.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
            Patches in 100 microvolts at 200 Hz.
        electrodes : Tensor, shape (C,) int64 or (C, 129) float
        shift : Tensor, shape (B, n_features), optional
            Added to the features of the embedding head, for example to centre each person.

        Returns
        -------
        Tensor, shape (B, n_outputs)
        """
        features = self.features(x, electrodes)
        return self.head(features if shift is None else features + shift)

    def features(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Inputs to the head.

        Their shape is (B, D) for the mean and (B, n_features) for the embedding; other heads
        take patch tokens (B, C, P, D).
        """
        recorded = torch.is_grad_enabled() and not self.encoder_is_frozen
        with torch.set_grad_enabled(recorded):
            if self.pools_mean:
                return self.pooled(x, electrodes)
            if not isinstance(self.head, EmbeddingHead):
                return self._tokens(x, electrodes, normalize=True)
            mean = self.mean_token(x, electrodes)
        return torch.cat([mean, self.head.summaries(x, electrodes)], 1)

    def mean_token(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Mean of the normalised patch tokens, (B, D): the trainable part of the embedding."""
        return self._tokens(x, electrodes, normalize=True).flatten(1, 2).mean(1)

    def pooled(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Normalised mean of the patch tokens, shape (B, D)."""
        tokens = self._tokens(x, electrodes, normalize=False)
        return self.encoder.norm(tokens.flatten(1, 2).mean(1))

    def _tokens(self, x: Tensor, electrodes: Tensor, normalize: bool) -> Tensor:
        """Patch tokens (B, C, P, D)."""
        tokens = self.encoder(x, electrodes, normalize=normalize)
        return tokens[:, 1:].unflatten(1, x.shape[1:3])


class FlattenHead(nn.Module):
    """Concatenate all patch tokens, then apply a perceptron with two hidden layers.

    Parameters
    ----------
    embed_dim, n_outputs : int
    n_channels, n_patches : int
        Numbers of channels C and patches P that the head takes.
    dropout : float, default=0.1
        Dropout rate after each hidden layer.

    Notes
    -----
    Source: the BrainRVQ paper (2026), fine-tuning: hidden widths of P * 200 and 200. The
    head is large: with 19 channels of 10 patches and a width of 200 it has 76 million weights.
    """

    def __init__(
        self, embed_dim: int, n_outputs: int, n_channels: int, n_patches: int, dropout: float = 0.1
    ):
        super().__init__()
        self.n_channels = n_channels
        self.n_patches = n_patches
        hidden = n_patches * _WIDTH_PER_PATCH
        self.layers = nn.Sequential(
            nn.Linear(n_channels * n_patches * embed_dim, hidden),
            nn.ELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, _LAST_WIDTH),
            nn.ELU(),
            nn.Dropout(dropout),
            _linear(_LAST_WIDTH, n_outputs),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Outputs (B, n_outputs) of tokens (B, C, P, D)."""
        if tokens.shape[1:3] != (self.n_channels, self.n_patches):
            raise ValueError(
                f"x has {tokens.shape[1]} channels of {tokens.shape[2]} patches; this flattened "
                f"head was built for {self.n_channels} channels of {self.n_patches} patches. "
                "head='mean' and head='attention' take any size."
            )
        return self.layers(tokens.flatten(1))


class AttentionHead(nn.Module):
    """One learnt query attends over all patch tokens; then LayerNorm and a linear map.

    Parameters
    ----------
    embed_dim : int
        Attention heads are 20 features wide, as in the encoder.
    n_outputs : int
    """

    def __init__(self, embed_dim: int, n_outputs: int):
        super().__init__()
        self.query = nn.Parameter(torch.empty(1, 1, embed_dim))
        nn.init.trunc_normal_(self.query, std=0.02)
        self.attention = nn.MultiheadAttention(embed_dim, embed_dim // HEAD_WIDTH, batch_first=True)
        self.norm = nn.LayerNorm(embed_dim, eps=1e-6)
        self.linear = _linear(embed_dim, n_outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Outputs (B, n_outputs) of tokens (B, C, P, D)."""
        tokens = tokens.flatten(1, 2)
        query = self.query.expand(tokens.shape[0], -1, -1)
        attended, _ = self.attention(query, tokens, tokens, need_weights=False)
        return self.linear(self.norm(attended[:, 0]))


def _linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    linear = nn.Linear(n_inputs, n_outputs)
    nn.init.trunc_normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear
