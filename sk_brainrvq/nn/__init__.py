"""PyTorch modules and functions of the method; imports only torch.

Signals are patches ``x`` of shape (n_epochs, n_channels, n_patches, 200) in 100 microvolts
at 200 Hz. ``electrodes`` holds either rows of the position table, (n_channels,) int64, where
1 is the first electrode name and 0 the class token, or mixing weights over these rows,
(n_channels, 129) float.
"""

from sk_brainrvq.nn.classifier import EncoderClassifier
from sk_brainrvq.nn.encoder import EEGEncoder
from sk_brainrvq.nn.importance import (
    curriculum_weight,
    importance_guided_mask,
    importance_scores,
    limit_runs,
)
from sk_brainrvq.nn.masked import MaskedCodeModel, MaskedCodeOutput
from sk_brainrvq.nn.quantizer import QuantizerOutput, ResidualVectorQuantizer
from sk_brainrvq.nn.targets import Reconstruction
from sk_brainrvq.nn.tokenizer import DualDomainTokenizer, TokenizerOutput

__all__ = [
    "DualDomainTokenizer",
    "EEGEncoder",
    "EncoderClassifier",
    "MaskedCodeModel",
    "MaskedCodeOutput",
    "QuantizerOutput",
    "Reconstruction",
    "ResidualVectorQuantizer",
    "TokenizerOutput",
    "curriculum_weight",
    "importance_guided_mask",
    "importance_scores",
    "limit_runs",
]
