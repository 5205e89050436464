"""Check for an older model in the output folder, which a training command would replace."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sk_brainrvq.command_line.work_command import WorkError

_MODEL, _CONFIG, _INPUTS = "model.safetensors", "config.json", "inputs.sha256"
# These do not affect what is learnt. Weights and tokenizer are compared with the input, because a
# saved estimator does not record where they came from.
_NOT_COMPARED = {
    *("checkpoint_dir", "verbose", "device", "n_jobs", "weights", "tokenizer"),
    *("engine", "engine__resume_from", "filters", "reading", "architecture", "crops"),
}


def digest_of_inputs(inputs: Sequence[str], recordings: Any, settings: Mapping[str, Any]) -> str:
    """Digest of what a training starts from, which does not reveal names of recordings.

    Parameters
    ----------
    inputs : sequence of str
        Inputs from the user.
    recordings : EEGCorpus or list of str
    settings : mapping
        Options of the command, of which only weights and tokenizer are used.

    Returns
    -------
    str
    """
    files = recordings if isinstance(recordings, list) else []
    told: list[Any] = [os.path.abspath(place) for place in files]
    told += [os.path.getsize(file) if os.path.isfile(file) else None for file in files]
    if not files:
        told += [place if "://" in place else os.path.abspath(place) for place in inputs]
        told.append(len(recordings))
    told += [str(settings.get(name)) for name in ("weights", "tokenizer")]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def write_digest(out: Path, digest: str) -> None:
    """Record in the folder of a model what it was trained on."""
    (out / _INPUTS).write_text(f"{digest}\n", encoding="utf-8")


def refuse_other_model(out: Path, estimator: Any, share: float | None, digest: str) -> None:
    """Raise WorkError if a folder holds a model from a different command.

    Parameters
    ----------
    out : Path
    estimator : DDRVQTransformer or BrainRVQPretrainer
        Estimator that is not fitted yet.
    share : float or None
        Share of the subjects held out, which a saved model records as its validation.
    digest : str
        Digest from :func:`digest_of_inputs`.
    """
    model = out / _MODEL
    if not model.is_file():
        return
    differences = _differences(out, estimator, share, digest)
    if differences:
        written = datetime.fromtimestamp(model.stat().st_mtime).isoformat(" ", "seconds")
        raise WorkError(
            f"{out} holds a {_name_in(out)} of {written}, {differences}. Pass another --out, or "
            "--overwrite to replace it."
        )


def _differences(out: Path, estimator: Any, share: float | None, digest: str) -> str:
    """Text about what differs or is unknown; empty if nothing differs."""
    kind = type(estimator).__name__
    if _name_in(out) != kind:
        return f"which is of a different kind from the {kind} that would replace it"
    try:
        before = type(estimator).from_pretrained(out).get_params()
    except ValueError as error:
        return f"which this version cannot read ({error})"
    now = {**estimator.get_params(), "validation": share}
    changed = [
        f"{name} ({before.get(name)!r} there, {now[name]!r} now)"
        for name in now
        if name not in _NOT_COMPARED and repr(before.get(name)) != repr(now[name])
    ]
    if (before.get("crops") is None) != (now["crops"] is None):
        changed.append("crops")
    if changed:
        return "with other parameters: " + ", ".join(changed)
    known = out / _INPUTS
    if not known.is_file():
        return (
            f"and its training data are unknown: {_INPUTS} is missing, which earlier versions did "
            "not write. If this command made it, pass --overwrite: if its checkpoints are kept, "
            "the result is loaded from there"
        )
    if known.read_text(encoding="utf-8").strip() == digest:
        return ""
    return (
        "which was trained on other recordings, or started from other weights or another tokenizer"
    )


def _name_in(out: Path) -> str:
    """Class of the estimator that a folder holds."""
    try:
        return str(json.loads((out / _CONFIG).read_text(encoding="utf-8"))["estimator"])
    except (OSError, ValueError, KeyError, TypeError):
        return "model"
