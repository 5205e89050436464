"""What is no EEG: by header, by the table of a BIDS data set, by names of many makers."""

import json
from pathlib import PurePosixPath

import edfio
import mne
import numpy as np
import pytest
from tiny import tiny

from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals.electrodes.other_channels import is_eeg_name, other_kind

ARRAYS = {"sfreq": None, "ch_names": None, "window": 2.0}
SFREQ, SECONDS = 100, 8

# Columns and channels that makers and corpora write beside the EEG.
OTHERS = {
    "Emotiv": "COUNTER INTERPOLATED RAW_CQ CQ_AF3 CQ_CMS CQ_DRL EQ_T7 MOT_Q0 MOT_ACCX BATTERY "
    "GYROX GYROY MARKER_HARDWARE TIME_STAMP_s TIME_STAMP_ms ES_TIMESTAMP EEG.Counter EEG.Battery "
    "EEG.Interpolated EEG.RawCq EEG.BatteryPercent MarkerIndex CQ.Overall POW.AF3.Theta",
    "Muse": "HSI_TP9 Accelerometer_X Gyro_Z HeadBandOn Battery Elements Delta_TP9 Gamma_AF8 AUX_R "
    "TimeStamp",
    "OpenBCI": "Timestamp Other Battery",
    "polysomnographs": "SaO2 SpO2 HR H.R. PR AIRFLOW POSITION LIGHT EMG ECG Snore PTT CPAP Pleth "
    "Leak EOG(L) EOG-ROC Abdomen Thorax SUM Impedance Rate MK X Y nd Nasal Resp",
    "Temple": "PHOTIC-REF IBI BURSTS SUPPR DC1-DC",
    "amplifiers": "DC03 Trig STI014 Status EXG1 BIP3 ACC_X Temp GSR . - .-0",
}
SPACED = [
    *("Accel Channel 0", "Analog Channel 1", "Sample Index", "Timestamp (Formatted)", "Right AUX"),
    *("OX stat", "NEW AIR", "THOR RES", "ABDO RES", "EEG EKG1-REF", "PULSE RATE", "HR Rate"),
    *("RESP ABDOMEN-REF", "EDF Annotations", "EXG Channel 0", "Other.1", "Resp nasal"),
]
EEG = [
    *("EEG 001", "ch1", "Channel 3", "EEG1", "EEG Fpz-Cz", "EEG(sec)", "EEG", "RAW_TP9", "EEG.AF3"),
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
        "slow": "a far lower rate than the others, by the header",
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


@pytest.fixture(scope="module")
def bids(tmp_path_factory):
    """A recording of a BIDS data set, whose table of channels may be put anywhere."""
    root = tmp_path_factory.mktemp("bids")
    folder = root / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.8"}))
    names = ("Fz", "Cz", "Pz", "X1", "aux")
    return write_edf(folder / "sub-01_task-rest_eeg.edf", *eeg_of(*names))


def test_bids__table_beside_or_above__types_and_bad_channels_count(bids):
    rows = ["name\ttype\tunits\tstatus", "Fz\tEEG\tuV\tgood", "Pz\tEEG\tuV\tbad"]
    rows.append("X1\tEOG\tuV\tn/a")
    near = bids.with_name("sub-01_task-rest_channels.tsv")
    above = bids.parents[2] / "task-rest_channels.tsv"
    for table in (above, near):
        table.write_text("\n".join(rows))
        embedder = tiny("embedder", **ARRAYS)
        with pytest.warns(EEGWarning, match=r"Pz \(marked bad\); X1 \(of type eog\); aux \(spare"):
            embedder.fit(bids)
        assert embedder.ch_names_in_ == ["Fz", "Cz"]
    # The nearest table is the one that counts, and that of another task does not.
    near.write_text("name\ttype\tstatus\nFz\tMISC\tgood\n")
    assert tiny("embedder", **ARRAYS).fit(bids).ch_names_in_ == ["Cz", "Pz", "X1"]
    near.unlink()
    above.rename(above.with_name("task-other_channels.tsv"))
    assert tiny("embedder", **ARRAYS).fit(bids).ch_names_in_ == ["Fz", "Cz", "Pz", "X1"]


def test_paths__of_any_kind__are_read_as_strings(bids):
    mne_bids = pytest.importorskip("mne_bids")
    path = mne_bids.BIDSPath(root=bids.parents[2], subject="01", task="rest", datatype="eeg")
    expected = tiny("embedder", **ARRAYS).fit_transform(str(bids))
    for given in (path.update(suffix="eeg"), PurePosixPath(bids), [path], bids):
        features = tiny("embedder", **ARRAYS).fit_transform(given)
        np.testing.assert_array_equal(features, expected)
