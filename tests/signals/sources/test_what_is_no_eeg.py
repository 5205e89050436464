"""What is no EEG: by header, by the table of a BIDS data set, by names of many makers."""

import json
import os
import warnings
from pathlib import PurePosixPath

import edfio
import mne
import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq import Reading
from sk_brainrvq.corpus import EEGCorpus, build_corpus
from sk_brainrvq.corpus.finding import source_state
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.electrodes.other_channels import is_eeg_name, other_kind
from sk_brainrvq.signals.sources.channels import chosen_channels
from sk_brainrvq.signals.sources.headers.edf_channels import header_channels

ARRAYS = {"sfreq": None, "ch_names": None, "window": 2.0}
SFREQ, SECONDS = 100, 8

# Columns and channels that makers and corpora write beside the EEG.
OTHERS = {
    "Emotiv": "COUNTER INTERPOLATED RAW_CQ CQ_AF3 CQ_CMS CQ_DRL EQ_T7 MOT_Q0 MOT_ACCX BATTERY "
    "GYROX GYROY MARKER_HARDWARE TIME_STAMP_s TIME_STAMP_ms ES_TIMESTAMP EEG.Counter EEG.Battery "
    "EEG.Interpolated EEG.RawCq EEG.BatteryPercent MarkerIndex CQ.Overall POW.AF3.Theta CMS DRL "
    "MOT.AccX PM.Attention.IsActive OriginalTimestamp EQ_SampleRateQuality",
    "Muse": "HSI_TP9 Accelerometer_X Gyro_Z HeadBandOn Battery Elements Delta_TP9 Gamma_AF8 AUX_R "
    "TimeStamp AUX_RIGHT Heart_Rate PPG_1 Optics1",
    "OpenBCI": "Timestamp Other Battery",
    "polysomnographs": "SaO2 SpO2 HR H.R. PR AIRFLOW POSITION LIGHT EMG ECG Snore PTT CPAP Pleth "
    "Leak EOG(L) EOG-ROC Abdomen Thorax SUM Impedance Rate MK X Y nd Nasal Resp NEWAIR Therm "
    "Cannula Chest Pressure Movement PosSensor CFlow Stage Hypnogram ABDM TcCO2",
    "Temple": "PHOTIC-REF IBI BURSTS SUPPR DC1-DC",
    "Nihon Kohden": "X1 X11 $A1 $A2 BN1 E Mark1 CO2Wave",
    "Micromed": "MKR+MKR- SpO2+SpO2- BEAT+BEAT- PLET+PLET- ECG1+ECG1-",
    "g.tec": "SampleCounter ValidationIndicator",
    "amplifiers": "DIF1 GND DC03 Trig STI014 Status EXG1 BIP3 ACC_X Temp GSR . - .-0",
}
SPACED = [
    *("Accel Channel 0", "Analog Channel 1", "Sample Index", "Timestamp (Formatted)", "Right AUX"),
    *("OX stat", "NEW AIR", "THOR RES", "ABDO RES", "EEG EKG1-REF", "PULSE RATE", "HR Rate"),
    *("NEW A/F", "O2 Sat", "Digital Channel 0 (D11)", "Not Used", "POL E", "POL $A1", "EEG X1-REF"),
    *("RESP ABDOMEN-REF", "EDF Annotations", "EXG Channel 0", "Other.1", "Resp nasal"),
]
EEG = [
    *("EEG 001", "ch1", "Channel 3", "EEG1", "EEG Fpz-Cz", "EEG(sec)", "EEG", "RAW_TP9", "EEG.AF3"),
    *(
        "FrontRight",
        "Left-Right",
        "0",
        "左前",
        "LAT1",
        "RAT8",
        "POL LA1",
        "A'1",
        "PR1",
        "EEG 20-REF",
    ),
    *("E129", "A1", "D32", "Fc5.", "EEG A2-A1", "POL T3", "C3-P3", "T8-P8-1", "Sp1", "Pg2", "7"),
]


