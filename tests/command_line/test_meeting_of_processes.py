"""How processes of one run find each other, and notice that one is gone."""

import threading

import numpy as np
import pytest

from sk_brainrvq.command_line.commands.embedded_parts import Embedded, joined, read_part, write_part
from sk_brainrvq.command_line.commands.feature_table import FeatureTable, join_tables
from sk_brainrvq.command_line.processes.meeting import await_parts, follow, lead, part_file
from sk_brainrvq.command_line.work_command import WorkError


def in_thread(work):
    """Errors of some work in another thread, once it has ended."""
    errors = []

    def run():
        try:
            work()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def follower(out, work=lambda _: None, **settings):
    def run():
        with follow(out, 1, **settings) as folder:
            work(folder)

    return in_thread(run)


def test_meeting__part_of_another__arrives_and_nothing_stays(tmp_path):
    out = tmp_path / "f.npz"
    thread, errors = follower(out, lambda folder: part_file(folder, 1).write_text("done"))
    with lead(out) as folder:
        (part,) = await_parts(folder, 2, patience=20)
        assert part.read_text() == "done"
        thread.join()
    assert errors == []
    assert list(tmp_path.iterdir()) == []


def test_meeting__another_fails__the_first_hears_why(tmp_path):
    def fail(_):
        raise ValueError("the disk of process 1 is full")

    thread, errors = follower(tmp_path / "f.npz", fail)
    with (
        pytest.raises(WorkError, match=r"Process 1 of 2 failed: the disk of process 1 is full"),
        lead(tmp_path / "f.npz") as folder,
    ):
        await_parts(folder, 2, patience=20)
    thread.join()
    assert [str(error) for error in errors] == ["the disk of process 1 is full"]
    assert list(tmp_path.iterdir()) == []


def test_meeting__silent_process__is_lost(tmp_path):
    with (
        pytest.raises(WorkError, match=r"Process 1 of 2 has not been heard of for 1 s"),
        lead(tmp_path / "f.npz") as folder,
    ):
        await_parts(folder, 2, patience=1)
    assert list(tmp_path.iterdir()) == []


def test_meeting__no_first_process__is_an_error(tmp_path):
    thread, errors = follower(tmp_path / "f.npz", patience=0.5)
    thread.join()
    assert "The first process (RANK=0) did not appear" in str(errors[0])


def test_meeting__announcement_of_a_killed_run__is_not_followed(tmp_path):
    out = tmp_path / "f.npz"
    (tmp_path / ".f.npz.run").write_text('{"about": ".f.npz.0.parts", "beat": "1"}')
    (tmp_path / ".f.npz.0.parts").mkdir()
    seen = []
    thread, errors = follower(out, seen.append, patience=20)
    with lead(out) as folder:
        thread.join()
        assert seen == [folder]
    assert errors == []
    assert list(tmp_path.iterdir()) == []


def table(number, n_windows):
    rng = np.random.default_rng(number)
    return FeatureTable(
        rng.normal(size=(n_windows, 3)).astype(np.float32),
        np.full(n_windows, f"recording{number}.edf" * number),
        np.full(n_windows, str(number)),
        np.full(n_windows, ""),
        np.arange(n_windows) * 2.0,
        np.array(["a", "b", "c"]),
    )


def test_parts__of_two_processes__join_in_the_order_of_the_recordings(tmp_path):
    tables = {number: table(number, n) for number, n in ((1, 2), (2, 1), (3, 4), (5, 2))}
    first = Embedded({1: tables[1], 3: tables[3], 5: tables[5]})
    write_part(Embedded({2: tables[2]}, {4: "flat"}), tmp_path / "1.part")
    both = joined([first, read_part(tmp_path / "1.part")])
    assert list(both.tables) == [1, 2, 3, 5]
    assert both.left_out == {4: "flat"}
    found, expected = join_tables(list(both.tables.values())), join_tables(list(tables.values()))
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values)
        assert getattr(found, name).dtype == values.dtype


def test_part__without_any_table__keeps_the_reasons(tmp_path):
    write_part(Embedded({}, {0: "flat", 2: "µV?"}), tmp_path / "1.part")
    assert read_part(tmp_path / "1.part") == Embedded({}, {0: "flat", 2: "µV?"})
