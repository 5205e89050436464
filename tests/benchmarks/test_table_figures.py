"""What the table's figures and intervals are, and which windows they are of."""

import argparse
import itertools

import numpy as np
import pytest
from scipy import stats
from table.curve import with_fewer_subjects
from table.features import compute
from table.metrics import score
from table.options import add_common_options, choose
from table.statistics import paired_difference, subject_bootstrap, t_interval
from table.tasks import as_task, grouped_folds, official_fold

from sk_brainrvq.datasets import Windows, make_eeg

# Figures


def test_score__two_classes__as_counted_by_hand():
    rng = np.random.default_rng(0)
    truth, score_ = rng.integers(2, size=60), rng.normal(size=60).round(1)
    share = 1 / (1 + np.exp(-score_))
    figures = score("binary", truth, np.column_stack([1 - share, share]))
    ones, zeros = score_[truth == 1], score_[truth == 0]
    pairs = (ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros)
    assert figures["auroc"] == pytest.approx(pairs.mean())
    hits = [np.mean(score_[truth == 1] > 0), np.mean(score_[truth == 0] <= 0)]
    assert figures["balanced_accuracy"] == pytest.approx(np.mean(hits))
    precision, recall_before = 0.0, 0.0
    for threshold in np.unique(score_)[::-1]:
        chosen = score_ >= threshold
        recall = truth[chosen].sum() / truth.sum()
        precision += (recall - recall_before) * truth[chosen].mean()
        recall_before = recall
    assert figures["average_precision"] == pytest.approx(precision)


def test_score__three_classes__as_counted_by_hand():
    rng = np.random.default_rng(1)
    truth, probability = rng.integers(3, size=80), rng.dirichlet(np.ones(3), size=80)
    figures = score("multiclass", truth, probability)
    counts = np.zeros((3, 3))
    np.add.at(counts, (truth, probability.argmax(1)), 1)
    chance = (counts.sum(0) @ counts.sum(1)) / 80**2
    assert figures["kappa"] == pytest.approx((np.trace(counts) / 80 - chance) / (1 - chance))
    f1 = 2 * np.diag(counts) / (counts.sum(0) + counts.sum(1))
    assert figures["weighted_f1"] == pytest.approx(f1 @ counts.sum(1) / 80)
    recall = np.diag(counts) / counts.sum(1)
    assert figures["balanced_accuracy"] == pytest.approx(recall.mean())


def test_score__one_class__says_so():
    with pytest.raises(ValueError, match="two classes are needed"):
        score("binary", np.ones(4, int), np.full((4, 2), 0.5))


# Intervals


def test_t_interval__eight_folds__as_scipys_ttest():
    values = np.random.default_rng(0).normal(0.7, 0.1, size=8)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    estimate = t_interval(values)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(expected))
    assert estimate.mean == pytest.approx(values.mean())


def test_paired_difference__eight_folds__sign_flips_counted_one_by_one():
    rng = np.random.default_rng(2)
    ours, theirs = rng.normal(0.75, 0.1, size=8), rng.normal(0.7, 0.1, size=8)
    found = paired_difference(ours, theirs, overlap=4 / 24)
    d = ours - theirs
    means = [abs(np.mean(d * signs)) for signs in itertools.product((-1, 1), repeat=8)]
    assert found.sign_flip == pytest.approx(np.mean(np.array(means) >= abs(d.mean()) - 1e-12))
    test = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert (found.estimate.low, found.estimate.high) == pytest.approx((test.low, test.high))
    # Nadeau and Bengio (2003): the variance of a fold times 1/n + n_test/n_train.
    half = stats.t.ppf(0.975, 7) * np.sqrt(d.var(ddof=1) * (1 / 8 + 4 / 24))
    corrected = (found.corrected.low, found.corrected.high)
    assert corrected == pytest.approx((d.mean() - half, d.mean() + half))


def test_subject_bootstrap__four_subjects__quantiles_of_all_draws():
    subjects = np.repeat([3, 5, 8, 9], [4, 2, 3, 5])
    values = np.random.default_rng(0).normal(size=len(subjects))
    (found,) = subject_bootstrap(lambda rows: values[rows].mean(keepdims=True), subjects, 20_000)
    of = [values[subjects == s] for s in np.unique(subjects)]
    every = [np.concatenate(draw).mean() for draw in itertools.product(of, repeat=4)]
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(np.quantile(every, [0.025, 0.975]), abs=0.05)


