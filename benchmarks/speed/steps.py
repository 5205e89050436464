"""Codes, tokenizer step and pretraining step of the base architecture, batch 8."""

from collections.abc import Callable
from typing import Any

from speed.machine import PRODUCT, matrix_product, product_speed, use_threads
from speed.measuring import Options, Table, interleaved, percent, times
from speed.networks import (
    PUBLISHED,
    counted_gflop,
    encoding,
    patches,
    pretraining_step,
    tokenizer_step,
)

BATCH = 8
# The published code was measured where the product ran at 330-385 GFLOP/s. Its floors are for
# the upper end; at the lower end our lead would be a seventh smaller.
_PUBLISHED_SPEED = 385.0
# Per task: arithmetic (GFLOP), seconds of the published code, and our target.
_WORKS = {
    "codes": (30.0, 1.01, "5.5 x; 45 % of the floor"),
    "tokenizer step": (100.0, 1.53, "3.4 x"),
    "pretraining step": (240.0, 2.23, "2.1 x"),
}


def run(options: Options) -> list[Table]:
    """Time the three tasks and compare them with the floor and the published code."""
    use_threads(options)
    x, electrodes = patches(BATCH)
    runs: dict[tuple[str, str], Callable[[], Any]] = {
        ("codes", "default"): encoding(x, electrodes),
        ("codes", "published settings"): encoding(x, electrodes, **PUBLISHED),
        ("tokenizer step", "extended targets"): tokenizer_step(x, electrodes),
        ("tokenizer step", "published settings"): tokenizer_step(x, electrodes, **PUBLISHED),
        ("pretraining step", "default"): pretraining_step(x, electrodes),
    }
    counted = {names: counted_gflop(run) for names, run in runs.items()}
    contestants = {": ".join(names): run for names, run in runs.items()}
    seconds = interleaved(
        {PRODUCT: matrix_product(), **contestants}, rounds=options.pick(11, 2), warmups=2
    )
    speed = product_speed(seconds)
    ours = [_row(*names, seconds[": ".join(names)], counted[names], speed) for names in runs]
    theirs = [_published_row(work) for work in _WORKS]
    notes = [
        f"Floor: arithmetic at the speed of the 2048³ product in the same rounds, {speed:.0f} "
        f"GFLOP/s; for the published code, measured elsewhere, at {_PUBLISHED_SPEED:.0f} GFLOP/s.",
        "Arithmetic: the figure both sides are set against; `counted` is ours by torch's counter.",
        "Against the published code: (its s / its floor) / (our s / our floor). Its product ran at "
        "330-385 GFLOP/s: at the lower end the ratio is a seventh smaller.",
        "Published settings: quantizers, targets and patch embedding as the published code has "
        "them.",
    ]
    return [Table(f"Steps: batch {BATCH}, 19 channels, 10 s", ours + theirs, notes)]


def _row(work: str, settings: str, seconds: float, counted: float, speed: float) -> dict[str, Any]:
    gflop, published_seconds, reach = _WORKS[work]
    floor = gflop / speed
    published_floor = gflop / _PUBLISHED_SPEED
    return {
        "work": work,
        "code": f"sk_brainrvq, {settings}",
        "s": seconds,
        "windows/s": BATCH / seconds,
        "GFLOP": gflop,
        "counted": counted,
        "floor (s)": floor,
        "share of the floor": percent(floor / seconds),
        "against the published code": times(
            (published_seconds / published_floor) / (seconds / floor)
        ),
        "reach": reach,
    }


def _published_row(work: str) -> dict[str, Any]:
    gflop, seconds, _ = _WORKS[work]
    floor = gflop / _PUBLISHED_SPEED
    return {
        "work": work,
        "code": "published code (measured elsewhere)",
        "s": seconds,
        "windows/s": BATCH / seconds,
        "GFLOP": gflop,
        "floor (s)": floor,
        "share of the floor": percent(floor / seconds),
    }
