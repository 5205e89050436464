"""BrainRVQEmbedder: frozen features of a pretrained encoder."""

from collections.abc import Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin

from sk_brainrvq.estimators._bases.centered_embedding import CenteredEmbeddingMixin
from sk_brainrvq.estimators._bases.eeg import EEGEstimator
from sk_brainrvq.estimators._inputs.labels import refuse_labels_of_recordings
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
        Weights of any network of this package: a pretrainer's, a tokenizer's, a classifier's. None
        uses a randomly initialised encoder, which serves only as a baseline.
    architecture : {"tiny", "small", "base"}, Architecture or None, default=None
        Size of the network, by name or in detail. None is that of the given weights, or "small"
        from scratch; "base" is the paper's. With given weights, another size is an error.
    pooling : {"mean", "region", "channel", "mean_std", "cls", "mean_cls", "none"}, default="mean"
        How tokens are pooled. "mean": mean over all patches. "region": mean over time in each of 11
        regions of the scalp, with channels weighted by their distance; keeps the topography at a
        fixed size for any montage. "channel": mean over time for each channel, which needs the
        channels of fit. "mean_std": mean and standard deviation over all patches. "cls": the class
        token, which describes an epoch if the weights were trained with ``summary_weight``.
        "mean_cls": the mean, then the class token. "none": every patch, as a 4-D array.
    layer : int, optional
        Index of the block whose output is pooled, as in a Python list; by default the block that
        the weights recommend (``weights.info["layer"]``), or else the last.
    spectrum : {"region", "mean", "channel"} or None, default="region"
        How to pool the patches' log standard deviation and log amplitudes at 1 to 45 Hz, which the
        network sees too. They are added to the features, 46 per region; None leaves them out.
    covariance : bool or "bands", default="bands"
        Add how signals vary together, which no mean of tokens shows: the logarithm of the
        covariance matrix of the signals at the 19 positions of the 10-20 system (at the nearest
        channels, for other montages). "bands": one matrix for each of 1-4, 4-8, 8-13, 13-30 and
        30-45 Hz, 950 features; True: one for all frequencies, 190 features; False: none.
    tokens : bool, default=True
        False does not run the network and leaves out its features. Only spectra and covariance
        remain, which shows what the network adds; on EEGMAT that is little
        (``benchmarks/README.md``).
    center_by : {"subject"} or None, default=None
        "subject" removes what is specific to each person, so that one threshold fits everyone. The
        network reads the person's signals whitened by their mean covariance (Euclidean alignment),
        and spectra of the whitened signals are added; each person's mean is subtracted from the
        features, and covariances are recentred by their Riemannian mean. X is read twice. Subjects
        come from the container: a column "subject" of ``Epochs.metadata``, a BIDS name, the header
        of a recording or a corpus; for arrays pass ``subjects``. All windows of a person that are
        passed together are used. Never use it for diagnosis, age or sex: what is specific to a
        person is removed.
    min_windows : int, default=10
        The centre of a person with n windows, fewer than this, is shrunk towards that of the
        training people, with weight n / (n + 1) on the person's own. A warning names such people.
    batch_size : int, default=64
        EEG epochs per batch.
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
        How each channel was mapped to electrodes; ``pandas.DataFrame`` makes a table of it.
    n_features_in_ : int
        Samples of 2-D arrays, channels otherwise.
    center_ : ndarray, shape (n_features,)
        With ``center_by``: mean of the training people's centres.
    subject_centers_ : dict
        With ``center_by``: centres from calibration, by person.
    covariance_ : ndarray, shape (n_channels, n_channels)
        With ``center_by``: mean covariance of the training people, in square microvolts.
    covariance_channels_ : list of str
        With ``center_by``: channels of the rows and columns of ``covariance_``.
    subject_covariances_ : dict
        With ``center_by``: covariances from calibration, by person.

    Notes
    -----
    Sources: the BrainRVQ paper (2026) for the encoder; Zanini et al. (2018), IEEE Trans. Biomed.
    Eng. 65(5), for the recentring; He and Wu (2020), IEEE Trans. Biomed. Eng. 67(2), for the
    whitening.

    scikit-learn's metadata routing requests ``subjects`` by default, whether or not ``center_by``
    uses them.

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
    # Requested without set_fit_request and set_transform_request.
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
            With ``center_by``: used only to warn if each person has epochs of one class.
        subjects : array-like, shape (n_epochs,), optional
            With ``center_by``: the subject of each epoch; overrides what the container says.
        calibration : as X, optional
            With ``center_by``: EEG of the people to predict for, in a container that holds their
            subjects, as in :meth:`calibrate`. Centres of the training people are then kept, too.
        X_target_unlabeled : as X, optional
            MOABB's name for ``calibration``.

        Returns
        -------
        self

        Raises
        ------
        CheckpointError
            If ``weights`` cannot be used.
        InvalidEEGError
            If X cannot be used as EEG; the message names the recording. With ``center_by``, also if
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
                # Every part is checked but not kept; transform reads the files once.
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
            As in :meth:`transform`.
        """
        given = (subjects, calibration, X_target_unlabeled)
        with self._all_or_nothing():
            info = self._load_encoder(X)
            if self.center_by is not None:
                return self._centred(*self._embed_and_learn(X, y, info, *given))
            features = self._pool(self._learn_channels(X, info), info)
            refuse_labels_of_recordings(X, y, len(features))
            return features

    def _load_encoder(self, X: Any) -> dict[str, Any]:
        """Load the encoder that the parameters ask for; return what is known of its training."""
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
            With ``center_by``: the subject of each epoch; overrides what the container says.

        Returns
        -------
        ndarray, float32
            Tokens of width D: (n_epochs, D) for ``pooling`` "mean" and "cls", (n_epochs, 11 * D)
            for "region", (n_epochs, n_channels * D) for "channel", (n_epochs, 2 * D) for
            "mean_std" and "mean_cls", (n_epochs, n_channels, n_patches, D) for "none". No tokens
            with ``tokens=False``. Then the spectra: 11 * 46 columns for ``spectrum`` "region", 46
            for "mean", n_channels * 46 for "channel"; with ``center_by``, those of the whitened
            signals and then as many of the unwhitened signals. Then 950 columns for ``covariance``
            "bands", 190 for True.

        Warns
        -----
        EEGWarning
            With ``center_by``: if a person has fewer than ``min_windows`` windows.
        """
        check_fitted(self)
        if self.center_by is None:
            return self._embed(X)
        self._check_centering()
        self._check_centers()
        features, people, _ = self._features_of_people(X, subjects)
        return self._centred(features, people)
