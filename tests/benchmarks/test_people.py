"""Pooled figures and figures of each person, and intervals over people."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, roc_auc_score
from table.people import (
    Scored,
    figures,
    fold_difference,
    people_bootstrap,
    person_figures,
    pooled_over_datasets,
)
from table.statistics import paired_difference


def predictions(n_classes=2, n_people=9, n_folds=3, seed=0, skill=1.0):
    """People of different levels, so that pooled figures and those of each person differ."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(10, 10 + n_people), 24)
    truth = np.tile(np.arange(24) % n_classes, n_people)
    level = 2 * rng.normal(size=n_people)[people - 10]
    logits = rng.normal(size=(len(truth), n_classes))
    logits[np.arange(len(truth)), truth] += skill
    logits[:, -1] += level
    # Coarse, so that there are ties.
    share = np.round(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 1)
    return Scored(truth, share, people, people % n_folds)


def by_hand(figure, groups):
    return np.mean([figure(rows) for rows in (groups == group for group in np.unique(groups))])


def test_figures__two_classes__as_scikit_learn_has_them_of_folds_and_of_people():
    s = predictions()

    def auroc(rows):
        return roc_auc_score(s.truth[rows], s.probability[rows, 1])

    got = figures("binary", [s])
    assert got["auroc_pooled"] == pytest.approx(by_hand(auroc, s.folds))
    assert got["auroc_per_person"] == pytest.approx(by_hand(auroc, s.people))
    assert got["auroc_per_person"] > got["auroc_pooled"] + 0.03  # levels differ
    predicted = s.probability.argmax(1)
    accuracy = by_hand(lambda r: balanced_accuracy_score(s.truth[r], predicted[r]), s.folds)
    assert got["balanced_accuracy_pooled"] == pytest.approx(accuracy)
    both = figures("binary", [s, predictions(seed=1)])
    other = figures("binary", [predictions(seed=1)])
    assert both["auroc_pooled"] == pytest.approx((got["auroc_pooled"] + other["auroc_pooled"]) / 2)


def test_figures__four_classes__balanced_accuracy_and_kappa():
    s = predictions(4)
    predicted, got = s.probability.argmax(1), figures("multiclass", [s])
    expected = {
        "balanced_accuracy_pooled": (balanced_accuracy_score, s.folds),
        "kappa_pooled": (cohen_kappa_score, s.folds),
        "balanced_accuracy_per_person": (balanced_accuracy_score, s.people),
    }
    assert got.keys() == expected.keys()
    for measure, (figure, groups) in expected.items():
        value = by_hand(lambda r, f=figure: f(s.truth[r], predicted[r]), groups)
        assert got[measure] == pytest.approx(value)


def test_figures__people_drawn_twice_or_not_at_all__as_rows_repeated():
    s, drawn = predictions(), np.array([2, 0, 1, 1, 3, 0, 1, 0, 1])
    fold_of = np.arange(10, 19) % 3
    rows = np.concatenate(
        [np.flatnonzero(s.people == 10 + i) for i, n in enumerate(drawn) for _ in range(n)]
    )
    again = Scored(s.truth[rows], s.probability[rows], s.people[rows], s.folds[rows])
    got = figures("binary", [s], drawn)
    predicted = again.probability.argmax(1)
    # Of three people a fold; it weighs by how many were drawn.
    weights = [drawn[fold_of == fold].sum() for fold in range(3)]
    by_fold = {
        "auroc_pooled": lambda r: roc_auc_score(again.truth[r], again.probability[r, 1]),
        "balanced_accuracy_pooled": lambda r: balanced_accuracy_score(again.truth[r], predicted[r]),
    }
    for measure, figure in by_fold.items():
        values = [figure(again.folds == fold) for fold in range(3)]
        assert got[measure] == pytest.approx(np.average(values, weights=weights))
    own = np.array([*person_figures("auroc_per_person", s).values()])
    assert got["auroc_per_person"] == pytest.approx(own @ drawn / drawn.sum())
    # Leave one out: a fold is a person.
    alone = Scored(s.truth, s.probability, s.people, s.people)
    pooled = figures("binary", [alone], drawn)["auroc_pooled"]
    assert pooled == pytest.approx(got["auroc_per_person"])


def test_figures__person_of_one_class__in_the_pool_and_not_among_persons():
    s = predictions()
    truth = np.where(s.people == 12, 0, s.truth)
    s = Scored(truth, s.probability, s.people, s.folds)
    own = person_figures("auroc_per_person", s)
    assert np.isnan(own[12])
    assert figures("binary", [s])["auroc_per_person"] == pytest.approx(np.nanmean([*own.values()]))


def test_people_bootstrap__paired__narrower_than_what_people_differ_by():
    weak, strong = predictions(skill=0.5), predictions(skill=1.5)
    alone = people_bootstrap("binary", [strong], n=300)
    lead = people_bootstrap("binary", [strong], [weak], n=300)
    same = people_bootstrap("binary", [strong], [strong], n=300)
    for measure, value in figures("binary", [strong]).items():
        assert alone[measure].mean == pytest.approx(value)
        assert alone[measure].low < value < alone[measure].high
        assert (same[measure].low, same[measure].mean, same[measure].high) == (0, 0, 0)
    assert lead["auroc_per_person"].low > 0
    # The interval of a mean of people is known in closed form.
    own = np.array([*person_figures("auroc_per_person", strong).values()])
    width = alone["auroc_per_person"].high - alone["auroc_per_person"].low
    assert width == pytest.approx(2 * 1.96 * own.std() / np.sqrt(len(own)), rel=0.25)
    with pytest.raises(ValueError, match="different people"):
        people_bootstrap("binary", [strong], [predictions(n_people=8)])


def test_fold_difference__folds_share_training_people__interval_widened():
    weak, strong = predictions(skill=0.5), predictions(skill=1.5)
    difference = fold_difference("binary", [strong], [weak])["auroc_pooled"]

    def of_folds(s):
        rows = [s.folds == fold for fold in range(3)]
        return [roc_auc_score(s.truth[r], s.probability[r, 1]) for r in rows]

    # Each fold tests three people and trains on six.
    expected = paired_difference(of_folds(strong), of_folds(weak), overlap=0.5)
    assert difference.corrected.low == pytest.approx(expected.corrected.low)
    assert difference.corrected.high - difference.corrected.low > (
        difference.estimate.high - difference.estimate.low
    )


def test_pooled_over_datasets__people_are_the_units__large_datasets_weigh_more():
    rng = np.random.default_rng(0)
    leads = {
        "large": dict(enumerate(0.1 + 0.02 * rng.normal(size=60))),
        "small": {1: 0.4, 2: 0.5, 3: float("nan")},
    }
    pooled = pooled_over_datasets(leads, n=400)
    known = [v for people in leads.values() for v in people.values() if not np.isnan(v)]
    assert pooled.mean == pytest.approx(np.mean(known))
    # Drawn within datasets: two people of the small one in every draw.
    assert pooled.high - pooled.low < 0.02
    with pytest.raises(ValueError, match="small has no person"):
        pooled_over_datasets({"small": {3: float("nan")}})
