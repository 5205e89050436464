"""Fine-tuning learns what can be learnt."""

import copy
import pickle

import numpy as np
import pytest
import sklearn
import torch
from scipy.special import expit, logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.class_weight import compute_class_weight
from tiny import fitted, make_alpha_task, make_eeg, make_labels, tiny

from sk_brainrvq.estimators._inputs.labels import class_weights
from sk_brainrvq.exceptions import TrainingDivergedError


@pytest.mark.parametrize("start", ["scratch", "pretrained"])
def test_fit__alpha_against_none__learns_it(start):
    weights = None if start == "scratch" else fitted("pretrainer").weights_
    settings = {"weights": weights, "max_epochs": 15, "lr": 2e-3, "batch_size": 16}
    X, y = make_alpha_task(64, seed=0)
    classifier = tiny("classifier", **settings).fit(X, y)
    assert classifier.score(*make_alpha_task(64, seed=1)) > 0.9
    assert classifier.history_[-1]["train_loss"] < classifier.history_[0]["train_loss"]


def test_fit__frozen_start__uses_the_given_weights():
    # A vanishing learning rate leaves the encoder where the weights put it.
    weights = fitted("pretrainer").weights_
    X = make_eeg()
    classifier = tiny("classifier", weights=weights, lr=1e-12).fit(X, make_labels())
    tuned = tiny("embedder", weights=classifier.weights_).fit_transform(X)
    given = tiny("embedder", weights=weights).fit_transform(X)
    np.testing.assert_allclose(tuned, given, atol=1e-5)


def test_label_smoothing__strong__pulls_probabilities_to_the_middle():
    X, y = make_alpha_task(32, seed=0)
    settings = {"max_epochs": 10, "lr": 2e-3, "batch_size": 8, "drop_path": 0.0}
    sharp = tiny("classifier", **settings).fit(X, y).predict_proba(X)
    smooth = tiny("classifier", label_smoothing=0.9, **settings).fit(X, y).predict_proba(X)
    assert np.abs(smooth - 0.5).mean() < np.abs(sharp - 0.5).mean()


def test_three_classes__fit__a_column_each():
    y = np.array(["a", "b", "c"] * 4)
    classifier = tiny("classifier").fit(make_eeg(), y)
    assert classifier.predict_proba(make_eeg()).shape == (12, 3)
    assert classifier.classes_.tolist() == ["a", "b", "c"]


def quick(**params):
    return tiny("classifier", **params)


# Weights of samples and classes


def test_sample_weight__zero__as_if_left_out():
    X, y, keep = make_eeg(), make_labels(), np.arange(12) % 3 > 0
    weighted = quick(max_epochs=2).fit(X, y, sample_weight=2.0 * keep)
    assert weighted.weights_ == quick(max_epochs=2).fit(X[keep], y[keep]).weights_


def test_sample_weight__all_eight_times_as_large__same_fit():
    weight = np.random.default_rng(0).uniform(size=12)
    first = quick().fit(make_eeg(), make_labels(), sample_weight=weight)
    assert (
        first.weights_ == quick().fit(make_eeg(), make_labels(), sample_weight=8 * weight).weights_
    )
    assert first.weights_ != quick().fit(make_eeg(), make_labels()).weights_


def test_sample_weight__whole_numbers_in_one_batch__as_repeated_epochs():
    # One batch and no chance: how often an epoch is drawn then cannot differ from its weight.
    weight = np.arange(12) % 4
    settings = {"batch_size": 64, "drop_path": 0.0, "max_epochs": 5, "lr": 1e-3}
    X, y = make_eeg(), make_labels()
    weighted = quick(**settings).fit(X, y, sample_weight=weight).decision_function(X)
    repeated = quick(**settings).fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    plain = quick(**settings).fit(X, y).decision_function(X)
    error = np.abs(weighted - repeated.decision_function(X)).max()
    assert error < 0.02 * np.abs(weighted - plain).max()


@pytest.mark.parametrize("class_weight", [{"rest": 3, "task": 1}, "balanced"])
def test_class_weight__with_sample_weights_or_none__as_their_product(class_weight):
    X, y = make_eeg(), np.array(["rest", "rest", "task"] * 4)
    given = np.random.default_rng(0).uniform(0.1, 2, size=12)
    for weight in (np.ones(12), given):
        factors = class_weight
        if class_weight == "balanced":
            factors = {label: 1 / weight[y == label].sum() for label in ("rest", "task")}
        product = weight * np.array([factors[label] for label in y])
        by_class = quick(class_weight=class_weight).fit(X, y, sample_weight=weight)
        by_sample = quick().fit(X, y, sample_weight=product)
        np.testing.assert_allclose(
            by_class.decision_function(X), by_sample.decision_function(X), atol=1e-6
        )
        plain = quick().fit(X, y, sample_weight=weight).decision_function(X)
        assert np.abs(by_class.decision_function(X) - plain).max() > 1e-4


