"""How scikit-learn's checks are run and judged."""

import warnings

from sklearn.utils.estimator_checks import check_estimator

from sk_brainrvq import Architecture

TINY = {"architecture": "tiny", "random_state": 0}
CODES = {
    **TINY,
    "architecture": Architecture(
        "tiny", depth=1, decoder_depth=1, codebook_size=16, n_quantizers=2
    ),
    "batch_size": 64,
}
FINE_TUNED = {
    **TINY,
    "architecture": Architecture("tiny", depth=1),
    "weights": None,
    "batch_size": 64,
    "lr": 5e-3,
}
# scikit-learn expects the same of its own estimators that train on mini-batches: weighting an
# epoch is drawing it more often on average only, and in float32 the check's 1e-7 is out of reach.
NOT_EQUIVALENT = {
    "check_sample_weight_equivalence_on_dense_data": (
        "sample_weight is not equivalent to removing/repeating samples in mini-batches."
    )
}


def run_checks(estimator, monkeypatch, expected_failed_checks=None):
    """Results of all checks."""
    # Without this variable one check is skipped.
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return check_estimator(
            estimator, on_fail=None, expected_failed_checks=expected_failed_checks
        )


def assert_all_passed(results, fewest):
    """Every check passed, and none is missing."""
    others = [
        (result["check_name"], result["status"], result["exception"])
        for result in results
        if result["status"] != "passed"
    ]
    assert others == []
    assert len(results) >= fewest


def assert_fine_tuned(estimator, fewest, monkeypatch):
    """Every check passes but the one that no mini-batch training passes."""
    results = run_checks(estimator, monkeypatch, NOT_EQUIVALENT)
    failed = [r for r in results if r["check_name"] in NOT_EQUIVALENT]
    assert [result["status"] for result in failed] == ["xfail"]
    assert_all_passed([r for r in results if r not in failed], fewest)
