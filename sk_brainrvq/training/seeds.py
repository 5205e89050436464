"""Seeds that leave the global generators alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """A seed from a ``random_state``; None gives a fresh one without numpy's global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return int(np.random.RandomState(random_state).randint(2**31))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block and put its generators back after it."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
