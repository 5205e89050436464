"""Seeds that leave the global generators untouched."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state

from sk_brainrvq.nn.generators import GENERATOR_LOCK


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Draw a seed from a ``random_state``; None draws one without numpy's global state."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(2**31))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block and restore its generators afterwards.

    Threads take turns, because torch's generators are shared by the whole process.
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with GENERATOR_LOCK, torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        # A caller's inference mode would leave what is built here without gradients.
        with torch.inference_mode(False), torch.enable_grad():
            yield
