"""Joins and bad stretches of recordings: filtered and left out as MNE does it."""

import warnings
from itertools import pairwise

import mne
import numpy as np
import pytest
from corpus_files import NAMES, build, make_signals

from sk_brainrvq.corpus import EEGCorpus
from sk_brainrvq.corpus.intake import marked_seconds, read_signals
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.signals import window_starts
from sk_brainrvq.signals.filters.filtering import FilterSettings
from sk_brainrvq.signals.filters.resampling import resample, resample_spans
from sk_brainrvq.signals.sources.annotations import marks_of, unbroken_spans
from sk_brainrvq.signals.sources.mne_raws import block_from_raw
from sk_brainrvq.signals.sources.recording_files import read_recording

NO_FILTERS = FilterSettings()
BAND = FilterSettings.checked(l_freq=1.0, h_freq=40.0, notch=50)


def make_raw(n_seconds=30, sfreq=200.0, seed=0, offset=0.0):
    signals = make_signals(n_seconds, sfreq, seed) + offset
    return mne.io.RawArray(signals * 1e-6, mne.create_info(NAMES, sfreq, "eeg"), verbose="error")


def annotated(raw, *annotations):
    """The recording with (seconds, duration, description)."""
    onsets, durations, descriptions = zip(*annotations, strict=True)
    times = np.array(onsets) + (raw.first_time if raw.info["meas_date"] else 0)
    return raw.set_annotations(
        mne.Annotations(times, durations, descriptions, orig_time=raw.info["meas_date"])
    )


def joined(*lengths, sfreq=200.0, step=300.0):
    """Recordings one after the other, each on another level."""
    raws = [make_raw(n, sfreq, seed, step * seed) for seed, n in enumerate(lengths)]
    return mne.concatenate_raws(raws, verbose="error")


def skipped():
    """A recording of which nothing was written from 21 to 30 s."""
    raw = make_raw(60, offset=100.0)
    raw._data[:, 4200:6000] = 0
    return annotated(raw, (21, 9, "BAD_ACQ_SKIP"))


def windows_by_mne(raw, window, overlap):
    filtered = raw.copy().filter(1.0, 40.0, verbose="error").notch_filter([50], verbose="error")
    epochs = mne.make_fixed_length_epochs(filtered, window, overlap=overlap, verbose="error")
    return epochs.get_data(verbose="error") * 1e6, epochs.selection


def quietly(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EEGWarning)
        return function(*arguments)


@pytest.mark.parametrize(
    "make",
    [
        lambda: joined(30, 40),
        lambda: joined(21.35, 30, 17.1),
        lambda: joined(30, 30).crop(3.7, 55),
        skipped,
        lambda: annotated(make_raw(), (3, 0.5, "bad blink"), (11.9, 0.2, "Bad"), (20, 0, "BAD")),
        lambda: annotated(make_raw().crop(2.5), (3, 2, "BAD_move"), (12, 1, "good"), (13, 5, "T0")),
        lambda: annotated(make_raw().set_meas_date(9).crop(2.5), (3, 2, "BAD_move")),
        lambda: annotated(joined(30, 40), (0, 4, "EDGE artefact"), (0, 4, "bad start")),
    ],
)
@pytest.mark.parametrize(("window", "overlap"), [(5.0, 0.0), (4.0, 3.0), (2.5, 0.5), (0.5, 0.25)])
def test_recording__joins_and_bad_stretches__windows_of_mne(make, window, overlap):
    raw = make()
    before = raw.get_data()
    expected, selection = windows_by_mne(raw, window, overlap)
    block = quietly(block_from_raw, raw, window, overlap, BAND)
    np.testing.assert_allclose(block.data, expected, atol=1e-3)
    assert block.index.tolist() == list(range(len(selection)))
    starts = window_starts(raw, window, overlap)
    np.testing.assert_allclose(starts, selection * (window - overlap))
    np.testing.assert_array_equal(raw.get_data(), before)


def test_recording__as_a_file__windows_of_the_object(tmp_path):
    raw = joined(30, 30)
    raw.save(tmp_path / "a_raw.fif", fmt="double", verbose="error")
    of_file = quietly(block_from_raw, read_recording(tmp_path / "a_raw.fif"), 4.0, 0.0, BAND)
    of_object = quietly(block_from_raw, raw, 4.0, 0.0, BAND)
    assert len(of_file.data) == 14
    np.testing.assert_allclose(of_file.data, of_object.data, atol=1e-4)


