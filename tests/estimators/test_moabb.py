"""What MOABB asks of estimators: keywords of fit, results that are cached, models that load."""

import pickle

import mne
import numpy as np
import pytest
from moabb.datasets.fake import FakeDataset
from moabb.evaluations import CrossSubjectEvaluation, WithinSessionEvaluation
from moabb.paradigms import LeftRightImagery
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import CH_NAMES, ESTIMATORS, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder, BrainRVQPretrainer, Weights
from sk_brainrvq.datasets import load_moabb_model

UNLABELLED = ["tokenizer", "pretrainer"]
LABELLED = ["classifier", "regressor"]


def targets(name, n_epochs=12):
    return make_labels(n_epochs) if name == "classifier" else np.arange(float(n_epochs))


def make_epochs(data):
    info = mne.create_info(CH_NAMES, 200, "eeg")
    return mne.EpochsArray(data * 1e-6, info, verbose="error")


def evaluate(pipelines, folder, evaluation=CrossSubjectEvaluation, **settings):
    """Results on three subjects of noise."""
    dataset = FakeDataset(
        ["left_hand", "right_hand"],
        n_sessions=1,
        n_runs=1,
        n_subjects=3,
        duration=40,
        n_events=12,
        channels=["C3", "Cz", "C4"],
        seed=0,
    )
    paradigm = LeftRightImagery(resample=200, tmax=1.995)
    param_grid = settings.pop("param_grid", None)
    run = evaluation(paradigm, [dataset], hdf5_path=str(folder), **settings)
    return run.process(pipelines, param_grid=param_grid)


def for_moabb(name, **params):
    return tiny(name, ch_names=["C3", "Cz", "C4"], **params)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_is_fitted__each_estimator__said_by_the_class(name):
    assert "__sklearn_is_fitted__" not in vars(tiny(name))
    assert not tiny(name).__sklearn_is_fitted__()
    fitted_one = tiny(name).fit(make_eeg(), targets(name))
    assert fitted_one.__sklearn_is_fitted__()


@pytest.mark.parametrize("name", ["classifier", "pretrainer"])
def test_subjects__with_a_validation_share__are_groups(name):
    subjects = np.repeat([1, 2, 3], 4)
    y = np.array(["rest", "rest", "task", "task"] * 3)
    grouped = tiny(name, validation=0.3).fit(make_eeg(), y, groups=subjects)
    named = tiny(name, validation=0.3).fit(make_eeg(), y, subjects=subjects)
    both = tiny(name, validation=0.3).fit(make_eeg(), y, groups=subjects, subjects=subjects)
    apart = tiny(name, validation=0.3).fit(make_eeg(), y)
    assert named.weights_ == grouped.weights_ == both.weights_
    assert named.weights_ != apart.weights_


@pytest.mark.parametrize("name", UNLABELLED + LABELLED)
def test_subjects__other_than_groups__clear_error(name):
    with pytest.raises(ValueError, match=r"groups and subjects were given and differ"):
        tiny(name).fit(make_eeg(), targets(name), groups=[0] * 12, subjects=[1] * 12)


@pytest.mark.parametrize(
    ("name", "kind"), [("tokenizer", "array"), ("pretrainer", "epochs"), ("tokenizer", "trials")]
)
def test_unlabelled_target__any_container__is_trained_on_as_well(name, kind):
    X, extra = make_eeg(), make_eeg(4, seed=1)
    expected = tiny(name).fit(np.concatenate([X, extra]))
    if kind != "array":
        X, extra = make_epochs(X), make_epochs(extra)
    if kind == "trials":  # what scikit-learn's indexing makes of Epochs
        X, extra = [X[i] for i in range(12)], [extra[i] for i in range(4)]
    estimator = tiny(name).fit(X, X_target_unlabeled=extra)
    assert estimator.weights_ != tiny(name).fit(X).weights_
    if kind == "array":
        assert estimator.weights_ == expected.weights_
    found = estimator.weights_.module().state_dict()
    for key, value in expected.weights_.module().state_dict().items():
        np.testing.assert_allclose(found[key], value, atol=1e-3, err_msg=key)


@pytest.mark.parametrize("name", LABELLED)
def test_labelled_target__weights_and_groups__as_one_more_subject(name):
    y, extra_y = targets(name), targets(name)[:4]
    X, extra = make_eeg(), make_eeg(4, seed=1)
    weight, groups = np.arange(1.0, 13.0), np.repeat(["a", "b", "c"], 4)
    joined = tiny(name, validation=0.3).fit(
        np.concatenate([X, extra]),
        np.concatenate([y, extra_y]),
        sample_weight=np.append(weight, np.ones(4)),
        groups=np.append(groups, ["d"] * 4),
    )
    routed = tiny(name, validation=0.3).fit(
        X,
        y,
        sample_weight=weight,
        subjects=groups,
        X_target_labeled=extra,
        y_target_labeled=extra_y,
    )
    assert routed.weights_ == joined.weights_
    assert (
        routed.weights_
        != tiny(name, validation=0.3).fit(X, y, sample_weight=weight, groups=groups).weights_
    )


