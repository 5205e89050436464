"""SubjectCentering: each person's mean, with and without names, few windows, calibration."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from sk_brainrvq import SubjectCentering
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError

PEOPLE = np.repeat(["ada", "bob", "eve", "kai"], 20)
STATES = np.tile([0, 1], 40)


def made(seed=0, n_features=3):
    """Features that a state moves by 1, and a person by far more."""
    rng = np.random.default_rng(seed)
    own = {person: rng.normal(scale=8, size=n_features) for person in np.unique(PEOPLE)}
    offsets = np.array([own[person] for person in PEOPLE])
    return rng.normal(scale=0.3, size=(80, n_features)) + STATES[:, None] + offsets


def table_means(X, people):
    """Each row less the mean of its person, by pandas."""
    frame = pd.DataFrame(X)
    return (frame - frame.groupby(np.asarray(people)).transform("mean")).to_numpy()


def routed(model, X, people, y=STATES):
    """A pipeline fitted and scored on the same people, whom routing passes on."""
    with config_context(enable_metadata_routing=True):
        return model.fit(X, y, subjects=people).score(X, y, subjects=people)


def test_check_estimator__without_names__passes():
    check_estimator(SubjectCentering(missing="one"))


def test_transform__people_in_any_order__means_as_pandas_has_them():
    X, order = made(), np.random.default_rng(1).permutation(80)
    centering = SubjectCentering().fit(X, subjects=PEOPLE)
    expected = table_means(X, PEOPLE)
    assert np.allclose(centering.transform(X, subjects=PEOPLE), expected)
    assert np.allclose(centering.transform(X[order], subjects=PEOPLE[order]), expected[order])
    assert np.allclose(centering.center_, X.mean(0))
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    with_names = clone(centering).set_output(transform="pandas").fit(frame, subjects=PEOPLE)
    found = with_names.transform(frame, subjects=pd.Series(PEOPLE))
    assert list(found.columns) == ["a", "b", "c"]
    assert np.allclose(found, expected)


def test_transform__other_people_in_the_call__change_nothing():
    X = made()
    centering = SubjectCentering().fit(X, subjects=PEOPLE)
    whole = centering.transform(X, subjects=PEOPLE)
    for person in np.unique(PEOPLE):
        rows = person == PEOPLE
        assert np.array_equal(centering.transform(X[rows], subjects=PEOPLE[rows]), whole[rows])


def test_transform__few_windows__mean_is_drawn_towards_that_of_the_training_people():
    X = made()
    centering = SubjectCentering(min_windows=5).fit(X, subjects=PEOPLE)
    X_new = np.array([[3.0, 5.0, 7.0], [4.0, 6.0, 9.0]])
    with pytest.warns(EEGWarning, match=r"min_windows=5 windows of 'new' \(2\)"):
        found = centering.transform(X_new, subjects=["new", "new"])
    mean_of_people = pd.DataFrame(X).groupby(PEOPLE).mean().mean().to_numpy()
    assert np.allclose(found, X_new - (2 / 3 * X_new.mean(0) + 1 / 3 * mean_of_people))


def test_center__people_with_more_windows__count_no_more():
    X, people = np.array([[0.0]] * 30 + [[6.0]] * 10), ["many"] * 30 + ["few"] * 10
    assert SubjectCentering().fit(X, subjects=people).center_ == 3.0


def test_pipeline__routing__one_threshold_fits_everybody():
    X = made()
    plain = make_pipeline(LogisticRegression()).fit(X, STATES).score(X, STATES)
    assert plain < 0.8
    assert routed(make_pipeline(SubjectCentering(), LogisticRegression()), X, PEOPLE) > 0.95


def test_cross_validation__routing_without_a_scorer__people_reach_both_sides():
    model = make_pipeline(SubjectCentering(), LogisticRegression())
    with config_context(enable_metadata_routing=True):
        scores = cross_validate(
            model,
            made(),
            STATES,
            cv=LeaveOneGroupOut(),
            params={"subjects": PEOPLE, "groups": PEOPLE},
        )["test_score"]
        search = GridSearchCV(model, {"subjectcentering__min_windows": [1, 10]}, cv=GroupKFold(2))
        search.fit(made(), STATES, subjects=PEOPLE, groups=PEOPLE)
    assert scores.min() > 0.9
    assert search.best_score_ > 0.9


def test_cross_validation__scorer_by_name__error_says_what_to_do():
    model = make_pipeline(SubjectCentering(), LogisticRegression())
    with config_context(enable_metadata_routing=True), pytest.raises(ValueError, match="by name"):
        cross_validate(
            *(model, made(), STATES),
            cv=LeaveOneGroupOut(),
            params={"subjects": PEOPLE, "groups": PEOPLE},
            scoring="roc_auc",
            error_score="raise",
        )


def test_labels_permuted_within_people__score_of_unseen_people__chance():
    X, aucs = made(n_features=8), []
    rng = np.random.default_rng(0)
    for _ in range(20):
        y = STATES.copy()
        for person in np.unique(PEOPLE):
            rows = np.flatnonzero(person == PEOPLE)
            y[rows] = y[rng.permutation(rows)]
        train = np.isin(PEOPLE, ["ada", "bob"])
        centering = SubjectCentering().fit(X[train], subjects=PEOPLE[train])
        fitted = LogisticRegression().fit(
            centering.transform(X[train], subjects=PEOPLE[train]), y[train]
        )
        rest = centering.transform(X[~train], subjects=PEOPLE[~train])
        aucs.append(roc_auc_score(y[~train], fitted.decision_function(rest)))
    assert abs(np.mean(aucs) - 0.5) < 3 * np.std(aucs) / np.sqrt(len(aucs))


def test_calibration__earlier_windows__center_later_ones():
    X = made()
    early = np.arange(80) % 20 < 10
    centering = SubjectCentering().fit(X, subjects=PEOPLE, calibration=(X[early], PEOPLE[early]))
    found = centering.transform(X[[15, 35]], subjects=PEOPLE[[15, 35]])
    expected = [X[15] - X[:10].mean(0), X[35] - X[20:30].mean(0)]
    assert np.allclose(found, expected)
    with pytest.raises(InvalidEEGError, match="no calibration windows of 'new'"):
        centering.transform(X[:3], subjects=["new"] * 3)
    centering.calibrate(X[:20] + 1, subjects=["new"] * 20)
    assert np.allclose(centering.transform(X[:1], subjects=["new"]), X[:1] - X[:20].mean(0) - 1)


def test_calibration__of_the_people_predicted_for__keeps_those_of_fit():
    X = made()
    train = PEOPLE != "kai"
    centering = SubjectCentering().fit(
        X[train], subjects=PEOPLE[train], calibration=(X[~train], PEOPLE[~train])
    )
    assert set(centering.subject_centers_) == set(PEOPLE)
    assert np.allclose(centering.transform(X, subjects=PEOPLE), table_means(X, PEOPLE))


def test_missing_one__windows_without_a_name__are_of_the_person_of_fit():
    X = made()
    centering = SubjectCentering(missing="one").fit(X)
    assert np.allclose(centering.transform(X[:1]), X[:1] - X.mean(0))
    later = pickle.loads(pickle.dumps(centering))
    assert np.array_equal(later.transform(X[:1]), centering.transform(X[:1]))
    mixed = SubjectCentering(missing="one").fit(X, subjects=[None] * 20 + ["bob"] * 60)
    found = mixed.transform(X[:30], subjects=[None] * 20 + ["bob"] * 10)
    assert np.allclose(found[:20], X[:20] - X[:20].mean(0))
    assert np.allclose(found[20:], X[20:30] - X[20:30].mean(0))


def test_fit__one_class_for_each_person__says_that_centering_removes_it():
    diagnosis = np.isin(PEOPLE, ["ada", "bob"]).astype(int)
    with pytest.warns(EEGWarning, match="removes what you want to predict"):
        SubjectCentering().fit(made(), diagnosis, subjects=PEOPLE)


@pytest.mark.filterwarnings("error")
def test_fit__classes_within_people_or_numbers__nothing_is_said():
    for y in (STATES, np.linspace(0, 1, 80), None, np.stack([STATES, STATES], 1)):
        SubjectCentering().fit(made(), y, subjects=PEOPLE)


def test_fit__some_windows_without_a_label__warned_by_the_others_or_not():
    diagnosis = np.array([None] * 3 + ["well"] * 77, dtype=object)
    diagnosis[np.asarray(PEOPLE) == PEOPLE[-1]] = "ill"
    with pytest.warns(EEGWarning, match="removes what you want to predict"):
        SubjectCentering().fit(made(), diagnosis, subjects=PEOPLE)
    for y in ([None] * 80, ["well", 1] * 40):
        assert hasattr(SubjectCentering().fit(made(), y, subjects=PEOPLE), "center_")


BAD = {
    "none": (None, "the subjects of the windows are unknown. Pass subjects="),
    "nan": ([np.nan, *PEOPLE[1:]], r"1 of 80 windows \(row 0\)"),
    "pandas_na": ([*PEOPLE[:79], pd.NA], r"1 of 80 windows \(row 79\)"),
    "empty_text": (["", *PEOPLE[1:]], r"1 of 80 windows \(row 0\)"),
    "too_few": (PEOPLE[:79], "79 subjects were given for 80 windows"),
    "text": ("ada", "subjects='ada' was given; expected a list"),
    "number": (3, "subjects=3 was given; expected a list"),
    "columns": (PEOPLE.reshape(40, 2), r"shape \(40, 2\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_subjects__of_no_use__fit_and_transform_say_why(name):
    subjects, message = BAD[name]
    with pytest.raises(InvalidEEGError, match=message):
        SubjectCentering().fit(made(), subjects=subjects)
    with pytest.raises(InvalidEEGError, match=message):
        SubjectCentering().fit(made(), subjects=PEOPLE).transform(made(), subjects=subjects)


def test_parameters__of_no_use__errors():
    for params, message in (
        ({"min_windows": 0}, "min_windows=0 was given"),
        ({"missing": "drop"}, "missing='drop' was given; expected 'error' or 'one'"),
    ):
        with pytest.raises(ValueError, match=message):
            SubjectCentering(**params).fit(made(), subjects=PEOPLE)
    with pytest.raises(ValueError, match="expected a tuple of features"):
        SubjectCentering().fit(made(), subjects=PEOPLE, calibration=made())


def test_names__numbers_of_numpy_and_of_python__one_person():
    X = made()
    numbers = np.repeat([1, 2, 3, 4], 20)
    centering = SubjectCentering().fit(X, subjects=numbers, calibration=(X, numbers.tolist()))
    assert np.allclose(
        centering.transform(X, subjects=numbers.astype(float)), table_means(X, numbers)
    )
