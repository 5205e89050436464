"""Read checkpoints of the published research code."""

import argparse
import logging
import re
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.modules import build_filled
from sk_brainrvq.weights.outline import check_network

logger = logging.getLogger(__name__)

_HEAD_WIDTH = 20
_STATE_KEYS = ("model", "state_dict", "module")
_WRAPPER_PREFIXES = ("_orig_mod.", "module.")
_DOMAINS = {"t": 0, "f": 1}


def load_official(source: str | Path | Mapping[str, Any]) -> nn.Module:
    """Load a checkpoint of the published code as a module.

    Parameters
    ----------
    source : path or mapping
        A ``.pth`` file (read with ``weights_only=True``; the only other class allowed is
        ``argparse.Namespace``), the dictionary in it, or a state dict.

    Returns
    -------
    DualDomainTokenizer, MaskedCodeModel or EncoderClassifier
        The module in eval mode, with sizes inferred from the tensors and the published settings:
        quantizer mode "official", published targets and class-token position, level weights
        1, 1/2, 1/4, no dropout. Its attribute ``ignored_tensors`` lists the tensors of the
        checkpoint that were never trained and were left out.

    Raises
    ------
    CheckpointError
        If the file cannot be read, if the checkpoint is of an unknown kind, or if tensors are
        missing, surplus or misshapen.

    Notes
    -----
    Source: the research code published with the BrainRVQ paper (2026).

    Examples
    --------
    >>> from sk_brainrvq.weights import load_official
    >>> load_official({"weight": None})
    Traceback (most recent call last):
        ...
    sk_brainrvq.exceptions.CheckpointError: A state dict of the published code ...
    """
    kind, config, state, ignored = convert_official(source)
    check_network(kind, config, state, "The published checkpoint")
    module = build_filled(kind, config, state, "The published checkpoint")
    module.ignored_tensors = ignored
    if ignored:
        logger.info("Left out because never trained: %s", ", ".join(ignored))
    return module


def convert_official(
    source: str | Path | Mapping[str, Any],
) -> tuple[str, dict[str, Any], dict[str, Tensor], list[str]]:
    """Return kind, configuration, renamed state and ignored tensors of a published checkpoint."""
    state = _unwrap(_read(source) if isinstance(source, (str, Path)) else source)
    rename: Callable[[str], str | None]
    if "encode_task_layer.0.weight" in state:
        kind, rename, config = "tokenizer", _rename_tokenizer, _tokenizer_config
    elif "student.mask_token" in state:
        kind, config = "pretraining", _pretraining_config
        rename = partial(_rename_pretraining, n_levels=_n_levels(state, "lm_heads_t"))
    elif "cls_token" in state and "head.weight" in state:
        kind, rename, config = "classifier", _rename_classifier, _classifier_config
    else:
        names = ", ".join(list(state)[:5]) or "nothing"
        raise CheckpointError(
            "A state dict of the published code was expected: a tokenizer (with "
            "encode_task_layer.*), a pretraining network (student.*) or a classifier "
            f"(cls_token, head.*). Found: {names}."
        )
    _check_tensors(state)
    renamed, ignored = {}, []
    try:
        for name, tensor in state.items():
            new_name = rename(name)
            if new_name is None:
                ignored.append(name)
            else:
                renamed[new_name] = _reshape(new_name, tensor)
        if kind == "tokenizer":
            _complete_codebooks(renamed)
        return kind, config(state), renamed, ignored
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"The published checkpoint, a {kind} network, lacks {error.args[0]!r}, without which "
            "its sizes are unknown."
        ) from error
    except CheckpointError:
        raise
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise CheckpointError(
            f"The published checkpoint, a {kind} network, has tensors of impossible shapes, so its "
            f"sizes cannot be determined: {error}."
        ) from error


def _check_tensors(state: Mapping[str, Any]) -> None:
    """Raise CheckpointError if an entry is not a tensor, or claims more values than it holds."""
    for name, tensor in state.items():
        plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided
        if not plain or tensor.is_meta or tensor.is_quantized:
            kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise CheckpointError(
                f"The checkpoint has {name[:80]!r}, which is a {kind}; expected a plain tensor."
            )
        if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            raise CheckpointError(
                f"The checkpoint has {name[:80]!r} of shape {tuple(tensor.shape)}, but with fewer "
                "values than that."
            )


def _read(path: str | Path) -> Mapping[str, Any]:
    if not Path(path).is_file():
        raise CheckpointError(f"{path} is not a file; expected a .pth file of the published code.")
    _check_archive(Path(path))
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} cannot be read as a published checkpoint (truncated, of another kind, or "
            f"holding objects other than tensors and argparse.Namespace): {error}"
        ) from error


