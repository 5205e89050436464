"""Data files that are not as long as their headers say, or whose line ends were converted."""

import os
import struct
import warnings

import mne
import numpy as np
import pytest
import scipy.io
from corpus_files import build

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.datasets._protocols.file_formats import read_edf
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.sources.recording_files import read_recording

SIGNALS = np.random.default_rng(0).normal(scale=2e-5, size=(3, 8000)).clip(-1e-4, 1e-4)


def write_all(folder):
    """One recording in files of four formats: paths for MNE, and files of samples."""
    info = mne.create_info(["C3", "Cz", "C4"], 200.0, "eeg")
    raw = mne.io.RawArray(SIGNALS, info, verbose="error")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("a.edf", "a.bdf", "b.vhdr"):
            mne.export.export_raw(folder / name, raw, verbose="error")
    SIGNALS.T.astype("<f4").tofile(folder / "c.fdt")
    head = {"nbchan": 3, "pnts": 8000, "trials": 1, "srate": 200.0, "xmin": 0.0, "data": "c.fdt"}
    places = np.array([(name,) for name in raw.ch_names], dtype=[("labels", object)])
    rest = {"event": [], "epoch": [], "icawinv": [], "icachansind": [], "setname": "c"}
    scipy.io.savemat(folder / "c.set", {"EEG": head | rest | {"chanlocs": places}})
    return [("a.edf", "a.edf"), ("a.bdf", "a.bdf"), ("b.vhdr", "b.eeg"), ("c.set", "c.fdt")]


def test_whole_files__every_format__no_word(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        for name, _ in write_all(tmp_path):
            read = read_recording(tmp_path / name).get_data()
            factor = 1e-6 if name == "c.set" else 1
            np.testing.assert_allclose(read[:, :8000], factor * SIGNALS, atol=1e-8)


def test_converted_line_ends__every_format__refused_with_the_cause(tmp_path):
    for name, data in write_all(tmp_path):
        content = (tmp_path / data).read_bytes()
        (tmp_path / data).write_bytes(content.replace(b"\n", b"\r\n"))
        message = rf"{data} is damaged\. .*autocrlf.* Copy the file again in binary mode"
        with pytest.raises(InvalidEEGError, match=message):
            read_recording(tmp_path / name)
        if name == "a.edf":
            with pytest.raises(ValueError, match=r"is damaged\. .*download it again"):
                read_edf(tmp_path / name)


def test_carriage_returns_taken_away__from_a_large_file__refused_but_not_a_file_that_was_cut(
    tmp_path,
):
    path = tmp_path / "a.edf"
    info = mne.create_info(["C3", "C4"], 1000.0, "eeg")
    for scale, pairs in ((1e-6, False), (2e-5, True)):
        signals = np.random.default_rng(0).normal(scale=scale, size=(2, 400_000)).clip(-1e-4, 1e-4)
        raw = mne.io.RawArray(signals, info, verbose="error")
        path.unlink(missing_ok=True)
        mne.export.export_raw(path, raw, physical_range=(-3e2, 3e2), verbose="error")
        content = path.read_bytes()
        assert (b"\r\n" in content) == pairs
        path.write_bytes(content[:-1001])
        with pytest.warns(EEGWarning, match="shorter than its header says"):
            read_recording(path)
        if pairs:
            path.write_bytes(content.replace(b"\r\n", b"\n"))
            with pytest.raises(InvalidEEGError, match="is damaged"):
                read_recording(path)


def test_converted_line_ends__number_of_records_unknown__refused_all_the_same(tmp_path):
    write_all(tmp_path)
    content = bytearray((tmp_path / "a.edf").read_bytes())
    content[236:244] = b"-1      "
    (tmp_path / "a.edf").write_bytes(content)
    read_recording(tmp_path / "a.edf")
    (tmp_path / "a.edf").write_bytes(content.replace(b"\n", b"\r\n"))
    with pytest.raises(InvalidEEGError, match="is damaged"):
        read_recording(tmp_path / "a.edf")


def test_longer_than_the_header_says__every_format__warned_of_and_read(tmp_path):
    for name, data in write_all(tmp_path):
        path, whole = tmp_path / name, (tmp_path / data).read_bytes()
        if name == "b.vhdr":
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("NumberOfC", "DataPoints=8000\nNumberOfC"), "utf-8")
        header = int(whole[184:192]) if data[0] == "a" else 0
        more = (len(whole) - header) // 8  # five of forty records
        (tmp_path / data).write_bytes(whole + whole[-more:])
        stated = rf"longer than .* says: {len(whole) + more} bytes instead of {len(whole)}"
        with pytest.warns(EEGWarning, match=stated):
            raw = read_recording(path)
        factor = 1e6 if name == "c.set" else 1
        np.testing.assert_allclose(raw.get_data()[:, :8000] * factor, SIGNALS, atol=1e-8)
    with pytest.warns(EEGWarning, match="longer than its header"):
        read_edf(tmp_path / "a.edf")
    report = build([tmp_path / "a.edf"], tmp_path / "corpus")
    assert report.built == 1
    assert "longer than its header" in EEGCorpus(tmp_path / "corpus").recordings[0].notes[0]


