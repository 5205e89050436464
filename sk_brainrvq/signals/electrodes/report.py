"""Reports of how channels were mapped to electrodes: a table and a warning."""

from collections.abc import Mapping, Sequence
from typing import Any

from sk_brainrvq.signals.electrodes.matching import ElectrodeMatch
from sk_brainrvq.signals.electrodes.names import shorten
from sk_brainrvq.signals.electrodes.positions import GUESSED
from sk_brainrvq.user_warnings import warn


class ElectrodeReport(list[dict[str, Any]]):
    """One row per channel: input for ``pandas.DataFrame`` that prints as a table."""

    def __repr__(self) -> str:
        lines = [("channel", "how", "electrodes", "note")]
        for row in self:
            shares = [
                name if weight == 1 else f"{weight:.2f} {name}"
                for name, weight in zip(row["electrodes"], row["weights"], strict=True)
            ]
            mixture = " + ".join(shares)
            if row["how"] == "mean":
                mixture = f"mean of {len(shares)}"
            lines.append((row["channel"], row["how"], mixture, row["note"]))
        widths = [max(len(line[i]) for line in lines) for i in range(3)]
        return "\n".join(
            "  ".join(
                [*(cell.ljust(w) for cell, w in zip(line, widths, strict=False)), line[3]]
            ).rstrip()
            for line in lines
        )


def electrode_report(matches: Sequence[ElectrodeMatch]) -> ElectrodeReport:
    """How each channel was mapped, as a table.

    Parameters
    ----------
    matches : sequence of ElectrodeMatch

    Returns
    -------
    ElectrodeReport
        A list of dicts: "channel", "how", "electrodes" (names of the rows), "rows", "weights"
        and "note".

    Examples
    --------
    >>> from sk_brainrvq.signals.electrodes import electrode_report, match_electrodes
    >>> electrode_report(match_electrodes(["Cz", "T3-C3"], 2))
    channel  how      electrodes         note
    Cz       exact    CZ
    T3-C3    bipolar  0.50 T7 + 0.50 C3
    """
    return ElectrodeReport(
        {
            "channel": match.channel,
            "how": match.how,
            "electrodes": match.electrodes,
            "rows": match.rows,
            "weights": match.weights,
            "note": match.note,
        }
        for match in matches
    )


class ElectrodeLog:
    """Channels of several recordings, each as first matched."""

    def __init__(self) -> None:
        self._seen: dict[str, ElectrodeMatch] = {}
        self._left_out: dict[str, str] = {}

    def report_with(
        self, matches: Sequence[ElectrodeMatch], left_out: Mapping[str, str]
    ) -> ElectrodeReport:
        """All channels so far, including those of another recording.

        Parameters
        ----------
        matches : sequence of ElectrodeMatch
        left_out : mapping of str to str
            Channels that were left out, and why. Those used in another recording are listed as
            used.

        Returns
        -------
        ElectrodeReport
        """
        for match in matches:
            self._seen.setdefault(match.channel, match)
        self._left_out |= left_out
        unused = [
            ElectrodeMatch(name, "left out", (), (), why)
            for name, why in self._left_out.items()
            if name not in self._seen
        ]
        return electrode_report([*self._seen.values(), *unused])


_UNKNOWN = "No electrode position is known for"
_UNNAMED = "No channel names were given"
_READ_BY = "Guessed positions:"
# Beginnings of the warnings of `warn_of_mean_rows`.
SAID_OF_PLACES = (_UNKNOWN, _UNNAMED, _READ_BY)


def warn_of_mean_rows(
    matches: Sequence[ElectrodeMatch],
    named: bool,
    parameter: str = "ch_names",
    place: str = "reading=Reading(electrode_map={...})",
) -> None:
    """Warn of channels without a position, or with only a guessed one.

    Parameters
    ----------
    matches : sequence of ElectrodeMatch
    named : bool
        Whether the channels have names.
    parameter, place : str
        How the user passes names and positions.
    """
    guessed = [match for match in matches if GUESSED in match.note]
    if guessed:
        warn(
            f"{_READ_BY} {shorten([match.channel for match in guessed])} are read by their "
            f"{guessed[0].note}. If they number the electrodes of another cap, set a montage or "
            f"pass {place}."
        )
    lost = [match.channel for match in matches if match.how == "mean"]
    if not lost:
        return
    if named:
        effect = (
            "the mean position is used instead, and the network cannot tell where they lie"
            if len(lost) == len(matches)
            else (
                "as other channels have one, these are left out when channels are pooled and "
                "from the network's view of the others"
            )
        )
        message = (
            f"{_UNKNOWN} {shorten(lost)}: {effect}. Use names of the 10-20 or 10-05 system, "
            f"set a montage, or pass {place}."
        )
    else:
        message = (
            f"{_UNNAMED}: every channel gets the mean electrode position, and the network cannot "
            f"tell where on the head it lies. Pass {parameter}=[...]."
        )
    warn(message)
