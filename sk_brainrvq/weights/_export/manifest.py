"""JSON beside an exported network with everything that a program needs to run it."""

from typing import Any

from sk_brainrvq._version import __version__
from sk_brainrvq.nn.encoder import MAX_PATCHES, N_ELECTRODE_ROWS, PATCH_SAMPLES
from sk_brainrvq.signals import ELECTRODE_NAMES, match_electrodes
from sk_brainrvq.weights._export.traced_networks import TracedNetwork

_SFREQ = 200
_DTYPES = {"tokens": "float32", "logits": "float32", "codes": "int64"}
_MEANINGS = {
    "tokens": "The class token, then the patches of the first channel in order, of the second, ...",
    "logits": "A softmax turns them into probabilities; classes are in the order of fit.",
    "codes": "Time domain, then frequency domain; within each from coarse to fine.",
}


def manifest(weights: Any, network: TracedNetwork, facts: dict[str, Any]) -> dict[str, Any]:
    """Collect the contents of the JSON.

    Parameters
    ----------
    weights : Weights
    network : TracedNetwork
    facts : dict
        Further entries about the file itself.

    Returns
    -------
    dict
    """
    info = weights.info
    channels = "channels" if network.n_channels is None else network.n_channels
    seconds = "seconds" if network.n_patches is None else network.n_patches
    return {
        **facts,
        "sk_brainrvq": __version__,
        "weights": {"name": weights.name, "kind": weights.kind, "digest": weights.digest},
        "inputs": {
            "x": {"shape": ["batch", channels, seconds, PATCH_SAMPLES], "dtype": "float32"},
            "electrodes": {"shape": [channels, N_ELECTRODE_ROWS], "dtype": "float32"},
        },
        "output": {
            "name": network.output,
            "shape": list(network.shape),
            "dtype": _DTYPES[network.output],
            "meaning": _MEANINGS[network.output],
        },
        "before": {
            "sfreq": _SFREQ,
            "unit": "100 microvolts",
            "multiply_microvolts_by": 0.01,
            "filters": _filters(info.get("filters", {})),
            "patch_samples": PATCH_SAMPLES,
            "fewest_seconds": network.n_patches or network.fewest_patches,
            "most_seconds": network.n_patches or MAX_PATCHES,
            "order": "Filter and reference at the rate of the recording, resample, scale, cut.",
        },
        "electrodes": {
            "about": "Row of `electrodes` for a channel: these weights in these columns, 0 in the "
            "others. Names are in capitals. A bipolar pair that is not listed is the mean of both "
            "rows.",
            "columns": _electrode_columns(info),
        },
        "trained_channels": info.get("ch_names"),
    }


def _filters(trained: dict[str, Any]) -> dict[str, Any]:
    """Return pass band and mains frequency in Hz, and the reference; None means not applied."""
    return {name: trained.get(name) for name in ("l_freq", "h_freq", "notch", "reference")}


def _electrode_columns(info: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return columns and weights of the row of each electrode in the table."""
    names = list(dict.fromkeys(ELECTRODE_NAMES))
    columns = {}
    for name in names:
        (match,) = match_electrodes(
            [name], 1, info.get("trained_rows"), info.get("official", False)
        )
        pairs = zip(match.rows, match.weights, strict=True)
        columns[name] = {str(row): round(float(weight), 6) for row, weight in pairs}
    return columns
