"""Training in several processes against training in one."""

import os
import re
import signal
import subprocess
import sys
import textwrap

import mne
import numpy as np
import pytest
from process_tools import Child, environments, run_together, values_of
from training_tools import (
    KillAtStep,
    arrays_of,
    assert_same_arrays,
    estimator,
    history_of,
    waves,
)

from sk_brainrvq.training import Engine

X = waves(20)
TOKENIZER = {
    "engine__steps_per_epoch": 1,
    "max_epochs": 20,
    "quantizer_dropout": 0.5,
    "batch_size": 5,
}


def two_montages():
    """Seven epochs of three channels, and one of two: fewer than there are processes."""
    parts = [(waves(7), ["C3", "Cz", "C4"]), (waves(1, 2), ["O1", "O2"])]
    return [
        mne.EpochsArray(1e-6 * x, mne.create_info(names, 200, "eeg"), verbose="error")
        for x, names in parts
    ]


def fit(rank, kind, params, X=X):  # noqa: ARG001
    """Losses, codebooks and all the rest that a process ends with."""
    fitted = estimator(kind, **params).fit(X)
    codes = fitted.transform(X[:2] if isinstance(X, np.ndarray) else X[0])
    return {"history": history_of(fitted), "arrays": arrays_of(fitted), "output": codes}


def figures(history, name):
    return np.array([row[name] for row in history])


def assert_equal_ranks(results):
    for result in results[1:]:
        assert_same_arrays(result["arrays"], results[0]["arrays"])
        assert result["history"] == results[0]["history"]
        np.testing.assert_array_equal(result["output"], results[0]["output"])


def assert_near(result, alone, names, rtol=1e-7):
    for name in names:
        ours, theirs = figures(result["history"], name), figures(alone["history"], name)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-4, err_msg=name)


# Against one process


