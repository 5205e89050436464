"""Trainings whose checkpoints are damaged, cannot be written, or belong to another."""

import json
import resource
import shutil
import signal

import pytest
from process_tools import run_alone
from skorch.callbacks import Callback
from training_tools import (
    STEPS_PER_EPOCH,
    CountSteps,
    KillAtStep,
    X,
    arrays_of,
    assert_killed,
    assert_same_arrays,
    assert_same_training,
    fit,
    fit_and_forget,
    killed,
    only_run,
    truncate,
)

from sk_brainrvq.exceptions import ResumeError
from sk_brainrvq.training import Engine
from sk_brainrvq.training.runs import read_state


@pytest.fixture(scope="module")
def six_epochs():
    """A tokenizer of six epochs that nobody interrupted."""
    return fit("tokenizer", {"max_epochs": 6})


@pytest.fixture(scope="module")
def killed_in_epoch_5(tmp_path_factory):
    """Folder of the same tokenizer's run, killed within the fifth epoch."""
    folder = tmp_path_factory.mktemp("killed")
    killed("tokenizer", {"max_epochs": 6, "checkpoint_dir": folder}, 4 * STEPS_PER_EPOCH + 2)
    return folder


# Damaged


def test_checkpoint__truncated__warns_and_the_one_before_is_used(
    killed_in_epoch_5, six_epochs, tmp_path
):
    shutil.copytree(killed_in_epoch_5, tmp_path, dirs_exist_ok=True)
    truncate(only_run(tmp_path) / "epoch-000004.safetensors")
    CountSteps.n_steps = 0
    params = {"max_epochs": 6, "checkpoint_dir": tmp_path}
    with pytest.warns(UserWarning, match=r"epoch-000004.* truncated .*The previous one is used"):
        resumed = fit("tokenizer", params, [CountSteps()])
    assert CountSteps.n_steps == 3 * STEPS_PER_EPOCH
    assert_same_training(resumed, six_epochs)


def test_both_checkpoints__truncated__it_starts_anew(killed_in_epoch_5, six_epochs, tmp_path):
    shutil.copytree(killed_in_epoch_5, tmp_path, dirs_exist_ok=True)
    run = only_run(tmp_path)
    for path in run.glob("epoch-*"):
        truncate(path)
    params = {"max_epochs": 6, "checkpoint_dir": tmp_path}
    outcome = run_alone(fit_and_forget, "tokenizer", params, [KillAtStep(5)])
    assert_killed(outcome)
    assert "Training starts over." in outcome.errors
    assert [path.name for path in run.glob("epoch-*")] == ["epoch-000001.safetensors"]
    assert_same_training(fit("tokenizer", params), six_epochs)


def test_result__truncated__warns_and_the_last_checkpoint_gives_it_again(tmp_path):
    params = {"max_epochs": 2, "checkpoint_dir": tmp_path}
    first = fit("tokenizer", params)
    result = only_run(tmp_path) / "result.safetensors"
    truncate(result)
    with pytest.warns(UserWarning, match=r"result\.safetensors is truncated .*The previous one"):
        again = fit("tokenizer", params)
    assert_same_training(first, again)
    assert read_state(result).header["ended"]


def test_partial_file__left_by_a_kill__is_cleared_away(killed_in_epoch_5, tmp_path):
    shutil.copytree(killed_in_epoch_5, tmp_path, dirs_exist_ok=True)
    left_over = only_run(tmp_path) / "epoch-000005.safetensors.1.partial"
    left_over.write_bytes(b"half")
    fit("tokenizer", {"max_epochs": 6, "checkpoint_dir": tmp_path})
    assert not left_over.exists()


class FillDisk(Callback):
    """From an epoch on no file may grow beyond a megabyte, as on a full disk."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.epoch:
            _limit_files(2**20)


def _limit_files(n_bytes):
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))


def meet_full_disk(params):
    """What a fit on a full disk said and left, and the weights once there is room again."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        fit("tokenizer", params, [FillDisk(3)])
    except ResumeError as error:
        message = str(error)
    left = sorted(path.name for path in only_run(params["checkpoint_dir"]).iterdir())
    _limit_files(resource.RLIM_INFINITY)
    CountSteps.n_steps = 0
    arrays = arrays_of(fit("tokenizer", params, [CountSteps()]))
    return message, left, CountSteps.n_steps, arrays


