"""Which callbacks of skorch can look on at a training, and which are refused."""

import pytest
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    PassthroughScoring,
    PrintLog,
)
from tiny import make_eeg, make_labels, tiny


class Count(Callback):
    """Epochs that ended."""

    n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        Count.n_epochs += 1


@pytest.mark.parametrize("name", ["tokenizer", "pretrainer", "classifier"])
def test_callbacks__that_read_history_network_or_time__work(name, tmp_path):
    Count.n_epochs = 0
    callbacks = [
        Count(),
        ("timer", EpochTimer()),
        PrintLog(sink=lambda *_: None),
        EarlyStopping(monitor="train_loss", patience=50),
        Freezer("patch_embed*"),
        Checkpoint(monitor=None, dirname=str(tmp_path), f_optimizer=None, f_criterion=None),
    ]
    estimator = tiny(name, max_epochs=2, engine__callbacks=callbacks)
    estimator.fit(make_eeg(), make_labels())
    assert len(estimator.history_) == 2
    assert Count.n_epochs >= 2
    assert "dur" in estimator.history_[0]
    assert (tmp_path / "params.pt").stat().st_size > 1000


@pytest.mark.parametrize(
    "callback",
    [EpochScoring("accuracy"), BatchScoring("accuracy"), PassthroughScoring("train_loss")],
)
def test_callbacks__that_score_predictions__error_names_what_to_do(callback):
    estimator = tiny("classifier", engine__callbacks=[("score", callback)])
    with pytest.raises(ValueError, match=f"{type(callback).__name__}.*Pass validation=") as refused:
        estimator.fit(make_eeg(), make_labels())
    assert "y_true" not in str(refused.value)
