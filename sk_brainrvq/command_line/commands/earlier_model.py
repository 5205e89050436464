"""What a training command would replace: an older model in its output folder."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sk_brainrvq.command_line.work_command import WorkError

_MODEL, _CONFIG, _INPUTS = "model.safetensors", "config.json", "inputs.sha256"
# They do not decide what is learned; weights and the tokenizer are compared with the input,
# because a saved estimator does not say where they came from.
_NOT_COMPARED = {
    *("checkpoint_dir", "verbose", "device", "n_jobs", "weights", "tokenizer"),
    *("engine", "engine__resume_from", "filters", "reading", "architecture", "crops"),
}


def digest_of_inputs(inputs: Sequence[str], recordings: Any, settings: Mapping[str, Any]) -> str:
    """Sum of what a training starts from, which tells no name of a recording.

    Parameters
    ----------
    inputs : sequence of str
        As the user gave them.
    recordings : EEGCorpus or list of str
    settings : mapping
        Options of the command, of which weights and the tokenizer count.

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
    """Remember in the folder of a model what it was trained on."""
    (out / _INPUTS).write_text(f"{digest}\n", encoding="utf-8")


def refuse_other_model(out: Path, estimator: Any, share: float | None, digest: str) -> None:
    """Raise WorkError where a folder holds a model that another command made.

    Parameters
    ----------
    out : Path
    estimator : DDRVQTransformer or BrainRVQPretrainer
        Not fitted yet.
    share : float or None
        Of the subjects held out, which is what a saved model says of its validation.
    digest : str
        Of :func:`digest_of_inputs`.
    """
    model = out / _MODEL
    if not model.is_file():
        return
    differences = _differences(out, estimator, share, digest)
    if differences:
        written = datetime.fromtimestamp(model.stat().st_mtime).isoformat(" ", "seconds")
        raise WorkError(
            f"{out} holds a {_name_in(out)} of {written}, {differences}. Give another --out, or "
            "--overwrite to replace it."
        )


def _differences(out: Path, estimator: Any, share: float | None, digest: str) -> str:
    """What differs or cannot be told, in words; empty where nothing does."""
    kind = type(estimator).__name__
    if _name_in(out) != kind:
        return f"of other kind than the {kind} that would replace it"
    try:
        before = type(estimator).from_pretrained(out).get_params()
    except ValueError as error:
        return f"of other content than this version reads ({error})"
    now = {**estimator.get_params(), "validation": share}
    changed = [
        f"{name} ({before.get(name)!r} there, {now[name]!r} now)"
        for name in now
        if name not in _NOT_COMPARED and repr(before.get(name)) != repr(now[name])
    ]
    if (before.get("crops") is None) != (now["crops"] is None):
        changed.append("crops")
    if changed:
        return "of other parameters: " + ", ".join(changed)
    known = out / _INPUTS
    if not known.is_file():
        return (
            f"and nothing there says what it was trained on: {_INPUTS} is missing, which earlier "
            "versions did not write. If this is the command that made it, --overwrite is right: "
            "where its checkpoints are kept, its result is taken from there"
        )
    if known.read_text(encoding="utf-8").strip() == digest:
        return ""
    return "of other recordings, or of other weights or another tokenizer to start from"


def _name_in(out: Path) -> str:
    """Class of the estimator that a folder holds."""
    try:
        return str(json.loads((out / _CONFIG).read_text(encoding="utf-8"))["estimator"])
    except (OSError, ValueError, KeyError, TypeError):
        return "model"
