"""``corpus build``, ``info`` and ``verify``."""

import pytest
from command_runs import run, save_recording

from sk_brainrvq.corpus import EEGCorpus


def build(inputs, out, *options):
    return run("corpus", "build", *inputs, "--out", out, "--notch", 50, "-q", *options)


def test_build__a_folder__holds_its_recordings_and_says_so(folder, tmp_path):
    result = build([folder], tmp_path / "corpus", "--n-jobs", 1)
    assert result.exit_code == 0
    assert result.stdout.startswith("3 recordings built, 0 kept, 0 failed")
    corpus = EEGCorpus(tmp_path / "corpus", window=2.0)
    assert sorted(set(corpus.subjects)) == ["01", "02", "03"]
    assert (corpus.filters.l_freq, corpus.filters.h_freq, corpus.filters.notch) == (0.3, 75, 50)


def test_build__again_with_more_recordings__does_the_rest(folder, tmp_path):
    first, *others = sorted(folder.rglob("*.edf"))
    assert build([first], tmp_path / "corpus").exit_code == 0
    result = build([first, *others], tmp_path / "corpus")
    assert result.stdout.startswith("2 recordings built, 1 kept")


def test_build__options__reach_the_corpus(folder, tmp_path):
    options = ("--l-freq", 1, "--h-freq", "none", "--reference", "average")
    result = build([folder], tmp_path / "corpus", *options)
    assert result.exit_code == 0
    filters = EEGCorpus(tmp_path / "corpus", window=2.0).filters
    assert (filters.l_freq, filters.h_freq, filters.reference) == (1, None, "average")


def test_build__bad_files__are_listed_and_the_others_kept(with_broken, tmp_path):
    missing = tmp_path / "missing.edf"
    result = build([*with_broken, missing], tmp_path / "corpus")
    assert result.exit_code == 0
    listed = [line for line in result.stderr.splitlines() if line.startswith("Left out: ")]
    assert len(listed) == 2
    assert "broken.edf: MNE cannot read" in listed[0]
    assert "missing.edf: There is no recording" in listed[1]
    assert result.stdout.startswith("3 recordings built, 0 kept, 2 failed")
    assert "broken" not in result.stdout


def test_build__bad_files__strict__fails_and_keeps_the_others(with_broken, tmp_path):
    result = build(with_broken, tmp_path / "corpus", "--strict")
    assert result.exit_code == 1
    assert "1 of 4 recordings could not be used, and --strict was given" in result.stderr
    assert len(EEGCorpus(tmp_path / "corpus", window=2.0).recordings) == 3


def test_build__no_usable_file__fails(with_broken, tmp_path):
    result = build([with_broken[1]], tmp_path / "corpus")
    assert result.exit_code == 1
    assert "The recording could not be used" in result.stderr


def test_build__without_notch__says_why_it_is_needed(folder, tmp_path):
    result = run("corpus", "build", folder, "--out", tmp_path / "corpus")
    assert result.exit_code == 2
    assert "mains frequency depends on where the EEG was recorded" in result.stderr


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "There is no file or folder"),
        ("empty", "holds no recording"),
        ("corpus", "is a corpus, but this command needs recordings"),
    ],
)
def test_build__input_that_is_none__is_wrong_usage(tmp_path, corpus_folder, kind, message):
    (tmp_path / "empty").mkdir()
    places = {"missing": tmp_path / "nowhere", "empty": tmp_path / "empty", "corpus": corpus_folder}
    result = build([places[kind]], tmp_path / "corpus")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "corpus").exists()


def test_build__other_settings_than_before__fails_with_the_difference(folder, tmp_path):
    assert build([folder], tmp_path / "corpus").exit_code == 0
    result = build([folder], tmp_path / "corpus", "--l-freq", 1)
    assert result.exit_code == 1
    assert "l_freq" in result.stderr
    assert "Traceback" not in result.stderr


def test_info__of_a_corpus__is_its_own_word(corpus_folder):
    result = run("corpus", "info", corpus_folder, "--window", 2)
    assert result.exit_code == 0
    assert result.stdout == EEGCorpus(corpus_folder, window=2.0).info() + "\n"
    assert "3 subjects" in result.stdout


def test_verify__whole__says_so(corpus_folder):
    result = run("corpus", "verify", corpus_folder)
    assert result.exit_code == 0
    assert result.stdout == f"{corpus_folder} is undamaged.\n"


def test_verify__a_changed_byte__is_found(tmp_path):
    save_recording(tmp_path / "sub-01_eeg.edf")
    corpus = tmp_path / "corpus"
    assert build([tmp_path / "sub-01_eeg.edf"], corpus).exit_code == 0
    largest = max(corpus.rglob("*"), key=lambda path: path.stat().st_size * path.is_file())
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)
    result = run("corpus", "verify", corpus)
    assert result.exit_code == 1
    assert "sub-01" in result.stderr
    assert "damaged in 1 place" in result.stderr


@pytest.mark.parametrize("command", ["info", "verify"])
def test_corpus__that_is_none__fails_with_a_message(tmp_path, command):
    result = run("corpus", command, tmp_path)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert str(tmp_path) in result.stderr
