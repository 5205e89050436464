"""Downloads from a server of this computer, with and without the right sums."""

import functools
import hashlib
import http.server
import threading
import zipfile

import numpy as np
import pytest
from scipy.io import savemat

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


def publish(server, names):
    lines = []
    for name in names:
        path = server.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"content of {name}".encode())
        lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {name}\n")
    (server.folder / "SHA256SUMS.txt").write_text("".join(lines))


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
    publish(server, CHB)
    folder = CHBMIT().fetch(tmp_path / "data", [2])
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept == {"SHA256SUMS.txt", *CHB[1:5]}
    assert (folder / "chb02/chb02_16+.edf").read_bytes() == b"content of chb02/chb02_16+.edf"
    # Servers take a plain plus sign for a blank.
    assert "/chb02/chb02_16%2B.edf" in server.paths
    n_requests = len(server.paths)
    CHBMIT().fetch(tmp_path / "data", [2])
    assert len(server.paths) == n_requests


def test_fetch__file_changed_on_the_way__refused(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    publish(server, CHB)
    (server.folder / "chb03/chb03_01.edf").write_bytes(b"other")
    with pytest.raises(ValueError, match="does not match the known hash"):
        CHBMIT().fetch(tmp_path / "data", [3])
    assert not (tmp_path / "data" / "chb03" / "chb03_01.edf").exists()


def test_fetch__file_changed_on_disk__downloaded_again(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    publish(server, CHB)
    folder = CHBMIT().fetch(tmp_path / "data", [3])
    (folder / "chb03/chb03_01.edf").write_bytes(b"spoilt")
    CHBMIT().fetch(tmp_path / "data", [3])
    assert (folder / "chb03/chb03_01.edf").read_bytes() == b"content of chb03/chb03_01.edf"


def test_fetch__damaged_list_of_sums__error_says_how_to_mend(server, tmp_path, monkeypatch):
    monkeypatch.setattr(CHBMIT, "files_url", server.url)
    (server.folder / "SHA256SUMS.txt").write_text("<html>sorry</html>\n")
    with pytest.raises(ValueError, match=r"holds the line '<html>.*Delete the file"):
        CHBMIT().fetch(tmp_path / "data", [3])
    (tmp_path / "data" / "SHA256SUMS.txt").write_text("")
    with pytest.raises(ValueError, match="names no file like"):
        CHBMIT().fetch(tmp_path / "data", [3])


def test_fetch__server_away__os_error(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(CHBMIT, "files_url", "http://127.0.0.1:9/")
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        CHBMIT().fetch(tmp_path, [3])


def test_fetch__motor_imagery__the_six_runs(server, tmp_path, monkeypatch):
    monkeypatch.setattr(PhysioNetMI, "files_url", server.url)
    publish(server, [f"S{s:03d}/S{s:03d}R{r:02d}.edf" for s in (1, 2) for r in range(1, 15)])
    folder = PhysioNetMI().fetch(tmp_path / "data", [2])
    names = sorted(path.name for path in folder.rglob("*.edf"))
    assert names == [f"S002R{run:02d}.edf" for run in (4, 6, 8, 10, 12, 14)]


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
