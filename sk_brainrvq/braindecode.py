"""BrainRVQModule: the network for other libraries' training loops, such as braindecode's."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
from sk_brainrvq.nn.classifier import HEADS
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import (
    ElectrodeMatch,
    ElectrodeReport,
    electrode_report,
    electrode_rows,
    placed_channels,
    warn_of_mean_rows,
)
from sk_brainrvq.signals.electrodes.names import refuse_one_string
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ, resample
from sk_brainrvq.signals.preparation import n_patches_of, to_patches
from sk_brainrvq.signals.sources.arrays import check_sfreq, check_unit
from sk_brainrvq.signals.units import UNITS, describe_amplitude
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Weights, resolve_weights
from sk_brainrvq.weights.architecture import ENCODER, Architecture, checked_architecture
from sk_brainrvq.weights.modules import KINDS, build_module

_PATCH_SAMPLES = 200
_MOST_PATCHES = 30
# Networks take 100 microvolts.
_MICROVOLTS_PER_UNIT = 100.0
# Where to pass names and positions; braindecode's estimators route parameters by prefix.
_WHERE_TO_NAME = ("ch_names=[...], or to braindecode module__ch_names", "electrode_map={...}")


class BrainRVQModule(nn.Module):
    """Encoder and head as one PyTorch module that takes plain signals.

    braindecode's ``EEGClassifier`` and ``EEGRegressor`` fill in its arguments from data: pass them
    this class and train it like one of braindecode's own models. Signals are scaled, resampled to
    200 Hz, cut into patches of 1 s and matched to electrodes as in the estimators of this package,
    but they are not filtered.

    Parameters
    ----------
    n_outputs : int
        Number of classes, or of targets of a regression.
    n_chans : int, optional
        Number of channels; needed only if neither ``chs_info`` nor ``ch_names`` is given.
    n_times : int
        Samples per window, at most 30 s.
    chs_info : list of dict, optional
        ``info["chs"]`` of MNE: names and positions of the channels.
    sfreq : float, optional
        Sampling rate in Hz; if it is not given, 200 is assumed, with a warning.
    input_window_seconds : float, optional
        Length of a window in seconds; used if ``n_times`` is not given.
    weights : "default", path, "hf://owner/name", Weights or None, default="default"
        Weights of any network of this package to start from. None starts from scratch.
    architecture : {"tiny", "small", "base"}, Architecture or None, default=None
        Size of the network, by name or in detail. None is that of the given weights, or "small"
        from scratch; "base" is the paper's. With given weights, another size is an error.
    head : {"mean", "flatten", "attention"}, default="mean"
        As in :class:`~sk_brainrvq.BrainRVQClassifier`.
    dropout : float, default=0.1
        Dropout rate of the flattened head.
    drop_path : float, default=0.1
        Stochastic depth rate of the last block.
    frozen : bool, default=False
        Train only the head.
    ch_names : sequence of str, optional
        Names of the channels; needed only without ``chs_info``.
    electrode_map : mapping, optional
        Positions of channels that override what their names say, as in the estimators.
    unit : {"uV", "mV", "V"}, default="uV"
        Unit of the signals. braindecode converts Epochs to microvolts; its windows datasets keep
        the unit of their recordings, which is volts unless they were scaled.

    Attributes
    ----------
    classifier : EncoderClassifier
        The bare network.
    electrode_report : list of dict
        How each channel was mapped to electrodes; ``pandas.DataFrame`` makes a table of it.

    Warns
    -----
    EEGWarning
        If the module gets no channel names, as from braindecode's windows datasets, or none that
        names a known electrode: the network cannot tell where such channels lie.

    Raises
    ------
    CheckpointError
        If ``weights`` cannot be used.
    InvalidEEGError
        If the number of channels or samples is not given, or a window is longer than 30 s.

    Examples
    --------
    >>> import torch
    >>> from sk_brainrvq import BrainRVQModule
    >>> module = BrainRVQModule(n_outputs=3, n_times=500, sfreq=250, ch_names=["C3", "C4"],
    ...                         weights=None, architecture="tiny")
    >>> module(20 * torch.randn(4, 2, 500)).shape
    torch.Size([4, 3])
    >>> module.electrode_report
    channel  how    electrodes  note
    C3       exact  C3
    C4       exact  C4
    """

    electrodes: Tensor
    read: Tensor | None
    patching: Tensor | None

    def __init__(
        self,
        n_outputs: int,
        n_chans: int | None = None,
        n_times: int | None = None,
        chs_info: Sequence[Mapping[str, Any]] | None = None,
        sfreq: float | None = None,
        input_window_seconds: float | None = None,
        *,
        weights: Any = "default",
        architecture: str | Architecture | None = None,
        head: str = "mean",
        dropout: float = 0.1,
        drop_path: float = 0.1,
        frozen: bool = False,
        ch_names: Sequence[str] | None = None,
        electrode_map: Mapping[str, Any] | None = None,
        unit: str = "uV",
    ):
        super().__init__()
        rate = _checked_rate(sfreq)
        self.n_times = _checked_length(n_times, input_window_seconds, rate)
        check_unit(unit)
        self.unit, self.factor = unit, UNITS[unit] / _MICROVOLTS_PER_UNIT
        given = resolve_weights(weights, KINDS, "weights")
        encoder = _encoder(given, checked_architecture(architecture), drop_path)
        patches = _patching(self.n_times, rate)
        self.register_buffer("patching", patches, persistent=False)
        n_samples = self.n_times if patches is None else patches.shape[1]
        names, positions = _channels(chs_info, ch_names)
        self.n_chans = _checked_channels(names, n_chans)
        info = {} if given is None else given.info
        matches = match_electrodes(
            names,
            self.n_chans,
            info.get("trained_rows"),
            info.get("official", False),
            positions=positions,
            electrode_map=electrode_map,
        )
        warn_of_mean_rows(matches, names is not None, *_WHERE_TO_NAME)
        self._place(matches, head)
        encoder.requires_grad_(not frozen)
        if head not in HEADS:
            raise ValueError(f"head={head!r} was given; expected one of {HEADS}.")
        if head == "embedding":
            raise ValueError(
                "head='embedding' was given; its training starts from a regression that only "
                "BrainRVQClassifier and BrainRVQRegressor fit. Use one of them, or head='mean'."
            )
        self.classifier = EncoderClassifier(
            encoder, n_outputs, head, self.n_chans, n_samples // _PATCH_SAMPLES, dropout
        )
        self._amplitude_was_checked = False

    def _place(self, matches: list[ElectrodeMatch], head: str) -> None:
        """Store where channels lie, and which of them are read."""
        self.electrode_report: ElectrodeReport = electrode_report(matches)
        rows = torch.from_numpy(electrode_rows(matches))
        # The flattened head has weights for every channel.
        known = None if head == "flatten" else placed_channels(matches)
        read = None if known is None else torch.from_numpy(known)
        self.register_buffer("read", read, persistent=False)
        self.register_buffer("electrodes", rows if read is None else rows[read], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute class logits, or the outputs of a regression.

        Parameters
        ----------
        x : Tensor, shape (B, n_chans, n_times)
            Signals in ``unit``.

        Returns
        -------
        Tensor, shape (B, n_outputs)

        Raises
        ------
        InvalidEEGError
            If the number of channels or samples differs from what the module was built for.
        """
        if x.ndim != 3 or x.shape[1:] != (self.n_chans, self.n_times):
            raise InvalidEEGError(
                f"x has shape {tuple(x.shape)}; this module was built for (n_windows, "
                f"{self.n_chans}, {self.n_times})."
            )
        if not self._amplitude_was_checked:
            self._check_amplitude(x)
        signals = (x if self.read is None else x[:, self.read]).float() * self.factor
        if self.patching is not None:
            signals = signals @ self.patching
        return self.classifier(signals.unflatten(-1, (-1, _PATCH_SAMPLES)), self.electrodes)

    def _check_amplitude(self, x: Tensor) -> None:
        """Warn once if the signals seem to be in another unit."""
        self._amplitude_was_checked = True
        microvolts = x.detach().double().cpu().numpy() * self.factor * 100
        sentence = describe_amplitude(microvolts, self.unit)
        if sentence is not None:
            warn(sentence)


