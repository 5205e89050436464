"""Checkpoints of unfinished trainings that say what cannot be."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from skorch.callbacks import Callback
from training_tools import STEPS_PER_EPOCH, CountSteps, X, estimator, only_run

from sk_brainrvq.exceptions import ResumeError
from sk_brainrvq.training import Engine
from sk_brainrvq.training.runs import TrainingState

KEY = "sk_brainrvq_training"
PARAMS = {"max_epochs": 3, "validation": 0.34, "early_stopping": 5}


@pytest.fixture(scope="module")
def epoch_two(tmp_path_factory):
    """A whole checkpoint after two epochs of three, with early stopping."""
    folder = tmp_path_factory.mktemp("runs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator("tokenizer", **PARAMS, checkpoint_dir=folder).fit(X)
    return only_run(folder) / "epoch-000002.safetensors"


def written(tmp_path, epoch_two, change):
    """The checkpoint as ``change`` leaves it, in a run's folder."""
    with safe_open(epoch_two, "pt") as opened:
        header = json.loads(opened.metadata()[KEY])
    tensors = load_file(epoch_two)
    change(TrainingState(header, tensors))
    path = tmp_path / epoch_two.name
    save_file(tensors, path, metadata={KEY: json.dumps(header)})
    (tmp_path / "configuration.json").write_bytes(
        (epoch_two.parent / "configuration.json").read_bytes()
    )
    return path


def go_on(path, callbacks=None):
    engine = Engine(resume_from=path, callbacks=callbacks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator("tokenizer", **PARAMS, engine=engine).fit(X)


def in_header(*keys, value):
    def change(state):
        place = state.header
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def tensor(name, value):
    def change(state):
        if value is None:
            del state.tensors[name]
        else:
            state.tensors[name] = value

    return change


A_NORM = "module/encoder.norm.weight"
CHANGES = {
    "its weights lack": tensor(A_NORM, None),
    "an additional 'rogue'": tensor("module/rogue", torch.zeros(2)),
    "of shape (7,) and type float32": tensor(A_NORM, torch.zeros(7)),
    "type float64": tensor(A_NORM, torch.zeros(100, dtype=torch.float64)),
    "NaN or infinity": tensor(A_NORM, torch.full((100,), torch.nan)),
    "its best weights lack": tensor(A_NORM.replace("module", "best"), None),
    "parameter 5000": tensor("optimizer/5000/step", torch.zeros(())),
    "an unknown '0/rogue'": tensor("optimizer/0/rogue", torch.zeros(2)),
    "without 'exp_avg'": tensor("optimizer/0/exp_avg", None),
    "'0/step' of shape (3,)": tensor("optimizer/0/step", torch.zeros(3)),
    "random numbers": tensor("random/cpu", torch.zeros(5056, dtype=torch.uint8)),
    "learning rates are ['fast'": in_header("optimizer", 0, "lr", value="fast"),
    "learning rates are [-1": in_header("optimizer", 0, "lr", value=-1.0),
    "number of batches is -1": in_header("batches_given", value=-1),
    "its schedule is": in_header("scheduler", "last_epoch", value="x"),
    "its early stopping is": in_header("early_stopping", "fit", value=1),
    "no valid seed": in_header("seed", value=2**70),
    "no valid epoch": in_header("epoch", value=True),
    "its header lacks something": in_header("optimizer", value=5),
    "not a training checkpoint": in_header("history", value=[{"batches": 5}] * 2),
}


@pytest.mark.parametrize("says", CHANGES)
def test_checkpoint__says_what_cannot_be__is_refused_with_what_it_is(says, epoch_two, tmp_path):
    path = written(tmp_path, epoch_two, CHANGES[says])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(ResumeError) as error:
            estimator("tokenizer", **PARAMS, engine=Engine(resume_from=path)).fit(X)
    texts = [str(error.value), *(str(w.message) for w in said)]
    assert any(says in text and str(path) in text for text in texts), texts


def test_checkpoint__more_epochs_than_asked_for__is_refused(epoch_two, tmp_path):
    def change(state):
        state.header["history"] *= 4
        state.header["epoch"] *= 4

    with pytest.raises(ResumeError, match="8 of 3 epochs were trained"):
        go_on(written(tmp_path, epoch_two, change))


class Look(Callback):
    """Keep what training goes on with, here and in clones."""

    def on_epoch_begin(self, net, **kwargs):
        schedule = dict(net.callbacks_)["schedule"].lr_scheduler_
        type(self).groups, type(self).schedule = net.optimizer_.param_groups, schedule


def test_checkpoint__settings_and_attributes_of_its_own__are_not_taken(epoch_two, tmp_path):
    def change(state):
        for group in state.header["optimizer"]:
            group.update(weight_decay=1e6, maximize=True, rogue=1, betas=[5, 5])
        state.header["scheduler"].update(base_lrs=[9e9] * 2, step="x", lr_lambdas=[{"step": 1}, 5])

    path = written(tmp_path, epoch_two, change)
    CountSteps.n_steps = 0
    changed = go_on(path, [CountSteps(), Look()])
    assert CountSteps.n_steps == STEPS_PER_EPOCH - 1
    assert not any({"rogue"} & group.keys() or group["maximize"] for group in Look.groups)
    assert Look.schedule.base_lrs == [1e-3] * 2
    assert callable(Look.schedule.step)
    whole = go_on(epoch_two)
    for name, value in whole.net_.module_.state_dict().items():
        np.testing.assert_array_equal(changed.net_.module_.state_dict()[name], value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"seed": 1}', b'{"seed": "x", "configuration": {}}', b"\xff\xfe", b"5"],
)
def test_configuration__damaged__is_refused_with_what_to_do(content, epoch_two, tmp_path):
    path = written(tmp_path, epoch_two, in_header("seed", value=7))
    (tmp_path / "configuration.json").write_bytes(content)
    with pytest.raises(ResumeError, match=r"configuration\.json cannot be read .*to start over"):
        go_on(path)


def test_configuration__of_a_run_damaged__is_refused_by_the_next_fit(tmp_path):
    params = {"max_epochs": 1, "checkpoint_dir": tmp_path}
    estimator("tokenizer", **params).fit(X)
    (only_run(tmp_path) / "configuration.json").write_text("{")
    with pytest.raises(ResumeError, match=r"cannot be read .*Delete the folder of this run"):
        estimator("tokenizer", **params).fit(X)