def test_full_disk__while_saving__is_an_error_and_training_goes_on_once_there_is_room(
    tmp_path, six_epochs
):
    outcome = run_alone(meet_full_disk, {"max_epochs": 6, "checkpoint_dir": tmp_path})
    assert outcome.code == 0, outcome.errors
    message, left, n_steps, arrays = outcome.value
    assert "epoch-000003.safetensors could not be written" in message
    assert "Make room and fit again" in message
    assert "(epoch-000002.safetensors is intact)" in message
    checkpoints = ["epoch-000001.safetensors", "epoch-000002.safetensors"]
    assert left == ["configuration.json", *checkpoints, "lock"]
    assert n_steps == 4 * STEPS_PER_EPOCH
    assert_same_arrays(arrays, arrays_of(six_epochs))


def test_checkpoint_dir__is_a_file__is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_text("in the way")
    with pytest.raises(ResumeError, match=r"Checkpoints cannot be written to .*file"):
        fit("tokenizer", {"max_epochs": 1, "checkpoint_dir": path})


# resume_from


@pytest.mark.parametrize("name", ["", "epoch-000004.safetensors"], ids=["folder", "file"])
def test_resume_from__killed_run__goes_on(name, killed_in_epoch_5, six_epochs, tmp_path):
    shutil.copytree(killed_in_epoch_5, tmp_path, dirs_exist_ok=True)
    CountSteps.n_steps = 0
    params = {"max_epochs": 6, "engine__resume_from": only_run(tmp_path) / name}
    assert_same_training(fit("tokenizer", params, [CountSteps()]), six_epochs)
    assert CountSteps.n_steps == 2 * STEPS_PER_EPOCH


def test_resume_from__with_another_checkpoint_dir__leaves_the_first_as_it_is(
    killed_in_epoch_5, six_epochs, tmp_path
):
    run = only_run(killed_in_epoch_5)
    before = sorted(path.name for path in run.iterdir())
    params = {"max_epochs": 6, "engine__resume_from": run, "checkpoint_dir": tmp_path}
    assert_same_training(fit("tokenizer", params), six_epochs)
    assert sorted(path.name for path in run.iterdir()) == before
    assert (only_run(tmp_path) / "result.safetensors").is_file()


def test_resume_from__another_configuration__lists_every_difference(killed_in_epoch_5):
    params = {"max_epochs": 6, "engine__resume_from": only_run(killed_in_epoch_5)}
    others = {"lr": 0.5, "batch_size": 3, "engine": Engine(gradient_clipping=None)}
    with pytest.raises(ResumeError) as error:
        fit("tokenizer", {**params, **others}, X=X + 1)
    lines = str(error.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:-1]] == [
        "batch_size",
        "data",
        "engine__gradient_clipping",
        "lr",
    ]
    assert "  lr: 0.001 then, 0.5 now" in lines
    assert "  batch_size: 4 then, 3 now" in lines
    assert "was started with other settings" in lines[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", r"absent.* does not exist; expected the folder of a run"),
        ("", r"configuration\.json does not exist: expected the folder of a run inside"),
    ],
    ids=["nothing_there", "no_run"],
)
def test_resume_from__no_run__is_an_error(name, message, tmp_path):
    with pytest.raises(ResumeError, match=message):
        fit("tokenizer", {"max_epochs": 1, "engine__resume_from": tmp_path / name})


def test_resume_from__run_without_a_checkpoint__is_an_error(killed_in_epoch_5, tmp_path):
    shutil.copytree(killed_in_epoch_5, tmp_path, dirs_exist_ok=True)
    run = only_run(tmp_path)
    for path in run.glob("epoch-*"):
        path.unlink()
    with pytest.raises(ResumeError, match="holds no checkpoint to resume from"):
        fit("tokenizer", {"max_epochs": 6, "engine__resume_from": run})


def test_configuration__of_a_run__is_plain_text(killed_in_epoch_5):
    document = json.loads((only_run(killed_in_epoch_5) / "configuration.json").read_text())
    assert document["configuration"]["estimator"] == "DDRVQTransformer"
    assert "checkpoint_dir" not in document["configuration"]
