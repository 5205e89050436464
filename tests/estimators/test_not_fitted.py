"""Estimators that are not fitted say what to do, in each method and picture."""

import inspect

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from tiny import tiny

from sk_brainrvq import CodeHistogram
from sk_brainrvq.viz import plot_codebook_usage, plot_electrodes, plot_training

# What a method needs, by the name of its first parameter.
GIVEN = {
    "X": np.zeros((4, 4, 400)),
    "folder": "never_written",
    "input_features": None,
    "card": None,
    "repo": "me/model",
}
NO_FITTING = ("fit", "get_", "set_", "partial_fit", "from_pretrained")


def uses_of_a_fit(estimator):
    """Calls that need a fitted estimator: all of its public methods and ``weights_``."""
    for name, member in inspect.getmembers(type(estimator)):
        if name.startswith("_") or (name.startswith(NO_FITTING) and name[-4:] != "_out"):
            continue
        if isinstance(member, property):
            yield name, lambda name=name: getattr(estimator, name)
        elif callable(member):
            _, first, *others = inspect.signature(member).parameters
            args = [GIVEN[first], *[np.arange(4) % 2 for other in others if other == "y"]]
            yield name, lambda name=name, args=args: getattr(estimator, name)(*args)


NEEDS_Y = r"call fit\(X, y\) first, or load a fitted one with \w+\.from_pretrained\(folder\)\."
NEEDS_X = NEEDS_Y.replace(", y", "")
STARTS_THERE = r" weights=\.\.\. only sets where training starts\.$"
TRAINS_NOTHING = r" .* fit trains nothing and is quick: it loads .* learns the channels of X.*\.$"


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (tiny("tokenizer"), f"{NEEDS_X}$"),
        (tiny("tokenizer", weights="default"), NEEDS_X + STARTS_THERE),
        (tiny("tokenizer", weights="default", max_epochs=None), NEEDS_X + TRAINS_NOTHING),
        (tiny("pretrainer"), f"{NEEDS_X}$"),
        (tiny("pretrainer", weights="default", max_epochs=None), NEEDS_X + TRAINS_NOTHING),
        (tiny("embedder"), NEEDS_X + TRAINS_NOTHING),
        (tiny("classifier"), f"{NEEDS_Y}$"),
        (tiny("classifier", weights="default"), NEEDS_Y + STARTS_THERE),
        (tiny("regressor"), f"{NEEDS_Y}$"),
        (CodeHistogram(), r"call fit\(X\) first\.$"),
    ],
)
def test_unfitted__each_method__says_what_to_do(estimator, message):
    names = []
    for name, use in uses_of_a_fit(estimator):
        with pytest.raises(NotFittedError, match=message):
            use()
        names.append(name)
    assert "transform" in names or "predict" in names
    assert "save_pretrained" in names or isinstance(estimator, CodeHistogram)


def test_unfitted__in_a_picture__says_what_to_do():
    for plot in (plot_codebook_usage, plot_training, plot_electrodes):
        with pytest.raises(NotFittedError, match=NEEDS_X):
            plot(tiny("tokenizer"))
