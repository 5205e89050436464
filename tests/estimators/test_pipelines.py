"""Inside scikit-learn's machinery: clone, pipelines, grid searches."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tiny import CH_NAMES, NAMES, TRAINED, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import BrainRVQEmbedder, CodeHistogram


def make_alpha_task(n_epochs=40, seed=0):
    """Noise, with a strong alpha wave in every epoch of the class "rest"."""
    rng = np.random.default_rng(seed)
    X = rng.normal(scale=10, size=(n_epochs, 4, 400))
    y = np.array(["rest", "task"] * (n_epochs // 2))
    phase = rng.uniform(0, 2 * np.pi, size=(n_epochs, 4, 1))
    alpha = 30 * np.sin(2 * np.pi * 10 * np.arange(400) / 200 + phase)
    return X + alpha * (y == "rest")[:, None, None], y


def test_grid_search__weights_and_pooling__in_two_processes():
    X, y = make_alpha_task()
    models = [fitted("pretrainer").weights_, fitted("tokenizer").weights_]
    embedder = BrainRVQEmbedder(
        weights=models[0], architecture="tiny", sfreq=200, ch_names=CH_NAMES, random_state=0
    )
    pipeline = make_pipeline(embedder, StandardScaler(), LogisticRegression())
    grid = {
        "brainrvqembedder__weights": models,
        "brainrvqembedder__pooling": ["mean", "channel", "cls"],
    }
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert search.best_score_ > 0.8
    assert search.best_params_["brainrvqembedder__weights"] in models
    assert search.predict(X).shape == (40,)
    serial = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], serial.cv_results_["mean_test_score"], atol=0.05
    )


def test_pipeline__codes_to_counts_to_regression__predicts_labels():
    tokenizer = tiny("tokenizer", max_epochs=10, batch_size=8)
    pipeline = make_pipeline(tokenizer, CodeHistogram(), LogisticRegression())
    pipeline.fit(*make_alpha_task())
    X, y = make_alpha_task(seed=1)
    assert pipeline.score(X, y) > 0.8
    assert set(pipeline.predict(X)) == {"rest", "task"}


def test_tokenizer__5d_output__defines_no_feature_names():
    assert not hasattr(fitted("tokenizer"), "get_feature_names_out")


@pytest.mark.parametrize("name", NAMES)
def test_clone__with_weights__keeps_the_very_weights(name):
    source = {"tokenizer": "tokenizer", "pretrainer": "pretrainer"}.get(name, "pretrainer")
    weights = fitted(source).weights_
    estimator = tiny(name, weights=weights)
    assert clone(estimator).weights is weights
    assert clone(make_pipeline(estimator))[0].weights is weights


def test_clone__pretrainer_with_tokenizer__keeps_the_very_tokenizer():
    weights = fitted("tokenizer").weights_
    assert clone(tiny("pretrainer", tokenizer=weights)).tokenizer is weights


@pytest.mark.parametrize("name", NAMES)
def test_get_params__other_weights__other_repr(name):
    kind = {"tokenizer": "tokenizer", "pretrainer": "pretrainer"}.get(name, "pretrainer")
    weights = fitted(kind).weights_
    others = fit(tiny(kind, random_state=1), make_eeg()).weights_
    estimator = tiny(name, weights=weights)
    same = repr(tiny(name, weights=weights).get_params())
    assert repr(estimator.get_params()) == same
    assert repr(estimator.set_params(weights=others).get_params()) != same
    assert weights.digest in same


@pytest.mark.parametrize("name", NAMES)
def test_fit__any_estimator__leaves_its_parameters_alone(name):
    estimator = tiny(name)
    before = repr(estimator.get_params())
    fit(estimator, make_eeg())
    assert repr(estimator.get_params()) == before


@pytest.mark.parametrize("name", NAMES)
def test_refit__other_channels__forgets_the_first_fit(name):
    estimator = fit(tiny(name), make_eeg(seed=5))
    estimator.set_params(ch_names=["C3", "C4"])
    X = make_eeg(n_channels=2)
    fit(estimator, X)
    fresh = fit(tiny(name, ch_names=["C3", "C4"]), X)
    assert estimator.n_channels_in_ == estimator.n_features_in_ == 2
    assert estimator.ch_names_in_ == ["C3", "C4"]
    assert estimator.weights_ == fresh.weights_


@pytest.mark.parametrize(
    ("pooling", "width", "first", "last"),
    [
        ("mean", 100, "brainrvqembedder0", "brainrvqembedder99"),
        ("cls", 100, "brainrvqembedder0", "brainrvqembedder99"),
        ("mean_std", 200, "mean_0", "std_99"),
        ("mean_cls", 200, "mean_0", "cls_99"),
        ("channel", 400, "Fp1_0", "O2_99"),
    ],
)
def test_set_output__each_pooling__named_columns(pooling, width, first, last):
    import pandas as pd

    embedder = tiny("embedder", pooling=pooling).set_output(transform="pandas")
    frame = embedder.fit_transform(make_eeg())
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (12, width)
    names = embedder.get_feature_names_out()
    assert list(frame.columns) == list(names)
    assert (names[0], names[-1]) == (first, last)
    assert len(set(names)) == width
    plain = tiny("embedder", pooling=pooling).fit_transform(make_eeg())
    np.testing.assert_array_equal(frame.to_numpy(), plain)


def test_feature_names__channels_without_names__are_numbered():
    embedder = tiny("embedder", pooling="channel", ch_names=None).fit(make_eeg())
    names = embedder.get_feature_names_out()
    assert (names[0], names[-1]) == ("channel0_0", "channel3_99")


def test_pooling_none__names__clear_error_and_4d_result():
    embedder = tiny("embedder", pooling="none").fit(make_eeg())
    assert embedder.transform(make_eeg()).shape == (12, 4, 3, 100)
    with pytest.raises(ValueError, match=r"pooling='none' gives .*Choose another pooling"):
        embedder.get_feature_names_out()


@pytest.mark.parametrize("labels", [["rest", "task"], [3, 7], [False, True], [-1.0, 1.0]])
def test_classifier__any_kind_of_label__comes_back(labels):
    y = np.array(labels * 6)
    classifier = tiny("classifier").fit(make_eeg(), y)
    predicted = classifier.predict(make_eeg())
    assert classifier.classes_.tolist() == labels
    assert predicted.dtype == y.dtype
    assert set(predicted.tolist()) <= set(labels)
    np.testing.assert_allclose(classifier.predict_proba(make_eeg()).sum(1), 1)


@pytest.mark.parametrize("class_weight", ["balanced", {"rest": 1, "task": 50}])
def test_class_weight__towards_a_rare_class__raises_its_probability(class_weight):
    X = make_eeg(n_epochs=20)
    y = np.array(["rest"] * 17 + ["task"] * 3)
    settings = {"max_epochs": 5, "lr": 1e-3, "drop_path": 0.0}
    plain = tiny("classifier", **settings).fit(X, y)
    weighted = tiny("classifier", class_weight=class_weight, **settings).fit(X, y)
    assert weighted.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.1


def test_class_weight__unknown_class__names_it():
    with pytest.raises(ValueError, match=r"class_weight names \['sleep'\]"):
        tiny("classifier", class_weight={"sleep": 2}).fit(make_eeg(), make_labels())


@pytest.mark.parametrize("name", TRAINED)
def test_verbose__1__shows_a_progress_bar_and_0_shows_nothing(name, capsys):
    fit(tiny(name), make_eeg())
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    held_out = (make_eeg(4, seed=1), make_labels(4))
    fit(tiny(name, verbose=1, validation=held_out), make_eeg())
    shown = capsys.readouterr().err.rstrip().split("\r")[-1]
    own = {"tokenizer": ["waveform", "perplexity"], "pretrainer": ["accuracies"], "classifier": []}
    figures = ["epoch", "train_loss", "valid_loss", *own[name]]
    for text in ["100%", *(f"{figure}=" for figure in figures)]:
        assert text in shown
