"""Check what the header of a checkpoint says about a network and its training."""

import math
from collections.abc import Mapping
from typing import Any

from sk_brainrvq.exceptions import CheckpointError, InvalidEEGError
from sk_brainrvq.nn.encoder import MAX_PATCHES, N_ELECTRODE_ROWS
from sk_brainrvq.signals.filters.settings import FilterSettings
from sk_brainrvq.weights.modules import KINDS

_FILTERS = ("l_freq", "h_freq", "notch", "reference")


def described(header: Mapping[str, Any], source: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return kind, configuration and info of a network, as stated in a header.

    ``check_network`` checks the configuration.

    Parameters
    ----------
    header : mapping
    source : str
        File that it comes from, for messages.

    Returns
    -------
    kind : {"tokenizer", "pretraining", "classifier", "encoder"}
    config, info : dict

    Raises
    ------
    CheckpointError
        If one is missing, if the kind is unknown, or if the info has impossible values.
    """
    kind = header.get("kind", "no network")
    if not isinstance(kind, str) or kind not in KINDS:
        raise CheckpointError(
            f"{source} holds {kind!r:.80}; expected a network of kind {', '.join(KINDS)}."
        )
    absent = [key for key in ("config", "info") if not isinstance(header.get(key), dict)]
    if absent:
        raise CheckpointError(f"{source} lacks {' and '.join(absent)} in its header.")
    wrong = _wrong_info(header["info"])
    if wrong:
        raise CheckpointError(
            f"{source} has a header that says {', '.join(wrong)} about the training of its "
            "network. The file is damaged or not a checkpoint of sk_brainrvq; get it again."
        )
    return kind, header["config"], header["info"]


def _wrong_info(info: Mapping[str, Any]) -> list[str]:
    checks = {
        "ch_names": _is_names,
        "trained_rows": _is_rows,
        "trained_patches": lambda value: _is_whole(value, 1, MAX_PATCHES),
        "sfreq": _is_rate,
        "official": lambda value: isinstance(value, bool),
        "filters": _is_filters,
    }
    return [
        f"{name}={info[name]!r:.80}"
        for name, is_right in checks.items()
        if info.get(name) is not None and not is_right(info[name])
    ]


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_rows(value: Any) -> bool:
    rows = value if isinstance(value, list) else []
    return bool(rows) and all(_is_whole(row, 0, N_ELECTRODE_ROWS - 1) for row in rows)


def _is_rate(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 < value < 1e9 and math.isfinite(value)


def _is_filters(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    try:
        FilterSettings.checked(**{name: value.get(name) for name in _FILTERS})
    except (InvalidEEGError, TypeError, ValueError, OverflowError):
        return False
    return True
