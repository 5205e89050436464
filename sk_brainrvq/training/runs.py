"""Training runs on disk: one folder per run, locked and named after its configuration."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sk_brainrvq.exceptions import ResumeError
from sk_brainrvq.files import write_whole
from sk_brainrvq.json_text import MOST_VALUES, parse_json
from sk_brainrvq.user_warnings import warn

_FORMAT_VERSION = 1
_KEPT = 2
_HEADER_KEY = "sk_brainrvq_training"
_RESULT = "result.safetensors"
_CONFIGURATION = "configuration.json"
_LOCK = "lock"
_POLL_SECONDS = 0.5
# A history of thousands of epochs has far more values than a model's header.
_MOST_VALUES = 10 * MOST_VALUES
_SEEDS = 2**32


@dataclass(frozen=True)
class TrainingState:
    """Contents of a checkpoint.

    Attributes
    ----------
    header : dict
        Plain values: "epoch", "seed", "history", ...
    tensors : dict of str to Tensor
    path : Path, optional
        File that it was read from.
    """

    header: dict[str, Any]
    tensors: dict[str, Tensor]
    path: Path | None = None


@dataclass
class TrainingRun:
    """Folder of one training run.

    Attributes
    ----------
    folder : Path
        Holds ``configuration.json``, the last two ``epoch-*.safetensors`` and, once training
        has ended, ``result.safetensors``.
    configuration : dict of str to str
        Parameters and data, as text, which distinguish this run from any other.
    start : Path, optional
        Checkpoint file or folder to start from, if it is not the run's own folder.
    """

    folder: Path
    configuration: dict[str, str]
    start: Path | None = None
    _lock: FileLock | None = field(default=None, repr=False)

    def open(self, seed: int) -> int:
        """Create the folder and lock it; wait while another process trains the same run.

        What the other process leaves is used: its result, or its last checkpoint if it stopped.

        Parameters
        ----------
        seed : int
            Seed of a new run.

        Returns
        -------
        int
            Seed of the run: the one it began with.

        Raises
        ------
        ResumeError
            If the folder cannot be written to, or the run to resume had another configuration.
        """
        self._refuse_other_configurations()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._acquired()
            for left_over in self.folder.glob("*.partial"):
                left_over.unlink()
            path = self.folder / _CONFIGURATION
            if path.is_file():
                return _read_configuration(path)["seed"]
            document = {"seed": seed, "configuration": self.configuration}
            text = json.dumps(document, indent=2, sort_keys=True) + "\n"
            write_whole(path, text.encode())
            return seed
        except OSError as error:
            self.close()
            raise ResumeError(f"Checkpoints cannot be written to {self.folder}: {error}") from error

    def _acquired(self) -> FileLock:
        lock = FileLock(self.folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            warn(
                f"Another process is training this very run in {self.folder}: the same parameters "
                "on the same data. This one waits for it and uses its result.",
                UserWarning,
            )
            lock.acquire(poll_interval=_POLL_SECONDS)
        return lock

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.release()

    def latest(self) -> Path | None:
        """The result, or the last checkpoint that can be read; None if there is neither.

        Files that cannot be read are skipped with a warning.
        """
        candidates = self._candidates()
        for number, path in enumerate(candidates, start=1):
            try:
                read_state(path)
            except ResumeError as error:
                is_last = number == len(candidates)
                left = "Training starts over." if is_last else "The previous one is used."
                warn(f"{error} {left}", UserWarning)
            else:
                return path
        if self.start is not None:
            raise ResumeError(
                f"resume_from={str(self.start)!r} holds no checkpoint to resume from."
            )
        return None

    def _candidates(self) -> list[Path]:
        own = checkpoints_in(self.folder)
        if self.start is None or own:
            return own
        return [self.start] if self.start.is_file() else checkpoints_in(self.start)

    def _refuse_other_configurations(self) -> None:
        """Raise ResumeError if the run to resume had another configuration."""
        if self.start is None:
            return
        folder = self.start.parent if self.start.is_file() else self.start
        path = folder / _CONFIGURATION
        if not path.is_file():
            raise ResumeError(
                f"resume_from={str(self.start)!r} was given, but {path} does not exist: expected "
                "the folder of a run inside checkpoint_dir, or a checkpoint in it."
            )
        before = _read_configuration(path)["configuration"]
        differences = [
            f"  {name}: {before.get(name, 'absent')} then, {now} now"
            for name in sorted(before.keys() | self.configuration.keys())
            if before.get(name) != (now := self.configuration.get(name, "absent"))
        ]
        if differences:
            raise ResumeError(
                f"The run in {folder} was started with other settings and cannot be resumed:\n"
                + "\n".join(differences)
                + "\nPass its parameters and data, or start a new run without resume_from."
            )

    def save(self, state: TrainingState) -> None:
        """Write the checkpoint of an epoch; keep only the last of the older ones."""
        name = f"epoch-{state.header['epoch']:06d}.safetensors"
        self._write(name, state)
        others = sorted(p for p in self.folder.glob("epoch-*.safetensors") if p.name != name)
        older = [path for path in others if path.name < name]
        # Later ones could not be read, or training would have resumed from them.
        later = [path for path in others if path.name > name]
        for path in [*older[: 1 - _KEPT], *later]:
            path.unlink(missing_ok=True)

    def save_result(self, state: TrainingState) -> None:
        """Write the result of training."""
        self._write(_RESULT, state)

    def _write(self, name: str, state: TrainingState) -> None:
        header = {"format_version": _FORMAT_VERSION, **state.header}
        tensors = {key: value.detach().cpu().contiguous() for key, value in state.tensors.items()}
        metadata = {_HEADER_KEY: json.dumps(header)}
        try:
            write_whole(
                self.folder / name, lambda path: save_file(tensors, path, metadata=metadata)
            )
        except (OSError, SafetensorError) as error:
            held = checkpoints_in(self.folder)
            kept = f"{held[0].name} is intact" if held else "there is no earlier one"
            raise ResumeError(
                f"The checkpoint {name} could not be written to {self.folder}: {error}. Make room "
                f"and fit again: training resumes from the last checkpoint ({kept})."
            ) from error


def checkpoints_in(folder: Path) -> list[Path]:
    """The result, if any, then the checkpoints, latest first."""
    result = folder / _RESULT
    epochs = sorted(folder.glob("epoch-*.safetensors"), reverse=True)
    return ([result] if result.is_file() else []) + epochs


def read_state(path: Path) -> TrainingState:
    """Read a training checkpoint.

    Parameters
    ----------
    path : Path

    Returns
    -------
    TrainingState

    Raises
    ------
    ResumeError
        If the file is truncated, of another kind or of a newer format.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            header = parse_json((opened.metadata() or {})[_HEADER_KEY], _MOST_VALUES)
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        _check_header(header)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise ResumeError(
            f"The checkpoint {path} is truncated or not a training checkpoint ({error!s:.300})."
        ) from error
    if header["format_version"] > _FORMAT_VERSION:
        raise ResumeError(
            f"The checkpoint {path} has format version {header['format_version']}; this version of "
            f"sk_brainrvq reads up to {_FORMAT_VERSION}. Upgrade sk_brainrvq."
        )
    return TrainingState(header, tensors, path)


