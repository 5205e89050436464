"""Trainings that are killed, fitted again or side by side."""

import random
import shutil
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from process_tools import Child
from sklearn.model_selection import KFold, cross_validate
from skorch.callbacks import Callback
from training_tools import (
    STEPS_PER_EPOCH,
    CountSteps,
    X,
    arrays_of,
    assert_killed,
    assert_same_arrays,
    assert_same_training,
    estimator,
    fit,
    fit_and_forget,
    killed,
    only_run,
    waves,
)

from sk_brainrvq.training import Engine


def killed_from_outside(kind, params, pattern, groups=None):
    """A training that is killed some moments after it has saved another checkpoint."""
    folder = params["checkpoint_dir"]
    before = set(folder.glob(pattern))
    child = Child(fit_and_forget, kind, params, None, X, groups)
    while set(folder.glob(pattern)) <= before and child.process.is_alive():
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.15))
    child.process.kill()
    assert_killed(child.end())


# Killed and gone on


def test_tokenizer__killed_from_outside_at_random_moments__ends_bit_for_bit_the_same(tmp_path):
    params = {"max_epochs": 12}
    saved = {**params, "checkpoint_dir": tmp_path}
    for _ in range(2):
        killed_from_outside("tokenizer", saved, "tokenizer-*/epoch-*")
    resumed = fit("tokenizer", saved)
    assert_same_training(resumed, fit("tokenizer", params))
    assert list(tmp_path.rglob("*.partial")) == []


def test_pretrainer__killed_in_either_stage__ends_bit_for_bit_the_same(tmp_path):
    params = {"max_epochs": 4, "tokenizer_max_epochs": 8, "validation": 0.25}
    groups = np.repeat(np.arange(6), 2)
    saved = {**params, "checkpoint_dir": tmp_path}
    killed_from_outside("pretrainer", saved, "tokenizer-*/epoch-*", groups)
    assert not list(tmp_path.glob("pretraining-*/epoch-*"))
    for step in (random.randint(3, 5), random.randint(1, 3)):
        killed("pretrainer", saved, step, groups)
    resumed = fit("pretrainer", saved, groups=groups)
    at_once = fit("pretrainer", params, groups=groups)
    assert_same_training(resumed, at_once)
    assert resumed.tokenizer_weights_ == at_once.tokenizer_weights_
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == [
        "pretraining",
        "tokenizer",
    ]


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("tokenizer", {"engine__steps_per_epoch": 2, "max_epochs": 8}),
        ("tokenizer", {"engine__steps_per_epoch": 4, "max_epochs": 5}),
        ("tokenizer", {"validation": 0.25, "early_stopping": 2, "max_epochs": 40, "lr": 3e-2}),
        (
            "tokenizer",
            {"engine": Engine("bfloat16", gradient_accumulation=2), "max_epochs": 6},
        ),
        ("tokenizer", {"engine": Engine("float16"), "max_epochs": 6}),
        (
            "pretrainer",
            {"max_epochs": 5, "tokenizer_max_epochs": 1, "engine": Engine(gradient_accumulation=2)},
        ),
        # Summaries have running variances.
        ("pretrainer", {"max_epochs": 5, "tokenizer_max_epochs": 1, "summary_weight": 5.0}),
    ],
    ids=[
        *("part_of_a_pass", "more_than_a_pass", "early_stopping", "bfloat16", "float16"),
        *("pretrain", "summaries"),
    ],
)
def test_killed_twice__other_settings__ends_bit_for_bit_the_same(kind, params, tmp_path):
    saved = {**params, "checkpoint_dir": tmp_path}
    # Early enough for the fit that stops by itself.
    for step in (random.randint(3, 5), random.randint(1, 2)):
        killed(kind, saved, step)
    resumed = fit(kind, saved)
    assert_same_training(resumed, fit(kind, params))


def test_early_stopping__resumed__really_stops_early(tmp_path):
    params = {"validation": 0.25, "early_stopping": 2, "max_epochs": 40, "lr": 3e-2}
    fitted = fit("tokenizer", {**params, "checkpoint_dir": tmp_path})
    losses = [row["valid_loss"] for row in fitted.history_]
    assert len(losses) == int(np.argmin(losses)) + 3 < 40


def test_random_state_none__killed__goes_on_with_the_seed_it_began_with(tmp_path):
    params = {"max_epochs": 5, "random_state": None}
    saved = {**params, "checkpoint_dir": tmp_path / "killed"}
    killed("tokenizer", saved, 8)
    run = only_run(tmp_path / "killed")
    # The same seed from the start: a folder that says no more than how the run began.
    copy = tmp_path / "at_once" / run.name
    copy.mkdir(parents=True)
    shutil.copy(run / "configuration.json", copy)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # an unfinished run is what None is kept for
        resumed = fit("tokenizer", saved)
    assert_same_training(
        resumed, fit("tokenizer", {**saved, "checkpoint_dir": tmp_path / "at_once"})
    )
    assert resumed.weights_ != fit("tokenizer", params).weights_


