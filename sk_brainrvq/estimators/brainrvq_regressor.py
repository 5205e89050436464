"""BrainRVQRegressor: a pretrained encoder fine-tuned to predict numbers from EEG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from sk_brainrvq.estimators._bases.fine_tuned import FineTunedEstimator
from sk_brainrvq.estimators._inputs.number_targets import NumberTargetsMixin, mean_correlation
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.training import Engine
from sk_brainrvq.training.fine_tuning import REGRESSION_LOSSES, RegressionNet
from sk_brainrvq.weights import Architecture


class BrainRVQRegressor(RegressorMixin, NumberTargetsMixin, FineTunedEstimator):
    """Fine-tune an encoder with a regression head.

    ``fit`` standardises the targets; predictions are in the unit of the targets.

    Parameters
    ----------
    weights : "default", path, "hf://owner/name", Weights or None, default="default"
        Weights of any network of this package to start from. None starts from scratch.
    architecture : {"tiny", "small", "base"}, Architecture or None, default=None
        Size of the network, by name or in detail. None is that of the given weights, or "small"
        from scratch; "base" is the paper's. With given weights, another size is an error.
    head : {"embedding", "mean", "attention", "flatten"}, default="embedding"
        How to turn patch tokens into outputs. "embedding": a linear map of all features that
        ``BrainRVQEmbedder`` gives by default, which starts as a ridge regression on them. "mean": a
        linear map of the mean token. "attention": a learnt query attends over the tokens, then a
        linear map. "flatten": a perceptron with two hidden layers on all tokens side by side, as in
        the paper's tables; large, and tied to the channels and length of fit.
    center_by : {"subject"} or None, default=None
        "subject" removes what is specific to each person, so that one threshold fits everyone: the
        encoder reads the person's signals whitened by their mean covariance, and the features that
        the embedding head sees are centred. How people are identified and which windows are used:
        see :class:`BrainRVQEmbedder`, also for fewer than 10 windows per person. Never use it for
        diagnosis, age or sex.
    strategy : {"full", "frozen", "lora"}, default="full"
        What to train: everything; only the head; or the head and low-rank adapters (LoRA) in the
        encoder's blocks, which need peft and are merged into the weights afterwards. With few
        labels, training less is often better.
    lora_rank : int, default=8
        Rank of the LoRA adapters.
    drop_path : float, default=0.1
        Stochastic depth rate of the last block; a frozen encoder uses none.
    max_epochs : int, default=20
        Passes over X.
    lr : float, default=5e-4
        Peak learning rate of AdamW for the head. ``partial_fit`` keeps it constant.
    layer_decay : float, default=0.9
        Factor by which the learning rate falls from one block to the block below.
    weight_decay : float, default=0.05
        Weight decay of AdamW.
    loss : {"squared_error", "huber"}, default="squared_error"
        "huber" grows only linearly beyond an error of one standard deviation of the target, which
        suits targets with outliers.
    batch_size : int, default=16
        EEG epochs per batch, over all processes together.
    validation : float, tuple (X, y) or None, default=None
        Data to score after each training epoch: a fraction of X, split off by ``groups`` if ``fit``
        gets them (and by subject in an :class:`EEGCorpus`), or separate data.
    early_stopping : int, optional
        Stop after that many training epochs without a better ``criterion``; keep the best one.
    criterion : {"loss", "r2", "correlation"}, default="loss"
        Score that ``early_stopping`` monitors. The history holds all three.
    checkpoint_dir : path, optional
        Folder to save the training in after each epoch, in a subfolder named by parameters and
        data. Another ``fit`` continues an unfinished run or loads a finished one.
    warm_start : bool, default=False
        Start the next ``fit`` from the network of the previous one instead of from ``weights``; y
        must have as many targets, which are standardised as before.
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
    n_targets_ : int
        Number of targets.
    target_mean_, target_scale_ : ndarray, shape (n_targets,)
        Mean and standard deviation of the targets of fit.
    net_ : skorch.NeuralNet
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.EncoderClassifier`.
    weights_ : Weights
        Weights of the fitted network, for ``weights=`` of another estimator.
    history_ : list of dict
        Loss in each training epoch or each pass of ``partial_fit``.
    best_epoch_ : int
        Training epoch that early stopping kept.
    n_trained_parameters_ : int
        Parameters that the last training changed.
    center_ : ndarray, shape (n_features,)
        With ``center_by``: mean of the training people's centres.
    subject_centers_ : dict
        With ``center_by``: centres from calibration, by person.
    covariance_, covariance_channels_, subject_covariances_
        With ``center_by``: as of :class:`BrainRVQEmbedder`.
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
    BrainRVQClassifier : The same for classes.

    Notes
    -----
    Source: the BrainRVQ paper (2026), fine-tuning; LoRA: Hu et al. (2022).

    Examples
    --------
    >>> import numpy as np
    >>> from sk_brainrvq import BrainRVQRegressor
    >>> rng = np.random.default_rng(0)
    >>> X, age = rng.normal(scale=20, size=(12, 2, 400)), rng.uniform(20, 80, size=12)
    >>> regressor = BrainRVQRegressor(weights=None, architecture="tiny", max_epochs=1,
    ...                               sfreq=200, ch_names=["C3", "C4"], random_state=0)
    >>> regressor.fit(X, age).predict(X).shape
    (12,)
    >>> regressor.fit(X, np.column_stack([age, age < 50])).predict(X).shape
    (12, 2)
    """

    _title = "regressor"
    _criteria = ("loss", "r2", "correlation")
    _net_class = RegressionNet
    _plain_attributes = (
        *FineTunedEstimator._plain_attributes,
        "n_targets_",
        "target_mean_",
        "target_scale_",
        "_takes_1d_targets",
    )

    def __init__(
        self,
        weights: Any = "default",
        *,
        architecture: str | Architecture | None = None,
        head: str = "embedding",
        center_by: str | None = None,
        strategy: str = "full",
        lora_rank: int = 8,
        drop_path: float = 0.1,
        max_epochs: int = 20,
        lr: float = 5e-4,
        layer_decay: float = 0.9,
        weight_decay: float = 0.05,
        loss: str = "squared_error",
        batch_size: int = 16,
        validation: Any = None,
        early_stopping: int | None = None,
        criterion: str = "loss",
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
        self.head = head
        self.center_by = center_by
        self.strategy = strategy
        self.lora_rank = lora_rank
        self.drop_path = drop_path
        self.max_epochs = max_epochs
        self.lr = lr
        self.layer_decay = layer_decay
        self.weight_decay = weight_decay
        self.loss = loss
        self.batch_size = batch_size
        self.validation = validation
        self.early_stopping = early_stopping
        self.criterion = criterion
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
        sample_weight: Any = None,
        groups: Any = None,
        subjects: Any = None,
        calibration: Any = None,
        X_target_labeled: Any = None,
        y_target_labeled: Any = None,
    ) -> Self:
        """Fine-tune on EEG with one or several numbers per epoch.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, EEGCorpus, or a list
            Array (n_epochs, n_channels, n_times) or, for one channel, (n_epochs, n_times).
            Recordings are cut into epochs of ``window`` seconds.
        y : array-like, shape (n_epochs,) or (n_epochs, n_targets)
            Targets; may be left out if X holds them: braindecode datasets, Recordings.
        sample_weight : array-like, shape (n_epochs,), optional
            Weights of the epochs in the loss, 0 or more; only their ratios matter. Epochs with
            weight 0 are left out.
        groups : array-like, shape (n_epochs,), optional
            Group of each epoch, such as its subject: a group is never split when epochs are held
            out.
        subjects : array-like, shape (n_epochs,), optional
            MOABB's name for ``groups``; with ``center_by``, the subject of each epoch, which
            overrides what the container says.
        calibration : as X, optional
            With ``center_by``: EEG of people, as in :meth:`calibrate`. Centres of the other
            training people are then kept, too.
        X_target_labeled, y_target_labeled : optional
            Array or mne.Epochs, and its targets: EEG of the subject the model is for, trained on
            together with X as a separate group with weight 1. MOABB's evaluations pass it when they
            calibrate; see ``set_fit_request``.

        Returns
        -------
        self

        Raises
        ------
        InvalidEEGError, CheckpointError
            If X cannot be used as EEG, or ``weights`` cannot be used.
        ImportError
            For ``strategy="lora"`` without peft.
        ValueError
            If the length of y differs from that of X, if y holds anything but finite numbers, or if
            ``groups`` and ``subjects`` differ without ``center_by``.
        """
        about = {"sample_weight": sample_weight, "groups": groups, "subjects": subjects}
        with self._all_or_nothing():
            given = self._with_target(X, y, X_target_labeled, y_target_labeled, **about)
            return self._fit(given, calibration)

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None) -> Self:
        """Train for one pass over X, starting from the current network.

        The learning rate is ``lr`` throughout. Targets are standardised as in ``fit``, or as in the
        first call, which should therefore hold many. AdamW's moments are kept from call to call,
        but not in pickles and checkpoints.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : array-like, shape (n_epochs,) or (n_epochs, n_targets)
        sample_weight : array-like, shape (n_epochs,), optional
            Weights of the epochs in the loss; they are not normalised.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As in :meth:`fit`. The estimator then stays unchanged.
        """
        with self._all_or_nothing():
            learns = not hasattr(self, "net_")
            return self._partial_fit(X, self._labels(X, y), sample_weight, learns=learns)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.loss not in REGRESSION_LOSSES:
            raise ValueError(f"loss={self.loss!r} was given; expected one of {REGRESSION_LOSSES}.")

    def predict(self, X: Any, *, subjects: Any = None) -> NDArray:
        """Predict the targets of each epoch.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate.
        subjects : array-like, shape (n_epochs,), optional
            With ``center_by``: the subject of each epoch; overrides what the container says.

        Returns
        -------
        ndarray, shape (n_epochs,) or (n_epochs, n_targets), as y of fit
            In the unit of y. Epochs above 30 s: the average over segments, weighted by their
            length.
        """
        check_fitted(self)
        predicted = self._outputs(X, subjects) * self.target_scale_ + self.target_mean_
        return predicted[:, 0] if self._takes_1d_targets else predicted

    def score(
        self, X: Any, y: Any = None, *, sample_weight: Any = None, subjects: Any = None
    ) -> float:
        """Compute R², the share of the targets' variance that is predicted; 1 is perfect.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y : array-like, shape (n_epochs,) or (n_epochs, n_targets)
            True values; may be left out where X holds targets.
        sample_weight : array-like, shape (n_epochs,), optional
        subjects : array-like, shape (n_epochs,), optional
            With ``center_by``: the subject of each epoch; overrides what the container says.

        Returns
        -------
        float
            The mean over targets.
        """
        predicted = self.predict(X, subjects=subjects)
        return float(r2_score(self._labels(X, y), predicted, sample_weight=sample_weight))

    def correlation(self, X: Any, y: Any = None, *, subjects: Any = None) -> float:
        """Compute Pearson's correlation of predictions and true values.

        Unlike :meth:`score` it ignores a wrong offset or scale. Studies of age or symptom scores
        often report it.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; at least two epochs.
        y : array-like, shape (n_epochs,) or (n_epochs, n_targets)
            True values; may be left out where X holds targets.
        subjects : array-like, shape (n_epochs,), optional
            With ``center_by``: the subject of each epoch; overrides what the container says.

        Returns
        -------
        float
            The mean over targets, from -1 to 1; NaN, with a warning, if all values or all
            predictions of a target are the same.
        """
        true = np.asarray(self._labels(X, y), dtype=np.float64)
        return mean_correlation(true, self.predict(X, subjects=subjects))
