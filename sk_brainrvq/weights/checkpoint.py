"""Checkpoints on disk: tensors in safetensors, everything else as JSON beside and inside.

The JSON stands in the safetensors header too, so that the one file suffices.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sk_brainrvq._version import __version__
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.files import write_whole
from sk_brainrvq.json_text import parse_json

FORMAT_VERSION = 1
TENSOR_FILE = "model.safetensors"
# Weights that come with the package.
BUNDLED = Path(__file__).parent / "bundled"
BUNDLED_NAMES = ("default", "default-tokenizer", "tokenizer-2026.11")
CONFIG_FILE = "config.json"
_HEADER_KEY = "sk_brainrvq"


def write_checkpoint(
    folder: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Path:
    """Write a checkpoint; an older one in the folder stays whole until the new one is.

    Parameters
    ----------
    folder : path
        Created where missing.
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
        raise CheckpointError(f"{folder} is a file; give a folder to save into.")
    folder.mkdir(parents=True, exist_ok=True)
    document = {"format_version": FORMAT_VERSION, "sk_brainrvq_version": __version__, **header}
    text = json.dumps(document)
    _parse_header(text, folder / TENSOR_FILE)  # what cannot be read is not written
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(folder / TENSOR_FILE, save(contiguous, metadata={_HEADER_KEY: text}))
    write_whole(folder / CONFIG_FILE, (json.dumps(document, indent=2) + "\n").encode())
    return folder / TENSOR_FILE


def _parse_header(text: str, file: Path) -> dict[str, Any]:
    try:
        header = parse_json(text)
    except ValueError as error:
        raise CheckpointError(
            f"{file} has a header that is no JSON of ours: {error}. The file is damaged, or no "
            "checkpoint of sk_brainrvq: get it anew."
        ) from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{file} has a header that is no JSON object: {text[:80]!r}")
    return header


def read_checkpoint(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a checkpoint folder, or its safetensors file alone.

    Parameters
    ----------
    path : path

    Returns
    -------
    header : dict
    tensors : dict of str to Tensor
        On the CPU.

    Raises
    ------
    CheckpointError
        If nothing is there, the file is truncated or of another kind, or it was written by
        a newer format version.
    """
    file = Path(path)
    if file.is_dir():
        file = file / TENSOR_FILE
    if not file.is_file():
        expected = f"a folder with {TENSOR_FILE}, or that file"
        # A bare word may be a bundled name misspelt; a path is none.
        if str(path) == file.name and not file.suffix and path not in BUNDLED_NAMES:
            expected += f", or one of the bundled {', '.join(map(repr, BUNDLED_NAMES))}"
        raise CheckpointError(f"No checkpoint at {path}: expected {expected}.")
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{file} is truncated or no safetensors file ({error}). A published .pth file is "
            "read by Weights.from_official."
        ) from error
    if _HEADER_KEY not in metadata:
        raise CheckpointError(
            f"{file} is a safetensors file of another program: it lacks the "
            f"{_HEADER_KEY!r} entry in its header."
        )
    header = _parse_header(metadata[_HEADER_KEY], file)
    version = header.get("format_version", 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise CheckpointError(
            f"{file} has the format_version {version!r:.80} in its header; expected a whole number."
        )
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{file} has format version {version}, written by sk_brainrvq "
            f"{header.get('sk_brainrvq_version')!s:.80}; this is sk_brainrvq {__version__}, "
            f"which reads up to version {FORMAT_VERSION}. Upgrade sk_brainrvq to read it."
        )
    return header, tensors
