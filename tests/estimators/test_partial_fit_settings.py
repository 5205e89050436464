"""partial_fit heeds the engine, and refuses what one pass cannot heed."""

import numpy as np
import pytest
from skorch.callbacks import EpochTimer
from tiny import make_eeg, make_labels, tiny

from sk_brainrvq import Engine

X, Y = make_eeg(), make_labels()


def after_a_pass(**params):
    estimator = tiny("classifier", **params).partial_fit(X, Y, classes=["rest", "task"])
    return estimator.decision_function(X)


@pytest.mark.parametrize(
    "engine",
    [
        Engine(gradient_clipping=1e-3),
        Engine(gradient_accumulation=3),
        Engine(precision="bfloat16"),
    ],
)
def test_partial_fit__engine__changes_the_step(engine):
    plain = after_a_pass(batch_size=4)
    np.testing.assert_array_equal(plain, after_a_pass(batch_size=4, engine=Engine()))
    assert not np.array_equal(plain, after_a_pass(batch_size=4, engine=engine))


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"validation": 0.5}, "validation"),
        ({"validation": 0.5, "early_stopping": 2}, "validation, early_stopping"),
        ({"checkpoint_dir": "runs"}, "checkpoint_dir"),
        ({"engine": Engine(callbacks=[EpochTimer()])}, "engine.callbacks"),
        ({"engine": Engine(steps_per_epoch=2)}, "engine.steps_per_epoch"),
        ({"engine": Engine(warmup_epochs=1)}, "engine.warmup_epochs"),
        ({"engine": Engine(torch_compile=True)}, "engine.torch_compile"),
    ],
)
def test_partial_fit__what_a_pass_cannot_heed__error_names_it(params, name):
    estimator = tiny("classifier", **params)
    with pytest.raises(ValueError, match=f"does not support {name}"):
        estimator.partial_fit(X, Y, classes=["rest", "task"])
    assert not hasattr(estimator, "net_")