def names_of_montages():
    for montage in mne.channels.get_builtin_montages():
        for name in mne.channels.make_standard_montage(montage).ch_names:
            yield f"{montage}: {name}", name


def write_edf(path, *channels, seed=0):
    """EDF channels given as (label, unit, rate, scale): noise."""
    rng = np.random.default_rng(seed)
    edfio.Edf(
        [
            edfio.EdfSignal(
                (scale * rng.standard_normal(rate * SECONDS)).clip(-5 * scale, 5 * scale),
                rate,
                label=label,
                physical_dimension=unit,
                physical_range=(-5 * scale, 5 * scale),
            )
            for label, unit, rate, scale in channels
        ]
    ).write(path)
    return path


def eeg_of(*labels):
    return [(label, "uV", SFREQ, 20) for label in labels]


def test_names__of_what_makers_write_beside_eeg__are_known():
    names = [*" ".join(OTHERS.values()).split(), *SPACED]
    assert [name for name in names if is_eeg_name(name)] == []
    assert other_kind("CQ_AF3") == "contact of electrodes"
    assert other_kind("H.R.") == "heart"


def test_names__of_eeg__are_none_of_these():
    assert [name for name in EEG if not is_eeg_name(name)] == []
    refused = [label for label, name in names_of_montages() if not is_eeg_name(name)]
    assert refused == []


def test_edf__units_that_are_no_voltage_and_slow_channels__features_of_the_eeg_alone(tmp_path):
    alone = write_edf(tmp_path / "alone.edf", *eeg_of("C3", "C4", "what"))
    expected = tiny("embedder", **ARRAYS, pooling="channel").fit_transform(alone)
    others = [("in", "BPM", SFREQ, 70), ("out", "%", SFREQ, 5), ("slow", "uV", 1, 20)]
    others += [("gas", "cmH2O", SFREQ, 8), ("bare", "", SFREQ, 1), ("kilo", "kOhm", SFREQ, 5)]
    path = write_edf(tmp_path / "psg.edf", *eeg_of("C3", "C4", "what"), *others)
    embedder = tiny("embedder", **ARRAYS, pooling="channel")
    with pytest.warns(EEGWarning, match=r"in \(unit BPM, by the header\)") as said:
        features = embedder.fit_transform(path)
    np.testing.assert_array_equal(features, expected)
    assert embedder.ch_names_in_ == ["C3", "C4", "what"]
    report = {row["channel"]: row for row in embedder.electrode_report_}
    assert {name: report[name]["note"] for name in ("out", "slow", "bare")} == {
        "out": "unit %, by the header",
        "slow": "a far lower rate than the EEG's, by the header",
        "bare": "no unit, by the header",
    }
    assert all(report[name]["how"] == "left out" for name, *_ in others)
    for apply in (embedder.transform, embedder.fit):
        with pytest.warns(EEGWarning, match="gas .unit cmH2O"):
            apply(mne.io.read_raw_edf(path, verbose="error"))
    assert len([warning for warning in said if "Left out" in str(warning.message)]) == 1


def test_edf__electrodes_without_a_unit_or_in_counts__count(tmp_path):
    channels = [("C3", "", SFREQ, 20), ("C4", "uV", SFREQ, 20), ("Cz", "counts", SFREQ, 20)]
    embedder = tiny("embedder", **ARRAYS, pooling="mean")
    with pytest.warns(EEGWarning):  # of amplitudes: MNE takes what has no unit as volts
        embedder.fit(write_edf(tmp_path / "bare.edf", *channels))
    assert embedder.ch_names_in_ == ["C3", "C4", "Cz"]


def test_edf__nothing_but_other_signals__error_gives_each_reason(tmp_path):
    path = write_edf(tmp_path / "none.edf", ("H.R.", "BPM", 1, 70), ("a", "%", SFREQ, 5))
    with pytest.raises(InvalidEEGError, match=r"H\.R\. \(heart, by its name\); a \(unit %, by the"):
        tiny("embedder", **ARRAYS).fit(path)


