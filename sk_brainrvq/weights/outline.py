"""Outlines of networks: names, shapes and types of their tensors, without allocating memory.

A file states how large its network is. Its tensors are compared with that before anything of that
size is allocated.
"""

import inspect
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import torch
from torch import Tensor, nn

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.nn import DualDomainTokenizer, EEGEncoder, EncoderClassifier, MaskedCodeModel
from sk_brainrvq.weights.modules import WithoutValues, build_module, check_names_and_shapes

_SETTINGS = {
    "tokenizer": DualDomainTokenizer,
    "pretraining": MaskedCodeModel,
    "classifier": EncoderClassifier,
}
# Numbers of layers, each of which has its own tensors.
_COUNTS = ("depth", "decoder_depth", "n_quantizers")
_SHARES = ("decay", "drop_path", "dropout", "quantizer_dropout")
_LARGEST = 2**31


def check_network(
    kind: str, config: dict[str, Any], state: Mapping[str, Tensor], source: str
) -> None:
    """Raise CheckpointError unless the tensors match the network that a file describes.

    Parameters
    ----------
    kind : {"tokenizer", "pretraining", "classifier", "encoder"}
    config : dict
        Configuration in the file; see ``build_module`` for what is expected.
    state : mapping of str to Tensor
    source : str
        Name of the file, for messages.
    """
    wrong = _wrong_settings(kind, config, len(state))
    if wrong:
        raise CheckpointError(
            f"{source} has a configuration that builds no network of kind {kind!r}: "
            f"{'; '.join(wrong)}. The file is damaged or not a checkpoint of sk_brainrvq; get it "
            "again."
        )
    try:
        module = _outline(kind, config)
    except Exception as error:  # odd settings may make a constructor raise anything
        raise CheckpointError(
            f"{source} has a configuration that builds no network of kind {kind!r}: {error} "
            f"({config!s:.500})"
        ) from error
    expected = module.state_dict()
    check_names_and_shapes(type(module).__name__, expected, state, source)
    _check_types(expected, state, source)
    broken = [name for name, tensor in state.items() if not _has_numbers(tensor)]
    if broken:
        raise CheckpointError(
            f"{source} has NaN or infinity in {', '.join(broken[:5])}. The file is damaged, or its "
            "training diverged: get it again, or train again."
        )


def _check_types(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], source: str) -> None:
    odd = [
        f"{name}: {state[name].dtype} instead of {tensor.dtype}"
        for name, tensor in expected.items()
        if not _fits(state[name].dtype, tensor.dtype)
    ]
    if odd:
        raise CheckpointError("\n".join([f"{source} has tensors of the wrong type.", *odd]))


def _fits(given: torch.dtype, wanted: torch.dtype) -> bool:
    floats = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    return given == wanted or (wanted == torch.float32 and given in floats)


def _has_numbers(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinity; minus infinity is allowed as the logarithm of zero."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return bool(tensor.detach().amax() < torch.inf)


def _outline(kind: str, config: dict[str, Any]) -> nn.Module:
    with torch.device("meta"), WithoutValues():
        return build_module(kind, config)


def _wrong_settings(kind: str, config: dict[str, Any], n_tensors: int) -> list[str]:
    """Say which settings cannot build a network of a kind."""
    if kind == "tokenizer":
        return _wrong_arguments(DualDomainTokenizer, config, n_tensors)
    rest = dict(config)
    encoder = rest.pop("encoder", None)
    if not isinstance(encoder, dict):
        return [f"encoder is {encoder!r:.200}; expected a JSON object"]
    wrong = _wrong_arguments(EEGEncoder, encoder, n_tensors)
    if kind in _SETTINGS:
        return wrong + _wrong_arguments(_SETTINGS[kind], rest, n_tensors)
    return wrong + [f"{name} is not known" for name in rest]


def _wrong_arguments(cls: type, given: dict[str, Any], n_tensors: int) -> list[str]:
    parameters = dict(inspect.signature(cls).parameters)
    parameters.pop("encoder", None)
    wrong = [f"{name!r:.80} is not known" for name in given if name not in parameters]
    for name, parameter in parameters.items():
        if name not in given:
            if parameter.default is parameter.empty:
                wrong.append(f"{name} is missing")
            continue
        value = given[name]
        if not _matches(value, parameter.annotation):
            wrong.append(f"{name} is {value!r:.80}; expected {_type_name(parameter.annotation)}")
        elif name in _COUNTS and not 1 <= value <= n_tensors:
            wrong.append(f"{name} is {value}, for {n_tensors} tensors")
        elif name in _SHARES and not 0 <= value <= 1:
            wrong.append(f"{name} is {value}; expected a number from 0 to 1")
    return wrong


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)


def _matches(value: Any, hint: Any) -> bool:
    """Whether a value read from JSON matches the annotation of a constructor."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_matches(value, choice) for choice in get_args(hint))
    if origin is Sequence:
        return isinstance(value, list) and all(_matches(v, get_args(hint)[0]) for v in value)
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    if hint is int:
        return isinstance(value, int) and abs(value) < _LARGEST
    if hint is float:
        return isinstance(value, (int, float)) and abs(value) < _LARGEST and math.isfinite(value)
    return value is None if hint in (None, type(None)) else isinstance(value, hint)
