"""Scaling, checking, cutting and padding of signals."""

import warnings

import numpy as np
import pytest

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import blocks as blocks_module
from sk_brainrvq.signals import blocks_from_array, prepare
from sk_brainrvq.signals.patches import rematch
from sk_brainrvq.signals.preparation import segment_bounds, to_patches
from sk_brainrvq.signals.sources.arrays import check_sfreq

NAMES = ["Fp1", "C3", "Cz", "O2"]


def prepared(X, sfreq=200, ch_names=NAMES, unit="uV", **settings):
    return prepare(blocks_from_array(X, sfreq, ch_names, unit), **settings)


def test_patches__whole_seconds__hold_the_signal_in_hundreds_of_microvolts(eeg):
    (group,) = prepared(eeg).groups
    assert group.patches.shape == (12, 4, 3, 200)
    assert group.patches.dtype == np.float32
    np.testing.assert_allclose(group.patches.reshape(12, 4, 600), eeg / 100, rtol=1e-6)
    assert group.epoch.tolist() == list(range(12))
    assert group.segment.tolist() == [0] * 12
    assert group.n_patches == 3


@pytest.mark.parametrize(("unit", "factor"), [("V", 1e-6), ("mV", 1e-3), ("uV", 1), ("µV", 1)])
def test_unit__volts_to_microvolts__patches_are_the_same(eeg, unit, factor):
    expected = prepared(eeg).groups[0].patches
    actual = prepared(eeg * factor, unit=unit).groups[0].patches
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_unit__unknown__error_lists_the_known():
    with pytest.raises(InvalidEEGError, match=r"unit='volts' was given; expected one of 'uV'"):
        prepared(np.ones((1, 4, 200)), unit="volts")


def test_dtype__integers_and_float32__patches_are_the_same(eeg):
    whole = eeg.round()
    expected = prepared(whole).groups[0].patches
    for dtype in (np.int16, np.int64, np.float32):
        actual = prepared(whole.astype(dtype)).groups[0].patches
        np.testing.assert_array_equal(actual, expected)


def test_input__prepared__is_left_as_it_was(eeg):
    before = eeg.copy()
    prepared(eeg, sfreq=250)
    np.testing.assert_array_equal(eeg, before)


def test_amplitude__volts_given_as_microvolts__warning_says_what_to_set(eeg):
    with pytest.warns(EEGWarning, match=r"looks like volts.*unit='V'"):
        prepared(eeg * 1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.01, 0.0])
