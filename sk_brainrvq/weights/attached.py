"""Weights of other networks in the same checkpoint, such as the tokenizer of a pretrainer."""

from pathlib import Path

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.checkpoint import ATTACHED, read_checkpoint
from sk_brainrvq.weights.described import described
from sk_brainrvq.weights.modules import build_filled
from sk_brainrvq.weights.outline import check_network
from sk_brainrvq.weights.weights import Weights


def read_attached(path: str | Path) -> dict[str, Weights]:
    """Read weights that are attached to a checkpoint, by name.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to Weights
    """
    header, tensors = read_checkpoint(path)
    entries = header.get("attached", {})
    if not isinstance(entries, dict):
        raise CheckpointError(f"{path} does not have a JSON object as 'attached' in its header.")
    listed = tuple(f"{ATTACHED}{name}/" for name in entries)
    stray = [k for k in tensors if k.startswith(ATTACHED) and not k.startswith(listed)]
    if stray:
        raise CheckpointError(f"{path} holds {stray[:5]}, which its header does not mention.")
    found = {}
    for name, entry in entries.items():
        source = f"{path}, {name!r:.80},"
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise CheckpointError(f"{source} has no name in the header of the file.")
        kind, config, info = described(entry, source)
        prefix = f"{ATTACHED}{name}/"
        state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        check_network(kind, config, state, source)
        module = build_filled(kind, config, state, source)
        found[name] = Weights.from_module(entry["name"], kind, config, module, info)
    return found
