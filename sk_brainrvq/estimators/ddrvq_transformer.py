"""DDRVQTransformer: EEG to hierarchical discrete codes and back."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from sk_brainrvq.estimators._bases.decoding import CodeDecoding
from sk_brainrvq.estimators._bases.trained import TrainedTransformer
from sk_brainrvq.estimators._fitting import tokenizing
from sk_brainrvq.estimators._fitting.tokenizing import TokenizerStart
from sk_brainrvq.estimators._inputs.array_checks import has_same_channels
from sk_brainrvq.estimators._inputs.number_checks import check_range
from sk_brainrvq.estimators._inputs.validation import TrainingData, some_segments
from sk_brainrvq.estimators._outputs import code_quality as quality
from sk_brainrvq.estimators._outputs import codes as coding
from sk_brainrvq.estimators._outputs.pooling import join_segments
from sk_brainrvq.estimators._outputs.result_sizes import n_epochs_at_least, n_patches_at_least
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.signals import EpochBlock, Filters, PatchGroup, Reading
from sk_brainrvq.signals.patches import with_every_channel
from sk_brainrvq.training import (
    Batch,
    Engine,
    RandomCrops,
    TokenizerNet,
    checked_crops,
    run_batches,
)
from sk_brainrvq.training.memory.out_of_memory import warn_of_large_result
from sk_brainrvq.weights import Architecture

# A sample of the training data that is large enough to see whether levels help.
_BATCHES_TO_JUDGE = 4


class DDRVQTransformer(CodeDecoding, TrainedTransformer):
    """Tokenizer: each second of each channel becomes codes of its waveform and its spectrum.

    Parameters
    ----------
    weights : None, path, "hf://owner/name" or Weights, default=None
        None learns a tokenizer from X. Given weights are used unchanged, or trained further if
        ``max_epochs`` is given. "default" and "tokenizer-2026.11" are the bundled tokenizer.
    architecture : {"tiny", "small", "base"}, Architecture or None, default=None
        Size of the network, by name or in detail. None is that of the given weights, or "small"
        from scratch; "base" is the paper's. With given weights, another size is an error.
    quantizer_dropout : float, default=0.3
        Share of EEG epochs that are decoded from fewer levels in training, so that decoding with
        ``n_levels`` is trained too.
    max_epochs : int, optional
        Passes over X; by default 10 without and 0 with given ``weights``.
    lr : float, default=1e-3
        Peak learning rate of AdamW.
    weight_decay : float, default=1e-4
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
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.DualDomainTokenizer`.
    weights_ : Weights
        Weights of the fitted network, for ``weights=`` of another estimator.
    history_ : list of dict
        Losses in each training epoch, perplexities of the codebooks, and "valid_loss".
    best_epoch_ : int
        Training epoch that early stopping kept.
    codebook_usage_ : ndarray, shape (2, n_quantizers)
        Share of the codes in use, per domain (time, frequency) and level; for a corpus, in a
        sample.
    perplexity_ : ndarray, shape (2, n_quantizers)
        Exponential of the entropy of code use: the number of codes effectively in use.
    n_channels_in_ : int
        Number of channels of the first recording.
    ch_names_in_ : list of str, or None
        Names of the channels of the first recording.
    electrode_report_ : list of dict
        How each channel was mapped to electrodes; ``pandas.DataFrame`` makes a table of it.
    n_features_in_ : int
        Samples of 2-D arrays, channels otherwise.

    See Also
    --------
    CodeHistogram : Counts of codes, as features.

    Notes
    -----
    Source: the BrainRVQ paper (2026), DD-RVQ.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq import DDRVQTransformer
    >>> X = np.random.default_rng(0).normal(scale=20, size=(8, 2, 600))
    >>> tokenizer = DDRVQTransformer(architecture="tiny", max_epochs=1, sfreq=200,
    ...                              ch_names=["C3", "C4"], random_state=0)
    >>> codes = tokenizer.fit_transform(X)
    >>> codes.shape
    (8, 2, 3, 2, 3)
    >>> tokenizer.inverse_transform(codes, n_levels=1).shape
    (8, 2, 3, 200)
    >>> tokenizer.reconstruct(X).shape
    (8, 2, 600)
    """

    _kind = "tokenizer"
    _net_class = TokenizerNet
    _plain_attributes = (
        *TrainedTransformer._plain_attributes,
        "history_",
        "best_epoch_",
        "codebook_usage_",
        "perplexity_",
        "_positions_in",
    )

    def __init__(
        self,
        weights: Any = None,
        *,
        architecture: str | Architecture | None = None,
        quantizer_dropout: float = 0.3,
        max_epochs: int | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
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
        self.weights = weights
        self.architecture = architecture
        self.quantizer_dropout = quantizer_dropout
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # codes are int32 whatever comes in
        return tags

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        groups: Any = None,
        subjects: Any = None,
        X_target_unlabeled: Any = None,
    ) -> Self:
        """Learn the tokenizer from unlabelled EEG.

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
            If X cannot be used as EEG, or ``weights`` cannot be used.
        ResumeError, ValueError
            If checkpoints cannot be used, or ``groups`` and ``subjects`` differ.
        """
        with self._all_or_nothing():
            self._check_settings()
            X, groups = self._with_target(X, groups, subjects, X_target_unlabeled)
            start = self._start(X)
            data, groups = self._read_unlabelled(X, groups, start.info)
            validation = self._unlabelled_validation(start.info)
            return self._fit_prepared(start, data, groups, validation, self.ch_names_in_)

    def _check_settings(self) -> None:
        super()._check_settings()
        check_range("quantizer_dropout", self.quantizer_dropout, 0.0, 1.0)

    def _n_epochs_to_train(self) -> int:
        # Codes start from k-means and are soon as good as they will be: 20 passes over 1.6 hours of
        # EEG explain no more than 5 (benchmarks/details/codes.md).
        by_default = self.max_epochs is None and self.weights is None
        return 10 if by_default else super()._n_epochs_to_train()

    def _start(self, X: Any) -> TokenizerStart:
        """Where training starts, by the parameters and the filters of X."""
        weights = self._start_weights(("tokenizer",))
        config = tokenizing.tokenizer_config(weights, self.architecture, self.quantizer_dropout)
        info = self._info_before(X, {} if weights is None else weights.info)
        return TokenizerStart(weights, config, info, self._n_epochs_to_train())

    def _fit_prepared(
        self,
        start: TokenizerStart,
        data: TrainingData,
        groups: NDArray | None,
        validation: TrainingData | None,
        ch_names: list[str] | None,
    ) -> Self:
        """Learn from EEG that has already been read, such as a pretrainer's."""
        tokenizing.warn_of_large_codebook(data.prepared, start)
        info, crops = start.info, checked_crops(self.crops)
        if start.max_epochs:
            info = self._info_after(data.prepared, ch_names, info, self._longest())
        given = {"weights": start.weights}
        with self._session("tokenizer", data, groups, validation, given) as session:
            rest, held_out = self._split(data, groups, validation, session.seed)
            options = self._training_options(session, crops)
            net = tokenizing.train_tokenizer(start, rest, held_out, info, options)
        self._hold(net.module_, start.config, info, net)
        self._remember_history(net)
        looked_at = self._encoded(some_segments(rest.prepared).groups)
        self.codebook_usage_, self.perplexity_ = coding.code_use(looked_at, net.module_.quantizers)
        if start.max_epochs:
            self._warn_of_poor_codes(rest)
        return self

    def _warn_of_poor_codes(self, data: TrainingData) -> None:
        module = self.net_.module_
        groups = some_segments(data.prepared).groups
        errors = partial(quality.errors_by_level, module)
        results = run_batches(errors, groups, self.batch_size, self.net_.device)
        explained = quality.explained_by_level(islice(results, _BATCHES_TO_JUDGE))
        mode = module.quantizers[0].mode
        quality.warn_of_poor_codes(explained, self.codebook_usage_, mode)

    def transform(self, X: Any) -> NDArray:
        """Encode EEG as codes.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate. Channels are put in the order of fit.

        Returns
        -------
        ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers), int32
            ``[..., 0, :]`` time domain, ``[..., 1, :]`` frequency domain, coarse to fine.
        """
        check_fitted(self)
        self._warn_of_large_codes(X)
        blocks = map(self._in_order_of_fit, self._blocks(X, self._info))
        read = self._patches(blocks, self._info, fixed_by=coding.FIXED_BY)
        groups = with_every_channel(read)
        return join_segments(self._encoded(groups))

    def _warn_of_large_codes(self, X: Any) -> None:
        """Warn before codes are computed that memory cannot hold, if X tells how many."""
        n_epochs, n_patches = n_epochs_at_least(X), n_patches_at_least(X, self.sfreq)
        n_levels = self.weights_.config["n_quantizers"]
        n_bytes = 8 * n_epochs * self.n_channels_in_ * n_patches * n_levels  # two domains, int32
        less = ["fewer epochs per call: write the codes of each part to disk"]
        warn_of_large_result(n_bytes, f"codes of {n_epochs:,} or more epochs", less)

    def _in_order_of_fit(self, block: EpochBlock) -> EpochBlock:
        """The block with its channels in the order of fit, if they are the same channels."""
        same = has_same_channels(block.ch_names, self.ch_names_in_)
        return self._reorder(block) if same else block

    def _encoded(self, groups: Iterable[PatchGroup]) -> Iterator[tuple[Batch, torch.Tensor]]:
        encode = partial(coding.encoded, self.net_.module_)
        return run_batches(encode, groups, self.batch_size, self.net_.device)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: codes are not a table, but pipelines set the output of all their steps."""
        return self
