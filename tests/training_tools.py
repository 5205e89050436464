"""Tiny trainings and what tests look at in them."""

import os
import signal
from pathlib import Path

import numpy as np
import torch
from process_tools import run_alone
from sklearn.base import clone
from skorch.callbacks import Callback

from sk_brainrvq import Architecture, BrainRVQPretrainer, DDRVQTransformer

COMMON = {
    "architecture": Architecture("tiny", codebook_size=16),
    "sfreq": 200,
    "ch_names": ["C3", "Cz", "C4"],
    "batch_size": 4,
    "device": "cpu",
    "random_state": 0,
}
KINDS = {"tokenizer": DDRVQTransformer, "pretrainer": BrainRVQPretrainer}


def estimator(kind, **params):
    """An unfitted estimator of the smallest size; parameters as of ``set_params``."""
    return clone(KINDS[kind](**COMMON)).set_params(**params)


def waves(n_epochs=12, n_channels=3, seed=0):
    """Waves of 4 to 20 Hz in noise, three seconds at 200 Hz, in microvolts."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(4, 20, size=(n_epochs, n_channels, 1))
    phase = rng.uniform(0, 6, size=(n_epochs, n_channels, 1))
    signal_ = 20 * np.sin(2 * np.pi * frequency * np.arange(600) / 200 + phase)
    return signal_ + rng.normal(scale=5, size=(n_epochs, n_channels, 600))


def tensors_of(fitted):
    """Every tensor of a fitted network."""
    return {name: value.clone() for name, value in fitted.net_.module_.state_dict().items()}


def arrays_of(fitted):
    """The same as arrays, which processes can send each other after their end."""
    return {name: value.numpy() for name, value in tensors_of(fitted).items()}


def assert_same_arrays(ones, others):
    """Two networks are equal to the bit."""
    assert ones.keys() == others.keys()
    assert [name for name in ones if not np.array_equal(ones[name], others[name])] == []


def history_of(fitted):
    """History without how long epochs took."""
    return [{k: v for k, v in row.items() if k != "dur"} for row in fitted.history_]


def assert_same_training(one, other):
    """Weights, codebooks and history are equal to the bit."""
    assert history_of(one) == history_of(other)
    ones, others = tensors_of(one), tensors_of(other)
    assert ones.keys() == others.keys()
    different = [name for name in ones if not torch.equal(ones[name], others[name])]
    assert different == []


class KillAtStep(Callback):
    """End this process by SIGKILL as it begins a step, counted from 1."""

    def __init__(self, step):
        self.step = step

    def on_train_begin(self, net, **kwargs):
        self.n_steps_ = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        self.n_steps_ += training
        if self.n_steps_ == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


class CountSteps(Callback):
    """Count training steps of all nets, here and in clones."""

    n_steps = 0

    def on_batch_end(self, net, training=False, **kwargs):
        type(self).n_steps += training


class KeepData(Callback):
    """Remember the data that a net is trained and validated on, here and in clones."""

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        type(self).training, type(self).validation = dataset_train, dataset_valid


def epochs_in(dataset):
    """Numbers of the caller's epochs that a dataset holds."""
    return sorted({int(epoch) for group in dataset.groups for epoch in group.epoch})


X = waves()
STEPS_PER_EPOCH = 3


def fit(kind, params, callbacks=None, X=X, groups=None):
    return estimator(kind, **params, engine__callbacks=callbacks).fit(X, groups=groups)


def fit_and_forget(*args):
    """For processes: a fitted estimator is not sent back."""
    fit(*args)


def assert_killed(outcome):
    assert outcome.code == -signal.SIGKILL, outcome.errors


def killed(kind, params, step, groups=None):
    """A training that is killed at a step, counted from where it goes on."""
    callbacks = [KillAtStep(step)]
    assert_killed(run_alone(fit_and_forget, kind, params, callbacks, X, groups))


def only_run(folder):
    (run,) = Path(folder).iterdir()
    return run


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)
