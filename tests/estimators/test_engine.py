"""How training computes: precision, accumulation, clipping, compilation."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn
from training_tools import estimator, waves

from sk_brainrvq.signals import EpochBlock, prepare
from sk_brainrvq.training import EEGNet, Engine, SegmentDataset, train

X = waves(24)


def losses(kind, engine, **params):
    fitted = estimator(kind, engine=engine, **params).fit(X)
    return np.array([row["train_loss"] for row in fitted.history_])


# Precision


def test_bfloat16__tokenizer__has_the_loss_curve_of_float32():
    def curve(precision):
        # Two seeds: one code that falls otherwise early on moves a single small run by a percent.
        params = {"max_epochs": 3, "architecture__codebook_size": 64, "engine": Engine(precision)}
        return np.mean([losses("tokenizer", **params, random_state=s) for s in (0, 1)], 0)

    one, other = curve("float32"), curve("bfloat16")
    np.testing.assert_allclose(other, one, rtol=1e-2)
    assert not np.array_equal(one, other)


@pytest.fixture(scope="module")
def tokenizer():
    return estimator("tokenizer", max_epochs=2).fit(X).weights_


def test_bfloat16__pretrainer__has_the_loss_curve_of_float32(tokenizer):
    params = {"tokenizer": tokenizer, "max_epochs": 3}
    one, other = (losses("pretrainer", Engine(p), **params) for p in ("float32", "bfloat16"))
    np.testing.assert_allclose(other, one, rtol=1e-2)
    assert not np.array_equal(one, other)


class KeepScaler(Callback):
    """Remember the loss scaling and the dtypes of a net that trains."""

    def on_train_end(self, net, **kwargs):
        type(self).scaler = net.scaler_
        type(self).dtypes = {parameter.dtype for parameter in net.module_.parameters()}


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float32"])
def test_precision__on_the_cpu__is_finite_and_scales_the_loss_of_float16_alone(precision):
    params = {"max_epochs": 3, "engine__callbacks": [KeepScaler()], "engine": Engine(precision)}
    fitted = estimator("tokenizer", **params).fit(X)
    curve = [row["train_loss"] for row in fitted.history_]
    assert np.isfinite(curve).all()
    assert curve[-1] < curve[0]
    assert KeepScaler.scaler.is_enabled() is (precision == "float16")
    assert KeepScaler.dtypes == {torch.float32}
    assert all(torch.isfinite(p).all() for p in fitted.net_.module_.parameters())


def test_precision_auto__on_the_cpu__is_float32():
    engine = Engine()
    assert engine.dtype("cpu") is None
    assert Engine("float32").dtype("cuda") is None
    assert Engine("bfloat16").dtype("cpu") is torch.bfloat16


# A net small enough to compute by hand: float64, no statistics of a batch


class Mean(nn.Module):
    """A linear map of each epoch's mean waveform."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(200, 2, dtype=torch.float64)

    def forward(self, x, electrodes):
        return self.linear(x.double().mean((1, 2)))


class MeanNet(EEGNet):
    def get_loss(self, y_pred, y_true, X=None, training=False):
        return (y_pred - y_true).square().mean()


Y = np.random.default_rng(5).normal(size=(24, 2))


def make_dataset():
    block = EpochBlock(X, 1.0, 200.0, ["C3", "Cz", "C4"], np.arange(24))
    return SegmentDataset(prepare([block], warn=False), Y)


class KeepSteps(Callback):
    """Rows and learning rate of every batch, gradient norm of every step of the optimizer."""

    def on_train_begin(self, net, **kwargs):
        type(self).norms, type(self).rows, type(self).rates = [], [], []

    def on_batch_begin(self, net, batch=None, **kwargs):
        type(self).rows.append(batch[0].epoch.tolist())
        type(self).rates.append(net.optimizer_.param_groups[0]["lr"])

    def on_batch_end(self, net, training=False, **kwargs):
        type(self).stepped = getattr(type(self), "stepped", 0) + net.stepped_

    def on_grad_computed(self, net, named_parameters=(), **kwargs):
        squares = [parameter.grad.square().sum() for _, parameter in named_parameters]
        type(self).norms.append(float(sum(squares)) ** 0.5)


def train_mean(engine, batch_size, max_epochs=1, **params):
    torch.manual_seed(0)
    module = Mean()
    train(
        MeanNet,
        module,
        make_dataset(),
        title="Mean",
        max_epochs=max_epochs,
        warmup_epochs=0,
        batch_size=batch_size,
        device="cpu",
        verbose=0,
        engine=engine,
        callbacks=[("keep", KeepSteps())],
        lr=0.01,
        **params,
    )
    return module.linear.weight.detach().clone(), list(KeepSteps.norms)


