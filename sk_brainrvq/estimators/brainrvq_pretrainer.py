"""BrainRVQPretrainer: self-supervised pretraining on the codes of hidden patches."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from sk_brainrvq.estimators._bases.embedding import EmbeddingMixin
from sk_brainrvq.estimators._bases.trained import TrainedTransformer
from sk_brainrvq.estimators._fitting.code_maker import CodeMaker
from sk_brainrvq.estimators._fitting.training_info import training_info
from sk_brainrvq.estimators._inputs.target_data import (
    groups_or_subjects,
    n_target_epochs,
    with_target_eeg,
    with_target_group,
)
from sk_brainrvq.estimators._inputs.validation import TrainingData
from sk_brainrvq.estimators._outputs.pooling import check_pooling
from sk_brainrvq.estimators.ddrvq_transformer import DDRVQTransformer
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.nn import importance_guided_mask
from sk_brainrvq.training import (
    Engine,
    PretrainingNet,
    RandomCrops,
    Session,
    plain_history,
    resolve_device,
    seeded,
    train,
)
from sk_brainrvq.weights import Weights, resolve_weights
from sk_brainrvq.weights.architecture import (
    PRETRAINING_ENCODER,
    check_no_conflict,
    resolve_sizes,
)
from sk_brainrvq.weights.modules import build_module, fill_untrained_time_rows
from sk_brainrvq.weights.resolving import tokenizer_of

# Weight of importance in the masks of score: the middle of the training curriculum.
_SCORE_INFO_WEIGHT = 0.45
_SCORE_SEED = 0


class BrainRVQPretrainer(EmbeddingMixin, TrainedTransformer):
    """Pretrain an encoder to predict the codes of hidden patches, coarse to fine.

    Parameters
    ----------
    tokenizer : None, "default", path or Weights, default=None
        Weights of the tokenizer whose codes are predicted. None fits a
        :class:`DDRVQTransformer` of the same architecture on X first. The path of a saved
        pretrainer stands for the tokenizer that it holds.
    weights : None, "default", path or Weights, default=None
        Pretraining weights to start from. None starts from scratch; given weights are used
        as they are, or trained on where ``max_epochs`` is given; they need the ``tokenizer``
        they were pretrained with: "default" for "default", the same path for a saved pretrainer.
    architecture : {"tiny", "small", "base"}, default="small"
        Preset of sizes; "base" is the paper's.
    embed_dim, depth, decoder_depth : int, optional
        Width (a multiple of 100), blocks of the encoders, blocks of the tokenizer's decoders.
    codebook_size, codebook_dim, n_quantizers : int, optional
        Sizes of the tokenizer's codebooks; with a given tokenizer they come from it.
    spectral_embedding : bool, optional
        Show the encoder each patch's log amplitude and spectrum beside its waveform; True by
        default.
    drop_path : float, default=0.1
        Stochastic depth of the last block.
    tokenizer_max_epochs : int, optional
        Passes over X of the tokenizer that ``tokenizer=None`` fits; 20 by default.
    max_epochs : int, optional
        Passes over X; by default 20 without and 0 with given ``weights``.
    lr : float, default=1e-3
        Peak learning rate of AdamW.
    weight_decay : float, default=0.05
    pooling : {"mean", "region", "channel", "mean_std", "cls", "none"}, default="mean"
        Of :meth:`transform`, as in :class:`BrainRVQEmbedder`.
    layer : int, optional
        Of :meth:`transform`, as in :class:`BrainRVQEmbedder`.
    spectrum : {"region", "mean", "channel"} or None, default="region"
        Of :meth:`transform`, as in :class:`BrainRVQEmbedder`.
    covariance : bool, default=True
        Of :meth:`transform`, as in :class:`BrainRVQEmbedder`.
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
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.MaskedCodeModel`.
    weights_ : Weights
        For ``weights=`` of :class:`BrainRVQEmbedder` and :class:`BrainRVQClassifier`.
    tokenizer_weights_ : Weights
    history_ : list of dict
        Loss and accuracies of each training epoch; "accuracies" is per domain and level.
    n_channels_in_ : int
    ch_names_in_ : list of str, or None
        Channels of the first recording.
    electrode_report_ : list of dict
        How each channel was mapped to electrodes: a table for ``pandas.DataFrame``.
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
    >>> pretrainer = BrainRVQPretrainer(architecture="tiny", codebook_size=16, max_epochs=1,
    ...                                 tokenizer_max_epochs=1, sfreq=200,
    ...                                 ch_names=["C3", "C4"], random_state=0)
    >>> pretrainer.fit(X).transform(X).shape
    (8, 796)
    >>> embedder = BrainRVQEmbedder(weights=pretrainer.weights_, sfreq=200,
    ...                             ch_names=["C3", "C4"])
    >>> bool(np.allclose(embedder.fit_transform(X), pretrainer.transform(X), atol=1e-5))
    True
    """

    _kind = "pretraining"
    _net_class = PretrainingNet
    _plain_attributes = (*TrainedTransformer._plain_attributes, "history_")
    _attached_weights = ("tokenizer_weights_",)

    def __init__(
        self,
        tokenizer: Any = None,
        *,
        weights: Any = None,
        architecture: str = "small",
        embed_dim: int | None = None,
        depth: int | None = None,
        decoder_depth: int | None = None,
        codebook_size: int | None = None,
        codebook_dim: int | None = None,
        n_quantizers: int | None = None,
        spectral_embedding: bool | None = None,
        drop_path: float = 0.1,
        tokenizer_max_epochs: int | None = None,
        max_epochs: int | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.05,
        pooling: str = "mean",
        layer: int | None = None,
        spectrum: str | None = "region",
        covariance: bool = True,
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
        self.tokenizer = tokenizer
        self.weights = weights
        self.architecture = architecture
        self.embed_dim = embed_dim
        self.depth = depth
        self.decoder_depth = decoder_depth
        self.codebook_size = codebook_size
        self.codebook_dim = codebook_dim
        self.n_quantizers = n_quantizers
        self.spectral_embedding = spectral_embedding
        self.drop_path = drop_path
        self.tokenizer_max_epochs = tokenizer_max_epochs
        self.max_epochs = max_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.pooling = pooling
        self.layer = layer
        self.spectrum = spectrum
        self.covariance = covariance
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

    def fit(
        self,
        X: Any,
        y: Any = None,
        groups: Any = None,
        *,
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
            If ``weights`` or ``tokenizer`` cannot be used.
        ResumeError
            If checkpoints cannot be written, or belong to another training.
        ValueError
            If ``groups`` and ``subjects`` differ.
        """
        with self._all_or_nothing():
            groups = groups_or_subjects(groups, subjects)
            groups = with_target_group(groups, n_target_epochs(X_target_unlabeled))
            X = with_target_eeg(X, X_target_unlabeled)
            return self._fit(X, groups)

    def _fit(self, X: Any, groups: Any) -> Self:
        weights = self._start_weights(("pretraining",))
        tokenizer = self._given_tokenizer()
        sizes = self._sizes(weights, tokenizer)
        if weights is not None and tokenizer is None:
            raise _no_tokenizer(self.weights)
        depth = sizes["depth"] if weights is None else weights.encoder_config["depth"]
        check_pooling(self.pooling, self.layer, depth, self.spectrum, self.covariance)
        self._info = {} if weights is None else weights.info
        if weights is None and tokenizer is not None:
            self._info["filters"] = tokenizer.info.get("filters", {})
        data = TrainingData(self._read_for_fit(X))
        group_of_epoch = self._groups_of(X, groups, data.prepared.n_epochs)
        pair = self._unlabelled_validation()
        with self._session("pretraining", data, group_of_epoch, pair) as session:
            rest, held_out = self._split(data, group_of_epoch, pair, session.seed)
            if tokenizer is None:
                tokenizer = self._fit_tokenizer(rest, held_out, sizes, session.seed)
            self._pretrain(session, weights, tokenizer, sizes, rest, held_out)
        return self

    def _given_tokenizer(self) -> Weights | None:
        """Weights of the tokenizer; those of the fit before with ``warm_start``."""
        if self.warm_start and self.__sklearn_is_fitted__():
            return self.tokenizer_weights_
        return resolve_weights(self.tokenizer, ("tokenizer",), "tokenizer")

    def _resolved_parameters(self) -> dict[str, Any]:
        start = self._start_weights(("pretraining",))
        return {"weights": start, "tokenizer": self._given_tokenizer()}

    def _pretrain(
        self,
        session: Session,
        weights: Weights | None,
        tokenizer: Weights,
        sizes: dict[str, int],
        data: TrainingData,
        validation: TrainingData | None,
    ) -> None:
        """Train the encoder on a tokenizer's codes."""
        config = self._module_config(sizes, tokenizer)
        if weights is not None:
            encoder = {**weights.encoder_config, "drop_path": self.drop_path}
            config = {**weights.config, "encoder": encoder}
        max_epochs = self.max_epochs
        if max_epochs is None:
            max_epochs = 20 if self.weights is None else 0
        info = self._info
        if max_epochs:
            info = training_info(
                data.prepared, self.ch_names_in_, info, asdict(self._filters()), self._longest()
            )
        coder = CodeMaker(tokenizer, resolve_device(self.device), self.batch_size)
        held_out = None if validation is None else coder.dataset(validation.prepared, info)
        with seeded(session.seed):
            module = build_module(self._kind, config) if weights is None else weights.module(config)
            net = train(
                self._net_class,
                module,
                # Crops lie across patches: their codes are made batch by batch.
                coder.dataset(data.prepared, info, with_codes=self.crops is None),
                title="Pretraining",
                max_epochs=max_epochs,
                warmup_epochs=max(1, max_epochs // 4),
                encode=coder.encode,
                **self._training_options(session, held_out),
            )
        if max_epochs:
            fill_untrained_time_rows(net.module_.encoder, info["trained_patches"])
        self.tokenizer_weights_ = tokenizer
        self._hold(net.module_, config, info, net)
        self.history_ = plain_history(net)

    def _sizes(self, weights: Weights | None, tokenizer: Weights | None) -> dict[str, int]:
        """Sizes of the networks to build, after checks against what was given."""
        encoder = {"embed_dim": self.embed_dim, "depth": self.depth}
        codes = {"codebook_size": self.codebook_size, "n_quantizers": self.n_quantizers}
        rest = {"decoder_depth": self.decoder_depth, "codebook_dim": self.codebook_dim}
        sizes = resolve_sizes(self.architecture, {**encoder, **codes, **rest})
        if weights is not None:
            spectral = {"spectral_embedding": self.spectral_embedding}
            check_no_conflict({**encoder, **spectral}, weights.encoder_config, weights)
            check_no_conflict(codes, weights.config, weights)
            sizes |= {name: weights.config[name] for name in codes}
        if tokenizer is not None:
            check_no_conflict({**codes, **rest}, tokenizer.config, tokenizer)
        if weights is not None and tokenizer is not None:
            _check_same_codes(weights, tokenizer)
        return sizes

    def _module_config(self, sizes: dict[str, int], tokenizer: Weights) -> dict[str, Any]:
        return {
            "encoder": {
                "embed_dim": sizes["embed_dim"],
                "depth": sizes["depth"],
                **PRETRAINING_ENCODER,
                "drop_path": self.drop_path,
                "spectral_embedding": self.spectral_embedding is not False,
            },
            "codebook_size": int(np.max(tokenizer.config["codebook_size"])),
            "n_quantizers": tokenizer.config["n_quantizers"],
        }

    def _fit_tokenizer(
        self,
        data: TrainingData,
        validation: TrainingData | None,
        sizes: dict[str, int],
        seed: int,
    ) -> Weights:
        runs = self.checkpoint_dir
        if runs is None and self.resume_from is not None:
            start = Path(self.resume_from).absolute()
            runs = (start.parent if start.is_file() else start).parent
        tokenizer = DDRVQTransformer(
            architecture=self.architecture,
            **cast(dict[str, Any], sizes),
            spectral_embedding=self.spectral_embedding,
            max_epochs=self.tokenizer_max_epochs,
            batch_size=self.batch_size,
            # What it is validated on is split off already.
            validation=None,
            steps_per_epoch=self.steps_per_epoch,
            crops=self.crops,
            checkpoint_dir=runs,
            engine=self.engine,
            **asdict(self._filters()),
            device=self.device,
            random_state=seed,
            verbose=self.verbose,
        )
        tokenizer.ch_names_in_, tokenizer.n_channels_in_ = self.ch_names_in_, self.n_channels_in_
        return tokenizer.fit_parts(data, validation).weights_

    def transform(self, X: Any) -> NDArray:
        """Embed epochs with the pretrained encoder.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate.

        Returns
        -------
        ndarray, float32
            As of :meth:`BrainRVQEmbedder.transform`.
        """
        check_is_fitted(self)
        return self._embed(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Accuracy of predicting the codes of hidden patches.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : None
            Ignored.

        Returns
        -------
        float
            Mean over domains and levels, given the true codes of coarser levels; masks are
            drawn from a fixed seed.
        """
        check_is_fitted(self)
        net, total, n_positions = self.net_, 0.0, 0
        coder = CodeMaker(self.tokenizer_weights_, net.device, self.batch_size)
        prepared = self._gather(X)
        with seeded(_SCORE_SEED), torch.inference_mode():
            for batch, _ in net.get_iterator(coder.dataset(prepared, self._info)):
                placed = batch.to(net.device)
                if placed.codes is None:
                    placed.codes = coder.encode(placed.x, placed.code_electrodes)
                mask = importance_guided_mask(placed.x, _SCORE_INFO_WEIGHT)
                output = net.module_(
                    placed.x, placed.electrodes, mask, placed.codes, return_logits=False
                )
                total += float(output.accuracy.mean()) * mask.numel()
                n_positions += mask.numel()
        return total / n_positions


def _no_tokenizer(weights: Any) -> CheckpointError:
    """The error for weights alone, which says what to pass beside them."""
    found = tokenizer_of(weights)
    advice = (
        f"tokenizer={str(found)!r} (on the command line --tokenizer {found})."
        if found is not None
        else "tokenizer=pretrainer.tokenizer_weights_ of the fitted pretrainer, or the folder that "
        "it, or its tokenizer, was saved in."
    )
    return CheckpointError(
        f"weights={weights!r} was given without a tokenizer: its heads know the codes of the "
        f"tokenizer it was pretrained with alone. Pass that one, too: {advice}"
    )


def _check_same_codes(weights: Weights, tokenizer: Weights) -> None:
    found = int(np.max(tokenizer.config["codebook_size"])), tokenizer.config["n_quantizers"]
    expected = weights.config["codebook_size"], weights.config["n_quantizers"]
    if found != expected:
        raise CheckpointError(
            f"{tokenizer!r} has (codebook_size, n_quantizers) = {found}, but {weights!r} predicts "
            f"{expected}: pass the tokenizer these weights were pretrained with."
        )
