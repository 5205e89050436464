"""Base of the classifier and the regressor: an encoder with a head, trained on labelled EEG."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from numpy.typing import NDArray
from sklearn.base import is_classifier
from torch import nn

from sk_brainrvq.estimators._bases.centered_fine_tuning import (
    HOW_TO_NAME_VALIDATION,
    CenteredFineTuning,
)
from sk_brainrvq.estimators._bases.trained import TrainedEstimator
from sk_brainrvq.estimators._fitting.digest import digest_of_people
from sk_brainrvq.estimators._fitting.head_start import start_head
from sk_brainrvq.estimators._fitting.plan import (
    FineTuningPlan,
    PassState,
    StartingPoint,
    check_same_head,
    head_config,
    matched_for_head,
    refuse_for_passes,
)
from sk_brainrvq.estimators._inputs.array_checks import check_n_patches
from sk_brainrvq.estimators._inputs.labels import (
    LabelledEEG,
    check_sample_weight,
    labelled_eeg,
)
from sk_brainrvq.estimators._inputs.number_checks import check_range, check_whole
from sk_brainrvq.estimators._inputs.target_data import (
    TrainedOn,
    with_target,
)
from sk_brainrvq.estimators._inputs.validation import is_fraction, pair_of
from sk_brainrvq.estimators._people.naming import numbered
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.nn.classifier import HEADS
from sk_brainrvq.signals import EpochBlock, PreparedEEG
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.training import (
    EEGNet,
    Session,
    Stopping,
    checked_engine,
    draw_seed,
    plain_history,
    resolve_device,
    seeded,
    train,
)
from sk_brainrvq.training.fine_tuning import (
    Recentring,
    check_strategy,
    count_trained,
    lift_limits,
    limit_training,
    optimizer_state_of,
    train_pass,
)
from sk_brainrvq.weights import resolve_weights
from sk_brainrvq.weights.architecture import ENCODER, checked_architecture
from sk_brainrvq.weights.modules import KINDS, fill_untrained_time_rows

_MAX_SEED = 2**31
# Entries that say which rows of the electrode and time tables were trained.
_TABLES = ("trained_rows", "trained_patches")


class FineTunedEstimator(CenteredFineTuning):
    """Base of the estimators that fine-tune an ``EncoderClassifier``.

    It reads the parameters that classifier and regressor share: ``head``, ``strategy``,
    ``lora_rank``, ``drop_path``, ``layer_decay``, ``center_by`` and ``criterion``. Subclasses
    define how targets are encoded and which settings their net takes. The flattened head works only
    with the channels and the length of fit: channels are put in their order, other sizes raise an
    error.
    """

    _kind = "classifier"
    _pass_state: PassState | None = None
    _plain_attributes: ClassVar[tuple[str, ...]] = (
        *TrainedEstimator._plain_attributes,
        "history_",
        "best_epoch_",
        "n_trained_parameters_",
        "_n_passes",
        *("center_", "subject_centers_", "_calibrated"),
        *("covariance_", "covariance_channels_", "subject_covariances_"),
    )

    _needs_y = True
    _title: ClassVar[str]
    _criteria: ClassVar[tuple[str, ...]]

    # What subclasses define

    @property
    def _n_outputs(self) -> int:
        """Number of outputs of the head, once the targets are encoded."""
        raise NotImplementedError

    def _encode_targets(
        self, y: Any, n_epochs: int, weight: NDArray | None, learns: bool
    ) -> NDArray:
        """Targets for the net; with ``learns``, also learn how to decode its outputs."""
        raise NotImplementedError

    def _loss_weight(self, targets: NDArray, weight: NDArray | None) -> NDArray | None:
        """Weight of each epoch in the loss, given the user's weights."""
        return weight

    def _check_data(self, data: LabelledEEG) -> None:
        """Raise ValueError for data that no fit can learn from."""

    def _net_settings(self) -> dict[str, Any]:
        """Settings of the net in addition to those of the optimizer."""
        raise NotImplementedError

    # Training

    @property
    def _continues_fit(self) -> bool:
        """Whether ``fit`` goes on from the fitted network."""
        return bool(self.warm_start) and hasattr(self, "net_")

    def _fit(self, given: TrainedOn, calibration: Any) -> Self:
        continues = self._continues_fit
        if continues:
            self._centres_people()
        plan = self._plan(given, continues, learns=not continues)
        self._check_data(plan.data)
        pair = self._read_validation(plan)
        known = None if calibration is None else self._read_calibration(calibration, plan)
        if self.center_by is not None:
            self._warn_of_people(plan.data, known)
        start: dict[str, Any] = {"weights": plan.start.weights}
        if known is not None:
            start["calibration"] = digest_of_people(known)
        with self._session(self._title, plan.data, plan.data.groups, pair, start) as session:
            rest, held_out = self._split(
                plan.data, plan.data.groups, pair, session.seed, self._strata(plan.data)
            )
            self._check_validation_data(held_out)
            with seeded(session.seed):
                module = plan.module(self.drop_path)
                self.n_trained_parameters_ = limit_training(module, self.strategy, self.lora_rank)
                recentring = None
                if self.center_by is not None:
                    recentring = self._recentring(rest, held_out, known)
                    rest, held_out = recentring.begin(module)
                self._start_head(module, rest, plan.start)
                net = self._train(module, rest, held_out, session, recentring)
        self._pass_state, self._n_passes = None, 0
        self._keep(net, plan)
        if recentring is not None or hasattr(self, "center_"):
            self._keep_what_people_have(recentring, calibrated=known is not None)
        self._remember_history(net)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, learns: bool) -> Self:
        """Train for one pass; the fitted network is replaced, never changed in place."""
        refuse_for_passes(self)
        self._refuse_passes()
        plan = self._plan(TrainedOn(X, y, sample_weight), hasattr(self, "net_"), learns)
        n_passes = getattr(self, "_n_passes", 0)
        state = self._usable_pass_state()
        with seeded((draw_seed(self.random_state) + n_passes) % _MAX_SEED):
            module = self._module_for_pass(plan, state)
            self._start_head(module, plan.data, plan.start)
            self.n_trained_parameters_ = count_trained(module)
            net = train_pass(
                self._net_class,
                module,
                plan.data.dataset(),
                optimizer_state=None if state is None else state.optimizer,
                engine=checked_engine(self.engine),
                **self._common_settings(),
            )
        adapted = copy.deepcopy(net.module_) if self.strategy == "lora" else None
        self._pass_state = PassState(self._pass_settings(), optimizer_state_of(net), adapted)
        net.optimizer_.state.clear()
        self._n_passes = n_passes + 1
        self._keep(net, plan)
        rows = [row | {"epoch": self._n_passes} for row in plain_history(net)]
        self.history_ = [*(self.history_ if plan.start.continues else []), *rows]
        self.__dict__.pop("best_epoch_", None)  # it belonged to a fit
        return self

    def _plan(self, given: TrainedOn, continues: bool, learns: bool) -> FineTuningPlan:
        """Check parameters, and read and check data; with ``learns``, learn to encode targets."""
        self._check_settings()
        X, groups = given.X, given.groups
        start = self._start(X, continues)
        read = self._gather if continues else self._read_for_fit
        prepared, people = self._read_named(read, X, start.info, given.subjects)
        for group in prepared.groups if continues else ():
            check_n_patches(group, self._config)
        groups = numbered(people) if groups is None and people is not None else groups
        groups = self._groups_of(X, groups, prepared.n_epochs)
        data = self._labelled(prepared, given.y, given.sample_weight, groups, learns)
        data = replace(data, subjects=people)
        info = self._info_after(data.prepared, self.ch_names_in_, start.info, with_new_rows=False)
        if start.weights is not None and self.strategy != "full":
            info |= {k: start.info[k] for k in _TABLES if k in start.info}  # they stay unchanged
        config = head_config(self.head, self._n_outputs, data.prepared, people is not None)
        config["encoder"] = {**start.encoder, "drop_path": self.drop_path}
        # Unknown electrodes get the mean of the trained rows, in training and later.
        matched = matched_for_head(data.prepared, info, self.head)
        return FineTuningPlan(start, replace(data, prepared=matched), config, info)

    def _start(self, X: Any, continues: bool) -> StartingPoint:
        """Where training starts: at the fitted network, or where the parameters say."""
        weights = self.weights_ if continues else resolve_weights(self.weights, KINDS, "weights")
        if weights is None:
            info = self._info_before(X, {})
            encoder = checked_architecture(self.architecture).encoder()
            return StartingPoint(encoder, None, info, continues=False)
        if self.architecture is not None:
            architecture = checked_architecture(self.architecture)
            architecture.check_fits(weights.encoder_config, weights, ENCODER)
        if continues:
            check_same_head(self.head, weights)
        info = weights.info if continues else self._info_before(X, weights.info)
        return StartingPoint(weights.encoder_config, weights, info, continues)

    def _read_named(
        self, read: Any, X: Any, info: Mapping[str, Any], *about: Any
    ) -> tuple[PreparedEEG, NDArray | None]:
        """EEG as ``read`` returns it and, if people are centred, the subject of each epoch."""
        if self.center_by is None:
            return read(X, info), None
        return self._read_people(read, X, info, *about)

    def _read_validation(self, plan: FineTuningPlan) -> LabelledEEG | None:
        """Validation data from the user, matched to electrodes like the training data."""
        if self.validation is None or is_fraction(self.validation):
            return None
        X, y = pair_of(self.validation, self._needs_y)
        prepared, people = self._read_named(
            self._gather, X, plan.start.info, None, HOW_TO_NAME_VALIDATION
        )
        for group in prepared.groups:
            check_n_patches(group, plan.config)
        targets = self._encode_targets(self._labels(X, y), prepared.n_epochs, None, learns=False)
        matched = matched_for_head(prepared, plan.info, self.head)
        return LabelledEEG(matched, targets, subjects=people)

    def _labelled(
        self,
        prepared: PreparedEEG,
        y: Any,
        sample_weight: Any,
        groups: NDArray | None,
        learns: bool,
    ) -> LabelledEEG:
        weight = check_sample_weight(sample_weight, prepared.n_epochs)
        targets = self._encode_targets(y, prepared.n_epochs, weight, learns)
        return labelled_eeg(prepared, targets, self._loss_weight(targets, weight), groups)

    def _start_head(
        self, module: EncoderClassifier, data: LabelledEEG, start: StartingPoint
    ) -> None:
        """Set where a head's training starts, unless it goes on from a fitted head."""
        if start.continues:
            return
        device, classifies = resolve_device(self.device), is_classifier(self)
        start_head(module, data, classifies=classifies, batch_size=self.batch_size, device=device)

    def _train(
        self,
        module: nn.Module,
        data: LabelledEEG,
        held_out: LabelledEEG | None,
        session: Session,
        recentring: Recentring | None,
    ) -> EEGNet:
        validation = None if held_out is None else held_out.normalised().dataset()
        return train(
            self._net_class,
            module,
            data.normalised().dataset(),
            title="Fine-tuning",
            max_epochs=self.max_epochs,
            warmup_epochs=max(1, self.max_epochs // 6),
            validation=validation,
            **self._training_options(session),
            layer_decay=self.layer_decay,
            recentring=recentring,
            **self._net_settings(),
        )

    def _strata(self, data: LabelledEEG) -> NDArray | None:
        """Classes that a validation split keeps in proportion, if any."""
        return None

    def _check_validation_data(self, held_out: LabelledEEG | None) -> None:
        """Raise ValueError for validation data that the criterion cannot score."""

    def _stopping(self) -> Stopping | None:
        if self.early_stopping is None:
            return None
        lower = self.criterion == "loss"
        return Stopping(int(self.early_stopping), f"valid_{self.criterion}", lower)

    def _common_settings(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "device": resolve_device(self.device),
            "lr": self.lr,
            "weight_decay": self.weight_decay,
            "layer_decay": self.layer_decay,
            **self._net_settings(),
        }

    def _keep(self, net: EEGNet, plan: FineTuningPlan) -> None:
        """Store the trained network, rebuilt from plain weights."""
        lift_limits(net.module_, self.strategy)
        if self.strategy == "full":
            fill_untrained_time_rows(net.module_.encoder, plan.info["trained_patches"])
        self._hold(net.module_, plan.config, plan.info, net)

    # Passes of partial_fit

    def _pass_settings(self) -> tuple:
        return (self.strategy, self.lora_rank, self.drop_path)

    def _usable_pass_state(self) -> PassState | None:
        state = self._pass_state
        return state if state is not None and state.settings == self._pass_settings() else None

    def _module_for_pass(self, plan: FineTuningPlan, state: PassState | None) -> EncoderClassifier:
        """Copy of the network to train, so that a pass that fails does not change the original."""
        if state is not None and state.adapted is not None:
            return copy.deepcopy(state.adapted)
        module = plan.module(self.drop_path)
        limit_training(module, self.strategy, self.lora_rank)
        return module

    def __getstate__(self) -> dict[str, Any]:
        # The optimizer is twice the size of the weights and is on the device.
        return {k: v for k, v in super().__getstate__().items() if k != "_pass_state"}

    # Channels and length, which the flattened head depends on

    _any_montage = (
        "head='flatten' has weights for each channel; head='mean' and head='attention' work with "
        "any montage."
    )

    @property
    def _fixed_by(self) -> str | None:
        return self._any_montage if self.head == "flatten" else None

    def _learn_blocks(self, X: Any, info: Mapping[str, Any]) -> Iterator[EpochBlock]:
        return self._as_read(super()._learn_blocks(X, info))

    def _blocks(self, X: Any, info: Mapping[str, Any]) -> Iterator[EpochBlock]:
        return self._as_read(super()._blocks(X, info))

    def _as_read(self, blocks: Iterator[EpochBlock]) -> Iterator[EpochBlock]:
        """Blocks as the head needs them; their subjects are noted if requested."""
        blocks = map(self._reorder, blocks) if self.head == "flatten" else blocks
        return blocks if self._noted is None else self._noted.noting(blocks)

    # Checks and data

    def _check_settings(self) -> None:
        super()._check_settings()
        check_range("layer_decay", self.layer_decay, 0.0, 1.0)
        check_range("drop_path", self.drop_path, 0.0, 0.99)
        check_whole("lora_rank", self.lora_rank, 1)
        if self.criterion not in self._criteria:
            raise ValueError(
                f"criterion={self.criterion!r} was given; expected one of {self._criteria}."
            )
        if self.head not in HEADS:
            raise ValueError(f"head={self.head!r} was given; expected one of {HEADS}.")
        check_strategy(self.strategy)
        if self.center_by is not None:
            self._check_centering()

    @staticmethod
    def _labels(X: Any, y: Any) -> Any:
        """Labels as given, or those that X holds, as braindecode datasets do."""
        return source_of(X).labels_of(X) if y is None else y

    def _with_target(self, X: Any, y: Any, X_target: Any, y_target: Any, **about: Any) -> TrainedOn:
        """X and what is known of each epoch, each followed by that of the target's EEG."""
        given = TrainedOn(X, self._labels(X, y), **about)
        if given.subjects is None and X_target is None and y_target is None:
            return given
        return with_target(given, X_target, y_target, centres=self.center_by is not None)