def test_labelled_target__epochs__are_trained_on_as_well():
    X, extra = make_eeg(), make_eeg(4, seed=1)
    joined = tiny("classifier").fit(np.concatenate([X, extra]), [*make_labels(), *make_labels(4)])
    routed = tiny("classifier").fit(
        make_epochs(X),
        make_labels(),
        X_target_labeled=make_epochs(extra),
        y_target_labeled=make_labels(4),
    )
    np.testing.assert_allclose(routed.predict_proba(X), joined.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    ("extra", "labels", "message"),
    [
        (make_eeg(4), make_labels(3), "3 labels, but X_target_labeled has 4 epochs"),
        (make_eeg(4), None, "0 labels, but X_target_labeled has 4 epochs"),
        (None, make_labels(3), "3 labels, but X_target_labeled has 0 epochs"),
        (make_eeg(4, n_channels=3), make_labels(4), r"has shape \(4, 3, 600\) and X has"),
        ("eeg.edf", make_labels(4), "is a str; expected an array or mne.Epochs"),
    ],
)
def test_labelled_target__that_does_not_fit__clear_error(extra, labels, message):
    with pytest.raises(ValueError, match=message):
        tiny("classifier").fit(
            make_eeg(), make_labels(), X_target_labeled=extra, y_target_labeled=labels
        )


RECEIVED = []


class RecordingClassifier(BrainRVQClassifier):
    """Notes what it is handed."""

    def fit(self, X, y=None, *, subjects=None, X_target_labeled=None, y_target_labeled=None):
        RECEIVED.append((len(X), subjects, X_target_labeled, y_target_labeled))
        return super().fit(
            X,
            y,
            subjects=subjects,
            X_target_labeled=X_target_labeled,
            y_target_labeled=y_target_labeled,
        )


class RecordingPretrainer(BrainRVQPretrainer):
    """Notes what it is handed."""

    def fit(self, X, y=None, *, subjects=None, X_target_unlabeled=None):
        RECEIVED.append((len(X), subjects, X_target_unlabeled, None))
        return super().fit(X, subjects=subjects, X_target_unlabeled=X_target_unlabeled)


@pytest.mark.parametrize("return_epochs", [False, True])
@pytest.mark.parametrize("labelled", [True, False])
def test_calibration__estimators_that_ask_for_it__get_the_targets_trials(
    moabb_folder, labelled, return_epochs
):
    params = for_moabb("classifier" if labelled else "pretrainer").get_params(deep=False)
    with config_context(enable_metadata_routing=True):
        if labelled:
            asked = {"subjects": True, "X_target_labeled": True, "y_target_labeled": True}
            pipeline = make_pipeline(RecordingClassifier(**params).set_fit_request(**asked))
        else:
            asked = {"subjects": True, "X_target_unlabeled": True}
            pretrainer = RecordingPretrainer(**params).set_fit_request(**asked)
            pipeline = make_pipeline(pretrainer, LogisticRegression())
    RECEIVED.clear()
    results = evaluate(
        {"calibrated": pipeline},
        moabb_folder,
        cv_kwargs={"calibration_size": 0.5, "calibration_labeled": labelled},
        return_epochs=return_epochs,
    )
    assert results.samples_test.tolist() == [6, 6, 6]
    for held_out, (n_epochs, subjects, X_target, y_target) in enumerate(RECEIVED, start=1):
        assert n_epochs == 24
        assert set(subjects) == {1, 2, 3} - {held_out}
        assert len(X_target) == 6
        assert y_target is None if not labelled else len(y_target) == 6
    assert len(RECEIVED) == 3


def test_cache__other_weights_under_the_same_name__are_computed(moabb_folder, tmp_path):
    def results(weights):
        embedder = for_moabb("embedder", weights=weights)
        return evaluate({"same": make_pipeline(embedder, LogisticRegression())}, moabb_folder)

    first = fitted("pretrainer").weights_
    second = fit(tiny("pretrainer", random_state=1), make_eeg()).weights_
    computed, again, other = results(first), results(first), results(second)
    # A training time that is the same to the last digit was not measured again.
    assert computed.time.tolist() == again.time.tolist()
    assert len(other) == 3
    assert not set(other.time) & set(computed.time)
    first.save(tmp_path / "model")
    second.save(tmp_path / "other" / "model")
    assert repr(Weights(tmp_path / "model")) != repr(Weights(tmp_path / "other" / "model"))


def files_of(folder):
    found = sorted(folder.rglob("fitted_model_*.pkl"))
    assert found
    return found


@pytest.mark.parametrize("evaluation", [CrossSubjectEvaluation, WithinSessionEvaluation])
def test_saved_models__pipeline_of_our_estimators__load_with_pickle(moabb_folder, evaluation):
    pipelines = {"fine-tuned": make_pipeline(for_moabb("classifier"))}
    evaluate(pipelines, moabb_folder, evaluation, save_model=True)
    X = make_eeg(3, n_channels=3)
    for file in files_of(moabb_folder):
        model = pickle.loads(file.read_bytes())
        assert model.predict_proba(X).shape == (3, 2)
        assert model[-1].__sklearn_is_fitted__()


@pytest.mark.parametrize("param_grid", [None, {"embedding": {"logisticregression__C": [0.1, 1]}}])
def test_saved_models__with_estimators_of_scikit_learn__load_with_our_loader(
    moabb_folder, param_grid
):
    pipeline = make_pipeline(for_moabb("embedder"), LogisticRegression())
    evaluate({"embedding": pipeline}, moabb_folder, save_model=True, param_grid=param_grid)
    X = make_eeg(3, n_channels=3)
    for file in files_of(moabb_folder):
        with pytest.raises(AttributeError, match="_sklearn_is_fitted_true"):
            pickle.loads(file.read_bytes())
        model = load_moabb_model(file)
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    best = model if param_grid is None else model.best_estimator_
    assert isinstance(best[0], BrainRVQEmbedder)
