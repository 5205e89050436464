"""Where results are kept: nothing is lost, whatever writes side by side or is killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table.lines import from_cells, from_csv, key_of, to_cells, to_csv
from table.store import DamagedTableError, Store

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ARRAYS = {"rows": np.arange(3), "probability": np.full((3, 2), 0.5, np.float32)}


def record_of(seed=0, **fields):
    """A result of a made-up system."""
    identity = {"system": "one", "split": "folds", "fold": "1", "seed": seed}
    return {**identity, "config": {"version": 1, "seed": seed}, **fields}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, "made-up")


# Lines

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
metrics = st.sampled_from(["auroc", "kappa", "weighted_f1", "top 5", "a.b"])
figures = st.dictionaries(metrics, st.floats(allow_nan=False), max_size=3)
names = st.text("abcdefgh_", min_size=1, max_size=6)
records = st.builds(
    lambda identity, config, figures, others: {
        **others, **identity, "config": config, "figures": figures
    },
    st.fixed_dictionaries(
        {
            "system": st.sampled_from(["bands7", "covariance+bands", "12", "null", "a,b"]),
            "split": st.sampled_from(["folds", "official", "subjects-1"]),
            "fold": st.sampled_from(["1", "10", "official"]),
            "seed": st.integers(0, 20),
        }
    ),
    st.dictionaries(st.text(), values, max_size=3),
    figures,
    st.dictionaries(names, values, max_size=4),
)  # fmt: skip


@given(st.lists(records, max_size=4, unique_by=key_of))
@settings(deadline=None)
def test_lines__any_records__come_back_equal_in_any_order(found):
    lines = [{**to_cells(record), "config.digest": key_of(record)} for record in found]
    text = to_csv(lines)
    assert len(text.splitlines()) == 1 + len(found)
    back = {}
    for line in from_csv(text):
        key = line.pop("config.digest")
        back[key] = from_cells(line)
    assert back == {key_of(record): record for record in found}
    # Equality takes 1, 1.0 and True for the same.
    for record in found:
        dumped = [json.dumps(r, sort_keys=True) for r in (record, back[key_of(record)])]
        assert dumped[0] == dumped[1]


def test_lines__a_result_is_added__one_line_is_added():
    lines = [{**to_cells(record_of(seed)), "config.digest": str(seed)} for seed in range(12)]
    before, after = to_csv(lines[:5] + lines[6:]), to_csv(lines[::-1])
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(added) == 1
    assert after.replace(f"{added[0]}\n", "") == before
    assert [line["seed"] for line in from_csv(after)] == [str(seed) for seed in range(12)]


def test_lines__a_field_that_is_no_identifier__is_refused():
    with pytest.raises(ValueError, match=r"'figures.auroc' was given as a field"):
        to_cells({**record_of(), "figures.auroc": 1.0})


# Store


def assert_kept(store, key, record, arrays=ARRAYS):
    assert key in store
    found, of_found = store.read(key)
    assert found == record
    assert set(of_found) == set(arrays)
    for name, array in arrays.items():
        assert of_found[name].dtype == array.dtype
        np.testing.assert_array_equal(of_found[name], array)


def test_store__added_and_merged__read_alike_before_and_after(store):
    found = [record_of(seed, figures={"auroc": seed / 7}) for seed in range(3)]
    keys = [store.add(record, ARRAYS) for record in found]
    assert not store.table.exists()
    for merged in (False, True):
        assert list(store) == sorted(keys)
        for key, record in zip(keys, found, strict=True):
            assert_kept(store, key, record)
        assert store.merge() == (0 if merged else 3)
    assert not [path for path in store.unmerged.rglob("*") if path.is_file()]
    assert "folds/1/one-seed9-0" not in store


def test_store__nothing_to_merge__nothing_is_written(store):
    assert store.merge() == 0
    assert not any(store.results.iterdir())


@pytest.mark.parametrize("merged", [False, True])
def test_store__written_twice__the_second_replaces_the_first(store, merged):
    key = store.add(record_of(note="first"), ARRAYS)
    other = store.add(record_of(1), ARRAYS)
    if merged:
        store.merge()
    arrays = {"rows": np.arange(5), "probability": np.zeros((5, 2), np.float32)}
    assert store.add(record_of(note="second"), arrays) == key
    for _ in range(2):
        assert list(store) == sorted([key, other])
        assert_kept(store, key, record_of(note="second"), arrays)
        store.merge()


def test_store__a_record_that_is_changed_after_reading__the_kept_one_is_not(store):
    key = store.add(record_of(), ARRAYS)
    store.merge()
    record, arrays = store.read(key)
    record["config"]["seed"] = 5
    arrays["rows"][:] = 7
    assert_kept(store, key, record_of())


def test_store__same_results_in_another_order__same_bytes(tmp_path):
    one, other = Store(tmp_path / "one", "made-up"), Store(tmp_path / "other", "made-up")
    for seed in range(3):
        one.add(record_of(seed), ARRAYS)
    one.merge()
    for seed in (2, 0, 1):
        other.add(record_of(seed), ARRAYS)
        other.merge()
    assert one.table.read_bytes() == other.table.read_bytes()
    assert one.predictions.read_bytes() == other.predictions.read_bytes()


def test_take__results_of_another_folder__new_ones_are_added_and_ours_stay(tmp_path):
    ours, theirs = Store(tmp_path / "ours", "made-up"), Store(tmp_path / "theirs", "made-up")
    keys = [ours.add(record_of(note="ours"), ARRAYS)]
    theirs.add(record_of(note="theirs"), ARRAYS)
    theirs.merge()
    keys.append(theirs.add(record_of(1), ARRAYS))
    assert ours.take(theirs) == 1
    assert ours.take(theirs) == 0
    assert_kept(ours, keys[0], record_of(note="ours"))
    assert_kept(ours, keys[1], record_of(1))


# Processes

WRITER = """
import sys
from pathlib import Path
import numpy as np
sys.path.append(sys.argv[1])
from table.store import Store
store = Store(Path(sys.argv[2]), "made-up")
first, last = int(sys.argv[3]), int(sys.argv[4])
for seed in range(first, last):
    record = {"system": "one", "split": "folds", "fold": "1"}
    record |= {"seed": seed, "config": {"seed": seed}}
    arrays = {"rows": np.arange(seed % 7), "probability": np.full((seed % 7, 2), seed / 3)}
    print(store.add(record, arrays), flush=True)
    if seed % 3 == 0:
        store.merge()
