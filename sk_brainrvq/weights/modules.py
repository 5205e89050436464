"""Build modules from a kind and a plain configuration, and load matching states."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder, EncoderClassifier, MaskedCodeModel
from sk_brainrvq.nn.generators import GENERATOR_LOCK
from sk_brainrvq.signals.electrodes import ELECTRODE_NAMES, N_ELECTRODE_ROWS, match_electrodes

KINDS = ("tokenizer", "pretraining", "classifier", "encoder")


def build_module(kind: str, config: dict[str, Any]) -> nn.Module:
    """Build a module of a kind with random weights.

    Parameters
    ----------
    kind : {"tokenizer", "pretraining", "classifier", "encoder"}
    config : dict
        For a tokenizer: arguments of ``DualDomainTokenizer``. Otherwise ``config["encoder"]``
        holds arguments of ``EEGEncoder``, and the rest those of the module.

    Returns
    -------
    nn.Module
    """
    if kind not in KINDS:
        raise CheckpointError(f"Weights have the unknown kind {kind!r}; expected one of {KINDS}.")
    # Weights are float32, whatever torch's default type is.
    if kind == "tokenizer":
        return DualDomainTokenizer(**config).float()
    rest = dict(config)
    encoder = EEGEncoder(**rest.pop("encoder")).float()
    if kind == "pretraining":
        return MaskedCodeModel(encoder, **rest).float()
    if kind == "classifier":
        return EncoderClassifier(encoder, **rest).float()
    return encoder


class WithoutValues(TorchFunctionMode):
    """Skip operations that fill the tensors of a network, which are loaded or not needed at all.

    Drawing them takes longer than loading them, and on the meta device PyTorch implements most of
    these operations only in Python, which takes a second to import.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.randn:
            return torch.empty(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if func is F.normalize or (name.endswith("_") and not name.endswith("__")):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def build_filled(kind: str, config: dict[str, Any], state: dict[str, Tensor], source: str) -> Any:
    """Build a module with given weights, in eval mode, without changing torch's generators.

    Parameters
    ----------
    kind, config
        See :func:`build_module`.
    state : dict of str to Tensor
    source : str
        Origin of the state, for messages.

    Returns
    -------
    nn.Module
    """
    with GENERATOR_LOCK, torch.random.fork_rng(devices=[]), WithoutValues():
        try:
            module = build_module(kind, config)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{source} has a configuration that builds no network of kind {kind!r}: {error} "
                f"({config})"
            ) from error
    load_state(module, state, source)
    return module.eval()


def encoder_config(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of the ``EEGEncoder`` inside a module of a kind."""
    if kind != "tokenizer":
        return dict(config["encoder"])
    names = ("embed_dim", "depth", "spectral_embedding", "class_position")
    chosen = {name: config[name] for name in names if name in config}
    return {"spectral_embedding": True, **chosen}  # the tokenizer's default, not the encoder's


def load_state(module: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Load a state dict; raise a CheckpointError that lists what does not fit.

    Parameters
    ----------
    module : nn.Module
    state : dict of str to Tensor
    source : str
        Origin of the state, for the message.
    """
    check_names_and_shapes(type(module).__name__, module.state_dict(), state, source)
    module.load_state_dict(state)


def check_names_and_shapes(
    network: str, expected: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str
) -> None:
    """Raise a CheckpointError that lists missing, surplus and misshapen tensors.

    Parameters
    ----------
    network : str
        Class of the network, for the message.
    expected : mapping of str to Tensor
        State dict of the network.
    state : mapping of str to Tensor
        Tensors given for it.
    source : str
        Origin of the tensors, for the message.
    """
    missing = sorted(expected.keys() - state.keys())
    surplus = sorted(state.keys() - expected.keys())
    misshapen = [
        f"{name}: {tuple(state[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(expected.keys() & state.keys())
        if state[name].shape != expected[name].shape
    ]
    if missing or surplus or misshapen:
        lines = [f"{source} does not fit a {network}."]
        for title, names in (("Missing", missing), ("Surplus", surplus), ("Shape", misshapen)):
            lines += [f"{title}: {name}" for name in names]
        raise CheckpointError("\n".join(lines))


def fill_untrained_time_rows(encoder: EEGEncoder, n_trained: int) -> None:
    """Fill time rows that were never trained with the last trained one."""
    with torch.no_grad():
        encoder.time_embed[:, n_trained:] = encoder.time_embed[:, n_trained - 1 : n_trained]


def begin_electrode_rows(
    networks: Iterable[EEGEncoder], before: Sequence[int] | None, after: Iterable[int]
) -> None:
    """Give electrodes that training is about to add the values they are interpolated with so far.

    Parameters
    ----------
    networks : iterable of EEGEncoder
        Networks to change, each with an electrode table.
    before : sequence of int, or None
        Rows of the table that were trained earlier; None stands for all.
    after : iterable of int
        Rows that will be trained; those not in ``before`` are filled.
    """
    new = [] if before is None else sorted(set(after) - set(before))
    names = [ELECTRODE_NAMES[row - 1] for row in new]
    weights = np.zeros((len(new), N_ELECTRODE_ROWS), dtype=np.float32)
    for row, match in zip(weights, match_electrodes(names, len(names), before), strict=True):
        row[list(match.rows)] = match.weights
    with torch.no_grad():
        for network in networks:
            table = network.pos_embed[0]
            table[new] = torch.from_numpy(weights).to(table) @ table
