"""Filters and references, against MNE, sinusoids and properties."""

import subprocess
import sys
import warnings

import mne
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.filters.filtering import FilterSettings, filter_continuous, filter_epochs

SFREQ = 250.0
FILTERS = (filter_continuous, lambda x, *args, **kw: filter_epochs(x[None], *args, **kw)[0])


def sinusoid(frequency, seconds=30, sfreq=SFREQ, amplitude=20.0):
    times = np.arange(round(seconds * sfreq)) / sfreq
    return amplitude * np.sin(2 * np.pi * frequency * times + 0.7)[None]


def white_noise(n_channels=3, seconds=30, sfreq=SFREQ):
    return 20 * np.random.default_rng(0).normal(size=(n_channels, round(seconds * sfreq)))


def raw_of(signals, sfreq=SFREQ):
    info = mne.create_info(len(signals), sfreq, "eeg")
    return mne.io.RawArray(signals, info, copy="data", verbose="error")


def relative_error(result, expected):
    return np.sqrt(np.mean((result - expected) ** 2) / np.mean(expected**2))


@pytest.mark.parametrize(
    ("l_freq", "h_freq"), [(0.5, 40), (1, None), (None, 30), (0.3, 75), (8, 12)]
)
def test_band_pass__recording__equals_mne(l_freq, h_freq):
    signals = white_noise()
    expected = raw_of(signals).filter(l_freq, h_freq, verbose="error").get_data()
    result = filter_continuous(signals, SFREQ, FilterSettings.checked(l_freq, h_freq))
    assert_allclose(result, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("l_freq", "h_freq"), [(0.5, 40), (1, None), (None, 30), (0.3, 75), (8, 12)]
)
def test_band_pass__long_epochs__equal_mne_in_the_middle(l_freq, h_freq):
    signals = white_noise(seconds=60)
    expected = raw_of(signals).filter(l_freq, h_freq, verbose="error").get_data()
    result = filter_epochs(signals[None], SFREQ, FilterSettings.checked(l_freq, h_freq))[0]
    # MNE's window lets a little more through around the edges of the band.
    middle = slice(15 * 250, -15 * 250)
    assert relative_error(result[:, middle], expected[:, middle]) < 0.04


@pytest.mark.parametrize("apply", FILTERS)
def test_notch__long_signals__equals_mne_with_harmonics(apply):
    signals = white_noise()
    expected = raw_of(signals).notch_filter([50, 100], verbose="error").get_data()
    assert_allclose(apply(signals, SFREQ, FilterSettings.checked(notch=50)), expected, atol=1e-9)


@pytest.mark.parametrize("frequency", [2, 10, 38])
def test_band_pass__sinusoid_inside__comes_through_in_phase(frequency):
    signal = sinusoid(frequency)
    result = filter_continuous(signal, SFREQ, FilterSettings.checked(1, 40))
    middle = slice(5 * 250, -5 * 250)
    assert relative_error(result[:, middle], signal[:, middle]) < 0.01


@pytest.mark.parametrize("frequency", [0.05, 52, 90])
def test_band_pass__sinusoid_outside__is_gone(frequency):
    result = filter_continuous(sinusoid(frequency, 60), SFREQ, FilterSettings.checked(1, 40))
    assert np.abs(result[:, 2500:-2500]).max() < 0.005 * 20


@pytest.mark.parametrize("seconds", [1, 3, 30])
@pytest.mark.parametrize("l_freq", [0.3, 1.0])
@pytest.mark.filterwarnings("ignore::sk_brainrvq.exceptions.EEGWarning")
def test_high_pass__offset_of_a_tenth_of_a_volt__leaves_no_trace(seconds, l_freq):
    signal = sinusoid(10, seconds)
    chosen = FilterSettings.checked(l_freq)
    result = filter_continuous(signal + 1e5, SFREQ, chosen)
    assert_allclose(result, filter_continuous(signal, SFREQ, chosen), atol=1e-8)


