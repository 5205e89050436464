"""Indexes with a right checksum that say what cannot be, and arrays of other sizes than theirs."""

import hashlib
import json
import sys

import numpy as np
import pytest
from corpus_files import build, write_recording
from saved_files import megabytes_taken

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.exceptions import InvalidCorpusError


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    files = tmp_path_factory.mktemp("files")
    for number in range(2):
        write_recording(files / f"sub-{number}_eeg.fif", 30, seed=number)
    (files / "sub-2_eeg.fif").write_bytes(b"no recording")
    out = tmp_path_factory.mktemp("corpus") / "corpus"
    build(files, out)
    return [json.loads(line) for line in (out / "index.jsonl").read_bytes().splitlines()]


@pytest.fixture
def lines(original):
    """Header, two recordings and a failed file, to change."""
    return json.loads(json.dumps(original))


def write(folder, lines):
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines[1:])
    lines[0]["sha256"] = lines[0].get("sha256") and hashlib.sha256(body).hexdigest()
    (folder / "index.jsonl").write_bytes(json.dumps(lines[0]).encode() + b"\n" + body)


def refused(folder, lines, message):
    write(folder, lines)
    with pytest.raises(InvalidCorpusError, match=message) as caught:
        EEGCorpus(folder)
    assert str(folder) in str(caught.value)
    assert "Run build_corpus again" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../elsewhere"),
        ("id", 5),
        ("source", None),
        ("source_size", -1),
        ("subject", ["a"]),
        ("ch_names", []),
        ("ch_names", "Fp1"),
        ("ch_names", ["Fp1", 2, "Cz", "O2"]),
        ("positions", None),
        ("positions", [[1, 2]] * 4),
        ("positions", [None]),
        ("n_times", "6000"),
        ("n_times", -6000),
        ("n_times", 6000.5),
        ("n_times", 10**15),
        ("scale", [1.0]),
        ("scale", [0.0, 1.0, 1.0, 1.0]),
        ("scale", [float("nan")] * 4),
        ("unusable", [[5, 2]]),
        ("unusable", [[0, 10**9]]),
        ("unusable", [[0]]),
        ("recorded_sfreq", "200"),
        ("recorded_highpass", -1),
        ("recorded_lowpass", 10**400),
        ("notes", "none"),
        ("digest", 5),
    ],
)
def test_index__field_that_no_recording_has__error_names_it(tmp_path, lines, field, value):
    lines[2][field] = value
    refused(tmp_path, lines, f"Line 3 of index.jsonl at .*{field}")


@pytest.mark.parametrize("line", [5, [], {}, {"id": "a"}, [[[[]]]]])
def test_index__line_that_is_no_recording__says_which(tmp_path, lines, line):
    lines[1] = line
    refused(tmp_path, lines, r"Line 2 of index\.jsonl .* its fields")


@pytest.mark.parametrize("line", [5, {"failed": "a"}, {"failed": "a", "reason": 5}])
def test_index__line_that_is_no_failed_file__says_which(tmp_path, lines, line):
    lines[3] = line
    refused(tmp_path, lines, r"Line 4 of index\.jsonl .* not a failed source")


def test_index__a_field_more_or_less__says_which(tmp_path, lines):
    lines[1]["transform"] = 1
    refused(tmp_path, lines, "its fields .*transform")
    del lines[1]["transform"], lines[1]["scale"]
    refused(tmp_path, lines, "its fields .*scale")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_recordings", "2"),
        ("n_recordings", -1),
        ("n_recordings", 10**12),
        ("n_failed", None),
        ("n_failed", 7),
        ("sha256", None),
        ("settings", None),
        ("settings", {"l_freq": 1}),
        ("settings", {"l_freq": "x", "h_freq": None, "notch": None, "reference": None}),
    ],
)
def test_index__header_that_says_what_cannot_be__is_refused(tmp_path, lines, name, value):
    lines[0][name] = value
    refused(tmp_path, lines, "index|l_freq")


def test_index__one_recording_twice__is_refused(tmp_path, lines):
    lines[2] = lines[1]
    refused(tmp_path, lines, "names a recording more than once")


def test_index__nested_beyond_what_python_takes__is_refused(tmp_path, lines):
    write(tmp_path, lines)
    header, _, body = (tmp_path / "index.jsonl").read_bytes().partition(b"\n")
    deep = b"[" * 100_000 + b"]" * 100_000
    (tmp_path / "index.jsonl").write_bytes(deep + b"\n" + body)
    with pytest.raises(InvalidCorpusError, match="is not the index of a corpus"):
        EEGCorpus(tmp_path)
    body = deep + b"\n" + body.partition(b"\n")[2]
    fields = json.loads(header) | {"sha256": hashlib.sha256(body).hexdigest()}
    (tmp_path / "index.jsonl").write_bytes(json.dumps(fields).encode() + b"\n" + body)
    with pytest.raises(InvalidCorpusError, match=r"Line 2 .* nested"):
        EEGCorpus(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_index__recording_longer_than_any__takes_no_memory(tmp_path, lines):
    lines[1]["n_times"] = 4 * 10**9
    lines[1]["unusable"] = [[0, 5]]
    assert megabytes_taken(lambda: refused(tmp_path, lines, "n_times is 4000000000")) < 100


@pytest.mark.parametrize(
    ("shape", "dtype", "chunks"),
    [
        ((4, 10**9), "int16", (4, 12000)),
        ((10**6, 6000), "int16", (4, 12000)),
        ((4, 6000), "float64", (4, 12000)),
        ((4, 6000), "int16", (4, 10**9)),
        ((4, 6000, 1), "int16", (4, 12000, 1)),
    ],
)
def test_array__of_other_sizes_than_the_index__refused_before_it_is_read(
    tmp_path, shape, dtype, chunks
):
    import zarr

    write_recording(tmp_path / "sub-0_eeg.fif", 30)
    build(tmp_path / "sub-0_eeg.fif", tmp_path / "corpus")
    corpus = EEGCorpus(tmp_path / "corpus")
    path = tmp_path / "corpus" / "recordings" / corpus.recordings[0].id
    zarr.create_array(
        zarr.storage.LocalStore(path),
        shape=shape,
        dtype=dtype,
        chunks=chunks,
        fill_value=0,
        overwrite=True,
    )
    with pytest.raises(InvalidCorpusError, match=r"its array has (shape|chunks)"):
        _ = corpus[0]


@pytest.mark.parametrize("content", [b"nonsense", b"[" * 10**5, b"[]", b"\xff\xfe"])
def test_build_corpus__onto_metadata_that_is_none__says_so(tmp_path, content):
    write_recording(tmp_path / "sub-0_eeg.fif", 30)
    build(tmp_path / "sub-0_eeg.fif", tmp_path / "corpus")
    (tmp_path / "corpus" / "zarr.json").write_bytes(content)
    with pytest.raises(InvalidCorpusError, match="Zarr group"):
        build(tmp_path / "sub-0_eeg.fif", tmp_path / "corpus")


def test_index__as_built__loads(tmp_path, lines):
    write(tmp_path, lines)
    corpus = EEGCorpus(tmp_path)
    assert len(corpus) == 6
    assert [len(recording.usable) for recording in corpus.recordings] == [30, 30]
    assert np.all(corpus.starts < 30)
