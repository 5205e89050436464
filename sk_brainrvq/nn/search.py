"""Find the nearest of many codewords; learn codewords by k-means."""

import torch
from torch import Tensor

from sk_brainrvq.nn.linear import linear
from sk_brainrvq.nn.parallel import n_in_all, rows_of_all, sharing, total

# Elements of one distance matrix: bounds the memory of a search for any number of tokens.
_SEARCH_ELEMENTS = 2**21
# Codes per block; the block with the largest score is found first.
_BLOCK = 64
_LLOYD_STEPS, _MANY_STEPS = 5, 20
# Vectors used to initialise a codebook: more of them take longer and improve nothing.
_INIT_VECTORS_PER_CODE = 16
_MANY_VECTORS = 40_000


def nearest_codes(vectors: Tensor, codewords: Tensor) -> Tensor:
    """Index of the nearest codeword by Euclidean distance.

    Always computed in float32 and in chunks, so that memory does not grow with the number
    of tokens times the number of codes.

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
    """Compute ``scores.argmax(-1)``; on CPUs in two steps, the first of which is vectorised.

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


def kmeans(vectors: Tensor, n_codes: int, thoroughly: bool = False) -> Tensor:
    """Codewords by k-means++ seeding and a few Lloyd steps (Arthur & Vassilvitskii 2007).

    With several processes, all work on the same vectors of the whole batch and so agree.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
    n_codes : int
        May exceed n; surplus codewords then repeat vectors.
    thoroughly : bool, default=False
        Use more vectors and steps, for a start that training builds on.

    Returns
    -------
    Tensor, shape (n_codes, d)
    """
    n_vectors, n_most = n_in_all(len(vectors)), _INIT_VECTORS_PER_CODE * n_codes
    if thoroughly:
        n_most = max(n_most, _MANY_VECTORS)
    if n_vectors > n_most:
        drawn = torch.randperm(n_vectors, device=vectors.device)[:n_most]
        vectors = rows_of_all(vectors, drawn)
    else:
        vectors = rows_of_all(vectors, torch.arange(n_vectors, device=vectors.device))
    with sharing(None):
        return _kmeans(vectors, n_codes, _MANY_STEPS if thoroughly else _LLOYD_STEPS)


def _kmeans(vectors: Tensor, n_codes: int, n_steps: int) -> Tensor:
    first = torch.randint(len(vectors), (1,), device=vectors.device)
    chosen = [vectors[first]]
    nearest = (vectors - chosen[0]).square().sum(-1)
    for _ in range(n_codes - 1):
        # Once every vector has been chosen all distances are zero: then draw uniformly.
        weights = torch.where(nearest.sum() > 0, nearest, torch.ones_like(nearest))
        chosen.append(vectors[torch.multinomial(weights, 1)])
        nearest = torch.minimum(nearest, (vectors - chosen[-1]).square().sum(-1))
    codewords = torch.cat(chosen)
    for _ in range(n_steps):
        counts, sums = code_statistics(vectors, nearest_codes(vectors, codewords), n_codes)
        means = sums / counts.clamp(min=1)[:, None]
        before, codewords = codewords, torch.where(counts[:, None] > 0, means, codewords)
        if torch.equal(before, codewords):  # further steps would change nothing
            break
    return codewords


def code_statistics(vectors: Tensor, codes: Tensor, n_codes: int) -> tuple[Tensor, Tensor]:
    """Number and sum of the vectors assigned to each code, over all processes.

    Parameters
    ----------
    vectors : Tensor, shape (n, d)
    codes : Tensor, shape (n,), int64
    n_codes : int

    Returns
    -------
    counts : Tensor, shape (n_codes,)
    sums : Tensor, shape (n_codes, d)
    """
    counts = torch.bincount(codes, minlength=n_codes).to(vectors.dtype)
    sums = vectors.new_zeros(n_codes, vectors.shape[-1]).index_add_(0, codes, vectors)
    both = total(torch.cat([counts[:, None], sums], 1))
    return both[:, 0], both[:, 1:]
