"""Linear maps computed with the faster of PyTorch's two matrix products on CPUs.

On CPUs PyTorch multiplies float32 matrices with MKL, which leaves half of an AMD processor idle;
oneDNN, which PyTorch uses for convolutions, does not. Measured on an EPYC with AVX-512 and two
threads, a layer of 200 to 800 features on 3,056 tokens takes 0.4 to 0.5 of MKL's time, both in the
forward pass and in the gradient of the tokens. Without AVX-512 it takes 0.93 to 1.0 of MKL's time,
and the last bits of a row depend on the number of other rows, so MKL is kept there.
"""

import functools
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Products with fewer rows are too fast for this to matter. From this number on, a row's result does
# not depend on how many others there are (checked for every layer of the three architectures).
FEWEST_ROWS = 128
# Inputs and outputs of the widest layers: of the architecture "tiny", and of "small" and "base".
_SIZES = ((100, 400), (400, 100), (200, 800), (800, 200))


class Linear(nn.Linear):
    """``nn.Linear`` computed by `linear`, with the same weights under the same names."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Map features (..., n_in) to (..., n_out)."""
        return linear(input, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute ``torch.nn.functional.linear``, with oneDNN if that is faster.

    Parameters
    ----------
    x : Tensor, shape (..., n_in)
    weight : Tensor, shape (n_out, n_in)
    bias : Tensor, shape (n_out,), optional

    Returns
    -------
    Tensor, shape (..., n_out)
    """
    if not _suits(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return _Linear.apply(x.flatten(0, -2), weight, bias).unflatten(0, x.shape[:-1])
    return _product(x, weight, bias)


def _suits(x: Tensor, weight: Tensor) -> bool:
    return (
        # Checked first: an exported network must not depend on the number of rows at export.
        not torch.compiler.is_compiling()
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() >= FEWEST_ROWS * x.shape[-1]
        and not torch.is_autocast_enabled("cpu")
        and _is_faster_here()
    )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply x by the transposed weight with oneDNN and add the bias."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@functools.cache
def _is_faster_here() -> bool:
    """Whether MKL is slow on this processor and PyTorch offers oneDNN's product.

    A fixed rule rather than a measurement: two processes on one machine must round alike.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if not (torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()):
        return False
    text = cpuinfo.read_text(errors="ignore") if cpuinfo.is_file() else ""
    if "AuthenticAMD" not in text or "avx512f" not in text:
        return False
    try:  # PyTorch's own compiler uses it, but the name is not public
        x, weight, bias = torch.ones(2, 3), torch.ones(4, 3), torch.zeros(4)
        is_right = torch.equal(_product(x, weight, bias), F.linear(x, weight, bias))
        return is_right and all(_keeps_rows(*sizes) for sizes in _SIZES)
    except (AttributeError, RuntimeError, TypeError):
        return False


@torch.no_grad()
def _keeps_rows(n_in: int, n_out: int) -> bool:
    """Whether products of this oneDNN round a row alike beside few and beside many others.

    Those of PyTorch 2.6 to 2.8 do not: below 200 rows they add 800 products in another order.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2 * FEWEST_ROWS, n_in, generator=generator)
    weight = torch.randn(n_out, n_in, generator=generator)
    return torch.equal(_product(x[:FEWEST_ROWS], weight), _product(x, weight)[:FEWEST_ROWS])


class _Linear(torch.autograd.Function):
    """Linear map from (n, n_in) to (n, n_out) whose gradients use the same product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        gradient = gradient.contiguous()
        return (
            _product(gradient, weight.t()) if of_x else None,
            _product(gradient.t(), x.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )
