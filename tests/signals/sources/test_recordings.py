"""MNE objects and files: channels, windows, filters, and what cannot be read."""

import os
import re
import warnings

import mne
import numpy as np
import pytest

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import ReadSettings, match_electrodes, read_blocks
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.channels import band_of, chosen_channels, positions_of
from sk_brainrvq.signals.sources.edf_size import stated_size
from sk_brainrvq.signals.sources.mne_epochs import blocks_from_epochs
from sk_brainrvq.signals.sources.mne_raws import block_from_raw
from sk_brainrvq.signals.sources.recording_files import read_recording
from sk_brainrvq.signals.windowing import window_grid

NAMES = ["C3", "Cz", "C4"]
NO_FILTERS = FilterSettings()


def make_raw(n_seconds=10, sfreq=200.0, ch_names=NAMES, kinds="eeg", seed=0):
    shape = (len(ch_names), int(n_seconds * sfreq))
    signals = np.random.default_rng(seed).normal(scale=20e-6, size=shape)
    return mne.io.RawArray(signals, mne.create_info(list(ch_names), sfreq, kinds), verbose="error")


def make_epochs(n_epochs=4, n_times=400, sfreq=200.0, ch_names=NAMES, kinds="eeg"):
    raw = make_raw(n_epochs * n_times / sfreq, sfreq, ch_names, kinds)
    return mne.make_fixed_length_epochs(raw, n_times / sfreq, preload=True, verbose="error")


@pytest.mark.parametrize(
    ("window", "overlap", "starts"),
    [
        (2.0, 0.0, [0, 400, 800, 1200, 1600]),
        (4.0, 0.0, [0, 800]),
        (4.0, 2.0, [0, 400, 800, 1200]),
        (10.0, 9.0, [0]),
        (0.5, 0.25, list(range(0, 1901, 50))),
    ],
)
def test_windows__of_a_recording__start_where_they_should(window, overlap, starts):
    raw = make_raw()
    block = block_from_raw(raw, window, overlap, NO_FILTERS)
    signals, length = raw.get_data() * 1e6, int(window * 200)
    expected = np.stack([signals[:, start : start + length] for start in starts])
    np.testing.assert_allclose(block.data * block.to_microvolts, expected, rtol=1e-6)
    assert block.index.tolist() == list(range(len(starts)))


def test_windows__other_rate__as_mne_resamples_the_recording():
    raw = make_raw(n_seconds=20, sfreq=500.0).filter(None, 60.0, verbose="error")
    block = block_from_raw(raw, 5.0, 0.0, NO_FILTERS)
    expected = mne.filter.resample(raw.get_data() * 1e6, up=2, down=5, verbose="error")
    inner = block.data[1:3]  # the edges of the recording ring in both
    assert block.sfreq == 200
    np.testing.assert_allclose(inner[0], expected[:, 1000:2000], atol=0.03)
    np.testing.assert_allclose(inner[1], expected[:, 2000:3000], atol=0.03)


@pytest.mark.parametrize(("window", "overlap"), [(0.001, 0.0), (1.0, 0.999)])
def test_windows__below_a_sample__says_so(window, overlap):
    with pytest.raises(InvalidEEGError, match="than one sample at 200 Hz"):
        window_grid(2000, window, overlap)


