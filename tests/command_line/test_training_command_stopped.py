"""A training that is stopped from outside, and the same command again."""

import re
import time

from command_runs import SMALL, begin, run

from sk_brainrvq import Weights


def test_sigterm__during_training__names_the_checkpoint_and_the_next_run_continues(
    folder, tmp_path
):
    out = tmp_path / "out"
    options = ("--random-state", 0, "--max-epochs", 25, "-q")
    command = ("tokenizer", "fit", folder, "--out", out, *SMALL, *options)
    training = begin(*command)
    end = time.monotonic() + 60
    while not list(out.rglob("epoch-*.safetensors")) and time.monotonic() < end:
        time.sleep(0.05)
    training.process.terminate()
    outcome = training.end()
    assert outcome.code == 143
    pattern = r"last checkpoint is .*/epoch-0*\d+\.safetensors.* same command"
    assert re.search(pattern, outcome.errors)
    assert not (out / "model.safetensors").exists()
    assert "Traceback" not in outcome.errors
    assert run(*command).exit_code == 0
    assert run(*command, "--out", tmp_path / "at_once").exit_code == 0
    assert Weights(out) == Weights(tmp_path / "at_once")
