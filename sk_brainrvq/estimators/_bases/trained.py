"""Base of estimators that train a network: validation, runs on disk, the engine."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin, clone

from sk_brainrvq.estimators._bases.eeg import EEGEstimator
from sk_brainrvq.estimators._fitting.digest import digest_of_array, digest_of_eeg
from sk_brainrvq.estimators._inputs.channel_checks import without_saying_again
from sk_brainrvq.estimators._inputs.number_checks import check_range, check_whole
from sk_brainrvq.estimators._inputs.target_data import (
    groups_or_subjects,
    n_target_epochs,
    with_target_eeg,
    with_target_group,
)
from sk_brainrvq.estimators._inputs.validation import (
    Data,
    TrainingData,
    check_groups,
    check_validation,
    held_out_epochs,
    is_fraction,
    pair_of,
    split_data,
)
from sk_brainrvq.estimators._people.naming import Names
from sk_brainrvq.signals import EpochBlock, PreparedEEG
from sk_brainrvq.signals.electrodes import N_ELECTRODE_ROWS
from sk_brainrvq.signals.filters.settings import checked_filters
from sk_brainrvq.signals.patches import rematch
from sk_brainrvq.signals.reading import checked_reading
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.training import (
    EEGNet,
    RandomCrops,
    Session,
    Stopping,
    checked_crops,
    checked_engine,
    draw_seed,
    plain_history,
    resolve_device,
    run_of,
    started_processes,
    training_session,
)
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Weights, resolve_weights
from sk_brainrvq.weights.architecture import checked_architecture

# Parameters that affect neither the data nor the computation.
_WITHOUT_EFFECT = {
    "callbacks",
    "checkpoint_dir",
    "device",
    "resume_from",
    "validation",
    "verbose",
    "warm_start",
}


class TrainedEstimator(EEGEstimator):
    """Base of the estimators that train a network.

    It reads the parameters ``max_epochs``, ``lr``, ``weight_decay``, ``validation``,
    ``early_stopping``, ``checkpoint_dir``, ``warm_start``, ``engine``, ``random_state`` and
    ``verbose``.
    """

    # Whether validation data need labels.
    _needs_y: ClassVar[bool] = False

    def _check_settings(self) -> None:
        """Raise ValueError for invalid training settings."""
        super()._check_settings()
        if self.max_epochs is not None:
            check_whole("max_epochs", self.max_epochs, 0)
        check_range("lr", self.lr, 0.0, np.inf)
        check_range("weight_decay", self.weight_decay, 0.0, np.inf)
        checked_engine(self.engine)
        if self.validation is not None or self.early_stopping is not None:
            check_validation(self.validation, self.early_stopping, self._needs_y)

    # Runs

    def _given_seed(self) -> int | None:
        """Seed from the user, drawn from a RandomState if one was given; None without a seed."""
        return None if self.random_state is None else draw_seed(self.random_state)

    @contextmanager
    def _session(
        self,
        title: str,
        data: TrainingData,
        groups: NDArray | None,
        pair: TrainingData | None,
        start: Mapping[str, Any],
    ) -> Iterator[Session]:
        """Open the run of this fit, and find the state that it goes on from.

        Parameters
        ----------
        title : str
            First part of the name of the run's folder.
        data : TrainingData
            Data before any part is held out.
        groups : ndarray or None
        pair : TrainingData or None
            Validation data from the user.
        start : mapping of str to Weights or None
            Weights that parameters such as ``weights`` refer to, and other EEG that is used.
        """
        given, resume_from = self._given_seed(), checked_engine(self.engine).resume_from
        run = None
        if self.checkpoint_dir is not None or resume_from is not None:
            configuration = self._configuration(data, groups, pair, given, start)
            run = run_of(title, configuration, self.checkpoint_dir, resume_from)
        processes = started_processes(resolve_device(self.device))
        with training_session(given, processes, run) as session:
            if given is None and resume_from is None:
                _warn_of_finished(session)
            yield session

    def _configuration(
        self,
        data: TrainingData,
        groups: NDArray | None,
        pair: TrainingData | None,
        seed: int | None,
        start: Mapping[str, Any],
    ) -> dict[str, str]:
        """Text that distinguishes this training from others."""
        left_out = _WITHOUT_EFFECT | {"architecture", "engine", "filters", "reading"}
        values = {k: v for k, v in self.get_params(False).items() if k not in left_out}
        values |= {"random_state": seed, **start, **self._nested_configuration(start)}
        configuration = {name: _as_text(value) for name, value in values.items()}
        configuration["estimator"] = type(self).__name__
        configuration |= _digests("data", data)
        if groups is not None:
            configuration["data: groups"] = digest_of_array(groups)
        if pair is not None:
            configuration |= _digests("validation", pair)
        else:
            configuration["validation"] = repr(self.validation)
        return configuration

    def _nested_configuration(self, start: Mapping[str, Any]) -> dict[str, Any]:
        """Meaning of the parameters that are values; the same however they were written."""
        sizes: Mapping[str, Any] = {}  # those of the weights, if any
        if start["weights"] is None:
            sizes = checked_architecture(self.architecture).from_scratch()
        engine = checked_engine(self.engine).get_params(deep=False)
        parts = {
            "architecture": sizes,
            "engine": {k: v for k, v in engine.items() if k not in _WITHOUT_EFFECT},
            "filters": checked_filters(self.filters).get_params(deep=False),
            "reading": {"electrode_map": checked_reading(self.reading).electrode_map},
        }
        return {
            f"{part}__{name}": v for part, values in parts.items() for name, v in values.items()
        }

    def _start_weights(self, kinds: tuple[str, ...]) -> Weights | None:
        """Weights to start from: ``weights``, or with ``warm_start`` those of the previous fit."""
        if self.warm_start and self.__sklearn_is_fitted__():
            return self.weights_
        return resolve_weights(self.weights, kinds, "weights")

    def _info_after(
        self,
        prepared: PreparedEEG,
        ch_names: list[str] | None,
        info: Mapping[str, Any],
        longest: int | None = None,
        with_new_rows: bool = True,
    ) -> dict[str, Any]:
        """Info of a trained network: channels, rows and patches trained here or earlier.

        Parameters
        ----------
        prepared : PreparedEEG
        ch_names : list of str, or None
        info : mapping
            ``Weights.info`` of the weights that training started from.
        longest : int, optional
            Number of patches of the longest crop trained on; by default whole segments.
        with_new_rows : bool, default=True
            Train rows of electrodes that the weights do not know; if False, they stay interpolated.

        Returns
        -------
        dict
            "ch_names", "trained_rows", "trained_patches", "sfreq" in Hz, "official", "filters".
        """
        official = bool(info.get("official", False))
        if with_new_rows:
            prepared = rematch(prepared, None, official)
        matches = [match for group in prepared.groups for match in group.matches]
        own = {row for match in matches if match.how != "mean" for row in match.rows}
        rows = set(own)
        continued = "official" in info  # every trained network's info has the entry
        if continued:
            rows |= set(info.get("trained_rows") or range(1, N_ELECTRODE_ROWS))
        elif not own:
            rows = set(range(1, N_ELECTRODE_ROWS))
        n_patches = max(group.n_patches for group in prepared.groups)
        before = (info.get("trained_patches") or 30) if continued else 0
        return {
            "ch_names": ch_names,
            "trained_rows": sorted(rows),
            "trained_patches": max(min(n_patches, longest or n_patches), before),
            "sfreq": 200.0,
            "official": official,
            "filters": asdict(self._filters(info)),
        }

    # Validation

    def _unlabelled_validation(self, info: Mapping[str, Any]) -> TrainingData | None:
        """Validation data from the user; None if a fraction or nothing was given."""
        if self.validation is None or is_fraction(self.validation):
            return None
        return TrainingData(self._gather(pair_of(self.validation, needs_y=False)[0], info))

    @staticmethod
    def _groups_of(X: Any, groups: Any, n_epochs: int) -> NDArray | None:
        """Groups of the epochs: those given, or the subjects if X holds them."""
        if groups is None:
            groups = source_of(X).subjects_of(X)
        return None if groups is None else check_groups(groups, n_epochs)

    def _split(
        self,
        data: Data,
        groups: NDArray | None,
        pair: Data | None,
        seed: int,
        classes: NDArray | None = None,
    ) -> tuple[Data, Data | None]:
        """Data to train on and data to validate on."""
        if self.validation is None or not is_fraction(self.validation):
            return data, pair
        held_out = held_out_epochs(
            float(self.validation), data.prepared.n_epochs, groups, classes, seed
        )
        return split_data(data, held_out)

    def _stopping(self) -> Stopping | None:
        """When to stop early: by the loss, unless a subclass overrides this."""
        return None if self.early_stopping is None else Stopping(int(self.early_stopping))

    def _remember_history(self, net: EEGNet) -> None:
        """Store the history and, after early stopping, the epoch whose weights were kept."""
        self.history_ = plain_history(net)
        self.__dict__.pop("best_epoch_", None)
        stopping = self._stopping()
        if stopping is not None and self.history_:
            figures = [row[stopping.monitor] for row in self.history_]
            best = np.nanargmin(figures) if stopping.lower_is_better else np.nanargmax(figures)
            self.best_epoch_ = int(self.history_[best]["epoch"])

    def _training_options(
        self, session: Session, crops: RandomCrops | None = None
    ) -> dict[str, Any]:
        """Arguments of ``train`` that all estimators share."""
        engine = checked_engine(self.engine)
        return {
            "session": session,
            "stopping": self._stopping(),
            "steps_per_epoch": engine.steps_per_epoch,
            "crops": crops,
            "callbacks": [clone(callback, safe=False) for callback in engine.callbacks or ()],
            "engine": engine,
            "batch_size": self.batch_size,
            "device": resolve_device(self.device),
            "verbose": self.verbose,
            "lr": self.lr,
            "weight_decay": self.weight_decay,
        }


def _warn_of_finished(session: Session) -> None:
    """Warn that no new seed was drawn because a finished run was loaded instead."""
    ended = session.state is not None and session.state.header.get("ended")
    if ended and session.run is not None and session.processes.is_main:
        warn(
            f"random_state=None drew no new seed: {session.run.folder} holds a finished training "
            "with these parameters and data, and its result was loaded. To train again, pass a "
            "seed, such as random_state=1, or another checkpoint_dir.",
            UserWarning,
        )


class TrainedTransformer(TransformerMixin, TrainedEstimator):
    """Base of the transformers that learn without labels.

    It also reads the parameter ``crops``.
    """

    # Collects the subjects of epochs while X is read for whitened crops.
    _noted: Names | None = None

    def _check_settings(self) -> None:
        super()._check_settings()
        checked_crops(self.crops)

    def _n_epochs_to_train(self) -> int:
        """Passes over X: given weights are not trained further unless the user asks for it."""
        if self.max_epochs is not None:
            return self.max_epochs
        return 20 if self.weights is None else 0

    def _longest(self) -> int | None:
        """Number of patches of the longest crop; None if training uses whole epochs."""
        crops = checked_crops(self.crops)
        return None if crops is None else int(crops.longest)

    def _read_unlabelled(
        self, X: Any, groups: Any, info: Mapping[str, Any]
    ) -> tuple[TrainingData, NDArray | None]:
        """X for ``fit`` and groups of its epochs; their subjects if crops are whitened."""
        crops = checked_crops(self.crops)
        if crops is None or not crops.whitened:
            data = TrainingData(self._read_for_fit(X, info))
            return data, self._groups_of(X, groups, data.prepared.n_epochs)
        names = self._noted = Names(groups)
        try:
            data = TrainingData(self._read_for_fit(X, info))
        finally:
            del self._noted
        n_epochs = data.prepared.n_epochs
        groups = self._groups_of(X, groups, n_epochs)
        people = names.of(n_epochs) if groups is None else groups
        if any(person is None for person in people.tolist()):
            raise ValueError(
                f"crops={crops} whitens the signals of each person, but X does not tell whose they "
                "are. Pass groups=..., the subject of each epoch; or a container that holds "
                "subjects, such as an EEGCorpus or mne.Epochs with a column 'subject' in metadata; "
                "or leave out whitened=."
            )
        return replace(data, subjects=people), groups

    def _blocks_of_source(
        self, X: Any, info: Mapping[str, Any], names: Any, learns: bool
    ) -> Iterator[EpochBlock]:
        blocks = super()._blocks_of_source(X, info, names, learns)
        return blocks if self._noted is None else self._noted.noting(blocks)

    @staticmethod
    def _with_target(X: Any, groups: Any, subjects: Any, X_target: Any) -> tuple[Any, Any]:
        """X and its groups, each followed by those of the target's EEG."""
        if subjects is not None:
            groups = groups_or_subjects(groups, subjects)
        if X_target is not None:
            groups = with_target_group(groups, n_target_epochs(X_target))
            X = with_target_eeg(X, X_target)
        return X, groups

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, then transform the same X.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, EEGCorpus, or a list
            As in :meth:`fit`.
        y : None
            Ignored.
        **fit_params
            Keywords of :meth:`fit`.

        Returns
        -------
        ndarray As in :meth:`transform`.
        """
        self.fit(X, y, **fit_params)
        with without_saying_again():
            return self.transform(X)


def _as_text(value: Any) -> str:
    # Write arrays and columns in full: their repr leaves out the middle of long ones.
    whole = hasattr(value, "tolist") and not isinstance(value, np.generic)
    return repr(value.tolist() if whole else value)


def _digests(name: str, data: TrainingData) -> dict[str, str]:
    digests: Mapping[str, str] = {
        name: digest_of_eeg(data.prepared),
        f"{name}: labels": digest_of_array(data.targets),
        f"{name}: weights": digest_of_array(data.weights),
        f"{name}: subjects": digest_of_array(getattr(data, "subjects", None)),
    }
    return {key: value for key, value in digests.items() if value != "none"}
