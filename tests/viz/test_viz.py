import matplotlib as mpl
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sk_brainrvq import DDRVQTransformer
from sk_brainrvq.datasets import load_eegmat, make_eeg
from sk_brainrvq.viz import plot_importance, plot_reconstruction

mpl.use("Agg")


@pytest.fixture(scope="module", params=["simulated", "real"])
def windows(request):
    if request.param == "simulated":
        return make_eeg(2, 6, random_state=0)
    return load_eegmat(request.getfixturevalue("eegmat_folder"), [31])


def fitted(windows):
    return DDRVQTransformer(
        architecture="tiny",
        max_epochs=1,
        sfreq=windows.sfreq,
        ch_names=windows.ch_names,
        random_state=0,
    ).fit(windows.X)


def test_plot_reconstruction__levels__original_and_reconstruction_in_microvolts(windows):
    tokenizer = fitted(windows)
    axes = plot_reconstruction(tokenizer, windows.X, epoch=2, channel=4)
    assert len(axes) == 3
    for level, axis in enumerate(axes, start=1):
        original, rebuilt = (line.get_ydata() for line in axis.lines)
        np.testing.assert_allclose(original, windows.X[2, 4])
        expected = tokenizer.reconstruct(windows.X[2:3], n_levels=level)[0, 4]
        np.testing.assert_allclose(rebuilt, expected, rtol=1e-5)
        assert axis.get_ylabel() == "µV"
        assert "level" in axis.get_title(loc="left")
    assert axes[-1].get_xlabel() == f"Time (s), {windows.ch_names[4]}"
    mpl.pyplot.close("all")


def test_plot_reconstruction__bad_input__clear_error():
    windows = make_eeg(1, 4, random_state=0)
    with pytest.raises(NotFittedError):
        plot_reconstruction(DDRVQTransformer(), windows.X)
    tokenizer = fitted(windows)
    with pytest.raises(ValueError, match="epoch=9 and channel=0 were given for X of shape"):
        plot_reconstruction(tokenizer, windows.X, epoch=9)
    _, ax = mpl.pyplot.subplots(2)
    with pytest.raises(ValueError, match="2 axes were given for 3 levels"):
        plot_reconstruction(tokenizer, windows.X, ax=ax)
    mpl.pyplot.close("all")


def test_plot_importance__epoch__scores_mask_and_signals(windows):
    ax = plot_importance(windows.X, ch_names=windows.ch_names, sfreq=windows.sfreq, epoch=1)
    scores = ax.images[0].get_array()
    assert scores.shape == (len(windows.ch_names), 5)
    assert scores.min() >= 0
    assert scores.max() <= 1
    hidden = [patch for patch in ax.patches if patch.get_hatch()]
    assert 0.2 * scores.size < len(hidden) <= 0.5 * scores.size
    assert len(ax.lines) == len(windows.ch_names)
    assert [label.get_text() for label in ax.get_yticklabels()] == windows.ch_names
    assert "(s)" in ax.get_xlabel()
    mpl.pyplot.close("all")


def test_plot_importance__same_seed__same_mask():
    X = make_eeg(1, 4, random_state=0).X
    first, second = (len(plot_importance(X, random_state=5).patches) for _ in range(2))
    assert first == second
    mpl.pyplot.close("all")


def test_plot_importance__bad_input__clear_error():
    X = make_eeg(1, 4, random_state=0).X
    with pytest.raises(ValueError, match="epoch=4 was given for X of shape"):
        plot_importance(X, epoch=4)
    with pytest.raises(ValueError, match="2 ch_names were given for 19 channels"):
        plot_importance(X, ch_names=["a", "b"])
    mpl.pyplot.close("all")
