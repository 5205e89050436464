"""Projections that are not applied yet: Raw, files and Epochs give what apply_proj gives."""

import mne
import numpy as np
import pytest
from corpus_files import build

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.exceptions import InvalidEEGError
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources import projections
from sk_brainrvq.signals.sources.mne_epochs import blocks_from_epochs
from sk_brainrvq.signals.sources.mne_raws import block_from_raw
from sk_brainrvq.signals.sources.recording_files import read_recording

NO_FILTERS, BAND = FilterSettings(), FilterSettings.checked(l_freq=1.0, h_freq=40.0)
NAMES = ["Fp1", "C3", "Cz", "O2", "ECG", "O1"]


def make_raw(kinds="eeg", n_seconds=20):
    signals = np.random.default_rng(0).normal(scale=2e-5, size=(len(NAMES), 200 * n_seconds))
    raw = mne.io.RawArray(signals, mne.create_info(NAMES, 200.0, kinds), verbose="error")
    raw.info["bads"] = ["O1"]
    return raw


def average_reference():
    """Of all that are good and of type eeg: the heart's channel, too, as a file would have it."""
    return make_raw().set_eeg_reference("average", projection=True, verbose="error")


def blinks_projected_out():
    """A spatial pattern of two EEG channels, and one of magnetometers."""
    raw = make_raw(["eeg", "eeg", "eeg", "eeg", "ecg", "mag"])

    def pattern(names, kind):
        weights = np.arange(1.0, 1 + len(names))[None]
        data = {
            "nrow": 1,
            "ncol": len(names),
            "row_names": None,
            "col_names": names,
            "data": weights / np.linalg.norm(weights),
        }
        return mne.Projection(active=False, data=data, desc=kind, kind=1, explained_var=None)

    raw.add_proj([pattern(["Fp1", "C3"], "eyes"), pattern(["O1"], "field")])
    return raw


def partly_applied():
    """An average reference on top of a pattern that is applied already."""
    raw = blinks_projected_out().apply_proj(verbose="error")
    return raw.set_eeg_reference("average", projection=True, verbose="error")


MAKERS = [average_reference, blinks_projected_out, partly_applied]


def windows_of(raw, filters=NO_FILTERS):
    block = block_from_raw(raw, 2.0, 0.0, filters)
    assert block.ch_names == ["Fp1", "C3", "Cz", "O2"]
    return block.data * block.to_microvolts


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("filters", [NO_FILTERS, BAND])
def test_recording__projection_not_applied__as_if_it_were(make, filters, tmp_path):
    raw, before = make(), make().get_data()
    expected = windows_of(raw.copy().apply_proj(verbose="error"), filters)
    if filters == NO_FILTERS:
        assert np.abs(expected[0] - 1e6 * before[:4, :400]).max() > 1
    np.testing.assert_allclose(windows_of(raw, filters), expected, atol=1e-4)
    np.testing.assert_array_equal(raw.get_data(), before)
    assert not all(projection["active"] for projection in raw.info["projs"])
    raw.save(tmp_path / "a_raw.fif", fmt="double", verbose="error")
    of_file = windows_of(read_recording(tmp_path / "a_raw.fif"), filters)
    np.testing.assert_allclose(of_file, expected, atol=1e-4)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("proj", [True, False, "delayed"])
def test_epochs__projection_applied_or_not__the_same(make, proj):
    raw = make()
    epochs = mne.make_fixed_length_epochs(raw, 2.0, preload=True, proj=proj, verbose="error")
    (block,) = blocks_from_epochs(epochs)
    expected = windows_of(raw.copy().apply_proj(verbose="error"))
    np.testing.assert_allclose(block.data * block.to_microvolts, expected, atol=1e-4)
    is_active = [projection["active"] for projection in epochs.info["projs"]]
    assert all(is_active) == (proj is True)


def test_recording__read_in_parts__the_same(monkeypatch):
    raw = average_reference()
    expected = windows_of(raw)
    monkeypatch.setattr(projections, "_CHUNK_SAMPLES", 3001)
    np.testing.assert_allclose(windows_of(raw), expected, rtol=1e-6)


def test_recording__only_other_channels_are_projected__nothing_is_done():
    raw = blinks_projected_out()
    raw.del_proj(0)
    assert projections.projector_for(raw.info, NAMES[:4]) is None


def test_corpus__projection_not_applied__as_if_it_were(tmp_path):
    average_reference().save(tmp_path / "a_raw.fif", fmt="double", verbose="error")
    build(tmp_path / "a_raw.fif", tmp_path / "corpus", l_freq=1, h_freq=40, notch=None)
    corpus = EEGCorpus(tmp_path / "corpus", window=2)
    expected = windows_of(average_reference().apply_proj(verbose="error"), BAND)
    np.testing.assert_allclose(np.stack(list(corpus)), expected, atol=0.01)


def test_not_finite__with_a_projection__names_the_channel_it_came_from():
    raw = average_reference()
    raw._data[2, 730] = np.nan
    with pytest.raises(InvalidEEGError, match=r"first in channel 'Cz' at 3\.65 s"):
        block_from_raw(raw, 2.0, 0.0, BAND)
