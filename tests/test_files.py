"""Files that are whole or not there."""

import os
import signal

import pytest
from process_tools import run_alone

from sk_brainrvq.files import path_inside, write_whole


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


@pytest.mark.parametrize("name", ["a.edf", "chb02/chb02_16+.edf", "a..b/c d.txt", "ä/.hidden"])
def test_path_inside__plain_name__lies_below(name, tmp_path):
    assert path_inside(tmp_path, name, "The list") == tmp_path / name


def test_path_inside__way_out_on_any_system__refused(tmp_path):
    names = ["", ".", "..", "../a", "a/../b", "a//b", "/a", "a/", "a/..", "a/.. /b", "a/.../b"]
    for name in [*names, "C:/a", "C:a", "a:stream", "a\\b", "\\\\host\\a", "..\\a", "a\0", "a\nb"]:
        with pytest.raises(ValueError, match="expected a path below") as caught:
            path_inside(tmp_path, name, "The list")
        assert repr(name) in str(caught.value)


def test_path_inside__name_that_windows_keeps_or_changes__refused(tmp_path):
    # Without the colon and the backslash, which the list above has.
    for name in ["CON", "a/nul.edf", "Aux .txt", "com1.edf", "a.", "b /c", "a*", "a?.edf", 'a"b']:
        with pytest.raises(ValueError, match="expected a path below") as caught:
            path_inside(tmp_path, name, "The list")
        assert repr(name) in str(caught.value)
    for name in ["CONTENTS.txt", "auxiliary/com10.edf", "a.con"]:
        assert path_inside(tmp_path, name, "The list") == tmp_path / name
