"""Building a corpus: what is stored, what a second run does, and what cannot be used."""

import json
import os
import warnings

import filelock
import mne
import numpy as np
import pytest
import zarr
from corpus_files import NAMES, build, contents, make_signals, write_recording

from sk_brainrvq.corpus import EEGCorpus, build_corpus
from sk_brainrvq.exceptions import EEGWarning, InvalidCorpusError
from sk_brainrvq.signals.filters.resampling import resample


@pytest.fixture
def recordings(tmp_path):
    """A folder of three EDF files of two subjects."""
    folder = tmp_path / "files"
    for seed, name in enumerate(["sub-a_ses-1_eeg", "sub-a_ses-2_eeg", "sub-b_eeg"]):
        write_recording(folder / f"{name}.edf", 20, seed=seed)
    return folder


def stored(out, number=0):
    """A recording's signals in microvolts and its scale, read by Zarr alone."""
    recording = EEGCorpus(out, window=1).recordings[number]
    array = zarr.open_group(out, mode="r")[f"recordings/{recording.id}"]
    scale = np.array(array.attrs["recording"]["scale"])[:, None]
    return array[:] * scale, scale


def test_stored_signal__against_filters_of_mne__errs_by_half_a_step(tmp_path):
    path = write_recording(tmp_path / "a.edf")
    build(path, tmp_path / "corpus")
    raw = mne.io.read_raw_edf(path, preload=True, verbose=False)
    expected = raw.filter(0.3, 75, verbose=False).notch_filter(50, verbose=False).get_data() * 1e6
    signals, scale = stored(tmp_path / "corpus")
    assert (np.abs(signals - expected) <= (0.5 + 1e-4) * scale).all()


def test_stored_signal__against_filters_and_resampling_of_mne__agree(tmp_path):
    path = write_recording(tmp_path / "a.edf", sfreq=500.0)
    build(path, tmp_path / "corpus")
    raw = mne.io.read_raw_edf(path, preload=True, verbose=False)
    raw.filter(0.3, 75, verbose=False).notch_filter(np.arange(50, 250, 50), verbose=False)
    signals, scale = stored(tmp_path / "corpus")
    ours = resample(raw.get_data() * 1e6, 500.0)
    assert (np.abs(signals - ours) <= (0.5 + 1e-4) * scale).all()
    theirs = raw.resample(200, method="polyphase", verbose=False).get_data() * 1e6
    inner = slice(100, -100)
    error = np.sqrt(np.mean((signals - theirs)[:, inner] ** 2) / np.mean(theirs[:, inner] ** 2))
    assert error < 0.01


def test_reference__average_beside_unknown_places__mnes_of_the_placed_channels(tmp_path):
    path = write_recording(tmp_path / "a.edf", names=["Fp1", "W1", "C3", "O2"])
    build(path, tmp_path / "corpus", l_freq=None, h_freq=None, notch=None, reference="average")
    raw = mne.io.read_raw_edf(path, preload=True, verbose=False)
    expected = raw.set_eeg_reference(["Fp1", "C3", "O2"], verbose=False).get_data() * 1e6
    signals, scale = stored(tmp_path / "corpus")
    assert (np.abs(signals - expected) <= (0.5 + 1e-4) * scale).all()


def test_no_filters__nothing_but_rounding_is_done(tmp_path):
    path = write_recording(tmp_path / "a.edf")
    build(path, tmp_path / "corpus", notch=None, l_freq=None, h_freq=None)
    expected = mne.io.read_raw_edf(path, verbose=False).get_data() * 1e6
    signals, scale = stored(tmp_path / "corpus")
    assert (np.abs(signals - expected) <= (0.5 + 1e-4) * scale).all()


