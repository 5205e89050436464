"""``weights="official"``: checkpoints of the authors that a user has put into the cache."""

from pathlib import Path

import pooch

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.weights import Weights

OFFICIAL = "official"
# In order of preference: the network that has learnt most without labels comes first.
_PREFERRED = ("pretraining", "classifier", "tokenizer")


def is_official(weights: object) -> bool:
    """Whether weights are named "official", and no file or folder has that name."""
    return isinstance(weights, str) and weights == OFFICIAL and not Path(weights).exists()


def official_folder() -> Path:
    """Return the folder where ``weights="official"`` looks for published ``.pth`` files."""
    return Path(pooch.os_cache("sk_brainrvq")) / OFFICIAL


def official_weights(kinds: tuple[str, ...]) -> Weights:
    """Load the authors' weights of an accepted kind.

    Parameters
    ----------
    kinds : tuple of str
        Accepted kinds. A pretrained encoder is preferred to a classifier, and that to a tokenizer.

    Returns
    -------
    Weights

    Raises
    ------
    CheckpointError
        If the folder has no network of these kinds, several of one kind, or an unreadable one.
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
                f"{', '.join(file.name for file in serving)}. Leave only one there, or pass "
                "Weights.from_official(path)."
            )
        return found[files.index(serving[0])]
    there = ", ".join(f"{file.name} ({each.kind})" for file, each in zip(files, found, strict=True))
    raise CheckpointError(
        f"'official' was given, and {folder} has no network of kind {' or '.join(kinds)}, but "
        f"{there or 'no .pth file'}. The authors' checkpoints do not come with this package: put "
        "theirs there, or pass Weights.from_official(path)."
    )
