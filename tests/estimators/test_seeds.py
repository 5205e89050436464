"""Same seed, same result; the global generators stay as they were."""

import hashlib
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import NAMES, TRAINED, apply, fit, fitted, make_eeg, tiny

_SCRIPT = """
import sys, warnings
import torch
torch.set_num_threads(1)
sys.path[:0] = sys.argv[1:]
warnings.simplefilter("ignore")
from test_seeds import digests
print("\\n".join(digests()))
"""


def digests():
    """Of weights and results of each estimator."""
    lines = []
    for name in NAMES:
        estimator = fit(tiny(name, random_state=3), make_eeg())
        result = hashlib.sha256(apply(estimator, make_eeg()).tobytes()).hexdigest()
        lines.append(f"{name} {estimator.weights_.digest} {result}")
    return lines


@pytest.mark.parametrize("name", NAMES)
def test_same_random_state__two_fits__bit_identical(name):
    first, second = fitted(name), fit(tiny(name), make_eeg())
    assert first is not second
    assert first.weights_.digest == second.weights_.digest
    np.testing.assert_array_equal(apply(first, make_eeg()), apply(second, make_eeg()))
    assert first.weights_ == second.weights_


@pytest.mark.parametrize("name", NAMES)
def test_same_random_state__one_estimator_fitted_twice__bit_identical(name):
    estimator = fit(tiny(name), make_eeg())
    digest = estimator.weights_.digest
    assert fit(estimator, make_eeg()).weights_.digest == digest


@pytest.mark.parametrize("name", NAMES)
def test_other_random_state__fit__other_weights(name):
    other = fit(tiny(name, random_state=1), make_eeg())
    assert other.weights_.digest != fitted(name).weights_.digest


def test_same_random_state__another_process__bit_identical():
    here = Path(__file__).parent
    command = [sys.executable, "-c", _SCRIPT, str(here), str(here.parent)]
    # Another order of sets, too.
    environment = {**os.environ, "PYTHONHASHSEED": "5"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == digests()


@pytest.mark.parametrize("random_state", [0, None, "instance"])
@pytest.mark.parametrize("name", NAMES)
def test_global_generators__fit_and_apply__left_as_they_were(name, random_state):
    if random_state == "instance":
        random_state = np.random.RandomState(0)
    np.random.seed(4)  # noqa: NPY002
    torch.manual_seed(4)
    random.seed(4)
    before = np.random.get_state(), torch.get_rng_state(), random.getstate()  # noqa: NPY002
    estimator = fit(tiny(name, random_state=random_state), make_eeg())
    apply(estimator, make_eeg())
    if hasattr(estimator, "score") and name != "classifier":
        estimator.score(make_eeg())
    after = np.random.get_state(), torch.get_rng_state(), random.getstate()  # noqa: NPY002
    assert before[0][0] == after[0][0]
    np.testing.assert_array_equal(before[0][1], after[0][1])
    assert before[0][2:] == after[0][2:]
    assert torch.equal(before[1], after[1])
    assert before[2] == after[2]


@pytest.mark.parametrize(
    "action",
    [
        lambda estimator: estimator.weights_,
        lambda estimator: estimator.weights_.module(),
        lambda estimator: pickle.loads(pickle.dumps(estimator)),
        lambda estimator: tiny("embedder", weights=estimator.weights_).fit(make_eeg()),
        lambda estimator: estimator.transform(make_eeg()),
    ],
    ids=["weights_", "module", "pickle", "fit with weights", "transform"],
)
def test_global_generators__every_way_to_a_network__left_as_they_were(action):
    estimator = fitted("embedder")
    before = torch.get_rng_state()
    action(estimator)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", NAMES)
def test_random_state__instance__accepted_and_reproducible(name):
    digests = [
        fit(tiny(name, random_state=np.random.RandomState(7)), make_eeg()).weights_.digest
        for _ in range(2)
    ]
    assert digests[0] == digests[1]


def test_random_state__instance__advances_from_fit_to_fit():
    state = np.random.RandomState(7)
    first = fit(tiny("embedder", random_state=state), make_eeg()).weights_
    second = fit(tiny("embedder", random_state=state), make_eeg()).weights_
    assert first != second


@pytest.mark.parametrize("name", NAMES)
def test_random_state__none__differs_from_fit_to_fit(name):
    np.random.seed(0)  # noqa: NPY002
    first = fit(tiny(name, random_state=None), make_eeg()).weights_
    np.random.seed(0)  # noqa: NPY002
    assert fit(tiny(name, random_state=None), make_eeg()).weights_ != first


@pytest.mark.parametrize("name", TRAINED)
def test_score_and_apply__repeated__same_result(name):
    estimator = fitted(name)
    X = make_eeg(seed=9)
    np.testing.assert_array_equal(apply(estimator, X), apply(estimator, X))
    if name != "classifier":
        assert estimator.score(X) == estimator.score(X)
