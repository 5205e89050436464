"""Downloads from PhysioNet, checked against the sums it publishes."""

import re
from pathlib import Path
from urllib.parse import quote

SUMS = "SHA256SUMS.txt"


def fetch_physionet(
    url: str, name: str, folder: str | Path | None, wanted: re.Pattern[str]
) -> Path:
    """Download files of a dataset and check their sums.

    Parameters
    ----------
    url : str
        Folder of the dataset on the server, with a slash at its end.
    name : str
        Of the dataset, for its folder in pooch's cache.
    folder : path, optional
        Where files are kept, in the same order of folders; what is there is not downloaded again
        if its sum is right. pooch's cache by default.
    wanted : re.Pattern
        Matches the paths to download, from beginning to end.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OSError
        If the server cannot be reached.
    ValueError
        If a file does not have the published sum, or the list of sums holds no wanted file.
    """
    import pooch

    folder = Path(folder) if folder is not None else pooch.os_cache("sk_brainrvq") / name
    folder.mkdir(parents=True, exist_ok=True)
    sums = folder / SUMS
    if not sums.is_file():
        # The list itself has no published sum.
        pooch.retrieve(url + SUMS, known_hash=None, fname=SUMS, path=folder)
    registry = {
        path: f"sha256:{digest}"
        for path, digest in parse_sums(sums).items()
        if wanted.fullmatch(path)
    }
    if not registry:
        raise ValueError(
            f"{sums} names no file like {wanted.pattern!r}; delete it, to have it downloaded again."
        )
    # A plus sign in an address would be read as a blank.
    urls = {path: url + quote(path) for path in registry}
    fetcher = pooch.create(path=folder, base_url=url, registry=registry, urls=urls)
    for path in registry:
        fetcher.fetch(path)
    return folder


def parse_sums(path: Path) -> dict[str, str]:
    """Sums by the name of the file.

    Parameters
    ----------
    path : Path
        As ``sha256sum`` writes it.

    Returns
    -------
    dict of str to str

    Raises
    ------
    ValueError
        If a line is no sum and a name.
    """
    sums = {}
    for line in path.read_text().splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *]?(\S.*)", line.strip())
        if match:
            sums[match[2]] = match[1]
        elif line.strip():
            raise ValueError(
                f"{path} holds the line {line!r}; expected a SHA-256 sum and a name. Delete the "
                "file, to have it downloaded again."
            )
    return sums
