"""Folders of training runs."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from sk_brainrvq.exceptions import ResumeError
from sk_brainrvq.training import TrainingRun, run_of
from sk_brainrvq.training.runs import TrainingState, checkpoints_in, read_state


def state(epoch):
    tensors = {"module/w": torch.full((3,), float(epoch)), "random/cpu": torch.arange(5)}
    history = [{"train_loss": 1.0}] * epoch
    return TrainingState({"epoch": epoch, "seed": 7, "history": history}, tensors)


@pytest.fixture
def run(tmp_path):
    run = TrainingRun(tmp_path / "run", {"lr": "0.1"})
    run.open(7)
    yield run
    run.close()


def names(run):
    return [path.name for path in checkpoints_in(run.folder)]


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def test_saved_state__read__is_the_same(run):
    run.save(state(3))
    read = read_state(run.latest())
    header, tensors = read.header, read.tensors
    assert state(3).header.items() <= header.items()
    assert tensors.keys() == state(3).tensors.keys()
    assert all(torch.equal(tensors[name], value) for name, value in state(3).tensors.items())


def test_save__many_epochs__keeps_the_last_two(run):
    for epoch in range(1, 5):
        run.save(state(epoch))
    assert names(run) == ["epoch-000004.safetensors", "epoch-000003.safetensors"]


def test_save__after_unreadable_later_ones__keeps_the_new_ones(run):
    for epoch in (8, 9):
        run.save(state(epoch))
        cut(run.folder / f"epoch-{epoch:06d}.safetensors")
    with pytest.warns(UserWarning, match=r"Training starts over\."):
        assert run.latest() is None
    run.save(state(1))
    run.save(state(2))
    assert names(run) == ["epoch-000002.safetensors", "epoch-000001.safetensors"]


def test_latest__result_there__comes_before_checkpoints(run):
    run.save(state(2))
    run.save_result(state(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run.latest().name == "result.safetensors"


def test_open__a_second_time__gives_the_first_seed(run):
    run.close()
    assert run.open(8) == 7


def test_open__held_by_another__waits_says_so_and_gets_its_seed(run):
    other = TrainingRun(run.folder, run.configuration)
    with ThreadPoolExecutor(1) as pool:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            waiting = pool.submit(other.open, 8)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
        assert ["is training this very run" in str(w.message) for w in said] == [True]
        run.save_result(state(3))
        run.close()
        assert waiting.result(timeout=30) == 7
    assert read_state(other.latest()).header["epoch"] == 3
    other.close()


def test_read_state__newer_format__says_to_upgrade(run):
    newer = TrainingState({**state(1).header, "format_version": 99}, state(1).tensors)
    run.save(newer)
    with pytest.raises(ResumeError, match=r"format version 99.* Upgrade sk_brainrvq"):
        read_state(run.folder / "epoch-000001.safetensors")


@pytest.mark.parametrize("content", [b"", b"half a file", bytes(1000)])
def test_read_state__no_checkpoint__is_an_error(content, tmp_path):
    path = tmp_path / "epoch-000001.safetensors"
    path.write_bytes(content)
    with pytest.raises(ResumeError, match="truncated or not a training checkpoint"):
        read_state(path)


def test_run_of__another_value__is_another_folder(tmp_path):
    folders = {run_of("tokenizer", {"lr": lr}, tmp_path, None).folder for lr in ("1", "2")}
    assert len(folders) == 2
    again = run_of("tokenizer", {"lr": "1"}, str(tmp_path), None).folder
    assert again in folders
    assert again.name.startswith("tokenizer-")


def test_run_of__nothing_to_save__is_none():
    assert run_of("tokenizer", {}, None, None) is None
