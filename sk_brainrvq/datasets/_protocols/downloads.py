"""Download files whose checksums are known beforehand."""

import hashlib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from sk_brainrvq.files import path_inside, write_whole

SUMS = "SHA256SUMS.txt"


def data_folder(folder: str | Path | None, name: str) -> Path:
    """Return the folder for the files of a dataset: the given one, or one in pooch's cache."""
    import pooch

    return Path(folder) if folder is not None else Path(pooch.os_cache("sk_brainrvq")) / name


def packaged_sums(file: str) -> dict[str, str]:
    """Read checksums that come with the package.

    Parameters
    ----------
    file : str
        Name of a file in ``sk_brainrvq/datasets`` whose lines hold a name and its checksum.

    Returns
    -------
    dict of str to str
        Checksums by the name of the file.
    """
    text = resources.files("sk_brainrvq.datasets").joinpath(file).read_text(encoding="utf-8")
    return dict(line.split() for line in text.splitlines())


def fetch_files(url: str, folder: Path, sums: Mapping[str, str]) -> None:
    """Download files and check their SHA-256 sums.

    Parameters
    ----------
    url : str
        Folder on the server, with a slash at the end.
    folder : Path
        Folder to keep the files in, with the same subfolders. Files that exist and have the right
        sum are not downloaded again.
    sums : mapping of str to str
        SHA-256 sums of the files to download, by their path on the server.

    Raises
    ------
    OSError
        If the server cannot be reached.
    ValueError
        If a file has another sum, or if a name leads out of the folder.
    """
    import pooch

    for name in sums:
        path_inside(folder, name, "The list of sums")
    registry = {name: f"sha256:{digest}" for name, digest in sums.items()}
    # A plus sign in an address would be read as a space.
    urls = {name: url + quote(name) for name in sums}
    fetcher = pooch.create(path=folder, base_url=url, registry=registry, urls=urls)
    for name in sums:
        fetcher.fetch(name)


def git_blob_sha1(content: bytes) -> str:
    """Compute the name that git gives to the content of a file, by which a commit pins it.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    str
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def keep_pinned(path: Path, content: bytes, blob: str, source: str) -> None:
    """Write a file if its content is the pinned one.

    Parameters
    ----------
    path : Path
    content : bytes
    blob : str
        Expected result of :func:`git_blob_sha1`.
    source : str
        Origin of the content, for the message.

    Raises
    ------
    ValueError
        If it is not; nothing is written then.
    """
    found = git_blob_sha1(content)
    if found != blob:
        raise ValueError(
            f"{path.name} from {source} is not the file that this package knows: its git blob is "
            f"{found}, expected {blob}. It was changed, or damaged during the download; fetch it "
            "again, or pass a folder with the published files."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def is_pinned(path: Path, blob: str) -> bool:
    """Whether a file exists and has the pinned content."""
    return path.is_file() and git_blob_sha1(path.read_bytes()) == blob


def fetch_blobs(url: str, folder: Path, blobs: Mapping[str, str]) -> None:
    """Download files of a git repository that are pinned by their content.

    Parameters
    ----------
    url : str
        Folder of one commit on the server, with a slash at the end.
    folder : Path
        Folder to keep the files in, with the same subfolders. Files that exist and have the
        pinned content are not downloaded again.
    blobs : mapping of str to str
        :func:`git_blob_sha1` of each file, by its path on the server.

    Raises
    ------
    OSError
        If the server cannot be reached.
    ValueError
        If the content of a file differs, or if a name leads out of the folder.
    """
    import pooch

    for name, blob in blobs.items():
        path = path_inside(folder, name, "The list of files")
        if is_pinned(path, blob):
            continue
        # The file gets its name only when it is complete and has the pinned content.
        passing = folder / "fetched.download"
        passing.unlink(missing_ok=True)
        pooch.retrieve(url + quote(name), None, fname=passing.name, path=folder)
        try:
            keep_pinned(path, passing.read_bytes(), blob, url)
        finally:
            passing.unlink()


def fetch_sums(url: str, folder: Path, sums_sha256: str | None) -> dict[str, str]:
    """Download the list of sums of a dataset, and read it if its own sum is right.

    Parameters
    ----------
    url : str
        Folder of the dataset on the server, with a slash at the end.
    folder : Path
        Folder to keep the list in.
    sums_sha256 : str, optional
        SHA-256 sum of the list itself.

    Returns
    -------
    dict of str to str
        Sums by the path of the file.

    Raises
    ------
    OSError
        If the server cannot be reached.
    ValueError
        If the list has another sum, or if none was given; the message then states it.
    """
    import pooch

    if sums_sha256 is None:
        path = folder / SUMS
        if not path.is_file():
            pooch.retrieve(url + SUMS, known_hash=None, fname=SUMS, path=folder)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        raise ValueError(
            f"{url}{SUMS} decides what is downloaded, but its publisher gives no checksum of the "
            f"list itself, so this package has none. The list is now at {path} and has the SHA-256 "
            "sum below. Compare it with another copy, such as a colleague's; if they agree, call "
            f"fetch again with sums_sha256={digest!r}."
        )
    if not re.fullmatch("[0-9a-f]{64}", sums_sha256):
        raise ValueError(
            f"sums_sha256={sums_sha256!r} was given; expected 64 digits and letters a to f."
        )
    kept = pooch.retrieve(url + SUMS, known_hash=f"sha256:{sums_sha256}", fname=SUMS, path=folder)
    return parse_sums(Path(kept))


def parse_sums(path: Path) -> dict[str, str]:
    """Read a list of sums.

    Parameters
    ----------
    path : Path
        A file as ``sha256sum`` writes it.

    Returns
    -------
    dict of str to str
        Sums by the name of the file.

    Raises
    ------
    ValueError
        If a line is not a sum and a name, or if a name leads out of the folder of the list.
    """
    sums = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *]?(\S.*)", line.strip())
        if match:
            path_inside(path.parent, match[2], path)
            sums[match[2]] = match[1]
        elif line.strip():
            raise ValueError(
                f"{path} holds the line {line!r}; expected a SHA-256 sum and a name. Delete the "
                "file so that it is downloaded again."
            )
    return sums
