"""What the estimators share: reading EEG, holding a network, keeping it on disk."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data
from torch import nn

from sk_brainrvq.estimators._inputs.array_checks import (
    channel_order,
    check_container,
    check_is_array,
    n_dimensions,
    to_numbers,
)
from sk_brainrvq.estimators._inputs.corpus_filters import (
    common_filters,
    is_auto,
    refuse_other_filters,
    refuse_own_filters,
    warn_of_other_filters,
)
from sk_brainrvq.estimators._outputs.persistence import Omitted, from_json, to_json
from sk_brainrvq.exceptions import CheckpointError, EEGWarning, InvalidEEGError
from sk_brainrvq.signals import (
    EpochBlock,
    PatchGroup,
    PreparedEEG,
    ReadSettings,
    gather,
    read_blocks,
    stream,
)
from sk_brainrvq.signals.electrodes import ElectrodeMatch, ElectrodeReport, electrode_report
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.registry import holds_arrays, is_corpus, is_plain_array
from sk_brainrvq.training import EEGNet, available_device, resolve_device, wrap
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.checkpoint import read_checkpoint
from sk_brainrvq.weights.weights import read_attached

# Parameters that a saved estimator does not take to another machine.
_OF_ONE_MACHINE = ("callbacks", "checkpoint_dir", "resume_from")


class _WeightsLabel:
    """Stands for weights in the HTML display, which cuts what is longer than 30 characters."""

    def __init__(self, weights: Weights):
        name = weights.name if len(weights.name) <= 19 else f"{weights.name[:18]}…"
        self._text = f"{name} ({weights.digest[:8]})"

    def __repr__(self) -> str:
        return self._text


class EEGEstimator(BaseEstimator):
    """Base of the estimators that hold a network and take EEG.

    Subclasses have the parameters ``sfreq``, ``ch_names``, ``unit``, ``device`` and
    ``batch_size``.
    """

    ch_names_in_: list[str] | None
    electrode_report_: ElectrodeReport
    n_channels_in_: int
    # Head coordinates of the channels of the first recording, in metres, where it has any.
    _positions_in: Mapping[str, NDArray] | None
    # Kind of network and net class that a fitted estimator holds.
    _kind: ClassVar[str]
    _net_class: ClassVar[type[EEGNet]] = EEGNet
    # Fitted attributes that are plain values and go into a checkpoint's JSON.
    _plain_attributes: ClassVar[tuple[str, ...]] = (
        "n_features_in_",
        "n_channels_in_",
        "ch_names_in_",
        "feature_names_in_",
        "_takes_2d",
        "_fitted_on_array",
        "electrode_report_",
    )
    # Fitted attributes that are weights of other networks.
    _attached_weights: ClassVar[tuple[str, ...]] = ()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        """What scikit-learn's HTML display shows: of weights their name and their digest."""
        params = super()._get_params_html(*args, **kwargs)
        for name, value in params.items():
            if isinstance(value, Weights):
                params[name] = _WeightsLabel(value)
        return params

    # Reading EEG

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Leave the estimator as it was where a fit fails: no mixture of old and new."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _read_for_fit(self, X: Any) -> PreparedEEG:
        """Check, convert and cut X, and remember its channels; a corpus is read in training."""
        if not is_corpus(X):
            return gather(self._learn_channels(X))
        self._check_settings()
        self._take_filters_of(X)
        first = X.recordings[0]
        self.ch_names_in_, self.n_channels_in_ = list(first.ch_names), len(first.ch_names)
        self._positions_in = first.places
        self.n_features_in_ = self.n_channels_in_
        self._takes_2d = self._fitted_on_array = False
        prepared = X.prepared(**self._matching(), warn=True)
        return replace(prepared, groups=list(self._remember_electrodes(iter(prepared.groups))))

    def _take_filters_of(self, corpus: Any) -> None:
        """A corpus is filtered already: its filters are those of the weights that are trained."""
        if "filters" not in self._info:
            self._info["filters"] = asdict(corpus.filters)
        refuse_other_filters(corpus.filters, self._filters())

    def _learn_filters(self, X: Any) -> None:
        """Take the filters of corpora where the weights know none; refuse the user's others."""
        common = common_filters(X)
        if common is not None:
            self._info.setdefault("filters", asdict(common))
        refuse_own_filters(X, self._given_filters(), self._filters())

    def _gather(self, X: Any) -> PreparedEEG:
        """Check X against fit, convert and cut it; a corpus is read when it is needed."""
        if is_corpus(X):
            warn_of_other_filters(X, self._filters(), type(self).__name__)
            return X.prepared(**self._matching(), warn=False)
        return gather(self._read(X))

    def _matching(self) -> dict[str, Any]:
        """How channels are matched to electrodes."""
        return {
            "trained_rows": self._info.get("trained_rows"),
            "official": self._info.get("official", False),
            "electrode_map": self.electrode_map,
        }

    def _learn_channels(self, X: Any) -> Iterator[PatchGroup]:
        """Patches of X, whose channels are remembered."""
        self._check_settings()
        self._learn_filters(X)
        return self._remember_electrodes(self._patches(self._blocks(X, reset=True), warn=True))

    def _remember_electrodes(self, groups: Iterator[PatchGroup]) -> Iterator[PatchGroup]:
        """The same groups; how their channels were mapped is kept as ``electrode_report_``."""
        seen: dict[str, ElectrodeMatch] = {}
        for group in groups:
            for match in group.matches:
                seen.setdefault(match.channel, match)
            self.electrode_report_ = electrode_report(list(seen.values()))
            yield group
        unused = [name for name in self.electrode_map or () if name not in seen]
        if unused:
            warnings.warn(
                f"electrode_map names {unused}, which are no channels of X.",
                EEGWarning,
                stacklevel=2,
            )

    def _read(self, X: Any) -> Iterator[PatchGroup]:
        """Patches of X, checked against fit, a bounded part at a time."""
        return self._patches(self._blocks(X, reset=False))

    def _patches(self, blocks: Iterable[EpochBlock], warn: bool = False) -> Iterator[PatchGroup]:
        return stream(
            blocks,
            **self._matching(),
            warn=warn,
            filters=self._filters(),
        )

    def _check_settings(self) -> None:
        """Raise ValueError for numbers that no training or batch can have."""
        lowest = {"batch_size": 1, "max_epochs": 0, "tokenizer_max_epochs": 0}
        for name, least in lowest.items():
            value = getattr(self, name, None)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if value is not None and not (whole and value >= least):
                raise ValueError(
                    f"{name}={value!r} was given; expected an integer of at least {least}."
                )
        ranges = {
            "lr": (0.0, np.inf),
            "weight_decay": (0.0, np.inf),
            "layer_decay": (0.0, 1.0),
            "drop_path": (0.0, 0.99),
            "label_smoothing": (0.0, 1.0),
            "quantizer_dropout": (0.0, 1.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name, low)
            if not (isinstance(value, Real) and low <= float(value) <= high):
                raise ValueError(
                    f"{name}={value!r} was given; expected a number from {low} to {high}."
                )

    def _blocks(self, X: Any, reset: bool) -> Iterator[EpochBlock]:
        """Blocks of X, read as they are asked for; with ``reset`` the first gives the channels."""
        plain = is_plain_array(X)
        if plain:
            check_container(X, type(self).__name__)  # before anything is said of its rate
        arrays = holds_arrays(X)
        if reset:
            self._fitted_on_array = arrays
        if arrays and self.sfreq is None and (reset or not self._fitted_on_array):
            warnings.warn(
                "No sampling rate was given: arrays are taken as 200 Hz. Pass sfreq=...",
                EEGWarning,
                stacklevel=3,
            )
        warn_of_other_filters(X, self._filters(), type(self).__name__)
        check = partial(self._check_array, reset=reset) if plain else self._check_item
        names = self.ch_names
        if names is None and not reset:
            names = self.ch_names_in_
        settings = ReadSettings(
            self.sfreq,
            names,
            self.unit,
            self.window,
            self.overlap,
            self._filters(),
            self.on_error,
        )
        blocks = read_blocks(X, settings, check)
        if not reset:
            return blocks
        first = next(blocks)
        self.ch_names_in_, self.n_channels_in_ = first.ch_names, first.n_channels
        self._positions_in = first.positions
        if not plain:
            self.n_features_in_, self._takes_2d = first.n_channels, False
        return chain([first], blocks)

    def _given_filters(self) -> dict[str, Any]:
        """Parameters that say how EEG is filtered."""
        return {name: getattr(self, name) for name in ("l_freq", "h_freq", "notch", "reference")}

    def _filters(self) -> FilterSettings:
        """Filters as asked for; "auto" is what the weights were trained with, or none."""
        trained = self._info.get("filters", {})
        given = self._given_filters()
        automatic = {name: trained.get(name) for name, value in given.items() if is_auto(value)}
        return FilterSettings.checked(**given | automatic)

    def _check_item(self, X: Any) -> NDArray:
        """An array within a list, as numbers with 2 or 3 dimensions."""
        check_is_array(X, type(self).__name__)
        return check_array(to_numbers(X), allow_nd=True, ensure_all_finite=False)

    def _check_array(self, X: Any, reset: bool) -> NDArray:
        """A numeric 2-D or 3-D array with the channels of fit."""
        check_is_array(X, type(self).__name__)
        if n_dimensions(X) > 2:
            array = check_array(to_numbers(X), allow_nd=True, ensure_all_finite=False)
            if not reset and array.ndim == 3 and array.shape[1] != self.n_channels_in_:
                raise InvalidEEGError(
                    f"X has {array.shape[1]} channels, but {type(self).__name__} was fitted on "
                    f"{self.n_channels_in_}. Arrays need the channels of fit, in the same order."
                )
            if reset:
                self.n_features_in_ = array.shape[1]
                self._takes_2d = False
            return array
        if not reset and not self._takes_2d:
            if self.n_channels_in_ == 1:
                return check_array(to_numbers(X), ensure_all_finite=False)
            raise InvalidEEGError(
                f"X has shape {np.shape(X)}; {type(self).__name__} was fitted on "
                f"{self.n_channels_in_} channels and expects (n_epochs, {self.n_channels_in_}, "
                "n_times). Reshape your data, or fit on one channel."
            )
        if reset:
            self._takes_2d = True
        return validate_data(self, to_numbers(X), reset=reset, ensure_all_finite=False)

    def _reorder(self, block: EpochBlock) -> EpochBlock:
        """The block with the channels of fit, in their order."""
        if self.ch_names_in_ is None or block.ch_names is None:
            if block.n_channels != self.n_channels_in_:
                raise InvalidEEGError(
                    f"X has {block.n_channels} channels; {self.n_channels_in_} were fitted."
                )
            return block
        order, missing = channel_order(block.ch_names, self.ch_names_in_)
        if missing:
            raise InvalidEEGError(
                f"Channels {missing} of fit are missing in X, and the features of this "
                f"{type(self).__name__} depend on the set of channels. Use pooling='mean' to mix "
                "montages."
            )
        if order == list(range(block.n_channels)):
            return replace(block, ch_names=list(self.ch_names_in_))
        return replace(block, data=block.data[:, order], ch_names=list(self.ch_names_in_))

    # Holding a network

    def _hold(
        self, module: nn.Module, config: Mapping[str, Any], info: Mapping[str, Any], net: Any = None
    ) -> None:
        """Keep a network, its configuration and what is known of its training."""
        self._config = dict(config)
        self._info = dict(info)
        if net is None:
            net = wrap(self._net_class, module, resolve_device(self.device), self.batch_size)
        self.net_ = net

    def _restore(self, weights: Weights) -> None:
        """Hold a network that comes from a pickle or a checkpoint of any machine."""
        device = available_device(self.device)
        net = wrap(self._net_class, weights.module(), device, self.batch_size)
        self._hold(net.module_, weights.config, weights.info, net)

    @property
    def weights_(self) -> Weights:
        """Weights of the fitted network, for ``weights=`` of another estimator."""
        check_is_fitted(self)
        name = type(self).__name__
        return Weights.from_module(name, self._kind, self._config, self.net_.module_, self._info)

    def __getstate__(self) -> dict[str, Any]:
        # The net goes as plain arrays: no CUDA tensor, no optimizer, the same bytes each time.
        state = dict(super().__getstate__())
        if "net_" in state:
            state["net_"] = self.weights_
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if isinstance(self.__dict__.get("net_"), Weights):
            self._restore(self.__dict__.pop("net_"))

    # Keeping it on disk

    def save_pretrained(self, folder: str | Path) -> Path:
        """Save the fitted estimator: tensors as safetensors, all else as JSON, no pickle.

        ``callbacks``, validation data, ``checkpoint_dir`` and ``resume_from`` stay behind: they
        are None once loaded.

        Parameters
        ----------
        folder : path
            Gets ``model.safetensors`` and ``config.json``.

        Returns
        -------
        Path
            The safetensors file, which alone suffices to load.
        """
        check_is_fitted(self)
        fitted = {k: getattr(self, k) for k in self._plain_attributes if hasattr(self, k)}
        extra = {
            "estimator": type(self).__name__,
            "params": to_json({k: self._savable(k, v) for k, v in self.get_params(False).items()}),
            "fitted": to_json(fitted),
        }
        attached = {name: getattr(self, name) for name in self._attached_weights}
        return self.weights_.save(folder, extra, attached)

    @staticmethod
    def _savable(parameter: str, value: Any) -> Any:
        """A parameter's value; weights and paths of weights, which do not go along, are marked."""
        if parameter in ("weights", "tokenizer"):
            return value if value in (None, "default") else Omitted()
        if parameter == "validation":
            return value if isinstance(value, Real) else None
        return None if parameter in _OF_ONE_MACHINE else value

    @classmethod
    def from_pretrained(cls, path: str | Path) -> Self:
        """Load a fitted estimator saved by :meth:`save_pretrained`.

        Parameters
        ----------
        path : path
            The folder, or the safetensors file in it.

        Returns
        -------
        estimator
            Fitted. A parameter ``weights`` or ``tokenizer`` that held any when saved holds the
            loaded ones.

        Raises
        ------
        CheckpointError
            If the checkpoint is missing, truncated, of another estimator or from a newer
            format version, or if tensors are missing, left over or misshapen.
        """
        header, _ = read_checkpoint(path)
        if header.get("estimator") != cls.__name__:
            raise CheckpointError(
                f"{path} holds {header.get('estimator', 'weights without an estimator')}, not a "
                f"{cls.__name__}. Load it with that class, or pass weights={str(path)!r} where "
                "only the weights are needed."
            )
        if not {"params", "fitted"} <= header.keys() or None in (
            header["params"],
            header["fitted"],
        ):
            raise CheckpointError(f"{path} lacks the parameters of its {cls.__name__}.")
        weights, attached = Weights(path), read_attached(path)
        loaded = {"weights": weights, "tokenizer": attached.get("tokenizer_weights_")}
        params = from_json(header["params"])
        unknown = sorted(params.keys() - cls().get_params(deep=False).keys())
        if unknown:
            raise CheckpointError(
                f"{path} was written by sk_brainrvq {header.get('sk_brainrvq_version')} with "
                f"parameters of {cls.__name__} that this version does not know: {unknown}."
            )
        estimator = cls(
            **{k: loaded[k] if isinstance(v, Omitted) else v for k, v in params.items()}
        )
        for name, value in {**from_json(header["fitted"]), **attached}.items():
            setattr(estimator, name, value)
        estimator.electrode_report_ = ElectrodeReport(estimator.electrode_report_)
        estimator._restore(weights)
        return estimator
