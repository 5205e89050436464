"""``weights="official"``: checkpoints of the authors, where a user has laid them into the cache."""

from pathlib import Path

import pooch

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.weights import Weights

OFFICIAL = "official"
# Of the networks that serve, the one that has learnt most without labels.
_PREFERRED = ("pretraining", "classifier", "tokenizer")


def is_official(weights: object) -> bool:
    """Whether weights are named "official", and nothing of that name is there."""
    return isinstance(weights, str) and weights == OFFICIAL and not Path(weights).exists()


def official_folder() -> Path:
    """Where ``weights="official"`` looks for ``.pth`` files of the published code."""
    return Path(pooch.os_cache("sk_brainrvq")) / OFFICIAL


def official_weights(kinds: tuple[str, ...]) -> Weights:
    """The authors' weights of a kind that serves.

    Parameters
    ----------
    kinds : tuple of str
        Of several, a pretrained encoder goes before a classifier, and that before a tokenizer.

    Returns
    -------
    Weights

    Raises
    ------
    CheckpointError
        If the folder has none, or several of the kind, or one that cannot be read.
    """
    folder = official_folder()
    files = sorted(folder.glob("*.pth"))
    found = [Weights.from_official(file) for file in files]
    for kind in _PREFERRED:
        serving = [file for file, each in zip(files, found, strict=True) if each.kind == kind]
        if kind not in kinds or not serving:
            continue
        if len(serving) > 1:
            raise CheckpointError(
                f"'official' was given, and {folder} has several networks of kind {kind!r}: "
                f"{', '.join(file.name for file in serving)}. Leave one there, or pass "
                "Weights.from_official(path) of yours."
            )
        return found[files.index(serving[0])]
    there = ", ".join(f"{file.name} ({each.kind})" for file, each in zip(files, found, strict=True))
    raise CheckpointError(
        f"'official' was given, and {folder} has no network of kind {' or '.join(kinds)}, but "
        f"{there or 'no .pth file'}. The authors' checkpoints do not come with this package: put "
        "theirs there, or pass Weights.from_official(path)."
    )
