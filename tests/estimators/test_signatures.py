"""Signatures and docstrings of the public estimators: order, keywords, number and one text."""

import ast
import inspect

import numpy as np
import pytest
from numpydoc.docscrape import NumpyDocString
from sklearn.utils._testing import assert_docstring_consistency
from tiny import make_eeg, make_labels, tiny

import sk_brainrvq
from sk_brainrvq import (
    Architecture,
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    CodeHistogram,
    DDRVQTransformer,
    Engine,
    Filters,
    RandomCrops,
    Reading,
    RecordingClassifier,
    RecordingRegressor,
    SubjectCentering,
)

UNSUPERVISED = [DDRVQTransformer, BrainRVQPretrainer]
FINE_TUNED = [BrainRVQClassifier, BrainRVQRegressor]
CENTRED = [BrainRVQEmbedder, *FINE_TUNED]
TRAINED = [*UNSUPERVISED, *FINE_TUNED]
OF_EEG = [*TRAINED, BrainRVQEmbedder]
OF_RECORDINGS = [RecordingClassifier, RecordingRegressor]
ESTIMATORS = [*OF_EEG, CodeHistogram, SubjectCentering, *OF_RECORDINGS]
VALUES = [Architecture, Engine, Filters, RandomCrops, Reading]
# Beginnings of methods that take something else.
_TAKE_NO_EEG = ("_", "get_", "set_", "save_", "from_", "push_", "model_card")
WITH_Y = ("fit", "partial_fit", "score", "fit_transform", "correlation")

# Texts that rightly differ, by estimator; the reason beside each.
OWN_TEXT = {
    # What may be given, and what None is, differs.
    "weights": [FINE_TUNED],
    # 10 or 20 or, beside given weights, none for those that also serve without training.
    "max_epochs": [FINE_TUNED],
    # partial_fit and layer_decay are of the fine-tuned ones only.
    "lr": [UNSUPERVISED, FINE_TUNED],
    # They stop by a criterion, the others by the loss.
    "early_stopping": [UNSUPERVISED, FINE_TUNED],
    # y has to fit the network: its classes, or the number and scale of its targets.
    "warm_start": [UNSUPERVISED],
    # Only the fine-tuned ones can have a frozen encoder, which has none.
    "drop_path": [FINE_TUNED],
    # The embedder trains in no processes.
    "batch_size": [TRAINED],
    # The embedder's is of a random encoder; the others' of a training.
    "random_state": [TRAINED],
    # The embedder shows no bar.
    "verbose": [TRAINED],
    # The head starts from a logistic or from a ridge regression.
    "head": [],
    # What a classification and a regression can be judged by differs.
    "criterion": [],
    # Each network is a class of its own, and trains with losses of its own.
    "net_": [FINE_TUNED],
    "history_": [FINE_TUNED],
    # Codes have positions, EEG has channels or samples.
    "n_features_in_": [OF_EEG],
    # Recordings are cut before the estimator within sees them.
    "window, overlap": [OF_EEG, OF_RECORDINGS],
    # Those of the labels, and those of the estimator within.
    "classes_": [],
    # Windows are classified, or numbers predicted for them.
    "estimator": [],
    # The embedder says more of people; the head of a classifier is part of the condition.
    "center_by": [FINE_TUNED],
    # Means, or means and Riemannian means.
    "center_": [CENTRED],
    "subject_centers_": [CENTRED],
}
# Defaults differ, texts do not.
OWN_DEFAULT = ("weight_decay",)

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda cls: cls.__name__)


def documented(cls, section):
    """Names in a section of a class's docstring; of an entry such as "a, b" each."""
    entries = NumpyDocString(inspect.getdoc(cls))[section]
    return [name for entry in entries for name in entry.name.split(", ")]


def public_methods(cls):
    """Methods that users call, by name; not those that take names or paths in place of EEG."""
    for name, method in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith(_TAKE_NO_EEG):
            yield name, list(inspect.signature(method).parameters.values())[1:]


# Keywords


