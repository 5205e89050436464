"""``inspect``: text, JSON and exit codes."""

import json

from command_runs import NAMES, run, save_recording


def test_inspect__files__are_shown_one_after_the_other(tmp_path):
    files = [
        save_recording(tmp_path / "a.edf"),
        save_recording(tmp_path / "b.edf", 5, names=["Cz", "ECG"]),
    ]
    result = run("inspect", *files, "--window", 2)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.index(str(files[0])) < result.stdout.index(str(files[1]))
    assert "4 of 2 s each" in result.stdout
    assert "All: 6 windows, 2 montages, 200 Hz" in result.stdout
    assert result.stderr == "", "warnings stand in the report"


def test_inspect__same_channels__are_listed_once(tmp_path):
    files = [save_recording(tmp_path / name) for name in ("a.edf", "b.edf", "c.edf")]
    text = run("inspect", *files, "--window", 2).stdout
    assert text.count("place") == 1
    assert text.count(f"{files[0]}, except:") == 2
    assert "All: 12 windows, 1 montage" in text


def test_inspect__json__holds_the_same_and_a_failure_exits_with_1(tmp_path):
    good = save_recording(tmp_path / "a.edf")
    bad = tmp_path / "bad.edf"
    bad.write_bytes(b"0" * 300)
    result = run("inspect", good, bad, "--window", 2, "--json")
    assert result.exit_code == 1
    assert "1 of 2 recordings cannot be used" in result.stderr
    first, second = json.loads(result.stdout)
    assert [channel["name"] for channel in first["channels"]] == NAMES
    assert first["n_windows"] == 4
    assert "bad.edf" in second["error"]
