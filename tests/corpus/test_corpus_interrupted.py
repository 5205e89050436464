"""Builds that are killed, that find the disk full, and that run on several machines."""

import signal
import subprocess
import sys

import pytest
from corpus_files import build, contents, write_recording

from sk_brainrvq.corpus import EEGCorpus

BUILD = """
import sys, warnings
warnings.simplefilter("ignore")
from sk_brainrvq.corpus import build_corpus
{before}
build_corpus(sys.argv[1], sys.argv[2], notch=50)
"""
# Python tells of every file that is opened and renamed; at one of them the process dies.
KILL = """
import os, signal
left = [{count}]
def die(event, arguments):
    paths = " ".join(map(str, arguments))
    if event == "{event}" and "{part}" in paths and sys.argv[2] in paths:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(die)
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for i in range(4):
        write_recording(folder / f"Subject0{i}_1.edf", 20, seed=i)
    return folder


@pytest.fixture(scope="module")
def whole(recordings, tmp_path_factory):
    """What an uninterrupted build writes."""
    out = tmp_path_factory.mktemp("whole")
    build(recordings, out)
    return contents(out)


def run_build(recordings, out, before):
    code = BUILD.format(before=before)
    command = [sys.executable, "-c", code, str(recordings), str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("event", "part", "count"),
    [
        ("os.rename", "/zarr.json", 1),
        ("open", "/c/0/", 5),
        ("os.rename", "/recordings/Subject", 3),
        ("os.rename", "/index.jsonl", 1),
    ],
)
def test_build__killed_and_run_again__same_bytes_as_one_run(
    recordings, whole, tmp_path, event, part, count
):
    out = tmp_path / "corpus"
    kill = KILL.format(event=event, part=part, count=count)
    result = run_build(recordings, out, kill)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert not (out / "index.jsonl").exists()
    n_done = len(list(out.glob("recordings/Subject*")))
    report = build(recordings, out)
    assert (report.kept, report.built) == (n_done, 4 - n_done)
    assert contents(out) == whole


def test_build__disk_full__says_so_and_counts_nothing_half_written(recordings, whole, tmp_path):
    out = tmp_path / "corpus"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    result = run_build(recordings, out, limit)
    assert result.returncode != 0
    assert f"OSError: [Errno 27] The corpus at {out} could not be written" in result.stderr
    assert "run build_corpus again" in result.stderr
    assert sorted(contents(out)) == [".lock", "recordings/zarr.json", "zarr.json"]
    build(recordings, out)
    assert contents(out) == whole


def test_build__on_a_dask_cluster_of_two_workers__same_bytes(recordings, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    joblib = pytest.importorskip("joblib")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        with joblib.parallel_config(backend="dask"):
            report = build(recordings, tmp_path / "corpus")
        executed = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert report.built == 4
    assert sum(executed.values()) > 0
    assert contents(tmp_path / "corpus") == whole


def test_build__of_real_eeg_with_a_corrupted_file__is_whole_after_a_kill(eegmat_folder, tmp_path):
    files = tmp_path / "eegmat"
    files.mkdir()
    for name in ("Subject00_2.edf", "Subject01_2.edf", "Subject02_2.edf"):
        (files / name).symlink_to(eegmat_folder / name)
    content = (eegmat_folder / "Subject03_2.edf").read_bytes()
    (files / "Subject03_2.edf").write_bytes(b"corrupted" + content[9:3000])
    once = build(files, tmp_path / "once")
    kill = KILL.format(event="os.rename", part="/recordings/Subject", count=2)
    assert run_build(files, tmp_path / "killed", kill).returncode == -signal.SIGKILL
    again = build(files, tmp_path / "killed")
    assert (once.built, again.built, again.kept) == (3, 2, 1)
    assert once.failed == again.failed
    assert once.failed[0][0].endswith("Subject03_2.edf")
    assert contents(tmp_path / "once") == contents(tmp_path / "killed")
    corpus = EEGCorpus(tmp_path / "once", window=5)
    assert corpus.verify() == []
    assert (len(corpus), corpus[0].shape) == (36, (20, 1000))
