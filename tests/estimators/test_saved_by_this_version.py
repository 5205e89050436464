"""Estimators that this version saved: every later version loads them, and they give the same.

A later version that saves otherwise adds a folder of its own, by `save_for_later`; these files stay
as they are.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from save_for_later import ESTIMATORS, results
from saved_files import EEG, LABELS

SAVED = Path(__file__).parent / "saved_by_this_version"


@pytest.fixture(params=ESTIMATORS)
def saved(request, tmp_path):
    """Name, the estimator as loaded, and the arrays that it gave when it was saved."""
    path = SAVED / f"{request.param}.zip"
    assert path.stat().st_size < 300_000
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    loaded = type(ESTIMATORS[request.param]).from_pretrained(tmp_path)
    return request.param, loaded, dict(np.load(tmp_path / "expected.npz"))


def test_saved_estimator__gives_what_it_gave(saved):
    _, loaded, expected = saved
    found = results(loaded)
    assert found.keys() == expected.keys()
    for method, array in expected.items():
        if array.dtype.kind == "i":  # codes: two may be equally near
            assert (found[method] == array).mean() > 0.99
        else:
            np.testing.assert_allclose(found[method], array, rtol=1e-3, atol=1e-3 * array.std())


def test_saved_estimator__parameters_as_they_were(saved):
    name, loaded, _ = saved
    left_out = ("weights", "tokenizer", "random_state", "architecture")
    expected = ESTIMATORS[name].get_params(deep=False)
    for parameter, value in loaded.get_params(deep=False).items():
        if parameter not in left_out:
            assert repr(value) == repr(expected[parameter])
    assert (name == "pretrainer") == (getattr(loaded, "tokenizer", None) is not None)


def test_saved_estimator__saves_and_learns_again(saved, tmp_path):
    name, loaded, _ = saved
    again = type(loaded).from_pretrained(loaded.save_pretrained(tmp_path / "again"))
    assert again.weights_ == loaded.weights_
    again.fit(EEG, np.arange(6.0) if name == "regressor" else LABELS)