# Folds


@pytest.mark.parametrize("n_subjects", [8, 9, 12, 13])
def test_grouped_folds__any_number__disjoint_and_each_tested_once(n_subjects, eegmat_like):
    task = eegmat_like(n_subjects)
    folds = grouped_folds(task, 3)
    for fold, following in zip(folds, folds[1:] + folds[:1], strict=True):
        parts = [set(task.subjects[rows]) for rows in (fold.train, fold.validation, fold.test)]
        assert sum(map(len, parts)) == n_subjects
        assert set.union(*parts) == set(range(n_subjects))
        assert parts[1] == set(task.subjects[following.test])
    tested = np.concatenate([fold.test for fold in folds])
    assert np.array_equal(np.sort(tested), np.arange(len(task.y)))


def test_grouped_folds__thirty_two_subjects__first_fold_tests_on_the_first_four(eegmat_like):
    folds = grouped_folds(eegmat_like(32))
    subjects = eegmat_like(32).subjects
    assert [sorted(set(subjects[fold.test].tolist())) for fold in folds] == [
        list(range(i, i + 4)) for i in range(0, 32, 4)
    ]


def test_official_fold__all_subjects__published_split(eegmat_like):
    task = eegmat_like(36)
    fold = official_fold(task)
    assert set(task.subjects[fold.train]) == set(range(28))
    assert set(task.subjects[fold.validation]) == set(range(28, 32))
    assert set(task.subjects[fold.scored]) == set(range(32, 36))


def test_with_fewer_subjects__sizes__nested_and_test_untouched(task):
    fold = grouped_folds(task, 2)[0]
    fewer = [with_fewer_subjects(task, fold, n, seed=1) for n in (1, 2, 4)]
    subjects = [set(task.subjects[f.train]) for f in fewer]
    assert [len(s) for s in subjects] == [1, 2, 4]
    assert subjects[0] < subjects[1] < subjects[2]
    assert all(np.array_equal(f.test, fold.test) for f in fewer)


def test_with_fewer_subjects__as_many_as_there_are__fold_of_the_table(task):
    fold = grouped_folds(task, 2)[0]
    n_subjects = len(np.unique(task.subjects[fold.train]))
    assert with_fewer_subjects(task, fold, n_subjects, seed=1) is fold
    assert with_fewer_subjects(task, fold, n_subjects - 1, seed=1).split != fold.split


def test_with_fewer_subjects__one_of_many__other_people_in_other_folds(eegmat_like):
    task = eegmat_like(32)
    folds = [with_fewer_subjects(task, fold, 1, seed=0) for fold in grouped_folds(task, 4)]
    chosen = [np.unique(task.subjects[fold.train]).item() for fold in folds]
    # Drawn alike in all folds it would be three people.
    assert len(set(chosen)) >= 5


# Features


def test_summaries__filters_of_the_weights__what_the_default_embedding_holds_beside_tokens(task):
    arguments = argparse.ArgumentParser()
    add_common_options(arguments)
    chosen = choose(arguments.parse_args([]), ["summaries"], True)
    filters = chosen.settings.filters
    assert filters["l_freq"] is not None
    embedding = compute("embedding", task, {}, "tiny", filters)
    summaries = compute("summaries", task, {}, "tiny", filters)
    np.testing.assert_allclose(summaries, embedding[:, 200:], atol=1e-5)
    covariance = compute("log-covariance", task, {}, "tiny", filters)
    np.testing.assert_allclose(covariance, embedding[:, -190:], atol=1e-5)
    without = compute("summaries", task, {}, "tiny", dict.fromkeys(filters))
    assert np.abs(without - summaries).max() > 0.1


def test_as_task__one_class__says_which():
    windows = make_eeg(4, 4, duration=1, random_state=0)
    one = Windows(
        windows.X, windows.y * 0, windows.subjects, windows.ch_names, 200.0, windows.classes
    )
    with pytest.raises(ValueError, match="one class only"):
        as_task("simulated", one)


def test_grouped_folds__a_fold_of_one_class__says_so_before_any_training():
    windows = make_eeg(6, 4, duration=1, random_state=0)
    windows.y[windows.subjects < 2] = 0
    with pytest.raises(ValueError, match=r"fold 1 .* all of class 'rest'"):
        grouped_folds(as_task("simulated", windows), 2)
