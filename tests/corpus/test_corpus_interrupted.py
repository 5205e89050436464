"""Builds that are killed, that find the disk full, and that run on several machines."""

import os
import signal
import sys

import pytest
from corpus_files import build, contents, write_recording
from process_tools import run_alone

from sk_brainrvq.corpus import EEGCorpus, build_corpus

LIMIT_IN_BYTES = 20_000


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


def build_until_killed(recordings, out, event, part, count):
    """Die at the ``count``-th ``event`` whose paths lie in ``out`` and hold ``part``."""
    left = count

    # Python tells of every file that is opened and renamed.
    def die(name, arguments):
        nonlocal left
        paths = " ".join(map(str, arguments))
        if name == event and part in paths and str(out) in paths:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
    build_corpus(recordings, out, notch=50)


def build_on_full_disk(recordings, out):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT_IN_BYTES, LIMIT_IN_BYTES))
    build_corpus(recordings, out, notch=50)


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
    outcome = run_alone(build_until_killed, recordings, out, event, part, count)
    assert outcome.code == -signal.SIGKILL, outcome.errors
    assert not (out / "index.jsonl").exists()
    n_done = len(list(out.glob("recordings/Subject*")))
    report = build(recordings, out)
    assert (report.kept, report.built) == (n_done, 4 - n_done)
    assert contents(out) == whole


def test_build__disk_full__says_so_and_counts_nothing_half_written(recordings, whole, tmp_path):
    out = tmp_path / "corpus"
    outcome = run_alone(build_on_full_disk, recordings, out)
    assert outcome.code != 0
    assert f"OSError: [Errno 27] The corpus at {out} could not be written" in outcome.errors
    assert "run build_corpus again" in outcome.errors
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
    at = ("os.rename", "/recordings/Subject", 2)
    outcome = run_alone(build_until_killed, files, tmp_path / "killed", *at)
    assert outcome.code == -signal.SIGKILL, outcome.errors
    again = build(files, tmp_path / "killed")
    assert (once.built, again.built, again.kept) == (3, 2, 1)
    assert once.failed == again.failed
    assert once.failed[0][0].endswith("Subject03_2.edf")
    assert contents(tmp_path / "once") == contents(tmp_path / "killed")
    corpus = EEGCorpus(tmp_path / "once", window=5)
    assert corpus.verify() == []
    assert (len(corpus), corpus[0].shape) == (36, (20, 1000))
