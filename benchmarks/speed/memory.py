"""Peak memory of a quantizer and of the pretraining step, each in its own process."""

from typing import Any

from speed.measuring import Options, Table, in_fresh_process, memory_growth, percent

_VECTORS = 73_000
_BATCH = 64
_STEPS = {
    "encoder alone": "none",
    "return_logits=False": "chunks",
    "return_logits=True": "kept",
    "full logits, F.cross_entropy on them": "full",
}


def run(options: Options) -> list[Table]:
    """Measure every case in a fresh process; this one stays small, so as not to add to peaks."""
    return [_quantizers(options), _pretraining(options)]


def _quantizers(options: Options) -> Table:
    n_vectors = options.pick(_VECTORS, 8_000)
    rows = [
        {
            "one quantizer, 3 x 8192 x 64": mode,
            "vectors": n_vectors,
            "growth (GB)": in_fresh_process(_quantizer_growth, options, n_vectors, mode),
            "reach": "below 0.5 GB",
        }
        for mode in ("eval", "train, with backward")
    ]
    notes = [
        "Growth of resident memory over inputs and codebooks; results count.",
        "The published code: 6.7 GB for one level of 128 x 570 tokens.",
    ]
    return Table("Memory of a quantizer", rows, notes)


def _quantizer_growth(options: Options, n_vectors: int, mode: str) -> float:
    import torch

    from sk_brainrvq.nn import ResidualVectorQuantizer
    from speed.machine import use_threads
    from speed.networks import BASE, mark_initialised

    use_threads(options)
    quantizer = ResidualVectorQuantizer(
        BASE["codebook_dim"], BASE["codebook_size"], BASE["n_quantizers"]
    )
    mark_initialised(quantizer)
    training = mode != "eval"
    quantizer.train(training)

    def quantize(vectors: torch.Tensor) -> Any:
        with torch.set_grad_enabled(training):
            output = quantizer(vectors)
            if training:
                (output.quantized.mean() + output.commitment_loss).backward()
        return output

    vectors = torch.randn(n_vectors, BASE["codebook_dim"], requires_grad=training)
    # What libraries load at their first product does not count for the quantizer.
    quantize(torch.randn(64, BASE["codebook_dim"], requires_grad=training))
    return memory_growth(lambda: quantize(vectors))


def _pretraining(options: Options) -> Table:
    batch = options.pick(_BATCH, 4)
    growth = {
        name: in_fresh_process(_pretraining_growth, options, batch, logits)
        for name, logits in _STEPS.items()
    }
    encoder = growth["encoder alone"]
    full = growth["full logits, F.cross_entropy on them"]
    rows = [
        {
            "pretraining step": name,
            "tokens": f"{batch} x 190",
            "growth (GB)": value,
            "of full logits": percent(value / full),
            "over the encoder alone (GB)": value - encoder,
            "of full logits ": percent((value - encoder) / (full - encoder)),
            "reach": "at most a third" if name == "return_logits=False" else "",
        }
        for name, value in growth.items()
    ]
    notes = [
        "Forward and backward pass, both masks, codes given; growth over network and inputs.",
        "Encoder only: both passes and their gradients without heads; no way of computing logits "
        "can avoid this part.",
    ]
    return Table("Memory of the pretraining step", rows, notes)


def _pretraining_growth(options: Options, batch: int, logits: str) -> float:
    import torch

    from speed.machine import use_threads
    from speed.networks import BASE, base_pretraining, patches

    use_threads(options)
    model = base_pretraining().train()
    levels = BASE["n_quantizers"]

    def step(n_epochs: int) -> Any:
        x, electrodes = patches(n_epochs)
        mask = torch.rand(x.shape[:3]) < 0.5
        codes = torch.randint(BASE["codebook_size"], (*x.shape[:3], 2, levels))
        if logits == "none":
            output = model.hidden_tokens(x, electrodes, mask)
            output.mean().backward()
            return output
        output = model(x, electrodes, mask, codes, return_logits=logits != "chunks")
        loss = _loss_of_logits(model, output, codes, mask) if logits == "full" else output.loss
        loss.backward()
        return output

    # Gradients exist from the first step on and belong to the network.
    step(1)
    return memory_growth(lambda: step(batch))


def _loss_of_logits(model: Any, output: Any, codes: Any, mask: Any) -> Any:
    """The same loss by ``F.cross_entropy`` on all logits at once."""
    import torch.nn.functional as F

    return sum(
        weight * F.cross_entropy(logits[domain][level], codes[hidden][:, domain, level])
        for logits, hidden in ((output.masked_logits, mask), (output.visible_logits, ~mask))
        for domain in range(2)
        for level, weight in enumerate(model.level_weights)
    )
