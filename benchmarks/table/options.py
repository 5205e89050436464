"""Command-line options shared by ``table.py`` and ``learning_curve.py``."""

import argparse
import ast
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from sklearn.base import BaseEstimator

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder, Weights
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.training import resolve_device
from sk_brainrvq.weights import resolve_weights
from table.system import FILTERS, Settings
from table.systems import SYSTEMS
from table.tasks import dataset_names

_KINDS = ("pretraining", "tokenizer", "classifier", "encoder")
# Three folds are needed, and simulated data have eight subjects.
_SUBJECTS_PER_FOLD = {"simulated": 2}
# Parameters not left to the user: separate options, the data or the protocol set them.
_SET = {
    "--embedder": "weights device sfreq ch_names architecture random_state",
    "--fine-tuning": "weights device sfreq ch_names random_state max_epochs early_stopping "
    "validation criterion engine",
}
# Parameters that are objects, which no text can express; for filters, use the fields.
_OBJECTS = ("filters", "reading")


@dataclass(frozen=True)
class Chosen:
    """Systems that can run, and their settings.

    Attributes
    ----------
    systems : list of str
    settings : Settings
    exposed : list of int or str
        Subjects that the weights have seen, without labels.
    told : bool
        Whether the weights state that.
    """

    systems: list[str]
    settings: Settings
    exposed: list[int | str]
    told: bool = True


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add options for data, systems, budgets and output."""
    add = parser.add_argument
    add("--dataset", default="eegmat", help=f"one of {', '.join(dataset_names())}")
    add("--data", type=Path, help="folder with the dataset's files; EEGMAT's is downloaded")
    add("--systems", help=f"some of {','.join(SYSTEMS)}")
    add("--folds", help="numbers of folds, such as 1,2 or 1-4; default all")
    add("--subjects-per-fold", type=int, help="default 4, and 2 for simulated")
    add("--seeds", type=int, default=3, help="number of seeds, from 0; default 3")
    add("--weights", default="default", help="weights of BrainRVQ: 'default' or a path")
    add("--exposed", help="subjects the weights have seen without labels, such as 0-27")
    add("--architecture", default="small", help="size of BrainRVQ from scratch; default small")
    add("--embedder", default="", help="parameters of BrainRVQEmbedder, such as pooling=channel")
    add(
        "--fine-tuning",
        default="",
        help="parameters of BrainRVQClassifier, such as lr=0.001,strategy=lora",
    )
    add("--frozen-rivals", type=Path, help="folder of reve.npz, labram.npz, cbramod.npz (EEGMAT)")
    add("--pretrained", action="store_true", help="start rivals from published weights")
    add("--epochs", default="", help="budget of epochs: 5, or by system: labram=5,biot=8")
    add(
        "--precision",
        default="",
        help="precision of training: bfloat16, or by system: bendr=bfloat16",
    )
    _add_running_options(parser)


def _add_running_options(parser: argparse.ArgumentParser) -> None:
    """Add limits of time, the machine, and folders of results."""
    add = parser.add_argument
    add(
        "--max-train-seconds",
        type=float,
        help="limit of one training: no epoch starts that would end later",
    )
    add("--max-minutes", type=float, help="limit of this command; run it again to continue")
    add("--jobs", type=int, default=1, help="processes, each with one thread")
    add("--device", default="cpu", help="cpu, cuda, cuda:1, mps or auto; default cpu")
    add("--quick", action="store_true", help="test run: one seed, two epochs, folds 1-2")
    add(
        "--results",
        type=Path,
        default=Path("results"),
        help="folder of results; those already there are reused",
    )
    add("--add-results", type=Path, help="folder of results from elsewhere to add first")
    add("--output", type=Path, help="folder for tables and figures; default that of --results")


def numbers(text: str | None, option: str) -> list[int]:
    """Parse a list of numbers and ranges: "0-3,7".

    Parameters
    ----------
    text : str or None
    option : str
        Option to name in the message.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    found: list[int] = []
    for part in (text or "").split(","):
        ends = part.strip().split("-")
        if ends == [""]:
            continue
        if len(ends) > 2 or not all(end.strip().isdigit() for end in ends):
            raise ValueError(f"{option} {text} was given; expected numbers such as 0-27 or 1,2.")
        found += range(int(ends[0]), int(ends[-1]) + 1)
    return found


