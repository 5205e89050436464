import numpy as np
import pytest
from scipy.signal import welch

from sk_brainrvq import BrainRVQEmbedder
from sk_brainrvq.datasets import make_eeg, make_montages


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


def test_make_eeg__place_and_band__the_task_weakens_that_rhythm_only():
    windows = make_eeg(4, 20, place="C4", band=(13, 30), effect=0.7, random_state=0)
    known, fell = {name: i for i, name in enumerate(windows.ch_names)}, {}
    for low, high in ((8, 13), (14, 29)):
        power = np.log(band(windows.X, low, high, 200))
        fell[low] = power[windows.y == 0].mean(0) - power[windows.y == 1].mean(0)
    assert fell[14].argmax() == known["C4"]
    assert fell[14][known["C4"]] > 1
    assert fell[14][[known["F7"], known["O1"]]].max() < 0.2
    assert fell[8].max() < 0.4  # posterior alpha, too, is as it was
    np.testing.assert_array_equal(make_eeg(1, 2, place="Pz", random_state=0).X.shape, (2, 19, 1000))


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
        ({"band": (8, 13)}, r"band=\(8, 13\) was given without a place"),
        ({"place": "C4", "band": (13, 8)}, r"band=\(13, 8\) was given"),
        ({"place": "A7"}, "place='A7'"),
    ],
)
def test_make_eeg__bad_argument__error_names_it(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_eeg(**arguments)


def test_make_eeg__one_name_for_names__no_channels_of_its_letters():
    with pytest.raises(TypeError, match=r"ch_names='Cz' was given; expected a list, \['Cz'\]"):
        make_eeg(ch_names="Cz")


def test_repr__of_windows__sizes_in_one_line():
    windows = make_eeg(n_subjects=2, n_windows=4, duration=2, random_state=0)
    assert repr(windows) == (
        "<Windows: 8 of 19 channels, 2 s at 200 Hz; 2 subjects; classes rest, task>"
    )
    windows.X = windows.X[0]
    assert repr(windows).startswith("<Windows: X of shape (19, 400), not")


def hum(windows, frequency):
    frequencies, power = welch(windows.X, fs=windows.sfreq, nperseg=1000)
    near = power[..., np.abs(frequencies - frequency) < 0.5].max(-1)
    return (near / power[..., np.abs(frequencies - frequency - 4) < 1].mean(-1)).mean()


@pytest.mark.parametrize(("line_freq", "present"), [(50, 50), (60, 60), (None, None)])
def test_make_eeg__line_freq__hum_there_and_nowhere_else(line_freq, present):
    windows = make_eeg(2, 10, line_freq=line_freq, random_state=0)
    for frequency in (50, 60):
        assert (hum(windows, frequency) > 5) == (frequency == present)


def test_make_eeg__numbers_of_a_seed__as_in_the_first_version():
    windows = make_eeg(2, 4, random_state=3)
    expected = [4.5155, -2.6368, 5.3364]
    np.testing.assert_allclose(windows.X[[0, 3, 7], [0, 8, 18], [0, 500, 999]], expected, rtol=1e-4)


def test_make_montages__montages_and_rates__taken_in_turn():
    montages = [["Fz", "Cz", "Oz"], ["C3", "C4"]]
    parts = make_montages(
        5, 4, montages=montages, sfreqs=[200, 256, 500], duration=2, random_state=0
    )
    assert [part.ch_names for part in parts] == [montages[i % 2] for i in range(5)]
    assert [part.X.shape[-1] for part in parts] == [400, 512, 1000, 400, 512]
    assert [set(part.subjects.tolist()) for part in parts] == [{i} for i in range(5)]
    assert all(part.y.tolist() == [0, 0, 1, 1] for part in parts)


def test_make_montages__same_seed__same_signals_of_different_subjects():
    first, second = (make_montages(4, 2, random_state=1) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.X, b.X)
    assert not np.array_equal(first[0].X, first[3].X)  # of one montage


def test_make_montages__as_epochs__one_fit_takes_all():
    parts = make_montages(3, 4, duration=2, sfreqs=[200, 250], random_state=0)
    embedder = BrainRVQEmbedder(weights=None, architecture="tiny", random_state=0)
    epochs = [part.to_epochs() for part in parts]
    assert len(embedder.fit(epochs).transform(epochs)) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_subjects": 0}, "n_subjects=0"),
        ({"montages": []}, "0 montages"),
        ({"sfreqs": []}, "0 rates"),
        ({"line_freq": 0}, "line_freq=0"),
    ],
)
def test_make_montages__bad_argument__error_names_it(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_montages(**arguments)


def test_make_eeg__no_sample_or_half_a_window__refused():
    with pytest.raises(
        ValueError, match=r"duration=0.001 s at sfreq=200.0 Hz.*at least one sample"
    ):
        make_eeg(1, 2, duration=0.001)
    with pytest.raises(TypeError, match=r"n_windows=2.5 were given; expected whole numbers"):
        make_eeg(1, 2.5)


def test_make_montages__random_state_object__as_make_eeg_takes_it():
    first, second = (
        make_montages(2, 2, random_state=np.random.RandomState(5))[1].X for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    with pytest.raises(
        TypeError, match=r"montages holds \['Fp1', 'Cz'\]; expected a list of names"
    ):
        make_montages(2, 2, montages=["Fp1", "Cz"])