def _check_archive(path: Path) -> None:
    """Raise CheckpointError if an archive unpacks to far more than its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # the older format, or not a checkpoint
    if size > 2 * path.stat().st_size + 2**20:
        raise CheckpointError(
            f"{path} unpacks to {size} bytes, far more than its {path.stat().st_size}: PyTorch "
            "does not write such files. Get it again from where it was published."
        )


def _unwrap(checkpoint: Any) -> dict[str, Tensor]:
    if not isinstance(checkpoint, Mapping):
        raise CheckpointError(
            f"The checkpoint holds a {type(checkpoint).__name__}; expected a dictionary."
        )
    for key in _STATE_KEYS:
        if isinstance(checkpoint.get(key), Mapping):
            checkpoint = checkpoint[key]
            break
    state = {}
    for name, tensor in checkpoint.items():
        if not isinstance(name, str):
            raise CheckpointError(f"The checkpoint has the key {name!r}; expected tensor names.")
        while name.startswith(_WRAPPER_PREFIXES):
            name = name.split(".", 1)[1]
        state[name] = tensor
    return state


def _reshape(name: str, tensor: Tensor) -> Tensor:
    if re.fullmatch(r"decoders\.\d\.proj\.weight", name) and tensor.ndim == 4:
        return tensor[..., 0, 0]  # 1 x 1 convolution
    if name == "mask_token":
        return tensor.reshape(1, 1, 1, -1)
    if name.endswith(".initialized"):
        return tensor.reshape(()).bool()
    return tensor


def _rename_tokenizer(name: str) -> str | None:
    if match := re.fullmatch(r"quantize_([tf])\.layers\.(\d+)\.(.+)", name):
        buffers = {
            "cluster_size": "counts",
            "embedding.weight": "weight",
            "embedding.initted": "initialized",
        }
        buffer = buffers.get(match[3])
        if buffer is None and match[3] not in ("embedding.cluster_size", "embedding.embed_avg"):
            return name
        domain = _DOMAINS[match[1]]
        return buffer and f"quantizers.{domain}.levels.{match[2]}.{buffer}"
    name = re.sub(r"^decoder_([tf])\.", lambda m: f"decoders.{_DOMAINS[m[1]]}.", name)
    name = re.sub(r"^(decoders\.\d)\.patch_embed\.proj", r"\1.proj", name)
    for old, new in (
        ("encode_task_layer.", "to_latent."),
        ("decode_task_layer_time.", "waveform_head."),
        ("decode_task_layer_amp.", "amplitude_head."),
        ("decode_task_layer_angle.", "phase_head."),
    ):
        name = name.replace(old, new)
    return name.replace(".fc_norm.", ".norm.")


def _rename_pretraining(name: str, n_levels: int) -> str | None:
    if name == "student.mask_token":
        return "mask_token"
    if name.startswith("student.lm_head."):
        return None
    if match := re.fullmatch(r"(token_embed|lm_heads|fusion_norm)_([tf])\.(\d+)\.(.+)", name):
        part, domain, level = match[1], _DOMAINS[match[2]], int(match[3])
        if part == "token_embed" and level == n_levels - 1:
            return None
        new = {"token_embed": "code_embed", "lm_heads": "heads", "fusion_norm": "norms"}[part]
        return f"domains.{domain}.{new}.{level - (part == 'fusion_norm')}.{match[4]}"
    return re.sub(r"^student\.", "encoder.", name)


def _rename_classifier(name: str) -> str | None:
    if name.startswith("head."):
        return name
    return "encoder." + re.sub(r"^fc_norm\.", "norm.", name)


def _complete_codebooks(state: dict[str, Tensor]) -> None:
    # The published code stores no sums, but they follow from codewords and counts.
    for name in [n for n in state if re.fullmatch(r"quantizers\.\d\.levels\.\d+\.weight", n)]:
        level = name.removesuffix(".weight")
        if f"{level}.counts" in state:
            state[f"{level}.sums"] = state[name] * state[f"{level}.counts"][:, None]


def _n_levels(state: Mapping[str, Tensor], prefix: str) -> int:
    return len({name.split(".")[1] for name in state if name.startswith(f"{prefix}.")})


def _depth(state: Mapping[str, Tensor], prefix: str) -> int:
    pattern = re.compile(re.escape(prefix) + r"blocks\.(\d+)\.")
    return 1 + max((int(m[1]) for name in state if (m := pattern.match(name))), default=-1)


def _encoder_config(state: Mapping[str, Tensor], prefix: str, position: str) -> dict[str, Any]:
    first = f"{prefix}blocks.0."
    embed_dim = state[f"{prefix}cls_token"].shape[-1]
    if embed_dim % _HEAD_WIDTH:
        raise CheckpointError(
            f"The width {embed_dim} is not a multiple of {_HEAD_WIDTH}, the width of a head."
        )
    gamma = state.get(f"{first}gamma_1")
    return {
        "embed_dim": embed_dim,
        "depth": _depth(state, prefix),
        "mlp_ratio": state[f"{first}mlp.fc1.weight"].shape[0] / embed_dim,
        "qkv_bias": f"{first}attn.q_bias" in state,
        "qk_norm": f"{first}attn.q_norm.weight" in state,
        "layer_scale": None if gamma is None else 0.1,
        "class_position": position,
    }


def _tokenizer_config(state: Mapping[str, Tensor]) -> dict[str, Any]:
    n_levels = len({n.split(".")[2] for n in state if n.startswith("quantize_t.layers.")})
    codebooks = [state[f"quantize_t.layers.{i}.embedding.weight"] for i in range(n_levels)]
    return {
        "embed_dim": state["encoder.cls_token"].shape[-1],
        "depth": _depth(state, "encoder."),
        "decoder_depth": _depth(state, "decoder_t."),
        "codebook_size": [len(codebook) for codebook in codebooks],
        "codebook_dim": codebooks[0].shape[-1],
        "n_quantizers": n_levels,
        "quantizer_mode": "official",
        "quantizer_dropout": 0.0,
        "targets": "published",
        "spectral_embedding": False,
        "class_position": "zero",
    }


def _pretraining_config(state: Mapping[str, Tensor]) -> dict[str, Any]:
    n_levels = _n_levels(state, "lm_heads_t")
    return {
        "encoder": _encoder_config(state, "student.", "first_channel"),
        "codebook_size": len(state["lm_heads_t.0.weight"]),
        "n_quantizers": n_levels,
        "level_weights": [0.5**level for level in range(n_levels)],
    }


def _classifier_config(state: Mapping[str, Tensor]) -> dict[str, Any]:
    return {
        "encoder": _encoder_config(state, "", "zero"),
        "n_outputs": len(state["head.weight"]),
    }
