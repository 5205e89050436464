"""Pictures of explanations."""

import numpy as np
import pytest

from sk_brainrvq.explain import Explanation
from sk_brainrvq.viz import plot_explanation

CHANNELS = ["F3", "F4", "C3", "C4", "P3", "P4"]
ALL = {
    "channel": CHANNELS,
    "band": ["alpha", "beta"],
    "time": [0.0, 1.0, 2.0],
    "frequency": list(range(1, 46)),
}


def explanation_of(*names, n_windows=12):
    axes = {name: ALL[name] for name in names}
    sizes = [len(labels) for labels in axes.values()]
    rng = np.random.default_rng(0)
    if n_windows is None:
        return Explanation(rng.normal(size=sizes), axes, None, "correlation", "pattern")
    values = rng.normal(size=(n_windows, *sizes))
    return Explanation(values, axes, values.reshape(n_windows, -1).sum(1), "log-odds of 1")


def titles(axes):
    return [ax.get_title(loc="left") for ax in axes]


def test_plot_explanation__axes__a_panel_for_each_kind():
    for names, expected in [
        (["channel"], ["By channel"]),
        (["band"], ["By band"]),
        (["channel", "band"], ["alpha", "beta", "By band"]),
        (["channel", "time"], ["By channel", "By second", "By channel and second"]),
        (["channel", "band", "time"], ["alpha", "beta", "By band", "By second"]),
    ]:
        assert titles(plot_explanation(explanation_of(*names))) == expected
    pattern = plot_explanation(explanation_of("channel", "frequency", n_windows=None))
    bands = ["delta", "theta", "alpha", "beta", "gamma"]
    assert titles(pattern) == [*bands, "By frequency"]
    assert pattern[-1].get_ylabel() == "Correlation"


def test_plot_explanation__bars_and_lines__the_explanations_figures():
    explanation = explanation_of("channel", "band", "time")
    axes = plot_explanation(explanation)
    bars = [bar.get_height() for bar in axes[2].patches]
    np.testing.assert_allclose(bars, explanation.importance("band"))
    np.testing.assert_allclose(axes[3].lines[0].get_ydata(), explanation.importance("time"))
    assert axes[2].get_ylabel() == "Share of decisions' variance"
    own = plot_explanation(explanation, window=3)
    bars = [bar.get_height() for bar in own[2].patches]
    np.testing.assert_allclose(bars, explanation.values[3].sum((0, 2)))
    assert own[2].get_ylabel() == "Log-odds of 1"


def test_plot_explanation__maps__one_scale_that_is_white_at_zero():
    axes = plot_explanation(explanation_of("channel", "band"))
    limits = {axis.images[0].get_clim() for axis in axes[:2]}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high
    assert any("variance" in axis.get_ylabel() for axis in axes[0].figure.axes)


def test_plot_explanation__three_channels_or_unknown_places__bars():
    values = np.random.default_rng(0).normal(size=(5, 4))
    names = ["C3", "channel 1", "channel 2", "C4"]
    axes = plot_explanation(Explanation(values, {"channel": names}, values.sum(1), "log-odds"))
    assert [text.get_text() for text in axes[0].get_xticklabels()] == names
    assert len(axes[0].patches) == 4


def test_plot_explanation__wrong_input__a_sentence():
    explanation = explanation_of("channel")
    with pytest.raises(ValueError, match="ndarray was given; expected an Explanation"):
        plot_explanation(explanation.values)
    with pytest.raises(ValueError, match="window=12 was given"):
        plot_explanation(explanation, window=12)
    taken = plot_explanation(explanation)
    with pytest.raises(ValueError, match="1 axes were given, but 3 are needed"):
        plot_explanation(explanation_of("channel", "band"), ax=taken)
