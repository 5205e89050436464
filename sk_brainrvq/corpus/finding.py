"""Find the files of a corpus, name them, and determine their subjects."""

import glob
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import Any

from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.signals.sources.headers.bids_channels import sidecar_of
from sk_brainrvq.signals.sources.subjects import conventional_name

# EEG formats that a folder is searched for; other files that MNE reads must be given by name.
_SUFFIXES = tuple(
    f".{name}"
    for name in (
        *("ahdr", "bdf", "cdt", "cnt", "edf", "eeg", "fif", "fif.gz"),
        *("gdf", "lay", "mff", "nedf", "nxe", "set", "vhdr"),
    )
)
# Further files that hold a recording's signal: they may change while the header does not.
_COMPANIONS = {".vhdr": (".eeg", ".vmrk", ".dat"), ".set": (".fdt",), ".lay": (".dat",)}
# Later files of one long recording, which MNE reads together with the first.
_NUMBERED = re.compile(r"(?P<base>.+)-\d+(?P<end>\.fif(\.gz)?)", re.IGNORECASE)
_SPLIT = re.compile(r"(?P<base>.+_split-)(?P<number>\d+)(?P<end>_\w+\.fif(\.gz)?)", re.IGNORECASE)
_BIDS_SUBJECT, _BIDS_SESSION = re.compile(r"sub-([A-Za-z0-9]+)"), re.compile(r"ses-([A-Za-z0-9]+)")

SubjectRule = Callable[[str], tuple[str, str]]


def find_sources(files: Any) -> list[str]:
    """Return the paths of the recordings that a user names.

    Parameters
    ----------
    files : path, or iterable of paths
        Each is a file, a folder, which is searched recursively, or a pattern such as
        ``"data/**/*.edf"``. Files and folders whose name begins with a dot are skipped.

    Returns
    -------
    list of str
        Normalised with forward slashes, sorted, without duplicates. A file given by name need
        not exist.

    Raises
    ------
    InvalidCorpusError
        If nothing is named, or if a folder or pattern holds no recording.

    Examples
    --------
    >>> from sk_brainrvq.corpus.finding import find_sources
    >>> find_sources(["data/./b.edf", "data/a.edf", "data/b.edf"])
    ['data/a.edf', 'data/b.edf']
    """
    single = isinstance(files, (str, os.PathLike))
    if not single and not isinstance(files, Iterable):
        raise InvalidCorpusError(
            f"files={files!r} was given; expected a path, a folder, a pattern, or a list of these."
        )
    found: set[str] = set()
    for item in [files] if single else files:
        if not isinstance(item, (str, os.PathLike)):
            raise InvalidCorpusError(
                f"files holds {item!r} of type {type(item).__name__}; expected paths."
            )
        path = os.path.expanduser(os.fspath(item))
        found.update(_normalised(each) for each in _recordings_at(path))
    if not found:
        raise InvalidCorpusError("files is empty; expected at least one recording.")
    return sorted(found)


def _recordings_at(path: str) -> list[str]:
    if os.path.isdir(path) and not _is_recording(path):
        found = list(_walk(path))
    elif glob.has_magic(path) and not os.path.exists(path):
        matches = glob.glob(path, recursive=True)
        # A header only counts as present if the pattern matches it too.
        present = {match.lower() for match in matches}
        found = [
            match
            for match in matches
            if not (os.path.isdir(match) and not _is_recording(match))
            and not _belongs_to_another("", match, present)
        ]
    else:
        return [path]
    if not found:
        raise InvalidCorpusError(
            f"{path!r} holds no recording. A folder is searched for {' '.join(_SUFFIXES)}; name "
            "files of other formats, or pass a pattern such as 'data/**/*.dat'."
        )
    return found


def _walk(folder: str) -> Iterable[str]:
    for parent, folders, names in os.walk(folder):
        recordings = [name for name in folders if _is_recording(name)]
        folders[:] = [n for n in folders if n not in recordings and not n.startswith(".")]
        present = {name.lower() for name in names}
        for name in recordings + names:
            if _is_recording(name) and not _belongs_to_another(parent, name, present):
                yield os.path.join(parent, name)


def _is_recording(name: str) -> bool:
    return not PurePath(name).name.startswith(".") and name.lower().endswith(_SUFFIXES)


def _belongs_to_another(folder: str, name: str, present: set[str]) -> bool:
    """Whether a file holds the data of a header that is present, or continues another file.

    ``present`` holds the names in its folder, or whole paths, in lower case.
    """
    if name.lower().endswith(".eeg"):
        return any(name[:-4].lower() + header in present for header in (".vhdr", ".ahdr"))
    first = _first_part(name)
    if first is None or first == name or first.lower() not in present:
        return False
    return _reads_on(os.path.join(folder, first), PurePath(name).name)


def _first_part(name: str) -> str | None:
    """Name of the first file that a FIF file of this name would continue, if any."""
    if match := _SPLIT.fullmatch(name):
        return f"{match['base']}{1:0{len(match['number'])}d}{match['end']}"
    match = _NUMBERED.fullmatch(name)
    return None if match is None else match["base"] + match["end"]


