"""scikit-learn's own checks with other strategies and heads than the default."""

import pytest
from sklearn_checks import FINE_TUNED, assert_fine_tuned

from sk_brainrvq import BrainRVQClassifier, BrainRVQRegressor

BRIEF = {**FINE_TUNED, "max_epochs": 4, "batch_size": 64}


@pytest.mark.parametrize(
    ("estimator", "fewest"),
    [
        (BrainRVQClassifier(strategy="frozen", head="attention", **BRIEF), 60),
        (BrainRVQRegressor(head="flatten", **BRIEF), 58),
    ],
    ids=["frozen attention", "flatten"],
)
def test_check_estimator__strategy_or_head__passes(estimator, fewest, monkeypatch):
    assert_fine_tuned(estimator, fewest, monkeypatch)
