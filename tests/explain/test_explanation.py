"""What an explanation tells."""

import numpy as np
import pytest

from sk_brainrvq.explain import Explanation

AXES = {"channel": ["C3", "C4", "Cz"], "band": ["alpha", "beta"]}


def additive(subjects=None):
    """Values that add up to the decisions."""
    scale = np.array([[1, 0.1], [3, 0.1], [0, 0.1]])
    values = np.random.default_rng(0).normal(size=(40, 3, 2)) * scale
    return Explanation(values, AXES, values.sum((1, 2)), "log-odds", subjects=subjects)


def test_importance__values_that_add_up__shares_of_the_variance_that_sum_to_one():
    explanation = additive()
    shares = explanation.importance()
    decisions = explanation.decisions
    expected = np.cov(explanation.values[:, 1, 0], decisions)[0, 1] / decisions.var(ddof=1)
    assert shares[1, 0] == pytest.approx(expected)
    assert shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(explanation.importance("band"), shares.sum(0))
    np.testing.assert_allclose(explanation.importance(("band", "channel")), shares.T)
    assert explanation.top("channel", 2) == ["C4", "C3"]
    np.testing.assert_allclose(explanation.mean("channel"), explanation.values.sum(2).mean(0))


def test_importance__people_known__what_lies_between_people_does_not_count():
    subjects = np.repeat(np.array(["a", "b"], dtype=object), 20)
    explanation, shift = additive(subjects), np.repeat([0, 50], 20)
    moved = Explanation(
        explanation.values + 5 * shift[:, None, None],
        AXES,
        explanation.decisions + shift,
        "log-odds",
        subjects=subjects,
    )
    np.testing.assert_allclose(moved.importance(), explanation.importance())


def test_repr__explanation__axes_windows_and_unit():
    expected = "<Explanation by occlusion: 3 channels x 2 bands, 40 windows, log-odds>"
    assert repr(additive()) == expected
    axes = {"time": [0], "frequency": list(range(45))}
    alone = Explanation(np.ones((1, 45)), axes, None, "correlation", "pattern")
    assert repr(alone) == "<Explanation by pattern: 1 second x 45 frequencies, correlation>"


def test_importance__decisions_all_the_same__zero():
    assert not Explanation(np.ones((4, 3, 2)), AXES, np.ones(4), "log-odds").importance().any()


def test_to_frame__windows_and_people__a_row_per_part():
    table = additive(np.array(["a"] * 40, dtype=object)).to_frame()
    assert list(table) == ["window", "subject", "channel", "band", "value"]
    own = table[(table.window == 7) & (table.channel == "Cz") & (table.band == "beta")]
    assert own.value.item() == additive().values[7, 2, 1]
    pattern = Explanation(np.ones((3, 2)), AXES, None, "correlation", "pattern")
    assert list(pattern.to_frame()) == ["channel", "band", "value"]


def test_explanation__wrong_input__a_sentence_each():
    explanation = additive()
    pattern = Explanation(np.ones((3, 2)), AXES, None, "correlation", "pattern")
    for call, message in [
        (lambda: explanation.importance("time"), r"has the axes \['channel', 'band'\]"),
        (lambda: explanation.window(40), "window=40 was given; expected a number from 0 to 39"),
        (lambda: pattern.window(0), "describe the model and not windows"),
        (lambda: Explanation(np.ones(3), AXES, None, ""), r"expected \(3, 2\)"),
        (lambda: Explanation(np.ones(1), {"place": ["C3"]}, None, ""), r"axes \['place'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
