"""The rows of the table, by name."""

from table.features import FROZEN_RIVALS
from table.linear import LargestResponse, Linear, MiniRocket, Tangent
from table.networks import BrainRVQSystem, RivalSystem
from table.rivals import RIVALS
from table.system import System


def _all_systems() -> dict[str, System]:
    systems: list[System] = [
        Linear("bands7", "7-band log power, LR", "baseline", inputs=("bands7",)),
        Linear("bands5", "5-band log power, LR", "baseline", inputs=("bands5",)),
        Linear("bands7-c", "7-band log power, LR, C chosen", "baseline", False, ("bands7",), True),
        Linear("bands5-c", "5-band log power, LR, C chosen", "baseline", False, ("bands5",), True),
        Tangent("tangent", "tangent space, LR", "baseline", inputs=("covariances",)),
        Linear(
            "summaries",
            "spectra by region and log-covariance, no network, LR",
            "baseline",
            inputs=("summaries",),
        ),
        Linear(
            "covariance+bands",
            "log-covariance and 7-band log power, no network, LR",
            "baseline",
            inputs=("log-covariance", "bands7"),
        ),
        *(RivalSystem(name, rival.label, "rival", True) for name, rival in RIVALS.items()),
        Linear("random", "random encoder, frozen, LR", "brainrvq", True, ("random",)),
        BrainRVQSystem(
            "scratch", "BrainRVQ, from scratch, mean head", "brainrvq", True, pretrained=False
        ),
        BrainRVQSystem(
            "scratch-embedding",
            "BrainRVQ, from scratch, embedding head",
            "brainrvq",
            True,
            pretrained=False,
            head="embedding",
        ),
        Linear("frozen", "BrainRVQ, pretrained, frozen, LR", "brainrvq", inputs=("embedding",)),
        Linear(
            "frozen+bands",
            "BrainRVQ, frozen, and 7-band log power, LR",
            "brainrvq",
            inputs=("embedding", "bands7"),
        ),
        BrainRVQSystem(
            "fine-tuned", "BrainRVQ, pretrained, fine-tuned, mean head", "brainrvq", True
        ),
        BrainRVQSystem(
            "fine-tuned-embedding",
            "BrainRVQ, pretrained, fine-tuned, embedding head",
            "brainrvq",
            True,
            head="embedding",
        ),
        MiniRocket("minirocket", "MiniRocket, LR", "baseline", inputs=("signals",)),
        Linear("bins", "log power in 1-Hz bins, LR", "baseline", inputs=("bins",)),
        Linear(
            "log-covariance",
            "log-covariance, no network, LR",
            "baseline",
            inputs=("log-covariance",),
        ),
        Linear("onset", "time of the window only, no EEG, LR", "baseline", inputs=("onset",)),
        Linear(
            "stimulus-power",
            "power at 13, 17, 21 Hz and second harmonics, LR",
            "baseline",
            inputs=("stimulus-power",),
        ),
        LargestResponse(
            "argmax", "largest power at 13, 17, 21 Hz", "baseline", inputs=("stimulus-response",)
        ),
        LargestResponse("cca", "CCA, largest correlation", "baseline", inputs=("cca",)),
        *(
            Linear(name, f"{label}, frozen, LR", "rival", inputs=(name,))
            for name, label in FROZEN_RIVALS.items()
        ),
        Linear("tokens", "BrainRVQ, tokens only, LR", "brainrvq", inputs=("tokens",)),
        Linear(
            "random-tokens", "random encoder, tokens only, LR", "brainrvq", True, ("random-tokens",)
        ),
        Linear(
            "tokens+bands",
            "BrainRVQ, tokens only, and 7-band log power, LR",
            "brainrvq",
            inputs=("tokens", "bands7"),
        ),
    ]
    return {system.name: system for system in systems}


SYSTEMS = _all_systems()
# The mean head of CBraMod is a second try at one rival; the others belong to the project's splits.
_NOT_BY_DEFAULT = {
    *("cbramod-mean", "minirocket", "bins", "log-covariance", "onset", "stimulus-power", "argmax"),
    *("cca", "tokens", "random-tokens", "tokens+bands", *FROZEN_RIVALS),
}
DEFAULT_SYSTEMS = tuple(name for name in SYSTEMS if name not in _NOT_BY_DEFAULT)
_SIMPLE = ("bands7", "bins", "log-covariance", "tangent")
_OURS = ("random", "random-tokens", "tokens", "frozen", "tokens+bands", "frozen+bands")
# Of the project's own splits: fitted in seconds.
PROJECT_SYSTEMS = {
    "eegmat": (*_SIMPLE, *FROZEN_RIVALS, *_OURS),
    "guinea-bissau": ("onset", *_SIMPLE, *_OURS),
    "ssvep": ("onset", *_SIMPLE, "stimulus-power", "argmax", "cca", *_OURS),
}
BAND_POWER = tuple(name for name in SYSTEMS if name.startswith("bands"))


def systems_named(text: str) -> list[str]:
    """Names of systems in a comma-separated list.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        For an unknown one.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown or not names:
        raise ValueError(f"--systems {unknown or text!r} is unknown; choose from {[*SYSTEMS]}.")
    return names