@pytest.mark.parametrize("sfreq", [128.0, 250.0, 256.0, 500.0, 173.61])
def test_recording__join_at_another_rate__nothing_of_the_other_recording_is_heard(sfreq):
    band = FilterSettings.checked(l_freq=1.0, h_freq=40.0)
    first, second = make_raw(20, sfreq, 0), make_raw(20, sfreq, 1, offset=5000.0)
    both = mne.concatenate_raws([first.copy(), second.copy()], verbose="error")
    windows = quietly(block_from_raw, both, 4.0, 0.0, band).data
    alone = [block_from_raw(raw, 4.0, 0.0, band).data for raw in (first, second)]
    np.testing.assert_allclose(windows[:4], alone[0][:4], atol=1e-3)
    if round(20 * sfreq) == 20 * sfreq:  # else the second is cut a part of a sample later
        np.testing.assert_allclose(windows, np.concatenate(alone), atol=0.02)


@pytest.mark.parametrize("sfreq", [128.0, 256.0, 1000.0, 512 / 3])
def test_resample_spans__smooth_signal_in_parts__as_the_whole(sfreq):
    n_times = int(20 * sfreq)
    signal = np.sin(2 * np.pi * 3 * np.arange(n_times) / sfreq)[None]
    joins = [0, n_times // 3, n_times // 3 + 1, n_times // 2, n_times]
    parts = resample_spans(signal, sfreq, list(pairwise(joins)))
    whole = resample(signal, sfreq)
    assert parts.shape == whole.shape
    assert np.abs(parts - whole).max() < 0.15
    assert np.mean((parts - whole) ** 2) < 1e-4 * np.mean(whole**2)


def test_spans__gaps_and_joins__are_all_of_the_recording():
    raw = annotated(make_raw(), (3, 0, "EDGE boundary"), (5, 2, "BAD_ACQ_SKIP"), (6, 0, "edge"))
    spans, gaps = unbroken_spans(raw)
    assert spans == [(0, 600), (600, 1000), (1400, 6000)]
    assert gaps == [(1000, 1200), (1200, 1400)]


def test_left_out__says_how_many_for_what_and_how_to_keep_them():
    raw = annotated(make_raw(), (7, 1, "BAD_eyes"), (16, 3, "bad"), (17, 1, "rest"))
    message = (
        r"2 of 6 windows are left out because they overlap annotations 'BAD_eyes', 'bad'\. "
        r"Those that remain begin at .*window_starts.* To keep all, remove or rename these"
    )
    with pytest.warns(EEGWarning, match=message):
        block_from_raw(raw, 5.0, 0.0, NO_FILTERS)
    raw.annotations.rename({"BAD_eyes": "eyes", "bad": "noise"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(block_from_raw(raw, 5.0, 0.0, NO_FILTERS).data) == 6


def test_left_out__all__is_an_error_that_names_the_annotations():
    raw = annotated(make_raw(), (0, 30, "BAD_all"))
    with pytest.raises(InvalidEEGError, match=r"All 6 windows overlap annotations 'BAD_all'"):
        block_from_raw(raw, 5.0, 0.0, BAND)


@pytest.mark.parametrize("settings", [NO_FILTERS, BAND])
def test_not_finite__in_a_bad_stretch__does_not_matter(settings):
    raw = annotated(make_raw(), (7, 1, "BAD_lost"))
    whole = quietly(block_from_raw, raw, 5.0, 0.0, settings).data
    raw._data[1, 1400:1600] = np.nan
    raw._data[2, 1500] = np.inf
    windows = quietly(block_from_raw, raw, 5.0, 0.0, settings).data
    assert windows.shape == whole.shape
    far = [0, 3, 4]  # from 0, 20 and 25 s on: the filter of 1 Hz rings for some seconds
    np.testing.assert_allclose(windows[far], whole[far], atol=0.5)
    assert np.isfinite(windows).all()
    raw._data[1, 1700] = np.nan
    with pytest.raises(InvalidEEGError, match=r"channel 'C3' at 8\.50 s.*annotate the stretch"):
        block_from_raw(raw, 5.0, 0.0, settings)


def test_not_finite__channel_lost_in_all_of_a_joined_part__does_not_matter():
    raw = annotated(make_raw(), (0, 10, "BAD_start"), (10, 0, "EDGE"))
    raw._data[:, :2000] = np.nan
    assert len(quietly(block_from_raw, raw, 5.0, 0.0, BAND).data) == 4


@pytest.mark.parametrize(("reference", "names"), [("average", "average"), ("cz", ["Cz"])])
def test_filter__joins_and_another_reference__as_mne(reference, names):
    raw = joined(20, 30)
    settings = FilterSettings.checked(l_freq=1.0, h_freq=40.0, reference=reference)
    block = quietly(block_from_raw, raw, 5.0, 0.0, settings)
    referenced = raw.copy().set_eeg_reference(names, verbose="error")
    referenced.filter(1.0, 40.0, verbose="error")
    expected = mne.make_fixed_length_epochs(referenced, 5.0, verbose="error").get_data()
    np.testing.assert_allclose(block.data, expected * 1e6, atol=1e-3)


@pytest.mark.parametrize("first_samp", [0, 12345, 777])
def test_window_starts__recording_cut_from_another__joins_at_edges_lose_nothing(first_samp):
    info, signals = mne.create_info(NAMES, 100.0, "eeg"), np.zeros((len(NAMES), 1000))
    parts = [mne.io.RawArray(signals, info, first_samp, verbose="error") for _ in range(3)]
    raw = mne.concatenate_raws(parts, verbose="error")
    np.testing.assert_array_equal(window_starts(raw, 10.0, 0.0), [0, 10, 20])


def test_filter__part_shorter_than_a_window__nothing_is_said_of_it():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        block_from_raw(joined(2, 58), 10.0, 0.0, BAND)
    assert not any("Too short to filter" in str(each.message) for each in caught)


def test_filter__short_parts__one_warning_of_the_shortest():
    raw = joined(60, 2, 60, 1.5, 0.1, 30)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        block_from_raw(raw, 1.0, 0.0, BAND)
    short = [str(each.message) for each in caught if "Too short to filter" in str(each.message)]
    assert len(short) == 1
    assert "the signals last 1.5 s" in short[0]


def test_marked_seconds__all_that_annotations_touch():
    raw = annotated(
        make_raw(10.5),
        (0.4, 0.2, "BAD"),
        (2, 2, "BAD"),
        (4.5, 1, "bad"),
        (8, 0, "EDGE"),
        (10.2, 0.3, "BAD"),
    )
    runs = marked_seconds(marks_of(raw), 2100)
    assert runs == ((0, 1), (2, 4), (4, 6), (8, 9), (10, 11))


def test_corpus__joins_and_bad_stretches__seconds_are_rejected(tmp_path):
    raw = joined(30, 40)
    raw.annotations.append(12.25 + raw.first_time, 0.5, "BAD_move")
    raw.save(tmp_path / "a_raw.fif", fmt="double", verbose="error")
    build(tmp_path / "a_raw.fif", tmp_path / "corpus", l_freq=1, h_freq=40)
    corpus = EEGCorpus(tmp_path / "corpus", window=4)
    assert corpus.recordings[0].unusable == ((12, 13), (30, 31))
    assert "2 seconds rejected" in corpus.info()
    expected, selection = windows_by_mne(raw, 4.0, 0.0)
    np.testing.assert_array_equal(corpus.starts, selection * 4.0)
    for window, of_mne in zip(corpus, expected, strict=True):
        np.testing.assert_allclose(window, of_mne, atol=0.05)
    (note,) = [note for note in corpus.recordings[0].notes if "annotations" in note]
    assert note == (
        "Windows that overlap annotations 'BAD boundary', 'BAD_move', 'EDGE boundary' are not used."
    )


def test_corpus__lost_in_a_bad_stretch__file_is_used(tmp_path):
    raw = annotated(make_raw(), (7, 1.5, "BAD_lost"))
    raw._data[1, 1400:1700] = np.nan
    raw.save(tmp_path / "a_raw.fif", fmt="double", verbose="error")
    signals = read_signals(str(tmp_path / "a_raw.fif"), BAND)
    assert np.isfinite(signals.microvolts).all()
    assert signals.marked == ((7, 9),)
