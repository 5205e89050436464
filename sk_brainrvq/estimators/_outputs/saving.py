"""Fitted estimators on disk: tensors as safetensors, all else as JSON, no pickle."""

from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

from sk_brainrvq.estimators._outputs.earlier_versions import current_params
from sk_brainrvq.estimators._outputs.persistence import Omitted, from_json, to_json
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.signals.electrodes import ElectrodeReport
from sk_brainrvq.training import Engine
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.checkpoint import read_checkpoint
from sk_brainrvq.weights.weights import read_attached

Estimator = TypeVar("Estimator")


def save_estimator(
    estimator: Any, folder: str | Path, fitted: Iterable[str], attached: Iterable[str]
) -> Path:
    """Write a fitted estimator into a folder.

    Parameters
    ----------
    estimator : estimator
    folder : path
    fitted : iterable of str
        Attributes that are plain values; those that are not there are left out.
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
    """A parameter's value, without what another machine or another day has no use for."""
    if parameter in ("weights", "tokenizer"):  # not in the JSON, but beside it
        return value if value in (None, "default") else Omitted()
    if parameter == "validation":
        return value if isinstance(value, Real) else None
    if isinstance(value, Engine):
        return Engine(**value.get_params(deep=False) | {"callbacks": None, "resume_from": None})
    return None if parameter == "checkpoint_dir" else value


def load_estimator(cls: type[Estimator], path: str | Path) -> tuple[Estimator, Weights]:
    """Read an estimator that :func:`save_estimator` wrote, now or in an earlier version.

    Parameters
    ----------
    cls : type
        Its class.
    path : path

    Returns
    -------
    estimator
        With its parameters and fitted attributes, but without its network.
    weights : Weights
        Of its network.

    Raises
    ------
    CheckpointError
    """
    header, _ = read_checkpoint(path)
    _check_header(header, cls, path)
    weights, attached = Weights(path), read_attached(path)
    loaded = {"weights": weights, "tokenizer": attached.get("tokenizer_weights_")}
    params = current_params(cls.__name__, from_json(header["params"]))
    unknown = sorted(params.keys() - cls().get_params(deep=False).keys())  # type: ignore[attr-defined]
    if unknown:
        raise CheckpointError(
            f"{path} was written by sk_brainrvq {header.get('sk_brainrvq_version')} with "
            f"parameters of {cls.__name__} that this version does not know: {unknown}."
        )
    estimator = cls(**{k: loaded[k] if isinstance(v, Omitted) else v for k, v in params.items()})
    for name, value in {**from_json(header["fitted"]), **attached}.items():
        setattr(estimator, name, value)
    estimator.electrode_report_ = ElectrodeReport(estimator.electrode_report_)  # type: ignore[attr-defined]
    return estimator, weights


def _check_header(header: dict[str, Any], cls: type, path: str | Path) -> None:
    if header.get("estimator") != cls.__name__:
        raise CheckpointError(
            f"{path} holds {header.get('estimator', 'weights without an estimator')}, not a "
            f"{cls.__name__}. Load it with that class, or pass weights={str(path)!r} where "
            "only the weights are needed."
        )
    if header.get("params") is None or header.get("fitted") is None:
        raise CheckpointError(f"{path} lacks the parameters of its {cls.__name__}.")