@pytest.mark.parametrize("chosen", [FilterSettings(h_freq=40.0), FilterSettings(notch=50.0)])
@pytest.mark.parametrize("n_times", [3, 60, 900, 5000])
@pytest.mark.filterwarnings("ignore::sk_brainrvq.exceptions.EEGWarning")
def test_no_high_pass__constant__is_kept(chosen, n_times):
    result = filter_continuous(np.full((2, n_times), 1e5), SFREQ, chosen)
    assert_allclose(result, 1e5, rtol=1e-12)


def test_all_filters__recording_like_biosemi__hum_and_offset_gone_and_alpha_kept():
    sfreq = 512.0
    alpha = sinusoid(10, 30, sfreq)
    hum = sum(sinusoid(50 * i, 30, sfreq, 100 / i) for i in range(1, 6))
    offsets = np.array([[-2e4], [5e3], [1e5]])
    chosen = FilterSettings.checked(0.5, 100, 50)
    result = filter_continuous(alpha + hum + offsets, sfreq, chosen)
    assert np.abs(result - alpha)[:, 2048:-2048].max() < 0.4


@pytest.mark.parametrize(
    ("chosen", "highpass", "lowpass"),
    [
        (FilterSettings(0.3, 75.0), 0.5, 45.0),
        (FilterSettings(0.5, 45.0), 0.5, 45.0),
        (FilterSettings(None, 125.0), 0.0, None),
        (FilterSettings(None, 500.0), 0.0, 125.0),
        (FilterSettings(notch=130.0), 0.0, None),
        (FilterSettings(), 0.0, None),
    ],
)
@pytest.mark.parametrize("apply", FILTERS)
def test_filter__nothing_left_to_filter__gives_the_same_bits(apply, chosen, highpass, lowpass):
    signals = white_noise() + 1e4
    result = apply(signals, SFREQ, chosen, highpass=highpass, lowpass=lowpass)
    assert_array_equal(result, signals)
    assert not np.shares_memory(result, signals)


def test_filter__only_the_high_pass_was_done__low_pass_remains():
    signals = white_noise()
    result = filter_continuous(signals, SFREQ, FilterSettings(0.3, 30.0), highpass=0.5, lowpass=40)
    expected = raw_of(signals).filter(None, 30, verbose="error").get_data()
    assert_allclose(result, expected, atol=1e-9)


@pytest.mark.parametrize("reference", [None, "average", ("a",)])
@pytest.mark.parametrize("apply", FILTERS)
def test_filter__input__is_not_changed(apply, reference):
    signals = white_noise()
    before = signals.copy()
    chosen = FilterSettings(1.0, 40.0, 50.0, reference)
    apply(signals, SFREQ, chosen, ch_names=["a", "b", "c"])
    assert_array_equal(signals, before)


def test_filter__integers_and_float32__give_float64():
    counts = white_noise().astype(np.int16)
    expected = filter_continuous(counts.astype(float), SFREQ, FilterSettings(1.0))
    for dtype in (np.int16, np.float32):
        result = filter_continuous(counts.astype(dtype), SFREQ, FilterSettings(1.0))
        assert result.dtype == np.float64
        assert_allclose(result, expected, atol=1e-9)


def test_average_reference__any_signals__channels_sum_to_zero():
    result = filter_continuous(white_noise(), SFREQ, FilterSettings(0.5, reference="average"))
    assert_allclose(result.sum(axis=0), 0, atol=1e-9)


def test_average_reference__one_channel__is_left_out_with_a_warning():
    signals = white_noise(1)
    with pytest.warns(EEGWarning, match="average of a single channel"):
        result = filter_continuous(signals, SFREQ, FilterSettings(reference="average"))
    assert_array_equal(result, signals)


@pytest.mark.parametrize("reference", [("Cz",), ("A1", "A2"), ("A1", "Cz")])
def test_named_reference__like_mne__subtracts_their_mean_and_keeps_them(reference):
    names = ["Cz", "A1", "A2", "O1"]
    signals = white_noise(4)
    info = mne.create_info(names, SFREQ, "eeg")
    raw = mne.io.RawArray(signals, info, copy="data", verbose="error")
    raw.set_eeg_reference(list(reference), verbose="error")
    chosen = FilterSettings.checked(reference=reference)
    result = filter_continuous(signals, SFREQ, chosen, ch_names=names)
    assert_allclose(result, raw.get_data(), atol=1e-9)


