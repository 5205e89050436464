"""One file to integers: steps, rejected seconds and notes."""

import os

import mne
import numpy as np
import pytest
from corpus_files import make_signals, write_recording
from hypothesis import given, settings
from hypothesis import strategies as st

from sk_brainrvq.corpus.intake import read_signals, scales, to_steps, unusable_seconds
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.filtering import FilterSettings


@settings(max_examples=50, deadline=None)
@given(
    exponent=st.floats(-6, 8),
    seed=st.integers(0, 1000),
    offset=st.floats(-100, 100),
)
def test_steps__any_amplitude__never_clip_and_err_by_half_a_step(exponent, seed, offset):
    signals = 10.0**exponent * (np.random.default_rng(seed).normal(size=(3, 500)) + offset)
    scale = scales(signals)
    steps = to_steps(signals, scale)
    assert np.abs(steps.astype(int)).max() <= 32767
    errors = np.abs(steps * scale[:, None] - signals)
    assert (errors <= (0.5 + 1e-6) * scale[:, None]).all()


def test_steps__flat_channel__zeros():
    signals = np.zeros((2, 400))
    signals[1] = np.linspace(-5, 5, 400)
    steps = to_steps(signals, scales(signals))
    assert not steps[0].any()
    assert np.abs(steps[1]).max() == 32767


def naive_unusable(signals, amplitude, flat):
    """Second by second, channel by channel."""
    bad = []
    for start in range(0, signals.shape[1], 200):
        for channel in signals:
            part = channel[start : start + 200]
            if amplitude is not None and part.max() - part.min() > amplitude:
                bad.append(start // 200)
            if len(part) < 200:
                part = channel[-200:]
            if flat is not None and part.max() - part.min() < flat:
                bad.append(start // 200)
    return sorted(set(bad))


@pytest.mark.parametrize("n_times", [2000, 2001, 2150])
@pytest.mark.parametrize("limits", [(75, None), (None, 60), (75, 60), (None, None)])
def test_unusable_seconds__against_a_naive_search__agree(n_times, limits):
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(3, n_times)) * rng.uniform(8, 16, (3, n_times))
    signals[1, 600:800] = 5.0
    runs = unusable_seconds(signals, *limits)
    assert [s for first, end in runs for s in range(first, end)] == naive_unusable(signals, *limits)
    if limits != (None, None):
        assert runs


def test_unusable_seconds__short_tail_of_good_eeg__is_not_flat():
    signals = make_signals(3.005)
    assert unusable_seconds(signals, None, 5.0) == ()


def test_unusable_seconds__neighbours__make_one_run():
    signals = make_signals(10)
    signals[0, 450:1100] = 0
    assert unusable_seconds(signals, None, 1.0) == ((3, 5),)


def test_read__file_without_its_last_records__noted(tmp_path):
    path = write_recording(tmp_path / "a.edf")
    os.truncate(path, path.stat().st_size * 3 // 4)
    notes = read_signals(str(path), FilterSettings()).notes
    assert any("shorter than its header says" in note for note in notes)


def test_read__channel_that_is_no_eeg__left_out_and_noted(tmp_path):
    path = write_recording(tmp_path / "a.edf", names=["Fp1", "C3", "ECG", "O2"])
    signals = read_signals(str(path), FilterSettings())
    assert signals.ch_names == ("Fp1", "C3", "O2")
    assert signals.notes == ("Left out, as bad or not EEG: ECG (heart, by its name).",)


def test_read__volts_written_as_microvolts__noted(tmp_path):
    path = write_recording(tmp_path / "a_raw.fif", signals=1e6 * make_signals(20))
    notes = read_signals(str(path), FilterSettings()).notes
    assert any("microvolts, where EEG has about 2 to 100" in note for note in notes)
    assert not any("unit=" in note for note in notes)


def test_read__large_artefact__coarse_steps_noted(tmp_path):
    signals = make_signals(20)
    signals[2, 1000] = 1e5
    notes = read_signals(
        str(write_recording(tmp_path / "a_raw.fif", signals=signals)), FilterSettings()
    ).notes
    assert [note for note in notes if "make the steps of Cz larger than 0.5" in note]


def test_read__electrode_positions__kept(tmp_path):
    path = write_recording(tmp_path / "a_raw.fif")
    raw = mne.io.read_raw_fif(path, preload=True, verbose=False)
    places = {"C3": [-0.07, 0.0, 0.05], "O2": [0.03, -0.09, 0.03]}
    montage = mne.channels.make_dig_montage(places, coord_frame="head")
    raw.set_montage(montage, on_missing="ignore").save(path, overwrite=True, verbose=False)
    positions = read_signals(str(path), FilterSettings()).positions
    np.testing.assert_allclose(positions[1], places["C3"], atol=1e-7)
    np.testing.assert_allclose(positions[3], places["O2"], atol=1e-7)
    assert (positions[0], positions[2]) == (None, None)


def test_read__impossible_amplitude__says_so(tmp_path):
    path = write_recording(tmp_path / "a_raw.fif", signals=1e9 * make_signals(20))
    with pytest.raises(InvalidEEGError, match="Check the unit that the file states"):
        read_signals(str(path), FilterSettings())