def test_layout__of_zarr__chunks_of_a_minute_in_files_of_an_hour(tmp_path):
    signals = np.random.default_rng(0).normal(scale=20, size=(1, 200 * 3700))
    path = write_recording(tmp_path / "a_raw.fif", names=["Cz"], signals=signals)
    out = tmp_path / "corpus"
    build(path, out)
    name = EEGCorpus(out).recordings[0].id
    array = zarr.open_group(out, mode="r")[f"recordings/{name}"]
    assert (array.dtype, array.shape) == (np.int16, signals.shape)
    assert (array.chunks, array.shards) == ((1, 12000), (1, 720_000))
    assert array.metadata.dimension_names == ("channel", "time")
    files = [path.name for path in (out / "recordings" / name / "c").rglob("*") if path.is_file()]
    assert sorted(files) == ["0", "1"]


def test_notch__not_given__is_asked_for(tmp_path):
    with pytest.raises(TypeError, match="notch"):
        build_corpus(tmp_path, tmp_path / "corpus")


def test_second_run__same_files__keeps_every_byte(recordings, tmp_path):
    first = build(recordings, tmp_path / "corpus")
    before = contents(tmp_path / "corpus")
    second = build(recordings, tmp_path / "corpus")
    assert (first.built, first.kept, second.built, second.kept) == (3, 0, 0, 3)
    assert contents(tmp_path / "corpus") == before
    assert (second.hours, second.subjects) == (pytest.approx(60 / 3600), 2)


def test_two_runs__into_two_folders__same_bytes(recordings, tmp_path):
    build(recordings, tmp_path / "first")
    build(recordings, tmp_path / "second", n_jobs=2)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_more_files__later__same_bytes_as_at_once(recordings, tmp_path):
    build(recordings, tmp_path / "at_once")
    files = sorted(recordings.iterdir())
    build(files[1:2], tmp_path / "later")
    report = build([files[2], files[0]], tmp_path / "later")
    assert (report.built, report.kept) == (2, 0)
    assert contents(tmp_path / "later") == contents(tmp_path / "at_once")


@pytest.mark.parametrize("same_size", [True, False])
def test_changed_source__later__built_again(recordings, tmp_path, same_size):
    out = tmp_path / "corpus"
    build(recordings, out)
    changed = write_recording(recordings / "sub-b_eeg.edf", 20 if same_size else 30, seed=9)
    os.utime(changed, ns=(1, 1))
    report = build(recordings, out)
    assert (report.built, report.kept) == (1, 2)
    build(recordings, tmp_path / "anew")
    assert contents(out) == contents(tmp_path / "anew")
    assert EEGCorpus(out).verify() == []


def test_vanished_source__later__stays_in_the_corpus(recordings, tmp_path):
    build(recordings, tmp_path / "corpus")
    before = contents(tmp_path / "corpus" / "recordings")
    gone = recordings / "sub-b_eeg.edf"
    gone.unlink()
    assert build(recordings, tmp_path / "corpus").kept == 2
    report = build([recordings, gone], tmp_path / "corpus")
    assert [reason for _, reason in report.failed] == [f"There is no recording at {gone}."]
    assert contents(tmp_path / "corpus" / "recordings") == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"notch": 60}, r"notch was 50\.0, now 60\.0"),
        ({"l_freq": 1, "h_freq": None}, r"l_freq was 0\.3, now 1\.0; h_freq was 75\.0, now None"),
        ({"reference": "average"}, "reference was None, now 'average'"),
        ({"reject_flat": 1}, r"reject_flat was None, now 1\.0"),
        ({"subject": "(?P<subject>.*)"}, "subject was None, now"),
    ],
)
def test_other_settings__for_an_existing_corpus__differences_are_shown(
    recordings, tmp_path, settings, message
):
    build(recordings, tmp_path / "corpus")
    before = contents(tmp_path / "corpus")
    with pytest.raises(InvalidCorpusError, match=f"other settings: {message}"):
        build(recordings, tmp_path / "corpus", **settings)
    assert contents(tmp_path / "corpus") == before


def broken_edf(path):
    write_recording(path)
    path.write_bytes(path.read_bytes()[:400])


def text(path):
    path.write_text("no EEG")


