"""The importance of patches; the subpackage as a whole."""

import subprocess
import sys

import mne
import numpy as np
import pytest

from sk_brainrvq import viz
from sk_brainrvq.datasets import make_eeg
from sk_brainrvq.exceptions import EEGWarning
from sk_brainrvq.viz import plot_importance


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
    assert ax.get_xlabel() == "Time (s)"
    assert ax.get_ylabel() == "Channel"
    assert ax.get_xlim() == (0, 5)
    assert any(axis.get_ylabel() == "Importance (0 to 1)" for axis in ax.figure.axes)


def test_plot_importance__epochs__same_as_array(windows, epochs):
    ours = plot_importance(epochs, epoch=2)
    array = plot_importance(windows.X, ch_names=windows.ch_names, epoch=2)
    np.testing.assert_allclose(ours.images[0].get_array(), array.images[0].get_array(), atol=1e-4)
    assert [label.get_text() for label in ours.get_yticklabels()] == windows.ch_names


def test_plot_importance__channel_of_unknown_place__has_none_and_changes_no_other(windows):
    shown = windows.X[:, :3], windows.X[:, [0, 1, 3, 2]] * np.array([1, 1, 50, 1])[:, None]
    names = windows.ch_names[:3]
    plain = plot_importance(shown[0], ch_names=names, sfreq=200)
    beside = plot_importance(shown[1], ch_names=[*names[:2], "X1", names[2]], sfreq=200)
    scores = np.ma.filled(beside.images[0].get_array(), np.nan)
    assert np.isnan(scores[2]).all()
    np.testing.assert_array_equal(scores[[0, 1, 3]], plain.images[0].get_array())


def test_plot_importance__raw__its_windows(windows, epochs):
    signals = np.concatenate(list(windows.X), axis=1) * 1e-6
    raw = mne.io.RawArray(signals, epochs.info, verbose="error")
    ours = plot_importance(raw, window=5, epoch=2)
    array = plot_importance(windows.X, sfreq=windows.sfreq, epoch=2)
    assert ours.get_xlim() == (0, 5)
    assert [label.get_text() for label in ours.get_yticklabels()] == windows.ch_names
    if windows.sfreq == 200:  # else a recording is resampled whole, not window by window
        scores = array.images[0].get_array()
        np.testing.assert_allclose(ours.images[0].get_array(), scores, atol=1e-4)


def test_plot_importance__volts__unit_as_the_warning_advises():
    X = make_eeg(1, 4, random_state=0).X
    expected = plot_importance(X).images[0].get_array()
    with pytest.warns(EEGWarning, match="Pass unit='V'"):
        plot_importance(X * 1e-6)
    result = plot_importance(X * 1e-6, unit="V").images[0].get_array()
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_plot_importance__row_height__is_what_the_title_says():
    X = np.zeros((1, 1, 400), np.float32)
    X[0, 0] = 30 * np.sign(np.sin(2 * np.pi * 5 * (np.arange(400) + 0.5) / 200))
    ax = plot_importance(X)
    low, high = ax.lines[0].get_ydata().min(), ax.lines[0].get_ydata().max()
    # 60 microvolts from top to bottom, in rows of height 1.
    microvolts = float(ax.get_title(loc="left").split("row is ")[1].split(" µV")[0])
    assert 60 / (high - low) == pytest.approx(microvolts, abs=0.6)


def test_plot_importance__same_seed__same_mask():
    X = make_eeg(1, 4, random_state=0).X
    first, second = (len(plot_importance(X, random_state=5).patches) for _ in range(2))
    assert first == second


def test_plot_importance__bad_input__clear_error():
    X = make_eeg(1, 4, random_state=0).X
    with pytest.raises(ValueError, match="epoch=4 was given; expected a number from 0 to 3"):
        plot_importance(X, epoch=4)
    with pytest.raises(ValueError, match=r"2 names \('a', 'b'\) for 19 channels"):
        plot_importance(X, ch_names=["a", "b"])
    with pytest.raises(ValueError, match=r"X has 1 dimensions .*expected \(n_epochs, n_channels"):
        plot_importance(X[0, 0])
    with pytest.raises(ValueError, match=r"info_weight=1\.5 was given"):
        plot_importance(X, info_weight=1.5)


@pytest.mark.parametrize("name", viz.__all__)
def test_viz__public_function__takes_ax_and_has_a_picture_in_its_docstring(name):
    function = getattr(viz, name)
    assert "ax" in function.__kwdefaults__
    assert function.__kwdefaults__["ax"] is None
    assert ".. plot::" in function.__doc__


def test_viz__no_matplotlib__says_how_to_get_it():
    code = """
import sys
sys.modules["matplotlib"] = None
try:
    import sk_brainrvq.viz
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "needs matplotlib: pip install matplotlib" in result.stdout