def folders(text: str, datasets: Sequence[str]) -> dict[str, Path]:
    """Parse folders of several datasets from a list such as "eegmat=FOLDER,ssvep=FOLDER".

    Parameters
    ----------
    text : str
    datasets : sequence of str
        Allowed datasets.

    Returns
    -------
    dict of str to Path

    Raises
    ------
    ValueError
        If the text is anything else.
    """
    pairs = [part.partition("=") for part in text.split(",") if part]
    if not pairs or any(name not in datasets or not folder for name, _, folder in pairs):
        raise ValueError(
            f"--data {text} was given; expected dataset=FOLDER, separated by commas, for "
            f"{', '.join(datasets)}."
        )
    return {name: Path(folder) for name, _, folder in pairs}


def values(text: str, option: str) -> dict[str, Any]:
    """Parse parameters from a list such as "lr=0.001,strategy=lora".

    Parameters
    ----------
    text : str
    option : str
        Option to name in the message.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If a part has no "=".
    """
    found: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(
                f"{option} {text} was given; expected name=value, separated by commas."
            )
        try:
            found[name.strip()] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name.strip()] = value
    return found


def parameters(text: str, option: str, estimator: BaseEstimator) -> dict[str, Any]:
    """Read parameters of an estimator with :func:`values`.

    Parameters
    ----------
    text : str
    option : {"--embedder", "--fine-tuning"}
    estimator : BaseEstimator

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the estimator does not have a parameter, or the benchmark sets it.
    """
    found, set_here = values(text, option), _SET[option].split()
    names = {*estimator.get_params(deep=False), *FILTERS}
    known = sorted(names.difference(set_here, _OBJECTS))
    for name in found:
        if name in set_here:
            raise ValueError(
                f"{option} {text} was given; {name} is set by the benchmark or by "
                "another option (see --help)."
            )
        if name == "filters":
            raise ValueError(
                f"{option} {text} was given; pass its fields {', '.join(FILTERS)}, such as "
                "l_freq=1."
            )
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            meant = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}."
            raise ValueError(
                f"{option} {text} was given; {name} is not a parameter of "
                f"{type(estimator).__name__}: {meant}"
            )
    return found


def epochs(text: str) -> dict[str, int]:
    """Parse budgets by system; "" stands for all."""
    if text.isdigit():
        return {"": int(text)}
    found = values(text, "--epochs")
    wrong = [n for n, v in found.items() if n not in SYSTEMS or not isinstance(v, int) or v < 1]
    if wrong:
        raise ValueError(f"--epochs {text} was given; {wrong} are not systems with whole numbers.")
    return found


def precisions(text: str) -> dict[str, str]:
    """Parse precisions by system; "" stands for all."""
    found = values(text, "--precision") if "=" in text else {"": text} if text else {}
    networks = [name for name, system in SYSTEMS.items() if system.default_epochs]
    known = {"", *networks}
    wrong = [n for n, v in found.items() if n not in known or v not in ("float32", "bfloat16")]
    if wrong:
        raise ValueError(
            f"--precision {text} was given; expected float32 or bfloat16, or some of these by "
            f"system, such as bendr=bfloat16, for {', '.join(networks)}."
        )
    return found


def _filters(embedder: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    """Filters of the embedder: as requested, or as the weights were trained."""
    given = {name: embedder.get(name, "auto") for name in FILTERS}
    return {name: trained.get(name) if v == "auto" else v for name, v in given.items()}


def _complete(arguments: argparse.Namespace) -> None:
    """Fill in defaults that depend on the dataset, and refuse impossible numbers."""
    if arguments.subjects_per_fold is None:
        arguments.subjects_per_fold = _SUBJECTS_PER_FOLD.get(arguments.dataset, 4)
    for name in ("subjects_per_fold", "seeds", "jobs"):
        if (number := getattr(arguments, name)) < 1:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} {number} was given; expected 1 or more.")


