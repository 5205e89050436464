"""The rows of the table, by name."""

from dataclasses import replace
from typing import Any

from table.features import FROZEN_RIVALS
from table.linear import LargestResponse, Linear, MiniRocket, Tangent, TunedThreshold
from table.networks import BrainRVQSystem, RivalSystem
from table.rivals import RIVALS
from table.system import System


def _linear(family: str, name: str, label: str, *inputs: str, **settings: bool) -> Linear:
    """Logistic regression on concatenated features."""
    return Linear(name, f"{label}, LR", family, inputs=inputs, **settings)


_BAND_POWER = (
    _linear("baseline", "bands7", "7-band log power", "bands7"),
    _linear("baseline", "bands5", "5-band log power", "bands5"),
    Linear("bands7-c", "7-band log power, LR, C chosen", "baseline", False, ("bands7",), True),
    Linear("bands5-c", "5-band log power, LR, C chosen", "baseline", False, ("bands5",), True),
)
_SPACE_AND_SPECTRUM = (
    Tangent("tangent", "tangent space, LR", "baseline", inputs=("covariances",)),
    _linear(
        "baseline", "summaries", "spectra by region and log-covariance, no network", "summaries"
    ),
    _linear(
        "baseline",
        "covariance+bands",
        "log-covariance and 7-band log power, no network",
        *("log-covariance", "bands7"),
    ),
)
_RIVALS = tuple(RivalSystem(name, rival.label, "rival", True) for name, rival in RIVALS.items())
_RANDOM = _linear("brainrvq", "random", "random encoder, one covariance", "random", seeded=True)
_FROZEN = (
    _linear("brainrvq", "frozen", "BrainRVQ, one covariance", "embedding"),
    _linear(
        "brainrvq",
        "frozen+bands",
        "BrainRVQ, one covariance, and 7-band log power",
        *("embedding", "bands7"),
    ),
)


def _trained(name: str, label: str, **settings: Any) -> BrainRVQSystem:
    return BrainRVQSystem(name, f"BrainRVQ, {label}", "brainrvq", True, **settings)


_SCRATCH = (
    _trained("scratch", "from scratch, mean head", pretrained=False),
    _trained(
        "scratch-embedding", "from scratch, embedding head", pretrained=False, head="embedding"
    ),
)
_FINE_TUNED = (
    _trained("fine-tuned", "pretrained, fine-tuned, mean head"),
    _trained("fine-tuned-embedding", "pretrained, fine-tuned, embedding head", head="embedding"),
    _trained("fine-tuned-centred", "pretrained, fine-tuned, mean head, centred", centred=True),
    _trained(
        "fine-tuned-embedding-centred",
        "pretrained, fine-tuned, embedding head, centred",
        head="embedding",
        centred=True,
    ),
)
# Rows of the project's own splits.
_OF_SIGNALS = (
    MiniRocket("minirocket", "MiniRocket, LR", "baseline", inputs=("signals",)),
    _linear("baseline", "bins", "log power in 1-Hz bins", "bins"),
    _linear("baseline", "log-covariance", "log-covariance, no network", "log-covariance"),
    _linear("baseline", "onset", "time of the window only, no EEG", "onset"),
)
_OF_STIMULI = (
    _linear(
        "baseline",
        "stimulus-power",
        "power at 13, 17, 21 Hz and second harmonics",
        "stimulus-power",
    ),
    LargestResponse(
        "argmax", "largest power at 13, 17, 21 Hz", "baseline", inputs=("stimulus-response",)
    ),
    LargestResponse("cca", "CCA, largest correlation", "baseline", inputs=("cca",)),
)
_FROZEN_RIVALS = tuple(
    _linear("rival", name, f"{label}, frozen", name) for name, label in FROZEN_RIVALS.items()
)
_TOKENS = (
    _linear("brainrvq", "tokens", "BrainRVQ, tokens only", "tokens"),
    _linear(
        "brainrvq", "random-tokens", "random encoder, tokens only", "random-tokens", seeded=True
    ),
    _linear(
        "brainrvq",
        "tokens+bands",
        "BrainRVQ, tokens only, and 7-band log power",
        *("tokens", "bands7"),
    ),
)
# Regions keep the topography, which the mean over channels discards.
_TOKENS_BY_REGION = (
    _linear(
        "brainrvq",
        "random-tokens-region",
        "random encoder, tokens by region only",
        "random-tokens-region",
        seeded=True,
    ),
    _linear("brainrvq", "tokens-region", "BrainRVQ, tokens by region only", "tokens-region"),
)
# The class token summarises whole signals if the network was pretrained with summary_weight.
_CLASS_TOKEN = (
    _linear(
        "brainrvq",
        "random-class-token",
        "random encoder, class token only",
        "random-class-token",
        seeded=True,
    ),
    _linear("brainrvq", "class-token", "BrainRVQ, class token only", "class-token"),
    _linear(
        "brainrvq",
        "random-tokens+class",
        "random encoder, class token and mean tokens",
        *("random-tokens", "random-class-token"),
        seeded=True,
    ),
    _linear(
        "brainrvq",
        "tokens+class",
        "BrainRVQ, class token and mean tokens",
        *("tokens", "class-token"),
    ),
)
_DEFAULT = (
    _linear("brainrvq", "no-network", "default embedding without network", "no-network"),
    _linear(
        "brainrvq",
        "random-default",
        "default embedding of a random network",
        "random-default",
        seeded=True,
    ),
    _linear("brainrvq", "default", "BrainRVQ, default embedding", "default"),
)