def test_windows__recording_shorter_than_one__says_both_lengths():
    message = r"lasts 10.00 s, less than one window of 12.5 s; pass a shorter window"
    with pytest.raises(InvalidEEGError, match=message):
        block_from_raw(make_raw(), 12.5, 0.0, NO_FILTERS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite__recording__names_channel_and_time(value):
    raw = make_raw()
    raw._data[1, 730] = raw._data[2, 100] = value
    with pytest.raises(InvalidEEGError, match=r"NaN or infinity, first in channel 'Cz' at 3.65 s"):
        block_from_raw(raw, 2.0, 0.0, NO_FILTERS)


def test_not_finite__in_a_channel_left_out__does_not_matter():
    raw = make_raw()
    raw._data[1] = np.nan
    raw.info["bads"] = ["Cz"]
    assert np.isfinite(block_from_raw(raw, 2.0, 0.0, NO_FILTERS).data).all()


def test_channels__bad_and_of_other_kinds__are_left_out_and_listed():
    names = ["C3", "STI 014", "EOG", "P4", "heart", "C4", "Photic", "misc1"]
    raw = make_raw(ch_names=names, kinds=["eeg", "stim", "eog", "eeg", "ecg", "eeg", "eeg", "misc"])
    raw.info["bads"] = ["P4"]
    message = (
        "Left out, as bad or not EEG: 'STI 014' (of type stim); EOG (of type eog); P4 (marked "
        "bad); heart (of type ecg); Photic (triggers and clocks, by its name); misc1 "
        "(of type misc)."
    )
    for recording in (raw, mne.make_fixed_length_epochs(raw, 2.0, verbose="error")):
        with pytest.warns(EEGWarning, match=re.escape(message)):
            (block,) = read_blocks(recording, ReadSettings(window=2.0))
        assert block.ch_names == ["C3", "C4"]


@pytest.mark.parametrize(
    ("kinds", "bads", "message"),
    [("eog", [], r"of type eog"), ("eeg", NAMES, "C4 .marked bad")],
)
def test_channels__none_left__says_why(kinds, bads, message):
    raw = make_raw(kinds=kinds)
    raw.info["bads"] = bads
    with pytest.raises(InvalidEEGError, match=f"no good EEG channel.*{message}"):
        block_from_raw(raw, 2.0, 0.0, NO_FILTERS)


def test_channels__all_refused_by_name__says_which_and_to_rename_them():
    names = ["AUX1", "AUX2", "MISC"]
    message = (
        r"these are left out: AUX1, AUX2, MISC \(spare input, by its name\)\. "
        "Set types .* or use rename_channels"
    )
    raw = make_raw(ch_names=names)
    with pytest.raises(InvalidEEGError, match=message):
        chosen_channels(raw)
    raw.rename_channels(dict(zip(names, NAMES, strict=True)))
    assert chosen_channels(raw)[0] == NAMES


def test_channels__inputs_of_an_amplifier__are_eeg_where_they_have_a_place():
    raw = make_raw(ch_names=["EXG Channel 0", "EXG Channel 1", "EXG Channel 2", "HEOG"])
    places = {
        "EXG Channel 0": [0, 0.02, 0.12],
        "EXG Channel 2": [0.05, 0, 0.1],
        "HEOG": [0, 0.1, 0],
    }
    montage = mne.channels.make_dig_montage(places, coord_frame="head")
    raw.set_montage(montage, on_missing="ignore", verbose="error")
    kept, left_out = chosen_channels(raw)
    assert kept == ["EXG Channel 0", "EXG Channel 2"]
    assert left_out == {"EXG Channel 1": "spare input, by its name", "HEOG": "eyes, by its name"}
    (block,) = blocks_from_epochs(mne.make_fixed_length_epochs(raw, 2.0, verbose="error"))
    matches = match_electrodes(block.ch_names, 2, positions=block.positions)
    assert [match.how for match in matches] != ["mean", "mean"]


def test_filters__recording__as_mne_filters_it():
    raw = make_raw(n_seconds=30)
    settings = FilterSettings.checked(l_freq=1.0, h_freq=40.0)
    block = block_from_raw(raw, 30.0, 0.0, settings)
    expected = raw.copy().filter(1.0, 40.0, verbose="error").get_data() * 1e6
    np.testing.assert_allclose(block.data[0], expected, atol=1e-3)
    assert block.filtered


def test_filters__what_mne_did__is_not_done_again():
    raw = make_raw(n_seconds=30).filter(1.0, 40.0, verbose="error")
    block = block_from_raw(raw, 30.0, 0.0, FilterSettings.checked(l_freq=1.0, h_freq=40.0))
    np.testing.assert_allclose(block.data[0], raw.get_data() * 1e6, atol=1e-4)
    (of_epochs,) = blocks_from_epochs(mne.make_fixed_length_epochs(raw, 2.0, verbose="error"))
    assert (of_epochs.highpass, of_epochs.lowpass, of_epochs.filtered) == (1.0, 40.0, False)


def test_band__lowpass_at_nyquist__counts_as_none():
    assert band_of(make_raw().info) == (0.0, None)


def test_positions__of_a_montage__metres_of_those_that_have_any():
    raw = make_raw(ch_names=[*NAMES, "E17"])
    assert positions_of(raw.info, raw.ch_names) is None
    montage = mne.channels.make_standard_montage("biosemi64")
    raw.set_montage(montage, on_missing="ignore", verbose="error")
    positions = positions_of(raw.info, raw.ch_names)
    assert list(positions) == NAMES
    assert 0.05 < np.linalg.norm(positions["Cz"]) < 0.15


def test_epochs__same_kind_apart__share_a_block_with_their_places():
    pieces = [make_epochs(2), make_epochs(3, n_times=200), make_epochs(1), make_epochs(1, 200)]
    blocks = blocks_from_epochs(pieces)
    assert [block.index.tolist() for block in blocks] == [[0, 1, 5], [2, 3, 4, 6]]
    np.testing.assert_allclose(blocks[0].data[2], pieces[2].get_data()[0])


def test_epochs__equal_names_at_other_places__each_at_its_own():
    caps = mne.channels.make_standard_montage("biosemi64").get_positions()["ch_pos"]
    names = ["EEG001", "EEG002"]

    def digitised(*electrodes):
        places = dict(zip(names, (caps[electrode] for electrode in electrodes), strict=True))
        montage = mne.channels.make_dig_montage(places, coord_frame="head")
        return make_epochs(2, ch_names=names).set_montage(montage, verbose="error")

    items = [digitised("C3", "C4"), digitised("O1", "O2"), digitised("C3", "C4")]
    blocks = blocks_from_epochs(items)
    assert [block.index.tolist() for block in blocks] == [[0, 1, 4, 5], [2, 3]]
    for block, electrodes in zip(blocks, (["C3", "C4"], ["O1", "O2"]), strict=True):
        for name, electrode in zip(names, electrodes, strict=True):
            np.testing.assert_allclose(block.positions[name], caps[electrode], atol=1e-7)
    alone = [blocks_from_epochs(item)[0] for item in items[:2]]
    electrodes = [
        [match.electrodes for match in match_electrodes(names, 2, positions=block.positions)]
        for block in (*blocks, *alone)
    ]
    assert electrodes[:2] == electrodes[2:]
    assert electrodes[0] != electrodes[1]


def test_epochs__in_a_list__error_names_the_item():
    with pytest.raises(InvalidEEGError, match="Item 1 of the list: There is no good EEG channel"):
        blocks_from_epochs([make_epochs(), make_epochs(kinds="eog")])


def test_read__nothing_there__names_the_path(tmp_path):
    with pytest.raises(InvalidEEGError, match=r"no recording at .*missing\.edf"):
        read_recording(tmp_path / "missing.edf")


def test_read__folder__says_to_give_its_files(tmp_path):
    with pytest.raises(
        InvalidEEGError, match=r"is a folder\. Pass the recordings in it, such as sort"
    ):
        read_recording(tmp_path)


@pytest.mark.parametrize("name", ["eeg.edf", "eeg.fif", "eeg-epo.fif", "eeg.set", "eeg.vhdr"])
def test_read__rubbish__names_the_file_with_a_reason(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"this is no EEG")
    with pytest.raises(InvalidEEGError, match=rf"MNE cannot read .*{name}: \S+"):
        read_recording(path)


def test_read__ending_in_capitals__says_to_rename_where_mne_cannot(tmp_path):
    mne.export.export_raw(tmp_path / "eeg.edf", make_raw(), verbose="error")
    (tmp_path / "eeg.edf").rename(tmp_path / "eeg.EDF")
    assert read_recording(tmp_path / "eeg.EDF").ch_names == make_raw().ch_names
    make_raw().save(tmp_path / "eeg_raw.fif.gz", verbose="error")
    (tmp_path / "eeg_raw.fif.gz").rename(tmp_path / "eeg_raw.FIF.GZ")
    with pytest.raises(InvalidEEGError, match=r"rename it from \.FIF\.GZ to \.fif\.gz"):
        read_recording(tmp_path / "eeg_raw.FIF.GZ")


def test_read__format_mne_does_not_know__gives_its_reason(tmp_path):
    path = tmp_path / "eeg.xyz"
    path.write_bytes(b"")
    with pytest.raises(InvalidEEGError, match=r"MNE cannot read .*eeg\.xyz.*[Uu]nsupported"):
        read_recording(path)


def test_read__truncated_edf__names_the_file(tmp_path):
    path = tmp_path / "eeg.edf"
    mne.export.export_raw(path, make_raw(), verbose="error")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InvalidEEGError, match=r"MNE cannot read .*eeg\.edf: \S+"):
        read_recording(path)


@pytest.mark.parametrize("name", ["eeg.edf", "eeg.bdf"])
def test_read__file_without_its_last_records__warns_and_gives_the_rest(tmp_path, name):
    path = tmp_path / name
    raw = make_raw()
    mne.export.export_raw(path, raw, verbose="error")
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        whole = read_recording(path)
    os.truncate(path, path.stat().st_size * 3 // 4)
    with pytest.warns(EEGWarning, match=rf"{name}: The file is shorter than its header says"):
        rest = read_recording(path)
    assert 0 < rest.n_times < whole.n_times
    np.testing.assert_array_equal(rest.get_data(), whole.get_data()[:, : rest.n_times])


def test_stated_size__header_filled_up_with_zeros_or_broken__read_or_unknown(tmp_path):
    path = tmp_path / "eeg.edf"
    mne.export.export_raw(path, make_raw(), verbose="error")
    content = path.read_bytes()
    assert stated_size(path) == len(content)
    header = content[:256].replace(b" ", b"\0")
    path.write_bytes(header[:8] + content[8:184] + header[184:256] + content[256:])
    assert stated_size(path) == len(content)
    path.write_bytes(b"sorry")
    assert stated_size(path) == 0


@pytest.mark.parametrize("name", ["eeg-epo.fif", "eeg_epo.fif", "epochs.fif"])
def test_read__epochs_in_fif__whatever_the_file_is_called(tmp_path, name):
    epochs = make_epochs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MNE's, of the name
        epochs.save(tmp_path / name, verbose="error")
    read = read_recording(str(tmp_path / name))
    np.testing.assert_allclose(read.get_data(), epochs.get_data(), rtol=1e-6)


def test_read__broken_epochs_of_eeglab__names_the_file(tmp_path):
    path = tmp_path / "eeg.set"
    mne.export.export_epochs(path, make_epochs(), verbose="error")
    assert len(read_recording(path)) == 4
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidEEGError, match=r"MNE cannot read .*eeg\.set"):
        read_recording(path)
