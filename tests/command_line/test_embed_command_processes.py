"""``embed`` in two processes that know each other by nothing but RANK and WORLD_SIZE."""

from command_runs import EMBED_OPTIONS, begin, run


def in_two_processes(command, command_of_second=None):
    """Exit code, stdout and stderr of the first process, then of the second."""
    processes = [
        begin(*words, RANK=str(rank), WORLD_SIZE="2")
        for rank, words in enumerate([command, command_of_second or command])
    ]
    outcomes = [process.end() for process in processes]
    return [(outcome.code, outcome.output, outcome.errors) for outcome in outcomes]


def test_two_processes__the_table_is_that_of_one_to_the_byte(with_broken, weights, tmp_path):
    alone, shared = tmp_path / "alone.npz", tmp_path / "shared.npz"
    options = ("--weights", weights, *EMBED_OPTIONS)
    assert run("embed", *with_broken, "--out", alone, *options).exit_code == 1
    command = ("embed", *with_broken, "--weights", weights, "--out", shared, *EMBED_OPTIONS)
    (code, out, err), second = in_two_processes(command)
    assert code == 1, err
    assert second == (0, "", "")
    assert "of 3 recordings" in out
    assert "broken.edf: MNE cannot read" in err
    assert shared.read_bytes() == alone.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if "shared" in path.name] == [shared.name]


def test_two_processes__one_fails__so_does_the_other_and_nothing_is_left(folder, weights, tmp_path):
    out = tmp_path / "features.npz"
    command = ("embed", folder, "--weights", weights, "--out", out, *EMBED_OPTIONS)
    wrong = ("embed", folder, "--weights", tmp_path / "nowhere", "--out", out, *EMBED_OPTIONS)
    (code, _, err), (code_of_second, _, err_of_second) = in_two_processes(command, wrong)
    assert (code, code_of_second) == (1, 1)
    assert "Error in process 0 of 2: Process 1 of 2 failed: No checkpoint at" in err
    assert "Error in process 1 of 2: No checkpoint at" in err_of_second
    assert not list(tmp_path.glob("*features*"))