@pytest.mark.parametrize("n_batches", [2, 3, 6])
def test_gradient_accumulation__over_a_whole_pass__is_one_step_of_the_whole_batch(n_batches):
    engine = Engine(gradient_accumulation=n_batches, gradient_clipping=None)
    weight, norms = train_mean(engine, 24 // n_batches)
    expected, expected_norms = train_mean(Engine(gradient_clipping=None), 24)
    assert len(norms) == len(expected_norms) == 1
    assert norms == pytest.approx(expected_norms, rel=1e-10)
    torch.testing.assert_close(weight, expected, rtol=1e-9, atol=1e-12)


def test_gradient_accumulation__last_window_shorter__averages_the_batches_it_has():
    engine = Engine(gradient_accumulation=4, gradient_clipping=None)
    _, norms = train_mean(engine, 4)  # six batches: windows of four and two
    assert len(norms) == 2
    torch.manual_seed(0)
    module, dataset = Mean(), make_dataset()
    rows = np.array(KeepSteps.rows[:4]).flatten()
    batch, targets = dataset[0, rows]
    (module(batch.x, batch.electrodes) - targets).square().mean().backward()
    squares = sum(parameter.grad.square().sum() for parameter in module.parameters())
    assert norms[0] == pytest.approx(float(squares) ** 0.5, rel=1e-10)


def test_gradient_accumulation__of_three__steps_after_every_third_batch():
    KeepSteps.stepped = 0
    train_mean(Engine(gradient_accumulation=3), 4, max_epochs=2)
    assert KeepSteps.stepped == 4


@pytest.mark.parametrize("limit", [0.01, 1e9, None])
def test_gradient_clipping__any_limit__bounds_the_norm_of_the_gradient(limit):
    _, free = train_mean(Engine(gradient_clipping=None), 24)
    _, norms = train_mean(Engine(gradient_clipping=limit), 24)
    assert norms == pytest.approx([min(free[0], limit or np.inf)], rel=1e-5)


@pytest.mark.parametrize(("warmup", "n_rising"), [(0, 0), (1, 6), (50, 12)])
def test_warmup_epochs__any__rises_for_as_long_but_a_fifth_at_most(warmup, n_rising):
    engine = Engine(warmup_epochs=warmup)
    train_mean(engine, 4, max_epochs=10)
    assert len(KeepSteps.rates) == 60
    assert int(np.argmax(KeepSteps.rates)) == max(0, n_rising - 1)
    assert max(KeepSteps.rates) == pytest.approx(0.01)


# Settings


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (Engine("float8"), r"precision='float8' was given; expected 'auto', 'float32'"),
        (Engine(gradient_accumulation=0), r"gradient_accumulation=0 was given; expected a number"),
        (Engine(gradient_accumulation=1.5), r"gradient_accumulation=1\.5 was given"),
        (Engine(gradient_accumulation=True), r"gradient_accumulation=True was given"),
        (Engine(gradient_clipping=-1.0), r"gradient_clipping=-1\.0 was given; expected"),
        (
            Engine(gradient_clipping=0),
            r"gradient_clipping=0 was given; expected .* None for no clipping",
        ),
        (Engine(gradient_clipping="3"), r"gradient_clipping='3' was given"),
        (Engine(warmup_epochs=-2), r"warmup_epochs=-2 was given; expected a number of 0 or more"),
        (Engine(steps_per_epoch=True), r"steps_per_epoch=True was given; expected a number of bat"),
        (
            "bfloat16",
            r"engine='bfloat16' was given; expected sk_brainrvq\.Engine\(",
        ),
        (Engine, r"engine=<class .* was given; expected sk_brainrvq\.Engine"),
    ],
)
def test_bad_settings__are_refused_in_fit(engine, message):
    with pytest.raises(ValueError, match=message):
        estimator("tokenizer", max_epochs=1, engine=engine).fit(X)


def test_engine__within_an_estimator__is_cloned_and_set_by_its_parameters():
    tokenizer = estimator("tokenizer", engine=Engine("bfloat16", gradient_accumulation=2))
    assert tokenizer.get_params()["engine__precision"] == "bfloat16"
    copy = clone(tokenizer).set_params(engine__precision="float32")
    assert copy.engine is not tokenizer.engine
    assert (copy.engine.precision, tokenizer.engine.precision) == ("float32", "bfloat16")
    assert repr(copy.engine) == "Engine(gradient_accumulation=2, precision='float32')"


def test_grid_search__over_a_setting_of_the_engine__tries_each():
    grid = {"engine__gradient_accumulation": [1, 2]}
    tokenizer = estimator("tokenizer", engine=Engine(), max_epochs=1)
    search = GridSearchCV(tokenizer, grid, cv=2, refit=False).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] != scores[1]


# Compilation


def test_torch_compile__tokenizer__has_plain_names_and_can_be_pickled(monkeypatch):
    # Compiled without generating code: names and persistence do not depend on the backend.
    compile_module = nn.Module.compile
    monkeypatch.setattr(
        nn.Module, "compile", lambda module: compile_module(module, backend="eager")
    )
    params = {"max_epochs": 1, "engine__steps_per_epoch": 1}
    fitted = estimator("tokenizer", engine=Engine(torch_compile=True), **params).fit(X)
    plain = estimator("tokenizer", **params).fit(X)
    module = fitted.net_.module_
    assert module._compiled_call_impl is None
    assert list(module.state_dict()) == list(plain.net_.module_.state_dict())
    assert fitted.history_[0]["train_loss"] == pytest.approx(plain.history_[0]["train_loss"])
