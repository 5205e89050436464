"""Model cards: what a network is, what it was trained on, its licence; README.md on the Hub.

Metadata follow https://huggingface.co/docs/hub/model-cards, contents follow "Model cards for model
reporting", Mitchell et al., 2019.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from numbers import Real
from pathlib import Path
from typing import Any

import yaml

from sk_brainrvq.exceptions import CheckpointError

CARD_FILE = "README.md"
_METADATA = ("license", "license_name", "license_link")
_LISTS = ("tags", "datasets")
_TEXTS = ("summary", "data", "recipe", "limits", "citation")
# Entries of `card=`, in the order of the documentation.
CARD_KEYS = (*_METADATA, *_LISTS, *_TEXTS, "figures")
_TAGS = ("eeg", "brainrvq", "electroencephalography")
_UNSTATED = "Not stated."
# Names of data sets on the Hub; other names appear only in the text.
_HUB_DATASET = re.compile(r"(?:[\w.-]+/)?[\w.-]+", re.ASCII)
_WHAT = {
    "tokenizer": "A DD-RVQ tokenizer: codes of each second of each EEG channel, in time and "
    "frequency.",
    "pretraining": "An EEG encoder, pretrained to predict the codes of hidden seconds.",
    "classifier": "A fine-tuned EEG encoder with its head.",
    "encoder": "An EEG encoder.",
    "module": "An EEG encoder with its head, as a PyTorch module for training loops such as "
    "braindecode's.",
}
_USE = {
    "tokenizer": "from sk_brainrvq import DDRVQTransformer\n\n"
    "tokenizer = DDRVQTransformer(weights={address!r})",
    "module": "from sk_brainrvq import BrainRVQModule\n\n"
    "module = BrainRVQModule.from_pretrained({address!r})",
    "": "from sk_brainrvq import BrainRVQEmbedder\n\n"
    "embedder = BrainRVQEmbedder(weights={address!r})",
}
_SIZES = ("embed_dim", "depth", "decoder_depth", "codebook_size", "codebook_dim", "n_quantizers")


@dataclass(frozen=True)
class CardFacts:
    """What a model knows about itself.

    Attributes
    ----------
    kind, digest : str
    config, info : mapping
        As in ``Weights``.
    estimator : str
        Class of a fitted estimator; empty if there are only weights.
    recipe : mapping of str to str
        Parameters that differ from their defaults.
    figures : mapping of str to float
        Losses and scores of the training epoch that the weights come from.
    base : str
        What the training started from; empty if unknown or if it started from scratch.
    """

    kind: str
    digest: str
    config: Mapping[str, Any]
    info: Mapping[str, Any]
    estimator: str = ""
    recipe: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    base: str = ""


def card_text(facts: CardFacts, card: Any, address: str) -> str:
    """Write the text of a model card.

    Parameters
    ----------
    facts : CardFacts
    card : None, mapping or path
        Entries from the user, named in ``CARD_KEYS``, or a README.md that is used unchanged.
    address : str
        Address of the repository.

    Returns
    -------
    str

    Raises
    ------
    CheckpointError
        If the card has unknown keys or values of the wrong type, or if the file does not exist.
    """
    if isinstance(card, (str, Path)):
        return _card_of_file(card)
    given = _checked(card)
    metadata = yaml.safe_dump(_metadata(facts, given), sort_keys=False, allow_unicode=True)
    sections = [
        f"# {address.rsplit('/', 1)[-1]}",
        given.get("summary", _WHAT[facts.kind]),
        _use(facts, address),
        *_section("Network", _network(facts)),
        *_section("EEG", _eeg(facts.info)),
        *_section("Data", _data(facts, given)),
        *_section("Recipe", _recipe(facts, given)),
        *_section("Figures", _figures(facts, given)),
        *_section("Licence", _licence(given)),
        *_section("Limits", [given.get("limits", _UNSTATED), "Not a medical device."]),
    ]
    if "citation" in given:
        sections += _section("Citation", [given["citation"]])
    return f"---\n{metadata}---\n\n" + "\n\n".join(sections) + "\n"


def front_matter(text: str) -> dict[str, Any]:
    """Parse the metadata of a card: the YAML between its first two lines of three dashes.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict
        Empty if there is none.

    Raises
    ------
    CheckpointError
        If it is not a YAML mapping.
    """
    match = re.match(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*$", text, re.DOTALL | re.MULTILINE)
    if match is None:
        return {}
    try:
        metadata = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        raise CheckpointError(
            f"The metadata at the top of the model card is not YAML: {error}"
        ) from error
    if not isinstance(metadata, dict):
        raise CheckpointError(
            f"The metadata at the top of the model card is {metadata!r:.80}; expected entries such "
            "as 'license: cc-by-4.0'."
        )
    return metadata


def _card_of_file(path: str | Path) -> str:
    file = Path(path)
    if not file.is_file():
        raise CheckpointError(
            f"card={str(path)!r} was given, and there is no such file; expected the path of a "
            f"{CARD_FILE}, or a mapping of {', '.join(CARD_KEYS)}."
        )
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{file} is not UTF-8 text, as a model card must be: {error}"
        ) from error
    front_matter(text)
    return text


def _checked(card: Any) -> dict[str, Any]:
    """Check the types of the user's entries; a list of one may be given as a text."""
    if card is None:
        return {}
    if not isinstance(card, Mapping):
        raise CheckpointError(
            f"card={card!r:.80} was given; expected a mapping of {', '.join(CARD_KEYS)}, or the "
            f"path of a {CARD_FILE}."
        )
    given = {}
    for key, value in card.items():
        if key not in CARD_KEYS:
            near = get_close_matches(str(key), CARD_KEYS, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(CARD_KEYS)}."
            raise CheckpointError(f"card has the entry {key!r:.80}; {meant}")
        if key in _LISTS and isinstance(value, str):
            value = [value]
        if not _is_right(key, value):
            expected = "a list of texts" if key in _LISTS else "a text"
            if key == "figures":
                expected = "a text, or a mapping of names to numbers or texts"
            raise CheckpointError(f"card has {key}={value!r:.80}; expected {expected}.")
        given[key] = value
    return given


