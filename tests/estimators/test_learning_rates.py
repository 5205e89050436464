"""Learning rates of fits: how long they rise, and how far they fall."""

import numpy as np
import pytest
from skorch.callbacks import Callback
from tiny import make_eeg, make_labels, tiny

# Twelve epochs in batches of four.
STEPS_OF_PASS = 3


class Rates(Callback):
    """Notes the largest rate of each batch that is trained on."""

    noted: list = []  # noqa: RUF012

    def on_train_begin(self, net, **kwargs):
        type(self).noted = []

    def on_batch_begin(self, net, training=False, **kwargs):
        type(self).noted.append(max(group["lr"] for group in net.optimizer_.param_groups))


def rates_of(name, max_epochs, **params):
    params = {"batch_size": 4, "max_epochs": max_epochs, "engine__callbacks": [Rates()], **params}
    y = np.arange(12.0) if name == "regressor" else make_labels()
    tiny(name, **params).fit(make_eeg(n_times=200), y)
    return np.array(Rates.noted)


@pytest.mark.parametrize(
    ("name", "max_epochs", "passes"),
    [
        ("classifier", 11, 1),
        ("classifier", 12, 2),
        ("classifier", 3, 0.6),
        ("regressor", 12, 2),
        ("tokenizer", 12, 1),
        ("pretrainer", 7, 1),
        ("pretrainer", 9, 1.8),
    ],
)
def test_fit__without_a_warm_up_given__rises_in_a_line_then_falls_to_a_hundredth(
    name, max_epochs, passes
):
    rates = rates_of(name, max_epochs) / tiny(name).lr
    n_rising = int(passes * STEPS_OF_PASS)
    assert len(rates) == max_epochs * STEPS_OF_PASS
    np.testing.assert_allclose(rates[:n_rising], np.arange(1, n_rising + 1) / n_rising)
    assert (np.diff(rates[n_rising:]) < 0).all()
    # The last step begins one step before the floor.
    left = len(rates) - n_rising
    last = 0.01 + 0.99 * (1 + np.cos(np.pi * (left - 1) / left)) / 2
    assert rates[-1] == pytest.approx(last)


def test_fit__warm_up_given__rises_for_as_many_passes():
    rates = rates_of("classifier", 12, engine__warmup_epochs=1)
    assert np.argmax(rates) == STEPS_OF_PASS - 1
