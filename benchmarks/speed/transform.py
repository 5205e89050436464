"""``BrainRVQEmbedder.transform`` against its bare module and braindecode's peers of its size."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple

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


class Contestant(NamedTuple):
    """Windows that a contestant takes, how many at once, and the work itself."""

    n_windows: int
    batch_size: int
    work: Callable[[], Any]


def run(options: Options) -> list[Table]:
    """Time all contestants in turns; note the network's share of ``transform``."""
    use_threads(options)
    X = signals(options.pick(_WINDOWS, _QUICK_WINDOWS))
    shares: list[float] = []
    plain_shares: list[float] = []
    contestants = _ours(X, shares, plain_shares) | _theirs(X[:_PEER_WINDOWS])
    work = {name: contestant.work for name, contestant in contestants.items()}
    seconds = interleaved(work, rounds=options.pick(3, 2))
    # The first round only warms up.
    notes = _notes(median(shares[1:]), median(plain_shares[1:]))
    return [Table("transform, from a float64 array", _rows(contestants, seconds), notes)]


def _ours(X: NDArray, shares: list[float], plain_shares: list[float]) -> dict[str, Contestant]:
    """``transform`` and its bare module; with fewer windows where the peers have fewer."""
    few = X[:_PEER_WINDOWS]
    embedder = base_embedder().fit(X[:2])
    plain = base_embedder(**TOKENS_ALONE).fit(X[:2])
    encoder, size = embedder.net_.module_, embedder.batch_size
    x = _patches(X)
    electrodes = torch.arange(1, 1 + len(CH_NAMES))

    def forward(part: Tensor) -> Tensor:
        return encoder(part, electrodes)

    bare, bare_few = (
        _in_batches(forward, x, _SMALL_BATCH),
        _in_batches(forward, x[: len(few)], size),
    )
    return {
        _OURS: Contestant(len(X), size, _watched(embedder, X, shares)),
        "transform, mean of tokens alone": Contestant(
            len(few), size, _watched(plain, few, plain_shares)
        ),
        "its bare module": Contestant(len(X), _SMALL_BATCH, bare),
        "its bare module ": Contestant(len(few), size, bare_few),
    }


def _theirs(X: NDArray) -> dict[str, Contestant]:
    """The peers, each with the embedder's batch size and with a small one."""
    flat = _patches(X).flatten(-2)
    size = BrainRVQEmbedder().batch_size
    return {
        f"{name}{mark}": Contestant(len(X), n, _in_batches(forward, flat, n))
        for name, forward in _peers().items()
        for mark, n in (("", size), (" ", _SMALL_BATCH))
    }


def _patches(X: NDArray) -> Tensor:
    """Windows in 100 microvolts, cut into patches of 1 s: what the network takes."""
    return torch.from_numpy((X / 100).astype(np.float32)).unflatten(-1, (-1, 200))


def _rows(
    contestants: Mapping[str, Contestant], seconds: Mapping[str, float]
) -> list[dict[str, Any]]:
    """One row per contestant: its time, also per window, and how much slower it is than ours."""
    each = {name: seconds[name] / contestants[name].n_windows for name in contestants}
    return [
        {
            "windows of 19 channels, 10 s": name.strip(),
            "windows": contestants[name].n_windows,
            "batch": contestants[name].batch_size,
            "s": seconds[name],
            "ms per window": 1000 * value,
            "transform is faster": "" if name == _OURS else times(value / each[_OURS]),
            "reach": _reach(name),
        }
        for name, value in each.items()
    ]


def _notes(share: float, plain_share: float) -> list[str]:
    notes = [
        f"Time inside the network: {percent(share)} of transform with the default "
        f"embedding (spectra by region and covariance beside the tokens), "
        f"{percent(plain_share)} with the mean of tokens alone (reach: 90 %).",
        "On a CPU transform takes at most 1,536 tokens at once, whatever `batch_size`: 8 of these "
        "windows.",
    ]
    if find_spec("braindecode") is None:
        notes.append("braindecode is not installed: no peers.")
    return notes


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