def _is_right(key: str, value: Any) -> bool:
    if key in _LISTS:
        return isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
    if key == "figures" and isinstance(value, Mapping):
        return all(isinstance(number, (str, Real)) for number in value.values())
    return isinstance(value, str) and bool(value.strip())


def _metadata(facts: CardFacts, given: Mapping[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {"library_name": "sk_brainrvq"}
    metadata |= {key: given[key] for key in _METADATA if key in given}
    tags = [*_TAGS, facts.kind, *([facts.estimator] if facts.estimator else [])]
    metadata["tags"] = list(dict.fromkeys([*tags, *given.get("tags", ())]))
    datasets = [name for name in given.get("datasets", ()) if _HUB_DATASET.fullmatch(name)]
    if datasets:
        metadata["datasets"] = datasets
    if facts.base.startswith("hf://"):
        metadata["base_model"] = facts.base.removeprefix("hf://").partition("@")[0]
    metadata["sk_brainrvq"] = {"kind": facts.kind, "digest": facts.digest}
    return metadata


def _section(title: str, paragraphs: Iterable[str]) -> list[str]:
    return [f"## {title}", *paragraphs]


def _use(facts: CardFacts, address: str) -> str:
    code = _USE.get(facts.kind, _USE[""]).format(address=address)
    if facts.estimator:
        code = (
            f"from sk_brainrvq import {facts.estimator}\n\n"
            f"fitted = {facts.estimator}.from_pretrained({address!r})"
        )
    return f"```python\n{code}\n```"


def _network(facts: CardFacts) -> list[str]:
    config = {**facts.config, **facts.config.get("encoder", {})}
    rows = [("kind", facts.kind), *((name, config[name]) for name in _SIZES if name in config)]
    return [_table(("", ""), [*rows, ("digest", f"`{facts.digest}`")])]


def _eeg(info: Mapping[str, Any]) -> list[str]:
    names, filters = info.get("ch_names"), info.get("filters")
    said = [
        f"Channels ({len(names)}): {', '.join(names)}." if names else "Channels: not recorded.",
        f"Rate: {info['sfreq']:g} Hz." if info.get("sfreq") else "",
        f"Longest windows: {info['trained_patches']} s." if info.get("trained_patches") else "",
    ]
    if filters is None:
        said.append("Filters: not recorded; pass those of the training.")
    else:
        told = [f"{name} {value}" for name, value in filters.items() if value is not None]
        said.append(f"Filters: {', '.join(told) or 'none'}.")
    return [" ".join(sentence for sentence in said if sentence)]


def _data(facts: CardFacts, given: Mapping[str, Any]) -> list[str]:
    told = [given["data"]] if "data" in given else []
    if given.get("datasets"):
        told.append(f"Data sets: {', '.join(given['datasets'])}.")
    if isinstance(facts.info.get("data"), str):
        told.append(f"The weights name {facts.info['data']}.")
    if facts.base:
        told.append(f"The training started from {facts.base}, so its training data count too.")
    return told or [_UNSTATED]


def _recipe(facts: CardFacts, given: Mapping[str, Any]) -> list[str]:
    told = [given["recipe"]] if "recipe" in given else []
    if facts.estimator:
        changed = [(f"`{name}`", f"`{value}`") for name, value in facts.recipe.items()]
        text = f"`{facts.estimator}` with its default parameters"
        told.append(f"{text}, but:" if changed else f"{text}.")
        told += [_table(("parameter", "value"), changed)] if changed else []
    return told or [_UNSTATED]


def _figures(facts: CardFacts, given: Mapping[str, Any]) -> list[str]:
    figures = given.get("figures", {})
    told = [figures] if isinstance(figures, str) else []
    if isinstance(figures, Mapping) and figures:
        told.append(_table(("figure", "value"), [(k, _number(v)) for k, v in figures.items()]))
    if facts.figures:
        rows = [(name, _number(value)) for name, value in facts.figures.items()]
        told += ["Training epoch of these weights:", _table(("figure", "value"), rows)]
    return told or [_UNSTATED]


def _number(value: Any) -> str:
    whole = isinstance(value, (str, int))
    return str(value) if whole else f"{float(value):.4g}"


def _licence(given: Mapping[str, Any]) -> list[str]:
    told = " ".join(given[key] for key in _METADATA if key in given)
    return [told or f"{_UNSTATED} Ask the authors before you use or share these weights."]


def _table(head: tuple[str, str], rows: Iterable[tuple[str, Any]]) -> str:
    cells = [head, ("---", "---"), *((name, str(value)) for name, value in rows)]
    return "\n".join(f"| {_cell(name)} | {_cell(value)} |" for name, value in cells)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