def is_whole(value: Any) -> bool:
    """Whether a value from JSON is a whole number from 0 that fits into 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _check_header(header: Any) -> None:
    """Raise ValueError unless a header holds what every training checkpoint holds."""
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    odd = [n for n in ("format_version", "epoch", "seed") if not is_whole(header.get(n))]
    if odd or header["seed"] >= _SEEDS or not isinstance(header.get("ended", False), bool):
        raise ValueError(f"its header has no valid {', '.join(odd) or 'seed or end'}")
    rows = header.get("history")
    if not isinstance(rows, list) or len(rows) != header["epoch"] or not all(map(_is_row, rows)):
        raise ValueError("its history does not match its epochs")


def _is_row(row: Any) -> bool:
    """Whether a value from JSON is a row of a history: figures or lists of figures."""
    return isinstance(row, dict) and "batches" not in row and all(map(_is_figure, row.values()))


def _is_figure(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_figure, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _read_configuration(path: Path) -> dict[str, Any]:
    """Read the seed and configuration of a run, or raise ResumeError."""
    try:
        document = parse_json(path.read_bytes())
        configuration, seed = document["configuration"], document["seed"]
        texts = [*configuration.keys(), *configuration.values()]
        if is_whole(seed) and seed < _SEEDS and all(isinstance(text, str) for text in texts):
            return {"seed": seed, "configuration": configuration}
        fault = "it holds no valid seed and configuration"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        fault = f"{type(error).__name__}: {error!s:.200}"
    raise ResumeError(
        f"{path} cannot be read ({fault}): it is damaged, or not the file of a training run. "
        "Delete the folder of this run to start over."
    )


def run_of(
    title: str,
    configuration: Mapping[str, str],
    checkpoint_dir: str | Path | None,
    resume_from: str | Path | None,
) -> TrainingRun | None:
    """The run of a configuration; None if nothing is to be saved.

    Parameters
    ----------
    title : str
        First part of the folder's name.
    configuration : mapping of str to str
    checkpoint_dir : path, optional
        Folder that holds all runs.
    resume_from : path, optional
        Folder of a run, or a checkpoint in it.

    Returns
    -------
    TrainingRun or None
    """
    if checkpoint_dir is None and resume_from is None:
        return None
    start = None if resume_from is None else Path(resume_from)
    if start is not None and not start.exists():
        raise ResumeError(
            f"resume_from={str(resume_from)!r} does not exist; expected the folder of a run, or a "
            "checkpoint in it."
        )
    if checkpoint_dir is None:
        assert start is not None
        return TrainingRun(start.parent if start.is_file() else start, dict(configuration), start)
    text = json.dumps(dict(configuration), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return TrainingRun(Path(checkpoint_dir) / f"{title}-{digest}", dict(configuration), start)