def _reads_on(first: str, name: str) -> bool:
    """Whether MNE reads a file as a part of the one that its name continues.

    The name does not tell: two recordings of one day may be called day.fif and day-1.fif.
    """
    import mne

    try:
        raw = mne.io.read_raw_fif(first, allow_maxshield="yes", verbose="error")
    except Exception:  # the error is reported when the file is read
        return True
    return name in {PurePath(part).name for part in raw.filenames}


def _normalised(path: str) -> str:
    return PurePath(os.path.normpath(path)).as_posix()


def source_state(source: str) -> tuple[int, int]:
    """Return the size in bytes and the last change in nanoseconds of all files of a recording.

    They include the ``channels.tsv`` and ``events.tsv`` of a BIDS data set, which say which
    channels are used and which stretches are bad.

    Raises
    ------
    FileNotFoundError
        If the recording does not exist.
    """
    path = Path(source)
    files = [path, *_companions(path)]
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
    tables = (sidecar_of(path, kind) for kind in ("channels", "events"))
    files += [table for table in tables if table is not None]
    states = [file.stat() for file in files]
    return sum(s.st_size for s in states), max((s.st_mtime_ns for s in states), default=0)


def _companions(path: Path) -> Iterable[Path]:
    """Find files beside a header that hold its signal; their extensions may be in upper case."""
    for suffix in _COMPANIONS.get(path.suffix.lower(), ()):
        spelt = (path.with_suffix(s) for s in (suffix, suffix.upper(), suffix.title()))
        yield from [file for file in spelt if file.exists()][:1]


def recording_id(source: str, size: int) -> str:
    """Name the array of a recording: readable, and unique to its path and size.

    Examples
    --------
    >>> from sk_brainrvq.corpus.finding import recording_id
    >>> recording_id("data/Subject00_1.edf", 3887124)
    'Subject00_1-99af4ec4c5252e93'
    """
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", PurePath(source).name.split(".")[0])[:40]
    digest = hashlib.sha256(f"{source}\0{size}".encode()).hexdigest()
    return f"{stem or 'recording'}-{digest[:16]}"


def subject_rule(subject: Any) -> SubjectRule:
    r"""Return the function that maps a path to its subject and session.

    Parameters
    ----------
    subject : None, str or callable
        None understands the file names of BIDS (sub-, ses-), the Temple University corpora
        (aaaaaaab_s001_t000) and EEGMAT (Subject00_1); any other file is its own subject. A
        regular expression has the group ``subject`` and optionally ``session``, and is searched
        for in the whole path. A callable returns subject and session.

    Returns
    -------
    callable
        It raises InvalidCorpusError for a path that does not match.

    Raises
    ------
    InvalidCorpusError
        If ``subject`` is anything else.

    Examples
    --------
    >>> from sk_brainrvq.corpus.finding import subject_rule
    >>> subject_rule(None)("bids/sub-01/ses-b/eeg/sub-01_ses-b_task-rest_eeg.edf")
    ('01', 'b')
    >>> subject_rule(r"(?P<subject>p\d+)/run(?P<session>\d)")("data/p12/run3.edf")
    ('p12', '3')
    """
    if subject is None:
        return _conventional_subject
    if callable(subject):
        return lambda source: _checked_pair(subject(source), source)
    if isinstance(subject, str):
        return _rule_of_pattern(subject)
    raise InvalidCorpusError(
        f"subject={subject!r} was given; expected None, a regular expression with the group "
        "(?P<subject>...), or a function from a path to (subject, session)."
    )


def describe_rule(subject: Any) -> str | None:
    """Describe a subject rule for the corpus: the pattern, or that it is a function."""
    return "function" if callable(subject) else subject


def _rule_of_pattern(text: str) -> SubjectRule:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InvalidCorpusError(
            f"subject={text!r} is not a regular expression: {error}."
        ) from error
    if "subject" not in pattern.groupindex:
        raise InvalidCorpusError(
            f"subject={text!r} has no group 'subject'; write (?P<subject>...) around the part of "
            "the path that names the subject."
        )

    def rule(source: str) -> tuple[str, str]:
        match = pattern.search(source)
        if match is None or not match["subject"]:
            raise InvalidCorpusError(f"subject={text!r} does not match the path {source!r}.")
        return match["subject"], match.groupdict().get("session") or ""

    return rule


def _conventional_subject(source: str) -> tuple[str, str]:
    # Take the last match: a folder above the data set may look like a subject too.
    if subjects := _BIDS_SUBJECT.findall(source):
        return subjects[-1], (_BIDS_SESSION.findall(source) or [""])[-1]
    stem = PurePath(source).name.split(".")[0]
    return conventional_name(stem) or (stem, "")


def _checked_pair(pair: Any, source: str) -> tuple[str, str]:
    if isinstance(pair, str):
        pair = (pair, "")
    if not (isinstance(pair, tuple) and len(pair) == 2 and pair[0] not in (None, "")):
        raise InvalidCorpusError(
            f"The function subject= returned {pair!r} for {source!r}; expected (subject, session)."
        )
    return str(pair[0]), "" if pair[1] is None else str(pair[1])
