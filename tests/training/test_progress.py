"""The bar over the steps of a fit."""

import time
from types import SimpleNamespace

import pytest

from sk_brainrvq.training.callbacks.progress import StepProgress


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def test_progress__steps_and_losses__counts_training_and_shows_a_loss_now_and_then(clock, capsys):
    progress, net = StepProgress("Learning", 6), SimpleNamespace(history=[{}])
    progress.on_train_begin(net)
    progress.on_epoch_begin(net)
    for seconds, loss, shown in [
        (1.9, 1.5, ""),
        (2.1, 2.5, "loss=2.500"),
        (4.0, 3.5, "loss=2.500"),
    ]:
        clock.now = 100 + seconds
        progress.on_batch_end(net, training=True, loss=loss)
        assert (progress.bar_.postfix or "") == shown
    progress.on_batch_end(net, training=False, loss=9.0)
    assert progress.bar_.n == 3
    net.history = [{"train_loss": 9.0}, {"train_loss": 0.25, "perplexity": [[2, 4], [4, 8]]}]
    net.reported, net.max_epochs = ["train_loss", "perplexity", "valid_loss"], 2
    progress.on_epoch_end(net)
    assert progress.bar_.postfix == "epoch=2/2, train_loss=0.250, perplexity=3/6"
    assert progress.bar_.total == 6
    progress.on_train_end(net)
    assert "Learning:" in capsys.readouterr().err


def test_progress__resumed_after_two_epochs__goes_on_from_their_steps():
    progress = StepProgress("Learning", 9)
    net = SimpleNamespace(history=[{"train_batch_count": 3}, {"train_batch_count": 3}, {}])
    progress.on_train_begin(net)
    progress.bar_.update(2)
    for _ in range(2):  # once there, no step is counted twice
        progress.on_epoch_begin(net)
        assert progress.bar_.n == 6
    progress.on_train_end(net)