def test_amplitude__small_or_silent__no_warning(eeg, scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared(eeg * scale)


@pytest.mark.parametrize(
    ("value", "what"),
    [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity"), (2e9, "2e\\+09 microvolts")],
)
@pytest.mark.parametrize("chunk_samples", [1, 5 * 2400, 2**24])
def test_bad_value__anywhere__error_names_first_epoch_and_channel(
    eeg, value, what, chunk_samples, monkeypatch
):
    monkeypatch.setattr(blocks_module, "_CHUNK_SAMPLES", chunk_samples)
    eeg[7, 2, 33] = value
    eeg[9, 0, 0] = np.nan
    with pytest.raises(InvalidEEGError, match=rf"{what}, first at epoch 7, 'Cz', sample 33"):
        prepared(eeg)
    with pytest.raises(InvalidEEGError, match=rf"{what}, first at epoch 7, channel 2, sample 33"):
        prepared(eeg, ch_names=None, warn=False)


@pytest.mark.parametrize("chunk_samples", [1, 5 * 2400, 2**24])
def test_conversion__in_chunks__patches_are_the_same(eeg, chunk_samples, monkeypatch):
    expected = prepared(eeg, sfreq=250).groups[0].patches
    monkeypatch.setattr(blocks_module, "_CHUNK_SAMPLES", chunk_samples)
    np.testing.assert_array_equal(prepared(eeg, sfreq=250).groups[0].patches, expected)


@pytest.mark.parametrize(
    ("n_times", "n_patches"), [(1, 1), (50, 1), (199, 1), (200, 1), (201, 2), (590, 3), (600, 3)]
)
def test_to_patches__any_length__pads_to_whole_seconds(n_times, n_patches):
    signals = np.random.default_rng(0).normal(size=(2, 3, n_times))
    patches = to_patches(signals)
    assert patches.shape == (2, 3, n_patches, 200)
    flat = patches.reshape(2, 3, -1)
    np.testing.assert_array_equal(flat[..., :n_times], signals)
    assert np.isin(flat, signals).all(), "padding holds samples of the signal alone"


def test_to_patches__padding__mirrors_the_end():
    signals = np.arange(150.0)[None, None]
    padded = to_patches(signals)[0, 0, 0]
    np.testing.assert_array_equal(padded[150:], np.arange(149, 99, -1))


@pytest.mark.parametrize("n_patches", range(1, 201))
def test_segment_bounds__any_number__few_near_equal_segments_that_cover_all(n_patches):
    bounds = segment_bounds(n_patches)
    lengths = [last - first for first, last in bounds]
    assert [first for first, _ in bounds] == [0, *(last for _, last in bounds[:-1])]
    assert bounds[-1][1] == n_patches
    assert max(lengths) <= 30
    assert max(lengths) - min(lengths) <= 1
    assert len(bounds) == int(np.ceil(n_patches / 30))


def test_long_epochs__cut_into_segments__put_together_again_give_the_signal():
    rng = np.random.default_rng(0)
    X = rng.normal(scale=20, size=(3, 2, 65 * 200))
    result = prepared(X, ch_names=["C3", "C4"])
    assert result.n_epochs == 3
    assert {group.n_patches for group in result.groups} == {21, 22}
    pieces = {}
    for group in result.groups:
        assert (group.electrodes == result.groups[0].electrodes).all()
        for patches, epoch, segment in zip(group.patches, group.epoch, group.segment, strict=True):
            pieces[epoch, segment] = patches.reshape(2, -1)
    assert sorted(pieces) == [(epoch, segment) for epoch in range(3) for segment in range(3)]
    for epoch in range(3):
        whole = np.concatenate([pieces[epoch, segment] for segment in range(3)], -1)
        np.testing.assert_allclose(whole, X[epoch] / 100, rtol=1e-5, atol=1e-7)


def test_rematch__for_another_network__patches_stay_and_rows_change(eeg):
    result = prepared(eeg, ch_names=["T3", "C3", "Cz", "O2"])
    official = rematch(result, None, official=True)
    expected = prepared(eeg, ch_names=["T3", "C3", "Cz", "O2"], official=True)
    assert official.groups[0].patches is result.groups[0].patches
    np.testing.assert_array_equal(official.groups[0].electrodes, expected.groups[0].electrodes)
    assert (official.groups[0].electrodes != result.groups[0].electrodes).any()


def test_two_dimensions__one_channel__is_the_same_as_three(eeg):
    flat = prepared(eeg[:, 0], ch_names=["Cz"]).groups[0].patches
    np.testing.assert_array_equal(flat, prepared(eeg[:, :1], ch_names=["Cz"]).groups[0].patches)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((600,), r"X has 1 dimensions.*n_epochs, n_channels, n_times"),
        ((2, 4, 3, 200), r"X has 4 dimensions"),
        ((0, 4, 200), r"at least one epoch, one channel and one sample"),
        ((2, 0, 200), r"at least one epoch"),
        ((2, 4, 0), r"at least one epoch"),
    ],
)
def test_array__wrong_shape__error_gives_expected_shape(shape, message):
    with pytest.raises(InvalidEEGError, match=message):
        blocks_from_array(np.zeros(shape), 200, None, "uV")


@pytest.mark.parametrize("sfreq", [0, -200, 0.5, 2e5, np.nan, np.inf, "fast", None, [200, 200]])
def test_sfreq__not_a_rate__error_gives_the_range(sfreq):
    with pytest.raises(InvalidEEGError, match=r"sfreq=.*from 1 to 100,000"):
        check_sfreq(sfreq)


@pytest.mark.parametrize("sfreq", [1, 200, 512.0, np.float32(250), "256"])
def test_sfreq__a_rate__is_given_as_float(sfreq):
    assert check_sfreq(sfreq) == float(sfreq)
