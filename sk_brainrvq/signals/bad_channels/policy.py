"""What to do about bad channels, from the user's choice and the estimator's needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels.channel_faults import Fault

_MOST_NAMES = 16
ACTIONS = ("warn", "drop", "interpolate", "keep")
_DONE = {
    "warn": (
        "They are used unchanged. To leave them out or replace them, pass "
        "reading=Reading(bad_channels='drop') or 'interpolate'; 'keep' gives no warning."
    ),
    "drop": "They are left out (bad_channels='drop').",
    "interpolate": "They are interpolated (bad_channels='interpolate').",
}
_NOTED = {
    "warn": (
        "They are used unchanged (bad_channels='drop' leaves them out, 'interpolate' replaces "
        "them)."
    ),
    "drop": _DONE["drop"],
    "interpolate": _DONE["interpolate"],
}
_HIGH_PASS = " A high-pass filter removes offsets: filters=Filters(l_freq=0.5)."


@dataclass(frozen=True)
class BadChannelPolicy:
    """What to do about bad channels.

    Attributes
    ----------
    action : {"warn", "drop", "interpolate", "keep"}
    fixed_by : str or None
        Sentence that says why no channel can be left out and what to do instead, if results need
        all.
    electrode_map : mapping or None
        Positions of channels from the user, for interpolation.
    """

    action: str = "keep"
    fixed_by: str | None = None
    electrode_map: Mapping[str, Any] | None = None

    @property
    def drops(self) -> bool:
        """Whether bad channels are left out."""
        return self.action == "drop"

    @property
    def interpolates(self) -> bool:
        """Whether bad channels are interpolated from the others."""
        return self.action == "interpolate"

    def check_drop(self, where: str, found: Mapping[Fault, Sequence[str]], n_left: int) -> None:
        """Raise InvalidEEGError if bad channels cannot be left out.

        Parameters
        ----------
        where : str
            The recording or epoch, as the beginning of a sentence; may be empty.
        found : mapping of Fault to names
        n_left : int
            Channels that would be left.
        """
        if n_left == 0:
            raise InvalidEEGError(
                f"{where}bad_channels={self.action!r} was given, but every channel is bad: "
                f"{listed(found)}. Leave this part out, or pass bad_channels='warn' to use it "
                f"unchanged.{_advice(found)}"
            )
        if self.drops and self.fixed_by is not None:
            raise InvalidEEGError(
                f"{where}bad_channels='drop' would leave out bad channels: {listed(found)}. But "
                f"{self.fixed_by} Or pass bad_channels='interpolate'."
            )

    def sentence(self, where: str, found: Mapping[Fault, Sequence[str]]) -> str | None:
        """Warning about bad channels; None if there is nothing to report."""
        if not found or self.action == "keep":
            return None
        return f"{where}Bad channels: {listed(found)}. {_DONE[self.action]}{_advice(found)}"

    def notes(self, faults: Mapping[str, Fault]) -> list[str]:
        """Notes on a recording's bad channels, for a corpus."""
        if not faults or self.action == "keep":
            return []
        return [f"Bad channels: {listed(by_fault(faults))}. {_NOTED[self.action]}"]


def listed(found: Mapping[Fault, Sequence[str]]) -> str:
    """Bad channels as text, grouped by fault."""
    return "; ".join(
        f"{fault.words}: {_first_ones(names)}" for fault, names in sorted(found.items())
    )


def _first_ones(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def by_fault(faults: Mapping[str, Fault]) -> dict[Fault, list[str]]:
    """Channels with each fault, as a message names them."""
    kinds = sorted(set(faults.values()))
    return {kind: [repr(name) for name, own in faults.items() if own == kind] for kind in kinds}


def _advice(found: Mapping[Fault, Sequence[str]]) -> str:
    return _HIGH_PASS if Fault.OFFSET in found else ""