@every_estimator
def test_methods__after_x_and_y__keywords_only(estimator):
    methods = dict(public_methods(estimator))
    assert "fit" in methods
    for name, parameters in methods.items():
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert positional == (["X", "y"] if name in WITH_Y else ["X"]), name
        assert all(p.kind is not p.VAR_POSITIONAL for p in parameters), name


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_fit__groups_in_place_of_weights__is_refused(name):
    X, y = make_eeg(), np.arange(12) % 2
    with pytest.raises(TypeError, match="positional argument"):
        tiny(name).fit(X, y, np.arange(12))
    with pytest.raises(TypeError, match="positional argument"):
        tiny(name).partial_fit(X, y, [0, 1])


def test_fit__groups_by_position_of_the_unsupervised__is_refused():
    for name in ("tokenizer", "pretrainer"):
        with pytest.raises(TypeError, match="positional argument"):
            tiny(name).fit(make_eeg(), make_labels(), np.arange(12))


# Number and order


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VALUES], ids=lambda cls: cls.__name__)
def test_constructor__number_of_parameters__small(estimator):
    most = 20 if estimator is BrainRVQEmbedder else 30
    assert len(inspect.signature(estimator).parameters) <= most


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VALUES], ids=lambda cls: cls.__name__)
def test_constructor__every_parameter__documented_in_the_order_of_the_signature(estimator):
    assert documented(estimator, "Parameters") == list(inspect.signature(estimator).parameters)


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *VALUES], ids=lambda cls: cls.__name__)
def test_docstring__defaults__those_of_the_signature(estimator):
    defaults = inspect.signature(estimator).parameters
    for entry in NumpyDocString(inspect.getdoc(estimator))["Parameters"]:
        names = entry.name.split(", ")
        told = entry.type.rpartition("default=")[2].split(" and ")
        for name, text in zip(names, told * (len(names) // len(told)), strict=True):
            default = defaults[name].default
            if default is inspect.Parameter.empty:
                assert "default" not in entry.type, name
            elif entry.type.endswith("optional"):
                assert default is None, name
            else:
                assert ast.literal_eval(text) == default, name


def test_public_names__estimators_and_values__all_are_looked_at():
    classes = {
        getattr(sk_brainrvq, name) for name in sk_brainrvq.__all__ if not name.startswith("__")
    }
    with_params = {cls for cls in classes if hasattr(cls, "get_params")}
    assert with_params == {*ESTIMATORS, *VALUES}


# One text


def names_in(section):
    """Names that the docstrings of at least two estimators hold, with those estimators."""
    found = {}
    for cls in ESTIMATORS:
        for entry in NumpyDocString(inspect.getdoc(cls))[section]:
            found.setdefault(entry.name, []).append(cls)
    return [(name, classes) for name, classes in found.items() if len(classes) > 1]


@pytest.mark.parametrize(
    ("section", "name", "estimators"),
    [
        (section, name, classes)
        for section in ("Parameters", "Attributes")
        for name, classes in names_in(section)
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_docstrings__shared_parameter_or_attribute__one_text(section, name, estimators):
    include = "include_params" if section == "Parameters" else "include_attrs"
    ignored = (name,) if name in OWN_DEFAULT else ()
    for alike in OWN_TEXT.get(name, [estimators]):
        assert set(alike) <= set(estimators)
        assert_docstring_consistency(alike, **{include: [name]}, ignore_types=ignored)


def test_docstrings__texts_said_to_differ__do():
    for name, groups in OWN_TEXT.items():
        section = "Attributes" if name.endswith("_") else "Parameters"
        estimators = dict(names_in(section))[name]
        texts = {
            tuple(entry.desc)
            for cls in estimators
            for entry in NumpyDocString(inspect.getdoc(cls))[section]
            if entry.name == name
        }
        rest = set(estimators) - {cls for group in groups for cls in group}
        assert len(texts) == len(groups) + len(rest), name


@every_estimator
def test_docstring__every_parameter_and_attribute__has_a_text(estimator):
    for section in ("Parameters", "Attributes"):
        for entry in NumpyDocString(inspect.getdoc(estimator))[section]:
            assert "".join(entry.desc).strip(), entry.name
