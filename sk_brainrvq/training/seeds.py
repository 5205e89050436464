"""Seeds that leave the global generators alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

from sk_brainrvq.nn.generators import GENERATOR_LOCK


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """A seed from a ``random_state``; None gives a fresh one without numpy's global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(2**31))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block and put its generators back after it.

    Threads take turns: torch's generators belong to the process.
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with GENERATOR_LOCK, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        # A caller's inference mode would leave what is built here without gradients.
        with torch.inference_mode(False), torch.enable_grad():
            yield
