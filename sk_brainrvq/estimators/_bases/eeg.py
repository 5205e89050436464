"""Base of the estimators: reads EEG, holds a network, saves and loads it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, validate_data
from torch import nn

from sk_brainrvq.estimators._bases.network_holder import NetworkHolder
from sk_brainrvq.estimators._inputs.array_checks import channel_order
from sk_brainrvq.estimators._inputs.channel_checks import Matched, check_map
from sk_brainrvq.estimators._inputs.corpus_filters import (
    filters_after,
    refuse_other_filters,
    warn_of_other_filters,
)
from sk_brainrvq.estimators._inputs.corpus_reading import (
    refuse_other_reading,
    warn_of_other_reading,
)
from sk_brainrvq.estimators._inputs.nested import kept_on_error, make_values
from sk_brainrvq.estimators._inputs.number_checks import check_whole
from sk_brainrvq.estimators._outputs.display import WeightsLabel
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals import (
    EpochBlock,
    PatchGroup,
    PreparedEEG,
    ReadSettings,
    gather,
    read_blocks,
    stream,
)
from sk_brainrvq.signals.electrodes import ElectrodeLog, ElectrodeReport
from sk_brainrvq.signals.filters.settings import FilterSettings, checked_filters
from sk_brainrvq.signals.reading import bad_channel_policy, checked_reading, known_as_eeg
from sk_brainrvq.signals.sources.arrays import (
    check_container,
    check_is_array,
    is_read_in_parts,
    n_dimensions,
    to_numbers,
)
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.training import available_device, resolve_device, wrap
from sk_brainrvq.training.memory.out_of_memory import explained, message_of_signals
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Weights


class EEGEstimator(NetworkHolder):
    """Base of the estimators that hold a network and take EEG.

    It reads the parameters ``sfreq``, ``ch_names``, ``unit``, ``window``, ``overlap``, ``filters``,
    ``reading``, ``device`` and ``batch_size``. Many methods take ``info``, which is
    ``Weights.info``: what is known of the training of the network that will read the EEG.
    """

    ch_names_in_: list[str] | None
    electrode_report_: ElectrodeReport
    n_channels_in_: int
    # Head coordinates of the channels of the first recording, in metres, if it has any.
    _positions_in: Mapping[str, NDArray] | None
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator and of the values that it holds.

        Parameters
        ----------
        **params : dict
            Parameters by name; those of ``filters``, ``architecture``, ``engine``, ``reading`` and
            ``crops`` as in ``filters__l_freq``, even if these still have their defaults.

        Returns
        -------
        self
        """
        with kept_on_error(self):
            super().set_params(**{key: v for key, v in params.items() if "__" not in key})
            made = make_values(params, self.get_params(deep=False))
            return super().set_params(**made, **{k: v for k, v in params.items() if "__" in k})

    def _get_params_html(self, *args: Any, **kwargs: Any) -> Any:
        """Parameters for scikit-learn's HTML display, which shows weights by name and digest."""
        params = super()._get_params_html(*args, **kwargs)
        for name, value in params.items():
            if isinstance(value, Weights):
                params[name] = WeightsLabel(value)
        return params

    def _check_settings(self) -> None:
        """Raise ValueError for invalid parameters; subclasses add their own checks."""
        check_whole("batch_size", self.batch_size, 1)
        if self.reading is not None:
            checked_reading(self.reading)
        checked_filters(self.filters)

    # Reading EEG

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Restore the estimator if a fit fails, so that old and new never mix."""
        before = dict(self.__dict__)
        try:
            with explained(message_of_signals):
                yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _info_before(self, X: Any, info: Mapping[str, Any]) -> dict[str, Any]:
        """What is known before a fit on X; corpora set the filters if the weights have none."""
        filtered = source_of(X).filters_of(X)
        if not any(filtered):
            return dict(info)
        refuse_other_reading(source_of(X).readings_of(X), self.reading)
        return filters_after(filtered, info, checked_filters(self.filters))

    def _read_for_fit(self, X: Any, info: Mapping[str, Any]) -> PreparedEEG:
        """Check, convert and cut X, and store its channels; a corpus is read during training."""
        stored = source_of(X).stored(X)
        if stored is None:
            return gather(self._learn_channels(X, info))
        for found in source_of(X).filters_of(X):
            refuse_other_filters(found, self._filters(info))
        prepared = stored.prepared(**self._matching(info))
        first = prepared.groups[0]
        self.ch_names_in_, self.n_channels_in_ = first.ch_names, first.n_channels
        self._positions_in = first.positions
        self.n_features_in_ = self.n_channels_in_
        self._takes_2d = self._fitted_on_array = False
        groups = self._remember_electrodes(self._check_map(prepared.groups))
        return replace(prepared, groups=list(groups))

    def _learn_channels(self, X: Any, info: Mapping[str, Any]) -> Iterator[PatchGroup]:
        """Patches of X, whose channels are stored."""
        return self._remember_electrodes(self._patches(self._learn_blocks(X, info), info))

    def _gather(self, X: Any, info: Mapping[str, Any]) -> PreparedEEG:
        """Check X against fit, convert and cut it; a corpus is read when it is needed."""
        stored = source_of(X).stored(X)
        if stored is None:
            return gather(self._read(X, info))
        self._warn_of_filters(X, info)
        prepared = stored.prepared(**self._matching(info))
        return replace(prepared, groups=list(self._check_map(prepared.groups)))

    def _read(self, X: Any, info: Mapping[str, Any]) -> Iterator[PatchGroup]:
        """Patches of X, checked against fit, a bounded part at a time."""
        return self._patches(self._blocks(X, info), info)

    def _matching(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """Options for matching channels to electrodes."""
        return {
            "trained_rows": info.get("trained_rows"),
            "official": info.get("official", False),
            "electrode_map": checked_reading(self.reading).electrode_map,
        }

    def _filters(self, info: Mapping[str, Any]) -> FilterSettings:
        """Filters from the parameters; "auto" uses those of the weights, or none."""
        return checked_filters(self.filters).resolve(info.get("filters", {}))

    def _warn_of_filters(self, X: Any, info: Mapping[str, Any]) -> None:
        filtered = source_of(X).filters_of(X)
        if any(filtered):
            warn_of_other_filters(filtered, self._filters(info), type(self).__name__)
            warn_of_other_reading(source_of(X).readings_of(X), self.reading)

    def _patches(
        self, blocks: Iterable[EpochBlock], info: Mapping[str, Any], **settings: Any
    ) -> Iterator[PatchGroup]:
        return self._check_map(stream(blocks, **self._preparing(info, **settings)))

    def _preparing(self, info: Mapping[str, Any], fixed_by: str | None = None) -> dict[str, Any]:
        """Options for turning blocks into patches; ``fixed_by`` says why to keep all channels."""
        policy = bad_channel_policy(self.reading, fixed_by or self._fixed_by)
        return {**self._matching(info), "filters": self._filters(info), "bad_channels": policy}

    def _check_map(self, groups: Iterable[Matched]) -> Iterator[Matched]:
        electrode_map = checked_reading(self.reading).electrode_map
        return check_map(groups, electrode_map, lambda: self.electrode_report_)

    @property
    def _fixed_by(self) -> str | None:
        """Sentence that says why bad channels cannot be left out, and what to do instead."""
        return None

    def _remember_electrodes(self, groups: Iterator[Matched]) -> Iterator[Matched]:
        """Pass groups or blocks through, and list their channels in ``electrode_report_``."""
        log = ElectrodeLog()
        for group in groups:
            self.electrode_report_ = log.report_with(group.matches, group.left_out)
            yield group

    def _learn_blocks(self, X: Any, info: Mapping[str, Any]) -> Iterator[EpochBlock]:
        """Blocks of X, read on demand; the first sets the channels of fit."""
        source = source_of(X)
        self._fitted_on_array = not source.brings_rate(X)
        blocks = self._blocks_of_source(X, info, self.ch_names, learns=True)
        first = next(blocks)
        self.ch_names_in_, self.n_channels_in_ = first.ch_names, first.data.shape[1]
        self._positions_in = first.positions
        if not source.is_array:
            self.n_features_in_, self._takes_2d = self.n_channels_in_, False
        return chain([first], blocks)

    def _blocks(self, X: Any, info: Mapping[str, Any]) -> Iterator[EpochBlock]:
        """Blocks of X, checked against fit and read on demand."""
        names = self.ch_names_in_ if self.ch_names is None else self.ch_names
        return self._blocks_of_source(X, info, names, learns=False)

    def _blocks_of_source(
        self, X: Any, info: Mapping[str, Any], names: Any, learns: bool
    ) -> Iterator[EpochBlock]:
        source, filters = source_of(X), self._filters(info)
        if source.is_array:
            check_container(X, type(self).__name__)  # before any message about its rate
        no_rate = self.sfreq is None and not source.brings_rate(X)
        if no_rate and not (learns or self._fitted_on_array):
            raise InvalidEEGError(
                f"X is an array, which has no sampling rate, but {type(self).__name__} was fitted "
                "on EEG that has one. Pass sfreq=..., the rate of the array in Hz."
            )
        if no_rate and learns:
            warn("No sampling rate was given, so 200 Hz is assumed for arrays. Pass sfreq=...")
        self._warn_of_filters(X, info)
        check = partial(self._check_array, learns=learns) if source.is_array else self._check_item
        settings = ReadSettings(
            *(self.sfreq, names, self.unit, self.window, self.overlap, filters),
            on_error=checked_reading(self.reading).on_error,
            check_array=check,
            bad_channels=bad_channel_policy(self.reading, self._fixed_by),
            read_options=checked_reading(self.reading).read_options,
            known_as_eeg=known_as_eeg(self.reading),
        )
        return read_blocks(X, settings)

    def _check_item(self, X: Any) -> NDArray:
        """An array of a list, checked to be numeric with 2 or 3 dimensions."""
        check_is_array(X, type(self).__name__)
        X = to_numbers(X)
        # Memory maps and the like are read in parts and must not be loaded here.
        return X if is_read_in_parts(X) else check_array(X, allow_nd=True, ensure_all_finite=False)

    def _check_array(self, X: Any, learns: bool) -> NDArray:
        """A numeric 2-D or 3-D array with the channels of fit, or one that sets them."""
        name = type(self).__name__
        check_is_array(X, name)
        if n_dimensions(X) > 2:
            array = self._check_item(X)
            if learns:
                self.n_features_in_, self._takes_2d = array.shape[1], False
            elif array.ndim == 3 and array.shape[1] != self.n_channels_in_:
                raise InvalidEEGError(
                    f"X has {array.shape[1]} channels, but {name} was fitted on "
                    f"{self.n_channels_in_}. Arrays need the channels of fit in the same order."
                )
            return array
        if learns:
            self._takes_2d = True
        elif not self._takes_2d:
            if self.n_channels_in_ == 1:
                return check_array(to_numbers(X), ensure_all_finite=False)
            raise InvalidEEGError(
                f"X has shape {np.shape(X)}; {name} was fitted on {self.n_channels_in_} channels "
                f"and expects (n_epochs, {self.n_channels_in_}, n_times). Reshape your data, or "
                "fit on one channel."
            )
        return validate_data(self, to_numbers(X), reset=learns, ensure_all_finite=False)

    def _reorder(self, block: EpochBlock) -> EpochBlock:
        """The block with the channels of fit, in their order."""
        if self.ch_names_in_ is None or block.ch_names is None:
            if block.n_channels != self.n_channels_in_:
                raise InvalidEEGError(
                    f"X has {block.n_channels} channels, but fit saw {self.n_channels_in_}."
                )
            return block
        order, missing = channel_order(block.ch_names, self.ch_names_in_)
        if missing:
            raise InvalidEEGError(
                f"Channels {missing} of fit are missing from X, but the features of this "
                f"{type(self).__name__} depend on the set of channels. {self._any_montage}"
            )
        in_order = order == list(range(block.n_channels))
        data = block.data if in_order else np.asarray(block.data)[:, order]
        return replace(block, data=data, ch_names=list(self.ch_names_in_))

    # What an error about missing channels advises.
    _any_montage: ClassVar[str] = "Use pooling='mean' to mix montages."

    # Holding a network

    def _hold(
        self, module: nn.Module, config: Mapping[str, Any], info: Mapping[str, Any], net: Any = None
    ) -> None:
        """Store a network, its configuration and what is known of its training."""
        self._config = dict(config)
        self._info = dict(info)
        if net is None:
            net = wrap(self._net_class, module, resolve_device(self.device), self.batch_size)
        self.net_ = net

    def _restore(self, weights: Weights) -> None:
        """Take over a network from a pickle or a checkpoint written on any machine."""
        device = available_device(self.device)
        net = wrap(self._net_class, weights.module(), device, self.batch_size)
        self._hold(net.module_, weights.config, weights.info, net)