def test_tokenizer__two_processes__has_the_losses_and_codebooks_of_one():
    results = values_of(run_together(2, fit, "tokenizer", TOKENIZER))
    alone = fit(0, "tokenizer", TOKENIZER)
    assert len(alone["history"]) == 20
    assert_equal_ranks(results)
    names = ["train_loss", "waveform", "commitment_time", "commitment_frequency", "perplexity"]
    assert_near(results[0], alone, names)
    codebooks = [name for name in alone["arrays"] if name.startswith("quantizers.")]
    assert len(codebooks) == 2 * 3 * 4
    for name in codebooks:
        ours, theirs = results[0]["arrays"][name], alone["arrays"][name]
        np.testing.assert_allclose(ours, theirs, atol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def tokenizer():
    return estimator("tokenizer", max_epochs=2).fit(X).weights_


def test_pretrainer__two_processes__has_the_losses_of_one(tokenizer):
    params = {
        "tokenizer": tokenizer,
        "drop_path": 0.1,
        "spectrum_weight": 1.0,
        "summary_weight": 1.0,
        "engine__steps_per_epoch": 1,
        "max_epochs": 20,
        "batch_size": 5,
        # Longer ones: the number of hidden patches then differs between epochs.
        "validation": (np.tile(waves(7, seed=1), 5), None),
    }
    results = values_of(run_together(2, fit, "pretrainer", params))
    assert_equal_ranks(results)
    names = ["train_loss", "accuracies", "spectrum_error", "summary_loss", "valid_loss"]
    assert_near(results[0], fit(0, "pretrainer", params), names)


def test_tokenizer__official_mode_and_accumulation__has_the_losses_of_one():
    params = {
        "architecture__quantizer_mode": "official",
        "max_epochs": 3,
        "batch_size": 5,
        "engine": Engine(gradient_accumulation=3),
    }
    results = values_of(run_together(2, fit, "tokenizer", params))
    assert_equal_ranks(results)
    assert_near(results[0], fit(0, "tokenizer", params), ["train_loss"])


@pytest.mark.parametrize("n_processes", [2, 3])
def test_two_montages__groups_smaller_than_the_processes__agree_with_one(n_processes):
    params = {"max_epochs": 3, "sfreq": None, "ch_names": None}
    epochs = two_montages()
    results = values_of(run_together(n_processes, fit, "tokenizer", params, epochs))
    assert_equal_ranks(results)
    assert_near(results[0], fit(0, "tokenizer", params, epochs), ["train_loss", "perplexity"])


def test_random_state_none__two_processes__agree_on_a_seed():
    params = {"random_state": None, "max_epochs": 1}
    assert_equal_ranks(values_of(run_together(2, fit, "tokenizer", params)))


# Runs on disk


def fit_in_own_folder(rank, folder, params):
    return fit(rank, "tokenizer", {**params, "checkpoint_dir": folder / f"rank_{rank}"})


def test_checkpoints__two_processes__are_written_by_one_and_read_by_both(tmp_path):
    first = values_of(run_together(2, fit_in_own_folder, tmp_path, {"max_epochs": 2}))
    assert [path.name for path in tmp_path.iterdir()] == ["rank_0"]
    again = values_of(run_together(2, fit_in_own_folder, tmp_path, {"max_epochs": 2}))
    assert_equal_ranks([*first, *again])
    alone = fit(0, "tokenizer", {"max_epochs": 2, "checkpoint_dir": tmp_path / "rank_0"})
    assert_equal_ranks([first[0], alone])


def fit_until_killed(rank, killed, step, params):
    callbacks = [KillAtStep(step)] if rank in killed else None
    return fit(rank, "tokenizer", {**params, "engine__callbacks": callbacks})


EARLY = {"max_epochs": 6, "validation": 0.2, "early_stopping": 5}


def test_both_processes__killed__one_process_goes_on_with_the_best_weights_of_then(tmp_path):
    params = {**EARLY, "checkpoint_dir": tmp_path}
    outcomes = run_together(2, fit_until_killed, (0, 1), 14, params)
    assert [outcome.code for outcome in outcomes] == [-signal.SIGKILL] * 2
    resumed = fit(0, "tokenizer", params)
    alone = fit(0, "tokenizer", EARLY)
    assert_near(resumed, alone, ["train_loss"])
    # A latent at the border of two codes may fall to the other: rounding differs.
    assert_near(resumed, alone, ["valid_loss"], rtol=2e-3)


def test_one_process__killed__two_go_on_with_the_best_weights_of_then(tmp_path):
    params = {**EARLY, "checkpoint_dir": tmp_path}
    (outcome,) = run_together(1, fit_until_killed, (0,), 14, params)
    assert outcome.code == -signal.SIGKILL
    results = values_of(run_together(2, fit, "tokenizer", params))
    assert_equal_ranks(results)
    alone = fit(0, "tokenizer", EARLY)
    assert_near(results[0], alone, ["train_loss"])
    assert_near(results[0], alone, ["valid_loss"], rtol=2e-3)


def test_main_process__lost__the_other_ends_with_an_error_naming_the_checkpoint(tmp_path):
    params = {"max_epochs": 4, "checkpoint_dir": tmp_path}
    lost, other = run_together(2, fit_until_killed, (0,), 12, params)
    assert lost.code == -signal.SIGKILL
    assert other.code not in (0, -signal.SIGKILL)
    assert re.search(
        r"LostProcessError: One of 2 processes was lost in epoch 3 of 4\. The last checkpoint is "
        r".*epoch-000002\.safetensors: run the same fit again, with any number of processes",
        other.errors,
    )


def test_process__lost_without_checkpoint_dir__says_that_nothing_was_saved():
    other, lost = run_together(2, fit_until_killed, (1,), 12, {"max_epochs": 4})
    assert lost.code == -signal.SIGKILL
    assert re.search(r"LostProcessError: .* Nothing was saved: pass checkpoint_dir", other.errors)


SCRIPT = """
    import sys
    sys.path[:0] = {path!r}
    import torch
    torch.set_num_threads(1)
    from training_tools import fit, waves
    fit("tokenizer", {params!r}, X=waves(20))
"""


def test_script__one_of_two_processes_lost__ends_and_one_process_finishes(tmp_path):
    params = {"max_epochs": 4, "checkpoint_dir": str(tmp_path)}
    script = textwrap.dedent(SCRIPT.format(path=sys.path, params=params))
    own, of_other = environments(2)
    other = Child(fit_until_killed, 1, (1,), 12, params, environment=of_other)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert other.end().code == -signal.SIGKILL
    errors = done.stderr
    assert done.returncode == 1, errors
    assert re.search(r"LostProcessError: .*epoch-000002\.safetensors: run the same fit", errors)
    resumed = fit(0, "tokenizer", params)
    assert_near(resumed, fit(0, "tokenizer", {"max_epochs": 4}), ["train_loss"])
