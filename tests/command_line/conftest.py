"""Recordings and models that the tests of the command line share."""

import pytest
from command_runs import SMALL, run, save_recording

from sk_brainrvq import BrainRVQEmbedder


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Three recordings of three subjects; one is in a folder of its own."""
    place = tmp_path_factory.mktemp("recordings")
    for number in (1, 2):
        save_recording(place / f"sub-0{number}_eeg.edf", seed=number)
    (place / "inner").mkdir()
    save_recording(place / "inner" / "sub-03_ses-b_eeg.edf", n_seconds=5, seed=3)
    return place


@pytest.fixture
def with_broken(folder, tmp_path):
    """The good recordings, and a truncated one between them."""
    good = sorted(folder.rglob("*.edf"))
    broken = tmp_path / "broken.edf"
    broken.write_bytes(good[0].read_bytes()[:300])
    return [good[0], broken, *good[1:]]


@pytest.fixture(scope="session")
def tokenizer_folder(folder, tmp_path_factory):
    """A tokenizer that the command line fitted: leave it as it is."""
    out = tmp_path_factory.mktemp("models") / "tokenizer"
    result = run("tokenizer", "fit", folder, "--out", out, *SMALL, "--max-epochs", 1, "-q")
    assert result.exit_code == 0, result.stderr
    return out


@pytest.fixture(scope="session")
def corpus_folder(folder, tmp_path_factory):
    """A corpus that the command line built: leave it as it is."""
    out = tmp_path_factory.mktemp("corpora") / "corpus"
    result = run("corpus", "build", folder, "--out", out, "--notch", 50, "-q")
    assert result.exit_code == 0, result.stderr
    return out


@pytest.fixture(scope="session")
def weights(folder, tmp_path_factory):
    """A random encoder on disk."""
    out = tmp_path_factory.mktemp("encoder")
    embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0, window=2)
    embedder.fit(next(folder.glob("*.edf"))).save_pretrained(out)
    return out
