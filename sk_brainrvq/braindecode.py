"""BrainRVQModule: the network for other libraries' training loops, such as braindecode's."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.module_arguments import (
    check_head,
    checked_length,
    checked_n_channels,
    checked_rate,
    described_network,
    names_and_places,
    patching_matrix,
)
from sk_brainrvq.nn import EEGEncoder, EncoderClassifier
from sk_brainrvq.pretrained_module import PretrainedModule, plain_channels
from sk_brainrvq.signals import match_electrodes
from sk_brainrvq.signals.electrodes import (
    ElectrodeMatch,
    ElectrodeReport,
    electrode_report,
    electrode_rows,
    placed_channels,
    warn_of_mean_rows,
)
from sk_brainrvq.signals.preparation import PATCH_SAMPLES
from sk_brainrvq.signals.sources.arrays import check_unit
from sk_brainrvq.signals.units import UNITS, describe_amplitude
from sk_brainrvq.user_warnings import warn
from sk_brainrvq.weights import Weights, resolve_weights
from sk_brainrvq.weights.architecture import Architecture
from sk_brainrvq.weights.modules import KINDS, build_module

# Networks take 100 microvolts.
_MICROVOLTS_PER_UNIT = 100.0
# Where to pass names and positions; braindecode's estimators route parameters by prefix.
_WHERE_TO_NAME = ("ch_names=[...], or to braindecode module__ch_names", "electrode_map={...}")


class BrainRVQModule(PretrainedModule):
    """Encoder and head as one PyTorch module that takes plain signals.

    braindecode's ``EEGClassifier`` and ``EEGRegressor`` fill in its arguments from data: pass them
    this class and train it like one of braindecode's own models. Signals are scaled, resampled to
    200 Hz, cut into patches of 1 s and matched to electrodes as in the estimators of this package,
    but they are not filtered. ``return_features``, ``reset_head``,
    ``get_config`` and ``from_pretrained`` are those of braindecode's foundation models.

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
    architecture : {"tiny", "small", "base"}, Architecture, mapping or None, default=None
        Sizes of the networks, by name or one by one. None is the size of given weights, and
        "small" from scratch; "base" is the paper's. With given weights other sizes are an error.
        A mapping is what ``get_config`` gives.
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
    backbone : EncoderClassifier
        The network without its head: its outputs are what the head sees.
    final_layer : nn.Module
        The head.
    n_outputs, n_chans, n_times : int
    sfreq : float
        In Hz.
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
        architecture: str | Architecture | Mapping[str, Any] | None = None,
        head: str = "mean",
        dropout: float = 0.1,
        drop_path: float = 0.1,
        frozen: bool = False,
        ch_names: Sequence[str] | None = None,
        electrode_map: Mapping[str, Any] | None = None,
        unit: str = "uV",
    ):
        super().__init__()
        rate = checked_rate(sfreq)
        self.n_times = checked_length(n_times, input_window_seconds, rate)
        check_unit(unit)
        self.unit, self.factor = unit, UNITS[unit] / _MICROVOLTS_PER_UNIT
        given = resolve_weights(weights, KINDS, "weights")
        described = described_network(given, architecture)
        encoder = _encoder(given, described["encoder"], drop_path)
        patches = patching_matrix(self.n_times, rate)
        self.register_buffer("patching", patches, persistent=False)
        self._n_patches = (self.n_times if patches is None else patches.shape[1]) // PATCH_SAMPLES
        names, positions = names_and_places(chs_info, ch_names)
        self.n_chans = checked_n_channels(names, n_chans)
        matches = _matches(names, self.n_chans, described, electrode_map, positions)
        check_head(head)
        self._place(matches, head)
        encoder.requires_grad_(not frozen)
        self.sfreq, self.head, self.dropout, self.chs_info = rate, head, dropout, chs_info
        self.backbone = self._network(encoder, n_outputs)
        self._take_head(n_outputs)
        self._amplitude_was_checked = False
        self._arguments = {
            "n_outputs": n_outputs,
            "n_chans": self.n_chans,
            "n_times": self.n_times,
            "chs_info": plain_channels(chs_info),
            "sfreq": rate,
            "weights": None,
            "architecture": described,
            "head": head,
            "dropout": dropout,
            "drop_path": drop_path,
            "frozen": frozen,
            "ch_names": None if ch_names is None else list(ch_names),
            "electrode_map": electrode_map,
            "unit": unit,
        }

    @property
    def input_window_seconds(self) -> float:
        """Length of a window in seconds."""
        return self.n_times / self.sfreq

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of a batch of one window."""
        return 1, self.n_chans, self.n_times

    def _network(self, encoder: EEGEncoder, n_outputs: int) -> EncoderClassifier:
        return EncoderClassifier(
            encoder, n_outputs, self.head, self.n_chans, self._n_patches, self.dropout
        )

    def _take_head(self, n_outputs: int) -> None:
        """Put the network's head where leaderboards and braindecode look for it."""
        self.n_outputs = n_outputs
        self.final_layer, self.backbone.head = self.backbone.head, nn.Identity()

    def reset_head(self, n_outputs: int) -> None:
        """Replace the head by a new one, with random weights.

        Parameters
        ----------
        n_outputs : int

        Raises
        ------
        ValueError
            If it is not positive.
        """
        if n_outputs <= 0:
            raise ValueError(f"n_outputs={n_outputs} was given; expected 1 or more.")
        before = next(self.parameters())
        self.backbone = self._network(self.backbone.encoder, n_outputs).to(before.device)
        self._take_head(n_outputs)
        self._arguments["n_outputs"] = n_outputs
        self.train(self.training)

    def _place(self, matches: list[ElectrodeMatch], head: str) -> None:
        """Store where channels lie, and which of them are read."""
        self.electrode_report: ElectrodeReport = electrode_report(matches)
        rows = torch.from_numpy(electrode_rows(matches))
        # The flattened head has weights for every channel.
        known = None if head == "flatten" else placed_channels(matches)
        read = None if known is None else torch.from_numpy(known)
        self.register_buffer("read", read, persistent=False)
        self.register_buffer("electrodes", rows if read is None else rows[read], persistent=False)

    def forward(
        self,
        x: Tensor,
        return_features: bool = False,
        *,
        ch_names: Sequence[str] | None = None,
        channel_positions: Any = None,
    ) -> Any:
        """Class logits, or outputs of a regression.

        Parameters
        ----------
        x : Tensor, shape (B, n_chans, n_times)
            Signals in ``unit``.
        return_features : bool, default=False
            Return the encoder's tokens in place of what the head makes of them.
        ch_names : sequence of str, optional
            Channels of x where they are others than the module was built for; x may then have
            another length, too. The flattened head serves one set and length only.
        channel_positions : optional
            Not used, as channels are placed by name; some callers pass it beside the names.

        Returns
        -------
        Tensor, shape (B, n_outputs), or dict of Tensor
            With ``return_features``: "features", the patch tokens, (B, n_tokens, D), channel by
            channel, and "cls_token", (B, D).

        Raises
        ------
        InvalidEEGError
            If x has other channels or samples than the module was built for, and no names.
        """
        if ch_names is not None:
            patches, electrodes = self._of_other_montage(x, tuple(ch_names))
            return self._result(patches, electrodes, return_features)
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
        patches = signals.unflatten(-1, (-1, PATCH_SAMPLES))
        return self._result(patches, self.electrodes, return_features)

    def _result(self, patches: Tensor, electrodes: Tensor, return_features: bool) -> Any:
        if return_features:
            tokens = self.backbone.encoder(patches, electrodes)
            return {"features": tokens[:, 1:], "cls_token": tokens[:, 0]}
        return self.final_layer(self.backbone(patches, electrodes))

    def _of_other_montage(self, x: Tensor, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
        """Patches and electrodes of channels by name."""
        if x.ndim != 3 or len(names) != x.shape[1]:
            raise InvalidEEGError(
                f"x has shape {tuple(x.shape)} and ch_names {len(names)} names; expected "
                f"(n_windows, {len(names)}, n_times)."
            )
        described = self._arguments["architecture"]
        electrode_map = self._arguments["electrode_map"]
        matches = _matches(list(names), len(names), described, electrode_map)
        known = None if self.head == "flatten" else placed_channels(matches)
        electrodes = torch.from_numpy(electrode_rows(matches))
        signals = x.float() * self.factor
        if known is not None:
            read = torch.from_numpy(known)
            signals, electrodes = signals[:, read.to(x.device)], electrodes[read]
        checked_length(x.shape[-1], None, self.sfreq)
        patching = patching_matrix(x.shape[-1], self.sfreq)
        if patching is not None:
            signals = signals @ patching.to(x.device)
        return signals.unflatten(-1, (-1, PATCH_SAMPLES)), electrodes.to(x.device)

    def _check_amplitude(self, x: Tensor) -> None:
        """Warn once if the signals seem to be in another unit."""
        self._amplitude_was_checked = True
        microvolts = x.detach().double().cpu().numpy() * self.factor * 100
        sentence = describe_amplitude(microvolts, self.unit)
        if sentence is not None:
            warn(sentence)


def _encoder(weights: Weights | None, config: Mapping[str, Any], drop_path: float) -> EEGEncoder:
    if weights is not None:
        return weights.encoder(drop_path)
    config = {**config, "drop_path": drop_path}
    return cast(EEGEncoder, build_module("encoder", {"encoder": config}))


def _matches(
    names: list[str] | None,
    n_channels: int,
    described: Mapping[str, Any],
    electrode_map: Mapping[str, Any] | None,
    positions: Mapping[str, Any] | None = None,
) -> list[ElectrodeMatch]:
    """Where channels lie, for a network that was trained on some electrodes."""
    matches = match_electrodes(
        names,
        n_channels,
        described["trained_rows"],
        described["official"],
        positions=positions,
        electrode_map=electrode_map,
    )
    warn_of_mean_rows(matches, names is not None, *_WHERE_TO_NAME)
    return matches
