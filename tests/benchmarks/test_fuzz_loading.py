"""Files spoilt at random, some of the thousands that ``benchmarks/fuzz_loading.py`` loads."""

import sys
import warnings

import pytest
from fuzz_loading import load, outcome, print_table, spoilt, write_originals
from saved_files import megabytes_taken

N_MUTATIONS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_originals(folder)
    return folder


def test_spoilt_files__load_or_are_refused_with_a_reason(folder, capsys):
    suffixes = (".safetensors", ".pth", ".jsonl", ".json")
    originals = {path.name: load(path) for path in folder.iterdir() if path.suffix in suffixes}
    assert len(originals) == 9
    rows = []
    for number, kind, path in spoilt(folder, 1, range(N_MUTATIONS)):
        results = []
        if sys.platform == "linux":
            function = lambda: results.append(outcome(path, originals[path.name]))  # noqa: B023, E731
            megabytes = megabytes_taken(function)
        else:
            results, megabytes = [outcome(path, originals[path.name])], 0.0
        row = {"number": number, "kind": kind, "file": path.name, "outcome": results[0]}
        rows.append({**row, "megabytes": megabytes})
    all_well = print_table(rows)
    printed = capsys.readouterr().out
    assert all_well, printed
    assert {row["outcome"] for row in rows} == {"refused", "loaded"}
