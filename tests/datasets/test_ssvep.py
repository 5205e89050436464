"""SSVEP exoskeleton: FIF files with lists of events beside them."""

import mne
import numpy as np
import pytest
from written_files import amplitudes, expected_window, signals_of

from sk_brainrvq.datasets import BENCHMARK_SPLITS, SSVEPExoskeleton
from sk_brainrvq.datasets._protocols.downloads import packaged_sums

NAMES = SSVEPExoskeleton.ch_names
CODES = (1, 1, 2, 3, 4, 2)
LEAKED = "2012.07.11-15.33.08"


def write_session(folder, subject, date, names=NAMES, scale=1e-3, codes=CODES, sfreq=256):
    """As published: values are volts times a thousand, cues in a separate file."""
    place = folder / f"subject{subject:02d}"
    place.mkdir(parents=True, exist_ok=True)
    signals = amplitudes(names)[:, None] / amplitudes(NAMES)[0] * signals_of(names[:1], 60, sfreq)
    raw = mne.io.RawArray(scale * signals, mne.create_info(list(names), sfreq, "eeg"), verbose=0)
    path = place / f"record-[{date}]_raw.fif"
    raw.save(path, overwrite=True, verbose="error")
    samples = 1000 + 1664 * np.arange(len(codes))
    events = np.column_stack([samples, 0 * samples, codes])
    mne.write_events(
        path.with_name(f"record-[{date}]-eve.fif"), events, overwrite=True, verbose="error"
    )
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssvep")
    write_session(folder, 3, LEAKED)
    write_session(folder, 7, LEAKED)
    write_session(folder, 7, "2012.07.18-09.15.30", names=NAMES[::-1])
    write_session(folder, 8, "2013.04.06-16.22.32")
    return folder


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_load__codes_and_cues__classes_by_frequency_two_seconds_after_the_cue(folder):
    windows = SSVEPExoskeleton().load(folder, [3])
    assert windows.classes == ("rest", "13 Hz", "17 Hz", "21 Hz")
    # Codes 3 and 4 are 21 and 17 Hz.
    assert windows.y.tolist() == [0, 0, 1, 3, 2, 1]
    assert windows.X.shape == (6, 8, 400)
    np.testing.assert_allclose(windows.onsets, (1000 + 1664 * np.arange(6)) / 256 + 2)
    for row in range(6):
        start = np.round(windows.onsets[row] * 200) / 200
        expected = amplitudes(NAMES)[:, None] * expected_window(start, 400)
        np.testing.assert_allclose(windows.X[row], expected, atol=0.2)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_recordings__filed_under_two_people_or_failed__left_out_with_reasons(folder):
    protocol = SSVEPExoskeleton()
    found = [(r.subject, r.split, r.path.name[8:27]) for r in protocol.recordings(folder)]
    assert found == [(3, "train", LEAKED), (7, "validation", "2012.07.18-09.15.30")]
    reasons = protocol.left_out()
    assert len(reasons) == 6
    assert "identical to the recording of subject 3" in reasons[f"subject07/record-[{LEAKED}]"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_load__channels_in_another_order__matched_by_name(folder):
    windows = SSVEPExoskeleton().load(folder, [7])
    ratio = windows.X.std((0, 2)) / amplitudes(NAMES)[::-1]
    np.testing.assert_allclose(ratio / ratio[0], 1, rtol=1e-2)


def test_load__bad_files__errors_say_what_is_wrong(tmp_path):
    def refused(error, match):
        with pytest.raises(error, match=match):
            SSVEPExoskeleton().load(tmp_path, [1])

    def write(**changes):
        return write_session(tmp_path, 1, "2012.07.06-19.02.16", **changes)

    path = write()
    events = path.with_name(path.name.replace("_raw", "-eve"))
    events.unlink()
    refused(FileNotFoundError, r"-eve\.fif is missing; it holds the events of record")
    write(codes=(1, 2, 5))
    refused(ValueError, r"holds the codes \[5\]; expected some of \[1, 2, 3, 4\]")
    write(names=("Oz", "O1", "O2", "PO3", "POz"))
    refused(ValueError, r"lacks the channels \['PO7', 'PO8', 'PO4'\]")
    write(scale=1e-6)
    refused(ValueError, r"standard deviation of 0\.01\d* microvolts .*other units")
    write(sfreq=512)
    refused(ValueError, "is at 512 Hz; expected 256 Hz")
    path.write_bytes(path.read_bytes()[:5000])
    refused(ValueError, "cannot be read as a FIF recording")


def test_pinned_files__package__recordings_with_their_events_of_all_people():
    blobs = packaged_sums("ssvep_git_sha1.txt")
    raws = {name[:-8] for name in blobs if name.endswith("_raw.fif")}
    events = {name[:-8] for name in blobs if name.endswith("-eve.fif")}
    assert raws == events
    assert {int(name[7:9]) for name in raws} == set(SSVEPExoskeleton.all_subjects)
    assert {*SSVEPExoskeleton().left_out()} <= raws
    assert BENCHMARK_SPLITS["ssvep"].develop == SSVEPExoskeleton.subjects_by_split[0]
