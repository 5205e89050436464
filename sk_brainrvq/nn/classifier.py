"""Fine-tuning network: the encoder, mean pooling and a linear head."""

from torch import Tensor, nn

from sk_brainrvq.nn.encoder import EEGEncoder


class EncoderClassifier(nn.Module):
    """Encoder, mean of the patch tokens, LayerNorm, linear head.

    Parameters
    ----------
    encoder : EEGEncoder
        Its final LayerNorm is applied to the mean.
    n_outputs : int
        Number of classes.

    Notes
    -----
    Source: the published fine-tuning code of BrainRVQ (2026), mean-pooled head.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
    >>> classifier = EncoderClassifier(EEGEncoder(100, 1), n_outputs=4)
    >>> classifier(torch.randn(2, 3, 5, 200), torch.tensor([1, 2, 3])).shape
    torch.Size([2, 4])
    """

    def __init__(self, encoder: EEGEncoder, n_outputs: int):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.embed_dim, n_outputs)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def pooled(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Normalised mean of the patch tokens, shape (B, D)."""
        tokens = self.encoder(x, electrodes, normalize=False)
        return self.encoder.norm(tokens[:, 1:].mean(1))

    def forward(self, x: Tensor, electrodes: Tensor) -> Tensor:
        """Class logits.

        Parameters
        ----------
        x : Tensor, shape (B, C, P, 200)
            Patches in 100 microvolts at 200 Hz.
        electrodes : Tensor, shape (C,) int64 or (C, 129) float

        Returns
        -------
        Tensor, shape (B, n_outputs)
        """
        return self.head(self.pooled(x, electrodes))
