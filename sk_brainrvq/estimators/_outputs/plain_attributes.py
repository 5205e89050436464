"""Checks of the plain attributes of a fitted estimator that come from an untrusted file."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from sk_brainrvq.nn.encoder import N_ELECTRODE_ROWS

# Kinds of numpy types for labels and for numbers.
_LABELS, _NUMBERS = "biufUSOMm", "biuf"
_REPORT = ("channel", "how", "electrodes", "rows", "weights", "note")
# Attributes that are required in every estimator that has them.
_NEEDED = frozenset(
    [
        "n_features_in_",
        "n_channels_in_",
        "ch_names_in_",
        "_takes_2d",
        "_fitted_on_array",
        "electrode_report_",
        "classes_",
        "n_targets_",
        "target_mean_",
        "target_scale_",
        "_takes_1d_targets",
    ]
)


def check_attributes(
    values: Mapping[str, Any], known: Collection[str], config: Mapping[str, Any]
) -> None:
    """Raise ValueError unless values are possible in a fitted estimator.

    Parameters
    ----------
    values : mapping of str to object
        Attributes from a file.
    known : collection of str
        Attributes that the estimator has.
    config : mapping
        Configuration of the network.
    """
    strange = sorted(values.keys() - set(known))
    if strange:
        raise ValueError(f"it has no fitted attributes {strange!r:.200}")
    absent = sorted(_NEEDED & set(known) - values.keys())
    if absent:
        raise ValueError(f"the fitted attributes {absent} are missing")
    for name, value in values.items():
        if not _CHECKS[name](value):
            raise ValueError(f"{name}={value!r:.80} is not a value that fit sets")
    _check_sizes(values, config.get("n_outputs"))


def _check_sizes(values: Mapping[str, Any], n_outputs: int | None) -> None:
    """Raise ValueError if attributes contradict each other or the network."""
    n_channels, names = values["n_channels_in_"], values["ch_names_in_"]
    sizes = {
        "ch_names_in_": (n_channels if names is None else len(names), n_channels),
        **{
            name: (len(values[name]), n_outputs)
            for name in ("classes_", "target_mean_", "target_scale_")
            if name in values
        },
        "n_targets_": (values.get("n_targets_", n_outputs), n_outputs),
    }
    for name, (found, expected) in sizes.items():
        if found != expected:
            raise ValueError(f"{name} has size {found}; expected {expected}")


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _is_size(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_names(value: Any) -> bool:
    return value is None or (
        isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)
    )


def _is_array(kinds: str, n_dimensions: int) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        array = isinstance(value, np.ndarray) and value.ndim == n_dimensions
        return array and value.dtype.kind in kinds

    return check


def _is_feature_names(value: Any) -> bool:
    return _is_array("OU", 1)(value) and all(isinstance(name, str) for name in value)


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and all(isinstance(key, str) for key in row) for row in value
    )


def _is_report(value: Any) -> bool:
    return _is_rows(value) and all(
        row.keys() == set(_REPORT)
        and all(isinstance(row[name], str) for name in ("channel", "how", "note"))
        and _is_mixture(row["electrodes"], row["rows"], row["weights"])
        and (row["how"] == "left out") == (len(row["rows"]) == 0)
        for row in value
    )


def _is_mixture(electrodes: Any, rows: Any, weights: Any) -> bool:
    parts = (electrodes, rows, weights)
    if not all(isinstance(part, (list, tuple)) and len(part) == len(rows) for part in parts):
        return False
    return (
        all(isinstance(name, str) for name in electrodes)
        and all(_is_count(row) and row < N_ELECTRODE_ROWS for row in rows)
        and all(isinstance(weight, (int, float)) for weight in weights)
    )


def _is_places(value: Any) -> bool:
    place = _is_array(_NUMBERS, 1)
    return value is None or (
        isinstance(value, dict)
        and all(isinstance(name, str) and place(at) and len(at) == 3 for name, at in value.items())
    )


def _is_named_arrays(n_dimensions: int) -> Callable[[Any], bool]:
    is_own = _is_array("f", n_dimensions)

    def check(value: Any) -> bool:
        return isinstance(value, dict) and all(
            isinstance(person, (str, int)) and is_own(own) for person, own in value.items()
        )

    return check


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "n_features_in_": _is_size,
    "n_channels_in_": _is_size,
    "ch_names_in_": _is_names,
    "feature_names_in_": _is_feature_names,
    "_takes_2d": _is_flag,
    "_fitted_on_array": _is_flag,
    "electrode_report_": _is_report,
    "history_": _is_rows,
    "best_epoch_": _is_size,
    "n_trained_parameters_": _is_count,
    "_n_passes": _is_count,
    "codebook_usage_": _is_array(_NUMBERS, 2),
    "perplexity_": _is_array(_NUMBERS, 2),
    "_positions_in": _is_places,
    "classes_": _is_array(_LABELS, 1),
    "n_targets_": _is_size,
    "target_mean_": _is_array(_NUMBERS, 1),
    "target_scale_": _is_array(_NUMBERS, 1),
    "_takes_1d_targets": _is_flag,
    "center_": _is_array("f", 1),
    "subject_centers_": _is_named_arrays(1),
    "_calibrated": _is_flag,
    "covariance_": _is_array("f", 2),
    "covariance_channels_": _is_names,
    "subject_covariances_": _is_named_arrays(2),
}
