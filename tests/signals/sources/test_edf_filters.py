"""Filters in the headers of EDF, BDF and GDF files: those of the EEG count, and no others."""

import struct

import mne
import numpy as np
import pytest
from corpus_files import build, make_signals
from edfio import Bdf, BdfSignal, Edf, EdfSignal

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.signals.electrodes import is_eeg_name
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.sources.channels import band_of
from sk_brainrvq.signals.sources.edf_filters import stated_band
from sk_brainrvq.signals.sources.mne_raws import block_from_raw
from sk_brainrvq.signals.sources.recording_files import read_recording

OF_EEG, OF_HEART = "HP:0.01Hz LP:200Hz", "HP:5Hz LP:30Hz"
SFREQ = 500


def write(path, filters_by_name, n_seconds=30, sfreq=SFREQ):
    """A file whose channels say what they were filtered with."""
    signals = make_signals(n_seconds, sfreq, n_channels=len(filters_by_name))
    signal, file = (BdfSignal, Bdf) if path.suffix == ".bdf" else (EdfSignal, Edf)
    channels = [
        signal(
            each,
            sfreq,
            label=name,
            physical_dimension="uV",
            physical_range=(-1000, 1000),
            prefiltering=filters,
        )
        for each, (name, filters) in zip(signals, filters_by_name.items(), strict=True)
    ]
    file(channels).write(path)
    return path


def as_mne_filters(path, low, high):
    raw = mne.io.read_raw(path, preload=True, verbose="error").pick(["C3", "C4"])
    return raw.filter(low, high, verbose="error").get_data() * 1e6


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
@pytest.mark.parametrize("names", [["C3", "C4", "ECG"], ["ECG", "C3", "C4"]])
def test_recording__heart_filtered_more__eeg_is_filtered_as_asked(tmp_path, suffix, names):
    filters = {name: OF_HEART if name == "ECG" else OF_EEG for name in names}
    path = write(tmp_path / f"a{suffix}", filters)
    assert mne.io.read_raw(path, verbose="error").info["highpass"] == 5  # of the heart
    raw = read_recording(path)
    assert raw.ch_names == names
    assert band_of(raw.info) == (0.01, 200.0)
    block = block_from_raw(raw, 30.0, 0.0, FilterSettings.checked(l_freq=2, h_freq=40))
    assert list(block.left_out) == ["ECG"]
    expected = mne.filter.resample(as_mne_filters(path, 2, 40), up=2, down=5, verbose="error")
    inner = slice(400, -400)  # at the edges of a recording resamplers differ
    np.testing.assert_allclose(block.data[0][:, inner], expected[:, inner], atol=0.05)


def test_corpus__heart_filtered_more__eeg_is_filtered_as_asked(tmp_path):
    path = write(tmp_path / "a.edf", {"ECG": OF_HEART, "C3": OF_EEG, "C4": OF_EEG}, sfreq=200)
    build(path, tmp_path / "corpus", l_freq=2, h_freq=40, notch=None)
    corpus = EEGCorpus(tmp_path / "corpus", window=30)
    (recording,) = corpus.recordings
    assert (recording.recorded_highpass, recording.recorded_lowpass) == (0.01, None)
    np.testing.assert_allclose(corpus[0], as_mne_filters(path, 2, 40), atol=0.05)


def test_recording__eeg_filtered_already__is_not_filtered_again(tmp_path):
    path = write(tmp_path / "a.edf", dict.fromkeys(["C3", "C4"], "HP:0.5Hz LP:70Hz"))
    expected = mne.io.read_raw(path, verbose="error").info
    raw = read_recording(path)
    assert band_of(raw.info) == (expected["highpass"], expected["lowpass"]) == (0.5, 70.0)


@pytest.mark.parametrize(
    ("one", "other", "band"),
    [
        ("HP:0.5Hz LP:70Hz", "HP:0.1Hz LP:100Hz", (0.1, 100.0)),
        ("HP:0.5Hz LP:70Hz", "", (0.0, None)),
        ("HP:0.5Hz LP:70Hz", "HP:DC LP:70Hz N:50Hz", (0.0, 70.0)),
        ("HP:10Hz LP:100Hz", "HP:0.1Hz LP:5Hz", (0.1, 100.0)),
    ],
)
def test_recording__eeg_channels_differ__the_weakest_filter_counts(tmp_path, one, other, band):
    path = write(tmp_path / "a.edf", {"C3": one, "C4": other})
    assert band_of(read_recording(path).info) == band


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("HP:0.1Hz LP:75Hz", (0.1, 75.0)),
        ("HP:0.1 LP:75", (0.1, 75.0)),
        ("HP: 0,3 Hz LP: 35 Hz", (0.3, 35.0)),
        ("HP:100mHz LP:0.1kHz", (0.0, None)),
        ("HP:1 s LP:70 Hz", (0.0, 70.0)),
        ("HP:10 ms LP:0.1 kHz", (0.0, None)),
        ("HP:0.5/LP:70", (0.5, 70.0)),
        ("LP:0Hz", (0.0, None)),
        ("HP:1.2.3Hz", (0.0, None)),
        ("50 Hz notch", (0.0, None)),
    ],
)
def test_stated_band__ways_to_write_it__frequencies_in_hertz(tmp_path, text, band):
    assert stated_band(write(tmp_path / "a.edf", {"C3": text}), is_eeg_name) == band


def test_stated_band__no_eeg_or_no_such_file__unknown(tmp_path):
    assert stated_band(write(tmp_path / "a.edf", {"ECG": OF_HEART}), is_eeg_name) is None
    rubbish = tmp_path / "b.edf"
    rubbish.write_bytes(b"no header")
    assert stated_band(rubbish, is_eeg_name) is None
    assert stated_band(tmp_path / "c_raw.fif", is_eeg_name) is None


def gdf_header(names, highpass, lowpass):
    """Header of GDF 2.20 without subject, of channels in microvolts at 250 Hz."""
    n = len(names)
    fixed = bytearray(256)
    fixed[:8] = b"GDF 2.20"
    struct.pack_into("<H", fixed, 184, 1 + n)  # length in blocks of 256 bytes
    struct.pack_into("<q", fixed, 236, 1)  # records
    struct.pack_into("<II", fixed, 244, 1, 1)  # one second each
    struct.pack_into("<H", fixed, 252, n)
    return (
        bytes(fixed)
        + b"".join(name.encode().ljust(16, b"\0") for name in names)
        + bytes(80 * n + 6 * n)
        + struct.pack(f"<{n}H", *[4275] * n)
        + struct.pack(f"<{4 * n}d", *[-1e3] * n, *[1e3] * n, *[-32768] * n, *[32767] * n)
        + bytes(68 * n)
        + struct.pack(f"<{3 * n}f", *lowpass, *highpass, *[0] * n)
        + struct.pack(f"<{2 * n}I", *[250] * n, *[3] * n)
        + bytes(32 * n)
    )


def test_gdf__version_2__as_mne_reads_it_but_of_the_eeg(tmp_path):
    path, n_bytes = tmp_path / "a.gdf", 2 * 250
    path.write_bytes(gdf_header(["C3", "C4"], [0.5, 0.5], [100, 100]) + bytes(2 * n_bytes))
    info = mne.io.read_raw(path, verbose="error").info
    assert band_of(read_recording(path).info) == (info["highpass"], info["lowpass"]) == (0.5, 100)
    header = gdf_header(["EOG", "C3", "C4"], [1.0, 0.5, 0.25], [30, 100, 60])
    path.write_bytes(header + bytes(3 * n_bytes))
    assert mne.io.read_raw(path, verbose="error").info["highpass"] == 1
    assert band_of(read_recording(path).info) == (0.25, 100)


def test_band__edges_of_different_channels__count_as_unknown():
    info = mne.create_info(["C3"], 200.0, "eeg")
    with info._unlock():
        info["highpass"], info["lowpass"] = 40.0, 30.0
    assert band_of(info) == (0.0, None)
