"""Arrays of zarr, h5py and dask, tensors, and lists of these."""

import tracemalloc

import dask.array
import h5py
import numpy as np
import pytest
import torch
import zarr
from tiny import make_eeg, tiny

from sk_brainrvq.exceptions import InvalidEEGError

X = make_eeg(n_epochs=10).astype(np.float32)


def to_h5py(array, folder):
    return h5py.File(folder / "eeg.h5", "w").create_dataset("eeg", data=array, chunks=True)


def to_zarr(array, folder):
    stored = zarr.create_array(folder / "eeg.zarr", shape=array.shape, dtype=array.dtype)
    stored[:] = array
    return stored


def to_dask(array, _):
    return dask.array.from_array(array, chunks=(2, -1, -1))


KINDS = [to_h5py, to_zarr, to_dask, lambda array, _: torch.from_numpy(array)]


@pytest.mark.parametrize("convert", KINDS)
@pytest.mark.parametrize("name", ["embedder", "tokenizer"])
def test_array__of_another_library__results_of_the_numpy_array(name, convert, tmp_path):
    expected = tiny(name).fit(X).transform(X)
    converted = convert(X, tmp_path)
    np.testing.assert_array_equal(tiny(name).fit(converted).transform(X), expected)
    np.testing.assert_array_equal(tiny(name).fit(X).transform(converted), expected)


@pytest.mark.parametrize("convert", KINDS)
def test_list__of_such_arrays__results_of_a_list_of_numpy_arrays(convert, tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    expected = tiny("embedder").fit_transform([X[:4], X[4:]])
    parts = [convert(X[:4], tmp_path / "a"), convert(X[4:], tmp_path / "b")]
    np.testing.assert_array_equal(tiny("embedder").fit_transform(parts), expected)


def test_transform__h5py_of_many_epochs__holds_a_part_of_them(tmp_path):
    n_epochs, n_times = 60, 60 * 200
    with h5py.File(tmp_path / "eeg.h5", "w") as file:
        eeg = file.create_dataset("eeg", (n_epochs, 64, n_times), "f4", chunks=(1, 64, n_times))
        rng = np.random.default_rng(0)
        for epoch in range(n_epochs):
            eeg[epoch] = rng.normal(scale=20, size=(64, n_times))
        embedder = tiny("embedder", ch_names=None, tokens=False, spectrum="mean")
        embedder.fit(eeg[:1])
        tracemalloc.start()
        embedder.transform(eeg)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < n_epochs * 64 * n_times * 4 * 0.8


def test_tensor__bfloat16__is_read_as_numbers():
    tensor = torch.from_numpy(X).bfloat16()
    expected = tiny("embedder").fit_transform(tensor.float().numpy())
    np.testing.assert_array_equal(tiny("embedder").fit_transform(tensor), expected)


@pytest.mark.parametrize("unit", ["datetime64[s]", "timedelta64[s]"])
def test_array__of_dates__error_says_what_it_holds(unit):
    with pytest.raises(InvalidEEGError, match="X holds dates or durations"):
        tiny("embedder").fit(np.zeros((2, 4, 600), unit))
