"""BrainRVQClassifier: a pretrained encoder fine-tuned on labelled EEG."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sk_brainrvq.estimators.architectures import (
    PRETRAINING_ENCODER,
    check_no_conflict,
    resolve_sizes,
)
from sk_brainrvq.estimators.base import EEGEstimator
from sk_brainrvq.estimators.pooling import average_segments
from sk_brainrvq.estimators.training_info import training_info
from sk_brainrvq.nn import EncoderClassifier
from sk_brainrvq.signals.braindecode_input import is_braindecode_dataset, labels_of
from sk_brainrvq.signals.preparation import rematch
from sk_brainrvq.training import (
    Batch,
    ClassifierNet,
    SegmentDataset,
    draw_seed,
    plain_history,
    resolve_device,
    run_batches,
    seeded,
    train,
)
from sk_brainrvq.weights import Weights, resolve_weights
from sk_brainrvq.weights.modules import build_module, fill_untrained_time_rows


class BrainRVQClassifier(ClassifierMixin, EEGEstimator):
    """Fine-tune an encoder, with a linear head on the mean of its patch tokens.

    Parameters
    ----------
    weights : "default", path, Weights or None, default="default"
        Weights of any network of this package to start from. None starts from scratch.
    architecture : {"tiny", "small", "base"}, default="small"
        Size where ``weights`` is None.
    embed_dim, depth : int, optional
        Single sizes laid over it.
    spectral_embedding : bool, optional
        Show the encoder each patch's log amplitude and spectrum beside its waveform; True by
        default.
    drop_path : float, default=0.1
        Stochastic depth of the last block.
    max_epochs : int, default=20
        Passes over X.
    lr : float, default=5e-4
        Peak learning rate of AdamW, of the head.
    layer_decay : float, default=0.9
        Factor of the learning rate from one block to the one below.
    weight_decay : float, default=0.05
    label_smoothing : float, default=0.0
    class_weight : "balanced", dict or None, default=None
        Weights of the classes in the loss, as in scikit-learn.
    batch_size : int, default=16
        EEG epochs in a batch.
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
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    net_ : skorch.NeuralNet
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.EncoderClassifier`.
    weights_ : Weights
    history_ : list of dict
        Loss of each training epoch.
    n_channels_in_ : int
    ch_names_in_ : list of str, or None
        Channels of the first recording.
    electrode_report_ : list of dict
        How each channel was mapped to electrodes: a table for ``pandas.DataFrame``.
    n_features_in_ : int
        Samples of 2-D arrays, channels otherwise.

    Notes
    -----
    Source: the BrainRVQ paper (2026), fine-tuning, with the head of the published code.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq import BrainRVQClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(scale=20, size=(12, 2, 400)), ["rest", "task"] * 6
    >>> classifier = BrainRVQClassifier(weights=None, architecture="tiny", max_epochs=1,
    ...                                 sfreq=200, ch_names=["C3", "C4"], random_state=0)
    >>> classifier.fit(X, y).predict_proba(X).shape
    (12, 2)
    >>> classifier.classes_.tolist()
    ['rest', 'task']
    """

    _kind = "classifier"
    _net_class = ClassifierNet
    _plain_attributes = (*EEGEstimator._plain_attributes, "classes_", "history_")

    def __init__(
        self,
        weights: Any = "default",
        *,
        architecture: str = "small",
        embed_dim: int | None = None,
        depth: int | None = None,
        spectral_embedding: bool | None = None,
        drop_path: float = 0.1,
        max_epochs: int = 20,
        lr: float = 5e-4,
        layer_decay: float = 0.9,
        weight_decay: float = 0.05,
        label_smoothing: float = 0.0,
        class_weight: str | Mapping | None = None,
        batch_size: int = 16,
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
        self.spectral_embedding = spectral_embedding
        self.drop_path = drop_path
        self.max_epochs = max_epochs
        self.lr = lr
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.batch_size = batch_size
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

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fine-tune on labelled EEG.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            Array (n_epochs, n_channels, n_times) or, for one channel, (n_epochs, n_times).
            Recordings are cut into epochs of ``window`` seconds.
        y : array-like, shape (n_epochs,)
            Class labels, numbers or text; at least two classes. May be left out for
            braindecode datasets, which hold targets.

        Returns
        -------
        self

        Raises
        ------
        InvalidEEGError
            If X cannot be used as EEG; the message names the offender.
        CheckpointError
            If ``weights`` cannot be used.
        ValueError
            If y has another length than X, or one class only.
        """
        with self._all_or_nothing():
            return self._fit(X, self._labels(X, y))

    def _fit(self, X: Any, y: Any) -> Self:
        overrides = {"embed_dim": self.embed_dim, "depth": self.depth}
        sizes = resolve_sizes(self.architecture, overrides)
        kinds = ("pretraining", "tokenizer", "classifier", "encoder")
        weights = resolve_weights(self.weights, kinds, "weights")
        if weights is not None:
            given = {**overrides, "spectral_embedding": self.spectral_embedding}
            check_no_conflict(given, weights.encoder_config, weights)
        self._info = {} if weights is None else weights.info
        prepared = self._read_for_fit(X)
        targets = self._encode_labels(y, prepared.n_epochs)
        info = training_info(prepared, self.ch_names_in_, self._info, asdict(self._filters()))
        # Unknown electrodes get the mean of the trained rows, in training as later.
        prepared = rematch(prepared, info["trained_rows"], info["official"])
        config = self._module_config(sizes, weights)
        with seeded(draw_seed(self.random_state)):
            net = train(
                self._net_class,
                self._module(config, weights),
                SegmentDataset(prepared, targets),
                title="Fine-tuning",
                max_epochs=self.max_epochs,
                warmup_epochs=max(1, self.max_epochs // 6),
                batch_size=self.batch_size,
                device=resolve_device(self.device),
                verbose=self.verbose,
                lr=self.lr,
                weight_decay=self.weight_decay,
                layer_decay=self.layer_decay,
                label_smoothing=self.label_smoothing,
                class_weights=self._class_weights(targets),
            )
        fill_untrained_time_rows(net.module_.encoder, info["trained_patches"])
        self._hold(net.module_, config, info, net)
        self.history_ = plain_history(net)
        return self

    @staticmethod
    def _labels(X: Any, y: Any) -> Any:
        """Labels as given, or those that braindecode datasets hold."""
        items = X if isinstance(X, (list, tuple)) else [X]
        if y is not None or not items or not all(map(is_braindecode_dataset, items)):
            return y
        return np.concatenate([labels_of(item) for item in items])

    def _encode_labels(self, y: Any, n_epochs: int) -> NDArray:
        """Learn the classes; labels as numbers from 0."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        if len(labels) != n_epochs:
            raise ValueError(
                f"y has {len(labels)} labels, but X has {n_epochs} epochs (inconsistent numbers "
                "of samples); give one label an epoch."
            )
        self.classes_, targets = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds one class only ({self.classes_.tolist()[0]!r}); a classifier needs at "
                "least two."
            )
        return targets.astype(np.int64)

    def _class_weights(self, targets: NDArray) -> torch.Tensor | None:
        if self.class_weight is None:
            return None
        weight = self.class_weight
        if isinstance(weight, Mapping):
            numbers = {label: i for i, label in enumerate(self.classes_.tolist())}
            unknown = [label for label in weight if label not in numbers]
            if unknown:
                raise ValueError(
                    f"class_weight names {unknown}, which are no classes of y "
                    f"({self.classes_.tolist()})."
                )
            weight = {numbers[label]: value for label, value in weight.items()}
        if isinstance(weight, dict) and (min(weight.values()) < 0 or not any(weight.values())):
            raise ValueError(
                f"class_weight={self.class_weight!r} was given; expected weights of 0 or more, "
                "not all 0."
            )
        classes = np.arange(len(self.classes_))
        balanced = compute_class_weight(weight, classes=classes, y=targets)
        return torch.tensor(balanced, dtype=torch.float32)

    def _module_config(self, sizes: dict[str, int], weights: Weights | None) -> dict[str, Any]:
        if weights is None:
            encoder: dict[str, Any] = {
                "embed_dim": sizes["embed_dim"],
                "depth": sizes["depth"],
                **PRETRAINING_ENCODER,
                "spectral_embedding": self.spectral_embedding is not False,
            }
        else:
            encoder = dict(weights.encoder_config)
        encoder["drop_path"] = self.drop_path
        return {"encoder": encoder, "n_outputs": len(self.classes_)}

    def _module(self, config: dict[str, Any], weights: Weights | None) -> EncoderClassifier:
        module = cast(EncoderClassifier, build_module(self._kind, config))
        if weights is not None:
            module.encoder = weights.encoder(self.drop_path)
        return module

    def predict_proba(self, X: Any) -> NDArray:
        """Class probabilities: the softmax of the logits, with no further calibration.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate.

        Returns
        -------
        ndarray, shape (n_epochs, n_classes)
            Epochs above 30 s: logits are averaged over segments, weighted by their length.
        """
        check_is_fitted(self)
        module = self.net_.module_

        def pool(batch: Batch) -> torch.Tensor:
            return module.pooled(batch.x, batch.electrodes)

        results = run_batches(pool, self._read(X), self.batch_size, self.net_.device)
        pooled = torch.from_numpy(average_segments(results))
        # The head is linear: on the average of segments it gives the average of their logits.
        weight, bias = (p.detach().double().cpu() for p in module.head.parameters())
        return torch.softmax(pooled @ weight.T + bias, 1).numpy()

    def predict(self, X: Any) -> NDArray:
        """Most probable class of each epoch.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate.

        Returns
        -------
        ndarray, shape (n_epochs,)
            Labels as in y of fit.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Accuracy. For imbalanced classes give cross-validation a better ``scoring=``.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : array-like, shape (n_epochs,)
            True labels; may be left out for braindecode datasets.
        sample_weight : array-like, shape (n_epochs,), optional

        Returns
        -------
        float
        """
        return super().score(X, self._labels(X, y), sample_weight)
