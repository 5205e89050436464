"""BrainRVQEmbedder: frozen features of a pretrained encoder."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin

from sk_brainrvq.estimators._bases.centered_embedding import CenteredEmbeddingMixin
from sk_brainrvq.estimators._bases.eeg import EEGEstimator
from sk_brainrvq.estimators._outputs.pooling import Embedding
from sk_brainrvq.estimators.fitted_check import check_fitted
from sk_brainrvq.nn import EEGEncoder
from sk_brainrvq.signals import Filters, Reading
from sk_brainrvq.signals.preparation import check
from sk_brainrvq.signals.sources.registry import source_of
from sk_brainrvq.training import draw_seed, seeded
from sk_brainrvq.weights import Architecture, resolve_weights
from sk_brainrvq.weights.architecture import ENCODER, checked_architecture
from sk_brainrvq.weights.modules import KINDS, build_module


class BrainRVQEmbedder(CenteredEmbeddingMixin, TransformerMixin, EEGEstimator):
    """Features of epochs from a frozen encoder.

    Parameters
    ----------
    weights : "default", path, "hf://owner/name", Weights or None, default="default"
        Weights of any network of this package: a pretrainer's, a tokenizer's, a
        classifier's. None is a randomly initialised encoder: a baseline, no more.
    architecture : {"tiny", "small", "base"}, Architecture or None, default=None
        Sizes of the networks, by name or one by one. None is the size of given weights, and
        "small" from scratch; "base" is the paper's. With given weights other sizes are an error.
    pooling : {"mean", "region", "channel", "mean_std", "cls", "none"}, default="mean"
        How tokens are pooled. "mean": mean over all patches. "region": mean over time in each of 11
        regions of the scalp, in which channels count by their distance; keeps the topography at a
        fixed size for any montage. "channel": mean over time, channels kept, which needs the
        channels of fit. "mean_std": mean and standard deviation over all patches. "cls": the
        class token. "none": every patch, as a 4-D array.
    layer : int, optional
        Block whose output is pooled, counted as in a Python list; by default the one that the
        weights recommend (``weights.info["layer"]``), or else the last.
    spectrum : {"region", "mean", "channel"} or None, default="region"
        How the patches' log standard deviation and log amplitude of 1 to 45 Hz, which the network
        sees too, are pooled and added to the features, 46 for each region; None leaves them out.
    covariance : bool or "bands", default="bands"
        Add how signals vary together, which no mean of tokens tells: the logarithm of the
        covariance matrix of the signals at the 19 positions of the 10-20 system (of the nearest
        channels, for other montages). "bands": one for each of 1-4, 4-8, 8-13, 13-30 and 30-45 Hz,
        950 features; True: one of all frequencies, 190 features; False: none.
    tokens : bool, default=True
        False leaves out what the network makes, and does not run it: only spectra and covariance,
        to see what the network adds. On EEGMAT that is little (``benchmarks/README.md``).
    center_by : {"subject"} or None, default=None
        "subject" takes off what belongs to the person, so that one threshold fits everybody. The
        network reads the person's signals whitened by their mean covariance (Euclidean alignment),
        of which spectra are added; each person's mean is subtracted from the features, and
        covariances are recentred by their Riemannian mean. X is read twice. The container
        knows whom a window is of: a column "subject" of ``Epochs.metadata``, a BIDS name, the
        header of a recording, a corpus; for arrays pass ``subjects``. It uses all windows of a
        person that are handed over at a time. Never for diagnosis, age or sex: what belongs to a
        person is gone.
    min_windows : int, default=10
        Of a person with fewer windows the centre is drawn towards that of the training people: of
        n windows it counts n / (n + 1). A warning names such people.
    batch_size : int, default=64
        EEG epochs in a batch.
    sfreq : float, optional
        Sampling rate of arrays in Hz; by default 200, with a warning. MNE objects have their own.
    ch_names : sequence of str, optional
        Channel names of arrays. MNE objects have their own.
    unit : {"uV", "mV", "V"}, default="uV"
        Unit of arrays. MNE objects are in volts.
    window, overlap : float, default=10.0 and 0.0
        Seconds: how continuous recordings are cut into epochs.
    filters : "auto", Filters or None, default="auto"
        Pass band, mains filter and reference. "auto" is what the weights were trained with, and
        none from scratch; None filters nothing. What a recording says was done is not repeated.
    reading : Reading, optional
        How odd recordings are read: where channels lie, what to do about bad channels and files.
    device : str, default="auto"
        "auto" takes CUDA, MPS or the CPU, or a torch device.
    random_state : int, RandomState or None, default=None
        Seed of the random encoder that ``weights=None`` stands for.
    verbose : int, default=0
        Has no effect: nothing is trained.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        ``net_.module_`` is the bare :class:`~sk_brainrvq.nn.EEGEncoder`.
    weights_ : Weights
        Weights of the fitted network, for ``weights=`` of another estimator.
    n_channels_in_ : int
        Number of channels of the first recording.
    ch_names_in_ : list of str, or None
        Names of the channels of the first recording.
    electrode_report_ : list of dict
        How each channel was mapped to electrodes: a table for ``pandas.DataFrame``.
    n_features_in_ : int
        Samples of 2-D arrays, channels otherwise.
    center_ : ndarray, shape (n_features,)
        With ``center_by``: centre of the training people's centres.
    subject_centers_ : dict
        With ``center_by``: centres that calibration keeps, by person.
    covariance_ : ndarray, shape (n_channels, n_channels)
        With ``center_by``: mean covariance of the training people in square microvolts.
    covariance_channels_ : list of str
        With ``center_by``: channels of its rows and columns.
    subject_covariances_ : dict
        With ``center_by``: covariances that calibration keeps, by person.

    Notes
    -----
    Source: the BrainRVQ paper (2026), encoder. Of the recentring: Zanini et al. (2018), IEEE Trans.
    Biomed. Eng. 65(5). Of the whitening: He and Wu (2020), IEEE Trans. Biomed. Eng. 67(2).
    ``subjects`` are asked for by scikit-learn's metadata routing as they are; whether ``center_by``
    uses them or not.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sk_brainrvq import BrainRVQEmbedder
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(scale=20, size=(12, 2, 400)), np.arange(12) % 2
    >>> embedder = BrainRVQEmbedder(weights=None, architecture="tiny", sfreq=200,
    ...                             ch_names=["C3", "C4"], random_state=0)
    >>> embedder.fit_transform(X).shape
    (12, 1556)
    >>> pipeline = make_pipeline(embedder, LogisticRegression()).fit(X, y)
    >>> pipeline.predict(X).shape
    (12,)
    """

    _kind = "encoder"
    _plain_attributes = (
        *EEGEstimator._plain_attributes,
        *("center_", "subject_centers_", "_calibrated"),
        *("covariance_", "covariance_channels_", "subject_covariances_"),
    )
    # Asked for without set_fit_request and set_transform_request.
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"subjects": True}
    __metadata_request__transform: ClassVar[dict[str, bool]] = {"subjects": True}

    def __init__(
        self,
        weights: Any = "default",
        *,
        architecture: str | Architecture | None = None,
        pooling: str = "mean",
        layer: int | None = None,
        spectrum: str | None = "region",
        covariance: bool | str = "bands",
        tokens: bool = True,
        center_by: str | None = None,
        min_windows: int = 10,
        batch_size: int = 64,
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
        self.pooling = pooling
        self.layer = layer
        self.spectrum = spectrum
        self.covariance = covariance
        self.tokens = tokens
        self.center_by = center_by
        self.min_windows = min_windows
        self.batch_size = batch_size
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
        subjects: Any = None,
        calibration: Any = None,
        X_target_unlabeled: Any = None,
    ) -> Self:
        """Load the encoder and learn the channels of X; nothing is trained.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            Array (n_epochs, n_channels, n_times) or, for one channel, (n_epochs, n_times).
            Recordings are cut into epochs of ``window`` seconds.
        y : array-like, shape (n_epochs,), optional
            With ``center_by``: only to warn where each person has epochs of one class.
        subjects : array-like, shape (n_epochs,), optional
            With ``center_by``: whom each epoch is of, in place of what the container says.
        calibration : as X, optional
            With ``center_by``: EEG of people who will be predicted for, in a container that knows
            them, as :meth:`calibrate` takes it. Centres of the training people are then kept, too.
        X_target_unlabeled : as X, optional
            MOABB's word for ``calibration``.

        Returns
        -------
        self

        Raises
        ------
        CheckpointError
            If ``weights`` cannot be used.
        InvalidEEGError
            If X cannot be used as EEG; the message names the offender. With ``center_by`` also if
            the subject of an epoch is unknown.
        """
        given = (subjects, calibration, X_target_unlabeled)
        with self._all_or_nothing():
            info, source = self._load_encoder(X), source_of(X)
            if self.center_by is not None:
                self._embed_and_learn(X, y, info, *given)
                return self
            checked = check(self._learn_blocks(X, info), **self._preparing(info))
            for _ in self._remember_electrodes(self._check_map(checked)):
                # Every part is checked and none kept; files are read once, by transform.
                if source.reads_files(X) or source.stored(X) is not None:
                    break
        return self

    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        *,
        subjects: Any = None,
        calibration: Any = None,
        X_target_unlabeled: Any = None,
    ) -> NDArray:
        """Fit and embed, reading X once.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`.
        y, subjects, calibration, X_target_unlabeled : optional
            As in :meth:`fit`.

        Returns
        -------
        ndarray, float32
            As of :meth:`transform`.
        """
        given = (subjects, calibration, X_target_unlabeled)
        with self._all_or_nothing():
            info = self._load_encoder(X)
            if self.center_by is not None:
                return self._centred(*self._embed_and_learn(X, y, info, *given))
            return self._pool(self._learn_channels(X, info), info)

    def _load_encoder(self, X: Any) -> dict[str, Any]:
        """Hold the encoder that the parameters mean; what is known of its training."""
        weights = resolve_weights(self.weights, KINDS, "weights")
        if weights is None:
            config, info = checked_architecture(self.architecture).encoder(), {}
            with seeded(draw_seed(self.random_state)):
                encoder = cast(EEGEncoder, build_module("encoder", {"encoder": config}))
        else:
            config, info = weights.encoder_config, weights.info
            if self.architecture is not None:
                checked_architecture(self.architecture).check_fits(config, weights, ENCODER)
            encoder = weights.encoder()
        self._embedding().check(encoder.depth)
        self._check_settings()
        self._check_centering()
        info = self._info_before(X, info)
        self._hold(encoder, {"encoder": config}, info)
        return info

    def _embedding(self) -> Embedding:
        parts = (self.pooling, self.layer, self.spectrum, self.covariance, self.tokens)
        return Embedding(*parts, aligned=self.center_by is not None)

    def transform(self, X: Any, *, subjects: Any = None) -> NDArray:
        """Embed epochs.

        Parameters
        ----------
        X : ndarray, mne.Epochs, mne.io.Raw, path, braindecode dataset, or a list of these
            As in :meth:`fit`; any length and rate.
        subjects : array-like, shape (n_epochs,), optional
            With ``center_by``: whom each epoch is of, in place of what the container says.

        Returns
        -------
        ndarray, float32
            Tokens of width D: (n_epochs, D) for ``pooling`` "mean" and "cls", (n_epochs, 11 * D)
            for "region", (n_epochs, n_channels * D) for "channel", (n_epochs, 2 * D) for
            "mean_std", (n_epochs, n_channels, n_patches, D) for "none". No tokens with
            ``tokens=False``. Then the spectra: 11 * 46 columns for ``spectrum`` "region", 46 for
            "mean", n_channels * 46 for "channel"; with ``center_by`` those of whitened signals, and
            then as many of the signals as they are. Then 950 columns for ``covariance`` "bands",
            190 for True.

        Warns
        -----
        EEGWarning
            With ``center_by``: if there are fewer than ``min_windows`` windows of a person.
        """
        check_fitted(self)
        if self.center_by is None:
            return self._embed(X)
        self._check_centering()
        self._check_centers()
        features, people, _ = self._features_of_people(X, subjects)
        return self._centred(features, people)
