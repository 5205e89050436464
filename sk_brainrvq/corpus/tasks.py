"""Choose the files that a build must read, and store each of them."""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from sk_brainrvq.corpus.finding import (
    SubjectRule,
    describe_rule,
    recording_id,
    source_state,
)
from sk_brainrvq.corpus.index import CorpusRecording
from sk_brainrvq.corpus.index_fields import LONGEST
from sk_brainrvq.corpus.intake import read_signals, scales, to_steps, unusable_seconds
from sk_brainrvq.corpus.writing import (
    remove_recording,
    stored_recordings,
    write_recording,
)
from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.signals.bad_channels import BadChannelPolicy
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.reading import Reading, bad_channel_policy, checked_reading
from sk_brainrvq.signals.sources.mne_raws import KEEP
from sk_brainrvq.signals.sources.recording_files import nothing_at


@dataclass(frozen=True)
class BuildSettings:
    """What is done to every recording."""

    filters: FilterSettings
    reject_amplitude: float | None
    reject_flat: float | None
    bad_channels: BadChannelPolicy = KEEP
    read_options: Mapping[str, Any] | None = None

    @classmethod
    def checked(
        cls,
        filters: FilterSettings,
        reject_amplitude: Any,
        reject_flat: Any,
        bad_channels: Any = "warn",
        read_options: Any = None,
    ) -> "BuildSettings":
        """Check the values of a user; raise InvalidCorpusError if they are invalid."""
        return cls(
            filters,
            _checked_limit("reject_amplitude", reject_amplitude),
            _checked_limit("reject_flat", reject_flat),
            bad_channel_policy(Reading(bad_channels=bad_channels)),
            checked_reading(Reading(read_options=read_options)).read_options,
        )

    def to_json(self, subject: Any) -> dict[str, Any]:
        """Convert to what the corpus records; ``subject`` is the rule that names subjects."""
        reference = self.filters.reference
        return {
            "l_freq": self.filters.l_freq,
            "h_freq": self.filters.h_freq,
            "notch": self.filters.notch,
            "reference": list(reference) if isinstance(reference, tuple) else reference,
            "reject_amplitude": self.reject_amplitude,
            "reject_flat": self.reject_flat,
            "bad_channels": self.bad_channels.action,
            # Values that JSON cannot hold are recorded as text.
            "read_options": json.loads(json.dumps(self.read_options, default=repr)),
            "subject": describe_rule(subject),
        }


@dataclass(frozen=True)
class BuildTask:
    """One file to read."""

    source: str
    size: int
    changed_ns: int
    subject: str
    session: str

    @property
    def id(self) -> str:
        """Name of the array."""
        return recording_id(self.source, self.size)


def plan_tasks(
    sources: list[str], out: Path, rule: SubjectRule
) -> tuple[list[BuildTask], int, list[tuple[str, str]]]:
    """Return files to read, the number already stored, and files that cannot be used."""
    stored = stored_recordings(out)
    ids: dict[str, list[str]] = {}
    for name, (recording, _) in stored.items():
        ids.setdefault(recording.source, []).append(name)
    tasks, failed, n_kept = [], [], 0
    for source in sources:
        try:
            size, changed_ns = source_state(source)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            reason = nothing_at(source) if missing else str(error)
            failed.append((source, reason))
            continue
        try:
            task = BuildTask(source, size, changed_ns, *rule(source))
        except InvalidCorpusError as error:
            failed.append((source, str(error)))
            continue
        is_there = False
        for name in ids.get(source, []):
            recording, changed_before = stored[name]
            whose = (recording.subject, recording.session)
            if (name, changed_before, *whose) == (task.id, changed_ns, task.subject, task.session):
                is_there = True
            else:
                remove_recording(out, name)
        n_kept += is_there
        if not is_there:
            tasks.append(task)
    return tasks, n_kept, failed


def build_one(task: BuildTask, out: Path, settings: BuildSettings) -> CorpusRecording | str:
    """Read, filter and store one file; return the reason if it cannot be used."""
    try:
        signals = read_signals(
            task.source, settings.filters, settings.bad_channels, settings.read_options
        )
        if signals.microvolts.shape[1] > LONGEST:
            return f"The maximum is {LONGEST} samples, a month; cut it into several files."
        scale = scales(signals.microvolts)
        recording = CorpusRecording(
            task.id,
            task.source,
            task.size,
            task.subject,
            task.session,
            signals.ch_names,
            signals.positions,
            signals.microvolts.shape[1],
            tuple(map(float, scale)),
            unusable_seconds(
                signals.microvolts,
                settings.reject_amplitude,
                settings.reject_flat,
                signals.marked,
            ),
            signals.sfreq,
            signals.highpass,
            signals.lowpass,
            signals.notes,
            digest="",
        )
        steps = to_steps(signals.microvolts, scale)
    except Exception as error:  # MNE may raise anything; one file must not stop the build
        known = isinstance(error, ValueError)
        return str(error) if known else f"{type(error).__name__}: {error}"
    with clear_disk_errors(out):
        return write_recording(out, recording, task.changed_ns, steps)


def _checked_limit(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < float(value) < 1e9:
        raise InvalidCorpusError(
            f"{name}={value!r} was given; expected a peak-to-peak limit in microvolts above 0, or "
            "None."
        )
    return float(value)


@contextmanager
def clear_disk_errors(out: Path) -> Iterator[None]:
    """Make disk errors say what was being done, and how to continue."""
    try:
        yield
    except OSError as error:
        if str(out) in str(error.strerror):
            raise  # a worker has already explained it
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EFBIG: "a file grew beyond the allowed size",
            errno.EDQUOT: "the disk quota is used up",
            errno.EACCES: "permission denied",
            errno.EPERM: "permission denied",
            errno.EROFS: "it is read-only",
        }
        reason = reasons.get(error.errno or 0, error.strerror or str(error))
        raise OSError(
            error.errno,
            f"The corpus at {out} could not be written: {reason}. Finished recordings are kept: "
            "fix this, then run build_corpus again",
        ) from error
