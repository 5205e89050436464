"""``BrainRVQEmbedder.transform`` against its bare module and braindecode's peers of its size."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sk_brainrvq import BrainRVQEmbedder
from speed.machine import use_threads
from speed.measuring import CH_NAMES, Options, Table, interleaved, percent, times

_WINDOWS, _QUICK_WINDOWS = 5000, 64
# Windows per peer and round: its time grows with their number, and a round has five peers.
_PEER_WINDOWS = 512
_SAMPLES = 2000
_SMALL_BATCH = 8
_OURS = "BrainRVQEmbedder.transform, default embedding"


# Parameters that leave only the network in an embedding.
TOKENS_ALONE: dict[str, Any] = {"pooling": "mean", "spectrum": None, "covariance": False}


def base_embedder(**settings: Any) -> BrainRVQEmbedder:
    """An embedder of base size with random weights; by default the default embedding."""
    return BrainRVQEmbedder(
        weights=None,
        architecture="base",
        sfreq=200,
        ch_names=CH_NAMES,
        device="cpu",
        random_state=0,
        **settings,
    )


def signals(n_windows: int) -> NDArray[np.float64]:
    """Noise (n_windows, 19, 2000) in microvolts."""
    return np.random.default_rng(0).normal(scale=20, size=(n_windows, len(CH_NAMES), _SAMPLES))


def run(options: Options) -> list[Table]:
    """Time all contestants in turns; note the network's share of ``transform``."""
    use_threads(options)
    n_windows = options.pick(_WINDOWS, _QUICK_WINDOWS)
    n_peer = min(n_windows, _PEER_WINDOWS)
    X = signals(n_windows)
    embedder = base_embedder().fit(X[:2])
    plain = base_embedder(**TOKENS_ALONE).fit(X[:2])
    encoder, batch_size = embedder.net_.module_, embedder.batch_size
    x = torch.from_numpy((X / 100).astype(np.float32)).unflatten(-1, (-1, 200))
    electrodes = torch.arange(1, 1 + len(CH_NAMES))
    shares: list[float] = []
    plain_shares: list[float] = []

    def forward_ours(part: Tensor) -> Tensor:
        return encoder(part, electrodes)

    work: dict[str, tuple[int, int, Callable[[], Any]]] = {
        _OURS: (n_windows, batch_size, _watched(embedder, X, shares)),
        "transform, mean of tokens alone": (
            n_peer,
            batch_size,
            _watched(plain, X[:n_peer], plain_shares),
        ),
        "its bare module": (n_windows, _SMALL_BATCH, _in_batches(forward_ours, x, _SMALL_BATCH)),
        "its bare module ": (
            n_peer,
            batch_size,
            _in_batches(forward_ours, x[:n_peer], batch_size),
        ),
    }
    flat = x[:n_peer].flatten(-2)
    for name, forward in _peers().items():
        for size in (batch_size, _SMALL_BATCH):
            key = name if size == batch_size else f"{name} "
            work[key] = (n_peer, size, _in_batches(forward, flat, size))
    seconds = interleaved({k: run for k, (*_, run) in work.items()}, rounds=options.pick(3, 2))
    each = {name: seconds[name] / work[name][0] for name in work}
    ours = each[_OURS]
    rows = [
        {
            "windows of 19 channels, 10 s": name.strip(),
            "windows": work[name][0],
            "batch": work[name][1],
            "s": seconds[name],
            "ms per window": 1000 * each[name],
            "transform is faster": "" if value == ours else times(value / ours),
            "reach": _reach(name),
        }
        for name, value in each.items()
    ]
    notes = [
        f"Time inside the network: {percent(median(shares[1:]))} of transform with the default "
        f"embedding (spectra by region and covariance beside the tokens), "
        f"{percent(median(plain_shares[1:]))} with the mean of tokens alone (reach: 90 %).",
        "On a CPU transform takes at most 1,536 tokens at once, whatever `batch_size`: 8 of these "
        "windows.",
    ]
    if find_spec("braindecode") is None:
        notes.append("braindecode is not installed: no peers.")
    return [Table("transform, from a float64 array", rows, notes)]


def _reach(name: str) -> str:
    reaches = {"its bare module": "at least 0.91 x", "Labram": "1.3 x", "CBraMod": "1.2 x"}
    return next((reach for start, reach in reaches.items() if start in name), "")


def _in_batches(forward: Callable[[Tensor], Any], x: Tensor, size: int) -> Callable[[], None]:
    def run() -> None:
        with torch.inference_mode():
            for part in x.split(size):
                forward(part)

    return run


def _watched(embedder: BrainRVQEmbedder, X: NDArray, shares: list[float]) -> Callable[[], None]:
    """A transform that notes the share of its time spent in the network."""

    def run() -> None:
        start = time.perf_counter()
        with _seconds_inside(embedder.net_.module_) as inside:
            embedder.transform(X)
        shares.append(sum(inside) / (time.perf_counter() - start))

    return run


@contextmanager
def _seconds_inside(module: nn.Module) -> Iterator[list[float]]:
    """Record the seconds of each forward pass of a module."""
    starts: list[float] = []
    seconds: list[float] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_: starts.append(time.perf_counter())),
        module.register_forward_hook(lambda *_: seconds.append(time.perf_counter() - starts.pop())),
    ]
    try:
        yield seconds
    finally:
        for hook in hooks:
            hook.remove()


def _peers() -> dict[str, Callable[[Tensor], Tensor]]:
    """Forward passes of braindecode's Labram and CBraMod, both with 12 layers of width 200."""
    if find_spec("braindecode") is None:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from braindecode.models import CBraMod, Labram

    sizes = {"n_outputs": 2, "n_chans": len(CH_NAMES), "n_times": _SAMPLES, "sfreq": 200}
    labram, cbramod = Labram(**sizes).eval(), CBraMod(**sizes).eval()
    return {
        "braindecode Labram": lambda x: labram(x, ch_names=CH_NAMES),
        "braindecode CBraMod": cbramod,
    }
