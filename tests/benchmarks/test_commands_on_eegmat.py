"""The commands ``moabb_eegmat.py`` and ``pretrain_default.py``: where files are, mistakes."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from benchmark_commands import module_of


@pytest.fixture
def names_alone(tmp_path):
    """A folder of files that are named as subjects 0-7 are, and empty."""
    folder = tmp_path / "eegmat"
    folder.mkdir()
    for subject in range(8):
        for task in (1, 2):
            (folder / f"Subject{subject:02d}_{task}.edf").touch()
    return folder


def error_of(capsys):
    """The line that a command ended with."""
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/nowhere"], "--data /nowhere is not a folder"),
        (["--subjects", "5,27"], "lacks recordings of subjects [27]"),
        (["--subjects", "5,33"], "People [33] of eegmat are never read by benchmarks"),
        (["--subjects", "5,28"], "People [28] of eegmat are scored once"),
        (["--subjects", "5,36"], "36"),
        (["--subjects", "3"], "--subjects [3] was given; expected two or more"),
        (["--subjects", "3,3"], "--subjects [3] was given; expected two or more"),
        (["--subjects", "3-5", "--folds", "1"], "--folds 1 was given; expected 2 to 3"),
        (["--subjects", "3-5", "--folds", "4"], "--folds 4 was given; expected 2 to 3"),
        (["--pipelines", "LDA"], "No pipelines ['LDA']"),
        (["--weights", "/nowhere"], "/nowhere"),
        # Files that are no EDF are met when MOABB reads them.
        (["--subjects", "3-5", "--pipelines", "Band power + LR"], "Subject03_1.edf"),
    ],
)
def test_moabb_eegmat__a_users_mistake__one_line_that_says_what(
    arguments, message, names_alone, moabb_folder, capsys
):
    results = moabb_folder / "results"
    common = ["--data", str(names_alone), "--results", str(results)]
    with mpl.rc_context():
        assert module_of("moabb_eegmat").main([*common, *arguments]) == 2
    assert message in error_of(capsys)
    assert results.exists() == ("Subject03" in message)


def test_moabb_eegmat__without_folder_or_network__says_how_to_go_on(
    moabb_folder, capsys, monkeypatch
):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing answers there
    monkeypatch.setenv("NO_PROXY", "")
    results = moabb_folder / "results"
    with mpl.rc_context():
        assert module_of("moabb_eegmat").main(["--subjects", "3,4", "--results", str(results)]) == 2
    assert "pass --data FOLDER" in error_of(capsys)
    assert not results.exists()


def test_recordings__in_folders_below__those_of_a_flat_folder_in_its_order(eegmat_folder, tmp_path):
    below = tmp_path / "files"
    # The order of folders is not the one of subjects.
    for folder, subject in (("a", 10), ("b/c", 3)):
        (below / folder).mkdir(parents=True)
        for task in (1, 2):
            name = f"Subject{subject:02d}_{task}.edf"
            (below / folder / name).symlink_to((eegmat_folder / name).resolve())
    command = module_of("pretrain_default")
    flat = command.recordings(eegmat_folder, [3, 10])
    nested = command.recordings(below, [3, 10])
    names = [Path(raw.filenames[0]).name for raw in nested]
    assert names == [f"Subject{s:02d}_{t}.edf" for s in (3, 10) for t in (1, 2)]
    for one, other in zip(flat, nested, strict=True):
        assert one.ch_names == other.ch_names
        assert len(one.ch_names) == 20
        np.testing.assert_array_equal(one.get_data(), other.get_data())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "/nowhere"], "No folder /nowhere"),
        (["--leave-out", "5"], f"lacks recordings of subjects {[*range(8, 28)]}"),
        (["--leave-out", "0-3"], "--leave-out 0-3 was given; expected numbers such as 0,1,2"),
        (["--leave-out", ",".join(map(str, range(28)))], "no subject is left"),
        (["--quick", "--leave-out", "0,1,2,3,4,5,6"], "lacks recordings of subjects [8]"),
    ],
)
def test_pretrain_default__a_users_mistake__one_line_that_says_what(
    arguments, message, names_alone, tmp_path, capsys
):
    common = ["--data", str(names_alone), "--work", str(tmp_path / "work")]
    command = module_of("pretrain_default")
    assert command.main([*common, "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in error_of(capsys)
    assert not (tmp_path / "work").exists()
