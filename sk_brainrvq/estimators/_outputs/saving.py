"""Fitted estimators on disk without pickle: tensors as safetensors, the rest as JSON."""

import copy
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import torch

from sk_brainrvq.estimators._outputs.earlier_versions import current_params
from sk_brainrvq.estimators._outputs.persistence import Omitted, entries_from_json, to_json
from sk_brainrvq.estimators._outputs.plain_attributes import check_attributes
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals.electrodes import ElectrodeReport
from sk_brainrvq.training import Engine
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.attached import read_attached
from sk_brainrvq.weights.checkpoint import BUNDLED_NAMES, read_checkpoint
from sk_brainrvq.weights.hub.hub_address import is_hub_address
from sk_brainrvq.weights.hub.hub_download import pinned

Estimator = TypeVar("Estimator")

# Parameters that hold weights, which are saved as tensors rather than in the JSON.
_NETWORKS = ("weights", "tokenizer")
# Parameters that do not affect how a network is trained.
_OF_ONE_MACHINE = ("device", "n_jobs", "verbose")


def save_estimator(
    estimator: Any, folder: str | Path, fitted: Iterable[str], attached: Iterable[str]
) -> Path:
    """Write a fitted estimator into a folder.

    Parameters
    ----------
    estimator : estimator
    folder : path
    fitted : iterable of str
        Attributes that are plain values; missing ones are skipped.
    attached : iterable of str
        Attributes that are weights of other networks.

    Returns
    -------
    Path
        The safetensors file.
    """
    params = estimator.get_params(deep=False)
    extra = {
        "estimator": type(estimator).__name__,
        "params": to_json({name: _savable(name, value) for name, value in params.items()}),
        "fitted": to_json({n: getattr(estimator, n) for n in fitted if hasattr(estimator, n)}),
    }
    weights = {name: getattr(estimator, name) for name in attached}
    return estimator.weights_.save(folder, extra, weights)


def _savable(parameter: str, value: Any) -> Any:
    """A parameter's value without parts that are useless elsewhere or later."""
    if parameter in _NETWORKS:
        return value if value in (None, "default") else Omitted()
    if parameter == "validation":
        return value if isinstance(value, Real) else None
    if isinstance(value, Engine):
        return Engine(**value.get_params(deep=False) | {"callbacks": None, "resume_from": None})
    return None if parameter == "checkpoint_dir" else value


def changed_parameters(estimator: Any) -> dict[str, str]:
    """Parameters of an estimator that differ from their defaults, as text for a model card.

    Data and what depends on the machine are left out, as they are not saved either.
    """
    defaults = type(estimator)().get_params(deep=False)
    texts = {}
    for name, value in estimator.get_params(deep=False).items():
        kept = _savable(name, value)
        text = repr(kept)
        if isinstance(kept, Omitted):
            digest = f", digest {value.digest}" if isinstance(value, Weights) else ""
            text = repr(known_name(value)) if known_name(value) else f"a saved network{digest}"
        if name not in _OF_ONE_MACHINE and text != repr(defaults[name]):
            texts[name] = " ".join(text.split())
    return texts


def known_name(weights: Any) -> str:
    """Public name of weights; empty for those that exist only on this machine."""
    name = weights.name if isinstance(weights, Weights) else weights
    known = isinstance(name, str) and (name in (*BUNDLED_NAMES, "official") or is_hub_address(name))
    return name if known else ""