"""


def writer(folder, first, last):
    """A process that adds results and merges now and then."""
    command = [sys.executable, "-c", WRITER, BENCHMARKS, folder, first, last]
    return subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)


def test_store__two_processes_write_at_once__nothing_is_lost(store):
    processes = [writer(store.results, 0, 40), writer(store.results, 40, 80)]
    # Reading beside them sees each result from when it was added on.
    seen = set()
    while any(process.poll() is None for process in processes):
        now = set(store)
        assert seen <= now
        seen = now
    assert [process.returncode for process in processes] == [0, 0]
    keys = [key for process in processes for key in process.stdout.read().split()]
    store.merge()
    assert len(keys) == 80
    assert sorted(keys) == list(store)
    for key in keys:
        record, arrays = store.read(key)
        assert record["config"] == {"seed": record["seed"]}
        assert arrays["rows"].tolist() == [*range(record["seed"] % 7)]


@pytest.mark.parametrize("n_lines", [1, 7, 16])
def test_store__killed_while_it_writes__what_was_added_is_there(store, n_lines):
    process = writer(store.results, 0, 10**6)
    keys = [process.stdout.readline().strip() for _ in range(n_lines)]
    process.send_signal(signal.SIGKILL)
    keys += process.communicate()[0].split()
    store.merge()
    assert set(keys) <= set(store)
    for key in store:
        store.read(key)
    store.add(record_of(10**6), ARRAYS)
    assert store.merge() == 1


MERGER = """
import os, signal, sys
from pathlib import Path
sys.path.append(sys.argv[1])
from table.store import Store
left = int(sys.argv[3])
def kill(event, arguments):
    global left
    if event in ("os.rename", "os.remove"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
Store(Path(sys.argv[2]), "made-up").merge()
"""


def test_store__killed_at_any_step_of_a_merge__nothing_is_lost(store):
    other = {"rows": np.arange(2), "probability": np.zeros((2, 2), np.float32)}
    for n_steps in range(100):
        for path in (store.table, store.predictions):
            path.unlink(missing_ok=True)
        kept = store.add(record_of(1), ARRAYS)
        replaced = store.add(record_of(note="first"), ARRAYS)
        store.merge()
        store.add(record_of(note="second"), other)
        command = [sys.executable, "-c", MERGER, BENCHMARKS, store.results, n_steps]
        ended = subprocess.run([*map(str, command)], check=False)
        for merges in (False, True):
            if merges:
                store.merge()
            assert list(store) == sorted([kept, replaced])
            assert_kept(store, kept, record_of(1))
            assert_kept(store, replaced, record_of(note="second"), other)
        with np.load(store.predictions) as arrays:
            assert len(arrays) == 4, "predictions of the first are left"
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
    assert n_steps >= 5


# Damage


def conflict(text):
    return text.replace("folds,1,one,0", "<<<<<<< ours\nfolds,1,one,0", 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) - 20], "line 3 has"),
        (conflict, "line 2 has 1 cells"),
        (lambda text: text + text.splitlines()[1] + "\n", "occurs twice"),
        (
            lambda text: text.replace('""version"": 1', '""version"": 2'),
            "does not match its digest",
        ),
        (lambda text: text.replace("config.digest", "digest"), "config.digest"),
        (lambda text: text.replace('"', "", 1), "cells"),
    ],
)
def test_store__a_damaged_table__an_error_that_says_what_to_do(store, damage, message):
    key = store.add(record_of(), ARRAYS)
    store.add(record_of(1), ARRAYS)
    store.merge()
    store.table.write_text(damage(store.table.read_text()))
    with pytest.raises(DamagedTableError, match=message) as caught:
        store.read(key)
    assert f"git checkout -- {store.table} {store.predictions}" in str(caught.value)
    assert "move both away" in str(caught.value)
    # It stays as it is, and a new result waits beside it.
    damaged = store.table.read_bytes()
    store.add(record_of(2), ARRAYS)
    with pytest.raises(DamagedTableError):
        store.merge()
    assert store.table.read_bytes() == damaged
    assert len([*store.unmerged.rglob("*.json")]) == 1


@pytest.mark.parametrize("damage", ["missing", "half", "other"])
def test_store__predictions_that_do_not_belong_to_the_table__an_error(store, damage):
    key = store.add(record_of(), ARRAYS)
    store.merge()
    if damage == "missing":
        store.predictions.unlink()
    elif damage == "half":
        store.predictions.write_bytes(store.predictions.read_bytes()[:200])
    else:
        with np.load(store.predictions) as arrays:
            changed = {name: array + 1 for name, array in arrays.items()}
        np.savez(store.predictions, **changed)
    with pytest.raises(DamagedTableError, match="Take both from the same copy"):
        store.read(key)


def test_store__a_damaged_single_result__an_error_that_names_it(store):
    key = store.add(record_of(), ARRAYS)
    path = store.unmerged / f"{key}.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(DamagedTableError, match=r"one-seed0.*remove it"):
        store.merge()
