"""Write the recordings of a corpus to a temporary folder, then rename it."""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sk_brainrvq.corpus.index import FORMAT, VERSION, CorpusRecording, check_version, json_line
from sk_brainrvq.exceptions import InvalidCorpusError
from sk_brainrvq.extras import how_to_install
from sk_brainrvq.json_text import parse_json
from sk_brainrvq.signals.filters.resampling import TARGET_SFREQ

RECORDINGS = "recordings"
CHUNK_SAMPLES = round(60 * TARGET_SFREQ)
# A value that no signal has: if a chunk is missing, Zarr silently fills it in.
MISSING = -32768
_CHUNKS_PER_SHARD = 60
_UNFINISHED = ".unfinished"
_METADATA = "zarr.json"


def import_zarr() -> ModuleType:
    """Import zarr, or raise an ImportError that says how to install it."""
    try:
        import fsspec  # noqa: F401
        import zarr
    except ImportError as error:
        raise ImportError(
            f"Corpora need zarr and fsspec: {how_to_install('corpus', 'zarr fsspec')}"
        ) from error
    return zarr


def n_chunks_of(n_times: int) -> int:
    """Number of chunks in a recording of ``n_times`` samples."""
    return -(-n_times // CHUNK_SAMPLES)


def chunk_bounds(n_times: int) -> Iterator[slice]:
    """Yield the samples of each chunk."""
    for start in range(0, n_times, CHUNK_SAMPLES):
        yield slice(start, min(start + CHUNK_SAMPLES, n_times))


def content_digest(chunks: Iterator[NDArray]) -> str:
    """Compute the SHA-256 of integers chunk by chunk, without holding all of them."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(np.ascontiguousarray(chunk, dtype="<i2").tobytes())
    return digest.hexdigest()


def refuse_strangers(out: Path) -> None:
    """Raise InvalidCorpusError if a folder holds something other than a corpus."""
    if not out.is_dir() or (out / _METADATA).exists():
        return
    strangers = sorted(path.name for path in out.iterdir() if not path.name.startswith("."))
    if strangers and strangers != [RECORDINGS]:
        raise InvalidCorpusError(
            f"{out} holds other files ({', '.join(strangers[:3])}, ...) and no corpus. Pass a new "
            "or empty folder."
        )


def open_corpus(out: Path, settings: dict[str, Any]) -> None:
    """Begin a corpus in a folder, or check that the one there has the same settings.

    Parameters
    ----------
    out : Path
        An existing folder.
    settings : dict

    Raises
    ------
    InvalidCorpusError
        If the folder holds another Zarr group, or a corpus that was built with other settings or
        by an earlier version.
    """
    if not (out / _METADATA).exists():
        (out / RECORDINGS).mkdir(exist_ok=True)
        write_whole(out, f"{RECORDINGS}/{_METADATA}", _group({}))
        begun = {"format": FORMAT, "version": VERSION, "settings": settings}
        write_whole(out, _METADATA, _group(begun))
        return
    header = _attributes(out / _METADATA)
    if header.get("format") != FORMAT or not isinstance(header.get("settings"), dict):
        raise InvalidCorpusError(f"{out} holds another Zarr group. Pass a new or empty folder.")
    check_version(header, str(out))
    if header["version"] < VERSION:
        raise InvalidCorpusError(
            f"The corpus at {out} was built by an earlier version, which ignored bad stretches and "
            "projections in files, so recordings built now would differ. It can still be used; to "
            "add to it, or to respect them, build into another folder."
        )
    before = header["settings"]
    changed = [name for name in settings if settings[name] != before.get(name)]
    if changed:
        raise InvalidCorpusError(
            f"The corpus at {out} was built with other settings: "
            + "; ".join(f"{n} was {before.get(n)!r}, now {settings[n]!r}" for n in changed)
            + ". Pass the same settings, or build into another folder."
        )


def _attributes(path: Path) -> dict[str, Any]:
    """Read the attributes of a Zarr group from a file that cannot be trusted."""
    try:
        metadata = parse_json(path.read_bytes())
    except ValueError as error:
        raise InvalidCorpusError(
            f"{path} does not describe a Zarr group ({error}). Copy it again, or build into "
            "another folder."
        ) from error
    attributes = metadata.get("attributes") if isinstance(metadata, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def _group(attributes: dict[str, Any]) -> bytes:
    """Encode the metadata of a Zarr group."""
    return json_line({"zarr_format": 3, "node_type": "group", "attributes": attributes})


def write_whole(out: Path, name: str, content: bytes) -> None:
    """Write a file of a corpus atomically: it is complete, or as it was before."""
    temporary = out / _UNFINISHED / uuid.uuid4().hex
    temporary.parent.mkdir(exist_ok=True)
    temporary.write_bytes(content)
    _flush(temporary)
    temporary.replace(out / name)


def remove_unfinished(out: Path) -> None:
    """Remove what a killed build left behind.

    The folder is renamed first: a worker that outlives its build must not find half of what it
    wrote and mistake it for a complete recording.
    """
    with suppress(FileNotFoundError):
        os.rename(out / _UNFINISHED, out / f"{_UNFINISHED}-{uuid.uuid4().hex}")
    for aside in out.glob(f"{_UNFINISHED}-*"):
        shutil.rmtree(aside, ignore_errors=True)


def write_recording(
    out: Path, recording: CorpusRecording, changed_ns: int, steps: NDArray
) -> CorpusRecording:
    """Store a recording.

    Parameters
    ----------
    out : Path
        Folder of the corpus.
    recording : CorpusRecording
        Description without the digest, which is computed here.
    changed_ns : int
        Time of the last change of the source in nanoseconds.
    steps : ndarray, shape (n_channels, n_times), int16

    Returns
    -------
    CorpusRecording
        The description with its digest.

    Raises
    ------
    OSError
        If the disk is full or not writable; nothing half-written remains in place.
    InvalidCorpusError
        If another build removed the unfinished files.
    """
    zarr = import_zarr()
    n_channels, n_times = steps.shape
    digest = content_digest(steps[:, bounds] for bounds in chunk_bounds(n_times))
    recording = replace(recording, digest=digest)
    temporary = out / _UNFINISHED / f"{recording.id}-{uuid.uuid4().hex}"
    shard = CHUNK_SAMPLES * min(_CHUNKS_PER_SHARD, n_chunks_of(n_times))
    array = zarr.create_array(
        zarr.storage.LocalStore(temporary),
        shape=steps.shape,
        dtype="int16",
        chunks=(n_channels, CHUNK_SAMPLES),
        shards=(n_channels, shard),
        compressors=zarr.codecs.ZstdCodec(level=3, checksum=True),
        fill_value=MISSING,
        dimension_names=("channel", "time"),
        attributes={"recording": recording.to_json(), "source_changed_ns": changed_ns},
    )
    array[:] = steps
    for path in temporary.rglob("*"):
        _flush(path)
    if not (temporary / _METADATA).exists():
        raise InvalidCorpusError(
            f"Another build into {out} removed what this one was writing; run it again."
        )
    try:
        os.rename(temporary, out / RECORDINGS / recording.id)
    except OSError:
        # A worker of a killed build may have been faster, with the same bytes.
        if not (out / RECORDINGS / recording.id / _METADATA).exists():
            raise
        shutil.rmtree(temporary, ignore_errors=True)
    return recording


def _flush(path: Path) -> None:
    """Flush a file to disk before its folder gets its final name."""
    if path.is_file():
        # Windows only flushes files that are open for writing.
        with open(path, "r+b") as file:
            os.fsync(file.fileno())


def remove_recording(out: Path, name: str) -> None:
    """Move a recording out of the corpus in one step, then delete it."""
    aside = out / _UNFINISHED / f"{name}-{uuid.uuid4().hex}"
    aside.parent.mkdir(exist_ok=True)
    os.rename(out / RECORDINGS / name, aside)
    shutil.rmtree(aside, ignore_errors=True)


def stored_recordings(out: Path) -> dict[str, tuple[CorpusRecording, int]]:
    """Return the stored recordings by id, each with the time its source last changed.

    Parameters
    ----------
    out : Path

    Returns
    -------
    dict
    """
    found = {}
    for entry in sorted(os.scandir(out / RECORDINGS), key=lambda entry: entry.name):
        if not entry.is_dir():
            continue
        path = Path(entry.path) / _METADATA
        try:
            attributes = parse_json(path.read_bytes())["attributes"]
            recording = CorpusRecording.from_json(attributes["recording"])
            found[entry.name] = recording, attributes["source_changed_ns"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidCorpusError(
                f"{path} does not describe a recording ({type(error).__name__}: {error}). Remove "
                f"the folder {entry.path} and run build_corpus again."
            ) from error
    return found
