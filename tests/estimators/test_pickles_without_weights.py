"""Pickles of estimators that name their weights in place of holding them."""

import copy
import gc
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tiny import apply, fit, fitted, make_eeg, make_labels, tiny

from sk_brainrvq import Weights
from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights import bundled_weights

SMALL = 20_000
SIZES = {"architecture": None}


@pytest.fixture
def saved(tmp_path):
    """Folder of a saved tokenizer and, within it, one of a saved pretrainer."""
    fitted("tokenizer").save_pretrained(tmp_path / "model")
    fitted("pretrainer").save_pretrained(tmp_path / "model" / "pretrainer")
    return tmp_path / "model"


def outside(path):
    return Weights(path, in_pickle=False)


def test_nothing_trained__pickled__is_small_and_does_the_same(saved):
    estimators = [
        tiny("embedder", weights=outside(saved), **SIZES),
        tiny("tokenizer", weights=outside(saved), **SIZES, max_epochs=None),
        tiny(
            "pretrainer",
            weights=outside(saved / "pretrainer"),
            tokenizer=outside(saved),
            **SIZES,
            max_epochs=None,
        ),
    ]
    for estimator in estimators:
        expected = apply(estimator.fit(make_eeg()), make_eeg())
        pickled = pickle.dumps(estimator)
        assert len(pickled) < SMALL, type(estimator).__name__
        for again in (pickle.loads(pickled), copy.deepcopy(estimator)):
            np.testing.assert_array_equal(apply(again, make_eeg()), expected)
            assert again.weights_ == estimator.weights_
            assert again.weights.in_pickle is False


def test_classifier__pickled__holds_what_was_trained(saved):
    sizes = {}
    for strategy in ("full", "frozen"):
        classifier = tiny("classifier", weights=outside(saved), **SIZES, strategy=strategy)
        expected = apply(fit(classifier, make_eeg()), make_eeg())
        pickled = pickle.dumps(classifier)
        np.testing.assert_array_equal(apply(pickle.loads(pickled), make_eeg()), expected)
        sizes[strategy] = len(pickled)
    assert sizes["frozen"] < SMALL < sizes["full"]


def test_network_changed_by_hand__pickled__keeps_the_change(saved):
    embedder = tiny("embedder", weights=outside(saved), **SIZES).fit(make_eeg())
    embedder.net_.module_.norm.weight.data *= 2
    again = pickle.loads(pickle.dumps(embedder))
    np.testing.assert_array_equal(apply(again, make_eeg()), apply(embedder, make_eeg()))


def test_pipeline__joblib_and_clone__do_the_same(saved, tmp_path):
    X, y = make_eeg(), make_labels()
    pipeline = make_pipeline(
        tiny("embedder", weights=outside(saved), **SIZES), LogisticRegression()
    )
    expected = pipeline.fit(X, y).predict_proba(X)
    (path,) = joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    assert (tmp_path / "pipeline.joblib").stat().st_size < SMALL
    np.testing.assert_array_equal(joblib.load(path).predict_proba(X), expected)
    assert clone(pipeline)[0].weights is pipeline[0].weights


def test_bundled_weights__by_name__are_found_wherever_the_package_is():
    pickled = pickle.dumps(outside("default"))
    assert len(pickled) < 200
    assert str(Weights.__module__).encode() not in pickled
    assert pickle.loads(pickled) == bundled_weights("small-2026.12")


def test_many_pickles__loaded__share_the_weights(saved):
    pickles = [pickle.dumps(tiny("embedder", weights=outside(saved))) for _ in range(3)]
    loaded = [pickle.loads(pickled).weights for pickled in pickles]
    assert loaded[0] is loaded[1] is loaded[2]


def test_relative_path__folder_moved_with_the_pickle__is_found(saved, monkeypatch):
    monkeypatch.chdir(saved.parent)
    pickled = pickle.dumps(outside("model"))
    elsewhere = saved.parent / "elsewhere"
    elsewhere.mkdir()
    saved.rename(elsewhere / "model")
    monkeypatch.chdir(elsewhere)
    assert pickle.loads(pickled) == fitted("tokenizer").weights_


def test_weights__gone_or_others__are_refused_by_name_and_digest(saved):
    embedder = tiny("embedder", weights=outside(saved), **SIZES).fit(make_eeg())
    digest, pickled = embedder.weights.digest, pickle.dumps(embedder)
    del embedder
    gc.collect()
    other = tiny("tokenizer", random_state=1).fit(make_eeg())
    other.save_pretrained(saved)
    with pytest.raises(CheckpointError, match=rf"{digest}.*{saved} holds others, with the digest"):
        pickle.loads(pickled)
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=rf"{digest}.*No checkpoint at {saved}.*back there"):
        pickle.loads(pickled)


def test_in_pickle__no_flag__is_refused():
    with pytest.raises(ValueError, match="in_pickle='no' was given; expected True or False"):
        Weights("default", in_pickle="no")
