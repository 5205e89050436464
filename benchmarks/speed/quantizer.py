"""Our residual quantizer against ``vector_quantize_pytorch.ResidualVQ``, same sizes and vectors."""

from importlib.util import find_spec
from typing import Any

from speed.measuring import Options, Table, in_fresh_process, interleaved, memory_growth, times

_VECTORS = 1520
_OURS, _PEER = "sk_brainrvq", "vector-quantize-pytorch"


def run(options: Options) -> list[Table]:
    """Time both in one process, and measure the memory of each in its own."""
    installed = find_spec("vector_quantize_pytorch") is not None
    codes = [_OURS, _PEER] if installed else [_OURS]
    rows = []
    for mode in ("eval", "train"):
        seconds, agreement = in_fresh_process(_seconds, options, codes, mode)
        for code in codes:
            rows.append(
                {
                    "3 x 8192 x 64": code,
                    "mode": mode,
                    "vectors": _VECTORS,
                    "s": seconds[code],
                    "faster than the peer": times(seconds[_PEER] / seconds[code])
                    if installed
                    else "",
                    "growth (GB)": in_fresh_process(_growth, options, code, mode),
                    "equal codes": agreement if code == _PEER else "",
                }
            )
        if not installed:
            rows.append({"3 x 8192 x 64": _PEER, "mode": mode, "s": "not installed"})
    notes = [
        "Both code unit vectors with the same codewords; in training, with the gradient of the "
        "result and the codebooks' updates.",
        "Growth of resident memory over vectors and codebooks, in a process of its own.",
    ]
    return [Table("Quantizer against a peer", rows, notes)]


def _contestant(code: str, mode: str) -> tuple[Any, Any]:
    """A quantizer, and the function that runs it: callable (vectors) -> codes."""
    import torch

    module, forward = _ours() if code == _OURS else _peer()
    module.train(mode == "train")

    def quantize(vectors: Any) -> Any:
        if mode == "eval":
            with torch.no_grad():
                return forward(vectors)[1]
        quantized, codes, loss = forward(vectors)
        (quantized.mean() + loss).backward()
        return codes

    return module, quantize


def _ours() -> tuple[Any, Any]:
    from sk_brainrvq.nn import ResidualVectorQuantizer
    from speed.networks import BASE, mark_initialised

    module = ResidualVectorQuantizer(
        BASE["codebook_dim"], BASE["codebook_size"], BASE["n_quantizers"]
    )
    mark_initialised(module)

    def forward(vectors: Any) -> tuple[Any, Any, Any]:
        output = module(vectors)
        return output.quantized, output.codes, output.commitment_loss

    return module, forward


def _peer() -> tuple[Any, Any]:
    from vector_quantize_pytorch import ResidualVQ

    from speed.networks import BASE

    module = ResidualVQ(
        dim=BASE["codebook_dim"],
        codebook_size=BASE["codebook_size"],
        num_quantizers=BASE["n_quantizers"],
        decay=0.99,
        commitment_weight=1.0,
    )

    def forward(vectors: Any) -> tuple[Any, Any, Any]:
        quantized, codes, losses = module(vectors[None])
        return quantized[0], codes[0], losses.sum()

    return module, forward


def _unit_vectors(training: bool) -> Any:
    import torch

    from speed.networks import BASE

    vectors = torch.randn(_VECTORS, BASE["codebook_dim"])
    return torch.nn.functional.normalize(vectors, dim=-1).requires_grad_(training)


def _seconds(options: Options, codes: list[str], mode: str) -> tuple[dict[str, float], str]:
    import torch

    from speed.machine import use_threads

    use_threads(options)
    torch.manual_seed(0)
    vectors = _unit_vectors(mode == "train")
    contestants = {code: _contestant(code, mode) for code in codes}
    agreement = ""
    if _PEER in codes:
        _copy_codewords(contestants[_OURS][0], contestants[_PEER][0])
        found = [run(vectors) for _, run in contestants.values()]
        agreement = f"{100 * (found[0] == found[1]).double().mean():.2f} %"
    runs = {code: (lambda run=run: run(vectors)) for code, (_, run) in contestants.items()}
    return interleaved(runs, rounds=options.pick(21, 3), warmups=2), agreement


def _copy_codewords(ours: Any, peer: Any) -> None:
    """Copy our codewords, which are smaller at later levels, to the peer."""
    for number, (level, layer) in enumerate(zip(ours.levels, peer.layers, strict=True)):
        level.weight.mul_(0.5**number)
        level.sums.copy_(level.weight)
        layer._codebook.embed.copy_(level.weight[None])
        layer._codebook.embed_avg.copy_(level.weight[None])


def _growth(options: Options, code: str, mode: str) -> float:
    import torch

    from speed.machine import use_threads

    use_threads(options)
    vectors = _unit_vectors(mode == "train")
    _, quantize = _contestant(code, mode)
    # What libraries load at their first product does not count for the quantizer.
    quantize(vectors[:16].detach().requires_grad_(torch.is_grad_enabled() and mode == "train"))
    return memory_growth(lambda: quantize(vectors))
