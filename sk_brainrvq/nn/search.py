"""The largest of many scores, and the nearest of many codewords."""

import torch
from torch import Tensor

from sk_brainrvq.nn.linear import linear

# Rows of one distance matrix: bounds the memory of a search whatever the number of tokens.
_SEARCH_ELEMENTS = 2**21
# Codes of which the largest score is looked for first.
_BLOCK = 64


def nearest_codes(vectors: Tensor, codewords: Tensor) -> Tensor:
    """Index of the nearest codeword by Euclidean distance.

    Always in float32; distances are formed in chunks, so memory does not grow with
    tokens times codes.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
    codewords : Tensor, shape (K, d)

    Returns
    -------
    Tensor, shape (n,), int64
    """
    with torch.autocast(vectors.device.type, enabled=False), torch.no_grad():
        vectors, codewords = vectors.float(), codewords.float()
        half_norms = codewords.square().sum(-1) / 2
        rows = max(1, _SEARCH_ELEMENTS // len(codewords))
        # |v - c|² is smallest where v·c - |c|²/2 is largest.
        return torch.cat(
            [
                first_largest(linear(chunk, codewords).sub_(half_norms))
                for chunk in vectors.split(rows)
            ]
        )


def first_largest(scores: Tensor) -> Tensor:
    """``scores.argmax(-1)`` of a matrix; on CPUs in two steps, the first of which runs vectorised.

    Parameters
    ----------
    scores : Tensor, shape (n, K)

    Returns
    -------
    Tensor, shape (n,), int64
    """
    n_codes = scores.shape[1]
    if scores.is_cuda or n_codes % _BLOCK:
        return scores.argmax(-1)
    blocks = scores.unflatten(1, (-1, _BLOCK))
    block = blocks.amax(-1).argmax(-1)
    within = blocks[torch.arange(len(scores), device=scores.device), block].argmax(-1)
    return block * _BLOCK + within