def _device(text: str) -> str:
    """Resolve the device and try it once, so that not every job fails."""
    try:
        device = resolve_device(text)
    except ValueError as error:
        raise ValueError(f"--device: {error}") from error
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--device {text} was given, but torch cannot use it "
            f"({str(error).splitlines()[0]}); take cpu or auto."
        ) from error
    return device


def choose(arguments: argparse.Namespace, systems: Sequence[str], named: bool) -> Chosen:
    """Determine the settings of a command, and which of its systems can run.

    Parameters
    ----------
    arguments : Namespace
        Options of :func:`add_common_options`; ``subjects_per_fold`` is filled in if missing.
    systems : sequence of str
    named : bool
        Whether the user named them. If so, systems that need weights raise an error without them;
        otherwise they are left out with a note.

    Returns
    -------
    Chosen

    Raises
    ------
    ValueError
        If options cannot work, before anything is computed.
    """
    _complete(arguments)
    embedder = parameters(arguments.embedder, "--embedder", BrainRVQEmbedder())
    found = _weights_of(arguments, systems, named)
    settings = Settings(
        weights=arguments.weights,
        weights_digest=found.digest,
        architecture=arguments.architecture,
        embedder=embedder,
        filters=_filters(embedder, found.filters),
        fine_tuning=parameters(arguments.fine_tuning, "--fine-tuning", BrainRVQClassifier()),
        epochs=epochs(arguments.epochs) or ({"": 2} if arguments.quick else {}),
        precision=precisions(arguments.precision),
        max_seconds=arguments.max_train_seconds,
        pretrained=arguments.pretrained,
        device=_device(arguments.device),
        frozen_rivals=arguments.frozen_rivals,
    )
    told = arguments.exposed is not None or found.seen is not None
    return Chosen(found.systems, settings, _exposed(arguments, found), told)


@dataclass(frozen=True)
class _Found:
    """Return the systems that can run, and what is known about the weights, if any."""

    systems: list[str]
    digest: str = ""
    filters: Mapping[str, Any] = field(default_factory=dict)
    seen: list[int | str] | None = None


def _weights_of(arguments: argparse.Namespace, systems: Sequence[str], named: bool) -> _Found:
    """Read the facts stated by the weights if a system needs them; return what can run."""
    needed = any(SYSTEMS[name].needs_weights() for name in systems)
    if not needed and not any(SYSTEMS[name].takes_filters() for name in systems):
        return _Found(list(systems))
    try:
        weights = resolve_weights(arguments.weights, _KINDS, "weights")
    except CheckpointError as error:
        if named and needed:
            raise ValueError(f"--weights: {error}") from error
        left = [name for name in systems if SYSTEMS[name].needs_weights()]
        if left:
            print(f"note: {', '.join(left)} left out: {error}", file=sys.stderr)
        return _Found([name for name in systems if name not in left])
    seen = _subjects_seen(weights, arguments.dataset)
    return _Found(list(systems), weights.digest, weights.info.get("filters", {}), seen)


def _exposed(arguments: argparse.Namespace, found: _Found) -> list[int | str]:
    """Subjects that the weights have seen, as stated by the user or by the weights."""
    if arguments.exposed is not None or not found.digest:
        return [*numbers(arguments.exposed, "--exposed")]
    if found.seen is None:
        print(
            "note: the weights do not say whose EEG they have seen; with --exposed these "
            "subjects are averaged separately",
            file=sys.stderr,
        )
    return found.seen or []


def _subjects_seen(weights: Weights, dataset: str) -> list[int | str] | None:
    """Subjects of a dataset whose EEG weights were pretrained on; None if not stated."""
    data, subjects = weights.info.get("data"), weights.info.get("subjects")
    if not isinstance(data, str) or subjects is None:
        return None
    if any("/" in str(subject) for subject in subjects):  # of a corpus: dataset/person
        prefix = f"{dataset}/"
        own = [str(s).removeprefix(prefix) for s in subjects if str(s).startswith(prefix)]
        return [int(person) if person.isdigit() else person for person in own]
    known = [name for name in dataset_names() if _plain(data).startswith(_plain(name))]
    if not known:  # perhaps the same dataset under another name
        return None
    return list(subjects) if dataset in known else []


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
