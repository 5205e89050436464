import numpy as np
import pytest
from scipy.signal import welch

from sk_brainrvq.datasets import make_eeg


def band(X, low, high, sfreq):
    frequencies, power = welch(X, fs=sfreq, nperseg=int(2 * sfreq))
    return power[..., (frequencies >= low) & (frequencies < high)].mean(-1)


def test_make_eeg__task__weakens_posterior_alpha():
    windows = make_eeg(n_subjects=3, n_windows=20, effect=0.6, random_state=0)
    alpha = band(windows.X[:, windows.ch_names.index("O1")], 8, 13, 200)
    for subject in range(3):
        own = windows.subjects == subject
        rest, task = alpha[own & (windows.y == 0)], alpha[own & (windows.y == 1)]
        assert np.median(task) < 0.5 * np.median(rest)


def test_make_eeg__no_effect__classes_alike():
    windows = make_eeg(n_subjects=8, n_windows=20, effect=0.0, random_state=0)
    alpha = np.log(band(windows.X[:, windows.ch_names.index("O1")], 8, 13, 200))
    difference = alpha[windows.y == 0].mean() - alpha[windows.y == 1].mean()
    assert abs(difference) < 0.3 * alpha.std()


def test_make_eeg__background__falls_with_frequency():
    windows = make_eeg(n_subjects=2, n_windows=10, random_state=0)
    central = windows.X[:, windows.ch_names.index("Cz")]
    assert band(central, 2, 4, 200).mean() > 3 * band(central, 20, 30, 200).mean()


def test_make_eeg__same_seed__same_signals():
    first, second = (make_eeg(2, 4, random_state=3) for _ in range(2))
    np.testing.assert_array_equal(first.X, second.X)
    assert not np.array_equal(first.X, make_eeg(2, 4, random_state=4).X)


def test_make_eeg__other_montage_and_rate__shape_follows():
    windows = make_eeg(1, 3, duration=2, sfreq=128, ch_names=["Fz", "Oz"], random_state=0)
    assert windows.X.shape == (3, 2, 256)
    assert windows.X.dtype == np.float32
    assert windows.ch_names == ["Fz", "Oz"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_subjects": 0}, "n_subjects=0"),
        ({"effect": 2.0}, "effect=2.0"),
        ({"ch_names": []}, "0 channels"),
    ],
)
def test_make_eeg__bad_argument__error_names_it(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_eeg(**arguments)
