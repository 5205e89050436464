"""``--read-option``: options of MNE's readers, in every command that reads files."""

import json

import numpy as np
import pytest
from command_runs import EMBED_OPTIONS, SMALL, run, save_recording

from sk_brainrvq import BrainRVQEmbedder, DDRVQTransformer, Reading
from sk_brainrvq.command_line.options.read_options import _READERS, read_option
from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.corpus.finding import _SUFFIXES

GIVEN = ("--read-option", 'edf.exclude=["Fp1", "Cz"]')
KEPT = ["C3", "O2"]


@pytest.fixture(scope="module")
def edf(tmp_path_factory):
    return save_recording(tmp_path_factory.mktemp("files") / "a.edf")


def test_read_option__inspect_and_corpus__reaches_mne(edf, tmp_path):
    result = run("inspect", edf, "--window", 2, "--json", *GIVEN)
    assert [channel["name"] for channel in json.loads(result.stdout)[0]["channels"]] == KEPT
    out = tmp_path / "corpus"
    result = run("corpus", "build", edf, "--out", out, "--notch", "none", "-q", *GIVEN)
    assert result.exit_code == 0, result.stderr
    assert list(EEGCorpus(out, window=2).recordings[0].ch_names) == KEPT
    other = ("--read-option", 'edf.exclude=["Fp1"]')
    result = run("tokenizer", "fit", out, "--out", tmp_path / "model", *SMALL, *other)
    assert result.exit_code == 2
    assert "is a corpus" in result.stderr
    assert "'corpus build'" in result.stderr


def test_read_option__embed__gives_what_the_estimator_gives(edf, weights, tmp_path):
    out = tmp_path / "features.npz"
    result = run("embed", edf, "--weights", weights, "--out", out, *EMBED_OPTIONS, *GIVEN)
    assert result.exit_code == 0, result.stderr
    reading = Reading(read_options={"exclude": ["Fp1", "Cz"]})
    embedder = BrainRVQEmbedder(weights=weights, window=2, overlap=0.5, reading=reading)
    with np.load(out) as table:
        np.testing.assert_array_equal(table["features"], embedder.fit_transform(edf))


def test_read_option__training_with_a_configuration_file__reaches_mne(edf, tmp_path):
    file = tmp_path / "options.yaml"
    for text in (
        "read-option: {edf: {exclude: [Fp1, Cz]}}",
        'read_option: edf.exclude=["Fp1", "Cz"]',
    ):
        file.write_text(text)
        out = tmp_path / "tokenizer"
        result = run(
            *("tokenizer", "fit", edf, "--out", out, *SMALL, "--max-epochs", 1, "-q"),
            *("--config", file, "--overwrite"),
        )
        assert result.exit_code == 0, result.stderr
        fitted = DDRVQTransformer.from_pretrained(out)
        assert fitted.reading.read_options == {".edf": {"exclude": ["Fp1", "Cz"]}}


def test_read_option__several__are_put_together_by_ending():
    option = read_option()
    texts = ("edf.encoding=latin1", ".EDF.infer_types=true", "fif.gz.on_split_missing=warn")
    converted = tuple(option.type.convert(text, option, None) for text in texts)
    assert option.callback(None, option, converted) == {
        ".edf": {"encoding": "latin1", "infer_types": True},
        ".fif.gz": {"on_split_missing": "warn"},
    }


def test_read_option__that_cannot_be_meant__says_what_can(edf):
    for given, message in (
        ("edf.encoding", "'edf.encoding' has no '='; expected FORMAT.NAME=VALUE"),
        ("encoding=latin1", "does not name a format"),
        ("eddf.encoding=latin1", "there is no format 'eddf'; did you mean 'edf'?"),
        ("xyz.encoding=latin1", "known are ahdr, bdf,"),
        (
            "edf.encodings=latin1",
            "read_raw_edf has no option 'encodings'; did you mean 'encoding'?",
        ),
        ("edf.colour=1", "its options are eog, misc,"),
        ("edf.preload=false", "has no option 'preload'"),
        ('edf.exclude=["Cz"', "the value is not JSON"),
        ("edf.infer_types=True", "write true, as JSON does"),
    ):
        result = run("inspect", edf, "--read-option", given)
        assert result.exit_code == 2, given
        assert message in result.stderr, result.stderr
    twice = ("--read-option", "edf.encoding=utf8", "--read-option", "edf.encoding=latin1")
    result = run("inspect", edf, *twice)
    assert result.exit_code == 2
    assert "edf.encoding is given twice: 'utf8' and 'latin1'" in result.stderr


def test_read_option__formats__are_those_that_a_folder_is_searched_for():
    assert {f".{ending}" for ending in _READERS} == set(_SUFFIXES)
