"""Pictures of trainings and of embeddings."""

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from sk_brainrvq import BrainRVQClassifier, BrainRVQEmbedder, BrainRVQPretrainer
from sk_brainrvq.viz import plot_embedding, plot_training


def lines_of(axis):
    return {line.get_label(): line.get_ydata() for line in axis.lines}


def test_plot_training__tokenizer__lines_are_the_history(tokenizer):
    history = tokenizer.history_
    loss, parts, perplexity, rate = plot_training(tokenizer)
    np.testing.assert_allclose(lines_of(loss)["training"], [row["train_loss"] for row in history])
    assert set(lines_of(parts)) == {
        "waveform",
        "amplitude",
        "phase",
        "log standard deviation",
        "commitment, time",
        "commitment, frequency",
    }
    np.testing.assert_allclose(lines_of(parts)["phase"], [row["phase"] for row in history])
    assert len(perplexity.lines) == 6
    np.testing.assert_allclose(
        lines_of(perplexity)["frequency, level 2"], [row["perplexity"][1][1] for row in history]
    )
    assert [axis.get_ylabel() for axis in (loss, parts, perplexity, rate)] == [
        "Loss (no unit)",
        "Loss (no unit)",
        "Perplexity (codes)",
        "Learning rate (per step)",
    ]
    assert {axis.get_xlabel() for axis in (loss, parts, perplexity, rate)} == {"Epoch"}


def test_plot_training__learning_rate__a_point_a_step_with_warm_up(tokenizer):
    epochs, rates = plot_training(tokenizer, panels=["lr"])[0].lines[0].get_data()
    assert len(rates) == 2 * 3  # two epochs of three batches
    assert epochs[-1] == 2
    assert rates.max() == pytest.approx(tokenizer.lr, rel=0.05)
    assert rates[-1] < 0.5 * tokenizer.lr


def test_plot_training__pretrainer__accuracy_in_per_cent_of_validation_data(pretrainer):
    loss, accuracy, _ = plot_training(pretrainer)
    assert set(lines_of(loss)) == {"training", "validation"}
    assert loss.get_ylabel() == "Loss (nats)"
    expected = [100 * row["valid_accuracies"][0][0] for row in pretrainer.history_]
    np.testing.assert_allclose(lines_of(accuracy)["time, level 1"], expected)
    assert accuracy.get_title(loc="left") == "Codes of hidden seconds, validation"
    styles = {(line.get_color(), line.get_linestyle()) for line in accuracy.lines}
    assert len(styles) == 6


def test_plot_training__classifier__scores_of_validation_data(windows):
    classifier = BrainRVQClassifier(
        weights=None,
        architecture="tiny",
        max_epochs=2,
        validation=(windows.X, windows.y),
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        random_state=0,
    ).fit(windows.X, windows.y)
    loss, score, _ = plot_training(classifier)
    assert loss.get_ylabel() == "Loss (nats)"
    expected = [row["valid_auroc"] for row in classifier.history_]
    np.testing.assert_allclose(lines_of(score)["AUROC"], expected)


def test_plot_training__stopped_early__line_at_the_epoch_of_the_lowest_loss(windows):
    classifier = BrainRVQClassifier(
        weights=None,
        architecture="tiny",
        max_epochs=6,
        lr=0.02,
        validation=(windows.X, windows.y[::-1]),
        early_stopping=2,
        criterion="loss",
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        random_state=0,
    ).fit(windows.X, windows.y)
    best = 1 + np.argmin([row["valid_loss"] for row in classifier.history_])
    loss, score, rate = plot_training(classifier)
    for axis in (loss, score):
        (mark,) = [line for line in axis.lines if line.get_label() == "kept"]
        np.testing.assert_array_equal(mark.get_xdata(), best)
    assert "kept" not in lines_of(rate)


def test_plot_training__loaded_estimator__learning_rate_at_the_end_of_each_epoch(tokenizer):
    loaded = pickle.loads(pickle.dumps(tokenizer))
    by_step = plot_training(tokenizer, panels=["lr"])[0].lines[0].get_xydata()
    by_epoch = plot_training(loaded, panels=["lr"])[0].lines[0].get_xydata()
    assert len(by_epoch) == len(tokenizer.history_) < len(by_step)
    for epoch, rate in by_epoch:
        assert rate == pytest.approx(by_step[np.isclose(by_step[:, 0], epoch), 1].item())
    history = [{"train_loss": 3 - i, "lr": 0.1 * i} for i in range(3)]
    loss, rate = plot_training(history)
    np.testing.assert_allclose(loss.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_allclose(rate.lines[0].get_ydata(), [0, 0.1, 0.2])


def test_plot_training__bad_input__clear_error(windows, tokenizer):
    with pytest.raises(NotFittedError):
        plot_training(BrainRVQPretrainer())
    for nothing in (3, [], "history", {}):
        with pytest.raises(ValueError, match=r"holds no history; expected an estimator that"):
            plot_training(nothing)
    embedder = BrainRVQEmbedder(weights=tokenizer.weights_, sfreq=200).fit(windows.X)
    with pytest.raises(ValueError, match="BrainRVQEmbedder holds no history"):
        plot_training(embedder)
    with pytest.raises(ValueError, match="1 axes were given, but 2 are needed"):
        plot_training(tokenizer, panels=["loss", "parts"], ax=plt.figure().add_subplot())


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 8)) * np.arange(1, 9)


