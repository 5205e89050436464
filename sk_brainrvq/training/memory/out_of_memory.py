"""Out-of-memory errors that say how large things were and what takes less."""

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from sk_brainrvq.exceptions import OutOfMemoryError
from sk_brainrvq.training.engine import Engine
from sk_brainrvq.training.memory.expected_memory import BatchSizes, ExpectedStep
from sk_brainrvq.training.memory.free_memory import free_bytes
from sk_brainrvq.user_warnings import warn

# Share of the free memory that a recommended batch may take: estimates are rough, and memory that
# was used before is fragmented.
_SAFE_SHARE = 0.7
# What allocators on CPUs and GPUs and in their libraries say, in lower case.
_WORDS = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "alloc_failed",
    "bad_alloc",
)
# What oneDNN says if it gets no memory for its code; other causes name a descriptor.
_LAST_WORDS = ("could not create a primitive", "could not create a memory object")
# "you tried to allocate 12 bytes", "Tried to allocate 2.50 GiB", "Unable to allocate 7.4 GiB for"
_ASKED = re.compile(r"(?:tried|unable) to allocate ([\d.]+) (bytes|[KMGTPE]iB|[KMG]B)", re.I)
_UNITS = {"b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}

# Results of fewer bytes are not compared with the memory that is free: asking takes time.
_SMALL = 2**26


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not isinstance(error, RuntimeError):
        return False
    text = str(error).lower().strip()
    return text.endswith(_LAST_WORDS) or any(words in text for words in _WORDS)


def bytes_asked_for(error: BaseException) -> int | None:
    """Bytes that were requested at once, according to an allocator's error."""
    found = _ASKED.search(str(error))
    if found is None:
        return None
    return round(float(found[1]) * 2 ** _UNITS[found[2][0].lower()])


def as_size(n_bytes: float) -> str:
    """Format a number of bytes for people."""
    for unit, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:,.1f} {name}"
    return f"{n_bytes / 2**10:,.0f} KiB"


@contextmanager
def explained(message: Callable[[BaseException], str]) -> Iterator[None]:
    """Raise OutOfMemoryError with a message of our own if memory runs out.

    Parameters
    ----------
    message : callable
        Makes the message from the original error.
    """
    try:
        yield
    except OutOfMemoryError:
        raise  # it already says everything
    except (MemoryError, RuntimeError, OSError) as error:
        if not is_of_memory(error):
            raise
        raise OutOfMemoryError(message(error)) from error


def warn_of_large_step(
    step: ExpectedStep, free: int, device: torch.device | str, engine: Engine
) -> None:
    """Warn of a training step that is unlikely to fit into the free bytes."""
    if step.n_bytes > free:
        warn(
            f"Training will probably not fit into memory: a step on {step.batch} takes about "
            f"{as_size(step.n_bytes)}, and {as_size(free)} are free on {_name(device)}. "
            f"{_in_order(_less_in_training(step, free, device, engine))}"
        )


def message_of_training(
    step: ExpectedStep, free: int, device: torch.device | str, engine: Engine
) -> Callable[[BaseException], str]:
    """Make the message for training that runs out of the bytes that were free when it began."""

    def message(error: BaseException) -> str:
        return (
            f"Training ran out of memory on {_name(device)}: a step on {step.batch} takes about "
            f"{as_size(step.n_bytes)}, and {as_size(free)} were free before it."
            f"{_what_was_asked(error)} {_in_order(_less_in_training(step, free, device, engine))}"
        )

    return message


def message_of_inference(error: BaseException, batch: BatchSizes, device: str) -> str:
    """Message if not even the smallest batch fits."""
    less = ["shorter windows: window=... for recordings, epochs cut into parts for arrays"]
    if torch.device(device).type != "cpu":
        less.append("device='cpu', which usually has more memory")
    less.append("a smaller architecture")
    return (
        f"The network ran out of memory on {_name(device)} with {batch} at once, and fewer "
        f"windows would not take less.{_what_was_asked(error)} {as_size(free_bytes(device))} are "
        f"free now. {_in_order(less)}"
    )


def message_of_signals(error: BaseException) -> str:
    """Message if signals or results do not fit."""
    less = [
        "fewer windows or recordings per call; to train on more than memory holds, store them "
        "with build_corpus",
        "shorter windows (window=...) of long recordings",
        "arrays in single precision: X.astype('float32') takes half as much as float64",
    ]
    return (
        f"Signals or results do not fit into memory.{_what_was_asked(error)} "
        f"{as_size(free_bytes('cpu'))} are free now. {_in_order(less)}"
    )


def warn_of_large_result(n_bytes: int, what: str, less: Sequence[str]) -> None:
    """Warn of results that will hardly fit into memory, before they are computed.

    Parameters
    ----------
    n_bytes : int
        Size of the results, or the least that they can have.
    what : str
        What they are, such as "features of 10 epochs".
    less : sequence of str
        What takes less.
    """
    if n_bytes < _SMALL:
        return
    free = free_bytes("cpu")
    if n_bytes > free:
        warn(
            f"The {what} will probably not fit into memory: they take {as_size(n_bytes)} or more, "
            f"and {as_size(free)} are free. {_in_order(less)}"
        )


def _less_in_training(
    step: ExpectedStep, free: int, device: torch.device | str, engine: Engine
) -> list[str]:
    """What takes less memory, cheapest first."""
    n_rows, less = step.batch.n_rows, []
    fits = min(step.most_rows(int(_SAFE_SHARE * free)), n_rows // 2)
    if n_rows > 1:
        smaller = max(1, fits)
        n_batches = engine.gradient_accumulation * -(-n_rows // smaller)
        less.append(
            f"a smaller batch, such as batch_size={smaller * step.n_processes} with "
            f"engine=Engine(gradient_accumulation={n_batches}), which leaves the steps of "
            "the optimizer as they are"
        )
    if step.batch.n_patches > 1:
        less.append(f"windows shorter than {step.batch.n_patches} s")
    if engine.dtype(device) is None:
        less.append("engine=Engine(precision='bfloat16'), which halves the activations")
    return [*less, "a smaller architecture"]


def _what_was_asked(error: BaseException) -> str:
    asked = bytes_asked_for(error)
    return "" if asked is None else f" {as_size(asked)} were asked for at once."


def _in_order(less: Sequence[str]) -> str:
    if len(less) == 1:
        return f"What needs less: {less[0]}."
    steps = "; ".join(f"{number}. {text}" for number, text in enumerate(less, 1))
    return f"To use less memory, try in this order: {steps}."


def _name(device: torch.device | str) -> str:
    device = torch.device(device)
    return "the CPU" if device.type == "cpu" else str(device)
