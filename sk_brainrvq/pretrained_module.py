"""What braindecode's foundation models can do besides a forward pass, for modules of ours."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors.torch import load_file, save_file
from torch import nn

from sk_brainrvq._version import __version__
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.checkpoint import content_digest
from sk_brainrvq.weights.checkpoint_header import check_version
from sk_brainrvq.weights.hub.hub_address import is_hub_address
from sk_brainrvq.weights.hub.hub_download import fetch
from sk_brainrvq.weights.hub.model_card import CardFacts
from sk_brainrvq.weights.hub.sharing import Shareable

_CONFIG, _TENSORS = "config.json", "model.safetensors"
# Beside the arguments in config.json: what other loaders of this package look at.
_HEADER = {"format_version": 1, "sk_brainrvq_version": __version__, "kind": "module"}
_OF_CHANNEL = ("ch_name", "kind", "coil_type", "unit", "cal", "range", "loc")


class PretrainedModule(nn.Module, Shareable):
    """Base of modules that tell their configuration, and are built, saved, shared and loaded by it.

    Methods are those of braindecode's models; subclasses set ``_arguments`` and implement
    ``reset_head``.
    """

    # Arguments of the constructor, as JSON can hold them.
    _arguments: dict[str, Any]

    def reset_head(self, n_outputs: int) -> None:
        """Replace the head by a new one, with random weights.

        Parameters
        ----------
        n_outputs : int
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Arguments that build a module of the same sizes, as values that JSON can hold.

        Returns
        -------
        dict
            ``weights`` is None: what they bring besides numbers is in ``architecture``.
        """
        return json.loads(json.dumps(self._arguments))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build a module from what ``get_config`` gave; its weights are random.

        Parameters
        ----------
        config : mapping

        Returns
        -------
        BrainRVQModule
        """
        return cls(**config)

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``.

        Parameters
        ----------
        save_directory : path
            A folder, made where it is missing.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        config = {**_HEADER, **self.get_config()}
        (folder / _CONFIG).write_text(json.dumps(config, indent=2))
        state = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        save_file(state, folder / _TENSORS)

    @classmethod
    def from_pretrained(cls, pretrained: Any, **arguments: Any) -> Self:
        """Load a module, or build one that starts from weights of this package.

        Parameters
        ----------
        pretrained : path, "default", "hf://owner/name" or Weights
            Folder that ``save_pretrained`` wrote, or a repository that ``push_to_hub`` filled;
            anything else is what ``weights`` takes.
        **arguments
            Of the class. Those of a folder are changed by them; another ``n_outputs`` gets a
            new head.

        Returns
        -------
        BrainRVQModule

        Raises
        ------
        CheckpointError
            If the folder lacks a file, or its tensors do not fit.
        """
        given, pretrained = pretrained, _folder_of(pretrained)
        config = _config_of_module(pretrained)
        if config is None:
            return cls(weights=given, **arguments)
        n_outputs = arguments.pop("n_outputs", config["n_outputs"])
        if {"ch_names", "chs_info", "n_chans"} & set(arguments):
            config |= {"ch_names": None, "chs_info": None, "n_chans": None}
        if {"n_times", "input_window_seconds"} & set(arguments):
            config |= {"n_times": None, "input_window_seconds": None}
        module = cls(**{**config, **arguments})
        try:
            module.load_state_dict(load_file(Path(pretrained) / _TENSORS))
        except (OSError, RuntimeError) as error:
            raise CheckpointError(f"{pretrained} cannot be loaded: {error}") from error
        if n_outputs != config["n_outputs"]:
            module.reset_head(n_outputs)
        return module

    def _card_facts(self) -> CardFacts:
        config = self.get_config()
        tensors = {name: tensor.detach().cpu() for name, tensor in self.state_dict().items()}
        digest = content_digest(json.dumps(config, sort_keys=True), tensors)
        info = {"sfreq": config.get("sfreq"), "ch_names": config.get("ch_names")}
        return CardFacts("module", digest, config.get("architecture") or {}, info)

    def _write_into(self, folder: Path) -> None:
        self.save_pretrained(folder)


def _folder_of(pretrained: Any) -> Any:
    """The folder with the files of a repository on the Hub; anything else as it is."""
    return fetch(pretrained).parent if is_hub_address(pretrained) else pretrained


def _config_of_module(pretrained: Any) -> dict[str, Any] | None:
    """Arguments in a folder of a module; None for what holds other weights or none."""
    if not isinstance(pretrained, (str, Path)):
        return None
    file = Path(pretrained) / _CONFIG
    if not file.is_file():
        return None
    config = json.loads(file.read_text())
    if "n_outputs" not in config or "chs_info" not in config:
        return None
    check_version(config, file)
    return {name: value for name, value in config.items() if name not in _HEADER}


def plain_channels(chs_info: Any) -> list[dict[str, Any]] | None:
    """Names and places of channels of MNE as JSON can hold them."""
    if chs_info is None:
        return None
    return [
        {key: _plain(channel[key]) for key in _OF_CHANNEL if key in channel} for channel in chs_info
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, list, tuple)):
        numbers = np.asarray(value, float)
        return [float(number) if np.isfinite(number) else None for number in numbers]
    return value if isinstance(value, str) else float(value)