def test_class_weight__balanced_with_sample_weights__as_scikit_learns():
    targets = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    classes, y = np.array(["a", "b", "c"]), np.array(["a", "b", "c"])[targets]
    weight = np.random.default_rng(0).uniform(0.1, 2, size=8)
    for given in (None, weight):
        expected = compute_class_weight("balanced", classes=classes, y=y, sample_weight=given)
        found = class_weights("balanced", classes, targets, given)
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(12), "Every sample_weight is zero"),
        (-np.ones(12), "holds -1; expected weights of 0 or more"),
        (np.ones(5), r"shape \(5,\), but X has 12 epochs"),
        (np.full(12, np.nan), "sample_weight contains NaN"),
        (np.arange(12) % 2, r"only one class with a weight above 0 \('task'\)"),
    ],
)
def test_sample_weight__unusable__error_says_why(weight, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(make_eeg(), make_labels(), sample_weight=weight)


def test_score__sample_weight__is_weighted_accuracy():
    classifier, weight = fitted("classifier"), np.arange(12) + 1.0
    X, y = make_eeg(seed=5), make_labels()
    expected = accuracy_score(y, classifier.predict(X), sample_weight=weight)
    assert classifier.score(X, y, sample_weight=weight) == pytest.approx(expected)


def test_groups__wrong_length__error_names_both():
    with pytest.raises(ValueError, match="groups has 3 entries, but X has 12 epochs"):
        quick().fit(make_eeg(), make_labels(), groups=[1, 2, 3])
    assert quick().fit(make_eeg(), make_labels(), groups=np.arange(12)).classes_.size == 2


# Logits and probabilities


def test_decision_function__two_classes__log_odds_of_the_second():
    classifier, X = fitted("classifier"), make_eeg(seed=5)
    decision = classifier.decision_function(X)
    np.testing.assert_allclose(classifier.predict_proba(X)[:, 1], expit(decision))
    expected = np.where(decision > 0, "task", "rest")
    np.testing.assert_array_equal(classifier.predict(X), expected)


def test_decision_function__three_classes__its_softmax_is_predict_proba():
    classifier = quick().fit(make_eeg(), np.array(["a", "b", "c"] * 4))
    logits = classifier.decision_function(make_eeg())
    assert logits.shape == (12, 3)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(classifier.predict_proba(make_eeg()), expected)


@pytest.mark.parametrize("head", ["mean", "attention"])
def test_long_epochs__logits__average_of_segments_by_their_length(head):
    X = make_eeg(n_epochs=4, n_times=31 * 200)
    classifier = quick(head=head).fit(X, make_labels(4))
    first = classifier.decision_function(X[..., : 16 * 200])
    second = classifier.decision_function(X[..., 16 * 200 :])
    expected = (16 * first + 15 * second) / 31
    np.testing.assert_allclose(classifier.decision_function(X), expected, rtol=1e-4, atol=1e-5)


def test_calibrated_classifier__around_the_classifier__calibrates_its_decisions():
    X, y = make_alpha_task(40, seed=0)
    classifier = quick(max_epochs=3, lr=2e-3).fit(X, y)
    calibrated = CalibratedClassifierCV(FrozenEstimator(classifier)).fit(X, y)
    # Platt's sigmoid: log odds are a line over the decisions, and over nothing else.
    decision, calibrated_odds = classifier.decision_function(X), logit(calibrated.predict_proba(X))
    slope, offset = np.polyfit(decision, calibrated_odds[:, 1], 1)
    assert slope > 0
    np.testing.assert_allclose(calibrated_odds[:, 1], slope * decision + offset, atol=1e-3)
    assert np.ptp(calibrated_odds[:, 1]) > 0.1


# partial_fit


def test_partial_fit__passes_over_parts__learns():
    X, y = make_alpha_task(96, seed=0)
    classifier = quick(lr=1e-3)
    for _ in range(8):
        for part in np.array_split(np.arange(96), 3):
            classifier.partial_fit(X[part], y[part], classes=["rest", "task"])
    assert classifier.score(*make_alpha_task(64, seed=1)) > 0.85
    assert [row["epoch"] for row in classifier.history_] == list(range(1, 25))


def test_partial_fit__three_passes_of_one_batch__are_three_steps_of_adam():
    settings = {"strategy": "frozen", "batch_size": 64, "lr": 0.01, "weight_decay": 0.1}
    X, y = make_eeg(), make_labels()
    classifier = quick(max_epochs=0, **settings).fit(X, y)
    group = next(iter(classifier._read(X, classifier.weights_.info)))
    x, electrodes = torch.from_numpy(group.patches), torch.from_numpy(group.electrodes)
    features = classifier.net_.module_.features(x, electrodes).detach()
    head = copy.deepcopy(classifier.net_.module_.head)
    optimizer = torch.optim.AdamW(
        [
            {"params": [head.weight], "weight_decay": 0.1},
            {"params": [head.bias], "weight_decay": 0},
        ],
        lr=0.01,
    )
    target = torch.tensor([0, 1] * 6)
    for _ in range(3):
        classifier.partial_fit(X, y)
        loss = torch.nn.functional.cross_entropy(head(features), target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 3.0)
        optimizer.step()
    trained = classifier.net_.module_.head
    torch.testing.assert_close(trained.weight, head.weight, rtol=0, atol=1e-4)
    torch.testing.assert_close(trained.bias, head.bias, rtol=0, atol=1e-4)


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_partial_fit__pickled_in_between__starts_adam_afresh_from_the_same_weights(strategy):
    X, y = make_eeg(), make_labels()
    original = quick(strategy=strategy).fit(X, y).partial_fit(X, y)
    loaded = pickle.loads(pickle.dumps(original))
    assert loaded.weights_ == original.weights_
    assert loaded.partial_fit(X, y).weights_ != original.partial_fit(X, y).weights_


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_partial_fit__fails_in_between__goes_on_as_if_it_had_not(strategy):
    X, y, classes = make_eeg(), make_labels(), ["rest", "task"]
    settings = {"strategy": strategy, "batch_size": 4}
    smooth, stumbling = (quick(**settings).partial_fit(X, y, classes=classes) for _ in range(2))
    with pytest.raises(TrainingDivergedError):
        stumbling.set_params(lr=1e30).partial_fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        stumbling.set_params(lr=5e-4).partial_fit(np.full_like(X, np.nan), y)
    assert stumbling.weights_ == smooth.weights_
    assert stumbling.partial_fit(X, y).weights_ == smooth.partial_fit(X, y).weights_


def test_partial_fit__one_class_at_a_time__other_classes_kept():
    classifier = quick()
    for label in "abc":
        classifier.partial_fit(make_eeg(), [label] * 12, classes=["c", "a", "b"])
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    assert classifier.predict_proba(make_eeg()).shape == (12, 3)


@pytest.mark.parametrize(
    ("params", "y", "classes", "message"),
    [
        ({}, "ab", None, "classes must be passed on the first call"),
        ({}, "aa", ["a"], "at least two classes"),
        ({}, "ac", ["a", "b"], r"y holds \['c'\], which are not among the known classes"),
        ({"class_weight": "balanced"}, "ab", ["a", "b"], "does not see all labels at once"),
    ],
)
def test_partial_fit__unusable_first_call__error_and_still_unfitted(params, y, classes, message):
    classifier = quick(**params)
    with pytest.raises(ValueError, match=message):
        classifier.partial_fit(make_eeg(), list(y) * 6, classes=classes)
    assert not hasattr(classifier, "classes_")
    assert not hasattr(classifier, "net_")


def test_partial_fit__other_classes_later__error_names_both():
    classifier = quick().fit(make_eeg(), make_labels())
    with pytest.raises(ValueError, match=r"classes=\['a', 'b'\] .* \['rest', 'task'\]"):
        classifier.partial_fit(make_eeg(), make_labels(), classes=["a", "b"])


# warm_start


def test_warm_start__no_epochs__network_stays_head_included():
    classifier = quick(warm_start=True).fit(make_eeg(), make_labels())
    weights = classifier.weights_
    again = classifier.set_params(max_epochs=0).fit(make_eeg(seed=1), make_labels())
    assert again.weights_ == weights
    cold = classifier.set_params(warm_start=False).fit(make_eeg(), make_labels())
    assert cold.weights_ != weights


def test_warm_start__fit_after_fit__goes_on_learning():
    X, y = make_alpha_task(64, seed=0)
    classifier = quick(max_epochs=5, lr=1e-3, warm_start=True).fit(X, y)
    first = classifier.history_
    classifier.fit(X, y)
    assert classifier.history_[0]["train_loss"] < first[0]["train_loss"]
    assert classifier.history_[-1]["train_loss"] < first[-1]["train_loss"]


def test_warm_start__other_classes_or_head__error_says_what_to_do():
    classifier = quick(warm_start=True).fit(make_eeg(), make_labels())
    with pytest.raises(ValueError, match=r"warm_start=True goes on with .*\. For other classes"):
        classifier.fit(make_eeg(), np.array(["a", "b"] * 6))
    with pytest.raises(ValueError, match=r"head='attention' was given, .* has head='mean'"):
        classifier.set_params(head="attention").fit(make_eeg(), make_labels())
    with pytest.raises(ValueError, match="X has 3 channels"):
        classifier.set_params(head="mean").fit(make_eeg()[:, :3], make_labels())


def test_metadata_routing__through_a_pipeline__fits_with_the_folds_weights_and_groups():
    X, y, weight = make_eeg(), make_labels(), np.arange(12) % 3 + 1.0
    groups = np.arange(12) // 2
    asked = {"sample_weight": True, "groups": True}
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_predict(
            make_pipeline(quick(validation=0.4).set_fit_request(**asked)),
            X,
            y,
            cv=KFold(2),
            method="decision_function",
            params={"sample_weight": weight, "groups": groups},
        )

    def by_hand(**given):
        found = np.empty(12)
        for train, test in KFold(2).split(X):
            of_fold = {name: values[train] for name, values in given.items()}
            found[test] = (
                quick(validation=0.4).fit(X[train], y[train], **of_fold).decision_function(X[test])
            )
        return found

    np.testing.assert_allclose(routed, by_hand(sample_weight=weight, groups=groups), atol=1e-6)
    for only in ({"sample_weight": weight}, {"groups": groups}):
        assert np.abs(routed - by_hand(**only)).max() > 1e-4
