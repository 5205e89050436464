"""Describe a corpus in words, and check that it is unchanged."""

from collections.abc import Iterable, Sequence

from sk_brainrvq.corpus.index import CorpusIndex, CorpusRecording
from sk_brainrvq.corpus.store import CorpusStore
from sk_brainrvq.corpus.writing import content_digest, n_chunks_of
from sk_brainrvq.exceptions import InvalidCorpusError

# The attribute EEGCorpus.failed holds all.
_MOST_NAMED = 5


def describe(recordings: Sequence[CorpusRecording], index: CorpusIndex) -> list[str]:
    """Describe some recordings of a corpus and how it was built, line by line."""
    hours = sum(recording.duration for recording in recordings) / 3600
    subjects = {recording.subject for recording in recordings}
    montages = {recording.ch_names for recording in recordings}
    sizes = ", ".join(map(str, sorted({len(names) for names in montages})))
    rejected = sum(end - first for each in recordings for first, end in each.unusable)
    n_failed = len(index.failed)
    settings = [f"{name}={v!r}" for name, v in index.settings.items() if v is not None]
    return [
        f"{len(recordings)} recordings, {hours:.2f} hours, {len(subjects)} subjects",
        f"{len(montages)} montage{'s' * (len(montages) != 1)}, of {sizes} channels",
        f"built with {', '.join(settings) or 'no filter'}",
        f"{rejected} seconds rejected, {n_failed} file{'s' * (n_failed != 1)} failed",
        *_failures(index.failed),
    ]


def _failures(failed: Sequence[tuple[str, str]]) -> list[str]:
    """Lines that name the first files that failed, and count the others."""
    lines = [f"  {path}: {reason}" for path, reason in failed[:_MOST_NAMED]]
    more = len(failed) - _MOST_NAMED
    return [*lines, f"  and {more} more"] if more > 0 else lines


def find_problems(store: CorpusStore, numbers: Iterable[int]) -> list[str]:
    """Read recordings whole and compare their digests.

    Parameters
    ----------
    store : CorpusStore
    numbers : iterable of int
        Recordings to check, as their positions in the index.

    Returns
    -------
    list of str
        One sentence for each that is missing, damaged or changed.
    """
    problems = []
    for number in numbers:
        recording = store.index.recordings[number]
        keys = ((number, chunk) for chunk in range(n_chunks_of(recording.n_times)))
        try:
            if content_digest(map(store.read_chunk, keys)) != recording.digest:
                problems.append(
                    f"Recording {recording.id} of {recording.source!r} differs from what was "
                    "written."
                )
        except InvalidCorpusError as error:
            problems.append(str(error))
    return problems
