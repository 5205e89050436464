"""Upload a model to the Hugging Face Hub: safetensors, JSON and a model card, in one commit."""

from pathlib import Path
from typing import Any

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights.checkpoint_header import CONFIG_FILE, TENSOR_FILE
from sk_brainrvq.weights.hub.hub_address import HubAddress
from sk_brainrvq.weights.hub.hub_download import hub_api
from sk_brainrvq.weights.hub.hub_failures import hub_library, not_uploaded
from sk_brainrvq.weights.hub.model_card import CARD_FILE, front_matter

_MESSAGE = "Upload with sk_brainrvq"


def target_of(repo: Any) -> HubAddress:
    """Parse the name of the repository to upload to.

    Parameters
    ----------
    repo : str
        ``owner/name``, with or without ``hf://``.

    Returns
    -------
    HubAddress

    Raises
    ------
    CheckpointError
        If it is not a repository name, or names a revision.
    """
    if not isinstance(repo, str):
        raise CheckpointError(
            f"repo={repo!r} was given; expected 'owner/name'. save_pretrained writes into a folder."
        )
    address = HubAddress.parse(repo)
    if address.revision is not None:
        raise CheckpointError(
            f"{repo!r} names a revision, but a push creates a new one on the branch main. Pass "
            f"{address.repository!r}."
        )
    return address


def push_folder(
    folder: Path, address: HubAddress, card: str, keep_card: bool, private: bool | None
) -> str:
    """Publish a saved model.

    Parameters
    ----------
    folder : Path
        Folder with ``model.safetensors`` and ``config.json``.
    address : HubAddress
    card : str
        Text of the model card.
    keep_card : bool
        Whether to keep a card that the repository already has.
    private : bool or None
        Whether a new repository is private; None follows the settings of its owner.

    Returns
    -------
    str
        Address of the commit.

    Raises
    ------
    CheckpointError
        If the Hub refuses the upload, or if the repository exists and is not private or public as
        requested.
    """
    files: dict[str, Any] = {name: folder / name for name in (CONFIG_FILE, TENSOR_FILE)}
    try:
        api = hub_api()
        api.create_repo(address.repository, private=private, exist_ok=True)
        found = api.model_info(address.repository)
        _check_private(found, private, address)
        own_card = keep_card and any(entry.rfilename == CARD_FILE for entry in found.siblings or ())
        if not own_card:
            files[CARD_FILE] = card.encode()
        licence = getattr(found.card_data, "license", None) if own_card else None
        _warn_without_licence(licence or front_matter(card).get("license"), found, address)
        add = hub_library().CommitOperationAdd
        operations = [add(path_in_repo=n, path_or_fileobj=files[n]) for n in sorted(files)]
        commit = api.create_commit(address.repository, operations, commit_message=_MESSAGE)
    except CheckpointError:
        raise
    except Exception as error:
        told = not_uploaded(error, address)
        if told is None:
            raise
        raise told from error
    return str(address.at(commit.oid))


def _check_private(found: Any, private: bool | None, address: HubAddress) -> None:
    if private is None or bool(found.private) == private:
        return
    now, asked = ("private", "public") if found.private else ("public", "private")
    raise CheckpointError(
        f"{address.repository!r} already exists and is {now}; private={private} was given. "
        f"Nothing was uploaded: make it {asked} in its settings on the Hub, choose another name, "
        "or pass private=None to leave it as it is."
    )


def _warn_without_licence(licence: Any, found: Any, address: HubAddress) -> None:
    if not licence and not found.private:
        warn(
            f"{address.repository!r} is public but has no licence, so others cannot know whether "
            "they may use it. Pass card={'license': 'cc-by-4.0'}, or the identifier of yours "
            "(https://huggingface.co/docs/hub/repositories-licenses)."
        )
