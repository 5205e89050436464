"""Download models from the Hugging Face Hub to its cache: safetensors and JSON, never pickles."""

import hashlib
import os
import re
from pathlib import Path, PurePath
from typing import Any

from sk_brainrvq._version import __version__
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights.checkpoint_header import (
    CONFIG_FILE,
    TENSOR_FILE,
    check_version,
    parse_header,
)
from sk_brainrvq.weights.hub.hub_address import HubAddress
from sk_brainrvq.weights.hub.hub_failures import (
    broken_off,
    first_line,
    hub_library,
    is_offline,
    is_unreachable,
    page_of,
    refused,
    unreachable,
)

_TIMEOUT = 10.0
# Extensions of files that can run code when they are read.
_PICKLES = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")


def pinned(path: str | PurePath) -> str:
    """Resolve an address to the commit that it stands for today, and download its files.

    Parameters
    ----------
    path : str or path
        ``hf://owner/name``, or ``hf://owner/name@revision``.

    Returns
    -------
    str
        ``hf://owner/name@`` and 40 hexadecimal digits, which need no network access again.

    Raises
    ------
    CheckpointError
        As in :func:`fetch`.
    """
    commit = fetch(path).parent.name
    return str(HubAddress.parse(path).at(commit))


def fetch(path: str | PurePath) -> Path:
    """Return the safetensors file of a model on the Hub, from the cache if possible.

    Parameters
    ----------
    path : str or path
        ``hf://owner/name``, or ``hf://owner/name@revision``.

    Returns
    -------
    Path
        ``model.safetensors`` in a folder named after its commit.

    Raises
    ------
    CheckpointError
        If there is no such repository or revision; if it is gated or private, holds no model of
        this package or only pickles, or has a newer format; if the download is incomplete; or if
        there is neither a network nor a cached copy.
    ImportError
        If huggingface_hub is not installed.
    """
    address = HubAddress.parse(path)
    file = _in_cache(address) if address.is_pinned else None
    if file is None:
        file = _from_network(address)
    _check_sum(file, address)
    return file


def hub_api() -> Any:
    """Create a client of the Hub that identifies this package."""
    return hub_library().HfApi(library_name="sk_brainrvq", library_version=__version__)


def _in_cache(address: HubAddress) -> Path | None:
    """Return the file if it was downloaded earlier."""
    try:
        return _download(address, TENSOR_FILE, local_files_only=True)
    except hub_library().errors.LocalEntryNotFoundError:
        return None


def _download(address: HubAddress, file: str, **options: Any) -> Path:
    library = hub_library()
    found = library.hf_hub_download(
        address.repository,
        file,
        revision=address.revision,
        library_name="sk_brainrvq",
        library_version=__version__,
        **options,
    )
    return Path(found)


def _from_network(address: HubAddress) -> Path:
    """Download the file at the commit that the Hub names; use the cache if it is unreachable."""
    try:
        found = hub_api().model_info(
            address.repository, revision=address.revision, timeout=_TIMEOUT
        )
    except Exception as error:
        if is_unreachable(error):
            return _without_network(error, address)
        told = refused(error, address)
        if told is None:
            raise
        raise told from error
    names = [entry.rfilename for entry in found.siblings or ()]
    _check_files(names, address)
    if CONFIG_FILE in names:
        _check_config(_transfer(address.at(found.sha), CONFIG_FILE), address)
    _warn_without_licence(found, address)
    # Use the revision as given, so that the cache records which commit it stands for.
    return _transfer(address, TENSOR_FILE)


def _without_network(error: Exception, address: HubAddress) -> Path:
    """Return the cached file, with a warning unless the user turned off network access."""
    file = _in_cache(address)
    if file is None:
        raise unreachable(error, address) from error
    if not is_offline(error):
        commit = file.parent.name
        warn(
            f"The Hub cannot be reached ({first_line(error)}): the cached commit {commit} is used "
            f"for {address}. Pass {address.at(commit)} to always use this commit."
        )
    return file


def _transfer(address: HubAddress, file: str) -> Path:
    try:
        return _download(address, file)
    except Exception as error:
        told = refused(error, address) or broken_off(error, file, address)
        if told is None:
            raise
        raise told from error


def _check_files(names: list[str], address: HubAddress) -> None:
    """Raise CheckpointError if a repository has no safetensors file."""
    if TENSOR_FILE in names:
        return
    pickles = [name for name in names if name.lower().endswith(_PICKLES)]
    if pickles:
        raise CheckpointError(
            f"{address} holds only pickles ({', '.join(pickles[:3])}), and reading a pickle runs "
            f"any code in it; expected a {TENSOR_FILE} written by push_to_hub. If you trust a "
            ".pth file of the published BrainRVQ code, download it and read it with "
            "Weights.from_official(path)."
        )
    listed = ", ".join(names[:5]) or "no file"
    raise CheckpointError(
        f"{address} holds no {TENSOR_FILE}, but {listed}, so it is not a model of sk_brainrvq. "
        "Publish one with push_to_hub of weights or of a fitted estimator."
    )


def _check_config(file: Path, address: HubAddress) -> None:
    """Refuse what this version cannot read before the tensors are downloaded."""
    header = parse_header(file.read_text(encoding="utf-8", errors="replace"), address)
    if "kind" not in header or "format_version" not in header:
        raise CheckpointError(
            f"{address} is a model of another program: its {CONFIG_FILE} lacks the 'kind' or the "
            "'format_version' of a checkpoint of sk_brainrvq. Nothing else was downloaded."
        )
    check_version(header, address)


def _warn_without_licence(found: Any, address: HubAddress) -> None:
    if found.private or getattr(found.card_data, "license", None):
        return
    warn(
        f"The model card of {address.repository} states no licence, so nothing says what you may "
        f"do with these weights: ask {address.owner} on {page_of(address)} before you share them."
    )


def _check_sum(file: Path, address: HubAddress) -> None:
    """Raise CheckpointError if the content is not what the Hub announced.

    The cache names large files by their SHA-256 and links to them; without links, the sum is
    unknown.
    """
    target = Path(os.readlink(file)) if file.is_symlink() else Path()
    if not re.fullmatch("[0-9a-f]{64}", target.name):
        return
    with open(file, "rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != target.name:
        raise CheckpointError(
            f"{file.name} of {address} has the SHA-256 {digest}; the Hub announced {target.name}: "
            f"it was damaged during the download or on this disk. Delete {file.parent / target} "
            "and load again."
        )
