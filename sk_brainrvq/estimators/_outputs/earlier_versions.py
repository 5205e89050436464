"""Parameters of estimators saved by earlier versions, under their present names."""

from collections.abc import Iterable
from typing import Any

from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import Engine
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Architecture

_FILTERS = ("l_freq", "h_freq", "notch", "reference")
_SIZES = (
    "embed_dim",
    "depth",
    "decoder_depth",
    "codebook_size",
    "codebook_dim",
    "n_quantizers",
    "quantizer_mode",
    "targets",
    "spectral_embedding",
)
_ENGINE = ("steps_per_epoch", "callbacks", "resume_from")
_READING = ("electrode_map", "on_error")
_FINE_TUNED = ("BrainRVQClassifier", "BrainRVQRegressor")
# Parameters of the pretrainer's transform, which now has the embedder's defaults.
_POOLING = {"pooling": "mean", "layer": None, "spectrum": "region", "covariance": "bands"}


def current_params(estimator: str, params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a saved estimator under their present names.

    Earlier versions had a separate parameter for each option of filters, architecture and reading.

    Parameters
    ----------
    estimator : str
        Name of the estimator's class.
    params : dict
        Parameters as saved; names of this version are not changed.

    Returns
    -------
    dict

    Warns
    -----
    UserWarning
        If a pretrainer's transform pooled differently from now.
    """
    params = dict(params)
    if "filters" not in params and params.keys() & set(_FILTERS):
        params["filters"] = _filters(_taken(params, _FILTERS))
        sizes = {k: v for k, v in _taken(params, _SIZES).items() if v is not None}
        params["architecture"] = _architecture(params, sizes)
        engine = {k: v for k, v in _taken(params, _ENGINE).items() if v is not None}
        if engine:
            given = params.get("engine") or Engine()
            if not isinstance(given, Engine):
                raise ValueError(f"engine={given!r:.80} is not an Engine")
            params["engine"] = Engine(**given.get_params(deep=False) | engine)
        reading = Reading(**_taken(params, _READING))
        usual = reading.electrode_map is None and reading.on_error == "raise"
        params["reading"] = None if usual else reading
    if estimator in _FINE_TUNED:
        params.pop("dropout", None)  # of the flattened head, whose network knows it
    if estimator == "BrainRVQPretrainer":
        _drop_pooling(params)
    return params


def _taken(params: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: params.pop(name) for name in names if name in params}


def _filters(values: dict[str, Any]) -> Any:
    filters = Filters(**values)
    if not filters.chosen():
        return "auto"
    off = all(value is None for value in filters.get_params(deep=False).values())
    return None if off else filters


def _architecture(params: dict[str, Any], sizes: dict[str, Any]) -> Any:
    """Architecture of an earlier version, which ignored a name if weights were given."""
    preset = params.get("architecture")
    if params.get("weights") is not None:
        preset = None
    return Architecture(preset, **sizes) if sizes else preset


def _drop_pooling(params: dict[str, Any]) -> None:
    pooling = _taken(params, _POOLING)
    others = {name: value for name, value in pooling.items() if value != _POOLING[name]}
    if others:
        given = ", ".join(f"{name}={value!r}" for name, value in others.items())
        warn(
            f"This pretrainer was saved with {given}, which BrainRVQPretrainer no longer has. Its "
            f"features are those of BrainRVQEmbedder(weights=pretrainer.weights_, {given}).",
            UserWarning,
        )
