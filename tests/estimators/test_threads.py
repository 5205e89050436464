"""Estimators used from several threads at once give what they give one after another."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from tiny import NAMES, apply, fitted, make_eeg

N_THREADS = 4


def at_once(function, arguments):
    """Results of a function, called in as many threads that start together."""
    barrier = Barrier(len(arguments))

    def start(argument):
        barrier.wait()
        return function(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(start, arguments))


@pytest.mark.parametrize("name", NAMES)
def test_one_fitted_estimator__applied_in_threads__as_one_after_another(name):
    data = [make_eeg(4, seed=seed) for seed in range(N_THREADS)]
    expected = [apply(fitted(name), X) for X in data]
    for found, result in zip(
        at_once(lambda X: apply(fitted(name), X), data), expected, strict=True
    ):
        np.testing.assert_array_equal(found, result)
