"""The command ``table.py``: mistakes of a user, in one line."""

import pytest
from benchmark_commands import main_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--systems", "bands7,eegnett"], "eegnett"),
        (["--dataset", "eegmatt"], "choose from"),
        (["--dataset", "tuab"], "needs --data FOLDER, where its files are: register at"),
        (["--dataset", "shu-mi"], "SHUMI().fetch downloads"),
        (["--dataset", "eegmat", "--data", "nowhere"], "nowhere"),
        (["--systems", "bands7", "--folds", "one"], "expected numbers"),
        (["--systems", "bands7", "--folds", "99"], "no such folds"),
        (["--systems", "bands7", "--split", "official"], "no official split"),
        (["--systems", "bands7", "--people"], "--split both; expected --split folds"),
        (["--systems", "bands7", "--subjects-per-fold", "7"], "three are needed"),
        (["--systems", "eegnet", "--epochs", "eegnet=many"], "whole numbers"),
        (["--systems", "eegnet", "--precision", "half"], "expected float32 or bfloat16"),
        (["--systems", "eegnet", "--precision", "eegnett=bfloat16"], "such as bendr"),
        (["--systems", "bands7", "--precision", "bands7=bfloat16"], "for eegnet, st-trans"),
        (["--systems", "frozen", "--weights", "nowhere"], "nowhere"),
        (["--systems", "frozen", "--embedder", "poolin=channel"], "did you mean pooling?"),
        (["--systems", "frozen", "--embedder", "zzz=1"], "BrainRVQEmbedder: it has batch_size, "),
        (["--systems", "random", "--embedder", "architecture=tiny"], "architecture is set by"),
        (["--systems", "frozen", "--embedder", "filters=None"], "pass its fields l_freq, h_freq"),
        (["--systems", "scratch", "--fine-tuning", "foo=1"], "foo is not a parameter of Brain"),
        (["--systems", "scratch", "--fine-tuning", "max_epochs=3"], "max_epochs is set by"),
        (["--systems", "bands7", "--jobs", "0"], "--jobs 0 was given; expected 1 or more"),
        (["--systems", "bands7", "--seeds", "0"], "--seeds 0 was given"),
        (["--systems", "bands7", "--subjects-per-fold", "0"], "--subjects-per-fold 0 was given"),
        (["--systems", "bands7", "--device", "gpu"], "--device: device='gpu' was given"),
        (["--systems", "bands7", "--device", "cuda:99"], "--device"),
    ],
)
def test_table__a_users_mistake__one_line_that_says_what(arguments, message, tmp_path, capsys):
    common = ["--dataset", "simulated", "--subjects-per-fold", "2", "--results", str(tmp_path)]
    assert main_of("table")([*common, *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert not any(tmp_path.iterdir())  # nothing was computed before


def test_table__eegmat_without_folder_or_network__says_how_to_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing answers there
    monkeypatch.setenv("NO_PROXY", "")
    arguments = ["--dataset", "eegmat", "--systems", "bands7", "--results", str(tmp_path)]
    assert main_of("table")(arguments) == 2
    note, *_, error = capsys.readouterr().err.strip().splitlines()
    assert "EEGMAT is downloaded" in note
    assert "pass --data FOLDER" in error
    assert "127.0.0.1" in error