def test_shorter_than_the_header_says__several_files__the_data_file_is_named(tmp_path):
    write_all(tmp_path)
    os.truncate(tmp_path / "b.eeg", 50_001)
    with pytest.warns(EEGWarning, match=r"b\.eeg ends within a sample"):
        assert read_recording(tmp_path / "b.vhdr").n_times == 50_001 // 12
    text = (tmp_path / "b.vhdr").read_text(encoding="utf-8")
    text = text.replace("NumberOfC", "DataPoints=8000\nNumberOfC")
    (tmp_path / "b.vhdr").write_text(text, encoding="utf-8")
    with pytest.warns(EEGWarning, match=r"b\.eeg is shorter than b\.vhdr says"):
        read_recording(tmp_path / "b.vhdr")
    os.truncate(tmp_path / "c.fdt", 50_001)
    with pytest.raises(
        InvalidEEGError, match=r"Its signals are in c\.fdt: was that copied completely"
    ):
        read_recording(tmp_path / "c.set")


def test_gdf__without_its_last_records__refused_with_the_cause(tmp_path):
    n_records, path = 4, tmp_path / "a.gdf"
    fixed = bytearray(256)
    fixed[:8] = b"GDF 2.20"
    struct.pack_into("<H", fixed, 184, 2)
    struct.pack_into("<q", fixed, 236, n_records)
    struct.pack_into("<IIH", fixed, 244, 1, 1, 1)
    header = bytes(fixed) + b"C3".ljust(16, b"\0") + bytes(80 + 6) + struct.pack("<H", 4275)
    header += struct.pack("<4d", -1e3, 1e3, -32768, 32767) + bytes(68)
    header += struct.pack("<3f2I", 100, 0.5, 0, 250, 3) + bytes(32)
    record = np.arange(250, dtype="<i2").tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        path.write_bytes(header + n_records * record)
        assert read_recording(path).n_times == 1000
        path.write_bytes(header + n_records * record + b"\1" + bytes(50))  # a table of events
    path.write_bytes(header + 2 * record)
    for preload in (True, False):  # MNE before 1.13 repeats what is there
        with pytest.raises(
            InvalidEEGError, match=r"shorter than its header says\. Was it copied completely"
        ):
            read_recording(path, preload=preload)


def test_size__by_itself__no_reason_to_look_at_line_ends(tmp_path):
    # Line feeds that all follow carriage returns are no damage where the size is right.
    path = tmp_path / "a.edf"
    info = mne.create_info(["C3"], 200.0, "eeg")
    mne.export.export_raw(
        path, mne.io.RawArray(SIGNALS[:1], info, verbose="error"), verbose="error"
    )
    content = path.read_bytes()
    size = len(content) - 2 * 8000
    path.write_bytes(content[:size] + b"\r\n" * 8000)
    assert read_recording(path).n_times == 8000
