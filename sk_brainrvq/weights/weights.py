"""Weights as values: immutable, printable, safe to use with scikit-learn's tools."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.weights.checkpoint import (
    ATTACHED,
    BUNDLED,
    BUNDLED_NAMES,
    DEFAULT,
    content_digest,
    halved,
    own_tensors,
    read_checkpoint,
    write_checkpoint,
)
from sk_brainrvq.weights.described import described
from sk_brainrvq.weights.exportable import Exportable
from sk_brainrvq.weights.hub.hub_address import HubAddress, is_hub_address
from sk_brainrvq.weights.hub.hub_download import pinned
from sk_brainrvq.weights.hub.model_card import CardFacts
from sk_brainrvq.weights.hub.sharing import Shareable
from sk_brainrvq.weights.modules import build_filled, encoder_config, fill_untrained_time_rows
from sk_brainrvq.weights.official import convert_official
from sk_brainrvq.weights.outline import check_network
from sk_brainrvq.weights.weights_table import WeightsTable, bundled_card, weights_table


class Weights(Exportable, Shareable):
    """Trained weights of one network, as an immutable value.

    A ``Weights`` survives ``clone``, pipelines and grid searches: copying it returns the same
    object, and its repr contains a digest of its content, so that caches keyed on parameters
    notice when the model changes.

    Parameters
    ----------
    path : path
        A folder written by ``save_pretrained`` or :meth:`save`, or the ``.safetensors`` file
        in it. Unless a file has that name, the names that :meth:`list` shows are the bundled
        weights, and "default" is the newest encoder among them. "hf://owner/name", or
        "hf://owner/name@revision" with a branch, a tag or a commit, is a model on the Hugging
        Face Hub (extra ``hub``).
    in_pickle : bool, default=True
        Whether pickles, also those of estimators, contain the tensors. With False they contain the
        path and the digest, and read the weights again: for many small pickles on one machine.

    Attributes
    ----------
    kind : {"tokenizer", "pretraining", "classifier", "encoder"}
    name : str
        Where the weights came from; the address of the exact commit if from the Hub.
    digest : str
        First 12 hexadecimal digits of the SHA-256 of kind, configuration, info and tensors.
    config : dict
        Arguments of the network. This is a copy: changing it has no effect.
    info : dict
        What is known about the training: "ch_names", "trained_rows", "trained_patches",
        "sfreq" in Hz, "official", "filters". This is a copy.

    Raises
    ------
    CheckpointError
        If the checkpoint is missing, truncated, of another kind or from a newer format.

    Examples
    --------
    >>> import copy, numpy as np
    >>> from sk_brainrvq import BrainRVQEmbedder
    >>> X = np.random.default_rng(0).normal(size=(4, 2, 400))
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", sfreq=200,
    ...                             ch_names=["C3", "C4"], random_state=0)
    >>> weights = embedder.fit(X).weights_
    >>> weights.kind
    'encoder'
    >>> copy.deepcopy(weights) is weights
    True
    """

    __slots__ = (
        "__weakref__",
        "_config",
        "_info",
        "_paths",
        "_tensors",
        "digest",
        "in_pickle",
        "kind",
        "name",
    )

    kind: str
    name: str
    digest: str
    in_pickle: bool
    _paths: tuple[str, ...]
    _config: str
    _info: str
    _tensors: dict[str, Tensor]

    def __init__(self, path: str | Path, *, in_pickle: bool = True):
        if not isinstance(in_pickle, bool):
            raise ValueError(f"in_pickle={in_pickle!r} was given; expected True or False.")
        paths: tuple[str, ...] = (str(Path(path).absolute()), str(path))
        name = Path(path).name.removesuffix(".safetensors")
        if is_hub_address(path):
            name = path = pinned(path)
            paths = (name,)
        elif path in ("default", *BUNDLED_NAMES) and not Path(path).exists():
            # The name works wherever the package is installed.
            name = DEFAULT if path == "default" else str(path)
            paths, path = (name,), BUNDLED / name
        header, tensors = read_checkpoint(path)
        kind, config, info = described(header, str(path))
        own = own_tensors(tensors)
        check_network(kind, config, own, str(path))
        self._set(name, kind, config, info, own, () if in_pickle else paths)

    @classmethod
    def from_module(
        cls,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        module: nn.Module,
        info: Mapping[str, Any],
    ) -> "Weights":
        """Copy the weights of a module.

        Parameters
        ----------
        name : str
        kind : {"tokenizer", "pretraining", "classifier", "encoder"}
        config : mapping
            Arguments to rebuild the module.
        module : nn.Module
        info : mapping
            See the class attribute.

        Returns
        -------
        Weights
        """
        state = {k: v.detach().cpu().clone() for k, v in module.state_dict().items()}
        return cls.from_tensors(name, kind, config, info, state)

    @classmethod
    def from_tensors(
        cls,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        info: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
    ) -> "Weights":
        """Make weights of a state dict without copying it; see :meth:`from_module`."""
        weights = cls.__new__(cls)
        weights._set(name, kind, config, info, tensors)
        return weights

    @classmethod
    def from_official(cls, path: str | Path | Mapping[str, Any]) -> "Weights":
        """Read the weights of a checkpoint of the published code.

        Parameters
        ----------
        path : path or mapping
            A ``.pth`` file, the dictionary in it, or a state dict.

        Returns
        -------
        Weights

        Raises
        ------
        CheckpointError
            See :func:`sk_brainrvq.weights.load_official`.
        """
        kind, config, state, _ = convert_official(path)
        check_network(kind, config, state, "The published checkpoint")
        name = Path(path).stem if isinstance(path, (str, Path)) else "official"
        module = build_filled(kind, config, state, "The published checkpoint")
        return cls.from_module(name, kind, config, module, {"official": True})

    @classmethod
    def from_hub(
        cls, repo: str, revision: str | None = None, *, in_pickle: bool = True
    ) -> "Weights":
        """Load a model from the Hugging Face Hub, like ``Weights("hf://owner/name@revision")``.

        Parameters
        ----------
        repo : str
            Repository, "owner/name".
        revision : str, optional
            A branch, a tag or a commit; by default the newest commit of the branch main. The name
            of the weights contains the commit.
        in_pickle : bool, default=True
            See the class.

        Returns
        -------
        Weights

        Raises
        ------
        CheckpointError
            If you cannot access such a model, if it is pickled, of a newer format or not one of
            this package, or if there is neither a network nor a cached copy.
        ImportError
            If huggingface_hub is not installed.
        """
        return cls(str(HubAddress.of(repo, revision)), in_pickle=in_pickle)

    def _set(
        self,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        info: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        paths: tuple[str, ...] = (),
    ) -> None:
        values: dict[str, Any] = {
            "in_pickle": not paths,
            "_paths": paths,
            "name": name,
            "kind": kind,
            "_config": json.dumps(config, sort_keys=True),
            "_info": json.dumps(info, sort_keys=True),
            "_tensors": dict(tensors),
        }
        text = f"{kind} {values['_config']} {values['_info']}"
        values["digest"] = content_digest(text, tensors)
        for key, value in values.items():
            object.__setattr__(self, key, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("Weights are immutable; build new ones instead.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Weights are immutable; build new ones instead.")

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of the network (a copy)."""
        return json.loads(self._config)

    @property
    def info(self) -> dict[str, Any]:
        """What is known about the training (a copy).

        Entries: "ch_names", "trained_rows" (of the electrode table), "trained_patches" (rows of the
        time table), "sfreq" in Hz, "official" (whether from a published checkpoint), "filters"
        ("l_freq", "h_freq", "notch", "reference").
        """
        return json.loads(self._info)

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name; they are not copied and must not be changed."""
        return dict(self._tensors)

    def module(self, config: Mapping[str, Any] | None = None) -> nn.Module:
        """Build a new module with these weights, in eval mode, on the CPU.

        Parameters
        ----------
        config : mapping, optional
            Replaces the configuration of the weights, to change settings that need no weights.
        """
        return build_filled(self.kind, dict(config or self.config), self._tensors, repr(self))

    def encoder(self, drop_path: float = 0.0) -> EEGEncoder:
        """Build a new encoder with these weights, in eval mode, on the CPU.

        Time rows that were never trained are filled with the last trained one.

        Parameters
        ----------
        drop_path : float, default=0.0
            Stochastic depth rate of the last block.
        """
        config = {"encoder": {**self.encoder_config, "drop_path": drop_path}}
        prefix = "" if self.kind == "encoder" else "encoder."
        state = {
            k.removeprefix(prefix): v for k, v in self._tensors.items() if k.startswith(prefix)
        }
        encoder = build_filled("encoder", config, state, repr(self))
        trained = self.info.get("trained_patches")
        if trained:
            fill_untrained_time_rows(encoder, trained)
        return encoder

    @property
    def encoder_config(self) -> dict[str, Any]:
        """Arguments of the ``EEGEncoder`` inside."""
        return encoder_config(self.kind, self.config)

    def save(
        self,
        folder: str | Path,
        extra: Mapping[str, Any] | None = None,
        attached: Mapping[str, "Weights"] | None = None,
        half: bool = False,
    ) -> Path:
        """Write ``model.safetensors`` and ``config.json`` into a folder.

        Parameters
        ----------
        folder : path
        extra : mapping, optional
            Further entries for the JSON.
        attached : mapping of str to Weights, optional
            Weights to store in the same file, such as the tokenizer of a pretrainer.
        half : bool, default=False
            Whether to store tensors in half precision if that changes no value, as is the case for
            parameters that were rounded to it.

        Returns
        -------
        Path
            The safetensors file.
        """
        header = {**self._header(), **(extra or {}), "attached": {}}
        tensors = dict(self._tensors)
        for name, weights in (attached or {}).items():
            header["attached"][name] = {"name": weights.name, **weights._header()}
            tensors |= {f"{ATTACHED}{name}/{k}": v for k, v in weights._tensors.items()}
        if half:
            tensors = {name: halved(tensor) for name, tensor in tensors.items()}
        return write_checkpoint(folder, header, tensors)

    @staticmethod
    def list() -> WeightsTable:
        """List the weights that come with the package, as a table.

        Returns
        -------
        WeightsTable
            Prints as a table and can be passed to ``pandas.DataFrame``. One dict per name: "name",
            "kind", "digest", "date" of the training, "licence", "data", file "size" in bytes.

        Examples
        --------
        >>> from sk_brainrvq import Weights
        >>> [row["name"] for row in Weights.list() if row["kind"] == "pretraining"]
        ['small-2026.12']
        """
        return weights_table(Weights)

    def _card_facts(self) -> CardFacts:
        return CardFacts(self.kind, self.digest, self.config, self.info)

    def _own_card(self) -> str | None:
        return bundled_card(self)

    def _write_into(self, folder: Path) -> Path:
        return self.save(folder)

    def _header(self) -> dict[str, Any]:
        return {"kind": self.kind, "config": self.config, "info": self.info}

    def __copy__(self) -> "Weights":
        return self

    def __deepcopy__(self, memo: dict) -> "Weights":
        return self

    def __reduce__(self) -> tuple:
        if not self.in_pickle:
            from sk_brainrvq.weights.outside_pickles import find_again

            return find_again, (self._paths, self.digest)
        return _rebuild, (self.name, self.kind, self.config, self.info, _to_numpy(self._tensors))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Weights({self.name!r}, kind={self.kind!r}, digest={self.digest!r})"


def _to_numpy(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    # numpy arrays always pickle to the same bytes; torch storages do not.
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _rebuild(name: str, kind: str, config: dict, info: dict, arrays: Mapping[str, Any]) -> Weights:
    tensors = {k: torch.tensor(v) for k, v in arrays.items()}
    return Weights.from_tensors(name, kind, config, info, tensors)