def _centred(system: Linear) -> Linear:
    """The same after removing each person's own centre."""
    names = {"name": f"{system.name}-centred", "label": f"{system.label}, centred"}
    return replace(system, **names, centred=True)


_WITH_TUNED = ("bands7", "bands7-whitened", "no-network", "default")
_WHITENED = _linear(
    "baseline", "bands7-whitened", "7-band log power of whitened signals", "bands7-whitened"
)
_CENTRED = tuple(
    _centred(system)
    for system in (_BAND_POWER[0], _WHITENED, *_TOKENS[1::-1], *_TOKENS_BY_REGION, *_DEFAULT)
    if isinstance(system, Linear)
)
_CENTRED_CLASS_TOKEN = tuple(_centred(system) for system in _CLASS_TOKEN)
_CENTRED_RIVALS = tuple(_centred(system) for system in _FROZEN_RIVALS)
_TUNED = tuple(
    TunedThreshold(
        f"{system.name}-tuned",
        f"{system.label}, threshold by people held out",
        system.family,
        inputs=system.inputs,
        centred=True,
    )
    for system in _CENTRED
    if not system.seeded and system.name.partition("-centred")[0] in _WITH_TUNED
)
_IN_ORDER: tuple[System, ...] = (
    *(*_BAND_POWER, *_SPACE_AND_SPECTRUM, *_RIVALS, _RANDOM, *_SCRATCH, *_FROZEN, *_FINE_TUNED),
    *(*_OF_SIGNALS, *_OF_STIMULI, *_FROZEN_RIVALS, *_TOKENS, *_TOKENS_BY_REGION),
    *(*_CLASS_TOKEN, *_DEFAULT, *_CENTRED_RIVALS, *_CENTRED, *_CENTRED_CLASS_TOKEN),
    *_TUNED,
)
SYSTEMS = {system.name: system for system in _IN_ORDER}
# Rows that need the features that others computed with published models.
OF_FROZEN_RIVALS = tuple(system.name for system in (*_FROZEN_RIVALS, *_CENTRED_RIVALS))
# CBraMod's mean head is a second variant of one rival; the others are for the project's splits.
_NOT_BY_DEFAULT = {
    *("cbramod-mean", "minirocket", "bins", "log-covariance", "onset", "stimulus-power", "argmax"),
    *("cca", "tokens", "random-tokens", "tokens+bands", *OF_FROZEN_RIVALS),
    *(system.name for system in (*_TOKENS_BY_REGION, *_CLASS_TOKEN, *_CENTRED_CLASS_TOKEN)),
    *(system.name for system in (*_DEFAULT, *_CENTRED, *_TUNED, *_FINE_TUNED[-2:])),
}
DEFAULT_SYSTEMS = tuple(name for name in SYSTEMS if name not in _NOT_BY_DEFAULT)
_SIMPLE = ("bands7", "bins", "log-covariance", "tangent")
_OURS = (
    *("random", "random-tokens", "tokens", "frozen", "tokens+bands", "frozen+bands"),
    *(system.name for system in (*_DEFAULT, *_CENTRED, *_CENTRED_CLASS_TOKEN)),
)
# Rows of the project's own splits that are fitted in seconds.
PROJECT_SYSTEMS = {
    "eegmat": (*_SIMPLE, *OF_FROZEN_RIVALS, *_OURS, *(system.name for system in _TUNED)),
    "guinea-bissau": ("onset", *_SIMPLE, *_OURS, *(system.name for system in _TUNED)),
    "ssvep": ("onset", *_SIMPLE, "stimulus-power", "argmax", "cca", *_OURS),
}
BAND_POWER = tuple(name for name in SYSTEMS if name.startswith("bands"))


def systems_named(text: str) -> list[str]:
    """Parse names of systems from a comma-separated list.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown or not names:
        raise ValueError(f"--systems {unknown or text!r} is unknown; choose from {[*SYSTEMS]}.")
    return names