def test_edf__of_a_polysomnograph__only_its_eeg_counts(tmp_path):
    others = [("H.R.", "BPM", 1, 70), ("NEW AIR", "", 10, 0.2), ("Pressure", "cmH2O", SFREQ, 8)]
    path = write_edf(tmp_path / "psg.edf", *eeg_of("EEG(sec)", "EEG"), *others)
    embedder = tiny("embedder", **ARRAYS)
    for call in (embedder.fit, embedder.transform):
        with pytest.warns(EEGWarning, match=r"H\.R\. \(.*\); 'NEW AIR', Pressure \(breath"):
            call(path)
    assert embedder.ch_names_in_ == ["EEG(sec)", "EEG"]


def test_edf__rates__electrodes_count_at_any_and_others_from_half_of_theirs(tmp_path):
    slow = [("what", "uV", 99, 20), ("half", "uV", 100, 20), ("O1", "uV", 50, 20)]
    breath = [(f"in{i}", "uV", 10, 20) for i in range(6)]
    path = write_edf(
        tmp_path / "a.edf", *[(n, "uV", 200, 20) for n in ("C3", "C4")], *slow, *breath
    )
    kept, left_out = chosen_channels(mne.io.read_raw_edf(path, verbose="error"))
    assert kept == ["C3", "C4", "half", "O1"]
    assert set(left_out.values()) == {"a far lower rate than the EEG's, by the header"}
    # Without an electrode's name the fastest are the EEG, however many are slow.
    path = write_edf(tmp_path / "b.edf", ("one", "uV", 200, 20), ("two", "uV", 200, 20), *breath)
    assert chosen_channels(mne.io.read_raw_edf(path, verbose="error"))[0] == ["one", "two"]


def test_edf__no_channel_states_a_unit__names_decide(tmp_path):
    labels = ("ch1", "EEG(sec)", "C3", "what", "ECG")
    bare = write_edf(tmp_path / "bare.edf", *[(label, "", SFREQ, 20) for label in labels])
    assert chosen_channels(mne.io.read_raw_edf(bare, verbose="error"))[0] == list(labels[:-1])
    mixed = [(label, "", SFREQ, 20) for label in labels]
    path = write_edf(tmp_path / "mixed.edf", *mixed, ("O1", "uV", SFREQ, 20))
    path.write_bytes(path.read_bytes().replace(b"uV  ", b"\xb5V  "))
    assert chosen_channels(mne.io.read_raw_edf(path, verbose="error"))[0] == [
        "EEG(sec)",
        "C3",
        "O1",
    ]


def test_header__gdf_of_version_1__units_in_words_are_read(tmp_path):
    labels, units = ("C3", "in"), ("uV", "BPM")
    fixed = bytearray(b"GDF 1.25".ljust(256, b"\0"))
    fixed[252:254] = len(labels).to_bytes(2, "little")
    fields = [b"".join(text.encode().ljust(16, b"\0") for text in labels), bytes(160)]
    fields += [b"".join(text.encode().ljust(8, b"\0") for text in units), bytes(2 * 112)]
    fields += [(250).to_bytes(4, "little") * 2, bytes(72)]
    path = tmp_path / "a.gdf"
    path.write_bytes(bytes(fixed) + b"".join(fields))
    found = [(c.name, c.unit, c.is_voltage, c.sfreq) for c in header_channels(path)]
    assert found == [("C3", "uV", True, 250.0), ("in", "BPM", False, 250.0)]


def raw_of(*names, seed=0):
    signals = np.random.default_rng(seed).normal(scale=2e-5, size=(len(names), SFREQ * SECONDS))
    return mne.io.RawArray(signals, mne.create_info(list(names), SFREQ, "eeg"), verbose="error")


def said_of_left_out(call):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        call()
    start = "Left out, as bad or not EEG: "
    texts = [str(warning.message) for warning in said]
    return [text.removeprefix(start) for text in texts if text.startswith(start)]


