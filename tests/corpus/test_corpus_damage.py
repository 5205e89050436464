"""Corpora that are missing, cut short or changed: every one says what is wrong with it."""

import json
import shutil

import numpy as np
import pytest
from corpus_files import build, contents, write_recording

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.exceptions import InvalidCorpusError


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    files = tmp_path_factory.mktemp("files")
    for i in range(3):
        write_recording(files / f"sub-{i}_eeg.edf", 70, seed=i)
    build(files, tmp_path_factory.mktemp("corpus") / "corpus")
    return files


@pytest.fixture
def folder(pristine, tmp_path):
    """A corpus of three recordings of two chunks, to damage."""
    build(pristine, tmp_path / "corpus")
    return tmp_path / "corpus"


def shard(folder, number=1):
    name = EEGCorpus(folder).recordings[number].id
    return folder / "recordings" / name / "c" / "0" / "0"


def cut(path, n_bytes):
    path.write_bytes(path.read_bytes()[:-n_bytes])


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


def test_no_corpus__says_where_and_what_to_do(tmp_path):
    with pytest.raises(InvalidCorpusError, match=r"no corpus at .*nowhere: index\.jsonl is missi"):
        EEGCorpus(tmp_path / "nowhere")
    with pytest.raises(InvalidCorpusError, match=r"index\.jsonl is missing.*interrupted, run it"):
        EEGCorpus(tmp_path)
    with pytest.raises(InvalidCorpusError, match="cannot be opened: Protocol not known"):
        EEGCorpus("nonsense://bucket/corpus")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda _: b"", "is not the index of a corpus, or it is truncated"),
        (lambda content: content[:50], "is not the index of a corpus, or it is truncated"),
        (lambda content: b"[1, 2]\n" + content, "is not the index of a corpus"),
        (lambda _: b"\x00\xff\n", "is not the index of a corpus"),
        (lambda content: content[:-100], "is truncated or was changed: it has 2 lines of 3"),
        (lambda content: content.replace(b"sub-1", b"sub-9"), "is truncated or was changed"),
    ],
)
def test_index__damaged__says_so(folder, damage, message):
    path = folder / "index.jsonl"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InvalidCorpusError, match=f"{message}.*"):
        EEGCorpus(folder)


@pytest.mark.parametrize("version", [3, "3", None])
def test_index__of_a_newer_version__says_what_to_do(folder, version):
    path = folder / "index.jsonl"
    header, _, body = path.read_bytes().partition(b"\n")
    changed = json.dumps(json.loads(header) | {"version": version}).encode()
    path.write_bytes(changed + b"\n" + body)
    with pytest.raises(InvalidCorpusError, match=r"format version .*up to version 2\. Upgrade"):
        EEGCorpus(folder)


def remove_recording(folder):
    shutil.rmtree(shard(folder).parents[2])


def break_metadata(folder):
    (shard(folder).parents[2] / "zarr.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_recording, "it is missing"),
        (break_metadata, "its metadata cannot be read"),
        (lambda folder: shard(folder).unlink(), "chunk 0 is missing"),
        (lambda folder: shard(folder).write_bytes(b""), "chunk 0 cannot be read"),
        (lambda folder: cut(shard(folder), 10), "chunk 0 cannot be read"),
        (lambda folder: cut(shard(folder), 5000), "chunk 0 cannot be read"),
        (lambda folder: flip(shard(folder), 1000), "chunk 0 cannot be read"),
        (lambda folder: flip(shard(folder), -1), "chunk 0 cannot be read"),
    ],
)
def test_recording__damaged__reading_and_verifying_say_which(folder, damage, message):
    broken = EEGCorpus(folder).recordings[1]
    damage(folder)
    corpus = EEGCorpus(folder)
    assert np.isfinite(corpus[0]).all()
    with pytest.raises(InvalidCorpusError, match=f"{broken.id} of '.*sub-1.*: {message}") as caught:
        corpus.select(subjects="1")[0]
    assert "run build_corpus again" in str(caught.value)
    problems = corpus.verify()
    assert len(problems) == 1
    assert broken.id in problems[0]
    assert message in problems[0]


def test_recording__of_other_signals_in_its_place__found_by_verify(folder):
    shutil.copy(shard(folder, 0), shard(folder, 1))
    problems = EEGCorpus(folder).verify()
    assert len(problems) == 1
    assert "differs from what was written" in problems[0]


def test_recording__removed__comes_back_with_the_next_build(folder, pristine):
    before = contents(folder)
    remove_recording(folder)
    report = build(pristine, folder)
    assert (report.built, report.kept) == (1, 2)
    assert contents(folder) == before


def test_recording__without_its_metadata__build_says_what_to_remove(folder, pristine):
    break_metadata(folder)
    with pytest.raises(InvalidCorpusError, match=r"does not describe a recording.*Remove the fold"):
        build(pristine, folder)


def test_verify__short_recordings__are_checked_too(tmp_path):
    for i, n_seconds in enumerate([3, 20]):
        write_recording(tmp_path / f"files/sub-{i}_eeg.edf", n_seconds, seed=i)
    build(tmp_path / "files", tmp_path / "corpus")
    corpus = EEGCorpus(tmp_path / "corpus", window=10)
    assert set(corpus.subjects) == {"1"}
    assert corpus.verify() == []
    shard(tmp_path / "corpus", 0).unlink()
    assert len(corpus.verify()) == 1
    assert corpus[:].verify() == []