def points_of(ax):
    return np.concatenate([np.asarray(group.get_offsets()) for group in ax.collections])


def test_plot_embedding__pretrained_features__coloured_by_subject(windows, pretrainer):
    features = pretrainer.transform(windows.X)
    ax = plot_embedding(features, windows.subjects, label="subject")
    assert [text.get_text() for text in ax.get_legend().texts] == ["0", "1"]
    assert ax.get_legend().get_title().get_text() == "subject"
    scaled = StandardScaler().fit_transform(features)
    share = 100 * PCA(2).fit(scaled).explained_variance_ratio_
    assert ax.get_xlabel() == f"Component 1 (SD, {share[0]:.0f} % of the variance)"
    assert ax.get_ylabel() == f"Component 2 (SD, {share[1]:.0f} % of the variance)"


def test_plot_embedding__pca__principal_components_in_standard_deviations(features):
    labels = np.repeat([0, 1, 2], 10)
    ax = plot_embedding(features, labels, classes=["rest", "task", "sleep"])
    expected = PCA(2, whiten=True).fit_transform(StandardScaler().fit_transform(features))
    np.testing.assert_allclose(points_of(ax), expected, atol=1e-6)
    assert [text.get_text() for text in ax.get_legend().texts] == ["rest", "task", "sleep"]
    faces = {tuple(group.get_facecolor()[0]) for group in ax.collections}
    shapes = {group.get_paths()[0].vertices.tobytes() for group in ax.collections}
    assert len(faces) == len(shapes) == 3  # colour and marker both tell


def test_plot_embedding__many_subjects__no_two_look_alike():
    subjects = np.repeat(np.arange(36), 2)
    ax = plot_embedding(np.random.default_rng(0).normal(size=(72, 5)), subjects)
    looks = {
        (tuple(group.get_facecolor()[0]), group.get_paths()[0].vertices.tobytes())
        for group in ax.collections
    }
    assert len(looks) == 36


def test_plot_embedding__number__colour_bar_with_its_label(features):
    values = np.linspace(20, 60, 30)
    ax = plot_embedding(features, values, label="Age (years)")
    np.testing.assert_allclose(ax.collections[0].get_array(), values)
    assert any(axis.get_ylabel() == "Age (years)" for axis in ax.figure.axes)


def test_plot_embedding__methods__points_of_the_method(features):
    class FirstTwo:
        def fit_transform(self, X):
            return X[:, :2]

    ax = plot_embedding(features, method=FirstTwo())
    np.testing.assert_allclose(points_of(ax), StandardScaler().fit_transform(features)[:, :2])
    assert ax.get_xlabel() == "FirstTwo 1 (arbitrary unit)"
    first, second = (points_of(plot_embedding(features, method="tsne")) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(points_of(plot_embedding(features[:, :2])), features[:, :2])
    counts = np.random.default_rng(0).poisson(1, size=(20, 6))
    np.testing.assert_allclose(
        points_of(plot_embedding(csr_array(counts))), points_of(plot_embedding(counts))
    )


def test_plot_embedding__bad_input__clear_error(features):
    with pytest.raises(ValueError, match=r"y has shape \(3,\); expected \(30,\)"):
        plot_embedding(features, [0, 1, 2])
    with pytest.raises(ValueError, match="method='umap' was given; expected 'pca', 'tsne' or"):
        plot_embedding(features, method="umap")
    with pytest.raises(ValueError, match=r"PCA returned an array of shape \(30, 3\); expected"):
        plot_embedding(features, method=PCA(3))
    with pytest.raises(ValueError, match="y holds 100 groups, but only 70 can be distinguished"):
        plot_embedding(np.eye(100), np.arange(100))
    with pytest.raises(ValueError, match=r"classes=\('rest',\) does not name all of y: \[0, 1\]"):
        plot_embedding(features, np.arange(30) % 2, classes=["rest"])
    with pytest.raises(ValueError, match="Found array with dim 3"):
        plot_embedding(np.zeros((3, 4, 5)))
