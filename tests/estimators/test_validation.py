"""What training is watched on, and when it stops; callbacks of the user."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from training_tools import CountSteps, KeepData, epochs_in, estimator, history_of, waves

from sk_brainrvq.estimators._inputs.validation import held_out_epochs

X = waves()
GROUPS = np.repeat([f"sub-{n}" for n in range(6)], 2)
ONE_EPOCH = {"tokenizer": {"max_epochs": 1}, "pretrainer": {"tokenizer_max_epochs": 1}}


def split_of(kind, **params):
    """Epochs that the net was trained and validated on."""
    groups = params.pop("groups", None)
    params = {"max_epochs": 1, **ONE_EPOCH[kind], **params}
    fitted = estimator(kind, **params, engine__callbacks=[KeepData()]).fit(X, groups=groups)
    assert all(np.isfinite(row["valid_loss"]) for row in fitted.history_)
    return epochs_in(KeepData.training), epochs_in(KeepData.validation)


# Which epochs


@pytest.mark.parametrize("kind", ["tokenizer", "pretrainer"])
def test_fraction__with_groups__keeps_each_group_on_one_side(kind):
    training, validation = split_of(kind, validation=0.3, groups=GROUPS)
    assert sorted(training + validation) == list(range(12))
    assert set(GROUPS[training]).isdisjoint(GROUPS[validation])
    assert len(set(GROUPS[validation])) == 2


def test_fraction__without_groups__holds_out_that_share_of_the_epochs():
    training, validation = split_of("tokenizer", validation=0.25)
    assert sorted(training + validation) == list(range(12))
    assert len(validation) == 3


def test_fraction__seeds__draw_the_split():
    draws = [split_of("tokenizer", validation=0.25, random_state=seed)[1] for seed in (0, 0, 1, 2)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) > 1


def test_pair__x_and_none__is_validated_on_and_x_is_trained_on_whole():
    training, validation = split_of("tokenizer", validation=(waves(5, seed=1), None))
    assert (training, validation) == (list(range(12)), list(range(5)))


def test_held_out_epochs__groups_and_classes__keeps_both():
    classes = np.array([0, 1] * 6)
    held_out = held_out_epochs(1 / 3, 12, GROUPS, classes, seed=0)
    assert set(GROUPS[held_out]).isdisjoint(GROUPS[~held_out])
    assert np.bincount(classes[held_out]).tolist() == [2, 2]


@pytest.mark.parametrize(
    ("params", "groups", "message"),
    [
        ({"validation": 0}, None, r"validation=0 was given; expected a fraction between 0 and 1"),
        ({"validation": 1}, None, r"validation=1 was given; expected a fraction between 0 and 1"),
        ({"validation": 2.0}, None, r"validation=2\.0 was given; expected a fraction"),
        ({"early_stopping": 3}, None, r"early_stopping=3 was given without validation data"),
        ({"early_stopping": 0, "validation": 0.5}, None, r"early_stopping=0 was given; expected"),
        ({"early_stopping": 1.5, "validation": 0.5}, None, r"early_stopping=1\.5 was given; expec"),
        ({"validation": 0.2}, [0] * 12, r"validation=0\.2 cannot be split off 12 .* 1 groups"),
        ({"validation": 0.01}, None, None),
        ({"validation": 0.2}, ["a", None, "b"] * 4, r"NaN or None for 4 of 12 epochs \(rows 1, 4"),
        ({"validation": 0.2}, [0] * 11, "groups has 11 entries, but X has 12 epochs"),
        (
            {"engine__steps_per_epoch": 0},
            None,
            r"steps_per_epoch=0 was given; expected a number of batch",
        ),
        (
            {"engine__callbacks": ["stop"]},
            None,
            r"callbacks holds 'stop'; expected instances of skorch",
        ),
        (
            {"engine__callbacks": [EarlyStopping]},
            None,
            r"callbacks holds <class .*expected instances",
        ),
    ],
)
def test_settings__that_no_training_can_have__are_refused(params, groups, message):
    tokenizer = estimator("tokenizer", max_epochs=1, **params)
    if message is None:  # one epoch of twelve can be held out whatever the fraction
        assert "valid_loss" in tokenizer.fit(X, groups=groups).history_[0]
        return
    with pytest.raises(ValueError, match=message):
        tokenizer.fit(X, groups=groups)
    assert not hasattr(tokenizer, "net_")


# Early stopping


@pytest.fixture(scope="module")
def stopped():
    """A tokenizer that stopped early, and the data it was validated on."""
    params = {"validation": 0.25, "early_stopping": 2, "max_epochs": 40, "lr": 3e-2}
    fitted = estimator("tokenizer", **params, engine__callbacks=[KeepData()]).fit(X)
    return fitted, KeepData.validation


def test_early_stopping__no_improvement__keeps_the_weights_of_the_best_epoch(stopped):
    fitted, validation = stopped
    losses = [row["valid_loss"] for row in fitted.history_]
    assert len(losses) == int(np.argmin(losses)) + 3 < 40
    batch, _ = validation[0, np.arange(3)]
    with torch.inference_mode():
        loss = float(fitted.net_.module_(batch.x, batch.electrodes).loss)
    assert loss == pytest.approx(min(losses), rel=1e-5)
    assert loss != pytest.approx(losses[-1], rel=1e-3)


def test_valid_loss__same_weights__is_the_same_in_every_epoch():
    # A learning rate of nothing: what differs could only be the masks.
    params = {"validation": 0.25, "max_epochs": 3, "tokenizer_max_epochs": 1, "lr": 0.0}
    history = history_of(estimator("pretrainer", **params).fit(X))
    assert len({row["valid_loss"] for row in history}) == 1
    assert len({row["train_loss"] for row in history}) == 3


def test_validation__given__changes_nothing_in_training():
    def weights(validation):
        return estimator("tokenizer", max_epochs=2, validation=validation).fit(X).weights_

    assert weights((waves(4, seed=2), None)) == weights(None)


# Callbacks of the user


class NotEmpty(Callback):
    """Remembers in itself."""

    n_epochs = None

    def on_epoch_end(self, net, **kwargs):
        self.n_epochs = len(net.history)


def test_callbacks__of_the_user__are_called_and_cloned():
    mine = NotEmpty()
    CountSteps.n_steps = 0
    fitted = estimator(
        "tokenizer", max_epochs=2, engine__callbacks=[("mine", mine), CountSteps()]
    ).fit(X)
    assert CountSteps.n_steps == 6
    assert mine.n_epochs is None
    assert dict(fitted.net_.callbacks_)["mine"].n_epochs == 2
    assert fitted.engine.callbacks[0][1] is mine


@pytest.mark.parametrize("kind", ["tokenizer", "pretrainer"])
def test_early_stopping_callback__of_the_user__ends_training_without_an_error(kind):
    callback = EarlyStopping("train_loss", patience=2, threshold=0.9, sink=str)
    params = {"max_epochs": 30, **({} if kind == "tokenizer" else ONE_EPOCH[kind])}
    fitted = estimator(kind, **params, engine__callbacks=[callback]).fit(X)
    assert len(fitted.history_) == 3
    assert fitted.transform(X[:2]).shape[0] == 2


class Interrupt(Callback):
    """What Ctrl-C does within the second epoch."""

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


def test_ctrl_c__in_training__propagates_and_leaves_the_estimator_unfitted():
    tokenizer = estimator("tokenizer", max_epochs=3, engine__callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        tokenizer.fit(X)
    assert not hasattr(tokenizer, "net_")
    assert not hasattr(tokenizer, "history_")