def test_recordings__many_in_one_call__each_channel_is_named_once():
    many = [raw_of("C3", "ECG"), raw_of("C3", "ECG"), raw_of("C3", "ECG", "EMG")]
    embedder = tiny("embedder", **ARRAYS)
    once = ["ECG (heart, by its name).", "EMG (muscles, by its name)."]
    assert said_of_left_out(lambda: embedder.fit_transform(many)) == once
    assert said_of_left_out(lambda: embedder.transform(many)) == once
    assert [row["channel"] for row in embedder.electrode_report_] == ["C3", "ECG", "EMG"]


def test_electrode_map__of_a_channel_named_otherwise__it_is_eeg(tmp_path):
    own = Reading(electrode_map={"X": "Cz", "rate": "Pz", "gas": "Oz"})
    channels = [*eeg_of("C3", "X"), ("gas", "cmH2O", SFREQ, 8), ("rate", "uV", 25, 20)]
    path = write_edf(tmp_path / "a.edf", *channels)
    embedder = tiny("embedder", **ARRAYS, reading=own)
    assert said_of_left_out(lambda: embedder.fit(path)) == ["gas (unit cmH2O, by the header)."]
    assert embedder.ch_names_in_ == ["C3", "X", "rate"]
    report = {row["channel"]: row["electrodes"] for row in embedder.electrode_report_}
    assert report == {"C3": ("C3",), "X": ("CZ",), "rate": ("PZ",), "gas": ()}
    epochs = mne.make_fixed_length_epochs(raw_of("C3", "X"), 2.0, verbose="error")
    assert tiny("embedder", **ARRAYS, reading=own).fit(epochs).ch_names_in_ == ["C3", "X"]


def test_array__names_that_are_no_eeg__are_used_and_warned_of_in_every_call():
    X = np.random.default_rng(0).normal(scale=20, size=(3, 3, 200))
    settings = {"sfreq": 200, "ch_names": ["C3", "ECG", "H.R."]}
    embedder = tiny("embedder", **settings)
    for call in (embedder.fit, embedder.transform):
        with pytest.warns(
            EEGWarning,
            match=r"used as EEG: ECG, H\.R\. \(heart\)\. All channels of an array are used",
        ):
            call(X)
    assert embedder.ch_names_in_ == settings["ch_names"]
    placed = Reading(electrode_map={"ECG": "C4", "H.R.": "Cz"})
    with warnings.catch_warnings():
        warnings.simplefilter("error", EEGWarning)
        tiny("embedder", **settings, reading=placed).fit(X)


@pytest.fixture(scope="module")
def bids(tmp_path_factory):
    """A recording of a BIDS data set, whose table of channels may be put anywhere."""
    root = tmp_path_factory.mktemp("bids")
    folder = root / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.8"}))
    names = ("Fz", "Cz", "Pz", "W1", "aux")
    return write_edf(folder / "sub-01_task-rest_eeg.edf", *eeg_of(*names))


def test_bids__table_beside_or_above__types_and_bad_channels_count(bids):
    rows = ["name\ttype\tunits\tstatus", "Fz\tEEG\tuV\tgood", "Pz\tEEG\tuV\tbad"]
    rows.append("W1\tEOG\tuV\tn/a")
    near = bids.with_name("sub-01_task-rest_channels.tsv")
    above = bids.parents[2] / "task-rest_channels.tsv"
    for table in (above, near):
        table.write_text("\n".join(rows))
        embedder = tiny("embedder", **ARRAYS)
        with pytest.warns(EEGWarning, match=r"Pz \(marked bad\); W1 \(of type eog\); aux \(spare"):
            embedder.fit(bids)
        assert embedder.ch_names_in_ == ["Fz", "Cz"]
    # The nearest table is the one that counts, and that of another task does not.
    near.write_text("name\ttype\tstatus\nFz\tMISC\tgood\n")
    assert tiny("embedder", **ARRAYS).fit(bids).ch_names_in_ == ["Cz", "Pz", "W1"]
    near.unlink()
    above.rename(above.with_name("task-other_channels.tsv"))
    assert tiny("embedder", **ARRAYS).fit(bids).ch_names_in_ == ["Fz", "Cz", "Pz", "W1"]


