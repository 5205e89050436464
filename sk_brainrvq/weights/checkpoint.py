"""Checkpoints on disk: tensors in safetensors, everything else as JSON.

The JSON is stored both beside the safetensors file and in its header, so that this file is enough.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sk_brainrvq._version import __version__
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.files import write_whole
from sk_brainrvq.weights.checkpoint_header import (
    CONFIG_FILE,
    FORMAT_VERSION,
    TENSOR_FILE,
    check_version,
    parse_header,
)
from sk_brainrvq.weights.hub.hub_address import is_hub_address
from sk_brainrvq.weights.hub.hub_download import fetch

# Weights that come with the package.
BUNDLED = Path(__file__).parent / "bundled"
BUNDLED_NAMES = ("small-2026.12", "tokenizer-2026.11")
# What "default" stands for: the newest encoder, and the tokenizer whose codes it predicts.
DEFAULT = "small-2026.12"
# Prefix of tensors of other networks in the same file.
ATTACHED = "attached/"
_HEADER_KEY = "sk_brainrvq"
_DIGEST_LENGTH = 12


def write_checkpoint(
    folder: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Path:
    """Write a checkpoint; an older one in the folder is replaced only when it is complete.

    Parameters
    ----------
    folder : path
        Created if missing.
    header : mapping
        Plain JSON values.
    tensors : mapping of str to Tensor

    Returns
    -------
    Path
        The safetensors file.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; pass a folder to save into.")
    folder.mkdir(parents=True, exist_ok=True)
    document = {"format_version": FORMAT_VERSION, "sk_brainrvq_version": __version__, **header}
    text = json.dumps(document)
    parse_header(text, folder / TENSOR_FILE)  # never write what cannot be read
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(folder / TENSOR_FILE, save(contiguous, metadata={_HEADER_KEY: text}))
    write_whole(folder / CONFIG_FILE, (json.dumps(document, indent=2) + "\n").encode())
    return folder / TENSOR_FILE


def read_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a checkpoint folder, or only its safetensors file.

    Parameters
    ----------
    path : path
        Path on disk, or an address on the Hugging Face Hub.

    Returns
    -------
    header : dict
    tensors : dict of str to Tensor
        Tensors on the CPU.

    Raises
    ------
    CheckpointError
        If there is no checkpoint, if the file is truncated or of another kind, or if a newer
        format version wrote it.
    """
    file = fetch(path) if is_hub_address(path) else Path(path)
    if file.is_dir():
        file = file / TENSOR_FILE
    source = str(path) if is_hub_address(path) else str(file)
    if not file.is_file():
        expected = f"a folder with {TENSOR_FILE}, or that file"
        # A single word may be a misspelt bundled name, but a path cannot.
        if str(path) == file.name and not file.suffix and path not in BUNDLED_NAMES:
            names = ", ".join(map(repr, ("default", *BUNDLED_NAMES)))
            expected += f", or one of the bundled {names}"
        raise CheckpointError(f"No checkpoint at {path}: expected {expected}.")
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{source} is truncated or not a safetensors file ({error}). Read a published .pth "
            "file with Weights.from_official."
        ) from error
    if _HEADER_KEY not in metadata:
        raise _without_header(file, source)
    header = parse_header(metadata[_HEADER_KEY], source)
    check_version(header, source)
    return header, tensors


def own_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Select the tensors of the network itself, as float32 whatever precision the file has."""
    halves = (torch.float16, torch.bfloat16)
    return {
        name: tensor.float() if tensor.dtype in halves else tensor
        for name, tensor in tensors.items()
        if not name.startswith(ATTACHED)
    }


def halved(tensor: Tensor) -> Tensor:
    """Convert a tensor to half precision, unless that changes a value."""
    if tensor.dtype != torch.float32:
        return tensor
    half = tensor.half()
    return half if bool((half.float() == tensor).all()) else tensor


def _without_header(file: Path, source: str) -> CheckpointError:
    """Error for a safetensors file that is not a checkpoint: a module's, or another program's."""
    config = file.with_name(CONFIG_FILE)
    if config.is_file() and parse_header(config.read_text(), config).get("kind") == "module":
        return CheckpointError(
            f"{source} holds a BrainRVQModule, not weights: load it with "
            "BrainRVQModule.from_pretrained."
        )
    return CheckpointError(
        f"{source} is a safetensors file of another program: it lacks the {_HEADER_KEY!r} entry "
        "in its header."
    )


def content_digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Return the first hexadecimal digits of the SHA-256 of header text and tensors."""
    digest = hashlib.sha256(text.encode())
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].contiguous().numpy().tobytes())
    return digest.hexdigest()[:_DIGEST_LENGTH]
