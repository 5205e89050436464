"""scikit-learn's own checks, all of them."""

import collections
import warnings

import pytest
from sklearn.utils.estimator_checks import check_estimator

from sk_brainrvq import (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    CodeHistogram,
    DDRVQTransformer,
)

TINY = {"architecture": "tiny", "random_state": 0}


@pytest.mark.parametrize(
    ("estimator", "fewest"),
    [
        (BrainRVQClassifier(weights=None, max_epochs=20, lr=2e-3, **TINY), 50),
        (DDRVQTransformer(max_epochs=1, **TINY), 44),
        (BrainRVQPretrainer(max_epochs=1, tokenizer_max_epochs=1, **TINY), 44),
        (BrainRVQEmbedder(weights=None, **TINY), 44),
        (CodeHistogram(), 44),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else str(value),
)
def test_check_estimator__every_check__passes(estimator, fewest, monkeypatch):
    # Without this variable one check is skipped.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(estimator, on_fail=None)
    others = [
        (result["check_name"], result["status"], result["exception"])
        for result in results
        if result["status"] != "passed"
    ]
    counts = collections.Counter(result["status"] for result in results)
    assert others == []
    assert counts["passed"] >= fewest
    assert not any(result["expected_to_fail"] for result in results)


@pytest.mark.parametrize(
    "estimator",
    [BrainRVQClassifier(), DDRVQTransformer(), BrainRVQPretrainer(), BrainRVQEmbedder()],
    ids=lambda estimator: type(estimator).__name__,
)
def test_tags__eeg_estimators__switch_no_check_off(estimator):
    tags = estimator.__sklearn_tags__()
    assert not tags._skip_test
    assert not tags.no_validation
    assert not tags.non_deterministic
    assert tags.input_tags.three_d_array
    assert tags.input_tags.two_d_array