def test_paths__of_any_kind__are_read_as_strings(bids):
    mne_bids = pytest.importorskip("mne_bids")
    path = mne_bids.BIDSPath(root=bids.parents[2], subject="01", task="rest", datatype="eeg")
    expected = tiny("embedder", **ARRAYS).fit_transform(str(bids))
    for given in (path.update(suffix="eeg"), PurePosixPath(bids), [path], bids):
        features = tiny("embedder", **ARRAYS).fit_transform(given)
        np.testing.assert_array_equal(features, expected)


def test_bids__table_of_other_channels__is_said(bids):
    near = bids.with_name("sub-01_task-rest_channels.tsv")
    near.write_text("name\ttype\tstatus\nEEG Fz\tEEG\tbad\n")
    with pytest.warns(EEGWarning, match="names no channel of the recording"):
        tiny("embedder", **ARRAYS).fit(bids)
    near.write_text('name\ttype\tstatus\nFz\tEEG\tgood\n"\tEEG\tgood\nP9\tEEG\tbad\nCz\tEOG\tgood')
    embedder = tiny("embedder", **ARRAYS)
    with pytest.warns(EEGWarning, match=r"marks 'P9' as bad, which the recording does not have"):
        embedder.fit(bids)
    assert embedder.ch_names_in_ == ["Fz", "Pz", "W1"]
    near.unlink()


def test_corpus__tables_of_other_channels__are_said_once_and_noted(bids, tmp_path):
    above = bids.parents[2] / "task-rest_channels.tsv"
    above.write_text("name\ttype\tstatus\nP9\tEEG\tbad\nFz\tEEG\tgood\n")
    second = write_edf(bids.with_name("sub-01_task-rest_run-2_eeg.edf"), *eeg_of("Fz", "Cz"))
    with pytest.warns(EEGWarning, match="marks 'P9' as bad") as said:
        build_corpus([bids, second], tmp_path / "corpus", notch=None)
    texts = [line for w in said for line in str(w.message).split("\n") if "P9" in line]
    assert len(texts) == 1
    assert "(2 files, first " in texts[0]
    notes = EEGCorpus(tmp_path / "corpus", window=1).recordings[0].notes
    assert any("marks 'P9' as bad" in note for note in notes)
    for file in (above, second):
        file.unlink()


def test_corpus__table_of_a_recording_changes__the_recording_counts_as_changed(bids):
    before = source_state(str(bids))
    near = bids.with_name("sub-01_task-rest_channels.tsv")
    near.write_text("name\ttype\tstatus\nFz\tEEG\tbad\n")
    size, changed = source_state(str(bids))
    assert size == before[0] + near.stat().st_size
    os.utime(near, ns=(changed + 10**9, changed + 10**9))
    assert source_state(str(bids)) == (size, changed + 10**9)
    near.unlink()
    assert source_state(str(bids)) == before


def test_bids__written_by_mne_bids__the_path_gives_what_mne_bids_reads(tmp_path):
    mne_bids = pytest.importorskip("mne_bids")
    raw = raw_of("Fz", "Cz", "Pz", "W1").set_channel_types({"W1": "eog"}, verbose="error")
    raw.info["line_freq"], raw.info["bads"] = 50, ["Pz"]
    path = mne_bids.BIDSPath(subject="01", task="rest", root=tmp_path, datatype="eeg")
    mne_bids.write_raw_bids(raw, path, format="EDF", allow_preload=True, verbose="error")
    read = mne_bids.read_raw_bids(path, verbose="error")
    expected = tiny("embedder", **ARRAYS).fit_transform(read)
    for given in (path, path.fpath, [path]):
        embedder = tiny("embedder", **ARRAYS)
        np.testing.assert_array_equal(embedder.fit_transform(given), expected)
        assert embedder.ch_names_in_ == ["Fz", "Cz"]
        notes = {row["channel"]: row["note"] for row in embedder.electrode_report_[2:]}
        assert notes == {"Pz": "marked bad", "W1": "of type eog"}
