"""How encoder time grows with tokens per window, and transform time with windows."""

from typing import Any

import torch

from speed.machine import PRODUCT, matrix_product, product_speed, use_threads
from speed.measuring import Options, Table, interleaved, percent
from speed.networks import base_encoder, counted_gflop, patches
from speed.transform import TOKENS_ALONE, base_embedder, signals

_SHAPES = [(20, 1), (20, 5), (19, 10), (20, 20), (32, 30), (64, 30), (128, 30)]
_QUICK_SHAPES = [(20, 1), (19, 10), (64, 15)]
# Tokens per batch: the same work outside attention for every shape.
_TOKENS = 3840
_WINDOWS = [64, 128, 256, 512]
_QUICK_WINDOWS = [16, 64]


def run(options: Options) -> list[Table]:
    """One table over tokens, and one over windows."""
    use_threads(options)
    return [_over_tokens(options), _over_windows(options)]


def _over_tokens(options: Options) -> Table:
    encoder = base_encoder().eval()
    contestants, gflop = {}, {}
    shapes = options.pick(_SHAPES, _QUICK_SHAPES)
    batches = {shape: max(1, round(_TOKENS / (shape[0] * shape[1]))) for shape in shapes}
    for (n_channels, n_patches), batch in batches.items():
        x, electrodes = patches(batch, n_channels, n_patches)

        def encode(x: torch.Tensor = x, electrodes: torch.Tensor = electrodes) -> None:
            with torch.no_grad():
                encoder(x, electrodes)

        name = f"{n_channels} x {n_patches}"
        contestants[name], gflop[name] = encode, counted_gflop(encode)
    seconds = interleaved({PRODUCT: matrix_product(), **contestants}, options.pick(9, 2))
    speed = product_speed(seconds)
    rows: list[dict[str, Any]] = []
    for (n_channels, n_patches), batch in batches.items():
        name, n_tokens = f"{n_channels} x {n_patches}", n_channels * n_patches
        total = batch * n_tokens
        attention = _attention_gflop(encoder, n_tokens) * batch
        rows.append(
            {
                "tokens": n_tokens,
                "channels x patches": name,
                "windows": batch,
                "µs per token": 1e6 * seconds[name] / total,
                "MFLOP per token": 1e3 * gflop[name] / total,
                "attention's share of it": percent(attention / gflop[name]),
                "GFLOP/s": gflop[name] / seconds[name],
                "share of the product's speed": percent(gflop[name] / seconds[name] / speed),
            }
        )
    _add_growth(rows)
    notes = [
        "Time explained: arithmetic per token relative to the first row, divided by time per token "
        "relative to the first row. 100 %: time grows exactly as the arithmetic of attention; "
        "more: it grows less.",
        f"Product: {speed:.0f} GFLOP/s in the same rounds.",
    ]
    return Table("Tokens in a window (base encoder)", rows, notes)


def _attention_gflop(encoder: Any, n_tokens: int) -> float:
    """The part of a window's arithmetic that grows with the square of its tokens."""
    return encoder.depth * 4 * (n_tokens + 1) ** 2 * encoder.embed_dim / 1e9


def _add_growth(rows: list[dict[str, Any]]) -> None:
    first = dict(rows[0])
    for row in rows:
        of_time = row["µs per token"] / first["µs per token"]
        of_arithmetic = row["MFLOP per token"] / first["MFLOP per token"]
        row["time explained"] = percent(of_arithmetic / of_time)


def _over_windows(options: Options) -> Table:
    numbers = options.pick(_WINDOWS, _QUICK_WINDOWS)
    X = signals(max(numbers))
    embedder = base_embedder(batch_size=min(64, min(numbers)), **TOKENS_ALONE).fit(X[:2])
    contestants = {str(n): lambda n=n: embedder.transform(X[:n]) for n in numbers}
    seconds = interleaved(contestants, options.pick(5, 2))
    rows = [
        {
            "windows": n,
            "s": seconds[str(n)],
            "ms per window": 1000 * seconds[str(n)] / n,
        }
        for n in numbers
    ]
    return Table("Windows in a call of transform (base)", rows, ["19 channels, 10 s."])