def _encoder(weights: Weights | None, architecture: Architecture, drop_path: float) -> EEGEncoder:
    if weights is not None:
        architecture.check_fits(weights.encoder_config, weights, ENCODER)
        return weights.encoder(drop_path)
    config = {**architecture.encoder(), "drop_path": drop_path}
    return cast(EEGEncoder, build_module("encoder", {"encoder": config}))


def _checked_rate(sfreq: float | None) -> float:
    if sfreq is None:
        warn(
            "No sampling rate was given, so 200 Hz is assumed. Pass sfreq=... (module__sfreq=... "
            "to braindecode's EEGClassifier)."
        )
        return TARGET_SFREQ
    return check_sfreq(sfreq)


def _checked_length(n_times: int | None, seconds: float | None, rate: float) -> int:
    if n_times is None:
        if seconds is None:
            raise InvalidEEGError("n_times was not given. Pass the number of samples per window.")
        n_times = round(seconds * rate)
    if not 0 < n_times <= _MOST_PATCHES * rate:
        raise InvalidEEGError(
            f"n_times={n_times} at {rate:g} Hz was given; expected windows of at most "
            f"{_MOST_PATCHES} s. Cut longer windows into shorter ones."
        )
    return int(n_times)


def _checked_channels(names: Sequence[str] | None, n_chans: int | None) -> int:
    if names is None and n_chans is None:
        raise InvalidEEGError("Neither chs_info, ch_names nor n_chans was given; expected one.")
    if names is not None and n_chans is not None and len(names) != n_chans:
        raise InvalidEEGError(f"{len(names)} channel names were given, but n_chans={n_chans}.")
    return cast(int, n_chans if names is None else len(names))


def _channels(
    chs_info: Sequence[Mapping[str, Any]] | None, ch_names: Sequence[str] | None
) -> tuple[list[str] | None, dict[str, NDArray] | None]:
    """Names, and positions in metres of the channels that have one."""
    refuse_one_string(ch_names)
    if ch_names is not None or chs_info is None:
        return None if ch_names is None else list(ch_names), None
    places = {str(ch["ch_name"]): np.asarray(ch.get("loc", ()), float)[:3] for ch in chs_info}
    known = {
        name: place
        for name, place in places.items()
        if len(place) == 3 and np.isfinite(place).all() and place.any()
    }
    return [str(ch["ch_name"]) for ch in chs_info], known or None


def _patching(n_times: int, rate: float) -> Tensor | None:
    """Matrix that resamples and pads windows to whole seconds, or None if neither is needed.

    Both are linear, so their effect on unit pulses determines their effect on any signal.
    """
    if rate == TARGET_SFREQ and n_times % _PATCH_SAMPLES == 0:
        return None
    resampled = resample(np.eye(n_times), rate)
    n_patches = n_patches_of(resampled.shape[-1])
    padded = to_patches(resampled[:, None]).reshape(n_times, n_patches * _PATCH_SAMPLES)
    return torch.from_numpy(padded.astype(np.float32))