def epochs(path):
    raw = mne.io.RawArray(make_signals(4) * 1e-6, mne.create_info(NAMES, 200, "eeg"), verbose=False)
    mne.make_fixed_length_epochs(raw, 1, verbose=False).save(path, verbose=False)


def without_eeg(path):
    write_recording(path, names=["ECG", "EMG", "EOG", "Resp"])


def with_nan(path):
    signals = make_signals(20)
    signals[1, 100] = np.nan
    write_recording(path, signals=signals)


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("bad.edf", broken_edf, "MNE cannot read"),
        ("bad.bdf", text, "MNE cannot read"),
        ("bad.set", text, "MNE cannot read"),
        ("bad-epo.fif", epochs, "holds epochs, but a corpus consists of continuous recordings"),
        ("bad.edf", without_eeg, "There is no good EEG channel"),
        ("bad_raw.fif", with_nan, "NaN or infinity, first in channel 'C3' at 0.50 s"),
        ("bad.edf", lambda path: path.mkdir(), "is a folder"),
    ],
)
def test_bad_file__among_good_ones__is_reported_and_tried_again(
    recordings, tmp_path, name, make, reason
):
    out = tmp_path / "corpus"
    bad = recordings / name
    make(bad)
    report = build(recordings, out)
    assert (report.built, len(report.failed)) == (3, 1)
    assert report.failed[0][0] == bad.as_posix()
    assert reason in report.failed[0][1]
    assert f"1 failed; the corpus holds 0.02 hours from 2 subjects.\n  failed: {bad}" in str(report)
    assert EEGCorpus(out).failed == report.failed
    if bad.is_dir():
        bad.rmdir()
    mended = write_recording(bad) if name.endswith(".edf") else bad
    report = build(mended, out)
    is_mended = name.endswith(".edf")
    assert (report.built, len(report.failed), EEGCorpus(out).failed) == (
        (1, 0, []) if is_mended else (0, 1, report.failed)
    )


def test_failed_files__of_an_earlier_run__stay_listed(recordings, tmp_path):
    bad = recordings / "bad.edf"
    text(bad)
    failed = build(recordings, tmp_path / "corpus").failed
    ((path, reason),) = failed
    info = EEGCorpus(tmp_path / "corpus").info()
    assert info.endswith(f"0 seconds rejected, 1 file failed\n  {path}: {reason}")
    report = build(recordings / "sub-b_eeg.edf", tmp_path / "corpus")
    assert (report.failed, EEGCorpus(tmp_path / "corpus").failed) == ([], failed)


def test_info__many_failed_files__names_the_first_and_counts_the_others(recordings, tmp_path):
    for number in range(7):
        text(recordings / f"bad{number}.edf")
    build(recordings, tmp_path / "corpus")
    lines = EEGCorpus(tmp_path / "corpus").info().splitlines()
    assert "7 files failed" in lines[-7]
    assert "bad4.edf" in lines[-2]
    assert lines[-1] == "  and 2 more"


def test_subject_rule__that_fits_no_path__file_fails(recordings, tmp_path):
    report = build(recordings, tmp_path / "corpus", subject=r"(?P<subject>sub-b)")
    assert report.built == 1
    assert all("does not match the path" in reason for _, reason in report.failed)


def test_subject_function__that_gives_others_now__recordings_are_built_again(recordings, tmp_path):
    build(recordings, tmp_path / "corpus", subject=lambda _: ("anyone", ""))
    report = build(recordings, tmp_path / "corpus", subject=lambda path: (path[-7:-4], ""))
    assert (report.built, report.kept) == (3, 0)
    report = build(recordings, tmp_path / "corpus", subject=lambda path: (path[-7:-4], ""))
    assert (report.built, report.kept) == (0, 3)
    assert set(EEGCorpus(tmp_path / "corpus").subjects) == {"eeg"}


