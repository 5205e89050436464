"""Build a corpus: read every file once, in parallel, over as many runs as needed."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sk_brainrvq.corpus.finding import SubjectRule, find_sources, subject_rule
from sk_brainrvq.corpus.index import INDEX_NAME, CorpusIndex, CorpusRecording
from sk_brainrvq.corpus.tasks import (
    BuildSettings,
    BuildTask,
    build_one,
    clear_disk_errors,
    plan_tasks,
)
from sk_brainrvq.corpus.writing import (
    import_zarr,
    open_corpus,
    refuse_strangers,
    remove_unfinished,
    stored_recordings,
    write_whole,
)
from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.user_warnings import warn

# Most notes that a warning shows.
_SHOWN = 10


@dataclass(frozen=True)
class CorpusReport:
    """What a build did, and what the corpus now holds.

    Attributes
    ----------
    built : int
        Files that were read and stored.
    kept : int
        Files of this call that were already in the corpus and have not changed.
    failed : list of (str, str)
        Files of this call that could not be used, each with the reason.
    hours : float
        Hours of EEG in the whole corpus.
    subjects : int
        Number of subjects in the whole corpus.
    """

    built: int
    kept: int
    failed: list[tuple[str, str]]
    hours: float
    subjects: int

    def __str__(self) -> str:
        lines = [
            f"{self.built} recordings built, {self.kept} kept, {len(self.failed)} failed; the "
            f"corpus holds {self.hours:.2f} hours from {self.subjects} subjects."
        ]
        lines += [f"  failed: {source}: {reason}" for source, reason in self.failed]
        return "\n".join(lines)


def build_corpus(
    files: Any,
    out: str | os.PathLike,
    *,
    notch: float | None,
    l_freq: float | None = 0.3,
    h_freq: float | None = 75.0,
    reference: Any = None,
    reject_amplitude: float | None = None,
    reject_flat: float | None = None,
    bad_channels: str = "warn",
    subject: Any = None,
    read_options: Mapping[str, Any] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> CorpusReport:
    r"""Filter recordings, resample them to 200 Hz and store them for training.

    Run it again after a crash or with more files: finished recordings are kept, and the result is
    byte for byte what an uninterrupted run would have written. A file whose size or modification
    time differs is read again. Files that cannot be used are listed in the report and in the
    corpus, and the next run tries them again.

    Parameters
    ----------
    files : path, or iterable of paths
        Recordings in any format that MNE reads, folders, which are searched recursively, or
        patterns such as ``"data/**/*.edf"``.
    out : path
        Local folder of the corpus; it is created if it does not exist. Workers on other machines
        must see it, and ``files``, under the same path.
    notch : float or None
        Mains frequency in Hz, 50 or 60, to remove with its harmonics. None removes nothing.
        There is no default because the frequency cannot be guessed.
    l_freq, h_freq : float or None, default=0.3 and 75.0
        Pass band in Hz; None leaves an edge as recorded.
    reference : None, "average", a channel name, or names, default=None
        Channels whose mean is subtracted. None keeps the reference of the recording.
    reject_amplitude : float, optional
        Limit in microvolts. Windows with a second in which the peak-to-peak range of any channel
        exceeds it are not used. Nothing is cut out: the corpus records which seconds are unusable.
        Seconds that overlap an annotation beginning with BAD or EDGE are always unusable.
    reject_flat : float, optional
        Limit in microvolts; the same for seconds in which the range of any channel is below it.
    bad_channels : {"warn", "drop", "interpolate", "keep"}, default="warn"
        What to do about channels that record no EEG, as in :class:`~sk_brainrvq.Reading`. The
        decision applies to the whole recording and is stored in the notes of the corpus; it is
        not made again when the corpus is read.
    subject : None, str or callable, optional
        How to find the subject of a recording. None understands the file names of BIDS, the
        Temple University corpora and EEGMAT; any other file counts as a subject of its own. A
        regular expression with the groups ``(?P<subject>...)`` and, optionally,
        ``(?P<session>...)`` is searched for in the path. A function takes the path and returns
        (subject, session).
    read_options : mapping, optional
        Options of ``mne.io.read_raw``, for all files or per file extension, as in
        :class:`~sk_brainrvq.Reading`.
    n_jobs : int, optional
        Number of processes. None means one, unless a surrounding ``joblib.parallel_config`` says
        otherwise; its ``backend="dask"`` spreads the work over a cluster.
    verbose : int, default=0
        If above 0, show a progress bar.

    Returns
    -------
    CorpusReport

    Raises
    ------
    InvalidCorpusError
        If no recording is given, if another build is writing to ``out``, or if the corpus there
        was built with other settings; the message shows the differences.
    OSError
        If the disk is full or ``out`` is not writable. Finished recordings are kept.
    ImportError
        If zarr or fsspec (the extra ``corpus``) is not installed.

    Warns
    -----
    EEGWarning
        Once per run, about channels left out, bad channels, annotated bad stretches and joins, and
        implausible amplitudes.

    Notes
    -----
    A corpus is a Zarr v3 group: each recording is an array ``recordings/<id>`` of shape
    (n_channels, n_times), int16, in chunks of 60 s, 60 chunks per file, compressed with zstd. Each
    channel is scaled so that its largest value is the largest integer; nothing is clipped. The
    attributes of each array describe it; ``index.jsonl`` collects them, sorted, so that opening a
    corpus reads one file.

    Examples
    --------
    >>> import mne, numpy as np, tempfile
    >>> from sk_brainrvq.corpus import EEGCorpus, build_corpus
    >>> folder = tempfile.mkdtemp()
    >>> rng = np.random.default_rng(0)
    >>> for name in ("sub-01", "sub-02"):
    ...     info = mne.create_info(["C3", "C4"], 250, "eeg")
    ...     raw = mne.io.RawArray(rng.normal(scale=2e-5, size=(2, 250 * 30)), info, verbose=False)
    ...     _ = raw.save(f"{folder}/{name}_eeg.fif", verbose=False)
    >>> report = build_corpus(folder, f"{folder}/corpus", notch=50)
    >>> report.built, report.failed, report.subjects
    (2, [], 2)
    >>> build_corpus(folder, f"{folder}/corpus", notch=50).kept
    2
    >>> corpus = EEGCorpus(f"{folder}/corpus", window=10)
    >>> len(corpus), corpus[0].shape
    (6, (2, 2000))
    """
    import_zarr()
    settings = BuildSettings.checked(
        FilterSettings.checked(l_freq, h_freq, notch, reference),
        reject_amplitude,
        reject_flat,
        bad_channels,
        read_options,
    )
    header = settings.to_json(subject)
    rule = subject_rule(subject)
    sources = find_sources(files)
    folder = _local_folder(out)
    with clear_disk_errors(folder):
        refuse_strangers(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            remove_unfinished(folder)
            open_corpus(folder, header)
            try:
                return _build(sources, folder, settings, header, rule, n_jobs, verbose)
            finally:
                remove_unfinished(folder)


def _build(
    sources: list[str],
    out: Path,
    settings: BuildSettings,
    header: dict[str, Any],
    rule: SubjectRule,
    n_jobs: int | None,
    verbose: int,
) -> CorpusReport:
    tasks, kept, failed = plan_tasks(sources, out, rule)
    notes: dict[str, tuple[str, ...]] = {}
    for task, outcome in zip(tasks, _run(tasks, out, settings, n_jobs, verbose), strict=True):
        if isinstance(outcome, CorpusRecording):
            notes[task.source] = outcome.notes
        else:
            failed.append((task.source, outcome))
    index = _write_index(out, header, set(sources), failed)
    _warn_of(notes)
    return CorpusReport(
        len(notes),
        kept,
        sorted(failed),
        sum(recording.duration for recording in index.recordings) / 3600,
        len({recording.subject for recording in index.recordings}),
    )


def _run(
    tasks: list[BuildTask], out: Path, settings: BuildSettings, n_jobs: int | None, verbose: int
) -> Iterator[CorpusRecording | str]:
    """Yield the outcome of each task, in order."""
    from joblib import Parallel, delayed
    from tqdm.auto import tqdm

    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:  # Dask's backend returns all results at the end
        parallel = Parallel(n_jobs=n_jobs)
    outcomes = parallel(delayed(build_one)(task, out, settings) for task in tasks)
    return iter(tqdm(outcomes, total=len(tasks), desc="corpus", unit="file", disable=not verbose))


def _write_index(
    out: Path, header: dict[str, Any], sources: set[str], failed: list[tuple[str, str]]
) -> CorpusIndex:
    """Collect the descriptions of all recordings, and the files that failed now or earlier."""
    recordings = [recording for recording, _ in stored_recordings(out).values()]
    known = {recording.source for recording in recordings}
    earlier = [pair for pair in _failed_before(out) if pair[0] not in sources | known]
    index = CorpusIndex(
        header,
        tuple(sorted(recordings, key=lambda recording: (recording.source, recording.id))),
        tuple(sorted(earlier + failed)),
    )
    write_whole(out, INDEX_NAME, index.to_bytes())
    return index


def _failed_before(out: Path) -> list[tuple[str, str]]:
    try:
        content = (out / INDEX_NAME).read_bytes()
        return list(CorpusIndex.from_bytes(content, str(out)).failed)
    except (FileNotFoundError, InvalidCorpusError):
        return []


def _warn_of(notes: dict[str, tuple[str, ...]]) -> None:
    """Warn once about everything noted while reading the files of a run."""
    counts = Counter(note for each in notes.values() for note in each)
    if not counts:
        return
    first = {note: source for source in sorted(notes, reverse=True) for note in notes[source]}
    lines = [f"{note} ({n} files, first {first[note]})" for note, n in counts.most_common(_SHOWN)]
    if len(counts) > _SHOWN:
        lines.append(f"{len(counts) - _SHOWN} further notes are stored in the corpus.")
    warn("\n".join(lines))


def _local_folder(out: Any) -> Path:
    text = os.fspath(out)
    if "://" in text:
        raise InvalidCorpusError(
            f"out={text!r} was given; a corpus is built in a local folder. Build it there, and "
            "copy the folder to the object store: EEGCorpus reads from either."
        )
    if os.path.exists(text) and not os.path.isdir(text):
        raise InvalidCorpusError(f"out={text!r} is a file; expected a folder.")
    return Path(text)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Lock the folder for this build; raise an error if another build holds it."""
    from filelock import FileLock, Timeout

    lock = FileLock(out / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InvalidCorpusError(
            f"Another build is writing to {out}. Wait until it ends, then run this one again."
        ) from error
    try:
        yield
    finally:
        lock.release()
