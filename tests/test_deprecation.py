"""Deprecations: what users are told, where the warning points, and that results stay the same."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_brainrvq.deprecation import DEPRECATED, deprecated, renamed_keywords, renamed_parameter

VERSIONS = {"since": "0.2", "removed_in": "0.4"}


@deprecated("total()", **VERSIONS, use="numpy.sum")
def total(values, start=0):
    """Sum of values."""
    return sum(values, start)


@deprecated("OldBox", **VERSIONS, use="dict")
class OldBox:
    """Something in a box."""

    def __init__(self, content):
        self.content = content

    @deprecated("OldBox.open()", **VERSIONS, use="OldBox.content")
    def open(self):
        return self.content


@renamed_keywords(**VERSIONS, rate="sfreq", names="ch_names")
def described(seconds, *, sfreq=200, ch_names=()):
    return seconds * sfreq, tuple(ch_names)


class Scaler(TransformerMixin, BaseEstimator):
    def __init__(self, factor=1.0, gain=DEPRECATED):
        self.factor = factor
        self.gain = gain

    def fit(self, X, y=None):
        self.factor_ = renamed_parameter(self, "gain", "factor", **VERSIONS)
        return self

    def transform(self, X):
        return np.asarray(X) * self.factor_

    def score(self, X, y=None):
        return self.factor_


def warnings_of(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    return result, caught


def line_of(function):
    """Line of the body of a lambda or of a function of one line."""
    return inspect.getsourcelines(function)[1]


def assert_one_warning(caught, message, call):
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].category is FutureWarning
    assert (caught[0].filename, caught[0].lineno) == (__file__, line_of(call))


def test_deprecated__function__warns_at_the_callers_line_and_returns_the_same():
    call = lambda: total([1, 2], start=3)  # noqa: E731
    result, caught = warnings_of(call)
    assert result == 6
    message = "total() is deprecated since version 0.2 and will be removed in 0.4; use numpy.sum."
    assert_one_warning(caught, message, call)


def test_deprecated__function__keeps_name_text_and_signature():
    assert (total.__name__, total.__doc__) == ("total", "Sum of values.")
    assert list(inspect.signature(total).parameters) == ["values", "start"]


def test_deprecated__class_and_method__warn_each_at_the_callers_line():
    call = lambda: OldBox("hat")  # noqa: E731
    box, caught = warnings_of(call)
    message = "OldBox is deprecated since version 0.2 and will be removed in 0.4; use dict."
    assert_one_warning(caught, message, call)
    call = lambda: box.open()  # noqa: E731
    content, caught = warnings_of(call)
    assert content == "hat"
    assert_one_warning(
        caught, message.replace("OldBox", "OldBox.open()").replace("dict", "OldBox.content"), call
    )


def test_renamed_keywords__old_name__warns_at_the_callers_line_with_the_same_result():
    call = lambda: described(2, rate=100)  # noqa: E731
    result, caught = warnings_of(call)
    assert result == described(2, sfreq=100) == (200, ())
    message = "rate= is deprecated since version 0.2 and will be removed in 0.4; use sfreq=."
    assert_one_warning(caught, message, call)


def test_renamed_keywords__two_old_names__warn_each():
    result, caught = warnings_of(lambda: described(1, rate=10, names=["Cz"]))
    assert result == (10, ("Cz",))
    assert sorted(str(warning.message).split()[0] for warning in caught) == ["names=", "rate="]


def test_renamed_keywords__new_name__is_silent():
    _, caught = warnings_of(lambda: described(2, sfreq=100, ch_names=["Cz"]))
    assert caught == []
    assert "sfreq" in inspect.signature(described).parameters
    assert "rate" not in inspect.signature(described).parameters


def test_renamed_keywords__both_names__are_an_error():
    with pytest.raises(TypeError, match="rate and sfreq were given; sfreq is the new name"):
        described(2, rate=100, sfreq=100)


def test_renamed_keywords__unknown_name__is_pythons_own_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        described(2, speed=100)


def test_renamed_parameter__old_name__warns_at_the_users_line_with_the_same_numbers():
    X = np.arange(4.0)
    call = lambda: Scaler(gain=3.0).fit(X)  # noqa: E731
    scaler, caught = warnings_of(call)
    message = "gain= is deprecated since version 0.2 and will be removed in 0.4; use factor=."
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].category is FutureWarning
    np.testing.assert_array_equal(scaler.transform(X), Scaler(factor=3.0).fit(X).transform(X))


def test_renamed_parameter__within_the_package__points_at_the_first_line_outside():
    # A fit of the package, two calls deep.
    source = (
        "def fit(estimator):\n    return begin(estimator)\n"
        "def begin(estimator):\n"
        "    return renamed_parameter(estimator, 'gain', 'factor', since='0.2', removed_in='0.4')\n"
    )
    package = {"__name__": "sk_brainrvq.somewhere", "renamed_parameter": renamed_parameter}
    exec(source, package)
    call = lambda: package["fit"](Scaler(gain=3.0))  # noqa: E731
    value, caught = warnings_of(call)
    assert value == 3.0
    message = "gain= is deprecated since version 0.2 and will be removed in 0.4; use factor=."
    assert_one_warning(caught, message, call)


@pytest.mark.parametrize("scaler", [Scaler(), Scaler(2.0)])
def test_renamed_parameter__new_name__is_silent(scaler):
    fitted, caught = warnings_of(lambda: scaler.fit([1.0]))
    assert fitted.factor_ == scaler.factor
    assert caught == []


@pytest.mark.parametrize("params", [{"gain": 3.0}, {"factor": 3.0}])
def test_renamed_parameter__clone_and_set_params__keep_what_was_given(params):
    scaler, caught = warnings_of(lambda: clone(Scaler(**params)))
    assert caught == []
    assert scaler.get_params() == {"factor": 1.0, "gain": DEPRECATED, **params}
    assert Scaler().set_params(**params).get_params() == scaler.get_params()
    assert "deprecated" not in repr(scaler)


def test_renamed_parameter__old_name_in_a_grid__is_searched():
    grid = GridSearchCV(make_pipeline(Scaler()), {"scaler__gain": [1.0, 4.0]}, cv=2)
    search, caught = warnings_of(lambda: grid.fit(np.zeros((4, 1))))
    assert search.best_params_ == {"scaler__gain": 4.0}
    assert {warning.category for warning in caught} == {FutureWarning}


def test_renamed_parameter__both_names__are_an_error():
    with pytest.raises(
        ValueError, match=r"gain=3.0 and factor=2.0 were given; .* pass factor only"
    ):
        Scaler(factor=2.0, gain=3.0).fit([1.0])


def test_renamed_parameter__old_name_beside_the_default_of_the_new__is_taken():
    with pytest.warns(FutureWarning, match="gain="):
        assert Scaler(factor=1.0, gain=3.0).fit([1.0]).factor_ == 3.0
