"""float32, bfloat16 and torch.compile on the three steps; on a CUDA card where there is one."""

import gc
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch

from speed.machine import use_threads
from speed.measuring import Options, Table, interleaved, percent, times
from speed.networks import counted_gflop, encoding, patches, pretraining_step, tokenizer_step

_WORKS: dict[str, Callable[..., Callable[[], Any]]] = {
    "codes": encoding,
    "tokenizer step": tokenizer_step,
    "pretraining step": pretraining_step,
}
_TOKENS_PER_WINDOW = 190
_CPU_BATCH, _CUDA_BATCH = 8, 64
_MOST_WINDOWS = 4096
# Dense peaks from data sheets in TFLOP/s: bfloat16 on tensor cores, plain float32.
_PEAKS = {
    "B200": (2250.0, 75.0),
    "H200": (989.0, 67.0),
    "H100": (989.0, 67.0),
    "A100": (312.0, 19.5),
    "L40S": (362.0, 91.6),
    "L4": (121.0, 30.3),
    "A10G": (70.0, 31.2),
    "A10": (125.0, 31.2),
    "RTX 4090": (165.2, 82.6),
    "RTX 3090": (71.0, 35.6),
}


def _variants(compiled: bool) -> dict[str, dict[str, Any]]:
    eager: dict[str, dict[str, Any]] = {"float32": {}, "bfloat16": {"autocast": torch.bfloat16}}
    if not compiled:
        return eager
    return eager | {f"{k}, compiled": {**v, "compiled": True} for k, v in eager.items()}


def run(options: Options) -> list[Table]:
    """One table for the CPU, and one for the card."""
    use_threads(options)
    tables = [_on_cpu(options)]
    if torch.cuda.is_available():
        tables.append(_on_cuda(options))
    return tables


def _on_cpu(options: Options) -> Table:
    x, electrodes = patches(options.pick(_CPU_BATCH, 2))
    rows: list[dict[str, Any]] = []
    for work, build in _WORKS.items():
        runs = {
            name: build(x, electrodes, **settings)
            for name, settings in _variants(compiled=not options.quick).items()
        }
        seconds = interleaved(runs, rounds=options.pick(7, 2), warmups=2)
        rows += [
            {
                "on the CPU": work,
                "precision": name,
                "batch": len(x),
                "s": value,
                "tokens/s": len(x) * _TOKENS_PER_WINDOW / value,
                "speed of float32": times(seconds["float32"] / value),
            }
            for name, value in seconds.items()
        ]
    notes = ["Labels of pretraining and the search for codes are float32 in every row."]
    if options.quick:
        notes.append("Compiled rows are left out by --quick.")
    return Table("Precision and compilation: CPU", rows, notes)


def _on_cuda(options: Options) -> Table:
    card = torch.cuda.get_device_name()
    peak = next((value for name, value in _PEAKS.items() if name in card), None)
    batch = options.pick(_CUDA_BATCH, 8)
    rows = []
    for work, build in _WORKS.items():
        for name, settings in _variants(compiled=not options.quick).items():
            row = {"on the card": work, "precision": name, "batch": batch}
            rows.append(row | _cuda_figures(build, settings, batch, peak, options))
    notes = [
        f"{card}; peak "
        + ("not known." if peak is None else f"{peak[0]:g} TFLOP/s in bfloat16,")
        + ("" if peak is None else f" {peak[1]:g} in float32 (makers' figures, dense)."),
        "Utilisation: arithmetic by torch's counter, over the time and the peak of the precision.",
        "Waits: times a step made the host wait for the card (CUDA's synchronisation warnings).",
        f"Largest batch: by doubling up to {_MOST_WINDOWS} windows; with `compiled` not tried.",
    ]
    return Table("Precision and compilation: CUDA", rows, notes)


def _cuda_figures(
    build: Callable[..., Callable[[], Any]],
    settings: dict[str, Any],
    batch: int,
    peak: tuple[float, float] | None,
    options: Options,
) -> dict[str, Any]:
    x, electrodes = patches(batch, device="cuda")
    plain = {k: v for k, v in settings.items() if k != "compiled"}
    gflop = counted_gflop(build(x, electrodes, **plain))
    step = build(x, electrodes, **settings)
    for _ in range(3):
        step()
    _free()
    torch.cuda.reset_peak_memory_stats()
    seconds = _cuda_seconds(step, rounds=options.pick(20, 3))
    memory = torch.cuda.max_memory_allocated() / 1e9
    tflops = None if peak is None else peak[0 if "autocast" in settings else 1]
    waits = _waits(step)
    del step
    return {
        "s": seconds,
        "tokens/s": batch * _TOKENS_PER_WINDOW / seconds,
        "TFLOP/s": gflop / seconds / 1e3,
        "utilisation": "" if tflops is None else percent(gflop / seconds / 1e3 / tflops),
        "peak memory (GB)": memory,
        "waits": waits,
        "largest batch": "" if "compiled" in settings else _largest_batch(build, settings, batch),
    }


def _cuda_seconds(step: Callable[[], Any], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _waits(step: Callable[[], Any]) -> int:
    """How often a step makes the host wait for the card."""
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def _largest_batch(
    build: Callable[..., Callable[[], Any]], settings: dict[str, Any], start: int
) -> int:
    batch = largest = start
    while batch <= _MOST_WINDOWS:
        try:
            build(*patches(batch, device="cuda"), **settings)()
            torch.cuda.synchronize()
        except torch.cuda.OutOfMemoryError:
            break
        finally:
            _free()
        largest, batch = batch, 2 * batch
    return largest


def _free() -> None:
    gc.collect()
    torch.cuda.empty_cache()