def test_named_reference__decorated_name__is_found():
    signals = white_noise(2)
    chosen = FilterSettings.checked(reference="t3")
    result = filter_continuous(signals, SFREQ, chosen, ch_names=["EEG O1-REF", "EEG T7-REF"])
    assert_allclose(result, signals - signals[1])


def test_named_reference__unknown_or_nameless__error_says_what_there_is():
    chosen = FilterSettings.checked(reference=["M1"])
    with pytest.raises(InvalidEEGError, match="'M1' is not among the channels: Cz, O1"):
        filter_continuous(white_noise(2), SFREQ, chosen, ch_names=["Cz", "O1"])
    with pytest.raises(InvalidEEGError, match="have no channel names"):
        filter_continuous(white_noise(2), SFREQ, chosen)
    with pytest.raises(InvalidEEGError, match="could be any of 'EEG M1', 'M1-REF'"):
        filter_continuous(white_noise(2), SFREQ, chosen, ch_names=["EEG M1", "M1-REF"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"l_freq": 40, "h_freq": 1}, "l_freq=40 and h_freq=1 were given; expected l_freq"),
        ({"l_freq": 5, "h_freq": 5}, "below h_freq"),
        ({"l_freq": -1}, "l_freq=-1 was given; expected a frequency in Hz above 0"),
        ({"h_freq": 0}, "h_freq=0 was given"),
        ({"h_freq": np.nan}, "h_freq=nan was given"),
        ({"l_freq": "0.5"}, "l_freq='0.5' was given"),
        ({"l_freq": [1, 2]}, r"l_freq=\[1, 2\] was given"),
        ({"notch": True}, "notch=True was given"),
        ({"notch": -50}, "notch=-50 was given"),
        ({"reference": 3}, "reference=3 was given; expected None"),
        ({"reference": []}, r"reference=\[\] was given"),
        ({"reference": ["Cz", 1]}, "names of the channels"),
    ],
)
def test_settings__senseless_value__error_says_which(values, message):
    with pytest.raises(InvalidEEGError, match=message):
        FilterSettings.checked(**values)


def test_settings__usable_values__are_normalised():
    chosen = FilterSettings.checked(np.float32(0), np.int64(40), 16.7, ["Cz", "Cz"])
    assert chosen == FilterSettings(None, 40.0, 16.7, ("Cz",))
    assert hash(chosen) == hash(FilterSettings(None, 40.0, 16.7, ("Cz",)))


def test_high_pass__at_the_nyquist_frequency__is_an_error():
    with pytest.raises(InvalidEEGError, match=r"l_freq=60 Hz.*less than 50 Hz"):
        filter_continuous(white_noise(), 100.0, FilterSettings(60.0))


@pytest.mark.parametrize("n_times", [1, 2, 40, 250, 1000, 2750])
def test_short_epochs__high_pass__one_warning_with_lengths(n_times):
    epochs = white_noise()[None, :, :n_times]
    needed = len(mne.filter.create_filter(None, SFREQ, 0.3, 75, verbose="error"))
    with pytest.warns(EEGWarning) as caught:
        filter_epochs(epochs, SFREQ, FilterSettings(0.3, 75.0))
    assert len(caught) == 1
    message = str(caught[0].message)
    assert f"({n_times} samples)" in message
    assert f"({needed} samples)" in message
    assert "mirrored" in message


@pytest.mark.parametrize(
    ("l_freq", "h_freq"), [(0.3, 75), (None, 40), (2, 119), (1, None), (11, 13)]
)
def test_epochs__just_as_long_as_mnes_filter__bring_no_warning(l_freq, h_freq):
    length = len(mne.filter.create_filter(None, SFREQ, l_freq, h_freq, verbose="error"))
    chosen = FilterSettings.checked(l_freq, h_freq)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filter_epochs(white_noise()[None, :, :length], SFREQ, chosen)
    with pytest.warns(EEGWarning, match=rf"\({length} samples\)"):
        filter_epochs(white_noise()[None, :, : length - 1], SFREQ, chosen)


@pytest.mark.parametrize(
    ("n_times", "message"), [(500, "sinusoids were subtracted"), (9, "it was not removed")]
)
def test_short_epochs__notch__warning_says_what_was_done(n_times, message):
    with pytest.warns(EEGWarning, match=message):
        filter_epochs(white_noise()[None, :, :n_times], SFREQ, FilterSettings(notch=50.0))


