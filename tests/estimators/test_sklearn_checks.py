"""scikit-learn's own checks, all of them."""

import pytest
from sklearn_checks import (
    CODES,
    FINE_TUNED,
    TINY,
    assert_all_passed,
    assert_fine_tuned,
    run_checks,
)

from sk_brainrvq import (
    BrainRVQClassifier,
    BrainRVQEmbedder,
    BrainRVQPretrainer,
    BrainRVQRegressor,
    CodeHistogram,
    DDRVQTransformer,
)


@pytest.mark.parametrize(
    "estimator",
    [
        DDRVQTransformer(max_epochs=1, **CODES),
        BrainRVQPretrainer(max_epochs=1, tokenizer_max_epochs=1, **CODES),
        BrainRVQEmbedder(weights=None, **TINY),
        CodeHistogram(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_check_estimator__every_check__passes(estimator, monkeypatch):
    assert_all_passed(run_checks(estimator, monkeypatch), fewest=44)


@pytest.mark.parametrize(
    ("estimator", "fewest"),
    [
        (BrainRVQClassifier(max_epochs=3, **FINE_TUNED), 60),
        (BrainRVQRegressor(max_epochs=5, **FINE_TUNED), 58),
    ],
    ids=["classifier", "regressor"],
)
def test_check_estimator__fine_tuned__passes_all_but_equivalence_of_weights(
    estimator, fewest, monkeypatch
):
    assert_fine_tuned(estimator, fewest, monkeypatch)


@pytest.mark.parametrize(
    "estimator",
    [
        BrainRVQClassifier(),
        BrainRVQRegressor(),
        DDRVQTransformer(),
        BrainRVQPretrainer(),
        BrainRVQEmbedder(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_tags__eeg_estimators__switch_no_check_off(estimator):
    tags = estimator.__sklearn_tags__()
    assert not tags._skip_test
    assert not tags.no_validation
    assert not tags.non_deterministic
    assert tags.input_tags.three_d_array
    assert tags.input_tags.two_d_array
    if tags.regressor_tags is not None:
        assert not tags.regressor_tags.poor_score
    if tags.classifier_tags is not None:
        assert not tags.classifier_tags.poor_score
