"""The user's settings for reading unusual recordings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator

from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.bad_channels import ACTIONS, BadChannelPolicy

_ON_ERROR = ("raise", "warn", "skip")
# Actions that do not change bad channels.
_UNTREATED = ("warn", "keep")


class Reading(BaseEstimator):
    """How to read unusual recordings, for ``reading=`` of the estimators.

    Parameters
    ----------
    electrode_map : mapping of str to str, sequence or mapping, optional
        Positions of channels, which override their names: an electrode, a pair such as "FP1-F7",
        several names, or names with weights. A channel listed here counts as EEG whatever its name
        or rate, and even without a unit. It is still left out if it is marked bad, has another
        type, or has a unit that is not a voltage.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do about a file in a list of files that cannot be used.
    bad_channels : {"warn", "drop", "interpolate", "keep"}, default="warn"
        What to do about channels that record no EEG: flat, stuck at an extreme, 100 times larger or
        smaller than the others, or with an offset far above their amplitude. "warn" warns of them,
        "drop" leaves them out, "interpolate" interpolates them from the others with spherical
        splines, "keep" uses them without a warning.
    read_options : mapping, optional
        Options of ``mne.io.read_raw`` for files, such as ``{"encoding": "latin1"}``; or by
        extension, such as ``{".set": {"montage_units": "mm"}, ".cnt": {"data_format": "int32"}}``.

    Examples
    --------
    >>> from sk_brainrvq import BrainRVQEmbedder, Reading
    >>> embedder = BrainRVQEmbedder(reading=Reading(electrode_map={"ch1": "C3"}))
    >>> embedder.set_params(reading__on_error="skip").reading
    Reading(electrode_map={'ch1': 'C3'}, on_error='skip')
    """

    def __init__(
        self,
        electrode_map: Mapping[str, Any] | None = None,
        *,
        on_error: str = "raise",
        bad_channels: str = "warn",
        read_options: Mapping[str, Any] | None = None,
    ):
        self.electrode_map = electrode_map
        self.on_error = on_error
        self.bad_channels = bad_channels
        self.read_options = read_options

    def check(self) -> None:
        """Raise InvalidEEGError for invalid settings."""
        if self.on_error not in _ON_ERROR:
            raise InvalidEEGError(
                f"on_error={self.on_error!r} was given; expected one of {_ON_ERROR}."
            )
        if self.bad_channels not in ACTIONS:
            raise InvalidEEGError(
                f"bad_channels={self.bad_channels!r} was given; expected one of {ACTIONS}."
            )
        given = self.read_options
        if given is not None and not (isinstance(given, Mapping) and _has_one_form(given)):
            raise InvalidEEGError(
                f"read_options={given!r} was given; expected options of mne.io.read_raw by name, "
                "or dicts of them by file extension, such as "
                f"{{'.set': {{'montage_units': 'mm'}}}}."
            )


def _has_one_form(given: Mapping[Any, Any]) -> bool:
    by_ending = [isinstance(key, str) and key.startswith(".") for key in given]
    if all(by_ending):
        return all(isinstance(options, Mapping) for options in given.values())
    return not any(by_ending) and all(isinstance(key, str) for key in given)


def options_for(path: Path, read_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Options of a reader for one file.

    Parameters
    ----------
    path : Path
    read_options : mapping, or None
        As in :class:`Reading`.

    Returns
    -------
    dict

    Examples
    --------
    >>> from pathlib import Path
    >>> from sk_brainrvq.signals.reading import options_for
    >>> options_for(Path("a.EDF"), {".edf": {"encoding": "latin1"}, ".set": {}})
    {'encoding': 'latin1'}
    """
    given = dict(read_options or {})
    if not any(key.startswith(".") for key in given):
        return given
    name = path.name.lower()
    chosen = [options for ending, options in given.items() if name.endswith(ending.lower())]
    return dict(chosen[0]) if chosen else {}


def checked_reading(reading: Any) -> Reading:
    """The user's settings for reading, checked; None uses the defaults."""
    if reading is None:
        return Reading()
    if not isinstance(reading, Reading):
        raise InvalidEEGError(
            f"reading={reading!r} was given; expected sk_brainrvq.Reading(...) or None."
        )
    reading.check()
    return reading


def other_reading(before: Reading, asked: Reading) -> list[str]:
    """Parameters that differ from how recordings were read before.

    Parameters
    ----------
    before : Reading
        Settings as a corpus records them: as text for options that JSON cannot express.
    asked : Reading
        Requested settings; defaults are not compared.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from sk_brainrvq import Reading
    >>> from sk_brainrvq.signals.reading import other_reading
    >>> other_reading(Reading(), Reading(bad_channels="drop"))
    ['bad_channels']
    >>> other_reading(Reading(bad_channels="drop"), Reading(on_error="skip"))
    []
    """
    names = []
    actions = {before.bad_channels, asked.bad_channels}
    if asked.bad_channels != "warn" and len(actions) > 1 and not actions <= set(_UNTREATED):
        names.append("bad_channels")
    options = asked.read_options
    if options is not None and json.loads(json.dumps(options, default=repr)) != before.read_options:
        names.append("read_options")
    return names


def bad_channel_policy(reading: Any, fixed_by: str | None = None) -> BadChannelPolicy:
    """Policy for bad channels; ``fixed_by`` says why none can be left out."""
    checked = checked_reading(reading)
    return BadChannelPolicy(checked.bad_channels, fixed_by, checked.electrode_map)


def known_as_eeg(reading: Any) -> frozenset[str]:
    """Channels for which a user has given a position, which makes them EEG."""
    given = checked_reading(reading).electrode_map
    # Anything but a mapping is refused when electrodes are matched, with a full message.
    return frozenset(given) if isinstance(given, Mapping) else frozenset()