@pytest.mark.parametrize("seconds", [0.2, 1, 2, 5])
@pytest.mark.filterwarnings("ignore::sk_brainrvq.exceptions.EEGWarning")
def test_short_epochs__hum__is_gone_and_alpha_kept(seconds):
    alpha = sinusoid(10, seconds)
    hum = sinusoid(50.02, seconds, amplitude=100) + sinusoid(100.04, seconds, amplitude=30)
    result = filter_epochs((alpha + hum)[None], SFREQ, FilterSettings(notch=50.0))[0]
    assert relative_error(result, alpha) < 0.15


@pytest.fixture(scope="module")
def recording(request):
    """A minute of EEGMAT, five channels, in microvolts, with drift and offset."""
    folder = request.getfixturevalue("eegmat_folder")
    raw = mne.io.read_raw_edf(folder / "Subject03_2.edf", verbose="error")
    names = [name for name in raw.ch_names if "ECG" not in name][::4]
    data = 1e6 * raw.get_data(picks=names, start=0, stop=30_000)
    drift = np.cumsum(np.random.default_rng(0).normal(size=data.shape), axis=1)
    return data + drift + 1e4


@pytest.mark.parametrize(("l_freq", "seconds"), [(0.3, 5), (0.5, 2), (1, 2), (1, 5), (1, 10)])
@pytest.mark.filterwarnings("ignore::sk_brainrvq.exceptions.EEGWarning")
def test_epochs_of_real_eeg__high_pass__nearer_to_the_filtered_recording_than_mne(
    recording, l_freq, seconds
):
    length = 500 * seconds

    def cut(signals):
        whole = signals[:, : signals.shape[1] // length * length]
        return whole.reshape(len(signals), -1, length).swapaxes(0, 1)[1:-1]

    expected = cut(mne.filter.filter_data(recording, 500, l_freq, 45, verbose="error"))
    epochs = cut(recording)
    centred = epochs - epochs.mean(axis=-1, keepdims=True)
    mnes = mne.filter.filter_data(centred, 500, l_freq, 45, verbose="error")
    ours = relative_error(filter_epochs(epochs, 500.0, FilterSettings(l_freq, 45.0)), expected)
    assert ours < 0.5
    assert ours < 0.85 * relative_error(mnes, expected)


SHARE_OF_NYQUIST = st.none() | st.floats(1e-5, 1.1)


@settings(deadline=None, max_examples=150)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3000)),
    sfreq=st.floats(1, 1e5) | st.sampled_from([1.0, 100.0, 101.0, 250.0, 1e5]),
    edges=st.tuples(SHARE_OF_NYQUIST, SHARE_OF_NYQUIST),
    notch=st.sampled_from([None, 50.0, 60.0]) | st.floats(1e-3, 1e4),
    reference=st.sampled_from([None, "average"]),
    offset=st.sampled_from([0.0, 1e5]),
)
@pytest.mark.filterwarnings("ignore::sk_brainrvq.exceptions.EEGWarning")
def test_filter__anything__gives_finite_signals_of_the_same_shape_or_says_why_not(
    shape, sfreq, edges, notch, reference, offset
):
    epochs = offset + 20 * np.random.default_rng(0).normal(size=shape)
    band = [None if edge is None else edge * sfreq / 2 for edge in edges]
    try:
        chosen = FilterSettings.checked(*band, notch, reference)
        result = filter_epochs(epochs, sfreq, chosen)
        continuous = filter_continuous(epochs[0], sfreq, chosen)
    except InvalidEEGError as error:
        assert "l_freq" in str(error)  # noqa: PT017 - only this setting can be wrong here
        return
    assert result.shape == shape
    assert np.isfinite(result).all()
    assert continuous.shape == shape[1:]
    assert np.isfinite(continuous).all()


def test_import__filtering_and_resampling__leaves_mne_out():
    code = (
        "import sys, sk_brainrvq.signals.filters.filtering, "
        "sk_brainrvq.signals.filters.resampling, sk_brainrvq.signals.units; "
        "assert 'mne' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
