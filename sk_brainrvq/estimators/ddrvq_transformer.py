"""DDRVQTransformer: EEG to hierarchical discrete codes and back."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.utils.validation import check_is_fitted

from sk_brainrvq.estimators._bases.trained import TrainedTransformer
from sk_brainrvq.estimators._fitting.training_info import training_info
from sk_brainrvq.estimators._inputs.array_checks import check_codes, has_same_channels, is_2d_array
from sk_brainrvq.estimators._inputs.target_data import (
    groups_or_subjects,
    n_target_epochs,
    with_target_eeg,
    with_target_group,
)
from sk_brainrvq.estimators._inputs.validation import TrainingData, some_segments
from sk_brainrvq.estimators._outputs.pooling import join_segments
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.nn import DualDomainTokenizer
from sk_brainrvq.nn.targets import standardise_patches
from sk_brainrvq.signals import EpochBlock, PatchGroup, PreparedEEG
from sk_brainrvq.signals.electrodes import electrode_rows, match_electrodes
from sk_brainrvq.signals.preparation import (
    PATCH_SAMPLES,
    rematch,
    restore_signals,
    segment_bounds,
)
from sk_brainrvq.training import (
    Batch,
    Engine,
    RandomCrops,
    SegmentDataset,
    TokenizerNet,
    plain_history,
    run_batches,
    seeded,
    train,
)
from sk_brainrvq.weights import Weights
from sk_brainrvq.weights.architecture import check_no_conflict, resolve_sizes
from sk_brainrvq.weights.modules import build_module, fill_untrained_time_rows


class DDRVQTransformer(TrainedTransformer):
    """Tokenizer: each second of each channel becomes codes of its waveform and its spectrum.

    Parameters
    ----------
    weights : None, path or Weights, default=None
        None learns a tokenizer from X. Given weights of a tokenizer are used as they are, or
        trained on where ``max_epochs`` is given. "default" is the bundled model.
    architecture : {"tiny", "small", "base"}, default="small"
        Preset of sizes; "base" is the paper's.
    embed_dim, depth, decoder_depth : int, optional
        Width (a multiple of 100), blocks of the encoder and of each decoder.
    codebook_size, codebook_dim, n_quantizers : int, optional
        Codes per level, width of a codeword, levels per domain.
    quantizer_mode : {"residual", "official"}, optional
        "residual", the default, quantizes true residuals; "official" is the published
        computation.
    targets : {"extended", "published"}, optional
        What the decoders reconstruct; "extended" by default.
    spectral_embedding : bool, optional
        Show the encoder each patch's log amplitude and spectrum beside its waveform; True by
        default.
    quantizer_dropout : float, default=0.5
        Share of training epochs decoded from fewer levels, so that ``n_levels`` is a trained
        situation.
    max_epochs : int, optional
        Passes over X; by default 20 without and 0 with given ``weights``.
    lr : float, default=1e-3
        Peak learning rate of AdamW.
    weight_decay : float, default=1e-4
    batch_size : int, default=16
        EEG epochs in a batch, of all processes together.
    validation : float, tuple (X, y) or None, default=None
        Data to score after each training epoch: a fraction of X, split off by ``groups`` where
        ``fit`` gets them (and by subject in an :class:`EEGCorpus`), or data of its own.
    early_stopping : int, optional
        Stop after that many training epochs without a lower validation loss, and keep the
        weights of the best one.
    steps_per_epoch : int, optional
        Batches of a training epoch; one pass over X by default.
    crops : RandomCrops, optional
        Train on random crops of X in place of its epochs as they are.
    checkpoint_dir : path, optional
        Save the training there after each epoch, in a folder named by parameters and data. Fit
        again and an unfinished training goes on, a finished one returns its result, with
        ``random_state=None`` too.
    resume_from : path, optional
        Folder of a run in a ``checkpoint_dir``, or a checkpoint in it: go on from there, or fail
        where parameters or data were others.
    callbacks : list of skorch.callbacks.Callback, optional
        Your own. Cloned before use.
    warm_start : bool, default=False
        Start another ``fit`` from the weights of the one before.
    engine : Engine, optional
        Precision, compilation, gradient accumulation, clipping, warm-up.
    sfreq : float, optional
        Sampling rate of arrays in Hz; 200 is assumed, with a warning, where it is not given.
        MNE objects carry their own.
    ch_names : sequence of str, optional
        Channel names of arrays. MNE objects carry their own.
    unit : {"uV", "mV", "V"}, default="uV"
        Unit of arrays. MNE objects are in volts.
    window, overlap : float, default=10.0 and 0.0
        Seconds: how continuous recordings are cut into epochs.
    l_freq, h_freq, notch : float or None, default="auto"
        Band-pass and mains filter in Hz; None leaves one out. "auto" is what the weights were
        trained with, and none from scratch. What MNE's info says was done is not done again.
    reference : "average", channel name, sequence of names or None, default="auto"
        Subtracted from all channels; None leaves them as recorded.
    electrode_map : mapping of str to str, sequence or mapping, optional
        Where channels lie, in place of what their names say: an electrode, a pair such as
        "FP1-F7", several names, or names with weights.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do about a file in a list of files that cannot be used.
    device : str, default="auto"
        "auto" takes CUDA, MPS or the CPU, or a torch device.
    random_state : int, RandomState or None, default=None
        None draws a new seed at every fit; with ``checkpoint_dir`` it stands for the seed that the
        run with these parameters and data began with, so that it can go on.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.DualDomainTokenizer`.
    weights_ : Weights
    history_ : list of dict
        Losses of each training epoch and perplexity of its codebooks; "valid_loss" where there
        are validation data.
    codebook_usage_ : ndarray, shape (2, n_quantizers)
        Share of the codes that X uses, per domain (time, frequency) and level; of a corpus a
        sample of its windows.
    perplexity_ : ndarray, shape (2, n_quantizers)
        Exponential of the entropy of code use: the number of codes effectively in use.
    n_channels_in_ : int
    ch_names_in_ : list of str, or None
        Channels of the first recording.
    electrode_report_ : list of dict
        How each channel was mapped to electrodes: a table for ``pandas.DataFrame``.
    n_features_in_ : int
        Samples of 2-D arrays, channels otherwise.

    See Also
    --------
    CodeHistogram : Counts of codes, as features.
    BrainRVQPretrainer : Learns to predict the codes of hidden patches.

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
        "codebook_usage_",
        "perplexity_",
        "_positions_in",
    )

    def __init__(
        self,
        weights: Any = None,
        *,
        architecture: str = "small",
        embed_dim: int | None = None,
        depth: int | None = None,
        decoder_depth: int | None = None,
        codebook_size: int | None = None,
        codebook_dim: int | None = None,
        n_quantizers: int | None = None,
        quantizer_mode: str | None = None,
        targets: str | None = None,
        spectral_embedding: bool | None = None,
        quantizer_dropout: float = 0.5,
        max_epochs: int | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        batch_size: int = 16,
        validation: Any = None,
        early_stopping: int | None = None,
        steps_per_epoch: int | None = None,
        crops: RandomCrops | None = None,
        checkpoint_dir: str | Path | None = None,
        resume_from: str | Path | None = None,
        callbacks: Sequence[Any] | None = None,
        warm_start: bool = False,
        engine: Engine | None = None,
        sfreq: float | None = None,
        ch_names: Sequence[str] | None = None,
        unit: str = "uV",
        window: float = 10.0,
        overlap: float = 0.0,
        l_freq: float | str | None = "auto",
        h_freq: float | str | None = "auto",
        notch: float | str | None = "auto",
        reference: str | Sequence[str] | None = "auto",
        electrode_map: Mapping[str, Any] | None = None,
        on_error: str = "raise",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ):
        self.weights = weights
        self.architecture = architecture
        self.embed_dim = embed_dim
        self.depth = depth
        self.decoder_depth = decoder_depth
        self.codebook_size = codebook_size
        self.codebook_dim = codebook_dim
        self.n_quantizers = n_quantizers
        self.quantizer_mode = quantizer_mode
        self.targets = targets
        self.spectral_embedding = spectral_embedding
        self.quantizer_dropout = quantizer_dropout
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.validation = validation
        self.early_stopping = early_stopping
        self.steps_per_epoch = steps_per_epoch
        self.crops = crops
        self.checkpoint_dir = checkpoint_dir
        self.resume_from = resume_from
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.engine = engine
        self.sfreq = sfreq
        self.ch_names = ch_names
        self.unit = unit
        self.window = window
        self.overlap = overlap
        self.l_freq = l_freq
        self.h_freq = h_freq
        self.notch = notch
        self.reference = reference
        self.electrode_map = electrode_map
        self.on_error = on_error
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
        groups: Any = None,
        *,
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
            Epochs of a group (a subject) stay on one side of the ``validation`` split.
        subjects : array-like, shape (n_epochs,), optional
            MOABB's word for ``groups``.
        X_target_unlabeled : array or mne.Epochs, optional
            EEG of the subject the model is for, trained on beside X as a group of its own.
            MOABB's evaluations hand it over with calibration; see ``set_fit_request``.

        Returns
        -------
        self

        Raises
        ------
        InvalidEEGError
            If X cannot be used as EEG; the message names the offender.
        CheckpointError
            If ``weights`` cannot be used.
        ResumeError
            If checkpoints cannot be written, or belong to another training.
        ValueError
            If ``groups`` and ``subjects`` differ.
        """
        with self._all_or_nothing():
            groups = groups_or_subjects(groups, subjects)
            groups = with_target_group(groups, n_target_epochs(X_target_unlabeled))
            X = with_target_eeg(X, X_target_unlabeled)
            weights, _ = self._starting_point()
            self._info = {} if weights is None else weights.info
            data = TrainingData(self._read_for_fit(X))
            return self._fit(
                data,
                self._groups_of(X, groups, data.prepared.n_epochs),
                self._unlabelled_validation(),
            )

    def fit_parts(self, data: TrainingData, validation: TrainingData | None) -> Self:
        """Learn from EEG that is read and split already; :meth:`fit` is the public way.

        Parameters
        ----------
        data : TrainingData
        validation : TrainingData or None

        Returns
        -------
        self
        """
        weights, _ = self._starting_point()
        self._info = {} if weights is None else weights.info
        return self._fit(data, None, validation)

    def _fit(
        self, data: TrainingData, groups: NDArray | None, validation: TrainingData | None
    ) -> Self:
        weights, config = self._starting_point()
        max_epochs = self.max_epochs
        if max_epochs is None:
            max_epochs = 20 if self.weights is None else 0
        self._warn_of_large_codebook(data.prepared, config, max_epochs)
        info = self._info
        if max_epochs:
            info = training_info(
                data.prepared, self.ch_names_in_, info, asdict(self._filters()), self._longest()
            )
        with self._session("tokenizer", data, groups, validation) as session:
            rest, held_out = self._split(data, groups, validation, session.seed)
            with seeded(session.seed):
                module = (
                    build_module(self._kind, config) if weights is None else weights.module(config)
                )
                net = train(
                    self._net_class,
                    module,
                    self._dataset(rest, info),
                    title="Tokenizer",
                    max_epochs=max_epochs,
                    warmup_epochs=1,
                    **self._training_options(session, self._dataset(held_out, info)),
                )
        self._complete(net.module_, info)
        self._hold(net.module_, config, info, net)
        self.history_ = plain_history(net)
        self._count_codes(some_segments(rest.prepared))
        return self

    @overload
    def _dataset(self, data: TrainingData, info: Mapping[str, Any]) -> SegmentDataset: ...

    @overload
    def _dataset(self, data: None, info: Mapping[str, Any]) -> None: ...

    def _dataset(self, data: TrainingData | None, info: Mapping[str, Any]) -> SegmentDataset | None:
        """Segments to train on; unknown electrodes get the mean of the trained rows, as later."""
        if data is None:
            return None
        rows, official = info.get("trained_rows"), info.get("official", False)
        return SegmentDataset(rematch(data.prepared, rows, official))

    def _starting_point(self) -> tuple[Weights | None, dict[str, Any]]:
        """Given weights, if any, and the configuration of the module."""
        overrides = {
            "embed_dim": self.embed_dim,
            "depth": self.depth,
            "decoder_depth": self.decoder_depth,
            "codebook_size": self.codebook_size,
            "codebook_dim": self.codebook_dim,
            "n_quantizers": self.n_quantizers,
        }
        given = {
            "quantizer_mode": self.quantizer_mode,
            "targets": self.targets,
            "spectral_embedding": self.spectral_embedding,
        }
        sizes = resolve_sizes(self.architecture, overrides)
        weights = self._start_weights(("tokenizer",))
        if weights is not None:
            check_no_conflict({**overrides, **given}, weights.config, weights)
            return weights, {**weights.config, "quantizer_dropout": self.quantizer_dropout}
        defaults = {"quantizer_mode": "residual", "targets": "extended", "spectral_embedding": True}
        chosen = {name: value for name, value in given.items() if value is not None}
        return None, {
            **sizes,
            **defaults,
            **chosen,
            "quantizer_dropout": self.quantizer_dropout,
        }

    def _warn_of_large_codebook(
        self, prepared: PreparedEEG, config: dict[str, Any], max_epochs: int
    ) -> None:
        n_patches = sum(int(np.prod(group.patches.shape[:3])) for group in prepared.groups)
        size = np.max(config["codebook_size"])
        if max_epochs and size > n_patches:
            warnings.warn(
                f"codebook_size={size} exceeds the {n_patches} patches of X: some codes will "
                "never be used. Give more data or a smaller codebook_size.",
                EEGWarning,
                stacklevel=4,
            )

    @staticmethod
    def _complete(module: DualDomainTokenizer, info: dict[str, Any]) -> None:
        """Give time rows that no training saw a sensible value."""
        if info.get("trained_patches"):
            for part in (module.encoder, *module.decoders):
                fill_untrained_time_rows(part, info["trained_patches"])

    def transform(self, X: Any) -> NDArray:
        """Codes of EEG.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate. Named channels are put in the order of fit
            where they are the same; other montages keep their own order.

        Returns
        -------
        ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers), int32
            ``[..., 0, :]`` time domain, ``[..., 1, :]`` frequency domain, coarse to fine.
        """
        check_is_fitted(self)
        blocks = (self._in_order_of_fit(block) for block in self._blocks(X, reset=False))
        return join_segments(self._encoded(self._patches(blocks)))

    def _in_order_of_fit(self, block: EpochBlock) -> EpochBlock:
        """The block with its channels in the order of fit, where they are the channels of fit."""
        same = has_same_channels(block.ch_names, self.ch_names_in_)
        return self._reorder(block) if same else block

    def _encoded(self, groups: Iterable[PatchGroup]) -> Iterator[tuple[Batch, torch.Tensor]]:
        def encode(batch: Batch) -> torch.Tensor:
            return self.net_.module_.encode(batch.x, batch.electrodes).int()

        return run_batches(encode, groups, self.batch_size, self.net_.device)

    def inverse_transform(self, X: Any, n_levels: int | None = None) -> NDArray:
        """Standardised waveforms that codes stand for.

        Parameters
        ----------
        X : ndarray, shape (n_epochs, n_channels, n_patches, 2, n_quantizers)
            Codes from :meth:`transform`, of the channels of fit.
        n_levels : int, optional
            Levels used; all by default.

        Returns
        -------
        ndarray, shape (n_epochs, n_channels, n_patches, 200), float32
            Mean 0 and standard deviation 1 in each patch, at 200 Hz.
        """
        check_is_fitted(self)
        codes = check_codes(X, self.n_channels_in_, list(self.net_.module_.quantizers))
        module, device = self.net_.module_, self.net_.device
        electrodes = torch.from_numpy(self._electrodes_of_fit()).to(device)
        decoded = np.empty((*codes.shape[:3], PATCH_SAMPLES), np.float32)
        with torch.inference_mode():
            for first, last in segment_bounds(codes.shape[2]):
                for start in range(0, len(codes), self.batch_size):
                    rows = slice(start, start + self.batch_size)
                    batch = torch.from_numpy(codes[rows, :, first:last]).to(device)
                    waveform = module.decode(batch, electrodes, n_levels).waveform
                    decoded[rows, :, first:last] = waveform.cpu().numpy()
        return decoded

    def _electrodes_of_fit(self) -> NDArray:
        info = self._info
        rows, official = info.get("trained_rows"), info.get("official", False)
        matches = match_electrodes(
            self.ch_names_in_,
            self.n_channels_in_,
            rows,
            official,
            # Tokenizers saved by an earlier version lack them.
            positions=getattr(self, "_positions_in", None),
            electrode_map=self.electrode_map,
        )
        return electrode_rows(matches)

    def reconstruct(self, X: Any, n_levels: int | None = None) -> NDArray:
        """EEG coded and decoded again.

        Each patch keeps its own mean and standard deviation, which codes do not hold.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; of several recordings those of one montage, rate and length.
        n_levels : int, optional
            Levels used; all by default.

        Returns
        -------
        ndarray, shape (n_epochs, n_channels, n_times), float32
            In microvolts. Arrays and Epochs come back at their own rate and in their own shape
            (Epochs: of their good EEG channels). Continuous recordings and corpora come back as
            their windows at 200 Hz.

        Raises
        ------
        InvalidEEGError
            If X mixes montages, rates or lengths, which no one array can hold.
        """
        check_is_fitted(self)
        blocks = list(self._blocks(X, reset=False))
        _check_alike(blocks)

        def rebuild(batch: Batch) -> torch.Tensor:
            waveform = self._decoded(batch, n_levels)
            x = batch.x
            return waveform * (x.std(-1, keepdim=True) + 1e-6) + x.mean(-1, keepdim=True)

        groups = self._patches(blocks)
        patches = join_segments(run_batches(rebuild, groups, self.batch_size, self.net_.device))
        signals = restore_signals(patches, blocks[0].sfreq, blocks[0].data.shape[-1])
        return signals[:, 0] if is_2d_array(X) else signals

    def _decoded(self, batch: Batch, n_levels: int | None) -> torch.Tensor:
        module = self.net_.module_
        codes = module.encode(batch.x, batch.electrodes)
        return module.decode(codes, batch.electrodes, n_levels).waveform

    def score(self, X: Any, y: Any = None, n_levels: int | None = None) -> float:
        """Explained variance of the standardised waveform.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : None
            Ignored.
        n_levels : int, optional
            Levels used; all by default.

        Returns
        -------
        float
            1 minus squared error over variance, over all patches; 1 is perfect, 0 what the
            mean of each patch explains. Flat signals have no variance to explain: 1 where
            they are reconstructed exactly, else 0.
        """
        check_is_fitted(self)

        def errors(batch: Batch) -> torch.Tensor:
            target = standardise_patches(batch.x)
            error = target - self._decoded(batch, n_levels)
            return torch.stack([error.square(), target.square()], 1).sum((2, 3, 4))

        results = run_batches(errors, self._read(X), self.batch_size, self.net_.device)
        error, variance = np.sum([r.double().sum(0).numpy() for _, r in results], axis=0)
        return float(1 - error / variance) if variance > 0 else float(error == 0)

    def _count_codes(self, prepared: PreparedEEG) -> None:
        """Usage and perplexity of each codebook over EEG of any mixture of montages."""
        sizes = [quantizer.codebook_sizes for quantizer in self.net_.module_.quantizers]
        counts = np.zeros((2, len(sizes[0]), int(np.max(sizes))))
        for _, codes in self._encoded(prepared.groups):
            for domain, level in np.ndindex(counts.shape[:2]):
                used = codes[..., domain, level].flatten().numpy()
                counts[domain, level] += np.bincount(used, minlength=counts.shape[-1])
        share = counts / counts.sum(-1, keepdims=True)
        self.codebook_usage_ = np.count_nonzero(counts, axis=-1) / np.array(sizes)
        self.perplexity_ = np.exp(-xlogy(share, share).sum(-1))


def _check_alike(blocks: Sequence[EpochBlock]) -> None:
    """Raise InvalidEEGError unless the blocks have the same channels, rate and length."""
    kinds = {(tuple(b.ch_names or ()), b.sfreq, b.data.shape[1:]) for b in blocks}
    if len(kinds) > 1:
        sizes = sorted((*shape, sfreq) for _, sfreq, shape in kinds)
        listed = ", ".join(f"({n}, {n_times}, {sfreq:g} Hz)" for n, n_times, sfreq in sizes)
        raise InvalidEEGError(
            f"X holds epochs of {len(kinds)} montages, rates or lengths, which one array cannot "
            f"hold: (channels, samples, rate) are {listed}. Reconstruct them one kind at a time."
        )
