"""Fixtures that every test may use."""

import gc
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

# Two test processes share two cores.
torch.set_num_threads(1)
# Modules and tests that are being collected are all kept: there is no garbage to look for.
gc.disable()

CH_NAMES = ["Fp1", "C3", "Cz", "O2"]

# Two files of this name hold no examples, and cannot both be imported to look for some.
collect_ignore_glob = ["*conftest.py"]


class FiguresOfDocstrings:
    """What examples in docstrings plot can be drawn, as it is on their pages."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item):
        result = yield
        if isinstance(item, pytest.DoctestItem) and "matplotlib.pyplot" in sys.modules:
            pyplot = sys.modules["matplotlib.pyplot"]
            try:
                for number in pyplot.get_fignums():
                    pyplot.figure(number).canvas.draw()
            finally:
                pyplot.close("all")
        return result


def pytest_configure(config: pytest.Config) -> None:
    """A plugin of its own: hooks of this file are called for tests beside it alone."""
    config.pluginmanager.register(FiguresOfDocstrings())


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make only, not among a million objects of modules."""
    gc.freeze()
    gc.enable()


def shared_folder() -> Path:
    """Folder with reference numbers and real EEG; absent, tests skip, but never in CI."""
    folder = Path(os.environ.get("SK_BRAINRVQ_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        message = f"No shared folder at {folder}; set SK_BRAINRVQ_SHARED to it."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def reference_folder() -> Path:
    """Numbers computed with the published research code."""
    return shared_folder() / "reference"


@pytest.fixture(scope="session")
def eegmat_folder() -> Path:
    """EDF files of EEGMAT, subjects 00-31."""
    return shared_folder() / "data" / "eegmat"


@pytest.fixture
def eeg() -> np.ndarray:
    """Twelve epochs of four channels, three seconds at 200 Hz, in microvolts."""
    rng = np.random.default_rng(0)
    times = np.arange(600) / 200
    alpha = 20 * np.sin(2 * np.pi * 10 * times + rng.uniform(0, 6, (12, 4, 1)))
    return alpha + rng.normal(scale=10, size=(12, 4, 600))


@pytest.fixture
def labels() -> np.ndarray:
    """A class for each epoch of ``eeg``."""
    return np.array(["rest", "task"] * 6)


@pytest.fixture
def moabb_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder that MOABB and MNE write to: configuration, data, results."""
    monkeypatch.setenv("_MNE_FAKE_HOME_DIR", str(tmp_path))
    monkeypatch.setenv("MNE_DATA", str(tmp_path))
    monkeypatch.setenv("MOABB_RESULTS", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path
