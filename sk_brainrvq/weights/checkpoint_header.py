"""Header of a checkpoint, in the safetensors file and in the JSON beside it."""

from typing import Any

from sk_brainrvq._version import __version__
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.json_text import parse_json

FORMAT_VERSION = 1
TENSOR_FILE = "model.safetensors"
CONFIG_FILE = "config.json"


def parse_header(text: str, source: object) -> dict[str, Any]:
    """Parse the JSON object of a header.

    Parameters
    ----------
    text : str
    source : object
        File or address that contains it, for messages.

    Returns
    -------
    dict

    Raises
    ------
    CheckpointError
    """
    try:
        header = parse_json(text)
    except ValueError as error:
        raise CheckpointError(
            f"{source} has a header that sk_brainrvq cannot have written: {error}. The file is "
            "damaged or not a checkpoint of sk_brainrvq; get it again."
        ) from error
    if not isinstance(header, dict):
        raise CheckpointError(f"{source} has a header that is not a JSON object: {text[:80]!r}")
    return header


def check_version(header: dict[str, Any], source: object) -> None:
    """Raise CheckpointError for a format that this version does not read.

    Parameters
    ----------
    header : dict
    source : object
        File or address that contains it, for messages.
    """
    version = header.get("format_version", 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise CheckpointError(
            f"{source} has the format_version {version!r:.80} in its header; expected a whole "
            "number."
        )
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{source} has format version {version}, written by sk_brainrvq "
            f"{header.get('sk_brainrvq_version')!s:.80}; this is sk_brainrvq {__version__}, "
            f"which reads up to version {FORMAT_VERSION}. Upgrade sk_brainrvq to read it."
        )
