"""Downloads from a server of this computer, with and without the right sums."""

import functools
import hashlib
import http.server
import re
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

import sk_brainrvq
from sk_brainrvq.datasets import CHBMIT, EEGMAT, SHUMI, BCICIV2a, PhysioNetMI


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.paths.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder that is served, its address, and the paths asked for."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http_server.paths = []
    http_server.folder = folder
    http_server.url = f"http://127.0.0.1:{http_server.server_port}/"
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    yield http_server
    http_server.shutdown()
    thread.join()
    http_server.server_close()


def publish(server, names, unsafe=()):
    """Put files onto the server, and the list of their sums; its digest."""
    lines = [f"{'0' * 64} {name}\n" for name in unsafe]
    for name in names:
        path = server.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"content of {name}".encode())
        lines.append(f"{digest_of(path)} {name}\n")
    (server.folder / "SHA256SUMS.txt").write_text("".join(lines))
    return digest_of(server.folder / "SHA256SUMS.txt")


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


CHB = [
    "RECORDS",
    "chb02/chb02-summary.txt",
    "chb02/chb02_16+.edf",
    "chb02/chb02_16+.edf.seizures",
    "chb02/chb02_16.edf",
    "chb03/chb03_01.edf",
]


def test_fetch__one_case__its_files_checked_and_kept(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    digest = publish(server, CHB)
    folder = CHBMIT().fetch(tmp_path / "data", [2], sums_sha256=digest)
    assert files_below(folder) == {"SHA256SUMS.txt", *CHB[1:5]}
    assert (folder / "chb02/chb02_16+.edf").read_bytes() == b"content of chb02/chb02_16+.edf"
    # Servers take a plain plus sign for a blank.
    assert "/chb02/chb02_16%2B.edf" in server.paths
    n_requests = len(server.paths)
    CHBMIT().fetch(tmp_path / "data", [2], sums_sha256=digest)
    assert len(server.paths) == n_requests


def test_fetch__no_sum_of_the_list__only_the_list_and_its_sum(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    digest = publish(server, CHB)
    with pytest.raises(ValueError, match=f"call fetch again with sums_sha256='{digest}'"):
        CHBMIT().fetch(tmp_path / "data", [2], sums_sha256=None)
    assert files_below(tmp_path / "data") == {"SHA256SUMS.txt"}
    with pytest.raises(ValueError, match="sums_sha256='abc' was given; expected 64 digits"):
        CHBMIT().fetch(tmp_path / "data", [2], sums_sha256="abc")


def test_fetch__another_list_than_the_published_one__refused_by_default(
    server, tmp_path, monkeypatch
):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    publish(server, CHB)
    with pytest.raises(
        ValueError, match="does not match the known hash: expected sha256:f1698efeb9fe"
    ):
        CHBMIT().fetch(tmp_path / "data", [2])
    assert files_below(tmp_path / "data") == set()


def test_fetch__list_of_sums_changed__refused_before_any_file(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    digest = publish(server, CHB)
    publish(server, [*CHB, "chb02/chb02_17.edf"])
    with pytest.raises(ValueError, match="does not match the known hash"):
        CHBMIT().fetch(tmp_path / "data", [2], sums_sha256=digest)
    assert files_below(tmp_path / "data") == set()
    assert set(server.paths) == {"/SHA256SUMS.txt"}


def test_fetch__list_names_a_path_outside__refused_before_any_file(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    for name in ("chb02/../../evil.txt", "/evil.txt", "C:/evil.txt", "chb02\\..\\evil.txt"):
        digest = publish(server, CHB, unsafe=[name])
        with pytest.raises(ValueError, match="expected a path below"):
            CHBMIT().fetch(tmp_path / "data", [2], sums_sha256=digest)
        assert files_below(tmp_path / "data") == {"SHA256SUMS.txt"}
    assert set(server.paths) == {"/SHA256SUMS.txt"}


def test_fetch__file_changed_on_the_way__refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    digest = publish(server, CHB)
    (server.folder / "chb03/chb03_01.edf").write_bytes(b"other")
    with pytest.raises(ValueError, match="does not match the known hash"):
        CHBMIT().fetch(tmp_path / "data", [3], sums_sha256=digest)
    assert not (tmp_path / "data" / "chb03" / "chb03_01.edf").exists()


def test_fetch__file_changed_on_disk__downloaded_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    digest = publish(server, CHB)
    folder = CHBMIT().fetch(tmp_path / "data", [3], sums_sha256=digest)
    (folder / "chb03/chb03_01.edf").write_bytes(b"spoilt")
    CHBMIT().fetch(folder, [3], sums_sha256=digest)
    assert (folder / "chb03/chb03_01.edf").read_bytes() == b"content of chb03/chb03_01.edf"


def test_fetch__damaged_list_of_sums__error_says_how_to_mend(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    sums = server.folder / "SHA256SUMS.txt"
    for text, error in (
        ("<html>sorry</html>\n", r"holds the line '<html>.*Delete the file"),
        ("", "names no file like"),
    ):
        sums.write_text(text)
        with pytest.raises(ValueError, match=error):
            CHBMIT().fetch(tmp_path / "data", [3], sums_sha256=digest_of(sums))


def test_fetch__server_away__os_error(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(CHBMIT, "files_url", "http://127.0.0.1:9/")
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        CHBMIT().fetch(tmp_path, [3])
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        CHBMIT().fetch(tmp_path, [3], sums_sha256="0" * 64)


def test_fetch__motor_imagery__the_six_runs(server, tmp_path, monkeypatch):
    monkeypatch.setattr(PhysioNetMI, "files_url", server.url)
    publish(server, [f"S{s:03d}/S{s:03d}R{r:02d}.edf" for s in (1, 2) for r in range(1, 15)])
    # The files served are not those whose sums the package holds, whatever the server's list says.
    with pytest.raises(ValueError, match="does not match the known hash"):
        PhysioNetMI().fetch(tmp_path / "data", [2])
    assert files_below(tmp_path / "data") == set()
    assert "/SHA256SUMS.txt" not in server.paths
    lines = [line.split() for line in (server.folder / "SHA256SUMS.txt").read_text().splitlines()]
    sums = tmp_path / "sums.txt"
    sums.write_text("".join(f"{name} {digest}\n" for digest, name in lines))
    monkeypatch.setattr(PhysioNetMI, "sums_file", str(sums))
    folder = PhysioNetMI().fetch(tmp_path / "data", [2])
    names = sorted(path.name for path in folder.rglob("*.edf"))
    assert names == [f"S002R{run:02d}.edf" for run in (4, 6, 8, 10, 12, 14)]


def test_sums_of_the_package__every_subject__named_once_each():
    runs = [f"S{s:03d}/S{s:03d}R{r:02d}.edf" for s in range(1, 110) for r in range(4, 15, 2)]
    for file, names in (
        ("physionet_mi_sha256.txt", runs),
        ("eegmat_sha256.txt", [f"Subject{s:02d}_{r}.edf" for s in range(36) for r in (1, 2)]),
    ):
        lines = (Path(sk_brainrvq.__file__).parent / "datasets" / file).read_text().splitlines()
        assert sorted(line.split()[0] for line in lines) == names
        digests = [line.split()[1] for line in lines]
        assert len(set(digests)) == len(digests)
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests)


@pytest.mark.parametrize(("protocol", "subject"), [(CHBMIT, 0), (PhysioNetMI, 0), (EEGMAT, 36)])
def test_fetch__unknown_subject__refused_before_any_download(protocol, subject, tmp_path):
    with pytest.raises(ValueError, match=rf"subjects=\[{subject}\] was given; expected some of"):
        protocol().fetch(tmp_path, [subject])
    with pytest.raises(TypeError, match=r"subjects=3 was given; expected a list .* \[3\]"):
        protocol().fetch(tmp_path, 3)


def test_fetch__bnci_files__kept_under_their_names_once_whole(server, tmp_path, monkeypatch):
    monkeypatch.setattr(BCICIV2a, "files_url", server.url)
    for name in ("A03T.mat", "A03E.mat"):
        savemat(server.folder / name, {"data": np.zeros(3)})
    folder = BCICIV2a().fetch(tmp_path / "data", [3])
    assert sorted(path.name for path in folder.iterdir()) == ["A03E.mat", "A03T.mat"]
    n_requests = len(server.paths)
    BCICIV2a().fetch(tmp_path / "data", [3])
    assert len(server.paths) == n_requests
    whole = (server.folder / "A03T.mat").read_bytes()
    for broken in (b"<html>sorry</html>", whole[: len(whole) // 2]):
        (server.folder / "A04T.mat").write_bytes(broken)
        with pytest.raises(ValueError, match="cannot be read as a MATLAB file"):
            BCICIV2a().fetch(tmp_path / "data", [4])
        assert not (tmp_path / "data" / "A04T.mat").exists()
    for name in ("A04T.mat", "A04E.mat"):
        (server.folder / name).write_bytes(whole)
    BCICIV2a().fetch(tmp_path / "data", [4])
    assert (tmp_path / "data" / "A04T.mat").read_bytes() == whole


def test_fetch__shu_archive__checked_and_unpacked(server, tmp_path, monkeypatch):
    names = [f"mat/sub-{s:03d}_ses-01_task_motorimagery_eeg.mat" for s in (1, 2)]
    with zipfile.ZipFile(server.folder / "mat.zip", "w") as archive:
        for name in (*names, "mat/notes.txt"):
            archive.writestr(name, f"content of {name}")
    monkeypatch.setattr(SHUMI, "archive_url", server.url + "mat.zip")
    with pytest.raises(ValueError, match="does not match the known hash"):
        SHUMI().fetch(tmp_path / "data")
    digest = hashlib.md5((server.folder / "mat.zip").read_bytes()).hexdigest()
    monkeypatch.setattr(SHUMI, "archive_md5", digest)
    folder = SHUMI().fetch(tmp_path / "data", [2])
    found = SHUMI().recordings(folder, [2])
    assert [r.path.relative_to(folder).as_posix() for r in found] == names[1:]
    assert found[0].path.read_text() == f"content of {names[1]}"
    SHUMI().fetch(folder)
    assert {r.subject for r in SHUMI().recordings(folder, [1, 2])} == {1, 2}
    assert server.paths.count("/mat.zip") == 2
    with pytest.raises(ValueError, match=r"subjects=\[26\] was given"):
        SHUMI().fetch(folder, [26])


def test_fetch__shu_archive_names_a_path_outside__refused(server, tmp_path, monkeypatch):
    name = "sub-001_ses-01_task_motorimagery_eeg.mat"
    for member in (f"../{name}", f"/{name}", f"C:/{name}", f"a\\b/{name}"):
        with zipfile.ZipFile(server.folder / "mat.zip", "w") as archive:
            archive.writestr(member, "evil")
        monkeypatch.setattr(SHUMI, "archive_url", server.url + "mat.zip")
        digest = hashlib.md5((server.folder / "mat.zip").read_bytes()).hexdigest()
        monkeypatch.setattr(SHUMI, "archive_md5", digest)
        with pytest.raises(ValueError, match="expected a path below"):
            SHUMI().fetch(tmp_path / "data")
        assert files_below(tmp_path / "data") == {"mat_files.zip"}
