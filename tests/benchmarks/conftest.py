"""Benchmarks are commands beside each other in one folder, not a package."""

import benchmark_commands  # noqa: F401  (puts the folder on the path)
import numpy as np
import pytest


@pytest.fixture(scope="session")
def task():
    """Eight simulated subjects, two classes, windows of 2 s."""
    from table.tasks import load_task

    return load_task("simulated", None)


@pytest.fixture
def simulated_records(tmp_path):
    """A function that reads what a command left in tmp_path of folds of simulated data."""
    from table.store import Store

    def read():
        store = Store(tmp_path, "simulated")
        records = [store.read(key)[0] for key in store]
        return [record for record in records if record["split"] == "folds"]

    return read


@pytest.fixture(scope="session")
def eegmat_like():
    """A function that simulates subjects under the numbers of EEGMAT's."""
    from table.tasks import as_task

    from sk_brainrvq.datasets import make_eeg

    def make(n_subjects):
        windows = make_eeg(n_subjects, 4, duration=1, ch_names=["Fz", "O1"], random_state=0)
        sides = np.repeat(["train", "validation", "test"], [28, 4, 4])
        windows.split = sides[windows.subjects]
        return as_task("eegmat", windows)

    return make