def load_estimator(cls: type[Estimator], path: str | Path) -> tuple[Estimator, Weights]:
    """Read an estimator that :func:`save_estimator` wrote, now or in an earlier version.

    Parameters
    ----------
    cls : type
        Class of the estimator.
    path : path
        Path, or an address on the Hugging Face Hub.

    Returns
    -------
    estimator
        Estimator with parameters and fitted attributes, but without a network.
    weights : Weights
        Weights of the network.

    Raises
    ------
    CheckpointError
    """
    if is_hub_address(path):
        path = pinned(path)  # all files from one commit
    header, _ = read_checkpoint(path)
    _check_header(header, cls, path)
    weights, attached = Weights(path), read_attached(path)
    _check_networks(cls, weights, attached, path)
    given = {"weights": weights, "tokenizer": attached.get("tokenizer_weights_")}
    try:
        estimator = cls(**_params(cls, header, given))
        values = entries_from_json(header["fitted"])
        check_attributes(values, cls._plain_attributes, weights.config)  # type: ignore[attr-defined]
        for name, value in {**values, **attached}.items():
            setattr(estimator, name, value)
        _check_settings(estimator, weights)
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        raise CheckpointError(
            f"{path}, written by sk_brainrvq {header.get('sk_brainrvq_version')!s:.40}, holds no "
            f"{cls.__name__} that this version can load: {error}. Load it with the version that "
            "wrote it, or get the file again if it is damaged."
        ) from error
    estimator.electrode_report_ = ElectrodeReport(estimator.electrode_report_)  # type: ignore[attr-defined]
    return estimator, weights


def _check_header(header: dict[str, Any], cls: type, path: str | Path) -> None:
    if header.get("estimator") != cls.__name__:
        raise CheckpointError(
            f"{path} holds {header.get('estimator', 'weights without an estimator')!s:.80}, not a "
            f"{cls.__name__}. Load it with that class, or pass weights={str(path)!r} if you only "
            "need the weights."
        )
    if header.get("params") is None or header.get("fitted") is None:
        raise CheckpointError(f"{path} lacks the parameters of its {cls.__name__}.")


def _check_networks(
    cls: Any, weights: Weights, attached: dict[str, Weights], path: str | Path
) -> None:
    """Raise CheckpointError unless the networks are those that the estimator holds."""
    kinds = {name: attached[name].kind for name in attached}
    expected = dict.fromkeys(cls._attached_weights, "tokenizer")
    if weights.kind != cls._kind or kinds != expected:
        raise CheckpointError(
            f"{path} holds a network of kind {weights.kind!r} and in addition "
            f"{kinds or 'no other'}; a {cls.__name__} needs one of kind {cls._kind!r} and in "
            f"addition {expected or 'no other'}. Pass weights={str(path)!r} if you only need the "
            "weights."
        )


def _params(cls: Any, header: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Parameters as saved; weights, which are not among them, come from the file."""
    params = current_params(cls.__name__, entries_from_json(header["params"]))
    unknown = sorted(params.keys() - cls().get_params(deep=False).keys())
    if unknown:
        raise ValueError(f"it does not know the parameters {unknown}")
    for name, value in params.items():
        if name in _NETWORKS and isinstance(value, Omitted):
            params[name] = given[name]
        elif isinstance(value, Omitted) or _never_saved(name, value):
            raise ValueError(f"{name}={value!r:.80} is not a value that can be saved")
        if name in _NETWORKS and isinstance(value, Omitted) and given[name] is None:
            raise ValueError(f"the weights of {name} are not in the file")
    return params


def _never_saved(parameter: str, value: Any) -> bool:
    """Whether a parameter is never saved: a path, data, an object."""
    if isinstance(value, Engine):
        return value.callbacks is not None or value.resume_from is not None
    if parameter in _NETWORKS:
        return not (value is None or (isinstance(value, str) and value == "default"))
    if parameter == "validation":
        return not (value is None or isinstance(value, Real))
    if parameter == "device":
        return not isinstance(value, (str, torch.device))
    return parameter == "checkpoint_dir" and value is not None


def _check_settings(estimator: Any, weights: Weights) -> None:
    """Raise ValueError for parameters with which fit would have failed."""
    probe = copy.copy(estimator)
    if getattr(probe, "validation", None) is None and hasattr(probe, "early_stopping"):
        probe.early_stopping = None  # its validation data were not saved
    probe._check_settings()
    probe._filters(weights.info)