def test_notes__of_many_files__one_warning_with_counts(tmp_path):
    for i in range(3):
        write_recording(tmp_path / f"files/{i}.edf", names=["Fp1", "C3", "ECG", "O2"], seed=i)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        build_corpus(tmp_path / "files", tmp_path / "corpus", notch=50)
    messages = [str(w.message) for w in caught if issubclass(w.category, EEGWarning)]
    assert len(messages) == 1
    assert "Left out, as bad or not EEG: ECG (heart, by its name). (3 files, first " in messages[0]


def test_folder_in_use__by_another_build__says_so(recordings, tmp_path):
    out = tmp_path / "corpus"
    out.mkdir()
    with (
        filelock.FileLock(out / ".lock"),
        pytest.raises(InvalidCorpusError, match="Another build is writing to"),
    ):
        build(recordings, out)
    assert build(recordings, out).built == 3


def test_out__that_is_no_place_for_a_corpus__says_why(recordings, tmp_path):
    with pytest.raises(InvalidCorpusError, match=r"holds other files .* and no corpus"):
        build(recordings, recordings)
    with pytest.raises(InvalidCorpusError, match="is a file; expected a folder"):
        build(recordings, recordings / "sub-b_eeg.edf")
    with pytest.raises(InvalidCorpusError, match="built in a local folder"):
        build(recordings, "s3://bucket/corpus")
    zarr.create_group(tmp_path / "other")
    with pytest.raises(InvalidCorpusError, match="holds another Zarr group"):
        build(recordings, tmp_path / "other")
    assert len(list(recordings.iterdir())) == 3


def test_corpus_of_a_newer_version__build__says_so(recordings, tmp_path):
    build(recordings, tmp_path / "corpus")
    path = tmp_path / "corpus" / "zarr.json"
    metadata = json.loads(path.read_text())
    metadata["attributes"]["version"] = 99
    path.write_text(json.dumps(metadata))
    with pytest.raises(InvalidCorpusError, match=r"format version 99; .* Upgrade"):
        build(recordings, tmp_path / "corpus")


def test_corpus_of_an_earlier_version__is_read_and_not_added_to(recordings, tmp_path):
    # Version 1 heeded no annotations: old and new recordings would differ without a word.
    folder = tmp_path / "corpus"
    build(recordings, folder)
    n_recordings = len(EEGCorpus(folder).recordings)
    for path in (folder / "zarr.json", folder / "index.jsonl"):
        text = path.read_text()
        assert text.count('"version":2') == 1
        path.write_text(text.replace('"version":2', '"version":1'))
    assert len(EEGCorpus(folder).recordings) == n_recordings > 0
    with pytest.raises(InvalidCorpusError, match=r"by an earlier version.* build into another"):
        build(recordings, folder)


@pytest.mark.parametrize("name", ["reject_amplitude", "reject_flat"])
@pytest.mark.parametrize("value", [0, -1, "5", np.nan, np.inf, True, [1]])
def test_limits__that_are_no_microvolts__say_what_is_expected(tmp_path, name, value):
    with pytest.raises(InvalidCorpusError, match=f"{name}=.*expected a peak-to-peak limit"):
        build(tmp_path / "a.edf", tmp_path / "corpus", **{name: value})
    assert not (tmp_path / "corpus").exists()


def test_broken_index__build__writes_it_anew(recordings, tmp_path):
    out = tmp_path / "corpus"
    build(recordings, out)
    before = contents(out)
    for damage in (b"", (out / "index.jsonl").read_bytes()[:-20]):
        (out / "index.jsonl").write_bytes(damage)
        build(recordings, out)
        assert contents(out) == before


def test_filters__left_out_for_a_short_or_single_channel__are_noted(tmp_path):
    short = write_recording(tmp_path / "short.edf", n_seconds=2, names=["Cz"])
    with pytest.warns(EEGWarning, match=r"Too short to filter exactly") as said:
        build_corpus(short, tmp_path / "corpus", notch=50, reference="average")
    assert "average of a single channel" in str(said[0].message)