@pytest.mark.parametrize(
    ("kind", "title", "params"),
    [
        ("tokenizer", "tokenizer", {"max_epochs": 1}),
        ("pretrainer", "pretraining", {"max_epochs": 1, "tokenizer_max_epochs": 1}),
    ],
)
def test_random_state_none__finished_run__handed_over_with_one_warning(
    kind, title, params, tmp_path
):
    params |= {"random_state": None}
    saved = {**params, "checkpoint_dir": tmp_path / "runs"}
    first = fit(kind, saved)
    with pytest.warns(UserWarning, match=r"finished training.* such as random_state=1") as told:
        again = fit(kind, saved)
    assert len(told) == 1
    assert_same_training(again, first)
    (run,) = saved["checkpoint_dir"].glob(f"{title}-*")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert_same_training(fit(kind, {**params, "engine__resume_from": run}), first)  # asked for
        # What the warning advises.
        others = {"random_state": 1}, {"checkpoint_dir": tmp_path / "another"}
        assert all(fit(kind, {**saved, **other}).weights_ != first.weights_ for other in others)
        fit(kind, {**saved, "random_state": 1})


def test_string_groups__as_objects__make_the_same_run_in_every_process(tmp_path):
    params = {"max_epochs": 2, "validation": 0.25, "checkpoint_dir": tmp_path}
    groups = np.array([f"sub-{n // 2:02d}" for n in range(12)], dtype=object)
    killed("tokenizer", params, 4, groups)
    fit("tokenizer", params, groups=groups)
    assert len(list(tmp_path.iterdir())) == 1


def test_channel_names_in_a_column__long__are_told_apart(tmp_path):
    # The text of a long column leaves out its middle, where these differ.
    names = [f"E{number}" for number in range(1, 102)]
    X = waves(4, 101)
    for middle in ("E51", "Cz"):
        columns = pd.Series([*names[:50], middle, *names[51:]])
        params = {"max_epochs": 1, "ch_names": columns, "checkpoint_dir": tmp_path}
        fit("tokenizer", params, X=X[..., :200])
    assert len(list(tmp_path.iterdir())) == 2


# Finished, and side by side


def test_finished_run__fitted_again__returns_its_result_without_a_step(tmp_path):
    params = {"max_epochs": 2, "checkpoint_dir": tmp_path}
    first = fit("tokenizer", params)
    CountSteps.n_steps = 0
    again = fit("tokenizer", params, [CountSteps()])
    assert CountSteps.n_steps == 0
    assert_same_training(first, again)
    np.testing.assert_array_equal(first.transform(X), again.transform(X))
    fit("tokenizer", {**params, "max_epochs": 3}, [CountSteps()])
    assert CountSteps.n_steps == 3 * STEPS_PER_EPOCH


def test_warm_start__finished_run__trains_on_instead_of_returning_the_first(tmp_path):
    params = {"max_epochs": 1, "checkpoint_dir": tmp_path, "warm_start": True}
    fitted = fit("tokenizer", params)
    first = fitted.weights_
    assert fitted.fit(X).weights_ != first
    assert len(list(tmp_path.iterdir())) == 2


def test_run_folder__after_a_fit__holds_the_last_two_checkpoints(tmp_path):
    fit("tokenizer", {"max_epochs": 4, "checkpoint_dir": tmp_path})
    names = sorted(path.name for path in only_run(tmp_path).iterdir() if path.name != "lock")
    assert names == [
        "configuration.json",
        "epoch-000003.safetensors",
        "epoch-000004.safetensors",
        "result.safetensors",
    ]


def fold(params, rows):
    return arrays_of(fit("tokenizer", params, X=X[rows]))


def test_folds__in_two_processes_with_one_checkpoint_dir__do_not_collide(tmp_path):
    params = {"max_epochs": 2}
    saved = {**params, "checkpoint_dir": tmp_path}
    folds = [rows for rows, _ in KFold(2).split(X)]
    children = [Child(fold, saved, rows) for rows in folds]
    for rows, child in zip(folds, children, strict=True):
        outcome = child.end()
        assert outcome.code == 0, outcome.errors
        assert_same_arrays(outcome.value, fold(params, rows))
    assert len(list(tmp_path.iterdir())) == 2


def test_cross_validate__two_jobs_with_one_checkpoint_dir__scores_as_without(tmp_path):
    def scores(**params):
        with parallel_config(backend="threading"):
            tokenizer = estimator("tokenizer", max_epochs=1, **params)
            return cross_validate(tokenizer, X, cv=2, n_jobs=2)["test_score"]

    np.testing.assert_array_equal(scores(checkpoint_dir=tmp_path), scores())
    assert len(list(tmp_path.iterdir())) == 2


class WaitForFile(Callback):
    """Hold a training after its first epoch until a file is there."""

    def __init__(self, path):
        self.path = path

    def on_epoch_end(self, net, **kwargs):
        while len(net.history) == 2 and not self.path.exists():
            time.sleep(0.01)


def test_run__held_by_another_process__waits_and_takes_its_result(tmp_path):
    params = {"max_epochs": 2, "checkpoint_dir": tmp_path / "runs"}
    go_on = tmp_path / "go_on"
    child = Child(fit_and_forget, "tokenizer", params, [WaitForFile(go_on)])
    while not list(tmp_path.rglob("epoch-*")) and child.process.is_alive():
        time.sleep(0.01)
    with ThreadPoolExecutor(1) as pool:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            waiting = pool.submit(fit, "tokenizer", params)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=2)
        assert any("Another process is training this very run" in str(w.message) for w in said)
        go_on.touch()
        fitted = waiting.result(timeout=60)
    outcome = child.end()
    assert outcome.code == 0, outcome.errors
    assert len(fitted.history_) == 2
    assert len(list((tmp_path / "runs").iterdir())) == 1
