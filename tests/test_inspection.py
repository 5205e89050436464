"""Inspection: what it says is what an embedder does."""

import json
import warnings

import mne
import numpy as np
import pytest
from sklearn.base import clone

from sk_brainrvq import BrainRVQEmbedder, Filters, inspect_recording
from sk_brainrvq.exceptions import EEGWarning, InvalidEEGError
from sk_brainrvq.inspection import RecordingReport, RecordingReports
from sk_brainrvq.signals import window_starts

NAMES = ["Fp1", "T3", "Cz", "somewhere", "EKG"]
TINY = {"weights": None, "architecture": "tiny", "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def raw():
    """Half a minute at 250 Hz: 10 microvolts and more, one offset, a bad second, an old filter."""
    scales = np.array([10.0, 20, 40, 80, 500])[:, None]
    signals = np.random.default_rng(0).normal(size=(5, 250 * 31)) * scales
    signals[2] += 900
    raw = mne.io.RawArray(signals * 1e-6, mne.create_info(NAMES, 250, "eeg"), verbose="error")
    raw.filter(None, 30, picks="all", verbose="error")
    return raw.set_annotations(mne.Annotations([12, 20], [1, 0], ["BAD_move", "stimulus"]))


@pytest.fixture(scope="module")
def embedder():
    """Windows of 4 s that share one, and filters."""
    filters = Filters(l_freq=1, h_freq=40, notch=50, reference="average")
    return BrainRVQEmbedder(**TINY, window=4, overlap=1, filters=filters)


def fitted_in_silence(embedder, X):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        features = embedder.fit_transform(X)
    texts = [str(warning.message) for warning in said if warning.category is EEGWarning]
    return features, list(dict.fromkeys(texts))


def test_inspect__a_recording__says_what_the_embedder_does(raw, embedder, recwarn):
    report = inspect_recording(raw, embedder)
    assert not [w for w in recwarn if w.category is EEGWarning], "said in the report, not beside it"
    features, texts = fitted_in_silence(embedder, raw)
    kept = [channel.name for channel in report.channels if channel.kept]
    assert kept == embedder.ch_names_in_
    places = {row["channel"]: row["electrodes"] for row in embedder.electrode_report_}
    assert [c.place for c in report.channels][:3] == [places[name][0] for name in kept[:3]]
    assert report.channels[3].place == "unknown"
    assert [c.name for c in report.channels if not c.kept] == ["EKG"]
    assert report.n_windows == len(features) == 8
    assert report.n_tokens == 8 * 4 * 4
    assert set(report.notes) == set(texts)


def test_inspect__a_recording__rate_filters_and_annotations_are_its_own(raw, embedder):
    report = inspect_recording(raw, embedder)
    assert (report.kind, report.sfreq, report.duration) == ("recording", 250, 31)
    assert report.header_filters == {"highpass": None, "lowpass": 30}
    left = {"l_freq": 1, "h_freq": None, "notch": 50, "reference": "average"}
    assert report.filters_to_apply == left, "30 Hz are stricter than 40"
    assert report.annotations == {"BAD_move": 1, "stimulus": 1}


def test_inspect__amplitude_and_offset__are_those_of_windows_before_filters(raw, embedder):
    report = inspect_recording(raw, embedder)
    resampled = raw.copy().resample(200, npad="auto", verbose="error")
    microvolts = 1e6 * resampled.get_data()
    starts = [0, 3, 6, 13, 16, 19, 22, 25]
    windows = np.stack([microvolts[:4, s * 200 : (s + 4) * 200] for s in starts])
    shown = [(c.amplitude, c.offset) for c in report.channels if c.kept]
    expected = np.median([windows.std(axis=-1), windows.mean(axis=-1)], axis=1).T
    np.testing.assert_allclose(shown, expected, rtol=0.03, atol=1)


def test_inspect__text__shows_every_channel_and_fits_the_width(raw, embedder):
    text = str(inspect_recording(raw, embedder))
    assert max(map(len, text.splitlines())) <= 100
    assert all(name in text for name in NAMES)
    assert "8 of 4 s each" in text
    assert "high-pass 1 Hz, mains of 50 Hz removed, reference average" in text
    assert "900 uV" in text, "an offset far above the amplitude has its column"


def test_inspect__unused_seconds__are_those_of_no_window():
    info = mne.create_info(["C3", "C4"], 200, "eeg")
    raw = mne.io.RawArray(
        np.random.default_rng(0).normal(size=(2, 200 * 29)) * 1e-5, info, verbose="error"
    )
    raw.set_annotations(mne.Annotations([21.5], [0.1], ["BAD_blink"]))
    for window, overlap, unused in ((10, 0, 9), (10, 5, 9), (4, 1, 6), (21, 0, 8)):
        embedder = BrainRVQEmbedder(**TINY, window=window, overlap=overlap)
        report = inspect_recording(raw, embedder)
        is_used = np.zeros(29 * 200, dtype=bool)
        for start in window_starts(raw, window, overlap):
            is_used[round(start * 200) : round((start + window) * 200)] = True
        assert report.unused == pytest.approx((~is_used).sum() / 200)
        assert report.unused == pytest.approx(unused)


def test_inspect__epochs_and_arrays__are_told_apart(raw):
    epochs = mne.make_fixed_length_epochs(raw, 3, preload=True, verbose="error")
    report = inspect_recording(epochs, BrainRVQEmbedder(**TINY))
    assert (report.kind, report.n_windows, report.window) == ("epochs", len(epochs), 3)
    X = np.random.default_rng(0).normal(scale=20, size=(6, 2, 500))
    report = inspect_recording(X, BrainRVQEmbedder(**TINY, sfreq=250, ch_names=["C3", "C4"]))
    assert (report.kind, report.n_windows, report.sfreq, report.duration) == ("array", 6, 250, 12)
    assert report.n_tokens == 6 * 2 * 2


def test_inspect__a_list_with_a_broken_file__goes_on_and_says_why(raw, tmp_path):
    (tmp_path / "broken.edf").write_bytes(b"nothing that MNE reads")
    reports = inspect_recording([tmp_path / "broken.edf", raw], BrainRVQEmbedder(**TINY))
    assert isinstance(reports, RecordingReports)
    assert "broken.edf" in reports[0].error
    assert reports[0].n_windows == 0
    assert reports[1].error is None
    assert "1 of 2 recordings can be used" in str(reports)
    assert json.loads(json.dumps([report.as_dict() for report in reports]))[1]["n_windows"] == 2


def test_inspect__several_recordings__repeat_only_what_differs(raw):
    longer = mne.concatenate_raws([raw.copy(), raw.copy()], verbose="error")
    longer.apply_function(lambda x: 2 * x, picks=["Cz"])
    fewer = raw.copy().pick(["Fp1", "T3"])
    embedder = BrainRVQEmbedder(**TINY, window=4)
    reports = inspect_recording([raw, fewer, longer, raw], embedder)
    full, other, short, same = (reports.page(number) for number in range(4))
    assert (full, other) == (str(reports[0]), str(reports[1])), "their channels are new"
    assert short.splitlines()[1].split() == ["as", "RawArray,", "number", "1,", "except:"]
    facts = {line.split()[0]: line for line in short.split("\n\n")[0].splitlines()[2:]}
    assert {"recording", "windows", "tokens", "amplitude", "offset"} <= facts.keys()
    assert not {"header", "filters", "channels", "channel", "left"} & facts.keys()
    shown = " ".join(short.split())
    for channel in reports[2].channels[:4]:
        assert f"{channel.name} {channel.amplitude:.1f} uV" in shown
    labels = [line.split()[0] for line in same.splitlines()[2:]]
    assert set(labels) - {"expected"} == {"amplitude", "offset"}
    assert str(reports).startswith("\n\n".join([full, other, short, same]))


def test_inspect__warnings_of_one_recording__are_not_taken_for_those_of_another():
    said, silent = (
        RecordingReport("a.edf", kind="recording", notes=notes) for notes in (["Be careful."], [])
    )
    assert "Be careful." in said.compared_with(silent, "b.edf")
    assert silent.compared_with(said, "a.edf").splitlines()[-1].split() == ["warnings", "none"]
    assert "careful" not in said.compared_with(said, "a.edf")


def test_inspect__embedder_that_centres__needs_a_subject_and_no_more(raw, embedder):
    centring = clone(embedder).set_params(center_by="subject")
    assert "the subjects of the windows are unknown" in inspect_recording(raw, centring).error
    known = raw.copy()
    known.info["subject_info"] = {"his_id": "ada"}
    report = inspect_recording(known, centring)
    assert report.error is None
    assert report.expected_seconds > 0


def test_inspect__estimator_and_fit__stay_as_they_were(raw):
    embedder = BrainRVQEmbedder(**TINY, window=3)
    before = embedder.get_params()
    inspect_recording(raw, embedder)
    assert not hasattr(embedder, "net_")
    assert embedder.get_params() == before


def test_inspect__what_it_cannot_look_at__is_refused():
    X = np.zeros((2, 2, 400))
    with pytest.raises(InvalidEEGError, match="expected a BrainRVQEmbedder"):
        inspect_recording(X, object())


def test_inspect__microvolts_divided_by_a_million__do_not_look_flat(raw, embedder):
    small = raw.copy().apply_function(lambda x: x * 1e-6, picks="all")
    text = str(inspect_recording(small, embedder))
    assert " 0.0 uV" not in text
    assert "e-05 uV" in text
