"""Treatment of the bad channels of a block of epochs, and warnings about them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.signals.bad_channels.channel_faults import Fault, Judgement, judge
from sk_brainrvq.signals.bad_channels.policy import BadChannelPolicy, by_fault
from sk_brainrvq.signals.bad_channels.splines import spline_weights
from sk_brainrvq.signals.blocks import EpochBlock
from sk_brainrvq.user_warnings import warn


class Treatment:
    """Judges the epochs of a block one by one, unless their recording was judged as a whole.

    The recording of an epoch of an array is unknown. Judging each epoch separately makes its
    features independent of the other epochs.

    Parameters
    ----------
    block : EpochBlock
    policy : BadChannelPolicy
    keeps_offset : bool
        False if a high-pass filter will remove offsets.
    """

    def __init__(self, block: EpochBlock, policy: BadChannelPolicy, keeps_offset: bool):
        self.block = block
        self.policy = policy
        self.keeps_offset = keeps_offset
        self._n_epochs: Counter[tuple[int, Fault]] = Counter()
        self._weights: dict[tuple[int, ...], NDArray] = {}
        if policy.drops and block.bad_channels:
            policy.check_drop(self._where(), by_fault(block.bad_channels), block.n_channels)

    def judge(self, piece: EpochBlock) -> Judgement:
        """Find and count the faults of the channels of some epochs.

        Parameters
        ----------
        piece : EpochBlock
            Epochs of the block in microvolts, not filtered.
        """
        judgement = judge(piece.data, piece.sfreq, self.keeps_offset)
        if self.block.bad_channels is not None:
            faults = np.zeros_like(judgement.faults)
            for channel, name in enumerate(self.block.ch_names or ()):
                faults[:, channel] = self.block.bad_channels.get(name, Fault.NONE)
            return replace(judgement, faults=faults)
        for fault in Fault:
            if fault:
                counts = np.count_nonzero(judgement.faults == fault, axis=0)
                self._n_epochs.update(
                    {(int(c), fault): int(counts[c]) for c in counts.nonzero()[0]}
                )
        return judgement

    def parts(self, piece: EpochBlock, judgement: Judgement) -> Iterator[EpochBlock]:
        """The epochs after treatment, grouped by their channels.

        Parameters
        ----------
        piece : EpochBlock
        judgement : Judgement
            Judgement of these epochs.

        Raises
        ------
        InvalidEEGError
            If bad channels cannot be left out or interpolated.
        """
        is_bad = judgement.faults != Fault.NONE
        if self._leaves_as_is() or not is_bad.any():
            yield piece
            return
        patterns, number = np.unique(is_bad, axis=0, return_inverse=True)
        for kind, pattern in enumerate(patterns):
            rows = np.flatnonzero(number.reshape(-1) == kind)
            part = piece.take(rows)
            if pattern.any():
                self._check(part, judgement.faults[rows[0]])
                part = self._treated(part, pattern)
            yield part

    def _leaves_as_is(self) -> bool:
        treats = self.policy.drops or self.policy.interpolates
        return self.block.bad_channels is not None or not treats

    def _check(self, part: EpochBlock, faults: NDArray) -> None:
        found: dict[Fault, list[str]] = {}
        for channel in np.flatnonzero(faults).tolist():
            found.setdefault(Fault(faults[channel]), []).append(self._label(channel))
        where = f"{self._where()}Epoch {part.index[0]}: "
        self.policy.check_drop(where, found, int((faults == Fault.NONE).sum()))

    def _treated(self, part: EpochBlock, is_bad: NDArray) -> EpochBlock:
        if self.policy.drops:
            kept = np.flatnonzero(~is_bad)
            names = None if part.ch_names is None else [part.ch_names[channel] for channel in kept]
            return replace(part, data=part.data[:, kept], ch_names=names)
        bads = tuple(np.flatnonzero(is_bad).tolist())
        if bads not in self._weights:
            self._weights[bads] = spline_weights(
                part.ch_names,
                bads,
                info=part.info,
                positions=part.positions,
                electrode_map=self.policy.electrode_map,
            )
        part.data[:, bads] = self._weights[bads] @ part.data  # the rows were copied
        return part

    def left_out(self) -> dict[str, str]:
        """Channels that are not EEG, or were left out of any epoch so far, each with the reason."""
        if not self.policy.drops:
            return dict(self.block.left_out)
        whole = {name: fault.words for name, fault in (self.block.bad_channels or {}).items()}
        parts = {self._name(channel): fault.words for channel, fault in self._n_epochs}
        return self.block.left_out | whole | parts

    def tell(self) -> None:
        """Warn of the bad channels of all epochs that were judged."""
        if self.block.bad_channels is not None:
            found = by_fault(self.block.bad_channels)
        else:
            found = {}
            for (channel, fault), n_epochs in sorted(self._n_epochs.items()):
                found.setdefault(fault, []).append(self._counted(channel, n_epochs))
        sentence = self.policy.sentence(self._where(), found)
        if sentence is not None:
            warn(sentence)

    def _counted(self, channel: int, n_epochs: int) -> str:
        total = len(self.block.data)
        share = "" if n_epochs == total else f" ({n_epochs} of {total} epochs)"
        return self._label(channel) + share

    def _name(self, channel: int) -> str:
        names = self.block.ch_names
        return f"channel {channel}" if names is None else names[channel]

    def _label(self, channel: int) -> str:
        return self._name(channel) if self.block.ch_names is None else repr(self._name(channel))

    def _where(self) -> str:
        item = "" if self.block.item is None else f"Item {self.block.item} of the list: "
        return item + ("" if self.block.recording is None else f"{self.block.recording}: ")
