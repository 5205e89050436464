"""Files that are whole or not there."""

import os
import signal

import pytest
from process_tools import run_alone

from sk_brainrvq.files import write_whole


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("write", [b"new", lambda path: path.write_bytes(b"new")])
def test_write_whole__bytes_or_a_callable__replaces_the_file_and_leaves_nothing_beside(
    write, tmp_path
):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old, and longer")
    write_whole(path, write)
    assert path.read_bytes() == b"new"
    assert names_in(tmp_path) == ["file.bin"]


def test_write_whole__writing_fails_half_way__keeps_the_old_file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def write(beside):
        beside.write_bytes(b"ha")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, write)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file.bin"]


def test_write_whole__while_writing__readers_see_the_old_file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    seen = []

    def write(beside):
        beside.write_bytes(b"new")
        seen.append(path.read_bytes())

    write_whole(path, write)
    assert seen == [b"old"]


def _write_and_die(path):
    def write(beside):
        beside.write_bytes(b"ha")
        os.kill(os.getpid(), signal.SIGKILL)

    write_whole(path, write)


def test_write_whole__killed_half_way__keeps_the_old_file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    assert run_alone(_write_and_die, path).code == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
