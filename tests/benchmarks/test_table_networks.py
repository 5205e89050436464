"""Networks of other groups, and how all networks of the table are trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from table.metrics import score
from table.published import copy_weights
from table.rivals import RIVALS, Shape, build_network
from table.scaling import by_percentile, by_range_with_scale, labram_names
from table.system import Settings
from table.systems import SYSTEMS
from table.tasks import grouped_folds
from table.training import probabilities, train_network
from torch.nn import functional as F

from sk_brainrvq.datasets import make_eeg

TEN_TWENTY = "Fp1 Fp2 F3 F4 F7 F8 T3 T4 C3 C4 T5 T6 P3 P4 O1 O2 Fz Cz Pz A2-A1"
BIPOLAR = (
    "FP1-F7 F7-T3 T3-T5 T5-O1 FP2-F8 F8-T4 T4-T6 T6-O2 "
    "FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2"
)


# Rivals


@pytest.mark.parametrize(
    ("ch_names", "n_times"), [(TEN_TWENTY, 1000), (BIPOLAR, 2000)], ids=["20x1000", "16x2000"]
)
@pytest.mark.parametrize("name", RIVALS)
def test_rival__one_step__every_layer_learns(name, ch_names, n_times):
    ch_names = tuple(ch_names.split())
    X = np.random.default_rng(0).normal(scale=20, size=(2, len(ch_names), n_times))
    x = torch.from_numpy(RIVALS[name].scale(X))
    network = build_network(name, Shape(x.shape[1], x.shape[2], 3, ch_names), seed=0)
    logits = network(x)
    assert logits.shape == (2, 3)
    F.cross_entropy(logits, torch.tensor([0, 2])).backward()
    without = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert without == [] or (name == "bendr" and all("mask" in n for n in without)), without
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_by_percentile__any_scale__95_percent_within_one():
    X = np.random.default_rng(0).normal(size=(3, 4, 1000)) * np.array([1, 5, 20, 90])[:, None]
    assert np.mean(np.abs(by_percentile(X)) <= 1, axis=-1) == pytest.approx(0.95, abs=0.002)


def test_by_range_with_scale__windows__full_range_and_size_beside():
    X = (
        np.random.default_rng(0).uniform(-1, 1, size=(2, 3, 500))
        * np.array([50, 250])[:, None, None]
    )
    scaled = by_range_with_scale(X)
    assert scaled.shape == (2, 4, 500)
    assert scaled[:, :3].min((1, 2)) == pytest.approx(-1)
    assert scaled[:, :3].max((1, 2)) == pytest.approx(1)
    assert scaled[:, 3].mean(1) == pytest.approx([-0.8, 0], abs=0.02)


def test_labram_names__pairs_and_unknown__first_electrode_or_an_error():
    assert labram_names(["F7-T3", "FP1-F3", "T3", "a2-A1"]) == ["F7-T7", "FP1", "T3", "A2"]
    with pytest.raises(ValueError, match="EOG"):
        labram_names(["Fz", "EOG"])


def test_copy_weights__longer_table_and_other_channels__what_fits_is_copied():
    published = build_network("biot", Shape(16, 1000, 5, ()), seed=1)
    network = build_network("biot", Shape(20, 1000, 2, ()), seed=2)
    head = network.final_layer.classification_head.weight.clone()
    words = copy_weights(network, published.state_dict(), "elsewhere")
    assert "channel_tokens" in words
    assert torch.equal(
        network.encoder.patch_embedding.projection.weight,
        published.encoder.patch_embedding.projection.weight,
    )
    assert torch.equal(network.final_layer.classification_head.weight, head)
    with pytest.raises(ValueError, match="do not fit"):
        copy_weights(network, {"other": torch.zeros(1)}, "elsewhere")


def test_copy_weights__head_larger_than_the_network__is_not_counted():
    # CBraMod's head on all tokens has four fifths of its parameters.
    whole = build_network("cbramod", Shape(20, 1000, 2, ()), seed=1)
    network = build_network("cbramod", Shape(20, 1000, 2, ()), seed=2)
    published = {k: v for k, v in whole.network.state_dict().items() if "final_layer" not in k}
    words = copy_weights(network, published, "elsewhere")
    assert words.startswith("100% of the parameters below the head from elsewhere")
    own = network.network.state_dict()
    assert all(torch.equal(own[key], value) for key, value in published.items())


# Training


def small_training(network=None, **params):
    X, y = make_eeg(2, 16, duration=1, ch_names=["Fz", "O1", "O2"], random_state=0), None
    X, y = X.X / 100, X.y
    network = network or build_network("eegnet", Shape(3, 200, 2, ("Fz", "O1", "O2")), seed=0)
    settings = {"lr": 0.01, "weight_decay": 0.0, "label_smoothing": 0.0, "batch_size": 8}
    settings |= {"kind": "binary", "max_epochs": 4, "seed": 0, **params}
    net, history = train_network(network, (X[:24], y[:24]), (X[8:], y[8:]), **settings)
    return probabilities(net, X[8:]), y[8:], history


def test_train_network__epochs__weights_of_the_best_one_are_kept():
    probability, truth, history = small_training()
    best = max(row["valid_score"] for row in history)
    assert len(history) == 4
    assert score("binary", truth, probability)["auroc"] == pytest.approx(best)


def test_train_network__another_rate_of_the_head__is_that_of_its_parameters_alone():
    start = build_network("eegnet", Shape(3, 200, 2, ("Fz", "O1", "O2")), seed=0)
    weights = {}
    for factor in (1.0, 1e-9):
        network = build_network("eegnet", Shape(3, 200, 2, ("Fz", "O1", "O2")), seed=0)
        small_training(network, head_lr_factor=factor)
        weights[factor] = network.state_dict()
    for name, before in start.named_parameters():
        moved = {f: (of[name] - before).abs().max().item() for f, of in weights.items()}
        assert moved[1.0] > 1e-6, name
        assert (moved[1e-9] > 1e-6) == ("final_layer" not in name), name


def test_train_network__same_seed__same_predictions():
    assert np.array_equal(small_training()[0], small_training()[0])


def test_train_network__time_limit__ends_early_with_what_it_has():
    probability, truth, history = small_training(max_epochs=1000, max_seconds=0.0)
    assert len(history) == 1
    assert score("binary", truth, probability)["auroc"] == history[0]["valid_score"]


def test_train_network__bfloat16__trains_so_and_predicts_in_float32():
    seen = []

    class Watched(torch.nn.Sequential):
        def forward(self, x):
            logits = super().forward(x)
            seen.append((self.training, self[1].weight.dtype, logits.dtype))
            return logits

    network = Watched(torch.nn.Flatten(), torch.nn.Linear(3 * 200, 2))
    start = {name: value.clone() for name, value in network.state_dict().items()}
    probability, _, history = small_training(network, precision="bfloat16")
    assert set(seen) == {
        (True, torch.float32, torch.bfloat16),
        (False, torch.float32, torch.float32),
    }
    network.load_state_dict(start)
    exact, _, history32 = small_training(network)
    losses = [[row["train_loss"] for row in h] for h in (history, history32)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert not np.array_equal(probability, exact)


def test_brainrvq__from_scratch_with_the_embedding_head__filtered_as_asked(task):
    fold = grouped_folds(task, 2)[0]
    probability = []
    for l_freq in (None, 8.0):
        filters = {"l_freq": l_freq, "h_freq": None, "notch": None, "reference": None}
        settings = Settings(architecture="tiny", epochs={"": 1}, filters=filters)
        system = SYSTEMS["scratch-embedding"]
        probability.append(system.run(task, fold, 0, {}, settings).probability)
    assert np.abs(probability[0] - probability[1]).max() > 0.01


def test_brainrvq__bfloat16__its_engine_is_told(task):
    fold = grouped_folds(task, 2)[0]
    probability = {}
    for precision in ("float32", "bfloat16"):
        settings = Settings(architecture="tiny", epochs={"": 1}, precision={"scratch": precision})
        probability[precision] = SYSTEMS["scratch"].run(task, fold, 0, {}, settings).probability
    assert not np.array_equal(*probability.values())
    assert probability["bfloat16"] == pytest.approx(probability["float32"], abs=0.1)


def test_train_network__ctrl_c__is_no_result():
    class Interrupted(torch.nn.Linear):
        def forward(self, x):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_training(Interrupted(1, 1))


def test_brainrvq__time_limit__ends_early_with_what_it_has(task):
    settings = Settings(architecture="tiny", max_seconds=0.0, epochs={"": 50})
    fold = grouped_folds(task, 2)[0]
    outcome = SYSTEMS["scratch"].run(task, fold, 0, {}, settings)
    assert outcome.info["n_epochs"] == 1
    found = score("binary", task.y[fold.validation], outcome.validation)["auroc"]
    assert found == pytest.approx(outcome.info["history"][0]["valid_score"])


def test_choice_of_c__validation__decides_and_test_labels_do_not(task):
    fold = grouped_folds(task, 2)[0]
    features = {"bands5": np.random.default_rng(0).normal(size=(len(task.y), 6))}
    outcome = SYSTEMS["bands5-c"].run(task, fold, 0, features, Settings())
    other = replace(task, y=task.y.copy())
    other.y[fold.test] = 1 - other.y[fold.test]
    again = SYSTEMS["bands5-c"].run(other, fold, 0, features, Settings())
    assert np.array_equal(outcome.probability, again.probability)
