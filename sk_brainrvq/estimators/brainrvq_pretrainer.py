"""BrainRVQPretrainer: self-supervised pretraining on the codes of hidden patches."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.estimators._bases.embedding import EmbeddingMixin
from sk_brainrvq.estimators._bases.trained import TrainedTransformer
from sk_brainrvq.estimators._fitting.code_maker import CodeMaker
from sk_brainrvq.estimators._fitting.pretraining import (
    LOSS_WEIGHTS,
    PretrainingStart,
    check_sizes,
    folder_of_runs,
    masked_accuracy,
    masked_model_config,
    masked_module,
    no_tokenizer,
)
from sk_brainrvq.estimators._inputs.number_checks import check_range, check_whole
from sk_brainrvq.estimators._inputs.validation import TrainingData
from sk_brainrvq.estimators._outputs.pooling import Embedding
from sk_brainrvq.estimators.ddrvq_transformer import DDRVQTransformer
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import (
    Engine,
    PretrainingNet,
    RandomCrops,
    Session,
    checked_crops,
    checked_engine,
    resolve_device,
    seeded,
    train,
)
from sk_brainrvq.weights import Architecture, Weights, resolve_weights
from sk_brainrvq.weights.architecture import checked_architecture
from sk_brainrvq.weights.modules import fill_untrained_time_rows


class BrainRVQPretrainer(EmbeddingMixin, TrainedTransformer):
    """Pretrain an encoder to predict the codes of hidden patches, coarse to fine.

    Parameters
    ----------
    tokenizer : None, "default", path, "hf://owner/name" or Weights, default=None
        Tokenizer whose codes are predicted. None fits a :class:`DDRVQTransformer` of the same
        architecture on X first. The path of a saved pretrainer means the tokenizer that it holds.
    weights : None, "default", path, "hf://owner/name" or Weights, default=None
        Pretraining weights to start from. None starts from scratch; given weights are used
        unchanged, or trained further if ``max_epochs`` is given. They need the ``tokenizer`` they
        were pretrained with: "default" for "default", the same path for a saved pretrainer.
    architecture : {"tiny", "small", "base"}, Architecture or None, default=None
        Size of the network, by name or in detail. None is that of the given weights, or "small"
        from scratch; "base" is the paper's. With given weights, another size is an error.
    drop_path : float, default=0.1
        Stochastic depth rate of the last block.
    spectrum_weight, summary_weight : float, optional
        Weights of two losses beside that of the codes: the squared error of the log spectra of
        patches, hidden and seen (with 10 it begins about as large as the loss of the codes), and
        that of each crop's spectra by region and log-covariances, standardised, as its class token
        predicts them (15 for ``pooling="cls"``). None is that of the given weights, or 0.
    tokenizer_max_epochs : int, optional
        Passes over X to fit the tokenizer with ``tokenizer=None``; 10 by default.
    max_epochs : int, optional
        Passes over X; by default 20 without and 0 with given ``weights``.
    lr : float, default=1e-3
        Peak learning rate of AdamW.
    weight_decay : float, default=0.05
        Weight decay of AdamW.
    batch_size : int, default=16
        EEG epochs per batch, over all processes together.
    validation : float, tuple (X, y) or None, default=None
        Data to score after each training epoch: a fraction of X, split off by ``groups`` if ``fit``
        gets them (and by subject in an :class:`EEGCorpus`), or separate data.
    early_stopping : int, optional
        Stop after that many training epochs without a lower validation loss; keep the best one.
    crops : RandomCrops, optional
        Train on random crops of X instead of on fixed epochs.
    checkpoint_dir : path, optional
        Folder to save the training in after each epoch, in a subfolder named by parameters and
        data. Another ``fit`` continues an unfinished run or loads a finished one.
    warm_start : bool, default=False
        Start the next ``fit`` from the network of the previous one instead of from ``weights``.
    engine : Engine, optional
        Precision, compilation, gradient accumulation, clipping, steps, callbacks, resuming.
    sfreq : float, optional
        Sampling rate of arrays in Hz; by default 200, with a warning. MNE objects have their own.
    ch_names : sequence of str, optional
        Channel names of arrays. MNE objects have their own.
    unit : {"uV", "mV", "V"}, default="uV"
        Unit of arrays. MNE objects are in volts.
    window, overlap : float, default=10.0 and 0.0
        Length and overlap, in seconds, of the epochs that continuous recordings are cut into.
    filters : "auto", Filters or None, default="auto"
        Pass band, mains filter and reference. "auto" uses those the weights were trained with, and
        none from scratch; None does not filter. Filters that a recording reports as already applied
        are not applied again.
    reading : Reading, optional
        How to read unusual recordings: positions of channels, treatment of bad channels and files.
    device : str, default="auto"
        Torch device; "auto" takes the first available of CUDA, MPS and the CPU.
    random_state : int, RandomState or None, default=None
        Seed. None draws a new one at every fit; a run in ``checkpoint_dir`` keeps its own.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.MaskedCodeModel`.
    weights_ : Weights
        Weights of the fitted network, for ``weights=`` of another estimator.
    tokenizer_weights_ : Weights
        Weights of the tokenizer whose codes are predicted.
    history_ : list of dict
        Loss and accuracies in each training epoch; "accuracies" holds one per domain and level.
    best_epoch_ : int
        Training epoch that early stopping kept.
    n_channels_in_ : int
        Number of channels of the first recording.
    ch_names_in_ : list of str, or None
        Names of the channels of the first recording.
    electrode_report_ : list of dict
        How each channel was mapped to electrodes; ``pandas.DataFrame`` makes a table of it.
    n_features_in_ : int
        Samples of 2-D arrays, channels otherwise.

    Notes
    -----
    Source: the BrainRVQ paper (2026), hierarchical autoregressive pretraining.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq import BrainRVQEmbedder, BrainRVQPretrainer
    >>> X = np.random.default_rng(0).normal(scale=20, size=(8, 2, 600))
    >>> pretrainer = BrainRVQPretrainer(architecture="tiny", max_epochs=1,
    ...                                 tokenizer_max_epochs=1, sfreq=200,
    ...                                 ch_names=["C3", "C4"], random_state=0)
    >>> pretrainer.fit(X).transform(X).shape
    (8, 1556)
    >>> embedder = BrainRVQEmbedder(weights=pretrainer.weights_, sfreq=200,
    ...                             ch_names=["C3", "C4"])
    >>> bool(np.allclose(embedder.fit_transform(X), pretrainer.transform(X), atol=1e-5))
    True
    """

    _kind = "pretraining"
    _net_class = PretrainingNet
    _plain_attributes = (*TrainedTransformer._plain_attributes, "history_", "best_epoch_")
    _attached_weights = ("tokenizer_weights_",)

    def __init__(
        self,
        tokenizer: Any = None,
        *,
        weights: Any = None,
        architecture: str | Architecture | None = None,
        drop_path: float = 0.1,
        spectrum_weight: float | None = None,
        summary_weight: float | None = None,
        tokenizer_max_epochs: int | None = None,
        max_epochs: int | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.05,
        batch_size: int = 16,
        validation: Any = None,
        early_stopping: int | None = None,
        crops: RandomCrops | None = None,
        checkpoint_dir: str | Path | None = None,
        warm_start: bool = False,
        engine: Engine | None = None,
        sfreq: float | None = None,
        ch_names: Sequence[str] | None = None,
        unit: str = "uV",
        window: float = 10.0,
        overlap: float = 0.0,
        filters: str | Filters | None = "auto",
        reading: Reading | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.tokenizer = tokenizer
        self.weights = weights
        self.architecture = architecture
        self.drop_path = drop_path
        self.spectrum_weight = spectrum_weight
        self.summary_weight = summary_weight
        self.tokenizer_max_epochs = tokenizer_max_epochs
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.validation = validation
        self.early_stopping = early_stopping
        self.crops = crops
        self.checkpoint_dir = checkpoint_dir
        self.warm_start = warm_start
        self.engine = engine
        self.sfreq = sfreq
        self.ch_names = ch_names
        self.unit = unit
        self.window = window
        self.overlap = overlap
        self.filters = filters
        self.reading = reading
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        groups: Any = None,
        subjects: Any = None,
        X_target_unlabeled: Any = None,
    ) -> Self:
        """Pretrain on unlabelled EEG.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, EEGCorpus, or a list
            Array (n_epochs, n_channels, n_times) or, for one channel, (n_epochs, n_times).
            Recordings are cut into epochs of ``window`` seconds.
        y : None
            Ignored.
        groups : array-like, shape (n_epochs,), optional
            Group of each epoch, such as its subject: a group stays on one side of the
            ``validation`` split.
        subjects : array-like, shape (n_epochs,), optional
            MOABB's name for ``groups``.
        X_target_unlabeled : array or mne.Epochs, optional
            EEG of the subject the model is for, trained on together with X as a separate group.
            MOABB's evaluations pass it when they calibrate; see ``set_fit_request``.

        Returns
        -------
        self

        Raises
        ------
        InvalidEEGError, CheckpointError
            If X cannot be used as EEG, or ``weights`` or ``tokenizer`` cannot be used.
        ResumeError, ValueError
            If checkpoints cannot be used, or ``groups`` and ``subjects`` differ.
        """
        with self._all_or_nothing():
            self._check_settings()
            X, groups = self._with_target(X, groups, subjects, X_target_unlabeled)
            start = self._start(X)
            data, groups = self._read_unlabelled(X, groups, start.info)
            pair = self._unlabelled_validation(start.info)
            given = {"weights": start.weights, "tokenizer": start.tokenizer}
            with self._session("pretraining", data, groups, pair, given) as session:
                rest, held_out = self._split(data, groups, pair, session.seed)
                tokenizer = start.tokenizer or self._fit_tokenizer(
                    rest, held_out, start.info, session.seed
                )
                self._pretrain(session, start, tokenizer, rest, held_out)
        return self

    def _check_settings(self) -> None:
        super()._check_settings()
        check_range("drop_path", self.drop_path, 0.0, 0.99)
        for name in LOSS_WEIGHTS:
            check_range(name, getattr(self, name) or 0.0, 0.0, np.inf)
        if self.tokenizer_max_epochs is not None:
            check_whole("tokenizer_max_epochs", self.tokenizer_max_epochs, 0)

    def _start(self, X: Any) -> PretrainingStart:
        """Where pretraining starts, by the parameters and the filters of X."""
        weights, tokenizer = self._start_weights(("pretraining",)), self._given_tokenizer()
        check_sizes(checked_architecture(self.architecture), weights, tokenizer)
        if weights is not None and tokenizer is None:
            raise no_tokenizer(self.weights)
        info: dict[str, Any] = {} if weights is None else weights.info
        if weights is None and tokenizer is not None:
            info["filters"] = tokenizer.info.get("filters", {})
        before = self._info_before(X, info)
        return PretrainingStart(weights, tokenizer, before, self._n_epochs_to_train())

    def _given_tokenizer(self) -> Weights | None:
        """Weights of the tokenizer; with ``warm_start``, those of the previous fit."""
        if self.warm_start and self.__sklearn_is_fitted__():
            return self.tokenizer_weights_
        return resolve_weights(self.tokenizer, ("tokenizer",), "tokenizer")

    def _pretrain(
        self,
        session: Session,
        start: PretrainingStart,
        tokenizer: Weights,
        data: TrainingData,
        validation: TrainingData | None,
    ) -> None:
        """Train the encoder on a tokenizer's codes."""
        weights, info, crops = start.weights, start.info, checked_crops(self.crops)
        config = self._model_config(weights, tokenizer)
        if start.max_epochs:
            info = self._info_after(data.prepared, self.ch_names_in_, info, self._longest())
        coder = CodeMaker(tokenizer, resolve_device(self.device), self.batch_size)
        held_out = None if validation is None else coder.dataset(validation.prepared, info)
        with seeded(session.seed):
            net = train(
                self._net_class,
                masked_module(weights, config, info),
                # Crops lie across patches: their codes are made batch by batch.
                coder.dataset(data.prepared, info, crops is None, data.subjects),
                title="Pretraining",
                max_epochs=start.max_epochs,
                warmup_epochs=max(1, start.max_epochs // 4),
                encode=coder.encode,
                validation=held_out,
                **self._training_options(session, crops),
            )
        if start.max_epochs:
            fill_untrained_time_rows(net.module_.encoder, info["trained_patches"])
        self.tokenizer_weights_ = tokenizer
        self._hold(net.module_, config, info, net)
        self._remember_history(net)

    def _model_config(self, weights: Weights | None, tokenizer: Weights) -> dict[str, Any]:
        """Arguments of the masked model; ablations change some."""
        architecture = checked_architecture(self.architecture)
        loss_weights = {name: getattr(self, name) for name in LOSS_WEIGHTS}
        return masked_model_config(weights, tokenizer, architecture, self.drop_path, loss_weights)

    def _fit_tokenizer(
        self,
        data: TrainingData,
        validation: TrainingData | None,
        info: dict[str, Any],
        seed: int,
    ) -> Weights:
        """Fit a tokenizer of the same architecture on EEG that has been read and split."""
        engine = checked_engine(self.engine).get_params(deep=False)
        tokenizer = DDRVQTransformer(
            architecture=self.architecture,
            max_epochs=self.tokenizer_max_epochs,
            batch_size=self.batch_size,
            crops=self.crops,
            checkpoint_dir=folder_of_runs(self.checkpoint_dir, engine["resume_from"]),
            engine=Engine(**engine | {"callbacks": None, "resume_from": None}),
            filters=Filters(**asdict(self._filters(info))),
            device=self.device,
            random_state=seed,
            verbose=self.verbose,
        )
        # Any validation data have already been split off.
        given = data, None, validation, self.ch_names_in_
        return tokenizer._fit_prepared(tokenizer._start(None), *given).weights_

    def transform(self, X: Any) -> NDArray:
        """Embed epochs with the pretrained encoder.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate.

        Returns
        -------
        ndarray, float32
            As from :class:`BrainRVQEmbedder` with ``weights_``, which also offers other features.
        """
        check_fitted(self)
        return self._embed(X)

    def _embedding(self) -> Embedding:
        return Embedding()

    def score(self, X: Any, y: Any = None) -> float:
        """Compute the accuracy of predicting the codes of hidden patches.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : None
            Ignored.

        Returns
        -------
        float
            Mean over domains and levels, given the true codes of coarser levels, with masks drawn
            from a fixed seed.
        """
        check_fitted(self)
        coder = CodeMaker(self.tokenizer_weights_, self.net_.device, self.batch_size)
        dataset = coder.dataset(self._gather(X, self._info), self._info)
        return masked_accuracy(self.net_, dataset, coder.encode)
